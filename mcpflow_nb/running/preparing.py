"""A step before its call: each argument resolved with its origin, what is missing, why it cannot be sent. Calls nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mcpflow_nb.connecting.connections import Connection
from mcpflow_nb.connecting.fetching import before_call, known_uri
from mcpflow_nb.errors import MissingValueError, NotJsonError, ServerError
from mcpflow_nb.exact import dumps
from mcpflow_nb.masking import KNOWN, MASK
from mcpflow_nb.mocking.faults import Failure
from mcpflow_nb.records.covering import without
from mcpflow_nb.records.record import Passed, Record, SourceWord
from mcpflow_nb.show import Shown
from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.tools.declared import refusal
from mcpflow_nb.values import ABSENT, filled, jsonable, text_of
from mcpflow_nb.workflows.sources import KEY, Scope
from mcpflow_nb.workflows.steps import WorkflowStep


@dataclass(frozen=True)
class NextCall(Shown):
    """The call that comes next: every argument resolved with its origin, and what is missing.

    `missing` are required parameters that have no value: the step will hand off. `problem` is why it cannot be sent.
    `fails` says what goes wrong with it on its mock, as `run.fail` told.
    """

    step: str
    tool: str | None
    server: str | None
    source: SourceWord | None
    arguments: tuple[Passed, ...] = ()
    missing: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    guidance: str | None = None
    problem: str | None = None
    fails: str | None = None
    resources: tuple[str, ...] = ()
    """The URIs that are fetched first, filled as far as they can be."""

    __repr__ = Shown.__repr__

    @property
    def sent(self) -> dict[str, Any]:
        """The arguments by name."""
        return {passed.name: passed.value for passed in self.arguments}

    @property
    def asked(self) -> dict[str, Any]:
        """What decides whether an earlier result still holds: the arguments, or the URIs of a step without a tool."""
        if self.tool is None:
            return {"resources": list(self.resources)}
        return {passed.name: passed.value for passed in self.arguments if passed.origin != KEY}


class Ready(NamedTuple):
    """A step with all that its call needs. `is_answered`: the client gave what a handoff asked for.

    `attempt` is the number of its next call, `before` how many were made before this round of them.
    `is_again`: what comes before its call was done, and is not repeated. `approved` is the digest of the call that a
    person allowed.
    """

    plan: WorkflowStep
    call: NextCall
    scope: Scope
    servers: Any
    is_answered: bool = False
    connection: Connection | None = None
    tool: Tool | None = None
    failure: Failure | None = None
    pin: Tool | None = None
    attempt: int = 1
    before: int = 0
    is_again: bool = False
    approved: str | None = None

    @property
    def needs_approval(self) -> bool:
        """Whether a person must allow this very call first."""
        return self.plan.approve and self.approved != digest_of(self.call)


def ready(
    step: WorkflowStep, scope: Scope, servers: Any, given: Mapping[str, Passed] | None = None, *,
    failure: Failure | None = None, pin: Tool | None = None, **more: Any,
) -> Ready:  # fmt: skip
    """Resolve a step against what has run so far; calls nothing, and puts every problem into the answer.

    `given` are arguments that take the place of the workflow's own, each with its origin; `pin` is the tool as it must
    still be declared, and `more` what else a `Ready` says.
    """
    guidance = filled(step.guidance, dict(scope.arguments)) if step.guidance else None
    uris = tuple(known_uri(uri, step.template, scope) for uri in before_call(step)) if step.resources else ()
    if step.tool is None:
        call = NextCall(step.name, None, step.server, None, guidance=guidance, resources=uris)
        return Ready(step, call, scope, servers, **more)
    try:
        connection, tool = servers.find(step.tool, step.server)
    except ServerError as error:
        gone = f"{refusal(pin, None)}; " if pin is not None else ""
        call = NextCall(
            step.name, step.tool, step.server, None, guidance=guidance, problem=f"{gone}{error}", resources=uris
        )  # fmt: skip
        return Ready(step, call, scope, servers, **more)
    arguments, problem = _resolved(step, scope, given or {}, is_sent=connection.source != "recorded")
    if step.secret:
        without({passed.name: passed.value for passed in arguments}, step.secret)  # known from here on
    problem = (refusal(pin, tool) if pin is not None else None) or problem
    there = {passed.name for passed in arguments}
    missing = () if problem else tuple(name for name in tool.required if name not in there)
    call = NextCall(
        step.name, tool.name, connection.name, connection.source, arguments, missing, tool.effects, guidance, problem,
        failure.said if failure is not None else None, uris,
    )  # fmt: skip
    return Ready(
        step, call, scope, servers, connection=connection, tool=tool, failure=failure, pin=pin, **more
    )  # fmt: skip


def digest_of(call: NextCall | Record) -> str:
    """Return the hash of what a person allows: server, tool and arguments."""
    return hashlib.sha256(dumps([call.server, call.tool, call.sent]).encode()).hexdigest()


def _resolved(
    step: WorkflowStep, scope: Scope, given: Mapping[str, Passed], *, is_sent: bool
) -> tuple[tuple[Passed, ...], str | None]:
    passed: list[Passed] = []
    for name, source in step.args.items():
        if name in given:
            continue
        try:
            value = source.resolve(scope)
            if value is ABSENT:
                continue
            passed.append(Passed(name, jsonable(value), source.label))
            if KNOWN.values and is_sent and not source.variables and source.reads and MASK in text_of(passed[-1].value):
                again = f"give it again: run.edit({step.name!r}, {name}=...), or with mf.env"
                return tuple(passed), f"argument {name!r}: {source.label} has dots in the place of a secret; {again}"
        except (MissingValueError, NotJsonError) as error:
            return tuple(passed), f"argument {name!r}: {error}"
    return (*passed, *given.values()), None

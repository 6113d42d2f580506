"""One step: look ahead, call, and write down what happened. Keeps no state of its own.

The order of a step: guidance, arguments, are the tool's required parameters all there (else handoff), the call,
the value, the binding.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mcpflow_nb.calls import Answer, Progress
from mcpflow_nb.catalog import Tool
from mcpflow_nb.connections import Connection
from mcpflow_nb.errors import MissingValueError, NotJsonError, ServerError
from mcpflow_nb.results import text_of_content, value_of
from mcpflow_nb.show import Shown
from mcpflow_nb.sources import Scope
from mcpflow_nb.trace import Passed, Record, SourceWord, Status
from mcpflow_nb.values import ABSENT, filled, jsonable
from mcpflow_nb.workflow import WorkflowStep


@dataclass(frozen=True)
class NextCall(Shown):
    """The call that comes next: every argument resolved with its origin, and what is missing.

    `missing` are required parameters that have no value: the step will hand off. `problem` is why it cannot be sent.
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

    __repr__ = Shown.__repr__

    @property
    def sent(self) -> dict[str, Any]:
        """The arguments by name."""
        return {passed.name: passed.value for passed in self.arguments}


@dataclass(frozen=True)
class Ready:
    """A step with all that its call needs."""

    plan: WorkflowStep
    call: NextCall
    connection: Connection | None = None
    tool: Tool | None = None


def ready(step: WorkflowStep, scope: Scope, servers: Any) -> Ready:
    """Resolve a step against what has run so far; calls nothing, and puts every problem into the answer."""
    guidance = filled(step.guidance, dict(scope.arguments)) if step.guidance else None
    if step.tool is None:
        return Ready(step, NextCall(step.name, None, step.server, None, guidance=guidance))
    try:
        connection, tool = servers.find(step.tool, step.server)
    except ServerError as error:
        call = NextCall(step.name, step.tool, step.server, None, guidance=guidance, problem=str(error))
        return Ready(step, call)
    arguments, problem = _resolved(step, scope)
    given = {passed.name for passed in arguments}
    missing = () if problem else tuple(name for name in tool.required if name not in given)
    call = NextCall(
        step.name, tool.name, connection.name, connection.source, arguments, missing, tool.effects, guidance, problem
    )
    return Ready(step, call, connection, tool)


def _resolved(step: WorkflowStep, scope: Scope) -> tuple[tuple[Passed, ...], str | None]:
    passed = []
    for name, source in step.args.items():
        try:
            value = source.resolve(scope)
            if value is not ABSENT:
                passed.append(Passed(name, jsonable(value), source.label))
        except (MissingValueError, NotJsonError) as error:
            return tuple(passed), f"argument {name!r}: {error}"
    return tuple(passed), None


async def perform(ready: Ready, attempt: int = 1, progress: Progress | None = None) -> Record:
    """Call a step that is ready and return its record; only cancelling raises."""
    step, call = ready.plan, ready.call
    if call.problem is not None:
        return record(ready, "not_sent", error=call.problem, attempt=attempt)
    if ready.connection is None or ready.tool is None:
        return record(
            ready,
            "skipped",
            error="a step without a tool calls nothing; its resources are not fetched yet",
            attempt=attempt,
        )
    if step.handoff or call.missing:
        return record(ready, "handoff", error=_why_handoff(ready), attempt=attempt)
    started, clock = datetime.now(UTC), time.perf_counter()
    answer = await ready.connection.call(ready.tool.name, call.sent, step.timeout, progress)
    times = {"started": started, "seconds": time.perf_counter() - clock, "attempt": attempt}
    if answer.status == "ok" and answer.raw is not None:
        return _answered(ready, answer, times)
    said = answer.error or text_of_content(answer.raw or {}) or "the tool reports an error without a word"
    return record(ready, answer.status, raw=answer.raw, error=said, **times)


def _answered(ready: Ready, answer: Answer, times: dict[str, Any]) -> Record:
    raw, tool = answer.raw or {}, ready.tool
    if tool is None:
        raise TypeError("a step that was answered has a tool")
    try:
        refusal = tool.output_refusal(raw)
        value, rule = value_of(raw, tool, ready.plan.parse)
    except ValueError as error:
        return record(ready, "invalid_output", raw=raw, error=f"it ran, but its text is no JSON: {error}", **times)
    if refusal is not None:
        return record(ready, "invalid_output", raw=raw, value=value, rule=rule,
                      error=f"it ran, but its output breaks its own schema: {refusal}", **times)  # fmt: skip
    return record(ready, "ok", raw=raw, value=value, rule=rule, binding=ready.plan.binding, **times)


def _why_handoff(ready: Ready) -> str:
    missing = ", ".join(repr(name) for name in ready.call.missing)
    why = (
        f"no value for {missing} of {ready.call.server}.{ready.call.tool}" if missing else "the step says handoff=True"
    )
    return f"the client takes over: {why}"


def record(ready: Ready, status: Status, **more: Any) -> Record:
    """Return the record of a step with a status."""
    call = ready.call
    return Record(
        step=call.step, server=call.server, tool=call.tool, status=status, source=call.source,
        arguments=call.arguments, missing=call.missing, guidance=call.guidance, **more,
    )  # fmt: skip

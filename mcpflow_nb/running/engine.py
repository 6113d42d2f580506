"""One step: call, and write down what happened. Keeps no state of its own; what it begins with is made in `preparing.py`.

The order of a step: guidance, resources that read no output, are the tool's required parameters all there (else
handoff), the call, the value, the binding, resources that read an output.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol

from mcpflow_nb.connecting.calls import FAIL, Answer, Progress
from mcpflow_nb.connecting.connections import Connection
from mcpflow_nb.connecting.fetching import after_call, before_call, before_handoff, fetch
from mcpflow_nb.errors import MissingValueError, NotJsonError
from mcpflow_nb.masking import secret_texts
from mcpflow_nb.records.covering import covered
from mcpflow_nb.records.messages import called
from mcpflow_nb.records.record import Fetched, Record, Status
from mcpflow_nb.running.preparing import NextCall, Ready
from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.tools.results import text_of_content, value_of
from mcpflow_nb.values import copied, jsonable
from mcpflow_nb.workflows.refusing import refused_by
from mcpflow_nb.workflows.sources import Scope
from mcpflow_nb.workflows.steps import WorkflowStep

KEY_META: Final = "mcpflow/idempotency-key"
"""The key in a call's `_meta` with what names its effect, the same at every attempt."""


class Intend(Protocol):
    """What is done before a call is sent."""

    def __call__(self, now: Ready, attempt: int, /) -> Awaitable[str | None]:
        """Return why the call must not be sent, or None."""


@dataclass
class Doing:
    """How far a step has come, for whoever interrupts it."""

    resources: list[Fetched] = field(default_factory=list)
    sent: datetime | None = None
    made: Record | None = None
    answer: Answer | None = None

    @property
    def failed(self) -> str | None:
        """Why the last resource could not be fetched; None where it could."""
        return self.resources[-1].error if self.resources else None


async def perform(
    ready: Ready, doing: Doing, attempt: int = 1, progress: Progress | None = None, intend: Intend | None = None
) -> Record:
    """Run a step that is ready and return its record; only cancelling raises, and then `interrupted` has the record.

    `intend` writes down what will be sent, and says why it must not be, if so; the call then carries its key.
    """
    step, call = ready.plan, ready.call
    if call.problem is not None:
        return record(ready, doing, "not_sent", error=call.problem, attempt=attempt)
    started = datetime.now(UTC)
    if step.resources and not ready.is_answered and not ready.is_again:
        await fetch(step, before_call(step), ready.scope, ready.servers, doing.resources)
    if ready.connection is None or ready.tool is None:  # it has resources alone
        status: Status = "resource_error" if doing.failed else "ok"
        return record(ready, doing, status, error=doing.failed, started=started, attempt=attempt)
    if doing.failed:
        return record(ready, doing, "not_sent", error=doing.failed, attempt=attempt)
    if call.missing or (step.handoff and not ready.is_answered):
        return await _left_to_others(ready, doing, attempt, "handoff", _why_handoff(ready))
    if ready.needs_approval:
        return await _left_to_others(ready, doing, attempt, "waiting", _why_waiting(ready))
    meta: dict[str, Any] = {FAIL: ready.failure.asked} if ready.failure is not None else {}
    async with ready.connection.turns:  # before the intent: the time in it is that of the call
        if intend is not None:
            if (problem := await intend(ready, attempt)) is not None:
                return record(ready, doing, "not_sent", error=problem, attempt=attempt)
            meta[KEY_META] = ready.scope.key
        doing.sent = datetime.now(UTC)
        doing.made = made = await _called(ready, doing, ready.connection, ready.tool, attempt, progress, meta)
    return await _with_later_resources(ready, doing, made) if made.status == "ok" and step.resources else made


async def _left_to_others(ready: Ready, doing: Doing, attempt: int, status: Status, why: str) -> Record:
    step = ready.plan
    if not ready.is_answered:
        await fetch(step, before_handoff(step), ready.scope, ready.servers, doing.resources)
    if doing.failed:
        return record(ready, doing, "not_sent", error=doing.failed, attempt=attempt)
    return record(ready, doing, status, error=why, attempt=attempt)


async def _called(
    ready: Ready, doing: Doing, connection: Connection, tool: Tool, attempt: int, progress: Progress | None,
    meta: dict[str, Any],
) -> Record:  # fmt: skip
    try:
        sent = _revealed(ready)
    except (MissingValueError, NotJsonError) as error:
        return record(ready, doing, "not_sent", error=str(error), attempt=attempt)
    started, clock = doing.sent, time.perf_counter()
    answer = await connection.call(tool.name, sent, ready.plan.timeout, progress, meta or None, ready.pin)
    doing.answer = answer
    when = (started, time.perf_counter() - clock) if answer.status != "not_sent" else (None, 0.0)
    with_status = partial(
        record, ready, doing, attempt=attempt, raw=answer.raw, started=when[0], seconds=when[1],
        protocol_error=answer.protocol_error,
    )  # fmt: skip
    if answer.status == "ok" and answer.raw is not None:
        made = await _answered(ready.plan, tool, answer.raw, with_status)
        if ready.plan.secret:
            covered(made, ready.plan.secret)  # known from here on
        return made
    said = answer.error or text_of_content(answer.raw or {}) or "the tool reports an error without a word"
    return with_status(answer.status, error=said)


def _revealed(ready: Ready) -> dict[str, Any]:
    """Return the arguments as they are sent: with the values of secrets, which no record has."""
    sent = ready.call.sent
    for passed in ready.call.arguments:
        source = ready.plan.args.get(passed.name)
        if source is not None and source.variables and passed.origin == source.label:
            sent[passed.name] = secret_texts(jsonable(source.resolve(ready.scope._replace(reveals=True))))
    return sent


async def _answered(step: WorkflowStep, tool: Tool, raw: dict[str, Any], with_status: Callable[..., Record]) -> Record:
    try:
        refusal, unchecked = await tool.output_judged_aside(raw)
        value, rule = value_of(raw, tool, step.parse)
        rule += f", unchecked: {unchecked}" if unchecked else ""
        value = copied(value)  # so that `raw` stays what came, whatever a reader does with the value
    except ValueError as error:
        return with_status("invalid_output", error=f"it ran, but its text is no JSON: {error}")
    except RecursionError:
        return with_status("invalid_output", raw=None, error="it ran, but its output is nested too deep to keep")
    if refusal is not None:
        said = f"it ran, but its output breaks its own schema: {refusal}"
        return with_status("invalid_output", value=value, rule=rule, error=said)
    if (failed := refused_by(step.fail_if, value)) is not None:
        return with_status(
            "tool_error", value=value, rule=rule, error=f"it ran, and its output says it failed: {failed}"
        )
    return with_status("ok", value=value, rule=rule, binding=step.binding)


async def _with_later_resources(ready: Ready, doing: Doing, made: Record) -> Record:
    step = ready.plan
    bindings = {**ready.scope.bindings, **({step.binding: made.value} if step.binding is not None else {})}
    scope = Scope(ready.scope.arguments, bindings)
    waiting = [uri for uri in after_call(step) if not ready.is_answered or uri not in before_handoff(step)]
    await fetch(step, waiting, scope, ready.servers, doing.resources, after=True)
    made = replace(made, resources=tuple(doing.resources))
    return replace(made, status="resource_error", error=f"the tool ran, but {doing.failed}") if doing.failed else made


def _why_handoff(ready: Ready) -> str:
    missing = ", ".join(repr(name) for name in ready.call.missing)
    lack = f"no value for {missing} of {called(ready.call.server, ready.call.tool)}"
    return f"{lack if missing else 'the step says handoff=True'}: the client takes over"


def _why_waiting(ready: Ready) -> str:
    return f"a person must allow {called(ready.call.server, ready.call.tool)} with these arguments; nothing was sent"


def interrupted(ready: Ready, doing: Doing, attempt: int = 1) -> Record:
    """Return the record of a step that was interrupted, with all that had happened by then."""
    if doing.made is not None:
        said = "interrupted while its resources were fetched; the tool had run"
        return replace(doing.made, status="resource_error", error=said, resources=tuple(doing.resources))
    if doing.sent is None:
        reading = f"while {doing.resources[-1].uri!r} was read" if doing.failed else "before it began"
        said = f"interrupted {reading}" + ("; nothing was sent to its tool" if ready.tool else "")
        return record(ready, doing, "cancelled", error=said, attempt=attempt)
    where, tool = ready.connection, ready.tool
    harmless = where is not None and tool is not None and where.may_repeat(tool, ready.plan.repeat)
    words = "interrupted while it was running" + ("" if harmless else "; it may have run")
    status: Status = "cancelled" if harmless else "unknown"
    return record(ready, doing, status, error=words, started=doing.sent, attempt=attempt)


def pinned_record(call: NextCall, step: WorkflowStep, value: Any) -> Record:
    """Return the record of a step whose value was given by hand."""
    return Record(
        step=call.step, server=call.server, tool=call.tool, status="ok", source="pinned", arguments=call.arguments,
        value=value, binding=step.binding, rule="given by hand",
    )  # fmt: skip


def record(ready: Ready, doing: Doing, status: Status, **more: Any) -> Record:
    """Return the record of a step with a status; what was said at a handoff is not said again when it is answered."""
    call, guidance = ready.call, None if ready.is_answered or ready.is_again else ready.call.guidance
    return Record(
        step=call.step, server=call.server, tool=call.tool, status=status, source=call.source,
        arguments=call.arguments, missing=call.missing, guidance=guidance, resources=tuple(doing.resources), **more,
    )  # fmt: skip

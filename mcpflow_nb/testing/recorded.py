"""What of a run a test on mocks repeats: the replies of each tool, the calls in order, what the client and a person did."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise, takewhile
from typing import Any, Final, Literal

from mcpflow_nb.errors import MissingValueError, RunError, ServerError, listed
from mcpflow_nb.masking import KNOWN, MASK
from mcpflow_nb.records.differences import changes
from mcpflow_nb.records.record import ANSWER, Fetched, Record
from mcpflow_nb.testing.placeholders import Placeholders
from mcpflow_nb.values import ABSENT
from mcpflow_nb.views.plain import full_name
from mcpflow_nb.workflows.sources import Scope, Source
from mcpflow_nb.workflows.steps import WorkflowStep

REPEATED: Final = ("ok", "tool_error", "resource_error", "not_sent", "handoff", "waiting")
LEFT: Final = ("handoff", "waiting")
"""Statuses of a step that was left to the client, or to a person."""
UNDONE: Final = ("undone", "undo_failed")
CALLED: Final = ("ok", "tool_error", "resource_error")
"""Statuses of a step whose tool was called; a resource that fails before the call makes it `not_sent`."""
NOT_CALLED: Final = "it was not called when this was recorded"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a mock gives for one call or resource: a value, or the words of an error."""

    value: Any = None
    error: str | None = None


@dataclass
class Recorded:
    """A run as a test repeats it; tools, schemas and resources by server, `undone` are the steps as they were taken back."""

    records: list[Record]
    undone: tuple[Record, ...] = ()
    tools: dict[str, dict[str, list[Reply]]] = field(default_factory=dict)
    schemas: dict[str, dict[str, Any]] = field(default_factory=dict)
    resources: dict[str, dict[str, Reply]] = field(default_factory=dict)

    @property
    def order(self) -> list[str]:
        """The steps as they ran."""
        return [record.step for record in self.records]

    @property
    def calls(self) -> Counter[str]:
        """How often each tool was called."""
        called = (record for record in self.records if record.status in CALLED and record.tool)
        return Counter(full_name(record.server, record.tool) for record in called)

    @property
    def acts(self) -> list[tuple[Literal["answer", "approve"], Any]]:
        """What was done where the run had stopped, in order: a handoff answered with arguments, a step approved."""
        done: list[tuple[Literal["answer", "approve"], Any]] = []
        for left, record in pairwise(self.records):
            if left.step == record.step and left.status == "handoff":
                done.append(("answer", {one.name: one.value for one in record.arguments if one.origin == ANSWER}))
            elif left.step == record.step and left.status == "waiting":
                done.append(("approve", record.step))
        return done

    @property
    def position(self) -> int:
        """How many steps were begun."""
        return len({record.step for record in self.records})

    @property
    def servers(self) -> list[str]:
        """The servers, in the order of their first use."""
        return list(dict.fromkeys([*self.tools, *self.resources]))


def recorded(run: Any, where: str, secrets: Placeholders) -> Recorded:
    """Return what a test repeats of a run, with placeholders for what is shown as dots in its outputs and answers.

    Raises
    ------
    RunError
        When something in it was done by hand, or its end was not an answer of a server.
    """
    story = Recorded([one for step in run.workflow.steps for one in _last(step, run.trace)], run.trace.undone.records)
    if not story.records:
        raise RunError(f"{where}: no step of this run has run; run.all() first")
    _require_repeatable(run, story, where)
    _require_undone_once(run, story, where)
    story.records = [_uncovered(record, secrets) for record in story.records]
    story.undone = tuple(_uncovered(record, secrets) for record in story.undone)
    for record in story.records:
        _keep(story, run.workflow[record.step], record)
    for record in story.undone:
        _reply(story, record, record.value)
    for server, tool in _beside(run):
        story.tools.setdefault(server, {}).setdefault(tool, [Reply(error=NOT_CALLED)])
    for line in run.trace.outline.plan:
        if line.server is not None and line.tool is not None:
            story.tools.setdefault(line.server, {}).setdefault(line.tool, [Reply(error=NOT_CALLED)])
    return story


def _last(step: WorkflowStep, trace: Iterable[Record]) -> list[Record]:
    """Return the last record of a step, after the handoff that it answers and the waiting that a person ended.

    Where it failed for good, what failed before it by `retry=` comes before it: it will be called as often again.
    """
    records = [record for record in trace if record.step == step.name]
    found, retry = records[-1:], step.retry
    if retry is not None and found and found[0].status in retry.on:
        tries = takewhile(lambda one: one.status in retry.on, records[: -retry.attempts - 1 : -1])
        found = list(tries)
    is_answered = step.handoff or any(one.origin == ANSWER for last in found for one in last.arguments)
    for record in records[: len(records) - len(found)][::-1]:
        if record.status == "ok":
            break
        is_left = record.status == "waiting" or (record.status == "handoff" and is_answered)
        if is_left and record.status not in [one.status for one in found]:
            found.append(record)
    return found[::-1]


def _uncovered(record: Record, secrets: Placeholders) -> Record:
    arguments = tuple(
        replace(one, value=secrets.uncovered(one.value)) if one.origin == ANSWER else one for one in record.arguments
    )
    return replace(record, arguments=arguments, value=secrets.uncovered(record.value))


def _beside(run: Any) -> Iterator[tuple[str, str]]:
    """Give server and tool of each check and undo of the workflow, which a mock must offer as well."""
    for step in run.workflow.steps:
        for call in filter(None, (step.check, step.undo)):
            with suppress(ServerError):  # gone since: the check of the workflow says so
                found = run.servers.find(call.tool, call.server)
                yield found.connection.name, found.tool.name


def _keep(story: Recorded, step: WorkflowStep, record: Record) -> None:
    if record.server is not None and record.tool is not None:
        if record.status in CALLED:
            _reply(
                story, record, json.dumps(record.value, ensure_ascii=False) if step.parse == "json" else record.value
            )
        if record.missing:
            schema = {"type": "object", "required": list(record.missing)}
            story.schemas.setdefault(record.server, {})[record.tool] = schema
    for one in record.resources:
        if one.server is not None:
            story.resources.setdefault(one.server, {})[one.uri] = _read(one)


def _reply(story: Recorded, record: Record, value: Any) -> None:
    if record.server is not None and record.tool is not None and record.status in CALLED:
        reply = Reply(error=record.error or "it failed") if record.status == "tool_error" else Reply(value)
        story.tools.setdefault(record.server, {}).setdefault(record.tool, []).append(reply)


def _read(one: Fetched) -> Reply:
    first: Mapping[str, Any] = one.contents[0] if one.contents else {"text": ""}
    if one.error is not None:
        return Reply(error=one.error)
    return Reply(base64.b64decode(first["blob"]) if "blob" in first else first.get("text", ""))


def _require_repeatable(run: Any, story: Recorded, where: str) -> None:
    bindings = {record.binding: record.value for record in story.records if record.binding is not None}
    scope = Scope(run.arguments, bindings)
    for record in story.records:
        at = f"{where}: step {record.step!r}"
        if record.source == "pinned" or record.status not in REPEATED:
            how = "its value was given by hand" if record.source == "pinned" else f"it ended {record.status}"
            raise RunError(f"{at}: {how}; a test repeats what a workflow does by itself")
        if any(MASK in one.uri for one in record.resources):
            raise RunError(f"{at}: a URI has a secret in it, and no mock may know it; begin a run without it")
        sources = run.workflow[record.step].args
        for passed in record.arguments:
            source = sources.get(passed.name)
            known = passed.origin == ANSWER or passed.name in run.workflow[record.step].secret
            if not known and not reads_key(source, scope) and not _gives(source, scope, passed.value):
                said = f"argument {passed.name!r} was {passed.origin}, and is not what the workflow gives"
                raise RunError(f"{at}, {said}; re-run it without that: run.rerun({record.step!r})")


def _require_undone_once(run: Any, story: Recorded, where: str) -> None:
    """Refuse what one `run.rollback()` does not repeat: an undo that was called again or settled, and steps after it."""
    if not story.undone:
        return
    names = [record.step for record in story.undone]
    is_plain = all(one.status == "ok" for one in story.undone[:-1]) and len(names) == len(set(names))
    is_known = all(one.source != "settled" and one.status in (*CALLED, "not_sent") for one in story.undone)
    if not (is_plain and is_known and run.outcome in UNDONE and run.parent is None):
        raise RunError(
            f"{where}: what was taken back ({listed(list(dict.fromkeys(names)))}) was not taken back by one run.rollback() "
            "at the end; begin a new run with workflow.start(...)"
        )


def reads_key(source: Source | None, scope: Scope) -> bool:
    """Tell whether a source is made with the idempotency key, which is another one in each run."""
    try:
        one, other = (source.resolve(scope._replace(key=key)) for key in ("1", "2")) if source is not None else (1, 1)
    except MissingValueError:
        return False
    return bool(one != other)


def _gives(source: Any, scope: Scope, value: Any) -> bool:
    try:
        found = source.resolve(scope) if source is not None else ABSENT
    except MissingValueError:
        return False
    return found is not ABSENT and not any(changes({"": KNOWN.by_value(found)}, {"": value}))

"""What of a run a test on mocks repeats: the replies of each tool, the calls in order, the client's answers."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mcpflow_nb.errors import MissingValueError, RunError
from mcpflow_nb.masking import KNOWN
from mcpflow_nb.records.differences import changes
from mcpflow_nb.records.record import ANSWER, Fetched, Record
from mcpflow_nb.values import ABSENT
from mcpflow_nb.views.plain import full_name
from mcpflow_nb.workflows.sources import Scope
from mcpflow_nb.workflows.steps import WorkflowStep

REPEATED: Final = ("ok", "tool_error", "resource_error", "not_sent", "handoff")
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
    """A run as a test repeats it; tools, schemas and resources by server."""

    records: list[Record]
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
    def answers(self) -> list[dict[str, Any]]:
        """What the client gave at each handoff that it answered."""
        given = [{one.name: one.value for one in record.arguments if one.origin == ANSWER} for record in self.records]
        return [
            answer for answer, record in zip(given, self.records, strict=True) if answer and record.status != "handoff"
        ]

    @property
    def position(self) -> int:
        """How many steps were done."""
        return sum(record.status != "handoff" for record in self.records)

    @property
    def servers(self) -> list[str]:
        """The servers, in the order of their first use."""
        return list(dict.fromkeys([*self.tools, *self.resources]))


def recorded(run: Any, where: str) -> Recorded:
    """Return what a test repeats of a run.

    Raises
    ------
    RunError
        When something in it was done by hand, or its end was not an answer of a server.
    """
    steps = {step.name: at for at, step in enumerate(run.workflow.steps)}
    latest = {record.step: record for record in run.trace if record.step in steps}
    story = Recorded([record for record in run.trace if _counts(record, latest)])
    story.records.sort(key=lambda record: steps[record.step])
    if not story.records:
        raise RunError(f"{where}: no step of this run has run; run.all() first")
    _require_repeatable(run, story, where)
    for record in story.records:
        _keep(story, run.workflow[record.step], record)
    for line in run.trace.outline.plan:
        if line.server is not None and line.tool is not None:
            story.tools.setdefault(line.server, {}).setdefault(line.tool, [Reply(error=NOT_CALLED)])
    return story


def _counts(record: Record, latest: Mapping[str, Record]) -> bool:
    """Tell whether a record is the last of its step, or the handoff that its last one answers."""
    last = latest.get(record.step)
    is_answered = (
        record.status == "handoff" and last is not None and any(one.origin == ANSWER for one in last.arguments)
    )
    return record is last or is_answered


def _keep(story: Recorded, step: WorkflowStep, record: Record) -> None:
    if record.server is not None and record.tool is not None:
        if record.status in CALLED:
            value = json.dumps(record.value, ensure_ascii=False) if step.parse == "json" else record.value
            reply = Reply(error=record.error or "it failed") if record.status == "tool_error" else Reply(value)
            story.tools.setdefault(record.server, {}).setdefault(record.tool, []).append(reply)
        if record.missing:
            schema = {"type": "object", "required": list(record.missing)}
            story.schemas.setdefault(record.server, {})[record.tool] = schema
    for one in record.resources:
        if one.server is not None:
            story.resources.setdefault(one.server, {})[one.uri] = _read(one)


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
        sources = run.workflow[record.step].args
        for passed in record.arguments:
            known = passed.origin == ANSWER or passed.name in run.workflow[record.step].secret
            if not known and not _gives(sources.get(passed.name), scope, passed.value):
                said = f"argument {passed.name!r} was {passed.origin}, and is not what the workflow gives"
                raise RunError(f"{at}, {said}; re-run it without that: run.rerun({record.step!r})")


def _gives(source: Any, scope: Scope, value: Any) -> bool:
    try:
        found = source.resolve(scope) if source is not None else ABSENT
    except MissingValueError:
        return False
    return found is not ABSENT and not any(changes({"": KNOWN.by_value(found)}, {"": value}))

"""Where a run stands: which results count, what was given by hand, and what becomes of the next step. Calls nothing.

Frozen data: each verb returns a new course, so a run is forked by keeping one. Three words, kept apart everywhere:
*replay* reads records, *resume* goes on, *re-run* calls again.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from mcpflow_nb.exact import dumps
from mcpflow_nb.records.record import Record
from mcpflow_nb.values import Frozen, copied
from mcpflow_nb.workflows.steps import WorkflowStep

if TYPE_CHECKING:
    from mcpflow_nb.mocking.faults import Failure

Fate = Literal["call", "reuse", "pinned", "rerun"]
"""What becomes of a step: it is called, its result is used again, its value is given, or only a re-run calls it."""

Outcome = Literal[
    "paused", "completed", "handoff", "waiting", "failed", "unknown", "cancelled", "undone", "undo_failed",
]  # fmt: skip

OUTCOMES: Final[dict[str, Outcome]] = {
    "ok": "paused", "skipped": "paused", "handoff": "handoff", "needs_input": "handoff", "waiting": "waiting",
    "unknown": "unknown", "cancelled": "cancelled",
}  # fmt: skip
"""The outcome of a run after a step of each status; any other status is a failure."""


@dataclass(frozen=True)
class Course:
    """`at` is the index of the next step, `kept` the last result of each step that was called, by index.

    `edits` has arguments given by hand by step, `pins` values given by hand by step, `fails` what goes wrong with the
    next call of a step on its mock.
    """

    at: int = 0
    kept: Mapping[int, Record] = field(default_factory=lambda: MappingProxyType({}))
    edits: Mapping[str, Mapping[str, Frozen]] = field(default_factory=lambda: MappingProxyType({}))
    pins: Mapping[str, Frozen] = field(default_factory=lambda: MappingProxyType({}))
    fails: Mapping[str, Failure] = field(default_factory=lambda: MappingProxyType({}))

    def passed(self, record: Record) -> Course:
        """Stand after the next step."""
        return self._after(record, self.at + 1)

    def kept_here(self, record: Record) -> Course:
        """Keep what came of the next step, and stand before it still; one that called nothing keeps what was."""
        return self._after(record, self.at)

    def _after(self, record: Record, at: int) -> Course:
        kept, fails = self.kept, self.fails
        if was_called(record) or record.source == "settled":
            kept = {**kept, self.at: record}
            fails = {name: one for name, one in fails.items() if name != record.step} if fails else fails
        return Course(at, kept, self.edits, self.pins, fails)  # not `replace`, which takes longer than all the rest

    def is_new(self, step: WorkflowStep) -> bool:
        """Tell whether the next step, which this is, was neither called nor given a value by hand."""
        return self.at not in self.kept and step.name not in self.pins

    def back(self, to: int) -> Course:
        """Stand before an earlier step; every result is kept."""
        return replace(self, at=to)

    def forgotten(self, since: int, beside: Container[int] = ()) -> Course:
        """Stand before a step, and let it and all later ones be called again, but for those that ran beside it."""
        kept = {at: record for at, record in self.kept.items() if at < since or (at > since and at in beside)}
        return replace(self, at=since, kept=kept)

    def beside(self, at: int, record: Record) -> Course:
        """Keep what came of a later step, which ran beside the next one."""
        return replace(self, kept={**self.kept, at: record})

    def without(self, record: Record) -> Course:
        """Forget one result: it was taken back on its server."""
        return replace(self, kept={at: one for at, one in self.kept.items() if one is not record})

    def edited(self, step: str, arguments: Mapping[str, Any]) -> Course:
        """Give arguments of a step by hand; none at all takes back what was given."""
        if not arguments:
            return replace(self, edits={name: given for name, given in self.edits.items() if name != step})
        given = {**self.edits.get(step, {}), **{name: Frozen(value) for name, value in arguments.items()}}
        return replace(self, edits={**self.edits, step: given})

    def pinned(self, step: str, value: Frozen | None) -> Course:
        """Give the value of a step by hand; None takes it back."""
        rest = {name: given for name, given in self.pins.items() if name != step}
        return replace(self, pins=rest if value is None else {**rest, step: value})

    def failing(self, step: str, failure: Failure | None) -> Course:
        """Let the next call of a step go wrong; None lets it be."""
        rest = {name: given for name, given in self.fails.items() if name != step}
        return replace(self, fails=rest if failure is None else {**rest, step: failure})

    def carried(self, old: Sequence[WorkflowStep], new: Sequence[WorkflowStep]) -> Course:
        """Return the beginning of a course through changed steps, with the results of those that stayed what they were."""
        places = {step.name: at for at, step in enumerate(old)}
        kept = {
            at: _bound(self.kept[places[step.name]], step)
            for at, step in enumerate(new)
            if places.get(step.name) in self.kept and defined(old[places[step.name]]) == defined(step)
        }
        names = {step.name for step in new}
        edits = {name: given for name, given in self.edits.items() if name in names}
        pins = {name: value for name, value in self.pins.items() if name in names}
        return Course(0, kept, edits, pins, {name: one for name, one in self.fails.items() if name in names})

    def fate(self, step: WorkflowStep, at: int, asked: Mapping[str, Any] | None) -> Fate:
        """Tell what becomes of a step with these arguments or URIs; None where they are not known yet."""
        if step.name in self.pins:
            return "pinned"
        kept = self.kept.get(at)
        if kept is None:
            return "call"
        is_same = asked is not None and dumps(dict(sorted(asked.items()))) == dumps(dict(sorted(kept.asked.items())))
        is_good = kept.status == "ok" or goes_on(step, kept)
        return "reuse" if is_good and is_same else "rerun"

    def bindings(self, steps: Sequence[WorkflowStep]) -> dict[str, Any]:
        """Return the values that are bound before the next step, copied."""
        found = {}
        for at, step in enumerate(steps[: self.at]):
            if step.binding is None:
                continue
            if step.name in self.pins:
                found[step.binding] = self.pins[step.name].value
            elif at in self.kept and self.kept[at].binding is not None:
                found[step.binding] = copied(self.kept[at].value)
        return found


def goes_on(step: WorkflowStep, record: Record) -> bool:
    """Tell whether a run goes on after a step that failed: its author says so, and what became of it is known."""
    return step.on_error == "continue" and OUTCOMES.get(record.status) is None


def _bound(record: Record, step: WorkflowStep) -> Record:
    return replace(record, binding=step.binding if record.status == "ok" or record.binding is not None else None)


def defined(step: WorkflowStep) -> dict[str, Any]:
    """Return what of a step decides over its result."""
    others = ("guidance", "timeout", "bind", "repeat", "check", "retry", "undo", "approve", "on_error")
    return {key: value for key, value in step.saved().items() if key not in others}


def was_called(record: Record) -> bool:
    """Tell whether a server was asked for a record, or may have been: a live one, a mock, or a recording of one."""
    return record.started is not None and record.source in ("live", "mock", "recorded", None)

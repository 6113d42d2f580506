"""A run that is taken back: the `undo=` of each step that ran, last first, each call written down like any other.

A step whose undo failed is what remains, with all before it: the run is then `undo_failed` and never `undone`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from mcpflow_nb.bridge import verb
from mcpflow_nb.errors import RunError
from mcpflow_nb.records.course import was_called
from mcpflow_nb.records.record import Passed, Record
from mcpflow_nb.running.advancing import Advancing, Trying
from mcpflow_nb.running.engine import Doing, interrupted, record
from mcpflow_nb.running.preparing import Ready, ready
from mcpflow_nb.running.settling import class_of
from mcpflow_nb.workflows.sources import Scope
from mcpflow_nb.workflows.steps import WorkflowStep

if TYPE_CHECKING:
    from mcpflow_nb.running.run import Run

BY_HAND: Final = "taken back by hand"
_RAN: Final = ("ok", "invalid_output", "resource_error")
"""Statuses of a step that may have left something behind; one that its tool refused has not."""


class Undoing(Advancing):
    """The part of a run that takes back what its steps did."""

    @verb
    async def rollback(self) -> Run:
        """Take back what this run did, last first, by the `undo=` of each step that ran; return this run.

        It ends as `undone`, or as `undo_failed` where an undo failed: called again it goes on there. Steps without
        `undo=` stay as they are, and what a fork took over is its parent's.

        Raises
        ------
        RunError
            When the outcome of a step or of an undo is unknown, or nothing that ran has an `undo=`.
        """
        async with self._busy:
            if self.outcome == "unknown" or (step := self._unknown_undo()) is not None:
                step, what = (self._records[-1].step, "ran") if self.outcome == "unknown" else (step, "was taken back")
                raise RunError(
                    f"run.rollback(): whether step {step!r} {what} is unknown; run.settle({step!r}, ...) says that it "
                    f"was, run.retry({step!r}) calls it once more"
                )
            if not self._owed() and self.outcome != "undone":
                raise RunError("run.rollback(): no step that ran has an undo=; run.effects() shows what was done")
            await self._roll_back()
            return self._itself

    async def _step(self, answer: Mapping[str, Passed] | None = None, *, is_again: bool = False) -> Record:
        made = await super()._step(answer, is_again=is_again)
        if self._owes_rollback:
            await self._roll_back()
        return made

    @property
    def _owes_rollback(self) -> bool:
        """Whether what failed is to be taken back by itself, and was not yet."""
        if self.workflow.on_failure != "rollback" or self.outcome not in ("failed", "undo_failed"):
            return False
        owed = self._owed()
        return bool(owed) and (self.outcome == "failed" or self._last_undo(owed[0]) is None)

    def _last_undo(self, at: int) -> Record | None:
        """Return what became of the undo of a record; None where it was not tried, or its last call was cut off."""
        last = next((made for place, made in reversed(self._undos) if place == at), None)
        return last if last is not None and last.attempt == self._undo_tries.get(at) else None

    def _unknown_undo(self) -> str | None:
        """Return the step whose undo may have been done, and may not be called again by itself."""
        owed = self._owed() if self.outcome == "undo_failed" else []
        last = self._last_undo(owed[0]) if owed else None
        is_open = last is not None and last.status == "unknown" and class_of(self._undo_ready(owed[0])) != "repeat"
        return last.step if last is not None and is_open else None

    @property
    def to_be_undone(self) -> tuple[str, ...]:
        """The steps that `run.rollback()` would take back, in its order."""
        return tuple(self._records[at].step for at in self._owed())

    @property
    def can_roll_back(self) -> bool:
        """Whether `run.rollback()` has something to take back now."""
        return self.outcome not in ("unknown", "undone") and bool(self._owed()) and self._unknown_undo() is None

    def _owed(self) -> list[int]:
        """Return the places of the records that are still to be taken back, last first."""
        done = {at for at, made in self._undos if made.status == "ok"}
        undos = {step.name for step in self.workflow.steps if step.undo is not None}
        return [
            at for at in reversed(range(self._inherited, len(self._records)))
            if at not in done and self._records[at].step in undos and has_run(self._records[at])
        ]  # fmt: skip

    async def _roll_back(self) -> None:
        for at in self._owed():
            if (await self._undo(at)).status != "ok":
                return

    async def _undo(self, at: int) -> Record:
        trying = Trying(self._undo_ready(at))
        look = partial(self._undo_ready, at, before=self._undo_tries.get(at, 0))
        again = partial(self._undo_noted, at)
        try:
            made = await self._tried(trying, look, again, partial(self._intend, undoes=at))
        except BaseException:
            self._took_back(at, interrupted(trying.now, trying.doing, trying.now.attempt))
            raise
        self._took_back(at, made)
        return made

    def _undo_ready(self, at: int, *, is_again: bool = False, before: int = 0) -> Ready:
        made = self._records[at]
        step = self.workflow[made.step]
        assert step.undo is not None
        plan = WorkflowStep(
            step.name, tool=step.undo.tool, server=step.undo.server, args=step.undo.args, timeout=step.timeout,
            repeat=step.undo.repeat, retry=step.retry, secret=step.secret,
        )  # fmt: skip
        bindings = {one.binding: one.value for one in self._records[: at + 1] if one.binding is not None}
        earlier = sum(one.step == made.step and has_run(one) for one in self._records[:at])
        key = f"{self.id}/{made.step}/undo" + (f"/{earlier + 1}" if earlier else "")
        return ready(
            plan, Scope(self._arguments, bindings, key), self.servers, pin=self._undo_pins.get(step.name),
            attempt=1 + self._undo_tries.get(at, 0), before=before, is_again=is_again,
        )  # fmt: skip

    def _undo_noted(self, at: int, made: Record) -> None:
        self._undos.append((at, made))
        self._undo_tries[at] = made.attempt
        if self._keeper is not None:
            self._keeper.record(made, "undone", undoes=at)

    def _settle_undo(self, step: str) -> None:
        """Note that a person took a step back."""
        at = self._owed_of(step, "settle")
        made = record(self._undo_ready(at), Doing(), "ok", rule=BY_HAND)
        self._took_back(at, replace(made, source="settled", attempt=self._undo_tries.get(at, 1)))

    async def _retry_undo(self, step: str) -> None:
        await self._undo(self._owed_of(step, "retry"))

    def _owed_of(self, step: str, verb_name: str) -> int:
        owed = [at for at in self._owed() if self._records[at].step == step]
        if not owed or (verb_name == "retry" and owed[0] != self._owed()[0]):
            left = _names([self._records[at].step for at in self._owed()])
            raise RunError(
                f"run.{verb_name}(): step {step!r} is not the one to be taken back next; there remain {left}"
            )
        return owed[0]

    def _took_back(self, at: int, made: Record) -> None:
        """Note what became of an undo: a result that was taken back is not used again."""
        self._undo_noted(at, made)
        if made.status == "ok":
            self._course = self._course.without(self._records[at])
        self.outcome = "undo_failed" if self._owed() else "undone"

    def undo_words(self) -> str:
        """Return what was taken back and what remains, in a sentence."""
        done = [made.step for _, made in self._undos if made.status == "ok"]
        left = [self._records[at].step for at in self._owed()]
        bare = [
            step.name for step in self.workflow.steps if step.undo is None and self._may_have_changed(step)
            and any(one.step == step.name and has_run(one) for one in self._records[self._inherited :])
        ]  # fmt: skip
        parts = [f"taken back: {_names(done)}"] if done else []
        if left:
            last = self._undos[-1][1] if self._undos and self._undos[-1][1].status != "ok" else None
            why = f"undo of step {last.step!r}: {last.error} [{last.status}]" if last else "the undo was cut off"
            parts = [why, *parts, f"remains: {_names(left)}"]
        return "; ".join([*parts, *([f"has no undo=: {_names(bare)}"] if bare else [])])

    def _may_have_changed(self, step: WorkflowStep) -> bool:
        tool = self._pins.get(step.name)
        return step.tool is not None and not (tool is not None and tool.only_reads)


def has_run(record: Record) -> bool:
    """Tell whether a step may have left something behind that an undo takes back."""
    return (was_called(record) and record.status in _RAN) or record.source == "settled"


def _names(names: list[str]) -> str:
    return ", ".join(map(repr, names))

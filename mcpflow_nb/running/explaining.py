"""What a run tells of itself: why it stopped, what comes, why a value is what it is, how it looks. Changes nothing."""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mcpflow_nb.errors import RunError, did_you_mean
from mcpflow_nb.records.course import Course
from mcpflow_nb.records.effects import Effects, Tree, effects_of, tree_of
from mcpflow_nb.records.provenance import Paths, Why, paths_of, why
from mcpflow_nb.records.record import Record
from mcpflow_nb.running.upcoming import Upcoming, upcoming
from mcpflow_nb.show import Shown, above
from mcpflow_nb.visible import visible
from mcpflow_nb.workflows.workflow import SequentialWorkflow

if TYPE_CHECKING:
    from mcpflow_nb.journal.keeper import Keeper
    from mcpflow_nb.records.course import Outcome
    from mcpflow_nb.records.messages import Conversation
    from mcpflow_nb.records.outline import Outline
    from mcpflow_nb.running.run import Run
    from mcpflow_nb.tools.catalog import Tool


class Explained(Shown):
    """The part of a run that answers questions; `Debugger` changes it by hand, `Run` goes on."""

    id: str
    workflow: SequentialWorkflow
    servers: Any
    outcome: Outcome
    parent: Run | None
    forked_at: int | None
    children: list[Run]
    _outline: Outline
    _course: Course
    _records: list[Record]
    _inherited: int
    _bindings: dict[str, Any]
    _goal: int
    _tries: dict[str, int]
    _before: dict[str, int]
    _rounds: dict[str, int]
    _approved: dict[str, str]
    _undos: list[tuple[int, Record]]
    _undo_tries: dict[int, int]
    _left: int
    _busy: asyncio.Lock
    _keeper: Keeper | None
    _arguments: dict[str, Any]
    _apart: list[Record]
    _pins: dict[str, Tool]
    _undo_pins: dict[str, Tool]
    _under_way: asyncio.Task[Any] | None
    _is_cancelled: bool

    @property
    def _itself(self) -> Run:
        return cast("Run", self)

    def _index(self, step: str) -> int:
        names = [one.name for one in self.workflow.steps]
        if step not in names:
            raise RunError(f"no step {step!r}{did_you_mean(step, names)}")
        return names.index(step)

    @property
    def stopped(self) -> Record | None:
        """The record of the step that ended the run; None while it is paused or when it completed.

        What ran beside it (`workflow.parallel()`) may come after it in the trace.
        """
        if self.outcome in ("paused", "completed") or not self._records:
            return None
        return self._itself._cover.record(self._stopped())

    def _stopped(self) -> Record:
        steps, at = self.workflow.steps, self._course.at
        name = steps[at].name if self.outcome != "cancelled" and at < len(steps) else None
        return next((one for one in reversed(self._records) if one.step == name), self._records[-1])

    @property
    def stale(self) -> tuple[str, ...]:
        """The steps whose result no longer fits: they ran with other arguments than they would be called with now.

        `run.rerun(step)` calls again from one of them on.
        """
        rows = upcoming(self, self._course.back(0)).rows[: self._course.at]
        return tuple(row.step for row in rows if row.will == "wait for a re-run" and row.is_stale)

    @property
    def reason(self) -> str | None:
        """Why the run stopped: step, tool, server and cause; None while it is paused or when it completed."""
        if self.outcome in ("paused", "completed"):
            return None
        last = self.stopped
        undone = self._itself.undo_words() if self.outcome in ("undone", "undo_failed") else None
        if undone is not None and (last is None or last.error is None):
            return undone
        if last is None or last.error is None or (self.outcome == "cancelled" and last.status in ("ok", "handoff")):
            return "cancelled before the next step"
        tool = f", tool {last.tool!r} on server {last.server!r}" if last.tool else ""
        said = f"step {last.step!r}{tool}: {last.error} [{last.status}]" + (f"; {undone}" if undone else "")
        return visible(said, lines=True)

    def key_of(self, step: str) -> str:
        """Return the idempotency key of the next call of a step: another one only where the last outcome is known."""
        known = self._rounds.get(step, 0)
        return f"{self.id}/{step}" + (f"/{known + 1}" if known else "")

    def describe(self) -> str:
        """Return what happened in words, a sentence a record."""
        return self._itself.trace.describe()

    def graph(self) -> Any:
        """Return the step graph with what happened on it."""
        return above("views.graph").run_graph(self)

    def conversation(self) -> Conversation:
        """Return what a client of this workflow reads: message by message, from the records."""
        told: Conversation = above("records.messages").Conversation(
            self.workflow.name, self.outcome, self._itself.trace.messages
        )
        return told

    def plan(self, since: str | None = None) -> Upcoming:
        """Return what each remaining step will do; with `since`, what `run.rerun(since)` would do. Calls nothing."""
        course = self._course if since is None else self._course.forgotten(self._index(since))
        return upcoming(self, course)

    def tree(self) -> Tree:
        """Return the runs that were forked from one another, this one marked."""
        return tree_of(self)

    def effects(self) -> Effects:
        """Return every tool call that the runs of this tree have sent, oldest first; nothing undoes one."""
        return effects_of(self)

    def why(self, step: str, argument: str) -> Why:
        """Return why an argument has its value: back to workflow arguments, constants, edits and tools."""
        return why(self, step, argument)

    def paths(self, binding: str) -> Paths:
        """Return every path of a binding's value, with the expression that binds it."""
        return paths_of(binding, self._itself[binding])

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write all there is to know of this run as one HTML file, and return its path; a file of that name is replaced.

        It needs no script and no network to be read. What goes by the name of a secret is masked. The same run gives
        the same bytes.

        Raises
        ------
        RunError
            When it cannot be written there; nothing is left behind then.
        """
        return _written(Path(path), str(above("views.run_report").page(self)))

    def to_pytest(self, path: str | os.PathLike[str], workflow: str | None = None) -> Path:
        """Write this run as a test on mocks, and return its path; a file that this verb wrote before is replaced.

        `workflow` says where the test finds it: `"package.module:name"`, a file that `save` wrote, or None to write its
        code into the test. Values are exact, but what goes by the name of a secret is a placeholder that still passes.

        Raises
        ------
        RunError
            When something was done by hand in this run, or it cannot be written there; nothing is written then.
        """
        written: Path = above("testing.writing").to_pytest(self, path, workflow)
        return written

    def stepper(self, *, shortcuts: bool = True) -> Any:
        """Show this run under controls: step, back, edit, re-run; each press shows the line of code that does the same.

        With `shortcuts=False` no key of one letter does anything.
        """
        return above("stepper.widget").stepper(self, shortcuts=shortcuts)


def _written(target: Path, text: str) -> Path:
    """Write a file in one go: beside its place first, so that what was there stays where writing fails."""
    where = f"run.report({str(target)!r})"
    if target.is_dir():
        raise RunError(f"{where}: this is a folder; name a file in it: {str(target / 'run.html')!r}")
    if not target.parent.is_dir():
        raise RunError(f"{where}: there is no folder {str(target.parent)!r}; make it first, or name another one")
    beside = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        beside.write_bytes(text.encode("utf-8"))
        beside.replace(target)
    except OSError as error:
        problem = error.strerror or type(error).__name__
    else:
        return target
    with suppress(OSError):
        beside.unlink()
    raise RunError(f"{where}: it could not be written ({problem}); name a place where you may write")

"""What can be done with a run besides going on: back, edit, pin, re-run, fork, adopt, call.

Each verb changes where the run stands, or what was given by hand; none takes anything back on a server.
Three words, kept apart: *replay* reads records, *resume* goes on, *re-run* calls again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mcpflow_nb.bridge import verb
from mcpflow_nb.checking.contracts import check
from mcpflow_nb.checking.inputs import read_arguments
from mcpflow_nb.errors import CallError, RunError
from mcpflow_nb.mocking.faults import Failure, require_fault
from mcpflow_nb.records.course import Course
from mcpflow_nb.records.record import ANSWER, EDITED, Passed, Record
from mcpflow_nb.running.answering import read_value, read_values
from mcpflow_nb.running.engine import pinned_record
from mcpflow_nb.running.explaining import Explained
from mcpflow_nb.running.progress import is_attended
from mcpflow_nb.tools.results import text_of_content, value_of
from mcpflow_nb.values import ABSENT, copied
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow

if TYPE_CHECKING:
    from mcpflow_nb.records.course import Outcome
    from mcpflow_nb.running.run import Run


class Debugger(Explained):
    """The part of a run that changes it by hand; `Run` is the part that goes on."""

    def _moved(self, course: Course, outcome: Outcome = "paused") -> None:
        self._course, self.outcome = course, outcome
        self._bindings = course.bindings(self.workflow.steps)
        self._itself._is_cancelled = False  # what was cancelled lies behind
        self._note_move()

    def _note_move(self) -> None:
        if self._keeper is not None:
            self._keeper.moved()

    def by_hand(self, step: WorkflowStep, at: int) -> dict[str, Passed]:
        """Return the arguments of a step that were given by hand, or by the client at a handoff, each with its origin."""
        kept = self._course.kept.get(at)
        answers = {one.name: one for one in kept.arguments if one.origin == ANSWER} if kept is not None else {}
        edits = self._course.edits.get(step.name, {})
        return {**answers, **{name: Passed(name, value.value, EDITED) for name, value in edits.items()}}

    @property
    def own_records(self) -> tuple[Record, ...]:
        """The records this run made itself, calls by `run.call` too; a fork shares those before it with its parent."""
        return tuple(map(self._itself._cover.record, (*self._records[self._inherited :], *self._apart)))

    @property
    def failing(self) -> tuple[str, ...]:
        """The steps whose next call fails, as `run.fail` said."""
        return tuple(self._course.fails)

    @verb
    async def back(self, step: str | None = None) -> Run:
        """Go back to the state before a step, by default the last one; what ran stays in the trace.

        Nothing is undone on a server: going forward again uses the results there are, and only a re-run calls again.

        Raises
        ------
        RunError
            When there is no such step, or it has not been reached.
        """
        async with self._busy:
            at = self._course.at
            has_stopped = self.outcome not in ("paused", "completed")
            to = (at if has_stopped else at - 1) if step is None else self._index(step)
            if to < 0:
                raise RunError("run.back(): the run stands before its first step")
            if to > at or to == len(self.workflow.steps):
                names = [one.name for one in self.workflow.steps]
                raise RunError(f"run.back(): step {step!r} has not run; the run stands before {names[at]!r}")
            self._moved(self._course.back(to))
            return self._itself

    @verb
    async def edit(self, step: str, arguments: Mapping[str, Any] | None = None, /, **more: Any) -> Run:
        """Give arguments of a step by hand, in place of what the workflow says; without any, take them back.

        A step that was called already is called with them by `run.rerun(step)` alone.

        Raises
        ------
        RunError
            When there is no such step, or with every argument that is unknown or refused by the tool's schema.
        """
        async with self._busy:
            one = self.workflow.steps[self._index(step)]
            given = {**(arguments or {}), **more}
            if one.tool is None:
                raise RunError(f"run.edit(): step {step!r} only fetches resources; it has no arguments")
            tool = self.servers.find(one.tool, one.server).tool
            values = read_values(tool, given, f"run.edit(): nothing was changed at step {step!r}")
            self._moved(self._course.edited(step, values), self.outcome)
            return self._itself

    @verb
    async def pin(self, step: str, value: Any = ABSENT, /) -> Run:
        """Give the value of a step by hand: it is not called, and later steps read this; without one, take it back.

        A step that has no result of its own is then the next one again.

        Raises
        ------
        RunError
            When there is no such step, or the value is no JSON or refused by the tool's output schema.
        """
        async with self._busy:
            at = self._index(step)
            one = self.workflow.steps[at]
            if value is ABSENT:
                course, kept = self._course.pinned(step, None), self._course.kept.get(at)
                is_bare = at < course.at and (kept is None or kept.status != "ok")  # nothing of its own to stand on
                self._moved(course.back(at) if is_bare else course, "paused" if is_bare else self.outcome)
                return self._itself
            frozen = read_value(one, self.servers, value)
            stopped_here = at == self._course.at and self.outcome in (
                "failed",
                "unknown",
                "handoff",
                "waiting",
                "cancelled",
            )
            self._moved(self._course.pinned(step, frozen), "paused" if stopped_here else self.outcome)
            if at < self._course.at:
                self._records.append(made := pinned_record(self._itself._ready_at(at).call, one, frozen.value))
                if self._keeper is not None:
                    self._keeper.record(made, "shown")
            return self._itself

    @verb
    async def fail(
        self, step: str, words: str | None = "made to fail by run.fail", *, fault: str = "error",
        field: str | None = None,
    ) -> Run:  # fmt: skip
        """Let the next call of a step go wrong, to see what then happens: an error of these words; None takes it back.

        `fault` is any of `mf.fault`: `timeout`, `lost`, `null`, ..., the latter at `field` of what its mock answers. Only
        a mocked server can be made to fail; the call is in its log, at an error its function is not run.

        Raises
        ------
        RunError
            When there is no such step, it calls no tool, or its server is not mocked.
        DefinitionError
            When there is no such fault.
        """
        require_fault(fault, field)
        async with self._busy:
            now = self._itself._ready_at(self._index(step))
            if now.connection is None or now.connection.source != "mock":
                called = f"is called on {now.call.server!r}, which is {now.call.source}"
                where = called if now.connection else "calls no tool"
                raise RunError(f"run.fail(): step {step!r} {where}; only a mocked server can be made to fail")
            self._moved(
                self._course.failing(step, Failure(words, fault, field) if words is not None else None), self.outcome
            )
            return self._itself

    @verb
    async def rerun(self, step: str) -> Run:
        """Call again from a step on, as far as the run was told to go; earlier steps are used again, not called.

        `run.plan(step)` shows beforehand what that does.

        Raises
        ------
        RunError
            When there is no such step, or it has not been reached.
        """
        async with self._busy:
            at = self._index(step)
            if at > self._course.at:
                raise RunError(f"run.rerun(): step {step!r} has not been reached; run.to({step!r}) goes there")
            self._moved(self._course.forgotten(at, self.workflow.level(at) if at == self._course.at else ()))
            return await self._itself._go(max(self._goal, at + 1))

    def fork(self) -> Run:
        """Return a new run that stands where this one stands, with this one as its parent; nothing is called."""
        made = type(self._itself)(self.workflow, self.servers, self._arguments, self._itself._outline.given)
        made.parent, made.forked_at, made._pins = self._itself, self._course.at, dict(self._itself._pins)
        made._records, made._inherited = list(self._records), len(self._records)
        made._goal, made._left = self._goal, self._itself._left
        made._tries, made._before = dict(self._tries), dict(self._tries)
        made._moved(self._course, self.outcome)
        return self._born(made)

    def adopt(self, workflow: SequentialWorkflow) -> Run:
        """Return a fork that runs a changed workflow, with the results that are still valid; calls nothing.

        A result is valid where the step of that name calls the same tool with the same arguments; those at the
        beginning are used at once, later ones when the run comes there.

        Raises
        ------
        CheckError
            When the new workflow has errors.
        ArgumentsError
            When it wants other arguments than this run has.
        """
        if not isinstance(workflow, SequentialWorkflow):
            raise RunError(f"run.adopt(): give a workflow, not {workflow!r:.60}")
        check(workflow, self.servers).raise_if_errors()
        declared = {one.name for one in workflow.arguments}
        given = {name: value for name, value in self._arguments.items() if name in declared}
        made = type(self._itself)(workflow, self.servers, read_arguments(workflow, given), given)
        made.parent, made.forked_at = self._itself, self._course.at
        made._course = self._course.carried(self.workflow.steps, workflow.steps)
        made._tries, made._before = dict(self._tries), dict(self._tries)
        self._born(made)._take_over()
        return made

    def _born(self, made: Run) -> Run:
        self.children.append(made)
        if self._keeper is not None:
            made._keep(self._keeper.of_fork(made))
        return made

    @verb
    async def call(self, step: str, /, **changes: Any) -> Any:
        """Call the tool of a step as a plain function, its arguments filled in; the run stays where it is.

        Raises
        ------
        RunError
            When an argument has no value yet, or a change is refused.
        CallError
            When the call gave no value; `.status` says whether it ran.
        """
        at = self._index(step)
        now = self._itself._ready_at(at)
        if now.tool is None or now.connection is None:
            raise RunError(f"run.call(): step {step!r}: {now.call.problem or 'it only fetches resources'}")
        values = read_values(now.tool, changes, f"run.call(): {step!r} was not called")
        sent = {**now.call.sent, **values}
        lacking = [name for name in now.tool.required if name not in sent]
        if (now.call.problem and not values) or lacking:
            raise RunError(f"run.call(): {now.call.problem or 'no value for ' + ', '.join(map(repr, lacking))}")
        if now.plan.approve and now.call.source == "live" and not is_attended():
            raise RunError(f"run.call(): step {step!r} wants a person (approve=True); nobody is here")
        passed = tuple(Passed(name, value, EDITED if name in values else "") for name, value in sent.items())
        asked = now._replace(call=replace(now.call, arguments=passed))
        if (problem := await self._itself._intend(asked, 1, apart=True)) is not None:
            raise RunError(f"run.call(): {problem}")
        begun = datetime.now(UTC)
        async with now.connection.turns:
            answer = await now.connection.call(now.tool.name, sent, self.workflow.steps[at].timeout, pin=now.pin)
        self._apart.append(made := Record(
            step, now.connection.name, now.tool.name, answer.status, now.connection.source, passed, started=begun
        ))  # fmt: skip
        if self._keeper is not None:
            self._keeper.record(made, "apart")
            await self._keeper.flush()
        if answer.status != "ok" or answer.raw is None:
            said = answer.error or text_of_content(answer.raw or {})
            raise CallError(now.connection.name, now.tool.name, answer.status, said)
        return copied(value_of(answer.raw, now.tool, self.workflow.steps[at].parse).value)

    def _without_a_call(self) -> Record | None:
        """Return the record of a next step that needs no call: its result is used again, or was given by hand."""
        step = self.workflow.steps[self._course.at]
        if self._course.is_new(step):  # nothing was given by hand and nothing ran: no need to look further
            return None
        now = self._itself._ready()
        fate, kept = self._course.fate(step, self._course.at, now.call.asked), self._course.kept.get(self._course.at)
        if fate == "pinned":
            return pinned_record(now.call, step, self._course.pins[step.name].value)
        if fate == "reuse" and kept is not None:
            return replace(kept, source="reused", arguments=now.call.arguments)
        if fate == "rerun" and kept is not None and kept.status == "unknown" and self.workflow.side_by_side:
            return kept  # it ran beside the one that ended the run, and now it is its turn
        if fate == "rerun" and kept is not None:
            why = "with other arguments" if kept.status == "ok" else f"and gave no value [{kept.status}]"
            raise RunError(
                f"step {step.name!r} was called {why}; run.rerun({step.name!r}) calls it again, "
                f"run.pin({step.name!r}, value) gives its value by hand"
            )
        return None

    def _take_over(self) -> None:
        """Go as far as results that are kept, or values given by hand, carry; calls nothing."""
        steps = self.workflow.steps
        while self.outcome == "paused" and self._course.at < len(steps):
            asked = self._itself._ready().call.asked
            if self._course.fate(steps[self._course.at], self._course.at, asked) not in ("reuse", "pinned"):
                return
            if (made := self._without_a_call()) is not None:
                self._itself._append(made)

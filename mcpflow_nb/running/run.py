"""Run: a workflow in progress. It goes forward a step at a time and only appends.

`run.step()` is one step, `run.to(name)` stops before a step, `run.all()` goes to the end. A step that fails is
the last record, not an exception; at a handoff `run.answer(...)` plays the client. What else can be done with a
run is in `debugger.py`, and what it tells of itself in `explaining.py`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from mcpflow_nb.bridge import verb
from mcpflow_nb.checking.contracts import pins_of, undo_pins_of
from mcpflow_nb.errors import RunError, did_you_mean
from mcpflow_nb.records.course import Course, Outcome
from mcpflow_nb.records.covering import Cover
from mcpflow_nb.records.outline import copied_outline
from mcpflow_nb.records.record import ANSWER, Passed, Record
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.running.abreast import Abreast
from mcpflow_nb.running.ahead import ahead, outline
from mcpflow_nb.running.answering import read_answer
from mcpflow_nb.running.preparing import NextCall, digest_of
from mcpflow_nb.running.progress import is_attended
from mcpflow_nb.values import copied
from mcpflow_nb.workflows.workflow import SequentialWorkflow

_STOPPED: Final = ("handoff", "waiting", "failed", "unknown", "cancelled", "undone", "undo_failed")


class Run(Abreast):
    """A run of a workflow against servers. `run["binding"]` is a value, `run.trace` what happened.

    `given` are the arguments as the caller wrote them, for the conversation; `kin` is a run of the same on these servers.
    """

    def __init__(
        self, workflow: SequentialWorkflow, servers: Any, arguments: Mapping[str, Any],
        given: Mapping[str, Any] | None = None, kin: Run | None = None,
    ) -> None:  # fmt: skip
        self.workflow = workflow
        self.servers = servers
        self._arguments = copied(dict(arguments))
        self.id = secrets.token_hex(8)
        self.outcome: Outcome = "paused"
        asked = copied(dict(arguments if given is None else given))
        self._outline = outline(workflow, servers, asked) if kin is None else replace(kin._outline, given=asked)
        self._cover = Cover(workflow)
        self._pins = pins_of(workflow, servers) if kin is None else dict(kin._pins)
        self._undo_pins = undo_pins_of(workflow, servers) if kin is None else dict(kin._undo_pins)
        self._records: list[Record] = []
        self._tries: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._rounds: dict[str, int] = {}
        self._approved: dict[str, str] = {}
        self._undos: list[tuple[int, Record]] = []
        self._undo_tries: dict[int, int] = {}
        self._inherited = 0
        self._apart: list[Record] = []
        self._course = Course()
        self._bindings: dict[str, Any] = {}
        self.parent: Run | None = None
        self.forked_at: int | None = None
        self.children: list[Run] = []
        self._left = 0
        self._goal = 0
        self._busy = asyncio.Lock()
        self._keeper = None
        self._under_way: asyncio.Task[Any] | None = None
        self._is_cancelled = False

    @property
    def trace(self) -> Trace:
        """The records so far."""
        steps = self.workflow.steps
        rest = [step for at, step in enumerate(steps) if at >= self._left and at not in self._ran_by_then()]
        left = ahead(rest, self._scope(), self.servers) if self.outcome in _STOPPED else ()
        left = tuple(map(self._cover.ahead, left))
        records = tuple(map(self._cover.record, self._records))
        asked = self._cover.outline(copied_outline(self._outline))
        undone = tuple(self._cover.record(made) for _, made in self._undos)
        return Trace(self.workflow.name, self.id, self.outcome, len(steps), records, asked, left, undone)

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The workflow's arguments as the steps read them, copied."""
        return MappingProxyType(copied(self._arguments))

    @property
    def given(self) -> Mapping[str, Any]:
        """The workflow's arguments as the caller gave them, copied."""
        return MappingProxyType(copied(dict(self._outline.given)))

    @property
    def bindings(self) -> Mapping[str, Any]:
        """The bindings made so far, copied."""
        return MappingProxyType(copied(self._bindings))

    @property
    def position(self) -> int:
        """How many steps are done; the index of the next one."""
        return self._course.at

    @property
    def next(self) -> NextCall | None:
        """The call that comes next, every argument resolved; None when the run has ended.

        At a handoff it is the client's, and where the run waits what `run.approve` would allow.
        """
        if self.outcome not in ("paused", "handoff", "waiting"):
            return None
        call = self._ready(self._answered() if self.outcome == "waiting" else None).call
        return replace(call, arguments=self._cover.passed(call.step, call.arguments))

    def __getitem__(self, binding: str) -> Any:
        """Return a copy of the value of a binding."""
        if binding in self._bindings:
            return copied(self._bindings[binding])
        makers = [step.name for step in self.workflow.steps if step.binding == binding]
        if makers:
            raise RunError(
                f"binding {binding!r} is made by step {makers[0]!r}, which has not run; the run is {self.outcome}"
            )
        if any(step.name == binding for step in self.workflow.steps):
            raise RunError(f"step {binding!r} binds nothing; its output is run.trace[{binding!r}].value")
        known = [step.binding for step in self.workflow.steps if step.binding]
        raise RunError(f"no binding {binding!r}{did_you_mean(binding, known)}")

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._bindings)

    @verb
    async def step(self) -> Record:
        """Run exactly one step and return its record.

        Raises
        ------
        RunError
            When the run has ended.
        """
        async with self._busy:
            self._require_paused("step")
            self._goal = self.position + 1
            return self._cover.record(await self._step())

    @verb
    async def to(self, step: str) -> Run:
        """Run until `step` is the next one, or the run ends; return this run.

        Raises
        ------
        RunError
            When there is no such step, it has run, or the run has ended.
        """
        async with self._busy:
            self._require_paused("to")
            names = [one.name for one in self.workflow.steps]
            if step not in names:
                raise RunError(f"no step {step!r}{did_you_mean(step, names)}")
            if names.index(step) < self.position:
                raise RunError(f"step {step!r} has run already; the next one is {names[self.position]!r}")
            return await self._go(names.index(step))

    @verb
    async def all(self) -> Run:
        """Run all steps that remain, until one does not succeed; return this run.

        A rollback of the workflow's own that was cut off goes on.

        Raises
        ------
        RunError
            When the run has ended otherwise than by completing.
        """
        async with self._busy:
            if self._owes_rollback:
                await self._roll_back()
                return self
            if self.outcome != "completed":
                self._require_paused("all")
            return await self._go(len(self.workflow.steps))

    @verb
    async def answer(self, arguments: Mapping[str, Any] | None = None, /, **more: Any) -> Run:
        """Play the client at a handoff: give what is missing. The step is called, and the run goes on as it was going.

        After `run.all()` it goes on to the end, after `run.to(name)` to that step, after `run.step()` it pauses again.
        What the workflow gives already may be given anew.

        Raises
        ------
        RunError
            When the run is not at a handoff, or with every parameter that is missing, unknown or refused; nothing
            is called then.
        """
        async with self._busy:
            if self.outcome != "handoff":
                raise RunError(f"run.answer(): no handoff is open; the run is {self.outcome}")
            if not isinstance(arguments, Mapping | None):
                raise RunError(f"run.answer(): give names and values, not {type(arguments).__name__}")
            given = read_answer(self._records[-1], self._ready(), {**(arguments or {}), **more})
            self.outcome = "paused"
            await self._step({name: Passed(name, value, ANSWER) for name, value in given.items()})
            return await self._go(self._goal, is_here=False)

    @verb
    async def approve(self, step: str, *, by: str | None = None) -> Run:
        """Allow the call that a step waits for, exactly as it is; it is made, and the run goes on as it was going.

        On a live server a person must be there: in a notebook that is run by hand, or at a terminal. `by` names who
        allowed it where that is somebody else; the journal keeps it.

        Raises
        ------
        RunError
            When the step does not wait, nobody is there, or the call is another one by now; then it waits anew.
        """
        async with self._busy:
            if self.outcome != "waiting" or self._records[-1].step != step:
                raise RunError(f"run.approve(): step {step!r} does not wait for anyone; the run is {self.outcome}")
            asked, answer = self._records[-1], self._answered()
            now = self._ready(answer)
            if by is None and now.call.source == "live" and not is_attended():
                raise RunError(
                    f"run.approve(): nobody is here to allow step {step!r} on live server {now.call.server!r}; run it by "
                    "hand in a notebook, or say whose word this is: by='name'"
                )
            if digest_of(now.call) == digest_of(asked):
                self._allow(step, digest_of(asked), by)
            self.outcome = "paused"
            made = await self._step(answer, is_again=True)
            if made.status == "waiting":
                raise RunError(f"run.approve(): the call of step {step!r} is another one than was asked for: run.next")
            return await self._go(self._goal, is_here=False)

    @verb
    async def cancel(self) -> Run:
        """End the run, and a call that is under way; what happened so far is kept. Returns this run."""
        if self._under_way is not None:
            self._is_cancelled = True
            self._under_way.cancel()
            async with self._busy:
                return self
        async with self._busy:
            if self.outcome in ("paused", "handoff", "waiting"):
                self._stop("cancelled", self.position)
                self._note_move()
        return self

    async def _go(self, goal: int, *, is_here: bool = True) -> Run:
        """Run until the index `goal`, a breakpoint, or the run ends; a breakpoint where the run stands holds it no more."""
        self._goal = goal
        while self.outcome == "paused" and self.position < self._goal:
            if not is_here and self._breaks_here():
                break
            is_here, level = False, self._level(goal)
            await (self._side_by_side(level) if len(level) > 1 else self._step())
        return self

    def _breaks_here(self) -> bool:
        here = self.workflow.steps[self.position].name if self.workflow.breakpoints else ""
        return any(one.step == here and one.holds(self._ready().call) for one in self.workflow.breakpoints)

    def _ran_by_then(self) -> Collection[int]:
        """Return the steps after the one where the run ended that had run beside it."""
        return self._course.kept.keys() if self.workflow.side_by_side else ()

    def _answered(self) -> dict[str, Passed] | None:
        """Return what the client gave for the call that waits; None where it was not asked."""
        asked = self._records[-1]
        given = {one.name: one for one in asked.arguments if one.origin == ANSWER}
        return given if given or self.workflow[asked.step].handoff else None

    def _allow(self, step: str, digest: str, by: str | None) -> None:
        self._approved[step] = digest
        if self._keeper is not None:
            self._keeper.note("approved", {"step": step, "digest": digest, "by": by})

    def _require_paused(self, verb_name: str) -> None:
        if self.outcome == "paused":
            return
        why = f": {self.reason}" if self.reason else ""
        here = self.workflow.steps[self.position].name if self.outcome in ("unknown", "failed", "waiting") else ""
        mend = {
            "handoff": "answer it with run.answer(...), or begin",
            "waiting": f"run.approve({here!r}) lets the call be made; or begin",
            "undo_failed": "run.rollback() goes on with what remains, run.settle(step) says it was done by hand; or begin",
            "unknown": f"run.settle({here!r}, value) says what it gave, run.retry({here!r}) calls it once more; or begin",
            "failed": f"run.rerun({here!r}) calls that step again, or begin",
        }.get(self.outcome, "begin")
        raise RunError(f"run.{verb_name}(): the run is {self.outcome}{why}; {mend} a new one with workflow.start(...)")

    __repr__ = Abreast.__repr__

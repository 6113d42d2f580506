"""Run: a workflow in progress. It goes forward a step at a time and only appends.

`run.step()` is one step, `run.to(name)` stops before a step, `run.all()` goes to the end. A step that fails is
the last record, not an exception; at a handoff `run.answer(...)` plays the client. What else can be done with a
run is in `debugger.py`, and what it tells of itself in `explaining.py`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from mcpflow_nb.ahead import ahead, outline
from mcpflow_nb.answering import read_answer
from mcpflow_nb.bridge import verb
from mcpflow_nb.connections import running
from mcpflow_nb.contracts import pins_of
from mcpflow_nb.course import OUTCOMES, Course, Outcome, was_called
from mcpflow_nb.covering import Cover
from mcpflow_nb.engine import Doing, NextCall, Ready, interrupted, perform, ready
from mcpflow_nb.errors import RunError, did_you_mean
from mcpflow_nb.outline import copied_outline
from mcpflow_nb.progress import watching
from mcpflow_nb.settling import KNOWN, Settling
from mcpflow_nb.sources import Scope
from mcpflow_nb.trace import ANSWER, Passed, Record, Trace
from mcpflow_nb.values import copied
from mcpflow_nb.workflow import SequentialWorkflow

_STOPPED: Final = ("handoff", "failed", "unknown", "cancelled")


class Run(Settling):
    """A run of a workflow against servers. `run["binding"]` is a value, `run.trace` what happened.

    `given` are the arguments as the caller wrote them, for the conversation.
    """

    def __init__(
        self, workflow: SequentialWorkflow, servers: Any, arguments: Mapping[str, Any],
        given: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.workflow = workflow
        self.servers = servers
        self._arguments = copied(dict(arguments))
        self.id = secrets.token_hex(8)
        self.outcome: Outcome = "paused"
        self._outline = outline(workflow, servers, copied(dict(arguments if given is None else given)))
        self._cover = Cover(workflow)
        self._pins = pins_of(workflow, servers)
        self._records: list[Record] = []
        self._tries: dict[str, int] = {}
        self._rounds: dict[str, int] = {}
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
        left = ahead(steps[self._left :], self._scope(), self.servers) if self.outcome in _STOPPED else ()
        left = tuple(map(self._cover.ahead, left))
        records = tuple(map(self._cover.record, self._records))
        asked = self._cover.outline(copied_outline(self._outline))
        return Trace(self.workflow.name, self.id, self.outcome, len(steps), records, asked, left)

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
        """The call that comes next, every argument resolved; at a handoff the client's; None when the run has ended."""
        if self.outcome not in ("paused", "handoff"):
            return None
        call = self._ready().call
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

        Raises
        ------
        RunError
            When the run has ended otherwise than by completing.
        """
        async with self._busy:
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
    async def cancel(self) -> Run:
        """End the run, and a call that is under way; what happened so far is kept. Returns this run."""
        if self._under_way is not None:
            self._is_cancelled = True
            self._under_way.cancel()
            async with self._busy:
                return self
        async with self._busy:
            if self.outcome in ("paused", "handoff"):
                self._stop("cancelled", self.position)
                self._note_move()
        return self

    def _ready(self, answer: Mapping[str, Passed] | None = None) -> Ready:
        return self._ready_at(self.position, answer)

    def _ready_at(self, at: int, answer: Mapping[str, Passed] | None = None) -> Ready:
        step = self.workflow.steps[at]
        given = {**self.by_hand(step, at), **(answer or {})}
        scope, failure = self._scope()._replace(key=self.key_of(step.name)), self._course.fails.get(step.name)
        is_answered, pin = answer is not None, self._pins.get(step.name)
        return ready(step, scope, self.servers, given, is_answered=is_answered, failure=failure, pin=pin)

    def _scope(self) -> Scope:
        return Scope(self._arguments, self._bindings)

    async def _go(self, goal: int, *, is_here: bool = True) -> Run:
        """Run until the index `goal`, a breakpoint, or the run ends; a breakpoint where the run stands holds it no more."""
        self._goal = goal
        while self.outcome == "paused" and self.position < goal:
            if not is_here and self._breaks_here():
                break
            is_here = False
            await self._step()
        return self

    def _breaks_here(self) -> bool:
        here = self.workflow.steps[self.position].name
        return any(one.step == here and one.holds(self._ready().call) for one in self.workflow.breakpoints)

    async def _step(self, answer: Mapping[str, Passed] | None = None) -> Record:
        if answer is None and (made := self._without_a_call()) is not None:
            self._append(made)
            return made
        now, doing = self._ready(answer), Doing()
        attempt = 1 + self._tries.get(now.call.step, 0)
        self._under_way = asyncio.current_task()
        token = running.set(self.workflow)
        try:
            async with watching(f"step {now.call.step!r}") as progress:
                made = await perform(now, doing, attempt, progress, self._intend if self._keeper is not None else None)
        except BaseException as error:  # whatever it is: what happened is written down before it goes on
            made = interrupted(now, doing, attempt)
            by_us = isinstance(error, asyncio.CancelledError) and self._is_cancelled
            if not by_us or self._under_way is None:
                self._append(made)
                raise
            self._under_way.uncancel()
        finally:
            self._under_way = None
            running.reset(token)
        if made.status == "unknown":
            await self._parked(made)
            return self._records[-1]
        self._append(made)
        if self._is_cancelled and made.status == "resource_error":  # the tool had run; it is the run that was ended
            self.outcome = "cancelled"
            self._note_move()
        return made

    def _append(self, made: Record) -> None:
        self._records.append(made)
        if self._keeper is not None:
            self._keeper.record(made)
        if was_called(made) or made.status == "handoff":
            self._tries[made.step] = made.attempt
        if was_called(made) and made.status in KNOWN:
            self._rounds[made.step] = self._rounds.get(made.step, 0) + 1
        outcome = OUTCOMES.get(made.status, "failed")
        if outcome == "paused":
            self._course = self._course.passed(made)
            self.outcome = "completed" if self.position == len(self.workflow.steps) else "paused"
        else:
            self._course = self._course.kept_here(made)
            self._stop(outcome, self.position if outcome == "handoff" else self.position + 1)
        if made.binding is not None:  # copied: a record in the reader's hands changes nothing here
            self._bindings[made.binding] = copied(made.value)

    def _stop(self, outcome: Outcome, left: int) -> None:
        self.outcome, self._left = outcome, left

    def _require_paused(self, verb_name: str) -> None:
        if self.outcome == "paused":
            return
        why = f": {self.reason}" if self.reason else ""
        here = self.workflow.steps[self.position].name if self.outcome in ("unknown", "failed") else ""
        mend = {
            "handoff": "answer it with run.answer(...), or begin",
            "unknown": f"run.settle({here!r}, value) says what it gave, run.retry({here!r}) calls it once more; or begin",
            "failed": f"run.rerun({here!r}) calls that step again, or begin",
        }.get(self.outcome, "begin")
        raise RunError(f"run.{verb_name}(): the run is {self.outcome}{why}; {mend} a new one with workflow.start(...)")

    __repr__ = Settling.__repr__

"""A run that takes one step, attempt by attempt, and writes down what became of it. What is told to go on is in `run.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from mcpflow_nb.connecting.connections import running
from mcpflow_nb.errors import JournalError
from mcpflow_nb.records.course import OUTCOMES, Outcome, goes_on, was_called
from mcpflow_nb.records.record import Passed, Record
from mcpflow_nb.running.engine import Doing, Intend, interrupted, perform
from mcpflow_nb.running.preparing import Ready, ready
from mcpflow_nb.running.progress import watching
from mcpflow_nb.running.settling import KNOWN, Settling, class_of
from mcpflow_nb.values import copied
from mcpflow_nb.workflows.retrying import SURELY_NOT_RUN
from mcpflow_nb.workflows.sources import Scope


class Look(Protocol):
    """What gives a step anew, as things are now."""

    def __call__(self, *, is_again: bool) -> Ready:
        """Return it; `is_again` where what comes before its call was done."""


@dataclass
class Trying:
    """The attempt that is under way: the step as it was found, and how far it has come."""

    now: Ready
    doing: Doing = field(default_factory=Doing)


class Advancing(Settling):
    """The part of a run that takes a step: it looks ahead, calls, calls again where it may, and appends the record."""

    def _ready(self, answer: Mapping[str, Passed] | None = None, *, is_again: bool = False) -> Ready:
        return self._ready_at(self._course.at, answer, is_again=is_again)

    def _ready_at(self, at: int, answer: Mapping[str, Passed] | None = None, *, is_again: bool = False) -> Ready:
        step = self.workflow.steps[at]
        name = step.name
        return ready(
            step, Scope(self._arguments, self._bindings, self.key_of(name)), self.servers,
            {**self.by_hand(step, at), **(answer or {})}, failure=self._course.fails.get(name), pin=self._pins.get(name),
            is_answered=answer is not None, attempt=1 + self._tries.get(name, 0), before=self._before.get(name, 0),
            is_again=is_again, approved=self._approved.get(name),
        )  # fmt: skip

    def _scope(self) -> Scope:
        return Scope(self._arguments, self._bindings)

    async def _step(self, answer: Mapping[str, Passed] | None = None, *, is_again: bool = False) -> Record:
        if answer is None and not is_again and (made := self._without_a_call()) is not None:
            if made.status == "unknown":
                await self._parked(made, is_left_behind=True)
            else:
                self._append(made)
            return self._records[-1]

        look = partial(self._ready, answer)
        trying = Trying(look(is_again=is_again))
        self._under_way = asyncio.current_task()
        token = running.set(self.workflow)
        try:
            made = await self._tried(trying, look, self._again, self._intend)
        except BaseException as error:  # whatever it is: what happened is written down before it goes on
            made = interrupted(trying.now, trying.doing, trying.now.attempt)
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

    async def _tried(
        self, trying: Trying, look: Look, again: Callable[[Record], None], intend: Intend | None
    ) -> Record:
        """Perform a step, and once more as long as its `retry=` and its class allow it; only cancelling raises."""
        intend, first = intend if self._keeper is not None else None, trying.now
        async with watching(f"step {first.call.step!r}") as progress:
            made = await perform(first, trying.doing, first.attempt, progress, intend)
            while (pause := _pause(trying, made)) is not None:
                again(made)
                trying.now, trying.doing = look(is_again=first.is_again or trying.doing.made is not None), Doing()
                await self._written()
                await asyncio.sleep(pause)
                made = await perform(trying.now, trying.doing, trying.now.attempt, progress, intend)
        return made

    def _again(self, made: Record) -> None:
        """Note an attempt after which the step is called again."""
        self._records.append(made)
        self._tries[made.step] = made.attempt
        self._course = self._course.failing(made.step, None)  # what went wrong on purpose did so once
        if self._keeper is not None:
            self._keeper.record(made, "tried")

    async def _written(self) -> None:
        if self._keeper is not None:
            with suppress(JournalError):  # what could not be written still waits, and without it nothing is sent
                await self._keeper.flush()

    def _append(self, made: Record) -> None:
        self._records.append(made)
        if self._keeper is not None:
            self._keeper.record(made)
        self._count(made)
        outcome = OUTCOMES.get(made.status, "failed")
        if outcome == "paused" or goes_on(self.workflow.steps[self._course.at], made):
            self._course = self._course.passed(made)
            self.outcome = "completed" if self._course.at == len(self.workflow.steps) else "paused"
        else:
            self._course = self._course.kept_here(made)
            self._stop(outcome, self._course.at if outcome in ("handoff", "waiting") else self._course.at + 1)
        if made.binding is not None:  # copied: a record in the reader's hands changes nothing here
            self._bindings[made.binding] = copied(made.value)

    def _append_beside(self, at: int, made: Record) -> None:
        """Write down a step that ran beside the one that ended the run; it is used when the run comes there."""
        self._records.append(made)
        if self._keeper is not None:
            self._keeper.record(made, "beside", at=at)
        self._count(made)
        if was_called(made):
            self._course = self._course.beside(at, made)

    def _count(self, made: Record) -> None:
        if was_called(made) or made.status == "handoff":
            self._tries[made.step] = self._before[made.step] = made.attempt
        if was_called(made) and made.status in KNOWN:
            self._rounds[made.step] = self._rounds.get(made.step, 0) + 1
            self._approved.pop(made.step, None)

    def _stop(self, outcome: Outcome, left: int) -> None:
        self.outcome, self._left = outcome, left


def _pause(trying: Trying, made: Record) -> float | None:
    """Return the seconds until a step is called again by itself, or None where it is not."""
    now, retry, answer = trying.now, trying.now.plan.retry, trying.doing.answer
    was_tried = answer is not None or trying.doing.failed is not None
    if retry is None or not was_tried or made.status not in retry.on or (answer is not None and answer.is_final):
        return None
    if made.status not in SURELY_NOT_RUN and class_of(now) != "repeat":
        return None
    return retry.pause(made.attempt - now.before, answer.retry_after if answer is not None else None)

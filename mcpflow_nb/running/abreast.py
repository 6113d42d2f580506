"""Steps of one level, called side by side: all of them end, then their records come in the order of the workflow.

What ran beside a step that ended the run is written down too, and is used when the run comes there, never called again.
What they gave is in a journal once all have ended; a step that had by the time the process dies is unknown then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from mcpflow_nb.connecting.connections import running
from mcpflow_nb.records.record import Record
from mcpflow_nb.running.advancing import Trying
from mcpflow_nb.running.engine import interrupted
from mcpflow_nb.running.undoing import Undoing


class Abreast(Undoing):
    """The part of a run that takes several steps at once, where its workflow says `parallel()`."""

    def _level(self, goal: int) -> range:
        """Return the steps that can be taken at once from where the run stands: all new, and none that waits or pauses."""
        here, whole = self._course.at, self.workflow.level(self._course.at)
        if len(whole) == 1:
            return whole
        breaks = {one.step for one in self.workflow.breakpoints}
        for at in range(here, min(whole.stop, goal)):
            name = self.workflow.steps[at].name
            is_known = at in self._course.kept or name in self._course.pins
            if is_known or self._ready_at(at).call.missing or (at > here and name in breaks):
                return range(here, max(at, here + 1))
        return range(here, min(whole.stop, goal))

    async def _side_by_side(self, places: Sequence[int]) -> None:
        """Take steps at once, and append their records in order; only cancelling raises."""
        trying = [Trying(self._ready_at(at)) for at in places]
        self._under_way = asyncio.current_task()
        token = running.set(self.workflow)
        looks = [partial(self._ready_at, at, None) for at in places]
        tasks = [
            asyncio.create_task(self._tried(one, look, self._again, self._intend))
            for one, look in zip(trying, looks, strict=True)
        ]  # fmt: skip
        problem: BaseException | None = None
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError as error:
            problem = error
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        finally:
            running.reset(token)
        made = [_ended(task, one) for task, one in zip(tasks, trying, strict=True)]
        by_us = self._is_cancelled and self._under_way is not None
        if problem is not None and by_us and self._under_way is not None:
            self._under_way.uncancel()
            problem = None
        self._under_way = None
        await self._all_came(made)
        problem = problem or next((one for task in tasks if (one := _raised(task)) is not None), None)
        if problem is not None:
            raise problem

    async def _all_came(self, made: Sequence[Record]) -> None:
        for at, one in enumerate(made, self._course.at):
            if self.outcome != "paused":
                self._append_beside(at, one)
            elif one.status == "unknown":
                await self._parked(one)
            else:
                self._append(one)
        if self._owes_rollback:
            await self._roll_back()


def _ended(task: asyncio.Task[Record], trying: Trying) -> Record:
    if task.cancelled() or task.exception() is not None:
        return interrupted(trying.now, trying.doing, trying.now.attempt)
    return task.result()


def _raised(task: asyncio.Task[Record]) -> BaseException | None:
    return None if task.cancelled() else task.exception()

"""Runs that requests ask for: each drives one, and a run key in `_meta` makes the same request run once.

All of it happens in the I/O thread, whichever loop the request came from.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mcpflow_nb.errors import ServeError
from mcpflow_nb.run import Run

MOST_KEPT: Final = 1_000
"""Runs that are kept under their keys; the oldest that nobody waits for gives way."""

Report = Callable[[float, float, str], Awaitable[None]]


@dataclass
class Kept:
    """A run under its key: what it was asked with, and the task that drives it."""

    run: Run
    given: Mapping[str, Any]
    task: asyncio.Task[None]
    waiting: int = field(default=0)


class Runs:
    """The runs of one served set of workflows."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()
        self._handed: OrderedDict[str, Run] = OrderedDict()

    async def drive(self, begin: Callable[[], Run], name: str, given: Mapping[str, Any], key: str | None,
                    report: Report | None) -> Run:  # fmt: skip
        """Run a workflow to its end or its handoff; with a key that was asked before, wait for that run instead.

        Raises
        ------
        ServeError
            When the key was used with other arguments.
        """
        if key is None:
            run = begin()
            await advance(run, report)
            return run
        kept = self._kept.get((name, key))
        if kept is None:
            run = begin()
            kept = self._kept[name, key] = Kept(run, dict(given), asyncio.create_task(advance(run, report)))
            self._forget()
        elif kept.given != given:
            raise ServeError(f"run key {key!r} was used for {name!r} with other arguments; give another key")
        kept.waiting += 1
        try:
            await asyncio.shield(kept.task)
        except asyncio.CancelledError:
            if kept.waiting == 1 and not kept.task.done():  # the last who asked is gone: nobody wants it to go on
                await kept.run.cancel.aio()
            raise
        finally:
            kept.waiting -= 1
        return kept.run

    def _forget(self) -> None:
        idle = [key for key, kept in self._kept.items() if not kept.waiting and kept.task.done()]
        for key in idle[: max(0, len(self._kept) - MOST_KEPT)]:
            del self._kept[key]

    def hand_over(self, run: Run) -> str:
        """Keep a run that waits for its client, and return the state that names it."""
        self._handed[run.id] = run
        while len(self._handed) > MOST_KEPT:
            self._handed.popitem(last=False)
        return run.id

    def take_back(self, state: str, name: str) -> Run:
        """Return the run that a client goes on with; each state counts once.

        Raises
        ------
        ServeError
            When there is none of that state.
        """
        run = self._handed.pop(state, None)
        if run is None or run.workflow.name != name:
            raise ServeError("the state of this request is not known here, or was used; ask again without it")
        return run


async def advance(run: Run, report: Report | None) -> None:
    """Run what remains, a report before each step and one at the end of a run that completed."""
    steps = run.workflow.steps
    while run.outcome == "paused":
        if report is not None:
            await report(
                run.position, len(steps), f"step {run.position + 1} of {len(steps)}: {steps[run.position].name}"
            )
        await run.step.aio()
    if report is not None and run.outcome == "completed":
        await report(len(steps), len(steps), "completed")

"""Runs that requests ask for: a run key in `_meta` makes the same request run once, a state names a form's run.

All of it happens in the I/O thread, whichever loop the request came from.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import mcp.types as types

from mcpflow_nb.errors import RunError, ServeError
from mcpflow_nb.running.run import Run

log: Final = logging.getLogger("mcpflow_nb")
MOST_KEPT: Final = 1_000
"""Runs that are kept under their keys; the oldest that nobody waits for gives way."""
MOST_BYTES: Final = 64_000_000
"""What those runs may hold together, as the text of their traces."""

REPORT_SECONDS: Final = 5.0
"""How long a client may take with a report of progress before it gets none."""

Report = Callable[[float, float, str], Awaitable[None]]


@dataclass
class Kept:
    """A run, and the task that drives it now or did last; it gives why an answer was refused, or None."""

    run: Run
    task: asyncio.Task[str | None] | asyncio.Task[None]
    waiting: int = 0
    bytes: int = 0


class Runs:
    """The runs of one served set of workflows."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()
        self._handed: OrderedDict[str, tuple[Kept, int]] = OrderedDict()

    async def drive(self, begin: Callable[[], Run], key: str | None, report: Report | None) -> Kept:
        """Run a workflow to its end or its handoff; with a key that was asked before, wait for that run instead.

        Raises
        ------
        ServeError
            When the key was used with other arguments.
        """
        run = begin()
        name = (run.workflow.name, key or "")
        kept = self._kept.get(name) if key is not None else None
        if kept is None:
            kept = Kept(run, asyncio.create_task(advance(run, report)))
            if key is not None:
                self._kept[name] = kept
        elif kept.run.arguments != run.arguments:
            raise ServeError(f"run key {key!r} was used for {name[0]!r} with other arguments; give another key")
        await self._wait(kept)
        if key is not None and not kept.bytes:
            self._weigh(kept)
        return kept

    async def _wait(self, kept: Kept) -> str | None:
        kept.waiting += 1
        try:
            return await asyncio.shield(kept.task)
        except asyncio.CancelledError:
            if kept.waiting == 1 and not kept.task.done():  # the last who asked is gone: nobody wants it to go on
                await kept.run.cancel.aio()
            raise
        finally:
            kept.waiting -= 1

    def _weigh(self, kept: Kept) -> None:
        """Note what a run under a key holds now, and let others give way where that is too much."""
        kept.bytes = len(kept.run.trace.to_json(indent=None))
        held = sum(one.bytes for one in self._kept.values())
        for name, one in list(self._kept.items()):
            if len(self._kept) <= MOST_KEPT and held <= MOST_BYTES:
                return
            if not one.waiting and one.task.done():
                held -= one.bytes
                del self._kept[name]

    def hand_over(self, kept: Kept) -> str:
        """Keep a run that waits for its client, and return a state that names this one question of it."""
        state = secrets.token_urlsafe(16)
        self._handed[state] = kept, kept.run.position
        while len(self._handed) > MOST_KEPT:
            self._handed.popitem(last=False)
        return state

    async def go_on(
        self, state: str, name: str, answers: Mapping[str, Any], report: Report | None
    ) -> tuple[Kept, bool]:
        """Give the answer of a form to its run; False when its reader declined. A state counts once.

        Raises
        ------
        ServeError
            When there is none of that state, or the answer is refused; a refused one may be mended.
        """
        kept, position = self._handed.get(state, (None, 0))
        if kept is None or kept.run.workflow.name != name:
            raise ServeError("the state of this request is not known here, or was used; ask again without it")
        del self._handed[state]
        run = kept.run
        if run.outcome not in ("handoff", "waiting") or run.position != position:
            raise ServeError(f"the run has gone on since this was asked; it is {run.outcome}")
        answer = answers.get(run.workflow.steps[position].name)
        if not isinstance(answer, types.ElicitResult) or answer.action != "accept":
            return kept, False
        kept.task = asyncio.create_task(_answer(run, answer.content or {}, report))
        problem = await self._wait(kept)
        if problem is not None:
            self._handed[state] = kept, position
            raise ServeError(problem)
        if kept.bytes:  # it has a key
            self._weigh(kept)
        return kept, True


async def _answer(run: Run, content: Mapping[str, Any], report: Report | None) -> str | None:
    """Answer a handoff and run what remains; a refused answer is returned, for others may wait for this run too."""
    try:
        if run.outcome == "waiting":
            await run.approve.aio(run.workflow.steps[run.position].name, by="the client's user")
        else:
            await run.answer.aio(content)
    except RunError as error:
        return str(error)
    await advance(run, report)
    return None


async def advance(run: Run, report: Report | None) -> None:
    """Run what remains, a report before each step and one at the end of a run that completed."""
    steps = run.workflow.steps
    if report is None:
        await run.all.aio()
        return
    while run.outcome == "paused":
        await report(run.position, len(steps), f"step {run.position + 1} of {len(steps)}: {steps[run.position].name}")
        if run.outcome == "paused":  # it may have been cancelled meanwhile
            await run.step.aio()
    if run.outcome == "completed":
        await report(len(steps), len(steps), "completed")


def reporter(context: Any) -> Report | None:
    """Return how progress reaches the client, in the loop of its request, or None where nobody asked for it.

    After a first failure no more is sent.
    """
    # Over HTTP a client that wants progress says so; in this process it may listen without a word.
    if context.request is not None and "progress_token" not in (context.meta or {}):
        return None
    asked = asyncio.get_running_loop()
    is_gone = False

    async def send(progress: float, total: float, message: str) -> None:
        async with asyncio.timeout(REPORT_SECONDS):
            await context.session.report_progress(progress, total, message)

    async def report(progress: float, total: float, message: str) -> None:
        nonlocal is_gone
        if is_gone or asked.is_closed():
            return
        try:
            if asyncio.get_running_loop() is asked:
                await send(progress, total, message)
            else:
                async with asyncio.timeout(REPORT_SECONDS + 1):  # the other loop may stand still
                    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(send(progress, total, message), asked))
        except Exception as error:  # noqa: BLE001 - a client that is gone ends no run; what it throws depends on the transport
            is_gone = True
            log.debug("progress was not sent: %s", error)

    return report

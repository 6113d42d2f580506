"""Pieces of work for the thread that writes: done together in one transaction, and handed to whoever waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from mcpflow_nb.errors import JournalError
from mcpflow_nb.journal.link import Database, Link

Work = Callable[[Link], Any]
_MALFORMED: Final = (ValueError, TypeError, KeyError, RecursionError, OverflowError)


class Job:
    """One piece of work, and who waits for it: a thread, or a task of a loop. Done twice, it is as done once."""

    def __init__(self, work: Work, done: Any, loop: asyncio.AbstractEventLoop | None) -> None:
        self.work, self.done, self.loop = work, done, loop
        self.result: Any = None
        self.error: BaseException | None = None

    def finish(self) -> None:
        """Hand the result over, in the loop that waits for it."""
        if self.error is None:
            self.done.set_result(self.result)
        else:
            self.done.set_exception(self.error)
            self.done.exception()  # seen: whoever waited may have been interrupted


def failures(database: Database) -> tuple[type[Exception], ...]:
    """Return what opening a journal may raise."""
    return (*database.errors, OSError, JournalError)


def commit(database: Database, link: Link, jobs: Sequence[Job]) -> Exception | None:
    """Do pieces of work in one transaction; one that is refused is so alone. Return why nothing was written, or None."""
    left, refused = list(jobs), None
    try:
        if (words := link.gone()) is not None:
            return JournalError(link.name, words)
        while True:
            link.begin()
            if (refused := _first_refused(database, link, left)) is None:
                link.commit()
                return None
            link.rollback()
            left.remove(refused)
            if not left:
                return None
    except database.errors as error:
        _roll_back(database, link)
        return error


def _first_refused(database: Database, link: Link, jobs: Sequence[Job]) -> Job | None:
    for job in jobs:
        try:
            job.result = job.work(link)
        except JournalError as error:
            job.error = error
        except _MALFORMED as error:
            job.error = JournalError(link.name, database.mended(ValueError(f"malformed: {error}")))
        except database.errors as error:
            if not database.is_refusal(error):
                raise
            job.error = JournalError(link.name, f"it refused what was to be written: {database.mended(error)}")
        else:
            continue
        return job
    return None


def _roll_back(database: Database, link: Link) -> None:
    try:
        if link.in_transaction:
            link.rollback()
    except database.errors:  # the connection is lost, and the transaction with it
        return


def finish(jobs: Iterable[Job]) -> None:
    """Hand all results over, to each loop at once."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, mine in by_loop.items():

        def hand_over(mine: list[Job] = mine) -> None:
            for job in mine:
                job.finish()

        try:
            hand_over() if loop is None else loop.call_soon_threadsafe(hand_over)
        except RuntimeError:  # nobody waits any more: their loop is closed
            continue

"""A journal, open: durable when a method returns, written by one thread for all runs.

What many runs write at the same time shares one commit. A writer whose run was taken over is fenced off: every write
is conditional on the epoch of whoever opened the run last. JSON only, read with `exact`; nothing in a file is run.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

from mcpflow_nb.errors import JournalError
from mcpflow_nb.journal import tables
from mcpflow_nb.journal.owner import LEASE_SECONDS
from mcpflow_nb.journal.tables import Begun, Event, Member, Row, State

MOST_AT_ONCE: Final = 500
Work = Callable[[sqlite3.Connection], Any]


class Holder(Protocol):
    """Who holds a run of a store in this process."""

    run_id: str
    epoch: int

    @property
    def is_busy(self) -> bool:
        """Whether a verb of the run is under way."""


class Store:
    """One journal file, open. Every method that writes is durable when it returns."""

    def __init__(self, path: Path) -> None:
        self.path, self.pid = path, os.getpid()
        self.held: WeakValueDictionary[str, Holder] = WeakValueDictionary()
        """Who holds each run in this process; what nobody has any more is held no longer than its lease."""
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        opened: Future[os.stat_result] = Future()
        self._thread = threading.Thread(target=self._serve, args=(opened,), name="mcpflow-journal", daemon=True)
        self._thread.start()
        problem = opened.exception()
        if problem is not None:
            raise _named(path, problem, "it cannot be opened")
        self._file = opened.result()

    def begin_now(self, run_id: str, begun: Begun, state: State, rows: Sequence[Row]) -> int:
        """Write a new run, held by this process, and return its epoch; waits as a plain call.

        Raises
        ------
        RunHeldError
            When there is a run of this id.
        JournalError
            When it cannot be written.
        """
        return int(self._now(lambda db: tables.begin(db, self.path, run_id, begun, state, rows)))

    async def begin(self, run_id: str, begun: Begun, state: State, rows: Sequence[Row]) -> int:
        """Do the same from async code."""
        return int(await self._do(lambda db: tables.begin(db, self.path, run_id, begun, state, rows)))

    def has(self, run_id: str) -> bool:
        """Tell whether there is a run of this id."""
        return bool(self._now(lambda db: tables.has(db, run_id)))

    def batch(self, name: str) -> dict[str, Member]:
        """Return what is there of a batch, by run id; nothing is taken."""
        found: dict[str, Member] = self._now(lambda db: tables.batch(db, name))
        return found

    def look(self, run_id: str) -> list[Event]:
        """Return the events of a run, oldest first, and take nothing; errors as for `take`."""
        events: list[Event] = self._now(lambda db: tables.look(db, self.path, run_id) and tables.events_of(db, run_id))
        return events

    def take(self, run_id: str) -> tuple[list[Event], int]:
        """Take a run for this process: all its events, and the new epoch.

        Raises
        ------
        JournalError
            When there is no such run.
        RunHeldError
            When another process that may be alive holds it.
        """
        taken: tuple[list[Event], int] = self._now(lambda db: tables.take(db, self.path, run_id))
        return taken

    async def append(self, run_id: str, epoch: int, state: State, rows: Sequence[Row], *, keeps: bool) -> None:
        """Write events of a run that this process holds, and hold it no more unless it `keeps` it.

        Raises
        ------
        FencedError
            When the run was taken over.
        JournalError
            When they cannot be written; then none of them is.
        """
        await self._do(lambda db: tables.append(db, self.path, run_id, epoch, state, rows, keeps=keeps))

    @property
    def is_current(self) -> bool:
        """Whether the file that was opened is still the one of this name, and this process the one that opened it."""
        try:
            return self.pid == os.getpid() and os.path.samestat(os.stat(self.path), self._file)
        except OSError:
            return False

    def close(self) -> None:
        """End the thread and close the file; what was asked for before is still written."""
        self._queue.put(None)
        self._thread.join(tables.BUSY_SECONDS + 1.0)

    def _now(self, work: Work) -> Any:
        done: Future[Any] = Future()
        self._queue.put(_Job(work, done, None))
        problem = done.exception()
        if problem is not None:
            raise _named(self.path, problem, "it cannot be read or written")
        return done.result()

    async def _do(self, work: Work) -> Any:
        if self.pid != os.getpid():
            raise JournalError(str(self.path), "it was opened before this process was forked; open it again here")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        self._queue.put(_Job(work, done, loop))
        problem: BaseException | None = None
        try:
            return await asyncio.shield(done)
        except (sqlite3.Error, JournalError) as error:
            problem = error
        raise _named(self.path, problem, "it cannot be written, and nothing of this was")

    def _serve(self, opened: Future[os.stat_result]) -> None:
        try:
            db = tables.opened(self.path)
            opened.set_result(os.stat(self.path))
        except (sqlite3.Error, OSError, JournalError) as error:
            opened.set_exception(error)
            return
        beat = time.monotonic()
        for jobs in self._batches():
            if time.monotonic() - beat > LEASE_SECONDS / 3:
                beat = time.monotonic()
                held = [(one.run_id, one.epoch) for ref in self.held.valuerefs() if (one := ref()) is not None]
                jobs = [*jobs, _Job(lambda db, held=held: tables.renew(db, held), Future(), None)]  # type: ignore[misc]
            if jobs:
                _committed(db, jobs, self._missing)
        db.close()

    def _batches(self) -> Iterator[list[_Job]]:
        """Give what is to be written together, and nothing now and then, for the leases."""
        is_last = False
        while not is_last:
            jobs: list[_Job] = []
            try:
                job = self._queue.get(timeout=LEASE_SECONDS / 3)
                while job is not None:
                    jobs.append(job)
                    if len(jobs) >= MOST_AT_ONCE:
                        break
                    job = self._queue.get_nowait()
                is_last = job is None
            except queue.Empty:
                pass
            yield jobs

    def _missing(self) -> str | None:
        return None if self.is_current else "the file is gone, or another one took its place; name another file"


class _Job:
    """One piece of work for the thread that writes, and who waits for it: a thread, or a task of a loop."""

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


def _committed(db: sqlite3.Connection, jobs: list[_Job], missing: Callable[[], str | None]) -> None:
    """Do pieces of work in one transaction; one that is refused is so alone, a commit that fails fails them all."""
    try:
        if (words := missing()) is not None:
            raise sqlite3.OperationalError(words)
        db.execute("BEGIN IMMEDIATE")
        for job in jobs:
            if len(jobs) > 1:
                db.execute("SAVEPOINT job")
            try:
                job.result = job.work(db)
            except (JournalError, ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
                job.error = error if isinstance(error, JournalError) else sqlite3.DataError(f"malformed: {error}")
                db.execute("ROLLBACK TO job" if len(jobs) > 1 else "ROLLBACK")
        if db.in_transaction:
            db.execute("COMMIT")
    except sqlite3.Error as error:
        if db.in_transaction:
            db.rollback()
        for job in jobs:
            job.error = job.error or error
    _finished(jobs)


def _finished(jobs: Iterable[_Job]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop | None, list[_Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, mine in by_loop.items():

        def finish(mine: list[_Job] = mine) -> None:
            for job in mine:
                job.finish()

        try:
            finish() if loop is None else loop.call_soon_threadsafe(finish)
        except RuntimeError:  # nobody waits any more: their loop is closed
            continue


def _named(path: Path, error: BaseException, what: str) -> JournalError:
    if isinstance(error, JournalError):
        return error
    return JournalError(str(path), f"{what}: {tables.mended(error)}")


_lock: Final = threading.Lock()
_stores: Final[dict[Path, Store]] = {}


def store_at(path: Path) -> Store:
    """Return the open journal of a file, one for all runs of this process."""
    with _lock:
        store = _stores.get(path)
        if store is None or not store.is_current:
            store = _stores[path] = Store(path)
        return store

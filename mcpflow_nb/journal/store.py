"""A journal, open: durable when a method returns, written by one thread for all runs.

What many runs write at the same time shares one commit. A writer whose run was taken over is fenced off: every write
is conditional on the epoch of whoever opened the run last. JSON only, read with `exact`; nothing in a file is run.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

from mcpflow_nb.errors import JournalError
from mcpflow_nb.journal import tables
from mcpflow_nb.journal.databases import database
from mcpflow_nb.journal.jobs import Job, Work, commit, failures, finish
from mcpflow_nb.journal.link import Database, Link
from mcpflow_nb.journal.owner import LEASE_SECONDS
from mcpflow_nb.journal.tables import Begun, Event, Kept, Member, Row, State

MOST_AT_ONCE: Final = 500
CLOSE_SECONDS: Final = 6.0
PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between tries to reach a journal again; the last one over and over."""


class Holder(Protocol):
    """Who holds a run of a store in this process."""

    run_id: str
    epoch: int

    @property
    def is_busy(self) -> bool:
        """Whether a verb of the run is under way."""


class Store:
    """One journal, open. Every method that writes is durable when it returns."""

    def __init__(self, where: Database) -> None:
        self.database, self.name, self.pid = where, where.name, os.getpid()
        self.held: WeakValueDictionary[str, Holder] = WeakValueDictionary()
        """Who holds each run in this process; what nobody has any more is held no longer than its lease."""
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        opened: Future[Link] = Future()
        self._thread = threading.Thread(target=self._serve, args=(opened,), name="mcpflow-journal", daemon=True)
        self._thread.start()
        problem = opened.exception()
        if problem is not None:
            raise problem
        self._link = opened.result()

    def begin_now(self, run_id: str, begun: Begun, state: State, rows: Sequence[Row]) -> int:
        """Write a new run, held by this process, and return its epoch; waits as a plain call.

        Raises
        ------
        RunHeldError
            When there is a run of this id.
        JournalError
            When it cannot be written.
        """
        return int(self._now(lambda db: tables.begin(db, run_id, begun, state, rows)))

    async def begin(self, run_id: str, begun: Begun, state: State, rows: Sequence[Row]) -> int:
        """Do the same from async code."""
        return int(await self._do(lambda db: tables.begin(db, run_id, begun, state, rows)))

    def has(self, run_id: str) -> bool:
        """Tell whether there is a run of this id."""
        return bool(self._now(lambda db: tables.has(db, run_id)))

    async def batch(self, name: str, run_ids: Sequence[str] | None = None) -> dict[str, Member]:
        """Return what is there of a batch, or of these runs of it, by run id; nothing is taken."""
        found: dict[str, Member] = await self._do(lambda db: tables.batch(db, name, run_ids))
        return found

    async def kept(self, run_ids: Sequence[str]) -> tuple[Kept, ...]:
        """Return those of these runs that there are; nothing is taken."""
        where = f"WHERE run_id IN ({','.join('?' * len(run_ids))})"
        found: tuple[Kept, ...] = await self._do(lambda db: tables.kept(db, where, run_ids))
        return found

    async def release(self, run_ids: Sequence[str]) -> None:
        """Hold these runs no more, so that another process need not wait for their leases."""
        await self._do(lambda db: tables.release(db, run_ids))

    def look(self, run_id: str) -> list[Event]:
        """Return the events of a run, oldest first, and take nothing; errors as for `take`."""
        events: list[Event] = self._now(lambda db: tables.look(db, run_id) and tables.events_of(db, run_id))
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
        taken: tuple[list[Event], int] = self._now(lambda db: tables.take(db, run_id))
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
        await self._do(lambda db: tables.append(db, run_id, epoch, state, rows, keeps=keeps))

    @property
    def is_current(self) -> bool:
        """Whether what was opened is still the journal of this name, and this process the one that opened it."""
        return self.pid == os.getpid() and self._link.gone() is None

    def close(self) -> None:
        """End the thread and close the journal; what was asked for before is still written."""
        self._queue.put(None)
        self._thread.join(CLOSE_SECONDS + self.database.patience)

    def _now(self, work: Work) -> Any:
        done: Future[Any] = Future()
        self._queue.put(Job(work, done, None))
        problem = done.exception()
        if problem is not None:
            raise problem
        return done.result()

    async def _do(self, work: Work) -> Any:
        if self.pid != os.getpid():
            raise JournalError(self.name, "it was opened before this process was forked; open it again here")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        self._queue.put(Job(work, done, loop))
        return await asyncio.shield(done)

    def _serve(self, opened: Future[Link]) -> None:
        try:
            self._link = self.database.opened()
            opened.set_result(self._link)
        except failures(self.database) as error:
            opened.set_exception(self._named(error, "it cannot be opened"))
            return
        beat = time.monotonic()
        for jobs in self._batches():
            if time.monotonic() - beat > LEASE_SECONDS / 3:
                beat = time.monotonic()
                held = [(one.run_id, one.epoch) for ref in self.held.valuerefs() if (one := ref()) is not None]
                jobs = [*jobs, Job(lambda db, held=held: tables.renew(db, held), Future(), None)]  # type: ignore[misc]
            if jobs:
                self._write(jobs)
        self._link.close()

    def _write(self, jobs: list[Job]) -> None:
        """Write what belongs together; where the connection is lost, on a new one: what is written twice is so once."""
        until, tries = time.monotonic() + self.database.patience, 0
        while (problem := commit(self.database, self._link, jobs)) is not None:
            if not self.database.is_passing(problem) or time.monotonic() > until:
                break
            time.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1
            if (away := self._reopened()) is not None and time.monotonic() > until:
                problem = away
                break
        for job in jobs:
            if problem is not None and job.error is None:
                job.error = self._named(problem, "it cannot be read or written, and nothing of this was")
        finish(jobs)

    def _reopened(self) -> Exception | None:
        """Open the journal anew; return why it cannot be."""
        try:
            fresh = self.database.opened()
        except failures(self.database) as error:
            return error
        self._link.close()
        self._link = fresh
        return None

    def _named(self, error: BaseException, what: str) -> JournalError:
        if isinstance(error, JournalError):
            return error
        return JournalError(self.name, f"{what}: {self.database.mended(error)}")

    def _batches(self) -> Iterator[list[Job]]:
        """Give what is to be written together, and nothing now and then, for the leases."""
        is_last = False
        while not is_last:
            jobs: list[Job] = []
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


_lock: Final = threading.Lock()
_stores: Final[dict[Database, Store]] = {}


def store_at(journal: Any) -> Store:
    """Return the open journal of a path or a URL, one for all runs of this process; errors as for `database`."""
    where = database(journal)
    with _lock:
        store = _stores.get(where)
        if store is None or not store.is_current:
            store = _stores[where] = Store(where)
        return store

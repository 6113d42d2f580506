"""The tables of a journal: what is in them, and each statement that reads or writes them. No threads here.

An event has its number from whoever writes it, so that writing it a second time changes nothing. The SQL is the same for
every database; leases go by its clock.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from mcpflow_nb.errors import FencedError, JournalError, RunHeldError
from mcpflow_nb.exact import loads
from mcpflow_nb.journal.link import Link
from mcpflow_nb.journal.owner import LEASE_SECONDS, Owner, has_run_out, this_process

FORMAT_VERSION: Final = 1
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS runs(
    run_id TEXT PRIMARY KEY, workflow TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL, outcome TEXT NOT NULL,
    steps INTEGER NOT NULL, done INTEGER NOT NULL, batch TEXT, epoch INTEGER NOT NULL, owner TEXT,
    lease DOUBLE PRECISION NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_by_batch ON runs(batch);
CREATE TABLE IF NOT EXISTS events(
    run_id TEXT NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY(run_id, seq)
) WITHOUT ROWID;
"""
COLUMNS: Final = (
    "run_id", "workflow", "created", "updated", "outcome", "steps", "done", "batch", "epoch", "owner", "lease",
)  # fmt: skip
RUNNING: Final = "running"
"""The outcome of a run while one of its calls is under way."""


class Row(NamedTuple):
    """One event to be written: its number in its run, its word, and what it says as JSON text."""

    seq: int
    kind: str
    text: str


class Event(NamedTuple):
    """One thing that happened in a run: `kind` is its word, `body` plain JSON."""

    kind: str
    body: Any


class State(NamedTuple):
    """What is known of a run at a glance: its outcome, how many steps it has, how many are done."""

    outcome: str
    steps: int
    done: int


@dataclass(frozen=True)
class Kept:
    """One run as it lies in a journal. `owner` is the process that holds it, or held it when it ended; None: nobody."""

    run_id: str
    workflow: str
    created: datetime
    updated: datetime
    state: State
    batch: str | None
    epoch: int
    owner: Owner | None
    lease: float
    is_shared: bool = False
    """Whether its journal is one for several machines."""

    @property
    def is_held(self) -> bool:
        """Whether a process that gave word lately holds it, this one too."""
        if self.owner is None or has_run_out(self.lease):
            return False
        return not self.owner.is_dead(is_elsewhere=self.is_shared)

    @property
    def outcome(self) -> str:
        """The outcome; `interrupted` where a call was under way and whoever made it is gone."""
        return "interrupted" if self.state.outcome == RUNNING and not self.is_held else self.state.outcome


class Member(NamedTuple):
    """A run of a batch: its outcome, and what tells how it was begun, in this process; None where it is not done."""

    outcome: str
    begun: int | None


class Begun(NamedTuple):
    """A run that is new: its workflow's name, when it began, and the batch it belongs to."""

    workflow: str
    created: str
    batch: str | None = None


def begin(db: Link, run_id: str, begun: Begun, state: State, rows: Sequence[Row]) -> int:
    """Write a new run, and return its epoch; one that this process wrote already is left as it is."""
    values = (
        run_id,
        begun.workflow,
        begun.created,
        begun.created,
        *state,
        begun.batch,
        1,
        _owner_text(),
        LEASE_SECONDS,
    )
    marks = "?," * (len(COLUMNS) - 1) + "{clock} + ?"
    query = f"INSERT INTO runs({','.join(COLUMNS)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
    if not db.execute(query, values).rowcount:
        there = db.execute("SELECT created, epoch, owner FROM runs WHERE run_id=?", (run_id,)).fetchone()
        if there != (begun.created, 1, _owner_text()):
            raise RunHeldError(db.name, run_id, None, "there is a run of this id already; mf.resume goes on with it")
    _insert(db, run_id, 1, rows)
    return 1


def look(db: Link, run_id: str) -> Kept:
    """Return a run that this process could take."""
    found = kept(db, "WHERE run_id=?", (run_id,))
    if not found:
        known = [one for (one,) in db.execute("SELECT run_id FROM runs ORDER BY updated DESC LIMIT 200").fetchall()]
        raise JournalError(db.name, f"no run {run_id!r}", known=known, asked=run_id)
    if found[0].is_held and found[0].owner != this_process():
        raise RunHeldError(db.name, run_id, found[0].owner)
    return found[0]


def take(db: Link, run_id: str) -> tuple[list[Event], int]:
    """Take a run for this process: its events, and the new epoch."""
    taken = "UPDATE runs SET epoch=?, owner=?, lease={clock} + ? WHERE run_id=? AND epoch=?"
    while True:  # where another process takes it in this very moment, who looks again sees who holds it
        old = look(db, run_id).epoch
        if db.execute(taken, (old + 1, _owner_text(), LEASE_SECONDS, run_id, old)).rowcount:
            return events_of(db, run_id), old + 1


def has(db: Link, run_id: str) -> bool:
    """Tell whether there is a run of this id."""
    return db.execute("SELECT 1 FROM runs WHERE run_id=?", (run_id,)).fetchone() is not None


def batch(db: Link, name: str, run_ids: Sequence[str] | None = None) -> dict[str, Member]:
    """Return what is there of a batch, or of these runs, by run id."""
    where = "batch=?" if run_ids is None else f"run_id IN ({','.join('?' * len(run_ids))})"
    rows = db.execute(
        "SELECT run_id, outcome, CASE WHEN outcome='completed' AND NOT EXISTS"
        "(SELECT 1 FROM events e WHERE e.run_id=r.run_id AND e.kind='defined')"
        f" THEN (SELECT body FROM events e WHERE e.run_id=r.run_id AND e.seq=0) END FROM runs r WHERE {where}",
        (name,) if run_ids is None else tuple(run_ids),
    ).fetchall()
    return {run_id: Member(outcome, None if text is None else hash(text)) for run_id, outcome, text in rows}


def append(db: Link, run_id: str, epoch: int, state: State, rows: Sequence[Row], *, keeps: bool) -> None:
    """Write events of a run that is held with this epoch, and go on holding it where it `keeps` it."""
    owner, seconds = (_owner_text(), LEASE_SECONDS) if keeps else (None, 0.0)
    query = (
        "UPDATE runs SET updated=?, outcome=?, steps=?, done=?, owner=?, lease={clock} + ? WHERE run_id=? AND epoch=?"
    )
    if db.execute(query, (now(), *state, owner, seconds, run_id, epoch)).rowcount != 1:
        raise FencedError(db.name, run_id)
    _insert(db, run_id, epoch, rows)


def renew(db: Link, held: Sequence[tuple[str, int]]) -> None:
    """Say that these runs, each with its epoch, are still held by this process."""
    rows = [(LEASE_SECONDS, run_id, epoch) for run_id, epoch in sorted(held)]
    db.executemany("UPDATE runs SET lease={clock} + ? WHERE run_id=? AND epoch=? AND owner IS NOT NULL", rows)


def release(db: Link, run_ids: Sequence[str]) -> None:
    """Hold these runs no more, as far as this process does."""
    rows = [(run_id, _owner_text()) for run_id in sorted(run_ids)]
    db.executemany("UPDATE runs SET owner=NULL, lease=0 WHERE run_id=? AND owner=?", rows)


def remove(db: Link, gone: Sequence[Kept]) -> tuple[Kept, ...]:
    """Remove runs for good, and return them; one that was taken since it was listed stays."""
    query = "DELETE FROM runs WHERE run_id=? AND epoch=?"
    removed = tuple(one for one in gone if db.execute(query, (one.run_id, one.epoch)).rowcount)
    db.executemany("DELETE FROM events WHERE run_id=?", [(one.run_id,) for one in removed])
    return removed


def kept(db: Link, where: str = "", values: Sequence[Any] = ()) -> tuple[Kept, ...]:
    """Return runs, the one that was touched last first."""
    columns = ",".join(COLUMNS[:-1])
    query = f"SELECT {columns}, lease - {{clock}} FROM runs {where} ORDER BY updated DESC, run_id"
    return tuple(_kept_of(row, is_shared=db.is_shared) for row in db.execute(query, values).fetchall())


def _insert(db: Link, run_id: str, epoch: int, rows: Sequence[Row]) -> None:
    values = [(run_id, row.seq, epoch, row.kind, row.text) for row in rows]
    query = "INSERT INTO events(run_id, seq, epoch, kind, body) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING"
    db.executemany(query, values)


def events_of(db: Link, run_id: str) -> list[Event]:
    """Return the events of a run, oldest first."""
    rows = db.execute("SELECT kind, body FROM events WHERE run_id=? ORDER BY seq", (run_id,)).fetchall()
    return [Event(kind, loads(body)) for kind, body in rows]


def _kept_of(row: Sequence[Any], *, is_shared: bool) -> Kept:
    run_id, workflow, created, updated, outcome, steps, done, batch, epoch, owner, left = row
    held_by = Owner(**loads(owner)) if owner else None
    began, touched = datetime.fromisoformat(created), datetime.fromisoformat(updated)
    state, lease = State(outcome, steps, done), time.time() + left
    return Kept(run_id, workflow, began, touched, state, batch, epoch, held_by, lease, is_shared)


def now() -> str:
    """Return this moment, UTC, as it is written."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def newer(name: str, version: int) -> JournalError:
    """Return the error of a journal that a later version of this package made."""
    words = f"format version {version}; this mcpflow_nb reads version {FORMAT_VERSION}: update it"
    return JournalError(name, words)


def _owner_text() -> str:
    return this_process().text

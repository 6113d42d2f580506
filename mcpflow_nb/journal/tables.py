"""The tables of a journal in SQLite: what is in them, and each statement that reads or writes them. No threads here.

An event has its number from whoever writes it, so that writing it a second time changes nothing.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from mcpflow_nb.errors import FencedError, JournalError, RunHeldError
from mcpflow_nb.exact import loads
from mcpflow_nb.journal.owner import LEASE_SECONDS, Owner, has_run_out, this_process

FORMAT_VERSION: Final = 1
BUSY_SECONDS: Final = 5.0
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS runs(
    run_id TEXT PRIMARY KEY, workflow TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL, outcome TEXT NOT NULL,
    steps INTEGER NOT NULL, done INTEGER NOT NULL, batch TEXT, epoch INTEGER NOT NULL, owner TEXT, lease REAL NOT NULL
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

    @property
    def is_held(self) -> bool:
        """Whether a process that gave word lately holds it, this one too."""
        return self.owner is not None and not self.owner.is_dead() and not has_run_out(self.lease)

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


def begin(db: sqlite3.Connection, path: Path, run_id: str, begun: Begun, state: State, rows: Sequence[Row]) -> int:
    """Write a new run, and return its epoch; one that was written already is left as it is."""
    values = (run_id, begun.workflow, begun.created, begun.created, *state, begun.batch, 1, _owner_text(), _lease())
    marks = ",".join("?" * len(COLUMNS))
    if not db.execute(f"INSERT OR IGNORE INTO runs({','.join(COLUMNS)}) VALUES ({marks})", values).rowcount:
        there = db.execute("SELECT created, epoch FROM runs WHERE run_id=?", (run_id,)).fetchone()
        if there != (begun.created, 1):
            raise RunHeldError(str(path), run_id, None, "there is a run of this id already; mf.resume goes on with it")
    _insert(db, run_id, 1, rows)
    return 1


def look(db: sqlite3.Connection, path: Path, run_id: str) -> Kept:
    """Return a run that this process could take."""
    row = db.execute(f"SELECT {','.join(COLUMNS)} FROM runs WHERE run_id=?", (run_id,)).fetchone()
    if row is None:
        known = [one[0] for one in db.execute("SELECT run_id FROM runs ORDER BY updated DESC LIMIT 200")]
        raise JournalError(str(path), f"no run {run_id!r}", known=known, asked=run_id)
    kept = kept_of(row)
    if kept.is_held and kept.owner != this_process():
        raise RunHeldError(str(path), run_id, kept.owner)
    return kept


def take(db: sqlite3.Connection, path: Path, run_id: str) -> tuple[list[Event], int]:
    """Take a run for this process: its events, and the new epoch."""
    epoch = look(db, path, run_id).epoch + 1
    db.execute("UPDATE runs SET epoch=?, owner=?, lease=? WHERE run_id=?", (epoch, _owner_text(), _lease(), run_id))
    return events_of(db, run_id), epoch


def has(db: sqlite3.Connection, run_id: str) -> bool:
    """Tell whether there is a run of this id."""
    return db.execute("SELECT 1 FROM runs WHERE run_id=?", (run_id,)).fetchone() is not None


def batch(db: sqlite3.Connection, name: str) -> dict[str, Member]:
    """Return what is there of a batch, by run id."""
    rows = db.execute(
        "SELECT run_id, outcome, CASE WHEN outcome='completed' AND NOT EXISTS"
        "(SELECT 1 FROM events e WHERE e.run_id=r.run_id AND e.kind='defined')"
        " THEN (SELECT body FROM events e WHERE e.run_id=r.run_id AND e.seq=0) END FROM runs r WHERE batch=?",
        (name,),
    )
    return {run_id: Member(outcome, None if text is None else hash(text)) for run_id, outcome, text in rows}


def append(
    db: sqlite3.Connection, path: Path, run_id: str, epoch: int, state: State, rows: Sequence[Row], *, keeps: bool
) -> None:
    """Write events of a run that is held with this epoch, and go on holding it where it `keeps` it."""
    owner, lease = (_owner_text(), _lease()) if keeps else (None, 0.0)
    done = db.execute(
        "UPDATE runs SET updated=?, outcome=?, steps=?, done=?, owner=?, lease=? WHERE run_id=? AND epoch=?",
        (now(), *state, owner, lease, run_id, epoch),
    )
    if done.rowcount != 1:
        raise FencedError(str(path), run_id)
    _insert(db, run_id, epoch, rows)


def renew(db: sqlite3.Connection, held: Sequence[tuple[str, int]]) -> None:
    """Say that these runs, each with its epoch, are still held by this process."""
    lease = _lease()
    rows = [(lease, run_id, epoch) for run_id, epoch in held]
    db.executemany("UPDATE runs SET lease=? WHERE run_id=? AND epoch=? AND owner IS NOT NULL", rows)


def opened(path: Path) -> sqlite3.Connection:
    """Return a journal file, made where there is none; nothing is changed in a file that is none of ours."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        version = version_of(db, path)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        if version == 0:
            db.executescript(f"BEGIN IMMEDIATE;{SCHEMA}PRAGMA user_version={FORMAT_VERSION};COMMIT;")
    except BaseException:
        db.close()
        raise
    return db


def version_of(db: sqlite3.Connection, path: Path) -> int:
    """Return the version of a journal's format, 0 for a file with nothing in it; JournalError for what is none."""
    [version] = db.execute("PRAGMA user_version").fetchone()
    if version > FORMAT_VERSION:
        words = f"format version {version}; this mcpflow_nb reads version {FORMAT_VERSION}: update it"
        raise JournalError(str(path), words)
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    if (version == 0 and tables) or (version and not {"runs", "events"} <= tables):
        raise JournalError(str(path), "it is a SQLite file, but no journal of ours; name another file")
    return int(version)


def _insert(db: sqlite3.Connection, run_id: str, epoch: int, rows: Sequence[Row]) -> None:
    values = [(run_id, row.seq, epoch, row.kind, row.text) for row in rows]
    db.executemany("INSERT OR IGNORE INTO events(run_id, seq, epoch, kind, body) VALUES (?,?,?,?,?)", values)


def events_of(db: sqlite3.Connection, run_id: str) -> list[Event]:
    """Return the events of a run, oldest first."""
    rows = db.execute("SELECT kind, body FROM events WHERE run_id=? ORDER BY seq", (run_id,)).fetchall()
    return [Event(kind, loads(body)) for kind, body in rows]


def kept_of(row: Sequence[Any]) -> Kept:
    """Return the run of a row."""
    run_id, workflow, created, updated, outcome, steps, done, batch, epoch, owner, lease = row
    held_by = Owner(**loads(owner)) if owner else None
    began, touched = datetime.fromisoformat(created), datetime.fromisoformat(updated)
    return Kept(run_id, workflow, began, touched, State(outcome, steps, done), batch, epoch, held_by, lease)


def now() -> str:
    """Return this moment, UTC, as it is written."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _lease() -> float:
    return time.time() + LEASE_SECONDS


def _owner_text() -> str:
    return this_process().text


def mended(error: BaseException) -> str:
    """Return what a database or the system said, and what to do about it."""
    said = str(error) or type(error).__name__
    for words, mend in MENDS.items():
        if words in said:
            return f"{said}; {mend}"
    return said


MENDS: Final = {
    "disk is full": "make room on the disk, and go on",
    "readonly": "name a file that may be written, or journal=None for a run that is not kept",
    "ermission denied": "name a file that may be written, or journal=None for a run that is not kept",
    "Read-only": "name a file that may be written, or journal=None for a run that is not kept",
    "unable to open": "name a file in a folder where you may write: journal=...",
    "locked": "another program holds the file; close it, and go on",
    "not a database": "it is no journal, or broken; nothing in it was changed: name another file",
    "malformed": "the file is broken; nothing in it was changed: name another file",
}
"""What is said to what mends it."""

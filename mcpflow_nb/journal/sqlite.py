"""A journal in a file of this machine: SQLite, with a write-ahead log, each commit synced."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import quote

from mcpflow_nb.errors import JournalError
from mcpflow_nb.journal.tables import FORMAT_VERSION, SCHEMA, newer

BUSY_SECONDS: Final = 5.0
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


class SqliteLink:
    """One connection to a file."""

    is_shared: Final = False

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.name, self._path, self._db = str(path), path, db
        self._file = os.stat(path)
        db.create_function("clock", 0, time.time)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._db.in_transaction

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> sqlite3.Cursor:
        """Run one statement."""
        return self._db.execute(sql.replace("{clock}", "clock()"), values)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> sqlite3.Cursor:
        """Run one statement for each row."""
        return self._db.executemany(sql.replace("{clock}", "clock()"), rows)

    def begin(self) -> None:
        """Open a transaction, and wait a little for another writer."""
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make durable what was written."""
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Forget what was written."""
        self._db.rollback()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def gone(self) -> str | None:
        """Return why the file is not the one that was opened, or None."""
        try:
            same = os.path.samestat(os.stat(self._path), self._file)
        except OSError:
            same = False
        return None if same else "the file is gone, or another one took its place; name another file"

    def shrink(self) -> None:
        """Make the file smaller."""
        self._db.execute("VACUUM")

    def version(self) -> int:
        """Return the version of the journal's format, 0 for a file with nothing in it; JournalError for what is none."""
        [version] = self._db.execute("PRAGMA user_version").fetchone()
        if version > FORMAT_VERSION:
            raise newer(self.name, version)
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        if (version == 0 and tables) or (version and not {"runs", "events"} <= tables):
            raise JournalError(self.name, "it is a SQLite file, but no journal of ours; name another file")
        return int(version)


@dataclass(frozen=True)
class SqliteFile:
    """A file."""

    path: Path
    errors: ClassVar[tuple[type[Exception], ...]] = (sqlite3.Error,)
    patience: ClassVar[float] = 0.0

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def opened(self) -> SqliteLink:
        """Return the file, made where there is none; nothing is changed in one that is none of ours."""
        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        db = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            link = SqliteLink(self.path, db)
            version = link.version()
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            if version == 0:
                db.executescript(f"BEGIN IMMEDIATE;{SCHEMA}PRAGMA user_version={FORMAT_VERSION};COMMIT;")
        except BaseException:
            db.close()
            raise
        return link

    def reading(self) -> SqliteLink | None:
        """Return the file for reading; None where there is none, or nothing in it."""
        if not self.path.exists():
            return None
        uri = f"file:{quote(str(self.path))}?mode=ro"
        db = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)
        try:
            link = SqliteLink(self.path, db)
            version = link.version()
        except BaseException:
            db.close()
            raise
        if not version:
            db.close()
        return link if version else None

    def is_passing(self, error: BaseException) -> bool:  # noqa: ARG002 - SQLite has waited already
        """Nothing mends itself."""
        return False

    def is_refusal(self, error: BaseException) -> bool:
        """Tell whether a value is too big."""
        return isinstance(error, sqlite3.DataError)

    def mended(self, error: BaseException) -> str:
        """Return what SQLite or the system said, and what to do about it."""
        said = str(error) or type(error).__name__
        return next((f"{said}; {mend}" for words, mend in MENDS.items() if words in said), said)

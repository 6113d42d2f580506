"""Which database a journal lies in: a path is a SQLite file of this machine, `postgresql://...` is for several machines."""

from __future__ import annotations

from typing import Any

from mcpflow_nb.journal.link import Database
from mcpflow_nb.journal.places import place
from mcpflow_nb.journal.postgres import PostgresUrl, is_url
from mcpflow_nb.journal.sqlite import SqliteFile


def database(journal: Any) -> Database:
    """Return where a journal lies: a path, a URL, True for this user's own, or what this gave; nothing is opened.

    Raises
    ------
    JournalError
        When it is neither.
    """
    if isinstance(journal, SqliteFile | PostgresUrl):
        return journal
    return PostgresUrl.of(journal) if is_url(journal) else SqliteFile(place(journal))

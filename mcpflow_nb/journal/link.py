"""What a journal needs of a database, and no more: to open it, to run SQL in a transaction, and to say what went wrong.

`sqlite.py` and `postgres.py` are the two; `databases.py` chooses. SQL is written once, in `tables.py`, with `?` where a
value stands and `{clock}` where the moment does. To add a database: a class here and there, and a row in `databases.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol


class Link(Protocol):
    """An open connection to a journal. `name` is what may be shown of it."""

    @property
    def name(self) -> str:
        """What may be shown of the journal."""

    @property
    def is_shared(self) -> bool:
        """Whether processes of other machines may use the same journal."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, also a failed one."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Any:
        """Run one statement, and return its cursor."""

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Any:
        """Run one statement for each row."""

    def begin(self) -> None:
        """Open a transaction that will write."""

    def commit(self) -> None:
        """Make durable what was written."""

    def rollback(self) -> None:
        """Forget what was written since `begin`."""

    def close(self) -> None:
        """Close it."""

    def gone(self) -> str | None:
        """Return why what was opened is not the journal of this name any more, or None."""

    def shrink(self) -> None:
        """Give back the room of what was removed."""


class Database(Protocol):
    """Where a journal lies. Two of the same place are equal; `name` is what may be shown of it."""

    @property
    def name(self) -> str:
        """What may be shown of it."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What its driver raises."""

    @property
    def patience(self) -> float:
        """Seconds in which a lost connection is made again."""

    def opened(self) -> Link:
        """Return a connection that may write; the tables are made where there are none."""

    def reading(self) -> Link | None:
        """Return a connection for reading alone; None where there is no journal yet."""

    def is_passing(self, error: BaseException) -> bool:
        """Tell whether the same may succeed by itself in a moment, on a new connection."""

    def is_refusal(self, error: BaseException) -> bool:
        """Tell whether it is what was written that is wrong, and not the journal."""

    def mended(self, error: BaseException) -> str:
        """Return what went wrong, and what to do about it; no secret is in it."""

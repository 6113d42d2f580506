"""The runs of a journal: listed without changing anything, and pruned. No run is taken, and no thread is started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mcpflow_nb.errors import DefinitionError, JournalError
from mcpflow_nb.journal import tables
from mcpflow_nb.journal.databases import database
from mcpflow_nb.journal.link import Database, Link
from mcpflow_nb.journal.tables import Kept
from mcpflow_nb.show import Shown

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Final = ("run", "workflow", "outcome", "done", "steps", "begun", "updated", "held_by", "batch")
ENDED: Final = ("completed", "failed", "cancelled", "undone")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Runs(Shown):
    """Runs of a journal, the one touched last first. `path` is its file or URL, `is_own` where it is this user's."""

    path: str
    rows: tuple[Kept, ...]
    is_own: bool = False

    def __iter__(self) -> Iterator[Kept]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: int) -> Kept:
        """Return a run by its place, 0 being the one that was touched last."""
        return self.rows[at]

    @property
    def df(self) -> pd.DataFrame:
        """One row a run, the one that was touched last first.

        Columns: `run workflow` str, `outcome` str (`running` while a call is under way, `interrupted` where whoever made
        it is gone), `done steps` int, `begun updated` datetime (UTC), `held_by` str or None, `batch` str or None.
        """
        import pandas as pd

        rows = [
            (one.run_id, one.workflow, one.outcome, one.state.done, one.state.steps, one.created, one.updated,
             one.owner.words if one.owner is not None and one.is_held else None, one.batch)
            for one in self.rows
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)

    __repr__ = Shown.__repr__


def runs(*, journal: Any = True, batch: str | None = None) -> Runs:
    """Return the runs of a journal, the one that was touched last first; nothing is taken or changed.

    Parameters
    ----------
    journal
        A path, a PostgreSQL URL, or True for the journal of this user. One that is not there has no runs.
    batch
        Only the runs of this batch.

    Raises
    ------
    JournalError
        When it cannot be read.
    """
    where, values = ("WHERE batch=?", (batch,)) if batch is not None else ("", ())
    journal_at = database(journal)
    found = _guarded(journal_at, journal_at.reading, lambda db: tables.kept(db, where, values))
    return Runs(journal_at.name, found or (), journal is True)


def prune(
    *,
    journal: Any = True,
    older_than: timedelta | float | None = None,
    keep: int | None = None,
    unfinished: bool = False,
) -> Runs:
    """Remove runs from a journal for good, make its file smaller, and return what was removed.

    Parameters
    ----------
    journal
        A path, a PostgreSQL URL, or True for the journal of this user.
    older_than
        Days, or a timedelta, that nothing was written to a run.
    keep
        How many runs stay whatever their age, those that were touched last.
    unfinished
        Also runs that wait for somebody: paused, interrupted, of unknown outcome, or at a handoff. One that is held stays.

    Raises
    ------
    DefinitionError
        When neither `older_than` nor `keep` says what goes.
    JournalError
        When the journal cannot be written.
    """
    if older_than is None and keep is None:
        raise DefinitionError("mf.prune: say what goes: older_than=30 (days), or keep=100 (runs), or both")
    age = timedelta(0) if older_than is None else _days(older_than)
    if keep is not None and (isinstance(keep, bool) or not isinstance(keep, int) or keep < 0):
        raise DefinitionError(f"mf.prune: keep is a number of runs, not {keep!r}")
    journal_at, until = database(journal), datetime.now(UTC) - age

    def removed(db: Link) -> tuple[Kept, ...]:
        db.begin()
        old = tables.kept(db)[keep or 0 :]
        gone = tuple(
            one for one in old
            if one.updated <= until and not one.is_held and (unfinished or one.outcome in ENDED)
        )  # fmt: skip
        gone = tables.remove(db, gone)
        db.commit()
        db.shrink()
        return gone

    if _guarded(journal_at, journal_at.reading, lambda _: True) is None:  # nothing is made where there is nothing
        return Runs(journal_at.name, ())
    return Runs(journal_at.name, _guarded(journal_at, journal_at.opened, removed) or ())


def _days(older_than: Any) -> timedelta:
    if isinstance(older_than, timedelta):
        return older_than
    if isinstance(older_than, bool) or not isinstance(older_than, int | float) or not 0 <= older_than < 100_000:
        raise DefinitionError(f"mf.prune: older_than is a number of days or a timedelta, not {older_than!r}")
    return timedelta(days=older_than)


def _guarded(journal_at: Database, connect: Callable[[], Link | None], work: Callable[[Link], _T]) -> _T | None:
    """Return what some work on a journal gives, None where there is none; whatever goes wrong is one error of ours."""
    caught: tuple[type[Exception], ...] = (*journal_at.errors, OSError, ValueError, TypeError)
    try:
        if (link := connect()) is None:
            return None
        with closing(link) as db:
            return work(db)
    except caught as error:
        problem = journal_at.mended(error)
    raise JournalError(journal_at.name, f"it cannot be read or written: {problem}")

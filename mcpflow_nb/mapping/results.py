"""What became of every row, in the order of the table: a frame, the rows that failed, and the trace of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from mcpflow_nb.errors import TraceError
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.show import Shown

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Final = ("outcome", "step", "error", "run")
NOT_BEGUN: Final = "not begun"


@dataclass(frozen=True, slots=True)
class Mapped:
    """What became of one row: `row` is its label in the table, `step` where it stopped, `run` its id in the journal.

    `outcome` is that of a run; or `refused`: nothing was called for it, or `not begun`: its turn did not come.
    """

    row: Hashable
    key: str
    outcome: str
    step: str | None = None
    error: str | None = None
    run: str | None = None
    bindings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MapResults(Shown):
    """The rows of a table that a workflow was run for. `journal` is the file they are kept in, `map_id` the name there.

    `ignored` are columns that no argument reads.
    """

    workflow: str
    rows: tuple[Mapped, ...]
    wanted: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    journal: str | None = None
    map_id: str | None = None
    _look: Callable[[Mapped], Trace | None] = field(default=lambda _row: None, repr=False)

    def __iter__(self) -> Iterator[Mapped]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows came to each outcome, the most frequent first."""
        return dict(Counter(one.outcome for one in self.rows).most_common())

    @property
    def failed(self) -> MapResults:
        """The rows that did not complete, whatever kept them from it."""
        return replace(self, rows=tuple(one for one in self.rows if one.outcome != "completed"))

    def trace(self, row: Hashable) -> Trace:
        """Return what happened in the run of a row, by its label in the table.

        Raises
        ------
        TraceError
            When there is no such row, nothing was called for it, or its trace was not kept: without a journal that
            is so for all but the first thousand rows that failed and the first hundred that did not.
        """
        found = next((one for one in self.rows if one.row == row), None)
        if found is None:
            some = ", ".join(repr(one.row) for one in self.rows[:8])
            raise TraceError(f"no row {row!r} in these results; there are {len(self.rows):,}: {some}, ...")
        if found.outcome in ("refused", NOT_BEGUN):
            raise TraceError(f"row {row!r} is {found.outcome}, no call was made for it: {found.error}")
        trace = self._look(found)
        if trace is None:
            raise TraceError(
                f"the trace of row {row!r} was not kept; with a journal all are: map(..., journal='runs.db')"
            )
        return trace

    @property
    def df(self) -> pd.DataFrame:
        """One row a row of the table, in its order, under its labels.

        Columns: `outcome` str, `step` (where it stopped) `error` `run` (its id in the journal) str or None; then a column
        for each binding that was wanted, any JSON value, None where the row has none.
        """
        import pandas as pd

        rows = [
            [getattr(one, name) for name in COLUMNS] + [one.bindings.get(n) for n in self.wanted] for one in self.rows
        ]
        names = [*COLUMNS, *(f"binding {name}" if name in COLUMNS else name for name in self.wanted)]
        return pd.DataFrame(
            rows, columns=names, index=pd.Index([one.row for one in self.rows], name="row"), dtype=object
        )

    __repr__ = Shown.__repr__


class MapInterrupted(KeyboardInterrupt):
    """A map that was interrupted. `.results` has every row: those that are done, were stopped, or have not begun."""

    def __init__(self, results: MapResults) -> None:
        self.results = results
        counts = ", ".join(f"{count:,} {word}" for word, count in results.counts.items())
        again = (
            "the same call goes on from here"
            if results.journal
            else "with journal= the same call would go on from here"
        )
        super().__init__(f"stopped: {counts}; {again}; what there is: sys.last_value.results")

    def _render_traceback_(self) -> list[str]:
        return [f"MapInterrupted: {self}"]

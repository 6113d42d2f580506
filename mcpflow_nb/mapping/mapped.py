"""`workflow.map(table, servers)`: checked once, every row read before the first call, then run; and how it is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, Literal, ParamSpec, get_args

from mcpflow_nb.bridge import BoundVerb
from mcpflow_nb.checking.contracts import check
from mcpflow_nb.checking.problems import Problem
from mcpflow_nb.errors import ArgumentsError, DefinitionError, did_you_mean
from mcpflow_nb.journal.databases import database
from mcpflow_nb.journal.link import Database
from mcpflow_nb.journal.store import store_at
from mcpflow_nb.mapping.bar import Bar
from mcpflow_nb.mapping.reading import Table, TableRow, read_table
from mcpflow_nb.mapping.results import NOT_BEGUN, MapInterrupted, Mapped, MapResults
from mcpflow_nb.mapping.rows import Ended, run_rows
from mcpflow_nb.mapping.spreading import spread_rows
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.running.resuming import looked
from mcpflow_nb.running.run import Run
from mcpflow_nb.workflows.workflow import SequentialWorkflow, require_servers

OnError = Literal["continue", "stop"]
FAILED: Final = ("failed", "refused", "unknown", "undone", "undo_failed")
"""The outcomes of a row that let no further one begin, where `on_error` is "stop"."""
MOST_FAILED: Final = 1_000
MOST_COMPLETED: Final = 100
"""How many traces are kept without a journal."""
_P = ParamSpec("_P")


class Mapper:
    """One call of `workflow.map`, and what became of its rows so far."""

    def __init__(self, workflow: SequentialWorkflow) -> None:
        self.workflow = workflow
        self.results: MapResults | None = None
        self._table, self._servers = Table((), ()), None
        self._kept_in: Database | None = None
        self._name: str | None = None
        self._wanted: tuple[str, ...] = ()
        self._ended: dict[str, Ended] = {}
        self._traces: dict[str, Trace] = {}
        self._kept = {True: MOST_COMPLETED, False: MOST_FAILED}
        self._stops = self._is_stopped = False
        self._bar = Bar("", 0, is_shown=False)

    async def map(
        self, table: Any, servers: Any, /, *, arguments: Mapping[str, str] | None = None, key: str | None = None,
        bindings: Sequence[str] = (), concurrency: int = 32, on_error: OnError = "continue", journal: Any = None,
        map_id: str | None = None, rerun_failed: bool = False, progress: bool | None = None, executor: Any = None,
    ) -> MapResults:  # fmt: skip
        """Run the workflow once a row of a table, so many at once, and return what became of each row.

        Every row is read before the first call. With a journal the same call again goes on: rows that have ended are not
        called again, what was under way goes on where it stood. Interrupt begins no more rows, lets the calls under way
        end for a moment, and raises `KeyboardInterrupt` with `.results`.

        Parameters
        ----------
        table
            A DataFrame, or a list of mappings: a row a run, columns are the workflow's arguments by name.
        servers
            What `mf.connect(...)` returned.
        arguments
            The column of an argument, where it is called otherwise: `{"employee_name": "Name"}`.
        key
            The column that tells rows apart in the journal; without one their arguments do.
        bindings
            The bindings whose values the results have, a column each.
        concurrency
            How many rows are under way at once.
        on_error
            "continue": rows that cannot start are `refused` in the results, rows that fail stop alone. "stop": a row that
            cannot start refuses the whole, a row that fails lets no further one begin.
        journal
            A path, a PostgreSQL URL, True for the journal of this user, None for none: then nothing outlives the results.
        map_id
            The name of this map in the journal, by default the workflow's. Another one begins anew.
        rerun_failed
            Call the failed step of rows of the journal once more; what ran before it is used.
        progress
            Whether a bar is shown; None: where somebody watches.
        executor
            Where the rows run: `dask.distributed.Client`, a `ProcessPoolExecutor` that spawns, or what else has `submit`;
            None: in this process. `concurrency` is that of each of its calls, then.

        Raises
        ------
        CheckError
            When the workflow has errors.
        DefinitionError
            When an argument has no column, or an option is none.
        ArgumentsError
            With every argument of every row that cannot start, where `on_error` is "stop".
        """
        require_servers(servers)
        self._require_options(concurrency, on_error, journal, map_id, rerun_failed)
        wanted = (bindings,) if isinstance(bindings, str) else tuple(bindings)
        self._require_bindings(wanted)
        check(self.workflow, servers).raise_if_errors()
        self._table, self._servers = read_table(self.workflow, table, arguments, key), servers
        if on_error == "stop" and self._table.refused:
            raise ArgumentsError(self.workflow.name, list(_named(self._table.refused)))
        self._kept_in = database(journal) if journal else None
        self._name = (map_id or self.workflow.name) if self._kept_in is not None else None
        go = run_rows if executor is None else partial(spread_rows, executor=executor)
        self._wanted, self._stops = wanted, on_error == "stop"
        try:
            with Bar(self.workflow.name, len(self._table.rows), progress) as self._bar:
                self._bar.tell(len(self._table.refused), has_failed=True)
                await go(
                    self.workflow, servers, self._startable(), journal=journal or None, map_id=self._name or "",
                    concurrency=concurrency, on_row=self._tell, bindings=wanted, rerun_failed=rerun_failed,
                )  # fmt: skip
        finally:
            self.results = self._results()
        return self.results

    def _startable(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Give the rows that can start, until one fails that stops the rest."""
        for row in self._table.rows:
            if not row.problems and not self._is_stopped:
                yield row.key, row.arguments

    def _tell(self, ended: Ended, run: Run | None) -> None:
        """Take down the end of a row, and its trace where no journal has it."""
        is_done = ended.outcome == "completed"
        self._ended[ended.key] = ended
        self._is_stopped = self._is_stopped or (self._stops and ended.outcome in FAILED)
        if self._kept_in is None and run is not None and self._kept[is_done] > 0:
            self._kept[is_done] -= 1
            self._traces[ended.key] = run.trace
        self._bar.tell(has_failed=not is_done)

    def _results(self) -> MapResults:
        rows = []
        for row in self._table.rows:
            if row.problems:
                rows.append(Mapped(row.label, row.key, "refused", error=_reasons(row.problems)))
            elif (one := self._ended.get(row.key)) is not None:
                rows.append(Mapped(row.label, row.key, one.outcome, one.step, one.error, one.run_id, one.bindings))
            else:
                rows.append(Mapped(row.label, row.key, NOT_BEGUN, error="its turn did not come"))
        return MapResults(
            self.workflow.name, tuple(rows), self._wanted, self._table.ignored,
            self._kept_in.name if self._kept_in is not None else None, self._name, self._look,
        )  # fmt: skip

    def _look(self, row: Mapped) -> Trace | None:
        if self._kept_in is None or row.run is None:
            return self._traces.get(row.key)
        return looked(store_at(self._kept_in), row.run, self._servers).trace

    def _require_options(self, concurrency: Any, on_error: Any, journal: Any, map_id: Any, rerun_failed: bool) -> None:
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise DefinitionError(f"map: concurrency is a number of rows above 0, not {concurrency!r}")
        if on_error not in get_args(OnError):
            raise DefinitionError(f"map: on_error is 'continue' or 'stop', not {on_error!r}")
        if map_id is not None and not (isinstance(map_id, str) and map_id):
            raise DefinitionError(f"map: map_id is the name of a map, a text, not {map_id!r}")
        if not journal and (map_id is not None or rerun_failed):
            what = "map_id names a map" if map_id is not None else "rerun_failed is about rows"
            raise DefinitionError(f"map: {what} in a journal; give journal=True, or a path, as well")

    def _require_bindings(self, wanted: Sequence[str]) -> None:
        known = [step.binding for step in self.workflow.steps if step.binding is not None]
        for name in wanted:
            if name not in known:
                raise DefinitionError(f"map: no step binds {name!r}{did_you_mean(name, known)}")


class MapVerb(BoundVerb[_P, MapResults]):
    """`workflow.map(...)`, and `await workflow.map.aio(...)`; an interrupted one has the results so far."""

    def __init__(self, workflow: SequentialWorkflow) -> None:
        self._mapper = Mapper(workflow)
        super().__init__(self._mapper.map)  # type: ignore[arg-type]

    def __call__(self, /, *args: _P.args, **kwargs: _P.kwargs) -> MapResults:
        """Do it, and wait."""
        try:
            return super().__call__(*args, **kwargs)
        except KeyboardInterrupt:
            results = self._mapper.results
            if results is None:
                raise
        raise MapInterrupted(results)


def _reasons(problems: Sequence[Problem]) -> str:
    return "; ".join(f"argument {one.argument!r}: {one.message} [{one.code}]" for one in problems)


def _named(rows: Sequence[TableRow]) -> Iterator[Problem]:
    """Give every problem of rows, with its row."""
    for row in rows:
        yield from (replace(one, message=f"{one.message} (row {row.label!r})") for one in row.problems)

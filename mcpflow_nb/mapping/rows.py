"""Many runs of one workflow in the I/O thread, so many at once, each to its end; a row's end is plain data.

Works from plain things alone, so that another process can call it: rows are keys and arguments that were read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from mcpflow_nb.errors import ChangedError, McpflowError, RunError, RunHeldError
from mcpflow_nb.journal.keeper import Keeper
from mcpflow_nb.journal.store import Store, store_at
from mcpflow_nb.journal.tables import Event, Member
from mcpflow_nb.records.covering import shown_bindings
from mcpflow_nb.running.progress import quiet
from mcpflow_nb.running.resuming import taken
from mcpflow_nb.running.run import Run
from mcpflow_nb.workflows.workflow import SequentialWorkflow

GRACE_SECONDS: Final = 0.7
"""How long calls that are under way may still take when the whole is interrupted; less than the interrupt waits for."""
LEFT: Final = ("paused", "cancelled", "running", "interrupted")
"""Outcomes of rows that go on by themselves at the next call."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one row: plain data. `step` is where it stopped, `error` why; `bindings` are those asked for.

    `outcome` is a run's, or `refused` where nothing was called for it.
    """

    key: str
    outcome: str
    run_id: str | None = None
    step: str | None = None
    error: str | None = None
    bindings: Mapping[str, Any] = field(default_factory=dict)


OnRow = Callable[[Ended, Run | None], None]
"""Told the end of a row, and its run where one was made here. In the I/O thread."""


async def run_rows(
    workflow: SequentialWorkflow, servers: Any, rows: Iterable[tuple[str, Mapping[str, Any]]], *,
    journal: Any = None, map_id: str = "", concurrency: int = 32, on_row: OnRow, bindings: Sequence[str] = (),
    rerun_failed: bool = False, run_ids: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Run a workflow, which was checked, once a row, so many at once; runs in the I/O thread. Rows that fail raise nothing.

    With a journal the run of a row is `map_id/key`: one that is there goes on where it stood, one that has ended is told
    again without a call. When this is cancelled, no row begins; calls under way get `GRACE_SECONDS`, then they are cut off.

    Parameters
    ----------
    rows
        A key each, which no other row has, and arguments as `read_arguments` gave them. Taken one by one as there is
        room: who gives no more stops the rest.
    journal
        A path, True for the journal of this user, or None for none.
    on_row
        Told the end of each row that began, as it ends.
    bindings
        The names of the bindings whose values are wanted.
    rerun_failed
        Call the failed step of a row of the journal once more; what ran before it is used.
    run_ids
        The names of the runs of these rows, where they are few among those of the map.
    """
    store = store_at(journal) if journal else None
    there = await store.batch(map_id, run_ids) if store is not None else {}
    table = _Table(Run(workflow, servers, {}), store, map_id, there, tuple(bindings), rerun_failed, on_row)
    token = quiet.set(True)
    try:
        shared = iter(rows)
        await _all_of([asyncio.create_task(table.work(shared)) for _ in range(concurrency)], table)
    finally:
        quiet.reset(token)


async def _all_of(workers: list[asyncio.Task[None]], table: _Table) -> None:
    """Wait for all workers; what ends one of them, or a cancellation, ends them all."""
    try:
        await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        table.stop()
        left = [one for one in workers if not one.done()]
        if left:
            _, late = await asyncio.wait(left, timeout=GRACE_SECONDS)
            for one in late:
                one.cancel()
            if late:
                await asyncio.wait(late)
    for one in workers:
        one.result()


@dataclass
class _Table:
    """What all rows share: a run of the same workflow that never begins, the journal, and what is there already."""

    kin: Run
    store: Store | None
    map_id: str
    there: Mapping[str, Member]
    bindings: tuple[str, ...]
    rerun_failed: bool
    on_row: OnRow
    under_way: set[Run] = field(default_factory=set)
    is_stopped: bool = False

    def __post_init__(self) -> None:
        self.keeper = Keeper(self.store, self.kin, batch=self.map_id) if self.store is not None else None

    def stop(self) -> None:
        """Begin no more rows, and let those under way stop after the call they are in."""
        self.is_stopped = True
        for run in self.under_way:
            run._goal = 0

    async def work(self, rows: Iterator[tuple[str, Mapping[str, Any]]]) -> None:
        """Run rows until there are no more."""
        for key, arguments in rows:
            if self.is_stopped:
                return
            await self._row(key, arguments)

    async def _row(self, key: str, arguments: Mapping[str, Any]) -> None:
        run: Run | None = None
        problem, outcome = "", "failed"
        try:
            run = await self._run(key, arguments)
            if run is None:
                return
            self.under_way.add(run)
            await self._go(run)
        except asyncio.CancelledError:
            if run is not None:
                self.on_row(self._ended(key, run), run)
            raise
        except (ChangedError, RunHeldError) as error:
            problem, outcome = str(error), "refused"
        except McpflowError as error:  # the journal could not be written, for one: this row stops, others may go on
            problem = str(error)
        finally:
            if run is not None:
                self.under_way.discard(run)
        if problem or run is None:
            self.on_row(Ended(key, outcome, run.id if run is not None else None, error=problem), run)
        else:
            self.on_row(self._ended(key, run), run)

    async def _run(self, key: str, arguments: Mapping[str, Any]) -> Run | None:
        """Return the run of a row, new or as it stands in the journal; None where it is done there, which is told."""
        run = Run(self.kin.workflow, self.kin.servers, arguments, kin=self.kin)
        if self.store is None:
            return run
        run.id = f"{self.map_id}/{key}"
        there = self.there.get(run.id)
        keeper = Keeper(self.store, run, batch=self.map_id, kin=self.keeper)
        keeper.begin()
        if there is None:
            run._keep(keeper)
            return run
        if there.begun != keeper.begun:
            return await taken(self.store, run)
        values = _bound(self.store.look(run.id), self.bindings) if self.bindings else {}
        self.on_row(Ended(key, "completed", run.id, bindings=values), None)
        await asyncio.sleep(0)  # let others have a turn: there may be thousands of these
        return None

    async def _go(self, run: Run) -> None:
        if self.is_stopped:
            return
        step = run.workflow.steps[run.position] if run.position < len(run.workflow.steps) else None
        if run.outcome == "unknown" and step is not None and step.check is not None:
            with suppress(RunError):  # it cannot tell: the row stays unknown
                await run.settle.aio(step.name)
        if step is not None and (run.outcome == "cancelled" or (run.outcome == "failed" and self.rerun_failed)):
            await run.rerun.aio(step.name)
        if run.outcome == "paused" and not self.is_stopped:
            await run.all.aio()

    def _ended(self, key: str, run: Run) -> Ended:
        done = run.outcome == "completed"
        last = run.stopped
        values = {name: run._bindings[name] for name in self.bindings if name in run._bindings}
        return Ended(
            key, run.outcome, run.id if self.store is not None else None,
            None if done else run.workflow.steps[run.position].name,
            last.error if last is not None else None,
            shown_bindings(run.workflow, values) if values else {},
        )  # fmt: skip


def _bound(events: Iterable[Event], names: Sequence[str]) -> dict[str, Any]:
    """Return the values of bindings of a run that is done, as its events have them."""
    made = (one.body for one in events if one.kind == "record" and one.body["binding"] in names)
    return {body["binding"]: body["value"] for body in made}

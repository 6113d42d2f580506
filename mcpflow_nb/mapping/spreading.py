"""Rows of a table in the processes of an executor: threads, spawned processes, Dask, or whatever else has `submit`.

The rows go in chunks, so many at a time; what a dead process had is given to another one. Only with a journal is it
certain that nothing is done twice then.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from mcpflow_nb.errors import ConfigError
from mcpflow_nb.mapping.chunks import Chunk, Row, ended_of, run_chunk
from mcpflow_nb.mapping.crossing import crossing
from mcpflow_nb.mapping.rows import Ended, OnRow
from mcpflow_nb.workflows.workflow import SequentialWorkflow

CHUNK: Final = 25
IN_FLIGHT: Final = 256
"""Chunks that are with the executor at a time."""
TRIES: Final = 20
"""How often a chunk is given again whose process died."""


async def spread_rows(
    workflow: SequentialWorkflow, servers: Any, rows: Iterable[tuple[str, Mapping[str, Any]]], *,
    executor: Any, chunk: int = CHUNK, journal: Any = None, map_id: str = "", concurrency: int = 32, on_row: OnRow,
    bindings: Sequence[str] = (), rerun_failed: bool = False,
) -> None:  # fmt: skip
    """Do what `run_rows` does, in the processes of an executor, `concurrency` rows at once in each call there.

    Parameters
    ----------
    executor
        A `ThreadPoolExecutor`; a `ProcessPoolExecutor` that spawns; a `dask.distributed.Client`; or what has a `submit`
        that gives a `concurrent.futures.Future`.
    chunk
        How many rows go together.

    Raises
    ------
    ConfigError, JournalError
        When something cannot go to another process; see `crossing`.
    """
    if not hasattr(executor, "submit"):
        raise ConfigError(f"executor= has no submit(): {type(executor).__name__}")
    made = crossing(workflow, servers, journal, executor)
    if made.journal is None and not isinstance(executor, ThreadPoolExecutor):
        warnings.warn(
            "without a journal a row may be run twice where a process dies; give journal='postgresql://...'",
            stacklevel=2,
        )
    asked = (Chunk(made, map_id, concurrency, bindings, rerun_failed, some) for some in _chunks(rows, chunk))
    sender = _Sender(_submitting(executor, is_kept=made.journal is not None), on_row, is_kept=made.journal is not None)
    pending: set[asyncio.Task[None]] = set()
    try:
        for one in asked:
            pending.add(asyncio.create_task(sender.send(one)))
            if len(pending) >= IN_FLIGHT:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        await asyncio.gather(*pending)
    finally:
        for task in pending:
            task.cancel()


@dataclass
class _Sender:
    """Gives chunks to an executor, again where a process died, and tells what became of each row."""

    executor: Any
    on_row: OnRow
    is_kept: bool

    async def send(self, chunk: Chunk) -> None:
        text, problem = chunk.text, ""
        for _ in range(TRIES if self.is_kept else 1):
            try:
                for ended in ended_of(await self._answer(text)):
                    self.on_row(ended, None)
                return
            except BrokenExecutor as error:
                problem = f"the executor has ended: {error}"
                break
            except Exception as error:  # noqa: BLE001 - a scheduler raises whatever it likes when a worker is lost
                problem = f"its process ended: {type(error).__name__}: {error}"
        outcome = "waiting" if self.is_kept else "unknown"
        more = "; call the map again, and it goes on" if self.is_kept else "; it may have run"
        for key, _ in chunk.rows:
            self.on_row(Ended(key, outcome, error=problem + more), None)

    async def _answer(self, text: str) -> str:
        future: Future[str] = self.executor.submit(run_chunk, text)
        return await asyncio.wrap_future(future)


def _submitting(executor: Any, *, is_kept: bool) -> Any:
    """Return an executor whose futures are those of `concurrent.futures`: of Dask's client, the one that it makes."""
    if not hasattr(executor, "get_executor"):
        return executor
    return executor.get_executor(pure=False, retries=TRIES if is_kept else 0)


def _chunks(rows: Iterable[tuple[str, Mapping[str, Any]]], size: int) -> Iterator[Sequence[Row]]:
    shared = iter(rows)
    while some := list(islice(shared, size)):
        yield some

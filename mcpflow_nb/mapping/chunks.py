"""`run_chunk`: some rows of a table in this process, whichever that is. The one function that crosses processes.

Text in and text out, so any scheduler can carry it. It may be called twice for the same rows, at the same time or later:
with a journal each row is done once, and whoever comes second waits and tells what the first one did.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

from mcpflow_nb import bridge
from mcpflow_nb.checking.contracts import check
from mcpflow_nb.connecting.config import spec
from mcpflow_nb.connecting.connections import Connection
from mcpflow_nb.errors import JournalError, McpflowError
from mcpflow_nb.exact import dumps, loads
from mcpflow_nb.journal.owner import LEASE_SECONDS, this_process
from mcpflow_nb.journal.postgres import PATIENCE_SECONDS
from mcpflow_nb.journal.store import Store, store_at
from mcpflow_nb.mapping.crossing import Crossing, require_host, servers_here
from mcpflow_nb.mapping.rows import Ended, run_rows
from mcpflow_nb.servers import Servers
from mcpflow_nb.workflows.workflow import SequentialWorkflow

HELD_SECONDS: Final = 2 * LEASE_SECONDS
"""How long a row that another process holds is waited for: its lease, and once more."""
EVERY_SECONDS: Final = 0.5
Row = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Chunk:
    """Some rows, and all that they need."""

    crossing: Crossing
    map_id: str
    concurrency: int
    bindings: Sequence[str]
    rerun_failed: bool
    rows: Sequence[Row]

    def run_id(self, key: str) -> str:
        """Return the name of a row's run in the journal."""
        return f"{self.map_id}/{key}"

    @property
    def text(self) -> str:
        """The chunk as JSON text."""
        return dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> Chunk:
        """Return the chunk of a text."""
        plain = loads(text)
        rows = [(str(key), arguments) for key, arguments in plain["rows"]]
        return cls(**{**plain, "crossing": Crossing(**plain["crossing"]), "rows": rows})


def run_chunk(text: str) -> str:
    """Run the rows of a chunk in this process, and return what became of each; errors are told, never raised."""
    return dumps([asdict(one) for one in bridge.run(_ended(Chunk.of(text)))])


def ended_of(text: str) -> list[Ended]:
    """Return what `run_chunk` told."""
    return [Ended(**one) for one in loads(text)]


async def _ended(chunk: Chunk) -> list[Ended]:
    found: dict[str, Ended] = {}
    problem = ""
    try:
        require_host(chunk.crossing.host, chunk.crossing.journal)
        workflow = SequentialWorkflow.from_saved(chunk.crossing.workflow)
        servers = servers_here(chunk.crossing.servers) or await _opened(chunk.crossing.servers)
        check(workflow, servers).raise_if_errors()
        if chunk.crossing.journal is None:
            await _run(chunk, workflow, servers, chunk.rows, found)
        else:
            await _rounds(chunk, workflow, servers, await _store(chunk.crossing.journal), found)
    except McpflowError as error:
        problem = str(error)
    return [found.get(key) or Ended(key, "refused", error=problem) for key, _ in chunk.rows]


async def _run(
    chunk: Chunk, workflow: SequentialWorkflow, servers: Servers, rows: Sequence[Row], found: dict[str, Ended]
) -> None:
    await run_rows(
        workflow, servers, rows, journal=chunk.crossing.journal, map_id=chunk.map_id, concurrency=chunk.concurrency,
        on_row=lambda one, _: found.update({one.key: one}), bindings=chunk.bindings, rerun_failed=chunk.rerun_failed,
        run_ids=[chunk.run_id(key) for key, _ in rows],
    )  # fmt: skip


async def _rounds(
    chunk: Chunk, workflow: SequentialWorkflow, servers: Servers, store: Store, found: dict[str, Ended]
) -> None:
    """Run the rows, and those that another process or another chunk has under way once more when it has done."""
    left, freed, until = list(chunk.rows), set[str](), time.monotonic() + HELD_SECONDS
    while True:
        mine = [row for row in left if chunk.run_id(row[0]) not in _under_way]
        names = {chunk.run_id(key) for key, _ in mine}
        _under_way.update(names)
        try:
            if mine:
                await _run(chunk, workflow, servers, mine, found)
        finally:
            _under_way.difference_update(names)
        again = await _of_others(chunk, store, found, freed)
        left = [row for row in left if row[0] in again or row not in mine]
        if not left or time.monotonic() > until:
            break
        await asyncio.sleep(EVERY_SECONDS)
    if ours := [chunk.run_id(key) for key, one in found.items() if one.outcome != "completed"]:
        await store.release(ours)
    for key, _ in left:
        found.setdefault(key, Ended(key, "refused", error="another call of this process has this row under way"))


_under_way: Final[set[str]] = set()
"""The runs of rows that are under way in this process; in the I/O thread alone."""


async def _of_others(chunk: Chunk, store: Store, found: Mapping[str, Ended], freed: set[str]) -> set[str]:
    """Return the keys of rows that another process has, or had until now; of these each is named once."""
    names = {chunk.run_id(key): key for key, one in found.items() if one.outcome != "completed"}
    if not names:
        return set()
    others = [one for one in await store.kept(tuple(names)) if one.owner != this_process()]
    held = {names[one.run_id] for one in others if one.is_held}
    free = {names[one.run_id] for one in others} - held - freed
    freed |= free
    return held | free


async def _store(journal: str) -> Store:
    """Return the journal, open; where it cannot be opened, it may be starting again, and is tried for a while."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await asyncio.to_thread(store_at, journal)
        except JournalError:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(EVERY_SECONDS)


_servers: Final[dict[str, Servers]] = {}
_opening: Final[dict[str, asyncio.Task[Servers]]] = {}


async def _opened(written: Mapping[str, Any]) -> Servers:
    """Return the servers of a config, opened once in this process; what its notebook has connected stays as it is."""
    name = dumps(written)
    if name in _servers:
        return _servers[name]
    if name not in _opening:
        _opening[name] = asyncio.create_task(_connected(written))
        _opening[name].add_done_callback(lambda _: _opening.pop(name, None))
    opened = await asyncio.shield(_opening[name])
    if all(one.state != "failed" for one in opened.values()):
        _servers[name] = opened
    return opened


async def _connected(written: Mapping[str, Any]) -> Servers:
    made = {name: Connection(spec(name, config)) for name, config in written.items()}
    for one in made.values():
        with suppress(McpflowError):  # the check names it
            await one.open()
    return Servers(made)

"""The mocked servers of one trial, and one list of all that they were called with, in the order in which it happened."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any, Literal, Self

from mcpflow_nb.compliance.scoring import Happened
from mcpflow_nb.compliance.tasks import Task
from mcpflow_nb.connecting.config import spec
from mcpflow_nb.connecting.connections import Connection
from mcpflow_nb.errors import DefinitionError
from mcpflow_nb.mocking.mock_server import MockCall
from mcpflow_nb.servers import Servers
from mcpflow_nb.tools.catalog import Tool


class _Log(list[MockCall]):
    """The log of one mock, that notes in a list of all mocks when each call came in."""

    def __init__(self, server: str, order: list[Any]) -> None:
        self.server, self.order = server, order

    def append(self, one: MockCall) -> None:
        self.order.append((self, len(self)))
        super().append(one)


class World:
    """Connections that belong to this trial alone: no name of the reader's is taken. Open while it is entered."""

    def __init__(self, task: Task, seed: int) -> None:
        self.task, self.seed = task, seed
        self.arguments = task.drawn(seed)
        mocks = task.world(Random(f"{task.name}/{seed}/world"))
        self._order: list[Any] = []
        for name, mock in mocks.items():
            mock.log = _Log(name, self._order)
        self.servers = Servers({name: Connection(spec(name, mock)) for name, mock in mocks.items()})
        self.tools: dict[str, Tool] = {}
        self._handed = 0

    async def __aenter__(self) -> Self:
        await asyncio.gather(*(one.open() for one in self.servers.values()))
        self.tools = {
            f"{name}_{tool.name}": tool
            for name, connection in self.servers.items() for tool in connection.catalog.tools.values()
        }  # fmt: skip
        if len(self.tools) < sum(len(one.catalog.tools) for one in self.servers.values()):
            raise DefinitionError(
                f"task {self.task.name!r}: two tools would have one name as server_tool; rename a server"
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(one.close() for one in self.servers.values()))

    def hand_over(self) -> None:
        """From here on it is the agent who calls."""
        self._handed = len(self._order)

    def add(self, one: Happened) -> None:
        """Note a call that no server has a tool for."""
        self._order.append(one)

    def happened(self) -> tuple[Happened, ...]:
        """Return every call so far, oldest first, as the mocks have it in their logs."""
        return tuple(self._read(at, one) for at, one in enumerate(self._order))

    def _read(self, at: int, one: Any) -> Happened:
        if isinstance(one, Happened):
            return one
        log, place = one
        call: MockCall = log[place]
        arguments: Mapping[str, Any] = call.arguments
        by: Literal["server", "agent"] = "server" if at < self._handed else "agent"
        return Happened(f"{log.server}.{call.tool}", arguments, by, call.value, call.error)

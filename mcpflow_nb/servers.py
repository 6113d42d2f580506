"""Servers: named connections that outlive a cell.

A name owns its connection: connecting a name again closes the old one, so a cell can run twice. A server is
known by the name the user gave it, never by what it calls itself.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from mcpflow_nb.bridge import arun, run, verb
from mcpflow_nb.connecting.config import Spec, spec, with_limits, with_trust
from mcpflow_nb.connecting.connections import Connection
from mcpflow_nb.connecting.trusting import read_trusted
from mcpflow_nb.errors import CallError, ConfigError, ConnectError, NotJsonError, NotOfferedError, ServerError
from mcpflow_nb.mocking.mocks import mock_like
from mcpflow_nb.recording.recording import Recording
from mcpflow_nb.show import Shown
from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.tools.results import text_of_content, value_of
from mcpflow_nb.values import jsonable

log: Final = logging.getLogger("mcpflow_nb")
_connected: Final[dict[str, Connection]] = globals().get("_connected", {})  # a reload closes no name in vain


class Found(NamedTuple):
    """A tool reference made certain."""

    connection: Connection
    tool: Tool


class Servers(Shown, Mapping[str, Connection]):
    """The connected servers by name: `servers["hr"].tools`, `servers.call("hr.create_employee", {...})`."""

    def __init__(self, connections: Mapping[str, Connection], shared: Mapping[str, Connection] | None = None) -> None:
        self._connections = {**(shared or {}), **connections}
        self._shared = frozenset(shared or ()) - frozenset(connections)
        """The names of connections that belong to other servers, which close them."""
        self._found: dict[tuple[str, str | None], Found] = {}  # references that name their server, once looked up

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order they were connected."""
        return tuple(self._connections)

    def __getitem__(self, name: str) -> Connection:
        """Return the connection of that name."""
        if name not in self._connections:
            raise NotOfferedError(name, "server", name, self.names, "there is ")
        return self._connections[name]

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._connections)

    def __len__(self) -> int:
        return len(self._connections)

    def find(self, tool: str, server: str | None = None) -> Found:
        """Return the one tool a reference means: `server.tool`, or a bare name that one server offers.

        Raises
        ------
        NotOfferedError
            When no server or tool of that name is there, or several servers offer a bare name;
            `.kind` is `server`, `tool` or `ambiguous tool`.
        """
        known = self._found.get((tool, server))
        if known is not None and known.connection.catalog.tools.get(known.tool.name) is known.tool:
            return known
        asked = (tool, server)
        if server is None:
            for dot in (place for place, sign in enumerate(tool) if sign == "."):
                if tool[:dot] in self._connections:
                    server, tool = tool[:dot], tool[dot + 1 :]
                    break
        if server is not None:
            tools = self[server].catalog.tools
            if tool in tools:
                self._found[asked] = Found(self[server], tools[tool])
                return self._found[asked]
            raise _not_there(self[server], tool)
        offers = [connection for connection in self._connections.values() if tool in connection.catalog.tools]
        if len(offers) == 1:
            return Found(offers[0], offers[0].catalog.tools[tool])
        if offers:
            names = tuple(f"{connection.name}.{tool}" for connection in offers)
            raise NotOfferedError("", "ambiguous tool", tool, names, "several servers offer it, name one; ")
        if "." in tool:
            raise NotOfferedError(tool.split(".")[0], "server", tool.split(".")[0], self.names, "there is ")
        every = tuple(f"{c.name}.{name}" for c in self._connections.values() for name in c.catalog.tools)
        raise NotOfferedError("", "tool", tool, every, "no connected server has it: ")

    @verb
    async def call(
        self, tool: str, arguments: Mapping[str, Any] | None = None, *, server: str | None = None,
        timeout: float | None = None,
    ) -> Any:  # fmt: skip
        """Call one tool by hand and return its value; `timeout` in seconds, 30 by default.

        Raises
        ------
        NotOfferedError
            When there is no such tool.
        CallError
            When it gave no value; `.status` says whether it ran.
        """
        if not isinstance(tool, str):
            raise ConfigError(f"call: name a tool as text, 'server.tool', not {type(tool).__name__}")
        if timeout is not None and not (isinstance(timeout, int | float) and 0 < timeout < float("inf")):
            raise ConfigError(f"timeout is a number of seconds above 0, not {timeout!r}")
        if arguments is not None and not isinstance(arguments, Mapping):
            raise ConfigError(f"arguments are a mapping of names to values, not {type(arguments).__name__}")
        connection, found = self.find(tool, server)
        sent: dict[str, Any] = {}
        problem = None
        for name, value in (arguments or {}).items():
            try:
                sent[name] = jsonable(value)
            except NotJsonError as error:
                problem = f"argument {name!r}: {error}"
        if problem:
            raise CallError(connection.name, found.name, "not_sent", problem)
        async with connection.turns:
            answer = await connection.call(found.name, sent, timeout)
        if answer.status != "ok" or answer.raw is None:
            said = answer.error or text_of_content(answer.raw or {})
            http = answer.http_status, answer.retry_after
            raise CallError(connection.name, found.name, answer.status, said, http)
        judged = await found.output_judged_aside(answer.raw)
        if judged.unchecked:
            log.warning("the output of %s.%s was not checked: %s", connection.name, found.name, judged.unchecked)
        if judged.refusal:
            broken = f"it ran, but its output breaks its own schema: {judged.refusal}"
            raise CallError(connection.name, found.name, "invalid_output", broken)
        return value_of(answer.raw, found).value

    def record(self, path: str | os.PathLike[str]) -> Recording:
        """Return a recording of what is said to these servers, masked: a `with` block, or `.start()` and `.stop()`."""
        return Recording(self._connections, path)

    @verb
    async def refresh(self) -> Servers:
        """Ask every server again for what it offers, and return these servers."""
        _report(await asyncio.gather(*(one.refresh() for one in self.values()), return_exceptions=True))
        return self

    @verb
    async def with_mock(self, name: str, server: Any = None, /) -> Servers:
        """Return servers with a mocked one in the place of `name`, by default `mf.mock_like(servers[name])`.

        The other connections are shared; these servers stay as they are, and closing those closes the mock alone.

        Raises
        ------
        ConfigError
            For what is no mock: real servers are connected by `mf.connect`.
        """
        made = spec(name, mock_like(self[name]) if server is None else server)
        if made.source != "mock":
            raise ConfigError(
                f"with_mock({name!r}): give mf.mock({{...}}) or mf.mock_like(...), not {type(server).__name__}"
            )
        mocked = Connection(made)
        await mocked.open()
        order = {one: self._connections.get(one, mocked) for one in (*self.names, name)}
        return Servers({name: mocked}, order)

    @verb
    async def close(self) -> None:
        """Close every connection that is not shared; children of stdio servers are gone afterwards."""
        own = {name: one for name, one in self._connections.items() if name not in self._shared}
        await asyncio.gather(*(connection.close() for connection in own.values()))
        for name, connection in own.items():
            if _connected.get(name) is connection:
                del _connected[name]

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Servers:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close.aio()

    __repr__ = Shown.__repr__


def _not_there(connection: Connection, tool: str) -> ServerError:
    if connection.state == "failed":
        return ServerError(connection.name, f"server {connection.name!r} is not connected: {connection.error}")
    why = connection.catalog.rejected.get(tool)
    known = tuple(connection.catalog.tools)
    where = f"server {connection.name!r} has " + (f"rejected {tool!r} ({why}): " if why else "")
    return NotOfferedError(connection.name, "tool", tool, known, where)


class _Connect:
    """`mf.connect(...)`, and `await mf.connect.aio(...)` from async code."""

    def __call__(
        self, config: Any = None, /, *, this_python: bool = False, trusted: Any = (), limits: Any = None, **servers: Any
    ) -> Servers:
        """Open servers by name, all at once; a name that is connected already is closed first, and its runs call no more.

        Parameters
        ----------
        config
            A config file (`mcpServers` or `servers`), or a mapping of names to servers.
        this_python
            In a config file, `python` means the interpreter that runs now.
        trusted
            Names of servers whose word that a tool only reads, or may be repeated, is believed.
        limits
            What may be asked of a server: `{"hr": {"max_in_flight": 4, "calls_per_second": 10}}`; both are also in a config.
        servers
            One name each: a server object, a command as a list, a URL, a config dict, `mf.mock({...})`.

        Raises
        ------
        ConfigError
            When something is no server, or a config file starts what was not trusted; nothing is opened then.
        ConnectError
            When none of the servers could be opened. One broken server of several is reported, shown as
            `failed`, and leaves the others.
        """
        return run(_connect(_specs(config, servers, this_python, trusted, limits)))

    async def aio(
        self, config: Any = None, /, *, this_python: bool = False, trusted: Any = (), limits: Any = None, **servers: Any
    ) -> Servers:
        """Do the same from async code."""
        return await arun(_connect(_specs(config, servers, this_python, trusted, limits)))

    def __repr__(self) -> str:
        return "<mf.connect: servers by name, as a call or await .aio()>"


connect: Final = _Connect()


def _specs(config: Any, servers: Mapping[str, Any], this_python: bool, trusted: Any, limits: Any) -> list[Spec]:
    """Return how to reach each server; a config file and a mapping may both be given with more names."""
    given: dict[str, Any] = {}
    if isinstance(config, str | os.PathLike):
        given |= read_trusted(config, servers, this_python=this_python)
    elif isinstance(config, Mapping):
        inner = config.get("mcpServers", config.get("servers"))
        given |= inner if isinstance(inner, Mapping) else config
    elif config is not None:
        raise ConfigError(f"connect takes a config file or a mapping of names, not {type(config).__name__}")
    given |= servers
    if not given:
        raise ConfigError("connect needs at least one server: mf.connect(name=server)")
    return with_limits(with_trust([spec(name, value) for name, value in given.items()], trusted), limits)


async def _connect(specs: list[Spec]) -> Servers:
    old = [_connected[one.name] for one in specs if one.name in _connected]
    connections = {one.name: Connection(one) for one in specs}
    _connected.update(connections)  # before anything waits: whoever connects the name next closes this one
    try:
        if old:
            await asyncio.gather(*(connection.close(is_replaced=True) for connection in old))
        opened = await asyncio.gather(*(c.open() for c in connections.values()), return_exceptions=True)
        _report(opened)
    except BaseException:  # nothing stays half open; what takes its time to end does so by itself
        for name, connection in connections.items():
            connection.abandon()
            if _connected.get(name) is connection:
                del _connected[name]
        raise
    return Servers(connections)


def _report(results: list[Any]) -> None:
    """Log the errors of some, raise when all failed, or at once what is no error of a server."""
    errors = [error for error in results if isinstance(error, BaseException)]
    for error in errors:
        if not isinstance(error, ServerError):
            raise error
    if errors and len(errors) == len(results):
        said, names = "\n".join(f"  {one}" for one in errors), ", ".join(getattr(one, "server", "") for one in errors)
        every = ConnectError(names, f"{len(errors)} servers", f"none could be opened:\n{said}")
        raise errors[0] if len(errors) == 1 else every
    for error in errors:
        log.warning("%s", error)

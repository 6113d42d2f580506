"""Connection: one server that stays open from cell to cell.

It is opened and closed by one owner task in the I/O thread, which the MCP library demands; calls go past the
owner. A connection that was lost is opened again at its next use. To add a transport: a branch in `_transport`
here, and how to write it in `config`.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from contextlib import AsyncExitStack
from typing import Any, Final, Literal

import httpx2
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from mcpflow_nb.bridge import io_thread
from mcpflow_nb.calls import CALL_SECONDS, Answer, Progress, call
from mcpflow_nb.catalog import Catalog
from mcpflow_nb.config import Spec
from mcpflow_nb.errors import ConnectError, NotOfferedError, ServerError
from mcpflow_nb.listing import catalog_of
from mcpflow_nb.show import Shown

LISTING_SECONDS: Final = 30.0
_STDERR_LINES: Final = 20
_STDERR_BYTES: Final = 64_000


class Connection(Shown):
    """One server by the name the user gave it.

    `state` is `open`, `closed`, `lost` (opened again at its next use) or `failed` (`error` says why).
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.name, self.transport, self.target, self.source = spec.name, spec.transport, spec.target, spec.source
        self.state: Literal["open", "closed", "lost", "failed"] = "closed"
        self.error: str | None = None
        self.protocol: str | None = None
        self.catalog = Catalog()
        self._client: Client | None = None
        self._owner: asyncio.Task[None] | None = None
        self._stop: asyncio.Event | None = None
        self._cause: BaseException | None = None
        self._stderr = _Stderr()
        self._opening = asyncio.Lock()
        self._ended = False

    @property
    def tools(self) -> Any:
        """The tools by name."""
        return _Named(self.name, "tool", self.catalog.tools)

    @property
    def stderr(self) -> tuple[str, ...]:
        """The last lines a stdio server wrote on stderr."""
        return self._stderr.lines()

    async def open(self) -> Client:
        """Return the open client, opening or reopening it; runs in the I/O thread.

        Raises
        ------
        ConnectError
            When the server cannot be reached; says the command or host, the reason and the last stderr lines.
        """
        if self._ended:
            raise ServerError(
                self.name, f"server {self.name!r} is closed; connect it again: mf.connect({self.name}=...)"
            )
        if (client := self._usable()) is not None:
            return client
        async with self._opening:
            return self._usable() or await self._open()

    def _usable(self) -> Client | None:
        if self._client is None or self._owner is None or self._owner.done():
            return None
        # A stdio server that died while nobody called leaves only this mark behind.
        closed = getattr(self._client.session._dispatcher, "_closed", False)
        return None if closed or self.state != "open" else self._client

    async def _open(self) -> Client:
        await self._drop()
        self._stop, self._cause, self._stderr = asyncio.Event(), None, _Stderr()
        opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        owner = self._owner = asyncio.create_task(self._own(opened, self._stop), name=f"mcpflow-{self.name}")
        error: ServerError | None = None
        try:
            waited: set[asyncio.Future[Any]] = {opened, owner}
            done, _ = await asyncio.wait(waited, timeout=self.spec.connect_seconds, return_when="FIRST_COMPLETED")
            if opened not in done:
                owner.cancel()
                reason = None if done else f"no answer to the handshake within {self.spec.connect_seconds:g} s"
                error = await self._refused(reason)
            else:
                self._client = opened.result()
                self.protocol = self._client.protocol_version
                async with asyncio.timeout(LISTING_SECONDS):
                    self.catalog = await catalog_of(self._client, self.name)
        except ServerError as found:
            error = found
        except TimeoutError:
            error = await self._refused(f"its lists did not come within {LISTING_SECONDS:g} s")
        except Exception as found:  # noqa: BLE001 - whatever the library throws becomes one error of ours
            self._cause = self._cause or found
            error = await self._refused(None)
        except BaseException:
            owner.cancel()
            raise
        if error is not None or self._client is None:
            self.state, self.error = "failed", str(error)
            owner.cancel()
            raise error or ConnectError(self.name, self.target, "not opened")
        self.state, self.error = "open", None
        io_thread().at_exit.add(self.close)
        return self._client

    async def _refused(self, reason: str | None) -> ConnectError:
        await asyncio.to_thread(self._stderr.settle)
        return ConnectError(self.name, self.target, reason or _words(self._cause, self.spec), self._stderr.lines())

    async def _own(self, opened: asyncio.Future[Client], stop: asyncio.Event) -> None:
        """Hold the client open until told to stop; the only task that enters and leaves it."""
        stderr = self._stderr
        try:
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(await self._transport(stack))
                # Ours is a recorded step of its own: the SDK's raises after the tool ran, and drops the result.
                client.session.validate_tool_result = _no_validation  # type: ignore[method-assign]
                stderr.close_writer()
                if not opened.done():
                    opened.set_result(client)
                await stop.wait()
        except BaseException as error:  # noqa: BLE001 - ExceptionGroups and cancellations of the library end here
            self._cause = _innermost(error)
        finally:
            stderr.close_writer()
            if self._owner is asyncio.current_task() and self.state == "open":
                self.state = "lost"

    async def _transport(self, stack: AsyncExitStack) -> Client:
        spec = self.spec
        mode: Any = spec.mode
        if spec.transport == "memory":
            return Client(spec.server, mode=mode, cache=None)
        if spec.transport == "stdio":
            parameters = StdioServerParameters(
                command=spec.command[0], args=list(spec.command[1:]), env=dict(spec.env) or None, cwd=spec.cwd
            )
            return Client(stdio_client(parameters, errlog=self._stderr.open_writer()), mode=mode, cache=None)
        timeout = httpx2.Timeout(30.0, connect=spec.connect_seconds, read=None)
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=dict(spec.headers), timeout=timeout))
        return Client(streamable_http_client(spec.url, http_client=http), mode=mode, cache=None)

    async def call(
        self, tool: str, arguments: dict[str, Any], seconds: float | None = None, progress: Progress | None = None
    ) -> Answer:
        """Call a tool once; a connection that was lost is opened first, a call is never sent twice."""
        refused: str | None = None
        try:
            client = self._usable() or await self.open()
        except ServerError as error:
            refused = str(error)
        if refused is not None:
            return Answer("not_sent", error=refused)
        answer = await call(client, tool, arguments, seconds or CALL_SECONDS, progress)
        if answer.lost:
            await self._lose()
            if lines := self._stderr.lines():
                answer = answer._replace(error=f"{answer.error}; it wrote on stderr: {lines[-1]}")
        return answer

    async def refresh(self) -> None:
        """Ask the server again for what it offers."""
        self.catalog = await catalog_of(await self.open(), self.name)

    async def _lose(self) -> None:
        self.state = "lost"
        if self._stop:
            self._stop.set()
        if self.transport == "stdio":
            await asyncio.to_thread(self._stderr.settle, 0.1)

    async def close(self) -> None:
        """End the connection for good; the child process of a stdio server is gone afterwards."""
        self._ended = True
        io_thread().at_exit.discard(self.close)
        await self._drop()
        self.state = "closed" if self.state != "failed" else "failed"

    async def _drop(self) -> None:
        if self._owner is not None and not self._owner.done():
            if self._stop:
                self._stop.set()
            await asyncio.wait([self._owner])
        self._client = self._owner = None


class _Named(dict[str, Any]):
    """A mapping whose error names what there is."""

    def __init__(self, server: str, kind: str, items: Any) -> None:
        super().__init__(items)
        self.server, self.kind = server, kind

    def __missing__(self, name: str) -> Any:
        raise NotOfferedError(self.server, self.kind, name, tuple(self), f"server {self.server!r} has ")


class _Stderr:
    """What a child writes on stderr: read by a thread of its own, the last lines kept."""

    def __init__(self) -> None:
        self._kept: deque[str] = deque(maxlen=_STDERR_LINES)
        self._writer: Any = None
        self._pump: threading.Thread | None = None

    def open_writer(self) -> Any:
        reader, writer = os.pipe()
        self._writer = os.fdopen(writer, "w")
        self._pump = threading.Thread(target=self._read, args=(reader,), name="mcpflow-stderr", daemon=True)
        self._pump.start()
        return self._writer

    def close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _read(self, reader: int) -> None:
        rest = b""
        with os.fdopen(reader, "rb", buffering=0) as pipe:
            while chunk := pipe.read(8192):
                *lines, rest = (rest + chunk).split(b"\n")
                self._kept.extend(line.decode(errors="replace").rstrip()[:500] for line in lines)
                rest = rest[-_STDERR_BYTES:]
        if rest.strip():
            self._kept.append(rest.decode(errors="replace").rstrip()[:500])

    def settle(self, seconds: float = 0.5) -> None:
        """Wait a little for the last words of a child that ended."""
        if self._pump is not None:
            self._pump.join(seconds)

    def lines(self) -> tuple[str, ...]:
        return tuple(self._kept)


async def _no_validation(name: str, result: Any) -> None:
    """Take the place of the SDK's check of a result."""


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _words(cause: BaseException | None, spec: Spec) -> str:
    """Say why a server could not be opened, in one sentence without the library's names."""
    cause = _innermost(cause) if cause is not None else None
    if isinstance(cause, FileNotFoundError):
        missing = spec.cwd if spec.cwd and not os.path.isdir(spec.cwd) else spec.command[0]
        return f"no such command or folder: {missing!r}; install it, or give its full path"
    if isinstance(cause, PermissionError):
        return f"{spec.command[0]!r} is not executable"
    if isinstance(cause, httpx2.ConnectError):
        return "the connection was refused; is the server running there?"
    if isinstance(cause, httpx2.TimeoutException):
        return "no answer in time"
    if isinstance(cause, MCPError):
        closed = "Connection closed" in cause.error.message
        return "it ended before it answered the handshake" if closed else f"it answered: {cause.error.message}"
    if isinstance(cause, asyncio.CancelledError) or cause is None:
        return "the connection ended while it was being opened"
    return f"{type(cause).__name__}: {cause}"

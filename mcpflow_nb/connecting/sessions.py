"""Session: one open client of one server, held by an owner task in the I/O thread.

The MCP library demands that a client is left by the task that entered it; calls go past that task. To add a
transport: a branch in `_client` here, and how to write it in `config`.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import AsyncExitStack
from typing import Any, Final

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import DiscoverResult, ToolListChangedNotification
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from mcpflow_nb.bridge import io_thread
from mcpflow_nb.connecting import hearing
from mcpflow_nb.connecting.child import Child
from mcpflow_nb.connecting.config import Spec, secrets_of
from mcpflow_nb.connecting.stderr import Stderr, mask_logs
from mcpflow_nb.errors import ConnectError, MissingVariableError
from mcpflow_nb.masking import KNOWN
from mcpflow_nb.visible import visible
from mcpflow_nb.workflows.environment import texts_of

log: Final = logging.getLogger("mcpflow_nb")

CLOSE_SECONDS: Final = 6.0
"""The library gives a child 2 s after EOF and 2 s after SIGTERM; then it kills it."""


class Session:
    """One client from its opening to its end. `calls` are under way; a session that is retired ends after them."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.client: Client | None = None
        self.stderr = Stderr()
        self.child = Child(spec) if spec.transport == "stdio" else None
        self.heard = hearing.Heard()
        """What HTTP said of the handshake."""
        self.calls = 0
        self.is_retired = False
        self.is_stale = False
        """Whether the server said that its tools have changed since they were listed."""
        self.noise = 0
        """How many lines it wrote on stdout that are no messages."""
        self._is_cancelled = False
        self._stop = asyncio.Event()
        self._cause: BaseException | None = None
        self._opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._owner = asyncio.create_task(self._own(), name=f"mcpflow-{spec.name}")
        # Until the owner is done there may be a child, and a process that ends must end it.
        at_exit = io_thread().at_exit
        at_exit.add(self.close)
        self._owner.add_done_callback(lambda _: at_exit.discard(self.close))

    @property
    def is_open(self) -> bool:
        """Whether a call can be sent now; a child that died while nobody called leaves a mark behind."""
        return self.client is not None and not self._owner.done() and not self.is_retired and not self.is_cut

    @property
    def has_ended(self) -> bool:
        """Whether all of it is gone, the child as well."""
        return self._owner.done()

    @property
    def is_cut(self) -> bool:
        """Whether the stream to the server has ended."""
        return self.client is None or bool(getattr(self.client.session._dispatcher, "_closed", False))

    async def open(self) -> Client:
        """Return the client once it is ready.

        Raises
        ------
        ConnectError
            When it is not ready in time, or ended before.
        """
        waited: set[asyncio.Future[Any]] = {self._opened, self._owner}
        try:
            done, _ = await asyncio.wait(waited, timeout=self.spec.connect_seconds, return_when="FIRST_COMPLETED")
        except BaseException:
            self._cancel()
            raise
        if self._opened in done:
            self.client = self._opened.result()
            return self.client
        self._cancel()
        raise await self.refused("" if done else self._late())

    async def refused(self, reason: str = "") -> ConnectError:
        """Return the error that says why it could not be opened."""
        await asyncio.to_thread(self.stderr.settle)
        words = reason or hidden(reason_of(self._cause, self.spec, self.heard), self.spec)
        problem = self.child.problem if self.child is not None else ""
        return ConnectError(self.spec.name, self.spec.target, problem or words, self.stderr.lines())

    def _late(self) -> str:
        hint = '; a server that only knows the old handshake needs "mode": "legacy"' if self.spec.mode == "auto" else ""
        return f"no answer to the handshake within {self.spec.connect_seconds:g} s{hint}"

    def retire(self) -> None:
        """Take no more calls, and end after those that are under way."""
        self.is_retired = True
        if not self.calls:
            self._stop.set()

    def abandon(self) -> None:
        """End it without waiting."""
        self.is_retired = True
        self._stop.set()
        if self.client is None:
            self._cancel()

    def _cancel(self) -> None:
        # Once: a second cancel would break off the library's own ending of a child.
        if not self._is_cancelled:
            self._is_cancelled = True
            self._owner.cancel()

    async def close(self) -> None:
        """End it now, within 7 s; the child of a stdio server is gone afterwards."""
        self.abandon()
        if not (await asyncio.wait([self._owner], timeout=CLOSE_SECONDS))[0]:
            self._owner.cancel()
            await asyncio.wait([self._owner], timeout=1.0)

    async def _own(self) -> None:
        """Hold the client open until told to stop; the only task that enters and leaves it."""
        try:
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(await self._client(stack))
                if (
                    self.spec.mode in MODERN_PROTOCOL_VERSIONS
                ):  # else it is not asked what it can do, and seems to have no tools
                    client.session.adopt(
                        DiscoverResult.model_validate(await client.session.send_discover(self.spec.mode))
                    )
                # Ours is a recorded step of its own: the SDK's raises after the tool ran, and drops the result.
                client.session.validate_tool_result = _no_validation  # type: ignore[method-assign]
                self.stderr.close_writer()
                if not self._opened.done():
                    self._opened.set_result(client)
                async with asyncio.TaskGroup() as listeners:
                    listening = listeners.create_task(self._hear(client))
                    await self._stop.wait()
                    listening.cancel()
        except BaseException as error:  # noqa: BLE001 - ExceptionGroups and cancellations of the library end here
            self._cause = innermost(error)
        finally:
            self.stderr.close_writer()

    async def _hear(self, client: Client) -> None:
        """Hear of changed tools; a session of the old protocol tells them unasked, to `_told`."""
        tools = client.server_capabilities.tools
        if tools is None or not tools.list_changed or client.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return
        try:
            async with client.listen(tools_list_changed=True) as events:
                async for _ in events:
                    self.is_stale = True
        except Exception:  # noqa: BLE001 - whatever ends the stream, it is no end of the session
            self.is_stale = True  # what changed from here on is not told: ask once more

    async def _told(self, message: Any) -> None:
        self.is_stale = self.is_stale or isinstance(message, ToolListChangedNotification)
        if isinstance(message, ValidationError) and self.child is not None:
            self.noise += 1
            if self.noise == 1:  # the rest is only counted
                line = message.errors(include_url=False)[0]["input"]
                said = bytes(line).decode(errors="replace") if isinstance(line, bytes) else str(line)
                words = "server %r wrote what is no MCP message on its stdout, first: '%s'"
                log.warning(words, self.spec.name, visible(KNOWN.by_value(said[:80])))

    async def _client(self, stack: AsyncExitStack) -> Client:
        spec = self.spec
        mask_logs()
        for secret in secrets_of(spec, certain=True):
            KNOWN.know(secret)
        mode: Any = spec.mode
        if spec.transport == "memory":
            return Client(spec.server, mode=mode, cache=None, message_handler=self._told)
        if self.child is not None:
            pipes = self.child.pipes(self.stderr.open_writer())
            return Client(pipes, mode=mode, cache=None, message_handler=self._told)
        hearing.hearing.set(self.heard)
        timeout = httpx2.Timeout(30.0, connect=spec.connect_seconds, read=None)
        http = await stack.enter_async_context(hearing.Client(spec, texts_of(spec.headers), timeout))
        stream = streamable_http_client(spec.url, http_client=http, max_sse_event_size=spec.max_bytes)
        return Client(stream, mode=mode, cache=None, message_handler=self._told)


async def _no_validation(name: str, result: Any) -> None:
    """Take the place of the SDK's check of a result."""


def innermost(error: BaseException) -> BaseException:
    """Return the first error inside the library's groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def hidden(text: str, spec: Spec) -> str:
    """Return the text without the values of env and headers, and without the URL."""
    for secret in (*spec.env.values(), *spec.headers.values(), spec.url):
        if isinstance(secret, str) and len(secret) > 2:
            text = text.replace(secret, "…")
    return str(KNOWN.by_value(text))


def reason_of(cause: BaseException | None, spec: Spec, heard: hearing.Heard | None = None) -> str:
    """Say why a server could not be opened, in one sentence without the library's names."""
    cause = innermost(cause) if cause is not None else None
    if heard is not None and (heard.problem or heard.words):
        return heard.problem or heard.words
    if isinstance(cause, FileNotFoundError) and spec.command:
        missing = spec.cwd if spec.cwd and not os.path.isdir(spec.cwd) else spec.command[0]
        return f"no such command or folder: {missing!r}; install it, or give its full path"
    if isinstance(cause, MissingVariableError):
        return str(cause)
    if isinstance(cause, PermissionError) and spec.command:
        return f"{spec.command[0]!r} is not executable"
    if isinstance(cause, httpx2.ConnectError):
        return hearing.unreached(cause)
    if isinstance(cause, httpx2.TimeoutException):
        return "no answer in time"
    if isinstance(cause, MCPError):
        closed = "Connection closed" in cause.error.message
        return "it ended before it answered the handshake" if closed else f"it answered: {cause.error.message}"
    if isinstance(cause, asyncio.CancelledError) or cause is None:
        return "the connection ended while it was being opened"
    if isinstance(cause, ValidationError):
        first = cause.errors(include_input=False, include_url=False)[0]
        return f"what it answered is not MCP: {'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{type(cause).__name__}: {cause}"

"""The child process of a stdio server and its two pipes: one message a line, none larger than the cap of its server.

The library's own reader has no cap, takes time with the square of a message, and lets a message that cannot be parsed
wait for its deadline; how a child is started and ended is the library's, whose few functions here are all that is borrowed.
"""

from __future__ import annotations

import logging
import re
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import (
    _create_platform_compatible_process,
    _get_executable_command,
    _stop_server_process,
    _terminate_process_tree,
    get_default_environment,
)
from mcp.shared.message import SessionMessage
from mcp_types import PARSE_ERROR, ErrorData, JSONRPCError, jsonrpc_message_adapter

from mcpflow_nb.connecting.config import Spec
from mcpflow_nb.connecting.hearing import UNREADABLE, too_large
from mcpflow_nb.workflows.environment import texts_of

log: Final = logging.getLogger("mcpflow_nb.connecting.child")
_FLUSH_SECONDS: Final = 0.5
_EXIT_SECONDS: Final = 0.5
_ENDS: Final = 4_000
_HEAD: Final = re.compile(rb"\s*\{([^{}\[\]]*)")
_ANSWERS: Final = re.compile(rb'"(?:result|error)"\s*:')
_ID: Final = re.compile(rb'"id"\s*:\s*(\d{1,18})\b')
_TAIL_ID: Final = re.compile(rb'[}\]]\s*,\s*"id"\s*:\s*(\d{1,18})\s*(?:,[^{}\[\]]*)?\}\s*\Z')
_GONE: Final = (anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream, OSError)


class Child:
    """One child and its pipes. `problem` is what it sent that ended them, `end` how it ended; empty while nobody knows."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.problem, self.end = "", ""
        self._process: Any = None
        self._is_cut = False

    @property
    def why(self) -> str:
        """Why nothing more comes from it, as far as that is known."""
        cut = "its last message was cut" if self._is_cut else ""
        return self.problem or "; ".join(filter(None, (cut, self.end)))

    @asynccontextmanager
    async def pipes(self, errlog: Any) -> AsyncGenerator[tuple[Any, Any]]:
        """Start it, and give the two streams that a client reads and writes; it has ended afterwards."""
        spec = self.spec
        command = await _get_executable_command(spec.command[0])
        env = get_default_environment() | texts_of(spec.env)
        self._process = process = await _create_platform_compatible_process(
            command=command, args=list(spec.command[1:]), env=env, errlog=errlog, cwd=spec.cwd
        )
        got, reading = anyio.create_memory_object_stream[Any](0)
        writing, sent = anyio.create_memory_object_stream[SessionMessage](0)
        flushed = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._read, got)
            tasks.start_soon(self._write, sent, got, flushed)
            try:
                yield reading, writing
            finally:
                with anyio.CancelScope(shield=True):  # else the process would stay; every wait inside has an end
                    reading.close()
                    writing.close()
                    with anyio.move_on_after(_FLUSH_SECONDS):
                        await flushed.wait()
                    await _stop_server_process(process)
                    await _terminate_process_tree(process)  # what it started and left behind
                    for stream in (got, sent):
                        stream.close()
                    await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()

    async def _read(self, got: MemoryObjectSendStream[Any]) -> None:
        async with got:
            with suppress(*_GONE):
                async for line in self._lines():
                    await got.send(_message(line))
            if not self.problem:
                await self._ended()
        if not self.problem:  # what is left is thrown away: a full pipe would keep it from ending
            with suppress(*_GONE):
                while True:
                    await self._process.stdout.receive()

    async def _lines(self) -> AsyncIterator[bytes]:
        """Give each line; one beyond the cap ends it all, for what follows cannot be told from it."""
        parts: list[bytes] = []
        size = 0
        async for chunk in self._process.stdout:
            *ends, rest = chunk.split(b"\n")
            for end in ends:
                if (size := size + len(end)) > self.spec.max_bytes:
                    break
                yield b"".join((*parts, end))
                parts, size = [], 0
            parts.append(rest)
            if (size := size + len(rest)) > self.spec.max_bytes:
                self.problem = too_large(self.spec)
                return
        self._is_cut = size > 0

    async def _ended(self) -> None:
        """Note how it ended, where it does so by itself."""
        with anyio.move_on_after(_EXIT_SECONDS):
            while self._process.returncode is None:  # noqa: ASYNC110 - `wait()` waits for whoever else has its pipes, too
                await anyio.sleep(0.01)
        self.end = _end_of(self._process.returncode)

    async def _write(
        self, sent: MemoryObjectReceiveStream[Any], got: MemoryObjectSendStream[Any], flushed: Any
    ) -> None:
        try:
            async with sent:
                async for one in sent:
                    text = one.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await self._process.stdin.send((text + "\n").encode())
        except _GONE:
            await got.aclose()  # it may still run: no request shall wait for an answer that cannot come
        finally:
            flushed.set()


def _end_of(code: int | None) -> str:
    if code is None:
        return ""
    if code >= 0:
        return f"it ended with exit code {code}"
    try:
        return f"it was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was ended by signal {-code}"


def _message(line: bytes) -> SessionMessage | Exception:
    """Return a line as a message; one that cannot be read answers its request with an error, at once."""
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        problem = error
    log.debug("a line that is no message: %r", line[:80])
    found = _answered(line)
    if found is None:
        return problem
    refused = ErrorData(code=PARSE_ERROR, message=f"{UNREADABLE}: {problem}")
    return SessionMessage(JSONRPCError(jsonrpc="2.0", id=found, error=refused))


def _answered(line: bytes) -> int | None:
    """Return the id of the request that an unreadable line answers, as far as its two ends tell; None where they do not."""
    head = _HEAD.match(line[:_ENDS])
    if head is None or not _ANSWERS.search(head[1]):
        return None
    found = _ID.search(head[1]) or _TAIL_ID.search(line[-_ENDS:])
    return int(found[1]) if found else None

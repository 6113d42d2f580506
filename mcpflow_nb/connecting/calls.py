"""One call of one tool, or one reading of one resource, and what is known of it afterwards.

`Answer.status` is decided here: whether the tool ran, did not run, or nobody knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeVar, cast

import mcp.types as types
from mcp import Client, MCPError
from mcp.shared.dispatcher import ProgressFnT
from pydantic import ValidationError

from mcpflow_nb.bridge import wake
from mcpflow_nb.connecting.hearing import BEYOND, UNREADABLE, Heard, hearing, unread
from mcpflow_nb.records.record import Status

CALL_SECONDS: Final = 30.0
_GIVE_UP_SECONDS: Final = 0.5
FAIL: Final = "mcpflow/fail"
"""The key in a call's `_meta` with what goes wrong with it on a mocked server; no other server knows it."""
CLOSED: Final = -32000
_ENDED: Final = ("Connection closed", "SSE stream")
_EXPIRED: Final = ("Session terminated", "Session not found")
REFUSED: Final = {types.INVALID_PARAMS, types.METHOD_NOT_FOUND, types.INVALID_REQUEST, types.PARSE_ERROR}

TOO_MANY: Final = 429

Progress = ProgressFnT
_Result = TypeVar("_Result")


class Answer(NamedTuple):
    """What came back. `lost` says that the connection is of no more use, `protocol_error` what the server refused with.

    `http_status` is that of an error over HTTP, `retry_after` how many seconds the server asks to wait.
    """

    status: Status
    raw: dict[str, Any] | None = None
    error: str | None = None
    lost: bool = False
    protocol_error: dict[str, Any] | None = None
    http_status: int | None = None
    retry_after: float | None = None

    @property
    def is_final(self) -> bool:
        """Whether the same call would be refused again: what it asks for, or who asks, is not accepted."""
        refused = self.http_status is not None and self.http_status != TOO_MANY and not self.lost
        return self.protocol_error is not None or (self.status == "not_executed" and refused)


async def call(
    client: Client, tool: str, arguments: dict[str, Any], seconds: float = CALL_SECONDS,
    progress: Progress | None = None, meta: dict[str, Any] | None = None,
) -> Answer:  # fmt: skip
    """Call a tool once and never again; every failure is an answer, only cancelling raises."""
    result = await _sent(
        lambda: client.session.call_tool(
            tool, arguments, progress_callback=progress, allow_input_required=True, meta=cast("Any", meta),
        ),
        seconds, lambda error, heard: _refusal(error, client, heard, "; it may have run"),
        what="call", doubt="; it may have run", misread="it ran, but its answer is no MCP result",
    )  # fmt: skip
    if isinstance(result, Answer):
        return result
    if isinstance(result, types.InputRequiredResult):
        asked = ", ".join(sorted(result.input_requests or ())) or "more input"
        return Answer("needs_input", error=f"the server asks for input ({asked}); it was not answered")
    return Answer("tool_error" if result.is_error else "ok", result.model_dump(by_alias=True, exclude_unset=True))


async def read(client: Client, uri: str, seconds: float = CALL_SECONDS) -> Answer:
    """Read a resource; `raw` is the ReadResourceResult, and every failure is an answer. Reading changes nothing."""
    result = await _sent(
        lambda: client.session.read_resource(uri, allow_input_required=True),
        seconds, lambda error, heard: _unread(error, client, heard),
        what="reading", doubt="", misread="its answer is no resource",
    )  # fmt: skip
    if isinstance(result, Answer):
        return result._replace(status="resource_error")
    if isinstance(result, types.InputRequiredResult):
        return Answer("resource_error", error="the server asks for input before it gives the resource")
    return Answer("ok", result.model_dump(by_alias=True, exclude_unset=True))


async def _sent(
    request: Callable[[], Awaitable[_Result]], seconds: float, refused: Callable[[MCPError, Heard], Answer], *,
    what: str, doubt: str, misread: str,
) -> _Result | Answer:  # fmt: skip
    """Return the result that comes in time, or any failure as a call's Answer; the words of it differ."""
    heard = Heard()
    token = hearing.set(heard)
    try:
        return await in_time(request, seconds)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return Answer("unknown", error=f"the server cancelled the {what}{doubt}", lost=True)
    except TimeoutError:
        return Answer("unknown", error=f"no answer within {seconds:g} s{doubt}", lost=True)
    except MCPError as error:
        return refused(error, heard)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return Answer("invalid_output", error=f"{misread}: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    except (ValueError, TypeError, RuntimeError, OSError, SystemExit, KeyboardInterrupt) as error:
        # The SDK, before or after sending; or a server in this process that wanted to end all of it.
        return Answer("unknown", error=f"{type(error).__name__}: {error}", lost=True)
    finally:
        hearing.reset(token)


async def in_time(request: Callable[[], Awaitable[_Result]], seconds: float) -> _Result:
    """Wait for a request, and no longer than it may take: the library needs 5 s to give up one that cannot be written."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    async def asked() -> _Result:
        try:
            return await request()
        finally:
            wake(over)  # not `asyncio.wait`, which takes twice as long to notice: each call of a tool goes through here

    task = loop.create_task(asked())
    timer = loop.call_later(seconds, wake, over)
    try:
        await over
    except asyncio.CancelledError:
        await _given_up(task)
        raise
    finally:
        timer.cancel()
    if not task.done():
        await _given_up(task)
        raise TimeoutError
    return task.result()


async def _given_up(task: asyncio.Future[Any]) -> None:
    task.cancel()
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen: nobody waits for it
    await asyncio.wait({task}, timeout=_GIVE_UP_SECONDS)


def _unread(error: MCPError, client: Client, heard: Heard) -> Answer:
    answer = _refusal(error, client, heard, "")
    bare = answer.protocol_error is not None or heard.status is None
    return answer._replace(error=f"{error.error.message} (code {error.error.code})") if bare else answer


def _refusal(error: MCPError, client: Client, heard: Heard, doubt: str) -> Answer:
    code, message = error.error.code, error.error.message
    if (problem := heard.beyond if message.startswith(BEYOND) else heard.problem) is not None:
        return Answer("unknown", error=f"{problem}{doubt}")
    if heard.unsent:
        return Answer("not_sent", error=heard.unsent, lost=True)
    cut = bool(getattr(client.session._dispatcher, "_closed", False))
    if code == CLOSED and (cut or message.startswith(_ENDED)):  # a server may use this code for errors of its own
        words = f"the connection was lost before an answer came ({message}){doubt}"
        return Answer("unknown", error=words, lost=True)
    if message in _EXPIRED:
        return Answer("not_executed", error=f"the server forgot the session ({message}); call again", lost=True)
    if code == types.PARSE_ERROR and message.startswith(UNREADABLE):
        return Answer("invalid_output", error=f"it ran, but its answer cannot be read: {unread(message)}")
    if not heard.is_message:
        status: Status = "not_executed" if heard.was_refused else "unknown"
        words = heard.words if heard.was_refused else f"{heard.words}{doubt}"
        return Answer(status, error=words, http_status=heard.status, retry_after=heard.retry_after)
    return refused(error.error.model_dump(exclude_unset=True))


def refused(said: dict[str, Any]) -> Answer:
    """Return the answer of a call that the server answered with a JSON-RPC error."""
    code, message = said["code"], said["message"]
    if code in REFUSED:
        words = f"the server refused the call: {message} (code {code})"
        return Answer("not_executed", error=words, protocol_error=said)
    return Answer("tool_error", error=f"{message} (code {code})", protocol_error=said)

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

from mcpflow_nb.trace import Status

CALL_SECONDS: Final = 30.0
FAIL: Final = "mcpflow/fail"
"""The key in a call's `_meta` with what goes wrong with it on a mocked server; no other server knows it."""
CLOSED: Final = -32000
_ENDED: Final = ("Connection closed", "SSE stream ended")
_EXPIRED: Final = ("Session terminated", "Session not found")
REFUSED: Final = {types.INVALID_PARAMS, types.METHOD_NOT_FOUND, types.INVALID_REQUEST, types.PARSE_ERROR}

Progress = ProgressFnT
_Result = TypeVar("_Result")


class Answer(NamedTuple):
    """What came back. `lost` says that the connection is of no more use, `protocol_error` what the server refused with."""

    status: Status
    raw: dict[str, Any] | None = None
    error: str | None = None
    lost: bool = False
    protocol_error: dict[str, Any] | None = None


async def call(
    client: Client, tool: str, arguments: dict[str, Any], seconds: float = CALL_SECONDS,
    progress: Progress | None = None, meta: dict[str, Any] | None = None,
) -> Answer:  # fmt: skip
    """Call a tool once and never again; every failure is an answer, only cancelling raises."""
    result = await _sent(
        lambda: client.session.call_tool(
            tool, arguments, progress_callback=progress, allow_input_required=True, meta=cast("Any", meta),
        ),
        seconds, lambda error: _refusal(error, client),
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
        seconds, lambda error: _refusal(error, client)._replace(error=f"{error.error.message} (code {error.error.code})"),
        what="reading", doubt="", misread="its answer is no resource",
    )  # fmt: skip
    if isinstance(result, Answer):
        return result._replace(status="resource_error")
    if isinstance(result, types.InputRequiredResult):
        return Answer("resource_error", error="the server asks for input before it gives the resource")
    return Answer("ok", result.model_dump(by_alias=True, exclude_unset=True))


async def _sent(
    request: Callable[[], Awaitable[_Result]], seconds: float, refused: Callable[[MCPError], Answer], *,
    what: str, doubt: str, misread: str,
) -> _Result | Answer:  # fmt: skip
    """Return the result that comes in time, or any failure as a call's Answer; the words of it differ."""
    try:
        async with asyncio.timeout(seconds):
            return await request()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return Answer("unknown", error=f"the server cancelled the {what}{doubt}", lost=True)
    except TimeoutError:
        return Answer("unknown", error=f"no answer within {seconds:g} s{doubt}", lost=True)
    except MCPError as error:
        return refused(error)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return Answer("invalid_output", error=f"{misread}: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    except (ValueError, TypeError, RuntimeError, OSError, SystemExit, KeyboardInterrupt) as error:
        # The SDK, before or after sending; or a server in this process that wanted to end all of it.
        return Answer("unknown", error=f"{type(error).__name__}: {error}", lost=True)


def _refusal(error: MCPError, client: Client) -> Answer:
    code, message = error.error.code, error.error.message
    cut = bool(getattr(client.session._dispatcher, "_closed", False))
    if code == CLOSED and (cut or message.startswith(_ENDED)):  # a server may use this code for errors of its own
        words = f"the connection was lost before an answer came ({message}); it may have run"
        return Answer("unknown", error=words, lost=True)
    if message in _EXPIRED:
        return Answer("not_executed", error=f"the server forgot the session ({message}); call again", lost=True)
    if (
        code not in REFUSED and message == "Server returned an error response"
    ):  # an HTTP status that the SDK does not pass on
        return Answer("unknown", error="the HTTP server answered with an error status; it may have run")
    return refused(error.error.model_dump(exclude_unset=True))


def refused(said: dict[str, Any]) -> Answer:
    """Return the answer of a call that the server answered with a JSON-RPC error."""
    code, message = said["code"], said["message"]
    if code in REFUSED:
        words = f"the server refused the call: {message} (code {code})"
        return Answer("not_executed", error=words, protocol_error=said)
    return Answer("tool_error", error=f"{message} (code {code})", protocol_error=said)

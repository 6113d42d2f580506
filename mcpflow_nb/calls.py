"""One call of one tool, or one reading of one resource, and what is known of it afterwards.

`Answer.status` is decided here: whether the tool ran, did not run, or nobody knows.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

import mcp.types as types
from mcp import Client, MCPError
from mcp.shared.dispatcher import ProgressFnT
from pydantic import ValidationError

from mcpflow_nb.trace import Status

CALL_SECONDS: Final = 30.0
CLOSED: Final = -32000
_ENDED: Final = ("Connection closed", "SSE stream ended")
_EXPIRED: Final = ("Session terminated", "Session not found")
REFUSED: Final = {types.INVALID_PARAMS, types.METHOD_NOT_FOUND, types.INVALID_REQUEST, types.PARSE_ERROR}

Progress = ProgressFnT


class Answer(NamedTuple):
    """What came back. `lost` says that the connection is of no more use."""

    status: Status
    raw: dict[str, Any] | None = None
    error: str | None = None
    lost: bool = False


async def call(
    client: Client,
    tool: str,
    arguments: dict[str, Any],
    seconds: float = CALL_SECONDS,
    progress: Progress | None = None,
) -> Answer:
    """Call a tool once and never again; every failure is an answer, only cancelling raises."""
    try:
        async with asyncio.timeout(seconds):
            result = await client.session.call_tool(
                tool, arguments, progress_callback=progress, allow_input_required=True
            )
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return Answer("unknown", error="the server cancelled the call; it may have run", lost=True)
    except TimeoutError:
        return Answer("unknown", error=f"no answer within {seconds:g} s; it may have run", lost=True)
    except MCPError as error:
        return _refusal(error, client)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        return Answer("invalid_output", error=f"it ran, but its answer is no MCP result: {place}: {first['msg']}")
    except (ValueError, TypeError, RuntimeError, OSError) as error:  # the SDK, before or after sending
        return Answer("unknown", error=f"{type(error).__name__}: {error}", lost=True)
    if isinstance(result, types.InputRequiredResult):
        asked = ", ".join(sorted(result.input_requests or ())) or "more input"
        return Answer("needs_input", error=f"the server asks for input ({asked}); it was not answered")
    raw = result.model_dump(by_alias=True, exclude_unset=True)
    return Answer("tool_error" if result.is_error else "ok", raw)


async def read(client: Client, uri: str, seconds: float = CALL_SECONDS) -> Answer:
    """Read a resource; `raw` is the ReadResourceResult, and every failure is an answer. Reading changes nothing."""
    try:
        async with asyncio.timeout(seconds):
            result = await client.session.read_resource(uri, allow_input_required=True)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return Answer("resource_error", error="the server cancelled the reading", lost=True)
    except TimeoutError:
        return Answer("resource_error", error=f"no answer within {seconds:g} s", lost=True)
    except MCPError as error:
        lost = _refusal(error, client).lost
        return Answer("resource_error", error=f"{error.error.message} (code {error.error.code})", lost=lost)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        return Answer("resource_error", error=f"its answer is no resource: {place}: {first['msg']}")
    except (ValueError, TypeError, RuntimeError, OSError) as error:  # the SDK, before or after sending
        return Answer("resource_error", error=f"{type(error).__name__}: {error}", lost=True)
    if isinstance(result, types.InputRequiredResult):
        return Answer("resource_error", error="the server asks for input before it gives the resource")
    return Answer("ok", result.model_dump(by_alias=True, exclude_unset=True))


def _refusal(error: MCPError, client: Client) -> Answer:
    code, message = error.error.code, error.error.message
    cut = bool(getattr(client.session._dispatcher, "_closed", False))
    if code == CLOSED and (cut or message.startswith(_ENDED)):  # a server may use this code for errors of its own
        words = f"the connection was lost before an answer came ({message}); it may have run"
        return Answer("unknown", error=words, lost=True)
    if message in _EXPIRED:
        return Answer("not_executed", error=f"the server forgot the session ({message}); call again", lost=True)
    if code in REFUSED:
        return Answer("not_executed", error=f"the server refused the call: {message} (code {code})")
    if message == "Server returned an error response":  # an HTTP status that the SDK does not pass on
        return Answer("unknown", error="the HTTP server answered with an error status; it may have run")
    return Answer("tool_error", error=f"{message} (code {code})")

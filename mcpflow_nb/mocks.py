"""`mf.mock({...})`: a real in-process MCP server with one line a tool, so that there is no second code path.

A tool is a value (its output), a function (sync or async; it gets the arguments by name), or an exception.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import mcp.types as types
from anyio import to_thread
from mcp.server.lowlevel import Server

from mcpflow_nb.errors import DefinitionError, NotJsonError
from mcpflow_nb.values import Frozen, jsonable


class Mock:
    """A mocked server. `calls` lists what was called: tool name and arguments, oldest first."""

    is_mock = True

    def __init__(
        self, tools: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]], outputs: Mapping[str, Any]
    ) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._behaviours = {name: _behaviour(name, given) for name, given in tools.items()}
        self._tools = [_tool(name, tools[name], schemas.get(name), outputs.get(name)) for name in tools]
        for what, names in (("schemas", schemas), ("outputs", outputs)):
            if unknown := [name for name in names if name not in tools]:
                raise DefinitionError(f"mock: {what} names {unknown[0]!r}, which is no tool of it")
        self.mcp: Server[Any] = Server("mock", on_list_tools=self._list, on_call_tool=self._call)

    def __repr__(self) -> str:
        return f"<Mock: {len(self._tools)} tools, {len(self.calls)} calls>"

    async def _list(self, _context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=self._tools)

    async def _call(self, _context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        arguments = dict(params.arguments or {})
        self.calls.append((params.name, arguments))
        if params.name not in self._behaviours:
            return _failed(f"Unknown tool: {params.name}")
        try:
            return _succeeded(jsonable(await self._behaviours[params.name](arguments)))
        except NotJsonError as error:
            return _failed(f"the mock's output: {error}")
        except Exception as error:  # noqa: BLE001 - the reader's own function: its error is the tool's error
            return _failed(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def mock(
    tools: Mapping[str, Any],
    *,
    schemas: Mapping[str, Mapping[str, Any]] | None = None,
    outputs: Mapping[str, Any] | None = None,
) -> Mock:
    """Make a mocked server: `mf.mock({"send_email": {"sent": True}})`.

    Parameters
    ----------
    tools
        Tool name to its output, or a function of the arguments, or an exception it fails with.
    schemas
        Tool name to an input schema; a function's own parameters are used where none is given.
    outputs
        Tool name to an output schema.

    Raises
    ------
    DefinitionError
        When an output is no JSON value, or a schema is for no tool.
    """
    return Mock(tools, schemas or {}, outputs or {})


def _behaviour(name: str, given: Any) -> Callable[[dict[str, Any]], Awaitable[Any]]:
    if isinstance(given, BaseException) or (isinstance(given, type) and issubclass(given, Exception)):

        async def fail(_arguments: dict[str, Any]) -> Any:
            raise given

        return fail
    if inspect.iscoroutinefunction(given):
        return lambda arguments: given(**arguments)
    if callable(given):

        async def call(arguments: dict[str, Any]) -> Any:
            # In a thread, so that a function that takes its time holds up nobody else's call.
            output = await to_thread.run_sync(partial(given, **arguments), abandon_on_cancel=True)
            return await output if inspect.isawaitable(output) else output

        return call
    try:
        frozen = Frozen(given)
    except NotJsonError as error:
        problem = str(error)
    else:

        async def value(_arguments: dict[str, Any]) -> Any:
            return frozen.value

        return value
    raise DefinitionError(f"mock, tool {name!r}: {problem}")


def _tool(name: str, given: Any, schema: Mapping[str, Any] | None, output: Any) -> types.Tool:
    described = inspect.getdoc(given) if inspect.isroutine(given) else None
    return types.Tool(
        name=name, description=described or "A mocked tool", output_schema=output,
        input_schema=dict(schema) if schema is not None else _signature(given),
    )  # fmt: skip


def _signature(given: Any) -> dict[str, Any]:
    """Return the input schema of a function: its parameters' names, required where they have no default."""
    if not inspect.isroutine(given):
        return {"type": "object"}
    names: dict[str, Any] = {}
    required: list[str] = []
    for parameter in inspect.signature(given).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            return {"type": "object", "properties": names, "required": required, "additionalProperties": True}
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            names[parameter.name] = _TYPES.get(parameter.annotation, {})
            if parameter.default is parameter.empty:
                required.append(parameter.name)
    return {"type": "object", "properties": names, "required": required}


_TYPES: dict[Any, dict[str, str]] = {
    kind: {"type": word}
    for python, word in (
        (str, "string"), (int, "integer"), (float, "number"), (bool, "boolean"), (list, "array"), (dict, "object"),
    )
    for kind in (python, python.__name__)
}  # fmt: skip


def _succeeded(output: Any) -> types.CallToolResult:
    if output is None:  # MCP drops a null structured result on the way; no content at all reads back as null
        return types.CallToolResult(content=[])
    text = output if isinstance(output, str) else Frozen(output).text
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], structured_content=output)


def _failed(message: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=message)], is_error=True)

"""`mf.mock({...})`: a real in-process MCP server with one line a tool, so that there is no second code path.

A tool is a value (its output), a function (sync or async; it gets the arguments by name), or an exception. A
resource is text, bytes, a function or an exception; a URI with `{}` marks is a template, and its function gets them.
"""

from __future__ import annotations

import base64
import inspect
import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import mcp.types as types
from anyio import to_thread
from mcp import MCPError
from mcp.server.lowlevel import Server
from mcp.shared.uri_template import InvalidUriTemplate, UriTemplate

from mcpflow_nb.calls import FAIL
from mcpflow_nb.errors import DefinitionError, NotJsonError
from mcpflow_nb.values import Frozen, jsonable

Behaviour = Callable[[dict[str, Any]], Awaitable[Any]]


class Mock:
    """A mocked server. `calls` lists what was called, `reads` the URIs that were read, oldest first."""

    is_mock = True

    def __init__(
        self, tools: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]], outputs: Mapping[str, Any],
        resources: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.reads: list[str] = []
        self._behaviours = {name: _behaviour(name, given) for name, given in tools.items()}
        self._tools = [_tool(name, tools[name], schemas.get(name), outputs.get(name)) for name in tools]
        for what, names in (("schemas", schemas), ("outputs", outputs)):
            if unknown := [name for name in names if name not in tools]:
                raise DefinitionError(f"mock: {what} names {unknown[0]!r}, which is no tool of it")
        self._resources = [_Resource(uri, given) for uri, given in resources.items()]
        handlers: dict[str, Any] = {"on_list_tools": self._list, "on_call_tool": self._call}
        if resources:
            handlers |= {"on_list_resources": self._list_resources, "on_read_resource": self._read}
            handlers |= {"on_list_resource_templates": self._list_templates}
        self.mcp: Server[Any] = Server("mock", **handlers)

    def __repr__(self) -> str:
        more = f", {len(self._resources)} resources, {len(self.reads)} reads" if self._resources else ""
        return f"<Mock: {len(self._tools)} tools, {len(self.calls)} calls{more}>"

    async def _list(self, _context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=self._tools)

    async def _call(self, _context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        arguments = dict(params.arguments or {})
        self.calls.append((params.name, arguments))
        meta: Mapping[str, Any] = params.meta or {}
        if FAIL in meta:
            return _failed(str(meta[FAIL]))
        if params.name not in self._behaviours:
            return _failed(f"Unknown tool: {params.name}")
        try:
            return _succeeded(jsonable(await self._behaviours[params.name](arguments)))
        except NotJsonError as error:
            return _failed(f"the mock's output: {error}")
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - the reader's own function
            return _failed(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)

    async def _list_resources(self, _context: Any, _params: Any) -> types.ListResourcesResult:
        found = [types.Resource(name=one.uri, uri=one.uri) for one in self._resources if one.template is None]
        return types.ListResourcesResult(resources=found)

    async def _list_templates(self, _context: Any, _params: Any) -> types.ListResourceTemplatesResult:
        uris = [one.uri for one in self._resources if one.template is not None]
        found = [types.ResourceTemplate(name=uri, uri_template=uri) for uri in uris]
        return types.ListResourceTemplatesResult(resource_templates=found)

    async def _read(self, _context: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        uri = params.uri
        self.reads.append(uri)
        for resource in sorted(self._resources, key=lambda one: one.template is not None):  # an exact URI goes first
            variables = resource.match(uri)
            if variables is not None:
                return types.ReadResourceResult(contents=[_contents(uri, await resource.read(variables))])
        raise MCPError(types.INVALID_PARAMS, f"Resource not found: {uri}")


class _Resource:
    """A mocked resource, or a template of resources: what it answers, and which URIs it is."""

    def __init__(self, uri: str, given: Any) -> None:
        problem = None
        try:
            self.template = UriTemplate.parse(uri) if "{" in uri else None
        except InvalidUriTemplate as error:
            problem = f"it is no URI template: {error}"
        if not (isinstance(given, str | bytes) or _is_failure(given) or callable(given)):
            problem = f"give text, bytes, a function or an exception, not {type(given).__name__}"
        if problem is not None:
            raise DefinitionError(f"mock, resource {uri!r}: {problem}")
        self.uri = uri
        self._behaviour = _behaviour(uri, (lambda **_: given) if isinstance(given, str | bytes) else given)

    def match(self, uri: str) -> dict[str, Any] | None:
        """Return the variables of a URI that is this one, or None."""
        if self.template is None:
            return {} if uri == self.uri else None
        return self.template.match(uri)

    async def read(self, variables: dict[str, Any]) -> Any:
        """Return what it answers; whatever goes wrong is an error of the protocol, with its message."""
        try:
            return await self._behaviour(variables)
        except MCPError:
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - the reader's own function
            said = str(error) or type(error).__name__
        raise MCPError(types.INTERNAL_ERROR, said)


def _contents(uri: str, given: Any) -> types.TextResourceContents | types.BlobResourceContents:
    guessed = mimetypes.guess_type(uri)[0]
    if isinstance(given, str):
        return types.TextResourceContents(uri=uri, text=given, mime_type=guessed or "text/plain")
    if isinstance(given, bytes):
        blob = base64.b64encode(given).decode("ascii")
        return types.BlobResourceContents(uri=uri, blob=blob, mime_type=guessed or "application/octet-stream")
    raise MCPError(types.INTERNAL_ERROR, f"the mock's resource gave {type(given).__name__}, not text or bytes")


def mock(
    tools: Mapping[str, Any],
    *,
    schemas: Mapping[str, Mapping[str, Any]] | None = None,
    outputs: Mapping[str, Any] | None = None,
    resources: Mapping[str, Any] | None = None,
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
    resources
        URI to text, bytes, a function, or an exception; the function of a URI with `{}` marks gets them by name.

    Raises
    ------
    DefinitionError
        When an output is no JSON value, a schema is for no tool, or a resource is nothing that can be read.
    """
    return Mock(tools, schemas or {}, outputs or {}, resources or {})


def _is_failure(given: Any) -> bool:
    return isinstance(given, BaseException) or (isinstance(given, type) and issubclass(given, Exception))


def _behaviour(name: str, given: Any) -> Behaviour:
    if _is_failure(given):

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

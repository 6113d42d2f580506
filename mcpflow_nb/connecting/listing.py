"""Asks one open server for all it offers: every page, once, each tool judged alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Any, Final

import jsonschema_rs
import mcp.types as types
from mcp import Client, MCPError
from pydantic import ValidationError

from mcpflow_nb.errors import ServerError
from mcpflow_nb.tools.catalog import Catalog, Prompt, Resource, Tool
from mcpflow_nb.tools.schemas import ALONE

MAX_PAGES: Final = 1000

Fetch = Callable[[str | None], Awaitable[tuple[list[Any], str | None]]]


async def catalog_of(client: Client, server: str) -> Catalog:
    """Return what the server offers; only what its capabilities name is asked for.

    Raises
    ------
    ServerError
        When a list never ends.
    """
    can = client.server_capabilities
    tools, rejected = judged(server, await _all(server, "tools/list", _tool_pages(client)) if can.tools else [])
    resources: list[Resource] = []
    prompts: list[Prompt] = []
    if can.resources:
        pages = await _optional(server, "resources/list", _pages(client.session.list_resources, "resources"))
        templates = await _optional(
            server, "resources/templates/list", _pages(client.session.list_resource_templates, "resource_templates")
        )
        for item in (*pages, *templates):
            uri = item.uri if hasattr(item, "uri") else item.uri_template
            resources.append(Resource(server, str(uri), item.name, item.description or "", item.mime_type or ""))
    if can.prompts:
        for item in await _optional(server, "prompts/list", _pages(client.session.list_prompts, "prompts")):
            names = tuple(a.name + ("" if a.required else "?") for a in item.arguments or ())
            prompts.append(Prompt(server, item.name, item.description or "", names))
    return Catalog(
        MappingProxyType(tools), tuple(resources), tuple(prompts), MappingProxyType(rejected), bool(can.resources)
    )


async def _all(server: str, method: str, fetch: Fetch) -> list[Any]:
    items: list[Any] = []
    cursor: str | None = None
    seen: set[str] = set()
    for _ in range(MAX_PAGES):
        page, cursor = await fetch(cursor)
        items.extend(page)
        if cursor is None:
            return items
        if cursor in seen:
            raise ServerError(
                server, f"server {server!r}: {method} gives the cursor {cursor[:60]!r} again and never ends"
            )
        seen.add(cursor)
    raise ServerError(server, f"server {server!r}: {method} has more than {MAX_PAGES} pages")


async def _optional(server: str, method: str, fetch: Fetch) -> list[Any]:
    """Return a list, or nothing where the server names the capability but not the method."""
    try:
        return await _all(server, method, fetch)
    except MCPError as error:
        if error.error.code == types.METHOD_NOT_FOUND:
            return []
        raise


def _pages(method: Callable[..., Awaitable[Any]], attribute: str) -> Fetch:
    async def fetch(cursor: str | None) -> tuple[list[Any], str | None]:
        page = await method(params=types.PaginatedRequestParams(cursor=cursor))
        return list(getattr(page, attribute)), page.next_cursor

    return fetch


def _tool_pages(client: Client) -> Fetch:
    async def fetch(cursor: str | None) -> tuple[list[Any], str | None]:
        params = types.PaginatedRequestParams(cursor=cursor)
        try:
            page = await client.session.list_tools(params=params)
        except ValidationError:  # one bad tool: read the page as it came, and judge each tool alone
            return await _raw_tools(client, params)
        return list(page.tools), page.next_cursor

    return fetch


async def _raw_tools(client: Client, params: types.PaginatedRequestParams) -> tuple[list[Any], str | None]:
    # The SDK has no public way to a result that it refuses; these two names are the whole of what is borrowed.
    session: Any = client.session
    request = types.ListToolsRequest(params=params).model_dump(by_alias=True, mode="json", exclude_none=True)
    options: dict[str, Any] = {}
    session._stamp(request, options)
    raw = await session._dispatcher.send_raw_request(request["method"], request.get("params"), options)
    tools = raw.get("tools")
    return list(tools) if isinstance(tools, list) else [], raw.get("nextCursor")


def judged(server: str, found: list[Any]) -> tuple[dict[str, Tool], dict[str, str]]:
    """Return the tools that can be used, and why each other one is left out; both by name."""
    tools: dict[str, Tool] = {}
    rejected: dict[str, str] = {}
    for item in found:
        name = str(item.get("name") if isinstance(item, dict) else item.name)
        problem = None
        try:
            tool = _tool(server, types.Tool.model_validate(item) if isinstance(item, dict) else item)
            problem = _schema_problem(tool)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        if name in tools or name in rejected:
            problem = "declared twice; both are left out"
            tools.pop(name, None)
        if problem:
            rejected[name] = problem
        else:
            tools[name] = tool
    return tools, rejected


def _tool(server: str, item: types.Tool) -> Tool:
    annotations = item.annotations.model_dump(by_alias=True, exclude_none=True) if item.annotations else {}
    return Tool(
        server=server, name=item.name, description=item.description or "", input_schema=item.input_schema,
        output_schema=item.output_schema, annotations=MappingProxyType(annotations), title=item.title or "",
    )  # fmt: skip


def _schema_problem(tool: Tool) -> str | None:
    if isinstance(tool.input_schema, dict) and tool.input_schema.get("type") != "object":
        return 'inputSchema: "type" is not "object"'
    for word, schema in (("inputSchema", tool.input_schema), ("outputSchema", tool.output_schema)):
        try:
            if schema is not None and not jsonschema_rs.meta.is_valid(schema, registry=ALONE):
                return f"{word} is no valid JSON Schema"
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            # An unknown or remote $schema is not fetched: such a schema is kept, and simply not checked.
            if "ecursion" in str(error):
                return f"{word} is nested too deep"
    return None

"""A case of a conformance file as what this package is given: a workflow, servers made from the case, arguments."""

from __future__ import annotations

import json
from typing import Any

import mcp.types as types
from mcp import MCPError
from mcp.server.lowlevel import Server

import mcpflow_nb as mf

TYPES = {"string": str, "integer": int, "number": float, "boolean": bool}


def source(notation: dict[str, Any]) -> Any:
    """Return the source of `{arg: n} | {from: b} | {field: [b, path]} | {const: value}`."""
    ((kind, value),) = notation.items()
    if kind == "field":
        return mf.field(*value)
    return {"arg": mf.prompt_arg, "from": mf.from_step, "const": mf.constant}[kind](value)


def workflow(plan: dict[str, Any]) -> mf.SequentialWorkflow:
    """Return the workflow of a case."""
    made = mf.SequentialWorkflow(plan["name"], plan.get("description", ""))
    for argument in plan.get("arguments", []):
        made = made.argument(
            argument["name"], argument.get("description", ""), required=argument.get("required", True),
            type=TYPES[argument.get("type", "string")],
        )  # fmt: skip
    for instruction in plan.get("instructions", []):
        made = made.instruction(instruction["text"])
    for step in plan["steps"]:
        fields = {key: step[key] for key in ("tool", "bind", "guidance", "resources") if step.get(key) is not None}
        for part in ("args", "template"):
            fields[part] = {name: source(notation) for name, notation in step.get(part, {}).items()}
        made = made.step(step["name"], **fields)
    return made


class CaseServer:
    """The one server of a case: its tools and resources, and what was really asked of it."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.tools = {name: tool for name, tool in case.get("tools", {}).items() if not tool.get("unregistered")}
        self.resources = case.get("resources")
        self.calls: list[dict[str, Any]] = []
        self.reads: list[str] = []
        offered: dict[str, Any] = {"on_list_tools": self._list, "on_call_tool": self._call}
        if self.resources is not None:
            offered |= {"on_list_resources": self._list_resources, "on_read_resource": self._read}
        self.mcp: Server[Any] = Server("case", **offered)

    async def _list(self, _context: Any, _params: Any) -> types.ListToolsResult:
        tools = []
        for name, tool in self.tools.items():
            given = tool.get("schema", {})
            # MCP demands an object schema; what is none blocks nothing, as the case means it.
            schema = {"type": "object", **given} if isinstance(given, dict) else {"type": "object"}
            tools.append(types.Tool(name=name, description=tool.get("description", ""), input_schema=schema))
        return types.ListToolsResult(tools=tools)

    async def _call(self, _context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        tool, sent = self.tools[params.name], params.arguments or {}
        before = sum(call["tool"] == params.name for call in self.calls)
        self.calls.append({"tool": params.name, "params": sent})
        if "error" in tool:
            return types.CallToolResult(content=[_text(tool["error"]["message"])], is_error=True)
        if tool.get("echo"):
            value = sent
        elif "returns_seq" in tool:
            value = tool["returns_seq"][min(before, len(tool["returns_seq"]) - 1)]
        else:
            value = tool.get("returns")
        if value is None:  # MCP drops a null structured result on the way; no content at all reads back as null
            return types.CallToolResult(content=[])
        return types.CallToolResult(content=[_text(json.dumps(value))], structured_content=value)

    async def _list_resources(self, _context: Any, _params: Any) -> types.ListResourcesResult:
        uris = [uri for uri, given in (self.resources or {}).items() if not _fails(given)]
        return types.ListResourcesResult(resources=[types.Resource(uri=uri, name=uri) for uri in uris])

    async def _read(self, _context: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        uri = str(params.uri)
        self.reads.append(uri)
        given = (self.resources or {}).get(uri)
        if given is None or _fails(given):
            raise MCPError(types.INVALID_PARAMS, given["error"]["message"] if given else f"Resource not found: {uri}")
        contents = [{"uri": uri, "text": given}] if isinstance(given, str) else given["contents"]
        return types.ReadResourceResult.model_validate({"contents": [{"uri": uri, **content} for content in contents]})


def _fails(given: Any) -> bool:
    return isinstance(given, dict) and "error" in given


def _text(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)

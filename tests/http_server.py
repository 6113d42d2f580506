"""An MCP server over streamable HTTP on 127.0.0.1, in a process of its own; its port is its first argument."""

import os
import sys
from typing import Any

import mcp.types as types
import uvicorn
from mcp.server.lowlevel import Server

OBJECT = {"type": "object"}


async def list_tools(context: Any, params: Any) -> types.ListToolsResult:
    return types.ListToolsResult(tools=[types.Tool(name=name, input_schema=OBJECT) for name in ("header", "die")])


async def call_tool(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    if params.name == "die":
        os._exit(9)
    seen = context.request.headers.get("x-key", "")
    return types.CallToolResult(content=[types.TextContent(type="text", text=seen)])


if __name__ == "__main__":
    server = Server("http", on_list_tools=list_tools, on_call_tool=call_tool)
    uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")

"""A stdio MCP server that gives back all it was given, everywhere it can: result, keys, errors, stderr."""

import os
import sys

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("mirror", log_level="ERROR")


@server.tool()
def mirror(token: str, note: str = "") -> dict[str, object]:
    key = os.environ.get("MIRROR_KEY", "")
    print(f"got {token} and {key}", file=sys.stderr, flush=True)
    return {"token": token, token: [f"https://h/?q={token}", {"env": key}], "length": len(token), "note": note}


@server.tool()
def fails(token: str) -> str:
    raise ToolError(f"no access with {token} and {os.environ.get('MIRROR_KEY')}")


@server.resource("docs://{name}")
def doc(name: str) -> str:
    return f"the page {name}"


server.run()

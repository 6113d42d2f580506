"""A server whose effects are lines of a file; it outlives its clients, and kills one where the test wants it dead.

`python effects_server.py PORT FOLDER`. Each effect is a line of FOLDER/effects. FOLDER/kill, if it is there, names one
tool and `received` (before the effect) or `done` (after it, before the answer): that client gets SIGKILL, or with a third
word `STOP` SIGSTOP, and the file is gone. What is asked while
FOLDER/held is there has no effect before FOLDER/let is there, whatever becomes of its client. FOLDER/asked names each
tool that was called.
"""

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import mcp.types as types
import uvicorn
from mcp.server.lowlevel import Server

FOLDER = Path(sys.argv[2])
TEXT = {"type": "string"}
WHO = {"type": "object", "properties": {"who": TEXT, "request_id": TEXT}, "required": ["who"]}
FIND = {"type": "object", "properties": {"who": TEXT, "tool": TEXT}, "required": ["who", "tool"]}
ONCE = ("create", "laptop", "mail", "uncreate", "unlaptop")
SAFE = ("payroll", "badge", "unpayroll", "unbadge")
"""Tools that do nothing twice for one key."""
seen: dict[str, dict[str, Any]] = {}


def effects(who: str, tool: str) -> list[dict[str, Any]]:
    lines = (FOLDER / "effects").read_text().splitlines() if (FOLDER / "effects").exists() else []
    return [one for one in map(json.loads, lines) if (one["who"], one["tool"]) == (who, tool)]


async def list_tools(context: Any, params: Any) -> types.ListToolsResult:
    tools = [types.Tool(name=name, input_schema=WHO) for name in ONCE]
    hint = types.ToolAnnotations(idempotent_hint=True)
    tools += [types.Tool(name=name, input_schema=WHO, annotations=hint) for name in SAFE]
    tools += [types.Tool(name="refuse", input_schema={"type": "object"})]
    tools += [types.Tool(name="find", input_schema=FIND, annotations=types.ToolAnnotations(read_only_hint=True))]
    return types.ListToolsResult(tools=tools)


def kill(context: Any, tool: str, point: str) -> None:
    with suppress(OSError):
        asked, _, word = (FOLDER / "kill").read_text().partition(f"{tool} {point}")
        if not asked and word in ("", " STOP"):
            (FOLDER / "kill").unlink()
            client = int(context.request.headers["x-pid"])
            os.kill(client, signal.SIGSTOP if word else signal.SIGKILL)
            while word and not is_frozen(
                client
            ):  # until one thread has seen the signal the others go on, and read the answer
                time.sleep(0.001)


def is_frozen(pid: int) -> bool:
    """Tell whether every thread of a process is stopped, as far as this system says so."""
    threads = list(Path(f"/proc/{pid}/task").glob("*/stat"))
    return all(one.read_text().rpartition(")")[2].split()[0] == "T" for one in threads)


async def effect(context: Any, tool: str, given: dict[str, Any], key: str | None) -> dict[str, Any]:
    held = (FOLDER / "held").exists()
    kill(context, tool, "received")
    while held and not (FOLDER / "let").exists():  # noqa: ASYNC110  another process lets it go
        await asyncio.sleep(0.01)
    name = given.get("request_id") or key
    if tool in SAFE and name in seen:
        return seen[name]
    made = {"who": given["who"], "tool": tool, "key": key}
    if name is not None:
        seen[name] = made
    with (FOLDER / "effects").open("a") as log:
        log.write(json.dumps(made) + "\n")
    kill(context, tool, "done")
    return made


async def call_tool(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    if params.name == "refuse":
        return types.CallToolResult(content=[types.TextContent(type="text", text="no seat")], is_error=True)
    given, meta = params.arguments or {}, dict(params.meta or {})
    with (FOLDER / "asked").open("a") as log:
        log.write(f"{params.name}\n")
    if params.name == "find":
        found = effects(given["who"], given["tool"])
        made = found[0] if found else {}
    else:
        doing = asyncio.ensure_future(effect(context, params.name, given, meta.get("mcpflow/idempotency-key")))
        made = await asyncio.shield(doing)  # a client that leaves does not stop what it has asked for
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=json.dumps(made))], structured_content=made
    )


if __name__ == "__main__":
    server = Server("effects", on_list_tools=list_tools, on_call_tool=call_tool)
    uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")

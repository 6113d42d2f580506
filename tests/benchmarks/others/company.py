"""One server with five tools, the calls by hand, and the turns that are timed; the same in every environment.

`python company.py --serve` serves over HTTP, `--stdio` over stdio. A script beside this one says how one library runs
the five steps; it is started with a target (`memory`, a URL), and each line it reads is the number of runs of a turn.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel

try:
    from mcp import Client
    from mcp.server.mcpserver import MCPServer
except ImportError:  # mcp 1.x
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client
    from mcp.server.fastmcp import FastMCP as MCPServer
    from mcp.shared.memory import create_connected_server_and_client_session

    Client = None

NAME, LEVEL = "Ada Byron", 3
DONE = {"message_id": "msg-ada-byron-parcel-77"}
Call = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
Run = Callable[[], Awaitable[Any]]
Opened = Callable[[Any], AbstractAsyncContextManager[Run]]


class Employee(BaseModel):
    employee_id: str
    email: str
    level: int


class Payroll(BaseModel):
    payroll_id: str


class Account(BaseModel):
    username: str


class Parcel(BaseModel):
    tracking: str


class Sent(BaseModel):
    message_id: str


def company() -> Any:
    """Return the server, made with what the mcp package of this environment calls it."""
    server = MCPServer("company")

    @server.tool()
    async def create_employee(name: str, level: int) -> Employee:
        slug = name.lower().replace(" ", "-")
        return Employee(employee_id=f"emp-{slug}", email=f"{slug}@company.example", level=level)

    @server.tool()
    async def create_payroll(employee_id: str, level: int) -> Payroll:
        return Payroll(payroll_id=f"pay-{employee_id}-{level}")

    @server.tool()
    async def create_account(email: str) -> Account:
        return Account(username=email.split("@")[0])

    @server.tool()
    async def order_laptop(employee_id: str, payroll_id: str) -> Parcel:
        return Parcel(tracking="parcel-77")

    @server.tool()
    async def send_welcome(username: str, tracking: str) -> Sent:
        return Sent(message_id=f"msg-{username}-{tracking}")

    return server


@asynccontextmanager
async def session(target: Any) -> AsyncIterator[Any]:
    """Open the mcp package's own client session once."""
    if Client is not None:
        async with Client(target) as client:
            yield client
    elif isinstance(target, str):
        async with streamablehttp_client(target) as (reading, writing, _), ClientSession(reading, writing) as opened:
            await opened.initialize()
            yield opened
    else:
        async with create_connected_server_and_client_session(target._mcp_server) as opened:
            yield opened


def structured(result: Any) -> dict[str, Any]:
    """Return a result's structured content, as either mcp calls it."""
    found = getattr(result, "structured_content", None) or getattr(result, "structuredContent", None)
    assert found is not None, result
    return found


async def by_hand(client: Any) -> dict[str, Any]:
    """Make the five calls one after the other, handing on what each gives."""

    async def call(tool: str, **arguments: Any) -> dict[str, Any]:
        return structured(await client.call_tool(tool, arguments))

    employee = await call("create_employee", name=NAME, level=LEVEL)
    payroll = await call("create_payroll", employee_id=employee["employee_id"], level=employee["level"])
    account = await call("create_account", email=employee["email"])
    parcel = await call("order_laptop", employee_id=employee["employee_id"], payroll_id=payroll["payroll_id"])
    return await call("send_welcome", username=account["username"], tracking=parcel["tracking"])


async def timed(run: Run) -> tuple[float, float]:
    """Return the wall and the CPU seconds of one run, which must end as it should."""
    wall, cpu = time.perf_counter(), time.process_time()
    last = await run()
    taken = time.perf_counter() - wall, time.process_time() - cpu
    assert last == DONE, last
    return taken


async def turns(opened: Opened, packages: tuple[str, ...]) -> None:
    """Answer each line with the times of that many runs by hand and with the library, in turns."""
    logging.disable(logging.INFO)  # mcp 1.x writes a line a request
    target = company() if sys.argv[1] == "memory" else sys.argv[1]
    async with session(target) as client, opened(target) as run:
        print(json.dumps({name: version(name) for name in (*packages, "mcp")}), flush=True)
        for line in sys.stdin:
            bare, library = [], []
            for number in range(int(line) + 1):
                times = bare.append, library.append
                pairs = list(zip(times, (lambda: by_hand(client), run), strict=True))
                for keep, one in pairs if number % 2 else reversed(pairs):
                    keep(await timed(one))
            print(json.dumps({"bare": bare[1:], "library": library[1:]}), flush=True)  # the first warms up


def serve() -> None:
    """Serve over HTTP on a free port, and print the URL once it can be asked."""
    import uvicorn

    with socket.socket(proto=socket.IPPROTO_TCP) as listening:  # said, for asyncio sets no TCP_NODELAY otherwise
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        print(f"READY http://127.0.0.1:{listening.getsockname()[1]}/mcp", flush=True)
        config = uvicorn.Config(company().streamable_http_app(), log_level="error", timeout_keep_alive=600)
        uvicorn.Server(config).run(sockets=[listening])


def main(opened: Opened, *packages: str) -> None:
    """Run the turns of one library; `packages` are whose versions are told."""
    asyncio.run(turns(opened, packages))


if __name__ == "__main__":
    if "--stdio" in sys.argv:
        company().run("stdio")
    else:
        serve()

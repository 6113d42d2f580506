"""What a step costs beside the bare client over stdio and over HTTP: `python -m tests.benchmarks.transports [--quick]`.

The server is a process of its own, the same for both; a bare session and a run take turns, five steps each. Shown are
medians, and what is added as a part of the bare call.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn
from mcp import Client, StdioServerParameters
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

import mcpflow_nb as mf
from tests.benchmarks.overhead import _call, _list, bare, chain

STEPS = 5
ROOT = str(Path(__file__).parents[2])


def served(how: str) -> None:
    """Be the server, over stdio or on a port."""
    server: Server[Any] = Server("some", on_list_tools=_list, on_call_tool=_call)
    if how != "stdio":
        uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(how), log_level="critical")
        return

    async def serve() -> None:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())

    asyncio.run(serve())


async def turns(client_of: Any, target: Any, rounds: int) -> tuple[float, float]:
    """Return milliseconds a step of the bare client, and what a run adds to it."""
    servers, workflow = await mf.connect.aio(some=target), chain(STEPS)
    alone, added = [], []
    async with Client(client_of) as client:
        for number in range(rounds + 3):
            start = time.perf_counter()
            assert await bare(client, STEPS) == STEPS
            by_hand = time.perf_counter() - start
            run = workflow.start(servers, first=0)
            start = time.perf_counter()
            await run.all.aio()
            taken = time.perf_counter() - start
            assert len(run.trace) == STEPS
            if number >= 3:
                alone.append(by_hand)
                added.append(taken - by_hand)
    await servers.close.aio()
    return statistics.median(alone) / STEPS * 1000, statistics.median(added) / STEPS * 1000


def main() -> None:
    """Measure both, and print one table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer rounds")
    options.add_argument("--serve", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.serve:
        served(asked.serve)
        return
    line = [sys.executable, "-m", "tests.benchmarks.transports", "--serve"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([*line, str(port)], cwd=ROOT)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        url = f"http://127.0.0.1:{port}/mcp"
        child = StdioServerParameters(command=line[0], args=[*line[1:], "stdio"], cwd=ROOT)
        print(f"{'transport':<10}{'bare, a step':>16}{'added':>12}{'of bare':>10}")
        for name, client_of, target in (
            ("stdio", child, {"command": [*line, "stdio"], "cwd": ROOT}),
            ("HTTP", url, url),
        ):
            alone, added = asyncio.run(turns(client_of, target, 20 if asked.quick else 150))
            print(f"{name:<10}{alone:>13.3f} ms{added:>+9.3f} ms{added / alone:>9.1%}", flush=True)
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()

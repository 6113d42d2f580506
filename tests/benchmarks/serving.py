"""What serving a workflow costs: `python -m tests.benchmarks.serving`; prints tables.

A child process serves the five-step workflow over HTTP, and beside it a bare server whose prompt makes the same five
in-memory calls by hand. This process asks both in turns: 200 `prompts/get` at concurrency 20, the median of the rounds.
`--requests N` then asks the workflow N times and shows memory and open files of the child along the way.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import httpx2
import mcp.types as types
import psutil
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.lowlevel import Server

import mcpflow_nb as mf
from mcpflow_nb.bridge import io_thread, run
from mcpflow_nb.serving.http import Endpoint

STEPS = 5
REQUESTS = 200
CONCURRENCY = 20
ROUNDS = 9


async def _list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
    schema = {"type": "object", "properties": {"value": {"type": "integer"}}, "required": ["value"]}
    return types.ListToolsResult(tools=[types.Tool(name="add", input_schema=schema)])


async def _add(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    total = (params.arguments or {})["value"] + 1
    content = [types.TextContent(type="text", text=str(total))]
    return types.CallToolResult(content=content, structured_content={"total": total})


def tools_server() -> Server[Any]:
    return Server("tools", on_list_tools=_list_tools, on_call_tool=_add)


def workflow() -> mf.SequentialWorkflow:
    made = mf.SequentialWorkflow("add", "Add five times").argument("start", "Where to begin", type=int)
    value: Any = mf.prompt_arg("start")
    for number in range(STEPS):
        made = made.step(f"add_{number}", tool="tools.add", args={"value": value}, bind=f"sum_{number}")
        value = mf.field(f"sum_{number}", "total")
    return made


async def bare_endpoint(client: Client) -> Endpoint:
    async def listed(_context: Any, _params: Any) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=[types.Prompt(name="add")])

    async def get(_context: Any, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        value = int((params.arguments or {})["start"])
        for _ in range(STEPS):
            result = await client.session.call_tool("add", {"value": value})
            value = result.structured_content["total"]
        content = types.TextContent(type="text", text=str(value))
        return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=content)])

    server: Server[Any] = Server("bare", on_list_prompts=listed, on_get_prompt=get)
    return await Endpoint.open(server, "bare", "127.0.0.1", 0, "bare", expose=False)


def serve() -> None:
    """Be the child: serve both, print where, and wait for stdin to end."""
    servers = mf.connect(tools=tools_server())
    served = mf.serve(workflow(), servers, "served").http(token="served")

    async def hold(opened: asyncio.Event, end: asyncio.Event, found: list[str]) -> None:
        async with Client(tools_server(), cache=None) as client:
            await client.list_tools()
            found.append((await bare_endpoint(client)).url)
            opened.set()
            await end.wait()

    async def begin() -> str:
        opened, end, found = asyncio.Event(), asyncio.Event(), []
        io_thread().loop.create_task(hold(opened, end, found), name="bare")
        await opened.wait()
        return found[0]

    print("READY", served.url, run(begin()), flush=True)
    sys.stdin.read()
    os._exit(0)


async def batch(client: Client, requests: int) -> float:
    """Return the milliseconds a request took, `CONCURRENCY` of them under way at a time."""
    gate = asyncio.Semaphore(CONCURRENCY)

    async def one(number: int) -> None:
        async with gate:
            await client.get_prompt("add", {"start": str(number)})

    begun = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(requests)))
    return (time.perf_counter() - begun) / requests * 1000


def opened(url: str, token: str, http: httpx2.AsyncClient) -> Client:
    http.headers["Authorization"] = f"Bearer {token}"
    return Client(streamable_http_client(url, http_client=http), mode="2026-07-28", cache=None)


async def compare(url: str, bare_url: str) -> None:
    limits = httpx2.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    async with (
        httpx2.AsyncClient(limits=limits, timeout=60) as one,
        httpx2.AsyncClient(limits=limits, timeout=60) as two,
    ):
        async with opened(url, "served", one) as served, opened(bare_url, "bare", two) as bare:
            times: dict[str, list[float]] = {"served": [], "bare": []}
            for number in range(ROUNDS + 1):
                for name, client in (("bare", bare), ("served", served))[:: 1 if number % 2 else -1]:
                    times[name].append(await batch(client, REQUESTS))
    bare_ms, served_ms = (statistics.median(times[name][1:]) for name in ("bare", "served"))
    print(f"{'what':<58}{'median':>12}{'added':>9}")
    print(f"{f'bare: HTTP and {STEPS} in-memory calls by hand':<58}{bare_ms:>9.2f} ms")
    added = served_ms / bare_ms - 1
    print(f"{f'served: prompts/get of the {STEPS}-step workflow':<58}{served_ms:>9.2f} ms{added:>+9.1%}")


async def endure(url: str, child: psutil.Process, requests: int) -> None:
    print(f"\n{'requests':>9}{'memory':>12}{'open files':>12}{'threads':>9}")
    async with httpx2.AsyncClient(timeout=60) as http, opened(url, "served", http) as client:
        done = 0
        for part in (requests // 10,) * 10:
            await batch(client, part)
            done += part
            shown = f"{child.memory_info().rss / 1e6:.1f} MB"
            print(f"{done:>9}{shown:>12}{child.num_fds():>12}{child.num_threads():>9}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--requests", type=int, default=0)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    command = [sys.executable, "-m", "tests.benchmarks.serving", "--serve"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        line = next(line for line in child.stdout or () if line.startswith("READY"))
        _, url, bare_url = line.split()
        asyncio.run(compare(url, bare_url))
        if options.requests:
            asyncio.run(endure(url, psutil.Process(child.pid), options.requests))
    finally:
        child.kill()


if __name__ == "__main__":
    main()

"""What a workflow costs beside the bare client: `python -m tests.benchmarks.overhead [--quick]`.

The bare loop and the run call the same server object in the same process, one after the other in every round, so
that whatever else the machine does falls on both. Shown are medians.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import mcp.types as types
from mcp import Client
from mcp.server.lowlevel import Server

import mcpflow_nb as mf

NUMBER = {"type": "object", "properties": {"value": {"type": "integer"}}, "required": ["value"]}
TOOL = types.Tool(name="next", description="The number after this one.", input_schema=NUMBER, output_schema=NUMBER)
Row = tuple[str, str, str]

IMPORT = """
import json, time
start = time.process_time()
import mcpflow_nb as mf
imported = time.process_time() - start
servers = mf.connect(some=mf.mock({"next": {"value": 1}}))
workflow = mf.SequentialWorkflow("one").step("a", tool="some.next", args={"value": 1}, bind="x")
workflow.start(servers).all()
print(json.dumps([imported, time.process_time() - start]))
"""
GRAPH = """
import json, time
start = time.perf_counter()
import mcpflow_nb as mf
workflow = mf.SequentialWorkflow("one").step("step_0", tool="some.next", args={"value": 1}, bind="x0")
for n in range(1, 5):
    workflow = workflow.step(f"step_{n}", tool="some.next", args={"value": mf.field(f"x{n - 1}", "value")}, bind=f"x{n}")
assert "base64" in workflow.graph()._repr_mimebundle_()["text/html"]
print(json.dumps([time.perf_counter() - start]))
"""


async def _list(_context: Any, _params: Any) -> types.ListToolsResult:
    return types.ListToolsResult(tools=[TOOL])


async def _call(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    output = {"value": (params.arguments or {})["value"] + 1}
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=json.dumps(output))], structured_content=output
    )


def chain(steps: int, name: str = "chain") -> mf.SequentialWorkflow:
    """Return a workflow in which each step reads the number of the step before."""
    workflow = mf.SequentialWorkflow(name).argument("first", type=int)
    for number in range(steps):
        value = mf.field(f"x{number - 1}", "value") if number else mf.prompt_arg("first")
        workflow = workflow.step(f"{name}_{number}", tool="some.next", args={"value": value}, bind=f"x{number}")
    return workflow


async def bare(client: Client, steps: int) -> int:
    """Call the tool that many times, handing the number on, as one would by hand."""
    value = 0
    for _ in range(steps):
        result = await client.call_tool("next", {"value": value})
        value = (result.structured_content or {})["value"]
    return value


async def side_by_side(server: Server[Any], steps: int, rounds: int) -> Iterator[Row]:
    """Time both in turns; the first rounds only warm up."""
    servers = await mf.connect.aio(some=server)
    workflow, alone, ours, awaited = chain(steps), [], [], []
    async with Client(server) as client:
        for _ in range(rounds + 3):
            start = time.perf_counter()
            expected = await bare(client, steps)
            alone.append(time.perf_counter() - start)
            for times, is_awaited in ((ours, False), (awaited, True)):
                run = workflow.start(servers, first=0)
                start = time.perf_counter()
                await run.all.aio() if is_awaited else run.all()
                times.append(time.perf_counter() - start)
                assert run[f"x{steps - 1}"]["value"] == expected == steps
                assert len(run.trace) == steps
    await servers.close.aio()

    def per_step(times: list[float]) -> float:
        return statistics.median(times[3:]) / steps * 1000

    def added(times: list[float]) -> float:
        return statistics.median(b - a for a, b in zip(alone[3:], times[3:], strict=True)) / steps * 1000

    return iter([
        (f"{steps} steps, bare client", f"{per_step(alone):.3f} ms a step", ""),
        (f"{steps} steps, run.all()", f"{per_step(ours):.3f} ms a step", f"{added(ours):+.3f} ms a step"),
        (f"{steps} steps, await run.all.aio()", f"{per_step(awaited):.3f} ms a step", f"{added(awaited):+.3f} ms a step"),
    ])  # fmt: skip


def in_new_processes(code: str, times: int) -> list[float]:
    """Return the median of each number that a program prints."""
    printed = []
    for _ in range(times):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        printed.append(json.loads(done.stdout))
    return [statistics.median(column) for column in zip(*printed, strict=True)]


def timed(work: Callable[[], object], times: int) -> float:
    """Return the median wall time in seconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def start_up(times: int) -> Iterator[Row]:
    """Imports, first use and first graph, each in a new process."""
    imported, used = in_new_processes(IMPORT, times)
    yield "import mcpflow_nb", f"{imported:.3f} s of CPU", ""
    yield "first use: import, connect, one call", f"{used:.3f} s of CPU", ""
    [cold] = in_new_processes(GRAPH, times)
    yield "first graph, 5 steps, new process", f"{cold:.3f} s", ""
    names = iter(range(10_000))  # a drawing that was made before is not made again
    warm = timed(lambda: chain(5, f"chain {next(names)}").graph()._repr_mimebundle_(), times)
    yield "another graph, 5 steps", f"{warm:.3f} s", ""


def checks(server: Server[Any], times: int) -> Iterator[Row]:
    """A long workflow, by its structure and against the servers."""
    servers, workflow = mf.connect(some=server), chain(2000)
    for what, work in (("structure", workflow.check), ("against servers", lambda: workflow.check(servers))):
        assert work()
        yield f"check 2,000 steps, {what}", f"{timed(work, times):.3f} s", ""
    servers.close()


def main() -> None:
    """Measure, and print one table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer rounds")
    quick = options.parse_args().quick
    server: Server[Any] = Server("some", on_list_tools=_list, on_call_tool=_call)
    rows: list[Row] = []
    for steps, rounds in ((5, 200), (50, 60)):
        rows += asyncio.run(side_by_side(server, steps, rounds // 10 if quick else rounds))
    rows += checks(server, 3 if quick else 5)
    rows += start_up(3 if quick else 7)
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    print(f"{'what':<{widths[0]}}  {'median':<{widths[1]}}  added")
    for row in rows:
        print(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}".rstrip())


if __name__ == "__main__":
    main()

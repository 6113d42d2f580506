"""What a workflow over a table costs: `python -m tests.benchmarks.map [--quick]`.

First 10,000 rows of five steps on instant mocks with a journal, in a process that did nothing else, then the same call
again. Then the same calls three ways in turns on one in-memory server without a journal: gathered bare, by 32 bare
workers, and by `workflow.map` with 32 rows at once. Shown are medians; CPU is that of the I/O thread, in which all of it runs.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.server.lowlevel import Server

import mcpflow_nb as mf
from mcpflow_nb import bridge
from tests.benchmarks.overhead import _call, _list, bare, chain

AT_ONCE = 32
STEPS = 5
FIELDS = ("employee_id", "payroll_id", "github_login", "asset", "sent")


def onboarding() -> tuple[mf.SequentialWorkflow, dict[str, mf.Mock]]:
    """Return five steps on five servers, each reading the one before, and their mocks, which answer at once."""
    workflow = mf.SequentialWorkflow("onboard").argument("name")
    mocks = {}
    for number, field in enumerate(FIELDS):
        value = mf.field(f"b{number - 1}", FIELDS[number - 1]) if number else mf.prompt_arg("name")
        mocks[f"s{number}"] = mf.mock({"do": {field: f"{field}-1", "at": "2026-11-26", "ok": True}})
        workflow = workflow.step(f"step_{number}", tool=f"s{number}.do", args={"x": value}, bind=f"b{number}")
    return workflow, mocks


def peak() -> float:
    """Return the most memory this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def kept(rows: int) -> None:
    """Print what rows with a journal take."""
    workflow, mocks = onboarding()
    table, begun = [{"name": f"Person {number}"} for number in range(rows)], peak()
    with tempfile.TemporaryDirectory() as folder, mf.connect(mocks) as servers:
        file = Path(folder) / "runs.db"
        for what in ("with a journal", "the same call again"):
            start, cpu = time.perf_counter(), time.process_time()
            results = workflow.map(table, servers, journal=file, concurrency=AT_ONCE)
            taken, cpu = time.perf_counter() - start, time.process_time() - cpu
            assert results.counts == {"completed": rows}
            assert all(len(mock.log) == rows for mock in mocks.values())
            print(
                f"{f'{rows:,} rows of 5 steps, {what}':<48} {taken:7.1f} s  {rows / taken:8,.0f} rows/s"
                f"  {cpu:6.1f} s CPU  at most {peak():.0f} MB ({begun:.0f} before)"
            )
        print(f"{'the file':<48} {file.stat().st_size / rows / 1000:7.1f} KB a row")


async def bounded(client: Client, rows: int) -> None:
    """Do the calls of all rows, so many rows at once, as one would by hand."""
    numbers = iter(range(rows))

    async def work() -> None:
        for _ in numbers:
            await bare(client, STEPS)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def turns(rows: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return wall and CPU seconds of each way, round by round."""
    server: Server[Any] = Server("some", on_list_tools=_list, on_call_tool=_call)
    servers, workflow = await mf.connect.aio(some=server), chain(STEPS)
    table = [{"first": 0}] * rows
    async with Client(server) as client:
        ways: dict[str, Callable[[], Awaitable[Any]]] = {
            "bare, all gathered": lambda: asyncio.gather(*(bare(client, STEPS) for _ in range(rows))),
            f"bare, {AT_ONCE} rows at once": lambda: bounded(client, rows),
            f"workflow.map, {AT_ONCE} rows at once": lambda: workflow.map.aio(table, servers, concurrency=AT_ONCE),
        }
        taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(rounds + 1):  # the first warms up
            for way, work in ways.items():
                start, cpu = time.perf_counter(), time.thread_time()
                await work()
                taken[way].append((time.perf_counter() - start, time.thread_time() - cpu))
    await servers.close.aio()
    return {way: times[1:] for way, times in taken.items()}


def main() -> None:
    """Measure, and print two tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer rows and rounds")
    options.add_argument("--rows", type=int, help="rows of each way in turns")
    options.add_argument("--rounds", type=int, help="how often they take turns")
    given = options.parse_args()
    kept(1_000 if given.quick else 10_000)
    rows = given.rows or (500 if given.quick else 2_000)
    taken = bridge.run(turns(rows, given.rounds or (3 if given.quick else 7)))
    print(
        f"\n{f'{rows:,} rows of {STEPS} steps, no journal':<40} {'wall':>9} {'CPU':>9}   throughput of map against it"
    )
    *_, ours = taken.values()
    for way, times in taken.items():
        medians = [statistics.median(one[at] for one in times) / rows / STEPS * 1e6 for at in (0, 1)]
        ratios = [statistics.median(a[at] / b[at] for a, b in zip(times, ours, strict=True)) for at in (0, 1)]
        against = "" if times is ours else f"   {ratios[0]:.2f} by the wall, {ratios[1]:.2f} by CPU"
        print(f"{way:<40} {medians[0]:6.0f} µs {medians[1]:6.0f} µs{against}")


if __name__ == "__main__":
    main()

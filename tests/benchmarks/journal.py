"""What a journal costs a step, and how many runs at once it takes: `python -m tests.benchmarks.journal [--quick]`.

Runs with and without a journal take turns on the same mocked server, so that whatever else the machine does falls on
both. Shown are medians; the journal is on this machine's disk, each commit synced.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import mcpflow_nb as mf
from tests.benchmarks.overhead import chain


def turns(servers: mf.Servers, journal: Path, steps: int, rounds: int) -> tuple[float, float]:
    """Return the seconds a run of this length takes without and with a journal; each step is a verb of its own or not."""
    workflow = chain(steps, f"chain {steps}")
    without, kept = [], []
    for _ in range(rounds + 3):
        for times, where in ((without, None), (kept, journal)):
            run = workflow.start(servers, {"first": 0}, journal=where)
            start = time.perf_counter()
            run.all()
            times.append(time.perf_counter() - start)
            assert run.outcome == "completed"
    return statistics.median(without[3:]), statistics.median(b - a for a, b in zip(without[3:], kept[3:], strict=True))


async def together(servers: mf.Servers, journal: Path | None, runs: int, at_once: int) -> float:
    """Return the seconds that many runs of five steps take, so many at once."""
    workflow, gate = chain(5, "many"), asyncio.Semaphore(at_once)

    async def one() -> None:
        async with gate:
            run = workflow.start(servers, {"first": 0}, journal=journal)
            await run.all.aio()
            assert run.outcome == "completed"

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(runs)))
    return time.perf_counter() - start


def main() -> None:
    """Measure, and print one table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer rounds")
    quick = options.parse_args().quick
    servers = mf.connect(some=mf.mock({"next": lambda value: {"value": value + 1}}))
    print(f"{'what':<42}  {'without':<16}  with a journal")
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "runs.db"
        for steps, rounds in ((1, 100), (5, 100), (50, 30)):
            without, added = turns(servers, journal, steps, rounds // 10 if quick else rounds)
            name = f"run.all(), {steps} step{'s' if steps > 1 else ''}"
            print(f"{name:<42}  {without / steps * 1e6:6.0f} µs a step   {added / steps * 1e6:+6.0f} µs a step")
        for at_once in (1, 10, 100):
            runs = 50 if quick else 300
            both = [asyncio.run(together(servers, where, runs, at_once)) for where in (None, journal, None, journal)]
            off, on = min(both[0], both[2]) / runs / 5, min(both[1], both[3]) / runs / 5
            name = f"{runs} runs of 5 steps, {at_once} at once"
            print(f"{name:<42}  {off * 1e6:6.0f} µs a step   {(on - off) * 1e6:+6.0f} µs a step")
        print(
            f"{'the file':<42}  {'':<16}  {journal.stat().st_size / max(1, len(mf.runs(journal=journal))) / 1000:.1f} KB a run"
        )
        start = time.perf_counter()
        count = len(mf.runs(journal=journal))
        print(f"{'mf.runs()':<42}  {'':<16}  {(time.perf_counter() - start) * 1000:.0f} ms for {count} runs")
    servers.close()


if __name__ == "__main__":
    main()

"""What it takes to show things: `python -m tests.benchmarks.showing`.

A trace of 100,000 records, as text, as HTML and as a frame; and a notebook with 50 views of runs, executed in a kernel:
its time beside the same notebook without the views, and what is stored.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nbformat

import mcpflow_nb as mf
from mcpflow_nb.records.record import Passed, Record
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.testing import run_notebook

RECORDS, VIEWS = 100_000, 50
BEGIN = """
import mcpflow_nb as mf
servers = mf.connect(some=mf.mock({"next": lambda value: {"value": value + 1, "note": "x" * 200}}))
flow = mf.SequentialWorkflow("chain")
for n in range(5):
    value = mf.field(f"x{n - 1}", "value") if n else 0
    flow = flow.step(f"step_{n}", tool="some.next", args={"value": value}, bind=f"x{n}")
"""


def trace() -> Trace:
    """Return a long trace, as of a workflow that was run for many rows."""
    records = tuple(
        Record(
            f"step {at}", "some", "next", "ok", "mock", (Passed("value", at, "argument"),), {"value": at + 1}, f"x{at}"
        )
        for at in range(RECORDS)
    )
    return Trace("long", "run", "completed", RECORDS, records)


def taken(work: Callable[[], object]) -> float:
    """Return the wall time in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def notebook(cell: str, folder: Path) -> tuple[float, int]:
    """Return how long a notebook with so many of a cell takes in its kernel, and the bytes of its outputs."""
    path = folder / "views.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in (BEGIN, *[cell] * VIEWS)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    start = time.perf_counter()
    done = run_notebook(path)
    return time.perf_counter() - start, len(json.dumps([cell.get("outputs") for cell in done.cells]))


def main() -> None:
    """Measure, and print one table."""
    long = trace()
    bundle = long._repr_mimebundle_()
    print(
        f"a trace of {RECORDS:,} records, shown: {taken(long._repr_mimebundle_):.2f} s, {len(bundle['text/html']):,} characters"
    )
    print(f"the same as a frame: {taken(lambda: long.df):.2f} s; to_json: {taken(long.to_json):.2f} s")
    with tempfile.TemporaryDirectory() as name:
        bare, _ = notebook("flow.start(servers, journal=None).all()\nNone", Path(name))
        full, size = notebook("flow.start(servers, journal=None).all()", Path(name))
    print(
        f"{VIEWS} views of runs in a notebook: {full - bare:+.2f} s beside {bare:.2f} s, {size / VIEWS / 1024:.1f} KB stored a view"
    )
    print(f"mcpflow_nb {mf.__version__}")


if __name__ == "__main__":
    main()

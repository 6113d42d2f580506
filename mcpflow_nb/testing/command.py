"""`mcpflow-nb test`: notebooks as tests from a shell, without pytest. `cli.py` puts it on the command line."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mcpflow_nb.bridge import run as in_io_thread
from mcpflow_nb.errors import ConfigError
from mcpflow_nb.testing.notebooks import TIMEOUT_SECONDS, NotebookResult, Options, is_copy, tried
from mcpflow_nb.testing.parameters import read_parameters

Repeated = Annotated[list[str] | None, Parameter(negative=())]


def run_notebooks(
    *paths: Path, timeout: float = TIMEOUT_SECONDS, network: Annotated[bool, Parameter(negative=())] = False,
    param: Repeated = None, leave_out: Repeated = None, jobs: int = 1,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:  # fmt: skip
    """Run notebooks from top to bottom, each in a fresh kernel. Exit code 1 when one fails.

    Parameters
    ----------
    paths
        Notebooks, and folders of notebooks.
    timeout
        How long each may run, in seconds.
    network
        Let them reach more than this machine.
    param
        name=json: set a name after the cell tagged `parameters`, else first. May be repeated.
    leave_out
        Leave out cells with this tag. May be repeated.
    jobs
        How many run at once.
    as_json
        Print what became of each as JSON.
    """
    started = time.monotonic()
    notebooks = _found(paths)
    if jobs < 1:
        raise ConfigError(f"--jobs: at least 1 notebook runs at a time, not {jobs}")
    options = Options(timeout, read_parameters(param or ()), frozenset(leave_out or ()), network)
    results = in_io_thread(_all(notebooks, options, jobs, say=not as_json))
    if as_json:
        print(json.dumps([_plain(result) for result in results], indent=2))
    else:
        failed = sum(bool(result.error) for result in results)
        print(
            f"{len(results)} notebooks: {len(results) - failed} passed, {failed} failed, {time.monotonic() - started:.1f} s"
        )
    return int(any(result.error for result in results))


def _found(paths: Sequence[Path]) -> list[Path]:
    """Return the notebooks, in the order given and by name within a folder, each once."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*.ipynb") if not is_copy(p.relative_to(path)))
            if not inside:
                raise ConfigError(f"there is no notebook in the folder {str(path)!r}")
            found.update(dict.fromkeys(inside))
        elif path.is_file():
            found[path] = None
        else:
            raise ConfigError(f"there is no notebook or folder {str(path)!r}")
    if not found:
        raise ConfigError("test needs at least one notebook or folder")
    return list(found)


async def _all(notebooks: Sequence[Path], options: Options, jobs: int, *, say: bool) -> list[NotebookResult]:
    """Run them, at most `jobs` at once; tell of each in the order given."""
    free = asyncio.Semaphore(jobs)

    async def one(path: Path) -> NotebookResult:
        async with free:
            return await tried(path, options)

    results = []
    async with asyncio.TaskGroup() as group:
        for task in [group.create_task(one(path)) for path in notebooks]:
            results.append(await task)
            if say:
                print(_line(results[-1]), flush=True)
    return results


def _line(result: NotebookResult) -> str:
    counts = ", ".join(f"{number} {word.replace('_', ' ')}" for word, number in result.counts.items() if number)
    line = f"{'✘' if result.error else '✔'} {result.path}: {result.seconds:.1f} s, cells: {counts or 'none'}"
    return f"{line}\n{result.error}\n" if result.error else line


def _plain(result: NotebookResult) -> dict[str, object]:
    error = result.error
    told = {word: getattr(error, word) for word in ("cell", "reason", "source", "traceback")} if error else None
    return {"notebook": str(result.path), **result.counts, "seconds": round(result.seconds, 3), "error": told}

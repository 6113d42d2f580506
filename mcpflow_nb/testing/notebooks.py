"""Notebooks as tests: run one from top to bottom in a fresh kernel, and say which cell failed and why.

    def test_the_tour_runs():
        run_notebook("notebooks/00_tour.ipynb")

The kernel is this interpreter, whatever kernels the machine has; it is gone when the function returns.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any, Final

from mcpflow_nb.errors import McpflowError

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LONGEST_SOCKET_PATH: Final = 90  # systems allow 103 to 107 bytes, and the kernel adds "-5"
_LOST_SECONDS: Final = 3
_RULE: Final = "\n------------------\n"
_QUIET: Final = ["--IPKernelApp.log_level=40", "--HistoryManager.enabled=False"]


class NotebookError(McpflowError):
    """A notebook that did not run to its end.

    `.notebook` is its path, `.cell` the number of the cell that failed counted from 0 (None: the kernel did not
    start), `.cell_id` and `.source` are that cell's, `.traceback` is what it said, without colour codes.
    """

    def __init__(self, notebook: Path, cell: int | None, cell_id: str, source: str, traceback: str) -> None:
        self.notebook, self.cell, self.cell_id = notebook, cell, cell_id
        self.source, self.traceback = source, traceback
        place = f"cell {cell} (id {cell_id!r})" if cell is not None else "before its first cell"
        shown = "".join(f"\n    {line}" for line in source.splitlines())
        super().__init__(f"{notebook.name}, {place}:{shown}\n{traceback}")


def run_notebook(path: str | os.PathLike[str], timeout: float = 60) -> NotebookNode:
    """Return the executed notebook; the file itself is not changed.

    It runs in the notebook's folder, all its cells within `timeout` seconds. Cells tagged `raises-exception` may
    fail, cells tagged `skip-execution` are left out. Widget state and times are not kept.

    Raises
    ------
    NotebookError
        For the first cell that fails, does not end in time, or ends the kernel.
    """
    import nbformat

    notebook = Path(path).resolve()
    cells = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory(prefix="nb-", ignore_cleanup_errors=True) as folder:
        client = _client(cells, notebook, Path(folder))
        problem = _finished(_execute(client, notebook, timeout, Path(folder)))
    if problem:
        raise problem
    return client.nb


def _finished(work: Coroutine[Any, Any, NotebookError | None]) -> NotebookError | None:
    """Run it to its end; in a thread of its own where this one has a running loop, as in a cell."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def _client(notebook: NotebookNode, path: Path, folder: Path) -> NotebookClient:
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    spec = folder / "kernels" / "this" / "kernel.json"
    spec.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": command, "display_name": "this interpreter", "language": "python"}), "utf-8")
    kernels = KernelSpecManager(kernel_dirs=[str(spec.parent.parent)])
    manager = AsyncKernelManager(kernel_name="this", kernel_spec_manager=kernels)
    manager.connection_file = str(folder / "connection.json")
    if os.name == "posix" and len(str(folder)) < _LONGEST_SOCKET_PATH:
        # Sockets in a folder of their own: no port is taken twice. The path must be absolute, the kernel is elsewhere.
        manager.transport, manager.ip = "ipc", str(folder / "k")
    client = NotebookClient(
        notebook, km=manager, timeout=None, iopub_timeout=30, shutdown_kernel="immediate", record_timing=False,
        store_widget_state=False, resources={"metadata": {"path": str(path.parent)}}, extra_arguments=list(_QUIET),
    )  # fmt: skip
    client.owns_km = True  # ours, for this client alone: it ends the kernel
    return client


async def _execute(client: NotebookClient, path: Path, timeout: float, folder: Path) -> NotebookError | None:
    from nbclient.exceptions import CellControlSignal

    env = {**os.environ, "IPYTHONDIR": str(folder / "ipython"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    index, problem = None, ""
    deadline = time.monotonic() + timeout
    client.timeout_func = lambda _cell: max(0.1, deadline - time.monotonic())  # type: ignore[assignment]
    try:
        async with client.async_setup_kernel(env=env):
            deadline = time.monotonic() + timeout  # starting the kernel has a limit of its own
            with _polled(client):
                for index, cell in enumerate(client.nb.cells):  # the failing one is named below
                    await client.async_execute_cell(cell, index)
    except (
        CellControlSignal,
        RuntimeError,
    ) as error:  # a cell that failed or took too long; no kernel, or no more
        problem = _reason(error, timeout)
    return _failure(client, path, index, problem) if problem else None


@contextmanager
def _polled(client: NotebookClient) -> Iterator[None]:
    """Wait for replies in slices of 0.1 s, and no longer than `_LOST_SECONDS` once the cell has ended.

    nbclient sends on the shell socket while it waits on it when a notebook has an Output widget; the wake-up is
    sometimes lost, and the cell then lasts its whole timeout. IPython loses the reply itself when an awaited cell
    fails with an ExceptionGroup; only its output and the word "idle" arrive.
    """
    from nbclient.exceptions import CellExecutionComplete

    channel = client.kc.shell_channel  # type: ignore[union-attr]
    wait, process = channel.get_msg, client.process_message
    idle_since = float("inf")

    def process_message(*args: Any) -> Any:
        nonlocal idle_since
        idle_since = float("inf")
        try:
            return process(*args)
        except CellExecutionComplete:
            idle_since = time.monotonic()
            raise

    async def get_msg(timeout: float | None = None) -> Any:
        end = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return await wait(timeout=min(0.1, max(0.0, end - time.monotonic())))
            except Empty:
                if time.monotonic() >= end:
                    raise
            if time.monotonic() >= idle_since + _LOST_SECONDS:
                raise RuntimeError("the cell ended, but the kernel lost its answer")

    channel.get_msg, client.process_message = get_msg, process_message  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        channel.get_msg, client.process_message = wait, process  # type: ignore[method-assign]


def _reason(error: Exception, timeout: float) -> str:
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    if isinstance(error, CellExecutionError):
        parts = error.traceback.split(_RULE)  # nbclient's heading, the source, what the cell printed, the traceback
        return parts[-1].strip() or f"{error.ename}: {error.evalue}"
    if isinstance(error, CellTimeoutError):
        return f"the notebook did not end within {timeout:g} s; this cell was running"
    if isinstance(error, DeadKernelError):
        return "the kernel ended while this cell was running"
    return f"{type(error).__name__}: {error}"


def _failure(client: NotebookClient, path: Path, index: int | None, reason: str) -> NotebookError:
    cell = client.nb.cells[index] if index is not None else None
    # An ExceptionGroup leaves no output of type "error": IPython prints it on stderr, so that is shown too.
    said = "".join(output.text for output in getattr(cell, "outputs", ()) if output.get("name") == "stderr")
    text = _COLOUR.sub("", f"{said.rstrip()}\n{reason}" if said.strip() and said.strip() not in reason else reason)
    return NotebookError(path, index, cell.get("id", "") if cell else "", cell.source if cell else "", text.strip())

"""The kernel of a notebook under test: this interpreter, fresh, on sockets of its own, and no answer waited for in vain."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any, Final

from mcpflow_nb.home import VARIABLE
from mcpflow_nb.testing.network import guard_folder, guarded

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

_LONGEST_SOCKET_PATH: Final = 90  # systems allow 103 to 107 bytes, and the kernel adds "-5"
_LOST_SECONDS: Final = 3
LOST: Final = "the cell ended, but the kernel lost its answer"
_QUIET: Final = ["--IPKernelApp.log_level=50", "--HistoryManager.enabled=False"]


class LostReplyError(RuntimeError):
    """A cell that ended without telling how: IPython lost its answer, which happens when the cell failed."""


def client_of(notebook: NotebookNode, path: Path, folder: Path) -> NotebookClient:
    """Return who runs the notebook at `path`, and has a kernel of its own; its files go to `folder`."""
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
        resources={"metadata": {"path": str(path.parent)}}, extra_arguments=list(_QUIET),
        log=logging.Logger("silent", logging.CRITICAL + 1),  # what it logs is said in the error
    )  # fmt: skip
    client.owns_km = True  # ours, for this client alone: it ends the kernel
    return client


def environment(folder: Path, *, network: bool) -> dict[str, str]:
    """Return the environment of a kernel whose files are in `folder`; without `network` it reaches loopback only."""
    own = {"IPYTHONDIR": str(folder / "ipython"), VARIABLE: str(folder / "data")}
    env = {**os.environ, **own, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return env if network else guarded(env, guard_folder(str(folder / "guard")))


@contextmanager
def polled(client: NotebookClient) -> Iterator[None]:
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
        nonlocal idle_since
        end = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return await wait(timeout=min(0.1, max(0.0, end - time.monotonic())))
            except Empty:
                if time.monotonic() >= end:
                    raise
            if time.monotonic() >= idle_since + _LOST_SECONDS:
                idle_since = float("inf")  # the next cell has not ended, however slow its kernel is to begin with it
                raise LostReplyError(LOST)

    channel.get_msg, client.process_message = get_msg, process_message  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        channel.get_msg, client.process_message = wait, process  # type: ignore[method-assign]


@contextmanager
def tidied(client: NotebookClient) -> Iterator[None]:
    """End the tasks that look after the kernel: nbclient leaves one behind when a cell takes too long."""
    watch, tasks = client._async_poll_kernel_alive, []

    async def watch_kernel() -> None:
        tasks.append(asyncio.current_task())
        await watch()

    client._async_poll_kernel_alive = watch_kernel  # type: ignore[method-assign]
    try:
        yield
    finally:
        for task in filter(None, tasks):
            task.cancel()

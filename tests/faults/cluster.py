"""A Dask cluster of processes of this machine, servers in processes of their own, and what may be done to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

import mcpflow_nb as mf
from mcpflow_nb import bridge
from mcpflow_nb.mapping.rows import Ended
from mcpflow_nb.mapping.spreading import spread_rows
from tests.faults.killing import HERE, finished_lines, free_port, kill_quietly

TOOLS = ("create", "mail", "laptop")
TIMEOUT, GRACE = 3.0, 0.3


def workflow(timeout: float = TIMEOUT) -> mf.SequentialWorkflow:
    """Three steps that must not be repeated blindly, on two servers; each can be checked."""
    who = mf.prompt_arg("who")
    made = mf.SequentialWorkflow("onboard").argument("who")
    for step, server, given in (
        ("create", "it", who),
        ("mail", "comms", mf.field("person", "who")),
        ("laptop", "it", who),
    ):
        check = {"tool": f"{server}.find", "args": {"who": who, "tool": step}, "grace": GRACE}
        bind = "person" if step == "create" else None
        made = made.step(step, tool=f"{server}.{step}", args={"who": given}, bind=bind, check=check, timeout=timeout)
    return made


@dataclass
class Cluster:
    """`client` is Dask's, `folders` those of the servers with their logs of effects, `nannies` start workers again.

    `others` are the processes that are no workers, by what they are.
    """

    client: Any
    servers: mf.Servers
    folders: list[Path]
    ports: list[int]
    nannies: list[psutil.Process]
    others: dict[str, list[psutil.Process]]
    timeout: float = TIMEOUT
    kills: int = 0
    ended: dict[str, Ended] = field(default_factory=dict)

    def map(self, map_id: str, rows: int, journal: str | None, chunk: int = 10) -> Counter[str]:
        """Run a row a number, and return how often each outcome came."""
        self.ended = {}
        given = [(str(row), {"who": f"{map_id}-{row}"}) for row in range(rows)]

        def told(one: Ended, run) -> None:
            assert one.key not in self.ended
            self.ended[one.key] = one

        bridge.run(
            spread_rows(
                workflow(self.timeout), self.servers, given, executor=self.client, journal=journal, map_id=map_id, chunk=chunk,
                concurrency=chunk, on_row=told,
            )
        )  # fmt: skip
        assert len(self.ended) == rows
        return Counter(one.outcome for one in self.ended.values())

    def effects(self, map_id: str) -> Counter[tuple[str, str]]:
        """How often each row had each effect, by the servers' own logs."""
        logs = [json.loads(line) for folder in self.folders for line in finished_lines(folder / "effects")]
        return Counter((one["who"], one["tool"]) for one in logs if one["who"].startswith(f"{map_id}-"))

    def working(self) -> psutil.Process:
        """Wait for a worker that has a chunk and is connected to a server, and return it."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            busy = {urlsplit(address).port for address, tasks in self.client.processing().items() if tasks}
            for worker in (child for nanny in self.nannies for child in nanny.children(recursive=True)):
                try:
                    ends = worker.net_connections()
                except psutil.Error:
                    continue
                listens = {one.laddr.port for one in ends if one.status == psutil.CONN_LISTEN}
                if listens & busy and {one.raddr.port for one in ends if one.raddr} & set(self.ports):
                    return worker
            time.sleep(0.01)
        raise AssertionError("no worker works")

    def wait_for_effects(self, map_id: str, tool: str, count: int) -> None:
        """Wait until a tool has had its effect so often; from a thread of its own."""
        while sum(times for (_, made), times in self.effects(map_id).items() if made == tool) < count:
            time.sleep(0.01)

    def kill_while_held(self, folder: Path, tool: str) -> None:
        """Kill a worker that waits for a held effect, and hold none that is asked for later; from a thread of its own."""
        while tool not in finished_lines(folder / "asked"):
            time.sleep(0.01)
        kill_quietly(self.working().pid)
        (folder / "held").unlink()

    def kill_workers(self, at: list[int], rows: int) -> None:
        """Kill a worker each time so many rows have ended; from a thread of its own."""
        for count in at:
            while len(self.ended) < count:
                time.sleep(0.01)
            if len(self.ended) < rows:
                kill_quietly(self.working().pid)
                self.kills += 1


def _started(stack: ExitStack, *words: str, **more) -> psutil.Process:
    process = subprocess.Popen([sys.executable, *words], stderr=subprocess.DEVNULL, **more)

    def end() -> None:
        for child in psutil.Process(process.pid).children(recursive=True):
            kill_quietly(child.pid)
        process.kill()
        process.wait()

    stack.callback(end)
    return psutil.Process(process.pid)


@contextmanager
def cluster(folder: Path, environment: dict[str, str], workers: int = 2):
    """Give a scheduler and workers, each with a nanny, and two servers, all on loopback."""
    from distributed import Client

    with ExitStack() as stack:
        folders, ports, effects = [folder / "it", folder / "comms"], [free_port(), free_port()], []
        for where, port in zip(folders, ports, strict=True):
            where.mkdir()
            effects.append(_started(stack, str(HERE / "effects_server.py"), str(port), str(where)))
        asked = {**os.environ, **environment, "DASK_LOGGING__DISTRIBUTED": "critical"}
        file = folder / "scheduler.json"
        host = ("--host", "127.0.0.1", "--no-dashboard")
        scheduler = _started(
            stack, "-m", "dask", "scheduler", *host, "--port", "0", "--scheduler-file", str(file), env=asked
        )
        made = [
            _started(
                stack, "-m", "dask", "worker", *host, "--scheduler-file", str(file), "--nthreads", "1",
                "--local-directory", str(folder / f"worker{number}"), env=asked,
            )
            for number in range(workers)
        ]  # fmt: skip
        client = stack.enter_context(Client(scheduler_file=str(file), timeout=60))
        client.wait_for_workers(workers, timeout=60)
        urls = {name: f"http://127.0.0.1:{port}/mcp" for name, port in zip(("it", "comms"), ports, strict=True)}
        servers = stack.enter_context(mf.connect(urls))
        yield Cluster(client, servers, folders, ports, made, {"scheduler": [scheduler], "servers": effects})

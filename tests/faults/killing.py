"""Runs in processes that are killed, and the audit of what the server did: the machinery of the kill tests."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
TOOLS = ("create", "payroll", "laptop", "mail", "badge")


@dataclass
class Bench:
    """A server that stays, and a process that forks workers. `kills` counts the workers that died by SIGKILL."""

    folder: Path
    url: str
    zygote: subprocess.Popen[str]
    kills: int = 0
    asked: list[str] = field(default_factory=list)

    def work(
        self,
        run_id: str,
        mode: str = "auto",
        kill=None,
        after: float | None = None,
        naive: bool = False,
        undo: bool = False,
    ) -> dict:
        """Let a worker do or go on with a run; {} when it was killed, at a point or `after` seconds of work."""
        job = {
            "run_id": run_id,
            "url": self.url,
            "mode": mode,
            "kill": kill,
            "naive": naive,
            "undo": undo,
            "journal": str(self.folder / "runs.db"),
        }
        self.zygote.stdin.write(json.dumps(job) + "\n")
        self.zygote.stdin.flush()
        found, timer, pid = {}, None, 0
        while (line := self.zygote.stdout.readline().strip()) != "ended":
            assert line, "the zygote died"
            if line.startswith("child "):
                pid = int(line[6:])
            elif line == "begun" and after is not None:
                timer = threading.Timer(after, kill_quietly, [pid])
                timer.start()
            elif line.startswith("{"):
                found = json.loads(line)
        if timer is not None:
            timer.cancel()
        self.kills += not found
        return found

    def finish(self, run_id: str, mode: str = "auto", **plan) -> dict:
        """Work on a run until it ends, killed once as the plan says; every later worker is left alone."""
        found = self.work(run_id, mode, **plan)
        for _ in range(5):
            if found:
                return found
            found = self.work(run_id, mode, naive=plan.get("naive", False), undo=plan.get("undo", False))
        raise AssertionError(f"{run_id} does not end")

    def kill_in_server(self, tool: str, point: str) -> None:
        (self.folder / "kill").write_text(f"{tool} {point}")

    def effects(self, run_id: str) -> Counter[str]:
        """How often each tool had its effect for a run, by the server's own log."""
        log = self.folder / "effects"
        rows = map(json.loads, finished_lines(log))
        return Counter(row["tool"] for row in rows if row["who"] == run_id)


EACH_ONCE = Counter(dict.fromkeys(TOOLS, 1))
UNDOS = ("unbadge", "unlaptop", "unpayroll", "uncreate")
DONE_AND_UNDONE = EACH_ONCE + Counter(dict.fromkeys(UNDOS, 1))


def finished_lines(log: Path) -> list[str]:
    """Return the lines of a file that another process may be writing to, but for one that is not whole yet."""
    return log.read_text().rpartition("\n")[0].splitlines() if log.exists() else []


def kill_quietly(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:  # it was done before
        return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def bench(folder: Path):
    port = free_port()
    server = subprocess.Popen([sys.executable, str(HERE / "effects_server.py"), str(port), str(folder)])
    zygote = subprocess.Popen(
        [sys.executable, str(HERE / "worker.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None
            time.sleep(0.02)
        yield Bench(folder, f"http://127.0.0.1:{port}/mcp", zygote)
    finally:
        for process in (zygote, server):
            process.kill()
            process.communicate()

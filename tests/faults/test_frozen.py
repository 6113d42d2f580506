"""A worker that is frozen in a call, and woken after another one has taken its rows over: it writes and sends nothing more."""

import os
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

import mcpflow_nb as mf
from mcpflow_nb.journal.store import store_at
from mcpflow_nb.mapping.chunks import Chunk, ended_of, run_chunk
from mcpflow_nb.mapping.crossing import crossing
from tests.faults.killing import HERE
from tests.faults.worker import GRACE
from tests.postgres_server import PASSWORD

pytestmark = [pytest.mark.timeout(180), pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP there")]
ROWS, TOOLS = ("a", "b", "c"), ("create", "mail")
TIMEOUT = 30.0
"""Longer than any call takes, however busy the machine is."""


def workflow():
    who = mf.prompt_arg("who")
    made = mf.SequentialWorkflow("onboard").argument("who")
    for step in TOOLS:
        check = {"tool": "it.find", "args": {"who": who, "tool": step}, "grace": GRACE}
        made = made.step(step, tool=f"it.{step}", args={"who": who}, check=check, timeout=TIMEOUT)
    return made


def test_a_frozen_worker_is_fenced_off_when_it_wakes_and_tells_what_the_other_one_did(bench, journal, monkeypatch):
    monkeypatch.setenv("PG_WORD", PASSWORD)
    monkeypatch.setenv("X_PID", str(os.getpid()))
    asked = journal.replace(PASSWORD, "${PG_WORD}")
    map_id = f"frozen-{journal.partition(':')[0][-8:]}"
    rows = [(row, {"who": f"{map_id} {row}"}) for row in ROWS]
    with mf.connect(it={"url": bench.url, "headers": {"x-pid": "${X_PID}"}}) as servers:
        made = crossing(workflow(), servers, asked, ThreadPoolExecutor)
        chunk = Chunk(made, map_id, 1, (), False, rows).text
        (bench.folder / "kill").write_text("mail done STOP")
        worker = [sys.executable, str(HERE / "chunk_worker.py")]
        frozen = subprocess.Popen(worker, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        frozen.stdin.write(chunk)
        frozen.stdin.close()
        try:
            os.waitid(os.P_PID, frozen.pid, os.WSTOPPED | os.WNOWAIT)  # it was sent, and had its effect
            store_at(asked)._now(lambda db: db.execute("UPDATE runs SET lease=0"))  # as if half a minute had passed
            here = ended_of(run_chunk(chunk))
            frozen.send_signal(signal.SIGCONT)
            there = ended_of(frozen.stdout.read())
        finally:
            frozen.kill()
            frozen.stdout.close()
            frozen.wait()
    assert [one.outcome for one in here] == ["completed"] * 3
    assert there == here
    for row in ROWS:
        assert bench.effects(f"{map_id} {row}") == Counter(TOOLS)
    epochs = store_at(asked)._now(lambda db: db.execute("SELECT run_id, epoch FROM runs").fetchall())
    assert dict(epochs) == {f"{map_id}/a": 2, f"{map_id}/b": 1, f"{map_id}/c": 1}

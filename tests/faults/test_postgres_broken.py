"""PostgreSQL stopped, started again, or out of reach in the middle of runs; and a writer frozen in its transaction."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

import mcpflow_nb as mf
from mcpflow_nb.journal import store as stores
from mcpflow_nb.journal.databases import database
from mcpflow_nb.journal.store import Store

FROZEN = """
import os, signal, sys
from mcpflow_nb.journal import tables
from mcpflow_nb.journal.databases import database
link = database(sys.argv[1]).opened()
link.begin()
link.execute("UPDATE runs SET outcome='mine'")
os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.fixture
def bench(postgres):
    """Three steps on a server that notes its calls, where `in_call` is done in the first; `start` begins a run."""
    url, calls = postgres.journal(), []

    def make(n: int) -> dict:
        calls.append(n)
        if n == 0:
            start.in_call()
        return {"n": n + 1}

    workflow = mf.SequentialWorkflow("w").step("a", tool="m.make", args={"n": 0}, bind="a")
    workflow = workflow.step("b", tool="m.make", args={"n": mf.field("a", "n")}, bind="b")
    workflow = workflow.step("c", tool="m.make", args={"n": mf.field("b", "n")}, bind="c")
    with mf.connect(m=mf.mock({"make": make})) as servers:

        def start(**more):
            return workflow.start(servers, journal=url, **more)

        start.calls, start.servers, start.url, start.in_call = calls, servers, url, lambda: None
        yield start


@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_a_server_that_starts_again_during_a_call_is_reached_again(bench, postgres, mode):
    def again():
        postgres.stop(mode)
        postgres.start()

    run, bench.in_call = bench(), again
    assert (run.all().outcome, bench.calls) == ("completed", [0, 1, 2])
    assert mf.resume(run.id, bench.servers, journal=bench.url).trace == run.trace


def test_a_server_that_is_away_for_a_while_is_waited_for_and_nothing_is_sent_meanwhile(bench, postgres):
    sent_while_down = []

    def back():
        time.sleep(1)
        sent_while_down.append(list(bench.calls))
        postgres.start()

    def away():
        postgres.stop()
        threading.Thread(target=back).start()

    run, bench.in_call = bench(), away
    assert (run.all().outcome, bench.calls, sent_while_down) == ("completed", [0, 1, 2], [[0]])


def test_a_server_that_stays_away_ends_the_run_before_the_next_send_and_it_goes_on_later(bench, postgres, monkeypatch):
    short = Store(replace(database(bench.url), patience=0.3))
    monkeypatch.setitem(stores._stores, short.database, short)
    run, bench.in_call = bench(), postgres.stop
    try:
        with pytest.raises(mf.JournalError, match="onnection refused"):
            run.all()
        assert ([one.status for one in run.trace], bench.calls) == (["ok", "not_sent"], [0])
        assert "nothing was sent" in run.reason
    finally:
        postgres.start()
    assert (run.rerun("b").all().outcome, bench.calls) == ("completed", [0, 1, 2])
    assert mf.resume(run.id, bench.servers, journal=bench.url).trace == run.trace
    short.close()


def test_a_session_that_the_server_ended_between_two_verbs_is_made_again(bench, postgres):
    run = bench()
    run.step()
    postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name='mcpflow_nb'")
    assert (run.all().outcome, bench.calls) == ("completed", [0, 1, 2])


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP there")
def test_a_writer_frozen_in_its_transaction_holds_nobody_up_for_long(bench):
    run = bench(run_id="r")
    run.step()
    frozen = subprocess.Popen([sys.executable, "-c", FROZEN, bench.url])
    os.waitid(os.P_PID, frozen.pid, os.WSTOPPED | os.WNOWAIT)
    try:
        start = time.monotonic()
        assert run.all().outcome == "completed"
        assert 1 < time.monotonic() - start < 12  # the server ends what is idle in a transaction for 5 s
    finally:
        frozen.send_signal(signal.SIGKILL)
        frozen.wait()

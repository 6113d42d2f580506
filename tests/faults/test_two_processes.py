"""One run, two processes: who holds it is told, who is dead gives way at once, who was frozen is fenced off."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import mcpflow_nb as mf
from mcpflow_nb.journal.store import store_at
from tests.faults.holder import workflow

HOLDER = Path(__file__).with_name("holder.py")


@pytest.fixture
def holder(journal):
    """Start a process that holds the run `r` of a journal; it is gone after the test."""
    started = []

    def start(*words):
        made = subprocess.Popen(
            [sys.executable, str(HOLDER), journal, "r", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(made)
        assert made.stdout.readline() == "holds\n"
        return made

    yield start
    for one in started:
        one.kill()
        one.communicate()


def tell(process):
    process.stdin.write("\n")
    process.stdin.flush()


def said(process, count):
    return [process.stdout.readline().strip() for _ in range(count)]


@pytest.fixture
def servers():
    with mf.connect(m=mf.mock({"make": {}})) as opened:
        yield opened


@pytest.mark.row("JO03")
def test_a_run_that_another_process_holds_is_refused_and_says_who(holder, servers, journal):
    other = holder()
    with pytest.raises(mf.RunHeldError, match=rf"run 'r': process {other.pid} on .* holds it; end that one") as caught:
        mf.resume("r", servers, journal=journal)
    assert (caught.value.owner.pid, caught.value.run_id) == (other.pid, "r")
    with pytest.raises(mf.RunHeldError):
        workflow().start(servers, journal=journal, run_id="r")
    tell(other)
    assert said(other, 2) == ["called", "ok"]  # it never noticed


def test_a_run_whose_process_was_killed_is_taken_over_at_once(holder, servers, journal):
    other = holder()
    tell(other)
    assert said(other, 2) == ["called", "ok"]
    other.kill()
    other.wait()
    run = mf.resume("r", servers, journal=journal)
    assert (run.position, run.all().outcome) == (1, "completed")


def test_a_run_killed_in_a_call_is_interrupted_and_then_unknown(holder, servers, journal):
    other = holder("now")
    tell(other)
    other.wait()
    [row] = mf.runs(journal=journal)
    assert (row.outcome, row.is_held) == ("interrupted", False)
    assert "1 interrupted" in repr(mf.runs(journal=journal))
    run = mf.resume("r", servers, journal=journal)
    assert (run.outcome, run.reason) == (
        "unknown",
        "step 'a', tool 'make' on server 'm': its process ended before an answer came; it may have run [unknown]",
    )
    assert [row.outcome for row in mf.runs(journal=journal)] == ["unknown"]
    assert (run.retry("a").all().outcome, run.trace["a"].attempt) == ("completed", 2)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP there")
def test_a_process_that_was_frozen_beyond_its_lease_sends_nothing_when_it_wakes(holder, servers, journal):
    other = holder()
    os.kill(other.pid, signal.SIGSTOP)
    with pytest.raises(mf.RunHeldError):
        mf.resume("r", servers, journal=journal)
    store_at(journal)._now(lambda db: db.execute("UPDATE runs SET lease=0"))  # as if half a minute had passed
    run = mf.resume("r", servers, journal=journal)
    assert run.step().status == "ok"
    os.kill(other.pid, signal.SIGCONT)
    tell(other)
    assert said(other, 1) == ["FencedError"]  # and never "called"
    assert run.all().outcome == "completed"


@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_process_that_was_forked_does_not_write_in_its_parents_name(servers, tmp_path):
    run = workflow().start(servers, journal=tmp_path / "runs.db", run_id="r")
    assert run.step().status == "ok"
    store = store_at(tmp_path / "runs.db")
    reader, writer = os.pipe()
    if not (pid := os.fork()):
        os.write(writer, b"same" if store_at(tmp_path / "runs.db") is store else b"another")
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reader, 10) == b"another"


def test_a_run_that_completed_is_held_by_nobody(holder, servers, journal):
    other = holder()
    for _ in range(3):
        tell(other)
    assert said(other, 6) == ["called", "ok"] * 3
    assert mf.resume("r", servers, journal=journal).outcome == "completed"

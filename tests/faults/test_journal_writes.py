"""Every write of a run fails once: before it is done, or after it was and nobody knows. No effect is lost or done twice."""

import sqlite3

import pytest

import mcpflow_nb as mf
from mcpflow_nb.journal.store import store_at

WRITES = ("BEGIN", "INSERT", "UPDATE", "COMMIT")
NAMES = "abc"


class Disk:
    """Counts what is written, and fails at the n-th statement of it: `before` it is done, or `after`."""

    def __init__(self):
        self.at, self.when, self.count, self.seen = 0, "before", 0, []

    def fail(self, at, when):
        self.at, self.when, self.count, self.seen = at, when, 0, []

    def write(self, statement, do):
        if not statement.startswith(WRITES):
            return do()
        self.count += 1
        self.seen.append(statement.split()[0])
        is_now = self.count == self.at
        if is_now and self.when == "before":
            raise sqlite3.OperationalError("disk I/O error")
        done = do()
        if is_now:
            raise sqlite3.OperationalError("disk I/O error")
        return done


@pytest.fixture
def disk(monkeypatch):
    made, connect = Disk(), sqlite3.connect

    class Failing(sqlite3.Connection):
        def execute(self, sql, *given):
            return made.write(sql, lambda: super(Failing, self).execute(sql, *given))

        def executemany(self, sql, *given):
            return made.write(sql, lambda: super(Failing, self).executemany(sql, *given))

    monkeypatch.setattr(sqlite3, "connect", lambda *given, **more: connect(*given, factory=Failing, **more))
    return made


@pytest.fixture
def bench(tmp_path):
    """`bench(number)` gives a new journal and its log of calls, and a function that starts the run or goes on with it."""
    calls, opened = [], []
    mock = mf.mock({"make": lambda n: calls.append(n) or {"n": n + 1}})
    flow = mf.SequentialWorkflow("w").step("a", tool="m.make", args={"n": 0}, bind="a")
    flow = flow.step("b", tool="m.make", args={"n": mf.field("a", "n")}, bind="b")
    flow = flow.step("c", tool="m.make", args={"n": mf.field("b", "n")}, bind="c")
    with mf.connect(m=mock) as servers:

        def begin(number):
            calls.clear()
            path = tmp_path / f"{number}.db"
            store_at(path)  # its tables are made now: what fails is the run
            opened.append(path)
            return path, lambda: flow.start(servers, journal=path, run_id="r")

        begin.calls, begin.servers = calls, servers
        yield begin
    for path in opened:
        store_at(path).close()


def writes_of_a_run(disk, bench):
    _, start = bench("counted")
    disk.fail(0, "before")
    assert start().all().outcome == "completed"
    assert (
        disk.seen.count("COMMIT") >= 4
    )  # the beginning, an intent and two outcomes with the next one's, the last outcome
    return disk.count


def tried(disk, bench, number, at, when):
    """Start a run whose write `at` fails, and do what can be done of it; return the run, if there is one, and the file."""
    path, start = bench(number)
    disk.fail(at, when)
    run, said = None, "disk I/O error"
    try:
        run = start()
        run.all()
    except mf.JournalError as error:
        said = str(error)
    assert "disk I/O error" in said
    return run, path, start


def finished(run, calls):
    """Take a run to its end as a person would, who looks at the server where nobody knows what became of a call."""
    for _ in range(6):
        if run.outcome == "completed":
            return run.all()  # which writes what could not be written
        here = NAMES[run.position]
        if run.outcome == "unknown":
            run.settle(here, {"n": run.position + 1}) if run.position in calls else run.retry(here)
        elif run.outcome == "failed":
            run.rerun(here)
        else:
            run.all()
    return run


@pytest.mark.row("JO01", "JO05")
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_whose_nth_write_fails_is_gone_on_with_and_no_call_is_made_twice(disk, bench, when):
    failed = 0
    for at in range(1, writes_of_a_run(disk, bench) + 1):
        run, path, start = tried(disk, bench, f"{when}{at}", at, when)
        failed += run is None or run.outcome != "completed"
        sent = len(bench.calls)
        if run is not None:  # what came is kept and shown, whatever was written
            assert [one.status for one in run.trace if one.status == "ok"] == ["ok"] * sent
        run = finished(run if run is not None else start(), bench.calls)
        assert (run.outcome, bench.calls) == ("completed", [0, 1, 2]), (at, when)
        assert mf.resume("r", bench.servers, journal=path).bindings == run.bindings, (at, when)
    assert failed > 3


@pytest.mark.row("JO05")
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_whose_nth_write_fails_and_whose_process_is_gone_is_made_again_with_no_call_twice(disk, bench, when):
    outcomes = set()
    for at in range(1, writes_of_a_run(disk, bench) + 1):
        run, path, start = tried(disk, bench, f"{when}{at}", at, when)
        sent = list(bench.calls)
        disk.fail(0, when)
        run = start() if run is None else mf.resume("r", bench.servers, journal=path)
        outcomes.add(run.outcome)
        assert bench.calls == sent  # making it again calls nothing
        assert {one.status for one in run.trace} <= {"ok", "unknown", "not_sent"}
        assert len([one for one in run.trace if one.status == "ok"]) <= len(sent)
        run = finished(run, bench.calls)
        assert (run.outcome, bench.calls) == ("completed", [0, 1, 2]), (at, when)
    assert outcomes >= {"paused", "unknown"}

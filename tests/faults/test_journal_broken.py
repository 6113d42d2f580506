"""Rows JO01 to JO09 of the table of faults: a journal that is full, closed, broken, locked, gone or of another time."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import mcpflow_nb as mf
from mcpflow_nb.journal.places import network_kind, place
from mcpflow_nb.journal.store import store_at

BIG = "x" * 20_000


@pytest.fixture
def bench(tmp_path):
    """Three steps with large results on a server that notes its calls; `start` begins a run in a journal."""
    calls = []

    def make(n: int) -> dict:
        calls.append(n)
        return {"n": n + 1, "big": BIG}

    workflow = mf.SequentialWorkflow("w").step("a", tool="m.make", args={"n": 0}, bind="a")
    workflow = workflow.step("b", tool="m.make", args={"n": mf.field("a", "n")}, bind="b")
    workflow = workflow.step("c", tool="m.make", args={"n": mf.field("b", "n")}, bind="c")
    with mf.connect(m=mf.mock({"make": make})) as servers:

        def start(name="runs.db", **more):
            return workflow.start(servers, journal=tmp_path / name, **more)

        start.calls, start.servers, start.folder = calls, servers, tmp_path
        yield start


def room(path, pages):
    """Let the journal grow by so many pages of 4 KB and no more: SQLite then says that the disk is full."""
    store = store_at(path)
    store._now(
        lambda db: db.execute(
            f"PRAGMA max_page_count={db.execute('PRAGMA page_count').fetchone()[0] + pages}"
        ).fetchall()
    )


@pytest.mark.parametrize("done", [0, 1, 2])
@pytest.mark.row("JO01")
def test_jo01_a_full_disk_ends_the_run_before_the_next_send_and_keeps_what_came(bench, done):
    run = bench()
    for _ in range(done):
        run.step()
    room(bench.folder / "runs.db", 3)
    with pytest.raises(mf.JournalError, match="database or disk is full; make room on the disk, and go on"):
        run.all()
    sent = len(bench.calls)
    assert [one.status for one in run.trace] == ["ok"] * sent + ["not_sent"] * (sent < 3)
    assert run.bindings == {name: {"n": at + 1, "big": BIG} for at, name in enumerate("abc"[:sent])}
    room(bench.folder / "runs.db", 10_000)
    if run.outcome == "failed":
        assert "the journal could not be written; nothing was sent" in run.reason
        run.rerun("abc"[sent])
    assert (run.all().outcome, bench.calls) == ("completed", [0, 1, 2])
    assert mf.resume(run.id, bench.servers, journal=bench.folder / "runs.db").trace == run.trace


@pytest.mark.row("JO01")
def test_jo01_a_disk_that_is_really_full(bench, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here: that needs root")
    try:
        run = bench("small/runs.db")
        filler = small / "filler"
        filler.write_bytes(b"x" * (os.statvfs(small).f_bavail * 4096 - 60_000))
        with pytest.raises(mf.JournalError, match="full"):
            run.all()
        known = [one.status for one in run.trace]
        assert (known.count("ok"), len(bench.calls) < 3) == (len(bench.calls), True)
        filler.unlink()
        if run.outcome == "failed":
            run.rerun(run.trace[-1].step)
        assert (run.all().outcome, bench.calls) == ("completed", [0, 1, 2])
        store_at(small / "runs.db").close()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


@pytest.mark.parametrize("given", ["nothing/runs.db", ".", "/proc/mcpflow.db", "/dev/null/runs.db"])
@pytest.mark.row("JO02")
def test_jo02_a_place_that_cannot_be_written_is_refused_before_the_first_send(bench, given):
    with pytest.raises(mf.JournalError) as caught:
        bench(given)
    assert caught.value.path.endswith(given.removeprefix(".").split("/")[-1] or bench.folder.name)
    assert bench.calls == []


@pytest.mark.skipif(os.name != "posix" or not os.getuid(), reason="nothing is read-only for root")
@pytest.mark.row("JO02")
def test_jo02_a_read_only_journal_is_refused_and_can_still_be_listed(bench):
    bench()
    store_at(bench.folder / "runs.db").close()
    os.chmod(bench.folder / "runs.db", 0o400)
    with pytest.raises(mf.JournalError, match="journal=None"):
        bench()
    assert len(mf.runs(journal=bench.folder / "runs.db")) == 1


def broken(kind, good):
    noise = bytes(range(256)) * (len(good) // 256 + 1)
    return {
        "noise": noise[: len(good)], "short": good[:3_000], "cut": good[: len(good) // 2], "text": b"hello\n",
        "inside": good[:8_192] + noise[: len(good) - 8_192],
    }[kind]  # fmt: skip


@pytest.mark.parametrize("kind", ["noise", "short", "cut", "text", "inside"])
@pytest.mark.row("JO04")
def test_jo04_a_broken_journal_is_one_error_and_nothing_in_it_is_changed(bench, kind):
    run = bench()
    run.all()
    store_at(bench.folder / "runs.db").close()
    file = bench.folder / "broken.db"
    file.write_bytes(broken(kind, (bench.folder / "runs.db").read_bytes()))
    before = file.read_bytes()
    with pytest.raises(mf.JournalError, match="nothing in it was changed: name another file"):
        mf.resume(run.id, bench.servers, journal=file)
    assert file.read_bytes() == before
    assert bench("other.db").all().outcome == "completed"


def test_jo04_an_empty_file_becomes_a_journal(bench):
    (bench.folder / "empty.db").touch()
    assert len(mf.runs(journal=bench.folder / "empty.db")) == 0
    assert bench("empty.db").all().outcome == "completed"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ("PRAGMA user_version=9", "format version 9; this mcpflow_nb reads version 1: update it"),
        ("CREATE TABLE mine(x)", "a SQLite file, but no journal of ours"),
        ("CREATE TABLE mine(x); PRAGMA user_version=1", "a SQLite file, but no journal of ours"),
    ],
)
@pytest.mark.row("JO04")
def test_jo04_a_file_of_somebody_else_is_left_as_it_is(bench, made, words):
    file = bench.folder / "other.db"
    with sqlite3.connect(file) as db:
        db.executescript(made)
    db.close()
    before = file.read_bytes()
    for use in (lambda: bench("other.db"), lambda: mf.runs(journal=file)):
        with pytest.raises(mf.JournalError, match=words):
            use()
    assert file.read_bytes() == before


def test_a_journal_that_is_locked_for_long_is_said_and_nothing_is_sent(bench):
    run = bench()
    with sqlite3.connect(bench.folder / "runs.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(mf.JournalError, match="database is locked; another program holds the file"):
            run.step()
        other.execute("ROLLBACK")
    other.close()
    assert (bench.calls, run.trace[0].status) == ([], "not_sent")
    assert run.rerun("a").all().outcome == "completed"


@pytest.mark.parametrize("becomes", ["gone", "another"])
def test_a_journal_that_was_taken_away_is_said_and_nothing_is_sent(bench, becomes):
    run, file = bench(), bench.folder / "runs.db"
    run.step()
    file.unlink()
    if becomes == "another":
        file.write_bytes(b"")
    with pytest.raises(mf.JournalError, match="the file is gone, or another one took its place"):
        run.all()
    assert bench.calls == [0]
    assert bench().all().outcome == "completed"


@pytest.mark.row("JO06")
def test_jo06_a_network_home_is_told_by_its_mount():
    mounts = "srv:/x / nfs4 rw 0 0\n/dev/sda1 /data ext4 rw 0 0\nx /data/my\\040files cifs rw 0 0\n"
    found = [network_kind(Path(one), mounts) for one in ("/home/ada", "/data/a", "/data/my files/a", "/database")]
    assert found == ["nfs4", None, "cifs", "nfs4"]


@pytest.mark.row("JO06")
def test_jo06_a_journal_on_a_network_file_system_is_warned_of(tmp_path):
    with pytest.warns(UserWarning, match="lies on nfs, a network file system, where SQLite's locks are not safe"):
        assert place(tmp_path / "runs.db", "srv:/x / nfs rw 0 0") == tmp_path / "runs.db"


def test_the_file_of_a_journal_is_for_its_user_alone(bench):
    bench().step()
    found = {one.name: one.stat().st_mode & 0o777 for one in bench.folder.iterdir()}
    assert found == dict.fromkeys(("runs.db", "runs.db-wal", "runs.db-shm"), 0o600)


OPEN = "import sys; from mcpflow_nb.journal.store import store_at; store_at(sys.argv[1]).close()"


def test_many_processes_may_make_one_journal_at_once(bench):
    file = bench.folder / "new.db"
    opened = [subprocess.Popen([sys.executable, "-c", OPEN, str(file)], stderr=subprocess.PIPE) for _ in range(6)]
    assert [one.communicate()[1] for one in opened] == [b""] * 6
    assert bench("new.db").all().outcome == "completed"

"""The runs of a journal: listed with nothing changed, and pruned; what waits for somebody stays."""

import os
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import mcpflow_nb as mf


def two(tmp_path, servers):
    """A journal with a run that completed and one that is paused."""
    workflow = mf.SequentialWorkflow("w").step("a", tool="m.t").step("b", tool="m.t")
    workflow.start(servers, journal=tmp_path / "r.db", run_id="done").all()
    return workflow.start(servers, journal=tmp_path / "r.db", run_id="half").to("b")


@pytest.fixture
def servers():
    with mf.connect(m=mf.mock({"t": {"n": 1}})) as opened:
        yield opened


def test_runs_are_listed_as_a_frame_the_latest_first(tmp_path, servers):
    held = two(tmp_path, servers)
    frame = mf.runs(journal=tmp_path / "r.db").df
    assert list(frame) == ["run", "workflow", "outcome", "done", "steps", "begun", "updated", "held_by", "batch"]
    assert frame[["run", "outcome", "done", "steps", "batch"]].values.tolist() == [
        ["half", "paused", 1, 2, None],
        ["done", "completed", 2, 2, None],
    ]
    assert frame["held_by"].tolist() == [f"process {os.getpid()} on {os.uname().nodename}", None]
    assert all(datetime.now(UTC) - one < timedelta(minutes=5) for one in frame["updated"])
    assert held.outcome == "paused"


def test_a_journal_that_is_not_there_has_no_runs_and_is_not_made(tmp_path):
    found = mf.runs(journal=tmp_path / "r.db")
    assert (len(found), list(found.df)) == (0, list(mf.runs(journal=tmp_path / "r.db").df))
    assert not (tmp_path / "r.db").exists()
    assert len(mf.prune(journal=tmp_path / "r.db", keep=0)) == 0


def test_listing_writes_nothing(tmp_path, servers):
    held = two(tmp_path, servers)
    before = (tmp_path / "r.db").read_bytes()
    os.chmod(tmp_path / "r.db", 0o400)
    assert len(mf.runs(journal=tmp_path / "r.db")) == 2
    assert (tmp_path / "r.db").read_bytes() == before
    assert held.outcome == "paused"


def test_prune_takes_what_has_ended_and_leaves_what_waits_or_is_held(tmp_path, servers):
    held = two(tmp_path, servers)
    assert [one.run_id for one in mf.prune(journal=tmp_path / "r.db", keep=0)] == ["done"]
    assert [one.run_id for one in mf.runs(journal=tmp_path / "r.db")] == ["half"]
    assert len(mf.prune(journal=tmp_path / "r.db", keep=0, unfinished=True)) == 0  # this process holds it
    assert held.all().outcome == "completed"
    assert len(mf.prune(journal=tmp_path / "r.db", older_than=0)) == 1


@pytest.mark.row("JO07")
def test_prune_goes_by_age_and_keeps_the_latest(tmp_path, servers):
    workflow = mf.SequentialWorkflow("w").step("a", tool="m.t")
    for number in range(5):
        workflow.start(servers, journal=tmp_path / "r.db", run_id=str(number)).all()
    assert len(mf.prune(journal=tmp_path / "r.db", older_than=1)) == 0
    assert len(mf.prune(journal=tmp_path / "r.db", older_than=timedelta(hours=1), keep=0)) == 0
    assert [one.run_id for one in mf.prune(journal=tmp_path / "r.db", keep=2)] == ["2", "1", "0"]
    with sqlite3.connect(tmp_path / "r.db") as db:
        assert {run for (run,) in db.execute("SELECT run_id FROM events")} == {"3", "4"}
    db.close()


@pytest.mark.parametrize(
    "wrong", [{}, {"keep": -1}, {"keep": 1.5}, {"older_than": "3"}, {"older_than": -1}, {"keep": True}]
)
def test_prune_that_does_not_say_what_goes_is_refused(tmp_path, wrong):
    with pytest.raises(mf.DefinitionError, match=r"mf\.prune"):
        mf.prune(journal=tmp_path / "r.db", **wrong)


def test_the_text_names_what_goes_on(tmp_path, servers):
    held = two(tmp_path, servers)
    found = mf.runs(journal=tmp_path / "r.db")
    text = found._repr_mimebundle_()["text/plain"]
    assert repr(found) == f"<Runs of {tmp_path / 'r.db'}: 2 runs, 1 paused>"
    assert "mf.resume('half', servers, journal='/" in text
    assert [line.split()[:3] for line in text.splitlines()[1:3]] == [["half", "w", "‖"], ["done", "w", "✔"]]
    assert found[0].run_id == held.id


@pytest.mark.row("JO07")
def test_ten_thousand_runs_are_listed_within_a_second(tmp_path, servers):
    held = two(tmp_path, servers)
    columns = "workflow, created, updated, outcome, steps, done, batch, epoch, owner, lease"
    with sqlite3.connect(tmp_path / "r.db") as db:
        for number in range(10_000):
            db.execute(
                f"INSERT INTO runs(run_id, {columns}) SELECT ?, {columns} FROM runs WHERE run_id='done'",
                (f"r{number}",),
            )
    db.close()
    start = time.process_time()
    found = mf.runs(journal=tmp_path / "r.db")
    assert (len(found), time.process_time() - start < 1) == (10_002, True)
    assert "9972 more: runs.df" in found._repr_mimebundle_()["text/html"]
    assert held.outcome == "paused"


def test_a_path_may_be_any_file_name(tmp_path, servers):
    path = Path(tmp_path / "a?b#c %41 é.db")
    mf.SequentialWorkflow("w").step("a", tool="m.t").start(servers, journal=path).all()
    assert len(mf.runs(journal=path)) == 1

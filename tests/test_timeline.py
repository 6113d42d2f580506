"""When each call ran and what was waited for: made from the records alone, and nothing is made up."""

from datetime import UTC, datetime, timedelta

import pytest

import mcpflow_nb as mf
from mcpflow_nb.records.record import Fetched
from mcpflow_nb.records.timeline import COLUMNS, Moment, Timeline

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def record(step, start=None, seconds=0.0, status="ok", source="live", **more):
    """A record that was called at so many seconds, or was not called."""
    started = None if start is None else BEGAN + timedelta(seconds=start)
    facts = {"server": "hr", "tool": "t", **more}
    return mf.Record(step, status=status, source=source, started=started, seconds=seconds, **facts)


def timeline(*records):
    return mf.Trace("w", "r", "completed", 5, records).timeline()


def moment(step, status="ok", source="live", attempt=1, **more):
    return Moment(step, more.pop("server", "hr"), more.pop("tool", "t"), source, status, attempt, **more)


@pytest.fixture
def servers():
    tools = {"make": lambda name: {"id": name}, "pay": lambda id, iban: {"paid": iban}}
    with mf.connect(hr=mf.mock(tools, resources={"docs://a": "text"}), it=mf.mock({"end": "done"})) as opened:
        yield opened


def flow():
    return (
        mf.SequentialWorkflow("w")
        .argument("who")
        .step("one", tool="hr.make", args={"name": mf.prompt_arg("who")}, bind="made")
        .step("two", tool="hr.pay", args={"id": mf.field("made", "id")})
        .step("three", tool="it.end")
    )


def test_a_run_has_a_moment_a_record_and_the_wait_at_a_handoff_is_the_clients(servers):
    run = flow().start(servers, who="Ada").all().answer(iban="DE")
    found = run.trace.timeline()
    assert [(row.step, row.server, row.source, row.status, row.attempt, row.wait) for row in found] == [
        ("one", "hr", "mock", "ok", 1, None), ("two", "hr", "mock", "handoff", 1, None),
        ("two", "hr", "mock", "ok", 2, "handoff"), ("three", "it", "mock", "ok", 1, "between steps"),
    ]  # fmt: skip
    assert (found.began, found.rows[0].start, found.rows[1].start) == (run.trace[0].started, 0.0, None)
    assert [row.seconds for row in found] == [run.trace[0].seconds, None, run.trace[2].seconds, run.trace[3].seconds]
    assert (found.workflow, found.outcome, len(found)) == ("w", "completed", 4)


def test_a_timeline_is_the_same_each_time_and_after_saving(servers):
    trace = flow().start(servers, who="Ada").all().answer(iban="DE").trace
    assert trace.timeline() == trace.timeline() == mf.Trace.from_json(trace.to_json()).timeline()


def test_a_fork_shows_what_its_parent_ran_too(servers):
    run = flow().start(servers, who="Ada").all()
    fork = run.fork().answer(iban="DE")
    assert [row.step for row in fork.trace.timeline()] == ["one", "two", "two", "three"]
    assert fork.trace.timeline().rows[:2] == run.trace.timeline().rows


def test_a_result_that_is_used_again_or_given_by_hand_was_not_called(servers):
    run = flow().start(servers, who="Ada")
    run.step()
    run.back()
    run.step()
    run.pin("two", {"paid": "x"}).step()
    assert [(row.step, row.source, row.start, row.seconds) for row in run.trace.timeline().rows[1:]] == [
        ("one", "reused", None, None),
        ("two", "pinned", None, None),
    ]


def test_waiting_is_what_is_between_the_end_of_a_call_and_the_start_of_the_next():
    found = timeline(
        record("a", 0, 1), record("b", 5, 0.5), record("b", None, status="handoff"), record("b", 60, 1, attempt=2)
    )
    assert found.rows == (
        moment("a", start=0.0, seconds=1), moment("b", start=5.0, seconds=0.5, waited=4.0, wait="between steps"),
        moment("b", "handoff"), moment("b", attempt=2, start=60.0, seconds=1, waited=54.5, wait="handoff"),
    )  # fmt: skip


def test_reading_resources_is_no_waiting_and_has_a_length_and_no_start():
    read = Fetched("docs://a", "hr", seconds=2.0)
    late = Fetched("docs://b", "hr", seconds=1.0, after_call=True)
    rows = timeline(record("a", 0, 1, resources=(read, late)), record("b", 10, 1, resources=(read,))).rows
    assert [(row.start, row.read, row.waited) for row in rows] == [(0.0, 0.0, None), (10.0, 3.0, 6.0)]


def test_a_step_of_resources_alone_lasts_as_long_as_they_were_read(servers):
    step = record("a", 0, tool=None, server=None, source=None, resources=(Fetched("docs://a", "hr", seconds=2.0),))
    assert timeline(step).rows == (moment("a", tool=None, source=None, start=0.0, seconds=2.0),)
    run = mf.SequentialWorkflow("w").step("read", server="hr", resources=["docs://a"]).start(servers).all()
    assert run.trace.timeline().rows[0].seconds == run.trace[0].resources[0].seconds


def test_a_call_that_was_cut_off_has_no_length():
    assert timeline(record("a", 0, 0.0, "unknown")).rows == (moment("a", "unknown", start=0.0),)


@pytest.mark.row("TI01")
def test_a_clock_that_was_set_back_leaves_the_time_between_unknown():
    rows = timeline(record("a", 100, 1), record("b", 40, 1), record("c", 42, 1)).rows
    assert [(row.start, row.waited, row.wait) for row in rows] == [
        (0.0, None, None), (-60.0, None, "clock set back"), (-58.0, 1.0, "between steps"),
    ]  # fmt: skip


def test_two_calls_at_the_same_time_waited_for_nothing():
    rows = timeline(record("a", 0, 1), record("b", 0, 1)).rows
    assert [(row.start, row.waited) for row in rows] == [(0.0, None), (0.0, 0.0)]


def test_the_frame_has_one_row_a_record_and_keeps_what_is_not_known():
    frame = timeline(record("a", 0, 1), record("b", None, status="not_sent"), record("c", 3, 0.5)).df
    assert frame.to_dict("records") == [
        dict(zip(COLUMNS, row, strict=True)) for row in (
            ("a", "hr", "t", "live", "ok", 1, 0.0, 1, None), ("b", "hr", "t", "live", "not_sent", 1, None, None, None),
            ("c", "hr", "t", "live", "ok", 1, 3.0, 0.5, 2.0),
        )
    ]  # fmt: skip
    assert {str(dtype) for dtype in frame.dtypes} == {"object"}


def test_a_run_that_has_not_begun_has_an_empty_timeline(servers):
    found = flow().start(servers, who="Ada").trace.timeline()
    assert found == Timeline("w", "paused", None, ())
    assert (list(found.df.columns), len(found.df)) == (list(COLUMNS), 0)

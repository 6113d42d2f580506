import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpflow_nb.errors import LoadError, RunError, TraceError
from mcpflow_nb.records.outline import Ahead, Outline, Planned
from mcpflow_nb.records.record import Fetched, Passed, Record
from mcpflow_nb.records.trace import Trace

ANY_TEXT = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=6)
TAGS = st.sampled_from(["$float", "$text", "$object", "$pairs"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.sampled_from([2**53 + 1, -(2**64)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT | TAGS, inner, max_size=3),
    max_leaves=8,
)
MAYBE = st.none() | ANY_TEXT
STATUSES = ["ok", "tool_error", "invalid_output", "not_sent", "not_executed", "unknown", "handoff", "skipped"]
CONTENTS = st.lists(st.dictionaries(ANY_TEXT | TAGS, JSON, max_size=3), max_size=2).map(tuple)
FETCHED = st.builds(
    Fetched, ANY_TEXT, MAYBE, contents=CONTENTS, error=MAYBE, seconds=st.floats(0, 9), after_call=st.booleans()
)
OUTLINES = st.builds(
    Outline, ANY_TEXT, st.lists(ANY_TEXT, max_size=2).map(tuple), st.dictionaries(ANY_TEXT, JSON, max_size=2),
    st.lists(st.builds(Planned, ANY_TEXT, MAYBE, MAYBE, ANY_TEXT, st.integers(0, 3)), max_size=2).map(tuple),
)  # fmt: skip
NAMED = st.dictionaries(ANY_TEXT, JSON, max_size=2)
AHEAD = st.builds(
    Ahead, ANY_TEXT, MAYBE, MAYBE, NAMED, st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=2), NAMED,
    st.lists(ANY_TEXT, max_size=2).map(tuple), MAYBE,
)  # fmt: skip
RECORDS = st.builds(
    Record, step=ANY_TEXT, server=MAYBE, tool=MAYBE, status=st.sampled_from(STATUSES),
    source=st.sampled_from(["live", "mock", None]), arguments=st.lists(
        st.builds(Passed, ANY_TEXT, JSON, ANY_TEXT), max_size=2).map(tuple),
    value=JSON, binding=MAYBE, rule=MAYBE, raw=JSON, error=MAYBE, missing=st.lists(ANY_TEXT, max_size=2).map(tuple),
    guidance=MAYBE, started=st.none() | st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(fold=0)),
    seconds=st.floats(0, 1e6),
    attempt=st.integers(1, 9), resources=st.lists(FETCHED, max_size=2).map(tuple),
    protocol_error=st.none() | st.dictionaries(ANY_TEXT | TAGS, JSON, max_size=2),
)  # fmt: skip
EXACT = [2**53 + 1, True, None, math.nan, 1, 1.0, "1", {"a": None}, [1], -(2**70), math.inf, False, ""]


def trace(*records):
    return Trace("onboard", "run-1", "completed", 5, records)


def record(step="s", **fields):
    return Record(**{"step": step, "server": "hr", "tool": "create", "status": "ok", "source": "live", **fields})


@given(st.lists(RECORDS, max_size=3), OUTLINES, st.lists(AHEAD, max_size=2).map(tuple))
@pytest.mark.row("RD05", "RD07")
def test_a_trace_is_read_back_exactly_as_it_was_written(records, outline, ahead):
    made = Trace("onboard", "run-1", "completed", 5, tuple(records), outline, ahead)
    read = Trace.from_json(made.to_json())
    assert repr(vars(read)) == repr(vars(made))
    assert repr([vars_of(r) for r in read]) == repr([vars_of(r) for r in made])
    assert read.to_json() == made.to_json()


def vars_of(record):
    return {name: getattr(record, name) for name in Record.__slots__}


def test_a_trace_without_nan_equals_the_one_read_back():
    made = trace(record(value={"$float": "nan"}, arguments=(Passed("n", 2**53 + 1, "constant"),)))
    assert Trace.from_json(made.to_json(indent=None)) == made


def test_a_trace_is_a_text_that_a_file_can_hold():
    made = trace(record(value={"\ud800": "\udfff", "x": math.nan}))
    assert repr(Trace.from_json(made.to_json().encode().decode()).records[0].value) == repr(made.records[0].value)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=2))])
@pytest.mark.row("TI02")
def test_the_moment_a_step_started_keeps_its_zone(zone):
    started = datetime(2026, 7, 28, 12, 0, 0, 123456, tzinfo=zone)
    read = Trace.from_json(trace(record(started=started)).to_json())
    assert (read[0].started, read[0].started.utcoffset()) == (started, started.utcoffset())


@pytest.mark.row("RD06")
def test_the_frame_of_steps_keeps_every_value_as_it_came():
    frame = trace(*(record(str(n), value=value) for n, value in enumerate(EXACT))).df
    assert [(repr(value), type(value)) for value in frame["value"]] == [(repr(v), type(v)) for v in EXACT]
    assert {str(dtype) for dtype in frame.dtypes} == {"object"}


def test_the_frame_of_arguments_keeps_every_value_as_it_came():
    passed = tuple(Passed(f"a{n}", value, "constant") for n, value in enumerate(EXACT))
    frame = trace(record(arguments=passed)).arguments
    assert [(repr(value), type(value)) for value in frame["value"]] == [(repr(v), type(v)) for v in EXACT]
    assert {str(dtype) for dtype in frame.dtypes} == {"object"}


def test_the_frame_of_steps_has_one_row_a_record():
    started = datetime(2026, 1, 1, tzinfo=UTC)
    made = trace(
        record("one", arguments=(Passed("n", 2**53 + 1, "argument n"),), value=None, started=started, seconds=0.5),
        record("two", server=None, tool=None, status="tool_error", source=None, error="boom", attempt=2),
    )
    assert made.df.to_dict("records") == [
        {"step": "one", "server": "hr", "tool": "create", "status": "ok", "source": "live",
         "arguments": {"n": 2**53 + 1}, "value": None, "error": None, "started": started, "seconds": 0.5, "attempt": 1},
        {"step": "two", "server": None, "tool": None, "status": "tool_error", "source": None, "arguments": {},
         "value": None, "error": "boom", "started": None, "seconds": 0.0, "attempt": 2},
    ]  # fmt: skip


def test_the_frame_of_arguments_is_in_the_order_of_steps_and_then_as_written():
    one = record("one", arguments=(Passed("b", 1, "argument b"), Passed("a", [2], "constant")))
    two = record("two", arguments=(Passed("c", None, "made.id"),))
    assert trace(one, record("none"), two).arguments.to_dict("records") == [
        {"step": "one", "argument": "b", "source": "argument b", "value": 1},
        {"step": "one", "argument": "a", "source": "constant", "value": [2]},
        {"step": "two", "argument": "c", "source": "made.id", "value": None},
    ]


def test_the_frames_of_a_run_that_has_not_started_have_columns_and_no_rows():
    made = trace()
    steps = [
        "step",
        "server",
        "tool",
        "status",
        "source",
        "arguments",
        "value",
        "error",
        "started",
        "seconds",
        "attempt",
    ]
    assert (list(made.df.columns), len(made.df)) == (steps, 0)
    assert (list(made.arguments.columns), len(made.arguments)) == (["step", "argument", "source", "value"], 0)


def test_a_record_is_found_by_position_and_by_the_latest_of_its_name():
    first, second = record("s", attempt=1), record("s", attempt=2)
    made = trace(first, second)
    assert (made[0], made[-1], made["s"], made[0:1], len(made), list(made)) == (
        first, second, second, (first,), 2, [first, second],
    )  # fmt: skip


def test_a_step_that_did_not_run_is_told_with_those_that_did():
    with pytest.raises((RunError, KeyError), match="there are: one, two"):
        trace(record("one"), record("two"))["three"]


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "not JSON"), ("[]", "mcpflow_nb_trace"), ('{"mcpflow_nb": 1}', "mcpflow_nb_trace"), ("[" * 100_000, "recursion"),
     ('{"mcpflow_nb_trace": 2}', "version 2"), ('{"mcpflow_nb_trace": true}', "version True"),
     ('{"mcpflow_nb_trace": 1}', "records"), (trace(record()).to_json().replace('"step"', '"stop"'), "stop"),
     (trace(record()).to_json().replace('"started": null', '"started": "noon"'), "noon"),
     ('{"mcpflow_nb_trace": 1, "workflow": "w", "run": "r", "outcome": "o", "steps": 1, "records": 5}', "int"),
     ('{"$float": "x"}', "as it was written"), ('{"mcpflow_nb_trace": {"$pairs": 5}}', "as it was written")],
)  # fmt: skip
def test_a_text_that_is_no_trace_is_a_load_error(text, told):
    with pytest.raises(LoadError, match=told):
        Trace.from_json(text)


def test_a_trace_is_filtered_by_field_and_by_text_and_stays_as_it_is():
    made = trace(
        record("a", value={"id": "EMP-1"}), record("b", status="tool_error", error="no emp-1"), record("c", server="it")
    )
    names = [
        [one.step for one in found]
        for found in (
            made.where("emp-1"), made.where(status="tool_error"), made.where("emp-1", server=["hr", "it"], status="ok"),
            made.where(step="nope"), made.where(),
        )
    ]  # fmt: skip
    assert names == [["a", "b"], ["b"], ["a"], [], ["a", "b", "c"]]
    assert len(made) == 3
    with pytest.raises(TraceError, match="no field 'stats'; did you mean 'status'"):
        made.where(stats="ok")


@pytest.mark.parametrize(
    "text", ['say "hi"', "a\nb", "c:\\x", "Straße 🎉", "9007199254740993", "1.5", "A Key", "doc://x", "in it"]
)
def test_a_text_is_found_as_it_reads_and_not_as_json_writes_it(text):
    value = {"a key": ['so: say "hi"!', "a\nb", "c:\\x\\y", "STRASSE 🎉 straße 🎉", 2**53 + 1, 1.5, None, True]}
    resource = Fetched("doc://x", "m", ({"uri": "doc://x", "text": "what is in it"},))
    made = trace(record("a", value=value, resources=(resource,)), record("b", value={"x": None}))
    assert [one.step for one in made.where(text)] == ["a"]


@pytest.mark.parametrize("text", ["null", "true", "{", '", "', "\\n", "after_call", "seconds"])
def test_what_json_and_a_record_write_around_values_is_not_found(text):
    resource = Fetched("doc://x", "m", ({"uri": "doc://x", "text": "what is in it"},))
    made = trace(record("a", value={"a": None, "b": [True, "x", "a\nb"]}, error=None, resources=(resource,)))
    assert len(made.where(text)) == 0


def test_a_value_that_is_nested_as_deep_as_can_be_is_searched():
    deep = "needle"
    for _ in range(5_000):
        deep = [deep]
    assert len(trace(record(value=deep)).where("Needle")) == 1


def test_a_question_that_a_trace_cannot_answer_is_a_trace_error():
    made = trace(record("a"), record("b", status="of another time"))
    for ask, words in (
        (lambda: made.where(5), r"looks for a text, not for 5; give '5'"),
        (lambda: made.where(status="OK"), "no status 'OK'; did you mean 'ok'"),
        (lambda: made.where(status=["ok", "fine"]), "no status 'fine'; known: 'ok', 'tool_error'"),
        (lambda: made.raw(99), "no record at 99; there are 2, counted from 0, or name a step"),
        (lambda: made.raw(None), "no record at None"),
    ):
        with pytest.raises(TraceError, match=words):
            ask()
    assert [one.step for one in made.where(status="of another time")] == ["b"]
    assert repr(made.raw(-1)) == repr(made.raw("b")) == "<Exchange b: 0 messages>"


def test_a_trace_says_in_words_what_happened_and_masks_secrets():
    one = record("a", arguments=(Passed("password", "hunter22", "constant"), Passed("n", 1, "argument n")), value=[1])
    two = record("b", tool=None, status="resource_error", error="gone", source="mock")
    assert Trace("onboard", "run-1", "failed", 3, (one, two)).describe().splitlines() == [
        "Run of onboard: failed, 2 records of 3 steps.",
        "Step a: hr.create with password = •••• (8 chars), n = 1; gave [1].",
        "Step b (◇ mock): resource error: gone.",
    ]

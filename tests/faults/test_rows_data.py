"""Rows RD01 to RD16 and LI01 to LI04 of the table of faults: values that are large, deep, odd, or many."""

import asyncio
import csv
import io
import json
import math
import time
from pathlib import Path

import psutil
import pytest

import mcpflow_nb as mf
from mcpflow_nb import views
from mcpflow_nb.records.trace import Trace
from tests.faults.acts import structured, two_steps

ODD_NUMBERS = "[NaN,Infinity,-Infinity,1e999,-0.0,0.1000000000000000055,1,1.0,18446744073709551617]"


def ran(odd, *acts, **more):
    with mf.connect(odd=odd(at_call=acts)) as servers:
        return two_steps().start(servers, **more).all()


def record(value):
    return mf.Record("s", "m", "t", "ok", "live", (), value=value, binding="x")


@pytest.mark.row("RD04")
def test_a_value_as_deep_as_the_parser_lets_through_is_shown_cut_saved_and_never_recursed_into(odd, tmp_path):
    run = ran(odd, structured('{"a":' + "[" * 180 + "]" * 180 + "}"), journal=tmp_path / "runs.db")
    assert (run.trace[0].status, run.trace[1].status) == ("ok", "not_sent")  # as an argument it is too deep to send
    assert "deeper than 64 levels" in run.trace[1].error
    shown = [views.bundle(one)["text/html"] for one in (run, run.trace, run.trace[0])]
    assert [text for text in shown if "its view failed" in text] == []
    with mf.connect(odd=mf.mock({"t": 1})) as servers:
        assert mf.diff(run, run).rows[0].mark == "="
        assert Trace.from_json(run.trace.to_json()) == run.trace
        assert servers.call("odd.t") == 1


@pytest.mark.row("RD05", "RD06", "RD07")
def test_odd_numbers_stay_what_they_are_from_the_wire_to_the_file_and_the_journal(odd, tmp_path):
    run = ran(odd, structured('{"a":' + ODD_NUMBERS + "}"), journal=tmp_path / "runs.db")
    expected = [math.nan, math.inf, -math.inf, math.inf, -0.0, 0.1, 1, 1.0, 2**64 + 1]
    assert repr(run["x"]["a"]) == repr(expected)
    again = Trace.from_json(run.trace.to_json())
    assert repr(again[0].value) == repr(run.trace[0].value) == repr({"a": expected})
    assert "null" not in run.trace.to_json().partition('"value"')[2].partition("]")[0]
    with mf.connect(odd=odd(at_call=[])) as servers:
        assert repr(mf.resume(run.id, servers, journal=tmp_path / "runs.db")["x"]["a"]) == repr(expected)


@pytest.mark.row("RD06")
def test_a_large_id_beside_nothing_is_exact_in_a_table_and_in_its_csv():
    made = Trace("w", "r", "completed", 2, (record(2**64 + 1), record(None), record(2**53 + 1)))
    rows = list(csv.DictReader(io.StringIO(made.df.to_csv())))
    assert [row["value"] for row in rows] == [str(2**64 + 1), "", str(2**53 + 1)]


@pytest.mark.row("RD10")
def test_control_characters_are_kept_as_they_are_and_shown_written_out(odd, tmp_path):
    run = ran(odd, structured('{"a":"x\\u0000\\u0007\\u001by"}'), journal=tmp_path / "runs.db")
    assert run["x"]["a"] == "x\0\a\x1by"
    with mf.connect(odd=odd(at_call=[])) as servers:
        assert mf.resume(run.id, servers, journal=tmp_path / "runs.db")["x"]["a"] == "x\0\a\x1by"
    shown = views.bundle(run.trace[0])
    assert [text for text in shown.values() if "\0" in text or "\x1b" in text] == []
    assert "\\u0000\\u0007\\u001by" in shown["text/plain"]


@pytest.mark.row("RD12")
def test_a_million_objects_are_shown_by_their_first_with_their_number():
    found, begun = record([{"id": number} for number in range(1_000_000)]), time.process_time()
    shown = views.bundle(found)
    assert time.process_time() - begun < 2  # measured 0.2 s
    assert "[1000000]" in shown["text/html"]
    assert "999,955 more" in shown["text/html"]
    assert list(shown) == ["text/plain", "text/html"]


@pytest.mark.row("RD13")
def test_twenty_thousand_keys_and_a_key_of_ten_thousand_characters_are_cut_and_say_where_all_is():
    found = record({**{f"k{number}": number for number in range(20_000)}, "y" * 10_000: 1})
    shown = views.bundle(found)
    assert (len(shown["text/html"]) < 40_000, "y" * 300 in shown["text/html"]) == (True, False)
    assert "{20001 keys}" in shown["text/html"]
    assert "19,956 more" in shown["text/html"]
    assert found.value["y" * 10_000] == 1


@pytest.mark.row("RD14")
@pytest.mark.parametrize("value", [{}, [], "", None, False, 0], ids=repr)
def test_what_is_empty_or_false_is_a_value_that_is_bound_and_sent(value):
    flow = mf.SequentialWorkflow("w").step("a", tool="m.give", bind="x")
    flow = flow.step("b", tool="m.take", args={"q": mf.from_step("x")}, bind="y")
    with mf.connect(m=mf.mock({"give": value, "take": lambda q: {"got": q}})) as servers:
        run = flow.start(servers).all()
    assert (run.outcome, repr(run["y"])) == ("completed", repr({"got": value}))


@pytest.mark.row("RD15")
@pytest.mark.parametrize(
    "text", ["2026-11-26", "2026-11-26T05:00:00Z", "0012.50", "=cmd|'/c calc'!A1", "+1", "-1", "@x", "1e5"]
)
def test_text_that_looks_like_something_else_stays_text(text):
    with mf.connect(m=mf.mock({"give": {"v": text}})) as servers:
        run = mf.SequentialWorkflow("w").step("a", tool="m.give", bind="x").start(servers).all()
    assert (run["x"]["v"], run.trace.df["value"][0]) == (text, {"v": text})
    assert Trace.from_json(run.trace.to_json())[0].value == {"v": text}


@pytest.mark.row("LI01")
def test_a_thousand_calls_at_once_are_all_answered_and_take_no_descriptor_each():
    me = psutil.Process()

    async def all_at_once(servers):
        asked = [asyncio.ensure_future(servers.call.aio("m.t", {"n": number})) for number in range(1_000)]
        await asyncio.sleep(0)
        held = me.num_fds()
        return await asyncio.gather(*asked), held

    with mf.connect(m=mf.mock({"t": lambda n: n})) as servers:
        before = me.num_fds()
        found, held = asyncio.run(all_at_once(servers))
    assert (found, held - before < 20) == (list(range(1_000)), True)


@pytest.mark.row("LI03")
def test_a_trace_of_a_hundred_thousand_records_is_shown_in_part_in_less_than_two_seconds():
    made = Trace(
        "w",
        "r",
        "completed",
        100_000,
        tuple(mf.Record(f"s{n}", "m", "t", "ok", "live", (), value=n) for n in range(100_000)),
    )
    begun = time.process_time()
    shown = views.bundle(made)
    assert time.process_time() - begun < 2  # measured 0.4 s
    assert (len(shown["text/html"]) < 50_000, len(shown["text/plain"].splitlines()) <= 40) == (True, True)
    assert "100,000" in shown["text/plain"] or "100000" in shown["text/plain"]


@pytest.mark.row("TI03")
@pytest.mark.parametrize(
    ("seconds", "shown"), [(90_000.0, "1 d 1 h"), (-5.0, "? s"), (math.nan, "? s"), (math.inf, "? s")]
)
def test_a_time_that_is_long_or_none_is_said_so_and_rows_keep_their_order(seconds, shown):
    made = Trace("w", "r", "completed", 2, (mf.Record("z", "m", "t", "ok", "live", (), seconds=seconds), record(1)))
    assert shown in views.bundle(made[0])["text/plain"]
    assert "its view failed" not in views.bundle(made)["text/html"] + views.bundle(made.timeline())["text/html"]
    assert list(made.df["step"]) == ["z", "s"]


@pytest.mark.row("RD09")
def test_a_lone_surrogate_from_a_child_is_no_answer_at_once(odd):
    begun = time.monotonic()
    run = ran(odd, structured('{"a":"\\ud800"}'))
    assert (run.trace[0].status, time.monotonic() - begun < 4) == ("invalid_output", True)
    assert "cannot be read: it is no JSON" in run.reason


@pytest.mark.row("RD11")
def test_of_a_key_that_stands_twice_in_an_answer_the_last_counts(odd):
    assert ran(odd, structured('{"a":1,"a":2}'))["x"] == {"a": 2}


CORPUS = Path(__file__).parent.parent / "corpora" / "json-test-suite.json"
NO_NUMBERS = {"n_number_NaN.json", "n_number_infinity.json", "n_number_minus_infinity.json"}
"""What is no JSON and is read all the same: servers in Python write it, and it stays what it is (row RD05)."""


@pytest.mark.row("RD16")
def test_every_document_of_a_suite_of_json_is_a_value_or_one_refused_answer_and_the_child_goes_on(odd, tmp_path):
    # A message is a line: a newline between the tokens of what is to be accepted is a space here.
    texts = {
        name: text.replace("\n", " ") if name.startswith("y_") else text
        for name, text in json.loads(CORPUS.read_text("utf-8")).items()
    }
    (tmp_path / "corpus.json").write_text(json.dumps(texts))
    flow = (
        mf.SequentialWorkflow("w")
        .argument("name")
        .step("s", tool="odd.t", args={"name": mf.prompt_arg("name")}, timeout=10)
    )
    found, begun = {}, time.monotonic()
    with mf.connect(odd=odd(at_call=[{"corpus": str(tmp_path / "corpus.json")}])) as servers:
        for name in texts:
            found[name] = flow.start(servers, name=name).all().trace[0]
            assert servers["odd"].state == "open", name
    assert (len(found), time.monotonic() - begun < 60) == (318, True)  # measured 3 s
    status = {name: one.status for name, one in found.items()}
    assert set(status.values()) == {"ok", "invalid_output"}
    assert {name for name in status if name.startswith("y_") and status[name] != "ok"} == set()
    assert {name for name in status if name.startswith("n_") and status[name] == "ok"} == NO_NUMBERS
    assert {
        name for name in status if name.startswith("y_") and found[name].value["v"] != json.loads(texts[name])
    } == set()

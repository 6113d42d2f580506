"""What a recording writes: what was sent, exactly, in order, and no secret in any byte."""

import asyncio
import json
import subprocess
import sys
import threading

import pytest

import mcpflow_nb as mf
from mcpflow_nb.recording import recording


def plain(interactions):
    return [(one.kind, one.server, one.name, dict(one.arguments), one.status) for one in interactions]


def test_what_was_sent_is_written_in_order_and_read_back_the_same(tmp_path):
    with mf.connect(hr=mf.mock({"hire": {"id": "e-1"}}), pay=mf.mock({"pay": ValueError("no money")})) as servers:
        with servers.record(tmp_path / "a.json") as tape:
            servers.call("hr.hire", {"name": "Ada"})
            with pytest.raises(mf.CallError):
                servers.call("pay.pay")
        servers.call("hr.hire", {"name": "not recorded"})
    expected = [("call", "hr", "hire", {"name": "Ada"}, "ok"), ("call", "pay", "pay", {}, "tool_error")]
    assert plain(tape) == plain(mf.Cassette.load(tmp_path / "a.json")) == expected
    assert (tape.value(0), list(tape.catalogs)) == ({"id": "e-1"}, ["hr", "pay"])
    assert tape[0].seconds > 0
    assert mf.Cassette.load(tmp_path / "a.json") == tape


def test_two_recordings_of_one_session_are_the_same_bytes(tmp_path):
    for name in ("a.json", "b.json"):
        with mf.connect(m=mf.mock({"t": lambda x: {"x": x}})) as servers, servers.record(tmp_path / name):
            for x in range(5):
                servers.call("m.t", {"x": x})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_values_are_exact(raw, tmp_path):
    for mode in ("nan", "big"):
        with mf.connect(raw=raw(mode)) as servers, servers.record(tmp_path / f"{mode}.json"):
            servers.call("raw.t", {"n": 2**60 + 1, "x": 1.0})
    value = mf.Cassette.load(tmp_path / "nan.json").value(0)
    assert value["x"] != value["x"]
    big = mf.Cassette.load(tmp_path / "big.json")
    assert (big.value(0), dict(big[0].arguments)) == ({"id": 2**60 + 1, "odd": "café"}, {"n": 2**60 + 1, "x": 1.0})
    assert type(big[0].arguments["x"]) is float


def test_text_and_blobs_of_resources_are_recorded(tmp_path):
    resources = {"docs://a": "text", "docs://b": b"\x00\xff", "docs://c": KeyError("gone")}
    flow = mf.SequentialWorkflow("w").step("look", resources=["docs://a", "docs://b", "docs://c"])
    with mf.connect(m=mf.mock({}, resources=resources)) as servers, servers.record(tmp_path / "r.json"):
        run = flow.start(servers).all()
    tape = mf.Cassette.load(tmp_path / "r.json")
    assert plain(tape) == [
        ("read", "m", "docs://a", {}, "ok"), ("read", "m", "docs://b", {}, "ok"), ("read", "m", "docs://c", {}, "resource_error"),
    ]  # fmt: skip
    assert [tape.value(at) for at in (0, 1)] == [list(one.contents) for one in run.trace[0].resources[:2]]
    assert tape[2].protocol_error == run.trace[0].resources[2].protocol_error
    assert list(tape.workflows) == ["w"]


def test_a_run_that_is_stepped_over_several_cells_is_recorded_with_its_workflow(tmp_path):
    flow = (
        mf.SequentialWorkflow("w").step("a", tool="m.t", bind="a").step("b", tool="m.t", args={"x": mf.from_step("a")})
    )
    held = flow.breakpoint("b", when=lambda call: False)
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        run = held.start(servers)
        tape = servers.record(tmp_path / "s.json").start()
        run.step()
        assert len(tape) == 1
        run.step()
        assert tape.stop() is tape is tape.stop()
    loaded = mf.Cassette.load(tmp_path / "s.json")
    assert plain(loaded) == [("call", "m", "t", {}, "ok"), ("call", "m", "t", {"x": 1}, "ok")]
    assert loaded.workflows == {"w": json.loads(flow.to_json())}


def test_a_body_that_raises_leaves_the_whole_file(tmp_path):
    def body(servers):
        with servers.record(tmp_path / "a.json"):
            servers.call("m.t")
            raise KeyError("mine")

    with mf.connect(m=mf.mock({"t": 1})) as servers:
        with pytest.raises(KeyError, match="mine"):
            body(servers)
    assert len(mf.Cassette.load(tmp_path / "a.json")) == 1


def test_the_file_is_there_before_the_recording_ends(tmp_path):
    with mf.connect(m=mf.mock({"t": 1})) as servers, servers.record(tmp_path / "a.json"):
        servers.call("m.t")
        servers.refresh()  # goes through the same thread, after the writing
        assert len(mf.Cassette.load(tmp_path / "a.json")) == 1


def test_what_was_not_sent_is_not_recorded(raw, tmp_path):
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        with servers.record(tmp_path / "a.json") as tape:
            servers.close()
            with pytest.raises(mf.CallError) as caught:
                servers.call("m.t")
    assert (caught.value.status, list(tape)) == ("not_sent", [])


def test_a_timeout_and_a_lost_server_are_recorded_as_they_were(raw, tmp_path):
    for mode in ("hang", "die"):
        with mf.connect(raw=raw(mode)) as servers, servers.record(tmp_path / f"{mode}.json"):
            with pytest.raises(mf.CallError):
                servers.call("raw.t", timeout=0.3)
    [hang], [die] = (mf.Cassette.load(tmp_path / f"{mode}.json") for mode in ("hang", "die"))
    assert (hang.status, hang.lost, hang.error) == ("unknown", True, "no answer within 0.3 s; it may have run")
    assert (die.status, die.lost, die.raw) == ("unknown", True, None)
    assert "out of memory" in die.error


def test_concurrent_calls_stand_in_the_order_they_were_sent(tmp_path):
    async def slow(n):
        await asyncio.sleep((5 - n) / 100)
        return n

    async def all_at_once():
        calls = [servers.call.aio("m.slow", {"n": n}) for n in range(5)]
        return await asyncio.gather(*calls)

    with mf.connect(m=mf.mock({"slow": slow})) as servers, servers.record(tmp_path / "a.json") as tape:
        values = asyncio.run(all_at_once())
    sent = [one.arguments["n"] for one in tape]
    assert (values, sorted(sent), [tape.value(at) for at in range(5)]) == ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4], sent)


def test_a_call_still_under_way_is_in_the_file_as_unknown(tmp_path):
    entered, left = threading.Event(), threading.Event()

    async def wait():
        entered.set()
        return await asyncio.to_thread(left.wait, 5)

    async def half():
        async with await mf.connect.aio(m=mf.mock({"wait": wait})) as servers:
            tape = servers.record(tmp_path / "a.json").start()
            call = asyncio.create_task(servers.call.aio("m.wait"))
            assert await asyncio.to_thread(entered.wait, 5)
            tape.stop()
            left.set()
            return tape, await call

    tape, value = asyncio.run(half())
    assert value is True
    assert (plain(tape), tape[0].error) == ([("call", "m", "wait", {}, "unknown")], recording.UNANSWERED)
    assert mf.Cassette.load(tmp_path / "a.json") == tape


def test_a_cell_that_starts_a_recording_can_run_twice_and_a_block_is_not_overwritten(tmp_path):
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        first = servers.record(tmp_path / "a.json").start()
        servers.call("m.t")
        second = servers.record(tmp_path / "a.json").start()
        servers.call("m.t", {"again": True})
        assert [len(first), len(second.stop())] == [1, 1]
        with servers.record(tmp_path / "b.json"), servers.record(tmp_path / "c.json") as both:
            servers.call("m.t")
            with pytest.raises(mf.CassetteError, match="an outer `with` block writes this file"):
                servers.record(tmp_path / "b.json").start()
        assert len(mf.Cassette.load(tmp_path / "b.json")) == len(both) == 1
        with pytest.raises(mf.CassetteError, match=r"needs a folder '.*nowhere' that can be written"):
            servers.record(tmp_path / "nowhere" / "a.json").start()
        with pytest.raises(mf.CassetteError, match="is a folder; give the path of a file"):
            servers.record(tmp_path).start()
        with pytest.raises(mf.CassetteError, match="has begun already"):
            both.start()
        assert [one.listeners for one in servers.values()] == [[]]


def test_a_call_that_was_cancelled_is_recorded_as_unknown_and_replays_as_that(tmp_path):
    entered, left = threading.Event(), threading.Event()

    async def wait():
        entered.set()
        return await asyncio.to_thread(left.wait, 5)

    async def cancelled(run):
        going = asyncio.create_task(run.all.aio())
        assert await asyncio.to_thread(entered.wait, 5)
        await run.cancel.aio()
        await going

    flow = mf.SequentialWorkflow("w").step("a", tool="m.wait")
    with mf.connect(m=mf.mock({"wait": wait})) as servers, servers.record(tmp_path / "a.json") as tape:
        run = flow.start(servers)
        asyncio.run(cancelled(run))
        left.set()
    assert [(one.status, one.error) for one in tape] == [
        ("unknown", "interrupted while it was running; it may have run")
    ]
    assert flow.start(mf.replay(tape)).all().outcome == run.outcome == "unknown"


def test_a_process_that_is_killed_leaves_what_was_answered(tmp_path):
    code = """
import os, sys
import mcpflow_nb as mf
servers = mf.connect(m=mf.mock({"t": 1}))
servers.record(sys.argv[1]).start()
for n in range(5):
    servers.call("m.t", {"n": n})
while not os.path.exists(sys.argv[1]) or len(mf.Cassette.load(sys.argv[1])) < 5:
    servers.refresh()
os._exit(9)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.json")], timeout=60)
    assert done.returncode == 9
    assert [one.arguments["n"] for one in mf.Cassette.load(tmp_path / "a.json")] == [0, 1, 2, 3, 4]


def test_a_folder_that_cannot_be_written_is_said_at_the_end(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        tape = servers.record(folder / "a.json").start()
        folder.rmdir()
        servers.call("m.t")
        with pytest.raises(OSError):
            tape.stop()
        assert len(tape.stop()) == 1
    assert tape.save(tmp_path / "saved.json").exists()


def test_an_output_too_deep_for_a_file_is_said_and_the_rest_is_there(tmp_path):
    deep = []
    for _ in range(60):
        deep = [deep]
    kept = recording._kept(recording.Answer("ok", {"structuredContent": deep}))
    assert kept["status"] == "ok"
    for _ in range(5_000):
        deep = [deep]
    assert recording._kept(recording.Answer("ok", {"structuredContent": deep})) == {
        "status": "invalid_output", "error": "it ran, but its output is nested too deep to keep",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["a,b\n1,2\n", '{"cells": []}', "[1]", "\x00\x01"])
def test_a_file_that_is_no_cassette_is_not_replaced_and_nothing_is_recorded(tmp_path, text):
    path, mock = tmp_path / "data.csv", mf.mock({"t": 1})
    path.write_text(text)
    with mf.connect(m=mock) as servers:
        with pytest.raises(
            mf.CassetteError, match=r"recording 'data.csv': .*no cassette.*; give another path, or remove"
        ):
            with servers.record(path):
                servers.call("m.t")
        assert (path.read_text(), mock.calls, servers["m"].listeners) == (text, [], [])


def test_a_cassette_an_empty_file_and_one_of_a_newer_version_are_replaced(tmp_path):
    path = tmp_path / "a.json"
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        for text in ("", '{"mcpflow_nb_cassette": 9}', mf.Cassette().text()):
            path.write_text(text)
            with servers.record(path):
                servers.call("m.t")
            assert len(mf.Cassette.load(path)) == 1


def test_what_is_no_path_is_refused_by_every_verb_that_takes_one():
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        with pytest.raises(mf.CassetteError, match=r"servers.record\(path\): give the path of a file, not NoneType"):
            servers.record(None)
    for verb, what in ((mf.adopt_session, "session"), (mf.replay, "cassette"), (mf.Cassette.load, "cassette")):
        with pytest.raises(mf.LoadError, match=f"{what}: give the path of a file, not NoneType"):
            verb(None)

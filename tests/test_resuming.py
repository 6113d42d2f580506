"""A run of a journal goes on where it stood: what finished is used, what was begun otherwise is refused with the difference."""

import asyncio
import dataclasses
import sqlite3
import threading

import mcp.types as types
import pytest
from mcp.server.lowlevel import Server

import mcpflow_nb as mf
from mcpflow_nb.bridge import io_thread


def counting():
    """A server that counts its calls by name."""
    calls = []

    def tool(name: str) -> dict:
        calls.append(name)
        return {"id": f"{name}-{len(calls)}", "big": 2**70, "none": None}

    return mf.mock({"make": tool, "list": lambda: [1, 2]}), calls


def three(first=None, last=None, **more):
    made = mf.SequentialWorkflow("three").argument("name")
    made = made.step("a", tool="m.make", args={"name": first or mf.prompt_arg("name")}, bind="one", **more)
    made = made.step("b", tool="m.make", args={"name": mf.field("one", "id")}, bind="two")
    return made.step("c", tool="m.make", args={"name": last or mf.field("two", "id")}, bind="three")


def test_a_resumed_run_stands_where_it_stood_with_every_value_exact_and_calls_only_what_is_left(tmp_path):
    mock, calls = counting()
    with mf.connect(m=mock) as servers:
        run = three().start(servers, name="Ada", journal=tmp_path / "runs.db").to("c")
        again = mf.resume(run.id, servers, journal=tmp_path / "runs.db")
        assert (again.trace, again.bindings, again.position) == (run.trace, run.bindings, 2)
        assert (again.outcome, calls) == ("paused", ["Ada", "Ada-1"])
        assert again.all().outcome == "completed"
        assert calls == ["Ada", "Ada-1", "Ada-1-2"]
        assert mf.resume(run.id, servers, journal=tmp_path / "runs.db").trace == again.trace


def test_start_with_a_run_id_that_is_there_goes_on_with_that_run(tmp_path):
    mock, calls = counting()
    with mf.connect(m=mock) as servers:
        for _ in range(3):
            three().start(servers, {"name": "Ada"}, journal=tmp_path / "runs.db", run_id="emp-17").all()
    assert calls == ["Ada", "Ada-1", "Ada-1-2"]


def test_the_older_handle_of_a_run_that_was_resumed_sends_and_writes_nothing(tmp_path):
    mock, calls = counting()
    with mf.connect(m=mock) as servers:
        older = three().start(servers, name="Ada", journal=tmp_path / "runs.db")
        newer = mf.resume(older.id, servers, journal=tmp_path / "runs.db")
        with pytest.raises(mf.FencedError, match="was taken over"):
            older.step()
        assert (calls, older.trace[0].status) == ([], "not_sent")
        assert newer.all().outcome == "completed"


def test_a_run_with_a_verb_under_way_in_this_process_is_not_resumed(tmp_path):
    begun, may_end = threading.Event(), asyncio.Event()

    async def slow() -> dict:
        begun.set()
        await may_end.wait()
        return {}

    async def both():
        servers = await mf.connect.aio(m=mf.mock({"slow": slow}))
        run = mf.SequentialWorkflow("w").step("a", tool="m.slow").start(servers, journal=tmp_path / "runs.db")
        going = asyncio.create_task(run.step.aio())
        assert await asyncio.to_thread(begun.wait, 5)
        with pytest.raises(mf.RunHeldError, match="a verb of it is under way in this process"):
            mf.resume(run.id, servers, journal=tmp_path / "runs.db")
        io_thread().loop.call_soon_threadsafe(may_end.set)
        assert (await going).status == "ok"
        await servers.close.aio()

    asyncio.run(both())


def test_a_fork_and_an_adopted_workflow_are_runs_of_their_own_in_the_journal(tmp_path):
    mock, _ = counting()
    with mf.connect(m=mock) as servers:
        run = three().start(servers, name="Ada", journal=tmp_path / "runs.db").to("c")
        fork, adopted = run.fork(), run.adopt(three(last="Bob"))
        for one in (fork, adopted):
            one.all()
            again = mf.resume(one.id, servers, journal=tmp_path / "runs.db")
            assert (again.trace, again.bindings, again.forked_at) == (one.trace, one.bindings, 2)
            assert [record.step for record in again.own_records] == [record.step for record in one.own_records]
        assert (run.outcome, len(mf.runs(journal=tmp_path / "runs.db"))) == ("paused", 3)


def test_a_journal_that_was_changed_by_hand_is_refused_and_stays_as_it_is(tmp_path):
    mock, _ = counting()
    with mf.connect(m=mock) as servers:
        three().start(servers, name="Ada", journal=tmp_path / "runs.db", run_id="r").to("c")
        with sqlite3.connect(tmp_path / "runs.db") as db:
            db.execute("UPDATE events SET body='[]' WHERE kind='record'")
        db.close()
        with pytest.raises(mf.JournalError, match="run 'r' is not as it was written"):
            mf.resume("r", servers, journal=tmp_path / "runs.db")


@pytest.mark.parametrize("body", ["{", "[" * 3_000, '{"a": 1}', "3"])
def test_an_event_that_is_broken_is_one_error(tmp_path, body):
    mock, _ = counting()
    with mf.connect(m=mock) as servers:
        three().start(servers, name="Ada", journal=tmp_path / "runs.db", run_id="r").step()
        with sqlite3.connect(tmp_path / "runs.db") as db:
            db.execute("UPDATE events SET body=?", (body,))
        db.close()
        with pytest.raises(mf.JournalError):
            mf.resume("r", servers, journal=tmp_path / "runs.db")
        three().start(servers, name="Ada", journal=tmp_path / "runs.db")  # the journal goes on


def test_a_run_that_is_not_there_is_an_error_with_the_nearest_name(tmp_path):
    mock, _ = counting()
    with mf.connect(m=mock) as servers:
        three().start(servers, name="Ada", journal=tmp_path / "runs.db", run_id="emp-17")
        with pytest.raises(mf.JournalError, match=r"no run 'emp-18'; did you mean 'emp-17'\?"):
            mf.resume("emp-18", servers, journal=tmp_path / "runs.db")


HOSTILE = ["", "a\0b", "\ud800", "${x}", "••••", "'; DROP TABLE runs; --", "\u202e", "é\U0001f600", "x" * 300_000]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.row("RD10", "NT01")
def test_hostile_text_is_kept_as_it_is(tmp_path, text):
    with mf.connect(m=mf.mock({"t": lambda: {text or "k": [text, float(2**60), 1.0, 2**80, None]}})) as servers:
        run = mf.SequentialWorkflow("w").step("a", tool="m.t", bind="b").start(servers, journal=tmp_path / "runs.db")
        run.all()
        assert mf.resume(run.id, servers, journal=tmp_path / "runs.db").trace == run.trace


@pytest.mark.parametrize("name", ["a/b", "é\U0001f600", "'; DROP TABLE runs; --", "x" * 10_000, "a\0b"])
@pytest.mark.row("NT01")
def test_any_text_is_the_name_of_a_run(tmp_path, name):
    mock, _ = counting()
    with mf.connect(m=mock) as servers:
        three().start(servers, name="Ada", journal=tmp_path / "runs.db", run_id=name).step()
        assert mf.resume(name, servers, journal=tmp_path / "runs.db").position == 1
        assert mf.runs(journal=tmp_path / "runs.db")[0].run_id == name


def nested(depth):
    made = "x"
    for _ in range(depth):
        made = [made]
    return made


@pytest.mark.parametrize("name", ["deep", "token"])
@pytest.mark.row("RD04")
def test_a_value_that_is_nested_as_deep_as_a_server_may_send_is_kept(tmp_path, name):
    async def listed(context, params):
        return types.ListToolsResult(tools=[types.Tool(name="t", input_schema={"type": "object"})])

    async def called(context, params):
        return types.CallToolResult(content=[], structured_content={name: nested(250)})

    with mf.connect(m=Server("s", on_list_tools=listed, on_call_tool=called)) as servers:
        run = (
            mf.SequentialWorkflow("w")
            .step("a", tool="m.t", bind="b")
            .start(servers, journal=tmp_path / "runs.db")
            .all()
        )
        again = mf.resume(run.id, servers, journal=tmp_path / "runs.db")
        assert (run.outcome, again.outcome, list(again["b"])) == ("completed", "completed", [name])
        assert (again.trace == run.trace) is (name == "deep")


@pytest.mark.parametrize("depth", [350, 5_000])
def test_a_record_that_is_nested_too_deep_is_kept_without_its_result(tmp_path, depth):
    mock, _ = counting()
    with mf.connect(m=mock) as servers:
        run = three().start(servers, name="Ada", journal=tmp_path / "runs.db", run_id="r")
        run._keeper.record(dataclasses.replace(run.fork().step(), value=nested(depth)))
        run.edit("b", name="x")  # a verb: it is written
        [kept] = mf.resume("r", servers, journal=tmp_path / "runs.db").trace
    assert (kept.status, kept.value, kept.sent) == ("invalid_output", None, {"name": "Ada"})
    assert kept.error == "it ran, but its result is nested too deep for the journal"


def test_a_step_that_is_interrupted_is_in_the_journal_as_unknown(tmp_path):
    begun = threading.Event()

    async def slow() -> dict:
        begun.set()
        await asyncio.sleep(60)
        return {}

    async def interrupted(servers):
        run = (
            mf.SequentialWorkflow("w").step("a", tool="m.slow").start(servers, journal=tmp_path / "runs.db", run_id="r")
        )
        going = asyncio.create_task(run.step.aio())
        assert await asyncio.to_thread(begun.wait, 5)
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        return run

    with mf.connect(m=mf.mock({"slow": slow})) as servers:
        run = asyncio.run(interrupted(servers))
        again = mf.resume("r", servers, journal=tmp_path / "runs.db")
        assert (again.outcome, again.trace) == ("unknown", run.trace)
        assert [one.outcome for one in mf.runs(journal=tmp_path / "runs.db")] == ["unknown"]


def test_a_cancelled_run_is_cancelled_in_the_journal(tmp_path):
    mock, _ = counting()
    with mf.connect(m=mock) as servers:
        run = three().start(servers, name="Ada", journal=tmp_path / "runs.db").to("b").cancel()
        assert mf.resume(run.id, servers, journal=tmp_path / "runs.db").trace == run.trace
        assert [one.outcome for one in mf.runs(journal=tmp_path / "runs.db")] == ["cancelled"]

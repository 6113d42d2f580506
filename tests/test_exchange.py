"""The JSON-RPC messages of a step: what was sent and answered, in order, and why a message is missing."""

import json
from datetime import UTC, datetime

import pytest
from mcp import MCPError
from mcp.server import MCPServer

import mcpflow_nb as mf
from mcpflow_nb import views
from mcpflow_nb.records.record import Fetched, Passed

READ = {"jsonrpc": "2.0", "method": "resources/read", "params": {"uri": "docs://a"}}
WHEN = datetime(2026, 1, 2, tzinfo=UTC)
ERROR = {"code": -32050, "message": "no seat is left", "data": {"seats": 0}}


def call(name, /, **arguments):
    return {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": name, "arguments": arguments}}


def refusing():
    """A server whose tool answers with an error of the protocol, which is no result."""
    server = MCPServer("refusing")

    @server.tool()
    def seat(login: str) -> str:
        raise MCPError(ERROR["code"], ERROR["message"], ERROR["data"])

    return server


@pytest.fixture
def servers():
    mock = mf.mock(
        {"make": {"id": 1}, "fail": ValueError("no"), "need": lambda name: name}, resources={"docs://a": "text"}
    )
    with mf.connect(m=mock, r=refusing()) as opened:
        yield opened


def run_of(servers, **step):
    return mf.SequentialWorkflow("w").step("s", **step).start(servers).all()


def test_a_step_is_its_resources_and_its_call_each_with_its_answer(servers):
    run = run_of(servers, tool="m.make", args={"token": "t-1"}, resources=["docs://a"])
    found = run.trace.raw("s")
    contents = [dict(one) for one in run.trace["s"].resources[0].contents]
    assert list(found) == [
        READ, {"jsonrpc": "2.0", "result": {"contents": contents}},
        call("make", token="t-1"), {"jsonrpc": "2.0", "result": run.trace["s"].raw},
    ]  # fmt: skip
    assert (found[3]["result"]["structuredContent"], found.note, len(found)) == ({"id": 1}, None, 4)


def test_a_step_is_found_by_position_and_by_the_latest_of_its_name(servers):
    run = run_of(servers, tool="m.need")
    run.answer(name="Ada")
    assert [list(run.trace.raw(at))[:1] for at in (0, -1, "s")] == [
        [],
        [call("need", name="Ada")],
        [call("need", name="Ada")],
    ]
    with pytest.raises(KeyError, match="no record of step 'x'"):
        run.trace.raw("x")


def test_an_error_of_the_tool_is_a_result_and_one_of_the_protocol_is_an_error(servers):
    failed = run_of(servers, tool="m.fail").trace.raw("s")
    assert (failed[1]["result"]["isError"], failed.note) == (True, None)
    run = run_of(servers, tool="r.seat", args={"login": "ada"})
    assert run.trace["s"].protocol_error == ERROR
    assert list(run.trace.raw("s")) == [call("seat", login="ada"), {"jsonrpc": "2.0", "error": ERROR}]


def test_a_resource_that_was_refused_keeps_its_error_and_the_tool_was_not_called(servers):
    run = run_of(servers, tool="m.make", resources=["docs://gone"])
    request = {"jsonrpc": "2.0", "method": "resources/read", "params": {"uri": "docs://gone"}}
    error = {"jsonrpc": "2.0", "error": {"code": -32602, "message": "Resource not found: docs://gone"}}
    found = run.trace.raw("s")
    assert list(found) == [request, error]
    assert found.note == f"nothing was sent to its tool: {run.trace['s'].error}"


def test_what_a_server_refused_is_saved_and_read_back(servers):
    for step in ({"tool": "r.seat", "args": {"login": "ada"}}, {"tool": "m.make", "resources": ["docs://gone"]}):
        trace = run_of(servers, **step).trace
        read = mf.Trace.from_json(trace.to_json())
        assert (read, list(read.raw("s"))) == (trace, list(trace.raw("s")))


def test_a_trace_that_was_saved_without_errors_of_the_protocol_is_still_read(servers):
    trace = run_of(servers, tool="m.make", resources=["docs://a"]).trace
    saved = json.loads(trace.to_json())
    del saved["records"][0]["protocol_error"], saved["records"][0]["resources"][0]["protocol_error"]
    assert mf.Trace.from_json(json.dumps(saved)) == trace


def test_a_handoff_sent_nothing_to_its_tool_and_says_so(servers):
    found = run_of(servers, tool="m.need").trace.raw("s")
    assert (list(found), found.note) == (
        [], "nothing was sent to its tool: no value for 'name' of m.need: the client takes over",
    )  # fmt: skip


def test_a_result_that_is_used_again_shows_what_was_sent_then_and_a_pinned_one_nothing(servers):
    run = mf.SequentialWorkflow("w").step("s", tool="m.make", args={"a": 1}).start(servers).all()
    then = list(run.trace.raw(0))
    run.back().all()
    assert (list(run.trace.raw(1)), run.trace.raw(1).note) == (
        then, "it was not sent again: this is what was sent and answered then",
    )  # fmt: skip
    run.pin("s", {"id": 9})
    run.back().all()
    assert (list(run.trace.raw(-1)), run.trace.raw(-1).note) == ([], "its value was given by hand; nothing was sent")


def test_a_call_without_an_answer_is_a_request_alone():
    lost = mf.Record("s", "m", "t", "unknown", "live", started=WHEN, error="no answer within 30 s")
    found = mf.Trace("w", "r", "unknown", 1, (lost,)).raw(0)
    assert (list(found), found.note) == ([call("t")], "no answer was kept: no answer within 30 s")


def test_the_messages_are_copies_and_the_text_is_exact(servers):
    run = run_of(servers, tool="m.make", args={"password": "hunter2"})
    found = run.trace.raw("s")
    assert json.loads(found.text) == list(found)
    found[0]["params"]["arguments"]["password"] = found[1]["result"]["content"] = None
    assert run.trace["s"].sent == {"password": "hunter2"}
    assert run.trace["s"].raw["content"] != found[1]["result"]["content"]


def test_the_display_masks_secrets_says_what_is_not_recorded_and_keeps_its_bounds():
    sent = (Passed("password", "hunter2", '"hunter2"'), Passed("login", "hunter2", "argument password"))
    raw = {
        "content": [{"type": "text", "text": '{"token": "hunter2"}'}],
        "structuredContent": {"x": ["y" * 9_000] * 900},
    }
    one = mf.Record(
        "s", "m", "t", "ok", "live", sent, started=WHEN, raw=raw, resources=(Fetched("a://b?token=hunter2", "m"),)
    )
    found = mf.Trace("w", "r", "completed", 1, (one,)).raw(0)
    shown = views.bundle(found)
    assert "hunter2" not in shown["text/plain"] + shown["text/html"] + repr(found)
    assert "hunter2" in found.text
    assert len(shown["text/html"]) < 100_000
    assert "•••• (7 chars)" in shown["text/plain"]
    for words in ("The id and _meta of a request", "shown in part", "run.trace.raw(&#x27;s&#x27;)[3]"):
        assert words in shown["text/html"]
    assert (repr(found), len(shown["text/plain"].split("\n"))) == ("<Exchange s: 4 messages>", 40)

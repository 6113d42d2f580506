"""What a connection survives, and how it says that it did not."""

import math
import os
import threading
import time

import psutil
import pytest

import mcpflow_nb as mf


def one_step(seconds=None):
    return mf.SequentialWorkflow("w", "do").step("call_it", tool="raw.t", timeout=seconds)


@pytest.mark.row("SP05")
def test_a_server_that_exits_at_start_gives_one_error_with_its_last_words(raw):
    begun = time.monotonic()
    with pytest.raises(mf.ConnectError) as caught:
        mf.connect(raw=raw("exit"))
    assert caught.value.stderr == ("no DB_URL", "set it")
    assert caught.value.reason == "it ended before it answered the handshake"
    assert caught.value.server == "raw"
    assert time.monotonic() - begun < 5


def test_a_command_that_does_not_exist_is_named():
    with pytest.raises(mf.ConnectError, match=r"no such command or folder: '/no/such/program'"):
        mf.connect(raw=["/no/such/program", "--secret=abc"])


def test_a_command_error_never_shows_its_arguments():
    with pytest.raises(mf.ConnectError) as caught:
        mf.connect(raw=["/no/such/program", "--secret=canary-1"])
    assert "canary-1" not in str(caught.value)


@pytest.mark.row("HT01")
def test_a_refused_port_is_named_without_its_query():
    with pytest.raises(mf.ConnectError) as caught:
        mf.connect(web="http://user:canary-2@127.0.0.1:9/mcp?token=canary-3")
    assert "127.0.0.1:9" in str(caught.value)
    assert "refused" in caught.value.reason
    assert "canary" not in str(caught.value)


def test_a_hanging_handshake_ends_at_its_deadline(raw):
    begun = time.monotonic()
    with pytest.raises(mf.ConnectError, match="no answer to the handshake within 1 s"):
        mf.connect(raw=raw("hang-handshake", timeout=1))
    assert time.monotonic() - begun < 4


@pytest.mark.row("SP14")
def test_one_broken_server_of_five_leaves_four(raw, caplog):
    good = {f"s{n}": mf.mock({"t": n}) for n in range(4)}
    with mf.connect(**good, broken=raw("exit")) as servers:
        assert [servers.call(f"s{n}.t") for n in range(4)] == [0, 1, 2, 3]
        assert servers["broken"].state == "failed"
        assert [record.message.count("no DB_URL") for record in caplog.records] == [1]
        report = mf.SequentialWorkflow("w").step("a", tool="broken.t").check(servers)
    assert report.codes == {"unknown-server"}
    assert "no DB_URL" in report.problems[0].message or "no DB_URL" in report.text()


def test_a_server_that_dies_in_a_call_is_unknown_reconnected_and_never_called_again(raw):
    with mf.connect(raw=raw("die")) as servers:
        run = one_step().start(servers).all()
        assert (run.outcome, run.trace[0].status, raw.calls()) == ("unknown", "unknown", 1)
        assert "connection was lost" in run.reason
        assert "out of memory" in run.reason
        assert servers["raw"].state == "lost"
        again = one_step().start(servers).all()  # the next use opens it anew
        assert (again.trace[0].status, raw.calls()) == ("unknown", 2)


def test_a_server_that_died_while_nobody_called_is_opened_at_the_next_use(raw):
    with mf.connect(raw=raw("ok")) as servers:
        pid = servers.call("raw.t")["pid"]
        psutil.Process(pid).kill()
        deadline = time.monotonic() + 5
        while servers["raw"]._usable() and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        assert servers.call("raw.t")["pid"] != pid


def test_a_call_past_its_deadline_is_unknown_and_the_server_is_opened_anew(raw):
    with mf.connect(raw=raw("hang")) as servers:
        run = one_step(seconds=0.3).start(servers).all()
        assert (run.outcome, raw.calls()) == ("unknown", 1)
        assert "no answer within 0.3 s" in run.reason
        assert servers["raw"].state == "lost"


def test_a_call_to_a_server_that_reads_no_more_ends_at_its_deadline(raw):
    """SP03: the request fills the pipe, and cannot be written."""
    with mf.connect(raw=raw("deaf")) as servers:
        begun = time.monotonic()
        with pytest.raises(mf.CallError, match="no answer within 1 s"):
            servers.call("raw.t", {"text": "x" * 5_000_000}, timeout=1)
        assert time.monotonic() - begun < 4  # measured 1.5 s; the library alone takes 6 s
        assert servers["raw"].state == "lost"


@pytest.mark.row("PR01")
def test_a_request_that_the_server_refuses_was_not_executed(raw):
    with mf.connect(raw=raw("refuse")) as servers:
        run = one_step().start(servers).all()
    assert (run.outcome, run.trace[0].status) == ("failed", "not_executed")
    assert "no such <b>tool</b>" in run.trace[0].error


@pytest.mark.parametrize("mode", ["output-wrong", "output-none", "no-content"])
def test_an_answer_that_breaks_the_schema_is_recorded_as_run(raw, mode):
    with mf.connect(raw=raw(mode)) as servers:
        run = one_step().start(servers).all()
    assert (run.outcome, run.trace[0].status, raw.calls()) == ("failed", "invalid_output", 1)
    assert run.trace[0].error.startswith("it ran, but")


@pytest.mark.row("RD06")
def test_an_id_above_2_to_53_arrives_exactly(raw):
    with mf.connect(raw=raw("big")) as servers:
        assert servers.call("raw.t") == {"id": 2**60 + 1, "odd": "café"}


@pytest.mark.row("RD05")
def test_nan_in_a_result_stays_nan_and_is_refused_as_an_argument(raw):
    workflow = mf.SequentialWorkflow("w").step("a", tool="raw.t", bind="r")
    workflow = workflow.step("next", tool="raw.t", args={"x": mf.field("r", "x")})
    with mf.connect(raw=raw("nan")) as servers:
        run = workflow.start(servers).all()
    assert math.isnan(run["r"]["x"])
    assert math.isnan(run.trace.df["value"][0]["x"])
    assert (run.outcome, run.trace[1].status, raw.calls()) == ("failed", "not_sent", 1)
    assert "argument 'x': nan is no JSON number" in run.reason


def test_noise_on_both_streams_does_not_block_a_server(raw):
    with mf.connect(raw=raw("noisy")) as servers:
        assert isinstance(servers.call("raw.t")["pid"], int)


@pytest.mark.row("TL01")
def test_all_pages_of_tools_are_listed_once(raw):
    begun = time.monotonic()
    with mf.connect(raw=raw("pages")) as servers:
        assert len(servers["raw"].tools) == 5000
    assert time.monotonic() - begun < 15  # measured 1 s; the bound is for a loaded machine


def test_a_list_that_never_ends_is_an_error_that_names_the_server(raw):
    with pytest.raises(mf.ServerError, match="server 'raw': tools/list gives the cursor 'again' again and never ends"):
        mf.connect(raw=raw("endless"))


@pytest.mark.row("TL03")
def test_one_bad_tool_schema_rejects_that_tool_alone(raw):
    with mf.connect(raw=raw("bad-schema")) as servers:
        catalog = servers["raw"].catalog
    assert list(catalog.tools) == ["good"]
    assert set(catalog.rejected) == {"bad", "worse", "odd"}


@pytest.mark.row("TL04")
def test_a_tool_declared_twice_is_left_out_and_said(raw):
    with mf.connect(raw=raw("twice")) as servers:
        catalog = servers["raw"].catalog
        assert (list(catalog.tools), dict(catalog.rejected)) == (["b"], {"a": "declared twice; both are left out"})
        with pytest.raises(mf.NotOfferedError, match="declared twice"):
            servers.call("raw.a")


def test_connecting_a_name_again_closes_the_old_server(raw):
    first = mf.connect(raw=raw("ok"))
    pid = first.call("raw.t")["pid"]
    with mf.connect(raw=raw("ok")) as second:
        assert not psutil.pid_exists(pid)
        assert first["raw"].state == "closed"
        assert second.call("raw.t")["pid"] != pid


def test_closing_leaves_no_child_behind(raw):
    servers = mf.connect(raw=raw("ok"))
    pid = servers.call("raw.t")["pid"]
    servers.close()
    assert not psutil.pid_exists(pid)
    with pytest.raises(mf.CallError, match="is closed; connect it again"):
        servers.call("raw.t")


@pytest.mark.row("LI04")
def test_200_connects_and_closes_leave_descriptors_and_children_where_they_were(raw):
    def once():
        with mf.connect(a=mf.mock({"t": 1})) as servers:
            servers.call("a.t")

    with mf.connect(raw=raw("ok")):
        pass
    once()
    me = psutil.Process()
    before = (me.num_fds(), len(me.children()))
    for _ in range(190):
        once()
    for _ in range(10):
        with mf.connect(raw=raw("ok")) as servers:
            servers.call("raw.t")
    assert (me.num_fds(), len(me.children())) == before


def test_env_and_headers_are_never_shown(raw):
    secret = "canary-4"
    with mf.connect(raw=raw("ok", env={"CALLS": os.devnull, "TOKEN": secret})) as servers:
        shown = repr(servers) + repr(servers["raw"]) + str(servers._repr_mimebundle_()) + repr(servers["raw"].spec)
    assert secret not in shown

"""Sessions end as they should: no other call with them, no child left, no secret in a sentence."""

import asyncio
import math
import subprocess
import sys
import threading

import psutil
import pytest
from mcp.server import MCPServer

import mcpflow_nb as mf


def one_step(seconds=None):
    return mf.SequentialWorkflow("w", "do").step("call_it", tool="raw.t", timeout=seconds)


@pytest.mark.parametrize("code", [-32000, -32001])
def test_a_server_s_own_error_code_is_the_tool_s_error_and_keeps_the_connection(raw, code):
    with mf.connect(raw=raw(f"error{code}")) as servers:
        run = one_step().start(servers).all()
        assert (run.outcome, run.trace[0].status, servers["raw"].state) == ("failed", "tool_error", "open")
    assert "database is locked" in run.reason


def test_one_call_past_its_deadline_ends_no_other_call():
    tool = MCPServer("slow", log_level="ERROR")

    @tool.tool()
    async def nap(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "rested"

    found = []
    with mf.connect(slow=tool) as servers:
        other = threading.Thread(target=lambda: found.append(servers.call("slow.nap", {"seconds": 0.8})))
        other.start()
        with pytest.raises(mf.CallError, match="no answer within"):
            servers.call("slow.nap", {"seconds": 5}, timeout=0.2)
        assert servers.call("slow.nap", {"seconds": 0}) == "rested"
        other.join(10)
    assert found == ["rested"]


@pytest.mark.row("SP10")
def test_an_answer_after_its_deadline_reaches_no_other_call(raw):
    found = []
    with mf.connect(raw=raw("late")) as servers:
        late = threading.Thread(target=lambda: found.append(one_step(seconds=0.3).start(servers).all().trace[0].status))
        late.start()
        while raw.calls() == 0 and late.is_alive():
            threading.Event().wait(0.01)
        assert servers.call("raw.t") == {"n": 2}  # in the session of the first, and after its answer
        late.join(10)
        assert servers.call("raw.t") == {"n": 3}
    assert found == ["unknown"]


@pytest.mark.parametrize("mode", ["output-wrong", "output-none"])
def test_a_call_by_hand_refuses_output_that_breaks_its_schema(raw, mode):
    with mf.connect(raw=raw(mode)) as servers, pytest.raises(mf.CallError, match="it ran, but") as caught:
        servers.call("raw.t")
    assert caught.value.status == "invalid_output"


def test_refresh_reports_one_broken_server_and_asks_the_others(raw, caplog):
    mock = mf.mock({"t": 1, "u": 2})
    with mf.connect(broken=["/no/such/program"], m=mock) as servers:
        mock.tools.pop("u")
        assert list(servers.refresh()["m"].tools) == ["t"]
    assert [record.message.count("/no/such/program") for record in caplog.records] == [1, 1]


@pytest.mark.parametrize("timeout", [0, -1, math.nan, math.inf, "5"])
def test_a_deadline_that_is_none_is_refused_before_sending(timeout):
    mock = mf.mock({"t": 1})
    with mf.connect(m=mock) as servers, pytest.raises(mf.ConfigError, match="above 0"):
        servers.call("m.t", timeout=timeout)
    assert mock.calls == []


@pytest.mark.parametrize(
    "given",
    [
        {"url": "http://127.0.0.1:9/mcp", "headers": {"Authorization": "Bearer canary-6\n"}},
        {"command": "x", "env": {"TOKEN": 987654}},
        {"url": "http://127.0.0.1:9/mcp", "headers": ["canary-6"]},
    ],
)
def test_a_header_or_variable_that_cannot_be_sent_is_named_and_its_value_is_not_shown(given):
    with pytest.raises(mf.ConfigError, match=r"server 'web'.*(Authorization|TOKEN|headers)") as caught:
        mf.connect(web=given)
    assert "canary-6" not in str(caught.value)
    assert "987654" not in str(caught.value)


@pytest.mark.parametrize("mode", ["stubborn", "hang-handshake"])
def test_a_child_that_does_not_want_to_end_is_gone_when_the_process_ends(raw, tmp_path, mode):
    pid_file = tmp_path / "pid"
    config = raw(mode, timeout=1)
    config["env"]["PID"] = str(pid_file)
    script = (
        f"import contextlib, mcpflow_nb as mf\nwith contextlib.suppress(mf.ConnectError): mf.connect(raw={config!r})"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert not psutil.pid_exists(int(pid_file.read_text()))


def test_closing_waits_for_the_child_of_a_session_that_was_replaced(raw, tmp_path):
    pid_file, config = tmp_path / "pid", raw("hang")
    config["env"]["PID"] = str(pid_file)
    servers = mf.connect(raw=config)
    first = int(pid_file.read_text())
    assert one_step(seconds=0.2).start(servers).all().outcome == "unknown"
    servers.refresh()  # opens anew while the first child is still ending
    second = int(pid_file.read_text())
    servers.close()
    assert (first != second, psutil.pid_exists(first), psutil.pid_exists(second)) == (True, False, False)

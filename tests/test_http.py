"""Streamable HTTP: headers reach the server, a dead server is one readable answer, and it may come back."""

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import mcpflow_nb as mf

SERVER = Path(__file__).with_name("http_server.py")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(port):
    process = subprocess.Popen([sys.executable, str(SERVER), str(port)], stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.communicate()


def test_headers_reach_the_server_and_are_not_shown():
    port = free_port()
    with (
        serving(port),
        mf.connect(web={"url": f"http://127.0.0.1:{port}/mcp", "headers": {"X-Key": "canary-5"}}) as servers,
    ):
        assert servers.call("web.header") == "••••"  # it arrived, and is not shown where it comes back
        assert servers["web"].target == f"127.0.0.1:{port}"
        assert "canary-5" not in repr(servers["web"].spec) + str(servers._repr_mimebundle_())


@pytest.mark.parametrize("mode", ["auto", "2026-07-28", "legacy"])
def test_a_server_has_its_tools_whichever_protocol_is_asked_for(mode):
    port = free_port()
    with serving(port), mf.connect(web={"url": f"http://127.0.0.1:{port}/mcp", "mode": mode}) as servers:
        assert (list(servers["web"].tools), servers.call("web.header")) == (["header", "die"], "")
        assert servers["web"].protocol == ("2025-11-25" if mode == "legacy" else "2026-07-28")


def test_a_server_that_dies_in_a_call_is_unknown_and_answers_again_once_it_is_back():
    port = free_port()
    with serving(port):
        servers = mf.connect(web=f"http://127.0.0.1:{port}/mcp")
        run = mf.SequentialWorkflow("w").step("a", tool="web.die").start(servers).all()
        assert (run.outcome, run.trace[0].status) == ("unknown", "unknown")
    with pytest.raises(mf.CallError, match="refused") as caught:
        servers.call("web.header")
    assert caught.value.status == "not_sent"
    with serving(port):
        assert servers.call("web.header") == ""
        servers.close()


def test_a_recording_has_no_header_and_no_secret_of_the_address(tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}/mcp?token=canary-6"
    with serving(port), mf.connect(web={"url": url, "headers": {"X-Key": "cnr-5", "Accept": "*/*"}}) as servers:
        with servers.record(tmp_path / "a.json") as tape:
            assert servers.call("web.header") == "cnr-5"
            servers.call("web.header", {"x": "so canary-6"})
    assert [tape.value(0), dict(tape[1].arguments)] == ["••••", {"x": "so ••••"}]
    assert mf.replay(tmp_path / "a.json").call("web.header") == "••••"

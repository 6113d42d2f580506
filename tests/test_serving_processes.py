"""What a served workflow leaves behind when its process, its client or its output ends: no child, no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil
import pytest

import mcpflow_nb as mf

RAW = str(Path(__file__).with_name("raw_server.py"))
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and closed streams are those of POSIX")


@pytest.fixture
def folder(tmp_path):
    """A saved workflow, and the config of its server, the raw one."""
    flow = mf.SequentialWorkflow("w", "Say 🙂").argument("who", required=False)
    flow.step("s", tool="raw.t", bind="made", args={"who": mf.prompt_arg("who")}).save(tmp_path / "w.json")
    env = {"CALLS": str(tmp_path / "calls"), "PID": str(tmp_path / "pid")}
    entry = {"command": sys.executable, "args": [RAW, "ok"], "env": env, "mode": "legacy"}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"raw": entry}}), "utf-8")
    mf.trust(tmp_path / "mcp.json")
    return tmp_path


def changed(folder, mode):
    """Give the raw server of the config another mode."""
    config = (folder / "mcp.json").read_text("utf-8")
    (folder / "mcp.json").write_text(config.replace('"ok"', f'"{mode}"'), "utf-8")
    mf.trust(folder / "mcp.json")


def line(*arguments):
    return [sys.executable, "-m", "mcpflow_nb", *arguments, "--servers", "mcp.json"]


@contextmanager
def serving(folder, *arguments, **more):
    """The process of `serve`, and its child, both gone afterwards."""
    environment = {key: value for key, value in os.environ.items() if key != "MCPFLOW_TOKEN"} | more
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    begun = [line("serve", "w.json", *arguments)]
    with subprocess.Popen(*begun, cwd=folder, text=True, encoding="utf-8", env=environment, **pipes) as process:
        try:
            yield process
        finally:
            children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            for one in (*children, process):
                one.kill()


def child_of(folder):
    return psutil.Process(int((folder / "pid").read_text()))


def initialized(process):
    """Return the answer of a stdio server to its first request: it is up, and its child too."""
    client = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client}
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())["result"]


def ended(process):
    """Return the exit code and what was written on stderr."""
    written = process.communicate(timeout=30)[1]
    return process.returncode, written


@POSIX
@pytest.mark.parametrize("how", ["http", "stdio"])
def test_a_process_that_is_told_to_end_leaves_no_child_behind_not_even_one_that_stays(folder, how):
    changed(folder, "stubborn")
    with serving(folder, *(["--http"] if how == "http" else [])) as process:
        if how == "http":
            assert process.stdout.readline().startswith("workflows is served at http://127.0.0.1:")
        else:
            assert initialized(process)["serverInfo"]["name"] == "workflows"
        child = child_of(folder)
        assert child.is_running()
        process.send_signal(signal.SIGTERM)
        assert ended(process) == (143, "")
        psutil.wait_procs([child], timeout=5)
        assert not child.is_running()


def test_a_token_from_the_environment_is_not_printed_and_the_place_is(folder):
    with serving(folder, "--http", MCPFLOW_TOKEN="secret-canary") as process:
        place = process.stdout.readline()
        assert place.startswith("workflows is served at http://127.0.0.1:")
        url = place.split(" at ")[1].strip()
        codes = [httpx2.post(url, json={}, headers={"Authorization": f"Bearer {token}"}).status_code
                 for token in ("secret-canary", "other")]  # fmt: skip
        process.terminate()
        rest, errors = process.communicate(timeout=30)
    assert (codes[0] != 401, codes[1]) == (True, 401)
    assert "secret-canary" not in place + rest + errors


def test_an_empty_token_in_the_environment_is_none_and_one_is_made_and_printed(folder):
    with serving(folder, "--http", MCPFLOW_TOKEN="") as process:
        url = process.stdout.readline().split(" at ")[1].strip()
        words, token = process.stdout.readline().strip().split(": ")
        code = httpx2.post(url, json={}, headers={"Authorization": f"Bearer {token}"}).status_code
        nothing = httpx2.post(url, json={}, headers={"Authorization": "Bearer"}).status_code
    assert (words, len(token), code != 401, nothing) == ("token, shown this once", 32, True, 401)


@pytest.mark.parametrize("token", ["a b", "é"])
def test_a_token_in_the_environment_that_no_client_could_send_is_one_sentence(folder, token):
    with serving(folder, "--http", MCPFLOW_TOKEN=token) as process:
        code, said = ended(process)
    words = "a token is made of visible ASCII characters without blanks; no client could send this one"
    assert (code, said) == (1, f"mcpflow-nb: {words}\n")


def test_json_is_valid_where_the_terminal_has_no_emoji(folder):
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    changed(folder, "big")
    done = subprocess.run(
        line("run", "w.json", "who=🙂 é \U00010000", "--messages", "--json"), cwd=folder, capture_output=True,
        env=environment, check=False, timeout=60,
    )  # fmt: skip
    told = json.loads(done.stdout.decode("cp1252"))
    assert (done.returncode, told["bindings"]) == (0, {"made": {"id": 2**60 + 1, "odd": "café"}})
    assert told["messages"][0]["content"]["text"].endswith('- who: "🙂 é \U00010000"')


@POSIX
def test_a_client_that_is_gone_leaves_no_traceback(folder):
    with serving(folder) as process:
        initialized(process)
        process.stdout.close()
        process.stdin.write('{"jsonrpc": "2.0", "id": 2, "method": "tools/list"}\n')
        process.stdin.close()
        written = process.stderr.read()
        process.wait(30)
    assert written == ""


@POSIX
def test_a_closed_stdin_is_one_sentence(folder):
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *line("serve", "w.json")], cwd=folder, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    words = "stdin is closed: there is no client to serve; an MCP client starts this command itself"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"mcpflow-nb: {words}\n")


STOPPED = """
import threading
import mcpflow_nb as mf

begun, release = threading.Event(), threading.Event()

def held():
    begun.set()
    release.wait(10)
    return "late"

with mf.connect(m=mf.mock({"t": held})) as servers:
    served = mf.serve(mf.SequentialWorkflow("w").step("s", tool="m.t"), servers).http(token="secret")

    def ask():
        try:
            with mf.connect(remote=served.endpoint.config()["mcpServers"]["workflows"]) as remote:
                remote.call("remote.w")
        except mf.McpflowError as error:
            print("told:", type(error).__name__)

    thread = threading.Thread(target=ask)
    thread.start()
    assert begun.wait(10)
    served.stop()
    release.set()
    thread.join(30)
    print("open:", served.endpoint.is_open, thread.is_alive())
"""


def test_stopping_during_a_request_leaves_no_traceback(tmp_path):
    done = subprocess.run([sys.executable, "-c", STOPPED], cwd=tmp_path, capture_output=True, text=True,
                          check=False, timeout=60)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == ["told: CallError", "open: False False"]

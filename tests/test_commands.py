"""The commands about a saved workflow: what they print, and their exit codes, with a real server as a child."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mcpflow_nb as mf

SERVER = """
from mcp.server import MCPServer
server = MCPServer("hr")
@server.tool()
def create(name: str, level: int = 1) -> dict[str, str | int]:
    return {"id": "e1", "name": name, "level": level}
@server.tool()
def task(formatted: str) -> str:
    return formatted
@server.tool()
def ends() -> str:
    raise ValueError("no")
server.run()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    there = tmp_path_factory.mktemp("commands")
    (there / "server.py").write_text(SERVER)
    config = {"mcpServers": {"hr": {"command": sys.executable, "args": [str(there / "server.py")]}}}
    (there / "mcp.json").write_text(json.dumps(config))
    mf.trust(there / "mcp.json")
    create = {"name": mf.prompt_arg("name"), "level": mf.prompt_arg("level")}
    plain = (
        mf.SequentialWorkflow("onboard", "Onboard")
        .argument("name")
        .argument("level", type=int, default=1)
        .step("create", tool="hr.create", bind="made", args=create)
    )
    plain.save(there / "plain.json")
    plain.step("task", tool="hr.task", guidance="for {name}").save(there / "hybrid.json")
    plain.step("ends", tool="hr.ends").save(there / "ends.json")
    plain.step("wrong", tool="hr.create", args={"name": 7}).save(there / "wrong.json")
    return there


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "mcpflow_nb", *arguments]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_check_prints_the_report_and_its_code_says_whether_it_is_valid(folder):
    alone = command(folder, "check", "plain.json")
    assert (alone.returncode, alone.stdout.startswith("✔ Report of onboard: valid")) == (0, True)
    wrong = command(folder, "check", "wrong.json", "--servers", "mcp.json", "--json")
    found = json.loads(wrong.stdout)
    assert (wrong.returncode, found["valid"]) == (1, False)
    assert [p["code"] for p in found["problems"] if p["severity"] == "error"] == ["type-mismatch"]


def test_run_prints_what_happened_and_its_code_says_how_it_ended(folder):
    done = command(folder, "run", "plain.json", "name=Ada", "level=2", "--servers", "mcp.json", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["bindings"] == {"made": {"id": "e1", "name": "Ada", "level": 2}}
    for file, code, outcome in (("hybrid.json", 3, "handoff"), ("ends.json", 1, "failed")):
        ended = command(folder, "run", file, "name=Ada", "--servers", "mcp.json")
        assert (ended.returncode, outcome in ended.stdout.splitlines()[0]) == (code, True)


def test_run_prints_the_conversation(folder):
    done = command(folder, "run", "hybrid.json", "name=Ada", "--servers", "mcp.json", "--messages")
    heads = [line for line in done.stdout.splitlines() if line.startswith("---")]
    assert heads == [
        "--- user, intent", "--- assistant, plan", "--- assistant, call, step create", "--- user, result, step create",
        "--- assistant, guidance, step task", "--- assistant, handoff, step task",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run", "plain.json", "--servers", "mcp.json"), 1, "'name': is required"),
        (("run", "plain.json", "Ada", "--servers", "mcp.json"), 1, "given as name=value"),
        (("run", "plain.json"), 2, "servers"),
        (("check", "none.json"), 1, "none.json"),
        (("check", "mcp.json"), 1, "not a saved workflow"),
        (("serve", "--servers", "mcp.json"), 1, "at least one workflow"),
        (("serve", "wrong.json", "--servers", "mcp.json"), 1, "type-mismatch"),
        (("serve", "plain.json", "--servers", "mcp.json", "--http", "--host", "0.0.0.0"), 1, "expose=True"),
    ],
)
def test_what_is_wrong_is_a_sentence_on_stderr_and_a_code(folder, arguments, code, words):
    done = command(folder, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("mcpflow-nb: ")
    assert words in done.stderr


def test_graph_prints_text_or_dot_or_writes_a_drawing(folder, tmp_path):
    assert command(folder, "graph", "plain.json").stdout.startswith("Step graph of onboard\n1  create")
    assert command(folder, "graph", "plain.json", "--dot").stdout.startswith("digraph")
    assert json.loads(command(folder, "graph", "plain.json", "--bindings", "--json").stdout)["workflow"] == "onboard"


@pytest.mark.dot
def test_graph_writes_a_drawing(folder, tmp_path):
    assert command(folder, "graph", "plain.json", "--output", str(tmp_path / "g.svg")).returncode == 0
    assert (tmp_path / "g.svg").read_text("utf-8").lstrip().startswith(("<?xml", "<svg"))


def test_serve_speaks_mcp_on_stdin_and_stdout_and_its_own_servers_are_children(folder):
    line = ["-m", "mcpflow_nb", "serve", "plain.json", "hybrid.json", "--servers", "mcp.json"]
    twice = command(folder, "serve", "plain.json", "hybrid.json", "--servers", "mcp.json")
    assert (twice.returncode, "two workflows would be the tool 'onboard'" in twice.stderr) == (1, True)
    del line[3]
    env = {"MCPFLOW_DATA": os.environ["MCPFLOW_DATA"]}
    with mf.connect(orch={"command": sys.executable, "args": line, "cwd": str(folder), "env": env}) as servers:
        result = servers.call("orch.onboard", {"name": "Ada"})
        prompts = [prompt.name for prompt in servers["orch"].catalog.prompts]
    assert (result["outcome"], result["missing"], prompts) == ("handoff", ["formatted"], ["onboard"])


def test_serve_over_http_prints_what_a_client_needs_and_ends_with_its_process(folder):
    line = [sys.executable, "-m", "mcpflow_nb", "serve", "plain.json", "--servers", "mcp.json", "--http", "--json"]
    with subprocess.Popen(line, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        text = ""
        for piece in process.stdout:
            text += piece
            if piece == "}\n":
                break
        (entry,) = json.loads(text)["mcpServers"].values()
        with mf.connect(orch=entry) as servers:
            assert servers.call("orch.onboard", {"name": "Ada"})["outcome"] == "completed"
        process.terminate()
    with pytest.raises(mf.ConnectError):
        mf.connect(orch=entry)

"""Loading, checking, drawing, showing and planning send no call, open no socket and start no process (audit hook)."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

BEGIN = """
import json, os, sys
import mcpflow_nb as mf

calls, seen = [], []
SPIED = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.system", "os.exec",
         "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn", "urllib.Request", "pickle.find_class")

def hook(event, args):
    draws = event in ("subprocess.Popen", "os.posix_spawn") and "graphviz-pure" in str(args[0])  # who draws, offline
    if event in SPIED and not draws:
        seen.append(f"{event} {args!r}"[:300])

mocks = {"create": lambda name: calls.append("create") or {"id": "e1"}, "pay": lambda id: calls.append("pay") or {"ok": True}}
servers = mf.connect(hr=mf.mock(mocks))
flow = (mf.SequentialWorkflow("w", "d").argument("name")
        .step("create", tool="hr.create", args={"name": mf.prompt_arg("name")}, bind="made")
        .step("pay", tool="hr.pay", args={"id": mf.field("made", "id")}, guidance="for {name}"))
before = flow.start(servers, name="Ada")
flow.save("w.json")
flow.graph()._repr_mimebundle_()  # a program that draws is found before the hook
sys.addaudithook(hook)
"""
END = "\nprint(json.dumps([seen, calls]))\n"

PARTS = {
    "loading": 'assert mf.load("w.json") == flow',
    "checking": "flow.check(); flow.check(servers); flow.check(servers).df; flow.check(servers).text()",
    "drawing": "flow.graph(); flow.bindings().text; flow.graph().dot; flow.bindings(all_fields=True).dot",
    "showing": "for one in (flow, flow['pay'], servers, servers['hr'], before, before.next, before.trace, flow.check(servers)):\n"
    "    repr(one), one._repr_mimebundle_()",
    "printing": "flow.to_python(); flow.to_json(); flow.to_skill(servers).text",
    "forecasting": "flow.forecast(servers).df; repr(flow.forecast(servers)); flow.forecast(servers)._repr_html_()",
    "starting and planning": "run = flow.start(servers, name='Ada'); run.plan().df; run.next; run.fork(); run.describe(); run.effects()",
    "refusing a config": "json.dump({'mcpServers': {'x': {'command': sys.executable, 'args': ['-c', '']}}}, open('mcp.json', 'w'))\n"
    "try:\n    mf.connect('mcp.json')\nexcept mf.TrustError as error:\n    str(error)\nelse:\n    seen.append('it was opened')",
    "trusting a config": "json.dump({'mcpServers': {'x': {'command': 'x'}}}, open('m.json', 'w')); mf.trust('m.json')._repr_html_()",
    "a cassette that is read": "open('c.json', 'w').write('{}')\ntry:\n    mf.replay('c.json')\nexcept mf.McpflowError:\n    pass",
}  # fmt: skip


def spied(code, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code + END],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.row("CO02", "RE07")
def test_nothing_is_sent_opened_or_started(tmp_path):
    assert spied("\n".join(PARTS.values()), tmp_path) == [[], []]


FOUND = {
    "import subprocess; subprocess.run([sys.executable, '-c', ''])": "subprocess.Popen",
    "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', 9))": "socket.connect",
}


@pytest.mark.parametrize(("code", "event"), FOUND.items())
def test_the_hook_sees_a_process_and_a_socket(code, event, tmp_path):
    seen, _ = spied(code, tmp_path)
    assert [one.split()[0] for one in seen][:1] == [event]


def test_the_log_of_the_mock_sees_a_call(tmp_path):
    assert spied("before.step()", tmp_path) == [[], ["create"]]


@pytest.mark.parametrize("name", ["os.system", "__import__", "mcpflow_nb.connecting.trusting:trust"])
@pytest.mark.row("FI01")
def test_a_saved_workflow_that_names_code_runs_none(name, tmp_path):
    document = {
        "mcpflow_nb": 1, "name": name, "steps": [{"name": name, "tool": name, "args": {"x": {"$source": name, "name": name}}}]
    }  # fmt: skip
    (tmp_path / "evil.json").write_text(json.dumps(document))
    (tmp_path / "evil.yaml").write_text(f"!!python/object/apply:{name} ['touch ran']\n")
    code = "for file in ('evil.json', 'evil.yaml'):\n    try:\n        mf.load(file)\n    except mf.LoadError:\n        calls.append(file)"
    assert spied(code, tmp_path) == [[], ["evil.json", "evil.yaml"]]
    assert not (tmp_path / "ran").exists()

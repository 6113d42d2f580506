"""Rows KE, PS and CO of the table of faults: interrupts, threads, forks, reloads, and what clients of a served workflow do."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import mcp.types as types
import nbformat
import psutil
import pytest
from mcp import Client

import mcpflow_nb as mf
from mcpflow_nb.bridge import run as in_io_thread
from mcpflow_nb.testing import NotebookError, run_notebook
from tests.faults.acts import FINE, two_steps

POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@POSIX
@pytest.mark.row("KE03")
def test_two_interrupts_end_the_call_leave_a_record_and_the_next_call_works(odd, tmp_path):
    script = f"""
        import mcpflow_nb as mf
        servers = mf.connect(odd={odd(at_call=[{"sleep": 600}])!r}, m=mf.mock({{"t": 1}}))
        run = mf.SequentialWorkflow("w").step("a", tool="odd.t").start(servers, journal={str(tmp_path / "runs.db")!r}, run_id="r")
        try:
            print("calls", flush=True)
            run.all()
        except KeyboardInterrupt:
            try:
                print("once", flush=True)
                servers.close()
            except KeyboardInterrupt:
                print("twice", flush=True)
        print(run.outcome, [one.status for one in run.trace])
        with mf.connect(m=mf.mock({{"t": 1}})) as again:
            print(again.call("m.t"))
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "calls\n"
    time.sleep(0.3)  # until the call is under way; where it is not yet, the run is cancelled before and the test fails
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "once\n"
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=30)[0].splitlines()
    assert told in (
        ["twice", "unknown ['unknown']", "1"],
        ["unknown ['unknown']", "1"],
    )  # closing may have been quicker
    assert [row.outcome for row in mf.runs(journal=tmp_path / "runs.db")] == ["unknown"]


@pytest.mark.row("KE06")
def test_two_runs_on_one_server_at_once_have_a_trace_each():
    def flow(first):
        made = mf.SequentialWorkflow(f"w{first}")
        for at in range(5):
            made = made.step(f"s{at}", tool="m.t", args={"n": first + at}, bind=f"b{at}")
        return made

    with mf.connect(m=mf.mock({"t": lambda n: {"n": n}})) as opened:
        runs = [flow(first).start(opened) for first in (0, 100, 200)]
        threads = [threading.Thread(target=run.all) for run in runs]
        for one in threads:
            one.start()
        for one in threads:
            one.join(20)
    assert [[one.value["n"] for one in run.trace] for run in runs] == [
        [first + at for at in range(5)] for first in (0, 100, 200)
    ]


@pytest.mark.kernel
@pytest.mark.row("KE07")
def test_the_children_of_a_notebook_that_was_stopped_at_its_limit_are_gone(odd, tmp_path):
    code = (
        f"import psutil, threading, mcpflow_nb as mf\nservers = mf.connect(odd={odd()!r})\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(psutil.Process().children()[0].pid))\nthreading.Event().wait()"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(notebook, tmp_path / "it.ipynb")
    with pytest.raises(NotebookError, match="did not end within 6 s"):
        run_notebook(tmp_path / "it.ipynb", timeout=6)
    pid = int((tmp_path / "pid").read_text())
    _gone, alive = psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
    assert not alive


@pytest.mark.row("KE09")
def test_modules_that_are_loaded_again_keep_the_one_thread_and_close_what_a_name_had(odd):
    script = f"""
        import importlib, sys, threading, psutil, mcpflow_nb as mf
        mf.connect(odd={odd()!r})
        [old] = psutil.Process().children()
        for name in ("mcpflow_nb.bridge", "mcpflow_nb.servers", "mcpflow_nb"):
            importlib.reload(sys.modules[name])
        import mcpflow_nb as mf
        with mf.connect(odd={odd()!r}) as again:
            threads = [one.name for one in threading.enumerate()].count("mcpflow-io")
            print(again["odd"].state, threads, len(psutil.Process().children()), psutil.pid_exists(old.pid))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("open 1 1 False\n", "")


@POSIX
@pytest.mark.filterwarnings("ignore:.*fork")
@pytest.mark.row("KE10")
def test_a_process_that_was_forked_is_told_to_connect_again_and_leaves_its_parents_servers_alone(odd):
    with mf.connect(odd=odd(at_call=[FINE]), m=mf.mock({"t": 1})) as opened:
        run, (reader, writer) = two_steps().start(opened), os.pipe()
        run.step()
        if not (pid := os.fork()):
            told = []
            for tool in ("odd.t", "m.t"):
                try:
                    opened.call(tool)
                except mf.CallError as error:
                    told.append(f"{error.status}: {error}")
            opened.close()
            with mf.connect(m=mf.mock({"t": 2})) as own:
                told.append(str(own.call("m.t")))
            os.write(writer, "\n".join(told).encode())
            os._exit(0)
        os.waitpid(pid, 0)
        told = os.read(reader, 10_000).decode().splitlines()
        assert run.all().outcome == "completed"
    why = "was opened by the process that this one was forked from; connect it again: mf.connect("
    assert [line.startswith("not_sent") and why in line for line in told[:2]] == [True, True]
    assert (told[2:], odd.log()) == (["2"], ["list", "call", "call"])


@pytest.mark.row("PS05")
@pytest.mark.parametrize("given", ["y" * 1_000_000, "a\0b\x1b[2Jc"], ids=["a megabyte", "control characters"])
def test_a_large_or_odd_argument_is_sent_whole_and_told_cut(given):
    mock = mf.mock({"t": lambda x: {"n": len(x)}})
    flow = mf.SequentialWorkflow("w").argument("x").step("a", tool="m.t", args={"x": mf.prompt_arg("x")}, bind="r")

    async def ask(served):
        async with Client(served.mcp) as client:
            return await client.get_prompt("w", {"x": given})

    with mf.connect(m=mock) as opened:
        told = in_io_thread(ask(mf.serve(flow, opened)))
    assert mock.calls == [("t", {"x": given})]
    assert (
        max(len(message.content.text) for message in told.messages if isinstance(message.content, types.TextContent))
        < 101_000
    )


@pytest.mark.row("CO04")
def test_only_code_makes_a_mock_live_and_every_view_says_which_it_is(monkeypatch, odd):
    for name in ("MCPFLOW_LIVE", "MCPFLOW_MODE", "MCPFLOW_MOCK"):
        monkeypatch.setenv(name, "live")
    with mf.connect(odd=mf.mock({"t": {"n": 1}})) as opened:
        run = two_steps().start(opened).all()
    assert [one.source for one in run.trace] == ["mock", "mock"]
    for shown in (run, run.trace, run.trace[0], run.graph(), run.effects()):
        assert "mock" in shown._repr_mimebundle_()["text/plain"], type(shown)
    with mf.connect(odd=odd(at_call=[FINE])) as opened:
        assert [one.source for one in two_steps().start(opened).all().trace] == ["live", "live"]

"""Connections, errors and Interrupt in a real kernel: what a reader of a notebook meets."""

import socket
from pathlib import Path

import nbformat
import pytest

from mcpflow_nb.testing import run_notebook

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(180)]

RAW = Path(__file__).with_name("raw_server.py")
SETUP = f"""
import os, signal, sys, threading, time
import mcpflow_nb as mf
def raw(mode, **more):
    return {{"command": sys.executable, "args": [{str(RAW)!r}, mode], "env": {{"CALLS": os.devnull}}, "mode": "legacy", **more}}
def interrupt_soon():
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
"""
STATES = {"after a plain cell": "1 + 1", "after awaited cells only": "import asyncio\nawait asyncio.sleep(0)"}


def executed(tmp_path, *cells):
    """Run cells in a fresh kernel and return their outputs; a cell that begins with `# fails` may fail."""
    notebook = nbformat.v4.new_notebook()
    for source in cells:
        cell = nbformat.v4.new_code_cell(source)
        cell.metadata["tags"] = ["raises-exception"] if source.startswith("# fails") else []
        notebook.cells.append(cell)
    path = tmp_path / "test.ipynb"
    nbformat.write(notebook, path)
    return [cell.outputs for cell in run_notebook(path, timeout=90).cells]


def error_of(outputs):
    """Return name, message and traceback of the one error a cell ended with."""
    errors = [output for output in outputs if output.output_type == "error"]
    assert len(errors) == 1, outputs
    return errors[0].ename, errors[0].evalue, "\n".join(errors[0].traceback)


def text_of(outputs):
    """Return what a cell printed, or its last value as text."""
    return "".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)


def test_servers_open_in_one_cell_answer_in_another_and_close_in_a_third(tmp_path):
    outputs = executed(
        tmp_path,
        SETUP,
        "servers = mf.connect(raw=raw('ok'), m=mf.mock({'t': 1}))",
        "pid = servers.call('raw.t')['pid']; print(servers.call('m.t'))",
        "print(await servers.call.aio('m.t'))",
        "import asyncio\nprint(await asyncio.create_task(servers.call.aio('m.t')))",
        "found = []\nthread = threading.Thread(target=lambda: found.append(servers.call('m.t')))\nthread.start(); thread.join(); print(found)",
        "servers.close()",
        "print(os.path.exists(f'/proc/{pid}') if sys.platform == 'linux' else False)",
    )
    assert [text_of(o).strip() for o in outputs] == ["", "", "1", "1", "1", "[1]", "", "False"]


def test_a_widget_callback_calls_a_server(tmp_path):
    outputs = executed(
        tmp_path,
        SETUP,
        "servers = mf.connect(m=mf.mock({'t': 1}))\nimport ipywidgets\nbutton, found = ipywidgets.Button(), []",
        "button.on_click(lambda _: found.append(servers.call('m.t')))\nbutton.click()",
        "print(found)",
    )
    assert text_of(outputs[-1]).strip() == "[1]"


@pytest.mark.parametrize("state", STATES)
def test_every_failure_ends_its_cell_with_one_readable_error(tmp_path, state):
    outputs = executed(
        tmp_path,
        SETUP,
        STATES[state],
        "# fails\nmf.connect(raw=raw('exit'))",
        "# fails\nawait mf.connect.aio(raw=raw('exit'))",
        "# fails\nawait mf.connect.aio(web='http://127.0.0.1:9/mcp')",
        "servers = await mf.connect.aio(raw=raw('die'), m=mf.mock({'t': ValueError('no')}))",
        "# fails\nawait servers.call.aio('raw.t')",
        "# fails\nservers.call('raw.t')",
        "# fails\nawait servers.call.aio('m.t')",
        "# fails\nraise ValueError('the reader’s own')",
        "await servers.close.aio()\nprint('closed')",
        "print(servers['raw'].state)",
    )
    names = [error_of(outputs[n])[0] for n in (2, 3, 4, 6, 7, 8, 9)]
    assert names == ["ConnectError"] * 3 + ["CallError"] * 3 + ["ValueError"]
    for cell in (2, 3, 4, 6, 7, 8):
        _, message, traceback = error_of(outputs[cell])
        assert len(traceback.splitlines()) < 15
        assert "TaskGroup" not in traceback
        assert "ExceptionGroup" not in text_of(outputs[cell])
        assert message.startswith(("server 'raw'", "server 'web'", "tool 't'"))
    assert "Cell In[" in error_of(outputs[2])[2]
    assert [text_of(outputs[n]).strip() for n in (10, 11)] == ["closed", "closed"]


@pytest.mark.parametrize("state", STATES)
def test_closing_after_a_crash_in_a_later_cell_is_quiet(tmp_path, state):
    outputs = executed(
        tmp_path,
        SETUP,
        STATES[state],
        "servers = await mf.connect.aio(raw=raw('die'))",
        "run = mf.SequentialWorkflow('w').step('a', tool='raw.t').start(servers)\nrecord = await run.step.aio()\nprint(record.status, run.outcome)",
        "await servers.close.aio()",
        "print('next')",
    )
    assert [text_of(o).strip() for o in outputs[3:]] == ["unknown unknown", "", "next"]


@pytest.mark.parametrize("call", ["run.step()", "await run.step.aio()"])
@pytest.mark.row("KE01", "KE02")
def test_interrupt_ends_a_call_within_a_second_and_the_next_cell_works(tmp_path, call):
    outputs = executed(
        tmp_path,
        SETUP,
        "servers = mf.connect(raw=raw('hang'), m=mf.mock({'t': 1}))\nrun = mf.SequentialWorkflow('w').step('a', tool='raw.t').start(servers)",
        f"# fails\ninterrupt_soon(); begun = time.monotonic()\ntry:\n    {call}\nfinally:\n    seconds = time.monotonic() - begun - 0.5",
        "print(seconds < 1, run.outcome, run.trace[0].status, servers.call('m.t'))",
    )
    assert error_of(outputs[2])[0] in ("KeyboardInterrupt", "CancelledError")
    assert text_of(outputs[3]).strip() == "True unknown unknown 1"


def test_interrupt_ends_a_connect_that_hangs(tmp_path):
    outputs = executed(
        tmp_path,
        SETUP,
        "# fails\ninterrupt_soon(); begun = time.monotonic()\ntry:\n    mf.connect(raw=raw('hang-handshake'))\nfinally:\n    seconds = time.monotonic() - begun - 0.5",
        "servers = mf.connect(raw=raw('ok'))\nprint(seconds < 1.5, sorted(servers.call('raw.t')))",
    )
    assert text_of(outputs[2]).strip() == "True ['pid']"


def test_children_are_gone_when_the_kernel_ends(tmp_path):
    import psutil

    outputs = executed(tmp_path, SETUP, "servers = mf.connect(raw=raw('ok'))\nprint(servers.call('raw.t')['pid'])")
    pid = int(text_of(outputs[1]))
    _gone, alive = psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
    assert not alive


def test_a_problem_names_the_cell_and_the_line(tmp_path):
    outputs = executed(
        tmp_path,
        SETUP,
        "w = (\n    mf.SequentialWorkflow('w')\n    .step('a', tool='x.y', args={'n': mf.from_step('nothing')})\n)",
        "problem = next(p for p in w.check().problems if p.code == 'unknown-binding')\nprint(problem.source[0])\nprint(problem.source[1])",
    )
    place, line = text_of(outputs[2]).strip().splitlines()
    assert place == "In [2]:3"
    assert line == ".step('a', tool='x.y', args={'n': mf.from_step('nothing')})"


@pytest.mark.parametrize(("watched", "shown"), [("False", False), ("True", True)])
def test_a_long_call_shows_one_updating_line_only_where_somebody_watches(tmp_path, watched, shown):
    outputs = executed(
        tmp_path,
        SETUP,
        "servers = mf.connect(m=mf.mock({'t': lambda: time.sleep(1.8)}))\nrun = mf.SequentialWorkflow('w').step('a', tool='m.t').start(servers)",
        f"get_ipython().kernel._allow_stdin = {watched}\nrun.all()\nprint(run.outcome)",
    )
    displayed = [o for o in outputs[2] if o.output_type == "display_data"]
    assert text_of([o for o in outputs[2] if o.output_type == "stream"]).strip() == "completed"
    assert len(displayed) == int(shown)
    assert all(o.data["text/plain"].startswith("step 'a': 1.") for o in displayed)


def test_a_workflow_that_is_served_in_a_cell_answers_meanwhile_and_ends_with_the_kernel(tmp_path):
    outputs = executed(
        tmp_path,
        SETUP,
        "servers = mf.connect(m=mf.mock({'t': 1}))\nflow = mf.SequentialWorkflow('w').step('s', tool='m.t', bind='x')",
        "server = mf.serve(flow, servers, name='kernel').http()",
        "print(server.url)",
        "client = mf.connect(server.endpoint.config())\nprint(client.call('kernel.w')['bindings'])",
        "mf.serve(flow, servers, name='kernel').http().url == server.url",
    )
    assert "token, shown this once" in text_of(outputs[2])
    assert (text_of(outputs[4]).strip(), text_of(outputs[5]).splitlines()[-1]) == ("{'x': 1}", "True")
    port = int(text_of(outputs[3]).split(":")[2].split("/")[0])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


MAP = """
import asyncio
stop_at = -1
async def work(n):
    await asyncio.sleep(0.01)
    if n == stop_at:
        os.kill(os.getpid(), signal.SIGINT)
    return {'n': n}
servers = mf.connect(m=mf.mock({'t': work}))
flow = mf.SequentialWorkflow('flow').argument('n', type=int).step('a', tool='m.t', args={'n': mf.prompt_arg('n')})
table = [{'n': n} for n in range(200)]
"""


def test_interrupt_stops_a_map_cleanly_and_the_next_cell_has_what_was_done(tmp_path):
    outputs = executed(
        tmp_path,
        SETUP + MAP,
        "# fails\nstop_at = 20\nresults = flow.map(table, servers, concurrency=1)",
        "rows = sys.last_value.results.rows\nprint([one.outcome for one in rows[:20]] == ['completed'] * 20, rows[199].outcome)",
    )
    name, message, shown = error_of(outputs[1])
    assert (name, message.startswith("stopped: ")) == ("MapInterrupted", True)
    assert "bridge.py" not in shown
    assert text_of(outputs[2]).strip() == "True not begun"


@pytest.mark.parametrize(("watched", "shown"), [("False", 0), ("True", 1)])
def test_a_map_shows_one_bar_only_where_somebody_watches(tmp_path, watched, shown):
    outputs = executed(
        tmp_path,
        SETUP + MAP,
        f"get_ipython().kernel._allow_stdin = {watched}\nprint(flow.map(table, servers).counts)",
    )
    displayed = [o for o in outputs[1] if o.output_type == "display_data"]
    assert text_of([o for o in outputs[1] if o.output_type == "stream"]).strip() == "{'completed': 200}"
    assert ["200/200" in o.data["text/plain"] or "0/200" in o.data["text/plain"] for o in displayed] == [True] * shown

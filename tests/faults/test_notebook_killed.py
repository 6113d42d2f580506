"""The kernel of a notebook is killed in step 4; opened again and run from the top, the run goes on at step 4."""

import nbformat
import pytest

import mcpflow_nb as mf
from mcpflow_nb.testing import run_notebook
from mcpflow_nb.testing.notebooks import NotebookError
from tests.faults.killing import EACH_ONCE, HERE

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(180)]


def notebook(path, *cells):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(made, path)
    return path


def printed(done):
    return [
        output.text.strip()
        for cell in done.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream"
    ]


@pytest.mark.row("KE04")
def test_a_kernel_killed_in_step_four_is_opened_again_and_run_all_goes_on_at_step_four(bench, tmp_path):
    path = notebook(
        tmp_path / "onboard.ipynb",
        f"import os, sys; sys.path.insert(0, {str(HERE)!r})\nimport mcpflow_nb as mf, worker",
        f"servers = mf.connect(it={{'url': {bench.url!r}, 'headers': {{'x-pid': str(os.getpid())}}, 'trusted': True}})",
        f"run = worker.workflow().start(servers, who='notebook', journal={str(tmp_path / 'runs.db')!r}, run_id='notebook')",
        "print(run.position, run.outcome)",
        "if run.outcome == 'unknown': worker.person(run, servers)",
        "run.all(); print(run.outcome)",
    )
    bench.kill_in_server("mail", "done")
    with pytest.raises(NotebookError, match="cell 5") as killed:
        run_notebook(path)
    assert "kernel" in killed.value.reason.casefold()
    assert [(one.outcome, one.state.done) for one in mf.runs(journal=tmp_path / "runs.db")] == [("interrupted", 3)]
    assert printed(run_notebook(path)) == ["3 unknown", "completed"]
    assert bench.effects("notebook") == EACH_ONCE
    assert printed(run_notebook(path)) == ["5 completed", "completed"]  # and once more: nothing is called
    assert bench.effects("notebook") == EACH_ONCE


def test_in_a_notebook_a_run_is_kept_without_a_word_and_not_in_the_journal_of_whoever_tests_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MCPFLOW_DATA", str(tmp_path / "own"))
    path = notebook(
        tmp_path / "kept.ipynb",
        "import mcpflow_nb as mf\nservers = mf.connect(m=mf.mock({'t': {'n': 1}}))",
        "workflow = mf.SequentialWorkflow('w').step('a', tool='m.t')\nrun = workflow.start(servers).all()",
        "print(len(mf.runs()), mf.runs()[0].run_id == run.id)\nmf.resume(run.id, servers)",
        "workflow.start(servers, journal=None).all()\nprint(len(mf.runs()))",
    )
    assert printed(run_notebook(path)) == ["1 True", "1"]
    assert not (tmp_path / "own").exists()

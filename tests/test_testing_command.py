"""What a notebook, a limit or a number of jobs that is out of the ordinary makes of the others: nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from mcpflow_nb.errors import ConfigError
from mcpflow_nb.testing import run_notebook
from mcpflow_nb.testing.command import run_notebooks

pytestmark = pytest.mark.kernel

OUTPUT = "import ipywidgets as w\no = w.Output()\nwith o:\n    print('x')\no.clear_output()"
BREAKS = """
from comm import create_comm
create_comm(target_name="jupyter.widget", data={"state": {"_model_module": "@jupyter-widgets/output"}})
"""  # a widget without the state that a front end reads of it


def stored(path: Path, *cells: str, **metadata: object) -> Path:
    made = [nbformat.v4.new_code_cell(source, id=f"cell-{number:02}") for number, source in enumerate(cells)]
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=metadata), path)
    return path


def test_a_notebook_with_an_output_widget_runs_and_keeps_no_widget_state(tmp_path: Path) -> None:
    ran = run_notebook(stored(tmp_path / "some.ipynb", OUTPUT, "len(o.outputs)"))
    assert ran.cells[1].outputs[0].data["text/plain"] in ("0", "1")
    assert "widgets" not in ran.metadata


def test_what_nobody_expects_of_a_notebook_is_its_own_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored(tmp_path / "a.ipynb", "0", BREAKS)
    stored(tmp_path / "b.ipynb", "1 + 1")
    stored(tmp_path / "c.ipynb", "1", kernelspec={"name": "x", "display_name": "x", "language": 3})
    assert run_notebooks(tmp_path, as_json=True) == 1
    errors = {Path(one["notebook"]).stem: one["error"] for one in json.loads(capsys.readouterr().out)}
    told = {name: error and (error["cell"], error["reason"]) for name, error in errors.items()}
    assert told == {
        "a": (1, "KeyError: '_model_name'"),
        "b": None,
        "c": (None, "AttributeError: 'int' object has no attribute 'lower'"),
    }


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "1", True])
def test_a_limit_that_is_no_time_is_refused(seconds: float, tmp_path: Path) -> None:
    path = stored(tmp_path / "some.ipynb", "1")
    with pytest.raises(ConfigError, match="timeout: it is a number of seconds above 0, not "):
        run_notebooks(path, timeout=seconds)
    with pytest.raises(ConfigError, match="timeout: it is a number of seconds above 0, not "):
        run_notebook(path, seconds)


@pytest.mark.parametrize("jobs", [0, -3])
def test_a_number_of_jobs_below_one_is_refused(jobs: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"--jobs: at least 1 notebook runs at a time, not {jobs}"):
        run_notebooks(stored(tmp_path / "some.ipynb", "1"), jobs=jobs)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--mcpflow-timeout=0"], "--mcpflow-timeout: it is a number of seconds above 0, not 0"),
        (["--mcpflow-timeout=nan"], "--mcpflow-timeout: it is a number of seconds above 0, not nan"),
        (["-o", "mcpflow_timeout=-1"], "mcpflow_timeout: it is a number of seconds above 0, not -1"),
    ],
)
def test_pytest_says_that_a_limit_is_no_time_before_it_collects(given: list[str], said: str, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "pytest", "--mcpflow-notebooks", "-p", "no:cacheprovider", *given]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (4, f"ERROR: {said}\n\n")

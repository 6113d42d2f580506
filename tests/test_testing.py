"""Notebooks as tests: what runs, and what a failure says."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import nbformat
import pytest

from mcpflow_nb.testing import NotebookError, run_notebook

pytestmark = pytest.mark.kernel


def stored(folder: Path, *cells: str, tags: tuple[str, ...] = ()) -> Path:
    notebook = nbformat.v4.new_notebook()
    for number, source in enumerate(cells):
        notebook.cells.append(nbformat.v4.new_code_cell(source, id=f"cell-{number:02}", metadata={"tags": list(tags)}))
    path = folder / "some.ipynb"
    nbformat.write(notebook, path)
    return path


def failed(path: Path, timeout: float = 30) -> NotebookError:
    with pytest.raises(NotebookError) as caught:
        run_notebook(path, timeout)
    return caught.value


def test_a_notebook_runs_in_this_interpreter_and_its_own_folder(tmp_path: Path) -> None:
    path = stored(tmp_path, "import os, sys", "print(sys.executable)\nprint(os.getcwd())", "1 + 1")
    before = path.read_bytes()
    ran = run_notebook(path)
    assert ran.cells[1].outputs[0].text.splitlines() == [sys.executable, str(tmp_path)]
    assert ran.cells[2].outputs[0].data == {"text/plain": "2"}
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["some.ipynb"]


def test_a_failing_cell_is_named_with_its_source_and_plain_traceback(tmp_path: Path) -> None:
    error = failed(stored(tmp_path, "x = 0", "print('before')\n1 / x", "never = 1"))
    assert (error.notebook.name, error.cell, error.cell_id, error.source) == (
        "some.ipynb", 1, "cell-01", "print('before')\n1 / x",
    )  # fmt: skip
    assert "ZeroDivisionError: division by zero" in error.traceback
    assert "\x1b" not in str(error)
    assert str(error).startswith(
        "some.ipynb, cell 1 (id 'cell-01'): ZeroDivisionError: division by zero\n    print('before')\n    1 / x\n"
    )


def test_a_group_of_exceptions_is_shown_with_its_parts(tmp_path: Path) -> None:
    error = failed(stored(tmp_path, "raise ExceptionGroup('several', [ValueError('inner one'), KeyError('two')])"))
    assert error.cell == 0
    assert "ValueError: inner one" in error.traceback
    assert "KeyError: 'two'" in error.traceback


def test_a_group_of_exceptions_from_an_awaited_cell_does_not_wait_for_the_timeout(tmp_path: Path) -> None:
    source = """
import asyncio
async def fail():
    raise ValueError("inner one")
async with asyncio.TaskGroup() as group:
    group.create_task(fail())
"""
    error = failed(stored(tmp_path, source), timeout=90)
    assert "ValueError: inner one" in error.traceback
    assert "did not end within" not in error.traceback


def test_a_cell_that_does_not_end_is_stopped_at_the_limit(tmp_path: Path) -> None:
    error = failed(stored(tmp_path, "import threading", "threading.Event().wait()"), timeout=1)
    assert (error.cell, error.traceback) == (1, "the notebook did not end within 1 s; this cell was running")


def test_a_kernel_that_ends_is_a_failure_of_its_cell(tmp_path: Path) -> None:
    error = failed(stored(tmp_path, "import os", "os._exit(3)"))
    assert (error.cell, error.traceback) == (1, "the kernel ended while this cell was running")


def test_a_cell_may_be_expected_to_fail_or_be_left_out(tmp_path: Path) -> None:
    assert (
        run_notebook(stored(tmp_path, "1 / 0", tags=("raises-exception",))).cells[0].outputs[0].ename
        == "ZeroDivisionError"
    )
    assert run_notebook(stored(tmp_path, "1 / 0", tags=("skip-execution",))).cells[0].outputs == []


def test_it_runs_where_a_loop_is_running_already(tmp_path: Path) -> None:
    path = stored(tmp_path, "'ok'")

    async def cell() -> str:
        return str(run_notebook(path).cells[0].outputs[0].data["text/plain"])

    assert asyncio.run(cell()) == "'ok'"

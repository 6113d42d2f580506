"""Notebooks as tests: what runs, and what a failure says."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import nbformat
import pytest

from mcpflow_nb import testing
from mcpflow_nb.testing import NotebookError, run_notebook, try_notebook

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


@pytest.mark.row("KE07")
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


def test_cells_are_left_out_by_their_tags_and_counted(tmp_path: Path) -> None:
    path = stored(tmp_path, "1 / 0", tags=("skip",))
    assert try_notebook(path).counts == {"passed": 0, "failed": 0, "skipped": 1, "not_run": 0}
    solved = stored(tmp_path, "1 / 0", tags=("solution",))
    assert try_notebook(solved, leave_out="solution").counts["skipped"] == 1
    assert try_notebook(solved, leave_out=["exercise"]).counts["failed"] == 1


def test_a_cell_whose_answer_the_kernel_loses_may_be_expected_to_fail(tmp_path: Path) -> None:
    source = "raise ExceptionGroup('several', [ValueError('inner one')])\nawait None"
    error = failed(stored(tmp_path, source), timeout=90)
    assert (error.reason, error.traceback.splitlines()[-1]) == (
        "ExceptionGroup: several (1 sub-exception)",
        "the cell ended, but the kernel lost its answer",
    )
    assert try_notebook(stored(tmp_path, source, tags=("raises-exception",)), 90).counts["passed"] == 1


def test_a_cell_that_begins_late_after_one_whose_answer_was_lost_is_waited_for(tmp_path: Path) -> None:
    busy = "import asyncio, time\nasyncio.get_running_loop().call_later(2, time.sleep, 3)\n"
    lost = nbformat.v4.new_code_cell(f"{busy}raise ExceptionGroup('several', [ValueError('one')])\nawait None")
    lost.metadata["tags"] = ["raises-exception"]
    path = tmp_path / "late.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[lost, nbformat.v4.new_code_cell("1 + 1")]), path)
    assert try_notebook(path, 90).counts["passed"] == 2


def test_the_time_that_a_notebook_names_itself_counts(tmp_path: Path) -> None:
    path = stored(tmp_path, "import threading\nthreading.Event().wait()")
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["execution"] = {"timeout": 0.5}
    nbformat.write(notebook, path)
    assert failed(path, timeout=60).reason == "the notebook did not end within 0.5 s; this cell was running"


UNREADABLE = {
    "": "Notebook does not appear to be JSON",
    "[1]": "this is no notebook",
    "{}": "missing a key: cells",
    '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "nonsense"}]}': "this is no notebook",
    json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": [], "metadata": {"language_info": {"name": "R"}}}): (
        "it is written in 'R'; only Python notebooks run here"
    ),
}


@pytest.mark.parametrize("text", UNREADABLE, ids=range(len(UNREADABLE)))
def test_what_is_no_python_notebook_is_said_before_a_kernel_starts(text: str, tmp_path: Path) -> None:
    (tmp_path / "some.ipynb").write_text(text)
    result = try_notebook(tmp_path / "some.ipynb")
    assert result.error is not None
    assert UNREADABLE[text] in result.error.reason
    assert str(result.error).startswith("some.ipynb, before its first cell: ")
    assert (result.error.cell, result.notebook.cells, set(result.counts.values())) == (None, [], {0})


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "No such file" in failed(tmp_path / "nope.ipynb").reason


def test_notebooks_without_cell_ids_or_with_the_same_id_run(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": None}
    for minor, ids in ((4, {}), (5, {}), (5, {"id": "same"})):
        told = {"nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": [cell | ids, cell | ids]}
        (tmp_path / "some.ipynb").write_text(json.dumps(told))
        assert try_notebook(tmp_path / "some.ipynb").counts["passed"] == 2


def test_what_a_failure_says_is_short_and_fit_for_a_terminal(tmp_path: Path) -> None:
    error = failed(stored(tmp_path, r"raise ValueError('\x1b[31mred\x1b]0;title\x07 <script> \x00😀')"))
    assert error.reason == "ValueError: red <script> 😀"
    assert [sign for sign in str(error) if not sign.isprintable() and sign != "\n"] == []
    assert len(str(failed(stored(tmp_path, "raise ValueError('x' * 3_000_000)")))) < 25_000


def test_text_that_a_kernel_cannot_take_is_a_failure_of_its_cell(tmp_path: Path) -> None:
    cell = {
        "cell_type": "code",
        "id": "a",
        "source": "1 # \ud800",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    told = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    (tmp_path / "some.ipynb").write_text(json.dumps(told))
    error = failed(tmp_path / "some.ipynb")
    assert (error.cell, error.source, "surrogates not allowed" in error.reason) == (0, "1 # \\ud800", True)


def test_the_public_names_are_listed_and_a_wrong_one_is_an_attribute_error() -> None:
    assert set(testing.__all__) <= set(dir(testing))
    assert all(getattr(testing, name).__doc__ for name in testing.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'run_notebok'"):
        _ = testing.run_notebok

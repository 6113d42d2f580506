"""Parameters of a notebook: where they go, and what is said of those that it does not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from mcpflow_nb.errors import ConfigError
from mcpflow_nb.testing import NotebookError, run_notebook
from mcpflow_nb.testing.parameters import inject, read_parameters


def cells(*sources: str, tagged: int | None = None) -> list[Any]:
    made = [nbformat.v4.new_code_cell(source, metadata={"tags": []}) for source in sources]
    if tagged is not None:
        made[tagged].metadata.tags.append("parameters")
    return made


def injected(notebook: list[Any], **values: Any) -> tuple[list[str], tuple[int | None, str]]:
    done = inject(notebook, values)
    return [cell.source for cell in notebook], done


def test_values_are_set_right_after_the_cell_that_assigns_them() -> None:
    sources, done = injected(cells("import os", "n = 1\ntext: str = ''", "n", tagged=1), n=2**70, text="it's \n 😀")
    assert (sources[:2], sources[3], done) == (["import os", "n = 1\ntext: str = ''"], "n", (2, ""))
    names: dict[str, Any] = {}
    exec(sources[2], names)
    assert (names["n"], names["text"]) == (2**70, "it's \n 😀")


def test_without_such_a_cell_they_come_first() -> None:
    assert injected(cells("print(n)"), n=None) == (["n = None", "print(n)"], (0, ""))


def test_a_name_that_the_cell_does_not_assign_is_an_error_with_what_was_meant() -> None:
    sources, (number, said) = injected(cells("rows = 1; print(cols)", tagged=0), rowz=1, cols=2)
    assert (number, len(sources)) == (0, 1)
    assert said.splitlines() == [
        "parameter 'rowz': the cell tagged 'parameters' does not assign it; did you mean 'rows'?",
        "parameter 'cols': the cell tagged 'parameters' does not assign it; known: 'rows'",
    ]


def test_a_name_that_no_cell_reads_is_an_error() -> None:
    assert injected(cells("print(n)"), m=1)[1] == (None, "parameter 'm': no cell reads it")


def test_the_cell_may_hold_magics_and_a_cell_that_is_no_python_speaks_for_itself() -> None:
    assert injected(cells("%matplotlib inline\n!ls\n(a, b), c = (1, 2), 3", tagged=0), a=1, b=2, c=3)[1] == (1, "")
    assert injected(cells("a = (", tagged=0), a=1)[1] == (1, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rows", "parameter 'rows': it is given as name=json"),
        ("who=Ada", "parameter 'who': 'Ada' is not JSON; text is written in double quotes: who=\"Ada\""),
        ("a.b=1", "parameter 'a.b': this is not a name that Python can assign"),
        ("class=1", "parameter 'class': this is not a name that Python can assign"),
        ("=1", "parameter '': this is not a name that Python can assign"),
        ("n=NaN", "parameters: "),
        ("n=1e999", "parameters: "),
        ("n=" + "[" * 100_000, "parameter 'n': '[[["),
        ("n=" + "9" * 5_000, "parameter 'n': '999"),
    ],
    ids=range(9),
)
def test_text_that_is_no_parameter_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_parameters([text])
    assert str(caught.value).startswith(said)
    assert len(str(caught.value)) < 250


@pytest.mark.kernel
def test_a_notebook_gets_them_and_its_cells_keep_their_numbers(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=cells("n = 1", "print(n)", "1 / (n - 7)", tagged=0))
    nbformat.write(notebook, tmp_path / "some.ipynb")
    ran = run_notebook(tmp_path / "some.ipynb", parameters={"n": 5})
    assert [cell.source for cell in ran.cells] == ["n = 1", "n = 5", "print(n)", "1 / (n - 7)"]
    assert (ran.cells[1].metadata.tags, ran.cells[2].outputs[0].text) == (["injected-parameters"], "5\n")
    with pytest.raises(NotebookError) as caught:
        run_notebook(tmp_path / "some.ipynb", parameters={"n": 7})
    assert (caught.value.cell, caught.value.source) == (2, "1 / (n - 7)")
    with pytest.raises(NotebookError) as caught:
        run_notebook(tmp_path / "some.ipynb", parameters={"m": 7})
    assert (caught.value.cell, caught.value.source) == (0, "n = 1")
    assert caught.value.reason == "parameter 'm': the cell tagged 'parameters' does not assign it; known: 'n'"

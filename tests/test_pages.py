"""The pages of the course and of the reference: they need nothing, every link leads somewhere, every figure has words."""

from __future__ import annotations

import importlib
import re
import warnings
from pathlib import Path
from typing import Any

import nbformat
import pytest

import mcpflow_nb as mf
from mcpflow_nb.cli import pages
from mcpflow_nb.errors import McpflowError
from mcpflow_nb.lessons.notebook_files import page
from tests.html_page import Page

NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml", "http://www.w3.org/1999/xlink"}


def broken(found: dict[Path, Page]) -> list[str]:
    """Return the links that lead nowhere; those to other machines are not followed."""
    lost = []
    for path, one in found.items():
        for link in one.links:
            name, _, part = link.partition("#")
            if re.match(r"\w+:", name):
                continue
            target = (path.parent / name).resolve() if name else path
            if target not in found or (part and part not in found[target].ids):
                lost.append(f"{path.name}: {link}")
    return lost


def read(folder: Path) -> dict[Path, Page]:
    return {path.resolve(): Page(path) for path in folder.rglob("*.html")}


def test_the_reference_has_every_public_name_and_no_link_of_it_is_broken(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pages.write_reference(tmp_path)
    found = read(tmp_path)
    assert {path.relative_to(tmp_path.resolve()).as_posix() for path in found} == {
        "index.html",
        "mcpflow_nb.html",
        *(f"mcpflow_nb/{name}.html" for name in pages.MODULES),
    }
    assert set(mf.__all__) <= found[tmp_path.resolve() / "mcpflow_nb.html"].ids
    for name in pages.MODULES:
        public = importlib.import_module(f"mcpflow_nb.{name}").__all__
        assert set(public) <= found[(tmp_path / "mcpflow_nb" / f"{name}.html").resolve()].ids
    assert broken(found) == []
    assert [(one.path.name, one.scripts, one.fetched) for one in found.values() if one.scripts or one.fetched] == []


def test_the_reference_without_pdoc_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "find_spec", lambda _name: None)
    with pytest.raises(McpflowError, match=r"pip install 'mcpflow-nb\[docs\]', or leave it out: --no-reference"):
        pages.write_reference(tmp_path)


@pytest.mark.kernel
def test_the_course_is_written_as_pages_that_need_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "notebooks"
    here.mkdir()
    cells: list[Any] = [
        nbformat.v4.new_markdown_cell("# 01 · A <lesson>\n\n**7 minutes · offline ✔**\n\n**Goals.** After this\n\n1. read a|b,\n2. go.\n\n| a |\n| - |\n| b |"),
        nbformat.v4.new_code_cell("import mcpflow_nb as mf, pandas as pd\nflow = mf.SequentialWorkflow('w').step('a', tool='m.a')"),
        nbformat.v4.new_code_cell("answer = ...\n### BEGIN SOLUTION\nanswer = 41\n### END SOLUTION\nanswer + 1"),
        nbformat.v4.new_code_cell("display(flow.graph(), pd.DataFrame({'a': [1]}), flow)"),
    ]  # fmt: skip
    nbformat.write(nbformat.v4.new_notebook(cells=cells), here / "01_a.ipynb")
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")]), here / "02_b.ipynb")
    monkeypatch.setattr(pages, "notebooks_folder", lambda: here)
    site = tmp_path / "site"
    assert pages.pages(site, reference=False) == 1
    said = capsys.readouterr().out
    assert "left out 02_b.ipynb: ZeroDivisionError: division by zero" in said
    found = read(site)
    assert sorted(path.name for path in found) == ["01_a.html", "index.html"]
    assert broken(found) == []
    for one in found.values():
        assert (one.path.name, one.scripts, one.fetched, one.silent) == (
            one.path.name,
            0,
            [],
            [],
        )
    text = (site / "01_a.html").read_text("utf-8")
    assert ">42<" in text.replace("\n", "")
    assert "BEGIN SOLUTION" not in text
    remote = set(re.findall(r"(?:url\(|@import )[\"']?(https?://[^\"')]+)", text)) - NAMESPACES
    assert remote == set()
    index = (site / "index.html").read_text("utf-8")
    assert "A &lt;lesson&gt;" in index
    assert re.search(r"<td>7</td>\s*<td>read a\|b; go</td>", index)
    assert page(nbformat.v4.new_notebook(), "empty").startswith("<!DOCTYPE html>")

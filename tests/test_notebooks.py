"""Every notebook runs from top to bottom in a fresh kernel, and what the tour shows is fit to be read."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mcpflow_nb.bridge import run as in_io_thread
from mcpflow_nb.cli.pages import executed
from mcpflow_nb.lessons.notebook_files import page
from mcpflow_nb.testing import run_notebook
from tests.html_page import Page
from tests.real_servers import why_not

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TOUR = ROOT / "notebooks" / "00_tour.ipynb"


@pytest.fixture(scope="module")
def tour() -> Any:
    return run_notebook(TOUR)


@pytest.mark.timeout(400)
@pytest.mark.row("RE08", "RM04")
def test_every_notebook_runs_from_top_to_bottom_and_its_page_needs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them in two kernels at a time, with their solutions; what they show is read as a page.

    The secrets of whoever runs them stay in the environment.
    """
    for name in ("GITHUB_TOKEN", "OPENAI_API_KEY", "PASSWORD"):
        monkeypatch.setenv(name, f"canary-of-{name}-7341")
    paths = [path for path in NOTEBOOKS if not why_not(path.name)]
    results = in_io_thread(executed(paths, 2))
    assert {path.name: str(one.error) for path, one in results.items() if one.error} == {}
    wrong = {
        (path.name, cell.id): output
        for path, one in results.items()
        for cell in one.notebook.cells
        if "raises-exception" not in cell.metadata.get("tags", ())
        for output in cell.get("outputs", ())
        if output.output_type == "error" or output.get("name") == "stderr"
    }
    assert wrong == {}
    for path, one in results.items():
        (tmp_path / f"{path.stem}.html").write_text(page(one.notebook, path.stem), "utf-8")
        assert "canary-of-" not in nbformat.writes(one.notebook)
    assert [path.name for path in tmp_path.glob("*.html") if "canary-of-" in path.read_text("utf-8")] == []
    pages = [Page(path) for path in sorted(tmp_path.glob("*.html"))]
    assert {one.path.name: one.silent for one in pages if one.silent} == {}
    assert {one.path.name: (one.scripts, one.fetched) for one in pages if one.scripts or one.fetched} == {}
    assert max(one.seconds for one in results.values()) < 60


@pytest.mark.timeout(400)
def test_every_cell_of_every_notebook_can_run_twice(tmp_path: Path) -> None:
    paths = [path for path in NOTEBOOKS if not why_not(path.name)]
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [
            copy.deepcopy(cell) for cell in notebook.cells for _ in range(2 if cell.cell_type == "code" else 1)
        ]
        for number, cell in enumerate(notebook.cells):
            cell.id = f"twice-{number:02}"
        nbformat.write(notebook, tmp_path / path.name)
    results = in_io_thread(executed([tmp_path / path.name for path in paths], 2))
    assert {path.name: str(one.error) for path, one in results.items() if one.error} == {}
    assert len(results) == len(paths)


class _Shown(HTMLParser):
    """The tags of a page, and the tables and images that say nothing in words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.silent: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.tags and self.tags[-1] == "table" and tag != "caption":
            self.silent.append("table")
        if tag == "img" and not dict(attrs).get("alt"):
            self.silent.append("img")
        self.tags.append(tag)


@pytest.mark.row("RE08")
def test_what_the_tour_shows_has_words_beside_it_and_reaches_for_nothing(tour: Any) -> None:
    pages = [
        (cell.id, output.data["text/html"], "dataframe" in output.data["text/html"])
        for cell in tour.cells
        for output in cell.get("outputs", ())
        if "text/html" in output.get("data", {})
    ]
    ours = [(cell, html) for cell, html, is_pandas in pages if not is_pandas]
    assert len(ours) >= 8
    for cell, html in ours:
        shown = _Shown(html)
        assert (cell, shown.silent, "script" in shown.tags) == (cell, [], False)
        assert (cell, re.findall(r"https?://", html)) == (cell, [])


def test_the_tour_shows_the_check_that_knows_what_was_meant(tour: Any) -> None:
    [check] = [cell for cell in tour.cells if cell.cell_type == "code" and "employee_recrd" in cell.source]
    said = check.outputs[0].data["text/plain"]
    assert "employee_recrd" in said
    assert "did you mean 'employee_record'?" in said
    assert "it has: 'username'" in said


def test_everything_the_tour_shows_can_be_read_as_text(tour: Any) -> None:
    shown = [output.data for cell in tour.cells for output in cell.get("outputs", ()) if "data" in output]
    assert [data for data in shown if not data.get("text/plain", "").strip()] == []

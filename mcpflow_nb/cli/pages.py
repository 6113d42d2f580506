"""The course and the reference as pages to read without a kernel: `mcpflow-nb pages FOLDER`.

nbconvert makes the pages of the notebooks, because what stands in them is what Jupyter shows and it is here already;
pdoc makes the reference from the docstrings. No page has a script or fetches anything.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from html import escape
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

import nbformat
from cyclopts import Parameter

import mcpflow_nb
from mcpflow_nb.bridge import run as in_io_thread
from mcpflow_nb.errors import McpflowError
from mcpflow_nb.lessons.build import read, solved
from mcpflow_nb.lessons.notebook_files import notebooks_folder, page
from mcpflow_nb.show import above
from mcpflow_nb.testing.notebooks import NotebookResult, Options, tried

if TYPE_CHECKING:
    from nbformat import NotebookNode

MODULES: Final = ("testing", "lessons", "compliance")
"""What the reference has beside the public names of the package itself: those of these."""
_MINUTES: Final = re.compile(r"\*\*(\d+) minutes")
_GOALS: Final = re.compile(r"\*\*Goals\.\*\*.*?\n\n((?:\d\. .*\n?)+)")


def pages(folder: Path, *, jobs: int = 2, reference: Annotated[bool, Parameter()] = True) -> int:
    """Write the course, run and with its solutions, and the reference as HTML pages that need nothing to be read.

    Exit code 1 when a notebook fails; it is left out and named.

    Parameters
    ----------
    folder
        Where they go, from index.html on; it is made if there is none, and pages of the same names are replaced.
    jobs
        How many notebooks run at once.
    reference
        Also write the reference, which needs pdoc: pip install 'mcpflow-nb[docs]'.
    """
    if folder.exists() and not folder.is_dir():
        raise McpflowError(f"{folder} is a file; give a folder")
    if reference:
        write_reference(folder / "reference")
    results = in_io_thread(executed(sorted(notebooks_folder().glob("*.ipynb")), jobs))
    folder.mkdir(parents=True, exist_ok=True)
    for path, result in results.items():
        if result.error:
            print(f"left out {path.name}: {result.error.reason}", flush=True)
        else:
            (folder / f"{path.stem}.html").write_text(page(result.notebook, heading(result.notebook)), "utf-8")
            print(f"written  {folder / path.stem}.html", flush=True)
    notebooks = {path: result.notebook for path, result in results.items() if not result.error}
    index = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(_overview(notebooks, reference))])  # type: ignore[no-untyped-call]
    (folder / "index.html").write_text(page(index, "mcpflow_nb: the course"), "utf-8")
    print(f"begin at {folder / 'index.html'}")
    return int(len(notebooks) < len(results))


def heading(notebook: NotebookNode) -> str:
    """Return the heading of a notebook."""
    first = next((cell.source for cell in notebook.cells if cell.cell_type == "markdown"), "")
    return str(first.split("\n", 1)[0].lstrip("# "))


def write_reference(folder: Path) -> None:
    """Write a page for each module with public names, made from their docstrings.

    Raises
    ------
    McpflowError
        Where pdoc is not installed.
    """
    if find_spec("pdoc") is None:
        raise McpflowError("the reference needs pdoc: pip install 'mcpflow-nb[docs]', or leave it out: --no-reference")
    import pdoc
    import pdoc.render

    modules = [mcpflow_nb, *map(above, MODULES)]
    for module in modules:  # names that are loaded on their first use: pdoc looks at what is there
        vars(module).update({name: getattr(module, name) for name in module.__all__})
    pdoc.render.configure(docformat="numpy", search=False, footer_text=f"mcpflow_nb {mcpflow_nb.__version__}")
    wanted = [part for one in modules for part in (one.__name__, rf"!{re.escape(one.__name__)}\.")]
    pdoc.pdoc(*wanted, output_directory=folder)
    print(f"written  {folder / 'index.html'}", flush=True)


async def executed(paths: Sequence[Path], jobs: int) -> dict[Path, NotebookResult]:
    """Return what became of each notebook, with its solutions."""
    free = asyncio.Semaphore(max(1, jobs))

    async def one(path: Path, folder: Path) -> NotebookResult:
        target = folder / path.name
        nbformat.write(solved(read(path)), target)  # type: ignore[no-untyped-call]
        async with free:
            return await tried(target, Options())

    with TemporaryDirectory(prefix="pages-") as folder:
        done = await asyncio.gather(*(one(path, Path(folder)) for path in paths))
    return dict(zip(paths, done, strict=True))


def _overview(notebooks: dict[Path, NotebookNode], has_reference: bool) -> str:
    """Return the page that leads to the others, as Markdown."""
    rows = []
    for path, notebook in notebooks.items():
        text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        minutes, goals = _MINUTES.search(text), _GOALS.search(text)
        found = re.findall(r"^\d\. (.*?)[,.]?$", goals[1], re.MULTILINE) if goals else []
        able = escape("; ".join(found), quote=False).replace("|", "\\|")
        rows.append(f"| [{escape(heading(notebook))}]({path.stem}.html) | {minutes[1] if minutes else '—'} | {able} |")
    said = (
        "Every lesson as it looks when it has been run, with its solutions, to read without a kernel. "
        "To work in one, take a copy without solutions: `mcpflow-nb lessons my-course`."
    )
    reference = (
        "\n\nEvery public name, from its docstring: [reference](reference/index.html).\n" if has_reference else ""
    )
    head = "| lesson | minutes | after it you can |\n| --- | --- | --- |"
    return "\n".join(["# The course", "", said, "", head, *rows]) + reference

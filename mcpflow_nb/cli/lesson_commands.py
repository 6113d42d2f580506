"""The command `mcpflow-nb lessons`: the course in a folder of the user's, as the learner's notebooks."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import nbformat
from cyclopts import Parameter

from mcpflow_nb.errors import LessonError
from mcpflow_nb.lessons.build import clean as cleaned
from mcpflow_nb.lessons.build import learner, read
from mcpflow_nb.lessons.build import solved as with_solutions
from mcpflow_nb.lessons.notebook_files import notebooks_folder

if TYPE_CHECKING:
    from nbformat import NotebookNode

Flag = Annotated[bool, Parameter(negative=())]


def lessons(folder: Path, *, solved: Flag = False, clean: Flag = False, overwrite: Flag = False) -> int:
    """Copy the notebooks of the course to a folder, without the solutions of their exercises.

    A file that is there already is kept, and named.

    Parameters
    ----------
    folder
        Where they go; it is made if there is none.
    solved
        With the solutions.
    clean
        Without the explanations too: headings and tasks, to do a lesson again from memory.
    overwrite
        Write files that are there already anew.
    """
    if solved and clean:
        raise LessonError("--solved and --clean: give one of them")
    if folder.exists() and not folder.is_dir():
        raise LessonError(f"{folder} is a file; give a folder")
    version = with_solutions if solved else cleaned if clean else learner
    source = notebooks_folder()
    folder.mkdir(parents=True, exist_ok=True)
    made = {path.name: version(read(path)) for path in sorted(source.glob("*.ipynb"))}
    for name, notebook in made.items():
        target = folder / name
        if target.exists() and not overwrite:
            print(f"kept     {target}: it was there; --overwrite writes it anew")
            continue
        nbformat.write(notebook, target)  # type: ignore[no-untyped-call]
        print(f"written  {target}")
    if any(_has_images(notebook) for notebook in made.values()) and not (folder / "images").exists():
        shutil.copytree(source / "images", folder / "images")
    return 0


def _has_images(notebook: NotebookNode) -> bool:
    return any("](images/" in cell.source for cell in notebook.cells if cell.cell_type == "markdown")

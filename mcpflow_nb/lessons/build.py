"""One notebook, three versions: the learner's without solutions, the solved one, and a clean one without explanations.

A cell tagged `exercise` is where the learner writes. Behind a stub stands a cell tagged `solution` and with the id of
its exercise; inside other cells `### BEGIN SOLUTION` and `### END SOLUTION` enclose it, as nbgrader has it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpflow_nb.errors import LessonError

if TYPE_CHECKING:
    from nbformat import NotebookNode

_MARK: Final = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)
_SOLUTION: Final = re.compile(r"^[ \t]*### BEGIN SOLUTION.*?^[ \t]*### END SOLUTION[ \t]*\n?", re.MULTILINE | re.DOTALL)

_ELSEWHERE: Final = re.compile(r"\s?To work in your own copy, .*?\.(?=\s|$)", re.DOTALL)
"""What tells a reader to take a copy; whoever has one needs it no more."""


def learner(notebook: NotebookNode) -> NotebookNode:
    """Return a copy without the solutions."""
    made = _rewritten(notebook, lambda cell: not is_tagged(cell, "solution"), _SOLUTION)
    for cell in made.cells[:1]:
        cell.source = _ELSEWHERE.sub("", cell.source)
    return made


def solved(notebook: NotebookNode) -> NotebookNode:
    """Return a copy with the solutions, and without the marks around them."""
    return _rewritten(notebook, lambda _cell: True, _MARK)


def clean(notebook: NotebookNode) -> NotebookNode:
    """Return the learner's version with headings and tasks alone, to do the lesson again from memory."""
    made = learner(notebook)
    following = [*made.cells[1:], None]
    for cell, after in zip(made.cells, following, strict=True):
        if cell.cell_type == "markdown" and not (after is not None and is_tagged(after, "exercise")):
            cell.source = "\n".join(line for line in cell.source.split("\n") if line.startswith("#"))
    made.cells = [cell for cell in made.cells if cell.source.strip()]
    return made


def solution_code(path: Path, exercise: str) -> str:
    """Return the code of the solution of an exercise, from the notebook at `path`.

    Raises
    ------
    LessonError
        When the notebook has none.
    """
    for cell in read(path).cells:
        if is_tagged(cell, "solution") and is_tagged(cell, exercise):
            return _MARK.sub("", cell.source).strip()
    raise LessonError(f"{path.name} has no cell tagged 'solution' and {exercise!r}")


def read(path: Path) -> NotebookNode:
    """Return a notebook as it is stored."""
    import nbformat

    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call, no-any-return]


def is_tagged(cell: Any, tag: str) -> bool:
    """Tell whether a cell has a tag."""
    return tag in cell.metadata.get("tags", ())


def _rewritten(notebook: NotebookNode, is_kept: Callable[[Any], bool], dropped: re.Pattern[str]) -> NotebookNode:
    made = copy.deepcopy(notebook)
    made.cells = [cell for cell in made.cells if is_kept(cell)]
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.source = dropped.sub("", cell.source)
    return made

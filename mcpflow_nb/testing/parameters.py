"""Parameters of a notebook: values for the names that its cell tagged `parameters` assigns, set right after that cell.

The tag and the place are those of papermill, so a notebook serves both.
"""

from __future__ import annotations

import ast
import json
import keyword
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from mcpflow_nb.errors import ConfigError, NotJsonError, did_you_mean
from mcpflow_nb.values import jsonable

if TYPE_CHECKING:
    from nbformat import NotebookNode

TAG: Final = "parameters"
INJECTED: Final = "injected-parameters"
"""The tag of the cell that is put in."""


def read_parameters(texts: Iterable[str]) -> dict[str, Any]:
    """Return the values of texts like `name=json`.

    >>> read_parameters(["rows=3", 'who="Ada"', "deep={}"])
    {'rows': 3, 'who': 'Ada', 'deep': {}}

    Raises
    ------
    ConfigError
        For a text that is not a Python name, `=` and one JSON value.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise ConfigError(f"parameter {text!r}: it is given as name=json")
        try:
            found[name] = json.loads(value)
        except (ValueError, RecursionError):
            hint = f"; text is written in double quotes: {name}={json.dumps(value)}" if len(value) < 80 else ""
            raise ConfigError(f"parameter {name!r}: {value[:80]!r} is not JSON{hint}") from None
    return checked(found)


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the values, each a JSON value under a name that Python can assign.

    Raises
    ------
    ConfigError
        For a name that Python cannot assign, and for a value that JSON cannot carry.
    """
    for name in values:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ConfigError(f"parameter {name!r}: this is not a name that Python can assign")
    try:
        return {name: jsonable(value) for name, value in values.items()}
    except NotJsonError as error:
        raise ConfigError(f"parameters: {error}") from None


def inject(cells: list[NotebookNode], values: Mapping[str, Any]) -> tuple[int | None, str]:
    """Put a cell with the values after the cell tagged `parameters`, else first.

    Return the number of the cell it was put before, and an empty text; for names that the notebook does not know
    nothing is put in, and the number is that of the cell tagged `parameters`, and the text says what is wrong.
    """
    import nbformat

    at = next((number for number, cell in enumerate(cells) if TAG in cell.metadata.get("tags", ())), None)
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    known = _assigned(cells[at].source) if at is not None else set(re.findall(r"\w+", "\n".join(code)))
    if known is not None and (unknown := [name for name in values if name not in known]):
        does = f"the cell tagged {TAG!r} does not assign it" if at is not None else "no cell reads it"
        near = sorted(known) if at is not None else ()
        said = [f"parameter {name!r}: {does}{did_you_mean(name, near)}" for name in unknown]
        return at, "\n".join(said)
    source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    put = nbformat.v4.new_code_cell(source, metadata={"tags": [INJECTED]})  # type: ignore[no-untyped-call]
    place = 0 if at is None else at + 1
    cells.insert(place, put)
    return place, ""


def _assigned(source: str) -> set[str] | None:
    """Return the names that a cell assigns; None when it is not Python, which its running will say."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        tree = ast.parse(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]
    except SyntaxError:
        return None
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}

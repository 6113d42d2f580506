"""A saved workflow, read back: the limits of a file, and every way in which it is none of ours."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from mcpflow_nb.errors import DefinitionError, LoadError
from mcpflow_nb.exact import once
from mcpflow_nb.values import first_lines, is_version, nesting
from mcpflow_nb.workflows.workflow import FORMAT_VERSION, SequentialWorkflow

MAX_BYTES: Final = 10_000_000
MAX_NESTING: Final = 200


def load(path: str | os.PathLike[str]) -> SequentialWorkflow:
    """Return the workflow of a file that `save` wrote. Runs nothing.

    Raises
    ------
    LoadError
        When the file is no workflow, too large (10 MB), nested too deep, or of a newer version.
    """
    file = Path(path)
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise LoadError(f"{file.name}: {size:,} bytes; a workflow has at most {MAX_BYTES:,}")
    return from_json(file.read_bytes(), file.name)


def from_json(text: str | bytes, name: str = "text") -> SequentialWorkflow:
    """Return the workflow of a JSON text that `to_json` gave; errors as for `load`."""
    document: Any = None
    try:
        plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        problem = f"nested deeper than {MAX_NESTING} levels" if nesting(plain) > MAX_NESTING else None
        document = None if problem else json.loads(plain, object_pairs_hook=once)
    except ValueError as error:
        problem = f"not JSON: {error}"
    if problem is None and not (isinstance(document, dict) and "mcpflow_nb" in document):
        problem = 'not a saved workflow: it has no "mcpflow_nb"'
    if problem is None and not is_version(document["mcpflow_nb"], FORMAT_VERSION):
        problem = (
            f"format version {document['mcpflow_nb']!r}; this mcpflow_nb reads version {FORMAT_VERSION}: update it"
        )
    if problem is None:
        try:
            return SequentialWorkflow.from_saved(document)
        except (ValidationError, DefinitionError) as error:
            problem = first_lines(error)
    raise LoadError(f"{name}: {problem}")

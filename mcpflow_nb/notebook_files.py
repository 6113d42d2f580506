"""Where the notebooks are: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mcpflow_nb.errors import McpflowError

TOUR: Final = "00_tour.ipynb"


def notebooks_folder() -> Path:
    """Return the folder of the notebooks."""
    package = Path(__file__).resolve().parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / TOUR).is_file():
            return folder
    raise McpflowError(f"the notebook {TOUR} is not installed; install mcpflow-nb again")

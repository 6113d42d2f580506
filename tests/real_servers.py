"""Lesson 12 needs a program and two servers that are installed apart; where they lack, its tests are skipped."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Final

NOTEBOOK: Final = Path(__file__).resolve().parent.parent / "notebooks" / "12_real_servers.ipynb"
_NEEDS: Final = {NOTEBOOK.name: ("git", "mcp_server_git", "mcp_server_time")}


def why_not(notebook: str) -> str | None:
    """Return what a notebook needs and is not here; None when it can run."""
    lacks = [what for what in _NEEDS.get(notebook, ()) if not (shutil.which(what) or importlib.util.find_spec(what))]
    return f"needs {', '.join(lacks)}" if lacks else None

"""The other tools of the gate, so that `pytest` alone is all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GATES = {
    "ruff format": ["ruff", "format", "--check", "."],
    "ruff check": ["ruff", "check", "."],
    "mypy": ["mypy"],
    "lint-imports": ["lint-imports", "--no-cache"],
}


@pytest.mark.parametrize("tool", GATES)
def test_a_tool_of_the_gate_has_nothing_to_say(tool: str) -> None:
    program, *arguments = GATES[tool]
    found = Path(sys.executable).parent / (program + (".exe" if os.name == "nt" else ""))
    done = subprocess.run([str(found), *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
    said = f"{done.stdout}\n{done.stderr}".strip()
    if done.returncode:
        pytest.fail(f"{tool}:\n{said}", pytrace=False)

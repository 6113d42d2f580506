"""A project of somebody else: its notebooks are run by the pytest plugin and by `mcpflow-nb test`, which agree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.kernel

PROJECT = """
[tool.pytest.ini_options]
addopts = ["--strict-config", "--strict-markers"]
testpaths = ["tests", "notebooks"]
filterwarnings = ["error"]
mcpflow_leave_out = ["exercise"]
"""
SERVER = """
import socket
from mcp.server import MCPServer
server = MCPServer("far")
@server.tool()
def reach() -> str:
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=30)
    except OSError as error:
        return str(error)
    return "reached"
server.run()
"""
AWAITED_GROUP = "raise ExceptionGroup('several', [ValueError('inner one')])\nawait None"

# name: cells, each a source or (source, tags)
NOTEBOOKS: dict[str, list[str | tuple[str, str]]] = {
    "good": [
        "from shop import price\nprice(2)",
        ("1 / 0", "raises-exception"),
        ("1 / 0", "skip"),
        ("1 / 0", "exercise"),
    ],
    "fails": ["# only text", "x = 0", "print('before')\n1 / x", "never = 1"],
    "hangs": ["import threading", "threading.Event().wait()"],
    "far": ["import socket", "socket.create_connection(('192.0.2.1', 80), timeout=30)"],
    "far_child": [
        "import sys, mcpflow_nb as mf",
        "with mf.connect(far=[sys.executable, 'server.py']) as servers:\n    said = servers.call('far.reach')",
        "assert '192.0.2.1:80 was refused' in said, said",
    ],
    "dies": ["import os", "os._exit(3)"],
    "group": [AWAITED_GROUP],
    "group_expected": [(AWAITED_GROUP, "raises-exception"), "'after'"],
}
FAILING = {
    "dies": (1, "the kernel ended while this cell was running"),
    "fails": (2, "ZeroDivisionError: division by zero"),
    "far": (
        1,
        "PermissionError: [Errno 13] 192.0.2.1:80 was refused: a notebook under test reaches this machine only; to allow it:"
        " network=True for run_notebook, pytest --mcpflow-network, mcpflow-nb test --network",
    ),
    "group": (0, "ExceptionGroup: several (1 sub-exception)"),
    "hangs": (1, "the notebook did not end within 8 s; this cell was running"),
}


def write(path: Path, cells: list[str | tuple[str, str]]) -> None:
    notebook = nbformat.v4.new_notebook()
    for number, cell in enumerate(cells):
        source, *tags = (cell,) if isinstance(cell, str) else cell
        notebook.cells.append(nbformat.v4.new_code_cell(source, id=f"cell-{number:02}", metadata={"tags": tags}))
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "shop").mkdir()
    (root / "shop" / "__init__.py").write_text("def price(n):\n    return n * 3\n")
    (root / "tests").mkdir()
    (root / "tests" / "test_shop.py").write_text("def test_nothing():\n    pass\n")
    for name, cells in NOTEBOOKS.items():
        write(root / "notebooks" / f"{name}.ipynb", cells)
    write(root / "notebooks" / ".ipynb_checkpoints" / "good-checkpoint.ipynb", ["1 / 0"])
    (root / "notebooks" / "server.py").write_text(SERVER)
    return root


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", *arguments]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(folder)}
    return subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=110)

"""The pytest plugin: with `--mcpflow-notebooks` every `.ipynb` is a test; without it nothing happens.

pytest loads this file in every suite of an environment, so it holds the options alone and imports nothing; what they
do is in `items.py`. To add an option: a line here, and its word in `options_of` there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; those of a project also stand in its settings."""
    group = parser.getgroup("mcpflow_nb", "notebooks as tests (mcpflow_nb)")
    add = group.addoption
    add("--mcpflow-notebooks", action="store_true", help="Run each .ipynb file from top to bottom in a fresh kernel.")
    add(
        "--mcpflow-timeout",
        type=float,
        metavar="SECONDS",
        help="How long a notebook may run (60; setting mcpflow_timeout).",
    )
    add(
        "--mcpflow-network",
        action="store_true",
        help="Let notebooks reach more than this machine (setting mcpflow_network).",
    )
    add(
        "--mcpflow-param", action="append", default=[], metavar="NAME=JSON",
        help="Set a name after the cell tagged `parameters`, else first; may be repeated.",
    )  # fmt: skip
    add(
        "--mcpflow-leave-out", action="append", metavar="TAG",
        help="Leave out cells with this tag; may be repeated (setting mcpflow_leave_out).",
    )  # fmt: skip
    parser.addini("mcpflow_timeout", "How long a notebook may run, in seconds.", default="60")
    parser.addini("mcpflow_network", "Let notebooks reach more than this machine.", type="bool", default=False)
    parser.addini("mcpflow_leave_out", "Tags of cells to leave out.", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Load what collects notebooks, when it is wanted."""
    if config.getoption("--mcpflow-notebooks"):
        config.pluginmanager.import_plugin("mcpflow_nb.testing.items")

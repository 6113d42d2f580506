"""Notebooks as items of pytest: each `.ipynb` is one, and a failing one shows its cell, source and error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcpflow_nb.errors import ConfigError
from mcpflow_nb.testing.notebooks import is_copy, try_notebook
from mcpflow_nb.testing.parameters import read_parameters

_OPTIONS = pytest.StashKey[dict[str, Any]]()


def pytest_configure(config: pytest.Config) -> None:
    """Read the options once, before anything is collected."""
    config.stash[_OPTIONS] = options_of(config)


def options_of(config: pytest.Config) -> dict[str, Any]:
    """Return the keywords of `run_notebook` that the command line says, else the project's settings."""
    timeout, leave_out = config.getoption("--mcpflow-timeout"), config.getoption("--mcpflow-leave-out")
    stated, problem = config.getini("mcpflow_timeout"), ""
    where = "mcpflow_timeout" if timeout is None else "--mcpflow-timeout"
    try:
        seconds = float(stated) if timeout is None else timeout
        if not seconds > 0:
            raise pytest.UsageError(f"{where}: it is a number of seconds above 0, not {seconds:g}")
        return {
            "timeout": seconds,
            "network": config.getoption("--mcpflow-network") or config.getini("mcpflow_network"),
            "parameters": read_parameters(config.getoption("--mcpflow-param")),
            "leave_out": config.getini("mcpflow_leave_out") if leave_out is None else leave_out,
        }
    except ConfigError as error:
        problem = f"--mcpflow-param: {error}"
    except ValueError:
        problem = f"mcpflow_timeout: {stated!r} is no number of seconds"
    raise pytest.UsageError(problem)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect every notebook, unless it is a copy."""
    root = parent.config.rootpath
    below = file_path.relative_to(root) if file_path.is_relative_to(root) else Path(file_path.name)
    if file_path.suffix != ".ipynb" or is_copy(below):
        return None
    return NotebookFile.from_parent(parent, path=file_path)


class NotebookFile(pytest.File):
    """A notebook, which is one test: its cells need each other."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the notebook."""
        yield NotebookItem.from_parent(self, name="notebook")


class NotebookItem(pytest.Item):
    """A notebook that runs from top to bottom."""

    def runtest(self) -> None:
        """Run it; how many cells passed and were skipped stands in the properties of the report."""
        result = try_notebook(self.path, **self.config.stash[_OPTIONS])
        self.user_properties += result.counts.items()
        if result.error:
            pytest.fail(str(result.error), pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where it is, and its heading."""
        return self.path, 0, self.nodeid

"""Tests of notebooks and of runs, for the suite of whoever uses this package. One file each; the public names are here.

Each is loaded on its first use: pytest loads the plugin of this folder in every suite of an environment, so that must
stay cheap. To add a name: a line in `_HOME`, and the same import above it for type checkers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mcpflow_nb.show import above

if TYPE_CHECKING:
    from mcpflow_nb.testing.assertions import assert_run as assert_run
    from mcpflow_nb.testing.notebooks import NotebookError as NotebookError
    from mcpflow_nb.testing.notebooks import NotebookResult as NotebookResult
    from mcpflow_nb.testing.notebooks import run_notebook as run_notebook
    from mcpflow_nb.testing.notebooks import try_notebook as try_notebook
    from mcpflow_nb.testing.replay_check import ReplayCheck as ReplayCheck
    from mcpflow_nb.testing.replay_check import assert_replay as assert_replay
    from mcpflow_nb.testing.replay_check import check_replay as check_replay
    from mcpflow_nb.testing.snapshots import assert_trace as assert_trace

_HOME: Final = {
    "NotebookError": "notebooks",
    "NotebookResult": "notebooks",
    "run_notebook": "notebooks",
    "try_notebook": "notebooks",
    "assert_run": "assertions",
    "assert_trace": "snapshots",
    "ReplayCheck": "replay_check",
    "assert_replay": "replay_check",
    "check_replay": "replay_check",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(above(f"testing.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})

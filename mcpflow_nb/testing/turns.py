"""A mocked tool that answers differently each time it is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def in_turn(*outputs: Any) -> Callable[..., Any]:
    """Return a tool for `mf.mock` that gives these outputs one after the other; an exception is raised.

    One call more than there are outputs fails.

    >>> tool = in_turn({"n": 1}, {"n": 2})
    >>> tool(a="x"), tool()
    ({'n': 1}, {'n': 2})
    """
    left = list(outputs)

    def tool(**_arguments: Any) -> Any:
        if not left:
            raise AssertionError(f"it was called {len(outputs)} times when this was recorded, and now once more")
        output = left.pop(0)
        if isinstance(output, Exception):
            raise output
        return output

    return tool

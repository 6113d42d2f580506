"""A hint or a solution: its sentence, and its code as it would be written."""

from __future__ import annotations

from typing import Any

from mcpflow_nb.views.html import Safe, frame, preformatted, short, tag, ticked
from mcpflow_nb.views.plain import clip, fold, page
from mcpflow_nb.visible import visible


def line(told: Any) -> str:
    """Return `<Told Hint 1 of 3, exercise 03.1>`."""
    return f"<Told {_kind(told)} {clip(told.title, 60)}>"


def plain(told: Any) -> str:
    """Return title, sentence and code."""
    code = visible(told.code[:20_000], lines=True).split("\n") if told.code else []
    return page([f"{_kind(told)} {clip(told.title, 80)}", *fold(told.text, "  ", 8), *code], "print(told.code)")


def html(told: Any) -> Safe:
    """Return the same, the code in its own letters."""
    code = preformatted(told.code) if told.code else None
    return frame(_kind(told), short(told.title), [], tag("p", ticked(told.text, 2_000)), code)


def _kind(told: Any) -> str:
    return "Solution" if told.kind == "Solution" else "Hint"

"""The paths of a binding: what is there, and the expression that reads it, to copy."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.masking import is_secret
from mcpflow_nb.paths import dotted
from mcpflow_nb.views.html import Safe, code, frame, short, table, tag
from mcpflow_nb.views.plain import clip, count, grid, page, width
from mcpflow_nb.views.values import brief

MOST: Final = 100
LONGEST: Final = 400
"""Characters of an expression that is shown whole; a longer one is not shown, for half of it is of no use."""


def line(paths: Any) -> str:
    """Return `<Paths person: 3 paths>`."""
    return f"<Paths {clip(paths.binding, 60)}: {_counted(paths)}>"


def plain(paths: Any) -> str:
    """Return a line a path: what is read, its value, its expression."""
    rows = [["", _label(paths, row), _value(paths, row, 30), _code(row)] for row in list(paths)[:MOST]]
    lines = [f"Paths of {clip(paths.binding, 60)} — {_counted(paths)}", *_lines(rows)]
    return page([*lines, *(f"  … {cut}" for cut in [_cut(paths)] if cut)], "paths.df")


def html(paths: Any) -> Safe:
    """Return the table of paths."""
    rows = [
        [code(_label(paths, row)), tag("code", _value(paths, row)), tag("code", _code(row))]
        for row in list(paths)[:MOST]
    ]
    body = table("Paths", ["path", "value", "expression"], rows, _cut(paths)) if rows else tag("p", "No paths.")
    return frame(
        "Paths",
        code(paths.binding),
        [_counted(paths)],
        body,
        foot=("paths.df", f"run[{short(repr(paths.binding), 80)}]"),
    )


def _lines(rows: list[list[str]]) -> list[str]:
    """Return the rows in columns; the expression, which is last, is as long as the line allows."""
    before = [clip(text, 66) for text in grid([row[:3] for row in rows], 30)]
    widest = max(map(width, before), default=0)
    return [text + " " * (widest - width(text)) + f"  {row[3]}" for text, row in zip(before, rows, strict=True)]


def _counted(paths: Any) -> str:
    return count(len(paths) + paths.left_out, "path")


def _label(paths: Any, row: Any) -> str:
    return dotted(paths.binding, row.path)


def _value(paths: Any, row: Any, most: int = 80) -> str:
    secret = next((str(key) for key in (paths.binding, *row.path) if is_secret(key)), "")
    return brief(row.value, most, secret)


def _code(row: Any) -> str:
    long = f"too long to show ({len(row.code):,} characters): paths.df"
    return str(row.code) if len(row.code) <= LONGEST else long


def _cut(paths: Any) -> str:
    hidden = len(paths) - MOST
    parts = [f"{hidden:,} more: paths.df"] if hidden > 0 else []
    parts += (
        [f"{paths.left_out:,} beyond the first {len(paths):,} are not listed: the value itself has them"]
        if paths.left_out
        else []
    )
    return "; ".join(parts)

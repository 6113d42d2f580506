"""Text displays: at most 100 columns and 40 lines, every hidden character written out, what is cut is said."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence, Sized
from typing import Final

from mcpflow_nb.visible import visible

COLUMNS: Final = 100
LINES: Final = 40


def width(text: str) -> int:
    """Return how many columns a terminal gives to a text: two for wide signs, none for marks on the one before.

    >>> width("ab"), width("日本")
    (2, 4)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def clip(text: object, most: int = COLUMNS) -> str:
    """Return one visible line of at most `most` columns, `…` at its end where it was cut.

    >>> clip("abcdef", 4)
    'abc…'
    """
    plain = text if isinstance(text, str) else str(text)
    shown = visible(plain[: 4 * most])
    if width(shown) <= most and len(plain) <= 4 * most:
        return shown
    kept, used = [], 1
    for sign in shown:
        used += width(sign)
        if used > most:
            break
        kept.append(sign)
    return "".join(kept) + "…"


def grid(rows: Sequence[Sequence[object]], widest: int = 36) -> list[str]:
    """Return rows as lines in columns two spaces apart, each cell at most `widest` columns."""
    cells = [[clip(cell, widest) for cell in row] for row in rows]
    count = max(map(len, cells), default=0)
    widths = [max((width(row[at]) for row in cells if at < len(row)), default=0) for at in range(count)]
    return ["  ".join(cell + " " * (widths[at] - width(cell)) for at, cell in enumerate(row)).rstrip() for row in cells]


def page(lines: Sequence[str], rest: str) -> str:
    """Return lines as one text; from the 40th on they give way to a line that names the expression with the rest."""
    shown = [clip(line) for line in lines[:LINES]]
    if len(lines) > LINES:
        shown[LINES - 1 :] = [clip(f"… {len(lines) - LINES + 1} more lines: {rest}")]
    return "\n".join(shown)


def fold(text: str, indent: str, most: int = 4) -> list[str]:
    """Return a long text as lines of a page, at most `most` of them.

    >>> fold("reason: " + "long " * 30, "  ", 1)[0][-6:]
    'long …'
    """
    return textwrap.wrap(
        visible(text[: COLUMNS * most]), COLUMNS, initial_indent=indent, subsequent_indent=indent + "    ",
        max_lines=most, placeholder=" …",
    )  # fmt: skip


def more(items: Sized, most: int, rest: str) -> str:
    """Return how many items are left out and the expression that has them; nothing where all are shown.

    >>> more("abc", 2, "report.df"), more("ab", 2, "report.df")
    ('1 more: report.df', '')
    """
    return f"{len(items) - most} more: {rest}" if len(items) > most else ""


def full_name(server: str | None, tool: str | None) -> str:
    """Return `server.tool`, or as much of it as is known."""
    return ".".join(part for part in (server, tool) if part)


def count(number: int, word: str, plural: str = "") -> str:
    """Return `1 step`, `2 steps`.

    >>> count(1, "step"), count(2_000, "reply", "replies")
    ('1 step', '2,000 replies')
    """
    return f"{number:,} {word if number == 1 else plural or word + 's'}"

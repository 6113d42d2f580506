"""The calls that a run and its forks have sent: which only read, and which may have changed something."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, badge, code, frame, joined, short, table, tag, word
from mcpflow_nb.views.marks import mark, source_word
from mcpflow_nb.views.plain import clip, count, full_name, grid, page

FIRST: Final = 20
LAST: Final = 40
REST: Final = "run.effects().df"
UNREAL: Final = {"mock": "to mocks", "recorded": "to a recording"}
UNDONE: Final = "going back undid none of them"


def line(effects: Any) -> str:
    """Return `<Effects: 3 calls sent, 2 may have changed something>`."""
    return f"<Effects: {_headline(effects)}>"


def plain(effects: Any) -> str:
    """Return a line a call, oldest first; of many the first and the last."""
    head = f"Effects — {_headline(effects)}{f'; {UNDONE}' if len(effects) else ''}"
    shown = _chosen(effects, 8, 28)
    lines = grid([["", str(at + 1), *_words(row)] for at, row in shown], 24)
    if left := len(effects) - len(shown):
        lines.insert(8, f"  … {left:,} more: {REST}")
    return page([head, *lines], REST)


def html(effects: Any) -> Safe:
    """Return the table of calls, and what going back did to them: nothing."""
    if not len(effects):
        return frame("Effects", "No call was sent.", [], foot=(REST,))
    return frame("Effects", _headline(effects), [], calls_table(effects), foot=(REST,))


def calls_table(effects: Any) -> Safe:
    """Return a row a call that was sent; of many the first and the last."""
    shown = _chosen(effects, FIRST, LAST)
    left = len(effects) - len(shown)
    cut = f"… {left:,} more after the first {FIRST}: {REST}" if left else ""
    columns = ["#", "step", "server.tool", "on the server", "source", "status", "run", "when"]
    caption = f"Calls that were sent, oldest first; {UNDONE}"
    return table(caption, columns, [_cells(*one) for one in shown], cut)


def _headline(effects: Any) -> str:
    rows = list(effects)
    if not rows:
        return "no call was sent"
    changed = sum(outcome(row)[0].startswith("!") for row in rows)
    counted = [(sum(row.source == source for row in rows), words) for source, words in UNREAL.items()]
    to = "".join(f" ({number:,} {words})" for number, words in counted if number)
    return f"{count(len(rows), 'call')} sent{to}, {changed:,} may have changed something"


def outcome(row: Any) -> tuple[str, str]:
    """Return what a call may have done on its server, as sign and word, with the status whose colours it has."""
    if row.status == "not_executed":
        return "⊘ did not run", "skipped"
    if row.only_reads:
        return "○ read-only", "pending"
    if row.source == "mock":
        return "◇ a mock's answer", "source"
    if row.source == "recorded":
        return "◉ a recorded answer", "source"
    return "! may have changed something", "error"


def _chosen(effects: Any, first: int, last: int) -> list[tuple[int, Any]]:
    everything = list(enumerate(effects))
    return everything if len(everything) <= first + last else everything[:first] + everything[-last:]


def _said(row: Any) -> str:
    """Return the server's own words of the tool, where they say more than the outcome does."""
    words = [str(one) for one in row.effects if one != "read-only"]
    return f"the server says: {', '.join(words)}" if words else ""


def _attempt(row: Any) -> str:
    undoes = " (taken back)" if row.undoes else ""
    return undoes + (f" (attempt {row.attempt})" if row.attempt != 1 else "")


def _when(row: Any) -> str:
    return f"{row.when:%Y-%m-%d %H:%M:%S} {row.when.tzname() or ''}".rstrip() if row.when is not None else "—"


def _words(row: Any) -> list[str]:
    shown = mark(row.status)
    return [
        row.step + _attempt(row), full_name(row.server, row.tool), outcome(row)[0], f"{shown.icon} {shown.word}",
        f"run {clip(row.run, 16)}",
    ]  # fmt: skip


def _cells(at: int, row: Any) -> list[object]:
    shown = mark(row.status)
    said = _said(row)
    return [
        str(at + 1), joined(code(row.step), _attempt(row)), code(full_name(row.server, row.tool)),
        joined(badge(*outcome(row)), tag("div", short(said)) if said else None),
        word(short(source_word(row.source) or "—", 40)), badge(f"{shown.icon} {shown.word}", shown.kind),
        code(row.run, 24), word(_when(row)),
    ]  # fmt: skip

"""What each remaining step of a run will do, and why, before any of it is done."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, badge, code, frame, short, table, word
from mcpflow_nb.views.marks import MARKS, NEXT, PENDING, SOURCES, Mark, source_word
from mcpflow_nb.views.plain import clip, count, fold, full_name, more, page
from mcpflow_nb.views.values import error_shown

MOST: Final = 60
REST: Final = "run.plan().df"


def _kept(source: str) -> Mark:
    icon, said = SOURCES[source].split(" ")
    return MARKS["ok"]._replace(icon=icon, word=said)


WILL: Final = {
    "call": NEXT._replace(word="call"),
    "fetch": NEXT._replace(word="fetch"),
    "reuse": _kept("reused")._replace(word="reuse"),
    "may reuse": _kept("reused")._replace(icon="↻?", word="may reuse", kind="next"),
    "pinned": _kept("pinned"),
    "hand off": MARKS["handoff"]._replace(word="hand off"),
    "wait for a person": MARKS["waiting"]._replace(word="wait for a person"),
    "wait for a re-run": MARKS["skipped"]._replace(icon="‖", word="wait for a re-run"),
    "cannot be sent": MARKS["not_sent"]._replace(word="cannot be sent"),
}
"""By what a step will do."""


def line(upcoming: Any) -> str:
    """Return `<Upcoming: 3 steps: 1 × call, 2 × reuse>`."""
    return f"<Upcoming: {_headline(upcoming)}>"


def plain(upcoming: Any) -> str:
    """Return each remaining step with what it will do and why."""
    lines = [f"Upcoming in run {clip(upcoming.run, 20)} — {_headline(upcoming)}"]
    for row in list(upcoming)[:MOST]:
        shown = _mark(row)
        facts = [f"{shown.icon} {clip(shown.word, 20)}", clip(source_word(row.source), 12)]
        lines.append(f"  {clip(row.step, 30)}  {clip(_called(row), 30)}  {'  '.join(filter(None, facts))}")
        lines += fold("; ".join(filter(None, [_why(row), _effects(row)])), "       ", 2)
    return page(lines, REST)


def html(upcoming: Any) -> Safe:
    """Return the table of the remaining steps."""
    facts, foot = [f"run {short(upcoming.run, 200)}"], (REST, "run.step()", "run.all()")
    return frame("Upcoming", short(_headline(upcoming)), facts, steps_table(upcoming), foot=foot)


def steps_table(upcoming: Any) -> Safe | None:
    """Return a row a remaining step; None where none is left."""
    rows = [_cells(row) for row in list(upcoming)[:MOST]]
    columns = ["step", "server.tool", "will", "source", "the server says", "why"]
    caption = "What comes, in order; nothing of it was called"
    return table(caption, columns, rows, more(upcoming, MOST, REST)) if rows else None


def _headline(upcoming: Any) -> str:
    rows = list(upcoming)
    if not rows:
        return "no step is left"
    kinds = dict.fromkeys(clip(row.will, 30) for row in rows)
    each = [f"{sum(clip(row.will, 30) == kind for row in rows):,} × {kind}" for kind in kinds]
    return f"{count(len(rows), 'step')}: {', '.join(each)}"


def _mark(row: Any) -> Mark:
    return WILL.get(row.will) or PENDING._replace(icon="?", word=str(row.will))


def _called(row: Any) -> str:
    return full_name(row.server, row.tool) or "—"


def _why(row: Any) -> str:
    return error_shown(row.why)


def _effects(row: Any) -> str:
    return f"the server says: {', '.join(map(str, row.effects))}" if row.effects else ""


def _cells(row: Any) -> list[object]:
    shown = _mark(row)
    said = ", ".join(map(str, row.effects)) or "—"
    return [
        code(row.step), code(_called(row)), badge(f"{shown.icon} {shown.word}", shown.kind),
        word(short(source_word(row.source) or "—", 40)), short(said, 200), short(_why(row), 600),
    ]  # fmt: skip

"""A forecast: what is expected of each step before a run, and why."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, badge, code, frame, short, spaced, table, tag
from mcpflow_nb.views.marks import MARKS, NEXT, PENDING, Mark
from mcpflow_nb.views.plain import clip, count, fold, full_name, more, page

MOST: Final = 60

EXPECTED: Final = {
    "call": NEXT._replace(word="call"),
    "fetch": NEXT._replace(word="fetch"),
    "handoff": MARKS["handoff"],
    "wait for a person": MARKS["waiting"]._replace(word="wait for a person"),
    "may hand off": MARKS["handoff"]._replace(icon="?", word="may hand off"),
    "not reached": MARKS["skipped"]._replace(word="not reached"),
    "cannot run": MARKS["not_sent"]._replace(word="cannot run"),
}
"""By what is expected of a step."""


def line(forecast: Any) -> str:
    """Return `<Forecast onboard_employee: 3 steps, hands off at 'approve'>`."""
    return f"<Forecast {clip(forecast.workflow, 60)}: {_headline(forecast)}>"


def plain(forecast: Any) -> str:
    """Return the headline, and each step with what is expected and why."""
    lines = [f"Forecast of {clip(forecast.workflow, 40)} — {_headline(forecast)}"]
    for number, row in enumerate(forecast, 1):
        mark = _mark(row)
        lines.append(f"{number:>3}  {clip(row.step, 36)}  {clip(_called(row), 40)}  {mark.icon} {mark.word}")
        lines += fold(row.why, "       ")
    return page(lines, "forecast.df")


def html(forecast: Any) -> Safe:
    """Return the headline and a table of the steps."""
    rows = [_cells(number, row) for number, row in enumerate(list(forecast)[:MOST], 1)]
    columns = ["#", "step", "call", "expected", "why", "missing"]
    body = table("Expected", columns, rows, more(forecast, MOST, "forecast.df")) if rows else tag("p", "No steps.")
    return frame("Forecast", code(forecast.workflow), [short(_headline(forecast))], body, foot=("forecast.df",))


def _cells(number: int, row: Any) -> list[object]:
    mark = _mark(row)
    state = badge(f"{mark.icon} {mark.word}", mark.kind)
    missing = spaced(*map(code, row.missing[:12]), by=" ") if row.missing else "—"
    return [str(number), code(row.step), code(_called(row)), state, short(row.why, 600), missing]


def _mark(row: Any) -> Mark:
    return EXPECTED.get(row.expected) or PENDING._replace(icon="?", word=str(row.expected))


def _called(row: Any) -> str:
    return full_name(row.server, row.tool) or "—"


def _headline(forecast: Any) -> str:
    stopped = next((row.step for row in forecast if row.expected == "cannot run"), None)
    steps = count(len(forecast), "step")
    if stopped is not None:
        return f"{steps}, cannot run: {clip(repr(stopped), 40)}"
    if forecast.hands_off is not None:
        return f"{steps}, hands off at {clip(repr(forecast.hands_off), 40)}"
    doubts = sum(row.expected == "may hand off" for row in forecast)
    return f"{steps}, {f'may hand off at {doubts}' if doubts else 'no handoff'}"

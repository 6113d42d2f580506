"""The runs of a journal: a row a run, what needs somebody first in words, and the line that goes on with it."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, badge, code, frame, named, short, table, tag
from mcpflow_nb.views.marks import NEXT, Mark, outcome_mark
from mcpflow_nb.views.plain import clip, count, grid, more, page

MOST: Final = 30
OWN: Final = {
    "interrupted": outcome_mark("unknown")._replace(icon="⚡", word="interrupted"),
    "running": NEXT._replace(word="running"),
}
"""Outcomes that only a run in a journal has."""


def line(runs: Any) -> str:
    """Return `<Runs of runs.db: 3 runs, 1 interrupted>`."""
    return f"<Runs of {clip(runs.path, 80)}: {_sum(runs)}>"


def plain(runs: Any) -> str:
    """Return a line a run."""
    rows = [
        ["", named(one.run_id, 40), named(one.workflow, 40), f"{_mark(one).icon} {_mark(one).word}", _done(one), _when(one),
         _held(one)]
        for one in list(runs)[:MOST]
    ]  # fmt: skip
    rest = more(runs.rows, MOST, "runs.df")
    return page(
        [f"Runs of {clip(runs.path, 80)} — {_sum(runs)}", *grid(rows), *([rest] if rest else []), *_foot(runs)],
        "runs.df",
    )


def html(runs: Any) -> Safe:
    """Return a table, a row a run."""
    rows = [
        [code(one.run_id, 60), named(one.workflow, 80), badge(f"{_mark(one).icon} {_mark(one).word}", _mark(one).kind),
         _done(one), _when(one), short(_held(one), 100)]
        for one in list(runs)[:MOST]
    ]  # fmt: skip
    columns = ["run", "workflow", "outcome", "steps done", "touched (UTC)", "held by"]
    body = table("Runs", columns, rows, more(runs.rows, MOST, "runs.df")) if rows else tag("p", "No runs.")
    return frame("Runs", code(runs.path, 200), [_sum(runs)], body, foot=_foot(runs))


def _mark(one: Any) -> Mark:
    return OWN.get(one.outcome) or outcome_mark(one.outcome)


def _done(one: Any) -> str:
    return f"{one.state.done:,} of {one.state.steps:,}"


def _when(one: Any) -> str:
    return str(one.updated.strftime("%Y-%m-%d %H:%M:%S"))


def _held(one: Any) -> str:
    return one.owner.words if one.owner is not None and one.is_held else ""


def _sum(runs: Any) -> str:
    outcomes = [one.outcome for one in runs]
    waiting = [
        f"{outcomes.count(word)} {word}" for word in ("interrupted", "unknown", "handoff", "paused") if word in outcomes
    ]
    return ", ".join([count(len(outcomes), "run"), *waiting])


def _foot(runs: Any) -> tuple[str, ...]:
    open_ones = [one for one in runs if one.outcome not in ("completed", "running")]
    where = "" if runs.is_own else f", journal={clip(runs.path, 60)!r}"
    go_on = [clip(f"mf.resume({clip(open_ones[0].run_id, 40)!r}, servers{where})")] if open_ones else []
    return (*go_on, "runs.df")

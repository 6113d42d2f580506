"""A drill as a heat table: a row a step, a column a fault, and in each cell the verdict as sign, word and colour."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, badge, code, details, frame, named, short, table, tag
from mcpflow_nb.views.plain import count, fold, page
from mcpflow_nb.views.values import error_shown

SIGNS: Final = {
    "stopped": ("✔", "ok"), "handed off": ("⇢", "handoff"), "unharmed": ("✔", "ok"), "silently wrong": ("✖", "error"),
    "hung": ("✖", "error"), "not reached": ("○", "plain"), "no place": ("–", "plain"),
}  # fmt: skip
MOST_STEPS: Final = 60
MOST_BAD: Final = 20


def line(drill: Any) -> str:
    """Return `<Drill onboard: 5 steps with 8 faults, none silently wrong>`."""
    what = f"{count(len(drill.steps), 'step')} with {count(len(_columns(drill)), 'fault')}"
    return f"<Drill {short(drill.workflow, 60)}: {what}, {_sum(drill)}>"


def plain(drill: Any) -> str:
    """Return a line a step that names the faults by their verdict, and why the bad ones are bad."""
    steps = [line for step in drill.steps for line in fold(f"{named(step, 40)}: {_grouped(drill, step)}", "  ")]
    bad = [line for cell in drill.bad[:MOST_BAD] for line in fold(f"✖ {_place(cell)}: {_why(cell)}", "  ")]
    return page([f"Drill {named(drill.workflow, 60)} — {_sum(drill)}", *bad, *steps], "drill.df")


def _grouped(drill: Any, step: str) -> str:
    groups: dict[str, list[str]] = {}
    for cell in _row(drill, step):
        groups.setdefault(cell.verdict, []).append(short(cell.fault, 60))
    return "; ".join(f"{SIGNS[verdict][0]} {verdict}: {', '.join(faults)}" for verdict, faults in groups.items())


def html(drill: Any) -> Safe:
    """Return the table, and every try folded under it."""
    columns = ["step", *_columns(drill)]
    rows = [[code(step, 60), *(_word(one.verdict) for one in _row(drill, step))] for step in drill.steps[:MOST_STEPS]]
    cut = f"{len(drill.steps) - MOST_STEPS} more steps: drill.df" if len(drill.steps) > MOST_STEPS else ""
    bad = [
        tag("p", badge("✖", "error"), " ", tag("strong", _place(cell)), ": ", _why(cell))
        for cell in drill.bad[:MOST_BAD]
    ]
    tries = [
        [code(cell.step, 60), cell.fault, code(one.at, 60), _word(one.verdict), short(error_shown(one.why), 200)]
        for cell in drill.cells for one in cell.tries
    ]  # fmt: skip
    shown = table("Tries", ["step", "fault", "broken at", "verdict", "because"], tries[:100], _cut(tries))
    facts = [count(len(drill.steps), "step"), badge(_sum(drill), "ok" if drill else "error")]
    body = table("What becomes of the run", columns, rows, cut) if rows else tag("p", "No step calls a tool.")
    folded = details(f"Every try ({len(tries):,})", shown) if tries else None
    return frame(
        "Drill", code(drill.workflow), facts, body, bad, folded, foot=("drill[step, fault].worst.trace", "drill.df")
    )


def _cut(tries: list[Any]) -> str:
    return f"{len(tries) - 100:,} more: drill.df" if len(tries) > 100 else ""


def _columns(drill: Any) -> list[str]:
    return list(dict.fromkeys(cell.fault for cell in drill.cells))


def _row(drill: Any, step: str) -> list[Any]:
    return [cell for cell in drill.cells if cell.step == step]


def _word(verdict: str) -> Safe:
    return badge(f"{SIGNS[verdict][0]} {verdict}", SIGNS[verdict][1])


def _sum(drill: Any) -> str:
    bad = [cell.verdict for cell in drill.bad]
    words = [f"{bad.count(word)} {word}" for word in ("silently wrong", "hung") if word in bad]
    return ", ".join(words) or "none silently wrong, none hung"


def _place(cell: Any) -> str:
    return f"{named(cell.step, 60)} with {cell.fault}" + (f" at {named(cell.worst.at, 60)}" if cell.worst else "")


def _why(cell: Any) -> str:
    return short(error_shown(cell.worst.why), 300) if cell.worst else ""

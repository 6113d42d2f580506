"""An answered question or prediction: whether it is right, and an explanation for each choice that may be told."""

from __future__ import annotations

from typing import Any

from mcpflow_nb.views.html import Safe, badge, code, frame, named, short, table, tag, ticked
from mcpflow_nb.views.marks import MARKS, PENDING, Mark
from mcpflow_nb.views.plain import clip, fold, page


def line(answered: Any) -> str:
    """Return `<Answered 03.2: not right>`."""
    return f"<Answered {clip(answered.question, 40)}: {answered.headline}>"


def plain(answered: Any) -> str:
    """Return whether it is right, and a line a choice that is explained."""
    mark = _mark(answered)
    lines = [
        f"{mark.icon} {clip(answered.kind, 40)} {clip(answered.question, 40)} — {answered.headline}{_said(answered)}"
    ]
    for choice in answered.explained:
        lines += fold(f"{_sign(answered, choice)} {named(choice, 40)}: {short(answered.why[choice], 600)}", "  ")
    return page([*lines, *fold(_rest(answered), "  ")], "report.why")


def html(answered: Any) -> Safe:
    """Return the same as a table."""
    mark = _mark(answered)
    facts = [badge(f"{mark.icon} {answered.headline}{_said(answered)}", mark.kind)]
    rows = [[code(choice), _sign(answered, choice), ticked(answered.why[choice])] for choice in answered.explained]
    body = table("Why", ["choice", "verdict", "explanation"], rows) if rows else None
    rest = tag("p", _rest(answered)) if _rest(answered) else None
    return frame(
        "Prediction" if answered.kind == "Prediction" else "Question", code(answered.question, 40), facts, body, rest
    )


def _mark(answered: Any) -> Mark:
    return PENDING if answered.given is None else MARKS["ok" if answered else "tool_error"]


def _sign(answered: Any, choice: str) -> str:
    return "✔ right" if choice == answered.right else "✖ not right"


def _said(answered: Any) -> str:
    return "" if answered.given is None else f": {named(answered.given, 40)}"


def _rest(answered: Any) -> str:
    """Return what to do next: nothing once it is right."""
    choices = ", ".join(named(one, 40) for one in list(answered.why)[:12])
    if answered.given is None or not answered.explained:
        return f"Put one of these in the place of the dots: {choices}"
    return "" if answered else f"Change your answer and run the cell again. The choices: {choices}"

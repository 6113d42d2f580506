"""A checked exercise: each criterion as sign and words, why it is not met, and the place in the learner's own code."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, badge, code, frame, joined, short, spaced, table, tag, ticked
from mcpflow_nb.views.marks import MARKS, PENDING, Mark
from mcpflow_nb.views.plain import clip, fold, page
from mcpflow_nb.views.report import window

STATES: Final = {
    "met": MARKS["ok"]._replace(word="met"), "not met": MARKS["tool_error"]._replace(word="not met"),
    "not judged": PENDING._replace(word="not judged yet"),
}  # fmt: skip

AGAIN: Final = "the same as above"
TURN: Final = "Put your answer in the place of the dots `...`, run its cell (without an error), then this one."


def line(checked: Any) -> str:
    """Return `<Checked 03.1: 3 of 5 criteria met>`."""
    return f"<Checked {clip(checked.exercise, 40)}: {checked.headline}>"


def plain(checked: Any) -> str:
    """Return the headline, and a line a criterion; under what is not met the reason and the line of code."""
    lines = [
        f"{_mark(checked).icon} Exercise {clip(checked.exercise, 40)} — {checked.headline}: {short(checked.title)}"
    ]
    for one, is_said in zip(checked, _said_before(checked), strict=True):
        lines += fold(f"{STATES[one.state].icon} {short(one.text)}", "  ")
        lines += fold(AGAIN if is_said else _why(one), "      ") if one.why else []
        if is_said:
            continue
        where, source, carets = one.problem.source if one.problem else (None, "", "")
        lines += ["      " + f"{_place(one)} {where or ''}".strip()] if _place(one) or where else []
        lines += [f"      {part}" for part in window(source, carets, 90) if part] if source else []
    return page(
        [*lines, *fold(_turn(checked), "  "), *([f"  {_next(checked)}"] if _next(checked) else [])], "list(report)"
    )


def html(checked: Any) -> Safe:
    """Return the headline and a table of the criteria."""
    mark, turn = _mark(checked), _turn(checked)
    rows = [
        [badge(f"{state.icon} {state.word}", state.kind), short(one.text, 300), AGAIN if is_said else _reason(one)]
        for one, state, is_said in zip(checked, (STATES[one.state] for one in checked), _said_before(checked), strict=True)
    ]  # fmt: skip
    return frame(
        "Exercise", code(checked.exercise, 40), [short(checked.title), badge(f"{mark.icon} {checked.headline}", mark.kind)],
        table("Criteria", ["verdict", "criterion", "why not"], rows), tag("p", ticked(turn)) if turn else None,
        foot=[_next(checked)] if _next(checked) else [],
    )  # fmt: skip


def _said_before(checked: Any) -> list[bool]:
    """Tell for each criterion whether its reason, with its place, stands at an earlier one already."""
    reasons = [(one.why, one.problem) for one in checked]
    return [bool(one[0]) and one in reasons[:at] for at, one in enumerate(reasons)]


def _reason(one: Any) -> object:
    if not one.why:
        return "—"
    where, source, carets = one.problem.source if one.problem else (None, "", "")
    place = spaced(_place(one) or None, str(where) if where else None)
    written = tag("pre", "\n".join(filter(None, window(source, carets, 60))), class_="mf-code") if source else None
    return joined(ticked(_why(one)), tag("br") if place else None, tag("small", place) if place else None, written)


def _why(one: Any) -> str:
    meant = f"; did you mean {one.problem.suggestion!r}?" if one.problem and one.problem.suggestion else ""
    fix = f"; to mend it: {one.problem.fix}" if one.problem and one.problem.fix else ""
    place = f"{one.problem.place}: " if _is_finding(one) else ""
    return short(place + one.why + meant + fix, 600)


def _is_finding(one: Any) -> bool:
    """Tell whether the reason is a finding of `workflow.check()`, whose sentence begins with its place."""
    return one.problem is not None and one.problem.code != "not-met"


def _place(one: Any) -> str:
    has_place = one.problem is not None and not _is_finding(one) and (one.problem.step or one.problem.argument)
    return short(one.problem.place) if has_place else ""


def _turn(checked: Any) -> str:
    """Return what to do where dots are left; nothing once it was attempted."""
    return "" if checked.is_attempted else TURN


def _mark(checked: Any) -> Mark:
    if not checked.is_attempted:
        return PENDING
    return STATES["met" if checked else "not met"]


def _next(checked: Any) -> str:
    return "" if checked else f"hint({short(checked.exercise, 40)!r})"

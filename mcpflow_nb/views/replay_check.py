"""An old trace against a new workflow: what would be sent differently, before and after."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, badge, code, frame, named, short, table, tag
from mcpflow_nb.views.marks import MARKS
from mcpflow_nb.views.plain import clip, count, fold, more, page

MOST: Final = 60
REST: Final = "replay.df"


def line(found: Any) -> str:
    """Return `<ReplayCheck onboard: 2 differences, 11 arguments as they were>`."""
    return f"<ReplayCheck {clip(found.workflow, 60)}: {_headline(found)}>"


def plain(found: Any) -> str:
    """Return a line a finding."""
    lines = [f"{_sign(found)} ReplayCheck of {clip(found.workflow, 40)} — {_headline(found)}"]
    for one in found.findings[:MOST]:
        lines += fold(f"{'≠' if one.is_difference else '·'} {one.text}", "  ", 3)
    return page(lines, REST)


def html(found: Any) -> Safe:
    """Return the table of findings."""
    state = badge(f"{_sign(found)} {_headline(found)}", "ok" if found else "error")
    rows = [_cells(one) for one in found.findings[:MOST]]
    columns = ["step", "argument", "what", "before", "after", "why"]
    body = table("What differs, in the order of the steps", columns, rows, more(found.findings, MOST, REST))
    nothing = tag("p", "Everything would be sent as it was.")
    return frame("ReplayCheck", code(found.workflow), [state], body if rows else nothing, foot=(REST,))


def _cells(one: Any) -> list[object]:
    return [
        named(one.step) if one.step is not None else "—", named(one.argument) if one.argument is not None else "—",
        badge(one.kind, "error" if one.is_difference else "plain"), tag("code", one.shown(one.before)),
        tag("code", one.shown(one.after)), short(one.why, 300) if one.why else "—",
    ]  # fmt: skip


def _sign(found: Any) -> str:
    return MARKS["ok" if found else "tool_error"].icon


def _headline(found: Any) -> str:
    differing = len(found.differences)
    said = count(differing, "difference") if differing else "nothing would be sent differently"
    left = len(found.findings) - differing
    return f"{said}, {count(found.same, 'argument')} as before" + (
        f", {count(left, 'step')} not compared" if left else ""
    )

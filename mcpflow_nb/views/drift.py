"""Drift: what breaks since a cassette was recorded, then what changed, each with the two values."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, badge, code, frame, named, short, spaced, table, tag
from mcpflow_nb.views.plain import clip, count, fold, full_name, more, page
from mcpflow_nb.views.values import brief

MOST: Final = 60
REST: Final = "report.df"


def line(drift: Any) -> str:
    """Return `<Drift since onboard.cassette.json: 1 break, 3 changes>`."""
    return f"<Drift since {clip(drift.cassette, 60)}: {drift.headline()}>"


def plain(drift: Any) -> str:
    """Return the headline, a line a break with its bindings, and a line a change."""
    lines = [f"{_sign(drift)} Drift since {clip(drift.cassette, 60)} — {drift.headline()}"]
    for one in drift.broken:
        lines += [f"✖ breaks  {clip(_place(one), 80)}", *fold(one.what + _reached(one), "    ")]
    for one in drift.changed:
        lines.append(f"! changed  {clip(_tool(one), 40)}  {clip(one.what, 44)}")
        lines += [f"    {brief(one.recorded, 40)} → {brief(one.now, 40)}"] if _has_values(one) else []
    return page(lines, REST)


def html(drift: Any) -> Safe:
    """Return what breaks as a table, and what changed as another."""
    broken = [
        [
            short(_place(one), 300),
            code(_tool(one)),
            short(one.what, 600),
            spaced(*map(code, one.bindings)) or "—",
        ]
        for one in drift.broken[:MOST]
    ]
    changed = [
        [code(_tool(one)), short(one.what, 300), code(_side(one, "recorded"), 200), code(_side(one, "now"), 200)]
        for one in drift.changed[:MOST]
    ]
    state = badge(f"{_sign(drift)} {drift.headline()}", "ok" if drift else "error")
    looked = f"{count(len(drift.workflows), 'workflow')} checked: {', '.join(drift.workflows)}".removesuffix(": ")
    return frame(
        "Drift", code(drift.cassette), [state, short(looked, 300)],
        table("Breaks", ["where", "tool", "what", "bindings"], broken, more(drift.broken, MOST, REST)) if broken else None,
        table("Changed", ["tool", "what", "recorded", "now"], changed, more(drift.changed, MOST, REST)) if changed else None,
        tag("p", "Every tool declares what it declared.") if not changed and not broken else None, foot=(REST,),
    )  # fmt: skip


def _sign(drift: Any) -> str:
    return "✔" if drift else "✖"


def _tool(one: Any) -> str:
    return full_name(one.server, one.tool) or "—"


def _place(one: Any) -> str:
    if one.workflow is None:
        return f"recorded call of {_tool(one)}"
    at = f", argument {named(one.argument, 60)!r}" if one.argument is not None else ""
    return f"workflow {named(one.workflow, 60)!r}, step {named(one.step, 60)!r}{at}"


def _reached(one: Any) -> str:
    return f"; bindings: {', '.join(one.bindings)}" if one.bindings else ""


def _has_values(one: Any) -> bool:
    return one.recorded is not None or one.now is not None


def _side(one: Any, side: str) -> str:
    value = getattr(one, side)
    return brief(value, 160) if value is not None else "—"

"""A timeline: the drawing of when each call ran, and the same as a table."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from mcpflow_nb.views.gantt import BREAK, chosen, svg
from mcpflow_nb.views.gantt_scale import LONG, NOT_TO_SCALE, offset_word
from mcpflow_nb.views.html import Safe, badge, code, details, frame, image, joined, named, short, table, tag, word
from mcpflow_nb.views.marks import mark, outcome_mark, seconds_word, source_word
from mcpflow_nb.views.plain import clip, count, full_name, grid, page

FIRST: Final = 20
LAST: Final = 16
REST: Final = "timeline.df"


def line(timeline: Any) -> str:
    """Return `<Timeline onboard_employee: 5 calls in 3.2 s, waited 4 min 12 s>`."""
    return f"<Timeline {clip(timeline.workflow, 60)}: {_headline(timeline)}>"


def plain(timeline: Any) -> str:
    """Return a line a record: when it started, how long it took, what was waited for before it."""
    lines = [f"Timeline of {clip(timeline.workflow, 40)} — {_headline(timeline)}"]
    everything = list(enumerate(timeline))
    shown = everything if len(everything) <= FIRST + LAST else everything[:FIRST] + everything[-LAST:]
    rows = grid([["", *_words(at, row)] for at, row in shown], 34)
    if left := len(everything) - len(shown):
        rows.insert(FIRST, f"  … {left:,} more: {REST}")
    return page([*lines, *rows], REST)


def html(timeline: Any) -> Safe:
    """Return the drawing, its legend, and its table folded."""
    shown = outcome_mark(timeline.outcome)
    facts = [badge(f"{shown.icon} {shown.word}", shown.kind), _headline(timeline)]
    return frame("Timeline", code(timeline.workflow), facts, figure(timeline), foot=(REST, "timeline.svg()"))


def figure(timeline: Any, *, opened: bool = False) -> Safe:
    """Return the drawing with its legend, and the table that says the same."""
    if not len(timeline):
        return tag("p", "Nothing ran yet.")
    twin = twin_table(timeline)
    if not any(row.start is not None for row in timeline):
        return joined(tag("p", "No call was made: there is nothing to draw."), twin)
    drawn = svg(timeline)
    words = _legend(timeline, is_folded=f"{NOT_TO_SCALE}<" in drawn or f" {BREAK}<" in drawn)
    legend = tag("p", "Legend: " + " · ".join(words), class_="mf-legend")
    drawing = tag("div", image(sentence(timeline), drawn), class_="mf-graph")
    return joined(drawing, legend, details("Text version", twin, opened=opened))


def twin_table(timeline: Any) -> Safe:
    """Return the table of the records that are drawn."""
    rows = chosen(timeline)
    left = len(timeline) - len(rows)
    cut = f"… {left:,} records in the middle are not shown: {REST}" if left else ""
    columns = ["#", "step", "server", "tool", "status", "source", "attempt", "start", "took", "waited before"]
    return table("Calls in time, from the start of the first", columns, [_cells(*one) for one in rows], cut)


def sentence(timeline: Any) -> str:
    """Return what the drawing shows in words: how many calls on which servers, the slowest, the longest wait."""
    calls = [row for row in timeline if row.start is not None]
    servers = [short(name, 40) for name in dict.fromkeys(row.server for row in calls) if name is not None]
    more = f" and {len(servers) - 6} more" if len(servers) > 6 else ""
    on = f" on {', '.join(servers[:6])}{more}" if servers else ""
    said = [f"Timeline of {short(timeline.workflow, 60)}: {_headline(timeline, on)}."]
    statuses = Counter(mark(row.status).word for row in calls)
    said += [f"{', '.join(f'{number} {short(one, 30)}' for one, number in statuses.items())}."] if calls else []
    if timed := [row for row in calls if row.seconds is not None]:
        slowest = max(timed, key=lambda row: row.seconds)
        said.append(f"The longest call was {short(slowest.step, 60)} with {seconds_word(slowest.seconds)}.")
    return " ".join(said)


def _headline(timeline: Any, on: str = "") -> str:
    calls = [row for row in timeline if row.start is not None]
    if not calls:
        return "no call"
    waited = sum(row.waited or 0.0 for row in calls)
    known = [row.seconds for row in calls if row.seconds is not None]
    took = f"{seconds_word(sum(known))} in all" if known else "length not known"
    between = f"; waited {seconds_word(waited)} between them" if waited >= LONG else ""
    return f"{count(len(calls), 'call')}{on}, {took}{between}"


def _start(row: Any) -> str:
    if row.start is None:
        return "not called"
    return "0 s" if row.start == 0 else f"{'' if row.start < 0 else '+'}{offset_word(row.start)}"


def _took(row: Any) -> str:
    if row.start is None:
        return "—"
    return seconds_word(row.seconds) if row.seconds is not None else "not known"


def _before(row: Any) -> str:
    if row.wait == "clock set back":
        return "not known: the clock was set back"
    if row.waited is None:
        return "—"
    for_whom = " for the client's answer" if row.wait == "handoff" else ""
    read = f", read resources for {seconds_word(row.read)}" if row.read else ""
    return f"{seconds_word(row.waited) if row.waited else '0 s'}{for_whom}{read}"


def _waited_shortly(row: Any) -> str:
    if row.wait == "clock set back":
        return "clock set back"
    if row.waited is None or (row.waited < LONG and row.wait != "handoff"):
        return ""
    return f"{'handoff' if row.wait == 'handoff' else 'waited'} {seconds_word(row.waited)}"


def _words(at: int, row: Any) -> list[str]:
    shown = mark(row.status)
    attempt = f" (no. {row.attempt})" if row.attempt != 1 else ""
    return [
        str(at + 1), f"{clip(named(row.step), 26)}{attempt}", clip(full_name(row.server, None), 14),
        f"{shown.icon} {clip(shown.word, 14)}", clip(source_word(row.source), 10), _start(row), _took(row),
        _waited_shortly(row),
    ]  # fmt: skip


def _cells(at: int, row: Any) -> list[object]:
    shown = mark(row.status)
    return [
        str(at + 1), code(row.step), code(row.server) if row.server is not None else "—",
        code(row.tool) if row.tool is not None else "resources only",
        badge(f"{shown.icon} {short(shown.word, 40)}", shown.kind),
        word(short(source_word(row.source) or "—", 40)), str(row.attempt), word(_start(row)), word(_took(row)), _before(row),
    ]  # fmt: skip


def _legend(timeline: Any, *, is_folded: bool) -> list[str]:
    marks = dict.fromkeys(f"{mark(row.status).icon} {short(mark(row.status).word, 40)}" for row in timeline)
    sources = dict.fromkeys(short(source_word(row.source), 40) for row in timeline if row.source not in (None, "live"))
    calls = [row for row in timeline if row.start is not None]
    there = [
        (
            "hatched: waited, no call was running",
            any(row.waited and (row.waited >= LONG or row.wait == "handoff") for row in calls),
        ),
        (f"{BREAK} on the axis, grey band: not to scale", is_folded),
        ("diamond: not called, placed after what came before it", len(calls) < len(timeline)),
        ("resources that were read beside a call are no bars: when is not recorded", any(row.read for row in calls)),
    ]
    return [*marks, *sources, *(words for words, occurs in there if occurs)]

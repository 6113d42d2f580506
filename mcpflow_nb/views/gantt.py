"""A timeline as a drawing: a lane a server, a bar a call; what was waited for is hatched, in a lane of its own.

Where things lie is decided in `gantt_scale` (time to pixels) and here (rows, labels); both know no markup but `svg`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from mcpflow_nb.views.draw import FONTS, themes
from mcpflow_nb.views.gantt_scale import NOT_TO_SCALE, Fold, Scale, scaled
from mcpflow_nb.views.html import Safe, named, tag
from mcpflow_nb.views.marks import ACCENT, HEAD, INK, LINE, SOFT, Mark, mark, seconds_word, source_word
from mcpflow_nb.views.plain import clip, width

WIDTH: Final = 960
ROW: Final = 23
BAR: Final = 16
TOP: Final = 30
RIGHT: Final = 14
PAD: Final = 7
SIZE: Final = 11
LETTER: Final = 6.9
"""Pixels of one column of text at `SIZE`, wide enough for the fallback fonts."""
BELOW: Final = "client or person"
"""Under the name of the lane that is no server."""
LEAST: Final = 3.0
"""Pixels of the shortest bar."""
BREAK: Final = "//"
MANY: Final = 8
"""Waits whose words are whole sentences; those of more are shorter."""
FIRST: Final = 40
LAST: Final = 20
"""Records that are drawn of many."""


@dataclass
class Thing:
    """One sign in a lane: a bar from `left` to `right`, or where both are the same a mark; and its words beside it."""

    left: float
    right: float
    name: str
    words: str
    shown: Mark
    is_call: bool = True
    at: float = 0.0
    anchor: str = "start"
    row: int = 0

    def place(self, plot: tuple[float, float]) -> tuple[float, float]:
        """Put the words inside, else to the right, else to the left; return all that it takes up.

        Where they fit nowhere, the name gives way.
        """
        room = max(self.right - self.left - 12, plot[1] - self.right - 9, self.left - 9 - plot[0])
        self.name = clip(self.name, max(2, min(28, int(room / LETTER) - width(self.words))))
        self.words = self.name + self.words
        long = wide(self.words)
        if self.is_call and long + 12 <= self.right - self.left:
            self.at = self.left + 6
            return self.left, self.right
        beside = 6 if self.is_call else 9
        if self.right + beside + long <= plot[1]:
            self.at = self.right + beside
            return self.left, self.at + long
        self.at, self.anchor = self.left - beside, "end"
        return self.at - long, self.right


@dataclass
class Lane:
    """The signs of one server in rows that never overlap; `rows` has what each row has taken up."""

    name: str
    under: str = ""
    things: list[Thing] = field(default_factory=list)
    rows: list[list[tuple[float, float]]] = field(default_factory=list)

    def put(self, thing: Thing, plot: tuple[float, float], below: int = -1) -> int:
        """Add a sign in the first free row under `below`; return that row."""
        left, right = thing.place(plot)
        row = below + 1
        while row < len(self.rows) and any(left < end + 8 and start < right + 8 for start, end in self.rows[row]):
            row += 1
        self.rows += [[] for _ in range(row + 1 - len(self.rows))]
        self.rows[row].append((left, right))
        thing.row = row
        self.things.append(thing)
        return row


def wide(text: str, size: int = SIZE) -> float:
    """Return how many pixels a text takes at most."""
    return width(text) * LETTER * size / SIZE


def chosen(timeline: Any) -> list[tuple[int, Any]]:
    """Return the records that are drawn, with their positions: all, or of many the first and the last."""
    everything = list(enumerate(timeline))
    return everything if len(everything) <= FIRST + LAST else everything[:FIRST] + everything[-LAST:]


def svg(timeline: Any) -> str:
    """Return the drawing as SVG text; the same timeline gives the same bytes."""
    rows = [row for _, row in chosen(timeline)]
    servers = list(dict.fromkeys(row.server for row in rows))
    gutter = min(170.0, max([wide(BELOW, 10) + 12, *(wide(_server(name), 12) + 14 for name in servers)])) + 10
    scale = scaled(rows, gutter, WIDTH - RIGHT, cut=len(timeline) - len(rows), after=FIRST)
    lanes = _lanes(rows, servers, scale)
    waiting = _waiting(scale)
    parts, y = [], float(TOP)
    for lane in lanes:
        high = _high(lane)
        parts.append(tag("g", *_lane(lane, y)))
        y += high
    if waiting.things:
        parts.append(tag("g", *_waits(waiting, y + 4)))
        y += _high(waiting) + 8
    under = tag("g", *_grounds(lanes), *_folds(scale.folds, y), *_axis(scale, y))
    return _whole(timeline, [under, *parts], y + 6)


def _whole(timeline: Any, parts: list[Safe], height: float) -> str:
    hatch = tag(
        "pattern", tag("path", d="M0 0V6", stroke=LINE, stroke_width="2"), id="hatch", width="6", height="6",
        patternUnits="userSpaceOnUse", patternTransform="rotate(45)",
    )  # fmt: skip
    words = [tag("title", f"Timeline of {named(timeline.workflow)}"), tag("desc", timeline.alt), tag("style", themes())]
    return str(
        tag(
            "svg", *words, tag("defs", hatch), *parts, xmlns="http://www.w3.org/2000/svg", role="img", width=WIDTH,
            height=_px(height), viewBox=f"0 0 {WIDTH} {_px(height)}", font_family=FONTS,
        )
    )  # fmt: skip


def _server(name: str | None) -> str:
    return clip(named(name), 20) if name is not None else "no server"


def _lanes(rows: list[Any], servers: list[str | None], scale: Scale) -> list[Lane]:
    """Return a lane a server in the order they were first used; a further attempt lies under the one before it."""
    lanes = {name: Lane(_server(name)) for name in servers}
    below: dict[tuple[str | None, str], int] = {}
    for name, lane in lanes.items():
        sources = dict.fromkeys(row.source for row in rows if row.server == name and row.start is not None)
        lane.under = ", ".join(source_word(source) for source in sources if source) if len(sources) == 1 else ""
    for row, (left, right) in zip(rows, scale.spans, strict=True):
        lane, is_call = lanes[row.server], row.start is not None
        shown = mark(row.status)
        words = _words(row, with_source=not lane.under)
        thing = Thing(left, max(right, left + LEAST) if is_call else left, named(row.step), words, shown, is_call)
        key = (row.server, row.step)
        below[key] = lane.put(thing, scale.plot, below.get(key, -1) if row.attempt > 1 else -1)
    return list(lanes.values())


def _words(row: Any, *, with_source: bool) -> str:
    """Return ` · ✔ ok · 12 ms`, and what else there is to know of a step."""
    shown = mark(row.status)
    parts = ["", f"{shown.icon} {clip(shown.word, 16)}"]
    if row.start is not None:
        parts.append(seconds_word(row.seconds) if row.seconds is not None else "length not known")
    parts += [f"attempt {row.attempt}"] if row.attempt > 1 else []
    parts += [clip(source_word(row.source), 16)] if row.source and (with_source and row.start is not None) else []
    if row.start is None:
        parts.append(clip(source_word(row.source), 16) if row.source in ("reused", "pinned") else "not called")
    return " · ".join(parts)


def _waiting(scale: Scale) -> Lane:
    lane, folds = Lane("waiting", BELOW), (*scale.folds, *scale.pauses)
    for fold in folds:
        # The words stand under the hatched bar, in its middle as far as there is room.
        words = fold.words if len(folds) <= MANY else _shorter(fold.words)
        long = wide(words, 10)
        at = min(max(fold.left + (fold.right - fold.left) / 2 - long / 2, scale.plot[0]), scale.plot[1] - long)
        row = 0
        left, right = min(at, fold.left), max(at + long, fold.right)
        while row < len(lane.rows) and any(left < end + 10 and start < right + 10 for start, end in lane.rows[row]):
            row += 1
        lane.rows += [[] for _ in range(row + 1 - len(lane.rows))]
        lane.rows[row].append((left, right))
        lane.things.append(Thing(fold.left, fold.right, "", words, mark("handoff"), fold.is_wait, at, row=row))
    return lane


def _shorter(words: str) -> str:
    """Return the words of one wait of many: `20.0 s //`, two strokes as the axis has them where it breaks."""
    return words.removeprefix("waited ").replace(NOT_TO_SCALE, f" {BREAK}")


def _high(lane: Lane) -> float:
    row = ROW + 8 if lane.under == BELOW else ROW
    return max(38.0 if lane.under else 28.0, len(lane.rows) * row + 2 * PAD)


def _grounds(lanes: list[Lane]) -> Iterator[Safe]:
    y = float(TOP)
    for at, lane in enumerate(lanes):
        if at % 2 == 0:
            yield tag("rect", x=0, y=_px(y), width=WIDTH, height=_px(_high(lane)), fill=HEAD, fill_opacity="0.55")
        y += _high(lane)


def _lane(lane: Lane, y: float) -> Iterator[Safe]:
    yield _text(8, y + 19, lane.name, size=12, bold=True)
    if lane.under:
        yield _text(8, y + 33, lane.under, size=10, color=ACCENT if lane.under != "live" else SOFT)
    for thing in lane.things:
        yield from _thing(thing, y + PAD + thing.row * ROW)


def _thing(thing: Thing, y: float) -> Iterator[Safe]:
    shown, middle = thing.shown, y + BAR / 2
    dashes = {"dashed": "5 3", "dotted": "1.5 2.5"}.get(shown.border)
    if thing.is_call:
        yield tag(
            "rect", x=_px(thing.left), y=_px(y), width=_px(thing.right - thing.left), height=BAR, rx=2, fill=shown.fill,
            stroke=shown.stroke, stroke_width="2" if float(shown.pen) > 2 else "1.3", stroke_dasharray=dashes,
        )  # fmt: skip
    else:
        d = f"M{_px(thing.left)} {_px(middle - 5)}l5 5l-5 5l-5 -5z"
        yield tag("path", d=d, fill=shown.fill, stroke=shown.stroke, stroke_width="1.3")
    yield _text(thing.at, middle + 4, thing.words, anchor=thing.anchor)


def _waits(lane: Lane, y: float) -> Iterator[Safe]:
    yield tag("path", d=f"M0 {_px(y)}H{WIDTH}", stroke=LINE, stroke_dasharray="2 3", fill="none")
    yield _text(8, y + 20, lane.name, size=12, italic=True)
    yield _text(8, y + 34, lane.under, size=10, color=SOFT)
    for thing in lane.things:
        top = y + PAD + thing.row * (ROW + 8)
        if thing.is_call:
            yield tag(
                "rect", x=_px(thing.left), y=_px(top), width=_px(max(2.0, thing.right - thing.left)), height=12,
                fill="url(#hatch)", stroke=LINE, stroke_width="1",
            )  # fmt: skip
        yield _text(thing.at, top + 24, thing.words, size=10, color=SOFT)


def _folds(folds: list[Fold], bottom: float) -> Iterator[Safe]:
    """Draw where the scale breaks: a grey band through every lane, and two strokes on the axis."""
    for fold in folds:
        x, long = fold.left, fold.right - fold.left
        yield tag("rect", x=_px(x), y=TOP, width=_px(long), height=_px(bottom - TOP), fill=LINE, fill_opacity="0.14")
        middle = x + long / 2
        strokes = f"M{_px(middle - 4)} {TOP - 1}l4 -9M{_px(middle)} {TOP - 1}l4 -9"
        axis = f"M{_px(x)} {TOP - 5}H{_px(middle - 4)}M{_px(middle + 4)} {TOP - 5}H{_px(fold.right)}"
        yield tag("path", d=strokes + (axis if long > 12 else ""), stroke=LINE, stroke_width="1", fill="none")


def _axis(scale: Scale, bottom: float) -> Iterator[Safe]:
    for tick in scale.ticks:
        yield tag("path", d=f"M{_px(tick.x)} {TOP - 6}V{_px(bottom)}", stroke=LINE, stroke_opacity="0.28", fill="none")
        yield _text(tick.x + 2 if tick.is_first else tick.x, TOP - 11, tick.words, size=10, color=SOFT,
                    anchor="start" if tick.is_first else "middle", bold=tick.is_first)  # fmt: skip
    if scale.ticks:
        yield _text(8, TOP - 11, "time since start", size=9, color=SOFT, italic=True)


def _text(
    x: float, y: float, words: str, *, size: int = SIZE, color: str = INK, anchor: str = "start", bold: bool = False,
    italic: bool = False,
) -> Safe:  # fmt: skip
    return tag(
        "text", words, x=_px(x), y=_px(y), font_size=size, fill=color, font_weight="bold" if bold else None,
        text_anchor=anchor if anchor != "start" else None, font_style="italic" if italic else None,
    )  # fmt: skip


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

"""From seconds to pixels: where each call of a timeline lies, which waits are folded, and the ticks of the axis.

Time runs in the order of the records and to scale between two folds. A fold has a width of its own and says in words
how long it was; the longest waits are folded until the calls take half of what is left, so that none is squashed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mcpflow_nb.views.marks import seconds_word
from mcpflow_nb.views.plain import count, width

LONG: Final = 0.1
"""Seconds from which a pause is a wait, and not the time a step takes beside its call."""
NOT_TO_SCALE: Final = ", not to scale"
FOLD: Final = 104.0
NARROW: Final = 10.0
BETWEEN_TICKS: Final = 84.0
STEPS: Final = (
    *(base * 10.0**power for power in range(-7, 1) for base in (1, 2, 5)), 10.0, 20.0, 30.0,
    *(60.0 * minutes for minutes in (1, 2, 5, 10, 20, 30)), *(3600.0 * hours for hours in (1, 2, 6, 12, 24, 48, 168)),
)  # fmt: skip


class Fold(NamedTuple):
    """A stretch of time between two calls, from pixel to pixel; `is_wait` says that it is hatched."""

    left: float
    right: float
    words: str
    is_wait: bool = True


class Tick(NamedTuple):
    """A mark of the axis; the first of a stretch has the time since the start, the others count from it."""

    x: float
    words: str
    is_first: bool


@dataclass
class Scale:
    """Where everything lies: `spans` has left and right of each record, marks without a call the same twice."""

    plot: tuple[float, float]
    spans: list[tuple[float, float]] = field(default_factory=list)
    folds: list[Fold] = field(default_factory=list)
    pauses: list[Fold] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)


class _Piece(NamedTuple):
    """A stretch that is to scale: from when to when, and the positions of its calls; `before` are the fold's words."""

    start: float
    end: float
    calls: list[int]
    before: tuple[str, bool] | None


def scaled(rows: Sequence[Any], left: float, right: float, *, cut: int = 0, after: int = 0) -> Scale:
    """Return the scale of records between two pixels; `cut` records were left out behind the first `after` of them."""
    pieces = _pieces(rows, cut, after)
    scale, made = Scale((left, right)), dict[int, tuple[float, float]]()
    folds = sum(piece.before is not None for piece in pieces)
    fold = max(NARROW, min(FOLD, (right - left) * 0.45 / folds)) if folds else 0.0
    spare = min(14.0, (right - left) * 0.2 / max(1, len(pieces)))
    total = sum(piece.end - piece.start for piece in pieces)
    room = right - left - folds * fold - len(pieces) * spare
    rate = max(room, 1.0) / total if total > 0 else 0.0
    x = left
    for piece in pieces:
        if piece.before is not None:
            scale.folds.append(Fold(x, x + fold, *piece.before))
            x += fold
        for at in piece.calls:
            begin = x + (rows[at].start - piece.start) * rate
            made[at] = (begin, begin + (rows[at].seconds or 0.0) * rate)
            if (pause := _pause(rows[at], at == piece.calls[0])) is not None:
                scale.pauses.append(Fold(begin - pause * rate, begin, _waited(rows[at])))
        scale.ticks += _ticks(piece, x, rate, is_first=piece is pieces[0])
        x += (piece.end - piece.start) * rate + spare
    scale.ticks = _apart(scale.ticks, right)
    scale.spans = list(_spans(rows, made, left))
    return scale


def _pause(row: Any, is_first: bool) -> float | None:
    is_long = row.waited is not None and (row.waited >= LONG or row.wait == "handoff")
    return row.waited if is_long and not is_first else None


def _spans(rows: Sequence[Any], made: dict[int, tuple[float, float]], left: float) -> Iterator[tuple[float, float]]:
    """Give left and right of each record; what was not called stands where the call before it ended."""
    x = left + 8
    for at in range(len(rows)):
        if at in made:
            x = made[at][1]
            yield made[at]
        else:
            yield x, x


def _pieces(rows: Sequence[Any], cut: int, after: int) -> list[_Piece]:
    calls = [at for at, row in enumerate(rows) if row.start is not None]
    folded, pieces = _folded(rows, calls), list[_Piece]()
    for before, at in zip([None, *calls], calls, strict=False):
        start, end = rows[at].start, rows[at].end
        words: tuple[str, bool] | None = None
        if before is not None and cut and before < after <= at:
            words = (f"{count(cut, 'record')} not drawn, see the table", False)
        elif rows[at].wait == "clock set back":
            words = ("the clock was set back here, the time between is not known", False)
        elif at in folded:
            words = (f"{_waited(rows[at])}{NOT_TO_SCALE}", True)
        if words is not None or not pieces:
            pieces.append(_Piece(start, end, [at], words))
        else:
            last = pieces[-1]
            pieces[-1] = last._replace(end=max(last.end, end), calls=[*last.calls, at])
    return pieces


def _folded(rows: Sequence[Any], calls: list[int]) -> set[int]:
    """Return the calls whose wait before them is folded: the longest, until the calls take half of the time left."""
    busy = sum(rows[at].seconds or 0.0 for at in calls)
    gaps = {at: (rows[at].waited or 0.0) + rows[at].read for at in calls if rows[at].waited is not None}
    left, folded = sum(gaps.values()), set[int]()
    for at in sorted(gaps, key=lambda one: (-gaps[one], one)):
        if left <= busy or gaps[at] < LONG:
            break
        folded.add(at)
        left -= gaps[at]
    return folded


def _waited(row: Any) -> str:
    """Return how long it was waited for, for whom, and how long resources were read meanwhile."""
    whom = " for the client's answer" if row.wait == "handoff" else ""
    waited = f"waited {seconds_word(row.waited)}{whom}" if row.waited >= LONG or whom else ""
    read = f"read resources for {seconds_word(row.read)}" if row.read >= LONG else ""
    return ", ".join(part for part in (waited, read) if part)


def _ticks(piece: _Piece, x: float, rate: float, *, is_first: bool) -> Iterator[Tick]:
    yield Tick(x, offset_word(piece.start), True)
    if rate <= 0:
        return
    step = next((step for step in STEPS if step * rate >= BETWEEN_TICKS), None)
    inside = int((piece.end - piece.start) / step + 1e-9) if step else 0
    for number in range(1, inside + 1):
        seconds = number * (step or 0.0)
        yield Tick(x + seconds * rate, f"{'' if is_first else '+'}{offset_word(seconds)}", False)


def _apart(ticks: list[Tick], right: float) -> list[Tick]:
    """Return the ticks whose words touch no others; the first of a stretch goes before those inside of one."""
    taken, kept = list[tuple[float, float]](), list[Tick]()
    for tick in sorted(ticks, key=lambda one: (not one.is_first, one.x)):
        long = width(tick.words) * 6.6 + (4 if tick.is_first else 0)
        begin = tick.x if tick.is_first else tick.x - long / 2
        if begin + long > right + 12 or any(begin < end + 8 and start < begin + long + 8 for start, end in taken):
            continue
        taken.append((begin, begin + long))
        kept.append(tick)
    return sorted(kept, key=lambda one: one.x)


def offset_word(seconds: float) -> str:
    """Return a time since the start as the axis says it: no more digits than it needs.

    >>> [offset_word(one) for one in (0, 0.00005, 0.25, 1.5, 252.4, 7_500, -3)]
    ['0', '0.05 ms', '250 ms', '1.5 s', '4 min 12 s', '2 h 5 min', '−3 s']
    """
    if seconds < 0:
        return f"−{offset_word(-seconds)}"
    if seconds == 0 or not math.isfinite(seconds):
        return "0"
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 59.95 else seconds_word(seconds)

"""How a status looks: a sign, a word, a border and a colour, so that colour is never the only sign.

Two axes that never mix: what happened (status) and where the result came from (source).
To add a status: one line in `MARKS`; its colours go through `DARK`, which every drawing carries along.
Source: the hues were chosen so that any two stay apart under protanopia, deuteranopia and tritanopia.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple


class Mark(NamedTuple):
    """One status: `kind` is its class name, `border` and `pen` are Graphviz's words."""

    icon: str
    word: str
    kind: str
    border: str
    pen: str
    stroke: str
    fill: str


PENDING: Final = Mark("○", "pending", "pending", "solid", "1", "#6b7280", "#ffffff")
NEXT: Final = Mark("▶", "next", "next", "solid", "3", "#0b5cad", "#eaf2fc")


def _error(word: str) -> Mark:
    return Mark("✖", word, "error", "solid", "3", "#a83a00", "#ffe1d6")


def _waiting(word: str) -> Mark:
    return Mark("⇢", word, "handoff", "dashed", "2", "#111111", "#fffffe")


def _left_out(word: str) -> Mark:
    return Mark("⊘", word, "skipped", "dashed", "1", "#6b7280", "#f3f4f6")


MARKS: Final = {
    "ok": Mark("✔", "ok", "ok", "solid", "1.5", "#00664b", "#d9f2ec"),
    "tool_error": _error("tool error"),
    "invalid_output": _error("invalid output"),
    "resource_error": _error("resource error"),
    "not_sent": _error("not sent"),
    "not_executed": _error("not executed"),
    "unknown": Mark("?", "unknown", "error", "dotted", "3", "#a83a00", "#ffe1d6"),
    "handoff": _waiting("handoff"),
    "needs_input": _waiting("needs input"),
    "waiting": _waiting("waits for approval"),
    "undone": _left_out("undone")._replace(icon="↶"),
    "cancelled": _left_out("cancelled"),
    "skipped": _left_out("skipped"),
}
"""By the status of a record."""

OUTCOMES: Final = {
    "paused": NEXT._replace(icon="‖", word="paused"),
    "completed": MARKS["ok"]._replace(word="completed"),
    "handoff": MARKS["handoff"],
    "waiting": MARKS["waiting"]._replace(word="waiting"),
    "failed": _error("failed"),
    "unknown": MARKS["unknown"],
    "undone": MARKS["undone"],
    "undo_failed": _error("undo failed"),
    "cancelled": MARKS["cancelled"],
}
"""By the outcome of a run."""

SEVERITIES: Final = {
    "error": _error("error"),
    "warning": NEXT._replace(icon="!", word="warning"),
    "handoff": MARKS["handoff"],
    "advice": PENDING._replace(icon="i", word="advice"),
    "unchecked": PENDING._replace(icon="–", word="unchecked"),
}
"""By the severity of a problem."""

SOURCES: Final = {
    "live": "live", "mock": "◇ mock", "recorded": "◉ recorded", "edited": "✎ edited",
    "pinned": "⚲ pinned", "reused": "↻ reused", "settled": "⚖ settled",
}  # fmt: skip
"""By where a result came from."""

INK: Final = "#111827"
SOFT: Final = "#4b5563"
LINE: Final = "#6b7280"
FLOW: Final = "#0b5cad"
BAD: Final = "#a83a00"
PAPER: Final = "#ffffff"
HEAD: Final = "#edf1f6"
ACCENT: Final = "#8e2a7a"

DARK: Final = {
    INK: "#f3f4f6", SOFT: "#c3c8d0", LINE: "#a3a8b0", FLOW: "#7cb8ff", BAD: "#ff9a70", PAPER: "#1e1e1e",
    HEAD: "#2d333b", ACCENT: "#f0a6e0", "#eaf2fc": "#0b2a4a", "#00664b": "#4fd1ae", "#d9f2ec": "#06322a",
    "#ffe1d6": "#43190b", "#f3f4f6": "#2a2a2a", "#111111": "#eeeeee", "#fffffe": "#1e1e1e",
}  # fmt: skip
"""Each colour of a drawing, and what it becomes on a dark page."""


def mark(status: Any) -> Mark:
    """Return the mark of a record's status; an unheard-of one is shown by its own word."""
    return MARKS.get(status) or PENDING._replace(icon="?", word=str(status))


def outcome_mark(outcome: Any) -> Mark:
    """Return the mark of a run's outcome; an unheard-of one is shown by its own word."""
    return OUTCOMES.get(outcome) or PENDING._replace(icon="?", word=str(outcome))


def source_word(source: Any) -> str:
    """Return where a result came from as a word with its sign; nothing for None."""
    return SOURCES.get(source, str(source)) if source is not None else ""


def seconds_word(seconds: float) -> str:
    """Return a time as a reader says it; `? s` for what is none, as a saved trace may hold.

    >>> seconds_word(0.0123), seconds_word(3.25), seconds_word(75), seconds_word(7_500), seconds_word(180_000)
    ('12 ms', '3.2 s', '1 min 15 s', '2 h 5 min', '2 d 2 h')
    """
    if not 0 <= seconds < float("inf"):
        return "? s"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else f"{seconds * 1000:.2g} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    larger, smaller = next((pair for pair in _UNITS if seconds >= pair[0][0]), _UNITS[-1])
    whole = max(round(seconds), larger[0])
    return f"{whole // larger[0]} {larger[1]} {whole % larger[0] // smaller[0]} {smaller[1]}"


_UNITS: Final = (((86_400, "d"), (3_600, "h")), ((3_600, "h"), (60, "min")), ((60, "min"), (1, "s")))

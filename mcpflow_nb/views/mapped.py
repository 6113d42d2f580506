"""What became of every row of a table: how many of each outcome, why rows did not complete and which, and the rows."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, badge, code, details, frame, joined, named, short, table, tag
from mcpflow_nb.views.marks import PENDING, Mark, outcome_mark
from mcpflow_nb.views.plain import clip, count, fold, more, page
from mcpflow_nb.views.values import brief, error_shown

MOST_REASONS: Final = 20
MOST_ROWS: Final = 20
MOST_NAMED: Final = 6
OWN: Final = {
    "refused": outcome_mark("failed")._replace(word="refused"),
    "not begun": PENDING._replace(word="not begun"),
}
"""Outcomes that only a row has."""


def line(results: Any) -> str:
    """Return `<MapResults of onboard: 200 rows, 180 completed, 17 failed, 3 refused>`."""
    return f"<MapResults of {clip(results.workflow, 60)}: {_sum(results)}>"


def plain(results: Any) -> str:
    """Return the counts, then a line a reason with the rows it kept."""
    reasons = [
        part for (outcome, step, error), labels in _reasons(results)[:MOST_REASONS]
        for part in fold(f"{_word(outcome)}{_at(step)}: {_labels(labels)}: {_shown(error)}", "  ", 2)
    ]  # fmt: skip
    rest = more(_reasons(results), MOST_REASONS, "results.failed.df")
    head = f"Map of {named(results.workflow, 60)} — {_sum(results)}"
    return page(
        [*fold(head, ""), *reasons, *([rest] if rest else []), *_ignored(results), *_foot(results)], "results.df"
    )


def html(results: Any) -> Safe:
    """Return the counts, a table of the reasons, and the first rows folded under it."""
    counts = [
        badge(f"{_mark(word).icon} {times:,} {_mark(word).word}", _mark(word).kind)
        for word, times in results.counts.items()
    ]
    reasons = [
        [
            badge(_word(outcome), _mark(outcome).kind),
            code(step, 60) if step else "",
            _shown(error),
            f"{len(labels):,}",
            _labels(labels),
        ]
        for (outcome, step, error), labels in _reasons(results)[:MOST_REASONS]
    ]
    cut = more(_reasons(results), MOST_REASONS, "results.failed.df")
    why = table("Rows that did not complete", ["outcome", "stopped at", "because", "rows", "which"], reasons, cut)
    rows = [
        [short(one.row, 60), badge(_word(one.outcome), _mark(one.outcome).kind), one.step or "",
         *(brief(one.bindings[name], name=name) if name in one.bindings else "" for name in results.wanted)]
        for one in results.rows[:MOST_ROWS]
    ]  # fmt: skip
    first = table(
        "Rows", ["row", "outcome", "stopped at", *results.wanted], rows, more(results.rows, MOST_ROWS, "results.df")
    )
    folded = details(f"The rows ({len(results):,})", first) if rows else tag("p", "No rows.")
    kept = [f"journal {short(results.journal, 80)}"] if results.journal else []
    return frame(
        "Map", code(results.workflow), [count(len(results), "row"), *kept], tag("p", [joined(one, " ") for one in counts]),
        why if reasons else None, [tag("p", text) for text in _ignored(results)], folded, foot=_foot(results),
    )  # fmt: skip


def _reasons(results: Any) -> list[tuple[tuple[str, str | None, str], list[Any]]]:
    """Return outcome, step and error of what did not complete, each with its rows, the most frequent first."""
    found: dict[tuple[str, str | None, str], list[Any]] = {}
    for one in results.rows:
        if one.outcome != "completed":
            found.setdefault((one.outcome, one.step, one.error or ""), []).append(one.row)
    return sorted(found.items(), key=lambda item: -len(item[1]))


def _mark(outcome: str) -> Mark:
    return OWN.get(outcome) or outcome_mark(outcome)


def _word(outcome: str) -> str:
    return f"{_mark(outcome).icon} {_mark(outcome).word}"


def _at(step: str | None) -> str:
    return f" at {named(step, 40)}" if step else ""


def _shown(error: str) -> str:
    return short(error_shown(error), 200)


def _labels(labels: list[Any]) -> str:
    named_ones = ", ".join(short(repr(label), 40) for label in labels[:MOST_NAMED])
    rest = f" and {len(labels) - MOST_NAMED:,} more" if len(labels) > MOST_NAMED else ""
    return f"row {named_ones}{rest}" if len(labels) == 1 else f"rows {named_ones}{rest}"


def _sum(results: Any) -> str:
    return ", ".join(
        [count(len(results), "row"), *(f"{times:,} {_mark(word).word}" for word, times in results.counts.items())]
    )


def _ignored(results: Any) -> list[str]:
    if not results.ignored:
        return []
    names = ", ".join(short(name, 40) for name in results.ignored[:MOST_NAMED])
    return [f"columns that no argument reads: {names}" + (" ..." if len(results.ignored) > MOST_NAMED else "")]


def _foot(results: Any) -> tuple[str, ...]:
    stopped = [one.row for one in results.rows if one.outcome not in ("completed", "refused", "not begun")]
    first = [clip(f"results.trace({stopped[0]!r})", 80)] if stopped else []
    return (*(["results.failed"] if results.failed.rows else []), *first, "results.df")

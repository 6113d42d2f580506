"""A diff: where two runs or two workflows first part, then a row a step with only what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

from mcpflow_nb.masking import is_secret
from mcpflow_nb.records.differences import ABSENT_WORD, Change, Diff, Row
from mcpflow_nb.views.html import Safe, badge, code, frame, joined, named, short, table, tag, word
from mcpflow_nb.views.marks import seconds_word
from mcpflow_nb.views.plain import clip, count, fold, more, page
from mcpflow_nb.views.values import brief, masked, text_shown

ROWS: Final = 60
CHANGES: Final = 8
"""Changes of one step that are shown."""
EVERY: Final = 150
"""Changes of all steps together that are shown."""
TEXT: Final = 8_000
"""Characters of a text in which the first difference is looked for."""
SAME: Final = 40

WORDS: Final = {
    "=": ("= same", "pending"), "≠": ("≠ changed", "next"), "+": ("+ only in the second", "ok"),
    "−": ("− only in the first", "error"),
}  # fmt: skip
"""By the mark of a row: sign and word, and the status whose colours it has."""


def line(diff: Diff) -> str:
    """Return `<Diff of 2 runs: first difference at step 2, 'pay': sent.id>`."""
    return f"<Diff of 2 {diff.kind}s: {clip(diff.headline(), 140)}>"


def plain(diff: Diff) -> str:
    """Return where they first part, a line a step, and under it a line a change."""
    lines = [f"Diff of {diff.kind}s {clip(repr(diff.left), 30)} and {clip(repr(diff.right), 30)}"]
    lines += fold(_headline(diff), "  ")
    shown = _shown(diff)
    for number, row, changes in shown:
        lines.append(f"{number:>3}  {clip(row.step, 40)}  {_words(row)[0]}{_times(row, '  (', ', not counted)')}")
        lines += [f"       {clip(one.what, 30)}: {' → '.join(sides(one, 28))}" for one in changes]
        lines += [f"       … {_hidden(row, changes)}"] if _hidden(row, changes) else []
    lines += [f"  {cut}"] if (cut := _cut(diff, shown)) else []
    lines += ["  around the steps"] if diff.around else []
    lines += [f"       {clip(one.what, 30)}: {' → '.join(sides(one, 28))}" for one in diff.around[:ROWS]]
    return page(lines, "diff.df")


def html(diff: Diff) -> Safe:
    """Return where they first part, the table of steps, and what differs around them."""
    first, second = (
        f"{side}: {diff.kind} {named(name, 60)}" for side, name in (("first", diff.left), ("second", diff.right))
    )
    state = badge("≠ different", "next") if diff else badge("= the same", "ok")
    return frame(
        "Diff", state, [first, second],
        tag("p", tag("strong", short(_headline(diff), 600))),
        _steps(diff) if diff.rows else tag("p", "No steps on either side."),
        _around(diff) if diff.around else None,
        foot=("diff.df", "diff.first"),
    )  # fmt: skip


def _headline(diff: Diff) -> str:
    """Return where they first part, as a sentence."""
    said = diff.headline()
    return said[:1].upper() + said[1:]


def _words(row: Row) -> tuple[str, str]:
    return WORDS.get(row.mark, (str(row.mark), "pending"))


def _steps(diff: Diff) -> Safe:
    shown = _shown(diff)
    timed = any(any(row.seconds) for row in diff.rows)
    columns = ["#", "step", "mark", "first → second", *(["time, not counted"] if timed else [])]
    rows = [
        [str(number), code(row.step), badge(*_words(row)), _changed(row, changes), *_time_cell(row, is_timed=timed)]
        for number, row, changes in shown
    ]
    marks = [row.mark for row in diff.rows]
    counted = [f"{marks.count(sign):,} {words[2:]}" for sign, (words, _) in WORDS.items() if sign in marks]
    return table(f"Steps: {', '.join(counted)}", columns, rows, _cut(diff, shown))


def _changed(row: Row, changes: Sequence[Change]) -> object:
    lines = [tag("div", code(one.what, 120), ": ", _side(left), " → ", _side(right))
             for one, (left, right) in ((one, sides(one)) for one in changes)]  # fmt: skip
    hidden = _hidden(row, changes)
    return joined(lines, tag("div", f"… {hidden}: diff.df") if hidden else None) if lines or hidden else "—"


def _around(diff: Diff) -> Safe:
    rows = [[code(one.what, 120), *map(_side, sides(one))] for one in diff.around[:ROWS]]
    return table("Around the steps", ["what", "first", "second"], rows, more(diff.around, ROWS, "diff.df"))


def _side(text: str) -> Safe:
    return tag("em", text) if text == ABSENT_WORD else tag("code", text)


def _shown(diff: Diff) -> list[tuple[int, Row, tuple[Change, ...]]]:
    """Return the rows to show in their order, with their numbers and changes; of many, those that differ come first."""
    numbered = list(enumerate(diff.rows, 1))
    kept = sorted(sorted(numbered, key=lambda one: one[1].mark == "=")[:ROWS], key=lambda one: one[0])
    left, found = EVERY, []
    for number, row in kept:
        changes = row.changes[: min(CHANGES, left)]
        left -= len(changes)
        found.append((number, row, changes))
    return found


def _cut(diff: Diff, shown: Sequence[object]) -> str:
    hidden = len(diff.rows) - len(shown)
    if not hidden:
        return ""
    same = hidden - max(0, sum(row.mark != "=" for row in diff.rows) - ROWS)
    return f"… {count(hidden, 'more step')} not shown, {same:,} of them the same: diff.df"


def _hidden(row: Row, changes: Sequence[Change]) -> str:
    left = len(row.changes) - len(changes)
    parts = [f"{left:,} more that differ"] if left else []
    parts += [f"{row.left_out:,} beyond the first {len(row.changes):,} are not kept"] if row.left_out else []
    return ", ".join(parts)


def _times(row: Row, before: str = "", after: str = "") -> str:
    if not any(row.seconds):
        return ""
    return before + " → ".join(seconds_word(one) if one else "—" for one in row.seconds) + after


def _time_cell(row: Row, *, is_timed: bool) -> list[Safe]:
    return [word(_times(row) or "—")] if is_timed else []


def sides(change: Change, most: int = 80) -> tuple[str, str]:
    """Return both values on one line each, secrets masked; of two long texts the part where they first differ.

    >>> sides(Change("sent.id", "e-1", "e-2")), sides(Change("sent.token", "abc", None, has_right=False))
    (('"e-1"', '"e-2"'), ('•••• (3 chars)', '(absent)'))
    """
    left, right = _seen(change, most)
    return (left if change.has_left else ABSENT_WORD), (right if change.has_right else ABSENT_WORD)


def _seen(change: Change, most: int) -> tuple[str, str]:
    if is_secret(change.what) or is_secret(change.origin):
        left, right = ("null" if value is None else masked(value) for value in (change.left, change.right))
        return (left, f"{right}, another value") if left == right else (left, right)
    if not (change.has_left and change.has_right):
        return brief(_hushed(change.left), most), brief(_hushed(change.right), most)
    return _parting(change.left, change.right, most)


def _parting(left: Any, right: Any, most: int) -> tuple[str, str]:
    """Return two values from shortly before their first difference, masked as a whole before they are cut."""
    are_texts = isinstance(left, str) and isinstance(right, str)
    one, two = (text_shown(value[:TEXT]) if are_texts else brief(_hushed(value), TEXT) for value in (left, right))
    alike = next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    start = alike - SAME // 4 if alike > SAME // 2 and one != two and max(len(one), len(two)) > most else 0
    whole = (len(left), len(right)) if are_texts else (len(one), len(two))
    shown = [_piece(text[start:], most, size, is_text=are_texts) for text, size in zip((one, two), whole, strict=True)]
    second = f"{shown[1]}, another value" if shown[0] == shown[1] else shown[1]
    return (f"({start:,} alike) …{shown[0]}", f"…{second}") if start else (shown[0], second)


def _piece(text: str, most: int, size: int, *, is_text: bool) -> str:
    shown = brief(text, most) if is_text else text if len(text) <= most else f"{text[:most]}…"
    return shown if len(text) <= most else f"{shown} ({size:,} characters)"


def _hushed(value: Any, depth: int = 8) -> Any:
    """Return a value in which the default of an argument with a secret's name is masked."""
    if not depth:
        return value
    if isinstance(value, Mapping):
        secret = is_secret(value.get("name"))
        return {
            key: masked(part) if secret and key == "default" else _hushed(part, depth - 1)
            for key, part in islice(value.items(), TEXT)
        }
    return [_hushed(part, depth - 1) for part in value[:TEXT]] if isinstance(value, list | tuple) else value

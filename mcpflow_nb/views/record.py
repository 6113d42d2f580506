"""A record: one step as it ran, what was sent and why, and what came back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcpflow_nb.records.record import EDITED, Passed, Record
from mcpflow_nb.views.html import Safe, badge, code, details, frame, joined, named, short, table, tag
from mcpflow_nb.views.marks import mark, seconds_word, source_word
from mcpflow_nb.views.plain import clip, fold, full_name, more, page
from mcpflow_nb.views.resource import fetched_table, lines_of, total_words
from mcpflow_nb.views.values import brief, error_shown, origin_shown, tree, value_shown


def line(record: Record) -> str:
    """Return `<Record create_employee: ok>`."""
    return f"<Record {clip(record.step, 60)}: {record.status}>"


def plain(record: Record) -> str:
    """Return what happened, each argument with its origin, and the value on one line."""
    lines = [f"Record {named(record.step)} — {', '.join(facts(record))}"]
    lines += [f"  {named(p.name)} = {value_shown(p.name, p.origin, p.value)}  ← {_origin(p)}" for p in record.arguments]
    lines += fold(f"error: {error_shown(record.error)}", "  ") if record.error else []
    lines += [f"  missing: {', '.join(record.missing)}"] if record.missing else []
    bound = f"{named(record.binding)} = " if record.binding is not None else ""
    if record.status == "ok" and record.tool is not None:
        lines.append(f"  → {bound}{brief(record.value, name=record.binding or '')}")
    lines += lines_of(record.resources, called=is_call(record))
    return page(lines, "record.value")


def html(record: Record) -> Safe:
    """Return what was sent, what came back as a tree, and the raw result folded."""
    shown = mark(record.status)
    rest = f"run.trace[{named(record.step, 60)!r}]"
    return frame(
        "Record", code(record.step), [badge(f"{shown.icon} {shown.word}", shown.kind), *facts(record)[1:]],
        error_box(record),
        arguments_table(record.arguments) if record.tool is not None or record.arguments else None,
        tag("p", tag("strong", "Value"), f" ({record.rule})" if record.rule else None) if _has_value(record) else None,
        tree(record.value, f"{rest}.value", name=record.binding or "") if _has_value(record) else None,
        tag("p", tag("strong", "Guidance"), ": ", short(record.guidance, 600)) if record.guidance else None,
        fetched_table(record.resources, f"{rest}.resources", called=is_call(record)),
        details("Raw result", tree(record.raw, f"{rest}.raw")) if record.raw is not None else None,
        foot=(f"{rest}.value" if is_call(record) else f"{rest}.resources",),
    )  # fmt: skip


def facts(record: Record) -> list[str]:
    """Return status, tool, source, time and start as words."""
    there = [
        mark(record.status).word, full_name(record.server, record.tool) if is_call(record) else "resources only",
        source_shown(record), seconds_word(record.seconds) if record.seconds else "",
        f"attempt {record.attempt}" if record.attempt != 1 else "",
        f"started {record.started:%Y-%m-%d %H:%M:%S} {record.started.tzname() or ''}".rstrip() if record.started else "",
    ]  # fmt: skip
    return [short(fact) for fact in there if fact]


def by_hand(record: Record) -> bool:
    """Whether an argument of it was given by `run.edit`."""
    return any(passed.origin == EDITED for passed in record.arguments)


def source_shown(record: Record) -> str:
    """Return where its result came from, and whether its arguments were given by hand: `◇ mock ✎ edited`."""
    return " ".join(filter(None, [source_word(record.source), "✎ edited" if by_hand(record) else ""]))


def error_box(record: Record) -> Safe | None:
    """Return what went wrong, or what is missing, in a box; None where nothing did."""
    if not record.error and not record.missing:
        return None
    shown = mark(record.status)
    missing = f"missing: {', '.join(named(name) for name in record.missing[:20])}" if record.missing else None
    return tag(
        "div", tag("strong", f"{shown.icon} {shown.word}"), _lines(error_shown(record.error or "")),
        tag("p", missing) if missing else None, class_=f"mf-box mf-{shown.kind}",
    )  # fmt: skip


def _lines(text: str) -> Safe | None:
    if "\n" not in text:
        return joined(": ", short(text, 1_500)) if text else None
    return tag("pre", text[:1_500])


def arguments_table(passed: Sequence[Passed], caption: str = "Arguments") -> Safe:
    """Return one row an argument: name, value, where it came from."""
    if not passed:
        return tag("p", "No arguments.")
    rows = [[code(p.name), _value(p), short(_origin(p))] for p in passed[:50]]
    return table(caption, ["argument", "value", "comes from"], rows, more(passed, 50, "record.sent"))


def _value(passed: Passed) -> Safe:
    return tag("code", value_shown(passed.name, passed.origin, passed.value, 160))


def _origin(passed: Passed) -> str:
    return origin_shown(passed.name, passed.origin, passed.value)


def _has_value(record: Record) -> bool:
    return (record.status in ("ok", "invalid_output") and is_call(record)) or record.value is not None


def is_call(record: Any) -> bool:
    """Whether it called a tool, or would have; a step of resources alone has neither arguments nor a value."""
    return record.tool is not None


def came_of(record: Any, most: int = 60) -> str:
    """Return what came of a step as text: its error, what is missing, what it fetched, or its value on one line."""
    if record.error or record.missing:
        return error_shown(record.error or "") or f"missing: {', '.join(record.missing)}"
    if _has_value(record):
        return brief(record.value, most, record.binding or "")
    return total_words(record.resources) if record.resources or not is_call(record) else "—"


def result(record: Any, most: int = 80) -> Safe:
    """Return the same in one cell."""
    if record.error or record.missing or not _has_value(record):
        return joined(short(came_of(record), 300))
    return tag("code", brief(record.value, most, record.binding or ""))


def body(record: Record, rest: str, *, opened: bool = False) -> list[Safe | None]:
    """Return what a record has: its error, arguments, value, and what it fetched; the value folded, or opened."""
    value = tree(record.value, f"{rest}.value", opened=opened, name=record.binding or "")
    bound = joined(" bound to ", code(record.binding)) if record.binding is not None else None
    return [
        error_box(record), arguments_table(record.arguments) if is_call(record) or record.arguments else None,
        tag("p", tag("strong", "Value"), bound) if opened and _has_value(record) else None,
        value if _has_value(record) else None, fetched_table(record.resources, f"{rest}.resources", called=is_call(record)),
    ]  # fmt: skip

"""A record: one step as it ran, what was sent and why, and what came back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcpflow_nb.trace import Passed, Record
from mcpflow_nb.views.html import Safe, badge, code, details, frame, joined, named, short, table, tag
from mcpflow_nb.views.marks import mark, seconds_word, source_word
from mcpflow_nb.views.plain import clip, fold, page
from mcpflow_nb.views.values import brief, origin_shown, tree, value_shown


def line(record: Record) -> str:
    """Return `<Record create_employee: ok>`."""
    return f"<Record {clip(record.step, 60)}: {record.status}>"


def plain(record: Record) -> str:
    """Return what happened, each argument with its origin, and the value on one line."""
    lines = [f"Record {named(record.step)} — {', '.join(facts(record))}"]
    lines += [f"  {named(p.name)} = {value_shown(p.name, p.origin, p.value)}  ← {_origin(p)}" for p in record.arguments]
    lines += fold(f"error: {record.error}", "  ") if record.error else []
    lines += [f"  missing: {', '.join(record.missing)}"] if record.missing else []
    bound = f"{named(record.binding)} = " if record.binding is not None else ""
    lines += [f"  → {bound}{brief(record.value, name=record.binding or '')}"] if record.status == "ok" else []
    return page(lines, "record.value")


def html(record: Record) -> Safe:
    """Return what was sent, what came back as a tree, and the raw result folded."""
    shown = mark(record.status)
    rest = f"run.trace[{named(record.step, 60)!r}]"
    return frame(
        "Record", code(record.step), [badge(f"{shown.icon} {shown.word}", shown.kind), *facts(record)[1:]],
        error_box(record),
        arguments_table(record.arguments),
        tag("p", tag("strong", "Value"), f" ({record.rule})" if record.rule else None) if _has_value(record) else None,
        tree(record.value, f"{rest}.value", name=record.binding or "") if _has_value(record) else None,
        tag("p", tag("strong", "Guidance"), ": ", short(record.guidance, 600)) if record.guidance else None,
        _resources(record, rest),
        details("Raw result", tree(record.raw, f"{rest}.raw")) if record.raw is not None else None,
        foot=(f"{rest}.value",),
    )  # fmt: skip


def _resources(record: Record, rest: str) -> Safe | None:
    if not record.resources:
        return None
    return details(f"Resources ({len(record.resources)})", tree(list(record.resources), f"{rest}.resources"))


def facts(record: Record) -> list[str]:
    """Return status, tool, source, time and start as words."""
    called = ".".join(part for part in (record.server, record.tool) if part)
    there = [
        mark(record.status).word, called, source_word(record.source),
        seconds_word(record.seconds) if record.seconds else "",
        f"attempt {record.attempt}" if record.attempt != 1 else "",
        f"started {record.started:%Y-%m-%d %H:%M:%S} {record.started.tzname() or ''}".rstrip() if record.started else "",
    ]  # fmt: skip
    return [short(fact) for fact in there if fact]


def error_box(record: Record) -> Safe | None:
    """Return what went wrong, or what is missing, in a box; None where nothing did."""
    if not record.error and not record.missing:
        return None
    shown = mark(record.status)
    missing = f"missing: {', '.join(named(name) for name in record.missing[:20])}" if record.missing else None
    return tag(
        "div", tag("strong", f"{shown.icon} {shown.word}"), _lines(record.error),
        tag("p", missing) if missing else None, class_=f"mf-box mf-{shown.kind}",
    )  # fmt: skip


def _lines(text: str | None) -> Safe | None:
    if text is None or "\n" not in text:
        return joined(": ", short(text, 1_500)) if text else None
    return tag("pre", text[:1_500])


def arguments_table(passed: Sequence[Passed], caption: str = "Arguments") -> Safe:
    """Return one row an argument: name, value, where it came from."""
    if not passed:
        return tag("p", "No arguments.")
    rows = [[code(p.name), _value(p), short(_origin(p))] for p in passed[:50]]
    cut = f"{len(passed) - 50} more: record.sent" if len(passed) > 50 else ""
    return table(caption, ["argument", "value", "comes from"], rows, cut)


def _value(passed: Passed) -> Safe:
    return tag("code", value_shown(passed.name, passed.origin, passed.value, 160))


def _origin(passed: Passed) -> str:
    return origin_shown(passed.name, passed.origin, passed.value)


def _has_value(record: Record) -> bool:
    return record.status in ("ok", "invalid_output") or record.value is not None


def result(record: Any, most: int = 80) -> Safe:
    """Return in one cell what came of a step: its error, what is missing, or its value on one line."""
    if record.error:
        return joined(short(record.error, 300))
    if record.missing:
        return joined("missing: ", short(", ".join(record.missing), 300))
    return tag("code", brief(record.value, most, record.binding or ""))

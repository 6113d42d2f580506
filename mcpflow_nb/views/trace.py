"""A trace: one row a record, in the order they were made."""

from __future__ import annotations

from typing import Final

from mcpflow_nb.records.record import Record
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.views.html import Safe, badge, code, details, frame, named, table, tag, word
from mcpflow_nb.views.marks import mark, outcome_mark, seconds_word
from mcpflow_nb.views.plain import clip, count, full_name, grid, page
from mcpflow_nb.views.record import body, came_of, result, source_shown

FIRST: Final = 20
LAST: Final = 5
OPENED: Final = 12


def line(trace: Trace) -> str:
    """Return `<Trace onboard_employee: 3 of 5 steps, paused>`."""
    return f"<Trace {clip(trace.workflow, 60)}: {_progress(trace)}, {outcome_mark(trace.outcome).word}>"


def plain(trace: Trace) -> str:
    """Return a headline and a line a record."""
    head = f"Trace of {clip(trace.workflow, 40)} — {_progress(trace)}, {outcome_mark(trace.outcome).word}"
    if not len(trace):
        return page([head, "  nothing ran yet"], "trace.df")
    rows = [["", str(at + 1), *_words(record)] for at, record in chosen(trace)]
    lines = grid(rows, 32)
    if _left_out(trace):
        lines.insert(FIRST, f"  … {_left_out(trace)} more: trace.df")
    undone = [["", "↶", *_words(record)] for _, record in chosen(trace.undone)]
    return page([head, *lines, *(["taken back:", *grid(undone, 32)] if undone else [])], "trace.df")


def html(trace: Trace) -> Safe:
    """Return the table of records, and each record's arguments and value folded under it."""
    shown = outcome_mark(trace.outcome)
    facts = [badge(f"{shown.icon} {shown.word}", shown.kind), _progress(trace), f"run {named(trace.run_id, 40)}"]
    body = records_table(trace) if len(trace) else tag("p", "Nothing ran yet.")
    folded = [_folded(at, record) for at, record in chosen(trace)[:OPENED]]
    left = len(trace) - len(folded)
    more = tag("p", f"{left} more records: trace[name]", class_="mf-cut") if left else None
    undone = records_table(trace.undone, "Taken back") if len(trace.undone) else None
    each = details("Arguments and values of each record", folded, more) if folded else None
    return frame(
        "Trace",
        code(trace.workflow),
        facts,
        body,
        undone,
        each,
        foot=("trace.df", "trace.arguments", "trace.to_json()"),
    )


def records_table(trace: Trace, caption: str = "Records") -> Safe:
    """Return the first 20 and last 5 records as a table; what is left out is said."""
    rows = [_cells(at, record) for at, record in chosen(trace)]
    cut = f"… {_left_out(trace)} more after the first {FIRST}: trace.df" if _left_out(trace) else ""
    return table(caption, ["#", "step", "tool", "status", "source", "time", "result"], rows, cut)


def chosen(trace: Trace) -> list[tuple[int, Record]]:
    """Return the records to show, with their positions."""
    everything = list(enumerate(trace))
    return everything[:FIRST] + everything[-LAST:] if _left_out(trace) else everything


def _left_out(trace: Trace) -> int:
    return max(0, len(trace) - FIRST - LAST)


def _progress(trace: Trace) -> str:
    done = len({record.step for record in trace})
    return f"{done} of {count(trace.steps, 'step')}"


def _words(record: Record) -> list[str]:
    shown = mark(record.status)
    return [
        named(record.step), full_name(record.server, record.tool), f"{shown.icon} {shown.word}",
        source_shown(record), seconds_word(record.seconds) if record.seconds else "", came_of(record),
    ]  # fmt: skip


def _cells(at: int, record: Record) -> list[object]:
    shown = mark(record.status)
    attempt = f" (attempt {record.attempt})" if record.attempt != 1 else ""
    return [
        str(at + 1), code(record.step), code(full_name(record.server, record.tool)) if record.tool else "—",
        badge(f"{shown.icon} {shown.word}", shown.kind), word(source_shown(record) or "—", attempt),
        word(seconds_word(record.seconds) if record.seconds else "—"), result(record),
    ]  # fmt: skip


def _folded(at: int, record: Record) -> Safe:
    head = f"{at + 1} {named(record.step)} · {mark(record.status).word}"
    return details(head, *body(record, f"trace[{named(record.step, 60)!r}]"))

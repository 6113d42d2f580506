"""A run in words: what a screen reader says where others see the table and the graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mcpflow_nb.trace import Record, Trace
from mcpflow_nb.views.html import named, short
from mcpflow_nb.views.marks import mark, outcome_mark, source_word
from mcpflow_nb.views.plain import count, full_name
from mcpflow_nb.views.values import brief, error_shown, value_shown

MOST_STEPS: Final = 100
MOST: Final = 80


def describe(trace: Trace) -> str:
    """Return one sentence a record, the outcome first; secrets are masked, and what is left out is said."""
    head = f"Run of {named(trace.workflow, 60)}: {outcome_mark(trace.outcome).word}"
    parts = [f"{head}, {count(len(trace), 'record')} of {count(trace.steps, 'step')}."]
    parts += [" ".join(_sentence(record)) for record in trace.records[:MOST_STEPS]]
    parts += [f"{len(trace) - MOST_STEPS} more records."] if len(trace) > MOST_STEPS else []
    parts += [f"Taken back: {' '.join(_sentence(record))}" for record in trace.undone.records[:MOST_STEPS]]
    parts += [f"Not run: {', '.join(named(step.step, 40) for step in trace.ahead[:20])}."] if trace.ahead else []
    return "\n".join(parts)


def _sentence(record: Record) -> Iterator[str]:
    where = f" ({source_word(record.source)})" if record.source not in (None, "live") else ""
    yield f"Step {named(record.step, 60)}{where}:"
    if record.tool is not None:
        sent = ", ".join(
            f"{named(p.name, 40)} = {value_shown(p.name, p.origin, p.value, MOST)}" for p in record.arguments
        )
        yield f"{named(full_name(record.server, record.tool), 80)} with {sent or 'no arguments'};"
    if record.resources:
        yield f"{count(len(record.resources), 'resource')} read;"
    if record.status == "ok":
        yield f"gave {brief(record.value, MOST, record.binding or '')}." if record.tool is not None else "done."
    else:
        yield f"{mark(record.status).word}: {short(error_shown(record.error or 'no reason was given'), 300)}."

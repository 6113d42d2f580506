"""A run or a workflow in words: what a screen reader says where others see the table and the graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mcpflow_nb.records.record import Record
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.views.html import named, short
from mcpflow_nb.views.marks import mark, outcome_mark, source_word
from mcpflow_nb.views.parts import server_and_tool, source_label, sources_of
from mcpflow_nb.views.plain import count, full_name
from mcpflow_nb.views.values import brief, error_shown, value_shown
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow

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


def plan(workflow: SequentialWorkflow) -> str:
    """Return one sentence for the arguments and one a step: what it calls, with what from where, and what it makes."""
    said = f": {short(workflow.description, 300)}" if workflow.description else ""
    asked = [named(one.name, 40) + ("" if one.required else " (optional)") for one in workflow.arguments]
    parts = [f"Workflow {named(workflow.name, 60)}, {count(len(workflow.steps), 'step')}{said}"]
    parts += [f"It asks for {', '.join(asked)}."] if asked else []
    parts += [_planned(at, step) for at, step in enumerate(workflow.steps[:MOST_STEPS], 1)]
    parts += [f"{len(workflow.steps) - MOST_STEPS} more steps."] if len(workflow.steps) > MOST_STEPS else []
    return "\n".join(parts)


def _planned(at: int, step: WorkflowStep) -> str:
    server, tool = server_and_tool(step)
    given = ", ".join(
        f"{named(name, 40)} from {short(source_label(name, one), MOST)}" for name, one in sources_of(step)
    )
    does = f"calls {named(full_name(server, tool), 80)} with {given or 'no arguments'}" if tool else "calls nothing"
    read = f"; reads {count(len(step.resources), 'resource')}" if step.resources else ""
    made = f"; its output is {named(step.binding, 40)}" if step.binding is not None else ""
    return f"Step {at}, {named(step.name, 60)}: {does}{read}{made}."


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

"""The step graph of a workflow, and the same graph over a run: steps in their order, a dashed frame a server.

Data becomes marks, marks become DOT, DOT becomes an image (`draw`). Names of nodes are ours (`s0`, `s1`); what a
user wrote is only ever a label. A run changes attributes alone, so that nothing moves from step to step.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any, Final

from mcpflow_nb.errors import McpflowError
from mcpflow_nb.records.record import Record
from mcpflow_nb.views.chart import Chart, lines_label
from mcpflow_nb.views.draw import Drawing, drawn
from mcpflow_nb.views.html import Safe, details, frame, image, joined, named, short, table, tag
from mcpflow_nb.views.marks import FLOW, INK, NEXT, PENDING, SOFT, Mark, mark, seconds_word, source_word
from mcpflow_nb.views.parts import called, needs, numbers, server_and_tool, servers_of
from mcpflow_nb.views.plain import clip, count, grid, page
from mcpflow_nb.views.record import by_hand
from mcpflow_nb.workflows.levels import levels
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow

MAX_ALT: Final = 300
MAX_ROWS: Final = 200
STATUS_WIDTH: Final = 22
RESERVED: Final = "1.85"
"""Inches that any last line fits in: a run that goes on moves no box."""


class Graph:
    """A drawing with its words: `.dot` the DOT text, `.alt` one sentence, `.text` the same as lines."""

    def __init__(
        self, kind: str, name: str, chart: Chart, alt: str, text: str, twin: Safe, legend: Sequence[str] = ()
    ) -> None:
        self.kind, self.name, self.dot, self.edges = kind, name, chart.source, chart.edges
        self.alt = alt if len(alt) <= MAX_ALT else alt[: MAX_ALT - 24].rstrip() + "… (see text version)"
        self.text = text
        self.twin = twin
        self.legend = tuple(legend)

    def drawing(self) -> Drawing:
        """Return the SVG, or None and the sentence that says why."""
        return drawn(self.dot, self.edges, f"{self.kind} of {named(self.name)}", self.alt)

    def svg(self) -> str | None:
        """Return the SVG text, or None where no program could draw it."""
        return self.drawing().svg

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the SVG and return its path.

        Raises
        ------
        McpflowError
            When it could not be drawn; the message says why.
        """
        svg, note = self.drawing()
        if svg is None:
            raise McpflowError(f"{self.kind} of {named(self.name)}: {note}")
        target = Path(path)
        target.write_text(svg, "utf-8")
        return target

    def figure(self) -> Safe:
        """Return the image, its legend and its text; where it cannot be drawn, its table and the reason."""
        svg, note = self.drawing()
        legend = tag("p", "Legend: " + " · ".join(self.legend), class_="mf-legend") if self.legend else None
        if svg is None:
            return joined(self.twin, tag("p", note, class_="mf-cut"))
        return joined(tag("div", image(self.alt, svg), class_="mf-graph"), legend, details("Text version", self.twin))

    def __repr__(self) -> str:
        return f"<Graph {clip(self.name, 60)}: {self.kind}, {count(self.edges, 'edge')}>"

    def _repr_html_(self) -> str:
        return str(frame(self.kind, tag("code", named(self.name)), [], self.figure()))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        return {"text/plain": self.text, "text/html": self._repr_html_()}


class State:
    """What a run adds to a step: its mark, and the words of its last line."""

    def __init__(self, mark: Mark, record: Record | None = None) -> None:
        self.mark, self.record = mark, record

    @property
    def words(self) -> str:
        """`✔ ok · ◇ mock · 12 ms`, as much of it as has room."""
        parts = [f"{self.mark.icon} {self.mark.word}"]
        if self.record is not None:
            hand = " ✎" if by_hand(self.record) else ""
            source = "" if self.record.source in (None, "live") else source_word(self.record.source)
            parts += [f"{source}{hand}".strip()] if source or hand else []
            parts += [seconds_word(self.record.seconds)] if self.record.seconds else []
        while len(parts) > 1 and len(" · ".join(parts)) > STATUS_WIDTH:
            parts.pop()
        return clip(" · ".join(parts), STATUS_WIDTH)


def step_graph(workflow: SequentialWorkflow, *, data: bool = False) -> Graph:
    """Return the steps in order; with `data` also thin edges where a value flows from step to step."""
    return _graph("Step graph", workflow, None, data=data)


def run_graph(run: Any) -> Graph:
    """Return the step graph of a run's workflow with what happened on it."""
    return _graph("Run graph", run.workflow, states(run), data=False)


def states(run: Any) -> list[State]:
    """Return the state of each step of a run: its last record, or next, or pending.

    A paused run may stand before a step that failed, when it went back: that one is next.
    """
    latest = {record.step: record for record in run.trace}
    undone = {record.step for record in run.trace.undone if record.status == "ok"}
    upcoming = run.next.step if run.next is not None else None
    upcoming = getattr(upcoming, "name", upcoming)
    is_paused = getattr(run, "outcome", None) == "paused"
    found = []
    for step in run.workflow.steps:
        record = latest.get(step.name)
        if record is not None and not (step.name == upcoming and (is_paused or record.status == "ok")):
            is_undone = record.step in undone and run.outcome in ("undone", "undo_failed")
            found.append(State(mark("undone" if is_undone else record.status), record))
        else:
            found.append(State(NEXT if step.name == upcoming else PENDING))
    return found


def _graph(kind: str, workflow: SequentialWorkflow, run_states: list[State] | None, *, data: bool) -> Graph:
    requires, counted = needs(workflow), numbers(workflow)
    chart = Chart(len(workflow.steps), servers_of(workflow))
    for at, step in enumerate(workflow.steps):
        _draw_step(chart, at, counted[at], step, run_states[at] if run_states else None)
    _draw_edges(chart, workflow, run_states, requires if data else [])
    rows = [_row(at, counted[at], step, requires[at], run_states) for at, step in enumerate(workflow.steps)]
    text = page([f"{kind} of {clip(workflow.name, 60)}", *grid([_worded(row) for row in rows])], "workflow.to_json()")
    columns = ["#", "step", "server · tool", "binding", "needs", *(["status"] if run_states else [])]
    cut = f"first {MAX_ROWS} of {len(rows)} steps; all: workflow.steps" if len(rows) > MAX_ROWS else ""
    twin = table(f"{kind} as text", columns, [[short(cell) for cell in row] for row in rows[:MAX_ROWS]], cut)
    alt = _sentence(workflow, run_states)
    return Graph(kind, workflow.name, chart, alt, text, twin, _legend(workflow, run_states, chart, data=data))


def _draw_step(chart: Chart, at: int, number: str, step: WorkflowStep, state: State | None) -> None:
    server, tool = server_and_tool(step)
    where = tool if server in chart.framed else called(step)
    lines = [(f"{number} {named(step.name)}", 12, INK, True), (where, 10, SOFT, False)]
    lines += [(f"→ {named(step.binding)}", 10, INK, False)] if step.binding is not None else []
    lines += [(extras, 9, SOFT, False)] if (extras := _extras(step)) else []
    shown = state.mark if state else PENDING
    lines += [(state.words, 9, shown.stroke, False)] if state else []
    border = "dashed" if step.handoff and not (state and state.record) else shown.border
    chart.node(
        f"s{at}", lines_label(*lines), f"step {shown.kind}", server, style=f"rounded,filled,{border}", penwidth=shown.pen,
        color=shown.stroke, fillcolor=shown.fill, **({"width": RESERVED} if state else {}),
    )  # fmt: skip


def _extras(step: WorkflowStep) -> str:
    parts = ["✍ guidance" if step.guidance else "", f"res {len(step.resources)}" if step.resources else ""]
    parts.append("⇢ to the client" if step.handoff else "")
    parts += ["☑ approve" if step.approve else "", "↶ undo" if step.undo is not None else ""]
    return " · ".join(part for part in parts if part)


def _draw_edges(
    chart: Chart, workflow: SequentialWorkflow, run_states: list[State] | None, requires: list[list[int]]
) -> None:
    ranks = (
        levels(workflow.steps) if workflow.side_by_side else [range(at, at + 1) for at in range(len(workflow.steps))]
    )
    for before, after in pairwise(ranks):
        for tail, at in product(before, after):
            handed = run_states[at].mark.kind == "handoff" if run_states else workflow.steps[at].handoff
            chart.edge(f"s{tail}", f"s{at}", "order", style="dashed" if handed else "solid")
    for at, needed in enumerate(requires):
        for number in needed:
            chart.edge(f"s{number - 1}", f"s{at}", "data", color=FLOW, penwidth="0.6", constraint="false")


def _row(at: int, number: str, step: WorkflowStep, needed: list[int], run_states: list[State] | None) -> list[str]:
    bound = f"→ {named(step.binding)}" if step.binding is not None else ""
    row = [number, named(step.name), called(step), bound, ",".join(map(str, needed))]
    return [*row, run_states[at].words] if run_states else row


def _worded(row: list[str]) -> list[str]:
    return [*row[:4], f"needs {row[4]}" if row[4] else "", *row[5:]]


def _sentence(workflow: SequentialWorkflow, run_states: list[State] | None) -> str:
    servers = servers_of(workflow)
    where = f" on {count(len(servers), 'server')}" if servers else ""
    parts = []
    for at, step in enumerate(workflow.steps[:12]):
        server = server_and_tool(step)[0]
        status = f" {run_states[at].mark.word}" if run_states else ""
        bound = f" → {short(step.binding, 40)}" if step.binding and not run_states else ""
        parts.append(f"{at + 1} {short(step.name, 40)}{f' ({short(server, 40)})' if server else ''}{bound}{status}.")
    return f"Workflow {short(workflow.name, 60)}: {count(len(workflow.steps), 'step')}{where}. " + " ".join(parts)


def _legend(workflow: SequentialWorkflow, run_states: list[State] | None, chart: Chart, *, data: bool) -> Sequence[str]:
    marks = dict.fromkeys(f"{state.mark.icon} {state.mark.word}" for state in run_states or ())
    words = dict.fromkeys(
        source_word(state.record.source)
        for state in run_states or () if state.record and state.record.source not in (None, "live")
    )  # fmt: skip
    there = [
        ("✎ arguments edited by hand", any(state.record and by_hand(state.record) for state in run_states or ())),
        ("● breakpoint: a run pauses before it", bool(workflow.breakpoints)),
        ("dashed frame: a server", bool(chart.framed)),
        ("→ name: what the output is bound to", any(step.binding for step in workflow.steps)),
        ("✍ guidance for the client", any(step.guidance for step in workflow.steps)),
        ("res n: n resources to fetch", any(step.resources for step in workflow.steps)),
        ("⇢ dashed border: left to the client", any(step.handoff for step in workflow.steps)),
        ("thin blue: a value flows", data),
    ]
    return [*marks, *words, *(line for line, occurs in there if occurs)]

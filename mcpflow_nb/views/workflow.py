"""A workflow: its graph, its data flow, its inputs, steps and words for the client, and what its structure lacks."""

from __future__ import annotations

from typing import Final

from mcpflow_nb.checking.problems import Report
from mcpflow_nb.views.graph import step_graph
from mcpflow_nb.views.html import Safe, badge, code, details, frame, joined, named, short, table, tag
from mcpflow_nb.views.marks import OUTCOMES
from mcpflow_nb.views.parts import (
    called,
    needs,
    numbers,
    server_and_tool,
    servers_of,
    source_label,
    sources_of,
    used_by,
)
from mcpflow_nb.views.plain import clip, count, grid, more, page
from mcpflow_nb.views.ports import binding_graph
from mcpflow_nb.views.report import findings
from mcpflow_nb.views.values import brief
from mcpflow_nb.workflows.breakpoints import Breakpoint
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow

FIRST: Final = 40
LAST: Final = 5


def line(workflow: SequentialWorkflow) -> str:
    """Return `<SequentialWorkflow onboard_employee: 5 steps>`."""
    return f"<SequentialWorkflow {clip(workflow.name, 60)}: {count(len(workflow.steps), 'step')}>"


def plain(workflow: SequentialWorkflow) -> str:
    """Return a headline and a line a step."""
    report = workflow.check()
    requires, counted = needs(workflow), numbers(workflow)
    rows = [["", counted[at], *_step_cells(step, requires[at])] for at, step in enumerate(workflow.steps)]
    facts = [*_counts(workflow), f"{_sign(report)} {report.headline()}"]
    head = f"Workflow {clip(workflow.name, 40)} — {', '.join(facts)}"
    pauses = [f"  ● pauses before {clip(repr(one.step), 40)}: {_when(one, 40)}" for one in workflow.breakpoints[:10]]
    return page([head, *grid(rows), *pauses, *_finding_lines(report)], "workflow.steps")


def html(workflow: SequentialWorkflow) -> Safe:
    """Return the step graph open, and everything else folded under it."""
    report = workflow.check()
    kind = "ok" if report else "error"
    facts = [badge(_state(report), kind), *_counts(workflow)]
    return frame(
        "Workflow", code(workflow.name), facts,
        tag("p", short(workflow.description, 1_000)) if workflow.description else None,
        details(f"Problems: {report.headline()}", findings(report.problems), opened=not report) if len(report) else None,
        step_graph(workflow).figure() if workflow.steps else None,
        _data_flow(workflow, report) if workflow.steps else None,
        details(f"Steps ({len(workflow.steps)})", _steps(workflow)) if workflow.steps else tag("p", "No steps yet."),
        details(f"Arguments ({len(workflow.arguments)})", _arguments(workflow)) if workflow.arguments else None,
        _breakpoints(workflow) if workflow.breakpoints else None,
        _words(workflow),
        foot=("workflow.check(servers)", "run = workflow.start(servers, ...)", "workflow.to_json()"),
    )  # fmt: skip


def _data_flow(workflow: SequentialWorkflow, report: Report) -> Safe:
    """Return the data flow folded; of a long workflow only the expression that draws it."""
    if len(workflow.steps) > FIRST:
        return tag("p", "Data flow: ", tag("code", "workflow.bindings()"), class_="mf-cut")
    return details("Data flow", binding_graph(workflow, problems=report.problems).figure())


def _counts(workflow: SequentialWorkflow) -> list[str]:
    needed = sum(argument.required for argument in workflow.arguments)
    arguments = count(len(workflow.arguments), "argument") + (f" ({needed} required)" if workflow.arguments else "")
    servers = servers_of(workflow)
    return [count(len(workflow.steps), "step"), arguments, *([count(len(servers), "server")] if servers else [])]


def _state(report: Report) -> str:
    against = " (structure alone, not checked against servers)" if report else ""
    return f"{_sign(report)} {report.headline()}{against}"


def _sign(report: Report) -> str:
    return OUTCOMES["completed" if report else "failed"].icon


def _finding_lines(report: Report) -> list[str]:
    shown = [problem for problem in report.problems if problem.severity in ("error", "warning")]
    return [f"  {problem.severity}: {problem.place}: {problem.message} [{problem.code}]" for problem in shown[:10]]


def _step_cells(step: WorkflowStep, needed: list[int]) -> list[str]:
    bound = f"→ {named(step.binding)}" if step.binding is not None else ""
    return [named(step.name), called(step), bound, "needs " + ",".join(map(str, needed)) if needed else ""]


def _steps(workflow: SequentialWorkflow) -> Safe:
    everything = list(enumerate(workflow.steps))
    chosen = everything if len(everything) <= FIRST + LAST else everything[:FIRST] + everything[-LAST:]
    rows, counted = [], numbers(workflow)
    for at, step in chosen:
        server, tool = server_and_tool(step)
        bound = code(step.binding) if step.binding is not None else "—"
        rows.append([counted[at], code(step.name), short(server or "—"), short(tool or "—"), inputs_of(step), bound])
    left = len(everything) - len(chosen)
    cut = f"{left} steps in the middle not shown: workflow.steps" if left else ""
    return table("Steps", ["#", "step", "server", "tool", "argument ← comes from", "bound to"], rows, cut)


def inputs_of(step: WorkflowStep, most: int = 20) -> Safe:
    """Return the arguments of a step, each with its source, one under the other."""
    sources = list(sources_of(step))
    lines = [
        joined(tag("br") if at else None, code(name), " ← ", short(source_label(name, source)))
        for at, (name, source) in enumerate(sources[:most])
    ]
    left = more(sources, most, f"workflow[{named(step.name, 60)!r}].args")
    return joined(lines, [tag("br"), f"… {left}"] if left else None) if lines else Safe("—")


def _arguments(workflow: SequentialWorkflow) -> Safe:
    users = used_by(workflow)
    rows = []
    for argument in workflow.arguments[: FIRST + LAST]:
        default = code(brief(argument.default.value, name=argument.name)) if argument.default is not None else "—"
        choices = ", ".join(choice.text for choice in argument.choices[:20])
        kind = argument.type + (f": {choices}" if choices else "")
        used = ", ".join(users[argument.name][:8]) or "nothing"
        required = "required" if argument.required else "optional"
        rows.append(
            [code(argument.name), short(kind), required, default, short(argument.description, 300), short(used, 300)]
        )
    cut = more(workflow.arguments, FIRST + LAST, "workflow.arguments")
    return table("Arguments", ["argument", "type", "needed", "default", "description", "used by"], rows, cut)


def _breakpoints(workflow: SequentialWorkflow) -> Safe:
    """Return before which steps a run pauses by itself, and when."""
    rows = [["●", code(one.step), short(_when(one, 160))] for one in workflow.breakpoints[:FIRST]]
    cut = more(workflow.breakpoints, FIRST, "workflow.breakpoints")
    title = f"Breakpoints ({len(workflow.breakpoints)})"
    return details(title, table("A run pauses before", ["sign", "step", "when"], rows, cut))


def _when(one: Breakpoint, most: int) -> str:
    if one.is_function:
        return "where a function says so"
    return f"where its call has {brief(one.when.value, most)}" if one.when is not None else "always"


def _words(workflow: SequentialWorkflow) -> Safe | None:
    """Return what the client is told: instructions, guidance and resources, in the order it gets them."""
    rows: list[list[object]] = [["all", "instruction", _long(text)] for text in workflow.instructions]
    for step in workflow.steps:
        rows += [[code(step.name), "guidance", _long(step.guidance)]] if step.guidance else []
        rows += [[code(step.name), "resource", code(uri)] for uri in step.resources]
        rows += [[code(step.name), "handoff", "the client makes this call"]] if step.handoff else []
    if not rows:
        return None
    cut = more(rows, 50, "workflow.steps")
    return details(f"For the client ({len(rows)})", table("For the client", ["step", "kind", "text"], rows[:50], cut))


def _long(text: str) -> Safe:
    return tag("span", short(text, 600))

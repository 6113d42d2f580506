"""The data-flow graph: which argument, field or constant feeds which argument of which step.

A step is a table: its inputs left, the name of its output and the fields that are read right. What nothing
makes ends in a red dashed stub with a question mark, before anything ran.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from mcpflow_nb.checking.problems import Problem
from mcpflow_nb.paths import Path, dotted
from mcpflow_nb.views.chart import MAX_LABEL, Chart, lines_label, table_label
from mcpflow_nb.views.graph import MAX_ROWS, Graph
from mcpflow_nb.views.html import Safe, joined, named, short, table, tag
from mcpflow_nb.views.marks import BAD, FLOW, HEAD, INK, LINE, PAPER, SOFT
from mcpflow_nb.views.parts import Feed, called, feeds, server_and_tool, servers_of
from mcpflow_nb.views.plain import clip, count, grid, page
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow

Fields = dict[int, list[Path]]
_INPUTS: Final = "workflow arguments"


def binding_graph(
    workflow: SequentialWorkflow, all_fields: bool = False, *, problems: Iterable[Problem] = (), servers: Any = None
) -> Graph:
    """Return the data-flow graph.

    Outputs show the fields that are read; with `all_fields` also arguments and outputs nobody reads, and the fields
    that the tools of `servers` declare. What `problems` speak of is marked: an input, a step, an unused argument.
    """
    found = feeds(workflow)
    fields = _fields(workflow, found, servers if all_fields else None)
    bad = {(p.step, p.argument) for p in problems if p.severity == "error" or p.code == "unused-argument"}
    marked = [_is_bad(workflow, feed, bad) for feed in found]
    chart = Chart(len(workflow.steps), servers_of(workflow), gap="0.6")
    _draw_arguments(chart, workflow, found, {name for step, name in bad if step is None}, all_fields=all_fields)
    for at, step in enumerate(workflow.steps):
        wrong: set[str | None] = {
            feed.argument for feed, is_bad in zip(found, marked, strict=True) if is_bad and feed.step == at
        }
        wrong |= {None} if (step.name, None) in bad else set()
        read = {feed.maker for feed in found}
        _draw_step(chart, at, step, fields[at], wrong, has_output=all_fields or at in read or bool(step.binding))
    for number, (feed, is_bad) in enumerate(zip(found, marked, strict=True)):
        _draw_feed(chart, workflow, number, feed, fields, is_bad)
    return _with_words(workflow, chart, found, marked)


def _is_bad(workflow: SequentialWorkflow, feed: Feed, bad: set[tuple[str | None, str | None]]) -> bool:
    return not feed.known or (workflow.steps[feed.step].name, feed.argument) in bad


def _fields(workflow: SequentialWorkflow, found: tuple[Feed, ...], servers: Any) -> Fields:
    """Return for each step the paths its output shows, each once, in the order they are first read."""
    shown: Fields = {at: [] for at in range(len(workflow.steps))}
    for feed in found:
        if feed.maker is not None and feed.path and feed.path not in shown[feed.maker]:
            shown[feed.maker].append(feed.path)
    for at, step in enumerate(workflow.steps if servers is not None else ()):
        server, tool = server_and_tool(step)
        offered = servers[server].catalog.tools if server in servers.names else {}
        declared = offered[tool].output_fields if tool in offered else ()
        shown[at] += [(name,) for name in declared if (name,) not in shown[at]]
    return shown


def _draw_arguments(
    chart: Chart, workflow: SequentialWorkflow, found: tuple[Feed, ...], wrong: set[str | None], *, all_fields: bool
) -> None:
    read = {feed.name for feed in found if feed.kind == "argument"} | wrong
    shown = [(at, arg) for at, arg in enumerate(workflow.arguments) if all_fields or arg.name in read]
    if not shown:
        return
    rows = [tag("tr", _cell(tag("b", _INPUTS), bgcolor=HEAD, align="left"))]
    for at, argument in shown:
        text = named(argument.name, MAX_LABEL) + (" *" if argument.required else "")
        rows.append(tag("tr", _cell(_marked(text, argument.name in wrong), port=f"a{at}", align="left")))
    chart.node("inputs", _box(rows), "inputs", shape="plain")


def _draw_step(
    chart: Chart, at: int, step: WorkflowStep, paths: list[Path], wrong: set[str | None], *, has_output: bool
) -> None:
    """Draw a step with the inputs of `wrong` marked; None among them marks what it calls."""
    server, _ = server_and_tool(step)
    title = tag("font", tag("b", f"{at + 1} {named(step.name, MAX_LABEL)}"), point_size=12)
    head = tag("font", _marked(named(called(step), MAX_LABEL), None in wrong), point_size=9, color=SOFT)
    inputs = [*step.args, *("{" + name + "}" for name in step.template)]
    bound = named(step.binding, MAX_LABEL) if step.binding is not None else "(not bound)"
    rows = [tag("tr", _cell(part, bgcolor=HEAD, colspan=2)) for part in (title, head)]
    rows += [tag("tr", _cell(f"→ {bound}", port="out", align="right", colspan=2))] if has_output else []
    for line in range(max(len(inputs), len(paths) if has_output else 0)):
        left = inputs[line] if line < len(inputs) else None
        right, port = (_path(paths[line]), f"o{line}") if has_output and line < len(paths) else (" ", None)
        rows.append(tag("tr", _input(line, left, wrong), _cell(right, port=port, align="right")))
    chart.node(f"s{at}", _box(rows), "step", server, shape="plain")


def _input(line: int, name: str | None, wrong: set[str | None]) -> Safe:
    if name is None:
        return _cell(" ")
    return _cell(_marked(named(name, MAX_LABEL), name in wrong), port=f"i{line}", align="left")


def _marked(text: str, is_wrong: bool) -> object:
    return tag("font", joined("✖ ", text), color=BAD) if is_wrong else text


def _path(path: Path) -> str:
    return named(dotted("", path), MAX_LABEL)


def _cell(content: object, **attributes: str | int | None) -> Safe:
    return tag("td", content, **attributes)


def _box(rows: list[Safe]) -> str:
    return table_label(
        tag("table", rows, border=1, cellborder=0, cellspacing=0, cellpadding=3, color=LINE, bgcolor=PAPER)
    )


def _draw_feed(
    chart: Chart, workflow: SequentialWorkflow, number: int, feed: Feed, fields: Fields, is_bad: bool
) -> None:
    step = workflow.steps[feed.step]
    names = [*step.args, *("{" + name + "}" for name in step.template)]
    end, start = (":w", ":e") if chart.is_wide else ("", "")
    head = f"s{feed.step}:i{names.index(feed.argument)}{end}"
    look = {"color": BAD, "style": "dashed"} if is_bad else {"color": LINE}
    if feed.kind == "constant":
        label = lines_label((feed.name, 9, INK, False))
        chart.node(f"c{number}", label, "constant", style="dotted,filled", fillcolor=PAPER, margin="0.06,0.03")
        chart.edge(f"c{number}", head, "constant", **(look | ({} if is_bad else {"style": "dotted"})))
    elif not feed.known:
        unknown = lines_label((f"? {dotted(feed.name, feed.path)}", 9, BAD, False))
        chart.node(
            f"u{number}", unknown, "unknown", style="dashed,filled", fillcolor=PAPER, color=BAD, margin="0.06,0.03"
        )
        chart.edge(f"u{number}", head, "unknown", **look)
    elif feed.kind == "argument":
        place = [argument.name for argument in workflow.arguments].index(feed.name)
        chart.edge(f"inputs:a{place}{start}", head, "argument", **look)
    else:
        maker = feed.maker if feed.maker is not None else 0
        port = f"o{fields[maker].index(feed.path)}" if feed.path else "out"
        flow = {} if is_bad else {"color": FLOW, "penwidth": "1" if feed.path else "2"}
        chart.edge(f"s{maker}:{port}{start}", head, "binding", **(look | flow))


def _with_words(workflow: SequentialWorkflow, chart: Chart, found: tuple[Feed, ...], marked: list[bool]) -> Graph:
    rows = [_row(workflow, feed, is_bad) for feed, is_bad in zip(found, marked, strict=True)]
    lost = sum(marked)
    alt = (
        f"Data flow of {short(workflow.name, 60)}: {count(len(workflow.steps), 'step')}, "
        f"{count(len(found), 'value')} passed, {f'{lost} not found or wrong' if lost else 'each one found'}. "
    ) + " ".join(f"{row[2]} feeds {row[0]}.{row[1]}." for row in rows[:6])
    text = page([f"Data flow of {clip(workflow.name, 60)}", *grid(rows)], "workflow.to_json()")
    cut = f"first {MAX_ROWS} of {len(rows)}; all: workflow.to_json()" if len(rows) > MAX_ROWS else ""
    twin = table("Data flow as text", ["step", "argument", "comes from", ""], rows[:MAX_ROWS], cut)
    return Graph("Data flow", workflow.name, chart, alt, text, twin, _legend(found, marked))


def _row(workflow: SequentialWorkflow, feed: Feed, is_bad: bool) -> list[str]:
    origin = {"argument": f"argument {dotted(feed.name, feed.path)}", "binding": dotted(feed.name, feed.path)}
    maker = f" (step {feed.maker + 1})" if feed.maker is not None else ""
    shown = short(origin.get(feed.kind, feed.name)) + maker
    return [named(workflow.steps[feed.step].name), named(feed.argument), shown, _verdict(feed, is_bad)]


def _verdict(feed: Feed, is_bad: bool) -> str:
    return "" if not is_bad else "✖ wrong" if feed.known else "✖ not found"


def _legend(found: tuple[Feed, ...], marked: list[bool]) -> list[str]:
    kinds = {feed.kind for feed in found}
    there = [
        ("* required", "argument" in kinds),
        ("grey: an argument of the workflow", "argument" in kinds),
        ("blue: a field of an output", any(feed.kind == "binding" and feed.path for feed in found)),
        ("thick blue: a whole output", any(feed.kind == "binding" and not feed.path for feed in found)),
        ("dotted: a constant", "constant" in kinds),
        ("✖ red dashed: not found or wrong", any(marked)),
    ]
    return [line for line, occurs in there if occurs]

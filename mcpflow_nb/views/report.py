"""A report: every finding in the order of the steps, with its place in the reader's own code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mcpflow_nb.checking.problems import Problem, Report
from mcpflow_nb.views.html import Safe, badge, code, details, frame, joined, short, table, tag
from mcpflow_nb.views.marks import MARKS, SEVERITIES
from mcpflow_nb.views.plain import clip, count, fold, more, page
from mcpflow_nb.views.ports import binding_graph
from mcpflow_nb.visible import visible

MOST: Final = 60


def line(report: Report) -> str:
    """Return `<Report onboard_employee: 2 errors, 1 warning>`."""
    return f"<Report {clip(report.workflow.name, 60)}: {report.headline()}>"


def plain(report: Report) -> str:
    """Return the headline, and each finding with its line and a caret under the word that is wrong."""
    lines = [_headline(report)]
    for problem in report.problems:
        where, source, carets = problem.source
        mark = SEVERITIES[problem.severity]
        lines.append(f"{mark.icon} {mark.word}{_code(problem)}  {problem.place}  {where or ''}".rstrip())
        lines += fold(problem.message + _hint(problem), "    ")
        lines += [f"    {part}" for part in window(source, carets, 90) if part] if source else []
        lines += [f"    fix: {problem.fix}"] if problem.fix else []
    return page(lines, "report.df")


def html(report: Report) -> Safe:
    """Return the headline, the table of findings, and the data flow with what is wrong marked."""
    workflow = report.workflow
    graph = binding_graph(workflow, problems=report.problems).figure() if report.errors and workflow.steps else None
    state = badge(f"{_sign(report)} {report.headline()}", "ok" if report else "error")
    return frame(
        "Report", code(workflow.name), [state, _against(report)],
        findings(report.problems) if len(report) else tag("p", f"{_passed(report)}, nothing found."),
        details("Data flow, with what is wrong marked", graph) if graph else None,
        foot=("report.df", "report.raise_if_errors()"),
    )  # fmt: skip


def findings(problems: Sequence[Problem]) -> Safe:
    """Return findings as a table, in their order."""
    rows = [_cells(problem) for problem in problems[:MOST]]
    return table("Findings", ["severity", "where", "what", "fix"], rows, more(problems, MOST, "report.df"))


def _cells(problem: Problem) -> list[object]:
    mark = SEVERITIES[problem.severity]
    where, source, carets = problem.source
    seen, under = window(source, carets, 60)
    written = tag("pre", seen, "\n" if under else "", under, class_="mf-code") if source else None
    known = f"known here: {', '.join(problem.known[:12])}" if problem.known else None
    return [
        badge(f"{mark.icon} {mark.word}", mark.kind),
        joined(short(problem.place), tag("br"), tag("small", short(where)) if where else None),
        joined(
            short(problem.message + _hint(problem), 600), " ", tag("code", problem.code), written,
            tag("small", short(known, 400)) if known else None,
        ),
        short(problem.fix, 400) if problem.fix else "—",
    ]  # fmt: skip


def window(source: str, carets: str, most: int) -> tuple[str, str]:
    """Return the part of a long line that the carets stand under, and the carets.

    >>> window("x = first(second(third))", "             ^^^^^", 12)
    ('…second(thi…', '    ^^^^^')

    Carets under the whole line say nothing, and are left out.
    """
    if len(carets.strip()) >= len(source.strip()):
        carets = ""
    if len(source) <= most:
        return visible(source), carets
    start = max(0, min(len(carets) - len(carets.lstrip()) - most // 3, len(source) - most + 1))
    seen = ("…" if start else "") + source[start + bool(start) :]
    return visible(seen[: most - 1] + "…" if len(seen) > most else seen), carets[start:][:most]


def _code(problem: Problem) -> str:
    return f" {problem.code}" if problem.code != problem.severity else ""


def _hint(problem: Problem) -> str:
    return f"; did you mean {problem.suggestion!r}?" if problem.suggestion else ""


def _sign(report: Report) -> str:
    return MARKS["ok" if report else "tool_error"].icon


def _against(report: Report) -> str:
    if report.servers is None:
        return "structure alone"
    return "checked against " + (short(", ".join(report.servers)) if report.servers else "no server")


def _passed(report: Report) -> str:
    bound = sum(len(step.args) for step in report.workflow.steps)
    return f"{count(len(report.workflow.steps), 'step')} and {count(bound, 'argument')} checked"


def _headline(report: Report) -> str:
    return f"{_sign(report)} Report of {clip(report.workflow.name, 40)}: {report.headline()} — {_against(report)}"

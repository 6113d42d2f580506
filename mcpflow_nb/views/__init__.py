"""How every object looks: `line` for `repr`, `bundle` for a notebook. Data in, the same bytes out, nothing changed.

To show a new object: a file here with `line`, `plain` and `html`, and a line in `VIEWS`. What stands above the
views (servers, runs) is known by the name of its class alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from mcpflow_nb.masking import KNOWN
from mcpflow_nb.views import (
    answered,
    binding_paths,
    call,
    cassette,
    checked,
    compliance,
    conversation,
    diff,
    drift,
    drill,
    effects,
    exchange,
    forecast,
    mapped,
    mock,
    proposal,
    record,
    replay_check,
    report,
    run,
    runs,
    served,
    servers,
    skill,
    step,
    timeline,
    told,
    tool,
    trace,
    tree,
    trusted,
    upcoming,
    why,
    workflow,
)
from mcpflow_nb.views.html import Safe, frame, tag
from mcpflow_nb.views.plain import clip
from mcpflow_nb.visible import visible

MAX_BYTES: Final = 256 * 1024
"""What one view may take, the drawings in it not counted: those have a limit of their own."""

MAX_LINE: Final = 200
"""Columns of a repr; the name of a workflow may be anything."""


class View(NamedTuple):
    """How one kind of object is shown, and the expression that has all of it."""

    line: Callable[[Any], str]
    plain: Callable[[Any], str]
    html: Callable[[Any], Safe]
    rest: str


VIEWS: Final = {
    "SequentialWorkflow": View(workflow.line, workflow.plain, workflow.html, "workflow.to_json()"),
    "WorkflowStep": View(step.line, step.plain, step.html, "step.args"),
    "Report": View(report.line, report.plain, report.html, "report.df"),
    "Forecast": View(forecast.line, forecast.plain, forecast.html, "forecast.df"),
    "Skill": View(skill.line, skill.plain, skill.html, "print(skill)"),
    "Tool": View(tool.line, tool.plain, tool.html, "tool.input_schema"),
    "Servers": View(servers.line, servers.plain, servers.html, "servers[name]"),
    "Connection": View(
        servers.connection_line, servers.connection_plain, servers.connection_html, "servers[name].tools"
    ),
    "Mock": View(mock.line, mock.plain, mock.html, "mock.df"),
    "Run": View(run.line, run.plain, run.html, "run.trace.df"),
    "NextCall": View(call.line, call.plain, call.html, "run.next"),
    "Trace": View(trace.line, trace.plain, trace.html, "trace.df"),
    "Timeline": View(timeline.line, timeline.plain, timeline.html, "timeline.df"),
    "Exchange": View(exchange.line, exchange.plain, exchange.html, "run.trace.raw(step).text"),
    "Conversation": View(conversation.line, conversation.plain, conversation.html, "run.trace.messages"),
    "WorkflowServer": View(served.line, served.plain, served.html, "server.workflows"),
    "Record": View(record.line, record.plain, record.html, "record.value"),
    "Diff": View(diff.line, diff.plain, diff.html, "diff.df"),
    "Drill": View(drill.line, drill.plain, drill.html, "drill.df"),
    "ComplianceResults": View(compliance.line, compliance.plain, compliance.html, "results.df"),
    "CompliancePlan": View(compliance.plan_line, compliance.plan_plain, compliance.plan_html, "plan.df"),
    "Why": View(why.line, why.plain, why.html, "why.df"),
    "Paths": View(binding_paths.line, binding_paths.plain, binding_paths.html, "paths.df"),
    "Effects": View(effects.line, effects.plain, effects.html, "run.effects().df"),
    "Tree": View(tree.line, tree.plain, tree.html, "run.tree()"),
    "Cassette": View(cassette.line, cassette.plain, cassette.html, "cassette.df"),
    "Drift": View(drift.line, drift.plain, drift.html, "report.df"),
    "Proposal": View(proposal.line, proposal.plain, proposal.html, "proposal.df"),
    "Runs": View(runs.line, runs.plain, runs.html, "runs.df"),
    "MapResults": View(mapped.line, mapped.plain, mapped.html, "results.df"),
    "ReplayCheck": View(replay_check.line, replay_check.plain, replay_check.html, "replay.df"),
    "Upcoming": View(upcoming.line, upcoming.plain, upcoming.html, "run.plan().df"),
    "Checked": View(checked.line, checked.plain, checked.html, "list(report)"),
    "Answered": View(answered.line, answered.plain, answered.html, "report.why"),
    "Told": View(told.line, told.plain, told.html, "print(told.code)"),
    "Trusted": View(trusted.line, trusted.plain, trusted.html, "trusted.starts"),
}
"""By the name of the class, in reading order."""


def line(shown: Any) -> str:
    """Return one line for `repr`; never raises."""
    try:
        return str(KNOWN.by_value(clip(_view(shown).line(shown), MAX_LINE)))
    except Exception as error:  # noqa: BLE001 - a repr that raises loses the cell's output; what it shows is user data
        return f"<{type(shown).__name__}: its view failed with {type(error).__name__}>"


def bundle(shown: Any) -> dict[str, str]:
    """Return exactly `text/plain` and `text/html`; never raises, never uses the network."""
    try:
        view = _view(shown)
        text = view.plain(shown)
        markup = view.html(shown)
        made = {"text/plain": text, "text/html": str(_capped(markup, shown, text, view.rest))}
        return {kind: str(KNOWN.by_value(part)) for kind, part in made.items()}
    except Exception as error:  # noqa: BLE001 - as above: the last resort says what failed, and the cell goes on
        words = f"{line(shown)}\n(its view failed with {type(error).__name__}: {visible(str(error)[:300])})"
        return {"text/plain": words, "text/html": str(tag("pre", words))}


def _view(shown: Any) -> View:
    for kind in type(shown).__mro__:
        if kind.__name__ in VIEWS:
            return VIEWS[kind.__name__]
    raise TypeError(f"no view of {type(shown).__name__}")


def _capped(markup: Safe, shown: Any, text: str, rest: str) -> Safe:
    """Return the markup, or its text and where the rest is when it is larger than a view may be."""
    size = len(markup) - sum(len(image) for image in re.findall(r'src="[^"]*"', markup))
    if size <= MAX_BYTES:
        return markup
    cut = tag("p", f"{size // 1024:,} KB of tables are not shown; all of it: ", tag("code", rest), class_="mf-cut")
    return frame(type(shown).__name__, "", [], tag("pre", text), cut)

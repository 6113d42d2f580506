"""A step: the call it makes, where each argument comes from, and what it says to the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcpflow_nb.views.html import Safe, code, frame, named, short, table, tag
from mcpflow_nb.views.parts import called, server_and_tool, source_label, sources_of
from mcpflow_nb.views.plain import clip, full_name, more, page
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.toolcalls import ToolCall


def line(step: WorkflowStep) -> str:
    """Return `<WorkflowStep setup_payroll: finance.create_payroll → payroll_record>`."""
    bound = f" → {clip(step.binding, 30)}" if step.binding is not None else ""
    return f"<WorkflowStep {clip(step.name, 40)}: {clip(_call(step), 60)}{bound}>"


def plain(step: WorkflowStep) -> str:
    """Return the call with its sources, one a line."""
    bound = f" → {named(step.binding)}" if step.binding is not None else ""
    inputs = [f"  {named(name)} ← {source_label(name, source)}" for name, source in sources_of(step)]
    return page(
        [f"Step {named(step.name)}: {_call(step)}{bound}", *inputs, *(f"  {w}: {t}" for w, t in _more(step))],
        "step.args",
    )


def html(step: WorkflowStep) -> Safe:
    """Return a table of its arguments and a table of all else that was set."""
    rows = [[code(name), short(source_label(name, source))] for name, source in sources_of(step)]
    cut = more(rows, 50, "step.args")
    facts = [code(_call(step)), *([f"→ {named(step.binding)}"] if step.binding is not None else [])]
    body = table("Arguments", ["argument", "comes from"], rows[:50], cut) if rows else tag("p", "No arguments.")
    also = [[word, short(text, 600)] for word, text in _more(step)[:50]]
    rest = table("Also", ["what", "value"], also) if also else None
    return frame("Step", code(step.name), facts, body, rest, foot=(f"workflow[{named(step.name, 60)!r}]",))


def _call(step: WorkflowStep) -> str:
    return full_name(*server_and_tool(step)) or called(step)


def _more(step: WorkflowStep) -> list[tuple[str, str]]:
    found = [("guidance", step.guidance or ""), *(("resource", uri) for uri in step.resources)]
    found += [("timeout", f"{step.timeout:g} s" if step.timeout is not None else "")]
    found += [("handoff", "the client makes this call" if step.handoff else ""), ("parse", step.parse or "")]
    found += [("approve", "a person must allow this call" if step.approve else "")]
    found += [("retry", _retry(step)), ("on_error", "the run goes on" if step.on_error == "continue" else "")]
    found += [("fail_if", " or ".join(_refusal(one) for one in step.fail_if)), ("undo", _beside(step.undo))]
    found += [("check", _beside(step.check)), ("repeat", "" if step.repeat is None else str(step.repeat))]
    found += [("written", str(step.where) if step.where else "")]
    return [(word, text) for word, text in found if text]


def _retry(step: WorkflowStep) -> str:
    if step.retry is None:
        return ""
    pauses = ", ".join(f"{seconds:g} s" for seconds in step.retry.pauses[:5])
    return f"{step.retry.attempts} attempts after {', '.join(step.retry.on)}" + (f"; waits {pauses}" if pauses else "")


def _refusal(one: Mapping[str, Any]) -> str:
    return " and ".join(f"{path or 'it'} is {wanted.text}" for path, wanted in one.items())


def _beside(call: ToolCall | None) -> str:
    if call is None:
        return ""
    given = ", ".join(f"{named(name)} ← {source_label(name, source)}" for name, source in call.args.items())
    return f"{full_name(call.server, call.tool)}({given})"

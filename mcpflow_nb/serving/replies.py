"""What a run becomes on the wire: a prompt's messages, or a tool's structured result. Plain JSON, from its records."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

import mcp.types as types

from mcpflow_nb.exact import dumps
from mcpflow_nb.records.covering import shown_bindings
from mcpflow_nb.records.messages import clean, on_a_line
from mcpflow_nb.records.outline import Ahead
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.running.run import Run

RUN: Final = "mcpflow/run"
"""The key in `_meta`: of a request, the run key; of a result, the run."""

MAX_DEPTH: Final = 100
"""Levels of a value on the wire; the parsers of some clients stop at about 200."""
_PRIMITIVES: Final = ("string", "integer", "number", "boolean")


def prompt_reply(run: Run) -> dict[str, Any]:
    """Return the GetPromptResult of a run."""
    trace = run.trace
    messages = [{"role": message.role, "content": message.content} for message in trace.messages]
    meta = {RUN: finite({"workflow": run.workflow.name, **summary(run, trace)})}
    return {"description": run.workflow.description, "messages": messages, "_meta": meta, "resultType": "complete"}


def tool_reply(run: Run) -> dict[str, Any]:
    """Return the CallToolResult of a run: the same JSON as structure and as text, then what a handoff needs to be read.

    A run that did not succeed is an error of the tool, and has its structure too.
    """
    trace = run.trace
    structure = finite({**summary(run, trace), "bindings": shown_bindings(run.workflow, run.bindings)})
    content: list[Any] = [{"type": "text", "text": json.dumps(structure, ensure_ascii=False)}]
    kinds = ("guidance", "resource", "handoff") if run.outcome == "handoff" else ("resource",)
    content += [message.content for message in trace.messages if message.kind in kinds]
    return {
        "content": content, "structuredContent": structure, "isError": run.outcome not in ("completed", "handoff"),
        "_meta": {RUN: {"workflow": run.workflow.name, "run": run.id, "outcome": run.outcome}},
        "resultType": "complete",
    }  # fmt: skip


def refused(message: str) -> dict[str, Any]:
    """Return the result of a tool that was not run, in a sentence."""
    return {"content": [{"type": "text", "text": message}], "isError": True, "resultType": "complete"}


def summary(run: Run, trace: Trace) -> dict[str, Any]:
    """Return where a run stands: outcome, reason, each step that ran, what is missing, what is left."""
    left = [step.plain() for step in trace.ahead]
    handed = run.outcome == "handoff"
    steps = [
        {"step": record.step, "status": record.status, "server": record.server, "tool": record.tool,
         "source": record.source, "error": clean(record.error) if record.error else None}
        for record in trace
    ]  # fmt: skip
    return {
        "run": run.id, "outcome": run.outcome, "reason": clean(run.reason) if run.reason else None, "steps": steps,
        "missing": list(trace.records[-1].missing) if handed else [],
        "next": left[0] if handed and left else None, "remaining": left[1:] if handed else left,
    }  # fmt: skip


def finite(value: dict[str, Any]) -> dict[str, Any]:
    """Return a value that JSON carries: NaN and lone surrogates become tags, for they would be lost on the way."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
        if text.count("[") + text.count("{") <= MAX_DEPTH:  # so few that it cannot be nested deeper
            return value
    except (ValueError, RecursionError):
        value = json.loads(dumps(_shallow(value, MAX_DEPTH)))
    shallow: dict[str, Any] = _shallow(value, MAX_DEPTH)
    return shallow


def _shallow(value: Any, left: int) -> Any:
    """Return a value no client's parser stumbles over: what is nested deeper is written as text."""
    if left == 0 and isinstance(value, dict | list):
        return on_a_line(value)
    if isinstance(value, dict):
        return {key: _shallow(item, left - 1) for key, item in value.items()}
    return [_shallow(item, left - 1) for item in value] if isinstance(value, list) else value


def question(run: Run) -> types.ElicitRequest | None:
    """Return a form that asks for what a handoff misses, or whether a call may be made; None where no form can carry it."""
    if not run.trace.ahead or run.trace.records[-1].status not in ("handoff", "waiting"):
        return None
    step = run.trace.ahead[0] if run.outcome == "handoff" else _allowed(run.trace.ahead[0], run)
    fields = {name: _field(schema) for name, schema in step.missing.items()}
    if None in fields.values():
        return None
    words = [message.text for message in run.trace.messages if message.step == step.step and message.kind == "guidance"]
    asked = f"Step {step.step!r} of {run.workflow.name!r} calls {step.server}.{step.tool}"
    sent = f" with {json.dumps(dict(step.arguments), ensure_ascii=False)}" if step.arguments else ""
    text = "\n\n".join([*words, f"{asked}{sent}. " + ("Give what is missing." if fields else "Shall it be called?")])
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=text, requested_schema=schema))


def _allowed(step: Ahead, run: Run) -> Ahead:
    """Return the step that waits with the arguments that would be sent, the client's answer among them."""
    return replace(step, arguments=run.trace.records[-1].sent, missing={})


def _field(schema: Any) -> dict[str, Any] | None:
    """Return the part of a schema that a form may have; None for what is no single value."""
    if schema in ({}, True):
        return {"type": "string"}
    if not isinstance(schema, dict) or schema.get("type") not in _PRIMITIVES:
        return None
    allowed = ("type", "title", "description", "enum", "default", "minimum", "maximum", "minLength", "maxLength")
    return {key: schema[key] for key in allowed if key in schema}

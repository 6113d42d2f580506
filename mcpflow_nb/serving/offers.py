"""How a workflow is listed: as a prompt, as a tool with its schemas and annotations, and the completions of both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import mcp.types as types

from mcpflow_nb.errors import ServerError
from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.values import text_of
from mcpflow_nb.workflows.arguments import Argument
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow

MOST_COMPLETIONS: Final = 100

_OUTCOMES: Final = (
    "completed", "handoff", "waiting", "failed", "unknown", "cancelled", "undone", "undo_failed",
)  # fmt: skip
_TEXT_OR_NULL: Final = {"type": ["string", "null"]}


def tool_name(workflow: SequentialWorkflow) -> str:
    """Return a name that every client accepts for a tool.

    Source: MCP specification 2025-11-25, tool names.

    >>> tool_name(SequentialWorkflow("onboard an employee!"))
    'onboard_an_employee_'
    """
    return re.sub(r"[^A-Za-z0-9._-]", "_", workflow.name)[:128] or "workflow"


def tools_of(workflow: SequentialWorkflow, servers: Any) -> list[Tool | None]:
    """Return the tool of each step that has one; None where it is not there now."""
    return [_found(step, servers) for step in workflow.steps if step.tool is not None]


def _found(step: WorkflowStep, servers: Any) -> Tool | None:
    try:
        tool: Tool = servers.find(step.tool, step.server).tool
    except ServerError:
        return None
    return tool


def believed(workflow: SequentialWorkflow, servers: Any) -> list[Tool | None]:
    """Return the tools of `tools_of`, without the word of servers that are not trusted: it is not passed on as ours."""
    tools = tools_of(workflow, servers)
    return [
        one if one and servers[one.server].spec.is_trusted else one and replace(one, annotations={}) for one in tools
    ]


def hints_of(tools: list[Tool | None]) -> dict[str, bool]:
    """Return what is sure of all of them; a hint that one does not give counts as the worse.

    Source: MCP specification 2025-11-25, ToolAnnotations, whose defaults these are.
    """
    hints = [tool.annotations if tool is not None else {} for tool in tools]
    reads = [hint.get("readOnlyHint") is True for hint in hints]
    pairs = list(zip(hints, reads, strict=True))
    return {
        "readOnlyHint": all(reads),
        "destructiveHint": any(not read and hint.get("destructiveHint") is not False for hint, read in pairs),
        "idempotentHint": all(read or hint.get("idempotentHint") is True for hint, read in pairs),
        "openWorldHint": any(hint.get("openWorldHint") is not False for hint in hints),
    }


def description(workflow: SequentialWorkflow, hints: Mapping[str, bool]) -> str:
    """Return the workflow's own words, what it runs, and whether that may change something."""
    tools = ", ".join(dict.fromkeys(step.tool for step in workflow.steps if step.tool))
    effects = "It only reads." if hints["readOnlyHint"] else "It may change data: getting it runs it."
    runs = f"Runs {len(workflow.steps)} steps on the server" + (f" ({tools})" if tools else "")
    return f"{workflow.description}\n\n{runs}. {effects}".strip()


def prompt(workflow: SequentialWorkflow, servers: Any) -> types.Prompt:
    """Return the workflow as a prompt; its arguments are text, so their types are said in words."""
    hints = hints_of(believed(workflow, servers))
    arguments = [
        types.PromptArgument(
            name=one.name, description=_argument_words(one), required=one.required and one.default is None
        )
        for one in workflow.arguments
    ]
    return types.Prompt(name=workflow.name, description=description(workflow, hints), arguments=arguments)


def _argument_words(argument: Argument) -> str:
    facts: list[str] = [] if argument.type == "string" else [argument.type]
    facts += [f"one of {', '.join(choice.text for choice in argument.choices)}"] if argument.choices else []
    facts += [f"default {argument.default.text}"] if argument.default is not None else []
    return f"{argument.description} ({'; '.join(facts)})".strip() if facts else argument.description


def tool(workflow: SequentialWorkflow, servers: Any) -> types.Tool:
    """Return the workflow as a tool: input schema from its arguments, and annotations that fail closed."""
    hints = hints_of(believed(workflow, servers))
    return types.Tool(
        name=tool_name(workflow), title=workflow.name, description=description(workflow, hints),
        input_schema=input_schema(workflow), output_schema=output_schema(workflow),
        annotations=types.ToolAnnotations.model_validate(hints),
    )  # fmt: skip


def passed_on(tool: Tool) -> types.Tool:
    """Return a tool of a step as this server offers it, under `server.tool`."""
    return types.Tool(
        name=f"{tool.server}.{tool.name}", title=tool.title or None, description=tool.description or None,
        input_schema=tool.input_schema, output_schema=tool.output_schema,
        annotations=types.ToolAnnotations.model_validate(dict(tool.annotations)) if tool.annotations else None,
    )  # fmt: skip


def input_schema(workflow: SequentialWorkflow) -> dict[str, Any]:
    """Return the schema of the arguments."""
    properties = {}
    for one in workflow.arguments:
        said = {"description": one.description} if one.description else {}
        properties[one.name] = {**one.schema_now, **said, **({"default": one.default.value} if one.default else {})}
    required = [one.name for one in workflow.arguments if one.required and one.default is None]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def output_schema(workflow: SequentialWorkflow) -> dict[str, Any]:
    """Return the schema of the structured result: where the run stands, its bindings, and each step."""
    bindings: dict[str, Any] = {step.binding: {} for step in workflow.steps if step.binding is not None}
    step = {
        "type": "object",
        "properties": {"step": {"type": "string"}, "status": {"type": "string"}, "server": _TEXT_OR_NULL,
                       "tool": _TEXT_OR_NULL, "error": _TEXT_OR_NULL},
        "required": ["step", "status"],
    }  # fmt: skip
    return {
        "type": "object",
        "properties": {
            "run": {"type": "string", "description": "id of the run"},
            "outcome": {"type": "string", "enum": list(_OUTCOMES)},
            "reason": {**_TEXT_OR_NULL, "description": "why it stopped before its end"},
            "bindings": {"type": "object", "properties": bindings},
            "steps": {"type": "array", "items": step},
            "missing": {"type": "array", "items": {"type": "string"}},
            "next": {"type": ["object", "null"], "description": "the call the client is to make at a handoff"},
            "remaining": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["run", "outcome", "reason", "bindings", "steps", "missing", "next", "remaining"],
    }


def completions(workflow: SequentialWorkflow, argument: str, begun: str) -> list[str]:
    """Return the choices of an argument that begin as the reader's text does, at most 100."""
    for one in workflow.arguments:
        if one.name == argument:
            words = [text_of(choice.value) for choice in one.choices]
            words = words or (["true", "false"] if one.type == "boolean" else [])
            return [word for word in words if word.lower().startswith(begun.lower())][:MOST_COMPLETIONS]
    return []

"""What is left of a run, worked out from what is known so far; and the outline of one that begins. Calls nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from mcpflow_nb.connecting.fetching import known_uri
from mcpflow_nb.errors import MissingValueError, NotJsonError, ServerError
from mcpflow_nb.records.outline import Ahead, Outline, Planned
from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.tools.schemas import parameter
from mcpflow_nb.values import ABSENT, copied, filled, jsonable
from mcpflow_nb.workflows.sources import Scope
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow

MOST_DESCRIBED: Final = 200
"""Characters of a tool's description in the plan."""


def outline(workflow: SequentialWorkflow, servers: Any, given: Mapping[str, Any]) -> Outline:
    """Return what a run is asked to do: the arguments as they were given, and a line a step."""
    plan = tuple(_planned(step, servers) for step in workflow.steps)
    return Outline(workflow.description, workflow.instructions, given, plan)


def _planned(step: WorkflowStep, servers: Any) -> Planned:
    server, tool, found = _tool(step, servers)
    description = found.description if found is not None else ""
    return Planned(step.name, server, tool, " ".join(description.split())[:MOST_DESCRIBED], len(step.resources))


def ahead(steps: Iterable[WorkflowStep], scope: Scope, servers: Any) -> tuple[Ahead, ...]:
    """Return each step with the arguments that have a value now, where the others would come from, what is missing."""
    return tuple(_ahead(step, scope, servers) for step in steps)


def _ahead(step: WorkflowStep, scope: Scope, servers: Any) -> Ahead:
    server, tool, found = _tool(step, servers)
    known: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for name, source in step.args.items():
        try:
            value = source.resolve(scope)
            if value is not ABSENT:
                known[name] = jsonable(value)
        except (MissingValueError, NotJsonError):
            unknown[name] = source.label
    needed = [name for name in (found.required if found else ()) if name not in known and name not in unknown]
    missing = {name: copied(parameter(found.input_schema, name)) for name in needed} if found else {}
    guidance = filled(step.guidance, dict(scope.arguments)) if step.guidance else None
    uris = tuple(known_uri(uri, step.template, scope) for uri in step.resources)
    return Ahead(step.name, server, tool, known, unknown, missing, uris, guidance)


def _tool(step: WorkflowStep, servers: Any) -> tuple[str | None, str | None, Tool | None]:
    if step.tool is None:
        return step.server, None, None
    try:
        connection, tool = servers.find(step.tool, step.server)
    except ServerError:
        return step.server, step.tool, None
    return connection.name, tool.name, tool

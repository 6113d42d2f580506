"""What is known of a workflow before it runs: the tool of each step, and the schema of every argument and binding."""

from __future__ import annotations

from typing import Any

from mcpflow_nb.checking.problems import Problem
from mcpflow_nb.errors import ServerError
from mcpflow_nb.paths import Path
from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.tools.schemas import Missing, at
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow


class Known:
    """What is known before a run: the tool of each step, and the schema of every argument and binding."""

    def __init__(self, workflow: SequentialWorkflow, servers: Any) -> None:
        self.servers = servers
        self.arguments = {argument.name: argument for argument in workflow.arguments}
        self.catalogs = [one.catalog for one in servers.values() if one.catalog.has_resources]
        self.listed_uris = tuple(resource.uri for catalog in self.catalogs for resource in catalog.resources)
        self.tools: dict[int, Tool | ServerError] = {}
        self.makers: dict[str, Tool] = {}
        self.unchecked: set[tuple[str, str]] = set()
        for step in workflow.steps:
            if step.tool is None:
                continue
            try:
                tool = servers.find(step.tool, step.server).tool
            except ServerError as error:
                self.tools[id(step)] = error
                continue
            self.tools[id(step)] = tool
            if step.binding is not None and step.parse is None:
                self.makers.setdefault(step.binding, tool)

    def tool(self, step: WorkflowStep) -> Tool | None:
        """Return the tool of a step, or None when it has none."""
        found = self.tools.get(id(step))
        return found if isinstance(found, Tool) else None

    def argument(self, name: str, path: Path) -> Any:
        """Return the schema of a workflow argument at a path."""
        found = at(self.arguments[name].schema_now, path) if name in self.arguments else {}
        return {} if isinstance(found, Missing) else found

    def may_lack(self, name: str) -> bool:
        """Tell whether a workflow argument is optional and has no default."""
        argument = self.arguments.get(name)
        return argument is not None and not argument.required and argument.default is None

    def binding(self, name: str, path: Path) -> Any:
        """Return the schema of a step's output at a path."""
        schema = self.makers[name].value_schema if name in self.makers else None
        found = {} if schema is None else at(schema, path)
        return {} if isinstance(found, Missing) else found


def problem_of(code: str, step: WorkflowStep, message: str, argument: str | None = None, **more: Any) -> Problem:
    """Return a problem of a step, or of one of its arguments, where that was written."""
    where = step.where_arg(argument) if argument else step.where
    return Problem(**{"code": code, "severity": "error", "message": message, "step": step.name, "argument": argument,
                      "where": where, "focus": argument, **more})  # fmt: skip

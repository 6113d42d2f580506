"""What a person gives for a call, the answer at a handoff or an edit, checked against the tool before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mcpflow_nb.errors import NotJsonError, RunError, did_you_mean
from mcpflow_nb.records.record import Record
from mcpflow_nb.running.preparing import Ready
from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.tools.schemas import Unjudged, parameter, refusal
from mcpflow_nb.values import Frozen, jsonable
from mcpflow_nb.workflows.steps import WorkflowStep


def read_answer(handed: Record, ready: Ready, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given arguments as JSON values.

    Raises
    ------
    RunError
        With every parameter that is missing, unknown or refused by the tool's schema.
    """
    tool = ready.tool
    if handed.status != "handoff" or tool is None:
        why = ready.call.problem or handed.error
        raise RunError(f"run.answer(): step {handed.step!r} cannot be answered here: {why}")
    if not isinstance(given, Mapping):
        raise RunError(f"run.answer(): give names and values, not {type(given).__name__}")
    lacking = [f"{name!r} is still missing" for name in ready.call.missing if name not in given]
    return read_values(tool, given, f"run.answer(): {tool.server}.{tool.name} was not called", lacking)


def read_values(tool: Tool, given: Mapping[str, Any], where: str, more: Sequence[str] = ()) -> dict[str, Any]:
    """Return arguments of a tool that a person gave, as JSON values.

    Raises
    ------
    RunError
        `where`, and every argument that is unknown or refused by the tool's schema, and whatever `more` is wrong.
    """
    values: dict[str, Any] = {}
    problems = []
    for name, value in given.items():
        if not isinstance(name, str) or not tool.takes(name):
            problems.append(f"{name!r} is no parameter{did_you_mean(str(name), tool.properties)}")
            continue
        try:
            values[name] = jsonable(value)
            refused = refusal(parameter(tool.input_schema, name), values[name])
        except NotJsonError as error:
            refused = str(error)
        except Unjudged:
            refused = None
        if refused:
            problems.append(f"{name!r}: {refused}")
    if problems := [*problems, *more]:
        raise RunError(where + ":" + "".join(f"\n  {problem}" for problem in problems))
    return values


def read_value(step: WorkflowStep, servers: Any, value: Any, verb: str = "pin") -> Frozen:
    """Return a value that a person gave for a step.

    Raises
    ------
    RunError
        When it is no JSON, refused by the tool's output schema, or the step has no tool.
    """
    problem = None
    try:
        frozen = Frozen(value)
    except NotJsonError as error:
        problem = str(error)
    else:
        tool = servers.find(step.tool, step.server).tool if step.tool is not None else None
        if tool is None:
            problem = "it only fetches resources, and has no value"
        elif tool.output_schema is not None and step.parse is None:
            content = {"result": frozen.value} if tool.is_wrapped else frozen.value
            problem = tool.output_refusal({"structuredContent": content})
    if problem:
        raise RunError(f"run.{verb}(): step {step.name!r}: {problem}")
    return frozen

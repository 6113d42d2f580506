"""What the client answers at a handoff, checked against the tool before anything is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcpflow_nb.engine import Ready
from mcpflow_nb.errors import NotJsonError, RunError, did_you_mean
from mcpflow_nb.schemas import Unjudged, parameter, refusal
from mcpflow_nb.trace import Record
from mcpflow_nb.values import jsonable


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
    problems += [f"{name!r} is still missing" for name in ready.call.missing if name not in given]
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise RunError(f"run.answer(): {tool.server}.{tool.name} was not called:{lines}")
    return values

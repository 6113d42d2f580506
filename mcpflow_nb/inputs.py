"""The arguments of one run, read all at once by their declared types; every bad one is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcpflow_nb.errors import ArgumentsError, nearest
from mcpflow_nb.problems import Problem
from mcpflow_nb.schemas import Unjudged, refusal
from mcpflow_nb.workflow import SequentialWorkflow


def read_arguments(workflow: SequentialWorkflow, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments by their declared types, defaults filled in, absent optional ones left out.

    Raises
    ------
    ArgumentsError
        With every argument that is missing, unknown or of the wrong type.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    declared = {argument.name: argument for argument in workflow.arguments}
    for name, argument in declared.items():
        value = given.get(name)
        if name not in given or argument.is_absent(value):
            if argument.default is not None:
                values[name] = argument.default.value
            elif argument.required:
                kind = f"{argument.type}: {argument.description}" if argument.description else argument.type
                problems.append(Problem("missing-argument", "error", f"is required ({kind})", argument=name))
            continue
        try:
            values[name] = argument.accept(value)
            refused = refusal(argument.schema_now, values[name]) if argument.json_schema is not None else None
        except (ValueError, Unjudged) as error:
            refused = str(error)
        if refused:
            problems.append(Problem("bad-argument", "error", refused, argument=name))
    for name in given:
        if name not in declared:
            close = nearest(name, declared)
            words = "is not declared" + (f"; did you mean {close!r}?" if close else "")
            problems.append(Problem("unknown-argument", "error", words, argument=name))
    if problems:
        raise ArgumentsError(workflow.name, problems)
    return values

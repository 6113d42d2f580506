"""The arguments of one run, read all at once by their declared types; every bad one is named."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mcpflow_nb.checking.problems import Problem
from mcpflow_nb.errors import ArgumentsError, nearest
from mcpflow_nb.tools.schemas import Unjudged, refusal
from mcpflow_nb.workflows.arguments import from_text
from mcpflow_nb.workflows.workflow import SequentialWorkflow


def from_texts(workflow: SequentialWorkflow, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return arguments that can only come as text, over MCP or from a shell: lists and objects are read as JSON."""
    values: dict[str, Any] = dict(texts)
    for argument in workflow.arguments:
        if argument.name in texts and argument.type in ("array", "object"):
            with suppress(ValueError):  # text that is none is refused with the others, by name
                values[argument.name] = from_text(argument.type, texts[argument.name])
    return values


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

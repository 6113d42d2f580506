"""Fields that a person fills in: a workflow's arguments before a run, or what is missing at a handoff. Text in, values out.

A field is plain JSON; what was typed comes back as one text a field, in order, and a blank one means: not given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from mcpflow_nb.checking.inputs import from_texts, read_arguments
from mcpflow_nb.errors import RunError
from mcpflow_nb.masking import is_secret
from mcpflow_nb.stepper.lines import clean
from mcpflow_nb.tools.catalog import Tool, type_words
from mcpflow_nb.tools.schemas import Unjudged, parameter, refusal
from mcpflow_nb.values import ABSENT
from mcpflow_nb.views.html import short
from mcpflow_nb.workflows.arguments import Argument
from mcpflow_nb.workflows.workflow import SequentialWorkflow

MOST_FIELDS: Final = 50
MOST_CHOICES: Final = 200
LONG: Final = ("array", "object")


def argument_fields(workflow: SequentialWorkflow, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a field for each argument of a workflow, filled with what is given already, else with its default."""
    return [_argument_field(one, given.get(one.name, ABSENT)) for one in workflow.arguments[:MOST_FIELDS]]


def _argument_field(argument: Argument, given: Any) -> dict[str, Any]:
    start = argument.default.value if given is ABSENT and argument.default is not None else given
    choices = [as_text(choice.value) for choice in argument.choices] or (_YES_NO if argument.type == "boolean" else [])
    return _field(argument.name, argument.type, argument.description, choices, argument.type in LONG) | {
        "required": argument.required, "text": "" if start is ABSENT or is_secret(argument.name) else as_text(start),
    }  # fmt: skip


def argument_values(workflow: SequentialWorkflow, texts: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that were typed, by their declared types; those given before stay where nothing was typed.

    Raises
    ------
    ArgumentsError
        With every argument that is missing or of the wrong type.
    RunError
        When these are no texts of these fields.
    """
    typed = _typed([one.name for one in workflow.arguments], texts)
    values = {**given, **from_texts(workflow, typed)}
    read = read_arguments(workflow, values)
    return {name: read[name] for name in values if name in read}


def missing_fields(tool: Tool | None, missing: Sequence[str]) -> list[dict[str, Any]]:
    """Return a field for each parameter that a handoff leaves to the client."""
    return [_missing_field(tool, name) for name in missing[:MOST_FIELDS]]


def _missing_field(tool: Tool | None, name: str) -> dict[str, Any]:
    schema = tool.properties.get(name) if tool is not None else None
    known = schema if isinstance(schema, dict) else {}
    enum = known.get("enum")
    choices = [as_text(one) for one in enum] if isinstance(enum, list) else []
    choices = choices or (_YES_NO if known.get("type") == "boolean" else [])
    made = _field(name, type_words(schema), known.get("description", ""), choices, known.get("type") in LONG)
    return made | {"required": True, "text": ""}


def answer_values(tool: Tool, missing: Sequence[str], texts: Any) -> dict[str, Any]:
    """Return what was typed for missing parameters: by the type that the tool's schema says, else JSON, else text.

    Raises
    ------
    RunError
        When these are no texts of these fields.
    """
    typed = _typed(list(missing), texts)
    return {name: _value(parameter(tool.input_schema, name), text) for name, text in typed.items()}


def _value(schema: Any, text: str) -> Any:
    found: list[Any] = [text]
    if not (isinstance(schema, dict) and schema.get("type") == "string"):
        with suppress(ValueError, RecursionError):
            found.insert(0, json.loads(text))
    return next((one for one in found if _fits(schema, one)), found[0])


def _fits(schema: Any, value: Any) -> bool:
    with suppress(Unjudged):
        return refusal(schema, value) is None
    return True


_YES_NO: Final = ["true", "false"]


def _field(name: str, kind: str, said: Any, choices: Sequence[str], is_long: bool) -> dict[str, Any]:
    return {
        "name": short(name, 60), "type": short(kind, 100), "said": clean(said, 500),
        "choices": [clean(one, 200) for one in choices[:MOST_CHOICES]], "long": is_long, "secret": is_secret(name),
    }  # fmt: skip


def _typed(names: Sequence[str], texts: Any) -> dict[str, str]:
    """Return the texts that are not blank, by name."""
    if not isinstance(texts, list) or len(texts) > len(names) or not all(isinstance(one, str) for one in texts):
        raise RunError("these are no texts of these fields")
    return {name: text for name, text in zip(names, texts, strict=False) if text.strip()}


def as_text(value: Any) -> str:
    """Return a value as it is typed into a field.

    >>> as_text("Ada"), as_text([1, "x"])
    ('Ada', '[1, "x"]')
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""Arguments of a workflow: their types, and the one strict grammar that turns text into a value.

Over MCP every prompt argument is text; in Python it is a value. Both go through `Argument.accept`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from pydantic import Field, PrivateAttr

from mcpflow_nb.errors import DefinitionError, NotJsonError
from mcpflow_nb.values import ABSENT, MAX_DEPTH, Data, Frozen, FrozenOrNone, FrozenValue, jsonable, nesting
from mcpflow_nb.where import Where

TypeName = Literal["string", "integer", "number", "boolean", "array", "object"]

_PYTHON: Final[dict[Any, TypeName]] = {
    str: "string", int: "integer", float: "number", bool: "boolean", list: "array", dict: "object",
}  # fmt: skip
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,4000}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BOOLEAN: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_KINDS: Final[dict[str, Any]] = {
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "string": str,
    "array": list,
    "object": dict,
}


class Argument(Data):
    """One input of a workflow."""

    name: str
    description: str = ""
    required: bool = True
    type: TypeName = "string"
    default: FrozenOrNone = Field(default=None, validate_default=False)
    choices: tuple[FrozenValue, ...] = ()
    json_schema: FrozenOrNone = Field(default=None, validate_default=False, alias="schema")
    _where: Where | None = PrivateAttr(None)

    @property
    def where(self) -> Where | None:
        """Where it was written, or None; no part of the data."""
        return self._where

    @property
    def schema_now(self) -> dict[str, Any]:
        """The JSON Schema of its value: type, choices and what the author added."""
        schema: dict[str, Any] = {"type": self.type}
        if self.json_schema is not None:
            schema |= self.json_schema.value
        if self.choices:
            schema["enum"] = [choice.value for choice in self.choices]
        return schema

    def accept(self, value: Any) -> Any:
        """Return the value a step will see; text is read by the declared type.

        Raises
        ------
        ValueError
            When the value is not of the type or not one of the choices; the message has no name in it.
        """
        if isinstance(value, str) and self.type in ("integer", "number", "boolean"):
            value = from_text(self.type, value)
        try:
            value = jsonable(value)
        except NotJsonError as error:
            problem = str(error)
        else:
            kind_fits = isinstance(value, _KINDS[self.type]) and (self.type == "boolean" or not isinstance(value, bool))
            if not kind_fits:
                problem = f"{_short(value)} is no {self.type}"
            elif self.choices and not any(_same(value, choice) for choice in self.choices):
                problem = f"{_short(value)} is none of the choices {', '.join(c.text for c in self.choices)}"
            else:
                return value
        raise ValueError(problem)

    def is_absent(self, value: Any) -> bool:
        """Tell whether a given value counts as none: None, or empty text for what is no text, when it is optional."""
        if value is ABSENT or self.required:
            return value is ABSENT
        return value is None or (isinstance(value, str) and value == "" and self.type != "string")


def from_text(kind: str, text: str) -> Any:
    """Return the value of a text by the strict grammar: ASCII digits, no blanks, no NaN, six words for booleans, JSON.

    Raises
    ------
    ValueError
        When the text is not of that kind.

    >>> from_text("number", "1e3"), from_text("integer", "+7"), from_text("boolean", "No"), from_text("array", "[1]")
    (1000.0, 7, False, [1])
    """
    if kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    if kind == "boolean" and text.lower() in _BOOLEAN:
        return _BOOLEAN[text.lower()]
    if kind in ("array", "object") and nesting(text) <= MAX_DEPTH and isinstance(found := _json(text), _KINDS[kind]):
        return found
    hints = {"boolean": " (true, false, 1, 0, yes or no)", "array": " (JSON text)", "object": " (JSON text)"}
    words = hints.get(kind, "")
    raise ValueError(f"{_short(text)} is no {kind}{words}")


def _json(text: str) -> Any:
    """Return the value of a JSON text, or None."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def make_argument(
    name: str, description: str, required: bool | None, type_: Any, default: Any, choices: Any, schema: Any
) -> Argument:
    """Return an Argument from what a reader wrote; one with a default is optional unless said otherwise.

    Raises
    ------
    DefinitionError
        For a type that is none, or a default or choice that is not of the type.
    """
    if not isinstance(name, str):
        raise DefinitionError(f"argument: the name is text, not {name!r}")
    if not isinstance(description, str):
        raise DefinitionError(f"argument {name!r}: the description is text, not {description!r}")
    type_name = _PYTHON.get(type_, type_) if isinstance(type_, type | str) else type_
    if type_name not in get_args(TypeName):
        known = "str, int, float, bool, list or dict"
        raise DefinitionError(f"argument {name!r}: type is one of {known}, not {type_!r}")
    if default is None:  # no default, but not required either
        default, required = ABSENT, bool(required)
    if not isinstance(choices, list | tuple | None):
        raise DefinitionError(f"argument {name!r}: choices is a list, not {choices!r}")
    if not isinstance(schema, Mapping | None):
        raise DefinitionError(f"argument {name!r}: schema is a mapping, not {schema!r}")
    fields: dict[str, Any] = {"choices": tuple(map(_frozen(name, "choice"), choices or ()))}
    if schema is not None:
        fields["schema"] = _frozen(name, "schema")(schema)
    if default is not ABSENT:
        fields["default"] = _frozen(name, "default")(default)
    needed = default is ABSENT if required is None else required
    made = Argument(name=name, description=description, required=needed, type=type_name, **fields)
    for what, value in [("default", made.default), *(("choice", choice) for choice in made.choices)]:
        if value is not None and (problem := _misfit(made, value.value)):
            raise DefinitionError(f"argument {name!r}: {what} {problem}")
    return made


def _same(value: Any, choice: Frozen) -> bool:
    # 1 and 1.0 are one JSON number, however they are written; a boolean among them was refused before.
    return value == choice.value if isinstance(value, int | float) else Frozen(value) == choice


def _frozen(name: str, what: str) -> Any:
    def freeze(value: Any) -> Frozen:
        try:
            return Frozen(value)
        except NotJsonError as error:
            problem = str(error)
        raise DefinitionError(f"argument {name!r}: {what} is {problem}")

    return freeze


def _misfit(argument: Argument, value: Any) -> str | None:
    if isinstance(value, str) and argument.type != "string":
        return f"{_short(value)} is no {argument.type}"
    try:
        argument.accept(value)
    except ValueError as error:
        return str(error)
    return None


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:59] + "…"

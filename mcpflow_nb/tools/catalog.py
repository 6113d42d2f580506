"""What a server offers, as plain data: tools, resources, prompts, and a fingerprint of each tool."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from mcpflow_nb.show import Shown
from mcpflow_nb.tools.weighing import Judge, Judgement

if TYPE_CHECKING:
    from collections.abc import Mapping

HINTS: Final = (("readOnlyHint", "read-only"), ("destructiveHint", "destructive"), ("idempotentHint", "idempotent"))


@dataclass(frozen=True)
class Tool(Shown):
    """A tool as its server declares it; schemas and annotations are plain JSON."""

    server: str
    name: str
    description: str = ""
    input_schema: Any = field(default_factory=lambda: {"type": "object"})
    output_schema: Any = None
    annotations: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    title: str = ""

    __repr__ = Shown.__repr__

    @cached_property
    def properties(self) -> dict[str, Any]:
        """The schema of each parameter."""
        found = self.input_schema.get("properties") if isinstance(self.input_schema, dict) else None
        return found if isinstance(found, dict) else {}

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The parameters a call must have."""
        found = self.input_schema.get("required") if isinstance(self.input_schema, dict) else None
        return tuple(name for name in found if isinstance(name, str)) if isinstance(found, list) else ()

    def takes(self, name: str) -> bool:
        """Tell whether a call may have a parameter of this name, as far as the schema says so on purpose."""
        schema = self.input_schema if isinstance(self.input_schema, dict) else {}
        more = schema.get("additionalProperties")
        is_open = isinstance(more, dict) or more is True or bool(schema.get("patternProperties"))
        undeclared = not self.properties and more is not False
        return name in self.properties or name in self.required or is_open or undeclared

    @property
    def signature(self) -> str:
        """`create_employee(name: string, level: integer = 1)`."""
        parts = []
        for name, schema in self.properties.items():
            kind = type_words(schema)
            default = f" = {json.dumps(schema['default'])}" if isinstance(schema, dict) and "default" in schema else ""
            parts.append(f"{name}{'' if name in self.required or default else '?'}: {kind}{default}")
        return f"{self.name}({', '.join(parts)})"

    @property
    def output_fields(self) -> tuple[str, ...]:
        """The top-level fields its output schema declares; empty when it declares none."""
        schema = self.value_schema
        found = schema.get("properties") if isinstance(schema, dict) else None
        return tuple(found) if isinstance(found, dict) else ()

    @property
    def gives(self) -> str:
        """What its output schema says of the value: its fields, else its type; nothing when there is no output schema."""
        if self.output_schema is None:
            return ""
        return ", ".join(self.output_fields) or type_words(self.value_schema)

    @cached_property
    def is_wrapped(self) -> bool:
        """Whether the output schema is exactly `{"result": X}`, the SDK's wrapper of a value that is no object."""
        schema = self.output_schema
        return (
            isinstance(schema, dict)
            and isinstance(schema.get("properties"), dict)
            and list(schema["properties"]) == ["result"]
            and schema.get("required") == ["result"]
        )

    @cached_property
    def value_schema(self) -> Any:
        """The schema of the value a step binds: the output schema, unwrapped; None when nothing is declared."""
        if not self.is_wrapped:
            return self.output_schema
        inner = self.output_schema["properties"]["result"]
        defs = {key: self.output_schema[key] for key in ("$defs", "definitions") if key in self.output_schema}
        return {**inner, **defs} if isinstance(inner, dict) else inner

    @cached_property
    def _output(self) -> Judge:
        return Judge(self.output_schema)

    @cached_property
    def _input(self) -> Judge:
        return Judge(self.input_schema)

    def input_refusal(self, arguments: Mapping[str, Any]) -> str | None:
        """Return why a call breaks the tool's own input schema, or None; a schema beyond judging refuses nothing."""
        return self._input.judged(dict(arguments)).refusal

    def output_refusal(self, raw: Mapping[str, Any]) -> str | None:
        """Return why a result breaks the tool's own output schema, or None; a schema beyond judging refuses nothing."""
        return self.output_judged(raw).refusal

    def output_judged(self, raw: Mapping[str, Any]) -> Judgement:
        """Return what is to be said of a result by the tool's own output schema; takes 10 s at most."""
        if self.output_schema is None:
            return Judgement()
        if "structuredContent" not in raw:
            return Judgement("the tool declares an output schema, but gave no structured content")
        return self._output.judged(raw["structuredContent"])

    async def output_judged_aside(self, raw: Mapping[str, Any]) -> Judgement:
        """Do the same, and let others run meanwhile where it may take long."""
        if self.output_schema is None or "structuredContent" not in raw:
            return self.output_judged(raw)
        found = self._output.at_once(raw["structuredContent"])
        return found if found is not None else await asyncio.to_thread(self.output_judged, raw)

    @cached_property
    def effects(self) -> tuple[str, ...]:
        """The annotations as words; what a server says of itself, not a promise."""
        words = tuple(word for key, word in HINTS if self.annotations.get(key) is True)
        return words or (() if "readOnlyHint" not in self.annotations else ("changes data",))

    @property
    def only_reads(self) -> bool:
        """Whether the server says that it changes nothing, and does not say the opposite as well: a word only tightens."""
        return self.annotations.get("readOnlyHint") is True and self.annotations.get("destructiveHint") is not True

    @property
    def may_repeat(self) -> bool:
        """Whether the server says that a second call does no harm."""
        return self.only_reads or self.annotations.get("idempotentHint") is True

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that the server declares of this tool."""
        parts = {
            "name": self.name, "title": self.title, "description": self.description, "input": self.input_schema,
            "output": self.output_schema, "annotations": dict(self.annotations),
        }  # fmt: skip
        return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


@dataclass(frozen=True)
class Resource:
    """A resource or a resource template a server lists; `uri` has `{}` marks when it is a template."""

    server: str
    uri: str
    name: str = ""
    description: str = ""
    mime_type: str = ""


@dataclass(frozen=True)
class Prompt:
    """A prompt a server lists; `arguments` are names, with `?` behind the optional ones."""

    server: str
    name: str
    description: str = ""
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Catalog:
    """All that one server offers. `rejected` has the tools that were left out, and why."""

    tools: Mapping[str, Tool] = field(default_factory=lambda: MappingProxyType({}))
    resources: tuple[Resource, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    rejected: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    has_resources: bool = False
    """Whether the server can be asked for resources, also for those it does not list."""


def type_words(schema: Any, *, depth: int = 8) -> str:
    """Return the type of a schema as a reader says it.

    >>> type_words({"type": ["string", "null"]}), type_words({"type": "array", "items": {"type": "integer"}})
    ('string | null', 'array of integer')
    """
    if not isinstance(schema, dict) or depth <= 0:
        return "any"
    if "enum" in schema and isinstance(schema["enum"], list):
        return " | ".join(json.dumps(item) for item in schema["enum"][:6])
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(map(str, kind))
    if kind == "array" and isinstance(schema.get("items"), dict):
        return f"array of {type_words(schema['items'], depth=depth - 1)}"
    for key in ("anyOf", "oneOf"):
        if isinstance(schema.get(key), list):
            return " | ".join(dict.fromkeys(type_words(part, depth=depth - 1) for part in schema[key][:6]))
    if isinstance(schema.get("$ref"), str):
        return str(schema["$ref"]).rpartition("/")[2] or "any"
    return str(kind) if isinstance(kind, str) else "any"

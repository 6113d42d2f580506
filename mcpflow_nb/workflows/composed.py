"""Sources that are made of others: text templates, objects and lists; and the list of all kinds of source."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, WrapSerializer

from mcpflow_nb.errors import MissingValueError
from mcpflow_nb.paths import Key
from mcpflow_nb.values import ABSENT, Frozen, filled
from mcpflow_nb.workflows.environment import Env, IdempotencyKey
from mcpflow_nb.workflows.sources import TAG, Constant, FromStep, PromptArg, Read, Scope, Source, Types


def variables_of(parts: Iterable[Source]) -> tuple[str, ...]:
    """Return the names of the variables that sources are made with, each once."""
    return tuple(dict.fromkeys(name for part in parts for name in part.variables))


class Template(Source):
    """Text with `{name}` marks, filled in one pass from its own values and nothing else."""

    source: Literal["template"] = Field(default="template", alias=TAG)
    text: str
    values: Sources = Field(default_factory=dict)

    @property
    def reads(self) -> tuple[Read, ...]:
        """All that its values read."""
        return self._reads_of(self.values.values())

    @property
    def variables(self) -> tuple[str, ...]:
        """Those of its parts."""
        return variables_of(self.values.values())

    @property
    def label(self) -> str:
        """The text before it is filled, at most 40 characters."""
        return Constant(frozen=Frozen(self.text)).label

    @property
    def code(self) -> str:
        """`template('Hi {who}', who=prompt_arg('name'))`."""
        names = [name for name in self.values if name.isascii() and name.isidentifier() and not keyword.iskeyword(name)]
        values = "".join(f", {name}={self.values[name].code}" for name in self.values if len(names) == len(self.values))
        others = ", ".join(f"{name!r}: {value.code}" for name, value in self.values.items())
        return self._optional_code(f"template({self.text!r}{values or (', **{' + others + '}' if others else '')})")

    def _value(self, scope: Scope) -> Any:
        values = {name: value.resolve(scope) for name, value in self.values.items()}
        return ABSENT if ABSENT in values.values() else filled(self.text, values)

    def may_be_absent(self, types: Types) -> bool:
        """Tell whether one of its values may be absent: the text is whole or not at all."""
        return self.optional or any(value.may_be_absent(types) for value in self.values.values())

    def schema_in(self, types: Types) -> Any:  # noqa: ARG002
        """Return: text."""
        return {"type": "string"}


class Composed(Source):
    """An object whose members are sources; a member that has nothing is left out."""

    source: Literal["object"] = Field(default="object", alias=TAG)
    members: Sources

    @property
    def reads(self) -> tuple[Read, ...]:
        """All that its members read."""
        return self._reads_of(self.members.values())

    @property
    def variables(self) -> tuple[str, ...]:
        """Those of its parts."""
        return variables_of(self.members.values())

    @property
    def label(self) -> str:
        """`{name: argument who}`."""
        return "{" + ", ".join(f"{name}: {member.label}" for name, member in self.members.items()) + "}"

    @property
    def code(self) -> str:
        """`{'name': prompt_arg('who')}`."""
        members = ", ".join(f"{name!r}: {member.code}" for name, member in self.members.items())
        return self._optional_code("{" + members + "}")

    def _value(self, scope: Scope) -> Any:
        values = {name: member.resolve(scope) for name, member in self.members.items()}
        return {name: value for name, value in values.items() if value is not ABSENT}

    def schema_in(self, types: Types) -> Any:
        """Return an object schema of what is known of the members."""
        parts = {name: member.schema_in(types) for name, member in self.members.items()}
        needed = [name for name, member in self.members.items() if all(read.needed for read in member.reads)]
        return {"type": "object", "properties": parts, "required": needed}

    def __getitem__(self, key: Key) -> Source:
        if key not in self.members:
            raise MissingValueError("the composed object", key, dict(self.members))
        return self._part(self.members[str(key)])


class ComposedList(Source):
    """A list whose items are sources; an item that has nothing is left out."""

    source: Literal["list"] = Field(default="list", alias=TAG)
    items: tuple[AnySource, ...]

    @property
    def reads(self) -> tuple[Read, ...]:
        """All that its items read."""
        return self._reads_of(self.items)

    @property
    def variables(self) -> tuple[str, ...]:
        """Those of its parts."""
        return variables_of(self.items)

    @property
    def label(self) -> str:
        """`[argument a, 1]`."""
        return "[" + ", ".join(item.label for item in self.items) + "]"

    @property
    def code(self) -> str:
        """`[prompt_arg('a'), constant(1)]`."""
        return self._optional_code("[" + ", ".join(item.code for item in self.items) + "]")

    def _value(self, scope: Scope) -> Any:
        return [value for item in self.items if (value := item.resolve(scope)) is not ABSENT]

    def schema_in(self, types: Types) -> Any:
        """Return a list schema of what is known of the items."""
        if not all(read.needed for read in self.reads):
            return {"type": "array"}
        return {"type": "array", "prefixItems": [item.schema_in(types) for item in self.items]}

    def __getitem__(self, key: Key) -> Source:
        if isinstance(key, bool) or not isinstance(key, int) or not -len(self.items) <= key < len(self.items):
            raise MissingValueError("the composed list", key, list(self.items))
        return self._part(self.items[key])


def _kind(value: Any) -> Any:
    return value.get(TAG) if isinstance(value, dict) else getattr(value, "source", None)


AnySource = Annotated[
    Annotated[PromptArg, Tag("prompt_arg")]
    | Annotated[FromStep, Tag("from_step")]
    | Annotated[Constant, Tag("constant")]
    | Annotated[IdempotencyKey, Tag("idempotency_key")]
    | Annotated[Env, Tag("env")]
    | Annotated[Template, Tag("template")]
    | Annotated[Composed, Tag("object")]
    | Annotated[ComposedList, Tag("list")],
    Discriminator(_kind),
]

Sources = Annotated[
    Mapping[str, AnySource],
    AfterValidator(lambda sources: MappingProxyType(dict(sources))),
    WrapSerializer(lambda sources, default: default(dict(sources))),
]

for _model in (Template, Composed, ComposedList):
    _model.model_rebuild()

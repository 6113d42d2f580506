"""Where the value of a step argument comes from.

A source answers four questions and nobody else asks its kind: what it `reads`, its `label` in graphs and
tables, its `code` as a reader would write it, and `resolve(scope)`, its value. `schema_in(types)` is the same
answer before anything ran: the JSON Schema of the value, as far as it is known.
To add a source: one class here, its name in `AnySource`, and a function below that makes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol

from pydantic import AfterValidator, Discriminator, Field, Tag, WrapSerializer, model_serializer

from mcpflow_nb.errors import DefinitionError, MissingValueError, NotJsonError
from mcpflow_nb.values import ABSENT, MAX_DEPTH, Data, Frozen, FrozenValue, filled, placeholders

Key = str | int
Path = tuple[Key, ...]
TAG: Final = "$source"
"""The key that tells a saved source from an author's object."""


class Scope(NamedTuple):
    """What sources read: the workflow's arguments that were given, and the bindings made so far."""

    arguments: Mapping[str, Any]
    bindings: Mapping[str, Any]


class Types(Protocol):
    """What is known before a run; each answer is a JSON Schema, `{}` where nothing is known."""

    def argument(self, name: str, path: Path) -> Any:
        """Return the schema of a workflow argument at a path."""

    def binding(self, name: str, path: Path) -> Any:
        """Return the schema of a step's output at a path."""


class Read(NamedTuple):
    """One thing a source reads. `needed` is False where it has a default or may be left out."""

    kind: Literal["argument", "binding"]
    name: str
    path: Path
    needed: bool


class Source(Data):
    """The root of all sources."""

    optional: bool = False

    @model_serializer(mode="wrap")
    def _saved(self, default: Any) -> dict[str, Any]:
        # The tag is a default, and defaults are left out of saved data.
        return {TAG: getattr(self, "source", None), **default(self)}

    @property
    def reads(self) -> tuple[Read, ...]:
        """Everything this source reads, in written order."""
        return ()

    @property
    def label(self) -> str:
        """A short text for graph edges and tables."""
        raise TypeError(type(self).__name__)

    @property
    def code(self) -> str:
        """The expression that makes this source."""
        raise TypeError(type(self).__name__)

    def resolve(self, scope: Scope) -> Any:
        """Return the value, or ABSENT where the parameter is to be left out.

        Raises
        ------
        MissingValueError
            When there is nothing at the path and the source has no default and is not optional.
        """
        try:
            return self._value(scope)
        except MissingValueError:
            if self.optional:
                return ABSENT
            raise

    def _value(self, scope: Scope) -> Any:  # noqa: ARG002
        raise TypeError(type(self).__name__)

    def schema_in(self, types: Types) -> Any:  # noqa: ARG002
        """Return the JSON Schema of the value as far as it is known before a run."""
        return {}

    def __getitem__(self, key: Key) -> Source:
        """Return a source of the part under a key or index."""
        raise DefinitionError(f"{self.code}[{key!r}]: only a value that is read or built can be read into")

    def _reads_of(self, parts: Iterable[Source]) -> tuple[Read, ...]:
        reads = (read for part in parts for read in part.reads)
        return tuple(read._replace(needed=read.needed and not self.optional) for read in reads)

    def _optional_code(self, code: str) -> str:
        return f"optional({code})" if self.optional else code

    def __contains__(self, key: object) -> bool:
        raise TypeError("a source has no value until a run; `in` cannot look into it")

    def __repr__(self) -> str:
        return self.code


class _Reading(Source):
    name: str
    path: Path = ()
    default: FrozenValue = Field(default=None, validate_default=False)  # type: ignore[assignment]

    def __getitem__(self, key: Key) -> Source:
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise DefinitionError(f"{self.code}[{key!r}]: a path is made of text keys and whole-number indices")
        return self.model_copy(update={"path": (*self.path, constant(key).value)})

    def _at_path(self, value: Any) -> Any:
        try:
            return walk(value, self.path, self.label)
        except MissingValueError:
            if self.default is not None:
                return self.default.value
            raise

    def _path_code(self) -> str:
        return "".join(f"[{key!r}]" for key in self.path)

    def _default_code(self) -> str:
        return f", default={self.default.value!r}" if self.default is not None else ""


class PromptArg(_Reading):
    """An argument of the workflow."""

    source: Literal["prompt_arg"] = Field(default="prompt_arg", alias=TAG)

    @property
    def reads(self) -> tuple[Read, ...]:
        """The argument."""
        return (Read("argument", self.name, self.path, self.default is None and not self.optional),)

    @property
    def label(self) -> str:
        """`argument department`."""
        return f"argument {dotted(self.name, self.path)}"

    @property
    def code(self) -> str:
        """`prompt_arg('department')`."""
        return self._optional_code(f"prompt_arg({self.name!r}{self._default_code()}){self._path_code()}")

    def _value(self, scope: Scope) -> Any:
        if self.name not in scope.arguments:
            return ABSENT if self.default is None else self.default.value
        return self._at_path(scope.arguments[self.name])

    def schema_in(self, types: Types) -> Any:
        """Return the declared type of the argument."""
        return types.argument(self.name, self.path)


class FromStep(_Reading):
    """The output of an earlier step, whole or at a path."""

    source: Literal["from_step"] = Field(default="from_step", alias=TAG)

    @property
    def reads(self) -> tuple[Read, ...]:
        """The binding."""
        return (Read("binding", self.name, self.path, self.default is None and not self.optional),)

    @property
    def label(self) -> str:
        """`employee_record.employee_id`."""
        return dotted(self.name, self.path)

    @property
    def code(self) -> str:
        """`field('employee_record', 'employee_id')`, or `from_step(...)[...]` where a key has a dot."""
        text = ".".join(map(str, self.path))
        if self.path and split_path(text) == self.path:
            return self._optional_code(f"field({self.name!r}, {text!r}{self._default_code()})")
        return self._optional_code(f"from_step({self.name!r}{self._default_code()}){self._path_code()}")

    def _value(self, scope: Scope) -> Any:
        if self.name not in scope.bindings:
            if self.default is not None:
                return self.default.value
            raise MissingValueError("the run", self.name, dict(scope.bindings))
        return self._at_path(scope.bindings[self.name])

    def schema_in(self, types: Types) -> Any:
        """Return what the tool's output schema says at the path."""
        return types.binding(self.name, self.path)


class Constant(Source):
    """A value that stands in the workflow itself; copied and frozen."""

    source: Literal["constant"] = Field(default="constant", alias=TAG)
    frozen: FrozenValue = Field(alias="value")

    @property
    def value(self) -> Any:
        """A fresh copy of the value."""
        return self.frozen.value

    @property
    def label(self) -> str:
        """The value as JSON, at most 40 characters."""
        return self.frozen.text if len(self.frozen.text) <= 40 else self.frozen.text[:39] + "…"

    @property
    def code(self) -> str:
        """`constant('welcome')`."""
        return self._optional_code(f"constant({self.value!r})")

    def _value(self, scope: Scope) -> Any:  # noqa: ARG002
        return self.value

    def schema_in(self, types: Types) -> Any:  # noqa: ARG002
        """Return a schema that only this value meets."""
        return {"const": self.value}

    def __getitem__(self, key: Key) -> Source:
        return constant(walk(self.value, (key,), "the constant"))


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
    def label(self) -> str:
        """The text before it is filled, at most 40 characters."""
        return Constant(value=self.text).label

    @property
    def code(self) -> str:
        """`template('Hi {who}', who=prompt_arg('name'))`."""
        values = "".join(f", {name}={value.code}" for name, value in self.values.items())
        return self._optional_code(f"template({self.text!r}{values})")

    def _value(self, scope: Scope) -> Any:
        values = {name: value.resolve(scope) for name, value in self.values.items()}
        return ABSENT if ABSENT in values.values() else filled(self.text, values)

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
        return self.members[str(key)]


class ComposedList(Source):
    """A list whose items are sources; an item that has nothing is left out."""

    source: Literal["list"] = Field(default="list", alias=TAG)
    items: tuple[AnySource, ...]

    @property
    def reads(self) -> tuple[Read, ...]:
        """All that its items read."""
        return self._reads_of(self.items)

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
        return self.items[key]


def _kind(value: Any) -> Any:
    return value.get(TAG) if isinstance(value, dict) else getattr(value, "source", None)


AnySource = Annotated[
    Annotated[PromptArg, Tag("prompt_arg")]
    | Annotated[FromStep, Tag("from_step")]
    | Annotated[Constant, Tag("constant")]
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


def prompt_arg(name: str, *, default: Any = ABSENT) -> PromptArg:
    """Read an argument of the workflow.

    >>> prompt_arg("order")["id"]
    prompt_arg('order')['id']
    """
    return PromptArg(name=_named("prompt_arg", name), **_given(default))


def from_step(binding: str, *, default: Any = ABSENT) -> FromStep:
    """Read the whole output of the step that made a binding; `[...]` reads into it.

    >>> from_step("games")["list"][0]["id"] == field("games", "list.0.id")
    True
    """
    return FromStep(name=_named("from_step", binding), **_given(default))


def field(binding: str, path: str, *, default: Any = ABSENT) -> FromStep:
    """Read a part of an earlier output; dots go into objects, whole numbers into lists.

    >>> field("games", "list.0.id").label
    'games.list.0.id'
    """
    return FromStep(name=_named("field", binding), path=split_path(_named("field", path)), **_given(default))


def constant(value: Any) -> Constant:
    """Pass a value as it is, copied now.

    Raises
    ------
    DefinitionError
        When JSON cannot carry the value.
    """
    try:
        return Constant(value=Frozen(value))
    except (NotJsonError, RecursionError) as error:
        problem = str(error) if isinstance(error, NotJsonError) else "it contains itself"
    raise DefinitionError(f"constant: {problem}")


def template(text: str, /, **values: Any) -> Template:
    """Fill `{name}` marks of a text from sources; nothing else ever fills text in.

    >>> template("Hi {who}", who=prompt_arg("name")).resolve(Scope({"name": "Ada"}, {}))
    'Hi Ada'
    """
    if not isinstance(text, str):
        raise DefinitionError(f"template takes text, not {text!r}")
    made = Template(text=text, values={name: as_source(value) for name, value in values.items()})
    if lacking := [name for name in placeholders(text) if name not in values]:
        raise DefinitionError(f"template {text!r} has no value for {lacking[0]!r}; give {lacking[0]}=...")
    return made


def optional(source: Any) -> Source:
    """Leave the parameter out of the call when the source has nothing."""
    return as_source(source).model_copy(update={"optional": True})


def as_source(value: Any, *, depth: int = MAX_DEPTH) -> Source:
    """Return a source for any value: itself, a composed one where it holds sources, else a constant."""
    if isinstance(value, Source):
        return value
    if not _holds_source(value, depth):
        return constant(value)
    if isinstance(value, dict):
        return Composed(
            members={_named("a composed object", k): as_source(v, depth=depth - 1) for k, v in value.items()}
        )
    return ComposedList(items=tuple(as_source(item, depth=depth - 1) for item in value))


def _holds_source(value: Any, depth: int) -> bool:
    if depth <= 0:
        raise DefinitionError(f"a value is nested deeper than {MAX_DEPTH} levels, or contains itself")
    parts: Iterator[Any] = iter(
        value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    )
    return any(isinstance(part, Source) or _holds_source(part, depth - 1) for part in parts)


def _named(what: str, name: Any) -> str:
    if not isinstance(name, str):
        raise DefinitionError(f"{what} takes a name as text, not {name!r}")
    constant(name)  # refuses what UTF-8 cannot carry
    return name


def _given(default: Any) -> dict[str, Any]:
    return {} if default is ABSENT else {"default": constant(default).frozen}


def split_path(text: str) -> Path:
    """Return the keys of a dotted path; whole numbers without leading zero are indices."""
    return tuple(
        int(part) if part == "0" or (part.isascii() and part.isdigit() and part[0] != "0") else part
        for part in text.split(".")
    )


def dotted(name: str, path: Path) -> str:
    """Return a name and a path as one short text, keys with a dot in brackets."""
    return name + "".join(
        f"[{json.dumps(key, ensure_ascii=False)}]" if isinstance(key, str) and ("." in key or not key) else f".{key}"
        for key in path
    )


def walk(value: Any, path: Path, label: str) -> Any:
    """Return the part of a value at a path; an index also reads an object's key of that name.

    Raises
    ------
    MissingValueError
        At the first key that is not there.
    """
    for key in path:
        if isinstance(value, dict):
            name = key if isinstance(key, str) else str(key)
            if name in value:
                value = value[name]
                continue
        elif isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
            value = value[key]
            continue
        raise MissingValueError(repr(label), key, value)
    return value

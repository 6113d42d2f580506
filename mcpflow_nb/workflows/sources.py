"""Where the value of a step argument comes from: the sources that stand alone.

A source answers four questions and nobody else asks its kind: what it `reads`, its `label` in graphs and
tables, its `code` as a reader would write it, and `resolve(scope)`, its value. `schema_in(types)` is the same
answer before anything ran: the JSON Schema of the value, as far as it is known.
To add a source: one class here (in `composed.py` when it is made of others), its name in `composed.AnySource`,
and a function in `dsl.py` that makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple, Protocol

from pydantic import Field, model_serializer

from mcpflow_nb.errors import DefinitionError, MissingValueError, NotJsonError
from mcpflow_nb.paths import Key, Path, dotted, split_path, walk
from mcpflow_nb.values import ABSENT, Data, Frozen, FrozenOrNone, FrozenValue, jsonable

TAG: Final = "$source"
"""The key that tells a saved source from an author's object."""
KEY: Final = "idempotency key"
"""The label of the key, and so the origin of an argument that has it: two calls that differ in it alone ask the same."""


class Scope(NamedTuple):
    """What sources read: the workflow's arguments that were given, the bindings made so far, the key of this call."""

    arguments: Mapping[str, Any]
    bindings: Mapping[str, Any]
    key: str = ""
    reveals: bool = False
    """Whether secrets resolve to their values, as for a call, and not to dots."""


class Types(Protocol):
    """What is known before a run; each answer is a JSON Schema, `{}` where nothing is known."""

    def argument(self, name: str, path: Path) -> Any:
        """Return the schema of a workflow argument at a path."""

    def binding(self, name: str, path: Path) -> Any:
        """Return the schema of a step's output at a path."""

    def may_lack(self, name: str) -> bool:
        """Tell whether a workflow argument may be absent."""


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
    def variables(self) -> tuple[str, ...]:
        """Names of the environment's variables it is made with: its value is a secret then."""
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

    def may_be_absent(self, types: Types) -> bool:  # noqa: ARG002
        """Tell whether a run may leave the parameter out."""
        return self.optional

    def __getitem__(self, key: Key) -> Source:
        """Return a source of the part under a key or index."""
        raise DefinitionError(f"{self.code}[{key!r}]: only a value that is read or built can be read into")

    def _reads_of(self, parts: Iterable[Source]) -> tuple[Read, ...]:
        reads = (read for part in parts for read in part.reads)
        return tuple(read._replace(needed=read.needed and not self.optional) for read in reads)

    def _part(self, part: Source) -> Source:
        return part.model_copy(update={"optional": True}) if self.optional else part

    def _optional_code(self, code: str) -> str:
        return f"optional({code})" if self.optional else code

    def __contains__(self, key: object) -> bool:
        raise TypeError("a source has no value until a run; `in` cannot look into it")

    def __repr__(self) -> str:
        return self.code

    def __str__(self) -> str:
        return self.code

    def __format__(self, spec: str) -> str:
        raise DefinitionError(f"{self.code} has no value until a run; write mf.template('... {{x}}', x={self.code})")


class _Reading(Source):
    name: str
    path: Path = ()
    default: FrozenOrNone = Field(default=None, validate_default=False)

    def __getitem__(self, key: Key) -> Source:
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise DefinitionError(f"{self.code}[{key!r}]: a path is made of text keys and whole-number indices")
        return self.model_copy(update={"path": (*self.path, checked(key, "a path"))})

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

    def may_be_absent(self, types: Types) -> bool:
        """Tell whether the argument may be absent, or the path in it."""
        return self.default is None and (types.may_lack(self.name) or (self.optional and bool(self.path)))


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

    def may_be_absent(self, types: Types) -> bool:  # noqa: ARG002
        """Tell whether it is left out when the output lacks the path."""
        return self.optional and self.default is None


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

    def may_be_absent(self, types: Types) -> bool:  # noqa: ARG002
        """Return False: it stands in the workflow."""
        return False

    def __getitem__(self, key: Key) -> Source:
        return Constant(frozen=Frozen(walk(self.value, (key,), "the constant")))


def checked(value: Any, what: str) -> Any:
    """Return a value as plain JSON data.

    Raises
    ------
    DefinitionError
        When JSON cannot carry it.
    """
    try:
        return jsonable(value)
    except NotJsonError as error:
        problem = str(error)
    raise DefinitionError(f"{what}: {problem}")

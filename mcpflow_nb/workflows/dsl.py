"""The words a workflow is written in: each makes one source.

The names are those of the workflow system that this package's ideas come from (PMCP's `dsl`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mcpflow_nb.errors import DefinitionError
from mcpflow_nb.paths import split_path
from mcpflow_nb.values import ABSENT, MAX_DEPTH, Frozen, placeholders
from mcpflow_nb.workflows.composed import Composed, ComposedList, Template
from mcpflow_nb.workflows.environment import Env, IdempotencyKey
from mcpflow_nb.workflows.sources import Constant, FromStep, PromptArg, Source, checked


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


def env(name: str) -> Env:
    """Read a variable of the environment when something is sent, and keep its value nowhere: a secret by reference.

    It is a source, and a value in `env` and `headers` of a server.

    >>> env("GITHUB_TOKEN"), template("Bearer {token}", token=env("GITHUB_TOKEN")).variables
    (env('GITHUB_TOKEN'), ('GITHUB_TOKEN',))
    """
    if not name or (isinstance(name, str) and ("=" in name or "\0" in name)):
        raise DefinitionError(f"env takes the name of a variable, not {name!r}")
    return Env(name=_named("env", name))


def constant(value: Any) -> Constant:
    """Pass a value as it is, copied now.

    Raises
    ------
    DefinitionError
        When JSON cannot carry the value.
    """
    return Constant(frozen=Frozen(checked(value, "constant")))


def idempotency_key() -> IdempotencyKey:
    """Pass what names this effect, for a server that does nothing twice: the same text at every attempt of the step.

    >>> idempotency_key().label
    'idempotency key'
    """
    return IdempotencyKey()


def template(text: str, /, **values: Any) -> Template:
    """Fill `{name}` marks of a text from sources; nothing else ever fills text in.

    >>> template("Hi {who}", who=prompt_arg("name")).reads[0].name
    'name'
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
    return str(checked(name, what))


def _given(default: Any) -> dict[str, Any]:
    return {} if default is ABSENT else {"default": constant(default).frozen}

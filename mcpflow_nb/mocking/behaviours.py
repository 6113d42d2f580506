"""What a mocked tool answers: a value, a function or an exception. `rules.py` has the answers that are made of answers.

To add one: a class with `_answer`, and a line in `behaviour_of` where it is known by what was given.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

from anyio import to_thread

from mcpflow_nb.errors import DefinitionError, NotJsonError
from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.values import Frozen


@dataclass
class Asked:
    """One call as a mock sees it; `rules` collects what had a part in the answer."""

    tool: Tool
    arguments: dict[str, Any]
    rules: list[str] = field(default_factory=list)


class ToolFailed(Exception):  # noqa: N818 - an answer inside this package: the tool reports an error
    """A mocked tool reports an error with these words."""


class Behaviour:
    """What a tool answers. `label` says it in words, `uses` counts the answers it had a part in."""

    label = ""
    passes = False
    """Whether it lets some calls pass to `rest`."""
    ends = True
    """Whether some calls end in it; a rule that only leads on to another is counted with that one."""

    def __init__(self) -> None:
        self.uses = 0
        self.rest: Behaviour | None = None

    @property
    def parts(self) -> tuple[Behaviour, ...]:
        """The answers it is made of, `rest` last."""
        return (self.rest,) if self.rest is not None else ()

    @property
    def is_open(self) -> bool:
        """Whether a call may come to an end where nothing answers."""
        return (self.passes and self.rest is None) or any(part.is_open for part in self.parts)

    def then(self, answer: Any) -> Self:
        """Return it with an answer for the calls that it lets pass."""
        return self.over(behaviour_of(answer))

    def over(self, base: Behaviour | None) -> Self:
        """Return a copy that has not been used, laid over `base`, which answers what it lets pass; None: nothing does."""
        made = copy.copy(self)
        made.uses = 0
        if self.passes:
            made.rest = base if self.rest is None else self.rest.over(base)
        return made

    async def answer(self, asked: Asked) -> Any:
        """Return the output for one call.

        Raises
        ------
        ToolFailed
            With the words of the tool's error.
        """
        self.uses += 1
        asked.rules.append(self.label)
        return await self._answer(asked)

    async def _answer(self, asked: Asked) -> Any:
        raise NotImplementedError

    async def _pass(self, asked: Asked) -> Any:
        if self.rest is None:
            raise ToolFailed(f"the mock has no answer for this call after {self.label}; add .then(answer)")
        return await self.rest.answer(asked)

    def rules(self, before: str = "") -> Iterator[tuple[str, Behaviour]]:
        """Yield each answer in which a call can end, with the labels that lead to it."""
        label = " → ".join(part for part in (before, self.label) if part)
        if self.ends:
            yield label, self
        for part in self.parts:
            yield from part.rules(label)

    def values(self) -> Iterator[Any]:
        """Yield each constant output in it."""
        for part in self.parts:
            yield from part.values()

    def __repr__(self) -> str:
        return f"<answer: {' → '.join(label for label, _ in self.rules())[-150:]}>"


class Value(Behaviour):
    """Always the same output."""

    label = "value"

    def __init__(self, value: Frozen) -> None:
        super().__init__()
        self.value = value

    async def _answer(self, _asked: Asked) -> Any:
        return self.value.value

    def values(self) -> Iterator[Any]:
        """Yield the output."""
        yield self.value.value


class Function(Behaviour):
    """What a function of the arguments returns, sync or async."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        for one in parameters_of(function):
            if one.kind is one.POSITIONAL_ONLY and one.default is one.empty:
                raise DefinitionError(
                    f"mock: its function has a positional-only parameter {one.name!r}, and arguments are given by name; "
                    "take the / out of it, or wrap it in a function of named parameters"
                )
        self.function = function
        self.label = f"function {getattr(function, '__name__', type(function).__name__)}"

    async def _answer(self, asked: Asked) -> Any:
        if inspect.iscoroutinefunction(self.function):
            return await self.function(**asked.arguments)
        # In a thread, so that a function that takes its time holds up nobody else's call.
        output = await to_thread.run_sync(partial(self.function, **asked.arguments), abandon_on_cancel=True)
        return await output if inspect.isawaitable(output) else output


class Raises(Behaviour):
    """An exception, whose words are the tool's error."""

    def __init__(self, error: BaseException | type[BaseException]) -> None:
        super().__init__()
        self.error = error
        self.label = f"raises {error.__name__ if isinstance(error, type) else type(error).__name__}"

    async def _answer(self, _asked: Asked) -> Any:
        raise self.error


def parameters_of(function: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    """Return the parameters of a function; none where Python itself cannot tell them."""
    try:
        return tuple(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return ()


def is_failure(given: Any) -> bool:
    """Tell whether something is an exception, or a class of them."""
    return isinstance(given, BaseException) or (isinstance(given, type) and issubclass(given, Exception))


def behaviour_of(given: Any) -> Behaviour:
    """Return what was given as an answer: an answer is itself, a function is called, an exception raised, else a value.

    Raises
    ------
    DefinitionError
        For a value that is no JSON, or a function that cannot be called by name.
    """
    if isinstance(given, Behaviour):
        return given
    if is_failure(given):
        return Raises(given)
    return Function(given) if callable(given) else Value(frozen("mock", given))


def frozen(where: str, value: Any) -> Frozen:
    """Return a value that nobody can change.

    Raises
    ------
    DefinitionError
        When it is no JSON; begins with `where`.
    """
    try:
        return Frozen(value)
    except NotJsonError as error:
        problem = str(error)
    raise DefinitionError(f"{where}: {problem}")

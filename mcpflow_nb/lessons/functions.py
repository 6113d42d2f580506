"""Criteria for exercises whose answer is a function of servers: it is called on the exercise's mocks.

To add one: a function that returns a `Criterion`, which looks at what `done` says that the learner's function did.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction, signature
from typing import Any, NamedTuple

from mcpflow_nb.connecting.calls import Answer
from mcpflow_nb.connecting.connections import Asked
from mcpflow_nb.errors import CallError
from mcpflow_nb.exact import dumps
from mcpflow_nb.lessons.attempt import Attempt, NotJudged, opened
from mcpflow_nb.lessons.lesson import Criterion, Mocks, Reason
from mcpflow_nb.views.html import short


class Did(NamedTuple):
    """What a function returned, and what it called: `server.tool` and arguments, oldest first."""

    value: Any
    calls: list[tuple[str, dict[str, Any]]]
    error: Exception | None = None
    """What it raised; the calls before that count as well."""

    @property
    def tools(self) -> list[str]:
        """The tools that were called."""
        return [tool for tool, _ in self.calls]


def done(attempt: Attempt, *given: Any, mocks: Mocks | None = None) -> Did:
    """Return what the learner's function does with servers, on fresh mocks, and the arguments given after them.

    Raises `NotJudged` where there is no function; whatever the function raises goes on.
    """
    found = tried(attempt, *given, mocks=mocks)
    if found.error is not None:
        raise found.error
    return found


def tried(attempt: Attempt, *given: Any, mocks: Mocks | None = None) -> Did:
    """Return what `done` does, with the error where the function raises one."""
    function = _function(attempt, 1 + len(given))
    calls: list[tuple[str, dict[str, Any]]] = []

    def listen(server: str, asked: Asked) -> Callable[[Answer], None]:
        calls.append((f"{server}.{asked.name}", dict(asked.arguments)))
        return lambda _answer: None

    with opened((mocks or attempt.exercise.mocks)()) as servers:
        for connection in servers.values():
            connection.listeners.append(listen)
        try:
            return Did(function(servers, *given), calls)
        except Exception as error:  # noqa: BLE001 - the learner's function may raise anything
            return Did(None, calls, error)


def gives(value: Any, what: str, *given: Any, mocks: Mocks | None = None) -> Criterion:
    """The function returns this value; `what` says in words what it is."""

    def judge(attempt: Attempt) -> Reason:
        return _difference(done(attempt, *given, mocks=mocks).value, value)

    return Criterion(f"it returns {what}", judge)


def called_by(*tools: str, given: tuple[Any, ...] = (), mocks: Mocks | None = None, when: str = "") -> Criterion:
    """The function calls exactly these tools, in this order; `when` says in words what is special about this run."""

    def judge(attempt: Attempt) -> Reason:
        found = tried(attempt, *given, mocks=mocks)
        ended = f"; then it raises {type(found.error).__name__}: {str(found.error)[:200]}" if found.error else ""
        return None if found.tools == list(tools) else f"it calls {', then '.join(found.tools) or 'nothing'}{ended}"

    named = f"{', then '.join(tools)}, and nothing else" if tools else "nothing"
    return Criterion(f"it calls {named}{when}", judge)


def sent_by(
    tool: str, argument: str, value: Any, what: str, *, given: tuple[Any, ...] = (), mocks: Mocks | None = None
) -> Criterion:
    """The function's first call of a tool sends this value."""

    def judge(attempt: Attempt) -> Reason:
        found = tried(attempt, *given, mocks=mocks)
        sent = next((sent for name, sent in found.calls if name == tool), None)
        if sent is None and found.error is not None:
            raise found.error
        if sent is None:
            return f"{tool} is never called"
        if argument not in sent:
            return f"{tool} was called without {argument!r}; it was sent: {', '.join(sent) or 'no argument'}"
        if dumps(sent[argument]) == dumps(value):
            return None
        return f"{tool} was sent {short(dumps(sent[argument]))}; in this run it should be {short(dumps(value))}"

    return Criterion(f"{tool} is sent {what} as {argument!r}", judge)


def lets_through(what: str, *given: Any, mocks: Mocks) -> Criterion:
    """The function raises the error of a call; `what` says in words of which."""

    def judge(attempt: Attempt) -> Reason:
        found = tried(attempt, *given, mocks=mocks)
        return None if isinstance(found.error, CallError) else f"it returns {short(repr(found.value))} instead"

    return Criterion(f"it lets the error of {what} through", judge)


def returns(value: Any, what: str, *given: Any) -> Criterion:
    """A function of plain values returns this value."""

    def judge(attempt: Attempt) -> Reason:
        return _difference(_function(attempt, len(given))(*given), value)

    return Criterion(f"it returns {what}", judge)


def _function(attempt: Attempt, count: int) -> Callable[..., Any]:
    """Return the learner's function; raises `NotJudged` where it is none, or does not take so many arguments."""
    if iscoroutinefunction(attempt.value):
        raise NotJudged("give an ordinary function: write `def`, not `async def`")
    if callable(attempt.value):
        made: Callable[..., Any] = attempt.value
        try:
            signature(made).bind(*[None] * count)
        except TypeError as error:
            raise NotJudged(f"the check gives it {count} arguments; yours takes {signature(made)}: {error}") from None
        return made
    raise NotJudged(f"give a function, not {type(attempt.value).__name__}; its name without brackets: check(..., name)")


def _difference(found: Any, value: Any) -> Reason:
    if type(found) is type(value) and found == value:
        return None
    hint = "; does it `return` what it found?" if found is None else ""
    return f"it returns {short(repr(found))}; in this run it should be {short(repr(value))}{hint}"

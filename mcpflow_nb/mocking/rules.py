"""Answers that are made of answers: when, in turn, after a while, broken on purpose.

`mf.when(name="Ada").then(...)`, `mf.sequence(...)`, `mf.delay(2)`, `mf.fail(times=1)` and `mf.fault("null")` stand
where the answer of a mocked tool stands, and take answers. Where one lets a call pass, what it was laid over answers:
`.then(...)`, or what the tool answers by itself. To add one: a class here, and the word that makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Self

import anyio
from mcp import MCPError

from mcpflow_nb.connecting.calls import CLOSED
from mcpflow_nb.errors import DefinitionError, MissingValueError, did_you_mean
from mcpflow_nb.mocking.behaviours import Asked, Behaviour, ToolFailed, behaviour_of, frozen
from mcpflow_nb.mocking.faults import BROKEN, IN_CALL, broken, require_fault
from mcpflow_nb.paths import split_path
from mcpflow_nb.values import Frozen

MOST_SECONDS: Final = 3_600.0


class InTurn(Behaviour):
    """One answer after the other; the last one goes on."""

    label = "in turn"

    def __init__(self, answers: tuple[Behaviour, ...]) -> None:
        super().__init__()
        self.answers = answers

    @property
    def parts(self) -> tuple[Behaviour, ...]:
        """The answers, in order."""
        return self.answers

    def over(self, base: Behaviour | None) -> Self:
        """Return a copy whose answers are laid over `base`."""
        made = super().over(base)
        made.answers = tuple(one.over(base) for one in self.answers)
        return made

    async def _answer(self, asked: Asked) -> Any:
        at = min(self.uses, len(self.answers)) - 1
        asked.rules[-1] = self._label(at)
        return await self.answers[at].answer(asked)

    def _label(self, at: int) -> str:
        return f"in turn, {at + 1} of {len(self.answers)}"

    def rules(self, before: str = "") -> Iterator[tuple[str, Behaviour]]:
        """Yield the answers, each with its place in the order."""
        for at, answer in enumerate(self.answers):
            yield from answer.rules(" → ".join(part for part in (before, self._label(at)) if part))


class When(Behaviour):
    """The first case whose arguments match; `.when` adds one, `.then` says its answer, `.otherwise` answers the rest."""

    passes = True

    def __init__(self, cases: tuple[Case, ...] = (), waiting: Case | None = None) -> None:
        super().__init__()
        self.cases, self.waiting = cases, waiting

    @property
    def parts(self) -> tuple[Behaviour, ...]:
        """The cases, and what answers the rest."""
        return (*self.cases, *super().parts)

    @property
    def is_open(self) -> bool:
        """Whether a case may come to an end; a call that no case matches is an error with its own words."""
        return any(part.is_open for part in self.parts)

    def when(self, test: Callable[[dict[str, Any]], Any] | None = None, /, **arguments: Any) -> When:
        """Return it with one more case, whose answer `.then` says."""
        if self.waiting is not None:
            raise DefinitionError(
                f"mock: {self.waiting.label} has no answer; add .then(answer) before the next .when()"
            )
        return When(self.cases, Case(test, arguments))

    def then(self, answer: Any) -> When:
        """Return it with the answer of the case that was named last."""
        if self.waiting is None:
            raise DefinitionError(
                "mock: .then(answer) goes after .when(...); .otherwise(answer) is for all other calls"
            )
        made = self.waiting.over(behaviour_of(answer))
        return When((*self.cases, made))

    def otherwise(self, answer: Any) -> When:
        """Return it with an answer for every call that no case matches."""
        return self.over(behaviour_of(answer))

    def over(self, base: Behaviour | None) -> When:
        """Return a copy whose cases, and the calls that match none, are laid over `base`."""
        if self.waiting is not None:
            raise DefinitionError(f"mock: {self.waiting.label} has no answer; add .then(answer)")
        made = super().over(base)
        made.cases = tuple(one.over(base) for one in self.cases)
        return made

    async def answer(self, asked: Asked) -> Any:
        """Return what the first matching case answers."""
        self.uses += 1
        for case in self.cases:
            if case.refusal(asked.arguments) is None:
                return await case.answer(asked)
        if self.rest is not None:
            asked.rules.append("otherwise")
            return await self.rest.answer(asked)
        near = min(self.cases, key=lambda case: case.distance(asked.arguments))
        raise ToolFailed(f"no rule of the mock matches; the nearest, {near.label}: {near.refusal(asked.arguments)}")

    def rules(self, before: str = "") -> Iterator[tuple[str, Behaviour]]:
        """Yield the cases, and what answers the rest."""
        for case in self.cases:
            yield from case.rules(before)
        if self.rest is not None:
            yield from self.rest.rules(" → ".join(part for part in (before, "otherwise") if part))


class Case(Behaviour):
    """Arguments that match, each equal to a value or accepted by a function; `test` is a function of all of them."""

    passes, ends = True, False

    def __init__(self, test: Callable[[dict[str, Any]], Any] | None, arguments: Mapping[str, Any]) -> None:
        super().__init__()
        self.test = test
        self.wanted = {
            name: one if callable(one) else frozen(f"when({name}=...)", one) for name, one in arguments.items()
        }
        shown = [f"{name}={one.text if isinstance(one, Frozen) else '<function>'}" for name, one in self.wanted.items()]
        self.label = f"when({', '.join([*(['<function>'] if test else []), *shown])})"

    def refusals(self, arguments: Mapping[str, Any]) -> list[str]:
        """Return why a call does not match, a sentence for each argument; none where it does."""
        found: list[str] = []
        if self.test is not None and not self._accepts(self.test, dict(arguments)):
            found.append("its function says no")
        for name, wanted in self.wanted.items():
            if name not in arguments:
                found.append(f"{name!r} is not given{did_you_mean(name, list(arguments))}")
            elif not isinstance(wanted, Frozen):
                if not self._accepts(wanted, arguments[name], name):
                    found.append(f"its function does not accept {name!r}")
            elif wanted != Frozen(arguments[name]):
                found.append(f"{name!r} is {Frozen(arguments[name]).text[:80]}, not {wanted.text[:80]}")
        return found

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        """Return why a call does not match, or None."""
        return next(iter(self.refusals(arguments)), None)

    def distance(self, arguments: Mapping[str, Any]) -> tuple[int, int]:
        """Return how far a call is from it: first comes what fits most of the call, then what differs least."""
        differing = len(self.refusals(arguments))
        return differing - len(self.wanted) - (self.test is not None), differing

    def _accepts(self, test: Callable[[Any], Any], given: Any, argument: str = "") -> bool:
        try:
            return bool(test(given))
        except Exception as error:  # noqa: BLE001 - the reader's own function
            problem = f"{type(error).__name__}: {error}"
        where = f", argument {argument!r}" if argument else ""
        raise ToolFailed(f"the rule {self.label}{where}: its function failed: {problem}")

    async def _answer(self, asked: Asked) -> Any:
        return await self._pass(asked)


class Delay(Behaviour):
    """Seconds to wait before the answer."""

    passes, ends = True, False

    def __init__(self, seconds: float) -> None:
        super().__init__()
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= MOST_SECONDS:
            raise DefinitionError(f"delay: give seconds between 0 and {MOST_SECONDS:g}, not {seconds!r}")
        self.seconds, self.label = seconds, f"after {seconds:g} s"

    async def _answer(self, asked: Asked) -> Any:
        await anyio.sleep(self.seconds)
        return await self._pass(asked)


class Fault(Behaviour):
    """A fault of the call or of its output; with `times`, the calls after so many pass as if nothing were."""

    def __init__(self, kind: str, field: str | None, times: int | None, words: str) -> None:
        super().__init__()
        require_fault(kind, field)
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
            raise DefinitionError(f"fault {kind!r}: times is a whole number from 1, or None for always, not {times!r}")
        self.kind, self.times, self.words = kind, times, words
        self.path = split_path(field) if field is not None else ()
        self.passes = kind in BROKEN or times is not None
        self.ends = kind in IN_CALL or times is not None
        often = {None: "", 1: ", once"}.get(times, f", {times} times")
        self.label = ("fails" if kind == "error" else kind) + (f" of {field}" if field is not None else "") + often

    async def answer(self, asked: Asked) -> Any:
        """Return the broken output, or what the call that passes gets."""
        if self.times is not None and self.uses >= self.times:
            return await self._pass(asked)
        return await super().answer(asked)

    async def _answer(self, asked: Asked) -> Any:
        if self.kind == "error":
            raise ToolFailed(self.words)
        if self.kind == "timeout":
            await anyio.sleep_forever()
        if self.kind == "lost":
            raise MCPError(CLOSED, "Connection closed")
        problem = ""
        try:
            return broken(self.kind, await self._pass(asked), self.path)
        except (DefinitionError, MissingValueError) as error:
            problem = str(error)
        raise ToolFailed(problem)


def when(test: Callable[[dict[str, Any]], Any] | None = None, /, **arguments: Any) -> When:
    """Begin rules of a mocked tool: `mf.when(name="Ada").then({"id": 1}).otherwise({"id": 0})`.

    A call matches where each argument named here equals its value, or is accepted by it where that is a function;
    `test` is a function of all arguments. The first case that matches answers; a call that matches none is an error
    that names the nearest one, unless `.otherwise(answer)` says what else.
    """
    return When().when(test, **arguments)


def sequence(*answers: Any) -> InTurn:
    """Answer one after the other: `mf.sequence(mf.fail("busy"), {"sent": True})`; the last one goes on.

    Raises
    ------
    DefinitionError
        Without any answer.
    """
    if not answers:
        raise DefinitionError("mf.sequence(): give at least one answer")
    return InTurn(tuple(behaviour_of(one) for one in answers))


def delay(seconds: float) -> Delay:
    """Wait so many seconds before the answer: `mf.delay(0.5).then({"sent": True})`."""
    return Delay(seconds)


def fail(words: str = "made to fail by mf.fail", *, times: int | None = None) -> Fault:
    """Let a tool report an error: always, or `times` times and then answer: `mf.fail(times=1).then({"sent": True})`."""
    return Fault("error", None, times, words)


def fault(kind: str, field: str | None = None, *, times: int | None = None) -> Fault:
    """Let a tool go wrong: `mf.fault("null", "employee_id").then({...})`.

    `kind` is of the call: `error`, `timeout` (it never answers), `lost` (the connection ends); or of its output:
    `missing_field`, `renamed_field`, `null`, `wrong_type`, `empty_list`, `huge`, each at `field` (`"list.0.id"`) or at
    the first place that can have it, and `invalid_output`.

    Raises
    ------
    DefinitionError
        For a kind that is none of these, or a field where the kind has none.
    """
    return Fault(kind, field, times, f"made to fail: {kind}")

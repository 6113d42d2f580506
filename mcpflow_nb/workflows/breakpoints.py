"""Breakpoint: where a run pauses by itself, on the workflow by step name, so that it outlives a cell and a kernel."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Self

from pydantic import Field, PrivateAttr

from mcpflow_nb.errors import DefinitionError, NotJsonError, RunError, did_you_mean
from mcpflow_nb.values import Data, Frozen, FrozenOrNone


class Breakpoint(Data):
    """A pause before a step: always, or where its next call has these argument values, or where a function says so.

    A function is not part of the data: it cannot be saved.
    """

    step: str
    when: FrozenOrNone = Field(default=None, validate_default=False)
    _condition: Callable[[Any], Any] | None = PrivateAttr(None)

    @classmethod
    def at(
        cls, step: str, when: Mapping[str, Any] | Callable[[Any], Any] | None, known: Collection[str] | None = None
    ) -> Self:
        """Return a breakpoint of what a reader wrote; `known` are the arguments of the step, where they are known.

        Raises
        ------
        DefinitionError
            When `when` is neither a mapping of arguments to JSON values nor a function, or names what is no argument.
        """
        if callable(when):
            made = cls(step=step)
            made._condition = when
            return made
        named = when if isinstance(when, Mapping) and known is not None else ()
        if strange := [name for name in named if name not in (known or ())]:
            there = did_you_mean(str(strange[0]), known or ()) or ", nor any other"
            mend = "; a function looks at all of the next call: when=lambda call: ..."
            raise DefinitionError(f"breakpoint {step!r}: the step has no argument {strange[0]!r}{there}{mend}")
        problem = None if when is None or isinstance(when, Mapping) else type(when).__name__
        if problem is None:
            try:
                return cls(step=step) if when is None else cls(step=step, when=Frozen(dict(when)))
            except NotJsonError as error:
                problem = str(error)
        raise DefinitionError(
            f"breakpoint {step!r}: when is a mapping of arguments to values, or a function of the next call: {problem}"
        )

    @property
    def is_function(self) -> bool:
        """Whether its condition is a function, which no file can hold."""
        return self._condition is not None

    def holds(self, call: Any) -> bool:
        """Tell whether a run pauses before this call.

        Raises
        ------
        RunError
            When the function fails; it says how.
        """
        if self._condition is not None:
            try:
                return bool(self._condition(call))
            except Exception as error:  # noqa: BLE001 - the reader's own function
                problem = f"{type(error).__name__}: {error}"
            raise RunError(f"the breakpoint before step {self.step!r} failed: its function said {problem}")
        wanted = self.when.value if self.when is not None else {}
        return all(name in call.sent and Frozen(call.sent[name]) == Frozen(value) for name, value in wanted.items())

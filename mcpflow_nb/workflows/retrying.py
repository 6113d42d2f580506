"""Retry: how often a step is called by itself, after what, and how long is waited before. Data; it calls nothing.

Attempts count across restarts. Only what surely did not run is sent again, unless a second call does no harm, which is
why no retry library does this: it would have to know what became of the call.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from mcpflow_nb.errors import DefinitionError
from mcpflow_nb.values import Data, first_lines

After = Literal["not_sent", "not_executed", "unknown", "tool_error", "invalid_output"]
"""What an attempt may have come to, as the status of a record says it."""

SURELY_NOT_RUN: Final = ("not_sent", "not_executed")
"""After these any step may be called again; after any other only one whose second call does no harm."""
LONGEST_SECONDS: Final = 60.0


class Retry(Data):
    """How a step is called again by itself: `attempts` in all, the first one too.

    Before the second one `backoff` seconds are waited, and twice as long each time after that; longer where the server
    asks for it (`Retry-After`), but never more than `longest`: a server that asks for more is not asked again. `on` are
    the statuses after which it is called again.

    >>> Retry(4, backoff=0.5).pauses
    (0.5, 1.0, 2.0)
    """

    attempts: int = Field(default=3, ge=1, le=100)
    backoff: float = Field(default=1.0, ge=0, allow_inf_nan=False, description="seconds before the second attempt")
    on: tuple[After, ...] = (*SURELY_NOT_RUN, "unknown")
    longest: float = Field(default=LONGEST_SECONDS, ge=0, allow_inf_nan=False, description="seconds, at most")

    def __init__(self, attempts: int = 3, backoff: float = 1.0, **fields: Any) -> None:
        problem = None
        try:
            super().__init__(attempts=attempts, backoff=backoff, **fields)  # type: ignore[call-arg]
        except ValidationError as error:
            problem = first_lines(error)
        if problem:
            raise DefinitionError(f"Retry: {problem}")

    @property
    def pauses(self) -> tuple[float, ...]:
        """The seconds that are waited before each further attempt."""
        return tuple(min(self.backoff * 2.0**number, self.longest) for number in range(self.attempts - 1))

    def pause(self, made: int, asked: float | None = None) -> float | None:
        """Return the seconds before the next attempt after `made` of them, or None where there is none.

        `asked` is how long the server wants to be left alone.
        """
        if made >= self.attempts or (asked or 0.0) > self.longest:
            return None
        return max(self.pauses[made - 1], asked or 0.0)

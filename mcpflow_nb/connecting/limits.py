"""How much may be asked of one server: calls under way at once, and calls a second; whoever comes too early waits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiolimiter import AsyncLimiter

from mcpflow_nb.errors import ConfigError, did_you_mean

NAMES: Final = ("max_in_flight", "calls_per_second")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one server; None is no limit."""

    max_in_flight: int | None = None
    calls_per_second: float | None = None


def read_limits(server: str, given: Mapping[str, Any]) -> Limits:
    """Return the limits that a mapping says.

    Raises
    ------
    ConfigError
        For a name that is no limit, or a number that is none.

    >>> read_limits("hr", {"max_in_flight": 4})
    Limits(max_in_flight=4, calls_per_second=None)
    """
    if not isinstance(given, Mapping):
        raise ConfigError(f"server {server!r}: limits are a mapping, like {{'max_in_flight': 4}}, not {given!r}")
    for name, value in given.items():
        if name not in NAMES:
            raise ConfigError(f"server {server!r}: no limit {name!r}{did_you_mean(str(name), NAMES)}")
        kind, words = (int, "a whole number above 0") if name == "max_in_flight" else (int | float, "a number above 0")
        if isinstance(value, bool) or not isinstance(value, kind) or not 0 < value < float("inf"):
            raise ConfigError(f"server {server!r}: {name} is {words}, not {value!r}")
    return Limits(**given)


class Turns:
    """What a call to a server with limits waits for: `async with turns`. In the I/O thread."""

    def __init__(self, limits: Limits) -> None:
        self._room = asyncio.Semaphore(limits.max_in_flight) if limits.max_in_flight is not None else None
        rate = limits.calls_per_second
        # One call each 1/rate seconds: a bucket of `rate` calls would let twice as many through in its first second.
        self._pace = AsyncLimiter(1, 1 / rate) if rate is not None else None

    async def __aenter__(self) -> None:
        """Wait until one more call may be made."""
        if self._room is not None:
            await self._room.acquire()
        if self._pace is not None:
            try:
                await self._pace.acquire()
            except BaseException:
                await self.__aexit__()
                raise

    async def __aexit__(self, *_: object) -> None:
        if self._room is not None:
            self._room.release()

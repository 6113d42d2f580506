"""`fail_if=`: values of an output that say the step failed, though the tool gave an answer and no error. Data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from mcpflow_nb.errors import MissingValueError, NotJsonError
from mcpflow_nb.paths import dotted, split_path, walk
from mcpflow_nb.values import Frozen, FrozenValue


def _alternatives(given: Any) -> Any:
    return (given,) if isinstance(given, Mapping) else given


Refusals = Annotated[tuple[dict[str, FrozenValue], ...], BeforeValidator(_alternatives)]
"""Alternatives, each of dotted paths and the values that must all be there. A mapping alone is one alternative."""


def refused_by(refusals: Refusals, value: Any) -> str | None:
    """Return what of an output says that its step failed, or None.

    >>> refused_by(({"state": Frozen("error")},), {"state": "error", "why": "no seat"})
    'state is "error"'
    """
    for one in refusals:
        if one and all(_holds(value, path, wanted) for path, wanted in one.items()):
            return ", ".join(f"{path or 'it'} is {wanted.text}" for path, wanted in one.items())
    return None


def paths_of(refusals: Refusals) -> Iterator[str]:
    """Give every path once."""
    yield from dict.fromkeys(path for one in refusals for path in one)


def _holds(value: Any, path: str, wanted: Frozen) -> bool:
    try:
        return Frozen(walk(value, split_path(path) if path else (), dotted("value", ()))) == wanted
    except (MissingValueError, NotJsonError):
        return False

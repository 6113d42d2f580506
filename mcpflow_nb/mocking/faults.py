"""What can go wrong with an answer: a value that is broken on purpose. Pure functions; `behaviours.py` puts them in a call.

To add one: a function of a value and a path in `BROKEN`, or a word in `IN_CALL` and what it does in `behaviours.Fault`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from mcpflow_nb.errors import DefinitionError, did_you_mean
from mcpflow_nb.paths import Path, walk
from mcpflow_nb.values import copied

IN_CALL: Final = ("error", "timeout", "lost")
"""Faults of the call: the tool reports an error, it never answers, the connection ends before its answer."""
HUGE: Final = 2_000_000
"""Characters of text that is huge."""


@dataclass(frozen=True)
class Failure:
    """What the next call of a step goes wrong with, on its mock: a fault, its words where it is an error, its field."""

    words: str
    fault: str = "error"
    field: str | None = None

    @property
    def said(self) -> str:
        """What goes wrong, in words."""
        return self.words if self.fault == "error" else self.fault + (f" of {self.field}" if self.field else "")

    @property
    def asked(self) -> dict[str, Any]:
        """The plain JSON that a call carries to its mock."""
        return asdict(self)


def require_fault(kind: str, field: str | None = None) -> None:
    """Return where there is such a fault, and it may have a field.

    Raises
    ------
    DefinitionError
        Where not.
    """
    if kind not in (*IN_CALL, *BROKEN):
        raise DefinitionError(f"fault {kind!r}: there is no such fault{did_you_mean(kind, (*IN_CALL, *BROKEN))}")
    if field is not None and kind not in BROKEN:
        raise DefinitionError(f"fault {kind!r}: it breaks the call, and has no field; {', '.join(BROKEN)} have one")


def broken(kind: str, value: Any, path: Path = ()) -> Any:
    """Return a value with one fault, at a path or at the first place that can have it; the value given stays as it is.

    Raises
    ------
    DefinitionError
        For a value that has no place for it.

    >>> broken("missing_field", {"id": 1, "email": "a@x"}), broken("null", {"id": 1}), broken("wrong_type", {"id": 1})
    ({'email': 'a@x'}, {'id': None}, {'id': '1'})
    """
    return BROKEN[kind](value, path)


def places(kind: str, value: Any) -> tuple[Path, ...]:
    """Return where a value can have a fault, outermost first.

    >>> places("empty_list", {"a": [{"b": [1]}]})
    (('a',), ('a', 0, 'b'))
    """
    return tuple(path for path, part in _parts(value, ()) if _can_have(kind, path, part))


def _can_have(kind: str, path: Path, part: Any) -> bool:
    if kind in ("missing_field", "renamed_field"):
        return bool(path) and isinstance(path[-1], str)
    if kind == "empty_list":
        return isinstance(part, list) and bool(part)
    return not isinstance(part, dict | list)


def _parts(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    yield path, value
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from _parts(part, (*path, key))


def _place(kind: str, value: Any, path: Path) -> Path:
    """Return the path where the fault goes, which is there."""
    if path:
        walk(value, path, f"fault {kind!r}: the output")
        return path
    if not (found := places(kind, value)):
        raise DefinitionError(f"fault {kind!r}: the output has no place for it")
    return found[0]


def _changed(kind: str, value: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    """Return a copy of a value whose part at a path, or at its first place, is another."""
    where = _place(kind, value, path)
    if not where:
        return change(value)
    made = copied(value)
    parent = walk(made, where[:-1], "the output")
    key = where[-1] if isinstance(parent, list) else str(where[-1])
    parent[key] = change(parent[key])
    return made


def _without(value: Any, path: Path, kind: str = "missing_field") -> Any:
    where = _place(kind, value, path)
    made = copied(value)
    parent = walk(made, where[:-1], "the output")
    gone = parent.pop(where[-1] if isinstance(parent, list) else str(where[-1]))
    if kind == "renamed_field" and isinstance(parent, dict):
        parent[f"{where[-1]}_v2"] = gone
    return made


def _of_another_type(part: Any) -> Any:
    if isinstance(part, str):
        return 12345
    if isinstance(part, bool) or part is None:
        return "yes"
    return str(part) if isinstance(part, int | float) else "of another type"


BROKEN: Final[dict[str, Callable[[Any, Path], Any]]] = {
    "missing_field": _without,
    "renamed_field": lambda value, path: _without(value, path, "renamed_field"),
    "null": lambda value, path: _changed("null", value, path, lambda _part: None),
    "wrong_type": lambda value, path: _changed("wrong_type", value, path, _of_another_type),
    "empty_list": lambda value, path: _changed("empty_list", value, path, lambda _part: []),
    "huge": lambda value, path: _changed("huge", value, path, lambda _part: "x" * HUGE),
    "invalid_output": lambda _value, _path: "not what the tool declares",
}
"""Faults of the answer, by their word."""

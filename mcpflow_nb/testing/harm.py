"""What a step asked otherwise than without a fault: of its tool, of the client at a handoff, of the resources it read.

Two runs without a fault tell what differs by itself, and of that only the type can be compared. `drilling.py` judges
by what is found here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from mcpflow_nb.exact import dumps
from mcpflow_nb.records.record import Record
from mcpflow_nb.values import ABSENT
from mcpflow_nb.workflows.sources import KEY

Asked = Mapping[str | int, Any]
"""What a step asked for: by name what was sent or handed over, by number the URIs that were read."""
Difference = Literal["", "varies", "changed"]
_WORST: Final[tuple[Difference, ...]] = ("", "varies", "changed")


def asked(record: Record) -> Asked:
    """Return what a step asked for; the idempotency key is another one in each run, and none of it."""
    found: dict[str | int, Any] = {}
    found.update({one.name: one.value for one in record.arguments if _is_asked(record) and one.origin != KEY})
    found.update({at: one.uri for at, one in enumerate(record.resources) if one.error is None})
    return found


def harm(record: Record, clean: Asked, again: Asked, *, is_broken: bool) -> tuple[list[str], list[str]]:
    """Return in sentences what a step asked otherwise than in two runs without a fault, and what cannot be told.

    Of the step whose output is broken only what reads that output counts: its call came before.
    """
    now = asked(record)
    names = [name for name in dict.fromkeys([*clean, *now]) if isinstance(name, int) or not is_broken]
    found = {
        name: _difference(clean.get(name, ABSENT), again.get(name, ABSENT), now.get(name, ABSENT))
        for name in names if name in now or _is_lacking(record, name)
    }  # fmt: skip
    step = f"step {record.step!r}"
    changed, varying = ([name for name, how in found.items() if how == kind] for kind in ("changed", "varies"))
    said = "handed the client" if record.status == "handoff" else "was sent"
    others = ", ".join(name for name in changed if isinstance(name, str))
    read = [f"{step} read another resource, {now[at]!r}" for at in changed if isinstance(at, int)]
    unsure = [
        f"{step}: {'a URI' if isinstance(name, int) else repr(name)} differs from run to run, and only its type was compared"
        for name in varying
    ]
    return [*([f"{step} {said} another {others}"] if others else []), *read], unsure


def _is_asked(record: Record) -> bool:
    return record.started is not None or record.status == "handoff"


def _is_lacking(record: Record, name: str | int) -> bool:
    """Tell whether an argument was left out of what was asked; what the client is asked for is not."""
    return isinstance(name, str) and _is_asked(record) and name not in record.missing


def _difference(clean: Any, again: Any, now: Any) -> Difference:
    """Return how a value differs from the same value in two runs without a fault."""
    if _same(clean, again):
        return "" if _same(now, clean) else "changed"
    if _type(now) not in (_type(clean), _type(again)):
        return "changed"
    sides = (clean, again, now)
    if all(isinstance(side, dict) for side in sides):
        names = {name: None for side in sides for name in side}
        return _worst(_difference(*(side.get(name, ABSENT) for side in sides)) for name in names)
    if all(isinstance(side, list) for side in sides):
        if clean and again and not now:
            return "changed"
        if len(clean) == len(again):
            return _worst(map(_difference, *sides)) if len(now) == len(clean) else "changed"
    return "varies"


def _worst(found: Any) -> Difference:
    return max(found, key=_WORST.index, default="")


def _same(one: Any, other: Any) -> bool:
    return one is other or (ABSENT not in (one, other) and dumps(one) == dumps(other))


def _type(value: Any) -> str:
    """Return the JSON type of a value: 1 and 1.0 are numbers, True is none."""
    return "number" if type(value) in (int, float) else type(value).__name__

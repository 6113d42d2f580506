"""A recorded session as plain calls, whoever recorded it: the records of a trace, the interactions of a cassette.

To read another kind of recording: give objects with `server`, `tool` or `name`, `arguments` and `value`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mcpflow_nb.errors import NotJsonError, TraceError
from mcpflow_nb.exact import dumps
from mcpflow_nb.values import jsonable


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call that gave a value. `step` is its name where the recording has one, `schemas` those of its parameters."""

    server: str
    tool: str
    arguments: Mapping[str, Any]
    value: Any
    step: str = ""
    schemas: Mapping[str, Any] = field(default_factory=dict, repr=False)


def calls_of(session: Any) -> tuple[tuple[Call, ...], tuple[str, ...]]:
    """Return the calls of a session, oldest first, and in words what of it is none; of a step that ran again the last.

    Raises
    ------
    TraceError
        When it is no recorded session, or no call in it gave a value.
    """
    if isinstance(session, str | bytes | Mapping) or not isinstance(session, Iterable):
        raise TraceError(f"infer: give run.trace, a cassette or a list of calls, not {type(session).__name__}")
    found: dict[object, Call] = {}
    left_out: list[str] = []
    for at, item in enumerate(session):
        tool = getattr(item, "tool", None) or getattr(item, "name", None)
        status = getattr(item, "status", "ok")
        label = f"{at + 1}: {getattr(item, 'step', None) or tool}"
        if getattr(item, "kind", "call") != "call" or tool is None:
            left_out.append(f"{label} reads a resource")
        elif not str(tool).strip():
            left_out.append(f"{at + 1}: has no name")
        elif status != "ok":
            left_out.append(f"{label} gave no value [{status}]")
        elif not (hasattr(item, "arguments") and (hasattr(item, "value") or hasattr(session, "value"))):
            raise TraceError(f"infer: item {at + 1} is no recorded call: it has no arguments and value")
        else:
            call = _checked(_call(session, at, item, str(tool)), at)
            found.pop(call.step or at, None)
            found[call.step or at] = call
    if not found:
        raise TraceError(f"infer: no call of this session gave a value{''.join(f'; {one}' for one in left_out[:5])}")
    return tuple(found.values()), tuple(left_out)


def _call(session: Any, at: int, item: Any, tool: str) -> Call:
    arguments = item.sent if hasattr(item, "sent") else item.arguments
    value = item.value if hasattr(item, "value") else session.value(at)
    server = str(getattr(item, "server", None) or "")
    catalog = getattr(session, "catalogs", {}).get(server)
    known = catalog.tools.get(tool) if catalog is not None else None
    schemas = known.properties if known is not None else getattr(item, "schemas", {})
    return Call(server, tool, dict(arguments), value, getattr(item, "step", None) or "", schemas)


def _checked(call: Call, at: int) -> Call:
    try:
        dumps(call.value)
        return replace(call, arguments=jsonable(call.arguments))
    except (NotJsonError, TypeError) as error:
        problem = str(error)
    raise TraceError(f"infer: item {at + 1}, {call.tool!r}, was not recorded as JSON: {problem}")


def names_of(calls: Iterable[Call]) -> Iterator[str]:
    """Give each call the name of a step: its own, else its tool's, with a number where that is taken."""
    taken: set[str] = set()
    for call in calls:
        wanted = call.step if call.step.strip() else call.tool
        name = next(n for n in _numbered(wanted) if n not in taken)
        taken.add(name)
        yield name


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1

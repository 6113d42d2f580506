"""What a server declares otherwise of a tool than before: name, description, schemas and annotations, part by part.

To add what can change of a tool: a line in `_PARTS`, and in `fingerprint` of `catalog.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mcpflow_nb.masking import masked_schema
from mcpflow_nb.records.differences import changes
from mcpflow_nb.tools.catalog import Tool

MOST_TOLD: Final = 8
MOST_SHOWN: Final = 120
_PARTS: Final = {
    "input": "input_schema", "output": "output_schema", "annotations": "annotations", "description": "description",
    "title": "title",
}  # fmt: skip
_REQUIRED: Final = re.compile(r"(?:^|\.)required\.([^.]+)$")


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing a server declares otherwise: `what` in words, and the JSON values; None where a side has nothing."""

    server: str
    tool: str | None
    what: str
    recorded: Any = None
    now: Any = None


def refusal(pin: Tool, now: Tool | None) -> str | None:
    """Return why nothing is sent to a tool that was pinned, with what changed since; None where it is what it was."""
    if pin is now:
        return None
    what = f"tool {pin.name!r} of server {pin.server!r}"
    if now is None:
        return f"{what} is gone: it was there when the run started; run.accept_changes() looks again"
    if pin.fingerprint == now.fingerprint:
        return None
    found = list(declared(pin, now))
    told = "; ".join(f"{one.what}: {_short(one.recorded)} → {_short(one.now)}" for one in found[:MOST_TOLD])
    more = f"; and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
    told = told or "something that is not shown"
    return f"{what} is not what it was when the run started ({told}{more}); run.accept_changes() takes it as it is now"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def declared(then: Tool, now: Tool) -> Iterator[Changed]:
    """Give each thing that a tool declares otherwise than it did."""
    for word, part in _PARTS.items():
        whole = [masked_schema(getattr(tool, part)) for tool in (then, now)]  # as it is written
        for one in changes(*map(_by_name, whole)):
            is_whole = one.what == "value"
            said = f"{word} is changed" if is_whole else f"{word}: {_words(one)}"
            yield Changed(then.server, then.name, said, *(whole if is_whole else (one.left, one.right)))


def _words(one: Any) -> str:
    path = re.sub(r"(^|\.)properties\.", r"\1", one.what)
    if found := _REQUIRED.search(one.what):
        return f"{found[1]} is {'required now' if one.has_right else 'no longer required'}"
    return f"{path} is {'changed' if one.has_left and one.has_right else 'new' if one.has_right else 'gone'}"


def _by_name(schema: Any) -> Any:
    """Return a schema in which the required names are keys, so that one more of them moves no other."""
    if isinstance(schema, list):
        return [_by_name(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: dict.fromkeys(map(str, item), True) if key == "required" and isinstance(item, list) else _by_name(item)
        for key, item in schema.items()
    }

"""A trace as a file to compare with: what was asked, sent and answered, without ids and times, in lines that can be read.

def test_onboarding_stays_as_it_is():
    assert_trace(run.trace, "onboard.trace.json")
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from mcpflow_nb.exact import dumps, loads
from mcpflow_nb.records.record import Record
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.stepper.lines import hidden
from mcpflow_nb.visible import visible

FORMAT_VERSION: Final = 1
MOST_LINES: Final = 80
_UUID: Final = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)


def assert_trace(trace: Any, path: str | os.PathLike[str], *, update: bool = False, ignore: Iterable[str] = ()) -> None:
    """Assert that a trace, or the trace of a run, is as its file says; with `update` write the file.

    Run ids and times are left out, UUIDs are numbered by their first appearance, secrets are masked by their names.
    `ignore` are names under which any value will do.

    Raises
    ------
    AssertionError
        When something differs, line by line, or there is no such file, or it is none of ours.
    """
    __tracebackhide__ = True  # pytest shows the test, not this function
    target, text = Path(path), snapshot(getattr(trace, "trace", trace), ignore)
    write = f"assert_trace(trace, {str(target)!r}, update=True)"
    if update:
        if not target.parent.is_dir():
            raise AssertionError(
                f"there is no folder {str(target.parent)!r} for the snapshot {target.name!r}: make it first"
            )
        write_whole(target, text)
        return
    if not target.is_file():
        raise AssertionError(f"there is no snapshot {str(target)!r}; write it with {write}, read it, and keep it")
    kept = target.read_text("utf-8")
    try:
        saved = loads(kept)
    except ValueError as error:
        raise AssertionError(f"the snapshot {str(target)!r} is no JSON ({error}); write it anew with {write}") from None
    if dumps(saved) != dumps(loads(text)):
        raise AssertionError(f"the trace is not as {str(target)!r} says:\n{_diff(kept, text)}\nif it is meant: {write}")


def snapshot(trace: Trace, ignore: Iterable[str] = ()) -> str:
    """Return a trace as the text of its snapshot."""
    plain = {
        "mcpflow_nb_snapshot": FORMAT_VERSION, "workflow": trace.workflow, "outcome": trace.outcome,
        "arguments": dict(trace.outline.given), "steps": [_step(record) for record in trace],
    }  # fmt: skip
    numbers: dict[str, str] = {}
    return dumps(_normal(hidden(plain), frozenset(ignore), numbers), indent=2) + "\n"


def _step(record: Record) -> dict[str, Any]:
    resources = [
        {"uri": one.uri, "server": one.server, "contents": [dict(part) for part in one.contents], "error": one.error}
        for one in record.resources
    ]
    plain = {
        "step": record.step, "server": record.server, "tool": record.tool, "status": record.status,
        "source": record.source, "arguments": record.sent, "from": {one.name: one.origin for one in record.arguments},
        "missing": list(record.missing), "guidance": record.guidance, "binding": record.binding,
        "resources": resources, "error": record.error,
    }  # fmt: skip
    return {**{key: part for key, part in plain.items() if part not in (None, [], {})}, "value": record.value}


def _normal(value: Any, ignore: frozenset[str], numbers: dict[str, str]) -> Any:
    if isinstance(value, Mapping):
        parts = value.items()
        return {key: "(any)" if key in ignore else _normal(part, ignore, numbers) for key, part in parts}
    if isinstance(value, list):
        return [_normal(part, ignore, numbers) for part in value]
    if isinstance(value, str):
        return _UUID.sub(lambda found: numbers.setdefault(found[0].lower(), f"(uuid {len(numbers) + 1})"), value)
    return value


def _diff(kept: str, text: str) -> str:
    lines = list(difflib.unified_diff(kept.splitlines(), text.splitlines(), "snapshot", "trace", n=3, lineterm=""))
    left = len(lines) - MOST_LINES
    return "\n".join([*map(visible, lines[:MOST_LINES]), *([f"… {left} more lines"] if left > 0 else [])])


def write_whole(target: Path, text: str) -> None:
    """Write a file whole or not at all."""
    beside = target.with_name(f".{target.name}.part")
    try:
        beside.write_bytes(text.encode("utf-8"))
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)

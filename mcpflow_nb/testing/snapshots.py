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
from mcpflow_nb.testing.assertions import trace_of
from mcpflow_nb.values import is_version
from mcpflow_nb.visible import visible

FORMAT_VERSION: Final = 1
MOST_LINES: Final = 80
MARK: Final = "mcpflow_nb_snapshot"
"""The key by which a file is known for one of ours."""
_OTHER: Final = "name another file, or delete this one first"
_UUID: Final = re.compile(
    r"\(uuid \d+\)|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE
)


def assert_trace(trace: Any, path: str | os.PathLike[str], *, update: bool = False, ignore: Iterable[str] = ()) -> None:
    """Assert that a trace, or the trace of a run, is as its file says; with `update` write the file.

    Run ids and times are left out, UUIDs are numbered by their first appearance, secrets are masked by their names.
    `ignore` are names under which any value will do, in the file as well; where it came from is compared all the same.

    Raises
    ------
    AssertionError
        When something differs, line by line, or there is no such file, or it is none of ours: that is never written over.
    TraceError
        For what is neither a run nor a trace.
    """
    __tracebackhide__ = True  # pytest shows the test, not this function
    target, names = Path(path), frozenset([ignore] if isinstance(ignore, str) else ignore)
    text = snapshot(trace_of(trace, "assert_trace(trace, path)"), names)
    write = f"assert_trace(trace, {str(target)!r}, update=True)"
    kept = _kept(target)
    if update:
        if not target.parent.is_dir():
            raise AssertionError(
                f"there is no folder {str(target.parent)!r} for the snapshot {target.name!r}: make it first"
            )
        if kept.strip() and MARK not in kept:
            raise AssertionError(f"the file {str(target)!r} is no snapshot of a trace, and stays as it is; {_OTHER}")
        write_whole(target, text)
        return
    if not target.exists():
        raise AssertionError(f"there is no snapshot {str(target)!r}; write it with {write}, read it, and keep it")
    before = dumps(_normal_snapshot(_read(target, kept, write), names), indent=2) + "\n"
    if before != text:
        raise AssertionError(
            f"the trace is not as {str(target)!r} says:\n{_diff(before, text)}\nif it is meant: {write}"
        )


def _kept(target: Path) -> str:
    """Return the text of a file; empty where there is none."""
    problem = ""
    try:
        return target.read_text("utf-8") if target.exists() else ""
    except UnicodeDecodeError:
        problem = "it is no text in UTF-8"
    except OSError as error:
        problem = "it is a folder" if target.is_dir() else str(error.strerror)
    raise AssertionError(f"{str(target)!r} is no snapshot of a trace: {problem}; {_OTHER}")


def _read(target: Path, kept: str, write: str) -> Mapping[str, Any]:
    """Return what a snapshot says."""
    anew = f"write it anew with {write}" if MARK in kept or not kept.strip() else _OTHER
    try:
        saved = loads(kept)
    except (ValueError, RecursionError) as error:
        problem = f"the snapshot {str(target)!r} is no JSON ({error}); {anew}"
    else:
        if isinstance(saved, dict) and is_version(saved.get(MARK), FORMAT_VERSION):
            return saved
        problem = f"{str(target)!r} is no snapshot of a trace: it has no {MARK!r}; {_OTHER}"
        if isinstance(saved, dict) and MARK in saved:
            problem = (
                f"the snapshot {str(target)!r} is of version {saved[MARK]!r}, and {FORMAT_VERSION} is read here; {anew}"
            )
    raise AssertionError(problem)


def snapshot(trace: Trace, ignore: Iterable[str] = ()) -> str:
    """Return a trace as the text of its snapshot."""
    plain = {
        MARK: FORMAT_VERSION, "workflow": trace.workflow, "outcome": trace.outcome,
        "arguments": dict(trace.outline.given), "steps": [_step(record) for record in trace],
    }  # fmt: skip
    return dumps(_normal_snapshot(hidden(plain), frozenset(ignore)), indent=2) + "\n"


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


def _normal_snapshot(plain: Mapping[str, Any], ignore: frozenset[str]) -> dict[str, Any]:
    """Return a snapshot with UUIDs numbered anew, and any value under a name to ignore."""
    numbers: dict[str, str] = {}

    def step(parts: Any) -> Any:
        """Return a step; where its arguments come from is compared whatever their values are."""
        origins = parts.get("from") if isinstance(parts, Mapping) and "from" not in ignore else None
        return {**_normal(parts, ignore, numbers), "from": origins} if origins else _normal(parts, ignore, numbers)

    return {
        key: list(map(step, part)) if key == "steps" and key not in ignore and isinstance(part, list)
        else _normal({key: part}, ignore, numbers)[key]
        for key, part in plain.items()
    }  # fmt: skip


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

"""What a run did, asserted: every difference at once, each with its step and argument, and the name that was meant.

A name that the workflow does not have is a difference, never a pass. To assert something more: a function here that
yields sentences, and a parameter of `assert_run`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from mcpflow_nb.errors import NotJsonError, TraceError, did_you_mean
from mcpflow_nb.masking import is_secret
from mcpflow_nb.records.differences import Change, changes
from mcpflow_nb.records.record import Record
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.values import jsonable
from mcpflow_nb.views.plain import full_name
from mcpflow_nb.views.values import brief, origin_shown

MOST: Final = 10
"""Differences inside one value that are listed."""
MOST_SHOWN: Final = 300
"""Characters of a value in a message."""


def assert_run(
    run: Any, *, outcome: str | None = None, order: Sequence[str] | None = None,
    calls: Mapping[str, int] | None = None, arguments: Mapping[str, Mapping[str, Any]] | None = None,
    bindings: Mapping[str, Any] | None = None, exact: bool = False,
) -> None:  # fmt: skip
    """Assert what a run, or its trace, did; what is not given is not asserted.

    Parameters
    ----------
    outcome
        completed, failed, handoff, unknown, cancelled or paused.
    order
        The names of the steps that ran, each time one ran.
    calls
        How often a tool was called, by `server.tool` or by its name alone.
    arguments
        By step, what was sent for some of its arguments, the last time it ran; 1, 1.0 and true differ.
    bindings
        By binding, its whole value.
    exact
        Whether `arguments` has all that was sent to the steps it names.

    Raises
    ------
    AssertionError
        With every difference.
    TraceError
        For what is neither a run nor a trace.
    """
    __tracebackhide__ = True  # pytest shows the test, not this function
    trace = trace_of(run, "assert_run(run)")
    found = [
        *_outcome(trace, outcome), *_order(trace, order), *_calls(trace, calls or {}),
        *_arguments(trace, arguments or {}, exact=exact), *_bindings(run, trace, bindings or {}),
    ]  # fmt: skip
    if found:
        raise AssertionError(f"run of {trace.workflow!r}, {_count(found)}:" + "".join(f"\n  {one}" for one in found))


def trace_of(run: Any, where: str) -> Trace:
    """Return the trace of a run, or a trace as it is.

    Raises
    ------
    TraceError
        For anything else; `where` says what asked for it.
    """
    trace = getattr(run, "trace", run)
    if not isinstance(trace, Trace):
        raise TraceError(f"{where}: give a run or its trace, not {type(run).__name__}")
    return trace


def _count(found: Sequence[str]) -> str:
    return f"{len(found)} difference{'s' if len(found) != 1 else ''}"


def _outcome(trace: Trace, expected: str | None) -> Iterator[str]:
    if expected is None or trace.outcome == expected:
        return
    last = trace.records[-1] if trace.records else None
    why = f": step {last.step!r}: {last.error}" if last is not None and last.error else ""
    yield f"outcome: expected {expected!r}, it is {trace.outcome!r}{why}"


def _order(trace: Trace, expected: Sequence[str] | None) -> Iterator[str]:
    if expected is None:
        return
    ran, known = [record.step for record in trace], _steps(trace)
    yield from (f"order: {_no_name('step', name, known)}" for name in dict.fromkeys(expected) if name not in known)
    if list(expected) != ran:
        pairs = zip(expected, ran, strict=False)
        at = next((at for at, (one, two) in enumerate(pairs) if one != two), min(len(ran), len(expected)))
        one, two = (repr(side[at]) if at < len(side) else "no more" for side in (expected, ran))
        yield f"order: position {at + 1}: expected {one}, ran {two}; ran {', '.join(map(repr, ran)) or 'nothing'}"


def _calls(trace: Trace, expected: Mapping[str, int]) -> Iterator[str]:
    called = Counter(full_name(one.server, one.tool) for one in trace if one.tool is not None and _was_sent(one))
    planned = [full_name(one.server, one.tool) for one in trace.outline.plan if one.tool is not None]
    known = list(dict.fromkeys([*planned, *called]))
    for name, times in expected.items():
        meant = [one for one in known if name in (one, one.partition(".")[2])]
        if not meant:
            yield f"calls: {_no_name('tool', name, known)}"
        elif (count := sum(called[one] for one in meant)) != times:
            yield f"calls: {name!r}: expected {times}, it was called {count} time{'s' if count != 1 else ''}"


def _was_sent(record: Record) -> bool:
    statuses = ("ok", "tool_error", "invalid_output", "unknown", "resource_error")
    return record.status in statuses and record.source not in ("pinned", "reused")


def _arguments(trace: Trace, expected: Mapping[str, Mapping[str, Any]], *, exact: bool) -> Iterator[str]:
    latest, known = {record.step: record for record in trace}, _steps(trace)
    for step, wanted in expected.items():
        if step not in known:
            yield f"arguments: {_no_name('step', step, known)}"
        elif step not in latest:
            yield f"step {step!r}: it has not run"
        else:
            for name, value in wanted.items():
                yield from _argument(latest[step], name, value)
            more = [name for name in latest[step].sent if name not in wanted] if exact else []
            yield from (f"step {step!r}, argument {name!r}: it was sent, and is not expected" for name in more)


def _argument(record: Record, name: str, expected: Any) -> Iterator[str]:
    where, sent = f"step {record.step!r}, argument {name!r}", record.sent
    if name not in sent:
        yield f"{where}: it was not sent{did_you_mean(name, sent)}"
        return
    origin = next(origin_shown(name, one.origin, one.value) for one in record.arguments if one.name == name)
    for said in _unequal(expected, sent[name], name):
        yield f"{where}{said}, from {origin}"


def _bindings(run: Any, trace: Trace, expected: Mapping[str, Any]) -> Iterator[str]:
    made: Mapping[str, Any] = getattr(run, "bindings", None) or {
        record.binding: record.value for record in trace if record.binding is not None
    }
    for name, value in expected.items():
        if name not in made:
            yield f"bindings: {_no_name('binding', name, list(made))}"
        else:
            yield from (f"binding {name!r}{said}" for said in _unequal(value, made[name], name))


def _unequal(expected: Any, found: Any, name: str) -> Iterator[str]:
    """Give `: expected 1, it is 2` for each path where two values differ; what is no JSON is compared by `==`."""
    try:
        different = list(changes({name: jsonable(expected)}, {name: found}))
    except NotJsonError:
        different = [] if expected == found else [Change(name, repr(expected), found)]
    for one in different[:MOST]:
        inside = one.what.removeprefix(name).lstrip(".")
        left, right = _shown(one.left, name, one), _shown(one.right, name, one)
        left, right = left if one.has_left else "nothing", right if one.has_right else "nothing"
        yield f"{f', at {inside}' if inside else ''}: expected {left}, it is {right}"
    if len(different) > MOST:
        yield f": {len(different) - MOST} more differences"


def _shown(value: Any, name: str, change: Change) -> str:
    return brief(value, MOST_SHOWN, "secret" if is_secret(name) or is_secret(change.what) else "")


def _steps(trace: Trace) -> list[str]:
    return list(dict.fromkeys([*(one.step for one in trace.outline.plan), *(record.step for record in trace)]))


def _no_name(what: str, name: str, known: Iterable[str]) -> str:
    return f"no {what} {name!r}{did_you_mean(name, known)}"

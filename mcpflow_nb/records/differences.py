"""`mf.diff(a, b)`: two runs, or two workflows, aligned by step; only what changed, the first divergence first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final, Literal

from mcpflow_nb.errors import DefinitionError
from mcpflow_nb.exact import dumps
from mcpflow_nb.paths import Path, dotted
from mcpflow_nb.records.record import Record
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.show import Shown
from mcpflow_nb.workflows.workflow import SequentialWorkflow

if TYPE_CHECKING:
    import pandas as pd

Mark = Literal["=", "≠", "+", "−"]
MOST_CHANGES: Final = 50
COLUMNS: Final = ("step", "mark", "what", "left", "right")
ABSENT_WORD: Final = "(absent)"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs: `what` is a path such as `sent.employee_id`; `left` and `right` are JSON values.

    `has_left` and `has_right` are False where one side lacks it; `origin` is where the value came from, or the name
    it was bound to, as far as there is one.
    """

    what: str
    left: Any = None
    right: Any = None
    has_left: bool = True
    has_right: bool = True
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One step on both sides, or on one: `=` the same, `≠` changed, `+` only right, `−` only left.

    `seconds` are the wall times of the two calls, shown and not counted.
    """

    step: str
    mark: Mark
    changes: tuple[Change, ...] = ()
    seconds: tuple[float | None, float | None] = (None, None)
    left_out: int = 0


@dataclass(frozen=True)
class Diff(Shown):
    """What differs between two runs or two workflows. True when something does."""

    kind: Literal["run", "workflow"]
    left: str
    right: str
    rows: tuple[Row, ...]
    around: tuple[Change, ...] = ()
    """What differs outside the steps: outcome and arguments of runs; description, arguments … of workflows."""

    @property
    def first(self) -> Row | None:
        """The first step that differs."""
        return next((row for row in self.rows if row.mark != "="), None)

    def __bool__(self) -> bool:
        return self.first is not None or bool(self.around)

    def headline(self) -> str:
        """One sentence: where they first part."""
        row = self.first
        if row is None:
            return "the same" if not self.around else f"the steps are the same; {self.around[0].what} differs"
        number = [one.step for one in self.rows].index(row.step) + 1
        more = len(row.changes) - len(row.changes[:3]) + row.left_out
        named = ", ".join(one.what for one in row.changes[:3]) + (f" and {more} more" if more > 0 else "")
        words = {"+": "only in the second", "−": "only in the first", "≠": named}
        return f"first difference at step {number}, {row.step!r}: {words.get(row.mark, '')}"

    @property
    def df(self) -> pd.DataFrame:
        """One row a change, in the order of the steps.

        Columns: `step` str or None outside the steps, `mark` str, `what` str, `left right` any JSON value or None.
        """
        import pandas as pd

        rows: list[tuple[Any, ...]] = [(None, "≠", c.what, c.left, c.right) for c in self.around]
        for row in self.rows:
            rows += [(row.step, row.mark, c.what, c.left, c.right) for c in row.changes]
            rows += [(row.step, row.mark, "", None, None)] if row.mark in "+−" and not row.changes else []
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)

    __repr__ = Shown.__repr__


def diff(left: Any, right: Any) -> Diff:
    """Return what differs between two runs, two traces, or two workflows.

    Timing is shown and not counted; ids, attempts and start times are not compared.

    Raises
    ------
    DefinitionError
        When the two are not of one kind.

    >>> one = SequentialWorkflow("w").step("a", tool="m.t", args={"x": 1})
    >>> diff(one, SequentialWorkflow("w").step("a", tool="m.t", args={"x": 2})).headline()
    "first difference at step 1, 'a': args.x.value"
    """
    left, right = getattr(left, "trace", left), getattr(right, "trace", right)
    if isinstance(left, Trace) and isinstance(right, Trace):
        return _of_traces(left, right)
    if isinstance(left, SequentialWorkflow) and isinstance(right, SequentialWorkflow):
        return _of_workflows(left, right)
    raise DefinitionError(
        f"diff compares two runs, two traces or two workflows, not {type(left).__name__} and {type(right).__name__}"
    )


def _of_traces(left: Trace, right: Trace) -> Diff:
    sides = [{record.step: record for record in trace} for trace in (left, right)]
    rows = tuple(
        _row(step, sides[0].get(step), sides[1].get(step)) for step in _aligned(list(sides[0]), list(sides[1]))
    )
    given = [{"outcome": trace.outcome, "arguments": dict(trace.outline.given)} for trace in (left, right)]
    return Diff("run", left.run_id, right.run_id, rows, tuple(changes(given[0], given[1])))


def _row(step: str, left: Record | None, right: Record | None) -> Row:
    if left is None or right is None:
        return Row(step, "+" if left is None else "−")
    origins = {f"sent.{one.name}": one.origin for record in (right, left) for one in record.arguments}
    bound = {"value": left.binding or right.binding or ""}
    found = tuple(
        replace(one, origin=next((name for head, name in (origins | bound).items() if _under(one.what, head)), ""))
        for one in changes(_plain(left), _plain(right))
    )
    times = (left.seconds or None, right.seconds or None)
    return Row(step, "≠" if found else "=", found[:MOST_CHANGES], times, max(0, len(found) - MOST_CHANGES))


def _under(what: str, head: str) -> bool:
    return what == head or what.startswith((f"{head}.", f"{head}["))


def _plain(record: Record) -> dict[str, Any]:
    return {
        "server": record.server, "tool": record.tool, "status": record.status, "sent": record.sent,
        "value": record.value, "error": record.error, "missing": list(record.missing),
        "resources": [{"uri": one.uri, "server": one.server, "contents": list(one.contents)} for one in record.resources],
    }  # fmt: skip


def _of_workflows(left: SequentialWorkflow, right: SequentialWorkflow) -> Diff:
    sides = [{step.name: step.saved() for step in workflow.steps} for workflow in (left, right)]
    rows = []
    for name in _aligned(list(sides[0]), list(sides[1])):
        if name in sides[0] and name in sides[1]:
            found = tuple(changes(sides[0][name], sides[1][name]))
            rows.append(
                Row(name, "≠" if found else "=", found[:MOST_CHANGES], left_out=max(0, len(found) - MOST_CHANGES))
            )
        else:
            rows.append(Row(name, "−" if name in sides[0] else "+"))
    around = [_around(workflow) for workflow in (left, right)]
    order = [[name for name in side if name in sides[0] and name in sides[1]] for side in sides]
    moved = [Change("order of the steps", order[0], order[1])] if order[0] != order[1] else []
    return Diff("workflow", left.name, right.name, tuple(rows), (*changes(around[0], around[1]), *moved))


def _around(workflow: SequentialWorkflow) -> dict[str, Any]:
    """Return all but the steps, arguments and breakpoints by name: one more of them moves no other."""
    saved = {key: value for key, value in workflow.saved().items() if key != "steps"}
    saved["arguments"] = {one.name: one.saved() for one in workflow.arguments}
    saved["breakpoints"] = {one.step: one.saved() for one in workflow.breakpoints}
    return saved


def _aligned(left: Sequence[str], right: Sequence[str]) -> list[str]:
    """Return every name once, in an order both sides agree with as far as they can."""
    found: dict[str, None] = {}
    for _, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        found |= dict.fromkeys([*left[a:b], *right[c:d]])
    return list(found)


def changes(left: Any, right: Any, path: Path = ()) -> Iterator[Change]:
    """Give each path at which two JSON values differ; 1, 1.0 and true are three values."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys([*left, *right]):
            if key in left and key in right:
                yield from changes(left[key], right[key], (*path, key))
            else:
                yield Change(_what((*path, key)), left.get(key), right.get(key), key in left, key in right)
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        for at in range(max(len(left), len(right))):
            if at < len(left) and at < len(right):
                yield from changes(left[at], right[at], (*path, at))
            else:
                one, two = (side[at] if at < len(side) else None for side in (left, right))
                yield Change(_what((*path, at)), one, two, has_left=at < len(left), has_right=at < len(right))
    elif type(left) is not type(right) or dumps(left) != dumps(right):
        yield Change(_what(path), left, right)


def _what(path: Path) -> str:
    return dotted(str(path[0]), path[1:]) if path else "value"

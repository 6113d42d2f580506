"""What each remaining step of a run will do, before any of it is done: call, reuse, hand off, or wait for a re-run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from mcpflow_nb.records.course import Course
from mcpflow_nb.running.preparing import ready
from mcpflow_nb.show import Shown
from mcpflow_nb.workflows.sources import Scope
from mcpflow_nb.workflows.steps import WorkflowStep

if TYPE_CHECKING:
    import pandas as pd

Will = Literal[
    "call", "fetch", "reuse", "may reuse", "pinned", "hand off", "wait for a person", "wait for a re-run", "cannot be sent",
]  # fmt: skip
COLUMNS: Final = ("step", "server", "tool", "will", "source", "effects", "why")


@dataclass(frozen=True, slots=True)
class Remaining:
    """One remaining step. `source` is its server's where it will be called, `effects` the server's words of the tool."""

    step: str
    server: str | None
    tool: str | None
    will: Will
    source: str | None
    effects: tuple[str, ...]
    why: str
    is_stale: bool = False
    """It has a result, which came of other arguments than it would be called with now."""


@dataclass(frozen=True)
class Upcoming(Shown):
    """What each remaining step will do, in order. Nothing was called to find out."""

    run: str
    rows: tuple[Remaining, ...]

    def __iter__(self) -> Iterator[Remaining]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def df(self) -> pd.DataFrame:
        """One row a remaining step, in order.

        Columns: `step server tool will source why` str or None, `effects` tuple of str.
        """
        import pandas as pd

        rows = [[getattr(row, column) for column in COLUMNS] for row in self.rows]
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)

    __repr__ = Shown.__repr__


def upcoming(run: Any, course: Course) -> Upcoming:
    """Return what the steps of a run will do from where a course stands."""
    steps = run.workflow.steps
    bindings, unknown, handed = course.bindings(steps), set[str](), None
    rows = []
    for at in range(course.at, len(steps)):
        step = steps[at]
        row, value = _row(run, course, at, bindings, unknown)
        if handed is not None and row.will not in ("reuse", "pinned"):
            row = replace(row, why=f"{row.why}; after the client has answered {handed!r}")
        if row.will == "hand off":
            handed = step.name
        if step.binding is not None:
            if row.will in ("reuse", "pinned"):
                bindings[step.binding] = value
            else:
                unknown.add(step.binding)
        rows.append(row)
    return Upcoming(run.id, tuple(rows))


def _row(run: Any, course: Course, at: int, bindings: Mapping[str, Any], unknown: set[str]) -> tuple[Remaining, Any]:
    step: WorkflowStep = run.workflow.steps[at]
    sources = (*step.args.values(), *step.template.values())
    waits = sorted({read.name for source in sources for read in source.reads} & unknown)
    now = ready(step, Scope(run.arguments, bindings, run.key_of(step.name)), run.servers, run.by_hand(step, at))
    call, kept = now.call, course.kept.get(at)
    fate = course.fate(step, at, None if waits else call.asked)

    def row(will: Will, why: str) -> Remaining:
        is_called = will in ("call", "fetch", "may reuse")
        return Remaining(step.name, call.server, call.tool, will, call.source if is_called else None, call.effects, why)

    if fate == "pinned":
        return row("pinned", "its value was given by hand"), course.pins[step.name].value
    if fate == "reuse" and kept is not None:
        return row("reuse", "it ran with the same arguments"), kept.value
    if waits and kept is not None and kept.status == "ok":
        return row("may reuse", f"called again only where {', '.join(waits)} changes, and then by a re-run"), None
    if fate == "rerun":
        stale = kept is not None and kept.status == "ok"
        return replace(row("wait for a re-run", _stale(kept)), is_stale=stale), None
    if step.tool is None:
        return row("fetch", "it only reads resources"), None
    if step.handoff or (not waits and call.missing):
        return row("hand off", "handoff=True" if step.handoff else f"no value for {', '.join(call.missing)}"), None
    if not waits and call.problem:
        return row("cannot be sent", call.problem), None
    if step.approve:
        return row("wait for a person", "approve=True: run.approve allows its call"), None
    why = f"with what {', '.join(waits)} will be" if waits else "its arguments are known"
    return row("call", f"{why}; its mock will fail" if step.name in course.fails else why), None


def _stale(kept: Any) -> str:
    if kept is not None and kept.status != "ok":
        return f"it was called and gave no value [{kept.status}]"
    return "it was called with other arguments"

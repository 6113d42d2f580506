"""What a run is expected to do at each step, and why, as far as it is certain before anything is called.

It rests on the check against the servers: an error keeps the whole run from starting, and a required parameter
without a value hands the step to the client.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from mcpflow_nb.checking.contracts import Lack, check, lacks
from mcpflow_nb.checking.known import Known
from mcpflow_nb.checking.problems import Problem
from mcpflow_nb.errors import listed
from mcpflow_nb.paths import dotted
from mcpflow_nb.show import Shown
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow

if TYPE_CHECKING:
    import pandas as pd

Expected = Literal["call", "fetch", "handoff", "may hand off", "wait for a person", "not reached", "cannot run"]

COLUMNS: Final = ("step", "server", "tool", "expected", "why", "missing")


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One step. `missing` are the required parameters of its tool that have no source, or may have no value."""

    step: str
    server: str | None
    tool: str | None
    expected: Expected
    why: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Forecast(Shown):
    """What a run is expected to do, a row a step, in order."""

    workflow: str
    rows: tuple[Foreseen, ...]

    def __iter__(self) -> Iterator[Foreseen]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def hands_off(self) -> str | None:
        """The first step that certainly hands off to the client, or None."""
        return next((row.step for row in self.rows if row.expected == "handoff"), None)

    @property
    def df(self) -> pd.DataFrame:
        """One row a step, in order.

        Columns: `step` str, `server tool` str or None, `expected` one of the words of `Expected`, `why` str,
        `missing` tuple of str. Empty for a workflow without steps.
        """
        import pandas as pd

        rows = [{column: getattr(row, column) for column in COLUMNS} for row in self.rows]
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)

    __repr__ = Shown.__repr__


def forecast(workflow: SequentialWorkflow, servers: Any) -> Forecast:
    """Return what a run of the workflow against these servers is expected to do."""
    report = check(workflow, servers)
    known = Known(workflow, servers)
    rows: list[Foreseen] = []
    handed: str | None = None
    by_step: dict[str | None, list[Problem]] = {}
    for problem in report:
        by_step.setdefault(problem.step, []).append(problem)
    for step in workflow.steps:
        own = by_step.get(step.name, [])
        lacking = tuple(lacks(step, known))
        expected, why = _refused(own, report.errors) if report.errors else _expected(step, lacking, known, own)
        if handed is not None:
            expected, why = "not reached", f"step {handed!r} hands off: not before the client has answered"
        elif expected == "handoff":
            handed = step.name
        tool = known.tool(step)
        server, name = (tool.server, tool.name) if tool is not None else (step.server, step.tool)
        rows.append(Foreseen(step.name, server, name, expected, why, tuple(lack.name for lack in lacking)))
    return Forecast(workflow.name, tuple(rows))


def _refused(own: list[Problem], errors: tuple[Problem, ...]) -> tuple[Expected, str]:
    said = [f"{problem.message} [{problem.code}]" for problem in own if problem.severity == "error"]
    if said:
        return "cannot run", "; ".join(said)
    places = [f"{problem.place} [{problem.code}]" for problem in errors[:3]]
    more = f" and {len(errors) - 3} more" if len(errors) > 3 else ""
    return "not reached", f"the run does not start: {', '.join(places)}{more}"


def _expected(step: WorkflowStep, lacking: tuple[Lack, ...], known: Known, own: list[Problem]) -> tuple[Expected, str]:
    codes = ("unknown-resource", "unfilled-placeholder")
    doubts = "".join(f"; {problem.message}" for problem in own if problem.code in codes)
    doubts += "".join(f"; it fails where {label} is not there" for label in _doubtful(step, known))
    if step.resources and not known.catalogs:
        return "cannot run", f"its resources cannot be fetched: no server offers resources{doubts}"
    if step.tool is None:
        return "fetch", f"reads {len(step.resources)} resource{'s' if len(step.resources) != 1 else ''}{doubts}"
    sourceless = [lack.name for lack in lacking if lack.source is None]
    certain = [f"no source for {listed(sourceless)}"] if sourceless else []
    certain += ["handoff=True"] if step.handoff else []
    if certain:
        return "handoff", "; ".join(certain) + doubts
    if lacking:
        return "may hand off", "; ".join(_doubt(lack, known) for lack in lacking) + doubts
    if step.approve:
        return "wait for a person", "approve=True; every required parameter has a source" + doubts
    return "call", "every required parameter has a source" + doubts


def _doubtful(step: WorkflowStep, known: Known) -> Iterator[str]:
    """Give each path into an argument that its schema does not promise."""
    for source in (*step.args.values(), *step.template.values()):
        for read in source.reads:
            if read.kind == "argument" and read.path and read.needed and known.argument(read.name, read.path) == {}:
                yield dotted(read.name, read.path)


def _doubt(lack: Lack, known: Known) -> str:
    source = lack.source
    reads = source.reads if source is not None else ()
    absent = dict.fromkeys(read.name for read in reads if read.kind == "argument" and known.may_lack(read.name))
    if absent:
        return f"{lack.name!r} comes from argument {listed(tuple(absent))}, optional and without a default"
    return f"{lack.name!r} has no value when there is nothing at {source.label if source is not None else lack.name}"

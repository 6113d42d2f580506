"""An old trace against a new workflow, by computation alone: what would be sent differently, and what no longer can be.

The old outputs stand in for what the calls would give. A step is known again by its name, else by its binding and tool.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from mcpflow_nb.checking.checks import check
from mcpflow_nb.checking.inputs import read_arguments
from mcpflow_nb.connecting.fetching import known_uri
from mcpflow_nb.errors import ArgumentsError, MissingValueError, NotJsonError, TraceError
from mcpflow_nb.masking import is_secret
from mcpflow_nb.records.differences import changes
from mcpflow_nb.records.record import ANSWER, EDITED, Record
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.show import Shown
from mcpflow_nb.testing.assertions import trace_of
from mcpflow_nb.values import ABSENT, jsonable
from mcpflow_nb.views.values import brief, origin_shown
from mcpflow_nb.workflows.sources import Scope
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal[
    "workflow argument", "workflow error", "step added", "step removed", "step renamed", "step moved", "tool changed",
    "argument changed", "argument added", "argument removed", "not resolvable", "resources changed", "did not run then",
]  # fmt: skip
COLUMNS: Final = ("step", "argument", "kind", "before", "after", "why")
MOST_SHOWN: Final = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that differs; `before` and `after` are JSON values, `why` is a sentence or empty."""

    kind: Kind
    step: str | None = None
    argument: str | None = None
    before: Any = None
    after: Any = None
    why: str = ""

    @property
    def is_difference(self) -> bool:
        """Whether it counts: a step that did not run then can be compared with nothing."""
        return self.kind != "did not run then"

    @property
    def text(self) -> str:
        """The finding on one line; secrets are masked by their names."""
        place = ", ".join(
            f"{what} {name!r}" for what, name in (("step", self.step), ("argument", self.argument)) if name is not None
        )
        sides = ""
        if self.kind in ("argument changed", "tool changed", "step renamed", "step moved", "resources changed"):
            sides = f": {self.shown(self.before)} → {self.shown(self.after)}"
        elif self.kind in ("argument added", "argument removed"):
            sides = f": {self.shown(self.after if self.kind == 'argument added' else self.before)}"
        return f"{place or 'workflow'}: {self.kind}{sides}{f' ({self.why})' if self.why else ''}"

    def shown(self, value: Any) -> str:
        """Return a value of this finding on one line."""
        return brief(value, MOST_SHOWN, self.argument or "") if is_secret(self.argument) else brief(value, MOST_SHOWN)


@dataclass(frozen=True)
class ReplayCheck(Shown):
    """What an old trace says of a new workflow. True when everything would be sent as it was; `same` counts arguments."""

    workflow: str
    findings: tuple[Finding, ...]
    same: int

    @property
    def differences(self) -> tuple[Finding, ...]:
        """The findings that count."""
        return tuple(one for one in self.findings if one.is_difference)

    def __bool__(self) -> bool:
        return not self.differences

    @property
    def df(self) -> pd.DataFrame:
        """One row a finding, in the order of the steps.

        Columns: `step argument` str or None, `kind why` str, `before after` any JSON value or None. Empty where
        everything would be sent as it was.
        """
        import pandas as pd

        rows = [{column: getattr(one, column) for column in COLUMNS} for one in self.findings]
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)

    __repr__ = Shown.__repr__


def assert_replay(trace: Any, workflow: SequentialWorkflow) -> None:
    """Assert that a workflow would send what a trace says was sent.

    Raises
    ------
    AssertionError
        With every difference.
    TraceError
        As `check_replay`.
    """
    __tracebackhide__ = True  # pytest shows the test, not this function
    found = check_replay(trace, workflow)
    if not found:
        lines = "".join(f"\n  {one.text}" for one in found.differences)
        count = len(found.differences)
        raise AssertionError(
            f"{workflow.name!r} would not do what was recorded, {count} difference{'s' * (count > 1)}:{lines}"
        )


def check_replay(trace: Any, workflow: SequentialWorkflow) -> ReplayCheck:
    """Return what a workflow would send differently from an old trace, or run; calls nothing.

    Raises
    ------
    TraceError
        When the first is neither a run nor a trace, or the second no workflow.
    """
    where = "a replay is of (trace, workflow)"
    old = trace_of(trace, where)
    if not isinstance(workflow, SequentialWorkflow):
        raise TraceError(f"{where}: give a SequentialWorkflow, not {type(workflow).__name__}")
    return _Replaying(old, workflow).result()


class _Replaying:
    """The new workflow, step by step, on the old outputs."""

    def __init__(self, trace: Trace, workflow: SequentialWorkflow) -> None:
        self.trace, self.workflow = trace, workflow
        self.old: dict[str, Record] = {record.step: record for record in trace if record.status != "handoff"}
        self.old |= {record.step: record for record in trace if record.step not in self.old}
        self.match = dict(self._matches())
        self.errors = check(workflow, None).errors
        self.same = 0

    def result(self) -> ReplayCheck:
        arguments, refused = self._given()
        findings = [*refused, *self._errors()]
        bindings: dict[str, Any] = {}
        for step in self.workflow.steps:
            findings += self._of_step(step, Scope(arguments, bindings))
            record = self.match.get(step.name)
            if step.binding is not None and record is not None and record.status == "ok":
                bindings[step.binding] = record.value
        kept = {record.step for record in self.match.values()}
        findings += [Finding("step removed", name) for name in self.old if name not in kept]
        findings += self._moved()
        return ReplayCheck(self.workflow.name, tuple(findings), self.same)

    def _matches(self) -> Iterator[tuple[str, Record]]:
        """Give each new step with its old record: of that name, else one that made the same binding with the same tool."""
        names = {step.name for step in self.workflow.steps}
        free = {record.binding: record for record in self.old.values() if record.binding and record.step not in names}
        for step in self.workflow.steps:
            record = self.old.get(step.name) or free.get(step.binding or "")
            if record is not None and (record.step == step.name or _tool_of(step) in (record.tool, _name(record))):
                yield step.name, record

    def _given(self) -> tuple[Mapping[str, Any], list[Finding]]:
        given = dict(self.trace.outline.given)
        try:
            return read_arguments(self.workflow, given), []
        except ArgumentsError as error:
            problems = error.problems
        found = [Finding("workflow argument", argument=one.argument, why=one.message) for one in problems]
        refused = {one.argument for one in problems}
        defaults = {one.name: one.default.value for one in self.workflow.arguments if one.default is not None}
        return {**defaults, **{name: value for name, value in given.items() if name not in refused}}, found

    def _errors(self) -> list[Finding]:
        found = [one for one in self.errors if one.argument is None]
        return [Finding("workflow error", one.step, why=f"{one.message} [{one.code}]") for one in found]

    def _of_step(self, step: WorkflowStep, scope: Scope) -> Iterator[Finding]:
        record = self.match.get(step.name)
        if record is None:
            planned = {one.step for one in self.trace.outline.plan}
            yield Finding("did not run then" if step.name in planned else "step added", step.name)
            return
        if record.step != step.name:
            yield Finding("step renamed", step.name, None, record.step, step.name)
        if (step.tool is None) != (record.tool is None) or not _is_same_tool(step, record):
            yield Finding("tool changed", step.name, None, _name(record), _tool_of(step))
        yield from self._of_arguments(step, record, scope)
        before = [one.uri for one in record.resources]
        own = {step.binding: record.value} if step.binding is not None else {}
        after = [
            known_uri(uri, step.template, Scope(scope.arguments, {**scope.bindings, **own})) for uri in step.resources
        ]
        if before != after and record.status in ("ok", "resource_error"):
            yield Finding("resources changed", step.name, None, before, after)

    def _of_arguments(self, step: WorkflowStep, record: Record, scope: Scope) -> Iterator[Finding]:
        by_hand = {one.name: one.origin for one in record.arguments if one.origin in (ANSWER, EDITED)}
        wrong = {one.argument: f"{one.message} [{one.code}]" for one in self.errors if one.step == step.name}
        sent, left_out = record.sent, set(record.sent) - set(step.args)
        for name, source in step.args.items():
            try:
                value = source.resolve(scope)
                problem = wrong.get(name)
            except (MissingValueError, NotJsonError) as error:
                value, problem = ABSENT, str(error)
            if problem is not None:
                yield Finding("not resolvable", step.name, name, sent.get(name), None, problem)
            elif value is ABSENT:
                left_out |= {name} & set(sent)
            elif name not in sent:
                why = origin_shown(name, source.label, value)
                yield Finding("argument added", step.name, name, None, jsonable(value), why)
            elif any(changes({"": sent[name]}, {"": value})):
                why = by_hand.get(name) or origin_shown(name, source.label, value)
                yield Finding("argument changed", step.name, name, sent[name], jsonable(value), why)
            else:
                self.same += 1
        for name in sent:
            if name in left_out and by_hand.get(name) != ANSWER:
                yield Finding("argument removed", step.name, name, sent[name], None, by_hand.get(name, ""))

    def _moved(self) -> Iterator[Finding]:
        before = [name for name in self.old if name in self.match]
        after = [step.name for step in self.workflow.steps if step.name in before]
        if before != after:
            yield Finding("step moved", None, None, before, after, "the order of the steps")


def _name(record: Record) -> str:
    return ".".join(part for part in (record.server, record.tool) if part)


def _tool_of(step: WorkflowStep) -> str:
    return ".".join(part for part in (step.server, step.tool) if part)


def _is_same_tool(step: WorkflowStep, record: Record) -> bool:
    """Tell whether a step names the tool that was called: its server may be left out where only one offers it."""
    return step.tool is None or _tool_of(step) == _name(record) or (step.server is None and step.tool == record.tool)

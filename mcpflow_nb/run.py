"""Run: a workflow in progress. It goes forward a step at a time and only appends.

`run.step()` is one step, `run.to(name)` stops before a step, `run.all()` goes to the end. A step that fails is
the last record, not an exception.
"""

from __future__ import annotations

import asyncio
import copy
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from mcpflow_nb.bridge import verb
from mcpflow_nb.contracts import check
from mcpflow_nb.engine import NextCall, Ready, perform, ready, record
from mcpflow_nb.errors import ArgumentsError, RunError, did_you_mean, nearest
from mcpflow_nb.problems import Problem
from mcpflow_nb.progress import watching
from mcpflow_nb.schemas import Unjudged, refusal
from mcpflow_nb.show import Shown, above
from mcpflow_nb.sources import Scope
from mcpflow_nb.trace import Record, Trace
from mcpflow_nb.workflow import SequentialWorkflow

Outcome = Literal["paused", "completed", "handoff", "failed", "unknown", "cancelled"]

OUTCOMES: Final[dict[str, Outcome]] = {
    "ok": "paused", "skipped": "paused", "handoff": "handoff", "needs_input": "handoff",
    "unknown": "unknown", "cancelled": "cancelled",
}  # fmt: skip
"""The outcome of a run after a step of each status; any other status is a failure."""


class Run(Shown):
    """A run of a workflow against servers. `run["binding"]` is a value, `run.trace` what happened."""

    def __init__(self, workflow: SequentialWorkflow, servers: Any, arguments: Mapping[str, Any]) -> None:
        self.workflow = workflow
        self.servers = servers
        self.arguments = MappingProxyType(dict(arguments))
        self.id = secrets.token_hex(8)
        self.outcome: Outcome = "paused"
        self._records: list[Record] = []
        self._bindings: dict[str, Any] = {}
        self._busy = asyncio.Lock()
        self._under_way: asyncio.Task[Any] | None = None
        self._is_cancelled = False

    @property
    def trace(self) -> Trace:
        """The records so far."""
        return Trace(self.workflow.name, self.id, self.outcome, len(self.workflow.steps), tuple(self._records))

    @property
    def bindings(self) -> Mapping[str, Any]:
        """The bindings made so far, copied."""
        return MappingProxyType(copy.deepcopy(self._bindings))

    @property
    def reason(self) -> str | None:
        """Why the run stopped: step, tool, server and cause; None while it is paused or when it completed."""
        if self.outcome in ("paused", "completed"):
            return None
        if not self._records or self._records[-1].error is None:
            return "cancelled before the next step"
        last = self._records[-1]
        return f"step {last.step!r}, tool {last.tool!r} on server {last.server!r}: {last.error} [{last.status}]"

    @property
    def next(self) -> NextCall | None:
        """The call that comes next, every argument resolved; None when the run has ended."""
        return self._ready().call if self.outcome == "paused" else None

    def __getitem__(self, binding: str) -> Any:
        """Return a copy of the value of a binding."""
        if binding in self._bindings:
            return copy.deepcopy(self._bindings[binding])
        makers = [step.name for step in self.workflow.steps if step.binding == binding]
        if makers:
            raise RunError(
                f"binding {binding!r} is made by step {makers[0]!r}, which has not run; the run is {self.outcome}"
            )
        if any(step.name == binding for step in self.workflow.steps):
            raise RunError(f"step {binding!r} binds nothing; its output is run.trace[{binding!r}].value")
        known = [step.binding for step in self.workflow.steps if step.binding]
        raise RunError(f"no binding {binding!r}{did_you_mean(binding, known)}")

    def graph(self) -> Any:
        """Return the step graph with what happened on it."""
        return above("views.graph").run_graph(self)

    @verb
    async def step(self) -> Record:
        """Run exactly one step and return its record.

        Raises
        ------
        RunError
            When the run has ended.
        """
        async with self._busy:
            self._require_paused("step")
            return await self._step()

    @verb
    async def to(self, step: str) -> Run:
        """Run until `step` is the next one, or the run ends; return this run.

        Raises
        ------
        RunError
            When there is no such step, it has run, or the run has ended.
        """
        async with self._busy:
            self._require_paused("to")
            names = [one.name for one in self.workflow.steps]
            if step not in names:
                raise RunError(f"no step {step!r}{did_you_mean(step, names)}")
            if names.index(step) < len(self._records):
                raise RunError(f"step {step!r} has run already; the next one is {names[len(self._records)]!r}")
            while self.outcome == "paused" and len(self._records) < names.index(step):
                await self._step()
            return self

    @verb
    async def all(self) -> Run:
        """Run all steps that remain, until one does not succeed; return this run.

        Raises
        ------
        RunError
            When the run has ended otherwise than by completing.
        """
        async with self._busy:
            if self.outcome != "completed":
                self._require_paused("all")
            while self.outcome == "paused":
                await self._step()
            return self

    @verb
    async def cancel(self) -> Run:
        """End the run, and a call that is under way; what happened so far is kept. Returns this run."""
        if self._under_way is not None:
            self._is_cancelled = True
            self._under_way.cancel()
            async with self._busy:
                return self
        if self.outcome == "paused":
            self.outcome = "cancelled"
        return self

    def _ready(self) -> Ready:
        return ready(self.workflow.steps[len(self._records)], Scope(self.arguments, self._bindings), self.servers)

    async def _step(self) -> Record:
        now = self._ready()
        self._under_way = asyncio.current_task()
        try:
            async with watching(f"step {now.call.step!r}") as progress:
                made = await perform(now, progress=progress)
        except asyncio.CancelledError:
            made = _interrupted(now)
            if not self._is_cancelled or self._under_way is None:  # Interrupt, not run.cancel()
                self._append(made)
                raise
            self._under_way.uncancel()
        finally:
            self._under_way = None
        self._append(made)
        return made

    def _append(self, made: Record) -> None:
        self._records.append(made)
        if made.status == "ok" and made.binding is not None:
            self._bindings[made.binding] = copy.deepcopy(
                made.value
            )  # a record in the reader's hands changes nothing here
        outcome = OUTCOMES.get(made.status, "failed")
        done = outcome == "paused" and len(self._records) == len(self.workflow.steps)
        self.outcome = "completed" if done else outcome

    def _require_paused(self, verb_name: str) -> None:
        if self.outcome == "paused":
            return
        why = f": {self.reason}" if self.reason else ""
        raise RunError(f"run.{verb_name}(): the run is {self.outcome}{why}; begin a new one with workflow.start(...)")

    __repr__ = Shown.__repr__


def _interrupted(now: Ready) -> Record:
    harmless = now.tool is not None and now.tool.may_repeat
    words = "interrupted while it was running" + ("" if harmless else "; it may have run")
    return record(now, "cancelled" if harmless else "unknown", error=words)


def start(workflow: SequentialWorkflow, servers: Any, given: Mapping[str, Any]) -> Run:
    """Return a run that has called nothing yet; errors as `SequentialWorkflow.start` says."""
    check(workflow, servers).raise_if_errors()
    return Run(workflow, servers, read_arguments(workflow, given))


def read_arguments(workflow: SequentialWorkflow, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments by their declared types, defaults filled in, absent optional ones left out.

    Raises
    ------
    ArgumentsError
        With every argument that is missing, unknown or of the wrong type.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    declared = {argument.name: argument for argument in workflow.arguments}
    for name, argument in declared.items():
        value = given.get(name)
        if name not in given or argument.is_absent(value):
            if argument.default is not None:
                values[name] = argument.default.value
            elif argument.required:
                kind = f"{argument.type}: {argument.description}" if argument.description else argument.type
                problems.append(Problem("missing-argument", "error", f"is required ({kind})", argument=name))
            continue
        try:
            values[name] = argument.accept(value)
            refused = refusal(argument.schema_now, values[name]) if argument.json_schema is not None else None
        except (ValueError, Unjudged) as error:
            refused = str(error)
        if refused:
            problems.append(Problem("bad-argument", "error", refused, argument=name))
    for name in given:
        if name not in declared:
            close = nearest(name, declared)
            words = "is not declared" + (f"; did you mean {close!r}?" if close else "")
            problems.append(Problem("unknown-argument", "error", words, argument=name))
    if problems:
        raise ArgumentsError(workflow.name, problems)
    return values

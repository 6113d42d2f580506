"""What a learner gave to a check, and what it does on the exercise's own mocked servers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from mcpflow_nb.bridge import run as in_io_thread
from mcpflow_nb.checking.problems import Problem
from mcpflow_nb.errors import ArgumentsError, CheckError, McpflowError
from mcpflow_nb.lessons.lesson import Exercise, Mocks
from mcpflow_nb.mocking.mock_server import Mock
from mcpflow_nb.records.record import Record
from mcpflow_nb.running.run import Run
from mcpflow_nb.running.starting import start
from mcpflow_nb.servers import Servers
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow


class NotJudged(Exception):  # noqa: N818 - an answer inside this package: there is nothing to judge
    """There is nothing to judge, and why. The first criterion that meets it is not met, later ones are not judged."""

    def __init__(self, reason: Problem | str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class Ran:
    """A run at its end, and the mocked servers it was on."""

    run: Run
    mocks: Mapping[str, Mock]

    @property
    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """What was called: `server.tool` and arguments, oldest first."""
        return [(called(one), one.sent) for one in self.run.trace if one.started is not None and one.tool]

    def record(self, tool: str) -> Record:
        """Return the first call of `server.tool`; raises `NotJudged` where there is none."""
        for one in self.run.trace:
            if one.started is not None and called(one) == tool:
                return one
        raise NotJudged(f"{tool} is never called; {stopped(self.run)}")


class Attempt:
    """What a learner gave. `value` is it, `workflow` says that it must be one, `run` runs it once for each scenario."""

    def __init__(self, exercise: Exercise, value: Any, seconds: float) -> None:
        self.exercise, self.value, self.seconds = exercise, value, seconds
        self._ran: dict[tuple[Mocks, str], Ran | NotJudged] = {}

    @property
    def workflow(self) -> SequentialWorkflow:
        """The value as a workflow; raises `NotJudged` where it is none."""
        if isinstance(self.value, SequentialWorkflow):
            return self.value
        makes = "; a step goes into one with workflow.step(step)" if isinstance(self.value, WorkflowStep) else ""
        raise NotJudged(f"give a workflow, as mf.SequentialWorkflow(...) makes it, not {_kind(self.value)}{makes}")

    def run(self, mocks: Mocks | None = None, /, **given: Any) -> Ran:
        """Return the workflow's run to its end, on fresh mocks; `given` are arguments beside those of the exercise.

        Raises `NotJudged` where it cannot start or does not end in time.
        """
        make = mocks or self.exercise.mocks
        scenario = (make, repr(sorted(given.items())))
        if scenario not in self._ran:
            try:
                self._ran[scenario] = self._play(make(), {**self.exercise.given, **given})
            except NotJudged as error:
                self._ran[scenario] = error
        ran = self._ran[scenario]
        if isinstance(ran, NotJudged):
            raise ran
        return ran

    def _play(self, mocks: Mapping[str, Mock], given: Mapping[str, Any]) -> Ran:
        try:
            run, is_late = in_io_thread(_played(self.workflow, mocks, given, self.seconds))
        except CheckError as error:
            first = error.report.errors[0]
            seen = "" if self.workflow.check().errors else "check(servers) finds: "  # what it sees alone was said
            raise NotJudged(replace(first, message=seen + first.message)) from None
        except ArgumentsError as error:
            raise NotJudged(error.problems[0]) from None
        except McpflowError as error:
            raise NotJudged(str(error)) from None
        if is_late:
            step = self.workflow[run.trace[-1].step] if len(run.trace) else self.workflow.steps[0]
            raise NotJudged(unmet(f"did not end within {self.seconds:g} s", step))
        return Ran(run, mocks)


async def _played(
    workflow: SequentialWorkflow, mocks: Mapping[str, Mock], given: Mapping[str, Any], seconds: float
) -> tuple[Run, bool]:
    """Return the run at its end, and whether it was ended because of its time. The learner's servers stay as they are."""
    async with AsyncExitStack() as stack:
        servers = Servers({})
        for name, mock in mocks.items():
            servers = await stack.enter_async_context(await servers.with_mock.aio(name, mock))
        run = start(workflow, servers, given)
        try:
            async with asyncio.timeout(seconds):
                while run.outcome == "paused":  # a breakpoint holds it once
                    await run.all.aio()
        except TimeoutError:
            return run, True
        return run, False


@contextmanager
def opened(mocks: Mapping[str, Mock]) -> Iterator[Servers]:
    """Open mocked servers for a function of the learner's; the learner's own servers stay as they are."""
    with ExitStack() as stack:
        servers = Servers({})
        for name, mock in mocks.items():
            servers = stack.enter_context(servers.with_mock(name, mock))
        yield servers


def called(record: Record) -> str:
    """Return `server.tool` of a record."""
    return f"{record.server}.{record.tool}"


def unmet(message: str, step: WorkflowStep | None = None, argument: str | None = None, focus: str = "") -> Problem:
    """Return a reason with its place in the learner's code: the step, or the argument where it has one of that name."""
    place = None if step is None else step.where_arg(argument) if argument else step.where
    word = focus or argument or (step.name if step else None)
    return Problem("not-met", "error", message, step.name if step else None, argument, place, word)


def stopped(run: Run) -> str:
    """Return how far a run came, in words; where a value lacks, which one and where it is written."""
    if run.outcome == "handoff" and run.next is not None and run.next.missing:
        missing = ", ".join(map(repr, run.next.missing))
        tool = f"{run.next.server}.{run.next.tool}"
        return f"the run stops at step {run.next.step!r}: {tool} needs {missing}, which its `args` do not name"
    return f"the run is {run.outcome}" + (f": {run.reason}" if run.reason else "")


def _kind(value: Any) -> str:
    return f"{type(value).__name__} {value!r:.60}" if isinstance(value, str | int | float | bool) else (
        type(value).__name__
    )  # fmt: skip

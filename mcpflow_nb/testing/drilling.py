"""`mf.drill(workflow, servers)`: every step with every fault, on mocks alone; a table of what becomes of the run.

A fault is a row of `FAULTS`: its word, and how it is made at a step. A verdict is read off the run, beside a run in
which nothing goes wrong: what matters is whether something else was asked than it would have been, as `harm.py` says.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from mcpflow_nb.bridge import verb
from mcpflow_nb.errors import DefinitionError, RunError, did_you_mean
from mcpflow_nb.mocking.faults import Failure, places
from mcpflow_nb.mocking.sampling import sample
from mcpflow_nb.paths import Path, dotted, split_path
from mcpflow_nb.running.run import Run
from mcpflow_nb.running.starting import start
from mcpflow_nb.servers import Servers
from mcpflow_nb.show import Shown
from mcpflow_nb.testing.harm import asked, harm
from mcpflow_nb.workflows.retrying import Retry
from mcpflow_nb.workflows.workflow import SequentialWorkflow

if TYPE_CHECKING:
    import pandas as pd

    from mcpflow_nb.records.trace import Trace

Verdict = Literal["stopped", "handed off", "unharmed", "silently wrong", "hung", "not reached", "no place"]
WORST: Final[tuple[Verdict, ...]] = (
    "hung", "silently wrong", "handed off", "stopped", "unharmed", "not reached", "no place",
)  # fmt: skip
"""Verdicts, the worst one first: a cell with several tries has the worst of theirs."""
STEP_SECONDS: Final = 1.0
MOST_FIELDS: Final = 8
_DEMANDS: Final = "the arguments break the tool's input schema: 'added_since' is a required property"


@dataclass(frozen=True)
class Fault:
    """A fault of a drill: its word in the table, and the kinds of `mf.fault` that make it."""

    word: str
    kinds: tuple[str, ...]
    words: str = "made to fail by mf.drill"


FAULTS: Final = (
    Fault("isError", ("error",)),
    Fault("missing field", ("missing_field",)),
    Fault("null", ("null",)),
    Fault("wrong type", ("wrong_type",)),
    Fault("empty list", ("empty_list",)),
    Fault("slow", ("timeout",)),
    Fault("lost connection", ("lost",)),
    Fault("schema drift", ("renamed_field", "error"), _DEMANDS),
)
"""In the order of the table. `slow` does not answer in time; `schema drift` renames a field, and demands a parameter."""


@dataclass(frozen=True)
class Try:
    """One run with one fault. `at` is what was broken in words, `why` what made the verdict."""

    at: str
    verdict: Verdict
    why: str
    trace: Trace = field(repr=False)


@dataclass(frozen=True)
class Cell:
    """One step with one fault: the worst verdict of its tries, and every try with its trace."""

    step: str
    fault: str
    verdict: Verdict
    tries: tuple[Try, ...] = ()

    @property
    def worst(self) -> Try | None:
        """The try that made the verdict; None where there was none."""
        return next((one for one in self.tries if one.verdict == self.verdict), None)


class Drill(Shown):
    """What became of each step with each fault. `bool(drill)`: no cell is silently wrong, and none hung."""

    def __init__(self, workflow: str, steps: tuple[str, ...], cells: tuple[Cell, ...]) -> None:
        self.workflow, self.steps, self.cells = workflow, steps, cells

    def __bool__(self) -> bool:
        return not self.bad

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def bad(self) -> tuple[Cell, ...]:
        """The cells that are silently wrong or hung."""
        return tuple(cell for cell in self.cells if cell.verdict in ("silently wrong", "hung"))

    def __getitem__(self, key: tuple[str, str]) -> Cell:
        """Return the cell of a step and a fault: `drill["setup_payroll", "null"]`."""
        step, word = key if isinstance(key, tuple) and len(key) == 2 else (key, None)
        for name, known in ((step, self.steps), (word, tuple(one.word for one in FAULTS))):
            if name not in known:
                raise RunError(f"drill[step, fault]: there is no {name!r}{did_you_mean(str(name), known)}")
        return next(cell for cell in self.cells if (cell.step, cell.fault) == key)

    @property
    def df(self) -> pd.DataFrame:
        """One row a try, in the order of steps and faults; a cell without one has one row.

        Columns: `step fault verdict` str, `at why` str or None.
        """
        import pandas as pd

        rows = [
            [cell.step, cell.fault, one.verdict if one else cell.verdict, one.at if one else None, one.why if one else None]
            for cell in self.cells for one in cell.tries or (None,)
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["step", "fault", "verdict", "at", "why"], dtype=object)

    __repr__ = Shown.__repr__


class _Driller:
    @verb
    async def drill(
        self, workflow: SequentialWorkflow, servers: Any, arguments: Mapping[str, Any] | None = None, /, *,
        seconds: float = STEP_SECONDS,
    ) -> Drill:  # fmt: skip
        """Run a workflow once for each step and fault, on mocks alone, and return a table of what became of it.

        Mocked servers are used as they are; for any other, `mf.mock_like` stands in, so nothing live is called.
        Arguments that are not given are samples of their types. Each field that a later step reads is broken in a try
        of its own, and a step that does not answer is given up after `seconds`.

        Verdicts: `stopped` (the run ended before another tool was sent anything wrong), `handed off`, `unharmed` (it
        completed, and every later call was as it should be), `silently wrong` (a later tool was sent, the client was
        handed, or a resource was read with something else than without the fault), `hung`; `not reached`, and `no
        place` where an output has no such part. Where a value differs from run to run, `why` says that only its type
        was compared.

        Raises
        ------
        CheckError, ArgumentsError
            As `workflow.start`.
        DefinitionError
            When the run without a fault does not get to its end or a handoff; for what is no workflow, no servers or
            no number of seconds.
        """
        _require(workflow, servers, seconds)
        # Everything is mocked: nobody has to be asked, and nothing is given time to recover.
        drilled = {"timeout": seconds, "approve": False}
        steps = tuple(
            step.model_copy(update={**drilled, "retry": step.retry and Retry(step.retry.attempts, 0, on=step.retry.on)})
            for step in workflow.steps
        )
        quick = workflow.model_copy(update={"steps": steps, "breakpoints": ()})
        async with AsyncExitStack() as stack:
            for name in servers.names:
                if servers[name].source != "mock":
                    servers = await stack.enter_async_context(await servers.with_mock.aio(name))
            return await _Drilling(quick, servers, {**_samples(quick), **(arguments or {})}, seconds).all()


drill: Final = _Driller().drill


def _require(workflow: Any, servers: Any, seconds: Any) -> None:
    problem = ""
    if not isinstance(workflow, SequentialWorkflow):
        problem = f"workflow: give a SequentialWorkflow, not {type(workflow).__name__}"
    elif not isinstance(servers, Servers):
        problem = f"servers: give what mf.connect(...) returned, not {type(servers).__name__}"
    elif type(seconds) not in (int, float) or not 0 < seconds < math.inf:
        problem = f"seconds: give how long a step may take, a number above 0, not {seconds!r}"
    if problem:
        raise DefinitionError(f"mf.drill(workflow, servers): {problem}")


def _samples(workflow: SequentialWorkflow) -> dict[str, Any]:
    """Return a value for each argument without a default."""
    there = [one for one in workflow.arguments if one.default is None]
    return {one.name: sample(one.schema_now, name=one.name) for one in there}


class _Drilling:
    """The runs of one drill."""

    def __init__(self, workflow: SequentialWorkflow, servers: Any, given: Mapping[str, Any], seconds: float) -> None:
        self.workflow, self.servers, self.given = workflow, servers, given
        self.limit = len(workflow.steps) * seconds + 10.0

    async def all(self) -> Drill:
        (self.clean, _), (again, _) = await self._run(), await self._run()
        if self.clean.outcome not in ("completed", "handoff"):
            raise DefinitionError(
                f"mf.drill: without any fault the run is {self.clean.outcome}: {self.clean.reason}{self._mend()}"
            )
        self.asked, self.asked_again = ({one.step: asked(one) for one in run.trace} for run in (self.clean, again))
        steps = tuple(step.name for step in self.workflow.steps if step.tool is not None)
        cells = [await self._cell(step, one) for step in steps for one in FAULTS]
        return Drill(self.workflow.name, steps, tuple(cells))

    def _mend(self) -> str:
        """Return how the server that a run without a fault stopped at gets answers that go well."""
        last = self.clean.trace[-1] if len(self.clean.trace) else None
        if last is None or last.status != "tool_error":
            return ""
        answers = f"mf.mock_like(servers[{last.server!r}], {{{last.tool!r}: ...}})"
        return f"; give {last.tool!r} an answer: mf.drill(workflow, servers.with_mock({last.server!r}, {answers}))"

    async def _run(self, step: str | None = None, failure: Failure | None = None) -> tuple[Run, bool]:
        """Return a run at its end, and whether it had to be ended."""
        run = start(self.workflow, self.servers, self.given, {"journal": None})
        if step is not None and failure is not None:
            await run.fail.aio(step, failure.words, fault=failure.fault, field=failure.field)
        try:
            async with asyncio.timeout(self.limit):
                return await run.all.aio(), False
        except TimeoutError:
            return run, True

    async def _cell(self, step: str, fault: Fault) -> Cell:
        record = next((one for one in self.clean.trace if one.step == step), None)
        if record is None or record.status != "ok":
            return Cell(step, fault.word, "not reached")
        tries = [
            self._judged(step, at, *await self._run(step, Failure(fault.words, kind, at or None)))
            for kind in fault.kinds for at in self._fields(step, kind, record.value)
        ]  # fmt: skip
        verdicts = {one.verdict for one in tries}
        return Cell(step, fault.word, next((one for one in WORST if one in verdicts), "no place"), tuple(tries))

    def _fields(self, step: str, kind: str, value: Any) -> list[str]:
        """Return where to break a value: what later steps read of it, else its first place; "" for the whole call."""
        if kind in ("error", "timeout", "lost"):
            return [""]
        found = places(kind, value)
        read = [path for path in found if any(_touches(path, one) for one in self._reads(step))]
        named = {dotted("", path)[1:]: path for path in read or found[:1]}
        return [name for name, path in named.items() if split_path(name) == path or not path][:MOST_FIELDS]

    def _reads(self, step: str) -> list[Path]:
        maker = self.workflow[step]
        sources = [source for one in self.workflow.steps for source in (*one.args.values(), *one.template.values())]
        return [read.path for source in sources for read in source.reads
                if read.kind == "binding" and read.name == maker.binding]  # fmt: skip

    def _judged(self, step: str, at: str, run: Run, has_hung: bool) -> Try:
        trace, where = run.trace, at or "the call"
        wrong, unsure = self._harm(step, trace)
        if has_hung:
            return Try(where, "hung", f"not at its end after {self.limit:g} s", trace)
        if wrong:
            return Try(where, "silently wrong", wrong[0], trace)
        if run.outcome == "completed":
            return Try(where, "unharmed", "; ".join(["every later call was as without the fault", *unsure]), trace)
        verdict: Verdict = "handed off" if run.outcome == "handoff" else "stopped"
        is_as_before = run.outcome == self.clean.outcome == "handoff" and trace[-1].step == self.clean.trace[-1].step
        why = "; ".join([run.reason or run.outcome, *unsure])
        return Try(where, "unharmed" if is_as_before else verdict, why, trace)

    def _harm(self, step: str, trace: Trace) -> tuple[list[str], list[str]]:
        """Return what was asked otherwise from a step on, and what cannot be told, in sentences."""
        names = [one.name for one in self.workflow.steps]
        found = [
            harm(one, self.asked.get(one.step, {}), self.asked_again.get(one.step, {}), is_broken=one.step == step)
            for one in trace if names.index(one.step) >= names.index(step)
        ]  # fmt: skip
        return [said for wrong, _ in found for said in wrong], [said for _, unsure in found for said in unsure]


def _touches(path: Path, read: Path) -> bool:
    """Tell whether breaking a path changes what is read."""
    shorter = min(len(path), len(read))
    return path[:shorter] == read[:shorter]

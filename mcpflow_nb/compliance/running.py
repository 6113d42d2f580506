"""`compliance.run`, `plan` and `score`: trials over the same tasks and seeds in every mode, one line of a file each."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from mcpflow_nb.bridge import verb
from mcpflow_nb.compliance.examples import tasks as examples
from mcpflow_nb.compliance.modes import MODES, fits, opening
from mcpflow_nb.compliance.planning import CompliancePlan, keys_of, planned
from mcpflow_nb.compliance.results import ComplianceResults
from mcpflow_nb.compliance.statistics import scipy_stats
from mcpflow_nb.compliance.talking import Agent, Status, Talk, TrialEnded, described, is_simulated, label_of, sends
from mcpflow_nb.compliance.tasks import Task
from mcpflow_nb.compliance.trials import NOT_EVIDENCE, Key, Trial, append, begun, by_key, read
from mcpflow_nb.compliance.world import World
from mcpflow_nb.errors import ComplianceError, DefinitionError, did_you_mean

MOST: Final = 20
"""Requests, and calls, that one trial may make."""
SEEDS: Final = range(10)
MOST_SEEDS: Final = 10_000


class _Harness:
    @verb
    async def plan(
        self, tasks: Task | Iterable[Task] | None = None, modes: Iterable[str] = tuple(MODES),
        seeds: Iterable[int] = SEEDS, agent: Agent | None = None, *, most: int = MOST,
    ) -> CompliancePlan:  # fmt: skip
        """Return what a measurement will take, without asking any agent; without one, as for one that costs.

        Raises
        ------
        DefinitionError
            For a mode that is not there, or nothing to measure.
        """
        asked, names, numbers = _asked(tasks, modes, seeds)
        return await _plan(asked, names, keys_of(asked, names, numbers), most, agent)

    @verb
    async def run(
        self, agent: Agent, tasks: Task | Iterable[Task] | None = None, *, modes: Iterable[str] = tuple(MODES),
        seeds: Iterable[int] = SEEDS, path: str | os.PathLike[str] | None = None, most: int = MOST,
        limit_requests: int | None = 1_000, limit_tokens: int | None = 1_000_000, seconds: float = 600.0,
        concurrency: int = 1,
    ) -> ComplianceResults:  # fmt: skip
        """Measure an agent: every task in every mode with every seed, on mocked servers that are new for each trial.

        The agent runs in the I/O thread of this package. An agent that fails ends its trial, never the measurement.

        Parameters
        ----------
        tasks
            Those of this package by default.
        path
            Where each trial is written as it ends, a JSON line each. Trials that are there are not run again, except
            lost ones, in which the agent could not be asked.
        most
            Requests, and calls, that one trial may make; it is ended there.
        limit_requests, limit_tokens
            What all of it may take by its plan; beyond it, nothing is sent. None: no limit.
        seconds
            How long one trial may take.
        concurrency
            How many trials run at a time.

        Raises
        ------
        DefinitionError
            For a mode that is not there, or nothing to measure.
        ComplianceError
            When the plan is beyond a limit, the file is of another agent or another version of a task, or scipy is
            not installed.
        LoadError
            When the file cannot be written, or is of something else; it is left as it is.
        """
        scipy_stats()
        if not callable(agent):
            raise DefinitionError(f"compliance.run: an agent is an async callable, not {type(agent).__name__}")
        if not (most >= 1 and concurrency >= 1 and seconds > 0):
            raise DefinitionError("compliance.run: most and concurrency are at least 1, and seconds is above 0")
        asked, names, numbers = _asked(tasks, modes, seeds)
        keys = keys_of(asked, names, numbers)
        file = Path(path) if path is not None else None
        by_name = {one.name: one for one in asked}
        there = _there(file, agent, by_name) if file is not None else {}
        todo = [key for key in keys if key not in there or there[key].status == "lost"]
        (await _plan(asked, names, todo, most, agent)).require(limit_requests, limit_tokens)
        gate = asyncio.Semaphore(concurrency)

        async def one(key: Key) -> Trial:
            async with gate:
                trial = await _trial(agent, by_name[key.task], key, most, seconds)
                if file is not None:
                    append(file, trial)
                return trial

        started = [asyncio.create_task(one(key)) for key in todo]
        try:
            made = {**there, **by_key(await asyncio.gather(*started))}
        finally:
            for task in started:
                task.cancel()
        return ComplianceResults([made[key] for key in keys], by_name)


_harness: Final = _Harness()
run, plan = _harness.run, _harness.plan


def score(path: str | os.PathLike[str], tasks: Task | Iterable[Task] | None = None) -> ComplianceResults:
    """Return the results of a file of trials, scored again; nothing is run. Tasks as for `run`.

    Raises
    ------
    LoadError
        When the file cannot be read, or a line in it is no trial.
    ComplianceError
        When its trials are of several agents, of a task that is not given, or of another version of one.
    """
    scipy_stats()
    known = {one.name: one for one in _tasks(tasks)}
    trials = read(Path(path))
    _require_same(path, trials, known)
    return ComplianceResults(list(trials.values()), known)


def _tasks(tasks: Task | Iterable[Task] | None) -> tuple[Task, ...]:
    found = examples() if tasks is None else (tasks,) if isinstance(tasks, Task) else tuple(tasks)
    names = [one.name if isinstance(one, Task) else "" for one in found]
    if not found or "" in names or len(set(names)) < len(names):
        raise DefinitionError("tasks: give one or more compliance.Task, each with a name of its own")
    return found


def _asked(
    tasks: Task | Iterable[Task] | None, modes: Iterable[str], seeds: Iterable[int]
) -> tuple[tuple[Task, ...], tuple[str, ...], tuple[int, ...]]:
    """Return what is to be measured, read and checked."""
    names = tuple(dict.fromkeys([modes] if isinstance(modes, str) else modes))
    if unknown := [name for name in names if name not in MODES]:
        raise DefinitionError(f"modes: there is no {unknown[0]!r}{did_you_mean(str(unknown[0]), MODES)}")
    numbers = tuple(dict.fromkeys(islice(seeds, MOST_SEEDS + 1)))
    if not names or not 0 < len(numbers) <= MOST_SEEDS or not all(isinstance(one, int) for one in numbers):
        raise DefinitionError(f"give at least one mode, and seeds as numbers, at most {MOST_SEEDS:,}: seeds=range(20)")
    return _tasks(tasks), names, numbers


async def _plan(
    tasks: Sequence[Task], modes: Sequence[str], keys: Sequence[Key], most: int, agent: Agent | None
) -> CompliancePlan:
    note = NOT_EVIDENCE if agent is not None and is_simulated(agent) else ""
    label, costs = ("any", True) if agent is None else (label_of(agent), sends(agent))
    left_out = tuple((task.name, mode) for task in tasks for mode in modes if not fits(task, mode))
    return await planned(tasks, keys, most, label, note, left_out, costs=costs)


def _there(path: Path, agent: Agent, tasks: Mapping[str, Task]) -> dict[Key, Trial]:
    """Return the trials of a file to go on with."""
    trials = begun(path)
    found = {key: one for key, one in trials.items() if key.task in tasks}
    _require_same(path, found, tasks)
    mine = (label_of(agent), is_simulated(agent))
    if other := [one for one in trials.values() if (one.agent, one.simulated) != mine]:
        raise ComplianceError(f"{path} has trials of {other[0].agent!r}, not of {mine[0]!r}: give another path")
    return found


def _require_same(path: str | os.PathLike[str], trials: Mapping[Key, Trial], tasks: Mapping[str, Task]) -> None:
    agents = list(dict.fromkeys(one.agent for one in trials.values()))
    if len(agents) > 1:
        raise ComplianceError(f"{path} has trials of several agents, {agents[0]!r} and {agents[1]!r}: one file each")
    for one in trials.values():
        if one.task not in tasks:
            raise ComplianceError(f"{path} has trials of a task {one.task!r}{did_you_mean(one.task, tasks)}")
        if one.fingerprint != tasks[one.task].fingerprint:
            raise ComplianceError(f"{path} has trials of another version of the task {one.task!r}: give another path")


async def _trial(agent: Agent, task: Task, key: Key, most: int, seconds: float) -> Trial:
    async with World(task, key.seed) as world:
        messages = await opening(world, key.mode)
        talk = Talk(messages or (), described(world.tools), key.mode, key.seed, most, world)
        status, reason = await _ended(agent, talk, seconds) if messages is not None else ("done", "")
        spent = talk.spent
        return Trial(
            key.task, key.mode, key.seed, label_of(agent), is_simulated(agent), task.fingerprint, world.arguments,
            status, "; ".join(dict.fromkeys([*([reason] if reason else []), *talk.notes])),
            spent.requests, spent.input_tokens, spent.output_tokens, world.happened(),
        )  # fmt: skip


async def _ended(agent: Agent, talk: Talk, seconds: float) -> tuple[Status, str]:
    """Return how an agent came to its end; whatever it raises is a reason."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await agent(talk)
    except TrialEnded as ended:
        return ended.status, ended.reason
    except Exception as error:  # noqa: BLE001 - the reader's own agent, and whatever library is behind it
        if limit.expired():
            return "lost", f"it took longer than {seconds:g} s"
        ended_by = error.__cause__ or error.__context__
        if isinstance(ended_by, TrialEnded):  # a library that wraps what its tools raise
            return ended_by.status, ended_by.reason
        return "lost", f"{type(error).__name__}: {str(error)[:300]}"
    return "done", ""

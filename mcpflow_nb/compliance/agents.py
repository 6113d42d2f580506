"""Agents beside an endpoint: a scripted one, a recorded one, a person, and one of pydantic-ai.

Each is an async callable that takes a `Talk`; a function of your own is one as well.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from anyio import to_thread

from mcpflow_nb.compliance.scoring import bindings_of, steps_taken
from mcpflow_nb.compliance.talking import Talk, TrialEnded
from mcpflow_nb.compliance.trials import Key, Trial, read
from mcpflow_nb.errors import DefinitionError, LoadError
from mcpflow_nb.exact import loads
from mcpflow_nb.workflows.steps import WorkflowStep


@dataclass(frozen=True)
class Scripted:
    """A client that knows the workflow and keeps to it as it is told to: simulated, never evidence.

    At each step it draws once: it leaves the step out, takes it after the next one, invents the id that the step
    needs, or follows; a step for which it lacks a value it leaves out. A step has the same draw in every mode, so modes
    differ only by the steps that are left.
    """

    skips: float = 0.05
    reorders: float = 0.05
    invents: float = 0.05
    simulated = True
    sends = False

    def __post_init__(self) -> None:
        parts = (self.skips, self.reorders, self.invents)
        if not all(0 <= part <= 1 for part in parts) or sum(parts) > 1 + 1e-9:
            raise DefinitionError(
                f"scripted: skips, reorders and invents are parts of 1, together at most 1, not {parts}"
            )

    @property
    def follows(self) -> float:
        """The part of the steps that are taken as they should be."""
        return max(0.0, 1 - self.skips - self.reorders - self.invents)

    @property
    def label(self) -> str:
        """What it is and does."""
        words = ("follows", "skips", "reorders", "invents")
        return "scripted: " + ", ".join(f"{word} {getattr(self, word):g}" for word in words)

    async def __call__(self, talk: Talk) -> None:
        """Take the steps that the server left."""
        world = talk.world
        done = steps_taken(world.task, world.happened())
        left = [step for step in world.task.workflow.steps if step.name not in done]
        drawn = {step.name: self._draw(f"{world.task.name}/{talk.seed}/{step.name}") for step in left}
        for at in range(len(left) - 1):
            if drawn[left[at].name] == "reorder":
                left[at], left[at + 1] = left[at + 1], left[at]
        for step in left:
            sent = self._arguments(talk, step, drawn[step.name])
            if drawn[step.name] != "skip" and step.tool and sent is not None:
                await talk.call(step.tool.replace(".", "_", 1), sent)

    def _draw(self, key: str) -> str:
        drawn, border = Random(key).random(), 0.0
        for word, part in (("skip", self.skips), ("reorder", self.reorders), ("invent", self.invents)):
            border += part
            if drawn < border:
                return word
        return "follow"

    def _arguments(self, talk: Talk, step: WorkflowStep, drawn: str) -> dict[str, Any] | None:
        """Return what it sends; None where a step before this one did not give what it takes."""
        task, calls = talk.world.task, talk.world.happened()
        right = task.right(step, talk.world.arguments, bindings_of(task, calls, steps_taken(task, calls)))
        if None in right.values() or set(step.args) - set(right):
            return None
        made = [name for name in right if drawn == "invent" and task.is_id(name)]
        return {**right, **{name: f"made-up-{name}" for name in made[:1]}}


def scripted(*, skips: float = 0.05, reorders: float = 0.05, invents: float = 0.05) -> Scripted:
    """Return a client whose behaviour is these three parts; what is left of 1, it follows.

    >>> scripted(skips=0.1, invents=0).label
    'scripted: follows 0.85, skips 0.1, reorders 0.05, invents 0'
    """
    return Scripted(skips, reorders, invents)


@dataclass(frozen=True)
class Recorded:
    """What an agent did in the trials of a file, call by call; ids are drawn as then, so they are the same."""

    trials: dict[Key, Trial] = field(repr=False)
    label: str
    simulated: bool
    sends = False

    async def __call__(self, talk: Talk) -> None:
        """Make the calls of the recorded trial."""
        trial = self.trials.get(Key(talk.world.task.name, talk.mode, talk.seed))
        if trial is None:
            raise TrialEnded("lost", "it was not recorded")
        if trial.fingerprint != talk.world.task.fingerprint:
            raise TrialEnded("lost", "it was recorded of another version of the task")
        for one in trial.calls:
            if one.by == "agent":
                is_tool = one.error != "there is no such tool"
                await talk.call(one.tool.replace(".", "_", 1) if is_tool else one.tool, one.arguments)
        if trial.status != "done":
            raise TrialEnded(trial.status, trial.reason)


def recorded(path: str | os.PathLike[str]) -> Recorded:
    """Return an agent that does again what the trials of a file did; it is simulated where one of them was.

    Raises
    ------
    LoadError
        When the file has no trials.
    """
    trials = read(Path(path))
    if not trials:
        raise LoadError(f"{path}: there is no trial in it")
    labels = dict.fromkeys(one.agent for one in trials.values())
    return Recorded(trials, f"recorded {', '.join(labels)}", any(one.simulated for one in trials.values()))


@dataclass(frozen=True)
class Person:
    """A person who is asked for one call after the other; nothing ends it."""

    ask: Callable[[str], str] = input
    label: str = "a person"
    simulated = False
    sends = False

    async def __call__(self, talk: Talk) -> None:
        """Show the messages and the tools, then ask until the answer is empty."""
        tools = [f"{one['name']}({', '.join(one['parameters'].get('properties', {}))}): {one['description']}"
                 for one in talk.tools]  # fmt: skip
        shown = "\n\n".join([*(f"[{one['role']}] {one['content']}" for one in talk.messages), "Tools:", *tools])
        while answer := (await self._asked(f'{shown}\n\nname {{"parameter": value}}, or nothing to end: ')).strip():
            name, _, text = answer.partition(" ")
            try:
                arguments = loads(text or "{}")
            except ValueError:
                arguments = None
            is_object = isinstance(arguments, dict)
            shown = await talk.call(name, arguments) if is_object else "error: the arguments are no JSON object"

    async def _asked(self, text: str) -> str:
        return await to_thread.run_sync(partial(self.ask, text), abandon_on_cancel=True)


def person(ask: Callable[[str], str] = input, *, label: str = "a person") -> Person:
    """Return a person as an agent; `ask` shows a text and returns what was typed: `tool {"name": "value"}`."""
    return Person(ask, label)


_OWN_DOING: Final = ("UnexpectedModelBehavior", "UsageLimitExceeded")
"""The errors of pydantic-ai that are the model's doing, such as a tool it made up; of any other, the trial is lost."""


@dataclass(frozen=True)
class PydanticAI:
    """An agent of pydantic-ai, which makes its requests by itself; the tools are handed to its `run`.

    What it spent is known where it came to its end.
    """

    agent: Any
    label: str
    simulated: bool
    sends = True

    async def __call__(self, talk: Talk) -> None:
        """Run it once on all messages as one text, with the tools of this trial and no others of ours."""
        library = _library(self.agent)

        def tool(described: dict[str, Any]) -> Any:
            async def call(**arguments: Any) -> str:
                return await talk.call(described["name"], arguments)

            return library.Tool.from_schema(call, described["name"], described["description"], described["parameters"])

        text = "\n\n".join(f"[{one['role']}]\n{one['content']}" for one in talk.messages)
        toolset = library.FunctionToolset([tool(one) for one in talk.tools])
        own = tuple(filter(None, (getattr(library, name, None) for name in _OWN_DOING)))
        problem = ""
        try:
            done = await self.agent.run(text, toolsets=[toolset])
        except own as error:
            problem = f"{type(error).__name__}: {str(error)[:300]}"
        if problem:
            raise TrialEnded("stopped", problem)
        usage = done.usage if hasattr(done.usage, "requests") else done.usage()
        talk.spent.requests += usage.requests
        talk.spend(0, usage.input_tokens or 0, usage.output_tokens or 0)


def pydantic_ai(agent: Any, *, label: str | None = None, simulated: bool = False) -> PydanticAI:
    """Return an agent of pydantic-ai as one of ours; say `simulated=True` for a test model.

    It runs in the I/O thread of this package: give one that is used nowhere else, for its connections stay in a loop.

    Raises
    ------
    DefinitionError
        When it is no agent of pydantic-ai.
    """
    _library(agent)
    return PydanticAI(agent, label or f"pydantic-ai {getattr(agent, 'name', None) or ''}".strip(), simulated)


def _library(agent: Any) -> Any:
    """Return the package that an agent is from, so that this one need not import it."""
    for kind in type(agent).__mro__:
        found = sys.modules.get(kind.__module__.partition(".")[0])
        if hasattr(found, "FunctionToolset") and hasattr(found, "Tool"):
            return found
    raise DefinitionError(f"pydantic_ai: give a pydantic_ai.Agent, not {type(agent).__name__}")

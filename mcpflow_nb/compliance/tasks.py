"""A task: a workflow, the mocked servers that it needs, and the values of its arguments, all new for each seed.

Three of them are in `examples.py`. A task of your own is a `Task(...)`; `world` makes the servers of one trial, and
what an id looks like is drawn from the `Random` that it gets, so that an id no tool gave out cannot be guessed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from mcpflow_nb.errors import DefinitionError, MissingValueError, did_you_mean, listed
from mcpflow_nb.mocking.mock_server import Mock
from mcpflow_nb.values import ABSENT
from mcpflow_nb.workflows.sources import Scope
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """Something to be done with tools.

    Parameters
    ----------
    goal
        What is asked for, in a sentence; `{name}` marks are the arguments.
    workflow
        All steps, each with `tool="server.tool"`.
    world
        Makes the mocked servers of one trial, by name.
    arguments
        The values of each argument of the workflow; a seed draws one. Text, as MCP prompts have it.
    hands_over
        The step from which the client goes on where the server ran the first ones.
    answers
        For steps whose parameters the client finds by itself: what is right, from the arguments and the bindings.
    ids
        Parameters that take what a tool gave out, besides those whose names end in `_id`.
    """

    name: str
    goal: str
    workflow: SequentialWorkflow
    world: Callable[[Random], Mapping[str, Mock]]
    arguments: Mapping[str, Sequence[str]]
    hands_over: str
    answers: Mapping[str, Callable[[Values, Values], Values]] = field(default_factory=dict)
    ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [step.name for step in self.workflow.steps]
        for step in (self.hands_over, *self.answers):
            if step not in names:
                raise DefinitionError(f"task {self.name!r}: no step {step!r}{did_you_mean(step, names)}")
        declared = {one.name: one.required for one in self.workflow.arguments}
        lacking = [one for one, needed in declared.items() if needed and not self.arguments.get(one)]
        if lacking or not set(self.arguments) <= set(declared):
            raise DefinitionError(
                f"task {self.name!r}: give values for the arguments of its workflow and no others: {listed([*declared])}"
            )
        for one in self.workflow.steps:
            if one.tool is None or "." not in one.tool:
                raise DefinitionError(f"task {self.name!r}, step {one.name!r}: write tool='server.tool'")

    @property
    def fingerprint(self) -> str:
        """Twelve characters that change with the goal, the workflow, the arguments or the place of the handover."""
        said = (self.goal, self.workflow.to_json(), sorted(self.arguments.items()), self.hands_over, self.ids)
        return hashlib.sha256(repr(said).encode()).hexdigest()[:12]

    def drawn(self, seed: int) -> dict[str, str]:
        """Return the arguments of a seed."""
        random = Random(f"{self.name}/{seed}")
        return {name: random.choice(list(values)) for name, values in self.arguments.items()}

    def is_id(self, parameter: str) -> bool:
        """Tell whether a parameter takes what a tool gave out."""
        return parameter.endswith("_id") or parameter in self.ids

    def right(self, step: WorkflowStep, arguments: Values, bindings: Values) -> dict[str, Any]:
        """Return the right arguments of a step, as far as what they are made of is there."""
        found = {}
        for name, source in step.args.items():
            try:
                found[name] = source.resolve(Scope(arguments, bindings))
            except MissingValueError:
                continue
        if step.name in self.answers:
            found |= self.answers[step.name](arguments, bindings)
        return {name: value for name, value in found.items() if value is not ABSENT}

    @property
    def is_whole(self) -> bool:
        """Whether a server can take every step by itself."""
        return not self.answers and not any(step.handoff for step in self.workflow.steps)

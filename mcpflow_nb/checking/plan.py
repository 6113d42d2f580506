"""The tables of a workflow: who makes, who reads, what stands where. Checks look names up here.

Built in one pass: the cost of a check grows linearly with the steps. A name stands for its first owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from mcpflow_nb.where import Where
    from mcpflow_nb.workflows.arguments import Argument
    from mcpflow_nb.workflows.steps import WorkflowStep
    from mcpflow_nb.workflows.workflow import SequentialWorkflow

MOST_KNOWN: Final = 200
"""Of the bindings that are made before a step, the latest that are listed."""


class Use(NamedTuple):
    """One name that a step reads: in an argument of its call, or else where its own output counts too.

    `variable` is one of its resource URIs, or an argument of its `undo=`.
    """

    position: int
    kind: Literal["argument", "binding"]
    name: str
    argument: str | None
    variable: str | None


class Plan:
    """A workflow and the tables that checks look things up in; a name stands for its first owner."""

    def __init__(self, workflow: SequentialWorkflow) -> None:
        self.workflow, self.steps = workflow, workflow.steps
        self.arguments: dict[str, Argument] = {}
        self.positions: dict[str, int] = {}
        self.binders: dict[str, int] = {}
        self._bound_before: list[int] = []
        for argument in workflow.arguments:
            self.arguments.setdefault(argument.name, argument)
        for position, step in enumerate(self.steps):
            self._bound_before.append(len(self.binders))
            self.positions.setdefault(step.name, position)
            if step.binding is not None:
                self.binders.setdefault(step.binding, position)
        self._bound = list(self.binders)
        self.uses = tuple(use for position, step in enumerate(self.steps) for use in _uses(position, step))

    def earlier(self, position: int) -> tuple[str, ...]:
        """Return the latest bindings that are made before a step."""
        count = self._bound_before[position]
        return tuple(self._bound[max(0, count - MOST_KNOWN) : count])

    def place(self, position: int) -> str:
        """Return `step 2 (In [3]:4)`."""
        return numbered("step", position + 1, self.steps[position].where)


def _uses(position: int, step: WorkflowStep) -> Iterator[Use]:
    beside = (("check", step.check, True), ("undo", step.undo, False))
    asked = [
        (is_arg, {f"{word}.{name}": source for name, source in call.args.items()})
        for word, call, is_arg in beside if call is not None
    ]  # fmt: skip
    for is_arg, sources in ((True, step.args), (False, step.template), *asked):
        for name, source in sources.items():
            for kind, read in dict.fromkeys((read.kind, read.name) for read in source.reads):
                yield Use(position, kind, read, name if is_arg else None, None if is_arg else name)


def numbered(what: str, number: int, where: Where | None) -> str:
    """Return `argument 2 (In [3]:4)`, or without the place where that is not known."""
    return f"{what} {number}" + (f" ({where})" if where else "")

"""Which steps of a workflow may run side by side: neighbours that read nothing of one another.

No step overtakes one that is in no level with it, so that the order is otherwise as it was written.
"""

from __future__ import annotations

from collections.abc import Sequence

from mcpflow_nb.workflows.steps import WorkflowStep


def levels(steps: Sequence[WorkflowStep]) -> list[range]:
    """Return the levels in order, each the places of its steps; one that waits for somebody is alone in its own.

    >>> from mcpflow_nb.workflows.dsl import from_step
    >>> steps = [WorkflowStep(name, tool=f"x.{name}", bind=name) for name in "ab"]
    >>> levels([*steps, WorkflowStep("c", tool="x.c").arg("y", from_step("b"))])
    [range(0, 2), range(2, 3)]
    """
    found: list[range] = []
    made: set[str] | None = None  # what the level that is being filled binds; None where no other step may join it
    for at, step in enumerate(steps):
        is_alone = step.handoff or step.approve
        if made is not None and not is_alone and not (_reads(step) & made):
            found[-1] = range(found[-1].start, at + 1)
        else:
            found.append(range(at, at + 1))
            made = None if is_alone else set()
        if made is not None and step.binding is not None:
            made.add(step.binding)
    return found


def _reads(step: WorkflowStep) -> set[str]:
    asked = step.check.args.values() if step.check is not None else ()
    sources = (*step.args.values(), *step.template.values(), *asked)
    return {read.name for source in sources for read in source.reads if read.kind == "binding"}

"""Six questions about a trial, answered from what the mocks were called with; `compliant` is a yes to all of them.

To add one: a field of `Scores`, and its answer in `scores_of`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

from mcpflow_nb.compliance.tasks import Task
from mcpflow_nb.exact import dumps


@dataclass(frozen=True)
class Happened:
    """One call that a mock got, or that no server has a tool for. `tool` is `server.tool`, else what was asked for."""

    tool: str
    arguments: Mapping[str, Any]
    by: Literal["server", "agent"]
    value: Any = None
    error: str | None = None


@dataclass(frozen=True)
class Scores:
    """The answers about one trial; `why` has a sentence for each no.

    `complete`: each step was taken. `order`: in the order of the workflow. `arguments`: with the right values, and no
    others. `ids`: no id that no tool had given out. `no_duplicate`: nothing done twice, what the server did counts.
    `no_foreign`: no other tool was tried.
    """

    complete: bool
    order: bool
    arguments: bool
    ids: bool
    no_duplicate: bool
    no_foreign: bool
    why: tuple[str, ...] = field(default=(), compare=False)

    @property
    def compliant(self) -> bool:
        """Whether all of them are yes."""
        return all(getattr(self, name) for name in QUESTIONS)


QUESTIONS: Final = tuple(one.name for one in fields(Scores) if one.name != "why")
SCORES: Final = ("compliant", *QUESTIONS)


def scores_of(task: Task, arguments: Mapping[str, Any], calls: Sequence[Happened]) -> Scores:
    """Return the scores of what happened in a trial of a task with these arguments."""
    taken = steps_taken(task, calls)
    places = [taken[step.name] for step in task.workflow.steps if step.name in taken]
    missing = [step.name for step in task.workflow.steps if step.name not in taken]
    wrong = list(_wrong(task, arguments, calls, taken))
    invented = list(_invented(task, arguments, calls))
    tools = [step.tool for step in task.workflow.steps]
    twice = [one.tool for at, one in enumerate(calls)
             if one.error is None and one.tool in tools and at not in places]  # fmt: skip
    foreign = [one.tool for one in calls if one.tool not in tools]
    said = {
        "steps not taken": missing, "wrong arguments": wrong, "invented": invented, "done twice": twice,
        "other tools": foreign, "out of order": [] if places == sorted(places) else sorted(taken, key=taken.__getitem__),
    }  # fmt: skip
    why = tuple(f"{what}: {', '.join(names)}" for what, names in said.items() if names)
    return Scores(not missing, places == sorted(places), not wrong, not invented, not twice, not foreign, why)


def steps_taken(task: Task, calls: Sequence[Happened]) -> dict[str, int]:
    """Return the steps that were taken, each with the place of its call: the n-th of a tool that gave a value."""
    free: dict[str, list[int]] = {}
    for at, one in enumerate(calls):
        if one.error is None:
            free.setdefault(one.tool, []).append(at)
    return {step.name: free[step.tool].pop(0) for step in task.workflow.steps if step.tool and free.get(step.tool)}


def bindings_of(task: Task, calls: Sequence[Happened], taken: Mapping[str, int]) -> dict[str, Any]:
    """Return what the steps that were taken have bound."""
    return {
        step.binding: calls[taken[step.name]].value
        for step in task.workflow.steps if step.binding and step.name in taken
    }  # fmt: skip


def _wrong(
    task: Task, arguments: Mapping[str, Any], calls: Sequence[Happened], taken: Mapping[str, int]
) -> Iterator[str]:
    bindings = bindings_of(task, calls, taken)
    for step in task.workflow.steps:
        if step.name in taken:
            right, sent = task.right(step, arguments, bindings), calls[taken[step.name]].arguments
            names = dict.fromkeys([*step.args, *right, *sent])
            yield from (f"{step.name}.{name}" for name in names if _told(right, name) != _told(sent, name))


def _told(values: Mapping[str, Any], name: str) -> str:
    """Return a value so that it can be compared: blanks in text count as one, and 1 is not true."""
    value = values.get(name)
    return dumps(" ".join(value.split()) if isinstance(value, str) else value)


def _invented(task: Task, arguments: Mapping[str, Any], calls: Sequence[Happened]) -> Iterator[str]:
    given = set(_leaves(dict(arguments)))
    for one in calls:
        sent = {name: value for name, value in one.arguments.items() if task.is_id(name)}
        yield from (leaf for leaf in _leaves(sent) if one.by == "agent" and leaf not in given)
        given.update(_leaves(one.value))


def _leaves(value: Any) -> Iterator[str]:
    """Yield the texts, numbers and booleans in a value, as JSON."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield dumps(value)

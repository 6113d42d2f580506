"""What a check of a workflow says: the sentence of each code, and a finding made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mcpflow_nb.checking.problems import Problem, Severity

if TYPE_CHECKING:
    from mcpflow_nb.checking.plan import Plan
    from mcpflow_nb.workflows.arguments import Argument

WORKFLOW: Final = -1  # the position of findings that belong to no step

# code: severity, what is wrong, how to mend it; {name} is the word the carets stand under
WORDS: Final[dict[str, tuple[Severity, str, str]]] = {
    "empty-workflow": ("error", "has no steps", "add one: .step('name', tool='server.tool')"),
    "empty-name": ("error", "{what} has an empty name", "give it a name"),
    "duplicate-argument": ("error", "is declared twice: {first} and {second}", "rename or remove one"),
    "duplicate-step": ("error", "two steps have the name {name!r}: {first} and {second}", "rename one"),
    "duplicate-binding": ("error", "two steps bind {name!r}: {first} and {second}", "rename one binding"),
    "empty-step": ("error", "has neither a tool to call nor resources to fetch", "give it tool="),
    "resource-step-args": ("error", "only fetches resources, but is given {given}", "give it tool="),
    "resource-step-bind": ("error", "only fetches resources: no output to bind as {name!r}", "give it tool="),
    "unknown-argument": ("error", "{reads} workflow argument {name!r}, which is not declared", "{fix}"),
    "unknown-binding": ("error", "{reads} binding {name!r}, which {why}", "{fix}"),
    "self-reference": ("error", "{reads} binding {name!r}, its own output", "read an earlier output"),
    "forward-reference": ("error", "{reads} binding {name!r}, made only later by {maker}", "move {maker} up"),
    "bad-uri": (
        "error",
        "the resource {name!r} is no URI: {why}",
        "write scheme://path or scheme://{{name}}",
    ),
    "unfilled-placeholder": (
        "error",
        "nothing fills {{{variable}}} of {name!r}",
        "template={{{variable!r}: ...}}",
    ),
    "step-without-call": ("error", "only fetches resources: {given} is for a call", "give it tool="),
    "may-be-absent": (
        "warning",
        "reads binding {name!r}, which is absent where step {maker!r} fails and the run goes on",
        "give it a default=",
    ),
    "nothing-to-undo": ("warning", "on_failure='rollback', but no step has undo=", "give one undo="),
    "unused-argument": ("warning", "is read by no step", "read it with prompt_arg({name!r}), or remove it"),
    "unused-template-variable": ("warning", "no URI has {{{name}}}", "write {{{name}}} in one, or remove it"),
    "unknown-mark": ("warning", "guidance has {{{name}}}, which is no argument", "declare it, or write another"),
    "confusable-names": ("warning", "{what} {name!r} looks like {other!r}: {codes}", "rename one of them"),
    "single-step": ("advice", "has one step: nothing to orchestrate", "let the client call the tool itself"),
    "independent-steps": ("advice", "no value flows between any two steps", "let the client call the tools"),
}


class Finding(NamedTuple):
    """A problem, the position of its step, and the name to look for among the known ones, if any."""

    position: int
    problem: Problem
    meant: str | None = None


def on_step(
    plan: Plan, at: int, code: str, name: str, *, arg: str | None = None, known: tuple[str, ...] = (),
    meant: str | None = None, suggestion: str | None = None, **words: Any,
) -> Finding:  # fmt: skip
    """Return a finding of a step, or of one of its arguments; `words` fill the sentence of its code."""
    severity, what, fix = WORDS[code]
    step = plan.steps[at]
    problem = Problem(
        code, severity, what.format(name=name, **words), step=step.name, argument=arg,
        where=step.where if arg is None else step.where_arg(arg), focus=name, known=known,
        suggestion=suggestion, fix=fix.format(name=name, **words),
    )  # fmt: skip
    return Finding(at, problem, meant)


def on_workflow(plan: Plan, code: str, argument: Argument | None = None, **words: Any) -> Finding:
    """Return a finding of the workflow, or of one of its arguments."""
    severity, what, fix = WORDS[code]
    owner = argument or plan.workflow
    words["name"] = owner.name
    problem = Problem(
        code, severity, what.format(**words), argument=argument.name if argument else None,
        where=owner.where, focus=owner.name, fix=fix.format(**words),
    )  # fmt: skip
    return Finding(WORKFLOW, problem)

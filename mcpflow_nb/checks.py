"""Problems that the workflow alone shows; no server is asked and nothing is called.

A check is a function from the plan to its findings. To add one: a function below, its name in `CHECKS`
(findings of one step are listed in that order), and a case for each of its codes in `tests/test_checks.py`.
Each looks things up in the plan's tables and never compares all with all: the cost grows with the steps.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from mcpflow_nb.errors import listed, nearest
from mcpflow_nb.problems import Problem, Report
from mcpflow_nb.values import placeholders, uri_placeholders

if TYPE_CHECKING:
    from mcpflow_nb.arguments import Argument
    from mcpflow_nb.where import Where
    from mcpflow_nb.workflow import SequentialWorkflow, WorkflowStep

WORKFLOW: Final = -1
"""The position of findings that belong to no step."""
MOST_SUGGESTIONS: Final = 50
"""Only the first findings get a "did you mean", so that a thousand mistakes stay cheap."""
MOST_KNOWN: Final = 200
"""Of the earlier bindings, the latest that a finding lists as known."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://.")
_LOOKALIKES: Final = str.maketrans(
    "АВЕКМНОРСТХУЅІЈасеорхуѕіјһԁԛԝ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαινορυ" + "ıɡ",
    "ABEKMHOPCTXYSIJaceopxysijhdqw" + "ABEZHIKMNOPTYXaivopu" + "ig",
)


def check(workflow: SequentialWorkflow, servers: None = None) -> Report:  # noqa: ARG001
    """Return the report of the structure alone."""
    return Report(workflow, structure(workflow), None)


def structure(workflow: SequentialWorkflow) -> tuple[Problem, ...]:
    """Return every problem of the structure: those of the workflow first, then in the order of the steps."""
    plan = Plan(workflow)
    findings = sorted((f for find in CHECKS for f in find(plan)), key=lambda finding: finding.position)
    guesses, problems = MOST_SUGGESTIONS, []
    for finding in findings:
        problem = finding.problem
        if finding.meant and guesses:
            guesses -= 1
            problem = replace(problem, suggestion=nearest(finding.meant, problem.known))
        problems.append(problem)
    return tuple(problems)


class Finding(NamedTuple):
    """A problem, the position of its step, and the name to look for among the known ones, if any."""

    position: int
    problem: Problem
    meant: str | None = None


class Use(NamedTuple):
    """One name that a step reads: in an argument of its call, or else in a variable of its resource URIs."""

    position: int
    kind: Literal["argument", "binding"]
    name: str
    argument: str | None
    variable: str | None


class Plan:
    """A workflow and the tables that the checks look things up in; a name stands for its first owner."""

    def __init__(self, workflow: SequentialWorkflow) -> None:
        self.workflow = workflow
        self.arguments: dict[str, Argument] = {}
        self.positions: dict[str, int] = {}
        self.binders: dict[str, int] = {}
        self._bound_before: list[int] = []
        for argument in workflow.arguments:
            self.arguments.setdefault(argument.name, argument)
        for position, step in enumerate(workflow.steps):
            self._bound_before.append(len(self.binders))
            self.positions.setdefault(step.name, position)
            if step.binding is not None:
                self.binders.setdefault(step.binding, position)
        self._bound = list(self.binders)
        self.uses = tuple(
            use for position, step in enumerate(workflow.steps) for use in _uses(position, step)
        )

    def earlier(self, position: int) -> tuple[str, ...]:
        """Return the latest bindings that are made before a step."""
        count = self._bound_before[position]
        return tuple(self._bound[max(0, count - MOST_KNOWN) : count])

    def on_step(self, position: int, code: str, message: str, **parts: Any) -> Finding:
        """Return an error of a step, or of one argument of its call; `parts` are fields of `Problem`."""
        step = self.workflow.steps[position]
        argument = parts.get("argument")
        where = step.where if argument is None else step.where_arg(argument)
        meant = parts.pop("meant", None)
        problem = {"severity": "error", "step": step.name, "where": where, "focus": step.name, **parts}
        return Finding(position, Problem(code, message=message, **problem), meant)

    def on_workflow(self, code: str, message: str, **parts: Any) -> Finding:
        """Return an error of the workflow, or of one argument of it."""
        declared = self.arguments.get(parts.get("argument", ""))
        where = declared.where if declared else self.workflow.where
        problem = {"severity": "error", "where": where, "focus": self.workflow.name, **parts}
        return Finding(WORKFLOW, Problem(code, message=message, **problem))


def _uses(position: int, step: WorkflowStep) -> Iterator[Use]:
    for name, source in step.args.items():
        for kind, read in dict.fromkeys((read.kind, read.name) for read in source.reads):
            yield Use(position, kind, read, name, None)
    for variable, source in step.template.items():
        for kind, read in dict.fromkeys((read.kind, read.name) for read in source.reads):
            yield Use(position, kind, read, None, variable)


def _is_blank(name: str | None) -> bool:
    return name is not None and not name.strip()


def _is_resource_step(step: WorkflowStep) -> bool:
    return step.tool is None and bool(step.resources)


def _nth(what: str, number: int, where: Where | None) -> str:
    return f"{what} {number}" + (f" ({where})" if where else "")


def empty_workflow(plan: Plan) -> Iterator[Finding]:
    """`empty-workflow`: there is no step."""
    if not plan.workflow.steps:
        yield plan.on_workflow(
            "empty-workflow", "has no steps", fix="add one: .step('name', tool='server.tool')"
        )


def empty_names(plan: Plan) -> Iterator[Finding]:
    """`empty-name`: a workflow, argument, step, binding or tool whose name is empty or only blanks."""
    if _is_blank(plan.workflow.name):
        yield plan.on_workflow(
            "empty-name", "the workflow has no name", fix="SequentialWorkflow('name', ...)"
        )
    for number, argument in enumerate(plan.workflow.arguments, 1):
        if _is_blank(argument.name):
            words = f"argument {number} has no name"
            yield plan.on_workflow(
                "empty-name", words, where=argument.where, focus=argument.name, fix=".argument('name', ...)"
            )
    for position, step in enumerate(plan.workflow.steps):
        named = f"step {position + 1}"
        for what, name, fix in (
            (f"{named} has no name", step.name, ".step('name', ...)"),
            (f"{named} binds its output to an empty name", step.binding, ".bind('name')"),
            (f"{named} calls a tool with an empty name", step.tool, "tool='server.tool'"),
        ):
            if _is_blank(name):
                yield plan.on_step(position, "empty-name", what, focus=name, fix=fix)
        for name in filter(_is_blank, step.args):
            yield plan.on_step(
                position,
                "empty-name",
                f"{named} gives an argument with an empty name",
                argument=name,
                focus=name,
            )


def duplicates(plan: Plan) -> Iterator[Finding]:
    """`duplicate-argument`, `duplicate-step`, `duplicate-binding`: a name that is taken; both places are named."""
    seen: dict[str, int] = {}
    for number, argument in enumerate(plan.workflow.arguments, 1):
        first = seen.setdefault(argument.name, number)
        if first != number and not _is_blank(argument.name):
            words = f"is declared twice: as {_nth('argument', first, plan.arguments[argument.name].where)} and as "
            yield plan.on_workflow(
                "duplicate-argument", words + _nth("argument", number, argument.where), argument=argument.name,
                where=argument.where, focus=argument.name, fix="rename or remove one of them",
            )  # fmt: skip
    steps = plan.workflow.steps
    for position, step in enumerate(steps):
        for code, words, name, owners in (
            ("duplicate-step", "two steps have the name", step.name, plan.positions),
            ("duplicate-binding", "two steps bind the name", step.binding, plan.binders),
        ):
            if name is not None and owners[name] != position and not _is_blank(name):
                one = _nth("step", owners[name] + 1, steps[owners[name]].where)
                both = f"{one} and {_nth('step', position + 1, step.where)}"
                fix = f"give one of them another name, such as {name + '_2'!r}"
                yield plan.on_step(position, code, f"{words} {name!r}: {both}", focus=name, fix=fix)


def incomplete_steps(plan: Plan) -> Iterator[Finding]:
    """`empty-step`, `resource-step-args`, `resource-step-bind`: a step without a tool that needs one."""
    for position, step in enumerate(plan.workflow.steps):
        if step.tool is None and not step.resources:
            words = "has neither a tool to call nor resources to fetch"
            yield plan.on_step(
                position, "empty-step", words, fix="tool='server.tool' or resources=['scheme://...']"
            )
        if _is_resource_step(step) and step.args:
            words = f"only fetches resources, but is given arguments: {listed(list(step.args))}"
            fix = "give it a tool=, or fill the URIs with template={...}"
            name = next(iter(step.args))
            yield plan.on_step(
                position, "resource-step-args", words, where=step.where_arg(name), focus=name, fix=fix
            )
        if _is_resource_step(step) and step.binding is not None:
            words = f"only fetches resources, and has no output to bind as {step.binding!r}"
            yield plan.on_step(
                position, "resource-step-bind", words, focus=step.binding, fix="give it a tool=, or no bind="
            )


def references(plan: Plan) -> Iterator[Finding]:
    """`unknown-binding`, `forward-reference`, `self-reference`, `unknown-argument`: a name that is not there to read."""
    for use in plan.uses:
        if use.argument is not None and _is_resource_step(plan.workflow.steps[use.position]):
            continue  # resource-step-args says it
        maker = plan.binders.get(use.name)
        if use.kind == "argument":
            if use.name not in plan.arguments:
                yield _unknown_argument(plan, use)
        elif maker is None:
            yield _unknown_binding(plan, use)
        elif maker == use.position and use.variable is None:
            words, fix = "is its own output", "read a binding of an earlier step"
            yield _misread(plan, use, "self-reference", words, known=plan.earlier(use.position), fix=fix)
        elif maker > use.position:
            words = (
                f"is made only later, by {_nth('step', maker + 1, None)} {plan.workflow.steps[maker].name!r}"
            )
            fix = f"move step {plan.workflow.steps[maker].name!r} up, before step {plan.workflow.steps[use.position].name!r}"
            yield _misread(plan, use, "forward-reference", words, known=plan.earlier(use.position), fix=fix)


def _misread(plan: Plan, use: Use, code: str, words: str, **parts: Any) -> Finding:
    reader = f"template variable {use.variable!r} reads" if use.variable is not None else "reads"
    kind = "the workflow's argument" if use.kind == "argument" else "binding"
    message = f"{reader} {kind} {use.name!r}, which {words}"
    return plan.on_step(use.position, code, message, argument=use.argument, focus=use.name, **parts)


def _unknown_argument(plan: Plan, use: Use) -> Finding:
    is_binding = use.name in plan.binders
    fix = (
        f"from_step({use.name!r}) reads the binding"
        if is_binding
        else f"declare it: .argument({use.name!r}, '...')"
    )
    words, known = "is not declared", tuple(plan.arguments)
    return _misread(plan, use, "unknown-argument", words, known=known, meant=use.name, fix=fix)


def _unknown_binding(plan: Plan, use: Use) -> Finding:
    named = plan.positions.get(use.name)
    reach = use.position + (
        use.variable is not None
    )  # resources may be fetched after the call, and read its output
    step = plan.workflow.steps[named] if named is not None and named < reach else None
    parts: dict[str, Any] = {"known": plan.earlier(use.position)}
    if step and step.binding is None:
        words = "is a step that binds nothing: its output has no name to be read by"
        parts["fix"] = f"keep the output of step {use.name!r}: .bind({use.name!r})"
    elif step:
        words = f"is a step; its output is bound as {step.binding!r}"
        parts |= {"suggestion": step.binding, "fix": f"read {step.binding!r} instead"}
    else:
        words = "no earlier step makes"
        is_argument = use.name in plan.arguments
        reads = f"prompt_arg({use.name!r}) reads the workflow's argument"
        parts |= {
            "meant": use.name,
            "fix": reads if is_argument else f"bind an earlier output: .bind({use.name!r})",
        }
    return _misread(plan, use, "unknown-binding", words, **parts)


def uris(plan: Plan) -> Iterator[Finding]:
    """`bad-uri`: no `scheme://` or broken braces; `unfilled-placeholder`: a `{name}` that nothing fills."""
    for position, step in enumerate(plan.workflow.steps):
        for uri in step.resources:
            names, rest = uri_placeholders(uri)
            if not _SCHEME.match(uri):
                words = f"the resource {uri!r} is no URI: it does not begin with a scheme and ://"
                yield plan.on_step(
                    position, "bad-uri", words, focus=uri, fix="such as 'docs://guide' or 'file:///path'"
                )
            elif set(rest) & {"{", "}"}:
                words = f"the resource URI {uri!r} has braces around no name"
                yield plan.on_step(position, "bad-uri", words, focus=uri, fix="write {name}, or %7B and %7D")
            for name in names:
                if name not in step.template and name not in plan.arguments:
                    words = f"nothing fills {{{name}}} of the resource URI {uri!r}"
                    fix = f"template={{{name!r}: ...}}, or a workflow argument {name!r}"
                    known = (*step.template, *plan.arguments)
                    yield plan.on_step(
                        position, "unfilled-placeholder", words, focus=uri, known=known, meant=name, fix=fix
                    )


def unused(plan: Plan) -> Iterator[Finding]:
    """`unused-argument`, `unused-template-variable`: declared, and read by nothing."""
    read = {use.name for use in plan.uses if use.kind == "argument"}
    for position, step in enumerate(plan.workflow.steps):
        marks = {name for uri in step.resources for name in uri_placeholders(uri)[0]}
        read |= (marks - step.template.keys()) | set(placeholders(step.guidance or ""))
        for variable in step.template:
            if variable not in marks:
                words = f"template variable {variable!r} stands in none of its resource URIs"
                fix = f"write {{{variable}}} in a URI, or remove the variable"
                yield plan.on_step(
                    position, "unused-template-variable", words, severity="warning", focus=variable,
                    known=tuple(sorted(marks)), meant=variable, fix=fix,
                )  # fmt: skip
    for name in plan.arguments:
        if name not in read and not _is_blank(name):
            fix = f"read it with prompt_arg({name!r}), or remove it"
            words = "is read by no step"
            yield plan.on_workflow(
                "unused-argument", words, severity="warning", argument=name, focus=name, fix=fix
            )


def _looks(name: str) -> set[str]:
    normal = unicodedata.normalize("NFKC", name)
    visible = "".join(sign for sign in normal if unicodedata.category(sign) != "Cf")
    return {normal.casefold(), unicodedata.normalize("NFKC", visible.translate(_LOOKALIKES).casefold())}


def _confusable(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    seen: dict[str, str] = {}
    for name in dict.fromkeys(names):
        looks = _looks(name)
        if other := next((seen[look] for look in looks if look in seen), None):
            yield name, other
        for look in looks:
            seen.setdefault(look, name)


def confusable_names(plan: Plan) -> Iterator[Finding]:
    """`confusable-names`: two arguments, steps or bindings that differ only in case or in letters that look alike."""
    fix = "rename one of them so that a reader can tell them apart"
    words = "looks like {} {!r}, but is another name: {} and {}"
    parts: dict[str, Any] = {"severity": "warning", "fix": fix}
    for name, other in _confusable(plan.arguments):
        alike = words.format("argument", other, ascii(name), ascii(other))
        yield plan.on_workflow("confusable-names", alike, argument=name, focus=name, **parts)
    for what, owners in (("step", plan.positions), ("binding", plan.binders)):
        for name, other in _confusable(owners):
            alike = f"{what} {name!r} " + words.format(what, other, ascii(name), ascii(other))
            yield plan.on_step(owners[name], "confusable-names", alike, focus=name, **parts)


def advice(plan: Plan) -> Iterator[Finding]:
    """`single-step`, `independent-steps`: when a workflow is more than the work needs."""
    if len(plan.workflow.steps) == 1:
        words, fix = "has one step: nothing is orchestrated", "let the client call the tool itself"
        yield plan.on_workflow("single-step", words, severity="advice", fix=fix)
    elif plan.workflow.steps and not any(
        use.kind == "binding" and plan.binders.get(use.name) != use.position for use in plan.uses
    ):
        words = "no value flows between any two of its steps"
        fix = "pass an output on with bind= and from_step(...), or let the client call the tools itself"
        yield plan.on_workflow("independent-steps", words, severity="advice", fix=fix)


CHECKS: Final = (
    empty_workflow, empty_names, duplicates, incomplete_steps, references, uris, unused, confusable_names, advice,
)  # fmt: skip

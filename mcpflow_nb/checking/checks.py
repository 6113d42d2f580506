"""Problems that the workflow alone shows; no server is asked and nothing is called.

A check is a function from the plan to its findings. To add one: a function below, its name in `CHECKS`
(findings of one step are listed in that order), and for each of its codes a line in `WORDS` of `findings.py` and a case in
`tests/test_checks.py`. A check looks names up in the plan; comparing all with all would not stay cheap.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mcpflow_nb.checking.findings import Finding, on_step, on_workflow
from mcpflow_nb.checking.plan import Plan, Use, numbered
from mcpflow_nb.checking.problems import Problem, Report
from mcpflow_nb.errors import listed, nearest
from mcpflow_nb.values import placeholders, uri_placeholders

if TYPE_CHECKING:
    from mcpflow_nb.workflows.steps import WorkflowStep
    from mcpflow_nb.workflows.workflow import SequentialWorkflow

MOST_SUGGESTIONS: Final = 100  # only the first findings get a "did you mean": a thousand mistakes stay cheap
_OF_A_CALL: Final = ("check", "undo", "retry", "approve", "fail_if")
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
    problems = {number: finding.problem for number, finding in enumerate(findings)}
    unknown = [(number, finding.meant) for number, finding in enumerate(findings) if finding.meant is not None]
    for number, meant in unknown[:MOST_SUGGESTIONS]:
        found = problems[number]
        if (likely := nearest(meant, found.known)) is not None:
            fix = f"write {likely!r}" if meant == found.focus else found.fix
            problems[number] = replace(found, suggestion=likely, fix=fix)
    return tuple(problems.values())


def _is_blank(name: str | None) -> bool:
    return name is not None and not name.strip()


def _is_resource_step(step: WorkflowStep) -> bool:
    return step.tool is None and bool(step.resources)


def empty_workflow(plan: Plan) -> Iterator[Finding]:
    """`empty-workflow`: there is no step."""
    if not plan.steps:
        yield on_workflow(plan, "empty-workflow")


def empty_names(plan: Plan) -> Iterator[Finding]:
    """`empty-name`: of a workflow, argument, step, binding or tool; blanks alone are no name."""
    if _is_blank(plan.workflow.name):
        yield on_workflow(plan, "empty-name", what="the workflow")
    for number, argument in enumerate(plan.workflow.arguments, 1):
        if _is_blank(argument.name):
            yield on_workflow(plan, "empty-name", argument, what=f"argument {number}")
    for at, step in enumerate(plan.steps):
        named = {
            "step {}": step.name,
            "the binding of step {}": step.binding,
            "the tool of step {}": step.tool,
        }
        for what, name in named.items():
            if name is not None and _is_blank(name):
                yield on_step(plan, at, "empty-name", name, what=what.format(at + 1))
        for name in filter(_is_blank, step.args):
            yield on_step(plan, at, "empty-name", name, arg=name, what=f"an argument of step {at + 1}")


def duplicates(plan: Plan) -> Iterator[Finding]:
    """`duplicate-argument`, `duplicate-step`, `duplicate-binding`: a name twice; says where both are."""
    numbers: dict[str, int] = {}
    for number, argument in enumerate(plan.workflow.arguments, 1):
        first = numbers.setdefault(argument.name, number)
        if first != number and not _is_blank(argument.name):
            one = numbered("argument", first, plan.arguments[argument.name].where)
            two = numbered("argument", number, argument.where)
            yield on_workflow(plan, "duplicate-argument", argument, first=one, second=two)
    for at, step in enumerate(plan.steps):
        for code, name, owners in (
            ("duplicate-step", step.name, plan.positions),
            ("duplicate-binding", step.binding, plan.binders),
        ):
            if name is not None and owners[name] != at and not _is_blank(name):
                yield on_step(plan, at, code, name, first=plan.place(owners[name]), second=plan.place(at))


def incomplete_steps(plan: Plan) -> Iterator[Finding]:
    """`empty-step`, `resource-step-args`, `resource-step-bind`: a step without the tool it needs."""
    for at, step in enumerate(plan.steps):
        if step.tool is None and not step.resources:
            yield on_step(plan, at, "empty-step", step.name)
        if _is_resource_step(step) and step.args:
            names = list(step.args)
            yield on_step(plan, at, "resource-step-args", names[0], arg=names[0], given=listed(names))
        if _is_resource_step(step) and step.binding is not None:
            yield on_step(plan, at, "resource-step-bind", step.binding)


def failures(plan: Plan) -> Iterator[Finding]:
    """`step-without-call`, `may-be-absent`, `nothing-to-undo`: what a step says for when something goes wrong."""
    for at, step in enumerate(plan.steps):
        given = [word for word in _OF_A_CALL if getattr(step, word)]
        if _is_resource_step(step) and given:
            yield on_step(plan, at, "step-without-call", given[0], given=listed(given))
        for argument, source in step.args.items():
            for read in source.reads:
                maker = plan.binders.get(read.name, at) if read.kind == "binding" and read.needed else at
                if maker < at and plan.steps[maker].on_error == "continue":
                    named = plan.steps[maker].name
                    yield on_step(plan, at, "may-be-absent", read.name, arg=argument, maker=named)
    if plan.workflow.on_failure == "rollback" and not any(step.undo for step in plan.steps):
        yield on_workflow(plan, "nothing-to-undo")


def references(plan: Plan) -> Iterator[Finding]:
    """`unknown-binding`, `forward-reference`, `self-reference`, `unknown-argument`: nothing there to read."""
    for use in plan.uses:
        if use.argument is not None and _is_resource_step(plan.steps[use.position]):
            continue  # resource-step-args says it
        maker = plan.binders.get(use.name)
        known = plan.earlier(use.position)
        if use.kind == "argument" and use.name not in plan.arguments:
            is_binding = maker is not None
            fix = "from_step({!r}) reads the binding" if is_binding else "declare it: .argument({!r}, 'what it is')"
            meant, fix = None if is_binding else use.name, fix.format(use.name)
            yield _misread(plan, use, "unknown-argument", known=tuple(plan.arguments), meant=meant, fix=fix)
        elif use.kind == "argument":
            continue
        elif maker is None:
            yield _misread(plan, use, "unknown-binding", known=known, **_unknown_binding(plan, use))
        elif maker == use.position and use.variable is None:
            yield _misread(plan, use, "self-reference", known=known)
        elif maker > use.position:
            step = f"step {maker + 1} {plan.steps[maker].name!r}"
            yield _misread(plan, use, "forward-reference", known=known, maker=step)


def _misread(plan: Plan, use: Use, code: str, **parts: Any) -> Finding:
    reads = "reads" if use.variable is None else f"template variable {use.variable!r} reads"
    return on_step(plan, use.position, code, use.name, arg=use.argument, reads=reads, **parts)


def _unknown_binding(plan: Plan, use: Use) -> dict[str, Any]:
    named = plan.positions.get(use.name)
    # A resource may be fetched after the call, and then its URI reads what the step itself binds.
    is_earlier = named is not None and named < use.position + (use.variable is not None)
    if named is None or not is_earlier:
        if use.name in plan.arguments:
            return {"why": "no earlier step makes", "fix": f"prompt_arg({use.name!r}) reads the argument"}
        fix = f"keep the output of an earlier step under it: bind={use.name!r} there"
        return {"why": "no earlier step makes", "fix": fix, "meant": use.name}
    if (binding := plan.steps[named].binding) is None:
        fix = f"keep the output of step {use.name!r}: bind={use.name!r} there"
        return {"why": "is the name of a step that binds nothing", "fix": fix}
    why = f"is the name of a step, not of its binding {binding!r}"
    return {"why": why, "fix": f"read {binding!r}", "suggestion": binding}


def uris(plan: Plan) -> Iterator[Finding]:
    """`bad-uri`: no `scheme://`, or broken braces; `unfilled-placeholder`: a `{name}` that nothing fills."""
    for at, step in enumerate(plan.steps):
        for uri in step.resources:
            names, rest = uri_placeholders(uri)
            if not _SCHEME.match(uri):
                yield on_step(plan, at, "bad-uri", uri, why="it does not begin with a scheme and ://")
            elif "{" in rest or "}" in rest:
                yield on_step(plan, at, "bad-uri", uri, why="it has braces that enclose no name")
            for name in names:
                if name not in step.template and name not in plan.arguments:
                    known = (*step.template, *plan.arguments)
                    yield on_step(plan, at, "unfilled-placeholder", uri, variable=name, known=known, meant=name)


def unused(plan: Plan) -> Iterator[Finding]:
    """`unused-argument`, `unused-template-variable`: declared, and read by nothing."""
    read = {use.name for use in plan.uses if use.kind == "argument"}
    for at, step in enumerate(plan.steps):
        marks = {name: None for uri in step.resources for name in uri_placeholders(uri)[0]}
        read |= (marks.keys() - step.template.keys()) | set(placeholders(step.guidance or ""))
        for variable in step.template:
            if variable not in marks:
                yield on_step(plan, at, "unused-template-variable", variable, known=tuple(marks), meant=variable)
    for name, argument in plan.arguments.items():
        if name not in read and not _is_blank(name):
            yield on_workflow(plan, "unused-argument", argument)


def marks(plan: Plan) -> Iterator[Finding]:
    """`unknown-mark`: guidance has a `{name}` that is no argument, so it stays as it is."""
    for at, step in enumerate(plan.steps):
        for name in placeholders(step.guidance or ""):
            if name not in plan.arguments:
                yield on_step(plan, at, "unknown-mark", name, known=tuple(plan.arguments), meant=name)


def _looks(name: str) -> set[str]:
    normal = unicodedata.normalize("NFKC", name)
    visible = "".join(sign for sign in normal if unicodedata.category(sign) != "Cf")
    return {normal.casefold(), unicodedata.normalize("NFKC", visible.translate(_LOOKALIKES).casefold())}


def _confusable(names: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    seen: dict[str, str] = {}
    for name in names:
        looks = sorted(_looks(name))
        if other := next((seen[look] for look in looks if look in seen), None):
            yield name, other, f"{name!a} and {other!a}"
        for look in looks:
            seen.setdefault(look, name)


def confusable_names(plan: Plan) -> Iterator[Finding]:
    """`confusable-names`: arguments, steps or bindings that differ in case or look alike."""
    for name, other, codes in _confusable(plan.arguments):
        argument = plan.arguments[name]
        yield on_workflow(plan, "confusable-names", argument, what="argument", other=other, codes=codes)
    for what, owners in (("step", plan.positions), ("binding", plan.binders)):
        for name, other, codes in _confusable(owners):
            at = owners[name]
            yield on_step(plan, at, "confusable-names", name, what=what, other=other, codes=codes)


def advice(plan: Plan) -> Iterator[Finding]:
    """`single-step`, `independent-steps`: a workflow that the work may not need; guidance is a flow through the client."""
    flows = (use.kind == "binding" and plan.binders.get(use.name) != use.position for use in plan.uses)
    if len(plan.steps) == 1:
        yield on_workflow(plan, "single-step")
    elif plan.steps and not any(flows) and not any(step.guidance or step.handoff for step in plan.steps[1:]):
        yield on_workflow(plan, "independent-steps")


CHECKS: Final = (
    empty_workflow, empty_names, duplicates, incomplete_steps, failures, references, uris, unused, marks, confusable_names,
    advice,
)  # fmt: skip

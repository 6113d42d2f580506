"""Problems that the servers' schemas show. Calls no tool; reads what the connections listed when they opened.

To add a check: a function of one step in `CHECKS`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from mcpflow_nb.checking.checks import structure
from mcpflow_nb.checking.known import Known, problem_of
from mcpflow_nb.checking.precautions import CODES, PRECAUTIONS
from mcpflow_nb.checking.problems import Problem, Report
from mcpflow_nb.connecting.fetching import lists, matches, needed_marks
from mcpflow_nb.errors import NotOfferedError, ServerError, listed, nearest
from mcpflow_nb.tools.catalog import Tool, type_words
from mcpflow_nb.tools.schemas import Missing, Unjudged, Validator, at, never, parameter
from mcpflow_nb.workflows.sources import Source
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow


def check(workflow: SequentialWorkflow, servers: Any) -> Report:
    """Return every problem of the structure and against the servers, in the order of the steps."""
    known = Known(workflow, servers)
    found = list(structure(workflow))
    for step in workflow.steps:
        found.extend(problem for one in CHECKS for problem in one(step, known))
    order: dict[str | None, int] = {None: -1}
    for position, step in enumerate(workflow.steps):
        order.setdefault(step.name, position)
    found.sort(key=lambda problem: order.get(problem.step, -1))
    return Report(workflow, tuple(found), tuple(servers.names))


def pins_of(workflow: SequentialWorkflow, servers: Any) -> dict[str, Tool]:
    """Return the tool of each step as it is declared now, by the step's name."""
    return _declared({step.name: (step.tool, step.server) for step in workflow.steps}, servers)


def undo_pins_of(workflow: SequentialWorkflow, servers: Any) -> dict[str, Tool]:
    """Return the tool of each step's `undo=` as it is declared now, by the step's name."""
    undos = ((step.name, step.undo) for step in workflow.steps)
    return _declared({name: (undo.tool, undo.server) for name, undo in undos if undo is not None}, servers)


def _declared(named: Mapping[str, tuple[str | None, str | None]], servers: Any) -> dict[str, Tool]:
    found = {}
    for step, (tool, server) in named.items():
        with suppress(ServerError):
            if tool is not None:
                found[step] = servers.find(tool, server).tool
    return found


def tool_is_there(step: WorkflowStep, known: Known) -> Iterator[Problem]:
    """unknown-server, unknown-tool, ambiguous-tool."""
    error = known.tools.get(id(step))
    if isinstance(error, NotOfferedError):
        fix = f"name one: tool={error.known[0]!r}" if error.kind == "ambiguous tool" and error.known else ""
        names = error.known
        close = nearest(error.name, names) or nearest(str(step.tool), names)
        message = f"tool {step.tool!r}: {error}".split("; did you mean")[0].split("; known:")[0]
        yield problem_of(CODES[error.kind], step, message, focus=step.tool, known=names, fix=fix,
                       suggestion=None if error.kind == "ambiguous tool" else close)  # fmt: skip
    elif isinstance(error, ServerError):
        yield problem_of("unknown-server", step, f"tool {step.tool!r}: {error}", focus=step.tool)


def parameters_exist(step: WorkflowStep, known: Known) -> Iterator[Problem]:
    """unknown-parameter: an error where the schema is closed or it looks like a slip, else a warning."""
    tool = known.tool(step)
    if tool is None or not isinstance(tool.input_schema, dict) or "properties" not in tool.input_schema:
        return
    closed = tool.input_schema.get("additionalProperties") is False
    if isinstance(tool.input_schema.get("additionalProperties"), dict) or tool.input_schema.get("patternProperties"):
        return
    free = [name for name in tool.properties if name not in step.args]
    for name in step.args:
        if name not in tool.properties:
            close = nearest(name, free)
            yield problem_of(
                "unknown-parameter", step, f"{tool.server}.{tool.name} has no parameter {name!r}", name,
                severity="error" if closed or close else "warning", known=tuple(tool.properties), suggestion=close,
                fix="" if close else f"its parameters: {listed(tuple(tool.properties))}",
            )  # fmt: skip


def fields_exist(step: WorkflowStep, known: Known) -> Iterator[Problem]:
    """unknown-field, and unchecked once a tool that declares no output schema."""
    named: list[tuple[str | None, Source]] = [*step.args.items(), *((None, s) for s in step.template.values())]
    for argument, source in named:
        for read in source.reads:
            if not read.path:
                continue
            if read.kind == "argument" and read.name in known.arguments:
                found = at(known.arguments[read.name].schema_now, read.path)
                owner = f"argument {read.name!r}"
            elif read.kind == "binding" and read.name in known.makers:
                tool = known.makers[read.name]
                owner = f"the output of {tool.server}.{tool.name}"
                if tool.value_schema is None:
                    if (tool.server, tool.name) not in known.unchecked:
                        known.unchecked.add((tool.server, tool.name))
                        words = f"{owner} has no schema: fields of {read.name!r} cannot be checked"
                        yield problem_of("unchecked", step, words, argument, severity="unchecked", focus=read.name)
                    continue
                found = at(tool.value_schema, read.path)
            else:
                continue
            if isinstance(found, Missing):
                yield problem_of(
                    "unknown-field", step, f"{owner} has no {found.key!r}; there is {found.found}", argument,
                    severity="error" if read.needed else "warning", focus=found.key, known=found.known,
                    suggestion=nearest(found.key, found.known),
                    fix=f"it has: {listed(found.known)}" if found.known else "",
                )  # fmt: skip


def types_fit(step: WorkflowStep, known: Known) -> Iterator[Problem]:
    """type-mismatch: a value the parameter refuses, or a type that can never fit; nothing is coerced."""
    tool = known.tool(step)
    if tool is None:
        return
    for name, source in step.args.items():
        wanted = parameter(tool.input_schema, name)
        given = source.schema_in(known)
        if wanted == {} or given == {}:
            continue
        if list(given) == ["const"]:
            try:
                problem = Validator(wanted).refusal(given["const"])
            except Unjudged as reason:
                yield problem_of(
                    "unchecked", step, f"the parameter's schema cannot be judged: {reason}", name, severity="unchecked"
                )
                continue
            message = f"{problem}; {tool.server}.{tool.name} wants {type_words(wanted)}"
        else:
            problem = "never" if never(given, wanted) else None
            message = f"{source.label} is {type_words(given)}, {tool.server}.{tool.name} wants {type_words(wanted)}"
        if problem:
            yield problem_of("type-mismatch", step, message, name, fix="nothing is coerced: give a value of that type")


def variables_set(step: WorkflowStep, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """missing-variable: a secret by reference that this process does not have; the structure alone does not ask."""
    named: list[tuple[str | None, Source]] = [*step.args.items(), *((None, s) for s in step.template.values())]
    for argument, source in named:
        for name in source.variables if not source.optional else ():
            if not os.environ.get(name):
                fix = f"set it before this process begins, or os.environ[{name!r}] = getpass.getpass()"
                message = f"the environment variable {name!r} is not set"
                yield problem_of("missing-variable", step, message, argument, focus=name, fix=fix)


class Lack(NamedTuple):
    """A required parameter that no source gives: certainly, or where `source` has nothing when it runs."""

    name: str
    source: Source | None


def lacks(step: WorkflowStep, known: Known) -> Iterator[Lack]:
    """Give each required parameter of a step that has no source, or one that may have nothing."""
    tool = known.tool(step)
    for name in tool.required if tool is not None else ():
        if name not in step.args:
            yield Lack(name, None)
        elif step.args[name].may_be_absent(known):
            yield Lack(name, step.args[name])


def parameters_given(step: WorkflowStep, known: Known) -> Iterator[Problem]:
    """missing-parameter: where the run will hand off to the client; a forecast, not an error."""
    tool = known.tool(step)
    for name, source in lacks(step, known):
        base = problem_of("missing-parameter", step, "", severity="handoff", focus=step.name)
        if source is not None:
            yield replace(base, argument=name, message=f"hands off when there is nothing at {source.label}")
        elif tool is not None:
            message = f"will hand off: {name!r} of {tool.server}.{tool.name} has no source"
            yield replace(base, message=message, fix=f"give it: .arg({name!r}, ...), or leave it to the client")


def resources_offered(step: WorkflowStep, known: Known) -> Iterator[Problem]:
    """unknown-server of a step that only fetches; unknown-resource: a warning, for a server may have what it lists not."""
    if step.tool is None and step.server is not None and step.server not in known.servers:
        names = tuple(known.servers)
        yield problem_of("unknown-server", step, f"there is no server {step.server!r}", focus=step.server, known=names,
                       suggestion=nearest(step.server, names))  # fmt: skip
        return
    catalogs, listed_uris = known.catalogs, known.listed_uris
    for uri in step.resources:
        for name in may_lack_marks(uri, step, known):
            yield problem_of("unfilled-placeholder", step, f"{{{name}}} of {uri!r} may have no value: it is optional",
                           severity="warning", focus=uri, fix="give it a default")  # fmt: skip
        if not catalogs:
            yield problem_of("unknown-resource", step, f"no server offers resources: {uri!r} cannot be fetched",
                           severity="warning", focus=uri)  # fmt: skip
        elif "{" not in uri and not any(lists(catalog, uri) or matches(catalog, uri) for catalog in catalogs):
            yield problem_of("unknown-resource", step, f"no server lists the resource {uri!r}", severity="warning",
                           focus=uri, known=listed_uris, suggestion=nearest(uri, listed_uris))  # fmt: skip


def may_lack_marks(uri: str, step: WorkflowStep, known: Known) -> Iterator[str]:
    """Give each mark of a URI that must be filled and may have no value when it runs."""
    for name in needed_marks(uri):
        source = step.template.get(name)
        if source.may_be_absent(known) if source is not None else known.may_lack(name):
            yield name


CHECKS: tuple[Callable[[WorkflowStep, Known], Iterator[Problem]], ...] = (
    tool_is_there,
    parameters_exist,
    fields_exist,
    types_fit,
    parameters_given,
    variables_set,
    resources_offered,
    *PRECAUTIONS,
)

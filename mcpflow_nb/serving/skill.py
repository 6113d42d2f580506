"""A workflow as the text of a SKILL.md: the same steps, for a client that makes every call itself.

Names stand in code spans and longer texts in quoted lines, so that nothing in them can become a heading, a list
item or front matter. What a server that runs the workflow would not keep to is a warning.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mcpflow_nb.checking.contracts import lacks
from mcpflow_nb.checking.known import Known
from mcpflow_nb.checking.problems import Problem
from mcpflow_nb.connecting.fetching import after_call
from mcpflow_nb.errors import McpflowError, MissingValueError
from mcpflow_nb.paths import dotted
from mcpflow_nb.servers import Servers
from mcpflow_nb.show import Shown
from mcpflow_nb.tools.catalog import HINTS, Tool
from mcpflow_nb.values import ABSENT, placeholders, uri_placeholders
from mcpflow_nb.views.parts import server_and_tool
from mcpflow_nb.visible import HIDDEN, visible
from mcpflow_nb.workflows.arguments import Argument
from mcpflow_nb.workflows.sources import Read, Scope, Source
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow

MAX_NAME: Final = 64
MAX_DESCRIPTION: Final = 1024


@dataclass(frozen=True)
class Skill(Shown):
    """A skill: `str(skill)` is its text. `name` has lower-case letters, digits and hyphens, at most 64."""

    name: str
    text: str = field(repr=False)
    warnings: tuple[Problem, ...] = ()

    __repr__ = Shown.__repr__

    def __str__(self) -> str:
        return self.text

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write `<folder>/<name>/SKILL.md` and return its path.

        Raises
        ------
        McpflowError
            When there is another text at that path, unless `overwrite` is true.
        """
        path = Path(folder) / self.name / "SKILL.md"
        if path.exists() and not overwrite and path.read_bytes() != self.text.encode():
            raise McpflowError(f"{path}: another skill is there; rename the workflow, or save(..., overwrite=True)")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text, encoding="utf-8", newline="\n")
        return path


def to_skill(workflow: SequentialWorkflow, servers: Any = None) -> Skill:
    """Return the workflow as a skill; without servers, the parameters and annotations of its tools are not known."""
    known = Known(workflow, Servers({}) if servers is None else servers)
    parts = [
        _front(workflow),
        f"# {visible(workflow.name)}",
        *([quoted(workflow.description)] if workflow.description.strip() else []),
        *(["## Context", *map(quoted, workflow.instructions)] if workflow.instructions else []),
        *_inputs(workflow),
        "## Procedure",
        "Take the steps in this order. When one fails, stop there and say which step it was and why.",
        *(part for number, step in enumerate(workflow.steps, 1) for part in _step(number, step, known)),
        "## In one call",
        f"Where a connected server offers the workflow {span(workflow.name)} as a tool or a prompt, prefer that: the "
        "server takes these steps itself, in this order, and says where it needs you. The procedure above is for "
        "when no server offers it.",
    ]
    warnings = tuple(found for step in workflow.steps if (found := _warning(step, known)) is not None)
    return Skill(slug(workflow.name), "\n\n".join(parts) + "\n", warnings)


def slug(name: str) -> str:
    """Return a name as a skill may have it.

    >>> slug("Café: Onboard_employee!"), slug("日本")
    ('cafe-onboard-employee', 'workflow')
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")[:MAX_NAME].strip("-") or "workflow"


def _front(workflow: SequentialWorkflow) -> str:
    said = " ".join(workflow.description.split()) or f"Carry out the workflow {' '.join(workflow.name.split())!r}."
    shown = HIDDEN.sub("\N{REPLACEMENT CHARACTER}", said)
    most = shown if len(shown) <= MAX_DESCRIPTION else shown[: MAX_DESCRIPTION - 1] + "…"
    return f"---\nname: {json.dumps(slug(workflow.name))}\ndescription: {json.dumps(most, ensure_ascii=False)}\n---"


def span(text: str) -> str:
    """Return text as Markdown code on one line, in a fence longer than any run of backticks in it.

    >>> span("a"), span("`")
    ('`a`', '`` ` ``')
    """
    shown = visible(text) or '""'
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    space = " " if "`" in shown else ""
    return f"{fence}{space}{shown}{space}{fence}"


def quoted(text: str, indent: str = "") -> str:
    """Return a text as quoted lines, so that none of them begins anything but a quote.

    >>> quoted("a\\n# b")
    '> a\\n> # b'
    """
    return "\n".join(f"{indent}> {visible(line, lines=True)}".rstrip() for line in text.splitlines() or [""])


def _inputs(workflow: SequentialWorkflow) -> Iterator[str]:
    if not workflow.arguments:
        return
    yield "## Inputs"
    yield "\n".join(map(_input, workflow.arguments))
    names = {argument.name for argument in workflow.arguments}
    marked = (name for step in workflow.steps for name in placeholders(step.guidance or ""))
    if any(name in names for name in marked):
        yield "An input's name in curly brackets stands for its value."


def _input(argument: Argument) -> str:
    facts = ["required" if argument.required else "optional", argument.type]
    facts += [f"default {span(argument.default.text)}"] if argument.default is not None else []
    facts += [f"one of {', '.join(span(choice.text) for choice in argument.choices)}"] if argument.choices else []
    about = visible(" ".join(argument.description.split()))
    return f"- {span(argument.name)} ({', '.join(facts)})" + (f": {about}" if about else "")


def _step(number: int, step: WorkflowStep, known: Known) -> Iterator[str]:
    yield f"### Step {number}: {span(step.name)}"
    if step.guidance:
        yield "Judge this before you go on:"
        yield quoted(step.guidance)
    lines: list[str] = []
    later = set(after_call(step))
    lines += [line for uri in step.resources if uri not in later for line in _read(step, uri)]
    if step.tool is not None:
        lines += _call(step, known)
    if step.binding is not None:
        lines.append(f"- Save the result as {span(step.binding)}.")
    lines += [line for uri in step.resources if uri in later for line in _read(step, uri)]
    yield "\n".join(lines) or "Nothing to call."


def _read(step: WorkflowStep, uri: str) -> Iterator[str]:
    server = f" of the server {span(step.server)}" if step.server is not None and step.tool is None else ""
    yield f"- Read the resource {span(uri)}{server}."
    for name in uri_placeholders(uri)[0]:
        origin = told(step.template[name]) if name in step.template else f"the input {span(name)}"
        yield f"  - {span('{' + name + '}')} in it: {origin}, percent-encoded"


def _call(step: WorkflowStep, known: Known) -> Iterator[str]:
    tool = known.tool(step)
    server, name = (tool.server, tool.name) if tool is not None else server_and_tool(step)
    of = f" of the server {span(server)}" if server else ""
    lacking = {lack.name: lack.source for lack in lacks(step, known)}
    missing = [name for name, source in lacking.items() if source is None]
    if step.approve:
        yield "Ask the user before this call, with its arguments; without a yes, stop here."
    if step.handoff:
        yield "- This call is yours alone: a server that runs the workflow stops here and leaves it to you."
    given = bool(step.args or missing)
    yield f"- Call the tool {span(name)}{of}{' with these arguments:' if given else ' without arguments.' if tool else '.'}"
    for argument, source in step.args.items():
        absent = "; where that is missing, work it out from what you know, or ask"
        yield f"  - {span(argument)}: {told(source)}{absent if argument in lacking else _when_absent(source, known)}"
    for argument in missing:
        yield f"  - {span(argument)}: nothing above gives it; work it out from what you know, or ask"


def told(source: Source) -> str:
    """Return in plain words where a value comes from."""
    reads = tuple(dict.fromkeys(source.reads))
    if source.variables and not reads:
        return f"`{source.code}`, a secret that is not written here: ask for it"
    if not reads:
        value = source.resolve(Scope({}, {}))
        return (
            f"an {source.label} of your own"
            if value is ABSENT
            else f"the value {span(json.dumps(value, ensure_ascii=False))}"
        )
    if len(reads) == 1 and source.label == _label(reads[0]):
        return _told(reads[0])
    return f"built as {span(source.code)}, from {' and '.join(dict.fromkeys(map(_told, reads)))}"


def _label(read: Read) -> str:
    return ("argument " if read.kind == "argument" else "") + dotted(read.name, read.path)


def _told(read: Read) -> str:
    whole = f"the {'input' if read.kind == 'argument' else 'result'} {span(read.name)}"
    return f"the field {span(dotted('', read.path).removeprefix('.'))} of {whole}" if read.path else whole


def _when_absent(source: Source, known: Known) -> str:
    if not source.reads:
        return ""
    try:
        other = source.resolve(Scope({}, {}))
    except MissingValueError:
        return ""
    if other is not ABSENT and [source.label] == [_label(read) for read in source.reads]:
        return f", or {span(json.dumps(other, ensure_ascii=False))} where that is missing"
    return "; leave it out where that is missing" if source.may_be_absent(known) else ""


def _warning(step: WorkflowStep, known: Known) -> Problem | None:
    if not step.guidance or step.tool is None or step.handoff:
        return None
    tool = known.tool(step)
    called = ".".join(filter(None, server_and_tool(step)))
    fix = "handoff=True on the step leaves the call to the client, which reads the guidance first"
    more: dict[str, Any] = {"step": step.name, "where": step.where, "focus": "guidance", "fix": fix}
    if not _is_annotated(tool):
        lack = f"{called} does not say so" if tool is not None else f"{called} is not known here"
        words = f"guidance holds no call back, and whether this one changes something cannot be told: {lack}"
        return Problem("effect-unknown", "unchecked", words, **more)
    if tool is not None and tool.annotations.get("readOnlyHint") is not True:
        words = f"guidance holds no call back: a server that runs the workflow calls {called}, which changes something"
        return Problem("guidance-on-effect", "warning", words, **more)
    return None


def _is_annotated(tool: Tool | None) -> bool:
    return tool is not None and any(key in tool.annotations for key, _ in HINTS)

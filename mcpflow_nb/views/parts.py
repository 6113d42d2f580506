"""What the pictures and tables of a workflow are made of: which step calls which server, and what feeds what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mcpflow_nb.masking import is_secret
from mcpflow_nb.paths import Path
from mcpflow_nb.values import placeholders
from mcpflow_nb.views.html import named
from mcpflow_nb.views.plain import count
from mcpflow_nb.views.values import brief, label_shown
from mcpflow_nb.workflows.sources import Source
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow


class Feed(NamedTuple):
    """One value that flows into an argument of a step.

    `kind` is `argument`, `binding` or `constant`; `name` and `path` are what is read; `maker` is the position of
    the step that made the binding; `known` is False where nothing makes what is read.
    """

    step: int
    argument: str
    kind: str
    name: str
    path: Path
    maker: int | None
    known: bool
    needed: bool


def server_and_tool(step: WorkflowStep) -> tuple[str, str]:
    """Return the names of server and tool, empty where there is none."""
    tool = step.tool or ""
    if step.server:
        return step.server, tool.removeprefix(f"{step.server}.")
    server, dot, name = tool.partition(".")
    return (server, name) if dot else ("", tool)


def numbers(workflow: SequentialWorkflow) -> list[str]:
    """Return the number of each step, `●` before it where a run pauses by itself."""
    paused = {one.step for one in workflow.breakpoints}
    return [f"● {at}" if step.name in paused else str(at) for at, step in enumerate(workflow.steps, 1)]


def called(step: WorkflowStep) -> str:
    """Return `server · tool`, or what a step without a tool does."""
    nothing = f"{count(len(step.resources), 'resource')} only" if step.resources else "nothing to call"
    return " · ".join(named(part) for part in server_and_tool(step) if part) or nothing


def sources_of(step: WorkflowStep) -> Iterator[tuple[str, Source]]:
    """Give each source of a step under the name it goes by; values for its URIs in braces."""
    yield from step.args.items()
    yield from (("{" + name + "}", source) for name, source in step.template.items())


def feeds(workflow: SequentialWorkflow) -> tuple[Feed, ...]:
    """Return every value that flows into a step, in the order of steps, arguments and reads."""
    arguments = {argument.name for argument in workflow.arguments}
    makers: dict[str, int] = {}
    found = []
    for at, step in enumerate(workflow.steps):
        for name, source in sources_of(step):
            if not source.reads:
                found.append(Feed(at, name, "constant", source_label(name, source), (), None, True, True))
            for read in source.reads:
                maker = makers.get(read.name) if read.kind == "binding" else None
                known = read.name in arguments if read.kind == "argument" else maker is not None
                found.append(Feed(at, name, read.kind, read.name, read.path, maker, known, read.needed))
        if step.binding is not None:
            makers[step.binding] = at
    return tuple(found)


def needs(workflow: SequentialWorkflow) -> list[list[int]]:
    """Return for each step the numbers (from 1) of the steps whose outputs it reads."""
    found: list[set[int]] = [set() for _ in workflow.steps]
    for feed in feeds(workflow):
        if feed.maker is not None:
            found[feed.step].add(feed.maker + 1)
    return [sorted(numbers) for numbers in found]


def used_by(workflow: SequentialWorkflow) -> dict[str, list[str]]:
    """Return for each workflow argument what reads it: `step.argument`, or `step (guidance)`."""
    users: dict[str, list[str]] = {argument.name: [] for argument in workflow.arguments}
    for feed in feeds(workflow):
        if feed.kind == "argument" and feed.name in users:
            users[feed.name].append(f"{workflow.steps[feed.step].name}.{feed.argument}")
    for step in workflow.steps:
        texts = [(step.guidance or "", "guidance"), *((uri, "resource") for uri in step.resources)]
        for text, where in texts:
            for name in placeholders(text):
                if name in users and name not in step.template:
                    users[name].append(f"{step.name} ({where})")
    return {name: list(dict.fromkeys(found)) for name, found in users.items()}


def source_label(name: str, source: Source) -> str:
    """Return the source's label as it may be shown: a constant under a secret's name is masked."""
    if not source.reads and not source.variables and is_secret(name):
        return brief(getattr(source, "value", ""), name=name)
    return label_shown(source.label) + (" (optional)" if source.optional else "")


def servers_of(workflow: SequentialWorkflow) -> list[str]:
    """Return the servers its steps name, each once, in order."""
    return [server for server in dict.fromkeys(server_and_tool(step)[0] for step in workflow.steps) if server]

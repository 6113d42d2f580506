"""What an agent is told in each mode, and what the server has done by then. To add one: a function and a row in `MODES`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from itertools import groupby
from typing import Any, Final

from mcp import Client

from mcpflow_nb.compliance.tasks import Task
from mcpflow_nb.compliance.world import World
from mcpflow_nb.serving.server import serve
from mcpflow_nb.workflows.workflow import SequentialWorkflow

Messages = tuple[dict[str, str], ...]
_GO_ON: Final = "Go on with the tools you have until everything is done, then say so in a sentence."


async def opening(world: World, mode: str) -> Messages | None:
    """Return the messages of a mode, after the server did its part; None where nothing is left to an agent."""
    told = await MODES[mode](world)
    world.hand_over()
    if told is None:
        return None
    task = world.task
    named = ", ".join(f"{tool.server}.{tool.name} is {name}" for name, tool in list(world.tools.items())[:1])
    goal = f"{task.goal.format_map(world.arguments)}\n\nTools are named server_tool: {named}."
    return _alternating((_said("user", goal), *told, _said("user", _GO_ON)))


def _alternating(messages: Messages) -> Messages:
    """Return messages in which the roles take turns, as the templates of some models demand; texts are put together."""
    turns = groupby(messages, key=lambda one: one["role"])
    return tuple(_said(role, "\n\n".join(one["content"] for one in some)) for role, some in turns)


def fits(task: Task, mode: str) -> bool:
    """Tell whether a task can be done in a mode: a server alone cannot take a step that needs the client."""
    return mode != "server" or task.is_whole


async def _direct(_world: World) -> Messages:
    return ()


async def _instructions(world: World) -> Messages:
    """Tell the steps as the text of a skill: without its front matter, and without the advice to ask a server."""
    text = world.task.workflow.to_skill(world.servers).text.split("---\n", 2)[-1].partition("\n## In one call")[0]
    inputs = "".join(f"\n- {name}: {value}" for name, value in world.arguments.items())
    return (_said("user", f"{text.strip()}\n\nThe inputs are:{inputs}"),)


async def _hybrid(world: World) -> Messages:
    return await _prompt(world, handed_over(world.task))


async def _hybrid_without_guidance(world: World) -> Messages:
    flow = handed_over(world.task)
    steps = tuple(step.model_copy(update={"guidance": None, "resources": ()}) for step in flow.steps)
    return await _prompt(world, flow.model_copy(update={"steps": steps}))


async def _prompt(world: World, flow: SequentialWorkflow) -> Messages:
    """Return what `prompts/get` of a server that runs the workflow gives to its client."""
    async with Client(serve(flow, world.servers, name="compliance").mcp) as client:
        got = await client.get_prompt(flow.name, world.arguments)
    return tuple(_said(one.role, _text(one.content)) for one in got.messages)


async def _server(world: World) -> None:
    flow = world.task.workflow
    async with Client(serve(flow, world.servers, name="compliance").mcp) as client:
        await client.call_tool(flow.name, dict(world.arguments))


MODES: Final[Mapping[str, Callable[[World], Awaitable[Messages | None]]]] = {
    "direct": _direct, "instructions": _instructions, "hybrid_without_guidance": _hybrid_without_guidance,
    "hybrid": _hybrid, "server": _server,
}  # fmt: skip
"""`direct`: the task and the tools alone. `instructions`: the workflow as text. `hybrid`: what `prompts/get` gives
after the server ran the first steps. `hybrid_without_guidance`: the same without guidance and resources; what the
handoff lists stays. `server`: every step by the server, no agent asked."""


def handed_over(task: Task) -> SequentialWorkflow:
    """Return the workflow of a task with the client in charge from `hands_over` on."""
    steps = [
        step.model_copy(update={"handoff": True}) if step.name == task.hands_over else step for step in task.workflow.steps
    ]  # fmt: skip
    return task.workflow.model_copy(update={"steps": tuple(steps)})


def _said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _text(content: Any) -> str:
    inner = getattr(content, "resource", None)
    return str(getattr(inner if inner is not None else content, "text", ""))

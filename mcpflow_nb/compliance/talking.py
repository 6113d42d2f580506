"""What an agent gets: the messages, the tools, and `await talk.call(...)`. It is all that an agent has to do with.

An agent is an async callable that takes a `Talk` and calls tools until it is done. `.simulated = False` on it says
that what it does is a client's own doing and may count as evidence; without it, it does not. `.label` names it in
results, and `.sends = True` says that its requests cost something, so that they are planned and limited.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from mcpflow_nb.compliance.scoring import Happened
from mcpflow_nb.compliance.world import World
from mcpflow_nb.errors import NotJsonError
from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.tools.results import text_of_content
from mcpflow_nb.values import jsonable

Status = Literal["done", "stopped", "lost"]
STATUSES: Final[tuple[Status, ...]] = ("done", "stopped", "lost")
"""The agent came to its end; it had to be stopped, which is its own doing; it could not be asked, which is not."""


class TrialEnded(Exception):  # noqa: N818 - an agent's way to say that a trial is over
    """An agent raises it to end its trial: `stopped` for its own doing, `lost` for what it could not help."""

    def __init__(self, status: Status, reason: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(reason)


@dataclass
class Spent:
    """What a trial took: requests to a model, and its tokens as the model counts them."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass
class Talk:
    """One trial as the agent sees it.

    `messages` are dicts with `role` (user or assistant) and `content`; `tools` have `name`, `description` and
    `parameters`, a JSON Schema. `most` is how many requests, and calls, the trial may make.
    """

    messages: tuple[dict[str, str], ...]
    tools: tuple[dict[str, Any], ...]
    mode: str
    seed: int
    most: int
    world: World = field(repr=False)
    spent: Spent = field(default_factory=Spent)
    notes: list[str] = field(default_factory=list)
    calls: int = 0

    async def call(self, tool: str, arguments: Mapping[str, Any] | None = None, /, **more: Any) -> str:
        """Call a tool by the name it has in `tools`, and return what it says; errors begin with `error: `."""
        self.calls += 1
        if self.calls > self.most:
            raise TrialEnded("stopped", f"it made {self.most} calls and did not end")
        found = self.world.tools.get(tool)
        try:
            sent = jsonable({**(arguments or {}), **more})
        except NotJsonError as problem:
            self.notes.append(f"arguments of {tool!r:.80}: {problem}")
            return f"error: {problem}"
        if found is None:
            self.world.add(Happened(tool, sent, "agent", error="there is no such tool"))
            return f"error: there is no tool {tool!r:.80}"
        answer = await self.world.servers[found.server].call(found.name, sent)
        text = text_of_content(answer.raw or {}) or (answer.error or "")
        return text if answer.status == "ok" else f"error: {text}"

    def spend(self, requests: int = 0, input_tokens: int = 0, output_tokens: int = 0) -> None:
        """Count requests before they are made and tokens after; ends the trial beyond `most` requests."""
        if self.spent.requests + requests > self.most:
            raise TrialEnded("stopped", f"it made {self.most} requests and did not end")
        self.spent.requests += requests
        self.spent.input_tokens += input_tokens
        self.spent.output_tokens += output_tokens


Agent = Callable[[Talk], Awaitable[Any]]


def label_of(agent: Agent) -> str:
    """Return what an agent is called in results."""
    return str(getattr(agent, "label", None) or getattr(agent, "__name__", type(agent).__name__))


def is_simulated(agent: Agent) -> bool:
    """Tell whether what it does is no evidence; so unless it says otherwise."""
    return bool(getattr(agent, "simulated", True))


def sends(agent: Agent) -> bool:
    """Tell whether it makes requests that cost something; so unless it is simulated or says otherwise."""
    return bool(getattr(agent, "sends", not is_simulated(agent)))


def described(tools: Mapping[str, Tool]) -> tuple[dict[str, Any], ...]:
    """Return tools as an agent reads them."""
    return tuple(
        {"name": name, "description": tool.description, "parameters": tool.input_schema} for name, tool in tools.items()
    )

"""Any endpoint that answers OpenAI's chat completions: a hosted model, or one on this machine.

The key is read from an environment variable at each request. It is kept nowhere, and cut out of every reply, also of
errors, before anything else reads it. Source of the format: OpenAI API reference, chat completions.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, Field, ValidationError

from mcpflow_nb.compliance.talking import Talk, TrialEnded
from mcpflow_nb.errors import DefinitionError

AGAIN: Final = (408, 429, 500, 502, 503, 504, 529)
"""The HTTP statuses after which a request is made again, a few times."""
MOST_WAIT_SECONDS: Final = 60.0
MOST_BYTES: Final = 1_000_000
SHORTEST_KEY: Final = 8
"""A shorter one is a stand-in for an endpoint that takes any, and would be found inside of other words."""


class _Function(BaseModel):
    name: str
    arguments: str | None = None


class _Call(BaseModel):
    id: str = ""
    function: _Function


class _Message(BaseModel):
    content: Any = None
    tool_calls: list[_Call] | None = None


class _Choice(BaseModel):
    message: _Message


class _Usage(BaseModel):
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


@dataclass(frozen=True)
class Endpoint:
    """A model behind an endpoint, as an agent. `key` is the name of an environment variable, never a key itself."""

    model: str
    base_url: str
    key: str | None
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    seconds: float = 120.0
    retries: int = 2
    pause_seconds: float = 1.0
    simulated: bool = False
    sends = True

    @property
    def label(self) -> str:
        """The model and its host."""
        return f"{self.model} at {urlsplit(self.base_url).netloc}"

    async def __call__(self, talk: Talk) -> None:
        """Ask, make the calls that come back, and ask again, until no call comes back."""
        messages: list[Any] = [dict(one) for one in talk.messages]
        tools = [{"type": "function", "function": one} for one in talk.tools]
        async with httpx2.AsyncClient(timeout=self.seconds) as client:
            while calls := (reply := await self._ask(client, talk, messages, tools)).tool_calls:
                read = [(one, _arguments(self._without_key(one.function.arguments or "{}"))) for one in calls]
                sent = [
                    {"id": one.id, "type": "function", "function": {
                        "name": one.function.name, "arguments": json.dumps(arguments or {})}}
                    for one, arguments in read
                ]  # fmt: skip
                messages.append({"role": "assistant", "content": reply.content, "tool_calls": sent})
                for one, arguments in read:
                    said = await _made(talk, one.function.name, arguments)
                    messages.append({"role": "tool", "tool_call_id": one.id, "content": said})

    async def _ask(self, client: httpx2.AsyncClient, talk: Talk, messages: list[Any], tools: list[Any]) -> _Message:
        body = {**self.options, "model": self.model, "messages": messages, **({"tools": tools} if tools else {})}
        for attempt in range(self.retries + 1):
            talk.spend(requests=1)
            status, wait, text = await self._send(client, json.dumps(body).encode())
            if status not in AGAIN or attempt == self.retries or wait > MOST_WAIT_SECONDS:
                break
            await asyncio.sleep(wait if wait >= 0 else self.pause_seconds * 2**attempt)
        if status != 200:
            asked = f", it asks to wait {wait:g} s" if wait >= 0 else ""
            raise TrialEnded("lost", f"HTTP {status}{asked}: {' '.join(text[:300].split())}")
        try:
            found = _Completion.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
        else:
            usage = found.usage or _Usage()
            talk.spend(0, usage.prompt_tokens, usage.completion_tokens)
            return found.choices[0].message
        raise TrialEnded("lost", f"the reply is no chat completion: {problem[:300]}")

    def _without_key(self, text: str) -> str:
        """Return JSON, or a text that is none, without the key, also where a reply writes it with escapes."""
        key = os.environ.get(self.key, "") if self.key else ""
        if len(key) < SHORTEST_KEY:
            return text
        with contextlib.suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text))
        for written in (key, json.dumps(key)[1:-1]):
            text = text.replace(written, "[key]")
        return text

    async def _send(self, client: httpx2.AsyncClient, body: bytes) -> tuple[int, float, str]:
        """Return the HTTP status, the seconds to wait that it names, -1 for none, and the text without the key."""
        key = os.environ.get(self.key, "") if self.key else ""
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
        url = self.base_url.rstrip("/") + "/chat/completions"
        problem = ""
        try:
            async with client.stream("POST", url, content=body, headers=headers) as reply:
                got = b""
                async for piece in reply.aiter_bytes():
                    got += piece
                    if len(got) > MOST_BYTES:
                        raise TrialEnded("stopped", f"a reply is larger than {MOST_BYTES:,} bytes")
                text = got.decode("utf-8", "replace")
                wait = _seconds(reply.headers.get("retry-after", ""))
                return reply.status_code, wait, self._without_key(text)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:  # a key that is no header is a ValueError
            problem = type(error).__name__
        raise TrialEnded("lost", f"{urlsplit(url).netloc} could not be asked: {problem}")


def endpoint(
    model: str, *, base_url: str, key: str | None = None, options: Mapping[str, Any] | None = None,
    seconds: float = 120.0, retries: int = 2, pause_seconds: float = 1.0, simulated: bool = False,
) -> Endpoint:  # fmt: skip
    """Return a model behind an OpenAI-compatible endpoint as an agent.

    Parameters
    ----------
    base_url
        What stands before `/chat/completions`: `https://api.openai.com/v1`, `http://127.0.0.1:11434/v1`.
    key
        The name of the environment variable that has the key; None for an endpoint that takes none.
    options
        More fields of each request: `{"temperature": 0}`.
    seconds, retries, pause_seconds
        How long a reply may take; how often a request is made again after an HTTP status of `AGAIN`, and the first
        pause before that where the reply names none. Each counts as a request.
    simulated
        Say so for an endpoint that only plays a model.

    Raises
    ------
    DefinitionError
        When the URL is none, has a password in it, or the variable is not set.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or "@" in parts.netloc:
        raise DefinitionError("endpoint: base_url is http(s)://host/path, without a name, password or query in it")
    if key is not None and not os.environ.get(key):
        raise DefinitionError(
            "endpoint: key is the name of an environment variable, and there is none of that name; "
            "set it, or key=None for an endpoint that takes none"
        )
    return Endpoint(model, base_url, key, options or {}, seconds, retries, pause_seconds, simulated)


def _arguments(text: str) -> dict[str, Any] | None:
    """Return the arguments of a call; None where they are no JSON object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


async def _made(talk: Talk, tool: str, arguments: dict[str, Any] | None) -> str:
    if arguments is None:
        talk.notes.append(f"a call of {tool!r:.80} had arguments that are no JSON object")
        return "error: the arguments are no JSON object"
    return await talk.call(tool, arguments)


def _seconds(text: str) -> float:
    """Return what Retry-After names in seconds; -1 for a date or nothing."""
    try:
        return max(float(text), 0.0)
    except ValueError:
        return -1.0

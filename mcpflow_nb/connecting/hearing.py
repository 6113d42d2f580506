"""What HTTP says of one request, which the MCP library does not pass on: status, wait, credentials, a body too large.

The `Client` that the library sends with writes it into the `Heard` of whoever waits for the request.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from html import unescape
from http import HTTPStatus
from typing import Any, Final, cast

import httpx2

from mcpflow_nb.connecting.config import Spec
from mcpflow_nb.masking import KNOWN
from mcpflow_nb.workflows.sources import Source

log: Final = logging.getLogger("mcpflow_nb")
UNREADABLE: Final = "Failed to parse"
"""How the error begins that stands in for an answer which cannot be parsed: the library's over HTTP, ours for a child."""
MOST_WORDS: Final = 80
BEYOND: Final = "SSE stream failed: Server-sent event exceeded"
_OF_HTTP: Final = (202, 401, 403, 429)
"""What these say counts whatever the body is."""
_MOST_REASON: Final = 64_000
_LAST_SECONDS: Final = 2.0
_REASON_SECONDS: Final = 2.0
NOT_TAKEN: Final = frozenset({307, 308, 401, 403, 404, 405, 406, 411, 413, 414, 415, 421, 426, 428, 429, 431})
"""Statuses that say that the request was refused as it came: nothing was done. Any other error status may hide an effect.

Source: RFC 9110, 15.5; RFC 6585.
"""
_TAGS: Final = re.compile(r"(?is)<(script|style)\b.*?(?:</\1\s*>|\Z)|<[^>]*(?:>|\Z)")
_CHALLENGE: Final = re.compile(r'(realm|scope|error|error_description)\s*=\s*(?:"([^"]*)"|([^\s,"]+))', re.IGNORECASE)


@dataclass
class Heard:
    """What was heard of the last request: `problem` is why its body was not read."""

    status: int | None = None
    retry_after: float | None = None
    kind: str = ""
    """The content type of the answer, without its parameters."""
    asks: str = ""
    """What a 401 or 403 asks for, as words."""
    given: tuple[str, ...] = ()
    """The names of the headers that were configured, each with the variable that fills it."""
    moved_to: str = ""
    said: str = ""
    """The first words of a body that is no MCP message."""
    is_message: bool = True
    """Whether the answer was one of MCP, or none came over HTTP."""
    unsent: str = ""
    """Why not a byte of it left."""
    problem: str | None = None
    beyond: str = ""
    """What is to be said of an event beyond the cap, which the library leaves unread."""

    @property
    def was_refused(self) -> bool:
        """Whether the status says that nothing was done."""
        return self.status in NOT_TAKEN

    @property
    def words(self) -> str:
        """The status, what it means and what to do, in one sentence; empty where there is nothing to say."""
        if self.status is None or self.is_message:
            return ""
        try:
            named = f"HTTP {self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            named = f"HTTP {self.status}"
        said = f"; its body says {self.said!r}" if self.said else ""
        return f"the server answered {named}{self._meaning()}{said}"

    def _meaning(self) -> str:
        if self.status is not None and self.status < 300:
            mend = "is it the right URL, and does it want somebody to sign in?"
            return f", but {f'got {self.kind}' if self.kind else 'nothing'} where an MCP message belongs; {mend}"
        wait = f"; it asks to wait {self.retry_after:g} s" if self.retry_after is not None else ""
        if self.moved_to:
            return f": it points to the host {self.moved_to!r}, which was not followed; give that URL if it is meant"
        if self.status == 401:
            sent = f"sent was {', '.join(self.given)}" if self.given else "no header was given"
            mend = 'give it as "headers": {"Authorization": mf.env("NAME")}, or renew what the variable holds'
            return f": it wants credentials{self.asks} ({sent}); {mend}"
        if self.status == 403:
            return f": the credentials do not allow this{self.asks}; ask for more, or call another tool"
        if self.status == 429:
            return f": too many requests, this one was not taken{wait}; call again later"
        if self.status == 503:
            return f": it is not available now{wait}"
        return f": nothing was done; is the URL right?{wait}" if self.was_refused else wait


hearing: Final[ContextVar[Heard | None]] = ContextVar("hearing", default=None)
"""Who is told of the request that is sent now; it reaches the transport with the context of the sender."""


class TooLarge(httpx2.StreamError):
    """A body that is not read to its end; the library takes it as one that cannot be parsed."""


class Client(httpx2.AsyncClient):
    """An HTTP client that notes what is answered, and reads no body beyond the cap of its server."""

    def __init__(self, spec: Spec, headers: Mapping[str, str], timeout: httpx2.Timeout) -> None:
        # What is packed is not asked for: it would have no cap.
        super().__init__(headers={**headers, "Accept-Encoding": "identity"}, timeout=timeout)
        self._spec = spec
        self._given = tuple(_named(name, value) for name, value in spec.headers.items())

    async def send(self, request: httpx2.Request, **more: Any) -> httpx2.Response:
        """Send a request, note its status, and return its answer with a body that ends at the cap."""
        heard = (hearing.get() if request.method == "POST" else None) or Heard()
        self._mirror_no_secret(request)
        if request.method == "DELETE":  # the library's last word to a server, which may not answer
            request.extensions = {**request.extensions, "timeout": httpx2.Timeout(_LAST_SECONDS).as_dict()}
        try:
            response = await super().send(request, **more)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            heard.unsent = unreached(error)
            raise
        _note(heard, response, self._given)
        heard.beyond = too_large(self._spec)
        if response.status_code >= 300 or heard.kind not in ("application/json", "text/event-stream"):
            await _with_its_words(response, heard)
        elif heard.kind != "text/event-stream":  # the library caps each event of that
            response.stream = _Capped(response, heard, self._spec)
        return response

    def _mirror_no_secret(self, request: httpx2.Request) -> None:
        """Leave out the headers that a tool wants an argument in, where it is a secret: proxies write headers down."""
        for name in [name for name in request.headers if name.lower().startswith("mcp-param-")] if KNOWN.values else ():
            if KNOWN.by_value(request.headers[name]) != request.headers[name]:
                del request.headers[name]
                log.warning("server %r wants a secret in the header %r; it was not sent there", self._spec.name, name)


class _Capped(httpx2.AsyncByteStream):
    """A body that ends with an error at the cap."""

    def __init__(self, response: httpx2.Response, heard: Heard, spec: Spec) -> None:
        self._body, self._heard, self._spec = cast("httpx2.AsyncByteStream", response.stream), heard, spec
        length = response.headers.get("content-length", "")
        self._told = int(length) if length.isdecimal() and len(length) < 20 else 0
        self._is_packed = response.headers.get("content-encoding", "identity") != "identity"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        most, got = self._spec.max_bytes, 0
        if self._is_packed:
            self._heard.problem = (
                f"server {self._spec.name!r} packed its answer, which was not asked for; it was not read"
            )
            raise TooLarge(self._heard.problem)
        if self._told <= most:
            async for chunk in self._body:
                if (got := got + len(chunk)) > most:
                    break
                yield chunk
        if max(self._told, got) > most:
            self._heard.problem = too_large(self._spec)
            raise TooLarge(self._heard.problem)

    async def aclose(self) -> None:
        await self._body.aclose()


class _Read(httpx2.ByteStream):
    """A body that was read; closing it closes the connection, which may hold the rest."""

    def __init__(self, body: bytes, source: httpx2.AsyncByteStream) -> None:
        super().__init__(body)
        self._source = source

    async def aclose(self) -> None:
        await self._source.aclose()


def too_large(spec: Spec) -> str:
    """Return the sentence about a message beyond the cap.

    >>> too_large(Spec("hr", "stdio", "hr"))
    "server 'hr' sent a message of more than 20,000,000 bytes, which was not read; 'max_bytes' in its config raises that"
    """
    return (
        f"server {spec.name!r} sent a message of more than {spec.max_bytes:,} bytes, which was not read; "
        "'max_bytes' in its config raises that"
    )


def unreached(error: BaseException) -> str:
    """Return why nothing was sent: no such host, TLS, or nobody who listens."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, ssl.SSLError):
            why = getattr(inner, "verify_message", "") or str(inner.reason or inner).lower().replace("_", " ")
            return f"TLS: {why}; is it https there, with a certificate that this machine knows?"
        if isinstance(inner, socket.gaierror):
            return "no such host; is the name right, and is there a network?"
        inner = inner.__cause__ or inner.__context__
    return "the connection was refused; is the server running there?"


def unread(message: str) -> str:
    """Return why an answer cannot be read, in a few words.

    >>> unread("Failed to parse JSON response: 1 error\\n  Invalid JSON: recursion limit exceeded at line 1 [type=...")
    'it is nested too deep'
    """
    found = re.search(r"Invalid JSON: ([^\[\n]*)", message)
    if found is None:
        return "it is no JSON-RPC message"
    return "it is nested too deep" if "recursion" in found[1] else f"it is no JSON: {found[1].strip()}"


def seconds_of(header: str, now: float | None = None) -> float | None:
    """Return how many seconds a Retry-After asks to wait, in its two forms; None where it asks for nothing.

    >>> seconds_of("120"), seconds_of("Thu, 01 Jan 1970 00:01:40 GMT", now=40.0), seconds_of("soon")
    (120.0, 60.0, None)
    """
    text = header.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        then = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return max(0.0, then - (time.time() if now is None else now))


def _named(name: str, value: object) -> str:
    variables = value.variables if isinstance(value, Source) else ()
    return f"the header {name!r}" + (f" from {', '.join(variables)}" if variables else "")


def _note(heard: Heard, response: httpx2.Response, given: tuple[str, ...]) -> None:
    heard.status, heard.given = response.status_code, given
    heard.kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    heard.retry_after = seconds_of(response.headers.get("retry-after", ""))
    heard.asks = _asked_for(response.headers.get("www-authenticate", "")) if response.status_code in (401, 403) else ""
    heard.moved_to, heard.said, heard.is_message, heard.unsent, heard.problem = "", "", True, "", None
    if 300 <= response.status_code < 400 and (location := response.headers.get("location")):
        try:
            heard.moved_to = response.request.url.join(location).host or "?"
        except (httpx2.InvalidURL, RuntimeError, ValueError):
            heard.moved_to = "?"


def _asked_for(challenge: str) -> str:
    """Return what a WWW-Authenticate header asks for, as words; what it says is cut and in quotes."""
    scheme = challenge.split(" ", 1)[0][:20]
    parts = {word.lower(): quoted or bare for word, quoted, bare in _CHALLENGE.findall(challenge[:2_000])}
    said = [
        f"{word} {parts[word][:200]!r}" for word in ("realm", "scope", "error", "error_description") if word in parts
    ]
    return f": {', '.join(filter(None, (scheme, *said)))}" if scheme else ""


async def _with_its_words(response: httpx2.Response, heard: Heard) -> None:
    """Read the body of an answer that is no result, as far as it is short and comes soon."""
    body, stream = bytearray(), response.stream
    with contextlib.suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(_REASON_SECONDS):
            async for chunk in cast("httpx2.AsyncByteStream", stream):
                body += chunk
                if len(body) > _MOST_REASON:
                    break
    response.stream = _Read(bytes(body[:_MOST_REASON]), cast("httpx2.AsyncByteStream", stream))
    text = body.decode("utf-8", "replace")
    heard.is_message = heard.status not in _OF_HTTP and '"jsonrpc"' in text and heard.kind == "application/json"
    if heard.kind != "application/json":
        text = unescape(_TAGS.sub(" ", text))
    heard.said = " ".join(text.split())[:MOST_WORDS]

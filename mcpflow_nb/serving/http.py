"""Endpoint: a served MCP server over streamable HTTP, in the I/O thread, for those who have its token.

On this machine alone unless it is exposed on purpose; a web page of another origin is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import secrets
import socket
from typing import Any, Final
from urllib.parse import urlsplit

import uvicorn
from mcp.server.lowlevel import Server

from mcpflow_nb.bridge import io_thread
from mcpflow_nb.errors import ServeError

START_SECONDS: Final = 10.0
PATH: Final = "/mcp"
_open: Final[dict[str, Endpoint]] = {}
_opening: Final = asyncio.Lock()
logging.getLogger("uvicorn").addHandler(logging.NullHandler())  # else its tracebacks are printed into cells


class Endpoint:
    """One open port. `url` is where, `token` the secret that every request must carry."""

    def __init__(self, name: str, sock: socket.socket, token: str, server: Server[Any], host: str) -> None:
        self.name, self.token, self.asked, self.serves = name, token, host, server
        self.host, self.port = sock.getsockname()[:2]
        self._sock = sock
        app = server.streamable_http_app(streamable_http_path=PATH, host=host)
        config = uvicorn.Config(
            Guard(app, token), log_config=None, access_log=False, timeout_graceful_shutdown=1, lifespan="on"
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[sock]), name=f"mcpflow-http-{name}")

    @property
    def url(self) -> str:
        """`http://127.0.0.1:43121/mcp`."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{shown}:{self.port}{PATH}"

    @property
    def is_open(self) -> bool:
        """Whether it still listens."""
        return not self._serving.done()

    def config(self) -> dict[str, Any]:
        """Return the `mcpServers` entry that a client needs, token and all."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return {"mcpServers": {self.name: {"type": "http", "url": self.url, "headers": headers}}}

    @classmethod
    async def open(
        cls, server: Server[Any], name: str, host: str, port: int, token: str | None, *, expose: bool, say: bool = True
    ) -> Endpoint:  # fmt: skip
        """Listen, and with `say` print where, and once the token when it was made here; who had the name gives way.

        Where this server is open already, it stays when nothing else is asked for.

        Raises
        ------
        ServeError
            When the host is open to others without `expose`, the port cannot be had, or the token cannot be sent.
        """
        _require(host, port, token, expose=expose)
        async with _opening:
            now = _open.get(name)
            if now is not None and now.serves is server and now._is_as(host, port, token):
                return now
            return await cls._open(server, name, host, port, token or None, say=say)

    @classmethod
    async def _open(
        cls, server: Server[Any], name: str, host: str, port: int, token: str | None, *, say: bool
    ) -> Endpoint:
        old, is_new = _open.get(name), token is None and name not in _open
        if old is not None:  # the same place and token again: what was pasted into a client goes on working
            port, token = port or old.port, token or old.token
        if old is not None and port == old.port:
            await old.close()
        sock = _bound(host, port)
        if old is not None:
            await old.close()
        made = _open[name] = cls(name, sock, token or secrets.token_urlsafe(24), server, host)
        await made._started()
        io_thread().at_exit.add(made.close)
        if say:
            once = f"\ntoken, shown this once: {made.token}" if is_new else ""
            print(f"{name} is served at {made.url}{once}")  # noqa: T201 - where it is, and the one time for the token
        return made

    async def _started(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                while not self._server.started and not self._serving.done():  # noqa: ASYNC110 - uvicorn tells it no other way
                    await asyncio.sleep(0.005)
        if not self._server.started:
            why = self._serving.exception() if self._serving.done() else f"it did not begin within {START_SECONDS:g} s"
            await self.close()
            self._sock.close()
            raise ServeError(f"{self.name!r} could not be served on {self.host}:{self.port}: {why}")

    def _is_as(self, host: str, port: int, token: str | None) -> bool:
        """Tell whether it is open, at a place and with a token as asked; 0 and None ask for nothing."""
        return self.is_open and host == self.asked and port in (0, self.port) and token in (None, "", self.token)

    async def close(self) -> None:
        """Stop listening, and end the requests that are under way within a second."""
        self._server.should_exit = True
        await asyncio.wait([self._serving], timeout=2.0)
        self._serving.cancel()
        io_thread().at_exit.discard(self.close)
        if _open.get(self.name) is self:
            del _open[self.name]

    async def wait(self) -> None:
        """Return when it no longer listens."""
        await asyncio.wait([self._serving])

    def snippet(self) -> str:
        """Return the config as JSON text to paste, with a mark in place of the token."""
        return json.dumps(self.config(), indent=2).replace(self.token, "<token>")


class Guard:
    """An ASGI application that lets through who has the token, and no page of another origin."""

    def __init__(self, app: Any, token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer 403 or 401, or pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        origin, host = headers.get(b"origin", b"").decode("latin-1"), headers.get(b"host", b"").decode("latin-1")
        given = headers.get(b"authorization", b"").decode("latin-1")
        if origin and not _same_place(origin, host):
            await _refuse(send, 403, "this origin may not call here")
        elif not secrets.compare_digest(_bearer(given).encode(), self.token.encode()):
            await _refuse(send, 401, "a bearer token is needed", (b"www-authenticate", b"Bearer"))
        else:
            await self.app(scope, receive, send)


def _bearer(header: str) -> str:
    """Return the token of an Authorization header; the name of the scheme may be written in any case."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _refuse(send: Any, status: int, words: str, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": words.encode()})


def _same_place(origin: str, host: str) -> bool:
    try:
        place = urlsplit(origin)
        return place.netloc == host or _is_loopback(place.hostname or "")
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _require(host: str, port: int, token: str | None, *, expose: bool) -> None:
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65_535:
        raise ServeError(f"port is a number from 0 (a free one) to 65535, not {port!r}")
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise ServeError("a token is made of visible ASCII characters without blanks; no client could send this one")
    if not expose and not _is_loopback(host):
        raise ServeError(f"host {host!r} opens the workflows to other machines; say expose=True if that is meant")


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # said: else asyncio leaves Nagle on
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except (OSError, OverflowError) as error:
        sock.close()
        problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    else:
        return sock
    raise ServeError(f"{host}:{port} cannot be served: {problem}; port=0 takes a free one")

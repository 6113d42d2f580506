"""Connection: one server by name that stays usable from cell to cell, whatever becomes of its sessions.

A session that was lost is replaced at the next use; a call that was sent is never sent again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final, Literal, NamedTuple

from mcp import Client

from mcpflow_nb.connecting.calls import CALL_SECONDS, Answer, Progress, call, in_time, read
from mcpflow_nb.connecting.config import Spec
from mcpflow_nb.connecting.hearing import Heard, hearing
from mcpflow_nb.connecting.limits import Turns
from mcpflow_nb.connecting.listing import catalog_of
from mcpflow_nb.connecting.sessions import Session, hidden, reason_of
from mcpflow_nb.errors import NotOfferedError, ServerError
from mcpflow_nb.masking import KNOWN
from mcpflow_nb.show import Shown
from mcpflow_nb.tools.catalog import Catalog, Tool
from mcpflow_nb.tools.declared import refusal
from mcpflow_nb.workflows.workflow import SequentialWorkflow

LISTING_SECONDS: Final = 30.0
running: Final[ContextVar[SequentialWorkflow | None]] = ContextVar("running", default=None)
"""The workflow whose run sends what is sent now."""
INTERRUPTED: Final = Answer("unknown", error="interrupted while it was running; it may have run")


class Asked(NamedTuple):
    """What is sent to a server: a tool with its arguments, or the URI of a resource."""

    kind: Literal["call", "read"]
    name: str
    arguments: Mapping[str, Any]
    workflow: SequentialWorkflow | None = None


Listener = Callable[[str, Asked], Callable[[Answer], None]]
"""Told the server's name and what is sent as it is sent; what it returns is told the answer. In the I/O thread."""


class Connection(Shown):
    """One server by the name the user gave it.

    `state` is `open`, `closed`, `lost` (opened again at its next use) or `failed` (`error` says why).
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.name, self.transport, self.target, self.source = spec.name, spec.transport, spec.target, spec.source
        self.state: Literal["open", "closed", "lost", "failed"] = "closed"
        self.error: str | None = None
        self.protocol: str | None = None
        self.software: str | None = None
        """What the server calls itself, with its version; None where it does not say, or was never open."""
        self.catalog = Catalog()
        self.listeners: list[Listener] = []
        self.turns = Turns(spec.limits)
        self._session: Session | None = None
        self._sessions: set[Session] = set()
        self._opening = asyncio.Lock()
        self._ended = self._is_replaced = False
        self._pid = os.getpid()

    @property
    def tools(self) -> Any:
        """The tools by name."""
        return _Named(self.name, "tool", self.catalog.tools)

    @property
    def stderr(self) -> tuple[str, ...]:
        """The last lines a stdio server wrote on stderr."""
        return self._session.stderr.lines() if self._session else ()

    def only_reads(self, tool: Tool) -> bool:
        """Whether a tool changes nothing, in the word of a server that is trusted; no other word loosens anything."""
        return self.spec.is_trusted and tool.only_reads

    def is_harmless(self, tool: Tool) -> bool:
        """Whether a tool destroys nothing, in the word of a server that is trusted."""
        return self.only_reads(tool) or (self.spec.is_trusted and tool.annotations.get("destructiveHint") is False)

    def may_repeat(self, tool: Tool, said: bool | None = None) -> bool:
        """Whether a call may be sent again by itself: the author says so with `said`, or the server, if it is trusted."""
        return said if said is not None else self.spec.is_trusted and tool.may_repeat

    async def open(self) -> Session:
        """Return an open session, opening or reopening one; runs in the I/O thread.

        Raises
        ------
        ConnectError
            When the server cannot be reached; says the command or host, the reason and the last stderr lines.
        ServerError
            When it was closed, or its lists do not end.
        """
        if (session := self._usable()) is not None:
            return session
        async with self._opening:
            return self._usable() or await self._open()

    def _usable(self) -> Session | None:
        session = self._session if self._is_ours() else None
        return session if session is not None and session.is_open and self.state == "open" else None

    def _is_ours(self) -> bool:
        """Tell whether this process opened it; a forked child shares its pipes, and would take its parent's answers."""
        return self._pid == os.getpid()

    async def _open(self) -> Session:
        if self._has_ended() or not self._is_ours():
            again = f"mf.connect({self.name}=...)"
            if self._is_replaced:
                why = f"was replaced by a later {again}; use those servers, and start a new run with them"
            elif self._is_ours():
                why = f"is closed; connect it again: {again}"
            else:
                why = f"was opened by the process that this one was forked from; connect it again: {again}"
            raise ServerError(self.name, f"server {self.name!r} {why}")
        if self._session is not None:
            self._session.retire()
        session = self._session = Session(self.spec)
        self._sessions = {old for old in self._sessions if not old.has_ended} | {session}
        try:
            client = await session.open()
            await self._list(session, client)
        except ServerError as error:
            failure: ServerError | None = error
        else:
            failure = None
        if self._has_ended():
            closed = f"server {self.name!r} was closed, or connected again, while it was opened"
            failure = ServerError(self.name, closed)
        if failure is None:
            self.protocol, self.state, self.error = client.protocol_version, "open", None
            said = client.server_info
            self.software = f"{said.name} {said.version}".strip() if said is not None else None
            return session
        session.abandon()
        self.state, self.error = "closed" if self._has_ended() else "failed", str(failure)
        raise failure

    def _has_ended(self) -> bool:
        return self._ended

    async def _list(self, session: Session, client: Client) -> None:
        """Read what the server offers; every failure is an error of ours."""
        heard = Heard()
        hearing.set(heard)
        try:
            self.catalog = await in_time(lambda: catalog_of(client, self.name), LISTING_SECONDS)
            return
        except ServerError:
            raise
        except TimeoutError:
            raise await session.refused(f"its lists did not come within {LISTING_SECONDS:g} s") from None
        except Exception as error:  # noqa: BLE001 - whatever the library throws becomes one error of ours
            problem = error
        raise await session.refused(hidden(reason_of(problem, self.spec, heard), self.spec))

    async def refresh(self) -> None:
        """Ask the server again for what it offers."""
        session = self._usable()
        if session is None or session.client is None:
            await self.open()  # which lists
            return
        try:
            await self._list(session, session.client)
        except ServerError as error:
            self._lose(session)
            self.error = str(error)
            raise

    async def _list_again(self, session: Session) -> None:
        session.is_stale = False
        try:
            await self.refresh()
        except ServerError:
            session.is_stale = True
            raise

    async def call(
        self, tool: str, arguments: dict[str, Any], seconds: float | None = None, progress: Progress | None = None,
        meta: dict[str, Any] | None = None, pin: Tool | None = None,
    ) -> Answer:  # fmt: skip
        """Call a tool once; a session that was lost is replaced first, a call is never sent twice.

        `pin` is the tool as it must still be declared: by what the server listed last, and again when it said that it
        has changed. Otherwise nothing is sent.
        """
        limit = CALL_SECONDS if seconds is None else seconds
        asked = Asked("call", tool, KNOWN.by_value(arguments) if KNOWN.values else arguments, running.get())
        return await self._ask(asked, lambda client: call(client, tool, arguments, limit, progress, meta), pin)

    async def read(self, uri: str, seconds: float | None = None) -> Answer:
        """Read a resource once, in a session as for a call."""
        limit = CALL_SECONDS if seconds is None else seconds
        return await self._ask(
            Asked("read", KNOWN.by_value(uri), {}, running.get()), lambda client: read(client, uri, limit)
        )

    async def _ask(
        self, asked: Asked, request: Callable[[Client], Awaitable[Answer]], pin: Tool | None = None
    ) -> Answer:
        refused: str | None = None
        try:
            session = self._usable() or await self.open()
            if pin is not None:
                if session.is_stale:
                    await self._list_again(session)
                refused = refusal(pin, self.catalog.tools.get(pin.name))
        except ServerError as error:
            refused = str(error)
        if refused is not None or session.client is None:
            return Answer("not_sent", error=refused)
        session.calls += 1
        tells, answer = self._sent(asked), INTERRUPTED
        try:
            answer = await request(session.client)
        finally:
            session.calls -= 1
            if session.is_retired:
                session.retire()
            if answer is INTERRUPTED:
                _tell(tells, answer)
        if answer.lost or session.is_cut:
            self._lose(session)
            if self.transport == "stdio" and session.is_cut:
                await asyncio.to_thread(session.stderr.settle, 0.1)
            if answer.lost and session.child is not None and session.child.why:
                answer = answer._replace(error=f"{answer.error}; {session.child.why}")
            if answer.lost and (lines := session.stderr.lines()):
                answer = answer._replace(error=f"{answer.error}; it wrote on stderr: {lines[-1]}")
        if KNOWN.values:
            answer = _without_secrets(answer)
        _tell(tells, answer)
        return answer

    def _sent(self, asked: Asked) -> list[Callable[[Answer], None]]:
        """Tell every listener what is sent now, and return whom to tell the answer."""
        return [listener(self.name, asked) for listener in self.listeners]

    def _lose(self, session: Session) -> None:
        """Use a session no more; calls of others that are under way in it may end."""
        session.retire()
        if self._session is session and self.state == "open":
            self.state = "lost"

    async def close(self, *, is_replaced: bool = False) -> None:
        """End the connection for good; the child process of a stdio server is gone afterwards.

        `is_replaced` says that its name was connected again, as who still uses this one is told.
        """
        self._is_replaced |= is_replaced
        self._ended = True
        if self._sessions and self._is_ours():
            await asyncio.gather(*(session.close() for session in self._sessions))
        self._session, self._sessions = None, set()
        if self.state != "failed":
            self.state = "closed"

    def abandon(self) -> None:
        """End the connection without waiting for it; the process still does when it ends."""
        self._ended = True
        for session in self._sessions:
            session.abandon()


def _tell(tells: list[Callable[[Answer], None]], answer: Answer) -> None:
    for tell in tells:
        tell(answer)


def _without_secrets(answer: Answer) -> Answer:
    """Return an answer without the secrets that were sent; one that is too deep to look through is no answer."""
    try:
        raw, error, refused = map(KNOWN.by_value, (answer.raw, answer.error, answer.protocol_error))
    except RecursionError:
        return answer._replace(
            status="invalid_output", raw=None, error="it ran, but its output is nested too deep to keep"
        )
    return answer._replace(raw=raw, error=error, protocol_error=refused)


class _Named(dict[str, Any]):
    """A mapping whose error names what there is."""

    def __init__(self, server: str, kind: str, items: Any) -> None:
        super().__init__(items)
        self.server, self.kind = server, kind

    def __missing__(self, name: str) -> Any:
        raise NotOfferedError(self.server, self.kind, name, tuple(self), f"server {self.server!r} has ")

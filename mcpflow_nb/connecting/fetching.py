"""The resources of a step: which are fetched before its call, the URI of each, who offers it, and what it holds.

A mark `{x}` of a URI is filled from the step's `template`, else from the workflow argument of that name, and is
percent-encoded. Source: RFC 6570, through the `UriTemplate` of the MCP SDK.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

from mcp.shared.uri_template import InvalidUriTemplate, UriTemplate

from mcpflow_nb.connecting.connections import Connection
from mcpflow_nb.errors import MissingValueError, NotOfferedError, ServerError, listed
from mcpflow_nb.masking import KNOWN, MASK
from mcpflow_nb.records.record import Fetched
from mcpflow_nb.tools.catalog import Catalog
from mcpflow_nb.values import ABSENT, text_of, uri_placeholders
from mcpflow_nb.workflows.sources import Scope, Source
from mcpflow_nb.workflows.steps import WorkflowStep

_QUERY: Final = ("?", "&")
"""The operators whose variables are optional; any other mark without a value leaves a URI that means something else."""
_PLACES: Final = ("", ".", "..")
"""What no encoding keeps from being read as a place in a path; the author may write it, a value may not be it."""


def before_call(step: WorkflowStep) -> tuple[str, ...]:
    """Return the resources to fetch first: those that read no step's output, or all of a step without a tool."""
    return tuple(uri for uri in step.resources if step.tool is None or not _bindings_read(step, uri))


def after_call(step: WorkflowStep) -> tuple[str, ...]:
    """Return the resources whose URI reads an output; at a handoff, where no call comes, see `before_handoff`."""
    return tuple(uri for uri in step.resources if step.tool is not None and _bindings_read(step, uri))


def before_handoff(step: WorkflowStep) -> tuple[str, ...]:
    """Return those of `after_call` that read only earlier outputs: the client needs them to take over."""
    return tuple(uri for uri in after_call(step) if step.binding not in _bindings_read(step, uri))


def _bindings_read(step: WorkflowStep, uri: str) -> set[str]:
    sources = (step.template[name] for name in uri_placeholders(uri)[0] if name in step.template)
    return {read.name for source in sources for read in source.reads if read.kind == "binding"}


async def fetch(step: WorkflowStep, uris: Sequence[str], scope: Scope, servers: Any, done: list[Fetched], *,
                after: bool = False) -> None:  # fmt: skip
    """Read resources in order and append each to `done`, until one fails; that one is the last, with its error."""
    for uri in uris:
        try:
            done.append(await _one(step, uri, scope, servers, after=after))
        except asyncio.CancelledError:
            done.append(Fetched(uri, None, error="interrupted while it was read", after_call=after))
            raise
        if done[-1].error is not None:
            break


async def _one(step: WorkflowStep, template: str, scope: Scope, servers: Any, *, after: bool) -> Fetched:
    uri = template
    try:
        asked = filled_uri(template, step.template, scope._replace(reveals=True))
        uri = str(KNOWN.by_value(asked))
        connection = offering(uri, step, servers)
    except (MissingValueError, ServerError, ValueError) as problem:
        return Fetched(uri, None, error=f"resource {uri!r} cannot be fetched: {problem}", after_call=after)
    async with connection.turns:
        clock = time.perf_counter()
        answer = await connection.read(asked, step.timeout)
        seconds = time.perf_counter() - clock
    contents = tuple((answer.raw or {}).get("contents", ()))
    error = None
    if answer.status != "ok":
        error = f"resource {uri!r} of server {connection.name!r}: {answer.error}"
    return Fetched(uri, connection.name, contents, error, connection.source, seconds, after, answer.protocol_error)


def filled_uri(template: str, sources: Mapping[str, Source], scope: Scope) -> str:
    """Return the URI with every mark filled.

    Raises
    ------
    MissingValueError
        When a source finds nothing at its path.
    ValueError
        When a mark has no value, or the template is none.
    """
    if "{" not in template:
        return template
    try:
        parsed = UriTemplate.parse(template)
    except InvalidUriTemplate as error:
        raise ValueError(f"it is no URI template: {error}") from None
    values: dict[str, str | list[str]] = {}
    for variable in parsed.variables:
        name = variable.name
        value = sources[name].resolve(scope) if name in sources else scope.arguments.get(name, ABSENT)
        if value is not ABSENT and value is not None and value != []:
            values[name] = [text_of(item) for item in value] if isinstance(value, list) else text_of(value)
            if variable.operator in ("", "/") and any(text in _PLACES for text in _texts(values[name])):
                raise ValueError(f"{{{name}}} is {value!r}, which would be another place in the path")
        elif variable.operator not in _QUERY:
            raise ValueError(f"nothing fills {{{name}}}")
    return parsed.expand(values)


def known_uri(template: str, sources: Mapping[str, Source], scope: Scope) -> str:
    """Return the URI as far as it is known: filled, or as the author wrote it."""
    try:
        return filled_uri(template, sources, scope).replace(quote(MASK), MASK)
    except (MissingValueError, ValueError):
        return template


def needed_marks(template: str) -> tuple[str, ...]:
    """Return the marks of a URI that must have a value; none where it is no template."""
    parsed = _parsed(template) if "{" in template else None
    return tuple(one.name for one in parsed.variables if one.operator not in _QUERY) if parsed is not None else ()


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def offering(uri: str, step: WorkflowStep, servers: Any) -> Connection:
    """Return the server to ask: `server` of a step without a tool, else who lists the URI, else whose template fits.

    Where nobody says so, the server of the step's tool is asked if it has resources, or the only one that has.

    Raises
    ------
    ServerError
        When no server can be asked, or several offer it and none is named.
    """
    if step.server is not None and step.tool is None:
        named: Connection = servers[step.server]
        return named
    able: list[Connection] = [connection for connection in servers.values() if connection.catalog.has_resources]
    own: Connection | None = _own_server(step, servers)
    for fits in (lists, matches):
        offers = [connection for connection in able if fits(connection.catalog, uri)]
        if offers:
            return _only(offers, own)
    if own is not None and own in able:
        return own
    if len(able) == 1:
        return able[0]
    known = tuple(resource.uri for connection in able for resource in connection.catalog.resources)
    several = "no server lists it and several have resources; fetch it in a step of its own, with server=: "
    why = several if able else "no server offers resources: "
    raise NotOfferedError("", "resource", uri, known, why)


def lists(catalog: Catalog, uri: str) -> bool:
    """Tell whether a catalogue lists exactly this URI."""
    return any(resource.uri == uri for resource in catalog.resources)


def matches(catalog: Catalog, uri: str) -> bool:
    """Tell whether a URI fits one of the templates a catalogue lists."""
    return any("{" in resource.uri and _fits(resource.uri, uri) for resource in catalog.resources)


def _fits(template: str, uri: str) -> bool:
    parsed = _parsed(template)
    return parsed is not None and parsed.match(uri) is not None


@lru_cache(1_000)
def _parsed(template: str) -> UriTemplate | None:
    try:
        return UriTemplate.parse(template)
    except InvalidUriTemplate:
        return None


def _own_server(step: WorkflowStep, servers: Any) -> Connection | None:
    if step.tool is None:
        return None
    try:
        found: Connection = servers.find(step.tool, step.server).connection
    except ServerError:
        return None
    return found


def _only(offers: list[Connection], own: Connection | None) -> Connection:
    if len(offers) == 1:
        return offers[0]
    if own is not None and own in offers:
        return own
    names = tuple(connection.name for connection in offers)
    raise ServerError("", f"servers {listed(names)} offer it; fetch it in a step of its own, with server=")

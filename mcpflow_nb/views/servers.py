"""Servers and one connection: how each is reached, whether it is open, and what it offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.views.html import Safe, badge, code, details, frame, joined, named, short, table, tag
from mcpflow_nb.views.plain import clip, count, fold, grid, more, page

MOST: Final = 40
TOTAL: Final = 200
STATES: Final = {"open": ("✔", "ok"), "closed": ("⊘", "skipped"), "lost": ("✖", "error"), "failed": ("✖", "error")}


def line(servers: Any) -> str:
    """Return `<Servers: hr, finance; 2 open>`."""
    names = list(servers.names)
    is_open = sum(servers[name].state == "open" for name in names)
    shown = ", ".join(named(name, 30) for name in names[:6]) + (", …" if len(names) > 6 else "")
    return f"<Servers: {clip(shown, 70)}; {is_open} open>" if names else "<Servers: none>"


def connection_line(connection: Any) -> str:
    """Return `<Connection hr: open, 3 tools>`."""
    tools = count(len(connection.catalog.tools), "tool")
    return f"<Connection {clip(connection.name, 60)}: {connection.state}, {tools}>"


def plain(servers: Any) -> str:
    """Return a line a server and a line a tool."""
    connections = [servers[name] for name in servers.names]
    lines = [f"{count(len(connections), 'server')}" if connections else "No servers: mf.connect(name=...)"]
    for connection in connections:
        lines += _lines(connection, max(2, 36 // max(1, len(connections)) - 1))
    return page(lines, "servers[name].tools")


def connection_plain(connection: Any) -> str:
    """Return how the server is reached and a line a tool."""
    return page(_lines(connection, 38), "servers[name].tools")


def html(servers: Any) -> Safe:
    """Return a table of the servers, and what each offers folded under it."""
    connections = [servers[name] for name in servers.names]
    rows = [_cells(connection) for connection in connections[:MOST]]
    cut = more(connections, MOST, "servers.names")
    columns = ["server", "state", "source", "transport", "protocol", "reached by", "offers"]
    each = max(5, TOTAL // max(1, len(connections)))
    folded = [
        details(joined(code(c.name), f" · {_offers(c)}"), _error(c), _catalog(c, each), opened=len(connections) <= 6)
        for c in connections[:MOST]
    ]
    body = table("Servers", columns, rows, cut) if rows else tag("p", "No servers yet: ", code("mf.connect(name=...)"))
    foot = ("servers[name]", "servers.call(tool, {...})")
    return frame("Servers", "", [count(len(connections), "server")], body, folded, foot=foot)


def connection_html(connection: Any) -> Safe:
    """Return one server and all it offers."""
    icon, kind = STATES.get(connection.state, ("?", "plain"))
    facts = [badge(f"{icon} {connection.state}", kind), _source(connection), *_ways(connection)]
    foot = (f"servers[{named(connection.name, 60)!r}].tools",)
    return frame("Server", code(connection.name), facts, _error(connection), _catalog(connection, TOTAL), foot=foot)


def _ways(connection: Any) -> list[str]:
    protocol = f"protocol {connection.protocol}" if connection.protocol else ""
    return [short(word) for word in (connection.transport, protocol, connection.target) if word]


def _source(connection: Any) -> Safe:
    return badge(connection.source, "source" if connection.source != "live" else "plain")


def _offers(connection: Any) -> str:
    there = connection.catalog
    pairs = (
        (there.tools, "tool"), (there.resources, "resource"), (there.prompts, "prompt"), (there.rejected, "rejected tool"),
    )  # fmt: skip
    return ", ".join(count(len(items), word) for items, word in pairs if items) or "nothing"


def _cells(connection: Any) -> list[object]:
    icon, kind = STATES.get(connection.state, ("?", "plain"))
    return [
        code(connection.name), badge(f"{icon} {connection.state}", kind), _source(connection), short(connection.transport),
        short(connection.protocol or "—"), short(connection.target or "—"), _offers(connection),
    ]  # fmt: skip


def _error(connection: Any) -> Safe | None:
    if not connection.error:
        return None
    return tag("div", tag("strong", "✖ error"), ": ", short(connection.error, 1_500), class_="mf-box mf-error")


def _catalog(connection: Any, most: int) -> Safe:
    there, name = connection.catalog, named(connection.name, 60)
    tools = list(there.tools.values())
    resources = [
        [code(r.uri), short(r.name or "—"), short(r.mime_type or "—"), short(r.description, 300)]
        for r in there.resources[:most]
    ]
    prompts = [
        [code(p.name), short(", ".join(p.arguments) or "—"), short(p.description, 300)] for p in there.prompts[:most]
    ]
    rejected = [[code(tool), short(why, 300)] for tool, why in list(there.rejected.items())[:most]]
    parts: list[tuple[str, list[str], Sequence[Sequence[object]], str]] = [
        ("Tools", ["tool", "says of itself", "gives", "description"], [_tool(tool) for tool in tools[:most]],
         more(tools, most, f"servers[{name!r}].tools")),
        ("Resources", ["uri", "name", "type", "description"], resources,
         more(there.resources, most, "catalog.resources")),
        ("Prompts", ["prompt", "arguments", "description"], prompts, more(there.prompts, most, "catalog.prompts")),
        ("Rejected", ["tool", "why"], rejected, ""),
    ]  # fmt: skip
    tables = [table(*part) for part in parts if part[2]]
    return joined(tables) if tables else tag("p", "Offers nothing.")


def _tool(tool: Tool) -> list[object]:
    gives = tool.gives or "— (no output schema: fields cannot be checked)"
    effects = ", ".join(tool.effects) or "—"
    return [code(tool.signature, 400), short(effects), short(gives, 300), short(tool.description, 300)]


def _lines(connection: Any, most: int) -> list[str]:
    icon, _ = STATES.get(connection.state, ("?", ""))
    ways = ", ".join([connection.source, *_ways(connection)])
    lines = [f"{icon} {named(connection.name, 40)} — {connection.state}, {ways}: {_offers(connection)}"]
    lines += fold(f"error: {connection.error}", "    ") if connection.error else []
    tools = list(connection.catalog.tools.values())
    lines += grid([["  ", tool.signature, "→ " + (tool.gives or "?")] for tool in tools[:most]], 60)
    return lines + ([f"    … {len(tools) - most} more tools"] if len(tools) > most else [])

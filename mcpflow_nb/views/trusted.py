"""What a config file may start now: every command whole, in printable ASCII, and no value of `env`."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, code, frame, short, table, tag
from mcpflow_nb.views.plain import clip, count
from mcpflow_nb.visible import visible

WIDE: Final = 96
PIECE: Final = 1_000
"""What an element takes of one text; more goes into it in pieces."""
FOOT: Final = "mf.untrust(path) takes it back; any change of the file asks again"


def line(trusted: Any) -> str:
    """Return `<Trusted mcp.json: 2 servers>`."""
    return f"<Trusted {clip(trusted.path, 60)}: {count(len(trusted.starts), 'server')}>"


def plain(trusted: Any) -> str:
    """Return the servers on as many lines as they need: what is approved must be seen whole."""
    told = (str(one) for one in trusted.starts)
    lines = (text[at : at + WIDE] for text in told for at in range(0, len(text), WIDE))
    return "\n".join([_headline(trusted), *(f"  {line}" for line in lines), FOOT])


def html(trusted: Any) -> Safe:
    """Return the same as a table."""
    rows = [
        [
            code(one.server),
            _whole(one.runs),
            _whole(one.cwd) if one.cwd is not None else "—",
            _whole(", ".join(one.env)) if one.env else "—",
        ]
        for one in trusted.starts
    ]
    shown = table(
        "What it may start, or is sent variables of the environment", ["server", "what", "folder", "env"], rows
    )
    return frame("Trusted", short(trusted.path), [], shown if rows else tag("p", _headline(trusted)), tag("p", FOOT))


def _headline(trusted: Any) -> str:
    may = "may start" if trusted.starts else "starts nothing; nothing had to be trusted"
    return f"Trusted: {clip(trusted.path, 80)} {may}"


def _whole(text: str) -> Safe:
    shown = visible(text)
    return tag("code", [shown[at : at + PIECE] for at in range(0, len(shown), PIECE)])

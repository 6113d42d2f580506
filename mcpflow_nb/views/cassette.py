"""A cassette: what was sent to which server and what came of it, a row an interaction."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, badge, code, details, frame, short, table, tag
from mcpflow_nb.views.marks import mark, seconds_word
from mcpflow_nb.views.plain import clip, count, full_name, grid, more, page
from mcpflow_nb.views.values import brief, error_shown, text_shown

MOST: Final = 60
REST: Final = "cassette.df"


def line(cassette: Any) -> str:
    """Return `<Cassette onboard.cassette.json: 5 interactions with 2 servers>`."""
    return f"<Cassette {clip(cassette.name, 60)}: {_headline(cassette)}>"


def plain(cassette: Any) -> str:
    """Return the headline and a line an interaction, in the order they were sent."""
    lines = [f"Cassette {clip(cassette.name, 60)} — {_headline(cassette)}"]
    rows = [
        ["", str(at + 1), _name(one), _arguments(one, 60), f"{mark(one.status).icon} {mark(one.status).word}"]
        for at, one in enumerate(cassette.interactions[:34])
    ]
    left = more(cassette.interactions, 34, REST)
    return page([*lines, *grid(rows, 40), *([f"  {left}"] if left else [])], REST)


def html(cassette: Any) -> Safe:
    """Return the table of interactions, and which workflows and tools are in it."""
    rows = [_cells(cassette, at) for at in range(min(len(cassette), MOST))]
    columns = ["#", "asked", "arguments", "status", "result", "time"]
    cut = more(cassette.interactions, MOST, REST)
    body = table("Interactions", columns, rows, cut) if rows else tag("p", "Nothing was recorded.")
    offered = [
        [code(name), count(len(catalog.tools), "tool"), count(len(catalog.resources), "resource")]
        for name, catalog in list(cassette.catalogs.items())[:MOST]
    ]
    ran = ", ".join(map(str, list(cassette.workflows)[:MOST])) or "none"
    servers = table(
        "Servers", ["server", "tools", "resources"], offered, more(cassette.catalogs, MOST, "cassette.catalogs")
    )
    return frame(
        "Cassette", code(cassette.name), [badge("◉ recorded", "source"), _headline(cassette)], body,
        details("What was offered", servers) if offered else None,
        tag("p", f"Workflows: {short(ran, 600)}"), foot=("cassette.df", "mf.replay(cassette)", "cassette.check(servers)"),
    )  # fmt: skip


def _headline(cassette: Any) -> str:
    servers = dict.fromkeys([*cassette.catalogs, *(one.server for one in cassette)])
    return f"{count(len(cassette), 'interaction')} with {count(len(servers), 'server')}"


def _name(one: Any) -> str:
    return full_name(one.server, one.name) if one.kind == "call" else f"{one.server}: {text_shown(one.name)}"


def _arguments(one: Any, most: int) -> str:
    return brief(one.arguments, most) if one.kind == "call" else "(read)"


def _cells(cassette: Any, at: int) -> list[object]:
    one = cassette[at]
    shown = mark(one.status)
    result = brief(cassette.value(at), 120) if one.raw is not None else error_shown(one.error or "—")
    return [
        str(at + 1), code(_name(one)), code(_arguments(one, 160), 400), badge(f"{shown.icon} {shown.word}", shown.kind),
        short(result, 400), seconds_word(one.seconds) if one.seconds is not None else "—",
    ]  # fmt: skip

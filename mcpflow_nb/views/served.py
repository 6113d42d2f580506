"""Served workflows: what a client finds, where, and what to paste into its configuration. Never the token."""

from __future__ import annotations

import json
from typing import Any

from mcpflow_nb.views.html import Safe, badge, code, frame, named, short, table, tag
from mcpflow_nb.views.plain import clip, count, fold, grid, page


def line(served: Any) -> str:
    """Return `<WorkflowServer orchestrator: 2 workflows at http://127.0.0.1:43121/mcp>`."""
    return f"<WorkflowServer {clip(served.name, 60)}: {count(len(served.workflows), 'workflow')}{_at(served)}>"


def plain(served: Any) -> str:
    """Return a line a workflow, and how to reach them."""
    head = f"Server {clip(served.name, 40)} — {count(len(served.workflows), 'workflow')}{_at(served)}"
    lines = [head, *grid([["", *row] for row in _rows(served)], 40)]
    for words, snippet in _ways(served):
        lines += [*fold(f"{words}:", "  "), *(f"    {one}" for one in snippet.splitlines())]
    return page(lines, "server.workflows")


def html(served: Any) -> Safe:
    """Return the table of what is offered, and each way to reach it with what to paste."""
    is_open = _is_open(served)
    facts = [
        count(len(served.workflows), "workflow"),
        badge("✔ open" if is_open else "not listening", "ok" if is_open else "plain"),
    ]
    ways = [(tag("p", words, ":"), tag("pre", snippet)) for words, snippet in _ways(served)]
    effects = None
    if served.side_effects != "run":
        words = {"handoff": "left to the client", "confirm": "confirmed by the client first"}[served.side_effects]
        effects = tag("p", f"Steps that may change something are {words}.")
    rows = [[code(name), code(tool), short(arguments), str(steps)] for name, tool, arguments, steps in _rows(served)]
    return frame(
        "Server", code(served.name), facts,
        table("What a client finds", ["prompt", "tool", "arguments", "steps"], rows),
        effects, ways, foot=("server.stop()",) if is_open else ("server.http()", "Client(server.mcp)"),
    )  # fmt: skip


def _is_open(served: Any) -> bool:
    return served.endpoint is not None and served.endpoint.is_open


def _at(served: Any) -> str:
    return f" at {served.url}" if _is_open(served) else ", not listening"


def _rows(served: Any) -> list[list[str]]:
    return [
        [named(workflow.name, 60), tool, ", ".join(map(_argument, workflow.arguments)), str(len(workflow.steps))]
        for tool, workflow in served.by_tool.items()
    ]


def _argument(argument: Any) -> str:
    optional = "" if argument.required and argument.default is None else "?"
    return f"{named(argument.name, 60)}{optional}: {argument.type}"


def _ways(served: Any) -> list[tuple[str, str]]:
    """Return each way to reach it: a sentence, and the text to paste."""
    if _is_open(served):
        return [
            ("Paste into the configuration of an MCP client; server.endpoint.config() has it with the token",
             served.endpoint.snippet()),
        ]  # fmt: skip
    entry = {"command": "mcpflow-nb", "args": ["serve", "workflow.json", "--servers", "mcp.json"]}
    return [
        ("For a client that starts its servers itself, save the workflow and paste",
         json.dumps({"mcpServers": {served.name: entry}}, indent=2)),
    ]  # fmt: skip

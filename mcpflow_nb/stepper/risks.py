"""Which calls want a second press: tools of a live server that may destroy something, as far as can be foreseen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from mcpflow_nb.stepper.screen import tool_of
from mcpflow_nb.views.html import short

ENDS: Final = ("hand off", "wait for a person", "wait for a re-run", "cannot be sent")

GOES_ON: Final = ("paused", "handoff", "waiting")
MOST: Final = 5


class Risk(NamedTuple):
    """A call that may destroy something: which tool, and what is known of it."""

    tool: str
    why: str


def said(found: Sequence[Risk]) -> str:
    """Return the calls in words, those of which the same is known together.

    >>> said([Risk("a.b", "live, destructive"), Risk("c.d", "live, destructive")])
    'a.b, c.d (live, destructive)'
    """
    shown, left = found[:MOST], len(found) - MOST
    parts = []
    for why in dict.fromkeys(one.why for one in shown):
        times = Counter(one.tool for one in shown if one.why == why)
        parts.append(f"{', '.join(tool + (f' × {n}' if n > 1 else '') for tool, n in times.items())} ({why})")
    return short("; ".join([*parts, *([f"and {left} more"] if left > 0 else [])]), 600)


def risks(run: Any, command: str, at: int) -> list[Risk]:
    """Return each call of a command that may destroy something; `at` is where it goes to, or calls from."""
    if command == "retry":
        return _risk(run, run.position)
    if command == "rollback":
        return _taken_back(run)
    total, is_again = len(run.workflow.steps), command == "rerun"
    first = at if is_again else run.position
    until = {"to": at, "step": first + 1}.get(command, total)
    if (is_again and at > run.position) or first >= total or not (is_again or run.outcome in GOES_ON):
        return []
    breaks = {one.step for one in run.workflow.breakpoints if one.when is None and not one.is_function}
    found = []
    for here, row in enumerate(run.plan(run.workflow.steps[at].name if is_again else None), first):
        is_let = here == first and command in ("answer", "approve")
        if here >= until or (here > first and row.step in breaks) or (row.will in ENDS and not is_let):
            break
        if row.will in ("call", "may reuse") or (is_let and command == "answer"):
            found += _risk(run, here)
    return found


def _taken_back(run: Any) -> list[Risk]:
    """Return each call that takes a step back on a live server."""
    undos = {step.name: step.undo for step in run.workflow.steps}
    named = [(name, undos[name]) for name in run.to_be_undone]
    found = [(name, run.servers.find(undo.tool, undo.server)) for name, undo in named if undo is not None]
    return [
        Risk(short(f"{server.name}.{tool.name}", 120), f"live, takes back {short(name, 60)}")
        for name, (server, tool) in found if server.source == "live"
    ]  # fmt: skip


def _risk(run: Any, at: int) -> list[Risk]:
    tool = tool_of(run, at)
    if tool is None or (server := run.servers[tool.server]).source != "live" or server.is_harmless(tool):
        return []
    told = tool.annotations.get("destructiveHint")
    says_so = tool.only_reads or told is False
    word = "said to be harmless by a server that is not trusted" if says_so else "not said to be harmless"
    return [Risk(short(f"{tool.server}.{tool.name}", 120), f"live, {'destructive' if told is True else word}")]

"""Which calls want a second press: tools of a live server that may destroy something, as far as can be foreseen."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.stepper.screen import tool_of
from mcpflow_nb.views.html import short

ENDS: Final = ("hand off", "wait for a re-run", "cannot be sent")


def risks(run: Any, command: str, at: int) -> list[str]:
    """Return a sentence for each call of a command that may destroy something; `at` is where it goes to, or calls from."""
    total, is_again = len(run.workflow.steps), command == "rerun"
    first = at if is_again else run.position
    until = {"to": at, "step": first + 1}.get(command, total)
    if (is_again and at > run.position) or first >= total or not (is_again or run.outcome in ("paused", "handoff")):
        return []
    breaks = {one.step for one in run.workflow.breakpoints if one.when is None and not one.is_function}
    found = []
    for here, row in enumerate(run.plan(run.workflow.steps[at].name if is_again else None), first):
        is_answered = here == first and command == "answer"
        if here >= until or (here > first and row.step in breaks) or (row.will in ENDS and not is_answered):
            break
        if row.will in ("call", "may reuse") or is_answered:
            found += _risk(run, here)
    return found


def _risk(run: Any, at: int) -> list[str]:
    tool = tool_of(run, at)
    if tool is None or (server := run.servers[tool.server]).source != "live" or server.is_harmless(tool):
        return []
    told = tool.annotations.get("destructiveHint")
    says_so = tool.only_reads or told is False
    word = (
        "its server says that it is harmless, and is not trusted"
        if says_so
        else "its server does not say that it is harmless"
    )
    word = "destructive" if told is True else word
    return [f"{short(f'{tool.server}.{tool.name}', 120)} (live, {word})"]

"""A handoff: why the client takes over, the call that is its to make, what is missing for it, and what remains then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mcpflow_nb.records.outline import Ahead
from mcpflow_nb.tools.catalog import type_words
from mcpflow_nb.views.call import answer_with, facts, lines_of, step_name
from mcpflow_nb.views.html import Safe, code, joined, named, short, spaced, table, tag
from mcpflow_nb.views.marks import mark
from mcpflow_nb.views.plain import clip, fold, full_name, more
from mcpflow_nb.views.record import arguments_table
from mcpflow_nb.views.values import error_shown, label_shown, value_shown

MOST: Final = 20


def box(run: Any) -> Safe:
    """Return all of it in one box."""
    call, asked = run.next, _asked(run)
    last = list(run.trace)[-1:]
    shown = mark(last[0].status if last else "handoff")
    return tag(
        "div",
        _words(f"{shown.icon} {shown.word}", last[0].error if last else run.reason, 1_500),
        tag("p", tag("strong", "The client's call"), " ", code(step_name(call)), ": ", spaced(*map(short, facts(call)))),
        table("Missing", ["parameter", "type", "description"], [_asks(*one) for one in asked[:50]],
              more(asked, 50, "run.next.missing")) if asked else None,
        arguments_table(call.arguments, "Known arguments") if call.arguments else None,
        _words("✖ Cannot be sent", getattr(call, "problem", None), 1_000),
        _words("Guidance", call.guidance, 600),
        _after(run), class_="mf-box mf-handoff",
    )  # fmt: skip


def _words(head: str, text: str | None, most: int) -> Safe | None:
    return tag("p", tag("strong", head), ": ", short(error_shown(text), most)) if text else None


def lines(run: Any) -> list[str]:
    """Return the same as lines: the reason, the call with what is known and missing, the steps that remain."""
    call = run.next
    found = fold(f"reason: {error_shown(run.reason)}", "  ") if run.reason else []
    found.append(f"  the client's call: {named(step_name(call))} — {', '.join(facts(call))}")
    found += [one for one in lines_of(call) if not one.startswith("    missing: ")]
    asked = _asked(run)
    found += [clip(f"    {named(name)} = ?  {type_words(schema)}, missing") for name, schema in asked[:MOST]]
    found += [f"    … {len(asked) - MOST} more: run.next.missing"] if len(asked) > MOST else []
    left = [f"{named(one.step, 40)} ({_tool(one)})" for one in run.trace.ahead[1:MOST]]
    return found + (fold(f"then: {', '.join(left)}", "  ") if left else [])


def answer_line(run: Any) -> str | None:
    """Return `run.answer(level=...)`; None where the step cannot be answered here."""
    last = list(run.trace)[-1:]
    if last and last[0].status != "handoff":
        return None
    return answer_with([name for name, _ in _asked(run)])


def _asked(run: Any) -> list[tuple[str, Any]]:
    """Return each parameter that is missing with its JSON Schema, as far as it is known."""
    ahead = run.trace.ahead
    schemas: Mapping[str, Any] = ahead[0].missing if ahead else {}
    return [*schemas.items(), *((name, {}) for name in run.next.missing if name not in schemas)]


def _asks(name: str, schema: Any) -> list[object]:
    about = schema.get("description", "") if isinstance(schema, dict) else ""
    return [code(name), short(type_words(schema)), short(about, 300)]


def _after(run: Any) -> Safe | None:
    left = run.trace.ahead[1:]
    if not left:
        return tag("p", "No step remains after it.")
    rows = [[code(one.step), code(_tool(one)), _arguments(one)] for one in left[:MOST]]
    return table("Remains after it", ["step", "tool", "arguments"], rows, more(left, MOST, "run.trace.ahead"))


def _arguments(step: Ahead) -> object:
    """Return what is known now, where the rest will come from, and what nothing gives."""
    known = [(name, " = ", code(value_shown(name, "", value, 60))) for name, value in step.arguments.items()]
    later = [(name, " ← ", short(label_shown(label, name))) for name, label in step.unknown.items()]
    missing = [(name, " = ? ", f"{short(type_words(schema))}, missing") for name, schema in step.missing.items()]
    uris = [tag("div", code(uri)) for uri in step.resources[:MOST] if step.tool is None]
    every = [*known, *later, *missing]
    lines = [tag("div", code(name), sign, value) for name, sign, value in every[:MOST]]
    lines += [tag("div", f"… {len(every) - MOST} more: run.trace.ahead")] if len(every) > MOST else []
    return joined(lines, uris) if lines or uris else "none"


def _tool(step: Ahead) -> str:
    return full_name(step.server, step.tool) if step.tool else "resources only"

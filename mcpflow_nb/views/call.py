"""The call that comes next: what will be sent, where each value comes from, and what is missing."""

from __future__ import annotations

import keyword
from typing import Any, Final

from mcpflow_nb.views.html import Safe, badge, code, frame, named, short, spaced, tag
from mcpflow_nb.views.marks import NEXT, source_word
from mcpflow_nb.views.plain import clip, fold, full_name, more, page
from mcpflow_nb.views.record import arguments_table
from mcpflow_nb.views.values import error_shown, origin_shown, text_shown, value_shown

MOST: Final = 12


def line(call: Any) -> str:
    """Return `<NextCall setup_payroll: finance.create_payroll>`."""
    return f"<NextCall {clip(step_name(call), 60)}: {clip(_called(call), 60)}>"


def plain(call: Any) -> str:
    """Return the call with each argument on a line."""
    return page(
        [f"Next call: {named(step_name(call))} — {', '.join(facts(call))}", *fetched_first(call), *lines_of(call)],
        "run.next",
    )


def html(call: Any) -> Safe:
    """Return the call as a view of its own."""
    return frame(
        "Next call",
        code(step_name(call)),
        [badge(NEXT.icon + " next", "next")],
        box(call),
        foot=("run.step()", *([answer_with(list(call.missing))[:120]] if call.missing else [])),
    )


def fetched_first(call: Any) -> list[str]:
    """Return a line a resource that is fetched before the call."""
    uris = list(getattr(call, "resources", ()))
    lines = [f"    fetches {clip(text_shown(uri), 88)}" for uri in uris[:MOST]]
    return lines + ([f"    … {more(uris, MOST, 'run.next.resources')}"] if len(uris) > MOST else [])


def lines_of(call: Any) -> list[str]:
    """Return a line an argument, and one for what is missing."""
    lines = [
        f"    {named(p.name)} = {value_shown(p.name, p.origin, p.value)}  ← {origin_shown(p.name, p.origin, p.value)}"
        for p in call.arguments
    ]
    lines += [f"    missing: {', '.join(call.missing)}"] if call.missing else []
    return lines + (
        fold(f"cannot be sent: {error_shown(call.problem)}", "    ") if getattr(call, "problem", None) else []
    )


def box(call: Any) -> Safe:
    """Return the call in a box: the tool and its effects, the arguments, what is missing, the guidance."""
    missing = ", ".join(named(name) for name in call.missing[:20])
    problem = getattr(call, "problem", None)
    kind = "error" if problem else "handoff" if call.missing else "next"
    return tag(
        "div",
        tag("p", tag("strong", "Next call"), " ", code(step_name(call)), ": ", spaced(*(short(f) for f in facts(call)))),
        tag("p", tag("strong", "Missing"), ": ", short(missing, 600), ". The client is asked for it.") if missing else None,
        tag("p", tag("strong", "✖ Cannot be sent"), ": ", short(error_shown(problem), 1_000)) if problem else None,
        _fetched(call),
        arguments_table(call.arguments) if call.tool is not None or call.arguments else None,
        tag("p", tag("strong", "Guidance"), ": ", short(call.guidance, 600)) if call.guidance else None,
        class_=f"mf-box mf-{kind}",
    )  # fmt: skip


def _fetched(call: Any) -> Safe | None:
    """Return what is fetched first, each URI masked as far as it holds a secret."""
    uris = list(getattr(call, "resources", ()))
    if not uris:
        return None
    left = more(uris, MOST, "run.next.resources")
    head = "Fetched first" if call.tool is not None else "Fetched"
    return tag(
        "p",
        tag("strong", head),
        ": ",
        spaced(*(code(text_shown(uri)) for uri in uris[:MOST])),
        f" … {left}" if left else None,
    )


def answer_with(names: list[str]) -> str:
    """Return the call that gives these parameters.

    >>> answer_with(["level"]), answer_with(["from", "x"])
    ('run.answer(level=...)', "run.answer({'from': ..., 'x': ...})")
    """
    if all(name.isidentifier() and not keyword.iskeyword(name) for name in names):
        return f"run.answer({', '.join(f'{name}=...' for name in names)})"
    return f"run.answer({{{', '.join(f'{name!r}: ...' for name in names)}}})"


def step_name(call: Any) -> str:
    """Return the name of the step it is the call of."""
    return str(getattr(call.step, "name", call.step))


def _called(call: Any) -> str:
    return full_name(call.server, call.tool) or "resources only"


def facts(call: Any) -> list[str]:
    """Return tool, source and effects as words."""
    effects = [f"the server says: {', '.join(map(str, call.effects))}"] if call.effects else []
    fails = f"its mock will fail: {short(call.fails)}" if getattr(call, "fails", None) is not None else ""
    return [fact for fact in (_called(call), source_word(call.source), *effects, fails) if fact]

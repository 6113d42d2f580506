"""A mocked server: what each tool answers, how often each rule did, and the last calls with the rule that answered."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, badge, code, frame, named, short, table, tag
from mcpflow_nb.views.plain import count, grid, more, page
from mcpflow_nb.views.values import brief, error_shown

MOST_RULES: Final = 60
MOST_CALLS: Final = 20


def line(mock: Any) -> str:
    """Return `<Mock: 2 tools, 3 calls>`."""
    more = f", {mock.reading}" if mock.reading else ""
    return f"<Mock: {len(mock.tools)} tools, {len(mock.log)} calls{more}>"


def plain(mock: Any) -> str:
    """Return a line a rule, and a line a call of the last ones."""
    rules = grid([["  ", name, label, uses] for name, label, uses in _rules(mock)[:MOST_RULES]], 60)
    calls = grid([["  ", *cells] for cells in _calls(mock)], 60)
    cut = more(_rules(mock), MOST_RULES, "mock.answers")
    head = f"Mock — {count(len(mock.tools), 'tool')}, {count(len(mock.log), 'call')}" + (
        f", {mock.reading}" if mock.reading else ""
    )
    return page([head, *rules, *([cut] if cut else []), *(["last calls:", *calls] if calls else [])], "mock.df")


def html(mock: Any) -> Safe:
    """Return a table of the rules and one of the last calls."""
    facts = [count(len(mock.tools), "tool"), count(len(mock.log), "call"), badge("mock", "source")]
    facts += [badge(f"{count(len(mock.unused), 'rule')} never used", "skipped")] if mock.log and mock.unused else []
    rules = [[code(name), short(label, 200), uses] for name, label, uses in _rules(mock)[:MOST_RULES]]
    first = table("Answers", ["tool", "answers", "used"], rules, more(_rules(mock), MOST_RULES, "mock.answers"))
    calls = [
        [code(tool), short(sent, 200), short(rule, 200), short(came, 200)] for tool, sent, rule, came in _calls(mock)
    ]
    columns = ["tool", "arguments", "answered by", "with"]
    cut = more(mock.log, MOST_CALLS, "mock.df")
    last = table("The last calls", columns, calls, cut) if calls else tag("p", "No calls yet.")
    return frame("Mock", mock.reading, facts, first, last, foot=("mock.log", "mock.unused", "mock.df"))


def _rules(mock: Any) -> list[tuple[str, str, str]]:
    found = []
    for name, answer in mock.answers.items():
        for label, rule in answer.rules():
            found.append((named(name, 60), short(label, 200), f"{rule.uses}×" if rule.uses else "never"))
    return found


def _calls(mock: Any) -> list[tuple[str, str, str, str]]:
    return [
        (
            named(one.tool, 60), brief(one.arguments, 200), short(one.rule or "—", 200),
            f"✖ {short(error_shown(one.error))}" if one.error is not None else brief(one.value, 100),
        ) for one in mock.log[-MOST_CALLS:]
    ]  # fmt: skip

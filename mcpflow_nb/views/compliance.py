"""A measurement of a client: rates a mode, paired differences, and the plan before it; each says what is no evidence."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, badge, code, frame, named, short, spaced, table, tag
from mcpflow_nb.views.plain import count, fold, more, page

MOST_REASONS: Final = 10


def line(results: Any) -> str:
    """Return `<ComplianceResults scripted: 60 trials in 5 modes; simulated: not evidence>`."""
    what = f"{count(len(results), 'trial')} in {count(len(results.modes), 'mode')}"
    return f"<ComplianceResults {short(results.agent, 60)}: {what}{_noted(results.note)}>"


def _noted(note: str) -> str:
    return f"; {note}" if note else ""


def plain(results: Any) -> str:
    """Return a few lines a mode, then the differences, and why trials were lost or stopped."""
    modes = [
        part for one in results.modes
        for part in fold(f"{one.mode}: {_trials(one)}, " + ", ".join(_rated(one, name) for name in one.rates), "  ")
    ]  # fmt: skip
    between = [part for one in results.differences for part in fold(f"{_named(one)}: {_difference(one)}", "  ")]
    reasons = [part for text in _reasons(results) for part in fold(text, "  ", 2)]
    head = _headed(f"Compliance of {named(results.agent, 80)} — {count(len(results), 'trial')}", results.note)
    told = ["Paired differences, points of compliant:", *between] if between else []
    return page([*head, *modes, *told, *reasons], "results.df")


def _headed(title: str, note: str) -> list[str]:
    """Return the first lines; what is no evidence says so on a line of its own, which nothing can break."""
    return [*fold(title, ""), *([note] if note else [])]


def _trials(one: Any) -> str:
    return count(one.trials, "trial") + (f" and {one.lost} lost" if one.lost else "")


def _rated(one: Any, name: str) -> str:
    return f"{_word(name)} {_rate(one.rates[name])}"


def _word(name: str) -> str:
    return name.replace("_", " ")


def _rate(rate: Any) -> str:
    return f"{rate.yes}/{rate.of} ({100 * rate.low:.0f}–{100 * rate.high:.0f} %)" if rate.of else "none"


def _named(one: Any) -> str:
    return f"{one.first} − {one.second}"


def _difference(one: Any) -> str:
    if not one.pairs:
        return "no pairs"
    alone = f"{one.only_first} only {one.first}, {one.only_second} only {one.second}"
    return f"{_points(one)} in {count(one.pairs, 'pair')}: {alone}"


def _points(one: Any) -> str:
    return f"{100 * one.difference:+.0f} ({100 * one.low:+.0f} to {100 * one.high:+.0f})" if one.pairs else "–"


def _reasons(results: Any) -> list[str]:
    told = [one for one in results.trials if one.reason]
    lines = [
        f"{one.status}, {named(one.task, 40)} {named(one.mode, 40)} seed {one.seed}: {short(one.reason, 200)}"
        for one in told[:MOST_REASONS]
    ]
    return [*lines, *filter(None, [more(told, MOST_REASONS, "results.df")])]


def html(results: Any) -> Safe:
    """Return a table of the modes, one of the differences, and why trials were lost or stopped."""
    facts = [count(len(results), "trial"), badge(results.note, "error") if results.note else None]
    names = list(results.modes[0].rates) if results.modes else []
    rows = [
        [code(one.mode), one.trials, one.lost, *(_rate(one.rates[name]) for name in names)] for one in results.modes
    ]
    between = [[_named(one), one.pairs, one.only_first, one.only_second, _points(one)] for one in results.differences]
    columns = ["modes", "pairs", "only the first", "only the second", "points (95 %)"]
    noted = f", {results.note}" if results.note else ""
    return frame(
        "Compliance", code(results.agent), [one for one in facts if one],
        table(f"Yes of trials, with 95 % intervals{noted}", ["mode", "trials", "lost", *map(_word, names)], rows)
        if rows else tag("p", "No trials."),
        table(f"Paired differences of compliant{noted}", columns, between) if between else None,
        [tag("p", text) for text in _reasons(results)],
        foot=("results.df", "results.difference(first, second)"),
    )  # fmt: skip


def plan_line(plan: Any) -> str:
    """Return `<CompliancePlan gpt: 60 trials, at most 1,200 requests, about 90,000 tokens>`."""
    return f"<CompliancePlan {short(plan.agent, 60)}: {_sum(plan)}{_noted(plan.note)}>"


def _sum(plan: Any) -> str:
    return f"{count(plan.trials, 'trial')}, at most {count(plan.requests, 'request')}, about {plan.tokens:,} tokens"


def plan_plain(plan: Any) -> str:
    """Return a line a task and mode."""
    head = _headed(f"Plan for {named(plan.agent, 80)} — {_sum(plan)}", plan.note)
    rows = [
        part for one in plan.rows for part in fold(
            f"{named(one.task, 40)} {named(one.mode, 40)}: {count(one.trials, 'trial')}, at most {one.requests:,} requests, "
            f"about {one.tokens:,} tokens", "  ")
    ]  # fmt: skip
    return page([*head, *rows, *(part for text in _left_out(plan) for part in fold(text, "  "))], "plan.df")


def _left_out(plan: Any) -> list[str]:
    return [
        f"left out: {named(task, 40)} in mode {named(mode, 40)}, it needs the client" for task, mode in plan.left_out
    ]


def plan_html(plan: Any) -> Safe:
    """Return the plan as a table."""
    rows = [[code(one.task), code(one.mode), one.trials, one.requests, f"{one.tokens:,}"] for one in plan.rows]
    columns = ["task", "mode", "trials", "requests at most", "tokens, estimated"]
    facts = [_sum(plan), badge(plan.note, "error") if plan.note else None]
    body = table("What it takes", columns, rows) if rows else tag("p", "Nothing is left to run.")
    return frame("Plan", code(plan.agent), [one for one in facts if one], body,
                 tag("p", spaced(*_left_out(plan))) if plan.left_out else None, foot=("plan.df",))  # fmt: skip

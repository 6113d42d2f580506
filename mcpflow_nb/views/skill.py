"""A skill: what it warns of, then its text as it is written to a file."""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.views.html import Safe, code, frame, preformatted, short, spaced, tag
from mcpflow_nb.views.marks import SEVERITIES
from mcpflow_nb.views.plain import clip, count, fold, page
from mcpflow_nb.visible import visible

MOST: Final = 20_000
"""Characters of the text that are shown."""


def line(skill: Any) -> str:
    """Return `<Skill onboard-employee: 48 lines, 1 warning>`."""
    return f"<Skill {clip(skill.name, 60)}: {_headline(skill)}>"


def plain(skill: Any) -> str:
    """Return the headline, the warnings and the text."""
    lines = [f"Skill {clip(skill.name, 60)} — {_headline(skill)}"]
    for problem in skill.warnings:
        lines += fold(f"{SEVERITIES[problem.severity].icon} {problem.place}: {problem.message} [{problem.code}]", "  ")
    return page([*lines, "", *(visible(part) for part in skill.text.splitlines())], "print(skill)")


def html(skill: Any) -> Safe:
    """Return the warnings as a list, then the text."""
    more = [tag("li", f"{len(skill.warnings) - 60} more: skill.warnings")] if len(skill.warnings) > 60 else []
    warnings = tag("ul", [*map(_item, skill.warnings[:60]), *more]) if skill.warnings else None
    cut = f"{len(skill.text) - MOST:,} more characters: print(skill)" if len(skill.text) > MOST else None
    return frame(
        "Skill", code(skill.name), [_headline(skill)], warnings,
        preformatted(skill.text[:MOST]), tag("p", cut, class_="mf-cut") if cut else None,
        foot=("print(skill)", "skill.save(folder)"),
    )  # fmt: skip


def _item(problem: Any) -> Safe:
    mark = SEVERITIES[problem.severity]
    fix = tag("small", short(problem.fix, 400)) if problem.fix else None
    said = short(f"{problem.place}: {problem.message}", 600)
    return tag("li", f"{mark.icon} {mark.word} ", spaced(said, tag("code", problem.code), fix))


def _headline(skill: Any) -> str:
    lines = count(len(skill.text.splitlines()), "line")
    return f"{lines}, {count(len(skill.warnings), 'warning')}" if skill.warnings else lines

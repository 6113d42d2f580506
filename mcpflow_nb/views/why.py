"""Why an argument has its value: the chain as a list that goes inwards, each link with where it came from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from mcpflow_nb.masking import is_secret
from mcpflow_nb.paths import dotted
from mcpflow_nb.views.html import Safe, badge, code, frame, joined, short, tag
from mcpflow_nb.views.marks import SOURCES, source_word
from mcpflow_nb.views.plain import clip, count, more, page
from mcpflow_nb.views.values import brief, origin_shown, value_shown

MOST: Final = 60
DEEPEST: Final = 16
"""Levels that are indented; what lies deeper stands at the last one, with its level."""

WORDS: Final = {
    "argument": "→ argument", "constant": "= constant", "edited": "✎ edited by hand",
    "answer": "⇢ the client's answer", "binding": "← binding", "made of": "← made of several",
}  # fmt: skip
"""By the source of a link that is no result of a step."""
BY_HAND: Final = ("mock", "recorded", "edited", "pinned", "reused", "settled", "answer")
"""Sources that a reader has to see at once: what no live server has just said."""

_QUOTED: Final = r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_ARGUMENT: Final = re.compile(rf"argument {_QUOTED} of step {_QUOTED} ← (.*)", re.DOTALL)
_NAME: Final = re.compile(rf"(?:workflow argument|binding) {_QUOTED}")


def line(why: Any) -> str:
    """Return `<Why id of pay = "e-1": ◇ mock, → argument>`."""
    value = f" = {_value(why.links[0], 40)}" if why.links else ""
    return f"<Why {clip(why.argument, 40)} of {clip(why.step, 40)}{value}: {_ends(why)}>"


def plain(why: Any) -> str:
    """Return a line a link, indented by how deep it lies."""
    lines = [f"Why {clip(repr(why.argument), 30)} of step {clip(repr(why.step), 30)} — {_ends(why)}"]
    for link in why.links[:MOST]:
        depth = min(link.depth, DEEPEST)
        lines.append(f"  {'  ' * depth}{_source(link)}: {clip(_what(link), 70)} = {_value(link, 60)}")
    lines += [f"  … {left}"] if (left := more(why.links, MOST, "why.df")) else []
    return page(lines, "why.df")


def html(why: Any) -> Safe:
    """Return the chain as lists in lists, and first what it ends in."""
    title = joined(code(why.argument), " of step ", code(why.step))
    items = [(min(link.depth, DEEPEST), _item(link)) for link in why.links[:MOST]]
    left = more(why.links, MOST, "why.df")
    return frame(
        "Why", title, [f"comes from: {_ends(why)}", count(len(why.links), "link")],
        nested(items) or tag("p", "Nothing is known of it."),
        tag("p", f"… {left}", class_="mf-cut") if left else None, foot=("why.df",),
    )  # fmt: skip


def nested(items: Sequence[tuple[int, Safe]]) -> Safe | None:
    """Return lines with their depths as lists in lists; None without a line."""
    found, at = [], 0
    while at < len(items):
        end = next((to for to in range(at + 1, len(items)) if items[to][0] <= items[at][0]), len(items))
        found.append(tag("li", items[at][1], nested(items[at + 1 : end])))
        at = end
    return tag("ul", found, class_="mf-tree") if found else None


def _item(link: Any) -> Safe:
    deep = f"(level {link.depth}) " if link.depth > DEEPEST else None
    kind = "source" if link.source in BY_HAND else "plain"
    return joined(badge(_source(link), kind), " ", deep, short(_what(link), 300), " = ", tag("code", _value(link, 160)))


def _source(link: Any) -> str:
    return source_word(link.source) if link.source in SOURCES and link.source != "edited" else _word(link.source)


def _word(source: str) -> str:
    return WORDS.get(source, source)


def _ends(why: Any) -> str:
    """Return what nobody computed, or what stands for it, each once: the words of all that is no step between."""
    found = dict.fromkeys(_source(link) for link in why.links if link.source not in ("binding", "made of"))
    return clip(", ".join(found), 200) or "nothing that is known"


def _what(link: Any) -> str:
    """Return the words of a link; a constant that is a secret's is masked in them too."""
    found = _ARGUMENT.match(link.what)
    if found is None:
        return str(link.what) + (f", at {dotted('', link.path).lstrip('.')}" if link.path else "")
    origin = origin_shown(found[1][1:-1], found[3], link.value)
    return f"{link.what[: found.start(3)]}{origin}"


def _value(link: Any, most: int) -> str:
    """Return the value on one line; masked where its name, or what it was read from, is a secret's."""
    if found := _ARGUMENT.match(link.what):
        return value_shown(found[1], found[3], link.value, most)
    name = _NAME.match(link.what)
    value, read = link.value, []
    with suppress(KeyError, IndexError, TypeError):  # a part that is not there has a default; then all is shown
        for key in link.path:
            value = value[key]
            read.append(str(key))
    whole = read != [str(key) for key in link.path]
    secret = next((one for one in (*(name.groups() if name else ()), *read) if is_secret(one)), "")
    return brief(link.value if whole else value, most, secret)

"""Python expressions, laid out in at most 120 columns where they can be: one line, else as many items a line as fit.

An expression is a piece of text, a `Text` that may be cut into several literals, or a `Group` of items in brackets.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Any, Final

WIDTH: Final = 120
DEEPEST_COLUMN: Final = 60
"""Brackets that open further to the right have their items on new lines, indented anew."""
SHORTEST: Final = 20
"""Characters of a text that stand on one line however little room there is."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text literal behind a prefix; a long one is several literals in brackets, which Python joins."""

    value: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Items in brackets; `opened` ends in the bracket."""

    opened: str
    items: tuple[Expression, ...]
    closed: str


Expression = str | Text | Group


def literal(text: str) -> str:
    r"""Return a text as Python, in double quotes where that needs no more escapes; hidden characters are written out.

    >>> print(literal("it's"), literal('say "x"'), literal("a\n"))
    "it's" 'say "x"' "a\n"
    """
    written = repr(text)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in text else written


def plain(value: Any) -> Expression:
    """Return a JSON value as Python.

    >>> flat(plain({"a": [1, None]}))
    '{"a": [1, None]}'
    """
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, dict):
        return Group("{", tuple(named(f"{literal(key)}: ", plain(item)) for key, item in value.items()), "}")
    return Group("[", tuple(map(plain, value)), "]") if isinstance(value, list | tuple) else repr(value)


def named(prefix: str, expression: Expression) -> Expression:
    """Return an expression behind `name=` or `"key": `."""
    if isinstance(expression, Group):
        return replace(expression, opened=prefix + expression.opened)
    return (
        replace(expression, prefix=prefix + expression.prefix) if isinstance(expression, Text) else prefix + expression
    )


def flat(expression: Expression) -> str:
    """Return an expression on one line."""
    if isinstance(expression, Group):
        return expression.opened + ", ".join(map(flat, expression.items)) + expression.closed
    return expression.prefix + literal(expression.value) if isinstance(expression, Text) else expression


def laid_out(expression: Expression, column: int = 0, indent: int = 0, behind: int = 0) -> str:
    """Return an expression that begins at a column, of a line with this indent; `behind` columns must stay free."""
    whole = flat(expression)
    if column + len(whole) + behind <= WIDTH:
        return whole
    if isinstance(expression, Text) and len(expression.value) > SHORTEST:
        return _cut(expression, column, indent, behind)
    if not isinstance(expression, Group):
        return whole
    start, found = _start(expression.opened, column, indent)
    at = start
    for number, item in enumerate(expression.items):
        is_last = number == len(expression.items) - 1
        free = len(expression.closed) + behind if is_last else 1
        if at > start and at + 1 + len(flat(item)) + free > WIDTH:
            found, at = f"{found.rstrip()}\n{' ' * start}", start
        shown = laid_out(item, at, start, free)
        found += shown + ("" if is_last else ", ")
        at = len(found) - found.rindex("\n") - 1 if "\n" in found else column + len(found)
    return found + expression.closed


def _start(opened: str, column: int, indent: int) -> tuple[int, str]:
    """Return the column where the items begin, and the opening as it is written."""
    start = column + len(opened)
    return (start, opened) if start <= DEEPEST_COLUMN else (indent + 4, f"{opened}\n{' ' * (indent + 4)}")


def _cut(text: Text, column: int, indent: int, behind: int) -> str:
    start, opened = _start(f"{text.prefix}(", column, indent)
    pieces, rest, room = [], text.value, max(SHORTEST, WIDTH - start - behind - 1)
    while rest:
        size = min(len(rest), room)
        while len(literal(rest[:size])) > room and size > 1:
            size -= max(1, (len(literal(rest[:size])) - room) // 10)
        if size < len(rest):  # after a blank or a line end, so that words stay whole
            size = next((at for at in range(size, size // 2, -1) if rest[at - 1] in " \n"), size)
        pieces.append(literal(rest[:size]))
        rest = rest[size:]
    return opened + f"\n{' ' * start}".join(pieces) + ")"


def parsed(code: str) -> ast.expr:
    """Return the syntax tree of an expression."""
    return ast.parse(code, mode="eval").body

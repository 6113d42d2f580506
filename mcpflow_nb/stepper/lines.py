"""What is typed into the stepper, read as JSON; and the Python line that does what a press does. Secrets never show."""

from __future__ import annotations

import json
import keyword
from collections.abc import Mapping
from typing import Any, Final

from mcpflow_nb.errors import RunError
from mcpflow_nb.exact import dumps
from mcpflow_nb.masking import is_secret
from mcpflow_nb.views.values import error_shown, masked
from mcpflow_nb.visible import visible

MOST_LINE: Final = 2_000
MOST_EDIT: Final = 20_000
"""Characters of a value that can be changed in the stepper; a longer one is changed in a cell."""


class Name(str):
    """A name in a line of Python, written as it is."""

    __slots__ = ()


def clean(text: object, most: int) -> str:
    r"""Return text in which hidden characters are written out, at most `most` characters of it.

    >>> clean("a\x1b[2Jb\nc", 90), clean("abcdef", 3)
    ('a\\x1b[2Jb\nc', 'abc… (6 characters)')
    """
    plain = str(text)
    cut = f"… ({len(plain):,} characters)" if len(plain) > most else ""
    return visible(plain[:most], lines=True) + cut


def error_words(error: BaseException) -> str:
    """Return what an error says, its secrets masked; one without words is its kind."""
    return clean(error_shown(str(error)) or type(error).__name__, 4_000)


def hidden(value: Any, *, is_hidden: bool = False) -> Any:
    """Return a value in which each secret is a text that says only how long it is.

    >>> hidden({"id": 1, "token": "abc"})
    {'id': 1, 'token': '•••• (3 chars)'}
    """
    if is_hidden and value is not None:
        return masked(value)
    if isinstance(value, Mapping):
        return {key: hidden(item, is_hidden=is_secret(key)) for key, item in value.items()}
    return [hidden(item) for item in value] if isinstance(value, list | tuple) else value


def restored(given: Any, before: Any, shown: Any) -> Any:
    """Return a typed value with each secret that was left as it was shown put back.

    >>> before = {"id": 1, "token": "abc"}
    >>> restored({"id": 2, "token": "•••• (3 chars)"}, before, hidden(before))
    {'id': 2, 'token': 'abc'}
    """
    if isinstance(given, str) and given == shown != before:
        return before
    if isinstance(given, dict) and isinstance(before, Mapping) and isinstance(shown, Mapping):
        return {k: restored(v, before[k], shown[k]) if k in before and k in shown else v for k, v in given.items()}
    if isinstance(given, list) and isinstance(before, list | tuple) and isinstance(shown, list):
        pairs = list(zip(before, shown, strict=True))
        return [restored(item, *pairs[at]) if at < len(pairs) else item for at, item in enumerate(given)]
    return given


def typed(value: Any) -> str | None:
    """Return a value as JSON text to change; None where it is too long for that."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if visible(text, lines=True) != text:
        text = json.dumps(value, indent=2)
    return text if len(text) <= MOST_EDIT else None


def read_json(text: Any) -> Any:
    """Return the value of JSON text.

    Raises
    ------
    RunError
        When it is none; it says where.
    """
    problem = "it is no text"
    if isinstance(text, str):
        try:
            return json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            problem = str(error) or "it is nested too deep"
    raise RunError(f"this is no JSON: {problem}")


def read_object(text: Any) -> dict[str, Any]:
    """Return the members of a JSON object.

    Raises
    ------
    RunError
        When it is none.
    """
    value = read_json(text)
    if not isinstance(value, dict):
        raise RunError(f'this is no JSON object such as {{"name": 1}}, but {type(value).__name__}')
    return value


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are the same; 1, 1.0 and true are three values."""
    return dumps(one) == dumps(other)


def call_line(verb: str, *positional: Any, **named: Any) -> str:
    """Return a call of a verb as Python; values under a secret's name are masked.

    >>> call_line("run.edit", "pay", amount=1.5), call_line("run.edit", "pay", token="abc")
    ('run.edit("pay", amount=1.5)', 'run.edit("pay", token=•••• (3 chars))')
    >>> call_line("run.answer", **{"a b": [True, None]})
    'run.answer({"a b": [True, None]})'
    """
    parts = [_literal(value) for value in positional]
    if all(name.isidentifier() and not keyword.iskeyword(name) for name in named):
        parts += [
            f"{name}={masked(v) if is_secret(name) and v is not None else _literal(v)}" for name, v in named.items()
        ]
    else:
        parts.append(_literal(named))
    return clean(f"{verb}({', '.join(parts)})", MOST_LINE)


def _literal(value: Any) -> str:
    if isinstance(value, Name):
        return str.__str__(value)
    if isinstance(value, str):
        shown = visible(value)
        return json.dumps(value, ensure_ascii=shown != value)
    if isinstance(value, Mapping):
        items = [
            f"{_literal(key)}: {masked(item) if is_secret(key) and item is not None else _literal(item)}"
            for key, item in value.items()
        ]
        return "{" + ", ".join(items) + "}"
    return "[" + ", ".join(map(_literal, value)) + "]" if isinstance(value, list | tuple) else repr(value)

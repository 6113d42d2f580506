"""JSON values as they are shown: on one line, and as a tree that folds; secrets masked, every cut said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mcpflow_nb.masking import SECRET, is_secret
from mcpflow_nb.records.record import EDITED
from mcpflow_nb.views.html import Safe, details, joined, short, tag

_PAIR: Final = re.compile(rf'((?:{SECRET.pattern})[\w-]{{0,80}}"?: ?)("(?:[^"\\]|\\.)*"?…?)', re.IGNORECASE)
_KEY: Final = re.compile(r'(\\{0,7})"([^"\\\n]{1,200})\1"\s*:\s*')
_LINE: Final = re.compile(r"""([ \t]*)([-*] )?([^\s"':=-][^"':=]{0,99}[:=] ?)(.*)""")
_ITEM: Final = re.compile(r"\s*- |\d+\. |Then, in this order:")
_NO_VALUE: Final = re.compile(r"\?(?: \{.*\})?|\(from .*\)")
_QUERY: Final = re.compile(r"([?&;]([\w.-]{1,80})=)[^\s&#;\"')]+")
_PLACEHOLDERS: Final = ("image", "audio", "blob")

MAX_DEPTH: Final = 24
MAX_STRING: Final = 200
MAX_ERROR: Final = 100_000
MAX_BYTES: Final = 32_000
MANY: Final = 50
FIRST: Final = 40
LAST: Final = 5


def masked(value: Any) -> str:
    """Return how long a secret is and nothing else of it."""
    length = len(value) if isinstance(value, str) else len(brief(value, 10_000))
    return f"•••• ({length} {'character' if length == 1 else 'characters'})".replace("characters", "chars")


def brief(value: Any, most: int = 80, name: str = "") -> str:
    """Return a value on one line, at most `most` characters; masked where `name` is a secret's.

    >>> brief({"a": [1, None]}), brief("x" * 50, 8), brief("s3cret", name="api_key")
    ('{"a": [1, null]}', '"xxxxxxx…', '•••• (6 chars)')
    """
    if is_secret(name) and value is not None:
        return masked(value)
    shown = ""
    for piece in _pieces(value, most, MAX_DEPTH):
        shown += piece
        if len(shown) > most:
            return short(shown[:most]).split("… (")[0] + "…"
    return short(shown, max(most, 200))


def _pieces(value: Any, most: int, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield json.dumps(label_shown(_json_shown(value[: most + 1])), ensure_ascii=False)
    elif isinstance(value, Mapping | list | tuple):
        opened, closed = ("{", "}") if isinstance(value, Mapping) else ("[", "]")
        yield opened if depth else opened + "…"
        for at, (key, item) in enumerate(_items(value) if depth else ()):
            yield ", " if at else ""
            if isinstance(value, Mapping):
                yield f"{json.dumps(str(key)[: most + 1], ensure_ascii=False)}: "
            yield from (masked(item),) if is_secret(key) and item is not None else _pieces(item, most, depth - 1)
        yield closed
    else:
        yield _scalar(value)


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    return iter(value.items()) if isinstance(value, Mapping) else iter(enumerate(value))


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, bytes | bytearray):
        return f"{len(value):,} bytes"
    return repr(value)


def label_shown(label: str, name: str = "") -> str:
    """Return a source's label; text that stands under a secret's name in it is masked.

    >>> label_shown('{user: "a", token: "xyz"}')
    '{user: "a", token: ••••}'
    """
    if is_secret(name) and label[:1] in '"0123456789[{':
        return "constant ••••"
    return _pairs(label)


def text_shown(text: str, *, lists: bool = False) -> str:
    """Return text in which the value of each secret is masked: in JSON, in a line `name: value`, in a query of a URI.

    `lists` says that a value in a list of arguments goes on to the next item.

    >>> text_shown('{"token": ["a"], "id": 1}'), text_shown("- password: x\\n- id: 1")
    ('{"token": •••• (5 chars), "id": 1}', '- password: ••••\\n- id: 1')
    """
    kept, hiding = [], False
    for line in _json_shown(text).split("\n"):
        if hiding and not _ITEM.match(line):
            continue
        found = _LINE.fullmatch(line[:20_000])
        hides = found is not None and (bool(found[4].strip()) or lists) and _hides(found)
        kept.append(f"{line[: found.start(4)]}••••" if found and hides else line)
        hiding = lists and hides and found is not None and found[2] is not None
    return _QUERY.sub(lambda found: f"{found[1]}••••" if is_secret(found[2]) else found[0], _pairs("\n".join(kept)))


def error_shown(error: str) -> str:
    """Return the words of an error with its secrets masked."""
    cut = f"… ({len(error):,} characters)" if len(error) > MAX_ERROR else ""
    return text_shown(error[:MAX_ERROR]) + cut


def _pairs(text: str) -> str:
    return _PAIR.sub(r"\1••••", text)


def _hides(found: re.Match[str]) -> bool:
    """Whether a line's value is a secret: its name is, and it has one; prose that ends in a colon is no name."""
    is_name = found[2] is not None or len(found[3].split()) <= 2
    return is_name and is_secret(found[3]) and not _NO_VALUE.fullmatch(found[4])


def _json_shown(text: str) -> str:
    kept, at = "", 0
    while found := _KEY.search(text, at):
        kept, at = kept + text[at : found.end()], found.end()
        if is_secret(found[2]):
            shown, at = _hidden(text, at, found[1])
            kept += shown
    return kept + text[at:]


def _hidden(text: str, at: int, escape: str) -> tuple[str, int]:
    """Return what stands for the JSON value that begins here, and where it ends; text that is cut ends with its line."""
    if escape:
        end = re.compile(rf'(?<!\\){re.escape(escape)}"|$', re.MULTILINE).search(text, at + len(escape) + 1)
        return "••••", end.start() if end else len(text)
    try:
        value, end_at = json.JSONDecoder().raw_decode(text, at)
    except (ValueError, RecursionError):
        line_end = text.find("\n", at) if text[at : at + 1] not in ("{", "[") else -1
        return "••••", line_end if line_end >= 0 else len(text)
    return ("null" if value is None else masked(value)), end_at


def origin_shown(name: str, origin: str, value: Any) -> str:
    """Return where a value came from; what only repeats the value is `constant`, what was given by hand has its sign.

    >>> origin_shown("kind", '"monthly"', "monthly"), origin_shown("id", "person.id", "emp-1")
    ('constant', 'person.id')
    """
    if origin == EDITED:
        return f"✎ {EDITED}"
    if origin and brief(value, 200).startswith(origin.removesuffix("…")):
        return "constant"
    if is_secret(name) and isinstance(value, str) and value and value[:30] in origin:
        return "constant"
    return label_shown(origin, name)


def value_shown(name: str, origin: str, value: Any, most: int = 80) -> str:
    """Return an argument's value on one line; masked when its name or where it came from is a secret's."""
    secret = name if is_secret(name) else origin if is_secret(origin) and origin[:1] not in '"{[' else ""
    return brief(value, most, secret)


class _Budget:
    """Bytes of markup a value may still take."""

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, made: Safe) -> Safe:
        self.left -= len(made)
        return made


def tree(value: Any, rest: str, *, opened: bool = True, name: str = "") -> Safe:
    """Return a value as a tree that folds, at most 32 KB; `rest` is the expression that has all of it."""
    if is_secret(name) and value is not None:
        return tag("code", masked(value))
    budget = _Budget(MAX_BYTES)
    made = _node(value, rest, budget, 0, opened)
    if budget.left > 0:
        return tag("div", made, class_="mf-value")
    size = len(brief(value, 10_000_000))
    cut = tag("p", f"shown in part ({size:,} characters): ", tag("code", rest), class_="mf-cut")
    return tag("div", made, cut, class_="mf-value")


def _node(value: Any, rest: str, budget: _Budget, depth: int, opened: bool) -> Safe:
    if isinstance(value, Mapping) and value.get("type") in _PLACEHOLDERS and isinstance(value.get("data"), str):
        kind = f"{value['type']} {short(value.get('mimeType') or value.get('mime_type') or '', 60)}"
        return budget.spend(tag("em", f"{kind}, {len(value['data']):,} characters of base64"))
    if not isinstance(value, Mapping | list | tuple) or not value:
        return budget.spend(_leaf(value, rest))
    size = f"{{{_keys(len(value))}}}" if isinstance(value, Mapping) else f"[{len(value)}]"
    if depth >= MAX_DEPTH or budget.left <= 0:
        return budget.spend(joined(tag("em", f"{size} not shown: "), _rest(rest)))
    budget.spend(Safe(size + "<details><summary></summary><ul></ul></details>"))
    items = [_item(key, item, f"{rest}[{key!r}]"[:400], budget, depth) for key, item in _chosen(value, budget)]
    if left_out := len(value) - len(items):
        more = tag("li", tag("em", f"… {left_out:,} more: "), _rest(rest), class_="mf-cut")
        items.insert(FIRST if len(value) > MANY else len(items), more)
    return details(size, tag("ul", items, class_="mf-tree"), opened=opened and depth == 0 and len(value) <= 10)


def _rest(rest: str) -> Safe:
    return tag("code", short(rest, 300))


def _keys(count: int) -> str:
    return f"{count} {'key' if count == 1 else 'keys'}"


def _chosen(value: Any, budget: _Budget) -> Iterator[tuple[Any, Any]]:
    """Give the members to show: all, or the first and last of many, until the budget is spent."""
    many = len(value) > MANY
    for at, (key, item) in enumerate(_items(value)):
        if budget.left <= 0:
            return
        if not many or at < FIRST or at >= len(value) - LAST:
            yield key, item


def _item(key: Any, item: Any, rest: str, budget: _Budget, depth: int) -> Safe:
    head = tag("code", short(key, 100) if isinstance(key, str) else str(key))
    shown = (
        tag("code", masked(item)) if is_secret(key) and item is not None else _node(item, rest, budget, depth + 1, True)
    )
    return tag("li", budget.spend(head), ": ", shown)


def _leaf(value: Any, rest: str) -> Safe:
    if isinstance(value, str):
        text = json.dumps(label_shown(_json_shown(value[:MAX_STRING])), ensure_ascii=False)
        cut = [f"… ({len(value):,} characters): ", _rest(rest)] if len(value) > MAX_STRING else None
        return joined(tag("code", short(text, 2 * len(text) + 2)), cut)
    return tag("code", short(_scalar(value) if not isinstance(value, Mapping | list | tuple) else _empty(value)))


def _empty(value: Any) -> str:
    return "{}" if isinstance(value, Mapping) else "[]"

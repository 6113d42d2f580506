"""JSON text that is read back exactly: NaN, infinities and lone surrogates are tagged, never changed in silence."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from contextlib import suppress
from typing import Any, Final

from pydantic_core import to_json

SURROGATE: Final = re.compile("[\ud800-\udfff]")


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object that a parser found, for `object_pairs_hook`; a key that stands twice is a ValueError.

    >>> json.loads('{"a": 1}', object_pairs_hook=once)
    {'a': 1}
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found


def dumps(value: Any, *, indent: int | None = None) -> str:
    """Return JSON text that `loads` reads back exactly; NaN, infinities and lone surrogates are tagged.

    >>> loads(dumps([float("inf"), 2**60 + 1]))
    [inf, 1152921504606846977]
    """
    with suppress(ValueError):  # it has NaN or an infinity, or is too deep to be indented there
        text = _PLAIN.encode(value)
        if not any(tag in text for tag in _QUOTED) and (text.isascii() or not SURROGATE.search(text)):
            # With an indent `json` works in plain Python, which takes ten times as long.
            return text if indent is None else to_json(json.loads(text), indent=indent).decode()
    return json.dumps(_tagged(value), ensure_ascii=False, indent=indent, allow_nan=False)


def loads(text: str) -> Any:
    """Return the value of a text that `dumps` wrote.

    Raises
    ------
    ValueError
        When the text is no JSON.
    """
    return _untagged(json.loads(text))


_PLAIN: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_TAG: Final = "$float"
_TEXT_TAG: Final = "$text"
_PAIRS_TAG: Final = "$pairs"


def _tagged(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {_TAG: str(value)}
    if isinstance(value, str) and not value.isascii() and SURROGATE.search(value):
        return {_TEXT_TAG: value.encode("unicode_escape").decode("ascii")}
    if isinstance(value, dict):
        if any(SURROGATE.search(str(key)) for key in value):
            return {_PAIRS_TAG: [[_tagged(str(key)), _tagged(item)] for key, item in value.items()]}
        tagged = {str(key): _tagged(item) for key, item in value.items()}
        # A value that looks like a tag of ours is wrapped, so that it is never mistaken for one.
        return {"$object": tagged} if len(tagged) == 1 and next(iter(tagged)) in _TAGS else tagged
    if isinstance(value, list | tuple):
        return [_tagged(item) for item in value]
    return value


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_untagged(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and (tag := next(iter(value))) in _TAGS:
        return _TAGS[tag](value[tag])
    return {key: _untagged(item) for key, item in value.items()}


_TAGS: Final[dict[str, Any]] = {
    _TAG: float,
    _TEXT_TAG: lambda text: text.encode("ascii").decode("unicode_escape"),
    _PAIRS_TAG: lambda pairs: {_untagged(key): _untagged(item) for key, item in pairs},
    "$object": lambda tagged: {key: _untagged(item) for key, item in tagged.items()},
}
_QUOTED: Final = tuple(f'"{tag}"' for tag in _TAGS)
"""Text without any of these, NaN or a surrogate is exact as it is written."""

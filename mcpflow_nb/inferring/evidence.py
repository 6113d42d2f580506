"""How much it says that two values are equal: how rare the value is, and how near the names are under which it stands.

Both are numbers from 0 to 1. A long id is rare, `true` and `""` say nothing; `employee_id` beside `employee_id` says
much. To weigh another kind of value: a line in `rarity`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from mcpflow_nb.exact import dumps
from mcpflow_nb.masking import MASK
from mcpflow_nb.paths import Path

SAME_NAME: Final = 0.5
SYNONYMS: Final = tuple(frozenset(words.split()) for words in (
    "amount total sum price cost", "to email recipient address", "title name heading subject label",
    "link url uri href", "text body content message", "count number quantity", "user owner assignee author member",
    "ref branch commit sha revision",
))  # fmt: skip
"""Last words of names that often stand for one thing."""
MOST_LEAVES: Final = 50
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_a-zA-Z]+")


def key_of(value: Any) -> str:
    """Return a text that equal JSON values share; 1, 1.0 and true differ, the order of members does not matter."""
    return next(key for path, _, key in parts_of(value) if not path)


def parts_of(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any, str]]:
    """Give every part of a value with its path and key, the inner ones first."""
    if not isinstance(value, dict | list):
        yield path, value, dumps(value)
        return
    sums = []
    for name, item in value.items() if isinstance(value, dict) else enumerate(value):
        key = ""
        for part in parts_of(item, (*path, name)):
            key = part[2]
            yield part
        sums.append(f"{dumps(name)}:{key}" if isinstance(value, dict) else key)
    mark = "{" if isinstance(value, dict) else "["
    text = mark + ",".join(sorted(sums) if isinstance(value, dict) else sums)
    yield path, value, mark + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def rarity(value: Any) -> float:
    """Return how unlikely it is that this value stands somewhere else by chance.

    >>> rarity("emp-456"), rarity("active"), rarity(3), rarity(True)
    (0.9, 0.3, 0.1, 0.0)
    """
    if isinstance(value, dict | list):
        common = 1.0
        for leaf in islice(leaves(value), MOST_LEAVES):
            common *= 1 - rarity(leaf)
        return round(min(0.97, 1 - common), 3)
    if value is None or isinstance(value, bool):
        return 0.0
    return _of_text(value) if isinstance(value, str) else _of_number(value)


def leaves(value: Any) -> Iterator[Any]:
    """Give the values in a value that hold no others."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    else:
        yield value


def _of_number(value: Any) -> float:
    if isinstance(value, float) and value % 1:
        digits = len(repr(value).strip("-0."))
        return 0.2 if digits <= 3 else 0.5 if digits <= 5 else 0.85
    if isinstance(value, float):
        return 0.3 if value else 0.1
    limits = ((10, 0.1), (100, 0.15), (1_000, 0.3), (100_000, 0.6))
    return next((rare for limit, rare in limits if abs(value) < limit), 0.9)


def _of_text(text: str) -> float:
    if not text.strip():
        return 0.0
    if is_masked(text):
        return 0.3
    if is_word(text) and text[0].isupper():
        return 0.5
    if is_word(text):
        return 0.1 if len(text) <= 3 else 0.3 if text.isalpha() and len(text) <= 12 else 0.45
    has_sign = any(sign in text for sign in "@/:") or any(sign.isdigit() for sign in text)
    if len(text) >= 20 or (has_sign and len(text) >= 5):
        return 0.9
    return 0.25 if len(text) <= 4 else 0.8


def is_masked(value: Any) -> bool:
    """Tell whether a recorder put this in the place of a secret: all secrets look alike then."""
    return isinstance(value, str) and value.startswith(MASK)


def is_word(text: str) -> bool:
    """Tell whether a text is one word, or words joined as in a name: `active`, `welcome_employee`, `us-east`."""
    return re.fullmatch(r"[^\W\d_]+([_.-][^\W\d_]+)*", text) is not None


def kinship(parameter: str, path: Path, maker: str) -> tuple[float, str]:
    """Return how near a parameter's name is to the place of a value, and why in words; `maker` is the tool that gave it.

    >>> kinship("employee_id", ("employee_id",), "create_employee")
    (0.5, 'the same name')
    >>> kinship("project_id", ("id",), "create_project")
    (0.45, "'id' of 'create_project'")
    """
    wanted = _words(parameter)
    texts = [key for key in path if isinstance(key, str)]
    own = _words(texts[-1]) if texts else _words(maker)
    if not wanted or not own:
        return 0.0, ""
    if texts and wanted == own:
        return SAME_NAME, "the same name"
    around = set(_words(maker)) | {word for text in texts for word in _words(text)}
    if texts and wanted[-1] == own[-1] and set(wanted) <= around:
        return 0.45, f"{texts[-1]!r} of {maker!r}"
    if wanted[-1] == own[-1]:
        return 0.3, f"both end in {own[-1]!r}"
    if any({wanted[-1], own[-1]} <= same for same in SYNONYMS):
        return 0.3, f"{wanted[-1]!r} and {own[-1]!r} are often one"
    if shared := set(wanted) & set(own):
        return 0.15, f"both have {min(shared)!r}"
    return 0.0, ""


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower().rstrip("s") or word.lower() for word in _WORDS.findall(name[:200]))

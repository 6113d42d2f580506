"""Which names are a secret's, and JSON values with their secrets masked before they are written.

A value keeps its type: text becomes dots, a number 0, and true, false and null say nothing. To add a name: in `SECRET`.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

SECRET: Final = re.compile(
    r"token(?!s)|secret|passw(?:or)?d|passphrase|pwd|authorization|bearer|cookie|(?:api|private)[_-]?key|credential",
    re.IGNORECASE,
)
MASK: Final = "••••"

_IS_ALL: Final = re.compile(rf"(?:{SECRET.pattern})$", re.IGNORECASE)
_KEY: Final = re.compile(r'(\\{0,7})"([^"\\\n]{1,200})\1"\s*:\s*')
_IN_URI: Final = re.compile(
    r"""([?&;][\w.-]{0,80}=|://[^\s/:@"']{0,80}:(?=[^\s/@"']+@)|\b[Bb]earer (?=\S*[\d._-]))([^\s&#;"'@\\]+)"""
)
_NARROWS: Final = frozenset((
    "pattern", "minLength", "maxLength", "format", "enum", "const", "default", "examples", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
))  # fmt: skip
_LEAST: Final = 6
_LONG: Final = 16
_FEW: Final = 64
_LONGEST: Final = 10_000
_HEAD: Final = 4
"""Values shorter than this are not looked for: they would be found in every other word."""


def is_secret(name: object) -> bool:
    """Whether what goes by this name is masked.

    >>> is_secret("github_token"), is_secret("max_tokens")
    (True, False)
    """
    return isinstance(name, str) and SECRET.search(name[:2_000]) is not None


class Secret(str):
    """A text whose repr is dots, so that no traceback and no log that shows values has it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)


def secret_texts(value: Any) -> Any:
    """Return a JSON value in which every text is a `Secret`."""
    if isinstance(value, str):
        return Secret(value)
    if isinstance(value, Mapping):
        return {key: secret_texts(item) for key, item in value.items()}
    return list(map(secret_texts, value)) if isinstance(value, list | tuple) else value


class Masks:
    """The secrets that are known by their values; what was found under a secret's name is one of them afterwards.

    >>> masks = Masks(["s3cret-9"])
    >>> masks.learn({"token": "abc-123"})
    >>> masks.masked({"token": "abc-123", "said": "abc-123 and s3cret-9", "n": 1})
    {'token': '••••', 'said': '•••• and ••••', 'n': 1}
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values: set[str] = set()
        self._heads: dict[str, list[str]] = {}
        for value in values:
            self._add(value)

    def copied(self) -> Masks:
        """Return masks that know the same and learn apart."""
        made = Masks()
        made.values, made._heads = set(self.values), dict(self._heads)
        return made

    def know(self, text: str) -> None:
        """Remember a text that is a secret whatever it looks like; one of fewer than 4 characters is not looked for."""
        if len(text) >= _HEAD and text not in self.values:
            self._add(str.__str__(text))

    def learn(self, value: Any) -> None:
        """Remember the texts that stand under a secret's name, as far as they look like one and not like a word."""
        for text in _secret_texts(value, under=False):
            if text not in self.values and _is_telling(text):
                self._add(text)

    def _add(self, value: str) -> None:
        """Know a secret, also as it is written in JSON text, in a URI and in base64."""
        self.values.add(value)
        forms = {value, html.escape(value), *(json.dumps(value, ensure_ascii=flag)[1:-1] for flag in (True, False))}
        raw = value.encode(errors="surrogatepass")
        coded = (
            {code(raw).decode().rstrip("=") for code in (b64encode, urlsafe_b64encode)} if len(raw) >= _LEAST else {}
        )
        for form in {*forms, quote(value, safe="", errors="replace"), *coded}:
            # A new list, for another thread may read the old one; the longest first, for one may begin with another.
            self._heads[form[:_HEAD]] = sorted({*self._heads.get(form[:_HEAD], ()), form}, key=len, reverse=True)

    def masked(self, value: Any, *, under: bool = False) -> Any:
        """Return a copy of a JSON value without its secrets; `under` says that it stands under a secret's name."""
        if isinstance(value, str):
            return MASK if under and value else self._text(value)
        if isinstance(value, Mapping):
            return {
                self.by_value(key): self.masked(item, under=_hides(key, item, under=under))
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.masked(item, under=under) for item in value]
        return type(value)(0) if under and type(value) in (int, float) else value

    def by_value(self, value: Any) -> Any:
        """Return a JSON value without the secrets that are known by their values, in keys as well; names decide nothing."""
        if isinstance(value, str):
            text = self._without(value) if self._heads else value
            return MASK if isinstance(text, Secret) else text
        if isinstance(value, Mapping):
            return {self.by_value(key): self.by_value(item) for key, item in value.items()}
        return type(value)(map(self.by_value, value)) if isinstance(value, list | tuple) else value

    def _without(self, text: str) -> str:
        """Return a text in which every known value is dots; thousands of values take no longer than one."""
        kept, end, at, heads = [], 0, 0, self._heads
        if len(heads) <= _FEW and not any(head in text for head in tuple(heads)):
            return text
        while at <= len(text) - _HEAD:
            for form in heads.get(text[at : at + _HEAD], ()):
                if text.startswith(form, at):
                    kept += [text[end:at], MASK]
                    end = at + len(form)
                    at = end - 1
                    break
            at += 1
        return "".join([*kept, text[end:]]) if kept else text

    def _text(self, text: str) -> str:
        kept, end = [], 0
        for start, stop, value, escape in _named_in(text):
            shown = f'{escape}"{MASK}' if escape else json.dumps(self.masked(value, under=True), ensure_ascii=False)
            kept += [text[end:start], shown]
            end = stop
        said = _IN_URI.sub(
            lambda found: found[1] + MASK if _is_named(found[1]) else found[0], "".join([*kept, text[end:]])
        )
        return str(self.by_value(said))


KNOWN: Final = Masks()
"""The secrets that this process has sent, by their values: nothing that comes back or is shown has them."""


def masked_schema(schema: Any, *, under: bool = False) -> Any:
    """Return a JSON Schema that masked values meet: what stands under a secret's name keeps its type alone.

    >>> masked_schema({"properties": {"token": {"type": "string", "minLength": 20, "default": "abc"}}})
    {'properties': {'token': {'type': 'string'}}}
    """
    if isinstance(schema, list):
        return [masked_schema(item, under=under) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: {name: masked_schema(part, under=under or is_secret(name)) for name, part in item.items()}
        if key == "properties" and isinstance(item, Mapping) else masked_schema(item, under=under)
        for key, item in schema.items() if not (under and key in _NARROWS)
    }  # fmt: skip


def _hides(key: object, item: Any, *, under: bool) -> bool:
    """Whether an item is masked whole: a number only where the name ends there, for `token_count` is none."""
    if under or not is_secret(key):
        return under
    return not isinstance(item, int | float) or _IS_ALL.search(str(key)) is not None


def _is_named(before: str) -> bool:
    return before[:1] not in "?&;" or is_secret(before)


def _is_telling(text: str) -> bool:
    return _LONG <= len(text) <= _LONGEST or (
        _LEAST <= len(text) < _LONG and not text.isalpha() and not any(map(str.isspace, text))
    )


def _secret_texts(value: Any, *, under: bool) -> Iterator[str]:
    if isinstance(value, str):
        if under:
            yield value
        else:
            yield from (text for *_, inner, _ in _named_in(value) for text in _secret_texts(inner, under=True))
            yield from (found[2] for found in _IN_URI.finditer(value) if _is_named(found[1]))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secret_texts(item, under=under or is_secret(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secret_texts(item, under=under)


def _named_in(text: str) -> Iterator[tuple[int, int, Any, str]]:
    """Give each value under a secret's name in JSON text: its begin and end, itself, and how its quotes are escaped."""
    at = 0
    while found := _KEY.search(text, at) if '"' in text else None:
        at, escape = found.end(), found[1]
        if not is_secret(found[2]):
            continue
        start = at
        if escape:
            if text.startswith(f'{escape}"', start):
                begin = start + len(escape) + 1
                end = re.compile(rf'(?<!\\){re.escape(escape)}"|$', re.MULTILINE).search(text, begin)
                at = end.start() if end else len(text)
                yield start, at, text[begin:at], escape
            continue
        try:
            value, at = json.JSONDecoder().raw_decode(text, start)
        except (ValueError, RecursionError):  # the text was cut: its line goes, or all that was inside
            at = text.find("\n", start) if text[start : start + 1] not in ("{", "[") else -1
            at = at if at >= 0 else len(text)
            value = text[start:at].strip('"')
        if _hides(found[2], value, under=False):
            yield start, at, value, ""

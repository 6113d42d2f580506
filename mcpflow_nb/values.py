"""JSON values: what may be sent, how it is kept frozen, and how it is written without a loss.

`jsonable` is the one door through which Python values become JSON; `Frozen` keeps a value that nobody can change.
"""

from __future__ import annotations

import json
import math
import re
from contextvars import ContextVar
from itertools import accumulate
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, GetPydanticSchema, ValidationError
from pydantic_core import core_schema

from mcpflow_nb.errors import NotJsonError
from mcpflow_nb.exact import SURROGATE, dumps

MAX_DEPTH: Final = 64
"""Nesting beyond this is refused before any library can run out of stack."""

MAX_BITS: Final = 13_000
"""Integers beyond it are refused: Python itself does not write them as text."""

_PLACEHOLDER = re.compile(r"\{([^\W\d]\w*)\}")
_QUOTED: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NO_BRACKETS: Final = re.compile(r"[^\[\]{}]+")
_URI_PLACEHOLDER = re.compile(r"\{[+#./;?&]?((?:[\w.]+\*?)(?:,[\w.]+\*?)*)\}", re.ASCII)


class _Absent:
    """The one value that says: nothing, leave the parameter out."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


is_reading: Final[ContextVar[bool]] = ContextVar("is_reading", default=False)
"""True while a saved document is read: only then is a dict with a tag a saved source, and not an author's value."""


class Data(BaseModel):
    """A frozen model. Verbs return a new one; equality and hash go by what it says, not by where it was written."""

    # The length is also what makes pydantic look into text, and refuse what UTF-8 cannot carry.
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True, str_max_length=1_000_000
    )

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        # The text as well: what is written in another order is another definition, and hashes differently.
        same = type(self) is type(other) and self.__dict__ == other.__dict__
        return same and dumps(self.saved()) == dumps(other.saved())  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self).__name__, dumps(self.saved())))

    def __deepcopy__(self, memo: object = None) -> Data:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self).from_saved, (self.saved(),))

    @classmethod
    def from_saved(cls, saved: Any) -> Self:
        """Return the object of a plain JSON value that `saved` gave."""
        token = is_reading.set(True)
        try:
            return cls.model_validate(saved)
        finally:
            is_reading.reset(token)

    def saved(self) -> dict[str, Any]:
        """Return the plain JSON value of this object, defaults left out."""
        return self.model_dump(by_alias=True, exclude_defaults=True)


def first_lines(error: ValueError) -> str:
    """Return what pydantic found, at most five of it, as one line; the message of any other error."""
    if not isinstance(error, ValidationError):
        return str(error)
    found = error.errors(include_input=False, include_url=False)
    parts = [(".".join(map(str, item["loc"])), item["msg"].removeprefix("Value error, ")) for item in found[:5]]
    lines = [": ".join(filter(None, part)) for part in parts]
    return "; ".join(lines) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")


class Frozen:
    """A JSON value that cannot change: kept as text, so that 1, 1.0 and True differ and reading makes a copy.

    >>> Frozen({"a": [1]}).value
    {'a': [1]}
    >>> Frozen(1) == Frozen(True)
    False
    """

    __slots__ = ("text",)

    def __init__(self, value: Any) -> None:
        self.text: str = value.text if isinstance(value, Frozen) else json.dumps(jsonable(value), ensure_ascii=False)

    @property
    def value(self) -> Any:
        """A fresh copy of the value."""
        return json.loads(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frozen) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return self.text


def _freeze(value: Any) -> Frozen:
    try:
        return Frozen(value)
    except NotJsonError as error:  # pydantic gives a ValueError its place in the document
        raise ValueError(str(error)) from None


def _frozen_schema(_source: Any, _handler: Any) -> core_schema.CoreSchema:
    # any_schema inside: the published JSON Schema says "any JSON value", and the saved form is the plain value.
    return core_schema.no_info_after_validator_function(
        _freeze,
        core_schema.any_schema(),
        serialization=core_schema.plain_serializer_function_ser_schema(
            lambda v: v.value if isinstance(v, Frozen) else v
        ),
    )


FrozenValue = Annotated[Frozen, GetPydanticSchema(_frozen_schema)]
FrozenOrNone = Annotated[Frozen | None, GetPydanticSchema(_frozen_schema)]
"""None only where nothing was given: a JSON null is a Frozen of its own."""


def jsonable(value: Any, *, depth: int = MAX_DEPTH) -> Any:
    """Return `value` as plain JSON data, copied; numpy scalars become numbers.

    Raises
    ------
    NotJsonError
        For what JSON cannot carry exactly: NaN and infinities, dates, bytes, sets, lone surrogates,
        keys that are no text, objects; and for nesting beyond 64 levels.

    >>> jsonable({"n": (1, None)})
    {'n': [1, None]}
    """
    kind = type(value)
    if kind is str:
        if not value.isascii() and SURROGATE.search(value):
            raise NotJsonError("text with a lone surrogate, which is no valid Unicode; encode it first")
        return value
    if kind is int:
        if value.bit_length() > MAX_BITS:
            raise NotJsonError("an integer of more than 4,000 digits; give text")
        return value
    if value is None or kind is bool:
        return value
    if kind is float:
        if not math.isfinite(value):
            raise NotJsonError(f"{value} is no JSON number; leave it out or give text")
        return value
    if depth <= 0:
        raise NotJsonError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        return {_key(key): jsonable(item, depth=depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item, depth=depth - 1) for item in value]
    if isinstance(value, str):  # an enum of text, numpy.str_
        return jsonable(str.__str__(value))
    if kind.__module__ == "numpy" and callable(getattr(value, "item", None)) and not getattr(value, "shape", 1):
        return jsonable(value.item(), depth=depth)
    if isinstance(value, bool | int | float):  # IntEnum and the like
        return jsonable(float(value) if isinstance(value, float) else int(value))
    raise NotJsonError(f"{_described(value)} is no JSON value{_advice(value)}")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise NotJsonError(f"the key {key!r} is no text; JSON objects have text keys")
    return str(jsonable(key))


def _described(value: Any) -> str:
    return f"a {type(value).__module__}.{type(value).__qualname__}".replace("builtins.", "")


def _advice(value: Any) -> str:
    for name, words in (
        ("isoformat", "; give text: value.isoformat()"),
        ("model_dump", "; give value.model_dump(mode='json')"),
        ("tolist", "; give value.tolist()"),
        ("to_dict", "; give value.to_dict()"),
    ):
        if callable(getattr(value, name, None)):
            return words
    return "; give text, a number, a boolean, None, a list or a dict"


def text_of(value: Any) -> str:
    """Return how a value reads inside a text: text as it is, anything else as compact JSON.

    >>> text_of("x"), text_of([1, True])
    ('x', '[1,true]')
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def copied(value: Any) -> Any:
    """Return a copy of a JSON value; only dicts and lists are copied, for nothing else in it can change."""
    if type(value) is dict:
        return {key: copied(item) for key, item in value.items()}
    if type(value) is list:
        return [copied(item) for item in value]
    return value


def placeholders(text: str) -> tuple[str, ...]:
    """Return the names of the `{name}` marks of a text, in order, each once.

    >>> placeholders("{a} { b } {a} {c}")
    ('a', 'c')
    """
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(text)))


def uri_placeholders(uri: str) -> tuple[tuple[str, ...], str]:
    """Return the variables of a URI template, each once, and the text around its marks.

    Source: RFC 6570, section 2; without the prefix modifier `{name:3}`, which the MCP SDK does not know.

    >>> uri_placeholders("docs://{team}/{+path}{?page,size}")
    (('team', 'path', 'page', 'size'), 'docs:///')
    """
    names = (name.rstrip("*") for names in _URI_PLACEHOLDER.findall(uri) for name in names.split(","))
    return tuple(dict.fromkeys(names)), _URI_PLACEHOLDER.sub("", uri)


def filled(text: str, values: dict[str, Any]) -> str:
    """Return `text` with each `{name}` replaced in one pass; unknown names stay, values are never read again.

    >>> filled("{a} {b}", {"a": "{b}"})
    '{b} {b}'
    """
    return _PLACEHOLDER.sub(lambda m: text_of(values[m[1]]) if m[1] in values else m[0], text)


def decoded_size(base64_text: str) -> int:
    """Return how many bytes a text in base64 holds, without decoding it."""
    return max(0, len(base64_text) * 3 // 4 - base64_text[-2:].count("="))


def is_version(found: Any, version: int) -> bool:
    """Tell whether a saved version number is this one; JSON's `true` and `1.0` are not 1."""
    return type(found) is int and found == version


def nesting(text: str) -> int:
    """Return how deep the brackets of a JSON text nest, without parsing it."""
    brackets = _NO_BRACKETS.sub("", _QUOTED.sub("", text))
    return max(accumulate((1 if one in "[{" else -1 for one in brackets), initial=0))

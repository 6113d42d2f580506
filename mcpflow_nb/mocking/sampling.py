"""A value that fits a JSON Schema, the same one every time: what a tool of a mocked catalogue answers.

The walk through the schema is here; the words, dates and addresses come from Faker, texts that match a pattern from
polyfactory. What was made is held to the schema, and where it does not fit, that is an error and no wrong sample.
"""

from __future__ import annotations

import json
import re
from functools import cache
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING, Any, Final

from mcpflow_nb.errors import DefinitionError
from mcpflow_nb.tools.schemas import Unjudged, refusal, require_bounded, resolved

if TYPE_CHECKING:
    from faker import Faker

TRIES: Final = 20
MOST_DEPTH: Final = 8
"""Levels after which only what must be there is made."""
FORMATS: Final = {
    "date": "date", "date-time": "iso8601", "time": "time", "email": "safe_email", "uri": "url", "url": "url",
    "uuid": "uuid4", "hostname": "domain_name", "ipv4": "ipv4", "ipv6": "ipv6",
}  # fmt: skip
"""JSON Schema's `format` to the method of Faker that makes one."""
NAMES: Final = (
    (r"e?mail", "safe_email"),
    (r"(^|_)(url|uri|link|homepage)$", "url"),
    (r"(^|_)user_?name$|^login$", "user_name"),
    (r"first_?name", "first_name"),
    (r"last_?name|surname", "last_name"),
    (r"(^|_)name$", "name"),
    (r"phone", "phone_number"),
    (r"(^|_)city$", "city"),
    (r"country", "country"),
    (r"address", "street_address"),
    (r"company|organi[sz]ation", "company"),
    (r"(^|_)date$|_(on|day)$", "date"),
    (r"(^|_)(created|updated|started|ended|sent)$|_at$|timestamp", "iso8601"),
    (r"description|summary|text|message|body|content", "sentence"),
)
"""What the name of a text field says it is, where its schema says nothing more; the first that fits counts."""


def sample(schema: Any, key: str = "", name: str = "value") -> Any:
    """Return a value that fits a schema; the same schema and key give the same value.

    Raises
    ------
    DefinitionError
        Where no value was found that fits; begins with `name`.

    >>> sample({"type": "object", "properties": {"n": {"type": "integer", "minimum": 3, "maximum": 3}}, "required": ["n"]})
    {'n': 3}
    """
    problem = ""
    try:
        require_bounded(schema)
        for attempt in range(TRIES):
            made = _Sampler(schema, f"{key}/{attempt}").value(schema, name, 0)
            if (why := refusal(schema, made)) is None:
                return made
            problem = f"what was made of it does not fit: {why}"
    except Unjudged as error:
        problem = str(error)
    raise DefinitionError(f"{name}: no sample of its schema: {problem}; give it an answer of its own")


@cache
def _words() -> Faker:
    from faker import Faker  # a tenth of a second, and a mock whose answers are all given needs none

    return Faker("en_US")


class _Sampler:
    def __init__(self, root: Any, key: str) -> None:
        seed = sha256(f"{json.dumps(root, sort_keys=True, default=str)}\n{key}".encode()).digest()
        self.root, self.random = root, Random(seed)
        self.words = _words()
        self.words.seed_instance(int.from_bytes(seed[:8]))

    def value(self, schema: Any, name: str, depth: int) -> Any:
        if not isinstance(schema, dict) or not schema:
            return self._text({}, name)
        if "$ref" in schema:
            return self.value(resolved(schema["$ref"], self.root) if depth < 4 * MOST_DEPTH else {}, name, depth + 1)
        for word in ("const", "default"):
            if word in schema:
                return schema[word]
        for word in ("examples", "enum"):
            if isinstance(schema.get(word), list) and schema[word]:
                return self.random.choice(schema[word])
        if isinstance(schema.get("allOf"), list):
            return self.value(_merged([*schema["allOf"], schema], self.root), name, depth + 1)
        for word in ("anyOf", "oneOf"):
            if isinstance(schema.get(word), list) and schema[word]:
                return self.value(_merged([self._one_of(schema[word], depth), schema], self.root), name, depth + 1)
        return self._typed(schema, name, depth)

    def _one_of(self, choices: list[Any], depth: int) -> Any:
        """Return one of several schemas; null only where there is nothing else, or to come to an end."""
        is_null = [isinstance(one, dict) and one.get("type") == "null" for one in choices]
        ends = depth >= MOST_DEPTH and any(is_null)
        there = [one for one, null in zip(choices, is_null, strict=True) if null is ends]
        return self.random.choice(there or choices)

    def _typed(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        kinds = schema.get("type") or (
            "object" if "properties" in schema else "array" if "items" in schema else "string"
        )
        kinds = [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"] or ["null"]
        kind = self.random.choice(kinds)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._list(schema, name, depth)
        if kind in ("integer", "number"):
            return self._number(schema, is_whole=kind == "integer")
        return {"boolean": True, "null": None}[kind] if kind in ("boolean", "null") else self._text(schema, name)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties") if isinstance(schema.get("properties"), dict) else {}
        required = [name for name in schema.get("required", ()) if isinstance(name, str)]
        names = [name for name in (properties or {}) if depth < MOST_DEPTH or name in required]
        wanted = dict.fromkeys((*names, *required))
        made = {name: self.value((properties or {}).get(name, {}), name, depth + 1) for name in wanted}
        more = schema.get("additionalProperties")
        for at in range(len(made), int(schema.get("minProperties", 0))):
            made[f"key_{at}"] = self.value(more if isinstance(more, dict) else {}, f"key_{at}", depth + 1)
        return made

    def _list(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        first = schema["prefixItems"] if isinstance(schema.get("prefixItems"), list) else []
        least, most = int(schema.get("minItems", 0)), int(schema.get("maxItems", 100))
        wanted = min(max(least, 1 if depth >= MOST_DEPTH else 2), most) if depth < MOST_DEPTH else least
        inner = name.removesuffix("s")
        made = [self.value(one, inner, depth + 1) for one in first]
        more = 0 if schema.get("items") is False else min(wanted, 100) - len(made)
        return made + [self.value(schema.get("items"), inner, depth + 1) for _ in range(more)]

    def _number(self, schema: dict[str, Any], *, is_whole: bool) -> int | float:
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        low = (high - 1_000 if high is not None and high < 1 else 1) if low is None else low
        high = max(low + 1, 1_000) if high is None else high
        step = schema.get("multipleOf") or (1 if is_whole else 0.01)
        if step <= 0 or high < low:
            return low
        first, last = -(-low // step), high // step
        first += "exclusiveMinimum" in schema and first * step <= low
        last -= "exclusiveMaximum" in schema and last * step >= high
        made = self.random.randint(int(first), max(int(first), int(last))) * step
        return int(made) if is_whole else round(float(made), 6)

    def _text(self, schema: dict[str, Any], name: str) -> str:
        if isinstance(schema.get("pattern"), str):
            from polyfactory.value_generators.regex import RegexFactory

            try:
                return RegexFactory(self.random, limit=4)(schema["pattern"])
            except (re.error, KeyError, RecursionError, OverflowError):
                return ""
        method = FORMATS.get(str(schema.get("format")))
        made = str(getattr(self.words, method)()) if method else self._named(name)
        least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", 1_000))
        return (made + "x" * (min(least, 100_000) - len(made)))[:most]

    def _named(self, name: str) -> str:
        """Return a text such as goes by that name: an address for `email`, `emp-4711` for `employee_id`."""
        if re.search(r"(^|_)id$|number$|(^|_)(code|key|sku|reference)$", name):
            return f"{re.split(r'[_-]', name)[0][:4]}-{self.random.randint(100, 9_999)}"
        method = next((method for pattern, method in NAMES if re.search(pattern, name, re.IGNORECASE)), "word")
        return str(getattr(self.words, method)())


def _merged(parts: list[Any], root: Any) -> dict[str, Any]:
    """Return several schemas that must all hold as one: properties and required together, else the last word counts."""
    made: dict[str, Any] = {}
    for part in parts:
        one = resolved(part["$ref"], root) if isinstance(part, dict) and "$ref" in part else part
        if not isinstance(one, dict):
            continue
        own = {
            word: inner
            for word, inner in one.items()
            if word not in ("allOf", "anyOf", "oneOf") or one is not parts[-1]
        }
        properties = {**made.get("properties", {}), **(own.get("properties") or {})}
        required = [*made.get("required", []), *(own.get("required") or [])]
        made |= own | ({"properties": properties} if properties else {}) | ({"required": required} if required else {})
    return made

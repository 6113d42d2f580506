"""What a JSON Schema says, answered in bounded time: validation, paths, and what can never fit.

`jsonschema-rs` does the work: its regular expressions cannot backtrack without end, and `$ref` loops end. A
remote `$ref` is never fetched. A schema that is too large to reason about is said to be so, and not judged.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import jsonschema_rs

MAX_NODES: Final = 10_000
MAX_DEPTH: Final = 64
MAX_COMBINATIONS: Final = 2_000
"""Beyond so many alternatives, whether two types can meet is left open."""
MAX_ALTERNATIVES: Final = 100_000
"""Beyond so many, a value is not validated."""
_CHOICES: Final = ("anyOf", "oneOf", "allOf")
_OWN: Final = {"properties", "additionalProperties", "patternProperties", "unevaluatedProperties"}
_OPEN: Final = {"patternProperties", "unevaluatedProperties", "if", "then", "else", "dependentSchemas"}
_DEFINITIONS: Final = ("$defs", "definitions")


def not_fetched(uri: str) -> Any:
    """Refuse what a schema refers to elsewhere: a server's schema must not make this machine send requests."""
    raise ValueError(f"{uri[:80]!r} is not in the schema, and nothing is fetched")


ALONE: Final = jsonschema_rs.Registry([], retriever=not_fetched)
"""What a schema may refer to: the drafts of JSON Schema, and itself."""
_OPTIONS: Final = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)


class Unjudged(Exception):  # noqa: N818 - an answer inside this package, not an error a reader sees
    """A schema that cannot be judged; the text says why."""


class Validator:
    """A compiled schema.

    Raises
    ------
    Unjudged
        When the schema is too complex, not valid, or refers to what is not in it.
    """

    def __init__(self, schema: Any) -> None:
        problem = None
        if combinations(schema) > MAX_ALTERNATIVES:
            raise Unjudged(f"the schema unfolds to more than {MAX_ALTERNATIVES:,} alternatives")
        try:
            self._compiled = jsonschema_rs.validator_for(schema, pattern_options=_OPTIONS, retriever=not_fetched)
        except (ValueError, TypeError, jsonschema_rs.ReferencingError) as error:
            problem = _first_line(error)
        if problem is not None:
            raise Unjudged(problem)
        self._simple = self._compiled.is_valid

    def refusal(self, value: Any) -> str | None:
        """Return why the value does not fit, in one sentence, or None; Unjudged where a pattern tries too long."""
        try:
            if self._simple(value):
                return None
            error = next(iter(self._compiled.iter_errors(value)))
        except (ValueError, UnicodeError) as problem:
            return _first_line(problem)
        if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.BacktrackLimitExceeded):
            raise Unjudged("a pattern of the schema tries too long")
        place = "".join(f"[{key!r}]" for key in error.instance_path)
        return f"{place}: {_first_line(error)}" if place else _first_line(error)


def refusal(schema: Any, value: Any) -> str | None:
    """Return why a value does not meet a schema, or None; errors as for Validator.

    >>> refusal({"type": "string"}, 42)
    '42 is not of type "string"'
    """
    return Validator(schema).refusal(value)


def never(one: Any, other: Any) -> bool:
    """Tell whether no value at all meets both schemas; what cannot be decided is False.

    >>> never({"type": "string"}, {"type": ["integer", "null"]})
    True
    """
    try:
        if combinations(one) * combinations(other) > MAX_COMBINATIONS:
            return False
        both = [
            jsonschema_rs.canonicalize(part, pattern_options=_OPTIONS, retriever=not_fetched) for part in (one, other)
        ]
        return str(both[0].intersect(both[1]).satisfiability()) == "no"
    except (ValueError, TypeError, Unjudged, jsonschema_rs.ReferencingError):
        return False


class Missing(NamedTuple):
    """A path that the schema does not have: the key, and what is there instead."""

    key: str
    known: tuple[str, ...]
    found: str


def at(schema: Any, path: tuple[str | int, ...]) -> Any:
    """Return the schema of the part at a path, `{}` where nothing is known, or Missing.

    An object that lists its properties has no others unless `additionalProperties` says so.

    >>> at({"type": "object", "properties": {"id": {"type": "string"}}}, ("id",))
    {'type': 'string'}
    >>> at({"type": "object", "properties": {"id": {}}}, ("ip",)).known
    ('id',)
    """
    here, budget = schema, [MAX_NODES]
    for key in path:
        here = _Walk(key, schema, budget).down(here, MAX_DEPTH)
        if isinstance(here, Missing) or here == {}:
            return here
    return _with_definitions(here, schema)


class _Walk:
    """One key further down. Each `$ref` is answered once and the parts looked at are counted, so bombs end."""

    def __init__(self, key: str | int, root: Any, budget: list[int]) -> None:
        self.key, self.root, self.budget = key, root, budget
        self.seen: dict[str, Any] = {}

    def down(self, schema: Any, depth: int) -> Any:
        self.budget[0] -= 1
        if not isinstance(schema, dict) or depth <= 0 or self.budget[0] < 0:
            return {}
        if "$ref" in schema:
            name = str(schema["$ref"])
            if name not in self.seen:
                self.seen[name] = Missing(str(self.key), (), "a schema that only refers to itself")
                self.seen[name] = self.down(resolved(schema["$ref"], self.root), depth - 1)
            return self.seen[name]
        for word in _CHOICES:
            if isinstance(schema.get(word), list) and schema[word]:
                return self._any_of(schema[word], schema, depth)
        if "const" in schema or "enum" in schema:
            return {}
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if isinstance(self.key, int) and ("array" in kinds or (not kinds and "items" in schema)):
            return _item(schema, self.key)
        if not kinds or "object" in kinds:
            return _property(schema, str(self.key))
        return Missing(str(self.key), (), " or ".join(map(str, kinds)) + _advice(kinds))

    def _any_of(self, choices: list[Any], outer: dict[str, Any], depth: int) -> Any:
        rest = {name: value for name, value in outer.items() if name not in _CHOICES}
        parts = [*choices[:50], *([rest] if _OWN & rest.keys() else [])]
        found = [self.down(part, depth - 1) for part in parts]
        there = list({id(part): part for part in found if not isinstance(part, Missing)}.values())
        if there:
            return there[0] if len(there) == 1 else {"anyOf": there}
        known = tuple(dict.fromkeys(name for part in found for name in part.known))
        best = next((part for part in found if part.known), found[0])
        return Missing(str(self.key), known, best.found)


def _item(schema: dict[str, Any], index: int) -> Any:
    first, items = schema.get("prefixItems"), schema.get("items", {})
    if isinstance(first, list) and 0 <= index < len(first):
        return first[index]
    return items if isinstance(items, dict) else {}


def _property(schema: dict[str, Any], name: str) -> Any:
    properties = schema.get("properties")
    if isinstance(properties, dict) and name in properties:
        return properties[name] if isinstance(properties[name], dict) else {}
    rest = schema.get("additionalProperties")
    if isinstance(rest, dict):
        return rest
    if rest is True or _OPEN & schema.keys() or not isinstance(properties, dict):
        return (
            {} if rest is not False or isinstance(properties, dict) else Missing(name, (), "an object without fields")
        )
    return Missing(name, tuple(properties), "an object")


def resolved(reference: Any, root: Any) -> Any:
    """Return the part of a schema that a `$ref` means, `{}` where it is not in it; nothing is fetched."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return {}
    here = root
    for part in reference[1:].split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(here, dict) or name not in here:
            return {}
        here = here[name]
    return here


def _advice(kinds: list[Any]) -> str:
    return " (its items are read with [0], [1], ...)" if kinds == ["array"] else ""


def _with_definitions(part: Any, root: Any) -> Any:
    """Return a part that stands alone; `{}` where it refers to the whole it was taken from."""
    if not isinstance(part, dict) or not isinstance(root, dict):
        return {}
    if part is not root and _refers_outside([part, *(root.get(word) for word in _DEFINITIONS)]):
        return {}
    return {**part, **{word: root[word] for word in _DEFINITIONS if word in root}}


def _refers_outside(parts: list[Any]) -> bool:
    level, seen = parts, 0
    while level and seen <= MAX_NODES:
        seen += len(level)
        for part in level:
            target = part.get("$ref") if isinstance(part, dict) else None
            if isinstance(target, str) and not target.startswith(("#/$defs/", "#/definitions/")):
                return True
        level = [
            inner
            for part in level
            if isinstance(part, dict | list)
            for inner in (part.values() if isinstance(part, dict) else part)
        ]
    return seen > MAX_NODES


def parameter(input_schema: Any, name: str) -> Any:
    """Return the schema of one parameter, with the definitions it may refer to; `{}` when it has none."""
    properties = input_schema.get("properties") if isinstance(input_schema, dict) else None
    return _with_definitions(properties.get(name, {}), input_schema) if isinstance(properties, dict) else {}


def require_bounded(schema: Any) -> None:
    """Return when the schema is small enough to judge.

    Raises
    ------
    Unjudged
        Beyond 10,000 parts or 64 levels.
    """
    count = 0
    level = [schema]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for part in level
            if isinstance(part, dict | list)
            for inner in (part.values() if isinstance(part, dict) else part)
        ]
        count += len(level)
        if count > MAX_NODES:
            raise Unjudged(f"the schema has more than {MAX_NODES:,} parts")
        if not level:
            return
    raise Unjudged(f"the schema is nested deeper than {MAX_DEPTH} levels")


def combinations(schema: Any) -> int:
    """Return how many alternatives a schema may unfold to, as a bound; errors as for `require_bounded`."""
    require_bounded(schema)
    seen: dict[str, int] = {}

    def count(part: Any) -> int:
        if not isinstance(part, dict):
            return 1
        product = 1
        for word, inner in part.items():
            if word == "$ref":
                if str(inner) not in seen:
                    seen[str(inner)] = 1  # a loop counts once
                    seen[str(inner)] = count(resolved(inner, schema))
                product *= seen[str(inner)]
            elif word in ("anyOf", "oneOf") and isinstance(inner, list):
                product *= sum(count(one) for one in inner) or 1
            elif word == "allOf" and isinstance(inner, list):
                for one in inner:
                    product = min(product * count(one), MAX_ALTERNATIVES + 1)
                product *= max(1, len(inner))  # each is tried, also where all are one and the same
            elif word == "if":
                product *= 2 * count(inner)
            elif word == "properties" and isinstance(inner, dict):
                product *= max([1, *(count(one) for one in inner.values())])
            elif word in ("items", "not", "additionalProperties", "then", "else"):
                product *= count(inner)
            product = min(product, MAX_ALTERNATIVES + 1)
        return product

    return count(schema)


def _first_line(error: BaseException) -> str:
    message = str(getattr(error, "message", "") or error).split("\n", 1)[0]
    return message if len(message) <= 200 else message[:199] + "…"

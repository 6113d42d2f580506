"""JSON Schema in bounded time: paths, refusals, and types that can never meet."""

import contextlib
import time

import pytest

from mcpflow_nb.tools.schemas import Missing, Unjudged, Validator, at, combinations, never, parameter, refusal

PERSON = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}},
        "boss": {"anyOf": [{"$ref": "#/$defs/person"}, {"type": "null"}]},
        "extra": {"type": "object", "additionalProperties": {"type": "integer"}},
        "open": {"type": "object", "properties": {}, "additionalProperties": True},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "boolean"}},
        "any": {},
    },
    "$defs": {
        "tag": {"type": "object", "properties": {"name": {"type": "string"}}},
        "person": {"type": "object", "properties": {"name": {"type": "string"}, "boss": {"$ref": "#/$defs/person"}}},
    },
}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (("id",), "string"), (("tags", 0, "name"), "string"), (("boss", "name"), "string"),
        (("boss", "boss", "boss", "name"), "string"), (("extra", "anything"), "integer"),
        (("pair", 0), "string"), (("pair", 5), "boolean"),
    ],
)  # fmt: skip
def test_a_path_leads_through_references_alternatives_lists_and_extras(path, kind):
    assert at(PERSON, path)["type"] == kind


@pytest.mark.parametrize(
    ("path", "key", "known"),
    [
        (("ip",), "ip", tuple(PERSON["properties"])),
        (("tags", 0, "nam"), "nam", ("name",)),
        (("tags", "name"), "name", ()),
        (("boss", "nam"), "nam", ("name", "boss")),
        (("id", "x"), "x", ()),
        (("id", 0), "0", ()),
    ],
)
def test_a_path_that_is_not_there_says_what_is(path, key, known):
    found = at(PERSON, path)
    assert isinstance(found, Missing)
    assert (found.key, found.known) == (key, known)


@pytest.mark.parametrize("path", [("any", "x"), ("open", "x"), ("any", 0, "y")])
def test_where_nothing_is_declared_nothing_is_refused(path):
    assert at(PERSON, path) == {}


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ({"type": "string"}, {"type": "integer"}, True),
        ({"type": "integer"}, {"type": "number"}, False),
        ({"type": ["string", "null"]}, {"type": "integer"}, True),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, {"type": "integer"}, False),
        ({"enum": ["a"]}, {"enum": ["b", "c"]}, True),
        ({"type": "boolean"}, {"type": "integer"}, True),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, {"type": "object"}, True),
        ({}, {"type": "integer"}, False),
        (True, {"type": "integer"}, False),
        ({"$ref": "http://127.0.0.1:9/never-fetched"}, {"type": "integer"}, False),
        ({"type": "nonsense"}, {"type": "integer"}, False),
    ],
)
def test_only_types_that_can_never_meet_are_never(one, other, answer):
    assert (never(one, other), never(other, one)) == (answer, answer)


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"type": "string"}, 42, '42 is not of type "string"'),
        ({"type": "integer"}, True, "true is not of type"),
        ({"type": "object", "properties": {"n": {"maximum": 3}}}, {"n": 4}, "['n']: 4 is greater"),
        ({"const": 2**53 + 1}, 2**53, "was expected"),
        ({"enum": ["a"]}, "b", "is not"),
    ],
)
def test_a_refusal_is_one_sentence_with_its_place(schema, value, said):
    assert said in refusal(schema, value)
    assert "\n" not in refusal(schema, value)


@pytest.mark.parametrize(
    "schema", [{"$ref": "http://127.0.0.1:9/x"}, {"$ref": "file:///etc/passwd"}, {"type": "nonsense"}]
)
@pytest.mark.row("TL11")
def test_what_is_not_in_the_schema_is_never_fetched(schema):
    with pytest.raises(Unjudged):
        Validator(schema)


def deep(levels, leaf):
    for _ in range(levels):
        leaf = {"not": leaf}
    return leaf


HOSTILE = {
    "backtracking": {"type": "string", "pattern": "^(a+)+$"},
    "backtracking with a reference": {"type": "string", "pattern": "^(?=(a+)+$)(a+)+\\1$"},
    "loop": {"$ref": "#"},
    "loop in a choice": {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "string"}]}}},
    "bomb": {
        "$ref": "#/$defs/d0",
        "$defs": {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)}
        | {"d60": {"type": "string"}},
    },
    "product": {"allOf": [{"anyOf": [{"multipleOf": p * k + 1} for k in range(1, 12)]} for p in range(2, 12)]},
    "deep": deep(10_000, {"type": "string"}),
    "wide": {"anyOf": [{"const": n} for n in range(100_000)]},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_is_answered_at_once(name):
    schema, begun = HOSTILE[name], time.process_time()
    at(schema, ("a", "b", 0))
    never(schema, {"type": "integer"})
    never(schema, schema)
    with contextlib.suppress(Unjudged):
        refusal(schema, "a" * 60 + "!")
        refusal(schema, 1)
    assert time.process_time() - begun < 3  # without bounds: minutes


def test_combinations_are_counted_through_references_and_stop():
    assert combinations({"anyOf": [{}, {}, {"oneOf": [{}, {}]}]}) == 4
    assert combinations(HOSTILE["product"]) == 100_001


def test_a_parameter_s_schema_keeps_the_definitions_it_refers_to():
    schema = {"type": "object", "properties": {"p": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "string"}}}
    assert parameter(schema, "p") == {"$ref": "#/$defs/x", "$defs": {"x": {"type": "string"}}}
    assert parameter(schema, "q") == {"$defs": {"x": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "key"),
    [
        ({"properties": {"id": {}}, "oneOf": [{"properties": {"kind": {"const": "x"}}}]}, "id"),
        ({"properties": {"id": {}}, "then": {"properties": {"extra": {}}}}, "extra"),
        ({"allOf": [{"properties": {"id": {}}}], "additionalProperties": {"type": "integer"}}, "x"),
        ({"properties": {"id": {}}, "unevaluatedProperties": True}, "x"),
    ],
)
def test_a_field_that_another_keyword_may_bring_is_not_refused(schema, key):
    assert not isinstance(at(schema, (key,)), Missing)

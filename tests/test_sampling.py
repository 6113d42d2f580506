"""Samples of schemas: they fit, they are the same every time, and what cannot be sampled is said."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mcpflow_nb as mf
from mcpflow_nb.mocking.sampling import FORMATS, NAMES, sample
from mcpflow_nb.tools.schemas import refusal

SCHEMAS = {
    "everything": {"type": "object", "required": ["a"], "properties": {
        "a": {"type": ["integer", "null"], "exclusiveMinimum": 3, "multipleOf": 5}, "b": {"type": "number", "maximum": -2},
        "c": {"type": "array", "items": {"enum": ["x", "y"]}, "minItems": 3, "maxItems": 3}, "d": {"const": {"k": 1}},
        "e": {"anyOf": [{"type": "null"}, {"type": "string", "minLength": 4, "maxLength": 6}]}}},
    "pattern": {"type": "string", "pattern": "^emp-[0-9]{3}$"},
    "refs": {"$defs": {"P": {"type": "object", "properties": {"boss": {"anyOf": [{"$ref": "#/$defs/P"}, {"type": "null"}]},
             "name": {"type": "string"}}, "required": ["boss", "name"]}}, "$ref": "#/$defs/P"},
    "all of": {"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
               {"properties": {"b": {"type": "boolean"}}, "required": ["b"]}]},
    "one of": {"oneOf": [{"type": "integer", "minimum": 5}, {"type": "string"}], "description": "either"},
    "tuple": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    "open": {"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}},
    "nothing said": {}, "true": True, "examples": {"type": "string", "examples": ["one", "two"]},
    **{f"format {one}": {"type": "string", "format": one} for one in FORMATS},
}  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_a_sample_fits_its_schema_and_is_the_same_every_time(schema):
    made = [sample(schema, key) for key in map(str, range(20))]
    assert [refusal(schema, one) for one in made] == [None] * 20
    assert made == [sample(schema, key) for key in map(str, range(20))]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (False, "does not fit"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "does not fit"),
        ({"type": "string", "pattern": "("}, "value: no sample of its schema"),
        ({"not": {}}, "does not fit"),
        ({"$ref": "https://elsewhere.example/x.json"}, "nothing is fetched"),
    ],
)
def test_what_no_value_fits_is_said_and_never_made_up(schema, said):
    with pytest.raises(mf.DefinitionError, match=said):
        sample(schema)


def test_a_schema_that_never_ends_is_said_to_be_so():
    endless = {
        "$defs": {"P": {"type": "object", "properties": {"p": {"$ref": "#/$defs/P"}}, "required": ["p"]}},
        "$ref": "#/$defs/P",
    }
    with pytest.raises(mf.DefinitionError, match="no sample"):
        sample(endless)


def test_names_say_what_a_text_is():
    names = ["email", "home_url", "user_name", "first_name", "last_name", "name", "phone", "city", "country", "address",
             "company", "date", "created_at", "summary"]  # fmt: skip
    made = sample({"type": "object", "properties": {name: {"type": "string"} for name in names}})
    assert "@" in made["email"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", made["date"])
    assert {next(method for pattern, method in NAMES if re.search(pattern, name)) for name in names} == {
        method for _, method in NAMES
    }
    assert re.fullmatch(r"empl-\d+", sample({"type": "string"}, name="employee_id"))


kinds = st.recursive(
    st.one_of(
        st.builds(lambda low, size: {"type": "integer", "minimum": low, "maximum": low + size}, st.integers(-9, 9), st.integers(0, 9)),
        st.builds(lambda low, size: {"type": "string", "minLength": low, "maxLength": low + size}, st.integers(0, 9), st.integers(0, 9)),
        st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"enum": [1, "a", None]}, {"type": ["string", "null"]}]),
    ),
    lambda inner: st.one_of(
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 3)),
        st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner),
        st.builds(
            lambda fields, n: {"type": "object", "properties": fields, "required": list(fields)[:n], "additionalProperties": False},
            st.dictionaries(st.sampled_from("abc"), inner), st.integers(0, 3),
        ),
    ),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True)
@given(kinds)
def test_whatever_such_a_schema_says_its_sample_fits(schema):
    assert refusal(schema, sample(schema)) is None

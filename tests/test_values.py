import datetime
import enum
import json
import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpflow_nb.errors import NotJsonError
from mcpflow_nb.exact import dumps, loads
from mcpflow_nb.values import Frozen, filled, jsonable, nesting, placeholders, text_of, uri_placeholders

ANY_TEXT = st.text(st.characters() | st.characters(categories=["Cs"]))
TAGS = st.sampled_from(["$float", "$text", "$object", "$pairs"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.sampled_from([2**53 + 1, -0.0])
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT | TAGS, inner, max_size=3),
    max_leaves=12,
)


class Level(enum.IntEnum):
    HIGH = 3


class Colour(enum.StrEnum):
    RED = "red"


def nested(depth):
    made = 1
    for _ in range(depth):
        made = [made]
    return made


@pytest.mark.parametrize(
    ("value", "plain"),
    [((1, (2,)), [1, [2]]), (np.int64(2**60 + 1), 2**60 + 1), (np.float32(0.5), 0.5), (np.bool_(True), True),
     (np.str_("x"), "x"), (np.array(3), 3), (Level.HIGH, 3), (Colour.RED, "red"), ({Colour.RED: Level.HIGH}, {"red": 3})],
)  # fmt: skip
def test_what_means_a_json_value_becomes_one(value, plain):
    made = jsonable(value)
    assert (made, type(made)) == (plain, type(plain))


@pytest.mark.parametrize(
    ("value", "message"),
    [(math.nan, "nan is no JSON number"), (np.float64("inf"), "inf is no JSON number"), ("a\udc00", "a lone surrogate"),
     ({"\ud800": 1}, "a lone surrogate"), ({1: 1}, "the key 1 is no text"), ({None: 1}, "the key None is no text"),
     (datetime.datetime(2026, 1, 1), "give text: value.isoformat()"), (np.datetime64("2026-01-01"), "isoformat"),
     (np.array([1]), "give value.tolist()"), (b"x", "a bytes is no JSON value"), ({1}, "a set is no JSON value"),
     (1j, "a complex is no JSON value"), (range(2), "a range is no JSON value"), (nested(65), "deeper than 64 levels")],
)  # fmt: skip
def test_what_json_cannot_carry_is_refused_with_advice(value, message):
    with pytest.raises(NotJsonError) as caught:
        jsonable([value] if not isinstance(value, list) else value)
    assert message in str(caught.value)


def test_64_levels_are_accepted():
    assert jsonable(nested(64)) == nested(64)


def test_a_frozen_value_gives_a_fresh_copy_each_time():
    frozen = Frozen({"a": [1]})
    frozen.value["a"].append(2)
    assert (frozen.value, frozen.text) == ({"a": [1]}, '{"a": [1]}')


def test_frozen_values_differ_when_their_json_types_differ():
    assert len({Frozen(value) for value in (1, 1.0, True, "1", None, [1], {"1": 1})}) == 7


@given(ANYTHING)
def test_every_value_is_read_back_exactly_as_it_was_written(value):
    assert repr(loads(dumps(value))) == repr(value)


@given(ANYTHING)
def test_what_is_written_is_strict_json_that_a_file_can_hold(value):
    def refuse(word):
        raise AssertionError(word)

    assert dumps(value).encode("utf-8")
    json.loads(dumps(value), parse_constant=refuse)


@pytest.mark.parametrize(
    "value",
    [{"$float": "nan"}, {"$float": 1}, {"$text": "x"}, {"$object": {"$float": "nan"}}, {"$pairs": []},
     {"$object": {"$object": {}}}, {"$float": math.nan}, {"\ud83d\ude00": "\ud83d\ude00"}, {"$text": "\ud800"}],
)  # fmt: skip
def test_a_value_that_looks_like_a_tag_is_not_taken_for_one(value):
    assert repr(loads(dumps(value))) == repr(value)


def test_text_stands_in_text_as_it_is_and_all_else_as_compact_json():
    assert [text_of(v) for v in ("x", 1.0, True, None, {"é": [1, 2]})] == ["x", "1.0", "true", "null", '{"é":[1,2]}']


@pytest.mark.parametrize(
    ("text", "names"),
    [("{a} {b} {a}", ("a", "b")), ("{ a } {} {1} {a.b} {a-b}", ()), ("{{a}}", ("a",)), ("{é_1}", ("é_1",)), ("", ())],
)
def test_marks_are_names_in_braces(text, names):
    assert placeholders(text) == names


def test_filling_is_one_pass_and_leaves_unknown_marks():
    assert filled("{a}{b}{c}{{a}}", {"a": "{b}", "b": "{a}"}) == "{b}{a}{c}{{b}}"


@pytest.mark.parametrize(
    ("uri", "names", "rest"),
    [("docs://{a}/{b}/{a}", ("a", "b"), "docs:////"), ("x://{+path}{?q,page}{&r}{#s}", ("path", "q", "page", "r", "s"), "x://"),
     ("x://{/path*}", ("path",), "x://"), ("x://{ a }{}{a:3}", (), "x://{ a }{}{a:3}")],
)  # fmt: skip
def test_the_variables_of_a_uri_are_those_of_rfc_6570(uri, names, rest):
    assert uri_placeholders(uri) == (names, rest)


@pytest.mark.parametrize(
    ("text", "depth"), [("1", 0), ("[[{}]]", 3), ('["[[[[", {"a": "\\"[["}]', 2), ("[][][]", 1), ("[" * 5000, 5000)]
)
def test_nesting_is_counted_without_reading_the_text(text, depth):
    assert nesting(text) == depth


def test_hostile_text_is_measured_in_linear_time():
    begun = time.process_time()
    assert nesting('"' + '\\"' * 500_000) == 0
    assert nesting("[" * 500_000) == 500_000
    assert time.process_time() - begun < 5  # quadratic: minutes


def test_an_integer_that_python_does_not_write_as_text_is_refused():
    with pytest.raises(NotJsonError, match="4,000 digits"):
        jsonable(10**5000)

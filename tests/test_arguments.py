import datetime
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mcpflow_nb as mf
from mcpflow_nb.errors import DefinitionError
from mcpflow_nb.values import ABSENT
from mcpflow_nb.workflows.arguments import Argument, from_text


def declared(**fields):
    (argument,) = mf.SequentialWorkflow("w").argument("a", **fields).arguments
    return argument


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [("integer", "42", 42), ("integer", "+7", 7), ("integer", "-0", 0), ("integer", "007", 7),
     ("integer", "9007199254740993", 2**53 + 1), ("number", "1e3", 1000.0), ("number", ".5", 0.5), ("number", "5.", 5.0),
     ("number", "-1.5E-3", -0.0015), ("number", "42", 42.0), ("boolean", "TRUE", True), ("boolean", "1", True),
     ("boolean", "yes", True), ("boolean", "False", False), ("boolean", "0", False), ("boolean", "No", False)],
)  # fmt: skip
def test_text_of_the_grammar_becomes_a_value(kind, text, value):
    found = from_text(kind, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", text)
        for text in ("", " 7", "7 ", "7\n", "4.0", "1e3", "1_000", "0x1f", "٣", "７", "++1", "+", "--", "9" * 4001)
    ]
    + [
        ("number", text)
        for text in ("", ".", "NaN", "inf", "-Infinity", "1e999", "1_0", "1,5", " 1", "1e", "٣.٥", "0x1")
    ]
    + [("boolean", text) for text in ("", "on", "off", "y", "t", "2", " true", "truе")],
)
def test_text_outside_the_grammar_is_refused(kind, text):
    with pytest.raises(ValueError, match=f"is no {kind}"):
        from_text(kind, text)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (str, ""),
        (str, "42"),
        (int, 2**80),
        (float, 1),
        (float, 1.5),
        (bool, False),
        (list, [1, "x"]),
        (dict, {"k": None}),
    ],
)
def test_a_python_value_of_the_type_is_accepted_as_it_is(type_, value):
    accepted = declared(type=type_).accept(value)
    assert (accepted, type(accepted)) == (value, type(value))


@pytest.mark.parametrize(
    ("type_", "value"),
    [(str, 42), (str, None), (int, 1.0), (int, True), (float, True), (bool, 1), (bool, None), (list, "[]"), (dict, "{}"),
     (dict, []), (float, math.nan), (list, [math.inf]), (dict, {"when": datetime.date(2026, 1, 1)}), (str, b"x"),
     (str, "\ud800")],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(type_, value):
    with pytest.raises(ValueError):
        declared(type=type_).accept(value)


def test_a_value_that_is_accepted_is_a_copy():
    given_list = [[1]]
    accepted = declared(type=list).accept(given_list)
    given_list[0].append(2)
    assert accepted == [[1]]


@pytest.mark.parametrize(("value", "accepted"), [("1", 1), (3, 3)])
def test_a_choice_is_accepted_as_text_and_as_a_value(value, accepted):
    assert declared(type=int, choices=[1, 2, 3]).accept(value) == accepted


@pytest.mark.parametrize(
    ("type_", "choices", "value"), [(int, [1, 2], "4"), (str, ["a"], "A"), (float, [1.0, 2.0], True)]
)
def test_a_value_that_is_no_choice_is_refused(type_, choices, value):
    with pytest.raises(ValueError, match=r"is none of the choices|is no number"):
        declared(type=type_, choices=choices).accept(value)


def test_a_number_is_one_of_the_choices_however_it_is_written():
    argument = declared(type=float, choices=[1, 2.5])
    assert [argument.accept(1), argument.accept("1"), argument.accept(1.0), argument.accept("2.50")] == [1, 1, 1, 2.5]


@pytest.mark.parametrize(
    "fields",
    [{"type": int, "default": "3"}, {"type": int, "default": 3.0}, {"type": int, "default": True},
     {"default": 1}, {"type": bool, "default": "yes"}, {"type": int, "default": 4, "choices": [1]},
     {"type": int, "choices": ["1"]}, {"type": list, "default": {}}, {"default": math.nan}, {"type": "text"},
     {"type": None}, {"type": set}, {"type": list[int]}, {"choices": [{1}]}, {"schema": {"x": {1}}}],
)  # fmt: skip
def test_a_declaration_that_contradicts_itself_is_refused(fields):
    with pytest.raises(DefinitionError, match="argument 'a'"):
        declared(**fields)


def test_an_argument_is_named_by_text():
    with pytest.raises(DefinitionError, match="the name is text, not 5"):
        mf.SequentialWorkflow("w").argument(5)


def test_an_argument_is_required_text_unless_said_otherwise():
    assert declared() == Argument(name="a", description="", required=True, type="string")


@pytest.mark.parametrize(
    ("fields", "required"),
    [({}, True), ({"default": "x"}, False), ({"required": False}, False), ({"required": True, "default": "x"}, True)],
)
def test_an_argument_with_a_default_is_optional_unless_said_otherwise(fields, required):
    assert declared(**fields).required is required


@pytest.mark.parametrize(
    ("type_", "name"),
    [(str, "string"), (int, "integer"), (float, "number"), (bool, "boolean"), (list, "array"), (dict, "object"),
     ("integer", "integer")],
)  # fmt: skip
def test_a_type_is_given_as_in_python_or_as_in_json_schema(type_, name):
    assert declared(type=type_).type == name


def test_the_schema_of_an_argument_has_type_choices_and_what_was_added():
    argument = declared(type=int, choices=[1, 2], schema={"minimum": 0})
    assert argument.schema_now == {"type": "integer", "minimum": 0, "enum": [1, 2]}


def test_empty_text_counts_as_absent_for_an_optional_argument_that_is_no_text():
    assert [
        declared(type=int, required=False).is_absent(""), declared(type=int).is_absent(""),
        declared(required=False).is_absent(""), declared(type=int, required=False).is_absent(0),
        declared().is_absent(ABSENT),
    ] == [True, False, False, False, True]  # fmt: skip


def test_none_is_no_default_and_no_value_where_an_argument_is_optional():
    argument = declared(type=int, required=False, default=None)
    assert (argument.required, argument.default, argument.is_absent(None)) == (False, None, True)
    assert declared(type=int).is_absent(None) is False


@given(st.integers())
def test_every_integer_is_read_back_from_its_text(number):
    assert from_text("integer", str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_read_back_from_its_text(number):
    assert repr(from_text("number", repr(number))) == repr(number)


@given(st.text(), st.sampled_from(["integer", "number", "boolean"]))
def test_any_text_is_a_value_of_its_kind_or_a_value_error(text, kind):
    kinds = {"integer": int, "number": float, "boolean": bool}
    try:
        outcome = type(from_text(kind, text))
    except ValueError as error:
        outcome = f"is no {kind}" in str(error)
    assert outcome in (kinds[kind], True)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [("array", "[1, 2.0]", [1, 2.0]), ("object", '{"a": null}', {"a": None}), ("array", " [] ", [])],
)
def test_json_text_is_read_for_a_list_or_an_object_where_only_text_can_come(kind, text, value):
    assert from_text(kind, text) == value


@pytest.mark.parametrize("text", ["", "1", "[1", "{}", "[" * 100 + "]" * 100, "[1] [2]"])
def test_what_is_no_json_list_is_refused(text):
    with pytest.raises(ValueError, match=r"is no array \(JSON text\)"):
        from_text("array", text)

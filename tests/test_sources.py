import datetime
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mcpflow_nb as mf
from mcpflow_nb.errors import DefinitionError, MissingValueError
from mcpflow_nb.paths import split_path
from mcpflow_nb.values import ABSENT
from mcpflow_nb.workflows.dsl import as_source
from mcpflow_nb.workflows.sources import Read, Scope

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("aé{}.😀"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.0{}", max_size=3), inner, max_size=3),
    max_leaves=8,
)


def value(source, *, arguments=None, **bindings):
    return source.resolve(Scope(arguments or {}, bindings))


class Types:
    """What is known before a run: each answer names its question."""

    def argument(self, name, path):
        return {"title": f"argument {name} {path}"}

    def binding(self, name, path):
        return {"title": f"binding {name} {path}"}


def test_prompt_arg_reads_an_argument_of_the_workflow():
    source = mf.prompt_arg("who")
    assert value(source, arguments={"who": "Ada"}) == "Ada"
    assert (source.label, source.code) == ("argument who", "prompt_arg('who')")
    assert source.reads == (Read("argument", "who", (), True),)


def test_prompt_arg_reads_into_an_argument_that_is_an_object():
    source = mf.prompt_arg("order")["lines"][-1]["id"]
    assert value(source, arguments={"order": {"lines": [{"id": 1}, {"id": 2}]}}) == 2
    assert (source.label, source.code) == ("argument order.lines.-1.id", "prompt_arg('order')['lines'][-1]['id']")


def test_an_argument_that_is_not_given_leaves_its_parameter_out():
    assert value(mf.prompt_arg("who")) is ABSENT


def test_from_step_reads_the_whole_output():
    source = mf.from_step("made")
    assert value(source, made=[1, {"a": None}]) == [1, {"a": None}]
    assert (source.label, source.code, source.reads) == (
        "made", "from_step('made')", (Read("binding", "made", (), True),),
    )  # fmt: skip


def test_field_reads_a_part_of_an_output():
    source = mf.field("games", "list.0.id")
    assert value(source, games={"list": [{"id": 2**53 + 1}]}) == 2**53 + 1
    assert (source.label, source.code) == ("games.list.0.id", "field('games', 'list.0.id')")
    assert source.reads == (Read("binding", "games", ("list", 0, "id"), True),)


def test_brackets_and_field_make_the_same_source():
    assert mf.from_step("games")["list"][0]["id"] == mf.field("games", "list.0.id")


def test_only_brackets_reach_a_key_with_a_dot_in_it():
    source = mf.from_step("made")["a.b"]
    assert value(source, made={"a.b": 1, "a": {"b": 2}}) == 1
    assert value(mf.field("made", "a.b"), made={"a.b": 1, "a": {"b": 2}}) == 2
    assert (source.label, source.code) == ('made["a.b"]', "from_step('made')['a.b']")


def test_only_brackets_read_from_the_end_of_a_list():
    assert value(mf.from_step("made")[-1], made=[1, 2]) == 2
    with pytest.raises(MissingValueError):
        value(mf.field("made", "-1"), made=[1, 2])


def test_an_index_also_reads_an_object_that_has_it_as_a_key():
    assert value(mf.field("made", "0"), made={"0": "zero"}) == "zero"


@pytest.mark.parametrize(
    ("text", "path"),
    [("a", ("a",)), ("0", (0,)), ("10.x", (10, "x")), ("01", ("01",)), ("-1", ("-1",)), ("a..b.", ("a", "", "b", "")),
     ("٣", ("٣",)), ("", ("",))],
)  # fmt: skip
def test_a_dotted_path_has_whole_numbers_as_indices_and_all_else_as_keys(text, path):
    assert split_path(text) == path


@pytest.mark.parametrize(
    ("path", "message"),
    [("nam", "'made.nam' has no 'nam': there is an object with 'name', 'tags'; did you mean 'name'?"),
     ("tags[0]", "'made.tags[0]' has no 'tags[0]': there is an object with 'name', 'tags'; "
                 "a position is written with a dot: 'tags.0'"),
     ("tags.2", "'made.tags.2' has no 2: there is a list of 1"),
     ("tags.x", "'made.tags.x' has no 'x': there is a list of 1"), ("name.x", "'made.name.x' has no 'x': there is text")],
)  # fmt: skip
def test_a_path_that_the_output_lacks_says_what_is_there(path, message):
    with pytest.raises(MissingValueError) as caught:
        value(mf.field("made", path), made={"name": "Ada", "tags": ["x"]})
    assert str(caught.value) == message


def test_a_default_stands_in_for_what_is_missing_and_never_for_null():
    source = mf.field("made", "id", default=7)
    assert [value(source, made={}), value(source), value(source, made={"id": None})] == [7, 7, None]
    assert source.reads == (Read("binding", "made", ("id",), False),)


def test_a_default_of_none_is_a_default():
    assert value(mf.prompt_arg("who", default=None)) is None
    assert value(mf.field("made", "id", default=None), made={}) is None
    assert mf.prompt_arg("who", default=None) != mf.prompt_arg("who")


def test_a_default_is_copied_when_it_is_given():
    default = [1]
    source = mf.prompt_arg("who", default=default)
    default.append(2)
    value(source).append(3)
    assert value(source) == [1]


def test_an_optional_source_without_a_value_leaves_its_parameter_out():
    source = mf.optional(mf.field("made", "id"))
    assert [value(source, made={"id": None}), value(source, made={}), value(source)] == [None, ABSENT, ABSENT]
    assert source.reads == (Read("binding", "made", ("id",), False),)


def test_constants_are_copied_when_they_are_made_and_each_time_they_are_read():
    original = {"a": [1]}
    source = mf.constant(original)
    original["a"].append(2)
    value(source)["a"].append(3)
    source.value["a"].append(4)
    assert value(source) == {"a": [1]}


def test_constants_keep_their_json_types():
    values = [1, 1.0, True, None, "1", 2**60 + 1]
    assert [repr(value(mf.constant(one))) for one in values] == [repr(one) for one in values]
    assert mf.constant(1) != mf.constant(True) != mf.constant(1.0)


def test_constants_are_never_filled():
    assert value(mf.constant("{who}"), arguments={"who": "Ada"}) == "{who}"


def looped():
    inner = []
    inner.append({"again": inner})
    return inner


@pytest.mark.parametrize(
    ("refused", "told"),
    [(math.nan, "nan"), ([math.inf], "inf"), (datetime.date(2026, 1, 2), "isoformat"), (b"x", "bytes"),
     ("\ud800", "surrogate"), ({"\udfff": 1}, "surrogate"), ({1: 2}, "key"), ({1, 2}, "set"), (object(), "object"),
     (1j, "complex"), (looped(), "64 levels"), (print, "builtin_function")],
)  # fmt: skip
def test_what_json_cannot_carry_is_refused_where_it_is_written(refused, told):
    for make in (mf.constant, as_source, lambda it: mf.WorkflowStep("s").arg("x", it)):
        with pytest.raises(DefinitionError, match=told):
            make(refused)


def test_a_value_that_holds_sources_becomes_one_composed_source():
    source = as_source({"who": mf.prompt_arg("who"), "tags": [mf.from_step("made")["tag"], "fixed"], "n": {"x": 1}})
    assert value(source, arguments={"who": "Ada"}, made={"tag": "new"}) == {
        "who": "Ada", "tags": ["new", "fixed"], "n": {"x": 1},
    }  # fmt: skip
    assert source.reads == (Read("argument", "who", (), True), Read("binding", "made", ("tag",), True))
    assert source.label == '{who: argument who, tags: [made.tag, "fixed"], n: {"x": 1}}'


def test_a_composed_source_leaves_out_the_members_that_have_nothing():
    source = as_source({"a": mf.prompt_arg("a"), "b": [mf.optional(mf.from_step("made")), 1]})
    assert value(source) == {"b": [1]}


def test_an_optional_composed_source_is_left_out_as_a_whole():
    source = mf.optional({"id": mf.field("made", "id")})
    assert [value(source, made={"id": 1}), value(source, made={})] == [{"id": 1}, ABSENT]
    assert source.reads == (Read("binding", "made", ("id",), False),)


def test_composed_sources_can_be_read_into():
    source = as_source({"a": [mf.prompt_arg("who"), {"b": 2}]})
    assert [source["a"][0], value(source["a"][1]["b"]), source["a"][-2]] == [
        mf.prompt_arg("who"), 2, mf.prompt_arg("who"),
    ]  # fmt: skip
    for wrong in (lambda: source["b"], lambda: source["a"][2], lambda: source["a"]["0"], lambda: source["a"][True]):
        with pytest.raises(MissingValueError):
            wrong()


def test_composing_a_source_with_itself_is_refused():
    loop = {"x": mf.prompt_arg("x")}
    loop["loop"] = loop
    with pytest.raises(DefinitionError, match="contains itself"):
        as_source(loop)


def test_a_template_is_filled_in_one_pass():
    source = mf.template("{a} {b} {a}", a=mf.prompt_arg("a"), b=mf.field("made", "b"))
    assert value(source, arguments={"a": "{b}"}, made={"b": "{a}"}) == "{b} {a} {b}"
    assert source.label == '"{a} {b} {a}"'
    assert source.code == "template('{a} {b} {a}', a=prompt_arg('a'), b=field('made', 'b'))"


def test_a_template_writes_values_that_are_no_text_as_json():
    source = mf.template("{n} {t} {o} {s}", n=None, t=True, o={"k": [1, "é"]}, s="x")
    assert value(source) == 'null true {"k":[1,"é"]} x'


def test_a_template_with_an_absent_value_is_absent():
    assert value(mf.template("{a}", a=mf.prompt_arg("a"))) is ABSENT


def test_a_template_without_a_value_for_a_mark_is_refused():
    with pytest.raises(DefinitionError, match="no value for 'b'; give b="):
        mf.template("{a} {b} { c }", a=1)


@pytest.mark.parametrize(
    "wrong",
    [lambda: mf.prompt_arg(1), lambda: mf.from_step(None), lambda: mf.field("a", 0), lambda: mf.field(b"a", "x"),
     lambda: mf.prompt_arg("a")[True], lambda: mf.prompt_arg("a")[1.0], lambda: mf.prompt_arg("a")[1:2],
     lambda: mf.template("{a}", a=1)["x"], lambda: mf.template(5), lambda: mf.prompt_arg("a", default={1}),
     lambda: as_source({1: mf.prompt_arg("a")})],
)  # fmt: skip
def test_what_is_no_name_key_or_text_is_refused(wrong):
    with pytest.raises(DefinitionError):
        wrong()


def test_a_source_is_frozen():
    source = mf.template("{a}", a=1)
    with pytest.raises(ValueError, match="frozen"):
        source.text = "other"
    with pytest.raises(TypeError):
        source.values["a"] = 2


def test_in_does_not_search_a_source_for_ever():
    with pytest.raises(TypeError, match="no value until a run"):
        "a" in mf.prompt_arg("a")  # noqa: B015


def test_what_is_known_before_a_run_is_a_json_schema():
    source = as_source({"a": mf.prompt_arg("a")["k"], "b": [mf.field("m", "x.0"), 1], "c": mf.template("x")})
    assert source.schema_in(Types()) == {
        "type": "object",
        "required": ["a", "b", "c"],
        "properties": {
            "a": {"title": "argument a ('k',)"},
            "b": {"type": "array", "prefixItems": [{"title": "binding m ('x', 0)"}, {"const": 1}]},
            "c": {"type": "string"},
        },
    }


def test_a_member_that_may_be_left_out_is_not_required_before_a_run():
    source = as_source({"a": mf.optional(mf.from_step("m")), "b": [mf.prompt_arg("x", default=1)]})
    schema = source.schema_in(Types())
    assert (schema["required"], schema["properties"]["b"]) == ([], {"type": "array"})


SOURCES = [
    mf.prompt_arg("a"), mf.prompt_arg("a", default=None)["x"][0], mf.from_step("b"), mf.from_step("b")["0"][-1]["x.y"],
    mf.field("b", "x.0", default={"$source": "constant"}), mf.constant({"$source": "from_step", "name": "b"}),
    mf.template("{x}", x=mf.field("b", "x")), mf.optional(mf.field("b", "x")),
    as_source({"a": [mf.prompt_arg("a"), {"$source": 1}]}), mf.optional([mf.prompt_arg("a")]), mf.constant(None),
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES, ids=repr)
def test_a_source_survives_pickling_and_copying(source):
    assert pickle.loads(pickle.dumps(source)) == source
    assert type(source).model_validate(source.saved()) == source


@pytest.mark.parametrize("source", SOURCES, ids=repr)
def test_the_code_of_a_source_makes_the_same_source(source):
    names = ("prompt_arg", "from_step", "field", "constant", "template", "optional")
    assert as_source(eval(source.code, {name: getattr(mf, name) for name in names})) == source


@given(JSON)
def test_every_json_value_passes_a_constant_unchanged(original):
    assert repr(value(mf.constant(original))) == repr(original)

import copy
import json
import pickle
import subprocess
import sys
import textwrap

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mcpflow_nb as mf
from mcpflow_nb.errors import DefinitionError, LoadError
from mcpflow_nb.workflows.saving import MAX_BYTES, from_json

TEXT = st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.just("$source"), inner, max_size=3),
    max_leaves=6,
)
READING = st.one_of(
    st.builds(mf.prompt_arg, TEXT), st.builds(mf.from_step, TEXT, default=JSON), st.builds(mf.field, TEXT, TEXT),
    st.builds(lambda name, keys: mf.from_step(name)[keys], TEXT, TEXT | st.integers()),
)  # fmt: skip
SOURCE = st.one_of(
    READING, st.builds(mf.constant, JSON), st.builds(mf.optional, READING), st.dictionaries(TEXT, READING, max_size=2),
    st.lists(READING, max_size=2), st.builds(lambda value: mf.template("{x} y", x=value), READING),
)  # fmt: skip
STEP = st.builds(
    lambda name, args, fields: mf.WorkflowStep(name, args={key: mf.constant(0) for key in args}, **fields),
    TEXT, st.dictionaries(TEXT, SOURCE, max_size=3),
    st.fixed_dictionaries({}, optional={
        "tool": TEXT, "server": TEXT, "bind": TEXT, "guidance": TEXT, "resources": st.lists(TEXT, max_size=2),
        "template": st.dictionaries(TEXT, SOURCE.map(lambda source: [source]), max_size=2), "handoff": st.booleans(),
        "timeout": st.floats(0.1, 100), "parse": st.sampled_from(["json", "text"]),
    }),
)  # fmt: skip
ARGUMENT = st.sampled_from(
    [{}, {"type": int, "default": 3, "choices": [1, 3]}, {"type": dict, "schema": {"minProperties": 1}, "default": {}},
     {"required": False}, {"type": float, "default": 1.0, "required": True}, {"type": list, "choices": [[1], []]}],
)  # fmt: skip


@st.composite
def workflows(draw):
    made = mf.SequentialWorkflow(draw(TEXT), draw(TEXT))
    for name, fields in draw(st.lists(st.tuples(TEXT, ARGUMENT), max_size=3)):
        made = made.argument(name, **fields)
    for text in draw(st.lists(TEXT, max_size=2)):
        made = made.instruction(text)
    for step, args in draw(st.lists(st.tuples(STEP, st.dictionaries(TEXT, SOURCE, max_size=2)), max_size=3)):
        for name, source in args.items():
            step = step.arg(name, source)
        made = made.step(step)
    return made


def onboard():
    return (
        mf.SequentialWorkflow("onboard", "Onboard someone")
        .argument("who", "Full name")
        .argument("level", type=int, required=False, default=1, choices=[1, 2])
        .instruction("All steps are mandatory.")
        .step("create", tool="hr.create", args={"name": mf.prompt_arg("who"), "tags": ["new"]}, bind="record")
        .step("pay", tool="finance.pay", args={"id": mf.field("record", "id")}, guidance="Pay {who}", timeout=20)
    )


def test_a_chain_and_its_parts_make_the_same_workflow():
    pay = mf.WorkflowStep("pay").arg("id", mf.field("record", "id")).with_guidance("Pay {who}").with_timeout(20)
    create = mf.WorkflowStep("create", tool="hr.create", args={"name": mf.prompt_arg("who")}).arg("tags", ["new"])
    chained = onboard()
    made = mf.SequentialWorkflow(
        "onboard", "Onboard someone", arguments=chained.arguments, instructions=["All steps are mandatory."],
        steps=[create.bind("record"), mf.WorkflowStep("pay", tool="finance.pay", args=pay.args, guidance="Pay {who}",
                                                      timeout=20)],
    )  # fmt: skip
    assert (made, hash(made), made.to_json()) == (chained, hash(chained), chained.to_json())


def test_the_words_of_a_step_are_fields_of_a_step():
    chained = (
        mf.WorkflowStep("s", tool="a.b").arg("x", 1).bind("out").with_guidance("g").with_resource("docs://{v}")
        .with_resource("docs://2").with_template_binding("v", mf.prompt_arg("p")).with_timeout(5)
    )  # fmt: skip
    assert chained == mf.WorkflowStep(
        "s", tool="a.b", args={"x": 1}, bind="out", guidance="g", resources=["docs://{v}", "docs://2"],
        template={"v": mf.prompt_arg("p")}, timeout=5,
    )  # fmt: skip


def test_a_cell_that_runs_twice_makes_the_same_data():
    base = mf.SequentialWorkflow("w").argument("who")
    step = mf.WorkflowStep("s", tool="a.b")
    first = base.step(step.arg("x", mf.prompt_arg("who")).bind("out")).instruction("i")
    second = base.step(step.arg("x", mf.prompt_arg("who")).bind("out")).instruction("i")
    assert first == second
    assert (base, step) == (mf.SequentialWorkflow("w").argument("who"), mf.WorkflowStep("s", tool="a.b"))


def test_the_last_value_given_for_an_argument_of_a_step_counts():
    assert mf.WorkflowStep("s").arg("x", 1).arg("y", 2).arg("x", 3) == mf.WorkflowStep("s", args={"x": 3, "y": 2})


def test_data_is_frozen_deeply():
    step = onboard().steps[0]
    with pytest.raises(ValueError, match="frozen"):
        step.name = "other"
    with pytest.raises(TypeError):
        step.args["name"] = 1
    step.args["tags"].value.append("old")
    assert step == onboard().steps[0]


def test_what_an_author_changes_later_changes_no_step():
    args, resources, tags = {"x": 1}, ["docs://a"], ["new"]
    step = mf.WorkflowStep("s", args=args, resources=resources).arg("tags", tags)
    args["y"], _, _ = 2, resources.append("docs://b"), tags.append("old")
    assert step == mf.WorkflowStep("s", args={"x": 1, "tags": ["new"]}, resources=["docs://a"])


@pytest.mark.parametrize(
    "wrong",
    [lambda s: s.bind(5), lambda s: s.with_timeout(-1), lambda s: s.with_timeout("soon"), lambda s: s.with_guidance(1),
     lambda s: s.with_resource(1), lambda s: s.arg(5, 1), lambda s: s.with_template_binding(None, 1),
     lambda s: mf.WorkflowStep(5), lambda s: mf.WorkflowStep("s", timeout=0), lambda s: mf.WorkflowStep("s", nope=1),
     lambda s: mf.WorkflowStep("s", args=[1]), lambda s: mf.WorkflowStep("s", resources="docs://x"),
     lambda s: mf.WorkflowStep("s", parse="xml"), lambda s: mf.SequentialWorkflow(5),
     lambda s: mf.SequentialWorkflow("w").instruction(5), lambda s: mf.SequentialWorkflow("w").step("s", nope=1),
     lambda s: mf.SequentialWorkflow("w").step(s, tool="a.b"), lambda s: mf.SequentialWorkflow("w").step(5),
     lambda s: mf.SequentialWorkflow("w", steps=["s"])],
)  # fmt: skip
def test_what_can_never_be_a_workflow_is_refused_where_it_is_written(wrong):
    with pytest.raises(DefinitionError):
        wrong(mf.WorkflowStep("s"))


def test_an_unknown_field_of_a_step_is_told_the_known_ones():
    with pytest.raises(DefinitionError, match=r"step 's': unknown field 'binds'; known: tool, server, args.*, bind"):
        mf.SequentialWorkflow("w").step("s", binds="x")


def test_a_step_is_found_by_its_name():
    assert onboard()["pay"] == onboard().steps[1]
    with pytest.raises(KeyError, match="no step 'pays' in 'onboard'; known: create, pay"):
        onboard()["pays"]


def test_the_saved_text_is_stable_and_says_only_what_was_written():
    made = mf.SequentialWorkflow("w").step("s", tool="a.b", args={"x": mf.field("é", "k.0"), "n": None})
    assert json.loads(made.to_json()) == {
        "mcpflow_nb": 1,
        "name": "w",
        "steps": [
            {
                "name": "s", "tool": "a.b",
                "args": {
                    "x": {"$source": "from_step", "name": "é", "path": ["k", 0]},
                    "n": {"$source": "constant", "value": None},
                },
            }
        ],
    }  # fmt: skip
    assert made.to_json().encode("utf-8") == from_json(made.to_json()).to_json().encode("utf-8")


@given(workflows())
def test_every_workflow_survives_saving_pickling_and_copying(made):
    loaded = from_json(made.to_json())
    assert (loaded, loaded.to_json(), hash(loaded)) == (made, made.to_json(), hash(made))
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == copy.copy(made) == made


@given(workflows())
def test_every_saved_workflow_meets_the_published_schema(made):
    jsonschema_rs.validate(mf.SequentialWorkflow.model_json_schema(), json.loads(made.to_json()))


@given(workflows(), workflows())
def test_workflows_are_equal_exactly_when_their_text_is(one, other):
    assert (one == other) == (one.to_json() == other.to_json())


@pytest.mark.parametrize(
    "document",
    [{}, {"mcpflow_nb": 1}, {"mcpflow_nb": 1, "name": 5}, {"mcpflow_nb": 1, "name": "w", "steps": [{"tool": "a"}]},
     {"mcpflow_nb": 1, "name": "w", "extra": 1}, {"mcpflow_nb": 2, "name": "w"}],
)  # fmt: skip
def test_the_published_schema_refuses_what_is_no_saved_workflow(document):
    assert not jsonschema_rs.is_valid(mf.SequentialWorkflow.model_json_schema(), document)


def test_saving_replaces_the_file_and_leaves_no_other(tmp_path):
    path = tmp_path / "w.json"
    path.write_text("old")
    assert onboard().save(str(path)) == path
    assert ([file.name for file in tmp_path.iterdir()], mf.load(path)) == (["w.json"], onboard())


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    target = tmp_path / "w.json"
    target.mkdir()
    with pytest.raises(OSError):
        onboard().save(target)
    assert list(tmp_path.iterdir()) == [target]


def test_names_that_utf_8_cannot_carry_are_refused_where_they_are_written():
    for wrong in (
        lambda: mf.SequentialWorkflow("\ud800"),
        lambda: mf.WorkflowStep("s", guidance="\udfff"),
        lambda: mf.prompt_arg("\ud800"),
        lambda: mf.from_step("b")["\ud800"],
        lambda: mf.WorkflowStep("s", args={"\ud800": 1}),
    ):
        with pytest.raises(DefinitionError):
            wrong()


def saved_with(**fields):
    return json.dumps({"mcpflow_nb": 1, "name": "w", **fields})


def with_arg(source):
    return saved_with(steps=[{"name": "s", "args": {"x": source}}])


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "not JSON"), ("{", "not JSON"), (b"\xff\xfe", "not JSON"), ("[]", 'it has no "mcpflow_nb"'), ("{}", "it has no"),
     ("null", "it has no"), ('{"mcpflow_nb": 2}', "format version 2; this mcpflow_nb reads version 1"),
     ('{"mcpflow_nb": "1", "name": "w"}', "format version '1'"), ('{"mcpflow_nb": true, "name": "w"}', "format version True"),
     ('{"mcpflow_nb": 1}', "name"), (saved_with(name=None), "name"), (saved_with(steps={}), "steps"),
     (saved_with(steps=[{"name": "s", "tol": 1}]), "steps.0"), (saved_with(steps=[None]), "steps.0"),
     (saved_with(arguments=[{"name": "a", "type": "date"}]), "arguments.0.type"),
     (with_arg({"$source": "exec"}), "exec"), (with_arg({"$source": ["x"]}), "args.x"),
     (with_arg({"$source": "from_step"}), "name"), (with_arg({"$source": "constant"}), "value"),
     (with_arg({"$source": "from_step", "name": "b", "path": [{}]}), "path"),
     ("[" * 100_000, "nested deeper than 200"), ('{"mcpflow_nb": 1, "name": "w", "description": NaN}', "description"),
     (with_arg(json.loads("[" * 90 + "]" * 90)), "64 levels"),
     ('{"mcpflow_nb": 1, "name": "\\ud800"}', "unicode"), ('{"mcpflow_nb": ' + "9" * 5000 + "}", "")],
)  # fmt: skip
def test_a_text_that_is_no_workflow_is_a_load_error(text, told):
    with pytest.raises(LoadError) as caught:
        from_json(text, "flow.json")
    assert str(caught.value).startswith("flow.json: ")
    assert told in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_a_newer_version_is_refused_by_its_number(tmp_path):
    path = tmp_path / "w.json"
    path.write_text('{"mcpflow_nb": 7, "name": "w"}')
    with pytest.raises(LoadError) as caught:
        mf.load(path)
    assert str(caught.value) == "w.json: format version 7; this mcpflow_nb reads version 1: update it"


def test_a_file_over_ten_megabytes_is_not_read(tmp_path):
    path = tmp_path / "w.json"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(LoadError, match="10,000,001 bytes"):
        mf.load(path)


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "w.json"
    path.write_bytes(b"\xef\xbb\xbf" + onboard().to_json().encode())
    assert mf.load(path) == onboard()


def test_a_saved_constant_that_looks_like_a_source_stays_a_constant():
    value = {"$source": "from_step", "name": "secret"}
    made = mf.SequentialWorkflow("w").step("s", args={"x": mf.constant(value), "y": [value]})
    loaded = from_json(made.to_json())
    assert (loaded, loaded.steps[0].args["x"].value, loaded.steps[0].args["y"].value) == (made, value, [value])


def test_loading_runs_no_code_opens_no_other_file_and_no_connection(tmp_path):
    path = onboard().save(tmp_path / "w.json")
    script = """
        import sys
        import mcpflow_nb as mf
        mf.load(sys.argv[1])                     # what is imported late is imported now
        seen = []
        sys.addaudithook(lambda event, args: seen.append((event, args)))
        mf.load(sys.argv[1])
        mine = list(seen)
        print([event for event, args in mine if event in ("exec", "compile", "import", "pickle.find_class")])
        print([event for event, args in mine if event.startswith(("socket.", "subprocess.", "os.", "ctypes."))])
        print([str(args[0]) == sys.argv[1] for event, args in mine if event == "open"])
    """
    run = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    shown = subprocess.run(run, capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout.splitlines() == ["[]", "[]", "[True]"]

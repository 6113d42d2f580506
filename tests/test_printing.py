"""A workflow as Python: the code makes the workflow again, and reads as one would write it."""

import json
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

import mcpflow_nb as mf
from mcpflow_nb.workflows.saving import from_json
from tests.clients.workflows import HYBRID, ONBOARD, REVIEW

HOSTILE = [
    "", "'", '"', "\\", "\n", "\r\x00\x1b[2J", "a\u2028b", "\u202etxt", "{name}", "#", "'''", '"""', "\\N{DASH}", "a.b", "0", "-1",
    "class", "mf", "$source", "日本 🎉", ")\n.step(", "x" * 400, "word " * 90, "'\"" * 100, "ﬁ", "__import__('os')",
]  # fmt: skip
TEXTS = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = (
    st.integers() | st.sampled_from([2**63, -(10**300), 10**3900]) | st.floats(allow_nan=False, allow_infinity=False)
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
KEYS = st.lists(TEXTS | st.integers(-3, 9), max_size=3)


def read_at(source, keys):
    for key in keys:
        source = source[key]
    return source


READS = st.one_of(
    st.builds(lambda name, keys: read_at(mf.prompt_arg(name), keys), TEXTS, KEYS),
    st.builds(lambda name, default, keys: read_at(mf.prompt_arg(name, default=default), keys), TEXTS, VALUES, KEYS),
    st.builds(lambda name, keys: read_at(mf.from_step(name), keys), TEXTS, KEYS),
    st.builds(lambda name, path, default: mf.field(name, path, default=default), TEXTS, TEXTS, VALUES),
)
NAMES = st.sampled_from(["who", "class", "text", "ﬁ", "a b", "_x"])
SOURCES = st.recursive(
    READS | st.builds(mf.constant, VALUES),
    lambda inner: st.one_of(
        st.builds(mf.optional, inner),
        st.builds(lambda values: mf.template("Hi {who}", **{"who": "x", **values}), st.dictionaries(NAMES, inner, max_size=3)),
        st.lists(inner, min_size=1, max_size=3),
        st.dictionaries(TEXTS, inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)  # fmt: skip
ARGS = st.dictionaries(TEXTS, SOURCES, max_size=4)
STEPS = st.builds(
    lambda name, **fields: mf.WorkflowStep(name, **{key: value for key, value in fields.items() if value is not None}),
    TEXTS, tool=st.none() | TEXTS, server=st.none() | TEXTS, bind=st.none() | TEXTS, args=ARGS, template=ARGS,
    guidance=st.none() | TEXTS, resources=st.lists(TEXTS, max_size=3), timeout=st.none() | st.floats(0.001, 1e9),
    handoff=st.booleans(), parse=st.sampled_from([None, "json", "text"]),
)  # fmt: skip


@st.composite
def workflows(draw):
    flow = mf.SequentialWorkflow(draw(TEXTS), draw(TEXTS))
    for name, value in draw(st.dictionaries(TEXTS, VALUES, max_size=3)).items():
        kind = type(value) if value is not None else str
        needed, has_default = draw(st.sampled_from([None, True, False])), value is not None and draw(st.booleans())
        choices = [value] if value is not None and draw(st.booleans()) else None
        schema = draw(st.none() | st.dictionaries(TEXTS, VALUES, max_size=2))
        more = {"default": value} if has_default else {}
        flow = flow.argument(name, draw(TEXTS), type=kind, required=needed, choices=choices, schema=schema, **more)
    for text in draw(st.lists(TEXTS, max_size=2)):
        flow = flow.instruction(text)
    for step in draw(st.lists(STEPS, max_size=3)):
        flow = flow.step(step)
        if draw(st.booleans()):
            named = st.dictionaries(st.sampled_from(sorted(flow[step.name].args)), VALUES, max_size=2)
            flow = flow.breakpoint(step.name, when=draw((st.none() | named) if flow[step.name].args else st.none()))
    return flow


def made_of(code, name="workflow"):
    namespace = {}
    exec(compile(code, "code", "exec"), namespace)
    return namespace[name]


@settings(deadline=None, max_examples=100)
@given(workflows())
@example(ONBOARD)
@example(REVIEW)
@example(HYBRID)
def test_the_code_makes_an_equal_workflow(flow):
    assert made_of(flow.to_python()) == flow


@pytest.mark.parametrize("flow", [ONBOARD, REVIEW, HYBRID], ids=lambda flow: flow.name)
def test_the_code_of_a_workflow_as_people_write_them_fits(flow):
    code = flow.to_python("flow")
    assert max(map(len, code.splitlines())) <= 120
    assert [line for line in code.splitlines() if "'" in line and '"' not in line] == []


def test_the_code_is_a_chain_with_constants_as_they_are():
    flow = (
        mf.SequentialWorkflow("pay", "Pay someone")
        .argument("who", "A name")
        .argument("level", type=int, default=1, choices=[1, 2])
        .step("find", tool="hr.find", args={"name": mf.prompt_arg("who"), "depth": 2}, bind="found")
        .step("pay", tool="bank.pay", args={"to": {"id": mf.from_step("found")["a.b"][0], "via": "x"}}, timeout=5.0)
        .breakpoint("pay", when={"to": None})
    )
    assert (
        flow.to_python("pay")
        == """import mcpflow_nb as mf

pay = (
    mf.SequentialWorkflow("pay", "Pay someone")
    .argument("who", "A name")
    .argument("level", type=int, default=1, choices=[1, 2])
    .step("find", tool="hr.find", bind="found", args={"name": mf.prompt_arg("who"), "depth": 2})
    .step("pay", tool="bank.pay", args={"to": {"id": mf.from_step("found")["a.b"][0], "via": "x"}}, timeout=5.0)
    .breakpoint("pay", when={"to": None})
)
"""
    )


def test_a_long_text_is_cut_between_words():
    code = mf.SequentialWorkflow("long").instruction("several words " * 40).to_python()
    assert max(map(len, code.splitlines())) <= 120
    assert all(line.rstrip(")").endswith(' "') for line in code.splitlines() if "words" in line)


def test_two_thousand_steps_are_several_statements():
    flow = mf.SequentialWorkflow("many")
    for number in range(2000):
        flow = flow.step(f"s{number}", tool="a.b")
    assert made_of(flow.to_python()) == flow


@pytest.mark.parametrize("name", ["", "a b", "class", "mf", "x;y"])
def test_a_name_that_python_cannot_give_is_refused(name):
    with pytest.raises(mf.DefinitionError, match="no name that Python can give"):
        ONBOARD.to_python(name)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"arguments": [{"name": "a", "default": None}]}, "of the arguments, 'a' is as no verb makes it"),
        ({"arguments": [{"name": "a", "type": "integer", "default": "x"}]}, "'x' is no integer"),
        ({"steps": [{"name": "s", "args": {"x": {"$source": "object", "members": {}}}}]}, "without any"),
        ({"breakpoints": [{"step": "gone"}]}, "no step 'gone'"),
    ],
)
def test_what_no_word_makes_is_an_error_and_never_other_code(part, words):
    saved = from_json(json.dumps({"mcpflow_nb": 1, "name": "odd", **part}))
    with pytest.raises(mf.DefinitionError, match=words):
        saved.to_python()


def test_a_condition_that_is_a_function_is_an_error():
    with pytest.raises(mf.DefinitionError, match="condition is a function"):
        HYBRID.breakpoint("add_task", when=lambda call: True).to_python()


def test_the_code_runs_as_a_file(tmp_path: Path):
    (tmp_path / "flow.py").write_text(ONBOARD.to_python("onboard"), "utf-8")
    assert made_of((tmp_path / "flow.py").read_text("utf-8"), "onboard") == ONBOARD

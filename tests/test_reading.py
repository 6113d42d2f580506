"""What is read from saved data, and what an author's value stays."""

import json

import pytest

import mcpflow_nb as mf
from mcpflow_nb.workflows.saving import from_json

TAGGED = {"$source": "constant", "value": 1}


def test_an_author_s_object_that_looks_saved_stays_a_constant():
    made = mf.WorkflowStep("a", tool="x.y", args={"q": TAGGED}, template={"v": TAGGED})
    assert made.args["q"].value == made.arg("r", TAGGED).args["r"].value == made.template["v"].value == TAGGED
    workflow = mf.SequentialWorkflow("w").step(made)
    assert from_json(workflow.to_json()) == workflow


@pytest.mark.parametrize("value", ["NaN", '"\\ud800"', "[" * 100 + "]" * 100])
def test_a_constant_that_json_cannot_carry_is_a_load_error_with_its_place(value):
    text = (
        '{"mcpflow_nb":1,"name":"w","steps":[{"name":"a","tool":"t","args":{"x":{"$source":"constant","value":%s}}}]}'
    )
    with pytest.raises(mf.LoadError, match=r"steps\.0: step 'a': args\.x"):
        from_json(text.replace("%s", value))


def test_a_source_in_an_f_string_is_refused_instead_of_becoming_text():
    with pytest.raises(mf.DefinitionError, match="has no value until a run"):
        f"Hi {mf.prompt_arg('name')}"


def test_printing_shows_one_line_and_no_secret():
    made = mf.WorkflowStep("a", tool="x.y", args={"token": "s3cret"})
    workflow = mf.SequentialWorkflow("w").step(made)
    assert (str(made), str(workflow)) == (repr(made), repr(workflow))
    assert "s3cret" not in str(made) + str(workflow)


def test_an_endless_deadline_is_refused():
    with pytest.raises(mf.DefinitionError, match="finite"):
        mf.WorkflowStep("a", tool="x.y", timeout=float("inf"))
    assert json.loads(mf.SequentialWorkflow("w").to_json()) == {"mcpflow_nb": 1, "name": "w"}

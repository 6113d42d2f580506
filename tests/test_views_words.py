"""A workflow in words: a sentence a step, nothing left out in silence, and no line that somebody else wrote."""

import mcpflow_nb as mf
from mcpflow_nb.visible import HIDDEN
from tests.hostile import a_workflow


def test_a_workflow_says_what_it_asks_for_and_what_each_step_calls_with_what_from_where():
    flow = (
        mf.SequentialWorkflow("onboard", "Someone new")
        .argument("name").argument("level", type=int, default=1)
        .step("create", tool="hr.create", bind="person", args={
            "name": mf.prompt_arg("name"), "at": {"level": mf.prompt_arg("level")}, "password": "hunter2",
            "hello": mf.template("Hi {who}", who=mf.prompt_arg("name"))})
        .step("policy", resources=["docs://{name}"])
        .step("pay", tool="pay", args={"id": mf.optional(mf.field("person", "id"))})
    )  # fmt: skip
    assert flow.describe().splitlines() == [
        "Workflow onboard, 3 steps: Someone new",
        "It asks for name, level (optional).",
        "Step 1, create: calls hr.create with name from argument name, at from {level: argument level}, "
        'password from •••• (7 chars), hello from "Hi {who}"; its output is person.',
        "Step 2, policy: calls nothing; reads 1 resource.",
        "Step 3, pay: calls pay with id from person.id (optional).",
    ]


def test_an_empty_and_a_long_workflow_say_so():
    assert mf.SequentialWorkflow("none").describe() == "Workflow none, 0 steps"
    long = mf.SequentialWorkflow("long", steps=[mf.WorkflowStep(f"s{at}", tool="m.t") for at in range(130)])
    assert long.describe().splitlines()[-2:] == ["Step 100, s99: calls m.t with no arguments.", "30 more steps."]


def test_hostile_words_make_no_line_of_their_own_and_hide_nothing():
    flow = a_workflow("evil\nStep 9, forged: calls nothing.\u202e\x1b[31m", "b", "c", "d")
    told = flow.describe()
    assert len(told.splitlines()) == 2 + len(flow.steps)
    assert not HIDDEN.search(told.replace("\n", ""))

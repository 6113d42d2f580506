"""What a reader changes in a run's values changes nothing of what is sent, kept or told."""

import pytest

import mcpflow_nb as mf

NEEDS = {"type": "object", "properties": {"task": {"type": "string"}, "at": {}}, "required": ["task"]}


@pytest.fixture
def mock():
    return mf.mock({"make": {"id": [1]}, "add": {"done": [1]}}, schemas={"add": NEEDS})


@pytest.fixture
def servers(mock):
    with mf.connect(m=mock) as opened:
        yield opened


def flow():
    return (
        mf.SequentialWorkflow("w")
        .argument("order", type=dict)
        .step("make", tool="m.make", args={"order": mf.prompt_arg("order")}, bind="made")
        .step("add", tool="m.add", args={"at": mf.field("made", "id"), "order": mf.prompt_arg("order")})
    )


def told(run):
    return [message.content for message in run.conversation().messages]


def test_changing_the_arguments_changes_nothing_that_is_sent(servers, mock):
    given = {"items": [1]}
    run = flow().start(servers, order=given)
    given["items"].append("mine")
    run.arguments["order"]["items"].append("read")
    run.next.sent["order"]["items"].append("next")
    run.step()
    assert (mock.calls, dict(run.arguments)) == ([("make", {"order": {"items": [1]}})], {"order": {"items": [1]}})


def test_the_arguments_of_a_run_take_no_new_one(servers):
    run = flow().start(servers, order={})
    with pytest.raises(TypeError):
        run.arguments["order"] = 1


def test_changing_what_was_asked_changes_no_conversation(servers):
    run = flow().start(servers, order={"items": [1]}).all()
    before = told(run)
    run.trace.outline.given["order"]["items"].append("mine")
    run.trace.outline.given["more"] = 1
    assert (told(run), run.trace.outline.given) == (before, {"order": {"items": [1]}})


def test_changing_what_is_ahead_changes_neither_the_conversation_nor_the_call(servers, mock):
    run = flow().start(servers, order={"items": [1]}).all()
    before = told(run)
    handed = run.trace.ahead[0]
    assert (handed.arguments, handed.missing) == (
        {"at": [1], "order": {"items": [1]}},
        {"task": {"type": "string"}},
    )
    handed.arguments["at"].append("mine")
    handed.arguments["order"]["items"].append("mine")
    handed.missing["task"]["type"] = "integer"
    assert (told(run), run.trace.ahead[0].missing) == (before, {"task": {"type": "string"}})
    run.answer(task="x")
    assert mock.calls[-1] == ("add", {"at": [1], "order": {"items": [1]}, "task": "x"})


def test_changing_a_value_keeps_what_came_and_what_is_bound(servers, mock):
    run = flow().start(servers, order={})
    record = run.step()
    record.value["id"].append("mine")
    run["made"]["id"].append("mine")
    run.bindings["made"]["id"].append("mine")
    assert (record.raw["structuredContent"], run["made"]) == ({"id": [1]}, {"id": [1]})
    run.all().answer(task="x")
    assert mock.calls[-1][1]["at"] == [1]


def test_changing_an_answer_afterwards_changes_nothing(servers):
    given = {"task": "x", "at": [1]}
    run = flow().start(servers, order={}).all().answer(given)
    given["at"].append("mine")
    assert run.trace[-1].sent == {"order": {}, "task": "x", "at": [1]}

"""Forms of the stepper: a workflow's arguments before a run, what is missing at a handoff; and failing on purpose."""

import base64

import pytest

import mcpflow_nb as mf
from mcpflow_nb.stepper.controller import Controller
from mcpflow_nb.stepper.unbegun import Unbegun


@pytest.fixture
def mocked():
    schema = {
        "type": "object", "required": ["to", "level"],
        "properties": {
            "to": {"type": "string", "description": "An address"}, "level": {"type": ["integer", "string"]},
            "kind": {"enum": ["a", "b"]}, "loud": {"type": "boolean"}, "password": {"type": "string"}, "any": {},
        },
    }  # fmt: skip
    return mf.mock({"create": lambda name: {"id": f"e-{name}"}, "mail": {"sent": True}}, schemas={"mail": schema})


@pytest.fixture
def servers(mocked):
    with mf.connect(m=mocked) as opened:
        yield opened


def flow():
    return (
        mf.SequentialWorkflow("onboard", "Onboard")
        .argument("name", "Full name")
        .argument("level", "Job level", type=int, default=1, choices=[1, 2])
        .argument("tags", type=list, required=False)
        .argument("urgent", type=bool, required=False)
        .argument("api_token", required=False, default="abc")
        .step("create", tool="m.create", args={"name": mf.prompt_arg("name")}, bind="person")
    )


def handed():
    return mf.SequentialWorkflow("w").step("mail", tool="m.mail", bind="sent")


def press(controller, cmd, **more):
    controller.do({"cmd": cmd, "version": controller.view()["version"], **more})
    assert controller.wait(20)
    return controller.view()


def waiting(servers, **given):
    return Controller(Unbegun(flow(), servers, given))


def test_a_run_without_arguments_asks_for_them_field_by_field(servers):
    view = waiting(servers).view()
    assert (view["place"], view["outcome"], view["enabled"]) == (
        "waits for its arguments", "unbegun", {"start": True, "graph": True},
    )  # fmt: skip
    assert [row["word"] for row in view["steps"]] == ["pending"]
    fields = [(one["name"], one["type"], one["text"], one["choices"], one["required"]) for one in view["form"]]
    assert fields == [
        ("name", "string", "", [], True),
        ("level", "integer", "1", ["1", "2"], False),
        ("tags", "array", "", [], False),
        ("urgent", "boolean", "", ["true", "false"], False),
        ("api_token", "string", "", [], False),
    ]
    assert [one["name"] for one in view["form"] if one["secret"]] == ["api_token"]
    assert [one["name"] for one in view["form"] if one["long"]] == ["tags"]
    assert "abc" not in str(view)


def test_what_is_typed_begins_the_run_with_typed_values(servers, mocked):
    controller = waiting(servers)
    texts = ["Ada", "2", '["x", 9007199254740993]', "true", ""]
    line = 'run = workflow.start(servers, name="Ada", level=2, tags=["x", 9007199254740993], urgent=True)'
    assert press(controller, "check", kind="start", texts=texts)["check"]["line"] == line
    view = press(controller, "start", texts=texts)
    assert (view["code"], view["form"], view["place"]) == (line, None, "paused before step 1 of 1")
    assert controller.run.arguments["tags"] == ["x", 9007199254740993]
    assert press(controller, "all")["outcome"] == "completed"
    assert mocked.calls == [("create", {"name": "Ada"})]


def test_what_was_given_stands_in_the_form_and_stays(servers):
    controller = waiting(servers, level=2)
    assert controller.view()["form"][1]["text"] == "2"
    press(controller, "start", texts=["Ada", "", "", "", ""])
    assert controller.run.arguments["level"] == 2


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["", "1", "", "", ""], "'name'"),
        (["Ada", "3", "", "", ""], "choices"),
        (["Ada", "1", "[", "", ""], "array"),
        (["Ada"] * 9, "no texts"),
        ("Ada", "no texts"),
        ([1], "no texts"),
        (None, "no texts"),
    ],
)
def test_what_cannot_begin_a_run_is_said_and_begins_none(servers, texts, said):
    controller = waiting(servers)
    assert said in press(controller, "check", kind="start", texts=texts)["check"]["problem"]
    assert said in press(controller, "start", texts=texts)["error"]
    assert isinstance(controller.run, Unbegun)


@pytest.mark.parametrize("cmd", ["step", "all", "back", "fork", "breakpoint", "pin", "fail", "cancel", "diff"])
def test_before_the_arguments_are_given_nothing_else_is_done(servers, mocked, cmd):
    controller = waiting(servers)
    assert "give its arguments first" in press(controller, cmd, text="{}")["error"]
    assert (press(controller, "select", step=0)["selected"], mocked.calls) == (0, [])


def test_a_run_that_has_begun_is_not_begun_again(servers):
    controller = Controller(flow().start(servers, name="Ada"))
    assert "has begun" in press(controller, "start", texts=["Bob", "1", "", "", ""])["error"]


def test_a_handoff_is_answered_field_by_field(servers, mocked):
    controller = Controller(handed().start(servers))
    view = press(controller, "all")
    fields = [(one["name"], one["type"], one["said"]) for one in view["handoff"]["fields"]]
    assert fields == [("to", "string", "An address"), ("level", "integer | string", "")]
    check = press(controller, "check", kind="answer", texts=["a@x", "7"])["check"]
    assert (check["line"], check["problem"]) == ('run.answer(to="a@x", level=7)', "")
    assert (
        "'level' is still missing" in press(controller, "check", kind="answer", texts=["a@x", " "])["check"]["problem"]
    )
    assert "'level' is still missing" in press(controller, "answer", texts=["a@x", " "])["error"]
    assert mocked.calls == []
    view = press(controller, "answer", texts=["17", "7"])
    assert (view["code"], view["outcome"]) == ('run.answer(to="17", level=7)', "completed")
    assert mocked.calls == [("mail", {"to": "17", "level": 7})]


def test_a_text_that_is_json_but_not_what_the_schema_takes_stays_text(servers, mocked):
    controller = Controller(handed().start(servers))
    press(controller, "all")
    press(controller, "answer", texts=["x", "[1]"])
    assert mocked.calls == [("mail", {"to": "x", "level": "[1]"})]


def test_fail_here_fails_the_next_call_of_a_mock_once(servers, mocked):
    controller = Controller(flow().start(servers, name="Ada"))
    view = press(controller, "fail", step=0)
    assert (view["code"], view["steps"][0]["fails"]) == ('run.fail("create")', True)
    assert press(controller, "fail", step=0)["code"] == 'run.fail("create", None)'
    assert "fails" not in controller.view()["steps"][0]
    press(controller, "fail", step=0)
    view = press(controller, "all")
    assert (view["outcome"], view["detail"]["error"]) == ("failed", "made to fail by run.fail")
    view = press(controller, "rerun", step=0)
    assert (view["outcome"], len(mocked.calls)) == ("completed", 2)


def test_a_pin_is_checked_while_it_is_typed(servers):
    controller = Controller(flow().start(servers, name="Ada"))
    assert "no JSON" in press(controller, "check", kind="pin", step=0, text="{")["check"]["problem"]
    check = press(controller, "check", kind="pin", step=0, text='{"id": 1}')["check"]
    assert (check["line"], check["problem"]) == ('run.pin("create", {"id": 1})', "")


def test_the_graph_is_shown_and_hidden_before_and_after_the_run_begins(servers):
    controller = waiting(servers)
    assert controller.view()["graph"] is None
    view = press(controller, "graph")
    assert base64.b64decode(view["graph"]["src"].partition("base64,")[2]).startswith(b"<svg")
    assert "create" in view["graph"]["alt"]
    press(controller, "start", texts=["Ada", "1", "", "", ""])
    before = controller.view()["graph"]["src"]
    assert press(controller, "step")["graph"]["src"] != before
    assert press(controller, "graph")["graph"] is None


def test_a_graph_that_cannot_be_drawn_says_why(servers, monkeypatch):
    monkeypatch.setenv("MCPFLOW_DOT", "/no/such/program")
    controller = waiting(servers)
    graph = press(controller, "graph")["graph"]
    assert graph["src"] == ""
    assert "no program" in graph["note"]


def test_a_workflow_shows_a_form_unless_its_arguments_are_given(servers):
    assert flow().stepper(servers).run is None
    assert flow().stepper(servers, level=2).run is None
    assert flow().stepper(servers, name="Ada").run.position == 0
    assert handed().stepper(servers).run.position == 0
    with pytest.raises(mf.CheckError, match="unknown-tool"):
        mf.SequentialWorkflow("w").step("a", tool="m.nope").stepper(servers)

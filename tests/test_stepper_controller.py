"""The stepper without a browser: what each press does, what it refuses, and what is shown of a run."""

import json
import threading
from pathlib import Path

import pytest

import mcpflow_nb as mf
from mcpflow_nb.stepper.controller import CHANGING, HARMLESS, Controller

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</script><script>x()</script>",
    "\u202eevil",
    "\ud800",
]


@pytest.fixture
def gate():
    return threading.Event()


@pytest.fixture
def mocked(gate):
    return mf.mock(
        {
            "create": lambda name: {"id": f"e-{name}", "email": f"{name}@x"},
            "pay": lambda id, amount=1: {"paid": id, "amount": amount},
            "mail": lambda to, text="hi": {"sent": to},
            "ends": ValueError("no"),
            "waits": lambda: gate.wait(20),
        }
    )


@pytest.fixture
def servers(mocked, gate):
    with mf.connect(m=mocked) as opened:
        yield opened
        gate.set()


def flow():
    return (
        mf.SequentialWorkflow("onboard", "Onboard")
        .argument("name")
        .step("create", tool="m.create", args={"name": mf.prompt_arg("name")}, bind="person")
        .step("pay", tool="m.pay", args={"id": mf.field("person", "id")}, bind="paid")
        .step("mail", tool="m.mail", args={"to": mf.field("person", "email")}, bind="mailed")
    )


def opened(servers, workflow=None, **given):
    return Controller((workflow or flow()).start(servers, **(given or {"name": "Ada"})))


def press(controller, cmd, **more):
    """Press, wait until it is done, and return what is shown."""
    controller.do({"cmd": cmd, "version": controller.view()["version"], **more})
    assert controller.wait(20)
    return controller.view()


def words(view):
    return [row["word"] for row in view["steps"]]


def called(mocked):
    return [tool for tool, _ in mocked.calls]


def test_a_new_stepper_stands_before_the_first_step(servers):
    view = opened(servers).view()
    assert view["steps"] == [
        {
            "name": "create",
            "sign": "▶",
            "word": "next",
            "kind": "next",
            "is_next": True,
            "will": "call",
            "selected": True,
        },
        {"name": "pay", "sign": "○", "word": "pending", "will": "call"},
        {"name": "mail", "sign": "○", "word": "pending", "will": "call"},
    ]
    assert view["detail"]["will"] == "will: call, its arguments are known"
    assert (
        view["detail"]["arguments"] == [{"name": "name", "value": '"Ada"', "origin": "argument name"}] or view["detail"]
    )
    assert (view["outcome"], view["status"], view["running"], view["error"]) == ("paused", view["place"], False, "")
    assert view["servers"] == [["m", "◇ mock"]]


def test_step_runs_one_step_and_shows_its_line(servers, mocked):
    view = press(opened(servers), "step")
    assert (words(view), view["code"], view["selected"]) == (["ok", "next", "pending"], "run.step()", 1)
    assert view["steps"][0]["source"] == "◇ mock"
    assert called(mocked) == ["create"]


def test_all_and_to_go_as_far_as_they_say(servers, mocked):
    controller = opened(servers)
    view = press(controller, "to", step=2)
    assert (words(view), view["code"]) == (["ok", "ok", "next"], 'run.to("mail")')
    view = press(controller, "all")
    assert (view["outcome"], view["code"], called(mocked)) == ("completed", "run.all()", ["create", "pay", "mail"])


def test_back_and_forward_uses_results_again(servers, mocked):
    controller = opened(servers)
    press(controller, "all")
    assert words(press(controller, "back")) == ["ok", "ok", "next"]
    view = press(controller, "back", step="create")
    assert (words(view), view["code"]) == (["next", "pending", "pending"], 'run.back("create")')
    view = press(controller, "all")
    assert [row["source"] for row in view["steps"]] == ["↻ reused"] * 3
    assert called(mocked) == ["create", "pay", "mail"]


def test_rerun_calls_again_from_the_selected_step(servers, mocked):
    controller = opened(servers)
    press(controller, "all")
    press(controller, "select", step=1)
    view = press(controller, "rerun", step=1)
    assert (view["code"], called(mocked)[3:], view["outcome"]) == ('run.rerun("pay")', ["pay", "mail"], "completed")


def test_a_breakpoint_is_set_holds_and_is_taken_away(servers):
    controller = opened(servers)
    view = press(controller, "breakpoint", step=1)
    assert (view["code"], view["steps"][1]["has_breakpoint"]) == (
        'run.workflow = run.workflow.breakpoint("pay")',
        "always",
    )
    assert words(press(controller, "all")) == ["ok", "next", "pending"]
    view = press(controller, "breakpoint", step=1)
    assert view["code"] == 'run.workflow = run.workflow.breakpoint("pay", when=False)'
    assert "has_breakpoint" not in view["steps"][1]
    assert controller.run.workflow.breakpoints == ()


def test_edit_sends_only_what_was_changed_and_marks_it(servers, mocked):
    controller = opened(servers)
    view = press(controller, "step")
    assert json.loads(view["detail"]["edit"]) == {"id": "e-Ada"}
    view = press(controller, "edit", step=1, text='{"id": "e-Ada", "amount": 5}')
    assert (view["code"], view["error"]) == ('run.edit("pay", amount=5)', "")
    assert view["detail"]["arguments"][1] == {
        "name": "amount",
        "value": "5",
        "origin": "✎ edited by hand",
        "edited": True,
    }
    press(controller, "step")
    assert mocked.calls[1] == ("pay", {"id": "e-Ada", "amount": 5})


def test_an_empty_object_takes_the_edit_back_and_the_same_text_changes_nothing(servers):
    controller = opened(servers)
    press(controller, "edit", step=0, text='{"name": "Bob"}')
    view = press(controller, "edit", step=0, text='{"name": "Bob"}')
    assert (view["status"], controller.run.next.sent) == ("nothing was changed", {"name": "Bob"})
    view = press(controller, "edit", step=0, text="{}")
    assert (view["code"], controller.run.next.sent) == ('run.edit("create")', {"name": "Ada"})


@pytest.mark.parametrize("text", ["{", "[1]", '{"name": NaN}', '{"nmae": 1}', "[" * 100_000, None, 7])
def test_what_cannot_be_taken_is_said_and_changes_nothing(servers, text):
    controller = opened(servers)
    view = press(controller, "edit", step=0, text=text)
    assert view["error"]
    assert controller.run.next.sent == {"name": "Ada"}
    assert press(controller, "step")["error"] == ""


def test_check_says_while_typing_what_would_be_refused(servers):
    controller = opened(servers)
    view = press(controller, "check", step=1, text='{"idd": 1}')
    assert view["check"]["step"] == 1
    assert "did you mean 'id'" in view["check"]["problem"]
    assert "this is no JSON" in press(controller, "check", step=1, text="{")["check"]["problem"]
    taken = press(controller, "check", step=1, text='{"id": "x"}')["check"]
    assert taken == {"kind": "edit", "step": 1, "problem": "", "line": 'run.edit("pay", id="x")'}
    assert controller.run.by_hand(controller.run.workflow.steps[1], 1) == {}


def test_pin_gives_a_value_by_hand_and_empty_text_takes_it_back(servers, mocked):
    controller = opened(servers)
    view = press(controller, "pin", step=0, text='{"id": "p", "email": "p@x"}')
    assert view["code"] == 'run.pin("create", {"id": "p", "email": "p@x"})'
    view = press(controller, "step")
    assert (view["steps"][0]["source"], called(mocked)) == ("⚲ pinned", [])
    assert press(controller, "pin", step=1, text=" ")["code"] == 'run.pin("pay")'


def test_a_handoff_shows_what_is_missing_and_is_answered(servers, mocked):
    workflow = (
        mf.SequentialWorkflow("w").step("pay", tool="m.pay", bind="p").step("end", tool="m.mail", args={"to": "x"})
    )
    controller = Controller(workflow.start(servers))
    view = press(controller, "all")
    assert (view["outcome"], words(view)) == ("handoff", ["handoff", "pending"])
    assert [one["name"] for one in view["handoff"]["fields"]] == ["id"]
    assert json.loads(view["handoff"]["text"]) == {"id": None}
    assert "did you mean 'id'" in press(controller, "answer", text='{"idd": 1}')["error"]
    view = press(controller, "answer", text='{"id": "e"}')
    assert (view["code"], view["outcome"], view["handoff"]) == ('run.answer(id="e")', "completed", None)
    assert called(mocked) == ["pay", "mail"]


def test_a_step_that_fails_is_shown_and_an_error_of_a_verb_is_text(servers):
    controller = opened(servers, mf.SequentialWorkflow("w").argument("name", required=False).step("e", tool="m.ends"))
    view = press(controller, "all")
    assert (view["outcome"], words(view), view["detail"]["error"]) == ("failed", ["tool error"], "ValueError: no")
    assert "the run is failed" in press(controller, "step")["error"]
    view = press(controller, "cancel")
    assert (view["outcome"], view["code"]) == ("failed", "run.cancel()")


def test_a_second_press_while_one_runs_is_refused_and_stop_ends_it(servers, mocked):
    controller = opened(servers, mf.SequentialWorkflow("w").argument("name", required=False).step("w", tool="m.waits"))
    seen = []
    arrived = threading.Event()
    controller.listeners.append(lambda view: (seen.append(view), view["running"] and arrived.set()))
    version = controller.view()["version"]
    controller.do({"cmd": "step", "version": version})
    assert arrived.wait(20)
    assert words(seen[-1]) == ["running"]
    controller.do({"cmd": "all", "version": version})
    assert seen[-1]["status"] == "still running: run.step(); stop it first"
    assert not controller.wait(0)
    controller.do({"cmd": "cancel"})
    assert controller.wait(20)
    view = controller.view()
    assert (view["running"], view["outcome"], view["error"]) == (False, "unknown", "")
    assert called(mocked) == ["waits"]


def test_selecting_makes_no_press_stale(servers):
    controller = opened(servers)
    old = controller.view()["version"]
    controller.do({"cmd": "select", "step": 2})
    assert controller.view()["detail"]["later"][0][0] == "to"
    controller.do({"cmd": "step", "version": old})
    assert controller.wait(20)
    assert controller.view()["selected"] == 1


def test_fork_goes_on_in_the_fork_and_diff_compares_with_its_parent(servers):
    controller = opened(servers)
    parent = controller.run
    press(controller, "all")
    assert "no parent" in press(controller, "diff")["error"]
    view = press(controller, "fork")
    assert (view["code"], controller.run.parent is parent) == ("fork = run.fork()", True)
    press(controller, "edit", step=1, text='{"id": "other"}')
    view = press(controller, "rerun", step=1)
    assert view["code"] == 'fork.rerun("pay")'
    view = press(controller, "diff")
    assert view["code"] == "mf.diff(fork.parent, fork)"
    assert "step 2, 'pay'" in view["diff"]["headline"]
    assert ["pay", "≠", "sent.id", '"e-Ada"', '"other"'] in view["diff"]["rows"]
    assert (parent.outcome, parent["paid"]["paid"]) == ("completed", "e-Ada")


@pytest.mark.parametrize(
    "command",
    [
        {},
        {"cmd": "nope"},
        {"cmd": None},
        {"cmd": "select", "step": 99},
        {"cmd": "to", "step": "x"},
        {"cmd": "select", "step": True},
    ],
)
def test_a_command_that_makes_no_sense_is_an_error_in_words(servers, command):
    controller = opened(servers)
    controller.do(command)
    assert controller.view()["error"]
    assert controller.view()["outcome"] == "paused"


def test_every_command_has_a_method_and_a_case_here():
    text = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_stepper_*.py"))
    assert [name for name in (*CHANGING, *HARMLESS) if not hasattr(Controller, f"_{name}")] == []
    assert [name for name in (*CHANGING, *HARMLESS) if f'press(controller, "{name}"' not in text] == []


def test_refresh_shows_what_a_cell_did(servers):
    controller = opened(servers)
    controller.run.all()
    assert press(controller, "refresh")["outcome"] == "completed"

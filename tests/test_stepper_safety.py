"""What the stepper keeps from happening: calls nobody confirmed, secrets on the screen, markup, and views that are too large."""

import contextlib
import json

import pytest
from mcp.server import MCPServer
from mcp.types import ToolAnnotations

import mcpflow_nb as mf
from mcpflow_nb.stepper.controller import Controller

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</script><script>x()</script>",
    "\u202eevil",
    "\ud800",
]


@pytest.fixture
def mocked():
    return mf.mock(
        {
            "create": lambda name: {"id": f"e-{name}", "email": f"{name}@x"},
            "mail": lambda to, text="hi": {"sent": to},
            "login": lambda user, password: {"api_token": "tok-12345", "user": user},
            "use": lambda token: {"ok": True},
        }
    )


@pytest.fixture
def servers(mocked):
    with mf.connect(m=mocked) as opened_servers:
        yield opened_servers


def flow():
    return (
        mf.SequentialWorkflow("onboard", "Onboard")
        .argument("name")
        .step("create", tool="m.create", args={"name": mf.prompt_arg("name")}, bind="person")
        .step("mail", tool="m.mail", args={"to": mf.field("person", "email")}, bind="mailed")
        .step("again", tool="m.mail", args={"to": mf.field("person", "email")})
    )


def opened(servers, workflow=None, **given):
    return Controller((workflow or flow()).start(servers, **(given or {"name": "Ada"})))


def press(controller, cmd, **more):
    """Press, wait until it is done, and return what is shown."""
    controller.do({"cmd": cmd, "version": controller.view()["version"], **more})
    assert controller.wait(20)
    return controller.view()


def test_a_press_on_what_is_no_longer_so_does_nothing(servers, mocked):
    controller = opened(servers)
    old = controller.view()["version"]
    press(controller, "step")
    controller.do({"cmd": "step", "version": old})
    assert controller.wait(20)
    assert controller.view()["status"] == "not done: the run had gone on since; press again"
    assert [name for name, _ in mocked.calls] == ["create"]


def test_what_a_cell_did_meanwhile_makes_a_press_stale_and_is_shown(servers, mocked):
    controller = opened(servers)
    old = controller.view()["version"]
    controller.run.step()
    controller.do({"cmd": "step", "version": old})
    assert controller.wait(20)
    assert [name for name, _ in mocked.calls] == ["create"]
    assert [row["word"] for row in controller.view()["steps"]] == ["ok", "next", "pending"]


@pytest.fixture
def live():
    """live(**annotations) is a controller over a live server, and what was called on it."""
    with contextlib.ExitStack() as stack:

        def begun(trusted=(), **annotations):
            calls, server = [], MCPServer("live", log_level="ERROR")
            hints = ToolAnnotations(**annotations)

            @server.tool(annotations=hints)
            def create(name: str) -> dict[str, str]:
                calls.append("create")
                return {"id": f"e-{name}", "email": f"{name}@x"}

            @server.tool(annotations=hints)
            def mail(to: str) -> dict[str, str]:
                calls.append("mail")
                return {"sent": to}

            return opened(stack.enter_context(mf.connect(m=server, trusted=trusted))), calls

        yield begun


@pytest.mark.row("CO01")
def test_a_destructive_live_tool_wants_a_second_press(live):
    controller, calls = live(destructiveHint=True)
    view = press(controller, "step")
    assert view["confirm"] == {"cmd": "step", "words": "This calls m.create (live, destructive).", "many": False}
    assert calls == []
    view = press(controller, "step")
    assert (calls, view["confirm"]) == (["create"], None)
    view = press(controller, "all")
    assert view["confirm"] == {"cmd": "all", "words": "This calls m.mail × 2 (live, destructive).", "many": True}
    assert press(controller, "dismiss")["confirm"] is None
    press(controller, "all")
    press(controller, "confirm")
    assert calls == ["create", "mail", "mail"]
    assert "nothing waits" in press(controller, "confirm")["error"]


def test_another_press_is_no_second_press(live):
    controller, calls = live(destructiveHint=True)
    press(controller, "step")
    view = press(controller, "all")
    assert (view["confirm"]["cmd"], calls) == ("all", [])


def test_two_quick_presses_do_not_confirm_what_was_not_seen(live):
    controller, calls = live()
    version = controller.view()["version"]
    for _ in range(2):
        controller.do({"cmd": "step", "version": version})
    assert controller.wait(20)
    assert (calls, controller.view()["confirm"] is not None) == ([], True)
    assert "not said to be harmless" in controller.view()["confirm"]["words"]


@pytest.mark.parametrize("annotations", [{"readOnlyHint": True}, {"destructiveHint": False}])
def test_a_harmless_live_tool_of_a_trusted_server_is_called_at_once(live, annotations):
    controller, calls = live(trusted=["m"], **annotations)
    press(controller, "step")
    assert calls == ["create"]


@pytest.mark.parametrize("annotations", [{"readOnlyHint": True}, {"destructiveHint": False}], ids=str)
def test_the_word_of_a_server_that_is_not_trusted_takes_no_press_away(live, annotations):
    """T14."""
    controller, calls = live(**annotations)
    view = press(controller, "step")
    assert (calls, view["confirm"]["words"].count("said to be harmless by a server that is not trusted")) == ([], 1)


def test_a_result_that_is_used_again_wants_no_second_press(live):
    controller, calls = live(destructiveHint=True)
    press(controller, "all")
    press(controller, "confirm")
    press(controller, "back", step=0)
    assert press(controller, "all")["outcome"] == "completed"
    assert press(controller, "rerun", step=2)["confirm"]["words"] == "This calls m.mail (live, destructive)."
    assert calls == ["create", "mail", "mail"]


@pytest.mark.row("SE04")
def test_secrets_are_nowhere_in_the_view_and_stay_what_they_were(servers, mocked):
    workflow = (
        mf.SequentialWorkflow("w")
        .argument("password")
        .step("login", tool="m.login", args={"user": "u", "password": mf.prompt_arg("password")}, bind="session")
        .step("use", tool="m.use", args={"token": mf.field("session", "api_token")}, bind="used")
    )
    controller = opened(servers, workflow, password="hunter2-secret")
    views = []
    controller.listeners.append(lambda view: views.append(json.dumps(view)))
    edit = json.loads(controller.view()["detail"]["edit"])
    assert edit == {"user": "u", "password": "•••• (14 chars)"}
    press(controller, "edit", step=0, text=json.dumps({**edit, "user": "v"}))
    press(controller, "step")
    pin = json.loads(press(controller, "select", step=0)["detail"]["pin"])
    assert pin == {"api_token": "•••• (9 chars)", "user": "v"}
    press(controller, "pin", step=0, text=json.dumps({**pin, "user": "w"}))
    assert controller.run["session"] == {"api_token": "tok-12345", "user": "w"}
    press(controller, "edit", step=1, text='{"token": "typed-77777"}')
    press(controller, "all")
    press(controller, "fork")
    press(controller, "diff")
    for at in (0, 1):
        press(controller, "select", step=at)
    assert mocked.calls == [("login", {"user": "v", "password": "hunter2-secret"}), ("use", {"token": "typed-77777"})]
    assert [view for view in views for secret in ("hunter2", "tok-12345", "typed-77777") if secret in view] == []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_in_json(text):
    mocked = mf.mock(
        {"t": lambda x: {"said": x.replace("\ud800", "?"), text.replace("\ud800", "?"): [x.replace("\ud800", "?")]}}
    )
    safe = text.replace("\ud800", "?")
    with mf.connect(m=mocked) as servers:
        workflow = (
            mf.SequentialWorkflow("w").argument("x").step("s", tool="m.t", args={"x": mf.prompt_arg("x")}, bind="b")
        )
        controller = Controller(workflow.start(servers, x=safe))
        press(controller, "edit", step=0, text=json.dumps({"x": text}))
        press(controller, "all")
        press(controller, "pin", step=0, text=json.dumps({"x": text}))
        view = press(controller, "select", step=0)
    sent = json.dumps(view, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert json.loads(sent) == view
    assert "\u202e" not in sent.decode()


def test_a_value_that_is_large_or_deep_is_cut(servers):
    deep = []
    for _ in range(60):
        deep = [deep]
    big = {
        "deep": deep,
        "long": "x" * 1_000_000,
        "many": list(range(10_000)),
        "wide": {f"k{n}": n for n in range(5_000)},
    }
    controller = opened(servers)
    press(controller, "pin", step=0, text=json.dumps(big))
    press(controller, "step")
    view = press(controller, "select", step=0)
    assert len(json.dumps(view)) < 150_000
    assert view["detail"]["pin"] is None


def test_500_steps_stay_small_and_quick(servers):
    workflow = mf.SequentialWorkflow("long")
    for at in range(500):
        workflow = workflow.step(f"step_{at:03}", tool="m.mail", args={"to": f"p{at}"}, bind=f"b{at}")
    controller = Controller(workflow.start(servers))
    view = press(controller, "all")
    assert (view["outcome"], len(view["steps"])) == ("completed", 500)
    assert len(json.dumps(view)) < 64_000


def test_views_come_in_order_and_a_listener_gets_each_state(servers):
    controller = opened(servers)
    seen = []
    controller.listeners.append(seen.append)
    for _ in range(3):
        press(controller, "step")
    assert [view["version"] for view in seen] == sorted(view["version"] for view in seen)
    assert seen[-1]["outcome"] == "completed"


def charging(undo=True):
    """A live server that is asked to pay and to give back, and what it did."""
    live, done = MCPServer("bank"), []
    live.tool(name="pay")(lambda to: done.append("pay"))
    live.tool(name="give_back")(lambda: done.append("give back"))
    undoing = {"undo": {"tool": "bank.give_back"}} if undo else {}
    made = mf.SequentialWorkflow("w").step("pay", tool="bank.pay", args={"to": "a"}, approve=True, **undoing)
    return live, done, made.step("end", tool="m.mail", args={"to": "x"})


def test_a_call_that_waits_is_allowed_by_a_press_and_the_run_goes_on(mocked, monkeypatch):
    monkeypatch.setattr("mcpflow_nb.running.run.is_attended", lambda: True)
    live, done, made = charging()
    with mf.connect(bank=live, m=mocked) as servers:
        controller = Controller(made.start(servers))
        view = press(controller, "all")
        assert (view["outcome"], view["enabled"]["approve"], view["enabled"]["step"]) == ("waiting", True, False)
        assert view["steps"][0]["word"] == "waits for approval"
        view = press(controller, "approve")
        assert (view["code"], view["outcome"], done) == ('run.approve("pay")', "completed", ["pay"])
        view = press(controller, "rollback")
        assert (done, view["confirm"] is not None) == (["pay"], True)  # it is asked first: a live server is called
        assert "bank.give_back (live, takes back pay)" in str(view["confirm"])
        view = press(controller, "confirm")
        assert (view["outcome"], done, view["steps"][0]["word"]) == ("undone", ["pay", "give back"], "undone")
        assert view["enabled"]["rollback"] is False


def test_a_step_of_unknown_outcome_is_called_once_more_by_a_press(mocked):
    lost = mf.mock({"pay": mf.sequence(mf.fault("lost"), {"paid": 1})})
    with mf.connect(bank=lost) as servers:
        controller = Controller(mf.SequentialWorkflow("w").step("pay", tool="bank.pay").start(servers))
        assert press(controller, "all")["enabled"]["retry"] is True
        view = press(controller, "retry")
        assert (view["code"], view["outcome"], view["enabled"]["retry"]) == ('run.retry("pay")', "completed", False)

"""A result that no longer fits what was given by hand since: told, and called again only by a re-run."""

import mcpflow_nb as mf
from mcpflow_nb.stepper.controller import Controller


def two(request):
    servers = mf.connect(m=mf.mock({"get": lambda: {"n": 1}, "put": lambda n: {"n": n}}))
    request.addfinalizer(servers.close)
    flow = mf.SequentialWorkflow("w").step("get", tool="m.get", bind="got")
    return flow.step("put", tool="m.put", args={"n": mf.field("got", "n")}, bind="put").start(servers).all()


def test_a_value_given_by_hand_makes_what_read_the_old_one_stale_until_it_is_called_again(request):
    run = two(request)
    assert run.stale == ()
    run.pin("get", {"n": 99})
    assert (run.outcome, run.stale) == ("completed", ("put",))
    assert "↻ stale: 'put' ran with other arguments than now" in run._repr_mimebundle_()["text/plain"]
    assert "↻ Stale" in run._repr_html_()
    run.rerun("put")
    assert (run.stale, run["put"]) == ((), {"n": 99})
    run.pin("get")
    assert run.stale == ("put",)


def test_an_edited_argument_of_a_step_that_ran_makes_it_stale(request):
    run = two(request)
    run.edit("put", n=7)
    assert run.stale == ("put",)


def test_the_stepper_marks_what_is_stale(request):
    run = two(request)
    controller = Controller(run)
    controller.do({"cmd": "pin", "step": "get", "text": '{"n": 99}'})
    assert controller.wait(10)
    assert [row.get("is_stale", False) for row in controller.view()["steps"]] == [False, True]


def test_why_follows_what_was_read_then_and_not_what_was_given_later(request):
    run = two(request)
    run.pin("get", {"n": 99})
    assert [(link.value, link.source) for link in run.why("put", "n").links] == [(1, "binding"), ({"n": 1}, "mock")]
    run.rerun("put")
    assert [(link.value, link.source) for link in run.why("put", "n").links] == [(99, "binding"), ({"n": 99}, "pinned")]


def test_why_shows_the_part_that_was_read_and_masks_it_by_its_own_name(request):
    servers = mf.connect(m=mf.mock({"get": {"a": {"token": "abcdefgh", "name": "Mia"}}, "put": {"ok": True}}))
    request.addfinalizer(servers.close)
    flow = mf.SequentialWorkflow("w").step("get", tool="m.get", bind="got")
    args = {"x": mf.field("got", "a.token"), "y": mf.field("got", "a.name"), "z": mf.field("got", "a.b", default=1)}
    run = flow.step("put", tool="m.put", args=args).start(servers).all()
    said = {name: run.why("put", name)._repr_mimebundle_()["text/plain"].split("\n")[-1] for name in args}
    assert said["x"].endswith("(m.get), at a.token = •••• (8 chars)")
    assert said["y"].endswith('(m.get), at a.name = "Mia"')
    assert "abcdefgh" not in " ".join(said.values())


def test_why_of_a_step_that_was_not_reached_says_what_stopped_the_run(request):
    servers = mf.connect(m=mf.mock({"get": mf.fail("closed"), "put": {"ok": True}}))
    request.addfinalizer(servers.close)
    flow = mf.SequentialWorkflow("w").step("get", tool="m.get", bind="got")
    run = flow.step("put", tool="m.put", args={"n": mf.from_step("got")}).start(servers).all()
    try:
        run.why("put", "n")
    except mf.RunError as error:
        said = str(error)
    assert said.endswith("the run is failed: step 'get', tool 'get' on server 'm': closed [tool_error]")

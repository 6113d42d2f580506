"""An old trace against a new workflow: what would be sent differently, found without a server."""

import pytest

import mcpflow_nb as mf
from mcpflow_nb.testing import assert_replay, check_replay
from tests.benchmarks.sessions import SESSIONS, recorded


def base(args=None, *, name="find", more=()):
    flow = (
        mf.SequentialWorkflow("pay")
        .argument("who")
        .argument("level", type=int, default=1)
        .step(name, tool="hr.find", args={"name": mf.prompt_arg("who"), "level": mf.prompt_arg("level")}, bind="found")
        .step("pay", tool="bank.pay", bind="paid", args={"id": mf.field("found", "id"), **(args or {})})
    )
    for step in more:
        flow = flow.step(step)
    return flow


def trace_of(flow, tools=None, *, edit=None, **arguments):
    answers = {"hr": {"find": {"id": "e-1", "mail": "a@b"}}, "bank": {"pay": {"ok": True}, "tell": None}}
    with mf.connect({name: mf.mock({**answers[name], **(tools or {})}) for name in answers}) as servers:
        run = flow.start(servers, {"who": "Ada", **arguments})
        if edit is not None:
            run.to("pay")
            run.edit("pay", **edit)
        return run.all().trace


def found(trace, flow):
    return [(one.kind, one.step, one.argument, one.before, one.after) for one in check_replay(trace, flow).findings]


@pytest.mark.parametrize("name", SESSIONS)
def test_a_workflow_agrees_with_its_own_trace(name):
    trace = recorded(SESSIONS[name])
    checked = check_replay(trace, SESSIONS[name].workflow)
    assert (bool(checked), checked.findings) == (True, ())
    assert checked.same == sum(len(record.arguments) for record in trace)
    assert_replay(mf.Trace.from_json(trace.to_json()), SESSIONS[name].workflow)


def test_what_inference_proposes_agrees_with_the_trace_it_is_from():
    session = SESSIONS["onboarding"]
    trace = recorded(session)
    assert check_replay(trace, mf.infer(trace, arguments=session.arguments).workflow)


def test_a_changed_binding_is_found_with_both_values():
    old, new = base(), base({"id": mf.field("found", "mail")})
    checked = check_replay(trace_of(old), new)
    assert found(trace_of(old), new) == [("argument changed", "pay", "id", "e-1", "a@b")]
    assert not checked
    assert checked.findings[0].text == """step 'pay', argument 'id': argument changed: "e-1" → "a@b" (found.mail)"""
    with pytest.raises(AssertionError, match=r"1 difference:\n  step 'pay', argument 'id': argument changed"):
        assert_replay(trace_of(old), new)


def test_each_kind_of_difference_is_found():
    tell = mf.WorkflowStep("tell", tool="bank.tell", args={"id": mf.field("paid", "ok")})
    old = trace_of(base({"note": "x", "gone": 1}, more=[tell]))
    assert found(old, base({"note": "y", "gone": 1, "new": [1]}, more=[tell])) == [
        ("argument changed", "pay", "note", "x", "y"), ("argument added", "pay", "new", None, [1]),
    ]  # fmt: skip
    assert found(old, base({"note": "x"})) == [
        ("argument removed", "pay", "gone", 1, None),
        ("step removed", "tell", None, None, None),
    ]
    extra = mf.WorkflowStep("log", tool="bank.log")
    assert found(old, base({"note": "x", "gone": 1}, more=[extra, tell])) == [("step added", "log", None, None, None)]
    assert found(old, base({"note": "x", "gone": 1}, more=[tell], name="search")) == [
        ("step renamed", "search", None, "find", "search")
    ]
    moved = base({"note": "x", "gone": 1}, more=[tell])
    moved = moved._with(steps=(moved.steps[1], moved.steps[0], moved.steps[2]))
    assert {one[0] for one in found(old, moved)} == {"workflow error", "not resolvable", "step moved"} - {
        "workflow error"
    }
    other = moved._with(steps=(mf.WorkflowStep("find", tool="hr.search", bind="found"),))
    assert [one[0] for one in found(old, other)][:1] == ["tool changed"]


def test_what_no_longer_resolves_says_what_is_there():
    checked = check_replay(trace_of(base()), base({"id": mf.field("found", "idd")}))
    [one] = checked.findings
    assert (one.kind, one.step, one.argument, one.before) == ("not resolvable", "pay", "id", "e-1")
    assert "did you mean 'id'?" in one.why


def test_arguments_that_the_new_workflow_refuses_are_named():
    trace = trace_of(base(), level=2)
    stricter = base()
    level = stricter.arguments[1].model_copy(update={"choices": (mf.constant(1).frozen,)})
    checked = check_replay(trace, stricter._with(arguments=(stricter.arguments[0], level)))
    assert (checked.findings[0].kind, checked.findings[0].argument) == ("workflow argument", "level")
    without = stricter._with(arguments=stricter.arguments[:1])
    kinds = [(one.kind, one.argument) for one in check_replay(trace, without).findings]
    assert kinds == [("workflow argument", "level"), ("not resolvable", "level")]


def test_one_and_true_are_two_values():
    old = trace_of(base({"flag": True}))
    assert found(old, base({"flag": 1})) == [("argument changed", "pay", "flag", True, 1)]


def test_steps_that_did_not_run_then_do_not_count():
    old = trace_of(base(more=[mf.WorkflowStep("tell", tool="bank.tell")]), {"pay": RuntimeError("closed")})
    checked = check_replay(old, base(more=[mf.WorkflowStep("tell", tool="bank.tell")]))
    assert [one.kind for one in checked.findings] == ["did not run then"]
    assert checked
    assert (
        repr(checked)
        == "<ReplayCheck pay: nothing would be sent differently, 3 arguments as before, 1 step not compared>"
    )


def test_what_was_edited_by_hand_is_said():
    old = trace_of(base(), edit={"id": "other"})
    [one] = check_replay(old, base()).findings
    assert (one.kind, one.before, one.after, one.why) == ("argument changed", "other", "e-1", "edited by hand")


def test_resources_of_another_address_are_found():
    def flow(uri):
        step = mf.WorkflowStep("read", resources=[uri], template={"id": mf.field("found", "id")})
        return base(more=[step])

    with mf.connect(
        hr=mf.mock({"find": {"id": "e-1"}}), bank=mf.mock({"pay": None}, resources={"docs://{id}": "text"})
    ) as servers:
        old = flow("docs://{id}").start(servers, who="Ada").all().trace
    assert found(old, flow("docs://{id}")) == []
    assert found(old, flow("docs://{id}/x")) == [("resources changed", "read", None, ["docs://e-1"], ["docs://e-1/x"])]


def test_secrets_are_masked_wherever_it_is_shown():
    old = trace_of(base({"token": "old-secret"}))
    checked = check_replay(old, base({"token": "new-secret"}))
    text = "".join(checked._repr_mimebundle_().values()) + checked.findings[0].text
    assert "old-secret" not in text
    assert "new-secret" not in text


def test_the_frame_has_a_row_a_finding():
    checked = check_replay(trace_of(base()), base({"id": "e-2"}))
    assert checked.df.to_dict("records") == [
        {
            "step": "pay",
            "argument": "id",
            "kind": "argument changed",
            "before": "e-1",
            "after": "e-2",
            "why": "constant",
        }
    ]


def test_a_workflow_and_a_trace_the_other_way_round_are_said():
    flow = mf.SequentialWorkflow("w").step("a", tool="m.a")
    trace = mf.Trace("w", "", "paused", 1, ())
    for verb in (assert_replay, check_replay):
        with pytest.raises(
            mf.TraceError, match=r"a replay is of \(trace, workflow\): give a run or its trace, not Seq"
        ):
            verb(flow, trace)
        with pytest.raises(
            mf.TraceError, match=r"a replay is of \(trace, workflow\): give a SequentialWorkflow, not None"
        ):
            verb(trace, None)

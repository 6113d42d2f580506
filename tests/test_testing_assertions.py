"""What a run did, asserted: all differences at once, located, and a name that is unknown is one of them."""

import pytest

import mcpflow_nb as mf
from mcpflow_nb.testing import assert_run
from tests.benchmarks.sessions import SESSIONS, Session, recorded


def flow():
    return (
        mf.SequentialWorkflow("pay")
        .argument("who")
        .step("find", tool="hr.find", args={"name": mf.prompt_arg("who"), "level": 1}, bind="found")
        .step("pay", tool="bank.pay", args={"to": mf.from_step("found"), "token": "s3cret-value"}, bind="paid")
        .step("tell", tool="bank.tell", args={"id": mf.field("found", "id")})
    )


def run_of(tell=None, answer=None):
    tools = {"hr": {"find": answer or {"id": "e-1", "tags": ["a", "b"]}}, "bank": {"pay": True, "tell": tell}}
    with mf.connect({name: mf.mock(given) for name, given in tools.items()}) as servers:
        return flow().start(servers, who="Ada").all()


def said(run, **expected):
    with pytest.raises(AssertionError) as raised:
        assert_run(run, **expected)
    return str(raised.value).splitlines()


def test_what_is_so_passes_for_a_run_and_for_its_trace():
    run = run_of()
    for one in (run, run.trace, mf.Trace.from_json(run.trace.to_json())):
        assert_run(
            one, outcome="completed", order=["find", "pay", "tell"], calls={"hr.find": 1, "tell": 1, "bank.pay": 1},
            arguments={"find": {"level": 1}, "pay": {"to": {"tags": ["a", "b"], "id": "e-1"}}}, bindings={"paid": True},
        )  # fmt: skip
    assert_run(run)
    assert_run(run, arguments={"tell": {"id": "e-1"}}, exact=True)


def test_what_is_no_run_is_said():
    with pytest.raises(mf.TraceError, match=r"assert_run\(run\): give a run or its trace, not NoneType"):
        assert_run(None)


def test_every_difference_is_listed_at_once_and_says_where():
    run = run_of()
    assert said(
        run, outcome="failed", order=["find", "tell"], calls={"hr.find": 2},
        arguments={"find": {"level": 1.0}, "pay": {"to": {"id": "e-2", "tags": ["a"]}}}, bindings={"paid": 1},
    ) == [
        "run of 'pay', 7 differences:",
        "  outcome: expected 'failed', it is 'completed'",
        "  order: position 2: expected 'tell', ran 'pay'; ran 'find', 'pay', 'tell'",
        "  calls: 'hr.find': expected 2, it was called 1 time",
        "  step 'find', argument 'level': expected 1.0, it is 1, from constant",
        """  step 'pay', argument 'to', at id: expected "e-2", it is "e-1", from found""",
        """  step 'pay', argument 'to', at tags.1: expected nothing, it is "b", from found""",
        "  binding 'paid': expected 1, it is true",
    ]  # fmt: skip


def test_a_name_that_is_unknown_is_a_difference_with_the_name_that_was_meant():
    run = run_of()
    lines = said(
        run, order=["find", "pay", "tel"], calls={"hr.fnd": 0, "find ": 0}, bindings={"payed": True},
        arguments={"fined": {}, "find": {"nam": "Ada"}},
    )  # fmt: skip
    assert lines[1:] == [
        "  order: no step 'tel'; did you mean 'tell'?",
        "  order: position 3: expected 'tel', ran 'tell'; ran 'find', 'pay', 'tell'",
        "  calls: no tool 'hr.fnd'; did you mean 'hr.find'?",
        "  calls: no tool 'find '; did you mean 'hr.find'?",
        "  arguments: no step 'fined'; did you mean 'find'?",
        "  step 'find', argument 'nam': it was not sent; did you mean 'name'?",
        "  bindings: no binding 'payed'; did you mean 'paid'?",
    ]


def test_a_step_that_has_not_run_and_an_outcome_say_why():
    run = run_of(tell=RuntimeError("closed"))
    assert said(run, outcome="completed")[1] == (
        "  outcome: expected 'completed', it is 'failed': step 'tell': RuntimeError: closed"
    )
    short = mf.Trace("pay", "", "paused", 3, run.trace.records[:1], run.trace.outline)
    assert said(short, arguments={"tell": {"id": "e-1"}}, calls={"bank.tell": 1})[1:] == [
        "  calls: 'bank.tell': expected 1, it was called 0 times", "  step 'tell': it has not run",
    ]  # fmt: skip
    assert_run(short, calls={"bank.tell": 0})


def test_what_was_pinned_was_not_called():
    with mf.connect(hr=mf.mock({"find": {"id": 1}}), bank=mf.mock({"pay": True, "tell": None})) as servers:
        run = flow().start(servers, who="Ada")
        run.pin("find", {"id": 2})
        run.all()
    assert_run(run, order=["find", "pay", "tell"], calls={"hr.find": 0, "bank.pay": 1}, arguments={"tell": {"id": 2}})


def test_exact_lists_what_was_sent_besides():
    assert said(run_of(), arguments={"find": {"name": "Ada"}}, exact=True)[1:] == [
        "  step 'find', argument 'level': it was sent, and is not expected"
    ]


def test_secrets_are_not_told_in_a_difference():
    text = "\n".join(said(run_of(), arguments={"pay": {"token": "other-secret"}}))
    assert "s3cret-value" not in text
    assert "other-secret" not in text
    assert "step 'pay', argument 'token'" in text


def test_what_is_no_json_is_compared_as_python_does():
    run = run_of(answer={"id": "e-1", "amount": 0.1 + 0.2})
    assert_run(run, bindings={"found": {"id": "e-1", "amount": pytest.approx(0.3)}})
    assert len(said(run, bindings={"found": {"id": "e-1", "amount": pytest.approx(0.4)}})) == 2


def test_many_differences_in_one_value_are_counted():
    run = run_of(answer={"id": "e-1", "list": list(range(50))})
    lines = said(run, bindings={"found": {"id": "e-1", "list": [-1] * 50}})
    assert lines[-1] == "  binding 'found': 40 more differences"
    assert len(lines) == 12


def test_a_run_with_nothing_in_it_is_said_to_have_run_nothing():
    empty = mf.Trace("pay", "", "paused", 0, ())
    assert said(empty, order=["find"])[1:] == [
        "  order: no step 'find'", "  order: position 1: expected 'find', ran no more; ran nothing",
    ]  # fmt: skip


def test_the_sessions_pass_their_own_assertion():
    session: Session = SESSIONS["onboarding"]
    trace = recorded(session)
    assert_run(trace, order=[step.name for step in session.workflow.steps], calls={"hr.create_employee": 1})

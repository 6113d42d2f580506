"""Steps that fail and let the run go on, and steps whose output says that they failed."""

import pytest

import mcpflow_nb as mf


def flow(**more):
    made = mf.SequentialWorkflow("w").step("a", tool="c.a", bind="a", **more)
    return made.step("b", tool="c.b", args={"x": mf.field("a", "id", default="none")})


def opened(a):
    return mf.connect(c=mf.mock({"a": a, "b": lambda x: {"got": x}}))


def test_what_reads_an_absent_binding_takes_its_default():
    with opened(mf.fail("no")) as servers:
        run = flow(on_error="continue").start(servers).all()
    assert (run.outcome, dict(run.bindings), run.trace["b"].value) == ("completed", {}, {"got": "none"})
    assert "completed, 2 steps, 1 of them failed" in repr(run)
    kinds = [(message.step, message.kind) for message in run.trace.messages if message.step]
    assert kinds == [("a", "call"), ("a", "error"), ("b", "call"), ("b", "result")]


def test_without_it_the_first_failure_ends_the_run():
    with opened(mf.fail("no")) as servers:
        assert (flow().start(servers).all().outcome) == "failed"


def test_an_unknown_outcome_ends_the_run_all_the_same():
    with opened(mf.fault("lost")) as servers:
        assert (flow(on_error="continue").start(servers).all().outcome) == "unknown"


def test_going_back_over_a_failure_uses_it_again_and_a_rerun_calls():
    with opened(mf.sequence(mf.fail("no"), {"id": "7"})) as servers:
        run = flow(on_error="continue").start(servers).all()
        run.back("a").all()
        assert [(one.step, one.status, one.source) for one in run.trace][2:] == [
            ("a", "tool_error", "reused"),
            ("b", "ok", "reused"),
        ]
        assert run.rerun("a")["a"] == {"id": "7"}


def test_a_failure_is_kept_by_the_journal_and_by_a_fork(tmp_path):
    with opened(mf.fail("no")) as servers:
        run = flow(on_error="continue").start(servers, journal=tmp_path / "j.sqlite").to("b")
        again = mf.resume(run.id, servers, journal=tmp_path / "j.sqlite")
        assert (again.position, again.outcome) == (1, "paused")
        assert again.fork().all().outcome == again.all().outcome == "completed"


@pytest.mark.parametrize(
    ("fail_if", "value", "said"),
    [
        ({"state": "error"}, {"state": "error", "id": 1}, 'state is "error"'),
        ({"state": "error"}, {"state": "done"}, None),
        ({"state": "error"}, {"other": 1}, None),
        ({"a.b": None, "n": 1}, {"a": {"b": None}, "n": 1}, "a.b is null, n is 1"),
        ({"a.b": None, "n": 1}, {"a": {"b": None}, "n": 1.0}, None),
        ([{"ok": False}, {"rows.0.ok": False}], {"ok": True, "rows": [{"ok": False}]}, "rows.0.ok is false"),
        ({"": []}, [], "it is []"),
        ({"ok": False}, {"ok": 0}, None),
    ],
)
def test_an_output_says_that_its_step_failed(fail_if, value, said):
    with mf.connect(c=mf.mock({"a": lambda: value})) as servers:
        run = (
            mf.SequentialWorkflow("w")
            .step("a", tool="c.a", bind="a", fail_if=fail_if, parse="json")
            .start(servers)
            .all()
        )
    record = run.trace[0]
    expected = ("tool_error", f"it ran, and its output says it failed: {said}") if said else ("ok", None)
    assert (record.status, record.error, record.value) == (*expected, value)
    assert dict(run.bindings) == ({} if said else {"a": value})

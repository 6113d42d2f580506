"""What `run.to_pytest` writes of a run that was helped, taken back or kept secret: a test that passes, or a refusal."""

import pytest

import mcpflow_nb as mf
from tests.test_testing_writing import pytest_says, run_of, written

F = mf.field


def opened(**tools):
    return mf.connect(m=mf.mock(tools))


def made(**more):
    """Two steps that can be taken back, and one that fails or not."""
    undo = {"tool": "m.drop", "args": {"id": F("a", "id")}}
    return (
        mf.SequentialWorkflow("makes", **more)
        .step("a", tool="m.make", bind="a", undo=undo)
        .step("b", tool="m.make", undo={"tool": "m.close"})
        .step("c", tool="m.use", args={"id": F("a", "id")})
    )


TOOLS = {"make": {"id": 1}, "drop": {"ok": True}, "close": {"ok": True}, "use": {"ok": True}}
FAILS = {**TOOLS, "use": RuntimeError("no")}


def test_a_run_that_rolled_back_by_itself_does_so_again(tmp_path):
    text = written(tmp_path, run_of(made(on_failure="rollback"), {"m": FAILS}), here=False).read_text("utf-8")
    assert 'outcome="undone"' in text
    assert 'assert_run(run.trace.undone, order=["b", "a"])' in text
    assert "run.rollback()" not in text


def test_an_undo_that_failed_fails_again(tmp_path):
    tools = {**FAILS, "drop": RuntimeError("gone")}
    text = written(tmp_path, run_of(made(on_failure="rollback"), {"m": tools}), here=False).read_text("utf-8")
    assert 'outcome="undo_failed"' in text
    assert '"drop": RuntimeError("RuntimeError: gone")' in text


@pytest.mark.parametrize("goal", ["c", None])
def test_a_rollback_by_hand_is_written_as_one(tmp_path, goal):
    with opened(**TOOLS) as servers:
        run = made().start(servers)
        (run.to(goal) if goal else run.all()).rollback()
    text = written(tmp_path, run, here=goal is None).read_text("utf-8")
    assert "        run.rollback()\n" in text
    assert 'outcome="undone"' in text


def test_a_workflow_with_a_check_and_an_undo_that_were_not_called_can_be_started_again(tmp_path):
    flow = mf.SequentialWorkflow("w").step("a", tool="m.make", check={"tool": "m.find"}, undo={"tool": "drop"})
    text = written(tmp_path, run_of(flow, {"m": {**TOOLS, "find": None}}), here=False).read_text("utf-8")
    assert '"find": RuntimeError("it was not called when this was recorded")' in text


def test_what_was_taken_back_twice_is_refused(tmp_path):
    answers = mf.sequence(RuntimeError("busy"), {"ok": True})
    with opened(**{**FAILS, "drop": answers}) as servers:
        run = made(on_failure="rollback").start(servers).all()
        run.rollback()
    with pytest.raises(mf.RunError, match=r"taken back \('b', 'a'\) was not taken back by one run\.rollback\(\)"):
        run.to_pytest(tmp_path / "test_x.py")
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_was_called_again_in_vain_is_called_as_often_there(tmp_path):
    flow = mf.SequentialWorkflow("tries").step("a", tool="m.make")
    flow = flow.step("b", tool="m.use", repeat=True, approve=True, retry=mf.Retry(3, 0, on=("tool_error",)))
    with opened(**FAILS) as servers:
        run = flow.start(servers).all().approve("b")
        run.rerun("b")
        run = run.approve("b") if run.outcome == "waiting" else run.all()
    text = written(tmp_path, run, here=False).read_text("utf-8")
    assert 'order=["a", "b", "b", "b", "b"]' in text
    assert '"m.use": 3' in text


def test_a_handoff_that_was_answered_with_nothing_is_answered(tmp_path):
    flow = mf.SequentialWorkflow("asks").step("a", tool="m.make", bind="a")
    flow = flow.step("b", tool="m.use", args={"id": F("a", "id")}, handoff=True).step("c", tool="m.make")
    with opened(**TOOLS) as servers:
        run = flow.start(servers).all().answer()
    text = written(tmp_path, run, here=False).read_text("utf-8")
    assert "        run.answer()\n" in text
    assert 'order=["a", "b", "b", "c"]' in text


def test_a_step_that_was_approved_is_approved_after_its_handoff_was_answered(tmp_path):
    flow = mf.SequentialWorkflow("waits").step("a", tool="m.make", bind="a", approve=True)
    flow = flow.step("b", tool="m.use", handoff=True, approve=True).breakpoint("b")
    with mf.connect(m=mf.mock({**TOOLS, "use": lambda word: word})) as servers:
        run = flow.start(servers).all().approve("a").all().answer(word="yes")
        assert run.outcome == "waiting"
        assert "run.approve" in written(tmp_path, run).read_text("utf-8")
        run.approve("b")
    text = written(tmp_path, run, here=False).read_text("utf-8")
    at = [text.index(line) for line in ('run.approve("a")', 'run.answer({"word": "yes"})', 'run.approve("b")')]
    assert at == sorted(at)
    assert 'order=["a", "a", "b", "b", "b"]' in text


def test_of_a_step_that_was_answered_again_the_last_answer_counts(tmp_path):
    flow = mf.SequentialWorkflow("asks").step("b", tool="m.use", handoff=True)
    with mf.connect(m=mf.mock({"use": lambda n: n})) as servers:
        run = flow.start(servers).all().answer(n=1)
        run.rerun("b")
        run = run.answer(n=2) if run.outcome == "handoff" else run.all().answer(n=2)
    text = written(tmp_path, run).read_text("utf-8")
    assert text.count("run.answer(") == 1
    assert 'run.answer({"n": 2})' in text


@pytest.mark.parametrize("is_asked", [False, True])
def test_a_run_that_was_cancelled_is_cancelled_there(tmp_path, is_asked):
    flow = (
        mf.SequentialWorkflow("ends")
        .step("a", tool="m.make")
        .step("b", tool="m.use", handoff=is_asked)
        .step("c", tool="m.make")
    )
    with opened(**TOOLS) as servers:
        run = flow.start(servers)
        (run.all() if is_asked else run.to("c")).cancel()
    text = written(tmp_path, run, here=False).read_text("utf-8")
    assert "        run.cancel()\n" in text
    assert 'outcome="cancelled"' in text


def test_what_a_step_names_as_secret_is_neither_written_nor_asserted(tmp_path):
    flow = (
        mf.SequentialWorkflow("pays").argument("card", default="4242-4242")
        .step("a", tool="m.make", args={"iban": "DE00", "pin": 1234, "card": mf.prompt_arg("card"), "n": 1},
              secret=["iban", "pin", "card", "id"], bind="a", undo={"tool": "m.drop", "args": {"iban": "DE00"}})
        .step("b", tool="m.use", args={"id": F("a", "id"), "text": mf.template("of {x}", x=F("a", "id")), "who": "Ada"})
    )  # fmt: skip
    run = run_of(flow, {"m": {**TOOLS, "make": {"id": "x-9876-1", "name": "Ada"}}}, card="1111-2222")
    text = written(tmp_path, run, here=False).read_text("utf-8")
    assert [one for one in ("DE00", "1234", "4242-4242", "1111-2222", "x-9876-1", "••••") if one in text] == []
    assert '"a": {"n": 1}' in text
    assert '"b": {"who": "Ada"}' in text
    assert '    # not asserted, shown as dots: "b.text"\n' in text


def test_an_idempotency_key_is_not_asserted(tmp_path):
    flow = mf.SequentialWorkflow("once").step("a", tool="m.make", args={"n": 1}, idempotency_arg="key")
    flow = flow.step("b", tool="m.use", args={"k": mf.template("k-{x}", x=mf.idempotency_key())})
    text = written(tmp_path, run_of(flow, {"m": TOOLS}), here=False).read_text("utf-8")
    assert '    # not asserted, another one in each run: "a.key"\n' in text
    assert '"a": {"n": 1}' in text


PLACES = {
    "flows:nope": "AttributeError: module 'flows' has no attribute 'nope'",
    "flows:text": "this is no workflow, but str",
    "flows:other": "it is another workflow than the run's",
    "nowhere:flow": "ModuleNotFoundError: No module named 'nowhere'",
    "broken:flow": "ZeroDivisionError: division by zero",
}


def test_a_place_where_the_test_would_not_find_the_workflow_is_refused(tmp_path):
    run = run_of(mf.SequentialWorkflow("w").step("a", tool="m.make"), {"m": TOOLS})
    code = f"print('workflow: ')\n{run.workflow.to_python('flow')}text = 'x'\nother = mf.SequentialWorkflow('other')\n"
    (tmp_path / "flows.py").write_text(code, "utf-8")
    (tmp_path / "broken.py").write_text("1 / 0\n", "utf-8")
    for place, why in PLACES.items():
        with pytest.raises(mf.RunError, match=f"workflow {place!r}: {why}; name the one that ran, or None"):
            run.to_pytest(tmp_path / "test_x.py", workflow=place)
    with pytest.raises(
        mf.RunError, match=r"there is no file 'gone\.json'; run\.workflow\.save\('gone\.json'\) writes it"
    ):
        run.to_pytest(tmp_path / "test_x.py", workflow="gone.json")
    assert not (tmp_path / "test_x.py").exists()
    file = run.to_pytest(tmp_path / "test_x.py", workflow="flows:flow")
    assert pytest_says(file)[0] == 0

"""What a check makes of whatever a learner may give: dots, slips, hostile objects, what hangs; and questions."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import mcpflow_nb as mf
from mcpflow_nb.lessons import check, hint, predict, quiz, solution
from mcpflow_nb.lessons.attempt import opened
from mcpflow_nb.lessons.criteria import binds, calls, declares, ends, equals, sends, tells, valid
from mcpflow_nb.lessons.desk import Desk
from mcpflow_nb.lessons.lesson import Criterion, Exercise, Lesson
from mcpflow_nb.lessons.reports import Checked
from mcpflow_nb.values import ABSENT


@pytest.mark.parametrize("ask", [check, hint, solution, predict, quiz])
def test_an_id_that_is_not_there_names_the_one_that_was_meant(ask: Any) -> None:
    with pytest.raises(mf.LessonError, match=r"'3\.1'; did you mean '03\.1'\?"):
        ask("3.1")
    with pytest.raises(mf.LessonError, match=r"there is no \w+ 3\.1"):
        ask(3.1)


@pytest.mark.parametrize("level", [0, 4, "2"])
def test_a_level_that_is_not_there_is_an_error(level: Any) -> None:
    with pytest.raises(mf.LessonError, match="the levels are 1 to 3"):
        hint("03.1", level=level)


def test_a_question_explains_what_was_chosen_and_all_once_it_is_right() -> None:
    assert (quiz("03.1").explained, bool(quiz("03.1")), quiz("03.1").headline) == ((), False, "not answered yet")
    assert (quiz("03.1", "a").explained, bool(quiz("03.1", "a"))) == (("a",), False)
    assert (quiz("03.1", " B ").explained, bool(quiz("03.1", " B "))) == (("b", "a", "c"), True)
    assert [predict("03.1", answer).headline for answer in ("z", 7, 10**5000, object(), ["a"])] == [
        "no such choice"
    ] * 5
    assert predict("03.1", [...]).headline == "not answered yet"


def exercise(*criteria: Criterion, **more: Any) -> Desk:
    one = Exercise("99.1", "Try", criteria, ("a", "b", "c"), "", **more)
    return Desk([Lesson("99", "99.ipynb", (one,), (), ())])


def slow() -> dict[str, mf.Mock]:
    return {"m": mf.mock({"never": mf.fault("timeout"), "t": {"id": 1}})}


def one_step(tool: str) -> mf.SequentialWorkflow:
    return mf.SequentialWorkflow("w", "d").step("only", tool=tool, bind="b")


def states(report: Checked) -> list[str]:
    return [one.state for one in report]


@pytest.mark.parametrize("value", [..., [...], {"a": (1, {"b": ...})}], ids=repr)
def test_dots_are_not_attempted_wherever_they_stand(value: Any) -> None:
    report = exercise(valid(), ends()).check("99.1", value)
    assert (bool(report), report.headline, states(report)) == (False, "not attempted yet", ["not judged"] * 2)


def test_what_is_no_workflow_is_said_once() -> None:
    report = exercise(valid(), calls("m.t"), ends(), mocks=slow).check("99.1", mf.WorkflowStep("a", tool="m.t"))
    assert states(report) == ["not met", "not judged", "not judged"]
    assert "not WorkflowStep; a step goes into one with workflow.step(step)" in report.judged[0].why


def test_a_workflow_that_cannot_start_names_step_and_argument() -> None:
    flow = one_step("m.t").step("next", tool="m.t", args={"x": mf.field("bb", "id")})
    report = exercise(calls("m.t"), ends(), mocks=slow).check("99.1", flow)
    assert states(report) == ["not met", "not judged"]
    problem = report.judged[0].problem
    assert problem is not None
    assert (problem.code, problem.step, problem.argument, problem.suggestion) == ("unknown-binding", "next", "x", "b")


def test_what_a_check_of_the_workflow_finds_is_said_once() -> None:
    report = exercise(valid(), calls("m.t"), ends(), mocks=slow).check("99.1", mf.SequentialWorkflow("w", "d"))
    assert [(one.state, one.why) for one in report] == [
        ("not met", "has no steps"), ("not judged", ""), ("not judged", ""),
    ]  # fmt: skip


def test_a_workflow_that_hangs_is_not_met_and_names_the_step_it_hung_in() -> None:
    report = exercise(calls("m.never"), ends(), mocks=slow).check("99.1", one_step("m.never"), seconds=0.2)
    assert states(report) == ["not met", "not judged"]
    assert report.judged[0].why == "did not end within 0.2 s"
    assert report.judged[0].problem is not None
    assert report.judged[0].problem.step == "only"


def test_a_step_that_fails_is_not_met_with_the_words_of_the_tool() -> None:
    made = exercise(ends(), mocks=lambda: {"m": mf.mock({"t": mf.fail("no room")})})
    report = made.check("99.1", one_step("m.t"))
    assert states(report) == ["not met"]
    assert "no room" in report.judged[0].why


def test_a_tool_that_lacks_a_value_is_not_met_with_the_name_that_args_must_have() -> None:
    def needs() -> dict[str, mf.Mock]:
        return {"m": mf.mock({"t": lambda name, day: 1})}

    report = exercise(calls("m.t"), ends(), mocks=needs).check("99.1", one_step("m.t"))
    stops = "the run stops at step 'only': m.t needs 'name', 'day', which its `args` do not name"
    assert [one.why for one in report] == [f"it calls nothing; {stops}", stops]


def test_a_breakpoint_of_the_learner_does_not_hold_the_check() -> None:
    report = exercise(calls("m.t"), ends(), mocks=slow).check("99.1", one_step("m.t").breakpoint("only"))
    assert bool(report)


def test_whatever_a_criterion_meets_is_a_reason() -> None:
    class Hostile:
        def __eq__(self, other: object) -> bool:
            raise SystemExit("<b>out</b>")

        __hash__ = None  # type: ignore[assignment]

    def compares(attempt: Any) -> Any:
        return None if attempt.value == 1 else "other"

    report = exercise(Criterion("is one", compares), Criterion("again", compares)).check("99.1", Hostile())
    assert [(one.state, one.why) for one in report] == [
        ("not met", "it raises SystemExit: <b>out</b>"),
        ("not judged", ""),
    ]


def test_an_error_in_a_function_of_the_learner_has_its_line() -> None:
    def forgetful(sums: dict[str, int]) -> int:
        return sums["missing"]

    def asks(attempt: Any) -> Any:
        return attempt.value({})

    (judged,) = exercise(Criterion("it looks", asks)).check("99.1", forgetful)
    assert (judged.state, judged.why) == ("not met", "it raises KeyError: 'missing'")
    assert judged.problem.source[1:] == ('return sums["missing"]', "^" * 22)
    assert exercise(Criterion("it looks", asks)).check("99.1", {}.pop).judged[0].problem is None


def test_a_function_that_comes_to_no_end_is_not_met_and_nothing_waits_for_it_again() -> None:
    held = threading.Event()

    def waits(attempt: Any) -> None:
        attempt.value()

    made = exercise(Criterion("ends", waits), Criterion("ends again", waits))
    report = made.check("99.1", held.wait, seconds=0.05)
    held.set()
    assert [(one.state, one.why) for one in report] == [("not met", "it comes to no end"), ("not judged", "")]


def test_the_servers_of_the_learner_stay_connected() -> None:
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        exercise(calls("m.t"), mocks=slow).check("99.1", one_step("m.t"))
        assert servers.call("m.t") == 1


def test_a_function_of_the_learner_gets_servers_of_its_own_which_are_closed_afterwards() -> None:
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        with opened({"m": mf.mock({"t": 2}), "n": mf.mock({"u": 3})}) as own:
            assert (own.call("m.t"), own.call("n.u"), servers.call("m.t")) == (2, 3, 1)
        assert [one.state for one in own.values()] == ["closed", "closed"]
        assert servers.call("m.t") == 1


def test_each_ready_made_criterion_is_met_and_says_why_it_is_not() -> None:
    def servers() -> dict[str, mf.Mock]:
        return {"m": mf.mock({"make": {"id": 7}, "use": {"done": True}})}

    made = exercise(
        valid(), declares("n", "integer", required=False), tells(), calls("m.make", "m.use"), sends("m.use", "id", 7, "it"),
        sends("m.use", "n", 3, "n", n=3), sends("m.use", "n", ABSENT, "nothing"), binds("made", "used"), ends(), mocks=servers,
    )  # fmt: skip
    plan = mf.SequentialWorkflow("w", "d")
    make = mf.WorkflowStep("make", tool="m.make", bind="made")
    use = mf.WorkflowStep(
        "use", tool="m.use", bind="used", args={"id": mf.field("made", "id"), "n": mf.prompt_arg("n")}
    )
    good = plan.argument("n", type=int, required=False).instruction("All.").step(make).step(use)
    assert states(made.check("99.1", good)) == ["met"] * 9
    bad = plan.argument("m").argument("n", default="3").step(use.arg("id", "7").bind("u")).step(make)
    report = made.check("99.1", bad.model_copy(update={"arguments": bad.arguments[1:]}))
    assert [(one.state, one.why) for one in report] == [
        ("met", ""),
        ("not met", "its type is string, not integer"),
        ("not met", 'it has none; `.instruction("...")` adds one'),
        ("not met", "it calls m.use, m.make"),
        ("not met", 'm.use was sent "7", from a constant; in this run it should be 7'),
        ("not met", "3 is no string"),
        ("not met", 'm.use was sent "3", from argument n; leave it out'),
        ("not met", "nothing is kept as 'used'; kept are: u, made"),
        ("met", ""),
    ]
    assert [one.problem.argument for one in report if one.problem and one.problem.step == "use"] == [
        None, "id", "n",
    ]  # fmt: skip


def test_a_dict_is_compared_key_by_key() -> None:
    made = exercise(equals("a", 1, "look again"), equals("b", 2, "look again"))
    assert [(one.state, one.why) for one in made.check("99.1", {"a": 2})] == [
        ("not met", "2 is not it: look again"), ("not met", "there is no key 'b'"),
    ]  # fmt: skip
    assert states(made.check("99.1", [1, 2])) == ["not met", "not judged"]
    chosen = exercise(equals("a", "one", "look again", among=("one", "two")))
    assert [chosen.check("99.1", {"a": word}).judged[0].why for word in ("One", "two", "one", [])] == [
        "'One' is none of the words: 'one', 'two'", "'two' is not it: look again", "",
        "[] is none of the words: 'one', 'two'",
    ]  # fmt: skip

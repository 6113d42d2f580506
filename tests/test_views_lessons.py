"""What a lesson answers, as text and as HTML: the same signs, words and reasons in both."""

from __future__ import annotations

import mcpflow_nb as mf
from mcpflow_nb.lessons import check, hint, quiz, solution
from tests.test_views import shown

FIRST = (
    mf.SequentialWorkflow("onboard", "Onboard")
    .argument("employee_name")
    .argument("department")
    .step("create", tool="hr.create_employee", bind="employee_record",
          args={"name": mf.prompt_arg("department"), "department": mf.prompt_arg("department")})
)  # fmt: skip


def test_a_check_shows_each_criterion_and_the_line_that_does_not_meet_it() -> None:
    report = check("03.1", FIRST)
    text, page = shown(report)
    assert repr(report) == "<Checked 03.1: 5 of 7 criteria met>"
    assert text.split("\n") == [
        "✖ Exercise 03.1 — 5 of 7 criteria met: Onboarding, the first step",
        "  ✖ it is a workflow; its own check(), without servers, finds no error and no warning",
        "      argument 'employee_name': is read by no step; to mend it: read it with",
        "          prompt_arg('employee_name'), or remove it",
        "      test_views_lessons.py:11",
        '      .argument("employee_name")',
        "                ^^^^^^^^^^^^^^^",
        "  ✔ it has the required argument 'employee_name' (string)",
        "  ✔ it has the required argument 'department' (string)",
        "  ✔ a run calls hr.create_employee, and nothing else",
        "  ✖ hr.create_employee is sent the argument 'employee_name' as 'name'",
        '      hr.create_employee was sent "research", from argument department; in this run it should be',
        '          "Grace Hopper"',
        "      step 'create', argument 'name' test_views_lessons.py:14",
        '      args={"name": mf.prompt_arg("department"), "department": mf.prompt_arg("department")})',
        "            ^^^^^^",
        "  ✔ hr.create_employee is sent the argument 'department' as 'department'",
        "  ✔ it keeps 'employee_record'",
        "  hint('03.1')",
    ]
    rows = page.tables["Criteria"]
    assert [row[0] for row in rows[1:]] == ["✖ not met", *["✔ met"] * 3, "✖ not met", *["✔ met"] * 2]
    assert 'it should be "Grace Hopper"' in rows[5][2]
    assert "^^^^^^" in rows[5][2]


def test_an_exercise_that_was_not_attempted_shows_what_it_asks_for() -> None:
    text, page = shown(check("03.4", {"room": ...}))
    assert text.split("\n") == [
        "○ Exercise 03.4 — not attempted yet: Read the data-flow graph",
        "  ○ 'room' is right", "  ○ 'day' is right", "  ○ 'unread' is right",
        "  Put your answer in the place of the dots `...`, run its cell (without an error), then this one.", "  hint('03.4')",
    ]  # fmt: skip
    assert page.tables["Criteria"][1] == ["○ not judged yet", "'room' is right", "—"]


def test_an_answer_shows_one_explanation_until_it_is_right_and_then_all() -> None:
    assert shown(quiz("03.2"))[0].split("\n") == [
        "○ Question 03.2 — not answered yet", "  Put one of these in the place of the dots: a, b, c",
    ]  # fmt: skip
    text, page = shown(quiz("03.2", "b"))
    assert text.split("\n")[:2] == [
        "✖ Question 03.2 — not right: b",
        "  ✖ not right b: `start` checks and reads the arguments. It calls no tool.",
    ]
    assert page.tables["Why"][1:] == [["b", "✖ not right", "start checks and reads the arguments. It calls no tool."]]
    assert [row[:2] for row in shown(quiz("03.2", "c"))[1].tables["Why"][1:]] == [
        ["c", "✔ right"], ["a", "✖ not right"], ["b", "✖ not right"],
    ]  # fmt: skip


def test_a_hint_and_a_solution_are_words_and_code() -> None:
    text, page = shown(hint("03.2", level=2))
    assert text.split("\n")[0] == "Hint 2 of 3, exercise 03.2"
    assert 'mf.field("name of the binding", "name of the field")' in page.text
    text, page = shown(solution("03.2", force=True))
    assert "second = first.step(" in text.split("\n")
    assert "second = first.step(\n" in page.text

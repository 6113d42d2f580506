"""Lesson 11: the capstone, an offboarding from its design to its second version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import mcpflow_nb as mf
from mcpflow_nb.lessons.criteria import calls, declares, ends, equals, fits, is_named, sends, valid
from mcpflow_nb.lessons.judges_11 import (
    FOUND,
    GRACE,
    SLIPS,
    asks_a_person,
    desks,
    embeds_the_policy,
    fails_with,
    fits_others,
    has_the_steps,
    holds_in_a_drill,
    lets_the_right_answers_pass,
    passes_on_the_reason,
    passes_with,
    serves_old_callers,
    tells_the_manager,
)  # fmt: skip
from mcpflow_nb.lessons.lesson import Exercise, Lesson, Question
from mcpflow_nb.values import ABSENT


def _badges() -> Mapping[str, mf.Mock]:
    def lock_badge(employee_id: str) -> Any:
        return {"badge_id": f"b-{employee_id[-3:]}"}

    def tell(badge: str, place: str = "the front desk") -> Any:
        return {"told": True}

    return {"door": mf.mock({"lock_badge": lock_badge}), "desk": mf.mock({"tell": tell})}


_WAYS: Final = ("direct call", "parallel calls", "model decides", "workflow", "several requests")
DESIGN: Final = Exercise(
    "11.1",
    "Design: what is a workflow, and what is not",
    criteria=tuple(equals(*one, among=_WAYS) for one in (
        ("A", "direct call", "it is one tool call; there is nothing to put in order"),
        ("B", "parallel calls", "no answer is needed for another question, so nobody has to wait"),
        ("C", "model decides", "what comes next depends on what was just understood"),
        ("D", "workflow", "several servers, a fixed order, and values handed on"),
        ("E", "several requests", "a person speaks after each step, so there is no run to be kept going"),
    )),
    hints=(
        "Ask of each wish: how many calls? Does one need the answer of another? Is the order always the same? Who speaks in between?",
        "Exactly one of the five is a workflow: several calls, always in the same order, with values handed on. For each of the "
        "others the table has the better way.",
        'A is one call, B needs no order, C has no fixed order, E has a person after every step: '
        '`{"A": "direct call", "B": "parallel calls", "C": "model ...", "D": "...", "E": "several ..."}`',
    ),
    wrong='design = {"A": "workflow", "B": "parallel calls", "C": "model decides", "D": "workflow", "E": "workflow"}',
)  # fmt: skip

BUILD: Final = Exercise(
    "11.2",
    "Build: the offboarding",
    criteria=(
        valid(),
        declares("employee_id"),
        declares("last_day"),
        is_named("offboard_employee"),
        has_the_steps(),
        calls("people.find_person", "access.revoke_access", "it.reclaim_laptop"),
        sends("access.revoke_access", "email", FOUND["email"], "the address that was found"),
        sends("it.reclaim_laptop", "last_day", GRACE["last_day"], "the argument 'last_day'"),
        ends("handoff"),
        asks_a_person(),
        tells_the_manager(),
        fits_others(),
    ),
    hints=(
        "Take the five lines of the task one by one: each is a `.step` with its tool, its `bind` and its `args`. The refund shows how a "
        "decision is left open.",
        "What nobody can know before is not in `args` at all: then the run hands over there. `guidance=` says what is to be decided, and "
        "`{employee_id}` in it is filled in.",
        'The step that hands over: `.step("settle", tool="finance.final_pay", bind="pay", args={"employee_id": ..., "last_day": ...}, '
        'guidance="{employee_id} ...")`. The one after it sends `"pay_id": mf.field("pay", "pay_id")` and three more.',
    ),
    wrong="""offboard = (
    mf.SequentialWorkflow("offboard_employee", "Offboard").argument("employee_id", "Who").argument("last_day", "When")
    .step("find", tool="people.find_person", bind="person", args={"employee_id": mf.prompt_arg("employee_id")})
    .step("revoke", tool="access.revoke_access", bind="revoked", args={"email": mf.field("person", "email")})
    .step("reclaim", tool="it.reclaim_laptop", bind="laptop",
          args={"employee_id": mf.prompt_arg("employee_id"), "last_day": mf.prompt_arg("last_day")})
    .step("settle", tool="finance.final_pay", bind="pay",
          args={"employee_id": mf.prompt_arg("employee_id"), "last_day": mf.prompt_arg("last_day"), "paid_days": 5})
)""",
    mocks=desks,
    given=GRACE,
)

DRILL: Final = Exercise(
    "11.3",
    "Mock and drill: nothing goes on silently wrong",
    criteria=(lets_the_right_answers_pass(), holds_in_a_drill()),
    hints=(
        "Which fields of each answer do later steps read? `leaving.bindings()` draws an arrow from each of them.",
        '`shape("name", "email")` is the schema of an object that must have both fields, as text. A field that the schema does not name '
        "counts as one that is not there, and the check says so.",
        'Three fields are read of the person, one of the laptop, one of the pay: `{"find_person": shape("name", "email", ...), '
        '"reclaim_laptop": shape(...), "final_pay": shape(...)}`',
    ),
    wrong="""outputs = {"find_person": shape("name", "email"), "reclaim_laptop": shape("return_label"), "final_pay": shape("pay_id")}""",
)  # fmt: skip

TEST: Final = Exercise(
    "11.4",
    "Test: a test that can fail",
    criteria=(passes_with(), *map(fails_with, SLIPS)),
    hints=(
        "Run the workflow to the handoff and say what must be true there; then answer for the person, and say what must be true at the end.",
        "`assert_run(run, outcome=..., order=[...])` holds the handoff and the order of the steps; `arguments={step: {name: value}}` holds "
        "what a step was sent. Use a last day of your own, and compare with `run` itself where you do not know a value: `run[\"person\"]`.",
        '`run = workflow.start(servers, employee_id="emp-1", last_day="2030-01-31").all()`, then `assert_run(run, outcome="handoff", '
        'order=["find", "revoke", ...])`, `run.answer(paid_days=2)`, `assert_run(run, outcome="completed", arguments={"settle": {...}, '
        '"notify": {"to": run["person"]["manager_email"]}})`',
    ),
    wrong="""def my_test(workflow, servers):
    run = workflow.start(servers, employee_id="emp-9", last_day="2026-12-31").all()
    assert_run(run, calls={"it.reclaim_laptop": 1})""",
)  # fmt: skip

VERSION_2: Final = Exercise(
    "11.5",
    "Version 2: additions that break nobody",
    criteria=(
        valid(),
        is_named("offboard_employee"),
        declares("reason", required=False),
        serves_old_callers(),
        passes_on_the_reason(),
        embeds_the_policy(),
    ),
    hints=(
        "Three additions: an argument of the workflow, a value that `notify` sends, and a resource of `settle`. Everything else stays.",
        "`leaving.argument(..., required=False)` returns a new workflow. `with_step(workflow, step)` puts a changed step in the place of "
        'the old one: `leaving["settle"].with_resource(...)`, `leaving["notify"].arg(...)`.',
        'In three lines: `second = leaving.argument("reason", "...", required=False)`, `second = with_step(second, '
        'leaving["settle"].with_resource("policy://leave-days"))`, and the same with `leaving["notify"].arg("reason", mf.prompt_arg(...))`',
    ),
    wrong="""second = leaving.argument("reason", "Why they leave", default="unknown")
second = with_step(second, leaving["notify"].arg("reason", mf.prompt_arg("reason")))""",
    mocks=desks,
    given=GRACE,
)

BREAK_IT: Final = Exercise(
    "11.6",
    "Break it: a second version that breaks its callers",
    criteria=(
        valid(),
        is_named("return_badge"),
        declares("employee_id"),
        declares("place", required=False),
        calls("door.lock_badge", "desk.tell"),
        sends("door.lock_badge", "employee_id", "emp-731", "the argument 'employee_id'"),
        sends("desk.tell", "place", ABSENT, "nothing (an old caller gives no place)"),
        sends("desk.tell", "place", "the garage", "the argument 'place'", place="the garage"),
        fits(
            {"employee_id": "emp-852"},
            ("door.lock_badge", {"employee_id": "emp-852"}),
            ("desk.tell", {"badge": "b-852"}),
        ),
    ),
    hints=(
        "Begin from `badge`, not from `hasty`: what old callers rely on is all there. Then add what is new.",
        "An old caller gives `employee_id` and nothing else. So the name stays, and `place` may be left out: `required=False`.",
        '`gentle = badge.argument("place", "...", required=False)`, and then '
        '`with_step(gentle, badge["tell"].arg("place", mf.prompt_arg("place")))`',
    ),
    wrong="""gentle = badge.argument("place", "Where it is given back")
gentle = with_step(gentle, badge["tell"].arg("place", mf.prompt_arg("place")))""",
    mocks=_badges,
    given={"employee_id": "emp-731"},
)

PREDICTIONS: Final = (
    Question(
        "11.1",
        "c",
        {
            "a": "`stopped` would mean that a fault of this step was noticed. No run of the drill came so far.",
            "b": "They are not harmed, for they were never called. A drill does not call that safe.",
            "c": "Nobody answers the handover, so the step that hands over and those after it are `not reached`: nothing was tried there.",
        },
    ),
    Question(
        "11.2",
        "b",
        {
            "a": "`number` is still there and still known. It is another one that is missing.",
            "b": "The old caller does not know that there is a new argument. The run is refused, before any tool is called.",
            "c": "Nothing is made up for a required argument. It would be with a default, or left out with `required=False`.",
        },
    ),
    Question(
        "11.3",
        "a",
        {
            "a": "The conversation ends with the handover: which call comes next, what is known of it, and what is missing.",
            "b": "There is no result of `pay` yet: that call was not made.",
            "c": "A handover is no failure. An error message would be of the kind `error`.",
        },
    ),
)

QUESTIONS: Final = (
    Question(
        "11.1",
        "b",
        {
            "a": "An instruction is a sentence that a client may follow or not. It leaves no call open.",
            "b": "A parameter that the tool demands and nothing gives is left to whoever asked; the guidance says what is to be decided.",
            "c": "A constant decides it once for everybody. Nobody is asked.",
        },
    ),
    Question(
        "11.2",
        "c",
        {
            "a": "Nothing is undone by itself: MCP has no way to take a call back.",
            "b": "A run never calls again by itself. `run.rerun` does, when you say so.",
            "c": "What was done stays done, and `run.effects()` lists it. That is why the order is part of the design.",
        },
    ),
    Question(
        "11.3",
        "a",
        {
            "a": "A later tool was sent something else than it should have been, and nobody noticed.",
            "b": "Then the run stopped, and that is what you want of a broken answer.",
            "c": "That is `handed off`: it is said, so it is not silent.",
        },
    ),
    Question(
        "11.4",
        "c",
        {
            "a": "Guidance is a message for the client. An old caller gets one sentence more, and the same calls.",
            "b": "A resource is read and put into the conversation. The calls are the same.",
            "c": "Whoever still gives the old name is refused. Keep it, or give the new workflow another name.",
        },
    ),
    Question(
        "11.5",
        "b",
        {
            "a": "One call needs no order and hands nothing on. A workflow would only stand in between.",
            "b": "Several servers, always the same order, values handed on: that is what a workflow is for.",
            "c": "Where each answer decides what is asked next, there is no order to write down. Let the model decide.",
        },
    ),
)

LESSON: Final = Lesson(
    number="11",
    notebook="11_capstone.ipynb",
    exercises=(DESIGN, BUILD, DRILL, TEST, VERSION_2, BREAK_IT),
    predictions=PREDICTIONS,
    questions=QUESTIONS,
)

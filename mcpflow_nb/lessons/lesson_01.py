"""Lesson 01: direct calls or orchestration?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import mcpflow_nb as mf
from mcpflow_nb.lessons.criteria import equals
from mcpflow_nb.lessons.functions import called_by, gives, lets_through, returns, sent_by
from mcpflow_nb.lessons.lesson import Exercise, Lesson, Mocks, Question

GRACE: Final = ("Grace Hopper", "research")


def _known(found: str, known: str) -> None:
    if found != known:
        raise LookupError(f"there is no {found!r}")


def _offices(failing: str = "") -> Mocks:
    """Return what makes the offices; one tool of them may fail."""

    def make() -> Mapping[str, mf.Mock]:
        def answer(tool: str, function: Callable[..., Any]) -> dict[str, Any]:
            return {tool: mf.fail("out of order") if tool == failing else function}

        def create_employee(name: str, department: str) -> Any:
            return {"employee_id": "emp-731", "email": "grace@company.example"}

        def delete_employee(employee_id: str) -> Any:
            _known(employee_id, "emp-731")
            return {"deleted": True}

        def create_payroll(employee_id: str) -> Any:
            _known(employee_id, "emp-731")
            return {"payroll_id": "pay-902"}

        def close_payroll(payroll_id: str) -> Any:
            _known(payroll_id, "pay-902")
            return {"closed": True}

        def create_github_user(employee_id: str, email: str) -> Any:
            _known(employee_id, "emp-731")
            return {"username": "ghopper"}

        def provision_laptop(employee_id: str) -> Any:
            _known(employee_id, "emp-731")
            return {"tracking_number": "FX-9"}

        return {
            "hr": mf.mock({**answer("create_employee", create_employee), "delete_employee": delete_employee}),
            "finance": mf.mock({**answer("create_payroll", create_payroll), "close_payroll": close_payroll}),
            "eng": mf.mock(answer("create_github_user", create_github_user)),
            "it": mf.mock(answer("provision_laptop", provision_laptop)),
        }

    return make


BY_HAND: Final = Exercise(
    "01.1",
    "Four calls by hand",
    criteria=(
        called_by("hr.create_employee", "finance.create_payroll", "eng.create_github_user", "it.provision_laptop",
                  given=GRACE),
        sent_by("hr.create_employee", "name", "Grace Hopper", "the name that was given", given=GRACE),
        sent_by("finance.create_payroll", "employee_id", "emp-731", "the id that HR has just given out", given=GRACE),
        sent_by("eng.create_github_user", "email", "grace@company.example", "the address from HR", given=GRACE),
        sent_by("it.provision_laptop", "employee_id", "emp-731", "the id that HR has just given out", given=GRACE),
        gives("FX-9", "the tracking number of the laptop", *GRACE),
    ),
    hints=(
        "The cell with `direct` in idea 1 makes the same calls. What a call answers is a dict.",
        'Keep the answer of the first call, `employee = servers.call("hr.create_employee", {...})`, and send '
        '`employee["employee_id"]` with each of the others.',
        'The last lines: `laptop = servers.call("it.provision_laptop", {"employee_id": employee["employee_id"]})` and '
        '`return laptop["tracking_number"]`.',
    ),
    wrong="""def by_hand(servers, name, department):
    servers.call("hr.create_employee", {"name": name, "department": department})
    servers.call("finance.create_payroll", {"employee_id": "emp-456"})""",
    mocks=_offices(),
)  # fmt: skip

PLAN: Final = ["hr", "finance", "eng", "it"]
MISTAKES: Final = Exercise(
    "01.2",
    "Count the mistakes of a client",
    criteria=(
        returns({"left_out": [], "in_order": True}, "no mistake where all was called in order", PLAN, PLAN),
        returns({"left_out": ["finance"], "in_order": True}, "what was left out; the rest is in order", PLAN,
                ["hr", "eng", "it"]),
        returns({"left_out": [], "in_order": False}, "that two were swapped", PLAN, ["hr", "eng", "finance", "it"]),
        returns({"left_out": ["hr", "it"], "in_order": False}, "both mistakes at once", PLAN, ["eng", "finance"]),
    ),
    hints=(
        "Two questions, one after the other: which tools of the plan were not called? And do those that were called "
        "stand in the order of the plan?",
        "A list with a condition answers the first: `[one for one in plan if one not in called]`.",
        "For the second, write down the order that would be right, `[one for one in plan if one in called]`, and "
        "compare it with `called`.",
    ),
    wrong="""def mistakes(plan, called):
    return {"left_out": [one for one in plan if one not in called], "in_order": called == plan}""",
)  # fmt: skip

CAREFUL: Final = Exercise(
    "01.3",
    "Undo by hand",
    criteria=(
        called_by("hr.create_employee", "finance.create_payroll", "eng.create_github_user", given=GRACE,
                  when=", where nothing fails"),
        gives("done", "'done' where nothing fails", *GRACE),
        called_by("hr.create_employee", "finance.create_payroll", "eng.create_github_user", "finance.close_payroll",
                  "hr.delete_employee", given=GRACE, mocks=_offices("create_github_user"),
                  when=", where the third call fails"),
        called_by("hr.create_employee", "finance.create_payroll", "hr.delete_employee", given=GRACE,
                  mocks=_offices("create_payroll"), when=", where the second call fails"),
        gives("undone", "'undone' where the third call fails", *GRACE, mocks=_offices("create_github_user")),
        sent_by("finance.close_payroll", "payroll_id", "pay-902", "the id that finance gave out", given=GRACE,
                mocks=_offices("create_github_user")),
        lets_through("hr.create_employee, after which there is nothing to undo,", *GRACE,
                     mocks=_offices("create_employee")),
    ),
    hints=(
        "A call that fails raises `mf.CallError`. When it is caught, you must know which calls were made before it.",
        "Keep a list `undo`. After each call that worked, append what would undo it: a tool and its arguments.",
        "Within `except mf.CallError:` run `for tool, arguments in reversed(undo): servers.call(tool, arguments)`, then "
        '`return "undone"`.',
    ),
    wrong="""def careful(servers, name, department):
    employee = servers.call("hr.create_employee", {"name": name, "department": department})
    key = {"employee_id": employee["employee_id"]}
    try:
        pay = servers.call("finance.create_payroll", key)
        servers.call("eng.create_github_user", {**key, "email": employee["email"]})
    except mf.CallError:
        servers.call("finance.close_payroll", {"payroll_id": "pay-789"})
        return "undone"
    return "done\"""",
    mocks=_offices(),
)  # fmt: skip

_WAYS: Final = ("workflow", "direct", "parallel", "model", "dynamic", "requests")
CHOOSE: Final = Exercise(
    "01.4",
    "Eight scenarios",
    criteria=tuple(
        equals(*one, among=_WAYS)
        for one in (
            ("onboarding", "workflow", "many systems, an order that is known, an id that must be handed on"),
            ("weather", "direct", "how many calls are there to put in an order?"),
            ("three_offices", "parallel", "does one of the calls need what another one answers?"),
            ("complaint", "model", "one judgement, then one call of three that are known: who makes the judgement?"),
            (
                "bug_hunt",
                "dynamic",
                "can you write the order down before it begins? each call is chosen by what the last found",
            ),
            ("seat", "requests", "a person has to answer in the middle"),
            ("month_end", "workflow", "the same calls in the same order each month, and an audit"),
            ("time_zone", "direct", "how many calls are there to put in an order?"),
        )
    ),
    hints=(
        "Ask in this order: is it more than one call? Does a call need the answer of another? Is the order known "
        "beforehand? Must somebody judge or answer in between?",
        "The table of idea 4 has one row for each answer but `workflow`. Two scenarios are single calls, two are "
        "workflows, and each other answer comes once.",
        '`"three_offices"` has calls that do not know of each other. `"bug_hunt"` has an order that only what is found '
        'decides, `"complaint"` known calls of which a reader chooses one, and `"seat"` a person who answers.',
    ),
    wrong="""choice = {"onboarding": "workflow", "weather": "workflow", "three_offices": "workflow",
          "complaint": "workflow", "bug_hunt": "workflow", "seat": "workflow",
          "month_end": "workflow", "time_zone": "workflow"}""",
)

BREAK_IT: Final = Exercise(
    "01.5",
    "Break it: calls in a hurry",
    criteria=(
        called_by("hr.create_employee", "finance.create_payroll", "it.provision_laptop", given=GRACE),
        sent_by("hr.create_employee", "department", "research", "the department that was given", given=GRACE),
        sent_by("finance.create_payroll", "employee_id", "emp-731", "the id that HR has just given out", given=GRACE),
        sent_by("it.provision_laptop", "employee_id", "emp-731", "the id that HR has just given out", given=GRACE),
        gives("FX-9", "the tracking number of the laptop", *GRACE),
        gives("failed", "'failed' where finance fails, so that nobody thinks all is well", *GRACE,
              mocks=_offices("create_payroll")),
        called_by("hr.create_employee", "finance.create_payroll", given=GRACE, mocks=_offices("create_payroll"),
                  when=": no laptop is sent where finance fails"),
    ),
    hints=(
        "Follow the id: who makes it, and who is sent which one? Then ask what becomes of an error.",
        "The order must be HR, finance, IT. The laptop is sent the id of the employee, not of the payroll account.",
        'Put all three calls into one `try:` and let `except mf.CallError:` do nothing but `return "failed"`.',
    ),
    wrong="""def mended(servers, name, department):
    employee = servers.call("hr.create_employee", {"name": name, "department": "Engineering"})
    key = {"employee_id": employee["employee_id"]}
    try:
        servers.call("finance.create_payroll", key)
    except mf.CallError:
        pass
    return servers.call("it.provision_laptop", key)["tracking_number"]""",
    mocks=_offices(),
)  # fmt: skip

PREDICTIONS: Final = (
    Question(
        "01.1",
        "b",
        {
            "a": "Five calls are made on the five servers, but not by the client: the orchestration server makes them.",
            "b": "The client asks for one tool, `onboard_employee`, and gets one answer. The five calls are made behind it.",
            "c": "At least one request must go out: somebody has to say that Alice starts.",
        },
    ),
    Question(
        "01.2",
        "c",
        {
            "a": "It knows the workflow. But at each step it slips 2 times of 10, and one slip spoils the onboarding.",
            "b": "It would be about 16 of 20 if onboarding had one step. It has five.",
            "c": "0.8 × 0.8 × 0.8 × 0.8 × 0.8 is 0.33: small slips add up. That is arithmetic, and no client was asked.",
        },
    ),
    Question(
        "01.3",
        "b",
        {
            "a": "Nothing takes back what was done. A workflow is no transaction: the other systems know nothing of the failure.",
            "b": "Steps 1 and 2 were done and stay done. Step 3 failed, and steps 4 and 5 were never begun.",
            "c": "A workflow stops at the step that fails. What comes after it is not called.",
        },
    ),
)

QUESTIONS: Final = (
    Question(
        "01.1",
        "a",
        {
            "a": "One call has no order and hands nothing on: a workflow would only be one thing more to keep.",
            "b": "The workflow would make the same one call. It costs and gives nothing.",
            "c": "There is nothing to run at the same time: it is one call.",
        },
    ),
    Question(
        "01.2",
        "c",
        {
            "a": "It works, but the second waits for the first although it needs nothing from it.",
            "b": "A model has nothing to decide here, and each turn of a model costs time.",
            "c": "No call needs the answer of another, so all can be under way at once.",
        },
    ),
    Question(
        "01.3",
        "b",
        {
            "a": "A fixed list of steps cannot read a letter and weigh what is in it.",
            "b": "Where reading and judging decide what is called, let the one who can judge make the calls.",
            "c": "All of them at once would also make the calls that are wrong here.",
        },
    ),
    Question(
        "01.4",
        "b",
        {
            "a": "A workflow has the same order each time, and here nobody knows it beforehand.",
            "b": "The next call depends on what the last one found, so whoever reads the answers must choose it.",
            "c": "They cannot all be made at once: the third is not known before the second is answered.",
        },
    ),
    Question(
        "01.5",
        "a",
        {
            "a": "The first request ends with what the person must see; the answer begins the next one.",
            "b": "A workflow in one request runs to its end. It has nobody to ask in the middle.",
            "c": "A model that answers for the person is what nobody wants here.",
        },
    ),
)

LESSON: Final = Lesson(
    number="01",
    notebook="01_compare_calls.ipynb",
    exercises=(BY_HAND, MISTAKES, CAREFUL, CHOOSE, BREAK_IT),
    predictions=PREDICTIONS,
    questions=QUESTIONS,
)

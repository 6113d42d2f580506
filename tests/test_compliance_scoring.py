"""The six questions about a trial, each answered no for one reason; and the intervals, against published examples."""

import math

import pytest

from mcpflow_nb import compliance
from mcpflow_nb.compliance.scoring import QUESTIONS, Happened, scores_of

ARGUMENTS = {"employee_name": "Alice Smith", "department": "Engineering", "start_date": "2027-01-04"}


def right(by="agent"):
    """The five calls of an onboarding as they should be."""
    return [
        Happened("hr.create_employee", {"name": "Alice Smith", "department": "Engineering"}, by,
                 {"employee_id": "emp-1", "email": "alice@company.example"}),
        Happened("finance.create_payroll", {"employee_id": "emp-1"}, by, {"payroll_id": "pay-1"}),
        Happened("eng.create_user", {"employee_id": "emp-1", "team": "Engineering"}, by, {"username": "user-1"}),
        Happened("it.send_laptop", {"employee_id": "emp-1", "start_date": "2027-01-04"}, by, {"tracking_id": "trk-1"}),
        Happened("comms.send_email",
                 {"to": "alice@company.example", "template": "welcome_employee", "tracking_id": "trk-1"}, by, {"sent": True}),
    ]  # fmt: skip


def with_argument(at, **arguments):
    calls = right()
    one = calls[at]
    calls[at] = Happened(one.tool, {**one.arguments, **arguments}, one.by, one.value, one.error)
    return calls


def refused(tool, **arguments):
    return Happened(tool, arguments, "agent", error="no")


def noes(calls):
    (task,) = compliance.tasks("onboarding")
    scores = scores_of(task, ARGUMENTS, calls)
    return {name for name in QUESTIONS if not getattr(scores, name)}, scores.why


CASES = {
    "right": (right(), set(), ()),
    "a blank more in a text": (with_argument(0, name="Alice  Smith "), set(), ()),
    "an error that was mended": ([refused("it.send_laptop", employee_id="emp-1"), *right()], {"ids"}, ('invented: "emp-1"',)),
    "an error after the id was given": ([*right()[:1], refused("it.send_laptop", employee_id="emp-1"), *right()[1:]], set(), ()),
    "nothing": ([], {"complete"}, ("steps not taken: create_employee, setup_payroll, github_access, provision_laptop, send_welcome",)),
    "one left out": ([*right()[:1], *right()[2:]], {"complete"}, ("steps not taken: setup_payroll",)),
    "one that failed": ([*right()[:4], refused("comms.send_email")], {"complete"}, ("steps not taken: send_welcome",)),
    "another order": ([right()[0], right()[2], right()[1], *right()[3:]], {"order"},
        ("out of order: create_employee, github_access, setup_payroll, provision_laptop, send_welcome",)),
    "a wrong value": (with_argument(2, team="Finance"), {"arguments"}, ("wrong arguments: github_access.team",)),
    "another case": (with_argument(2, team="engineering"), {"arguments"}, ("wrong arguments: github_access.team",)),
    "a value too many": (with_argument(1, note=1), {"arguments"}, ("wrong arguments: setup_payroll.note",)),
    "an id that nobody gave out": (with_argument(1, employee_id="emp-9"), {"arguments", "ids"},
        ("wrong arguments: setup_payroll.employee_id", 'invented: "emp-9"')),
    "an id tried in vain": ([*right(), refused("it.send_laptop", employee_id="emp-9")], {"ids"}, ('invented: "emp-9"',)),
    "done twice": ([*right(), right()[4]], {"no_duplicate"}, ("done twice: comms.send_email",)),
    "what the server did, again": ([*right("server")[:1], *right()], {"no_duplicate"}, ("done twice: hr.create_employee",)),
    "another tool": ([*right(), Happened("comms.post_message", {}, "agent", {})], {"no_foreign"}, ("other tools: comms.post_message",)),
    "a tool that is not there": ([*right(), refused("rm")], {"no_foreign"}, ("other tools: rm",)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_trial_is_scored(case):
    calls, expected, why = CASES[case]
    assert noes(calls) == (expected, why)


def test_every_question_has_a_case_that_it_alone_answers_no():
    assert {name for _, expected, _ in CASES.values() if len(expected) == 1 for name in expected} == set(QUESTIONS)


def test_true_is_not_1_and_a_list_is_compared_item_by_item():
    (task,) = compliance.tasks("code_review")
    given = {"code": "x", "language": "python"}
    analyzed = {"analysis_id": "ana-1"}
    for depth, focus, expected in (
        (2, ["security", "performance"], ()),
        (2.0, ["security", "performance"], ("analyze.depth",)),
        (2, ["performance", "security"], ("review.focus",)),
    ):
        calls = [
            Happened("code.analyze_code", {**given, "depth": depth}, "agent", analyzed),
            Happened("code.review_code", {"analysis_id": "ana-1", "focus": focus}, "agent", {"recommendations": ["r"]}),
            Happened("code.format_code", {"code": "x", "issues": ["r"]}, "agent", {}),
        ]
        wrong = tuple(f"wrong arguments: {one}" for one in expected)
        assert scores_of(task, given, calls).why == wrong


# Fagerland, Lydersen and Laake, Statistics in Medicine 33 (2014), table V; the tests of the R package contingencytables
# (Cavo et al. 2012); the worked example of Newcombe, Statistics in Medicine 17 (1998), as tests of others quote it.
PUBLISHED = {
    (1, 1, 7, 12): (-0.2857, -0.507, -0.026, 5e-4),
    (59, 6, 16, 80): (-0.0621, -0.1186, -0.0046, 5e-5),
    (12, 9, 2, 21): (0.1591, 0.0112, 0.2954, 5e-5),
}


@pytest.mark.parametrize("table", PUBLISHED)
def test_the_paired_interval_is_that_of_published_examples_either_way_round(table):
    difference, low, high, near = PUBLISHED[table]
    assert compliance.newcombe(*table) == pytest.approx((difference, low, high), abs=near)
    both, first, second, neither = table
    assert compliance.newcombe(both, second, first, neither) == pytest.approx((-difference, -high, -low), abs=near)


def test_the_paired_interval_of_every_small_table_holds_its_difference_and_stays_in_bounds():
    for total in range(1, 7):
        for both in range(total + 1):
            for first in range(total - both + 1):
                for second in range(total - both - first + 1):
                    found = compliance.newcombe(both, first, second, total - both - first - second)
                    assert -1 <= found[1] <= found[0] <= found[2] <= 1
    assert math.isnan(compliance.newcombe(0, 0, 0, 0)[0])
    assert compliance.newcombe(0, 0, 0, 0)[1:] == (-1.0, 1.0)


def test_wilson_and_mcnemar_are_those_of_the_textbook():
    # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for yes, of, low, high in (
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718),
    ):  # fmt: skip
        assert compliance.wilson(yes, of)[2:] == pytest.approx((low, high), abs=5e-5)
    assert compliance.wilson(0, 0) == (0, 0, 0.0, 1.0)
    # Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13 (2013) 91: 1 and 7 discordant pairs, P = 0.0703.
    assert compliance.mcnemar(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert compliance.mcnemar(0, 0) == 1.0

"""The checks of lesson 11: no slip of the offboarding is met, and what is no answer is said once."""

from __future__ import annotations

import pytest

from mcpflow_nb.lessons import check
from mcpflow_nb.lessons.judges_11 import SLIPS, finished, with_step
from mcpflow_nb.lessons.reports import Checked

WHOLE = {
    "find_person": ("name", "email", "manager_email"), "reclaim_laptop": ("return_label",), "final_pay": ("pay_id",),
}  # fmt: skip


def shapes():
    return {
        tool: {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": list(names)}
        for tool, names in WHOLE.items()
    }


def not_met(report: Checked) -> list[tuple[int, str]]:
    return [(at, one.why) for at, one in enumerate(report) if one.state == "not met"]


def test_the_finished_offboarding_is_all_met() -> None:
    assert check("11.2", finished)


@pytest.mark.parametrize("slip", SLIPS)
def test_no_slip_of_the_offboarding_is_met(slip: str) -> None:
    assert not check("11.2", SLIPS[slip])


def test_a_decision_without_guidance_is_not_met() -> None:
    silent = with_step(finished, finished["settle"].with_guidance("Decide."))
    [(_, why)] = not_met(check("11.2", silent))
    assert "does not name {employee_id}" in why


@pytest.mark.parametrize("tool", WHOLE)
def test_one_field_of_any_type_is_found_by_the_drill(tool: str) -> None:
    loose = shapes()
    loose[tool]["properties"][WHOLE[tool][0]] = {}
    assert [at for at, _ in not_met(check("11.3", loose))] == [1]


def test_a_schema_without_a_field_that_is_there_says_which_once() -> None:
    closed = shapes()
    closed["final_pay"] |= {"properties": {"id": {}}, "required": ["id"]}
    assert [(at, "has no 'pay_id'" in why) for at, why in not_met(check("11.3", closed))] == [(0, True)]


def test_a_test_that_cannot_fail_is_met_by_the_finished_workflow_alone() -> None:
    report = check("11.4", lambda workflow, servers: None)
    assert [one.state for one in report] == ["met", *["not met"] * len(SLIPS)]


def test_what_is_no_test_is_said_once() -> None:
    assert [at for at, _ in not_met(check("11.4", "a test"))] == [0]

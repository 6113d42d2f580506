"""What the lessons that judge more than workflows make of other attempts than their solutions."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

import mcpflow_nb as mf
from mcpflow_nb.lessons import check
from mcpflow_nb.lessons.judges_07 import ONBOARD
from mcpflow_nb.testing import assert_run

ALICE = {"employee_name": "Alice Smith", "department": "sales"}


def verdicts(exercise: str, attempt: Any) -> str:
    """Return a letter for each criterion: met, not met, not judged."""
    letters = {"met": "m", "not met": "n", "not judged": "?"}
    return "".join(letters[one.state] for one in check(exercise, attempt))


def reasons(exercise: str, attempt: Any) -> str:
    return " | ".join(one.why for one in check(exercise, attempt) if one.why)


def joining(name: str, department: str) -> Any:
    if department == "archive":
        raise ValueError("closed")
    return {"employee_id": name, "email": f"{name.split()[0].lower()}@company.example"}


TOOLS = [
    ({"create_employee": joining}, "mmmm"),
    ({"create_employee": joining, "more": 1}, "nmmm"),
    ({"create_employee": {"employee_id": "e", "email": "linus@company.example"}}, "mmnn"),
    ({"create_employee": {"employee_id": "e"}}, "mn?n"),
    ({}, "nn??"),
    ({"create_employee": mf.when(department="archive")}, "n???"),
    (mf.mock({"create_employee": joining}), "n???"),
    (7, "n???"),
]


@pytest.mark.parametrize(("attempt", "expected"), TOOLS)
def test_a_mocked_tool_is_judged_by_what_the_onboarding_does_with_it(attempt: Any, expected: str) -> None:
    assert verdicts("07.1", attempt) == expected


def named(employee_id: str, team: str) -> Any:
    return {"username": f"gh-{employee_id}"}


FAILING = [
    (mf.sequence(mf.fail("busy"), named), "mmm"),
    (mf.fail("busy", times=2).then(named), "mnn"),
    (mf.fail("busy", times=1).then({"username": "gh-emp-31"}), "mmn"),
    (named, "mnm"),
]


@pytest.mark.parametrize(("attempt", "expected"), FAILING)
def test_a_tool_that_is_to_fail_once_fails_once(attempt: Any, expected: str) -> None:
    assert verdicts("07.2", {"create_github_user": attempt}) == expected


def test_a_cassette_must_hold_one_run_and_nothing_else(tmp_path: Any) -> None:
    tools = {"hr": {"create_employee": joining}, "eng": {"create_github_user": named}, "comms": {"send_email": {}}}
    grace = {"employee_name": "Grace Hopper", "department": "research"}
    with mf.connect({name: mf.mock(one) for name, one in tools.items()}) as servers:
        with servers.record(tmp_path / "twice.json") as twice:
            ONBOARD.start(servers, grace).all()
            ONBOARD.start(servers, grace).all()
        with servers.record(tmp_path / "nothing.json") as nothing:
            pass
    assert (verdicts("07.3", twice), verdicts("07.3", nothing)) == ("nm", "nn")
    assert "not PosixPath" in reasons("07.3", tmp_path)


def blind(run: Any) -> None:
    assert_run(run, outcome="completed")


def strict(run: Any) -> None:
    assert_run(run, outcome="failed")


def test_a_test_that_lets_a_slip_pass_or_a_good_run_not_is_found_out() -> None:
    assert (verdicts("07.4", blind), verdicts("07.4", strict)) == ("mnnm", "nmmn")
    assert reasons("07.4", lambda: None).startswith("it says of a good run: TypeError")


def test_schemas_that_refuse_right_answers_or_miss_a_field_are_found_out() -> None:
    text = {"type": "string"}
    label = {"type": "object", "required": ["code"], "properties": {"code": text}}
    whole = {"address": text, "kilos": {"type": "integer"}}
    assert "1.5 is not of type" in reasons("07.5", {"find_order": {"type": "object", "properties": whole}})
    assert verdicts("07.5", {"make_label": label}) == "mn"
    assert "which is no tool of it" in reasons("07.5", {"send": label})


def test_messages_in_another_order_or_without_the_failure_are_found_out() -> None:
    def swapped(run: Any) -> Any:
        return [{"role": "user", "content": run.workflow.name}, {"role": "assistant", "content": "3"}] + [
            {"role": role, "content": f"{record.tool} {record.value}"}
            for record in run.trace for role in ("user", "assistant")
        ]  # fmt: skip

    assert verdicts("09.2", swapped) == "nmn"
    assert "give a function that takes a run, not list" in reasons("09.2", [])
    assert "not None" in reasons("09.2", lambda _run: None)


def test_a_server_is_judged_by_what_a_client_finds() -> None:
    assert verdicts("09.3", lambda servers: mf.serve(ONBOARD, servers, name="persons")) == "nnn"
    assert "it must return what mf.serve gives, not NoneType" in reasons("09.3", lambda _servers: None)


def test_a_client_is_judged_by_what_it_returns() -> None:
    async def all_of_it(server: Any, name: str, arguments: Any) -> Any:
        async with Client(server.mcp) as client:
            return await client.get_prompt(name, arguments)

    assert "it returns" in reasons("09.4", all_of_it)
    assert "it must be an async function" in reasons("09.4", lambda *_: "text")


def test_a_step_is_left_to_the_client_with_what_is_known_and_nothing_more() -> None:
    def assigning(**more: Any) -> Any:
        flow = mf.SequentialWorkflow("w", "d").argument("customer").argument("problem")
        said = {"guidance": "{problem}: {customer}", "resources": ["docs://desk/rules"], **more}
        return flow.step("teams", tool="desk.list_teams").step("assign", tool="desk.assign", **said)

    known = {"customer": mf.prompt_arg("customer")}
    assert verdicts("10.1", assigning(args=known)) == "mmmmmmmm"
    assert verdicts("10.1", assigning()) == "mmmmnnmm"
    assert verdicts("10.1", assigning(args={**known, "team": "billing"})) == "mmmnnnmm"
    assert verdicts("10.1", assigning(args=known, guidance="{problm}", resources=[])) == "nmmmmmnn"


def test_a_client_that_writes_nothing_or_twice_is_found_out() -> None:
    assert "it writes nothing" in reasons("10.3", lambda _run: None)
    assert "give a function that takes a run, not str" in reasons("10.3", "client")
    assert verdicts("10.3", lambda run: run.answer(formatted_task="[[release-notes]] Proofread")) == "mn"

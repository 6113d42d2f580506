"""What the lessons that judge more than workflows make of other attempts than their solutions."""

from __future__ import annotations

from typing import Any

import pytest

import mcpflow_nb as mf
from mcpflow_nb.lessons import check
from mcpflow_nb.lessons.judges_06 import wage
from mcpflow_nb.lessons.judges_07 import ONBOARD
from mcpflow_nb.lessons.judges_11 import with_step
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


# What was accepted and is wrong, or refused and is right


BANK = {
    "gross": lambda hours, rate: {"amount": hours * rate},
    "bonus": lambda amount, percent: {"amount": amount * (100 + percent) / 100},
    "tax": lambda amount, percent: {"amount": amount * (100 - percent) / 100},
}


def changed(step: str, argument: str, source: Any) -> Any:
    """Return the wage of lesson 06 with another source."""
    return with_step(wage(), wage()[step].arg(argument, source))


@pytest.mark.parametrize(
    "copied",
    [("bonus", "percent", 10), ("tax", "percent", 20), ("gross", "rate", 50), ("pay", "to", "Grace")],
    ids=str,
)
def test_a_wage_with_a_value_copied_from_the_check_does_not_fit_another_person(copied: tuple[str, str, Any]) -> None:
    assert verdicts("06.3", wage()) == "mmmmmmm"
    assert verdicts("06.3", changed(*copied)) == "mmmmmnm"
    assert "no text by hand is right for both" in reasons("06.3", changed(*copied))


def test_steps_that_were_not_called_may_stand_in_a_tuple() -> None:
    found = {
        "rerun tax": ("hours", "contract", "gross", "bonus"),
        "adopt": ("hours", "contract", "gross"),
        "new run": (),
    }
    assert verdicts("06.4", found) == "mmm"
    assert verdicts("06.4", {**found, "new run": ("hours",)}) == "mmn"


def test_a_function_that_returns_nothing_or_waits_is_told_so() -> None:
    def silent(run: Any) -> None:
        run.rerun(run.trace[-1].step)

    async def waiting(run: Any) -> Any:
        return run

    assert "it returns nothing" in reasons("06.5", silent)
    for exercise in ("06.5", "07.4", "08.3", "09.2", "09.3", "10.3", "11.4"):
        assert "not `async def`" in reasons(exercise, waiting)


def test_a_run_that_is_forked_from_another_persons_is_no_fork_of_paid() -> None:
    terms = mf.mock({"hours": {"worked": 40}, "contract": {"rate": 25, "bonus_percent": 4, "tax_percent": 30}})
    pays = {"pay": lambda to, amount: {"payment": "P-1", "to": to, "amount": amount}}
    slip = changed("bonus", "percent", mf.field("terms", "tax_percent"))
    bank = mf.mock({**BANK, **pays})
    with mf.connect(office=terms, bank=bank) as servers:
        runs = [slip.start(servers, person=person).all().fork() for person in ("Ada", "Bob")]
        for run in runs:
            run.back("bonus").edit("bonus", percent=4)
            run.rerun("bonus")
    assert [verdicts("06.2", run) for run in runs] == ["mmmm", "nmmm"]
    assert "begin again with paid.fork()" in reasons("06.2", runs[0].fork())


def test_a_tool_that_refuses_too_much_or_too_little_is_found_out() -> None:
    def hasty(name: str, department: str) -> Any:
        return joining(name, "archive" if "arch" in department else department)

    named_alone = mf.when(name="Linus Pauling", department="archive").then(mf.fail("no")).otherwise(joining_anywhere)
    assert verdicts("07.1", {"create_employee": hasty}) == "mmnm"
    assert verdicts("07.1", {"create_employee": named_alone}) == "mmmn"


def joining_anywhere(name: str, department: str) -> Any:
    return joining(name, f"not {department}")


def test_a_username_may_come_with_more_and_an_error_is_told_in_its_words() -> None:
    more = mf.fail("busy", times=1).then(lambda employee_id, team: {"username": f"gh-{employee_id}", "team": team})
    assert verdicts("07.2", {"create_github_user": more}) == "mmm"
    said = reasons("07.2", {"create_github_user": mf.fail("busy", times=2).then(named)})
    assert "CallError(" not in said
    assert "RunError" not in said


def test_a_test_of_one_person_alone_or_of_any_address_is_found_out() -> None:
    order = ["create_employee", "github_access", "send_welcome"]

    def of_linus(run: Any) -> None:
        assert_run(run, outcome="completed", order=order, arguments={"send_welcome": {"to": "pauling@lab.example"}})

    def of_the_lab(run: Any) -> None:
        assert_run(run, outcome="completed", order=order)
        assert run.trace[-1].sent["to"].endswith("@lab.example")

    assert (verdicts("07.4", of_linus), verdicts("07.4", of_the_lab)) == ("nmmm", "mnmm")
    assert "it returns False" in reasons("07.4", lambda run: run.outcome == "nothing")


def retrying(passes: type[Exception] = ConnectionError, *, truthy: bool = False) -> Any:
    def with_retry(call: Any, sleep: Any) -> Any:
        for attempt in (1, 2, 3):
            try:
                found = call()
                if found or not truthy:
                    return found
            except passes:
                if attempt == 3:
                    raise
                sleep(2**attempt)
        return None

    return with_retry


def test_a_retry_of_too_many_errors_or_of_an_empty_answer_is_found_out() -> None:
    assert verdicts("08.2", retrying()) == "mmmmmmm"
    assert verdicts("08.2", retrying(OSError)) == "mmmmmnm"
    assert verdicts("08.2", retrying(truthy=True)) == "mmmmmmn"


def test_a_call_that_was_never_sent_leaves_nothing_behind() -> None:
    assert verdicts("08.3", lambda run: [one.step for one in run.trace if one.step != "ask_it"]) == "mmmmn"
    assert "it returns a generator" in reasons("08.3", lambda run: (one.step for one in run.effects()))


def test_an_unknown_run_is_not_settled_by_another_one() -> None:
    def settle(run: Any, servers: Any) -> Any:
        found = servers.call("cards.find_charge", {"name": run.arguments["name"]})
        if found["charged"]:
            return run.pin("charge", found).all()
        return run.workflow.start(servers, **run.arguments).all()

    assert verdicts("08.4", settle) == "mn"
    assert "the one that it was given is still unknown" in reasons("08.4", settle)


def buying(*order: str, covered: bool = False, **sources: Any) -> Any:
    """Return the purchase of lesson 08 in this order, with other sources: `pay_amount=80`."""
    item, amount, paid = mf.prompt_arg("item"), mf.prompt_arg("amount"), mf.field("paid", "payment_id")
    tools = {"pay": "bank.pay", "stock": "store.in_stock", "budget": "office.check_budget", "order": "store.order"}
    args = {
        "pay": {"amount": amount}, "stock": {"item": item}, "budget": {"amount": amount},
        "order": {"item": item, "payment_id": paid},
    }  # fmt: skip
    undo = {"tool": "bank.refund", "args": {"payment_id": sources.get("undo", paid)}}
    flow = mf.SequentialWorkflow("buy", "Buy", on_failure="rollback" if covered else "stop")
    flow = flow.argument("item").argument("amount", "Price", type=int)
    for step in order:
        sent = {name: sources.get(f"{step}_{name}", value) for name, value in args[step].items()}
        more = {"bind": "paid", **({"undo": undo} if covered else {})} if step == "pay" else {}
        flow = flow.step(step, tool=tools[step], args=sent, **more)
    return flow


def test_a_purchase_of_one_thing_alone_or_in_another_order_is_found_out() -> None:
    looks_first, pays_first = ("budget", "stock", "pay", "order"), ("pay", "stock", "budget", "order")
    assert verdicts("08.5", buying(*looks_first)) == "mmmmmmm"
    assert verdicts("08.5", buying(*looks_first, order_payment_id="p-8")) == "mmmmmnm"
    assert verdicts("08.5", buying(*looks_first, pay_amount=80)) == "mmmmmnm"
    assert verdicts("08.6", buying(*pays_first, covered=True)) == "mmmmmmm"
    assert verdicts("08.6", buying(*pays_first, covered=True, undo="p-8")) == "mmmnmmm"
    assert verdicts("08.6", buying("pay", "budget", "stock", "order", covered=True)) == "mnmmmmm"

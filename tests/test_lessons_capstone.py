"""The checks of lessons 09 to 13: no slip of the offboarding is met, and no answer that is right for one run alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from mcp import Client

import mcpflow_nb as mf
from mcpflow_nb.lessons import check
from mcpflow_nb.lessons.judges_07 import ONBOARD
from mcpflow_nb.lessons.judges_11 import POLICY, SLIPS, finished, with_step
from mcpflow_nb.lessons.lesson_12 import STATUS
from mcpflow_nb.lessons.reports import Checked
from tests.test_lessons_judges import reasons, verdicts

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


@pytest.mark.parametrize(
    ("step", "argument", "value"),
    [
        ("find", "employee_id", "emp-731"), ("revoke", "email", "grace@company.example"),
        ("reclaim", "last_day", "2027-03-31"), ("settle", "last_day", "2027-03-31"), ("notify", "return_label", "RL-731"),
    ],
)  # fmt: skip
def test_an_offboarding_with_a_value_copied_from_the_check_fits_nobody_else(
    step: str, argument: str, value: str
) -> None:
    copied = with_step(finished, finished[step].arg(argument, value))
    [(at, why)] = not_met(check("11.2", copied))
    assert (at, "here should be called" in why) == (11, True)


def test_an_offboarding_that_nobody_finds_or_that_names_one_person_is_not_met() -> None:
    [(_, why)] = not_met(check("11.2", finished.model_copy(update={"name": "leave"})))
    assert "it is called 'leave'" in why
    [(_, why)] = not_met(check("11.2", with_step(finished, finished["settle"].with_guidance("About emp-731."))))
    assert "by hand; write {employee_id}" in why


def test_schemas_that_stop_right_answers_are_said_once_and_without_the_name_of_an_error() -> None:
    closed = shapes()
    closed["find_person"]["properties"]["open_leave_days"] = {"type": "string"}
    assert verdicts("11.3", closed) == "n?"
    assert "raises" not in reasons("11.3", {**shapes(), "final_pay": ["pay_id"]})


def test_a_test_that_returns_its_verdict_is_told_how_a_test_fails() -> None:
    assert "it returns False" in reasons("11.4", lambda workflow, servers: workflow.name == "nothing")


def test_a_second_version_of_another_name_or_for_one_person_is_not_met() -> None:
    second = finished.argument("reason", "Why", required=False)
    second = with_step(second, finished["settle"].with_resource(POLICY))
    notify = finished["notify"].arg("reason", mf.prompt_arg("reason"))
    whole = with_step(second, notify)
    assert verdicts("11.5", whole) == "mmmmmm"
    assert verdicts("11.5", whole.model_copy(update={"name": "other"})) == "mnmmmm"
    assert verdicts("11.5", with_step(second, notify.arg("to", "alan@company.example"))) == "mmmnmm"
    said = mf.template("for {reason}", reason=mf.prompt_arg("reason"))
    assert "it is sent as 'for a new town'" in reasons("11.5", with_step(second, notify.arg("reason", said)))
    assert "nobody is asked" in reasons("11.5", with_step(whole, whole["settle"].arg("paid_days", 4)))


def test_a_badge_that_is_another_ones_is_not_met() -> None:
    def gentle(badge: Any, name: str = "return_badge") -> Any:
        return (
            mf.SequentialWorkflow(name, "Take a badge back")
            .argument("employee_id").argument("place", required=False)
            .step("lock", tool="door.lock_badge", bind="locked", args={"employee_id": mf.prompt_arg("employee_id")})
            .step("tell", tool="desk.tell", args={"badge": badge, "place": mf.prompt_arg("place")})
        )  # fmt: skip

    read = mf.field("locked", "badge_id")
    assert verdicts("11.6", gentle(read)) == "mmmmmmmmm"
    assert verdicts("11.6", gentle(mf.template("b-{who}", who=mf.prompt_arg("employee_id")))) == "mmmmmmmmn"
    assert verdicts("11.6", gentle(read, "badge")) == "mnmmmmmmm"


def test_a_configuration_is_started_by_python_and_has_one_word_as_command() -> None:
    words = ["-m", "mcp_server_time", "--local-timezone", "Europe/Berlin"]

    def clock(command: Any, args: Any = words) -> Any:
        return {"mcpServers": {"clock": {"command": command, "args": args}}}

    for python in ("python", "python3", "python3.12", "/opt/my env/bin/python", "C:\\Python\\python.exe"):
        assert verdicts("12.1", clock(python)) == "mm", python
    assert verdicts("12.1", clock("ipython")) == "nm"
    assert verdicts("12.1", clock("python -m mcp_server_time", words[2:])) == "nn"
    assert verdicts("12.1", clock(["python", *words], [])) == "n?"
    assert verdicts("12.1", {"mcpServers": {"clock": ["python", *words]}}) == "n?"


def test_a_branch_or_a_message_copied_from_the_check_fits_no_other_repository() -> None:
    def by_day(name: Any) -> Any:
        return (
            mf.SequentialWorkflow("by_day", "A branch").argument("repo").argument("timezone")
            .step("ask", tool="time.get_current_time", bind="now", args={"timezone": mf.prompt_arg("timezone")})
            .step("make", tool="git.git_create_branch", args={"repo_path": mf.prompt_arg("repo"), "branch_name": name})
        )  # fmt: skip

    def committing(repo: Any, message: Any) -> Any:
        return (
            mf.SequentialWorkflow("commit", "Commit").argument("repo")
            .step("look", tool="git.git_status", bind="status", args={"repo_path": mf.prompt_arg("repo")})
            .step("commit", tool="git.git_commit", args={"repo_path": repo, "message": message})
        )  # fmt: skip

    repo, status = mf.prompt_arg("repo"), mf.from_step("status")
    assert verdicts("12.2", by_day(mf.template("at-{day}", day=mf.field("now", "day_of_week")))) == "mmmmmmmmm"
    assert verdicts("12.2", by_day("at-Tuesday")) == "mmmmmmmnm"
    assert verdicts("12.3", committing(repo, status)) == "mmmmmmm"
    assert verdicts("12.3", committing("/srv/plans", status)) == verdicts("12.3", committing(repo, STATUS)) == "mmmmmnm"


LEND = (
    mf.SequentialWorkflow("lend", "Lend a book")
    .argument("book").argument("reader").argument("weeks", type=int, default=2, choices=[1, 2, 3, 4])
    .step("reserve", tool="shelf.reserve", bind="loan",
          args={"title": mf.prompt_arg("book"), "weeks": mf.prompt_arg("weeks")})
    .step("hand_out", tool="desk.hand_out", args={"loan": mf.field("loan", "id"), "reader": mf.prompt_arg("reader")})
)  # fmt: skip


def test_a_map_is_judged_by_whom_it_lends_to_and_by_what_it_counts() -> None:
    def lending(give: Any, **columns: str) -> Any:
        return lambda servers, loans: give(LEND.map(loans, servers, arguments={"book": "Title", **columns}))

    assert verdicts("13.2", lending(lambda results: results.counts)) == "mmm"
    assert verdicts("13.2", lending(lambda results: Counter(row.outcome for row in results))) == "mmm"
    assert verdicts("13.2", lending(lambda results: results.counts, reader="Title")) == "mnm"
    assert verdicts("13.2", lending(lambda _: {"completed": 2, "refused": 1})) == "mmn"


def test_a_map_on_other_servers_or_in_another_journal_is_found_out(tmp_path: Any) -> None:
    shelf = mf.mock({"reserve": lambda title, weeks: {"id": f"loan-{title}"}})
    with mf.connect(shelf=shelf, desk=mf.mock({"hand_out": {"done": True}})) as own:
        said = reasons("13.3", lambda _, loans, journal: LEND.map(loans, own, journal=journal, rerun_failed=True))
    assert "reserved nothing on the servers that it was given" in said
    elsewhere = reasons("13.3", lambda servers, loans, _: LEND.map(loans, servers, journal=tmp_path / "own.db"))
    assert "nothing in the journal that it was given" in elsewhere


# Lessons 09 and 10


def test_messages_that_are_right_for_one_workflow_alone_are_found_out() -> None:
    def rebuilt(run: Any, name: str, steps: int) -> Any:
        made = [{"role": "user", "content": name}, {"role": "assistant", "content": f"{steps} steps"}]
        for record in run.trace:
            made.append({"role": "assistant", "content": record.tool})
            made.append({"role": "user", "content": f"{record.error or record.value}"})
        return made

    assert verdicts("09.2", lambda run: rebuilt(run, run.workflow.name, len(run.workflow.steps))) == "mmm"
    assert verdicts("09.2", lambda run: rebuilt(run, run.workflow.name, len(run.trace))) == "mmn"
    assert verdicts("09.2", lambda run: rebuilt(run, "lend_book", len(run.workflow.steps))) == "mmn"
    assert "not generator" in reasons("09.2", lambda run: (one for one in rebuilt(run, "lend_book", 3)))


def test_a_client_of_one_prompt_alone_is_found_out_and_an_error_is_told_in_its_words() -> None:
    async def ask(server: Any, name: str, arguments: Any, at: int = -1, **other: Any) -> Any:
        async with Client(server.mcp) as client:
            return (await client.get_prompt(name, other or arguments)).messages[at].content.text

    async def at_seven(server: Any, name: str, arguments: Any) -> Any:
        return await ask(server, name, arguments, 7)

    async def of_dune(server: Any, name: str, arguments: Any) -> Any:
        return await ask(server, name, arguments, title="Dune")

    async def unknown(server: Any, name: str, arguments: Any) -> Any:
        return await ask(server, "nothing", arguments)

    assert verdicts("09.4", ask) == "m"
    assert "IndexError" in reasons("09.4", at_seven)
    assert "asked for 'look_up' it returns" in reasons("09.4", of_dune)
    assert "Unknown prompt: 'nothing'" in reasons("09.4", unknown)
    assert "ExceptionGroup" not in reasons("09.3", lambda servers: mf.serve(ONBOARD, servers, name="people"))


def test_an_offboarding_of_one_person_alone_is_found_out() -> None:
    who = mf.prompt_arg("employee_id")

    def mended(**sources: Any) -> Any:
        to, label = sources.get("to", mf.field("leaving", "email")), sources.get("label", mf.field("laptop", "label"))
        return (
            mf.SequentialWorkflow("offboard_employee", "Take back").argument("employee_id")
            .step("look_up", tool="hr.get_employee", args={"employee_id": sources.get("who", who)}, bind="leaving")
            .step("reclaim", tool="it.reclaim_laptop", args={"employee_id": who}, bind="laptop")
            .step("tell", tool="comms.send_email", args={"to": to, "label": label})
        )  # fmt: skip

    assert verdicts("09.5", mended()) == "mmmmmmm"
    for copied in ({"to": "grace@lab.example"}, {"label": "box-52"}, {"who": "emp-731"}):
        assert verdicts("09.5", mended(**copied)) == "mmmmmnm"


def test_what_the_client_reads_must_stand_at_the_step_that_is_left_to_it() -> None:
    said, rules = {"guidance": "{problem}"}, {"resources": ["docs://desk/rules"]}

    def assigning(teams: Any, assign: Any, name: str = "assign") -> Any:
        flow = mf.SequentialWorkflow("w", "d").argument("customer").argument("problem")
        args = {"customer": mf.prompt_arg("customer")}
        return flow.step("teams", tool="desk.list_teams", **teams).step(name, tool="desk.assign", args=args, **assign)

    assert verdicts("10.1", assigning({}, {**said, **rules})) == "mmmmmmmm"
    assert verdicts("10.1", assigning(said, rules)) == "mmmmmmnm"
    assert "step 'teams' has it" in reasons("10.1", assigning(rules, said))
    assert "there is no step 'assign'" in reasons("10.1", assigning({}, {**said, **rules}, "give"))


@pytest.mark.parametrize(
    "is_meant",
    [
        lambda page, project: page.lower().replace("-", " ") == project.lower(),
        lambda page, project: page.lower() == project.lower().replace(" ", "-") or page.lower() == project,
        lambda page, project: page.lower().replace("-", " ") in project.lower().replace("-", " "),
    ],
    ids=["dash of the project", "space of the page", "part of it"],
)
def test_a_page_that_is_found_by_half_the_rule_is_found_out(is_meant: Any) -> None:
    def client(run: Any) -> None:
        page = next(one for one in run["pages"]["page_names"] if is_meant(one, run.arguments["project"]))
        run.answer(formatted_task=f"[[{page}]] {run.arguments['task']}")

    assert verdicts("10.3", client) == "mmn"


def test_a_client_is_judged_by_what_it_returns() -> None:
    async def all_of_it(server: Any, name: str, arguments: Any) -> Any:
        async with Client(server.mcp) as client:
            return await client.get_prompt(name, arguments)

    assert "it returns" in reasons("09.4", all_of_it)
    assert "it must be an async function" in reasons("09.4", lambda *_: "text")


def test_a_client_that_writes_nothing_or_twice_is_found_out() -> None:
    assert "it writes nothing" in reasons("10.3", lambda _run: None)
    assert "give a function that takes a run, not str" in reasons("10.3", "client")
    assert verdicts("10.3", lambda run: run.answer(formatted_task="[[release-notes]] Proofread")) == "mnn"

"""What lesson 07 judges by: mocks, cassettes, tests and schemas that a learner made, each used as it is meant to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import mcpflow_nb as mf
from mcpflow_nb.lessons.attempt import Attempt, NotJudged, Ran, opened
from mcpflow_nb.lessons.criteria import ordinary, passed
from mcpflow_nb.lessons.lesson import Criterion, Reason
from mcpflow_nb.views.html import short

WHO: Final = mf.prompt_arg("employee_name")
TEAM: Final = mf.prompt_arg("department")
ONBOARD: Final = (
    mf.SequentialWorkflow("onboard", "Onboard a new colleague")
    .argument("employee_name", "Full name")
    .argument("department", "Department to join")
    .step("create_employee", tool="hr.create_employee", bind="employee_record", args={"name": WHO, "department": TEAM})
    .step("github_access", tool="eng.create_github_user", bind="github_record",
          args={"employee_id": mf.field("employee_record", "employee_id"), "team": TEAM})
    .step("send_welcome", tool="comms.send_email", bind="email_result",
          args={"to": mf.field("employee_record", "email"), "name": WHO})
)  # fmt: skip
LINUS: Final = {"employee_name": "Linus Pauling", "department": "chemistry"}
GRACE: Final = {"employee_name": "Grace Hopper", "department": "research"}


def _company() -> Mapping[str, mf.Mock]:
    def create_employee(name: str, department: str) -> Any:
        return {"employee_id": "emp-731", "email": f"{name.split()[-1].lower()}@lab.example"}

    def create_github_user(employee_id: str, team: str) -> Any:
        return {"username": "gh-731"}

    return {
        "hr": mf.mock({"create_employee": create_employee}),
        "eng": mf.mock({"create_github_user": create_github_user}),
        "comms": mf.mock({"send_email": {"sent": True}}),
    }


# What was given: the dict of a mock


def _tools(attempt: Attempt) -> dict[str, Any]:
    if not isinstance(attempt.value, dict):
        raise NotJudged(f"give the dict that mf.mock takes, not {type(attempt.value).__name__}")
    return attempt.value


def mocking(tool: str) -> Criterion:
    """`mf.mock` makes a server of what was given, with this tool alone."""

    def judge(attempt: Attempt) -> Reason:
        offered = list(_mock(attempt).tools)
        return None if offered == [tool] else f"its tools are: {', '.join(offered) or 'none'}"

    return Criterion(f"mf.mock makes a server of it, whose one tool is {tool}", judge)


def _mock(attempt: Attempt) -> mf.Mock:
    try:
        return mf.mock(_tools(attempt))
    except mf.DefinitionError as error:
        raise NotJudged(str(error)) from None


def _onboarded(attempt: Attempt, name: str, **given: str) -> Ran:
    """Return a run of the onboarding with the learner's mock in the place of `name`."""
    own = Attempt(attempt.exercise, ONBOARD, attempt.seconds)
    return own.run(lambda: {**_company(), name: _mock(attempt)}, **{**LINUS, **given})


def mails(who: str, address: str, department: str = "chemistry") -> Criterion:
    """Onboarded with the mocked `hr`, this person is sent a mail to this address."""

    def judge(attempt: Attempt) -> Reason:
        ran = _onboarded(attempt, "hr", employee_name=who, department=department)
        sent = ran.record("comms.send_email").sent["to"]
        return None if sent == address else f"the mail goes to {short(repr(sent))}"

    return Criterion(f"with it {who}, who joins {department}, is sent a mail to {address}", judge)


def _closed(attempt: Attempt) -> Reason:
    for who in ("Linus Pauling", "Marie Curie"):
        run = _onboarded(attempt, "hr", employee_name=who, department="archive").run
        if (run.outcome, run.trace[-1].status, run.trace[-1].step) != ("failed", "tool_error", "create_employee"):
            what = f"for {who} the tool reports no error, and a run for the archive is {run.outcome}"
            return what + (f": {run.reason}" if run.reason else "")
    return None


CLOSED: Final = Criterion("with it nobody can join the department 'archive': the tool fails", _closed)


def _fails_once(attempt: Attempt) -> Reason:
    with opened({**_company(), "eng": _mock(attempt)}) as servers:
        run = ONBOARD.start(servers, LINUS).all()
        if run.outcome != "failed" or run.trace[-1].status != "tool_error":
            why = f": {run.reason}" if run.reason else ", and nothing failed"
            return f"the first run is {run.outcome}{why}"
        again = run.rerun("github_access")
        return None if again.outcome == "completed" else f"run again, the run is {again.outcome}: {again.reason}"


FAILS_ONCE: Final = Criterion("the first call fails, and the step that is run again goes through", _fails_once)


def _names(attempt: Attempt) -> Reason:
    with opened({"eng": _mock(attempt)}) as servers:
        values: list[Any] = []
        for employee in ("emp-0", "emp-31", "emp-32"):
            try:
                value = servers.call("eng.create_github_user", {"employee_id": employee, "team": "chemistry"})
            except mf.CallError as error:
                value = f"an error: {error}"
            values.append(value)
    names = [one.get("username") if isinstance(one, dict) else None for one in values[1:]]
    if names == ["gh-emp-31", "gh-emp-32"]:
        return None
    shown = " and ".join(short(one if isinstance(one, str) else repr(one)) for one in values[1:])
    return f"for 'emp-31' and 'emp-32' it answers {shown}"


NAMES: Final = Criterion("after that each username is the employee_id with 'gh-' before it", _names)


# A cassette


def _cassette(attempt: Attempt) -> mf.Cassette:
    if not isinstance(attempt.value, mf.Cassette):
        raise NotJudged(
            f"give the cassette, what stands behind `as` in `with company.record(...) as kept:`, "
            f"not {type(attempt.value).__name__}"
        )
    return attempt.value


def _holds_one_run(attempt: Attempt) -> Reason:
    found = [f"{one.server}.{one.name}" for one in _cassette(attempt)]
    wanted = [step.tool for step in ONBOARD.steps]
    return None if found == wanted else f"it holds: {', '.join(found) or 'nothing'}"


HOLDS_ONE_RUN: Final = Criterion("it holds the three calls of one run and nothing else", _holds_one_run)


def _replays(attempt: Attempt) -> Reason:
    run = ONBOARD.start(mf.replay(_cassette(attempt)), GRACE).all()
    if run.outcome != "completed":
        return f"the replayed run is {run.outcome}: {run.reason}"
    return None


REPLAYS: Final = Criterion("replayed without servers, a run for Grace Hopper in research completes", _replays)


# A test


def _verdict(
    attempt: Attempt, workflow: mf.SequentialWorkflow, mocks: Callable[[], Mapping[str, mf.Mock]], **given: str
) -> tuple[str | None, Any]:
    """Return what the learner's test says against a run, None where it lets it pass; and what it returned."""
    test = ordinary(attempt.value, "give a function that takes a run")
    run = Attempt(attempt.exercise, workflow, attempt.seconds).run(mocks, **{**LINUS, **given}).run
    try:
        return None, test(run)
    except Exception as error:  # noqa: BLE001 - the learner's own function; a test fails by whatever it raises
        return f"{type(error).__name__}: {str(error)[:300]}", None


def _passes(attempt: Attempt) -> Reason:
    for given in (LINUS, GRACE):
        said, _ = _verdict(attempt, ONBOARD, _company, **given)
        if said is not None:
            return f"it says of a good run: {said}"
    return None


PASSES: Final = Criterion("it lets a good run pass, whoever was onboarded", _passes)


def stops(
    words: str, workflow: mf.SequentialWorkflow, mocks: Callable[[], Mapping[str, mf.Mock]] = _company
) -> Criterion:
    """The learner's test does not let a run of this workflow pass."""

    def judge(attempt: Attempt) -> Reason:
        said, found = _verdict(attempt, workflow, mocks)
        return f"it lets that run pass{passed(found)}" if said is None else None

    return Criterion(f"it stops a run in which {words}", judge)


def broken_post() -> Mapping[str, mf.Mock]:
    """Return the company, whose mails do not go out."""
    return {**_company(), "comms": mf.mock({"send_email": mf.fail("the mailbox is full")})}


_CREATE, _ACCESS, _WELCOME = ONBOARD.steps
MISLED = ONBOARD.model_copy(update={"steps": (_CREATE, _ACCESS, _WELCOME.arg("to", "everybody@lab.example"))})
SHORTENED = ONBOARD.model_copy(update={"steps": (_CREATE, _WELCOME)})


# A drill

DELIVER: Final = (
    mf.SequentialWorkflow("deliver", "Deliver an order")
    .argument("order")
    .step("find", tool="shop.find_order", args={"order": mf.prompt_arg("order")}, bind="found")
    .step("label", tool="shop.make_label", args={"address": mf.field("found", "address")}, bind="label")
    .step("send", tool="post.send", args={"code": mf.field("label", "code"), "kilos": mf.field("found", "kilos")})
)
PARCEL: Final = {"find_order": {"address": "9 Elm Road", "kilos": 1.5}, "make_label": {"code": "L-05"}}


def _right_passes(attempt: Attempt) -> Reason:
    _shop(attempt)
    return None


RIGHT_PASSES: Final = Criterion("the right answers of another shop keep to these schemas", _right_passes)


def _shop(attempt: Attempt) -> Mapping[str, mf.Mock]:
    given = _tools(attempt)
    try:
        return {"shop": mf.mock(PARCEL, outputs=given), "post": mf.mock({"send": {"sent": True}})}
    except mf.DefinitionError as error:
        raise NotJudged(str(error)) from None


def _drilled(attempt: Attempt) -> Reason:
    with opened(_shop(attempt)) as servers:
        bad = mf.drill(DELIVER, servers, {"order": "o-9"}).bad
    if not bad:
        return None
    worst = bad[0].worst
    return f"step {bad[0].step!r}, fault {bad[0].fault!r}: {bad[0].verdict}" + (f"; {worst.why}" if worst else "")


DRILLED: Final = Criterion("no cell of the drill is silently wrong, and none hangs", _drilled)

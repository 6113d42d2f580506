"""The offboarding of lesson 11: one that is finished, its mocked servers, slips of it, and what its checks judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import mcpflow_nb as mf
from mcpflow_nb.errors import DefinitionError
from mcpflow_nb.lessons.attempt import Attempt, NotJudged, opened, unmet
from mcpflow_nb.lessons.criteria import ordinary, passed
from mcpflow_nb.lessons.lesson import Criterion, Mocks, Reason
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow

POLICY: Final = "policy://leave-days"
GRACE: Final = {"employee_id": "emp-731", "last_day": "2027-03-31"}
ALAN: Final = {"employee_id": "emp-852", "last_day": "2028-06-30"}
FOUND: Final = {"name": "Grace Hopper", "email": "grace@company.example", "manager_email": "alan@company.example"}


def desks(outputs: Mapping[str, Any] | None = None) -> Mapping[str, mf.Mock]:
    """Return the five servers, which know another person than the notebook's; `outputs` are schemas by tool."""

    def find_person(employee_id: str) -> Any:
        found = {"name": "Alan Kay", "email": "kay@company.example", "manager_email": "ada@company.example"}
        return {**(FOUND if employee_id == GRACE["employee_id"] else found), "open_leave_days": 9}

    def revoke_access(email: str) -> Any:
        return {"systems": 7}

    def reclaim_laptop(employee_id: str, last_day: str) -> Any:
        return {"return_label": f"RL-{employee_id[-3:]}"}

    def final_pay(employee_id: str, last_day: str, paid_days: int) -> Any:
        return {"pay_id": f"fp-{employee_id[-3:]}"}

    def send_notice(to: str, name: str, return_label: str, pay_id: str, reason: str = "not given") -> Any:
        return {"sent": True}

    def made(tool: Callable[..., Any], **more: Any) -> mf.Mock:
        name = tool.__name__
        schema = (outputs or {}).get(name)
        return mf.mock({name: tool}, outputs={} if schema is None else {name: schema}, **more)

    return {
        "people": made(find_person, resources={POLICY: "Leave that is left is paid, five days at most."}),
        "access": made(revoke_access), "it": made(reclaim_laptop), "finance": made(final_pay), "comms": made(send_notice),
    }  # fmt: skip


_who, _last = mf.prompt_arg("employee_id"), mf.prompt_arg("last_day")
finished: Final = (
    mf.SequentialWorkflow("offboard_employee", "Close the access, take the laptop back, settle the pay, tell the manager")
    .argument("employee_id", "Who leaves")
    .argument("last_day", "The last day at work (YYYY-MM-DD)")
    .step("find", tool="people.find_person", bind="person", args={"employee_id": _who})
    .step("revoke", tool="access.revoke_access", bind="revoked", args={"email": mf.field("person", "email")})
    .step("reclaim", tool="it.reclaim_laptop", bind="laptop", args={"employee_id": _who, "last_day": _last})
    .step("settle", tool="finance.final_pay", bind="pay", args={"employee_id": _who, "last_day": _last},
          guidance="{employee_id} has leave left. A person decides how many days are paid.")
    .step("notify", tool="comms.send_notice", bind="notice",
          args={"to": mf.field("person", "manager_email"), "name": mf.field("person", "name"),
                "return_label": mf.field("laptop", "return_label"), "pay_id": mf.field("pay", "pay_id")})
)  # fmt: skip


def with_step(workflow: SequentialWorkflow, step: WorkflowStep) -> SequentialWorkflow:
    """Return the workflow with this step in the place of the one of the same name.

    >>> with_step(finished, finished["settle"].with_guidance("Ask."))["settle"].guidance
    'Ask.'
    """
    workflow[step.name]  # an unknown name is an error that lists the others
    return workflow.model_copy(
        update={"steps": tuple(step if one.name == step.name else one for one in workflow.steps)}
    )


SLIPS: Final = {
    "asks nobody, and pays 5 days": with_step(finished, finished["settle"].arg("paid_days", 5)),
    "closes the access last": finished.model_copy(
        update={"steps": (finished.steps[0], *finished.steps[2:], finished.steps[1])}
    ),
    "writes to the one who leaves": with_step(finished, finished["notify"].arg("to", mf.field("person", "email"))),
    "always sends the same last day": with_step(finished, finished["settle"].arg("last_day", "2026-12-31")),
}
"""What a test of the offboarding must notice, in words."""


def played(workflow: SequentialWorkflow, mocks: Mocks, **given: Any) -> mf.Run:
    """Return a run to its end, in which a person decided for 4 days."""
    with opened(mocks()) as servers:
        run = workflow.start(servers, {**GRACE, **given}).all()
        return run.answer(paid_days=4) if run.outcome == "handoff" else run


def has_the_steps() -> Criterion:
    """Its steps have the names of the task, by which later exercises change them."""
    wanted = [step.name for step in finished.steps]

    def judge(attempt: Attempt) -> Reason:
        found = [step.name for step in attempt.workflow.steps]
        return None if found == wanted else f"its steps are: {', '.join(found) or 'none'}"

    return Criterion(f"its steps are {', '.join(wanted)}", judge)


def asks_a_person() -> Criterion:
    """It hands over at the final pay for `paid_days` alone, and the guidance there names the employee."""

    def judge(attempt: Attempt) -> Reason:
        run = attempt.run().run
        last = run.trace[-1] if len(run.trace) else None
        if last is None or last.status != "handoff" or last.tool != "final_pay":
            return f"it does not hand over at finance.final_pay; the run is {run.outcome}"
        if last.sent != GRACE:
            return unmet(f"the step is to send {GRACE!r}, and leave paid_days to a person; it sends {last.sent!r}",
                         attempt.workflow[last.step])  # fmt: skip
        if GRACE["employee_id"] not in (last.guidance or ""):
            return unmet("a person is asked, and not told about whom: its guidance does not name {employee_id}",
                         attempt.workflow[last.step])  # fmt: skip
        return None

    return Criterion("a person is asked for 'paid_days' and nothing else, and told about whom", judge)


def tells_the_manager() -> Criterion:
    """Once the days are decided, the run completes, and the manager is sent all four values."""
    wanted = {"to": FOUND["manager_email"], "name": FOUND["name"], "return_label": "RL-731", "pay_id": "fp-731"}

    def judge(attempt: Attempt) -> Reason:
        attempt.run()  # a workflow that cannot start says so in its own words
        run = played(attempt.workflow, desks)
        sent = run.trace[-1].sent if run.trace[-1].tool == "send_notice" else None
        if sent is None:
            return f"comms.send_notice is not the last call; the run is {run.outcome}: {run.reason}"
        wrong = [name for name, value in wanted.items() if sent.get(name) != value]
        step = attempt.workflow[run.trace[-1].step]
        return unmet(f"{wrong[0]} is sent as {sent.get(wrong[0])!r}, not {wanted[wrong[0]]!r}", step) if wrong else None

    return Criterion(
        "once that is decided, the manager is told: name, label of the laptop, number of the payment", judge
    )


def holds_in_a_drill() -> Criterion:
    """With these output schemas a drill of the whole offboarding has no cell silently wrong."""

    def judge(attempt: Attempt) -> Reason:
        schemas = _schemas(attempt)
        if problem := _stopped(schemas):
            raise NotJudged(problem)
        decided = with_step(finished, finished["settle"].arg("paid_days", 4))
        with opened(desks(schemas)) as servers:
            drill = mf.drill(decided, servers, GRACE)
        if not drill.bad:
            return None
        worst = drill.bad[0].worst
        return f"step {drill.bad[0].step!r} with {drill.bad[0].fault}, at {worst.at}: {worst.why}" if worst else "hung"

    return Criterion("no fault goes on unseen: a drill of the whole workflow has no cell silently wrong", judge)


def lets_the_right_answers_pass() -> Criterion:
    """With these output schemas the right answers still do."""

    def judge(attempt: Attempt) -> Reason:
        return _stopped(_schemas(attempt))

    return Criterion("the right answers still pass", judge)


def _stopped(schemas: Mapping[str, Any]) -> str | None:
    run = played(finished, lambda: desks(schemas))
    return None if run.outcome == "completed" else f"the run is {run.outcome}: {run.reason}"


def _schemas(attempt: Attempt) -> Mapping[str, Any]:
    if not isinstance(attempt.value, dict):
        raise NotJudged(f"give a dict of schemas by tool, not {type(attempt.value).__name__}")
    if unknown := [name for name in attempt.value if name not in ("find_person", "reclaim_laptop", "final_pay")]:
        raise NotJudged(f"{unknown[0]!r} is not asked for; the tools are find_person, reclaim_laptop and final_pay")
    try:
        mocks = desks(attempt.value)
    except DefinitionError as error:
        raise NotJudged(str(error)) from None
    with opened(mocks) as servers:
        errors = finished.check(servers).errors
    if errors:
        raise NotJudged(f"with these schemas a check of the workflow says: {errors[0].message}")
    return attempt.value


def passes_with(what: str = "the finished workflow") -> Criterion:
    """The test that was given passes where nothing is wrong."""

    def judge(attempt: Attempt) -> Reason:
        problem, _ = _tested(attempt, finished)
        return None if problem is None else f"it fails: {type(problem).__name__}: {problem}"

    return Criterion(f"it passes with {what}", judge)


def fails_with(slip: str) -> Criterion:
    """The test that was given fails with a slip of `SLIPS`."""

    def judge(attempt: Attempt) -> Reason:
        if _tested(attempt, finished)[0] is not None:
            raise NotJudged("it fails with the finished workflow, so it tells nothing yet")
        problem, found = _tested(attempt, SLIPS[slip])
        return f"it passes, and should not{passed(found)}" if problem is None else None

    return Criterion(f"it fails with one that {slip}", judge)


def _tested(attempt: Attempt, workflow: SequentialWorkflow) -> tuple[Exception | None, Any]:
    test = ordinary(attempt.value, "give a function of a workflow and its servers")
    with opened(desks()) as servers:
        try:
            return None, test(workflow, servers)
        except Exception as error:  # noqa: BLE001 - the learner's function is behind it
            return error, None


def fits_others() -> Criterion:
    """For another person, on another day, the calls are those of the finished workflow, and nobody else is named."""

    def judge(attempt: Attempt) -> Reason:
        if problem := _other_calls(attempt, "here should be called", ALAN):
            return problem
        asked = [one.guidance or "" for one in attempt.run(**ALAN).run.trace if one.status == "handoff"]
        by_hand = any(GRACE["employee_id"] in one for one in asked)
        return f"the guidance names {GRACE['employee_id']}, by hand; write {{employee_id}}" if by_hand else None

    return Criterion("for another person, on another day, all of it fits as well", judge)


def _other_calls(attempt: Attempt, before: str, given: Mapping[str, str]) -> str | None:
    """Return the first call that differs from those of the finished workflow, in words."""
    attempt.run(**given)  # a workflow that cannot start says so in its own words
    old, new = ([(one.tool, one.sent) for one in played(flow, desks, **given).trace if one.started] for flow in
                (finished, attempt.workflow))  # fmt: skip
    for right, found in zip(old, new, strict=False):
        if right != found:
            return f"{before} {right[0]} with {right[1]}; this one calls {found[0]} with {found[1]}"
    return None if len(old) == len(new) else f"{before} {len(old)} tools; this one calls {len(new)}"


def serves_old_callers() -> Criterion:
    """With the arguments of version 1 alone, the same calls are made as ever."""

    def judge(attempt: Attempt) -> Reason:
        return _other_calls(attempt, "version 1 called", GRACE) or _other_calls(attempt, "version 1 called", ALAN)

    return Criterion("who gives only the arguments of version 1 gets the same calls", judge)


def passes_on_the_reason() -> Criterion:
    """The new argument reaches the notice, when it is given."""

    def judge(attempt: Attempt) -> Reason:
        attempt.run(reason="a new town")
        sent = played(attempt.workflow, desks, reason="a new town").trace[-1].sent
        return (
            None
            if sent.get("reason") == "a new town"
            else (
                f"it is sent as {sent['reason']!r}, not 'a new town'"
                if "reason" in sent
                else f"the last call was sent: {', '.join(sent)}"
            )
        )

    return Criterion("the notice is sent the argument 'reason', when it is given", judge)


def embeds_the_policy() -> Criterion:
    """Who decides has the policy before them."""

    def judge(attempt: Attempt) -> Reason:
        run = attempt.run().run
        last = run.trace[-1]
        if run.outcome != "handoff":
            return f"nobody is asked; the run is {run.outcome}"
        found = [one.uri for one in last.resources]
        there = f"it has: {', '.join(found)}" if found else "it has none"
        return None if POLICY in found else unmet(f"{POLICY} is not among its resources; {there}",
                                                  attempt.workflow[last.step])  # fmt: skip

    return Criterion("who decides gets the policy with the question", judge)

"""What lesson 06 judges by: runs that a learner went back in, and a wage of two people with two contracts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import mcpflow_nb as mf
from mcpflow_nb.lessons.attempt import Attempt, NotJudged, opened
from mcpflow_nb.lessons.criteria import ordinary
from mcpflow_nb.lessons.lesson import Criterion, Reason
from mcpflow_nb.records.record import EDITED

STEPS: Final = ("hours", "contract", "gross", "bonus", "tax", "pay")


def company() -> Mapping[str, mf.Mock]:
    """Return the mocks of the wage: Grace has one contract, whoever else has another."""

    def contract(person: str) -> Any:
        rate, bonus, tax = (50, 10, 20) if person == "Grace" else (30, 50, 40)
        return {"rate": rate, "bonus_percent": bonus, "tax_percent": tax}

    return {
        "office": mf.mock({
            "hours": lambda person: {"person": person, "worked": 20 if person == "Grace" else 10, "week": 9},
            "contract": contract,
        }),
        "bank": mf.mock({
            "gross": lambda hours, rate: {"amount": hours * rate},
            "bonus": lambda amount, percent: {"amount": amount * (100 + percent) / 100},
            "tax": lambda amount, percent: {"amount": amount * (100 - percent) / 100},
            "pay": lambda to, amount: {"payment": "P-9", "to": to, "amount": amount},
        })}  # fmt: skip


def wage() -> mf.SequentialWorkflow:
    """Return a workflow of the same steps, where nothing is wrong."""
    who, field = mf.prompt_arg("person"), mf.field
    return (
        mf.SequentialWorkflow("wage", "Pay the wage of a week").argument("person", "Who is paid")
        .step("hours", tool="office.hours", args={"person": who}, bind="sheet")
        .step("contract", tool="office.contract", args={"person": who}, bind="terms")
        .step("gross", tool="bank.gross", bind="earned",
              args={"hours": field("sheet", "worked"), "rate": field("terms", "rate")})
        .step("bonus", tool="bank.bonus", bind="more",
              args={"amount": field("earned", "amount"), "percent": field("terms", "bonus_percent")})
        .step("tax", tool="bank.tax", bind="net",
              args={"amount": field("more", "amount"), "percent": field("terms", "tax_percent")})
        .step("pay", tool="bank.pay", bind="payment", args={"to": who, "amount": field("net", "amount")})
    )  # fmt: skip


def of_run(text: str, judge: Callable[[mf.Run], Reason]) -> Criterion:
    """A criterion of the run that the learner gave."""

    def judged(attempt: Attempt) -> Reason:
        if not isinstance(attempt.value, mf.Run):
            raise NotJudged(f"give a run, as fork() returns it, not {type(attempt.value).__name__}")
        return judge(attempt.value)

    return Criterion(text, judged)


def is_fork(run: mf.Run) -> Reason:
    """The run was forked from `paid`, which is as it was."""
    kept = run.parent is not None and run.parent["payment"] == {"payment": "P-1", "to": "Ada", "amount": 910.0}
    return None if kept else "it is no fork of `paid`; with `paid.fork()` the first run stays, to compare with"


def edited(run: mf.Run) -> Reason:
    """The one argument was given by hand."""
    edits = {(one.step, passed.name): passed.value for one in run.trace for passed in one.arguments
             if passed.origin == EDITED}  # fmt: skip
    shown = ", ".join(f"{name!r} of {step!r} = {value!r}" for (step, name), value in edits.items())
    return (
        None
        if edits == {("bonus", "percent"): 4}
        else f"edited by hand: {shown or 'nothing'}; change the argument that exercise 1 found to its right value"
    )


def not_before(run: mf.Run) -> Reason:
    """Only what lies behind the edit was called."""
    called = [one.step for one in run.own_records if one.started is not None and one.source == "mock"]
    if called == list(STEPS[3:]):
        return None
    return f"it called {', '.join(called) or 'nothing'} itself; each of the three once: begin again with paid.fork()"


def pays(run: mf.Run) -> Reason:
    """It comes to the right wage."""
    pays = f"it pays {run['payment']['amount']}" if run.outcome == "completed" else f"the run is {run.outcome}"
    return None if pays == "it pays 728.0" else pays


def goes_on(failing: str) -> Criterion:
    """The learner's function brings a run that failed at this step to its end, and calls nothing else twice."""

    def judge(attempt: Attempt) -> Reason:
        go_on = ordinary(attempt.value, "give a function: def go_on(run): ...")
        with opened(company()) as servers:
            run = wage().start(servers, person="Grace")
            run.fail(failing, "closed").all()
            made = go_on(run)
            sent = [one.step for one in made.effects()] if isinstance(made, mf.Run) else []
        if made is None:
            return "it returns nothing; let it `return` the run in the end"
        if not isinstance(made, mf.Run) or made.effects().rows[:1] != run.effects().rows[:1]:
            return "it does not return the run that it was given; a new run calls every step a second time"
        if sent != [*STEPS[: STEPS.index(failing) + 1], *STEPS[STEPS.index(failing) :]]:
            return f"called were, in all: {', '.join(sent)}; the step that failed once more, and no other twice"
        return None if made.outcome == "completed" else f"the run is {made.outcome}: {made.reason}"

    return Criterion(f"a run that failed at {failing!r} goes on from there to its end", judge)

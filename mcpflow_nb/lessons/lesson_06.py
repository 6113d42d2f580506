"""Lesson 06: stepping and debugging."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import mcpflow_nb as mf
from mcpflow_nb.lessons.attempt import Attempt, NotJudged, opened
from mcpflow_nb.lessons.criteria import calls, ends, equals, sends, valid
from mcpflow_nb.lessons.lesson import Criterion, Exercise, Lesson, Question, Reason
from mcpflow_nb.records.record import EDITED

STEPS: Final = ("hours", "contract", "gross", "bonus", "tax", "pay")


def _company() -> Mapping[str, mf.Mock]:
    return {
        "office": mf.mock({
            "hours": lambda person: {"person": person, "worked": 20, "week": 9},
            "contract": lambda person: {"rate": 50, "bonus_percent": 10, "tax_percent": 20},
        }),
        "bank": mf.mock({
            "gross": lambda hours, rate: {"amount": hours * rate},
            "bonus": lambda amount, percent: {"amount": amount * (100 + percent) / 100},
            "tax": lambda amount, percent: {"amount": amount * (100 - percent) / 100},
            "pay": lambda to, amount: {"payment": "P-9", "to": to, "amount": amount},
        })}  # fmt: skip


def _wage() -> mf.SequentialWorkflow:
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


def _of_run(text: str, judge: Callable[[mf.Run], Reason]) -> Criterion:
    """A criterion of the run that the learner gave."""

    def judged(attempt: Attempt) -> Reason:
        if not isinstance(attempt.value, mf.Run):
            raise NotJudged(f"give a run, as fork() returns it, not {type(attempt.value).__name__}")
        return judge(attempt.value)

    return Criterion(text, judged)


def _is_fork(run: mf.Run) -> Reason:
    kept = run.parent is not None and run.parent["payment"]["amount"] == 910
    return None if kept else "it is no fork of `paid`; with `paid.fork()` the first run stays, to compare with"


def _edited(run: mf.Run) -> Reason:
    edits = {(one.step, passed.name): passed.value for one in run.trace for passed in one.arguments
             if passed.origin == EDITED}  # fmt: skip
    shown = ", ".join(f"{name!r} of {step!r} = {value!r}" for (step, name), value in edits.items())
    return (
        None
        if edits == {("bonus", "percent"): 4}
        else f"edited by hand: {shown or 'nothing'}; change the argument that exercise 1 found to its right value"
    )


def _not_before(run: mf.Run) -> Reason:
    called = [one.step for one in run.own_records if one.started is not None and one.source == "mock"]
    return None if called == list(STEPS[3:]) else f"it called {', '.join(called) or 'nothing'} itself"


def _pays(run: mf.Run) -> Reason:
    pays = f"it pays {run['payment']['amount']}" if run.outcome == "completed" else f"the run is {run.outcome}"
    return None if pays == "it pays 728.0" else pays


def _goes_on(failing: str) -> Criterion:
    """The learner's function brings a run that failed at this step to its end, and calls nothing else twice."""

    def judge(attempt: Attempt) -> Reason:
        if not callable(attempt.value):
            raise NotJudged(f"give a function: def go_on(run): ..., not {type(attempt.value).__name__}")
        with opened(_company()) as servers:
            run = _wage().start(servers, person="Grace")
            run.fail(failing, "closed").all()
            made = attempt.value(run)
            sent = [one.step for one in made.effects()] if isinstance(made, mf.Run) else []
        if not isinstance(made, mf.Run) or made.effects().rows[:1] != run.effects().rows[:1]:
            return "it does not return the run that it was given; a new run calls every step a second time"
        if sent != [*STEPS[: STEPS.index(failing) + 1], *STEPS[STEPS.index(failing) :]]:
            return f"called were, in all: {', '.join(sent)}"
        return None if made.outcome == "completed" else f"the run is {made.outcome}: {made.reason}"

    return Criterion(f"a run that failed at {failing!r} goes on from there to its end", judge)


FIND: Final = Exercise(
    "06.1",
    "Find the wrong value",
    criteria=(
        equals("step", "bonus", "follow the amounts: 1000 is right after gross; the first wrong amount is made later"),
        equals("argument", "percent", "one of the arguments of that step is right, the other is not"),
        equals("reads", "terms.tax_percent", "paid.why(step, argument) says which field of which binding it reads"),
        equals("should_read", "terms.bonus_percent", 'paid.paths("terms") shows what else the contract has'),
    ),
    hints=(
        "Run `paid.why(\"pay\", \"amount\")` and compare the amounts with 1000, 1040 and 728.",
        'The amount is wrong for the first time in the answer of one step. `paid.why(that_step, "percent")` says what it was sent.',
        'Bonus and tax read the same field: 30 per cent. `{"step": "bonus", "argument": "percent", ...}`',
    ),
    wrong='found = {"step": "tax", "argument": "percent", "reads": "terms.tax_percent", "should_read": "terms.rate"}',
)  # fmt: skip

EDIT: Final = Exercise(
    "06.2",
    "Change it by hand, and go on",
    criteria=(
        _of_run("it is a fork, and the run it was forked from is as it was", _is_fork),
        _of_run("the one argument was edited, and nothing else", _edited),
        _of_run("it called bonus, tax and pay, and not again what lies before", _not_before),
        _of_run("it pays 728", _pays),
    ),
    hints=(
        "Four verbs, in the order in which the task names them. The first cell of the lesson with `fork` has the same four.",
        "`edit` takes the step, and the argument by its name: `.edit(\"bonus\", percent=...)`. Only `rerun` calls again.",
        '`corrected = paid.fork()`, `corrected.back("bonus").edit("bonus", percent=4)`, `corrected.rerun("bonus").all()`',
    ),
    wrong="""corrected = paid.fork()
corrected.back("hours").edit("bonus", percent=4)
corrected.rerun("hours").all()""",
)  # fmt: skip

MEND: Final = Exercise(
    "06.3",
    "Mend the workflow",
    criteria=(
        valid(),
        calls("office.hours", "office.contract", "bank.gross", "bank.bonus", "bank.tax", "bank.pay"),
        sends("bank.bonus", "percent", 10, "the bonus of the contract"),
        sends("bank.tax", "percent", 20, "the tax of the contract"),
        sends("bank.pay", "amount", 880.0, "what is left of the wage"),
        ends(),
    ),
    hints=(
        "It is the workflow of the exercises with one word changed. You may write it again as a whole.",
        "A value written by hand would be right for Ada alone; read the field of the contract.",
        'In the step `bonus`: `"percent": field("terms", "bonus_percent")`.',
    ),
    wrong="""mended_wage = wage.model_copy(update={"steps": tuple(
    step.arg("percent", 4) if step.name == "bonus" else step for step in wage.steps)})""",
    mocks=_company,
    given={"person": "Grace"},
)

NOT_CALLED: Final = Exercise(
    "06.4",
    "What was not called again",
    criteria=(
        equals(
            "rerun tax", list(STEPS[:4]), "what lies before the step that is re-run is used again; write every name"
        ),
        equals(
            "adopt",
            list(STEPS[:3]),
            "an answer holds where tool and arguments are the same; bonus gets another per cent",
        ),
        equals("new run", [], "a new run knows nothing of an older one"),
    ),
    hints=(
        'Ask before it happens: `paid.plan("tax")` shows what a re-run calls. What it does not list is not called.',
        "For `adopt`: the mended workflow differs at `bonus`. Its answer is another one, so the arguments after it are others too.",
        'Four names for `"rerun tax"`, three for `"adopt"`, and an empty list `[]` for `"new run"`.',
    ),
    wrong='not_called = {"rerun tax": ["hours"], "adopt": ["hours", "contract", "gross", "tax", "pay"], "new run": []}',
)

BREAK_IT: Final = Exercise(
    "06.5",
    "Break it: go on after a failure",
    criteria=(_goes_on("contract"), _goes_on("tax"), _goes_on("pay")),
    hints=(
        "The run has stopped, so `run.all()` alone refuses to go on. Which verb calls a step again?",
        "`run.rerun(name)` calls again from a step on. The step that failed is the last one in the trace.",
        "`run.rerun(run.trace[-1].step)`, then `return run.all()`",
    ),
    wrong="""def go_on(run):
    return run.workflow.start(run.servers, **run.arguments).all()""",
)

PREDICTIONS: Final = (
    Question(
        "06.1",
        "c",
        {
            "a": "`all` means: as far as it goes without you. A breakpoint holds it.",
            "b": "It is started, and runs until the breakpoint. Only the step with the breakpoint is not called yet.",
            "c": "The run is paused before `write`, and you see the total before an invoice has it.",
        },
    ),
    Question(
        "06.2",
        "b",
        {
            "a": "3375 and 19 per cent make 4016.25. The step is right; what it was sent is not.",
            "b": "All lines above follow from this one. The price is in cents, and is multiplied as if it were not.",
            "c": "Three were ordered, so 3 is right.",
        },
    ),
    Question(
        "06.3",
        "b",
        {
            "a": "That would be a second call, perhaps with a second effect. A run never makes one by itself.",
            "b": "The run stops and names the two ways on: `rerun` calls again, `pin` gives the value by hand.",
            "c": "The old answer belongs to the old arguments. To use it here would be to make something up.",
        },
    ),
    Question(
        "06.4",
        "a",
        {
            "a": "From `multiply` on all is called again; the answers of the two steps before are used as they are.",
            "b": "That would be a new run: `invoice.start(...)`. A re-run begins where you say.",
            "c": "Whatever comes after `multiply` was computed from its old answer, so it is called again too.",
        },
    ),
    Question(
        "06.5",
        "c",
        {
            "a": "The steps after it have the same words, but they are sent other amounts. Then the old answer does not hold.",
            "b": "An answer belongs to a tool and its arguments, not to a workflow. Two of them are the same.",
            "c": "The plan says `may reuse`: used again if the arguments turn out the same. Here they do not.",
        },
    ),
)

QUESTIONS: Final = (
    Question(
        "06.1",
        "c",
        {
            "a": "A wrong value goes through as well as a right one, if it has the right type.",
            "b": "How often a tool was called you see in `run.effects()`.",
            "c": "`completed` says that nothing failed. Nobody has compared the result with what you meant.",
        },
    ),
    Question(
        "06.2",
        "a",
        {
            "a": "It moves the run alone. What a server did, it did; `run.effects()` still lists it.",
            "b": "No server is told that you went back.",
            "c": "Not one of them. To undo something, call a tool that undoes it, if there is one.",
        },
    ),
    Question(
        "06.3",
        "b",
        {
            "a": "A replay reads what was written down, and calls nothing.",
            "b": "What was called is kept, and the run goes on from where it stands.",
            "c": "A re-run calls again what was called. Only `rerun` does it.",
        },
    ),
    Question(
        "06.4",
        "b",
        {
            "a": "The workflow has not changed, and knows nothing of the edit.",
            "b": "It makes the same mistake again, until you mend the workflow.",
            "c": "A run asks only where a value is left to the client, and here all values have a source.",
        },
    ),
    Question(
        "06.5",
        "a",
        {
            "a": "A value that changes early changes what comes after it. The headline of the diff names this step.",
            "b": "The result differs because something before it differs.",
            "c": "Large numbers are not causes. Order is what counts.",
        },
    ),
)

LESSON: Final = Lesson(
    number="06",
    notebook="06_debug_run.ipynb",
    exercises=(FIND, EDIT, MEND, NOT_CALLED, BREAK_IT),
    predictions=PREDICTIONS,
    questions=QUESTIONS,
)

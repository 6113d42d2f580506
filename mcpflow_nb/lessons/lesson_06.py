"""Lesson 06: stepping and debugging."""

from __future__ import annotations

from typing import Final

from mcpflow_nb.lessons.criteria import calls, ends, equals, fits, sends, valid
from mcpflow_nb.lessons.judges_06 import STEPS, company, edited, goes_on, is_fork, not_before, of_run, pays
from mcpflow_nb.lessons.lesson import Exercise, Lesson, Question

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
        of_run("it is a fork, and the run it was forked from is as it was", is_fork),
        of_run("the one argument was edited, and nothing else", edited),
        of_run("it called bonus, tax and pay, and not again what lies before", not_before),
        of_run("it pays 728", pays),
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
        fits({"person": "Alan"}, ("office.hours", {"person": "Alan"}), ("bank.gross", {"hours": 10, "rate": 30}),
             ("bank.bonus", {"percent": 50}), ("bank.tax", {"percent": 40}), ("bank.pay", {"to": "Alan", "amount": 270.0})),
        ends(),
    ),
    hints=(
        "It is the workflow of the exercises with one word changed. You may write it again as a whole.",
        "A value written by hand would be right for Ada alone; read the field of the contract.",
        'In the step `bonus`: `"percent": field("terms", "bonus_percent")`.',
    ),
    wrong="""mended_wage = wage.model_copy(update={"steps": tuple(
    step.arg("percent", 4) if step.name == "bonus" else step for step in wage.steps)})""",
    mocks=company,
    given={"person": "Grace"},
)  # fmt: skip

NOT_CALLED: Final = Exercise(
    "06.4",
    "What was not called again",
    criteria=(
        equals(
            "rerun tax",
            (list(STEPS[:4]), STEPS[:4]),
            "what lies before the step that is re-run is used again; a list of every name, in order",
        ),
        equals(
            "adopt",
            (list(STEPS[:3]), STEPS[:3]),
            "an answer holds where tool and arguments are the same; bonus gets another per cent",
        ),
        equals("new run", ([], ()), "a new run knows nothing of an older one"),
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
    criteria=(goes_on("contract"), goes_on("tax"), goes_on("pay")),
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

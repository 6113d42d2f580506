"""Lesson 08: errors and retries."""

from __future__ import annotations

from typing import Final

from mcpflow_nb.lessons.criteria import calls, ends, equals, fits, sends, valid
from mcpflow_nb.lessons.judges_08 import (
    leaves,
    pays_nothing,
    refunds,
    refused_budget,
    refused_stock,
    retries,
    same_calls,
    settles,
    shop,
)
from mcpflow_nb.lessons.lesson import Exercise, Lesson, Question

OTHER: Final = fits(
    {"item": "chair", "amount": 30},
    ("bank.pay", {"amount": 30}),
    ("store.in_stock", {"item": "chair"}),
    ("office.check_budget", {"amount": 30}),
    ("store.order", {"item": "chair", "payment_id": "p-3"}),
)

READ: Final = Exercise(
    "08.1",
    "Read the client's error",
    criteria=(
        equals("step", "charge", "look at `reason`: it begins with the step"),
        equals("status", "unknown", "each entry of `steps` has its status; look at the last one"),
        equals(
            "done",
            (["find", "seat", "meal"], ("find", "seat", "meal")),
            "the entries of `steps` whose status is ok, in their order",
        ),
        equals("not_called", (["ticket"], ("ticket",)), "look at `remaining`, and make a list of it"),
    ),
    hints=(
        "`said` is a dict. Four of its keys matter here: `reason`, `outcome`, `steps`, `remaining`.",
        "In `steps` every step that was reached has a status; in `remaining` stands what was not called.",
        'The status is that of the step, `unknown`; done are three, and `["ticket"]` was not called.',
    ),
    wrong='read = {"step": "charge", "status": "tool_error", "done": ["find", "seat"], "not_called": ["charge", "ticket"]}',
)

RETRY: Final = Exercise(
    "08.2",
    "A retry of your own",
    criteria=(
        retries("an answer at once is returned, and nobody waits", (), [], 1),
        retries("busy once: a wait of 2 seconds", (ConnectionError("a"),), [2], 2),
        retries("busy twice: waits of 2 and 4 seconds", (ConnectionError("a"), ConnectionError("b")), [2, 4], 3),
        retries("busy always: three attempts, and the last error is raised",
                 tuple(ConnectionError(one) for one in "abcdefgh"), [2, 4], 3),
        retries("another error is raised at once", (ValueError("no such account"),), [], 1),
        retries("an OSError that is no ConnectionError is raised at once", (OSError("the disk is full"),), [], 1),
        retries("an answer that is 0 or empty is an answer too", (), [], 1, answers=0),
    ),
    hints=(
        "Look at `create_payroll_with_retry`: yours is the same, but what is called and how to wait are given to you.",
        "`except ConnectionError` lets other errors through. `raise` alone raises the error that was caught.",
        "`for attempt in (1, 2, 3):` then `try: return call()`, and in `except ConnectionError:` either `raise` or "
        "`sleep(2 ** attempt)`.",
    ),
    wrong="""def with_retry(call, sleep):
    for attempt in (1, 2, 3):
        try:
            return call()
        except Exception:
            sleep(2 ** attempt)""",
)  # fmt: skip

LEFT: Final = Exercise(
    "08.3",
    "What is left behind",
    criteria=(
        leaves("a call whose outcome is unknown counts", "send_it", "timeout", ["make_it", "set_it", "send_it"]),
        leaves("a call that reported an error counts, and what came after it does not", "make_it", "error", ["make_it"]),
        leaves("a run that only read has left nothing", "ask_it", "error", []),
        leaves("a call that was made twice counts twice", "make_it", "error",
                ["make_it", "make_it", "set_it", "send_it"], again=True),
        leaves("a call that was never sent does not count", "", "", ["make_it", "set_it"], unsent=True),
    ),
    hints=(
        "`run.effects()` has a row for each call that was sent. Go through it with `for one in run.effects()`.",
        "A row has `.step`, and `.only_reads`, which is true where the server says that the tool changes nothing.",
        "`return [one.step for one in run.effects() if not one.only_reads]`",
    ),
    wrong="""def left_behind(run):
    return [one.step for one in run.trace if one.status == "ok"]""",
)  # fmt: skip

SETTLE: Final = Exercise(
    "08.4",
    "Settle an unknown outcome",
    criteria=(
        settles("the charge was made: it is not made again, and the ticket has its receipt", is_charged=True),
        settles("the charge was not made: it is made once", is_charged=False),
    ),
    hints=(
        "First look, then decide. There are two ways on, and idea 5 has a verb for each.",
        "`run.pin(step, value)` where it was done; the value must have what later steps read, the receipt. `run.rerun(step)` "
        "where it was not. In the end `return run.all()`.",
        'if found["charged"]: `run.pin("charge", {"receipt": found["receipt"]})`, else: `run.rerun("charge")`',
    ),
    wrong="""def settle(run, servers):
    run.rerun("charge")
    return run.all()""",
)

BREAK_IT: Final = Exercise(
    "08.5",
    "Break it: what cannot be undone comes last",
    criteria=(
        valid(),
        same_calls(),
        pays_nothing("the budget refuses: nothing is paid or ordered", refused_budget),
        pays_nothing("the store cannot say: nothing is paid or ordered", refused_stock),
        sends("store.order", "payment_id", "p-8", "the payment that was made"),
        OTHER,
        ends(),
    ),
    hints=(
        "Which of the four steps only look? Nothing is lost when they run first.",
        "`buy.steps` has the four steps. Or write the workflow again, in another order.",
        "stock and budget first, in any order; then pay; then order, for it reads the payment.",
    ),
    wrong="""pay, stock, budget, order = buy.steps
careful = buy.model_copy(update={"steps": (stock, pay, budget, order)})""",
    mocks=shop,
    given={"item": "desk", "amount": 80},
)  # fmt: skip

COVERED: Final = Exercise(
    "08.6",
    "Take a payment back",
    criteria=(
        valid(),
        calls("bank.pay", "store.in_stock", "office.check_budget", "store.order"),
        refunds("the budget refuses: the payment is taken back", refused_budget),
        refunds("the store cannot say: a payment of 30 is taken back", refused_stock, "p-3", amount=30),
        sends("store.order", "payment_id", "p-8", "the payment that was made"),
        OTHER,
        ends(),
    ),
    hints=(
        "Two things are new against `buy`: one step says how it is taken back, and the workflow says when.",
        '`undo={"tool": "bank.refund", "args": {...}}` on the step `pay`; the argument is a field of what the step bound.',
        '`mf.SequentialWorkflow("buy", on_failure="rollback")`, and `"payment_id": mf.field("paid", "payment_id")` in the undo.',
    ),
    wrong="""pay, *others = buy.steps
with_undo = mf.WorkflowStep("pay", tool="bank.pay", args=dict(pay.args), bind="paid",
                            undo={"tool": "bank.refund", "args": {"payment_id": mf.field("paid", "payment_id")}})
covered = buy.model_copy(update={"steps": (with_undo, *others)})""",
    mocks=shop,
    given={"item": "desk", "amount": 80},
)

PREDICTIONS: Final = (
    Question(
        "08.1",
        "b",
        {
            "a": "The engine does not guess which later steps still make sense. It calls none of them.",
            "b": "Nothing after a failure is called, and `run.describe()` says of it: `Not run`.",
            "c": "No tool is called with something that was made up.",
        },
    ),
    Question(
        "08.2",
        "c",
        {
            "a": "Then nobody could do anything about it. The client is told what it needs in order to go on.",
            "b": "A traceback tells about the code of the server, which the client neither has nor needs.",
            "c": "The same sentence as `run.reason`, the status of each step, and the steps that remain.",
        },
    ),
    Question(
        "08.3",
        "b",
        {
            "a": "After the third try there is nothing to wait for: it answered.",
            "b": "After the first try 2, after the second 4. The third answers.",
            "c": "The wait doubles, and there is none after a success.",
        },
    ),
    Question(
        "08.4",
        "b",
        {
            "a": "A new run knows nothing of the failed one. It creates her again.",
            "b": "The failed run had created her, and the new one did it again. The retry of a whole workflow repeats what went well.",
            "c": "Nothing is rolled back: no server is told that a run failed.",
        },
    ),
    Question(
        "08.5",
        "c",
        {
            "a": "There was no error. There was silence, and the work may be done behind it.",
            "b": "It was sent, but perhaps it never arrived.",
            "c": "From here both cases look the same. So the run says `unknown`, and not `failed`.",
        },
    ),
    Question(
        "08.6",
        "a",
        {
            "a": "Three attempts, each a record; then the run failed, and what `create` did was taken back.",
            "b": "That would be so without `undo=`, or without `on_failure`: nothing is taken back by itself.",
            "c": "An error of the tool is retried where `on=` names it, and `repeat=True` says that it does no harm.",
        },
    ),
    Question(
        "08.7",
        "b",
        {
            "a": "Without a journal it would, and Hal would be there twice.",
            "b": "The step `create` is in the journal with its answer, which later steps read.",
            "c": "Each entry is on the disk before the next call is sent; no file has to be closed for that.",
        },
    ),
)

QUESTIONS: Final = (
    Question(
        "08.1",
        "a",
        {
            "a": "What was done stays done, and you decide how it goes on.",
            "b": "It cannot know how: only a tool can undo what a tool did, and only where `undo=` names it.",
            "c": "A call that was sent is not sent again by itself, unless its step has a `retry=`.",
        },
    ),
    Question(
        "08.2",
        "c",
        {
            "a": "Waiting takes as long here as there.",
            "b": "Anybody may wait. The question is who knows enough.",
            "c": "And every workflow that uses the tool has the retry at once.",
        },
    ),
    Question(
        "08.3",
        "b",
        {
            "a": "With other arguments it is another call, with another effect.",
            "b": "That is what the word means: done twice is like done once.",
            "c": "It is no proof, but it is what you have to go by, as far as you trust the server.",
        },
    ),
    Question(
        "08.4",
        "c",
        {
            "a": "If the first call did its work after all, there are then two of it.",
            "b": "That repeats this step and all before it as well.",
            "c": "To look costs nothing. Then you know whether to `pin` or to `rerun`.",
        },
    ),
    Question(
        "08.5",
        "a",
        {
            "a": "If a check fails then, nothing has to be undone.",
            "b": "How long a step takes says nothing about what it leaves behind.",
            "c": "It makes all the difference as soon as one step fails.",
        },
    ),
)

LESSON: Final = Lesson(
    number="08",
    notebook="08_handle_errors.ipynb",
    exercises=(READ, RETRY, LEFT, SETTLE, BREAK_IT, COVERED),
    predictions=PREDICTIONS,
    questions=QUESTIONS,
)

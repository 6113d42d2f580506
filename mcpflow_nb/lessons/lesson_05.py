"""Lesson 05: validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import mcpflow_nb as mf
from mcpflow_nb.lessons.attempt import Attempt, NotJudged
from mcpflow_nb.lessons.criteria import binds, calls, declares, ends, sends, valid
from mcpflow_nb.lessons.lesson import Criterion, Exercise, Lesson, Question, Reason
from mcpflow_nb.values import ABSENT

GIVEN: Final = {"title": "Middlemarch", "reader": "grace@post.example"}


def _library() -> Mapping[str, mf.Mock]:
    def find_book(title: str) -> Any:
        return {"book_id": "b-93", "shelf": "F1"}

    def lend(book_id: str, reader: str, weeks: int = 4) -> Any:
        return {"loan_id": "loan-93", "due": "7 March"}

    def send(to: str, text: str) -> Any:
        return {"sent": True}

    text = {"type": "string"}
    book = {"type": "object", "properties": {"book_id": text, "shelf": text}, "required": ["book_id", "shelf"]}
    library = mf.mock({"find_book": find_book}, outputs={"find_book": book})
    return {"library": library, "desk": mf.mock({"lend": lend}), "mail": mf.mock({"send": send})}


LENT: Final = (
    sends("library.find_book", "title", "Middlemarch", "the argument 'title'"),
    sends("desk.lend", "book_id", "b-93", "the id of the book that was found"),
    sends("desk.lend", "reader", "grace@post.example", "the argument 'reader'"),
)
TOLD: Final = (
    sends("mail.send", "to", "grace@post.example", "the argument 'reader'"),
    sends("mail.send", "text", "7 March", "the day that is due"),
)


def _named(what: str, workflow: mf.SequentialWorkflow, *names: str) -> Criterion:
    """The learner's rule names exactly these steps of a workflow."""

    def judge(attempt: Attempt) -> Reason:
        if not callable(attempt.value):
            raise NotJudged(f"give a function: def fixed_address(workflow): ..., not {type(attempt.value).__name__}")
        found = attempt.value(workflow)
        return None if found == list(names) else f"it returns {found!r:.100}; it should return {list(names)!r}"

    return Criterion(what, judge)


def _mailing(**addresses: Any) -> mf.SequentialWorkflow:
    """Return a workflow with one step that sends mail to each address, and one that sends none."""
    made = (
        mf.SequentialWorkflow("mailing", "Send mail")
        .argument("who")
        .step("find", tool="library.find_book", bind="book")
    )
    for step, to in addresses.items():
        made = made.step(step, tool="mail.send", args={"to": to, "text": "Hello"})
    return made


EMPTY: Final = Exercise(
    "05.1",
    "An empty workflow",
    criteria=(valid(), calls("library.find_book", "desk.lend"), *LENT, binds("book", "loan"), ends()),
    hints=(
        "Look at the second line of `lost`: what does `.argument` return, and what name does the result get?",
        "A verb changes nothing; it returns a new workflow. In a chain within brackets each verb works on what the one "
        "before it returned.",
        '`filled = (mf.SequentialWorkflow("find_only", "...").argument("title", "...").argument("reader", "...")'
        ".step(...).step(...))`",
    ),
    wrong="""filled = mf.SequentialWorkflow("find_only", "Find a book and lend it").argument("title").argument("reader")
filled.step("find", tool="library.find_book", args={"title": mf.prompt_arg("title")}, bind="book")""",
    mocks=_library,
    given=GIVEN,
)

UNDEFINED: Final = Exercise(
    "05.2",
    "An undefined binding and a missing argument",
    criteria=(
        valid(),
        declares("weeks", "integer", required=False),
        calls("library.find_book", "desk.lend"),
        *LENT,
        sends("desk.lend", "weeks", 3, "the argument 'weeks'", weeks=3),
        sends("desk.lend", "weeks", ABSENT, "nothing (nobody gave it)"),
    ),
    hints=(
        "The report has two errors. One reads a name that is a step and no binding, the other an argument that nobody declared.",
        "Only `bind=` gives an output a name. An argument with a type that may be left out is declared with "
        "`type=int, required=False`.",
        '`.argument("weeks", "...", type=int, required=False)`, then `bind="book"` at the step `find`, and '
        '`mf.field("book", "book_id")` at the step `lend`.',
    ),
    wrong="""weekly = (
    mf.SequentialWorkflow("lend_book", "Find a book and lend it")
    .argument("title", "Title of the book").argument("reader", "Mail address").argument("weeks", "For how many weeks")
    .step("find", tool="library.find_book", args={"title": mf.prompt_arg("title")}, bind="find")
    .step("lend", tool="desk.lend", bind="loan",
          args={"book_id": mf.field("find", "book_id"), "reader": mf.prompt_arg("reader"), "weeks": mf.prompt_arg("weeks")})
)""",
    mocks=_library,
    given=GIVEN,
)

DUPLICATE: Final = Exercise(
    "05.3",
    "A duplicate binding",
    criteria=(
        valid(),
        calls("library.find_book", "desk.lend", "mail.send"),
        *LENT,
        *TOLD,
        binds("book", "loan"),
        ends(),
    ),
    hints=(
        "A name says one thing. Which of the two outputs does each reading step need?",
        "Two places say `bind=`, and two places read `result`. All four change.",
        '`bind="book"` and `mf.field("book", "book_id")`; `bind="loan"` and `mf.field("loan", "due")`.',
    ),
    wrong="""apart = (
    mf.SequentialWorkflow("lend_book", "Find a book and lend it").argument("title").argument("reader")
    .step("find", tool="library.find_book", args={"title": title}, bind="book")
    .step("lend", tool="desk.lend", args={"book_id": mf.field("book", "book_id"), "reader": reader}, bind="loan")
    .step("tell", tool="mail.send", args={"to": reader, "text": mf.field("book", "shelf")})
)""",
    mocks=_library,
    given=GIVEN,
)

RULE: Final = Exercise(
    "05.4",
    "A rule of your own",
    criteria=(
        _named("a constant address is named", _mailing(tell="ada@post.example"), "tell"),
        _named(
            "an address from an argument or an output is not",
            _mailing(one=mf.prompt_arg("who"), two=mf.field("book", "owner")),
        ),
        _named(
            "several steps are named in their order, and steps without 'to' are no error",
            _mailing(zoe="z@post.example", one=mf.prompt_arg("who"), abe="a@post.example"),
            "zoe",
            "abe",
        ),
        _named("a workflow without steps has none", mf.SequentialWorkflow("none", "Nothing")),
    ),
    hints=(
        "Go through `workflow.steps`. Three questions for each step: has it `to`? does it read anything? what is its name?",
        '`step.args` is like a dict: `"to" in step.args`, and `step.args["to"].reads` is empty for a constant.',
        '`return [step.name for step in workflow.steps if "to" in step.args and not step.args["to"].reads]`',
    ),
    wrong="""def fixed_address(workflow):
    return [step.name for step in workflow.steps if not step.args["to"].reads]""",
)

BREAK_IT: Final = Exercise(
    "05.5",
    "Break it: four mistakes to repair",
    criteria=(
        valid(),
        calls("library.find_book", "desk.lend", "mail.send"),
        *LENT,
        sends("desk.lend", "weeks", 2, "the whole number 2"),
        *TOLD,
        ends(),
    ),
    hints=(
        "The report has three findings that are errors. For the fourth mistake ask of each value: who is meant by it?",
        "`tell` has to come last. `weeks` is a number, `id` is no field of the answer; the `fix` lines say what there is. "
        "And to whom is the book lent?",
        'The four places: the order; `mf.field("book", "id")`; `"weeks": "2"`; `"reader": mf.prompt_arg("title")`.',
    ),
    wrong="""repaired = (
    mf.SequentialWorkflow("lend_book", "Find a book and lend it").argument("title").argument("reader")
    .step("find", tool="library.find_book", args={"title": mf.prompt_arg("title")}, bind="book")
    .step("lend", tool="desk.lend", bind="loan",
          args={"book_id": mf.field("book", "book_id"), "reader": mf.prompt_arg("title"), "weeks": 2})
    .step("tell", tool="mail.send", args={"to": mf.prompt_arg("reader"), "text": mf.field("loan", "due")})
)""",
    mocks=_library,
    given=GIVEN,
)

PREDICTIONS: Final = (
    Question(
        "05.1",
        "b",
        {
            "a": "The error goes away, and with it its twin: now a step reads `title`, so that it is no longer unused.",
            "b": "One slip made two findings: `titel` is not declared, and so nobody read `title`.",
            "c": "A warning goes away when its cause does. Nobody has to tick it off.",
        },
    ),
    Question(
        "05.2",
        "c",
        {
            "a": "Nothing is overwritten in silence. If it were, it would depend on the order what `result` means.",
            "b": "A binding is the output of exactly one step.",
            "c": "A name may be given once. The finding names both steps, with cell and line.",
        },
    ),
    Question(
        "05.3",
        "a",
        {
            "a": "All names fit, so the workflow alone shows nothing. That `id` is no field and that `weeks` is a whole "
            "number, only the schemas say.",
            "b": "Without servers nobody knows what `find_book` answers or what type `weeks` has.",
            "c": "It need not come to a run: the server has said beforehand what it takes and gives.",
        },
    ),
    Question(
        "05.4",
        "b",
        {
            "a": "A field that is not there is never an empty text. Nothing is made up.",
            "b": "The value for the mail cannot be found, so the step is `not sent`. The steps before it did run.",
            "c": "It starts: the check has found no error. It could not know what `lend` answers.",
        },
    ),
    Question(
        "05.5",
        "c",
        {
            "a": "A client would then meet the mistake. It is refused at the door instead.",
            "b": "A server that leaves something out in silence would be hard to understand: nothing is served.",
            "c": "All workflows are checked when they are registered. One with errors is refused, with all its findings.",
        },
    ),
)

QUESTIONS: Final = (
    Question(
        "05.1",
        "b",
        {
            "a": "Then a check would send mail and lend books. It calls nothing.",
            "b": "It compares the workflow with what the servers listed when they were connected.",
            "c": "Not even those: a check never calls a tool.",
        },
    ),
    Question(
        "05.2",
        "a",
        {
            "a": "Which names are made, and where they are read, stands in the workflow alone: `forward-reference`.",
            "b": "What type is wanted stands in the server's schema: `type-mismatch` needs `check(servers)`.",
            "c": "Which tools there are only the server knows: `unknown-tool` needs `check(servers)`.",
        },
    ),
    Question(
        "05.3",
        "c",
        {
            "a": "That is `unknown-binding`, and the workflow alone shows it.",
            "b": "That is `unknown-field`, and `check(servers)` shows it.",
            "c": "Nobody has promised anything about that answer. The check says `unchecked`; a run shows what is there.",
        },
    ),
    Question(
        "05.4",
        "a",
        {
            "a": "Only errors keep a workflow from running. A warning is worth a look all the same.",
            "b": "`bool(report)` is false only when there is an error.",
            "c": "Starting and serving ask the same question: is there an error?",
        },
    ),
    Question(
        "05.5",
        "c",
        {
            "a": "They name two places: who gives the value, and who takes it.",
            "b": "Both can be errors. `unknown-parameter` is one when it looks like a slip.",
            "c": "`prompt_arg` of a name that you did not declare is the first; a word in `args` that the tool does not know is "
            "the second.",
        },
    ),
)

LESSON: Final = Lesson(
    number="05",
    notebook="05_check_workflow.ipynb",
    exercises=(EMPTY, UNDEFINED, DUPLICATE, RULE, BREAK_IT),
    predictions=PREDICTIONS,
    questions=QUESTIONS,
)

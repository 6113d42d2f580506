"""Lesson 07: mocks, recordings, tests."""

from __future__ import annotations

from typing import Final

from mcpflow_nb.lessons.judges_07 import (
    CLOSED,
    DRILLED,
    FAILS_ONCE,
    HOLDS_ONE_RUN,
    MISLED,
    NAMES,
    ONBOARD,
    PASSES,
    REPLAYS,
    RIGHT_PASSES,
    SHORTENED,
    broken_post,
    mails,
    mocking,
    stops,
)
from mcpflow_nb.lessons.lesson import Exercise, Lesson, Question

MOCK_HR: Final = Exercise(
    "07.1",
    "Mock a server",
    criteria=(
        mocking("create_employee"),
        mails("Linus Pauling", "linus@company.example"),
        mails("Marie Curie", "marie@company.example", "research"),
        CLOSED,
    ),
    hints=(
        "There are two cases: one department, and all others. The first fails, the second is made of the name.",
        "`mf.when(department=...)` tells the cases apart, `.then(mf.fail(...))` is the answer of the first, "
        "`.otherwise(function)` that of all others.",
        '`{"create_employee": mf.when(department="archive").then(mf.fail("...")).otherwise(create_employee)}`, where '
        "`create_employee(name, department)` returns a dict with both fields",
    ),
    wrong="""hr_tools = {"create_employee": mf.when(department="archive").then(mf.fail("closed"))
            .otherwise({"employee_id": "emp-456", "email": "alice@company.example"})}""",
)


FAIL_ONCE: Final = Exercise(
    "07.2",
    "Fail once",
    criteria=(
        mocking("create_github_user"),
        FAILS_ONCE,
        NAMES,
    ),
    hints=(
        "Look at `busy` in idea 1: its `set_level` fails once as well.",
        '`mf.fail("words", times=1)` fails once; what comes after that is said by `.then(answer)`, and the answer is a function.',
        '`{"create_github_user": mf.fail("...", times=1).then(lambda employee_id, team: {"username": ...})}`',
    ),
    wrong="""eng_tools = {"create_github_user": mf.fail("too many requests")}""",
)


RECORD: Final = Exercise(
    "07.3",
    "Record a run",
    criteria=(
        HOLDS_ONE_RUN,
        REPLAYS,
    ),
    hints=(
        "The first whole example of this lesson records a run of `promote` in the same way.",
        "`company.record(path)` stands in a `with`, and the run is started inside of it, on `company`, to its end.",
        '`with company.record(folder / "onboard.cassette.json") as kept:` and below it, indented, '
        "`onboard.start(company, employee_name=..., department=...).all()`",
    ),
    wrong="""with company.record(folder / "slip.cassette.json") as kept:
    onboard.start(company, employee_name="Alice Smith", department="research").all()""",
)


TEST: Final = Exercise(
    "07.4",
    "A test that can fail",
    criteria=(
        PASSES,
        stops("the mail goes to a wrong address", MISLED),
        stops("the step github_access is left out", SHORTENED),
        stops("the mail fails", ONBOARD, broken_post),
    ),
    hints=(
        "Three things can be wrong: what was sent, which steps ran, and how the run ended. `assert_run` has a word for each.",
        "`outcome=` is how it ended, `order=` the names of the steps, `arguments=` what a step was sent.",
        '`assert_run(run, outcome="completed", order=[...three names...], arguments={"send_welcome": {"to": '
        'run["employee_record"]["email"]}})`',
    ),
    wrong="""def trusted(run):
    assert_run(run, outcome="completed", arguments={"send_welcome": {"to": "grace@company.example"}})""",
)


BREAK_IT: Final = Exercise(
    "07.5",
    "Break it: an order that goes to nowhere",
    criteria=(
        RIGHT_PASSES,
        DRILLED,
    ),
    hints=(
        "Idea 4 does it for one tool: look at `person`, and at what it says besides the types.",
        "Two tools give what a later step reads: `find_order` and `make_label`. A schema needs the type of each field, and "
        "`required` with the names of all fields that are read.",
        '`{"find_order": {"type": "object", "required": ["address", "kilos"], "properties": {...}}, "make_label": {...}}`',
    ),
    wrong="""outputs = {"find_order": {"type": "object", "properties": {"address": {"type": "string"}}}}""",
)

PREDICTIONS: Final = (
    Question(
        "07.1",
        "b",
        {
            "a": "Nothing is called again by itself. You decide, with `run.rerun`.",
            "b": "A step that fails ends the run. What comes after it is not called.",
            "c": "No step is left out because it failed: those after it may need what it gives.",
        },
    ),
    Question(
        "07.2",
        "c",
        {
            "a": "The sample is made from the arguments: the same arguments give the same sample, in every run.",
            "b": "That is what the real server answers, and it was not asked.",
            "c": "The same arguments give the same sample, so a test on a mock gives the same result each time.",
        },
    ),
    Question(
        "07.3",
        "c",
        {
            "a": "The recorded answer belongs to level 4. To give it out for level 5 would be a lie.",
            "b": "A replay never calls a real server. A test must not change anything by a slip.",
            "c": "`set_level` with 5 was not recorded, so it fails; the nearest recorded call is shown with the difference.",
        },
    ),
    Question(
        "07.4",
        "b",
        {
            "a": "Without a schema nobody knows that `null` is wrong, so the step is not stopped.",
            "b": "`null` goes on to the next tool, which answers as always. The run completes, and nobody noticed.",
            "c": "Later steps read both fields: one is sent as `id`, one as `to`.",
        },
    ),
)

QUESTIONS: Final = (
    Question(
        "07.1",
        "a",
        {
            "a": "It speaks MCP as any server does; only its answers are made up.",
            "b": "Nothing is left out: each call is made, checked and written down as with any server.",
            "c": "It has no data of the real server. `mock_like` takes the schemas, and no values.",
        },
    ),
    Question(
        "07.2",
        "b",
        {
            "a": "Age is another question: `cassette.check(servers)` answers it.",
            "b": "It answers what was recorded and nothing else, and says which recorded call is the nearest.",
            "c": "The step fails and stands in the trace, as any failed step; no exception is raised.",
        },
    ),
    Question(
        "07.3",
        "c",
        {
            "a": "`replayed.rewind()` lets it begin again; it is as good as before.",
            "b": "Masking takes the secrets out. The cassette still fits its servers.",
            "c": "Then a test on it passes while the real thing would break. `cassette.check(servers)` tells.",
        },
    ),
    Question(
        "07.4",
        "b",
        {
            "a": "Stopped is what you want: nothing wrong was sent.",
            "b": "A tool was sent something wrong, the run completed, and nobody noticed.",
            "c": "The step does not run at all in that try; nothing is sent.",
        },
    ),
    Question(
        "07.5",
        "a",
        {
            "a": "A test that passes whatever you break tests nothing. The check of exercise 4 did exactly this to yours.",
            "b": "That shows that the machines are alike, and nothing about the test.",
            "c": "One line can be a good test, and a hundred lines may assert nothing.",
        },
    ),
)

LESSON: Final = Lesson(
    number="07",
    notebook="07_mock_and_test.ipynb",
    exercises=(MOCK_HR, FAIL_ONCE, RECORD, TEST, BREAK_IT),
    predictions=PREDICTIONS,
    questions=QUESTIONS,
)

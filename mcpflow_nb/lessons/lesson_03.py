"""Lesson 03: your first workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import mcpflow_nb as mf
from mcpflow_nb.lessons.criteria import binds, calls, declares, ends, equals, sends, tells, valid
from mcpflow_nb.lessons.lesson import Exercise, Lesson, Question
from mcpflow_nb.values import ABSENT

GRACE: Final = {"employee_name": "Grace Hopper", "department": "research"}
MEETING: Final = {"day": "Friday", "title": "Budget"}


def _onboarding() -> Mapping[str, mf.Mock]:
    def create_employee(name: str, department: str) -> Any:
        return {"employee_id": "emp-731", "email": "grace@company.example"}

    def create_payroll(employee_id: str, department: str, currency: str = "EUR") -> Any:
        return {"payroll_id": "pay-731", "currency": currency}

    hr, finance = mf.mock({"create_employee": create_employee}), mf.mock({"create_payroll": create_payroll})
    return {"hr": hr, "finance": finance}


def _meeting() -> Mapping[str, mf.Mock]:
    def find_room(day: str, people: int = 4) -> Any:
        return {"room": "Green", "floor": 7}

    def book(room: str, day: str, title: str) -> Any:
        return {"booking_id": "bk-7"}

    return {"rooms": mf.mock({"find_room": find_room}), "calendar": mf.mock({"book": book})}


FIRST_STEP: Final = Exercise(
    "03.1",
    "Onboarding, the first step",
    criteria=(
        valid(),
        declares("employee_name"),
        declares("department"),
        calls("hr.create_employee"),
        sends("hr.create_employee", "name", "Grace Hopper", "the argument 'employee_name'"),
        sends("hr.create_employee", "department", "research", "the argument 'department'"),
        binds("employee_record"),
    ),
    hints=(
        "Look at the workflow of the first example: it begins with a name and a description, then come its arguments, "
        "then its first step.",
        'A step reads an argument with `mf.prompt_arg("employee_name")`. What the tool calls the value stands on the '
        'left: `"name"`. The word `bind=` gives the output its name.',
        '`mf.SequentialWorkflow("onboard", "...").argument("employee_name", "...").argument("department", "...")'
        '.step("create_employee", tool="hr.create_employee", bind="employee_record", args={"name": ..., "department": ...})`',
    ),
    wrong="""first = (
    mf.SequentialWorkflow("onboard", "Onboard a new colleague")
    .argument("employee_name", "Full name")
    .argument("department", "Department to join")
    .step("create_employee", tool="hr.create_employee", bind="employee_record",
          args={"name": "Alice Smith", "department": mf.prompt_arg("department")})
)""",
    mocks=_onboarding,
    given=GRACE,
)

SECOND_STEP: Final = Exercise(
    "03.2",
    "Onboarding, the second step",
    criteria=(
        valid(),
        calls("hr.create_employee", "finance.create_payroll"),
        sends("finance.create_payroll", "employee_id", "emp-731", "the id that HR has just given out"),
        sends("finance.create_payroll", "department", "research", "the argument 'department'"),
        binds("employee_record", "payroll_record"),
        ends("completed"),
    ),
    hints=(
        "The workflow of exercise 1 stays as it is: `first.step(...)` gives a new one with one step more.",
        'A part of an earlier output is read with `mf.field("name of the binding", "name of the field")`.',
        '`first.step("setup_payroll", tool="finance.create_payroll", bind="payroll_record", '
        'args={"employee_id": mf.field("employee_record", ...), "department": mf.prompt_arg("department")})`',
    ),
    wrong="""second = first.step("setup_payroll", tool="finance.create_payroll", bind="payroll_record",
                    args={"employee_id": "emp-456", "department": mf.prompt_arg("department")})""",
    mocks=_onboarding,
    given=GRACE,
)

OPTIONAL: Final = Exercise(
    "03.3",
    "An argument that may be left out",
    criteria=(
        valid(),
        declares("currency", required=False),
        tells(),
        calls("hr.create_employee", "finance.create_payroll"),
        sends("finance.create_payroll", "employee_id", "emp-731", "the id that HR has just given out"),
        sends("finance.create_payroll", "department", "research", "the argument 'department'"),
        sends("finance.create_payroll", "currency", "USD", "the argument 'currency'", currency="USD"),
        sends("finance.create_payroll", "currency", ABSENT, "nothing (nobody gave one)"),
    ),
    hints=(
        "You need three verbs: `.argument` for the currency, `.instruction`, and `.step` as in exercise 2, with one more value "
        "in `args`. Begin from the workflow of exercise 1, so that the payroll step stands in it once.",
        "`required=False` makes an argument optional. Give it no default, for then there is always a value.",
        '`first.argument("currency", "...", required=False).instruction("...").step("setup_payroll", ..., '
        'args={"employee_id": ..., "department": ..., "currency": mf.prompt_arg("currency")})`',
    ),
    wrong="""third = (
    first.argument("currency", "Currency of the salary", default="EUR")
    .instruction("All steps are mandatory.")
    .step("setup_payroll", tool="finance.create_payroll", bind="payroll_record",
          args={"employee_id": mf.field("employee_record", "employee_id"),
                "department": mf.prompt_arg("department"), "currency": mf.prompt_arg("currency")})
)""",
    mocks=_onboarding,
    given=GRACE,
)

READ_GRAPH: Final = Exercise(
    "03.4",
    "Read the data-flow graph",
    criteria=(
        equals("room", "room_found.room", "follow the arrow that ends at 'room' of step book back to where it begins"),
        equals("day", "day", "follow the arrow that ends at 'day' of step book: it comes from an argument"),
        equals(
            "unread",
            ("floor", "room_found.floor"),
            "compare the graph with what `find_room` returns, in the first cell",
        ),
    ),
    hints=(
        "Run the cell with `invite.bindings()` again. Every arrow ends at one value that a step sends.",
        "Where an arrow begins at a step's output, write the name of the binding, a dot, and the name of the field.",
        'The answer for `"room"` has the form `"room_found.xxxx"`. For `"unread"`, compare the fields that `find_room` returns '
        "in the first cell with those that an arrow uses.",
    ),
    wrong='reading = {"room": "find_room.room", "day": "room_found.day", "unread": "room"}',
)

BREAK_IT: Final = Exercise(
    "03.5",
    "Break it: a workflow to repair",
    criteria=(
        valid(),
        calls("rooms.find_room", "calendar.book"),
        sends("rooms.find_room", "day", "Friday", "the argument 'day'"),
        sends("calendar.book", "room", "Green", "the room that was found"),
        sends("calendar.book", "title", "Budget", "the argument 'title'"),
        ends("completed"),
    ),
    hints=(
        "Read the report from top to bottom: each finding has a step, an argument, and often the name that was meant.",
        "Two names are misspelled, and the report knows what was meant. The third slip is a value that is allowed and "
        "wrong: which day would `find_room` be sent if somebody asked for Friday?",
        'The three places: `mf.field("room_fond", ...)`, `mf.prompt_arg("titel")`, and `"day": "Monday"` in the first step.',
    ),
    wrong="""mended = (
    mf.SequentialWorkflow("invite", "Find a room and book it")
    .argument("day", "Day of the meeting")
    .argument("title", "What the meeting is about")
    .step("find_room", tool="rooms.find_room", args={"day": "Monday"}, bind="room_found")
    .step("book", tool="calendar.book",
          args={"room": mf.field("room_found", "room"), "day": mf.prompt_arg("day"), "title": mf.prompt_arg("title")})
)""",
    mocks=_meeting,
    given=MEETING,
)

PREDICTIONS: Final = (
    Question(
        "03.1",
        "a",
        {
            "a": "`meeting` still has two arguments. A verb such as `.argument` changes nothing: it returns a new workflow, and "
            "the cell gave that one no name.",
            "b": "The new workflow has three arguments, but `meeting` is not the new workflow: the verb returned another one.",
            "c": "No verb changes the workflow it is called on, so nothing adds up, however often a cell runs.",
        },
    ),
    Question(
        "03.2",
        "a",
        {
            "a": "No tool is called: `start` checks the workflow, reads the arguments and waits. The first call is made by "
            "`run.step()` or `run.all()`.",
            "b": "`start` calls nothing, not even the first step. That leaves you time to look at `run.next`.",
            "c": "`run.all()` would do that. `start` only gets everything ready.",
        },
    ),
    Question(
        "03.3",
        "b",
        {
            "a": "Something is wrong: the second step reads the name `room_found`, and no step makes it any more.",
            "b": "The check sees it before any call is made, and names the step and the argument that read it.",
            "c": "It does not come to that: a workflow with errors is not started, and no call is made.",
        },
    ),
)

QUESTIONS: Final = (
    Question(
        "03.1",
        "b",
        {
            "a": "The step runs as always. `bind` says nothing about whether it runs.",
            "b": "The output is in the trace, for you to read; but no later step can, for it has no name.",
            "c": "The name of a step is never the name of its output. Only `bind` makes a name.",
        },
    ),
    Question(
        "03.2",
        "c",
        {
            "a": "`.step` only writes the step down, as data. The server does not even have to be connected.",
            "b": "`start` checks and reads the arguments. It calls no tool.",
            "c": "`run.step()` makes exactly one call, `run.all()` makes those that are left.",
        },
    ),
    Question(
        "03.3",
        "a",
        {
            "a": "`.argument` says what someone gives when the workflow starts; `args` says what one step sends to its tool.",
            "b": "They are two things: the caller's names and the tool's names. `mf.prompt_arg` leads from one to the other.",
            "c": "It is the other way round: `args` belongs to a step, `.argument` to the workflow.",
        },
    ),
    Question(
        "03.4",
        "b",
        {
            "a": "Nothing is sent, and `null` is not nothing: a tool that expects text would refuse it.",
            "b": "The value is left out of the call, and the tool uses a default of its own if it has one.",
            "c": "Only a required argument stops the start. This one is optional.",
        },
    ),
    Question(
        "03.5",
        "c",
        {
            "a": "A tool gets the values in `args` and nothing else.",
            "b": "The engine does not read it: the order is that of the steps, whatever an instruction says.",
            "c": "It is a message for whoever asked for the workflow, most often a language model; it comes first.",
        },
    ),
)

LESSON: Final = Lesson(
    number="03",
    notebook="03_declare_workflow.ipynb",
    exercises=(FIRST_STEP, SECOND_STEP, OPTIONAL, READ_GRAPH, BREAK_IT),
    predictions=PREDICTIONS,
    questions=QUESTIONS,
)

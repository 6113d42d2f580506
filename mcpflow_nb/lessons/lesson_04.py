"""Lesson 04: data binding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import mcpflow_nb as mf
from mcpflow_nb.lessons.criteria import binds, calls, ends, equals, sends, valid
from mcpflow_nb.lessons.lesson import Exercise, Lesson, Question
from mcpflow_nb.values import ABSENT

GRACE: Final = {"employee_name": "Grace Hopper", "department": "research", "start_date": "2027-03-01"}
CODE: Final = "x = 1\ny = 2\n"


def _onboarding() -> Mapping[str, mf.Mock]:
    return {
        "hr": mf.mock({"create_employee": {"employee_id": "emp-731", "email": "grace@company.example"}}),
        "finance": mf.mock({"create_payroll": {"payroll_id": "pay-902"}}),
        "eng": mf.mock({"create_github_user": {"username": "ghopper"}}),
        "it": mf.mock({"provision_laptop": {"tracking_number": "FX-9"}}),
        "comms": mf.mock({"send_email": {"sent": True}}),
    }


def _review() -> Mapping[str, mf.Mock]:
    def analyze_code(code: str, language: str = "rust", depth: int = 1) -> Any:
        return {"analysis_summary": f"{len(code)} characters of {language}", "issue_details": ["Not this one"]}

    def review_code(analysis: str, focus: list[str]) -> Any:
        return {"review_summary": f"focus: {len(focus)}", "recommendations": ["Name it", "Test it", "Note it"]}

    def format_code(code: str, issues: list[str]) -> Any:
        return {"issues_annotated": len(issues)}

    tools = {"analyze_code": analyze_code, "review_code": review_code, "format_code": format_code}
    return {"code": mf.mock(tools)}


def _travel() -> Mapping[str, mf.Mock]:
    lin = {"name": "Lin Chao", "contact": {"email": "lin@travel.example", "phone": "55-1"}}
    stops = [{"city": "Lima", "nights": 2}, {"city": "Cusco", "nights": 4}]
    trips = {
        "T-1": {"traveller": lin, "stops": stops, "diet": "vegan", "late": True},
        "T-2": {"traveller": lin, "stops": stops[:1]},
    }

    def find_trip(number: str) -> Any:
        return trips[number]

    def book(city: str, email: str, diet: str, late: bool = False) -> Any:
        return {"room": 14}

    return {"travel": mf.mock({"find_trip": find_trip}), "hotel": mf.mock({"book": book})}


def _thanks() -> Mapping[str, mf.Mock]:
    customer = {"name": "Ola Lund", "address": {"street": "9 Elm Road"}}
    order = {"customer": customer, "items": [{"name": "chair"}, {"name": "table"}]}
    return {"shop": mf.mock({"find_order": order}), "post": mf.mock({"write": {"letter": "l-5"}})}


ONBOARD: Final = Exercise(
    "04.1",
    "Onboarding, steps 3 to 5",
    criteria=(
        valid(),
        calls("hr.create_employee", "finance.create_payroll", "eng.create_github_user", "it.provision_laptop",
              "comms.send_email"),
        sends("eng.create_github_user", "employee_id", "emp-731", "the id from HR"),
        sends("eng.create_github_user", "email", "grace@company.example", "the address from HR"),
        sends("eng.create_github_user", "team", "research", "the argument 'department'"),
        sends("it.provision_laptop", "employee_id", "emp-731", "the id from HR"),
        sends("it.provision_laptop", "department", "research", "the argument 'department'"),
        sends("it.provision_laptop", "start_date", "2027-03-01", "the argument 'start_date'"),
        sends("comms.send_email", "to", "grace@company.example", "the address from HR"),
        sends("comms.send_email", "template", "welcome_employee", "always the same text"),
        sends("comms.send_email", "employee_name", "Grace Hopper", "the argument 'employee_name'"),
        sends("comms.send_email", "github_username", "ghopper", "the name that engineering gave"),
        sends("comms.send_email", "laptop_tracking", "FX-9", "the number of the parcel"),
        binds("employee_record", "payroll_record", "github_record", "laptop_record", "email_result"),
    ),
    hints=(
        "For each value ask: did somebody give it at the start, did an earlier step make it, or is it always the same?",
        'From HR: `mf.field("employee_record", "employee_id")` and `"email"`. The mail reads two bindings more: '
        "`github_record` and `laptop_record`. The template is plain text.",
        '`begun.step("github_access", tool="eng.create_github_user", bind="github_record", args={"employee_id": ..., '
        '"email": ..., "team": mf.prompt_arg("department")}).step("provision_laptop", ...).step("send_welcome", ...)`',
    ),
    wrong="""employee = mf.field("employee_record", "employee_id")
onboard = (
    begun.step("github_access", tool="eng.create_github_user", bind="github_record",
               args={"employee_id": employee, "email": mf.field("employee_record", "email"), "team": "Engineering"})
)""",
    mocks=_onboarding,
    given=GRACE,
)  # fmt: skip

REVIEW: Final = Exercise(
    "04.2",
    "The code review",
    criteria=(
        valid(),
        calls("code.analyze_code", "code.review_code", "code.format_code"),
        sends("code.analyze_code", "language", ABSENT, "nothing (nobody gave one)"),
        sends("code.analyze_code", "language", "python", "the argument 'language'", language="python"),
        sends("code.analyze_code", "depth", 2, "the number 2"),
        sends("code.review_code", "analysis", "12 characters of rust", "the summary of the analysis"),
        sends("code.review_code", "focus", ["security", "performance", "maintainability"], "a list of three texts"),
        sends("code.format_code", "code", CODE, "the argument 'code'"),
        sends("code.format_code", "issues", ["Name it", "Test it", "Note it"], "the whole list of recommendations"),
        binds("analysis_result", "review_result", "formatted_result"),
    ),
    hints=(
        "Three steps on the server `code`. Each of the last two reads one field of the step before it.",
        'A list is a constant as text is: `"focus": ["security", ...]`. A field may hold a list, and then all of it is sent.',
        '`.step("format", tool="code.format_code", bind="formatted_result", args={"code": mf.prompt_arg("code"), '
        '"issues": mf.field("review_result", ...)})`',
    ),
    wrong="""review = (
    mf.SequentialWorkflow("code_review_workflow", "Review code")
    .argument("code", "Source code").argument("language", "Language", required=False)
    .step("analyze", tool="code.analyze_code", bind="analysis_result",
          args={"code": mf.prompt_arg("code"), "language": mf.prompt_arg("language"), "depth": "2"})
    .step("review", tool="code.review_code", bind="review_result",
          args={"analysis": mf.from_step("analysis_result"), "focus": "security, performance, maintainability"})
    .step("format", tool="code.format_code", bind="formatted_result",
          args={"code": mf.prompt_arg("code"), "issues": mf.field("analysis_result", "issue_details")})
)""",
    mocks=_review,
    given={"code": CODE},
)

NESTED: Final = Exercise(
    "04.3",
    "Nested and missing fields",
    criteria=(
        valid(),
        calls("travel.find_trip", "hotel.book"),
        sends("hotel.book", "city", "Lima", "the city of the first stop"),
        sends("hotel.book", "email", "lin@travel.example", "the address, two objects deep"),
        sends("hotel.book", "diet", "vegan", "the diet of the trip"),
        sends("hotel.book", "late", True, "what the trip says"),
        sends("hotel.book", "diet", "none", "the text 'none' (the trip has no diet)", number="T-2"),
        sends("hotel.book", "late", ABSENT, "nothing (the trip does not say)", number="T-2"),
        ends("completed", number="T-2"),
    ),
    hints=(
        "Look at the trip that the cell above shows. Each dot of a path goes one level in; a number counts from 0.",
        '`default=` gives a value where there is none: `mf.field("trip", "diet", default="...")`. `mf.optional(...)` around '
        "a source leaves the value out.",
        '`"city": mf.field("trip", "stops.0.city"), "email": mf.field("trip", "traveller...."), '
        '"diet": mf.field("trip", "diet", default=...), "late": mf.optional(mf.field("trip", "late"))`',
    ),
    wrong="""stay = (
    mf.SequentialWorkflow("stay", "Book the first hotel of a trip").argument("number", "Number of the trip")
    .step("find_trip", tool="travel.find_trip", args={"number": mf.prompt_arg("number")}, bind="trip")
    .step("book", tool="hotel.book", args={
        "city": mf.field("trip", "stops.1.city"), "email": mf.field("trip", "traveller.contact.email"),
        "diet": mf.field("trip", "diet"), "late": mf.field("trip", "late", default=False)})
)""",
    mocks=_travel,
    given={"number": "T-1"},
)

PREDICT: Final = Exercise(
    "04.4",
    "Predict what is sent",
    criteria=(
        equals(
            "city", "Oslo", "two objects deep: first `customer`, then `address`; as it stands there, large letters too"
        ),
        equals("last", "bulb", "items count from 0, so 1 is the second one"),
        equals("pieces", 3, "a number stays a number: write it without quotes"),
        equals("label", "B-9 for Mia Berg", "a template fills its marks from its own values"),
        equals("plain", "{number} for {name}", "is it a template, or a plain text?"),
        equals("phone", "nothing", "the order has no phone, and the source is optional"),
        equals("floor", 0, "the address has no floor; there is a default, and it is a number"),
        equals(
            "pair", ["lamp", "gift"], "a list may hold sources beside plain values, and stays a list: write `[...]`"
        ),
    ),
    hints=(
        'Take the order in your hands: `run["order"]` shows it. Then go through the sources one by one.',
        "A path goes in dot by dot. `default=` counts only where nothing is found; `mf.optional` leaves the value out.",
        "Only `mf.template` fills marks. So one of `label` and `plain` keeps its braces.",
    ),
    wrong="""sent = {"city": "Oslo", "last": "lamp", "pieces": "3", "label": "B-9 for Mia Berg",
        "plain": "B-9 for Mia Berg", "phone": None, "floor": "nothing", "pair": ["lamp", "gift"]}""",
)

BREAK_IT: Final = Exercise(
    "04.5",
    "Break it: a letter of thanks",
    criteria=(
        valid(),
        calls("shop.find_order", "post.write"),
        sends("post.write", "to", "Ola Lund", "the name of the customer"),
        sends("post.write", "street", "9 Elm Road", "the street of the customer"),
        sends("post.write", "text", "Thank you for the chair!", "a text with the first item in it"),
        ends("completed"),
    ),
    hints=(
        "Read the report of the check first, mend what it says, and run the workflow. A run shows what a check cannot.",
        "Three slips: the name of a step where that of a binding should be, a misspelled field, and a text that nothing "
        "fills in.",
        '`mf.field("order", "customer.name")`, `"customer.address.street"`, and '
        '`mf.template("Thank you for the {item}!", item=mf.field(...))`.',
    ),
    wrong="""mended = (
    mf.SequentialWorkflow("thank", "Thank for an order").argument("number", "Number of the order")
    .step("find_order", tool="shop.find_order", args={"number": mf.prompt_arg("number")}, bind="order")
    .step("write", tool="post.write", args={
        "to": mf.field("order", "customer.name"), "street": mf.field("order", "customer.address.street"),
        "text": "Thank you for the {item}!"})
)""",
    mocks=_thanks,
    given={"number": "C-3"},
)

PREDICTIONS: Final = (
    Question("04.1", "b", {
        "a": "A plain text is a constant, whatever stands in it. Otherwise a customer called `{secret}` could make trouble.",
        "b": "A plain text is sent as it stands, braces and all. Only `mf.template` fills in.",
        "c": "Nothing is wrong with braces in a text.",
    }),
    Question("04.2", "c", {
        "a": "Nothing is made up: `null` would be a value, and the order has none.",
        "b": "That is what `mf.optional` does. Without it, a value that is missing is a failure.",
        "c": "The step stops before its tool is called, and says what there is to read in that place.",
    }),
    Question("04.3", "b", {
        "a": "A step never waits for a later one: steps run in their order.",
        "b": "The check sees that only a later step makes this binding. So the workflow does not even start.",
        "c": "It does not come to a call: a workflow with an error is not started.",
    }),
    Question("04.4", "c", {
        "a": "The customer's name is one part of it. The number is in it too.",
        "b": "The number is one part of it. The name is in it too.",
        "c": "The template reads both, so two ways lead back: to the argument, and to a field that `find_order` gave.",
    }),
)  # fmt: skip

QUESTIONS: Final = (
    Question(
        "04.1",
        "c",
        {
            "a": "`mf.prompt_arg` reads what somebody gave at the start, not what a step made.",
            "b": "`mf.field` takes one part of it, and needs a path.",
            "c": "`mf.from_step` is the whole output, as the tool gave it.",
        },
    ),
    Question(
        "04.2",
        "a",
        {
            "a": "First the list `items`, then its first entry, then the field `name`: positions count from 0.",
            "b": 'Square brackets belong to Python: `mf.from_step("order")["items"][0]`. In a path there are dots alone.',
            "c": "Positions count from 0, so this is the second item.",
        },
    ),
    Question(
        "04.3",
        "b",
        {
            "a": "`null` is a value; where there is none, none is sent.",
            "b": "It fails before the call and says what there is. Nothing was sent.",
            "c": "This is only so with `mf.optional`.",
        },
    ),
    Question(
        "04.4",
        "c",
        {
            "a": "`default=` sends something: the default.",
            "b": "An empty text is something. The tool would believe that somebody gave it.",
            "c": "`mf.optional` leaves the value out, and the tool uses a default of its own if it has one.",
        },
    ),
    Question(
        "04.5",
        "a",
        {
            "a": "Each step reads its values right before its own call, when the earlier outputs are there.",
            "b": "Then the outputs of the steps are not there yet. Only the arguments of the workflow are read at the start.",
            "c": "When the tool runs, everything has been sent already.",
        },
    ),
)

LESSON: Final = Lesson(
    number="04",
    notebook="04_bind_data.ipynb",
    exercises=(ONBOARD, REVIEW, NESTED, PREDICT, BREAK_IT),
    predictions=PREDICTIONS,
    questions=QUESTIONS,
)

"""Lesson 09: traces and conversations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import mcpflow_nb as mf
from mcpflow_nb.lessons.criteria import calls, ends, equals, fits, sends, valid
from mcpflow_nb.lessons.judges_09 import ANSWERS, ASKED, FAILURE, NAMED, OFFERED, ROLES, WORDS
from mcpflow_nb.lessons.lesson import Exercise, Lesson, Question

READ_TRACE: Final = Exercise(
    "09.1",
    "Read a trace",
    criteria=(
        equals("failed", "provision_laptop", "look for the row that is not ok"),
        equals("status", "tool_error", "it stands in the column status of that row"),
        equals("called", 4, "a number is asked for; every row is a call, also the one that failed"),
        equals(
            "not_run",
            (["send_welcome"], ("send_welcome",)),
            "the steps of the workflow that have no row, as a list of names",
        ),
    ),
    hints=(
        "One row of the table has another status than the rest.",
        "Count the rows, and compare them with the five steps of `onboard`.",
        '`{"failed": "provision_laptop", "status": "tool_...", "called": ..., "not_run": ["..."]}`',
    ),
    wrong="""reading = {"failed": "provision_laptop", "status": "tool_error", "called": 3, "not_run": []}""",
)

REBUILD: Final = Exercise(
    "09.2",
    "Rebuild the conversation",
    criteria=(ROLES, WORDS, FAILURE),
    hints=(
        "Two messages come before the steps, then two for each record: the length is 2 + 2 times the records.",
        "What acts is `assistant`: the plan and each call. What is told is `user`: the intent and each result.",
        'Begin with the list of the two, then `for record in run.trace:` append `{"role": "assistant", "content": '
        'f"Calling {record.tool}..."}` and `{"role": "user", "content": f"Tool result: {record.error or record.value}"}`',
    ),
    wrong="""def rebuild(run):
    return [{"role": role, "content": f"{run.workflow.name}, {len(run.workflow.steps)} steps: {record.tool} {record.value}"}
            for record in run.trace for role in ("user", "assistant")]""",
)

SERVE: Final = Exercise(
    "09.3",
    "Set up a server",
    criteria=(NAMED, OFFERED, ASKED),
    hints=(
        "The first example of this lesson serves one workflow in one line.",
        "`mf.serve` takes a list of workflows, the servers with the tools, and `name=`.",
        '`return mf.serve([onboard, ...], servers, name="...")`',
    ),
    wrong="""def build(servers):
    return mf.serve([onboard], servers, name="people")""",
)

BE_CLIENT: Final = Exercise(
    "09.4",
    "Be the client",
    criteria=(ANSWERS,),
    hints=(
        "Every cell of this lesson that begins with `async with` does nearly the same.",
        "`await client.get_prompt(name, arguments)` returns an answer; its `messages` are a list.",
        "`async with Client(server.mcp) as client:`, then `answer = await client.get_prompt(name, arguments)`, then "
        "`return answer.messages[...].content.text`",
    ),
    wrong="""async def ask(server, name, arguments):
    async with Client(server.mcp) as client:
        answer = await client.get_prompt(name, arguments)
    return answer.messages[0].content.text""",
)


def _leaving() -> Mapping[str, mf.Mock]:
    def get_employee(employee_id: str) -> Any:
        return {"email": "grace@lab.example" if employee_id == "emp-731" else "alan@lab.example"}

    def reclaim_laptop(employee_id: str) -> Any:
        return {"label": "box-52" if employee_id == "emp-731" else "box-9"}

    return {
        "hr": mf.mock({"get_employee": get_employee}),
        "it": mf.mock({"reclaim_laptop": reclaim_laptop}),
        "comms": mf.mock({"send_email": {"sent": True}}),
    }


BREAK_IT: Final = Exercise(
    "09.5",
    "Break it: a workflow that cannot be registered",
    criteria=(
        valid(),
        calls("hr.get_employee", "it.reclaim_laptop", "comms.send_email"),
        sends("it.reclaim_laptop", "employee_id", "emp-731", "the argument 'employee_id'"),
        sends("comms.send_email", "label", "box-52", "the label of the laptop's box"),
        sends("comms.send_email", "to", "grace@lab.example", "the address that HR has"),
        fits({"employee_id": "emp-8"}, ("hr.get_employee", {"employee_id": "emp-8"}), ("it.reclaim_laptop", {"employee_id": "emp-8"}),
             ("comms.send_email", {"to": "alan@lab.example", "label": "box-9"})),
        ends("completed"),
    ),
    hints=(
        "Read the error from top to bottom: each finding has a step, an argument, and the name that was meant.",
        "The third slip is a constant: who would get the mail if somebody else than Alice was leaving?",
        'The three places: `mf.prompt_arg("employe_id")`, `mf.field("laptops", "label")`, and `"to": "alice@company.com"`.',
    ),
    wrong="""mended = (
    mf.SequentialWorkflow("offboard_employee", "Take back what was given out")
    .argument("employee_id", "Who is leaving")
    .step("look_up", tool="hr.get_employee", args={"employee_id": mf.prompt_arg("employee_id")}, bind="leaving")
    .step("reclaim", tool="it.reclaim_laptop", args={"employee_id": mf.prompt_arg("employee_id")}, bind="laptop")
    .step("tell", tool="comms.send_email", args={"to": "alice@company.com", "label": mf.field("laptop", "label")})
)""",
    mocks=_leaving,
    given={"employee_id": "emp-731"},
)  # fmt: skip

PREDICTIONS: Final = (
    Question(
        "09.1",
        "b",
        {
            "a": "A step that never ran has no record. The headline says 3 of 5 steps.",
            "b": "Two that went well and the one that failed, with what it was sent and why it failed.",
            "c": "A step that failed is written down too: without it nobody could see why the run ended.",
        },
    ),
    Question(
        "09.2",
        "a",
        {
            "a": "The department is sent to the first tool already. All other differences come after that.",
            "b": "The end may differ too, but the headline is the first place, for the rest may follow from it.",
            "c": "Outcomes are only one thing that is compared. What was sent and what came back are others.",
        },
    ),
    Question(
        "09.3",
        "c",
        {
            "a": "Each step is a call and a result: two messages, not one.",
            "b": "These are the messages of the steps. Before them stand the intent and the plan.",
            "c": "Intent and plan, then a call and a result for each of five steps: 2 + 2 × 5.",
        },
    ),
    Question(
        "09.4",
        "c",
        {
            "a": "The client sent one request, `prompts/get`. The server made the five calls.",
            "b": "It called no tool, not even one: it asked for a prompt.",
            "c": "It asked for a prompt, and the server called the tools. That is server-side execution.",
        },
    ),
    Question(
        "09.5",
        "b",
        {
            "a": "Without a key, yes. With the same key the second request gets what the first one got.",
            "b": "The key tells the server that it is the same request, so it is run once and answered as often as asked.",
            "c": "A client that lost the answer needs it, so it gets the same one again.",
        },
    ),
)

QUESTIONS: Final = (
    Question(
        "09.1",
        "b",
        {
            "a": "The call is the assistant's; what comes back is told to it.",
            "b": "A result is something that the one that acts is told, so its role is user.",
            "c": "A prompt of MCP has the roles user and assistant, and no other.",
        },
    ),
    Question(
        "09.2",
        "b",
        {
            "a": "That is what a prompt without a workflow is: instructions, and the client does the work.",
            "b": "The steps run on the server, in a fixed order, and the conversation tells what happened.",
            "c": "It runs at once, and the answer holds the results.",
        },
    ),
    Question(
        "09.3",
        "a",
        {
            "a": "A model that calls a tool wants data: `outcome`, `bindings` and `steps`.",
            "b": "The list of messages is what the prompt returns.",
            "c": "Then the ids that were given out would be lost.",
        },
    ),
    Question(
        "09.4",
        "c",
        {
            "a": "Two tools have run, and what they did cannot be undone. To hide that would be the worst answer.",
            "b": "That would be a lie, and the client would go on as if there was access.",
            "c": "What ran, what failed and what remains are all said, so the client can decide.",
        },
    ),
    Question(
        "09.5",
        "a",
        {
            "a": "What a tool says stays inside its own message, whose kind is result. No client should take it for an order.",
            "b": "Only the author of the workflow writes instructions.",
            "c": "Nothing is thrown away: the next step may need the answer.",
        },
    ),
)

LESSON: Final = Lesson(
    number="09",
    notebook="09_read_and_serve.ipynb",
    exercises=(READ_TRACE, REBUILD, SERVE, BE_CLIENT, BREAK_IT),
    predictions=PREDICTIONS,
    questions=QUESTIONS,
)

"""Lesson 10: hybrid execution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import mcpflow_nb as mf
from mcpflow_nb.lessons.criteria import calls, declares, equals, valid
from mcpflow_nb.lessons.judges_10 import answers, hands_over, knows, reads
from mcpflow_nb.lessons.lesson import Exercise, Lesson, Question


def _desk() -> Mapping[str, mf.Mock]:
    def assign(team: str, customer: str) -> Any:
        return {"ticket": "t-31"}

    tools = {"list_teams": {"teams": ["garden", "kitchen"]}, "assign": assign}
    return {"desk": mf.mock(tools, resources={"docs://desk/rules": "What grows goes to the garden."})}


def _journal() -> Mapping[str, mf.Mock]:
    def add_journal_task(formatted_task: str) -> Any:
        return {"success": True}

    tools = {"list_pages": {"page_names": ["hiring", "roadmap"]}, "add_journal_task": add_journal_task}
    return {"logseq": mf.mock(tools, resources={"docs://logseq/task-format": "Begin with the page, then a colon."})}


LEAVE_IT: Final = Exercise(
    "10.1",
    "Leave a step to the client",
    criteria=(
        valid(),
        declares("customer"),
        declares("problem"),
        calls("desk.list_teams"),
        hands_over("assign", "team"),
        knows("customer", "Grace"),
        reads("guidance", "the roses wilt", "guidance with the words of the problem in it", "assign"),
        reads("resource", "What grows goes to the garden.", "the rules of the desk", "assign"),
    ),
    hints=(
        "`add_task` at the top is built in the same way. What is new: one value is sent, and another is left out.",
        'A value that `args` does not name is left to the client. A mark in guidance is the name of an argument: `"{problem}"`.',
        '`.step("assign", tool="desk.assign", args={"customer": mf.prompt_arg("customer")}, guidance="... {problem} ...", '
        'resources=["docs://desk/rules"])`',
    ),
    wrong="""assigning = (
    mf.SequentialWorkflow("assign_ticket", "Send a problem to the right team")
    .argument("customer", "Who wrote").argument("problem", "What they wrote")
    .step("teams", tool="desk.list_teams", bind="teams")
    .step("assign", tool="desk.assign", args={"customer": mf.prompt_arg("customer"), "team": "billing"})
)""",
    mocks=_desk,
    given={"customer": "Grace", "problem": "the roses wilt"},
)

WHERE: Final = Exercise(
    "10.2",
    "Where does it hand over?",
    criteria=(
        equals("one", "second", "the tool of one step demands a value that `args` does not name"),
        equals("two", "first", "one of its steps has `handoff=True`, and that step comes before the other"),
        equals("three", None, "every value is there, and guidance alone stops nothing"),
    ),
    hints=(
        "Go through the steps in order. The first one that cannot run, or must not, is the place.",
        "`desk.assign` demands `team` and `customer`; `desk.list_teams` demands nothing.",
        "`one` stops where `team` is missing, `two` where `handoff=True` stands, and in `three` nothing is missing.",
    ),
    wrong="""where = {"one": "second", "two": "second", "three": "first"}""",
)

CLIENT: Final = Exercise(
    "10.3",
    "Be the client",
    criteria=(
        answers("Release Notes", "Proofread", ["roadmap", "release-notes", "release"], "[[release-notes]] Proofread"),
        answers("hiring", "Write to Ada", ["Hiring 2025", "Hiring"], "[[Hiring]] Write to Ada"),
        answers("Road-Map", "Draw it", ["Road Map 2027", "map", "ROAD MAP"], "[[ROAD MAP]] Draw it"),
    ),
    hints=(
        "There are two parts: find the page, then answer. The pages and the arguments are in the run.",
        'Bring both names into one form before you compare: `name.lower().replace("-", " ")`.',
        '`page = next(one for one in run["pages"]["page_names"] if ... == ...)`, then '
        "`run.answer(formatted_task=f\"[[{page}]] {run.arguments['task']}\")`",
    ),
    wrong="""def client(run):
    run.answer(formatted_task=f"[[{run.arguments['project']}]] {run.arguments['task']}")""",
)

SUMS: Final = Exercise(
    "10.4",
    "What a step is worth",
    criteria=(
        equals("six", 0.53, "all six steps must go right, each with 0.9; multiply, and round to two places"),
        equals("two", 0.81, "the server's four are certain, two are left to the client"),
        equals("most", 2, "try 1, 2 and 3 steps: with how many is `0.9 ** steps` still 0.80 or more?"),
    ),
    hints=(
        "The steps are independent, so the shares are multiplied.",
        "`0.9 ** n` is the share for n steps, `round(..., 2)` rounds it.",
        '`{"six": round(0.9 ** 6, 2), "two": round(0.9 ** ..., 2), "most": ...}`',
    ),
    wrong="""sums = {"six": 0.9, "two": 0.9, "most": 4}""",
)

BREAK_IT: Final = Exercise(
    "10.5",
    "Break it: a workflow that never hands over",
    criteria=(
        valid(),
        calls("logseq.list_pages"),
        hands_over("add_task", "formatted_task"),
        reads("guidance", "Road Map", "guidance with the name of the project in it", "add_task"),
        reads("resource", "Begin with the page", "the guide", "add_task"),
    ),
    hints=(
        "What does `add_task` send now, and who should decide on it?",
        "Leave `args` out, then the value is the client's. The other two slips are misspelled, and the check knows what was meant.",
        'The three places: `args={"formatted_task": ...}`, the mark `{projct}`, and the address that ends in `task-fromat`.',
    ),
    wrong="""mended = (
    mf.SequentialWorkflow("add_project_task", "Add a task to a Logseq project")
    .argument("project", "Name of the project").argument("task", "What is to be done")
    .step("list_pages", tool="logseq.list_pages", bind="pages")
    .step("add_task", tool="logseq.add_journal_task", args={"formatted_task": mf.prompt_arg("task")},
          guidance="Find the page that is meant by '{project}', and write '{task}'.", resources=["docs://logseq/task-format"])
)""",
    mocks=_journal,
    given={"project": "Road Map", "task": "Draw it"},
)

PREDICTIONS: Final = (
    Question(
        "10.1",
        "c",
        {
            "a": "The second tool demands a value that nobody gave. It cannot be called yet.",
            "b": "Nothing failed. The run waits, and everything it needs to go on is there.",
            "c": "`list_pages` ran; at `add_task` the run hands over and says what is missing.",
        },
    ),
    Question(
        "10.2",
        "a",
        {
            "a": "The author wanted the client to have this document. Without it the run stops, before the client is asked.",
            "b": "Then the client would guess, and nobody would know why.",
            "c": "An empty document looks like an answer. Nothing here fails in silence.",
        },
    ),
    Question(
        "10.3",
        "b",
        {
            "a": "`mapped` has every value that its tool demands, so the server makes the call.",
            "b": "The schema is not satisfied, a value cannot be resolved, or the author said so. `mapped` has none of these.",
            "c": "`handoff=True` is one of three reasons. A missing value is another.",
        },
    ),
    Question(
        "10.4",
        "b",
        {
            "a": "The argument `task` is in it, but you wrote the value.",
            "b": "It says so wherever the value appears, so that nobody takes it for something a server computed.",
            "c": "The resource told you the form. A trace knows only who gave the value.",
        },
    ),
    Question(
        "10.5",
        "c",
        {
            "a": "That is one step. Each of the five must go right.",
            "b": "Less than that: 0.9 is multiplied with itself, once for each step.",
            "c": "0.9 × 0.9 × 0.9 × 0.9 × 0.9 is 0.59.",
        },
    ),
    Question(
        "10.6",
        "c",
        {
            "a": "The difference comes from the numbers in the script and from how many steps are left. It proves nothing.",
            "b": "More trials would not help: the script does what its numbers say.",
            "c": "It refuses, because a test would be about the script and not about any client.",
        },
    ),
)

QUESTIONS: Final = (
    Question(
        "10.1",
        "c",
        {
            "a": "No part of MCP can make a client obey.",
            "b": "A resource gives it facts. It is as free as before.",
            "c": "What must happen for certain, the server has to run itself.",
        },
    ),
    Question(
        "10.2",
        "a",
        {
            "a": "The client reads it as a message of the assistant, also when the server runs the step.",
            "b": "It is kept: it tells a reader why the call was made.",
            "c": "A tool gets its arguments and nothing else.",
        },
    ),
    Question(
        "10.3",
        "b",
        {
            "a": "A tool that fails ends the run as failed. At a handoff nothing has failed.",
            "b": "It says which call comes next and what is missing; `run.answer` or the client's own call goes on.",
            "c": "A run stays on the servers that it was started with.",
        },
    ),
    Question(
        "10.4",
        "c",
        {
            "a": "Perhaps, perhaps not. Only a measurement could tell.",
            "b": "Nothing makes a model obey.",
            "c": "That is arithmetic: `p ** 2` is more than `p ** 5`, whatever p is between 0 and 1.",
        },
    ),
    Question(
        "10.5",
        "a",
        {
            "a": "It is marked *simulated: not evidence* for that reason. Measure your model with `compliance.endpoint`.",
            "b": "Your model was not asked.",
            "c": "The script does not read what it is told, so it cannot show that telling helps.",
        },
    ),
)

LESSON: Final = Lesson(
    number="10",
    notebook="10_hand_over.ipynb",
    exercises=(LEAVE_IT, WHERE, CLIENT, SUMS, BREAK_IT),
    predictions=PREDICTIONS,
    questions=QUESTIONS,
)

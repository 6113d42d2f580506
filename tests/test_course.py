"""The course: every lesson is there and in the house format, and every line of what it was planned from is taught somewhere.

The two seeds are a chapter on orchestration patterns and the pull request on hybrid execution. A row of the map is a
line of a seed, and for each lesson that teaches it words that stand in its cells. To move a line to another lesson,
change its row; to drop one is to say that nobody needs it any more.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from mcpflow_nb.lessons.build import read
from mcpflow_nb.lessons.desk import LESSONS

FOLDER: Final = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS: Final = sorted(FOLDER.glob("*.ipynb"))
FORMAT: Final = ("**Goals.**", "**Questions.**", "## See it work first", "## Key points")

CHAPTER: Final = {
    # When to use orchestration
    "direct calls: the client must know the order": {"01": ("who must know the order",)},
    "direct calls: no rollback if step 3 fails": {"01": ("rollback", "left behind"), "11": ("rolled back",)},
    "direct calls: several round trips": {"01": ("round trip", "len(direct.asked)")},
    "direct calls: steps skipped or in the wrong order": {"01": ("skips=", "reorders=")},
    "orchestration: one call for the client, one round trip": {"01": ("len(orchestrated.asked)",)},
    "orchestration: a guaranteed order": {"01": ("guaranteed",), "00": ("guaranteed order",)},
    "orchestration: data flows between steps": {"01": ("data flows",)},
    "orchestration: deterministic, testable": {"01": ("deterministic",), "07": ("testable",)},
    # Basic workflow structure
    "SequentialWorkflow: a name and a description": {"03": ("SequentialWorkflow(", "**name**", "**description**")},
    "argument: required, or not": {"03": (".argument(", "required=False")},
    "instruction for the client": {"03": (".instruction(",)},
    "step, tool, arg": {"03": (".step(", "tool=", "args=")},
    "WorkflowStep: a step of its own": {"00": ("mf.WorkflowStep(", ".arg(")},
    "bind: store an output for later steps": {"03": ("bind=", "**binding**")},
    "create_employee, setup_payroll": {"03": ("create_employee", "setup_payroll")},
    "github_access, provision_laptop": {"04": ("github_access", "provision_laptop", "github_username")},
    "send_welcome with a constant template": {"04": ("send_welcome", "welcome_employee", "laptop_tracking")},
    # DSL helpers
    "prompt_arg: an argument of the workflow": {"04": ("prompt_arg",), "03": ("mf.prompt_arg(",)},
    "from_step: a whole output": {"04": ("from_step",)},
    "field: one field of an output": {"04": ("mf.field(",), "03": ("mf.field(",)},
    "constant: a value that is always the same": {"04": ("constant",), "03": ("**constant**",)},
    # Server-side execution and execution flow
    "1 the server receives name and arguments": {"09": ("prompts/get", "receives the request")},
    "2 it executes each step in order": {"09": ("in order",)},
    "3 it passes data through bindings": {"09": ("through bindings",)},
    "4 it returns a conversation of calls and results": {"09": ("conversation", "intent", "plan", "result")},
    "the flow step by step: input, output, stored as": {"09": ("create_employee",), "06": (".next", "run.why")},
    "the roles of the response: user and assistant": {"09": ("`assistant`", "`user`")},
    "tools registered on a server, typed": {"02": ("MCPServer(", ".tool(", "schema")},
    "workflows registered as prompts, several of them": {"09": ("mf.serve(", "prompt")},
    "create_offboarding_workflow": {"11": ("offboard_employee", "revoke", "reclaim", "settle", "notify")},
    # The code review
    "analyze_code with a default language and depth": {"04": ("analyze_code", "language", "depth")},
    "review_code with a list of focus": {"04": ("review_code", "security", "performance", "maintainability")},
    "format_code with the list of issues": {"04": ("format_code", "issues", "recommendations")},
    "an optional argument, language": {"04": ('"language"', "required=False")},
    # Validation
    "validated when it is registered": {"05": ("registered", "refused")},
    "validate before registering": {"05": ("raise_if_errors",)},
    "check: undefined binding": {"05": ("unknown-binding",)},
    "check: missing argument": {"05": ("unknown-argument",)},
    "check: duplicate binding": {"05": ("duplicate-binding",)},
    "check: empty workflow": {"05": ("empty-workflow",)},
    # Errors
    "a step that fails stops the workflow": {"08": ("tool_error", "stops at the first failure")},
    "the client receives which step failed": {"08": ("is_error", "which step failed")},
    "retry in the tool: three attempts": {"08": ("retry", "max_attempts")},
    "retry in the tool: back-off of 2 to the power of the attempt": {"08": ("back-off", "2 ** attempts")},
    # When not to
    "a single tool call: call it directly": {"01": ("single tool call",), "11": ("direct call",)},
    "independent steps: parallel calls": {"01": ("independent", "parallel"), "11": ("parallel calls",)},
    "a model must decide: let it": {"01": ("model has to decide",), "11": ("let the model decide",)},
    "a dynamic order: driven by the model": {"01": ("order is only known on the way",), "11": ("the order changes",)},
    "a user between the steps: several requests": {"01": ("several requests",), "11": ("several requests",)},
    # Summary
    "summary: a workflow in one request, from end to end": {"00": ("run.all()", "run.trace"), "11": ("mf.serve(",)},
}

PULL_REQUEST: Final = {
    "resources are fetched by the server": {"10": ("resources=", "fetched by the server")},
    "resources are embedded as messages of the user": {"10": ("messages of the `user`",)},
    "resources: no guessing by the client": {"10": ("would guess",)},
    "several resources at a step": {"10": ("several resources",)},
    "a resource that cannot be fetched": {"10": ("resource that no server has",)},
    "with_resource and with_guidance in a chain": {"10": ("with_resource", "with_guidance")},
    "flow 1: intent of the user": {"10": ("what is to be done (`user`)",), "09": ("intent",)},
    "flow 2: plan of the assistant": {"10": ("plan (`assistant`)",), "09": ("plan",)},
    "flow 3: the server executes what is resolved": {"10": ("server could run",)},
    "flow 4: resources are embedded": {"10": ("fetched by the server",)},
    "flow 5: a stop where a value is missing": {"10": ("where a value is missing", "handoff")},
    "flow 6: the conversation is returned": {"10": ("returned", ".conversation()")},
    "list_pages, then add_journal_task": {"10": ("list_pages", "add_journal_task", "task-format")},
    "guidance: a message for the client": {"10": ("guidance=",)},
    "guidance: {argument} is filled in": {"10": ("{project}", "filled in")},
    "guidance: shown also when the server runs the step": {"10": ("also when the server runs the step",)},
    "the schema of the tool is satisfied, or it hands over": {"10": ("schema is not satisfied",)},
    "a parameter that cannot be resolved": {"10": ("cannot be resolved",)},
    "clients are autonomous: follow, ignore or modify": {"10": ("follow the guidance", "ignore")},
    "clients may call other servers": {"10": ("other servers",)},
    "60-70 % and 85-95 %, as an estimate": {"10": ("60–70 %", "85–95 %", "no method")},
    "fewer decisions for the client, more success": {"10": ("fewer steps are left to it",)},
    "test: resource, several resources, fetch error": {"10": ('check("10.1"', "docs://logseq/lost")},
    "test: hybrid execution with guidance": {"10": ("run.answer(",), "11": ("run.answer(", "guidance=")},
    "test: substitution in guidance": {"10": ("{task}",), "11": ("{employee_id}",)},
    "no breaking changes: backward compatible": {"11": ("backward compatible", "an old caller")},
    "migration: existing workflows go on": {"11": ("existing workflows go on as they are",)},
    "migration: add resources": {"11": (".with_resource(", "add resources")},
    "migration: add guidance where a model has to think": {"11": ("add guidance",)},
    "migration: register who has the resources": {"11": ("connect the server that has the documents", "resources=")},
}

ROWS: Final = [(line, number, words) for seed in (CHAPTER, PULL_REQUEST) for line, taught in seed.items()
               for number, words in taught.items()]  # fmt: skip


@cache
def text(path: Path, kind: str | None = None) -> str:
    """Return what stands in the cells of a notebook, of one kind or all, with each run of white space as one blank."""
    cells = [cell.source for cell in read(path).cells if kind in (None, cell.cell_type)]
    return " ".join(" ".join(cells).split())


@pytest.mark.parametrize(("line", "number", "words"), ROWS, ids=[f"{number}-{line}" for line, number, _ in ROWS])
def test_a_line_of_the_seeds_is_taught(line: str, number: str, words: tuple[str, ...]) -> None:
    taught = "".join(text(path) for path in NOTEBOOKS if path.name.startswith(f"{number}_")).casefold()
    assert taught, f"lesson {number}, which teaches {line!r}, is gone"
    assert [word for word in words if word.casefold() not in taught] == []


def test_the_lessons_are_numbered_without_a_gap_and_named_in_words() -> None:
    assert [path.stem.split("_")[0] for path in NOTEBOOKS] == [f"{at:02}" for at in range(len(NOTEBOOKS))]
    assert len(NOTEBOOKS) >= 13
    assert [path.name for path in NOTEBOOKS if not re.fullmatch(r"\d\d(_[a-z]+)+\.ipynb", path.name)] == []


def test_every_notebook_but_the_tour_asks_something() -> None:
    assert [path.name for path in NOTEBOOKS] == ["00_tour.ipynb", *(lesson.notebook for lesson in LESSONS)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_begins_and_ends_as_the_course_does(path: Path) -> None:
    said = text(path, "markdown")
    number = path.stem.split("_")[0]
    assert said.startswith(f"# {number} · ")
    assert re.search(r"\*\*\d+ minutes · .*?offline ✔ · no key ✔\*\*", said)
    places = [said.find(word) for word in FORMAT]
    assert -1 not in places, dict(zip(FORMAT, places, strict=True))
    assert places == sorted(places)
    assert re.search(r"\*\*Goals\.\*\* After this lesson you can 1\. .+ 2\. .+ 3\. ", said)


def test_the_tour_has_something_to_try() -> None:
    said = text(FOLDER / "00_tour.ipynb", "markdown")
    turn = said[said.index("## Your turn") :]
    assert [key for key in ("`n`", "`f`", "`r`", "`tracking_number`", "binding") if key not in turn] == []

"""What lesson 09 judges by: messages, servers and clients that a learner made, each used as it is meant to be."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any, Final

from mcp import Client

import mcpflow_nb as mf
from mcpflow_nb.lessons.attempt import Attempt, NotJudged, opened
from mcpflow_nb.lessons.criteria import ordinary
from mcpflow_nb.lessons.lesson import Criterion, Reason
from mcpflow_nb.running.run import Run
from mcpflow_nb.serving.server import WorkflowServer
from mcpflow_nb.views.html import short

LEND: Final = (
    mf.SequentialWorkflow("lend_book", "Lend a book")
    .argument("title")
    .step("find", tool="shelf.find_book", args={"title": mf.prompt_arg("title")}, bind="book")
    .step("lend", tool="desk.lend", args={"number": mf.field("book", "number")}, bind="loan")
    .step("print", tool="desk.print_slip", args={"loan": mf.field("loan", "loan_id")})
)
DUNE: Final = {"title": "Dune"}
BORROW: Final = LEND.model_copy(update={"name": "borrow_book"}).step(
    "again", tool="desk.print_slip", args={"loan": "copy"}
)
LOOK: Final = (
    mf.SequentialWorkflow("look_up", "Look a book up").argument("title")
    .step("look", tool="shelf.look", args={"title": mf.prompt_arg("title")})
)  # fmt: skip


def _library() -> dict[str, mf.Mock]:
    desk = mf.mock({"lend": {"loan_id": "loan-88"}, "print_slip": {"pages": 3}})
    shelf = mf.mock({"find_book": {"number": "b-4711"}, "look": lambda title: {"found": title}})
    return {"shelf": shelf, "desk": desk}


def _lent(attempt: Attempt, workflow: mf.SequentialWorkflow = LEND, title: str = "Dune", **instead: mf.Mock) -> Run:
    own = Attempt(attempt.exercise, workflow, attempt.seconds)
    return own.run(lambda: {**_library(), **instead}, title=title).run


def _awaited(doing: Coroutine[Any, Any, Any]) -> Any:
    """Return what it gives. What a client raises comes in a group around it, whose words say nothing."""
    try:
        return asyncio.run(doing)
    except BaseExceptionGroup as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None


# Messages


def _messages(attempt: Attempt, run: Run) -> list[dict[str, str]]:
    """Return what the learner's function makes of a run."""
    made = ordinary(attempt.value, "give a function that takes a run")(run)
    if not isinstance(made, list):
        raise NotJudged(f"it must return a list of dicts with 'role' and 'content', not {type(made).__name__}")
    if not all(isinstance(one, dict) and {"role", "content"} <= set(one) for one in made):
        raise NotJudged(f"it must return a list of dicts with 'role' and 'content', not {short(repr(made))}")
    return [{"role": str(one["role"]), "content": str(one["content"])} for one in made]


def _roles(attempt: Attempt) -> Reason:
    found = [one["role"] for one in _messages(attempt, _lent(attempt))]
    wanted = ["user", "assistant", *["assistant", "user"] * 3]
    return None if found == wanted else f"for a run of three steps they are: {', '.join(found) or 'none'}"


ROLES: Final = Criterion("user and assistant, then assistant and user for each call", _roles)


def _words(attempt: Attempt) -> Reason:
    made = _messages(attempt, _lent(attempt))
    said = [one["content"] for one in made]
    wanted = ["lend_book", "3", "find_book", "b-4711", "lend", "loan-88", "print_slip", "pages"]
    lacks = next((at for at, word in enumerate(wanted) if at >= len(said) or word not in said[at]), None)
    if lacks is None:
        return None
    there = short(repr(said[lacks])) if lacks < len(said) else "there is none"
    return f"message {lacks + 1} should have {wanted[lacks]!r} in it: {there}"


WORDS: Final = Criterion("they say the workflow, the number of steps, and each tool before what it returned", _words)


def _failure(attempt: Attempt) -> Reason:
    full = mf.mock({"lend": mf.fail("all copies are out"), "print_slip": {"pages": 3}})
    made = _messages(attempt, _lent(attempt, BORROW, desk=full))
    last = made[-1] if made else {"role": "nobody", "content": ""}
    if len(made) == 6 and last["role"] == "user" and "all copies are out" in last["content"]:
        lacks = [word for one, word in zip(made, ("borrow_book", "4"), strict=False) if word not in one["content"]]
        first = " and ".join(repr(one["content"]) for one in made[:2])
        return f"another workflow, borrow_book, has 4 steps; its first messages are {short(first)}" if lacks else None
    return f"of a run that fails at its second step there are {len(made)} messages, the last: {short(repr(last))}"


FAILURE: Final = Criterion(
    "a run of another workflow, which failed, begins with its name and its 4 steps, and ends with the user's message why",
    _failure,
)


# Servers


def _people() -> dict[str, mf.Mock]:
    about = {"employee_id": "emp-731", "email": "grace@lab.example", "username": "grace", "tracking_number": "TR-1"}
    tools = {
        "hr": "create_employee",
        "finance": "create_payroll",
        "eng": "create_github_user",
        "it": "provision_laptop",
    }
    return {
        **{server: mf.mock({tool: about}) for server, tool in tools.items()},
        "comms": mf.mock({"send_email": about}),
    }


GRACE: Final = {
    "employee_name": "Grace Hopper", "department": "research", "role": "Admiral", "manager_id": "mgr-9",
    "start_date": "2027-01-04",
}  # fmt: skip


def _built(attempt: Attempt, servers: Any) -> WorkflowServer:
    made = ordinary(attempt.value, "give a function that takes servers")(servers)
    if not isinstance(made, WorkflowServer):
        raise NotJudged(f"it must return what mf.serve gives, not {type(made).__name__}")
    return made


def _named(attempt: Attempt) -> Reason:
    with opened(_people()) as servers:
        name = _built(attempt, servers).name
    return None if name == "people" else f"its name is {name!r}"


NAMED: Final = Criterion("it returns a server named 'people'", _named)


def _offered(attempt: Attempt) -> Reason:
    async def names(server: WorkflowServer) -> list[str]:
        async with Client(server.mcp) as client:
            return sorted(one.name for one in (await client.list_prompts()).prompts)

    with opened(_people()) as servers:
        found: list[str] = _awaited(names(_built(attempt, servers)))
    return None if found == ["farewell", "onboard_employee"] else f"it offers: {', '.join(found)}"


OFFERED: Final = Criterion("it offers two prompts, onboard_employee and farewell", _offered)


def _asked(attempt: Attempt) -> Reason:
    async def outcomes(server: WorkflowServer) -> list[str]:
        async with Client(server.mcp) as client:
            got = [
                await client.get_prompt("onboard_employee", GRACE),
                await client.get_prompt("farewell", {"address": "grace@lab.example"}),
            ]
        return [str((one.meta or {})["mcpflow/run"]["outcome"]) for one in got]

    people = _people()
    with opened(people) as servers:
        found: list[str] = _awaited(outcomes(_built(attempt, servers)))
    sent = [arguments.get("to") for _, arguments in people["comms"].calls]
    if found == ["completed", "completed"] and sent == ["grace@lab.example"] * 2:
        return None
    return f"the runs are {' and '.join(found)}; mails went to: {', '.join(map(str, sent)) or 'nobody'}"


ASKED: Final = Criterion("asked for them, it runs both on the servers that it was given", _asked)


# Clients


def _answers(attempt: Attempt) -> Reason:
    if not callable(attempt.value):
        raise NotJudged(
            f"give a function that takes a server, a name and arguments, not {type(attempt.value).__name__}"
        )
    if not inspect.iscoroutinefunction(attempt.value):
        raise NotJudged("it must be an async function: `async def ask(...)`")
    with opened(_library()) as servers:
        server = mf.serve([LEND, LOOK], servers, name="check 09.4")
        said = [
            _awaited(attempt.value(server, "lend_book", DUNE)),
            _awaited(attempt.value(server, "look_up", {"title": "Emma"})),
        ]
    wanted = [_lent(attempt).trace.messages[-1].text, _lent(attempt, LOOK, "Emma").trace.messages[-1].text]
    for name, found, right in zip(("lend_book", "look_up"), said, wanted, strict=True):
        if found != right:
            return f"asked for {name!r} it returns {short(repr(found))}, not {short(repr(right))}"
    return None


ANSWERS: Final = Criterion(
    "asked for two other workflows of another server, it returns the last message's text", _answers
)

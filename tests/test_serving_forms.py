"""The state of a form: it counts once, for its own step, its own workflow and its own run."""

import asyncio

import mcp.types as types
import pytest
from mcp import Client, MCPError

import mcpflow_nb as mf
from mcpflow_nb.bridge import run as in_io_thread

KEY = "mcpflow/run"


@pytest.fixture
def gate():
    return asyncio.Event()


@pytest.fixture
def entered():
    return asyncio.Event()


@pytest.fixture
def mocked(gate, entered):
    async def held(text):
        entered.set()
        await gate.wait()
        return {"id": text}

    return mf.mock({"pay": {"paid": True}, "task": lambda text: {"id": text}, "held": held, "last": 1})


@pytest.fixture
def servers(mocked):
    with mf.connect(hr=mocked) as opened:
        yield opened


def workflow(name="w", tool="task"):
    return (
        mf.SequentialWorkflow(name)
        .step("first", tool="hr.pay")
        .step("task", tool=f"hr.{tool}", bind="made")
        .step("last", tool="hr.last", args={"id": mf.field("made", "id")})
    )


def two_steps():
    return mf.SequentialWorkflow("two").step("a", tool="hr.pay").step("b", tool="hr.last")


def given(step="task", action="accept", **content):
    return {step: types.ElicitResult(action=action, content=content)}


async def never(context, params):
    """Make the client able to carry forms, which these tests answer by hand."""
    raise AssertionError("a test answers its forms itself")


def ask(served, work):
    async def go():
        async with asyncio.timeout(20), Client(served.mcp, elicitation_callback=never) as client:
            return await work(client)

    return in_io_thread(go())


async def get(client, name="w", state=None, answer=None, key=None):
    """What `prompts/get` gives: a form as its step and state, a result as its outcome, an error as its message."""
    meta = {KEY: key} if key is not None else None
    try:
        found = await client.session.get_prompt(
            name, input_responses=answer, request_state=state, meta=meta, allow_input_required=True
        )
    except MCPError as error:
        return error.error.message
    if isinstance(found, types.InputRequiredResult):
        return next(iter(found.input_requests)), found.request_state
    return found.meta[KEY]["outcome"]


def names(mocked):
    return [name for name, _ in mocked.calls]


USED = "the state of this request is not known here, or was used; ask again without it"


def test_an_answer_that_is_sent_again_is_refused_and_nothing_runs_twice(servers, mocked):
    async def twice(client):
        _, state = await get(client)
        return [await get(client, state=state, answer=given(text="t")) for _ in range(3)]

    found = ask(mf.serve(workflow(), servers, ask=True), twice)
    assert found == ["completed", USED, USED]
    assert names(mocked) == ["pay", "task", "last"]


def test_an_answer_that_is_sent_again_while_it_runs_is_refused(servers, mocked, gate, entered):
    async def together(client):
        _, state = await get(client)
        first = asyncio.create_task(get(client, state=state, answer=given(text="t")))
        await entered.wait()
        again = await get(client, state=state, answer=given(text="t"))
        gate.set()
        return await first, again

    assert ask(mf.serve(workflow(tool="held"), servers, ask=True), together) == ("completed", USED)
    assert names(mocked) == ["pay", "held", "last"]


def test_each_step_is_confirmed_by_its_own_form_and_an_old_accept_confirms_no_other(servers, mocked):
    async def replay(client):
        one, state = await get(client, "two")
        two, later = await get(client, "two", state, given("a"))
        ran = names(mocked)
        again = await get(client, "two", state, given("a"))
        return (one, two), ran, again, names(mocked), await get(client, "two", later, given("b"))

    found = ask(mf.serve(two_steps(), servers, side_effects="confirm"), replay)
    assert found == (("a", "b"), ["pay"], USED, ["pay"], "completed")
    assert names(mocked) == ["pay", "last"]


@pytest.mark.parametrize(
    "answer",
    [
        given("b"), given("task"), {}, given("a", "decline"), given("a", "cancel"),
        {"a": types.ElicitResult(action="decline"), "b": types.ElicitResult(action="accept", content={})},
    ],
    ids=["another step", "no step", "nothing", "declined", "cancelled", "declined beside an accept"],
)  # fmt: skip
def test_without_an_accept_of_its_own_form_no_step_runs(servers, mocked, answer):
    async def refuse(client):
        _, state = await get(client, "two")
        return await get(client, "two", state, answer)

    assert ask(mf.serve(two_steps(), servers, side_effects="confirm"), refuse) == "handoff"
    assert mocked.calls == []


def test_a_mistyped_answer_keeps_its_state_and_the_corrected_one_completes(servers, mocked):
    async def mend(client):
        _, state = await get(client)
        wrong = [await get(client, state=state, answer=given(**bad)) for bad in ({"txt": "t"}, {})]
        return wrong, await get(client, state=state, answer=given(text="t"))

    wrong, right = ask(mf.serve(workflow(), servers, ask=True), mend)
    assert wrong == [
        "run.answer(): hr.task was not called:\n  'txt' is no parameter; did you mean 'text'?\n  'text' is still missing",
        "run.answer(): hr.task was not called:\n  'text' is still missing",
    ]
    assert (right, mocked.calls) == ("completed", [("pay", {}), ("task", {"text": "t"}), ("last", {"id": "t"})])


def test_a_mistyped_answer_leaves_its_key_at_the_handoff(servers, mocked):
    async def mend(client):
        step, state = await get(client, key="k")
        await get(client, state=state, answer=given(), key="k")
        again, other = await get(client, key="k")
        return step, again, await get(client, state=other, answer=given(text="t"), key="k"), await get(client, key="k")

    assert ask(mf.serve(workflow(), servers, ask=True), mend) == ("task", "task", "completed", "completed")
    assert names(mocked) == ["pay", "task", "last"]


def test_a_state_under_another_workflow_s_name_is_refused_and_stays_good_for_its_owner(servers, mocked):
    async def swap(client):
        _, state = await get(client, "one")
        other = await get(client, "other", state, given(text="t"))
        return other, await get(client, "one", state, given(text="t"))

    served = mf.serve([workflow("one"), workflow("other")], servers, ask=True)
    assert ask(served, swap) == (USED, "completed")
    assert names(mocked) == ["pay", "task", "last"]


def test_two_states_of_one_question_are_one_answer(servers, mocked):
    async def both(client):
        states = [(await get(client, key="k"))[1] for _ in range(2)]
        return [await get(client, state=state, answer=given(text="t")) for state in states]

    found = ask(mf.serve(workflow(), servers, ask=True), both)
    assert found == ["completed", "the run has gone on since this was asked; it is completed"]
    assert names(mocked) == ["pay", "task", "last"]


def test_a_key_asked_while_its_answered_form_runs_waits_for_the_run(servers, mocked, gate, entered):
    async def meanwhile(client):
        _, state = await get(client, key="k")
        answered = asyncio.create_task(get(client, state=state, answer=given(text="t"), key="k"))
        await entered.wait()
        asked = [asyncio.create_task(get(client, key="k")) for _ in range(2)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(answered, *asked)

    assert ask(mf.serve(workflow(tool="held"), servers, ask=True), meanwhile) == ["completed"] * 3
    assert names(mocked) == ["pay", "held", "last"]

"""Run keys, forms, side effects that are left to the client, and tools that are passed on."""

import asyncio

import mcp.types as types
import pytest
from mcp import Client, MCPError

import mcpflow_nb as mf
from mcpflow_nb.bridge import run as in_io_thread
from mcpflow_nb.serving.runs import MOST_KEPT

KEY = "mcpflow/run"


@pytest.fixture
def gate():
    return asyncio.Event()


@pytest.fixture
def entered():
    return asyncio.Event()


@pytest.fixture
def mocked(gate, entered):
    async def wait():
        entered.set()
        await gate.wait()
        return {"id": "late"}

    return mf.mock({"pay": {"paid": True}, "task": lambda text: {"id": text}, "wait": wait, "look": {"seen": 1}})


@pytest.fixture
def servers(mocked):
    with mf.connect(hr=mocked) as opened:
        yield opened


def hybrid(**fields):
    return (
        mf.SequentialWorkflow("hybrid", "Hand over")
        .argument("who", required=False)
        .step("first", tool="hr.pay", bind="paid")
        .step("task", tool="hr.task", guidance="Think first", bind="made", **fields)
        .step("last", tool="hr.look", args={"id": mf.field("made", "id")})
    )


def waiting():
    return mf.SequentialWorkflow("wait").step("first", tool="hr.pay").step("held", tool="hr.wait")


def request(name, arguments=None, key=None):
    meta = {KEY: key} if key is not None else None
    return types.GetPromptRequest(params=types.GetPromptRequestParams(name=name, arguments=arguments, _meta=meta))


async def get(client, name, arguments=None, key=None):
    return await client.session.send_request(request(name, arguments, key), types.GetPromptResult)


def ask(served, work, **options):
    async def go():
        refusal = None
        async with asyncio.timeout(20), Client(served.mcp, **options) as client:
            try:
                return await work(client)
            except MCPError as error:  # the client would leave with a group around it
                refusal = error
        raise refusal

    return in_io_thread(go())


def run_id(result):
    return result.meta[KEY]["run"]


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
@pytest.mark.row("PS01")
def test_the_same_run_key_runs_once_and_answers_twice(servers, mocked, mode):
    async def twice(client):
        return [await get(client, "hybrid", key="k1"), await get(client, "hybrid", key="k1")]

    one, two = ask(mf.serve(hybrid(), servers), twice, mode=mode)
    assert (run_id(one), one.messages) == (run_id(two), two.messages)
    assert [name for name, _ in mocked.calls] == ["pay"]


@pytest.mark.row("PS01")
def test_without_a_key_every_request_is_its_own_run(servers, mocked):
    async def twice(client):
        return run_id(await get(client, "hybrid")) == run_id(await get(client, "hybrid"))

    assert ask(mf.serve(hybrid(), servers), twice) is False
    assert len(mocked.calls) == 2


def test_a_prompt_and_a_tool_share_their_key(servers, mocked):
    async def both(client):
        one = await get(client, "hybrid", key="k")
        two = await client.session.call_tool("hybrid", {}, meta={KEY: "k"})
        return run_id(one), two.structured_content["run"]

    one, two = ask(mf.serve(hybrid(), servers), both)
    assert one == two
    assert len(mocked.calls) == 1


def test_a_key_that_comes_back_while_its_run_goes_on_waits_for_that_run(servers, mocked, gate, entered):
    async def together(client):
        asked = [asyncio.create_task(get(client, "wait", key="k")) for _ in range(3)]
        await entered.wait()
        gate.set()
        return await asyncio.gather(*asked)

    results = ask(mf.serve(waiting(), servers), together)
    assert len({run_id(result) for result in results}) == 1
    assert mocked.calls == [("pay", {}), ("wait", {})]


def test_a_key_with_other_arguments_or_that_is_no_text_is_refused(servers):
    served = mf.serve(hybrid(), servers)

    async def other(client):
        await get(client, "hybrid", {"who": "Ada"}, key="k")
        await get(client, "hybrid", {"who": "Bob"}, key="k")

    with pytest.raises(MCPError, match="other arguments"):
        ask(served, other)
    for bad in (7, "", "x" * 500):
        with pytest.raises(MCPError, match="run key is text"):
            ask(served, lambda client, bad=bad: get(client, "hybrid", key=bad))


@pytest.mark.row("PS02")
def test_what_happened_before_a_cancellation_is_kept_under_the_key(servers, mocked, entered):
    async def cancel_then_ask(client):
        asked = asyncio.create_task(get(client, "wait", key="k"))
        await entered.wait()
        asked.cancel()
        await asyncio.wait([asked])
        return await get(client, "wait", key="k")

    told = ask(mf.serve(waiting(), servers), cancel_then_ask).meta[KEY]
    assert (told["outcome"], [step["status"] for step in told["steps"]]) == ("unknown", ["ok", "unknown"])
    assert mocked.calls == [("pay", {}), ("wait", {})]


def test_only_so_many_runs_are_kept(servers):
    served = mf.serve(hybrid(), servers)

    async def many(client):
        for number in range(MOST_KEPT + 20):
            await get(client, "hybrid", key=f"k{number}")

    ask(served, many)
    assert len(served._runs._kept) <= MOST_KEPT + 1


class Form:
    """Answers forms, and remembers what it was asked."""

    def __init__(self, action="accept", content=None):
        self.action, self.content, self.asked = action, content, []

    async def __call__(self, context, params):
        self.asked.append((params.message, params.requested_schema))
        return types.ElicitResult(action=self.action, content=self.content)


def test_a_handoff_is_asked_as_a_form_and_the_run_goes_on(servers, mocked):
    form = Form(content={"text": "t1"})
    served = mf.serve(hybrid(), servers, ask=True)
    result = ask(served, lambda client: client.get_prompt("hybrid"), elicitation_callback=form)
    ((message, schema),) = form.asked
    assert message.startswith("Think first")
    assert schema == {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    assert result.meta[KEY]["outcome"] == "completed"
    assert mocked.calls == [("pay", {}), ("task", {"text": "t1"}), ("look", {"id": "t1"})]


def test_a_form_that_is_declined_leaves_the_handoff_as_messages(servers):
    served = mf.serve(hybrid(), servers, ask=True)
    result = ask(served, lambda client: client.get_prompt("hybrid"), elicitation_callback=Form("decline"))
    assert result.meta[KEY]["outcome"] == "handoff"
    assert result.messages[-1].content.meta["mcpflow/kind"] == "handoff"


@pytest.mark.parametrize("options", [{}, {"mode": "legacy", "elicitation_callback": Form()}])
def test_a_client_that_cannot_carry_a_form_gets_messages(servers, options):
    result = ask(mf.serve(hybrid(), servers, ask=True), lambda client: client.get_prompt("hybrid"), **options)
    assert result.meta[KEY]["outcome"] == "handoff"


def test_a_form_answered_wrongly_is_refused_and_calls_nothing(servers, mocked):
    form = Form(content={"nope": 1})
    with pytest.raises(MCPError, match="still missing"):
        ask(mf.serve(hybrid(), servers, ask=True), lambda c: c.get_prompt("hybrid"), elicitation_callback=form)
    assert mocked.calls == [("pay", {})]


def test_a_state_that_is_not_known_is_refused(servers):
    async def forged(client):
        await client.session.get_prompt("hybrid", request_state="0000")

    with pytest.raises(MCPError, match="not known here"):
        ask(mf.serve(hybrid(), servers, ask=True), forged)


@pytest.mark.row("PS01")
def test_side_effects_are_handed_over_where_that_was_asked_for(servers, mocked):
    result = ask(mf.serve(hybrid(), servers, side_effects="handoff"), lambda client: client.get_prompt("hybrid"))
    told = result.meta[KEY]
    assert (told["outcome"], told["next"]["step"], mocked.calls) == ("handoff", "first", [])


@pytest.mark.parametrize(
    ("trusted", "asked"), [((), ["a", "b"]), (("hr",), ["b"])], ids=["T14-its word alone", "trusted"]
)
def test_a_read_only_step_runs_unasked_where_its_server_is_trusted(trusted, asked):
    reads = {"look": {"readOnlyHint": True}}
    workflow = mf.SequentialWorkflow("two").step("a", tool="hr.look").step("b", tool="hr.pay")
    form = Form(content={})
    with mf.connect(hr=mf.mock({"look": 1, "pay": 2}, annotations=reads), trusted=trusted) as servers:
        served = mf.serve(workflow, servers, side_effects="confirm")
        ask(served, lambda client: client.get_prompt("two"), elicitation_callback=form)
    assert [message.split("'")[1] for message, _ in form.asked] == asked


@pytest.mark.row("PS01")
def test_side_effects_are_confirmed_one_by_one(servers, mocked):
    workflow = mf.SequentialWorkflow("two").step("a", tool="hr.pay").step("b", tool="hr.look", bind="x")
    form = Form(content={})
    served = mf.serve(workflow, servers, side_effects="confirm")
    result = ask(served, lambda client: client.get_prompt("two"), elicitation_callback=form)
    assert [message.split(". ")[1] for message, _ in form.asked] == ["Shall it be called?"] * 2
    assert result.meta[KEY]["outcome"] == "completed"
    assert [name for name, _ in mocked.calls] == ["pay", "look"]


def test_the_call_of_a_handoff_can_be_made_through_the_same_server(servers, mocked):
    async def follow(client):
        handed = (await client.get_prompt("hybrid")).messages[-1].content.meta["mcpflow/handoff"]["next"]
        names = [tool.name for tool in (await client.list_tools()).tools]
        answer = await client.call_tool(f"{handed['server']}.{handed['tool']}", {"text": "t"})
        return names, answer.structured_content

    names, answer = ask(mf.serve(hybrid(), servers, offer_tools=True), follow)
    assert names == ["hybrid", "hr.pay", "hr.task", "hr.look"]
    assert answer == {"id": "t"}

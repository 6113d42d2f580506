"""Run keys: what counts as the same request, how much is kept, and what a client that stalls or leaves does to it."""

import asyncio

import mcp.types as types
import pytest
from mcp import Client, MCPError

import mcpflow_nb as mf
from mcpflow_nb.bridge import run as in_io_thread
from mcpflow_nb.serving import runs

KEY = "mcpflow/run"


@pytest.fixture
def mocked():
    return mf.mock({"pay": {"paid": True}, "big": "x" * 20_000, "task": lambda text: {"id": text}})


@pytest.fixture
def servers(mocked):
    with mf.connect(hr=mocked) as opened:
        yield opened


def levels():
    level = {"level": mf.prompt_arg("level"), "tags": mf.prompt_arg("tags")}
    flow = mf.SequentialWorkflow("w").argument("level", type=int, default=1).argument("tags", type=list, required=False)
    return flow.step("a", tool="hr.pay", args=level)


def ask(served, work, **options):
    async def go():
        async with asyncio.timeout(20), Client(served.mcp, **options) as client:
            return await work(client)

    return in_io_thread(go())


async def prompt(client, name, key, arguments=None, progress=None):
    """The run that a prompt gives: its `_meta`, with its messages."""
    params = types.GetPromptRequestParams(name=name, arguments=arguments, _meta={KEY: key})
    request = types.GetPromptRequest(params=params)
    found = await client.session.send_request(request, types.GetPromptResult, progress_callback=progress)
    return {**found.meta[KEY], "messages": [message.content.text for message in found.messages]}


async def tool(client, name, key, arguments=None):
    found = await client.session.call_tool(name, arguments or {}, meta={KEY: key})
    return found.structured_content or found.content[0].text


@pytest.mark.parametrize(
    ("as_text", "as_value"),
    [
        ({"level": "2"}, {"level": 2}),
        ({}, {"level": 1}),
        ({"level": "1"}, {}),
        ({"tags": '["a", 1]'}, {"tags": ["a", 1], "level": 1}),
        ({"tags": ""}, {}),
    ],
    ids=["text and number", "default left out", "default written", "list", "empty text"],
)
def test_a_prompt_and_a_tool_with_the_same_values_under_one_key_are_one_run(servers, mocked, as_text, as_value):
    async def both(client):
        return (await prompt(client, "w", "k", as_text))["run"], (await tool(client, "w", "k", as_value))["run"]

    one, two = ask(mf.serve(levels(), servers), both)
    assert (one == two, len(mocked.calls)) == (True, 1)


def test_other_values_under_one_key_are_refused_and_run_nothing(servers, mocked):
    async def both(client):
        await prompt(client, "w", "k", {"level": "2"})
        return await tool(client, "w", "k", {"level": 3})

    said = "run key 'k' was used for 'w' with other arguments; give another key"
    assert ask(mf.serve(levels(), servers), both) == said
    assert len(mocked.calls) == 1


def test_big_runs_are_kept_only_up_to_so_many_bytes(servers, mocked, monkeypatch):
    monkeypatch.setattr(runs, "MOST_BYTES", 200_000)
    flow = mf.SequentialWorkflow("w").step("a", tool="hr.big")

    async def many(client):
        for number in range(20):
            await prompt(client, "w", f"k{number}")
        before = len(mocked.calls)
        await prompt(client, "w", "k19")
        kept = len(mocked.calls)
        await prompt(client, "w", "k0")
        return before, kept, len(mocked.calls)

    served = mf.serve(flow, servers)
    assert ask(served, many) == (20, 20, 21)
    assert sum(kept.bytes for kept in served._runs._kept.values()) <= 200_000


def test_runs_that_grow_after_their_form_count_with_what_they_hold_then(servers, monkeypatch):
    monkeypatch.setattr(runs, "MOST_BYTES", 200_000)
    flow = mf.SequentialWorkflow("w").step("task", tool="hr.task").step("a", tool="hr.big")

    async def accept(context, params):
        return types.ElicitResult(action="accept", content={"text": "t"})

    async def many(client):
        for number in range(20):
            found = await client.get_prompt("w", meta={KEY: f"k{number}"})
            assert found.meta[KEY]["outcome"] == "completed"

    served = mf.serve(flow, servers, ask=True)
    ask(served, many, elicitation_callback=accept)
    held = [len(kept.run.trace.to_json(indent=None)) for kept in served._runs._kept.values()]
    assert 0 < sum(held) <= 200_000


def test_a_run_cancelled_while_progress_is_sent_is_cancelled_under_its_key_and_told(servers, mocked):
    entered, gate = asyncio.Event(), asyncio.Event()

    async def stalled(*_):
        entered.set()
        await gate.wait()

    async def cancel_then_ask(client):
        asked = asyncio.create_task(prompt(client, "w", "k", progress=stalled))
        await entered.wait()
        asked.cancel()
        await asyncio.wait([asked])
        gate.set()
        return await prompt(client, "w", "k")

    told = ask(mf.serve(levels(), servers), cancel_then_ask)
    assert (told["outcome"], told["reason"], told["steps"]) == ("cancelled", "cancelled before the next step", [])
    assert told["messages"][-1] == "The run was cancelled.\nNot run: a."
    assert mocked.calls == []


def test_a_client_that_never_takes_its_progress_holds_up_nobody_for_long(servers, mocked, monkeypatch):
    monkeypatch.setattr(runs, "REPORT_SECONDS", 0.01)
    entered = asyncio.Event()

    async def never(*_):
        entered.set()
        await asyncio.Event().wait()

    async def together(client):
        stalled = asyncio.create_task(prompt(client, "w", "k", progress=never))
        await entered.wait()
        other = await prompt(client, "w", "k")
        return (await stalled)["run"] == other["run"], other["outcome"]

    assert ask(mf.serve(levels(), servers), together) == (True, "completed")
    assert len(mocked.calls) == 1


def test_a_key_that_is_no_text_is_refused(servers):
    async def bad(client):
        said = []
        for key in (7, "", "x" * 201, [], {}):
            with pytest.raises(MCPError) as caught:
                await prompt(client, "w", key)
            said.append(caught.value.error.code)
        return said

    assert ask(mf.serve(levels(), servers), bad) == [types.INVALID_PARAMS] * 5

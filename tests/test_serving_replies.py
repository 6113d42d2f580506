"""What goes over the wire arrives: deep values, values JSON has no word for, and the tools of steps."""

import asyncio
import json

import mcp.types as types
import pytest
from mcp import Client
from mcp.server.lowlevel import Server

import mcpflow_nb as mf
from mcpflow_nb.bridge import run as in_io_thread

RUN = "mcpflow/run"


def giving(value, meta=None):
    """A low-level server whose one tool `t` gives a structured value."""

    async def listing(*_):
        return types.ListToolsResult(tools=[types.Tool(name="t", input_schema={"type": "object"})])

    async def calling(*_):
        return types.CallToolResult(content=[], structured_content=value, _meta=meta)

    return Server("giving", on_list_tools=listing, on_call_tool=calling)


def nested(levels):
    value = {"end": 1}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def ask(served, work):
    async def go():
        async with asyncio.timeout(20), Client(served.mcp) as client:
            return await work(client)

    return in_io_thread(go())


def one(tool="m.t", name="w"):
    return mf.SequentialWorkflow(name).step("s", tool=tool, bind="made")


def unfolded(value):
    """How many levels a value has, and how many of them came as text."""
    levels, folded = 0, 0
    while not isinstance(value, int):
        if isinstance(value, str):
            value, folded = json.loads(value), levels
        value, levels = next(iter(value.values())), levels + 1
    return levels, levels - folded if folded else 0


@pytest.mark.parametrize(("levels", "folded"), [(50, 0), (250, 152)])
def test_a_deep_value_arrives_over_http_as_text_from_some_level_on_and_parses(levels, folded):
    with mf.connect(m=giving(nested(levels))) as servers:
        served = mf.serve(one(), servers, name=f"deep-{levels}").http()
        try:
            with mf.connect(remote=served.endpoint.config()["mcpServers"][f"deep-{levels}"]) as remote:
                result = remote.call("remote.w")
        finally:
            served.stop()
    assert (result["outcome"], unfolded(result["bindings"]["made"])) == ("completed", (levels, folded))


def test_an_offered_tool_gives_what_json_has_no_word_for_as_tags(raw):
    with mf.connect(m=raw("nan")) as servers:
        served = mf.serve(one(), servers, offer_tools=True)
        found = ask(served, lambda client: client.call_tool("m.t", {}))
    assert (found.structured_content, raw.calls()) == ({"x": {"$float": "nan"}}, 1)


def test_what_an_inner_server_notes_beside_its_result_is_not_passed_on():
    with mf.connect(m=giving({"x": 1}, meta={"inner/secret": 1})) as servers:
        served = mf.serve(one(), servers, offer_tools=True)
        found = ask(served, lambda client: client.call_tool("m.t", {}))
    assert found.structured_content == {"x": 1}
    assert "inner/secret" not in (found.meta or {})


def test_an_offered_tool_that_fails_is_its_error():
    with mf.connect(m=mf.mock({"t": ValueError("no")})) as servers:
        served = mf.serve(one(), servers, offer_tools=True)
        found = ask(served, lambda client: client.call_tool("m.t", {}))
    assert (found.is_error, found.content[0].text) == (True, "ValueError: no")


def test_a_workflow_with_the_name_of_an_offered_tool_is_not_served():
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        with pytest.raises(mf.ServeError) as caught:
            mf.serve(one(name="m.t"), servers, offer_tools=True)
        said = "a workflow and the tool of a step would both be 'm.t'; rename the workflow"
        assert str(caught.value) == said
        assert mf.serve(one(name="m.t"), servers).by_tool.keys() == {"m.t"}


def test_a_lone_surrogate_in_an_error_is_written_out_and_the_error_stays_text():
    with mf.connect(m=mf.mock({"t": ValueError("no \ud800")})) as servers:
        served = mf.serve(one(), servers)
        by_prompt = ask(served, lambda client: client.get_prompt("w")).meta[RUN]
        by_tool = ask(served, lambda client: client.call_tool("w", {})).structured_content
    for told in (by_prompt, by_tool):
        assert (told["reason"], [step["error"] for step in told["steps"]]) == (
            "step 's', tool 't' on server 'm': ValueError: no \\ud800 [tool_error]",
            ["ValueError: no \\ud800"],
        )

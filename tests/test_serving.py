"""Workflows as prompts and tools, asked by the SDK's own client in both eras of the protocol."""

import asyncio
import json
import math

import mcp.types as types
import pytest
from mcp import Client, MCPError

import mcpflow_nb as mf
from mcpflow_nb.bridge import run as in_io_thread
from mcpflow_nb.running.run import Run
from mcpflow_nb.serving import offers
from mcpflow_nb.serving.offers import hints_of, tools_of
from mcpflow_nb.serving.replies import tool_reply

ERAS = pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])


def onboard():
    return (
        mf.SequentialWorkflow("onboard", "Onboard a person")
        .argument("name", "Full name")
        .argument("level", "Job level", type=int, default=1, choices=[1, 2, 13])
        .argument("remote", type=bool, required=False)
        .step("create", tool="hr.create", bind="person",
              args={"name": mf.prompt_arg("name"), "level": mf.prompt_arg("level")})
        .step("pay", tool="hr.pay", args={"id": mf.field("person", "id")}, bind="payroll")
    )  # fmt: skip


def hybrid():
    return (
        mf.SequentialWorkflow("hybrid", "Hand over in the middle")
        .step("first", tool="hr.pay", args={"id": "e1"}, bind="paid")
        .step("task", tool="hr.task", guidance="Think first", bind="made")
        .step("last", tool="hr.pay", args={"id": mf.field("made", "id")})
    )


@pytest.fixture
def mocked():
    return mf.mock(
        {
            "create": lambda name, level: {"id": f"e-{name}", "level": level},
            "pay": lambda id: {"paid": True},
            "task": lambda text: {"id": text},
            "break": RuntimeError("no budget"),
            "slow": _never,
        }
    )


async def _never():
    await asyncio.Event().wait()


@pytest.fixture
def servers(mocked):
    with mf.connect(hr=mocked) as opened:
        yield opened


def ask(served, work, **options):
    """Return what `work(client)` returns, with a client in the I/O thread."""

    async def go():
        refusal = None
        async with asyncio.timeout(20), Client(served.mcp, **options) as client:
            try:
                return await work(client)
            except MCPError as error:  # the client would leave with a group around it
                refusal = error
        raise refusal

    return in_io_thread(go())


def get(name, arguments=None, meta=None):
    async def work(client):
        params = types.GetPromptRequestParams(name=name, arguments=arguments, _meta=meta)
        return await client.session.send_request(types.GetPromptRequest(params=params), types.GetPromptResult)

    return work


def call(name, arguments=None):
    return lambda client: client.call_tool(name, arguments or {})


def kinds(result):
    return [(m.role, m.content.meta["mcpflow/kind"]) for m in result.messages]


@ERAS
@pytest.mark.row("PS01")
def test_a_workflow_is_listed_as_a_prompt_and_as_a_tool(servers, mode):
    served = mf.serve(onboard(), servers)
    (prompt,) = ask(served, lambda client: client.list_prompts(), mode=mode).prompts
    assert [(a.name, a.required, a.description) for a in prompt.arguments] == [
        ("name", True, "Full name"),
        ("level", False, "Job level (integer; one of 1, 2, 13; default 1)"),
        ("remote", False, "(boolean)"),
    ]
    (tool,) = ask(served, lambda client: client.list_tools(), mode=mode).tools
    assert tool.input_schema == {
        "type": "object", "required": ["name"], "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "description": "Full name"},
            "level": {"type": "integer", "description": "Job level", "enum": [1, 2, 13], "default": 1},
            "remote": {"type": "boolean"},
        },
    }  # fmt: skip
    assert "may change data" in tool.description
    assert tool.annotations.model_dump(exclude_none=True) == {
        "read_only_hint": False, "destructive_hint": True, "idempotent_hint": False, "open_world_hint": True,
    }  # fmt: skip


@ERAS
def test_a_prompt_runs_the_workflow_and_returns_the_conversation(servers, mocked, mode):
    result = ask(mf.serve(onboard(), servers), get("onboard", {"name": "Ada", "level": "2"}), mode=mode)
    assert kinds(result) == [
        ("user", "intent"), ("assistant", "plan"), ("assistant", "call"), ("user", "result"),
        ("assistant", "call"), ("user", "result"),
    ]  # fmt: skip
    assert mocked.calls == [("create", {"name": "Ada", "level": 2}), ("pay", {"id": "e-Ada"})]
    told = result.meta["mcpflow/run"]
    assert (told["outcome"], told["reason"], [s["status"] for s in told["steps"]]) == ("completed", None, ["ok", "ok"])


@ERAS
def test_the_tool_runs_the_workflow_and_returns_structure(servers, mode):
    result = ask(mf.serve(onboard(), servers), call("onboard", {"name": "Ada", "level": 2}), mode=mode)
    assert not result.is_error
    assert result.structured_content["bindings"] == {"person": {"id": "e-Ada", "level": 2}, "payroll": {"paid": True}}
    assert json.loads(result.content[0].text) == result.structured_content


@ERAS
@pytest.mark.row("PS04", "PS05")
def test_every_bad_argument_is_named_and_nothing_is_called(servers, mocked, mode):
    served = mf.serve(onboard(), servers)
    with pytest.raises(MCPError) as caught:
        ask(served, get("onboard", {"level": "9", "remote": "maybe"}), mode=mode)
    assert caught.value.error.code == types.INVALID_PARAMS
    found = [(p["argument"], p["code"]) for p in caught.value.error.data["problems"]]
    assert found == [("name", "missing-argument"), ("level", "bad-argument"), ("remote", "bad-argument")]
    refused = ask(served, call("onboard", {"nme": "Ada", "level": 9}), mode=mode)
    assert refused.is_error
    assert all(word in refused.content[0].text for word in ("'name'", "'nme'", "'level'"))
    assert mocked.calls == []


@ERAS
@pytest.mark.row("PS04")
def test_lists_and_objects_come_as_json_text_over_a_prompt_and_as_values_over_the_tool(servers, mocked, mode):
    workflow = mf.SequentialWorkflow("many").argument("names", type=list)
    served = mf.serve(workflow.step("s", tool="hr.task", args={"text": mf.prompt_arg("names")}), servers)
    ask(served, get("many", {"names": '["a", 1]'}), mode=mode)
    ask(served, call("many", {"names": ["a", 1]}), mode=mode)
    assert mocked.calls == [("task", {"text": ["a", 1]})] * 2
    with pytest.raises(MCPError, match="'names': 'a, b' is no array"):
        ask(served, get("many", {"names": "a, b"}), mode=mode)


def test_what_is_not_offered_is_refused_with_the_nearest_name(servers):
    served = mf.serve(onboard(), servers)
    for work, kind in ((get("onbord"), "prompt"), (call("onbord"), "tool")):
        with pytest.raises(MCPError, match=f"Unknown {kind}: 'onbord'; did you mean 'onboard'"):
            ask(served, work)


@pytest.mark.parametrize(
    ("argument", "begun", "found"),
    [("level", "1", ["1", "13"]), ("remote", "T", ["true"]), ("name", "", []), ("no", "", [])],
)
def test_choices_are_completed(servers, argument, begun, found):
    completed = ask(
        mf.serve(onboard(), servers),
        lambda client: client.complete(types.PromptReference(name="onboard"), {"name": argument, "value": begun}),
    )
    assert completed.completion.values == found


@ERAS
@pytest.mark.row("PS09")
def test_a_step_that_fails_still_returns_what_ran_what_failed_and_what_remains(servers, mode):
    workflow = onboard().step("ends", tool="hr.break").step("never", tool="hr.pay", args={"id": "e"})
    served = mf.serve(workflow, servers)
    result = ask(served, get("onboard", {"name": "Ada"}), mode=mode)
    assert kinds(result)[-2:] == [("assistant", "call"), ("user", "error")]
    assert (
        result.messages[-1].content.text == "Step 'ends' failed [tool_error]: RuntimeError: no budget\nNot run: never."
    )
    told = result.meta["mcpflow/run"]
    assert (told["outcome"], [step["step"] for step in told["remaining"]]) == ("failed", ["never"])
    by_tool = ask(served, call("onboard", {"name": "Ada"}), mode=mode)
    assert (by_tool.is_error, by_tool.structured_content["outcome"]) == (True, "failed")
    assert by_tool.structured_content["bindings"]["payroll"] == {"paid": True}


@ERAS
def test_a_handoff_says_why_what_is_missing_and_what_to_call_as_message_and_as_data(servers, mode):
    result = ask(mf.serve(hybrid(), servers), get("hybrid"), mode=mode)
    handed = result.messages[-1].content
    assert kinds(result)[-2:] == [("assistant", "guidance"), ("assistant", "handoff")]
    assert "hr.task" in handed.text
    data = handed.meta["mcpflow/handoff"]
    assert data["missing"] == ["text"]
    assert data["next"] == {
        "step": "task", "server": "hr", "tool": "task", "arguments": {}, "missing": {"text": {}}, "guidance": "Think first",
    }  # fmt: skip
    assert data["remaining"] == [
        {"step": "last", "server": "hr", "tool": "pay", "arguments": {}, "unknown": {"id": "made.id"}}
    ]
    assert result.meta["mcpflow/run"]["next"] == data["next"]


@ERAS
def test_progress_comes_for_each_step_and_always_grows(servers, mode):
    reports = []

    async def report(progress, total, message):
        reports.append((progress, total))

    async def work(client):
        params = types.GetPromptRequestParams(name="onboard", arguments={"name": "Ada"})
        await client.session.send_request(
            types.GetPromptRequest(params=params), types.GetPromptResult, progress_callback=report
        )

    ask(mf.serve(onboard(), servers), work, mode=mode)
    assert reports == [(0, 2), (1, 2), (2, 2)]


def test_a_workflow_with_errors_is_not_served(servers):
    with pytest.raises(mf.CheckError, match="empty-workflow"):
        mf.serve(mf.SequentialWorkflow("empty"), servers)
    with pytest.raises(mf.ServeError, match="two workflows"):
        mf.serve([onboard(), onboard()], servers)
    with pytest.raises(mf.DefinitionError, match="side_effects"):
        mf.serve(onboard(), servers, side_effects="yes")
    with pytest.raises(mf.DefinitionError, match=r"mf\.connect"):
        mf.serve(onboard(), {})


def test_a_server_that_lists_something_else_later_is_checked_again(servers):
    served = mf.serve(onboard(), servers)
    servers["hr"].catalog = mf.connect(other=mf.mock({"create": {"id": 1}}))["other"].catalog
    with pytest.raises(MCPError, match="unknown-tool") as caught:
        ask(served, get("onboard", {"name": "Ada"}))
    assert caught.value.error.code == types.INTERNAL_ERROR


def test_nan_and_lone_surrogates_reach_the_client_as_tags_and_never_as_null(servers):
    run = Run(onboard(), servers, {"name": "Ada", "level": 1})
    run._bindings = {"person": {"score": math.nan}, "payroll": "\ud800"}
    structured = tool_reply(run)["structuredContent"]
    assert structured["bindings"] == {"person": {"score": {"$float": "nan"}}, "payroll": {"$text": "\\ud800"}}


def tool(**hints):
    return mf.connect(t=mf.mock({"x": 1}))["t"].tools["x"].__class__("t", "x", annotations=hints)


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ([tool(readOnlyHint=True, openWorldHint=False)], (True, False, True, False)),
        ([tool(readOnlyHint=True)], (True, False, True, True)),
        ([tool(readOnlyHint=True), tool()], (False, True, False, True)),
        ([tool(destructiveHint=False, idempotentHint=True, openWorldHint=False)], (False, False, True, False)),
        ([tool(readOnlyHint="yes")], (False, True, False, True)),
        ([tool(readOnlyHint=True), None], (False, True, False, True)),
        ([], (True, False, True, False)),
    ],
)
def test_annotations_are_as_bad_as_the_worst_step(tools, expected):
    assert tuple(hints_of(tools).values()) == expected


def test_the_tool_of_a_step_that_is_gone_counts_as_the_worst(servers):
    assert tools_of(hybrid().step("x", tool="hr.gone"), servers)[-1] is None


@pytest.mark.parametrize(("trusted", "reads"), [((), False), (("m",), True)], ids=["T14-its word alone", "trusted"])
def test_the_word_of_a_server_is_passed_on_as_ours_only_where_it_is_trusted(trusted, reads):
    said = {"t": {"readOnlyHint": True, "openWorldHint": False}}
    with mf.connect(m=mf.mock({"t": 1}, annotations=said), trusted=trusted) as servers:
        workflow = mf.SequentialWorkflow("w").step("a", tool="m.t")
        served, asked = offers.tool(workflow, servers), offers.prompt(workflow, servers)
    assert (served.annotations.read_only_hint, served.annotations.destructive_hint) == (reads, not reads)
    assert ("It only reads." in asked.description) is reads

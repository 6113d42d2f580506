"""Rows PR01 to PR18 of the table of faults: answers that are errors, that are no answer, twice or for nobody."""

import time

import pytest
from mcp import types
from mcp.server.lowlevel import Server

import mcpflow_nb as mf
from mcpflow_nb import views
from mcpflow_nb.running.progress import EVERY_SECONDS, sentence
from tests.faults.acts import FINE, error, result, structured, told, two_steps

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
DECLARED = [{"name": "t", "inputSchema": {"type": "object"}, "outputSchema": NUMBER}]
NO_FUNDS = result('{"content":[{"type":"text","text":"no funds"}],"isError":true,"structuredContent":{"z":1}}')


def ran(odd, *acts, seconds=5, **plan):
    """The run of two steps against the odd server, and how often the tool was called."""
    with mf.connect(odd=odd(at_call=acts, **plan)) as servers:
        run = two_steps(seconds).start(servers).all()
    return run, odd.log().count("call")


@pytest.mark.row("PR01")
def test_what_a_server_refuses_is_shown_escaped_and_its_data_without_secrets(odd):
    run, calls = ran(odd, error('{"code":-32602,"message":"no <b>\\u001b[2J","data":{"token":"canary-data-7"}}'))
    assert (run.trace[0].status, calls, run.trace[0].protocol_error["code"]) == ("not_executed", 1, -32602)
    shown = [views.bundle(one) for one in (run, run.trace[0], run.trace.raw("ask"))]
    assert [text for one in shown for text in one.values() if "\x1b" in text or "canary" in text] == []
    pages = [one["text/html"] for one in shown[:2]]
    assert [("no <b>" in page, "no &lt;b&gt;\\x1b[2J" in page) for page in pages] == [(False, True)] * 2


@pytest.mark.parametrize(
    "plan",
    [pytest.param({}, marks=pytest.mark.row("PR02")), pytest.param({"tools": DECLARED}, marks=pytest.mark.row("PR03"))],
    ids=["no schema", "a schema that it breaks"],
)
def test_an_error_of_the_tool_ends_the_run_is_kept_and_bound_to_nothing(odd, plan):
    run, calls = ran(odd, NO_FUNDS, **plan)
    assert (run.outcome, [one.status for one in run.trace], calls) == ("failed", ["tool_error"], 1)
    assert run.trace[0].raw["content"] == [{"type": "text", "text": "no funds"}]
    assert (dict(run.bindings), [one.step for one in run.trace.ahead]) == ({}, ["use"])


@pytest.mark.parametrize(
    ("act", "raw"),
    [
        pytest.param(structured('{"n":"seven"}'), {"n": "seven"}, marks=pytest.mark.row("PR04")),
        pytest.param(result('{"content":[{"type":"text","text":"x"}]}'), None, marks=pytest.mark.row("PR05")),
    ],
    ids=["another type", "no structure"],
)
def test_output_that_breaks_its_schema_is_kept_as_run_and_bound_to_nothing(odd, act, raw):
    run, calls = ran(odd, act, tools=DECLARED)
    assert (run.outcome, run.trace[0].status, calls) == ("failed", "invalid_output", 1)
    assert (run.trace[0].raw.get("structuredContent"), dict(run.bindings)) == (raw, {})
    assert run.trace[0].error.startswith("it ran, but its output breaks its own schema")


@pytest.mark.row("PR06")
@pytest.mark.parametrize("text", ["{}", '{"content":"text"}', '{"content":[{"type":"video"}]}'])
def test_a_result_that_is_none_of_mcp_is_said_to_have_run(odd, text):
    run, calls = ran(odd, result(text))
    assert (run.trace[0].status, calls) == ("invalid_output", 1)
    assert run.trace[0].error.startswith("it ran, but its answer is no MCP result: content")


@pytest.mark.row("PR08")
def test_an_answer_for_nobody_is_no_answer_and_the_id_as_text_is_the_id(odd):
    run, _ = ran(odd, {"say": '{"jsonrpc":"2.0","id":99999,"result":{"content":[]}}'}, seconds=0.5)
    assert (run.outcome, run.trace[0].status) == ("unknown", "unknown")
    run, _ = ran(odd, {"say": '{"jsonrpc":"2.0","id":"@ID","result":{"content":[]}}'})
    assert run.outcome == "completed"


@pytest.mark.row("PR09")
def test_of_two_answers_to_one_call_the_first_counts_and_the_next_call_gets_its_own(odd):
    run, calls = ran(odd, FINE, structured('{"n": 2}'))
    assert ([one.value for one in run.trace], calls) == ([{"n": 1}, {"n": 1}], 2)


@pytest.mark.row("PR10")
def test_an_answer_that_is_a_result_and_an_error_is_an_error(odd):
    both = {"say": '{"jsonrpc":"2.0","id":@ID,"result":{"content":[]},"error":{"code":-5,"message":"no"}}'}
    run, _ = ran(odd, both)
    assert (run.trace[0].status, run.trace[0].error) == ("tool_error", "no (code -5)")


@pytest.mark.row("PR11")
@pytest.mark.parametrize(
    ("value", "kind"), [([1, "x"], "a list of 2"), ("x", "text"), (5, "a number"), (True, "a boolean"), (None, "null")]
)
def test_structure_of_any_kind_is_bound_whole_and_a_path_into_it_says_what_is_there(value, kind):
    async def listing(*_):
        return types.ListToolsResult(tools=[types.Tool(name="t", input_schema={"type": "object"})])

    async def calling(*_):
        return types.CallToolResult(content=[], structured_content=value)

    flow = (
        mf.SequentialWorkflow("w").step("a", tool="m.t", bind="x").step("b", tool="m.t", args={"q": mf.from_step("x")})
    )
    flow = flow.step("c", tool="m.t", args={"q": mf.field("x", "f")})
    with mf.connect(m=Server("any", on_list_tools=listing, on_call_tool=calling)) as servers:
        run = flow.start(servers).all()
    assert (run["x"], run.trace["b"].arguments[0].value) == (value, value)
    assert (run.trace["c"].status, run.trace["c"].error) == (
        "not_sent",
        f"argument 'q': 'x.f' has no 'f': there is {kind}",
    )


@pytest.mark.row("PR16")
@pytest.mark.parametrize("method", ["sampling/createMessage", "roots/list", "elicitation/create"])
def test_what_a_server_asks_in_mid_step_is_refused_and_the_step_goes_on(odd, method):
    params = '{"messages":[],"maxTokens":5,"message":"?","requestedSchema":{"type":"object","properties":{}}}'
    asks = {"say": f'{{"jsonrpc":"2.0","id":77,"method":"{method}","params":{params}}}'}
    run, calls = ran(odd, asks, FINE)
    assert (run.outcome, calls) == ("completed", 2)


@pytest.mark.row("PR17")
def test_ten_thousand_words_of_progress_however_odd_hold_up_nothing(odd):
    pairs = [("5", "0"), ("3", "1"), ("1e308", "1"), ("-1", "-1"), ("NaN", "1")]
    said = [told("notifications/progress", f'{{"progressToken":@ID,"progress":{p},"total":{t}}}') for p, t in pairs]
    begun = time.monotonic()
    run, _ = ran(odd, *said * 2_000, FINE, seconds=30)
    assert (run.outcome, time.monotonic() - begun < 20) == ("completed", True)  # measured 1.1 s
    assert EVERY_SECONDS >= 0.2
    for one in (float("nan"), -1.0, 1e308, 0.0):
        assert sentence("step", 1.0, (one, one, None)).startswith("step: 1.0 s")


@pytest.mark.row("PR18")
def test_what_a_server_logs_is_shown_nowhere(odd, capfd):
    hostile = told("notifications/message", '{"level":"error","data":"\\u001b[2J<b>canary"}')
    run, _ = ran(odd, *[hostile] * 100, FINE)
    assert run.outcome == "completed"
    assert "canary" not in "".join(
        (*capfd.readouterr(), *views.bundle(run).values(), *views.bundle(run.trace).values())
    )

"""Rows TL, NT and RE of the table of faults: what servers offer, what things are called, and how all of it is shown."""

import time

import pytest
from mcp import types
from mcp.server.lowlevel import Server

import mcpflow_nb as mf
from mcpflow_nb import views
from mcpflow_nb.tools.results import placeholder
from tests.faults.acts import FINE, told, two_steps


@pytest.mark.row("TL02")
def test_a_list_whose_every_page_names_another_is_given_up_and_the_server_named(odd):
    with pytest.raises(mf.ServerError, match="server 'odd': tools/list has more than 1000 pages"):
        mf.connect(odd=odd(endless=True))


@pytest.mark.row("TL05")
def test_one_more_server_never_changes_what_a_step_calls():
    one, two = mf.mock({"t": 1}), mf.mock({"t": 2})
    named, bare = (mf.SequentialWorkflow("w").step("a", tool=tool, bind="x") for tool in ("a.t", "t"))
    with mf.connect(a=one) as servers:
        assert bare.start(servers).all()["x"] == 1
    with mf.connect(a=one, b=two) as servers:
        assert named.start(servers).all()["x"] == 1
        with pytest.raises(mf.CheckError, match=r"several servers offer it, name one; .*'a\.t', 'b\.t'"):
            bare.start(servers)
    assert two.calls == []


@pytest.mark.row("TL06")
def test_a_server_is_known_by_the_name_of_its_user_whatever_it_calls_itself(odd):
    tools = [{"name": "t", "inputSchema": {"type": "object"}}]
    with mf.connect(a=odd(name="b", tools=tools, at_call=[FINE]), b=odd(name="a", tools=tools)) as servers:
        assert servers.call("a.t") == {"n": 1}
        assert [one.name for one in servers.values()] == ["a", "b"]
        assert [one.split()[0] for one in (servers["a"].software, servers["b"].software)] == ["b", "a"]
    assert (odd.log(0), odd.log(1)) == (["list", "call"], ["list"])


@pytest.mark.row("TL09")
def test_a_thousand_words_of_changed_tools_are_one_more_list_and_none_inside_a_step(odd):
    with mf.connect(odd=odd(at_call=[*[told("notifications/tools/list_changed")] * 1_000, FINE])) as servers:
        assert two_steps().start(servers).all().outcome == "completed"
    assert odd.log() == ["list", "call", "list", "call"]


@pytest.mark.row("TL11")
def test_a_schema_that_lies_elsewhere_is_not_fetched_and_the_arguments_are_for_the_server_to_judge(odd):
    schema = {"type": "object", "properties": {"n": {"$ref": "http://127.0.0.1:9/never"}}}
    with mf.connect(odd=odd(tools=[{"name": "t", "inputSchema": schema}], at_call=[FINE])) as servers:
        flow = mf.SequentialWorkflow("w").step("s", tool="odd.t", args={"n": [5]}, bind="x")
        assert flow.check(servers).errors == ()
        assert flow.start(servers).all()["x"] == {"n": 1}


@pytest.mark.row("TL13")
def test_a_server_without_tools_says_so_and_its_resources_are_read():
    with mf.connect(m=mf.mock({}, resources={"docs://a": "A"})) as servers:
        run = mf.SequentialWorkflow("w").step("s", resources=["docs://a"]).start(servers).all()
        assert (run.outcome, run.trace[0].resources[0].contents[0]["text"]) == ("completed", "A")
        with pytest.raises(mf.NotOfferedError, match="server 'm' has no tool 't'"):
            servers.call("m.t")


@pytest.mark.row("TL13")
def test_a_server_that_has_not_even_the_capability_is_open_and_empty(odd):
    with mf.connect(odd=odd(can={})) as servers:
        assert (servers["odd"].state, dict(servers["odd"].tools)) == ("open", {})
        with pytest.raises(mf.NotOfferedError, match="server 'odd' has no tool 't'"):
            servers.call("odd.t")


@pytest.mark.row("NT05")
@pytest.mark.parametrize("name", ["👩‍👩‍👧", "שלום", "a\u202eb", "a\u200bb", "e\u0301", "n" * 10_000], ids=ascii)
def test_names_that_hide_or_stretch_are_shown_written_out_and_cut(name):
    flow = mf.SequentialWorkflow(name).step(name, tool="m.t", bind=name)
    for shown in (flow, flow.steps[0], flow.check(), flow.graph()):
        text = views.bundle(shown)["text/plain"] if shown is not flow.graph() else shown.text
        assert [sign for sign in "\u202e\u200b\u200d" if sign in text] == []
        assert max(map(len, text.split("\n"))) <= 200
    assert "n" * 1_000 not in views.bundle(flow)["text/html"]
    assert flow.steps[0].name == name


@pytest.mark.row("NT07")
def test_words_of_python_and_of_ours_are_names_like_any_other():
    flow = (
        mf.SequentialWorkflow("class").argument("def")
        .step("__class__", tool="m.t", args={"import": mf.prompt_arg("def")}, bind="steps")
        .step("run", tool="m.t", args={"import": mf.from_step("steps")}, bind="__dict__")
        .step("steps", tool="m.t", bind="trace")
    )  # fmt: skip
    with mf.connect(m=mf.mock({"t": {"items": 1}})) as servers:
        run = flow.start(servers, {"def": "x"}).all()
    assert (run.outcome, run["steps"], run["__dict__"], run["trace"]) == ("completed", *[{"items": 1}] * 3)
    assert (flow["steps"].name, len(flow.steps), len(run.trace), run.trace["run"].step) == ("steps", 3, 3, "run")


@pytest.mark.row("RE02")
@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "text/markdown", "application/javascript"])
def test_what_claims_to_be_a_page_a_drawing_or_a_program_is_shown_as_its_source(kind):
    evil = "<svg onload=alert(1)><script>x()</script></svg> [a](javascript:x())"
    inner = {"uri": "docs://a", "mimeType": kind, "text": evil}

    async def listing(*_):
        return types.ListToolsResult(tools=[types.Tool(name="t", input_schema={"type": "object"})])

    async def calling(*_):
        return types.CallToolResult(content=[types.EmbeddedResource(type="resource", resource=inner)])

    with mf.connect(m=Server("page", on_list_tools=listing, on_call_tool=calling)) as servers:
        run = mf.SequentialWorkflow("w").step("s", tool="m.t", bind="x").start(servers).all()
    assert run["x"] == placeholder({"type": "resource", "resource": inner})
    for shown in (run, run.trace, run.trace[0], run.conversation(), run.trace.raw("s")):
        bundle = views.bundle(shown)
        assert list(bundle) == ["text/plain", "text/html"]
        assert [tag for tag in ("<svg onload", "<script", "href=") if tag in bundle["text/html"]] == []


@pytest.mark.row("RE07")
def test_what_is_half_built_failed_or_closed_is_shown_at_once(odd):
    servers = mf.connect(odd=odd(at_call=[{"exit": 1}]), broken=["/no/such"])
    run = two_steps().start(servers).all()
    servers.close()
    begun = time.process_time()
    for one in (
        mf.SequentialWorkflow(""),
        mf.WorkflowStep("s"),
        servers,
        servers["odd"],
        servers["broken"],
        run,
        run.trace,
    ):
        assert "its view failed" not in repr(one) + views.bundle(one)["text/html"]
    assert time.process_time() - begun < 1
    assert odd.log() == ["list", "call"]

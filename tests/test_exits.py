"""What wants to end the process, or to run out of its stack, in a tool of this process ends its own call at most."""

import threading

import pytest
from mcp import types
from mcp.server import MCPServer
from mcp.server.lowlevel import Server

import mcpflow_nb as mf

ENDINGS = [SystemExit(3), KeyboardInterrupt()]
ENDS = pytest.mark.parametrize("ending", ENDINGS, ids=["SystemExit", "KeyboardInterrupt"])


def raising(ending):
    def end():
        raise ending

    return end


def low_level(answer):
    """A low-level server whose tool `t` answers what `answer()` returns, and whose tool `fine` answers nothing."""

    async def listing(*_):
        tools = [types.Tool(name=name, input_schema={"type": "object"}) for name in ("t", "fine")]
        return types.ListToolsResult(tools=tools)

    async def calling(_context, params):
        return answer() if params.name == "t" else types.CallToolResult(content=[])

    return Server("low", on_list_tools=listing, on_call_tool=calling)


def high_level(ending, kind):
    server = MCPServer("high", log_level="ERROR")
    if kind == "async":

        @server.tool()
        async def t() -> str:
            raise ending

    else:
        server.tool(name="t")(raising(ending))

    @server.tool()
    def fine() -> None:
        return None

    return server


def one(tool, **fields):
    return mf.SequentialWorkflow("w").step("s", tool=tool, **fields)


def outcomes(run):
    return run.outcome, [(record.step, record.status, record.error) for record in run.trace]


@ENDS
def test_a_mocked_tool_that_ends_the_process_ends_only_its_call(ending):
    async def later():
        raise ending

    said = "SystemExit: 3" if isinstance(ending, SystemExit) else "KeyboardInterrupt"
    with mf.connect(
        m=mf.mock({"now": raising(ending), "later": later, "value": ending}), n=mf.mock({"t": 1})
    ) as servers:
        runs = [one(f"m.{name}").start(servers).all() for name in ("now", "later", "value")]
        assert servers.call("n.t") == 1
    assert [outcomes(run) for run in runs] == [("failed", [("s", "tool_error", said)])] * 3


@ENDS
def test_a_mocked_resource_that_ends_the_process_ends_only_its_reading(ending):
    mock = mf.mock({"t": 1}, resources={"docs://a": raising(ending), "docs://b": ending, "docs://c": "C"})
    said = "3" if isinstance(ending, SystemExit) else "KeyboardInterrupt"
    with mf.connect(m=mock) as servers:
        for uri in ("docs://a", "docs://b"):
            run = mf.SequentialWorkflow("w").step("s", resources=[uri]).start(servers).all()
            words = f"resource '{uri}' of server 'm': {said} (code -32603)"
            assert outcomes(run) == ("failed", [("s", "resource_error", words)])
        assert mf.SequentialWorkflow("w").step("s", resources=["docs://c"]).start(servers).all().outcome == "completed"


@ENDS
@pytest.mark.parametrize("kind", ["async", "sync", "low-level"])
def test_a_real_tool_that_ends_the_process_ends_its_call_alone(ending, kind):
    server = low_level(raising(ending)) if kind == "low-level" else high_level(ending, kind)
    with mf.connect(real=server, m=mf.mock({"t": 1})) as servers:
        run = one("real.t", timeout=5).start(servers)
        run.all()
        said = f"{type(ending).__name__}: {ending}"
        assert outcomes(run) == ("unknown", [("s", "unknown", said)])
        assert (servers.call("real.fine"), servers.call("m.t")) == (None, 1)


@ENDS
def test_a_tool_that_ends_the_process_leaves_a_call_of_another_server_under_way(ending):
    begun, release, found = threading.Event(), threading.Event(), []
    slow = mf.mock({"t": lambda: begun.set() or (release.wait(5) and "late")})
    with mf.connect(real=low_level(raising(ending)), slow=slow) as servers:
        thread = threading.Thread(target=lambda: found.append(servers.call("slow.t")))
        thread.start()
        assert begun.wait(5)
        assert one("real.t").start(servers).all().outcome == "unknown"
        release.set()
        thread.join(5)
    assert found == ["late"]


def test_text_nested_very_deep_is_refused_output_of_one_call():
    calls = []
    text = types.TextContent(type="text", text="[" * 100_000 + "]" * 100_000)
    server = low_level(lambda: calls.append("t") or types.CallToolResult(content=[text]))
    with mf.connect(m=server) as servers:
        run = one("m.t", parse="json", bind="x").start(servers).all()
    said = "it ran, but its text is no JSON: it is nested deeper than 64 levels"
    assert (outcomes(run), calls) == (("failed", [("s", "invalid_output", said)]), ["t"])


def test_structure_nested_very_deep_leaves_a_record_and_the_server_goes_on():
    deep = {}
    for _ in range(5_000):
        deep = {"a": deep}
    calls = []
    server = low_level(lambda: calls.append("t") or types.CallToolResult(content=[], structured_content=deep))
    with mf.connect(m=server) as servers:
        run = one("m.t", bind="x").step("never", tool="m.fine").start(servers).all()
        assert servers.call("m.fine") is None
    assert (run.outcome, [record.step for record in run.trace], calls) == ("failed", ["s"], ["t"])
    assert [message.kind for message in run.trace.messages] == ["intent", "plan", "call", "error"]


class Strange(BaseException):
    """Neither an error nor a cancellation."""


def test_what_is_no_cancellation_still_leaves_a_record():
    with mf.connect(m=low_level(raising(Strange("x")))) as servers:
        run = one("m.t").step("never", tool="m.fine").start(servers)
        with pytest.raises(Strange):
            run.all()
    assert outcomes(run) == ("unknown", [("s", "unknown", "interrupted while it was running; it may have run")])
    assert [step.step for step in run.trace.ahead] == ["never"]

"""`run.fail`: a step that is made to fail once, on a mocked server alone."""

import pytest
from mcp.server import MCPServer

import mcpflow_nb as mf


def test_a_step_is_made_to_fail_once_on_its_mock_and_its_function_is_not_run():
    ran = []
    with mf.connect(m=mf.mock({"a": lambda x: ran.append(x) or {"y": x}})) as servers:
        run = mf.SequentialWorkflow("w").step("a", tool="m.a", args={"x": 1}, bind="p").start(servers)
        assert run.fail("a", "the disk is full") is run
        assert (run.failing, run.next.fails) == (("a",), "the disk is full")
        assert [row.why for row in run.plan()] == ["its arguments are known; its mock will fail"]
        record = run.step()
        assert (record.status, record.error, record.source, ran) == ("tool_error", "the disk is full", "mock", [])
        assert run.rerun("a").outcome == "completed"
        assert (run.failing, ran) == ((), [1])


def test_a_failure_is_taken_back_and_a_fork_has_its_own():
    with mf.connect(m=mf.mock({"a": {"y": 1}})) as servers:
        run = mf.SequentialWorkflow("w").step("a", tool="m.a").start(servers)
        fork = run.fail("a").fork()
        assert run.fail("a", None).all().outcome == "completed"
        assert fork.all().outcome == "failed"


def test_a_call_goes_wrong_in_any_way_a_mock_can():
    out = {"type": "object", "properties": {"y": {"type": "integer"}}, "required": ["y"]}
    with mf.connect(m=mf.mock({"a": lambda: {"y": 1}}, outputs={"a": out})) as servers:
        run = mf.SequentialWorkflow("w").step("a", tool="m.a", timeout=0.2).start(servers)
        assert run.fail("a", fault="null", field="y").next.fails == "null of y"
        assert run.step().status == "invalid_output"
        assert run.fail("a", fault="timeout").rerun("a").trace[-1].status == "unknown"
        assert run.fail("a", fault="lost").rerun("a").trace[-1].status == "unknown"
        assert run.rerun("a").outcome == "completed"
        with pytest.raises(mf.DefinitionError, match="no such fault; did you mean 'lost'"):
            run.fail("a", fault="lsot")


def test_only_a_mocked_tool_can_be_made_to_fail():
    server = MCPServer("s", log_level="ERROR")

    @server.tool()
    def a() -> str:
        return "x"

    with mf.connect(s=server) as servers:
        run = mf.SequentialWorkflow("w").step("a", tool="s.a").start(servers)
        with pytest.raises(mf.RunError, match="on 's', which is live; only a mocked server"):
            run.fail("a")
        with pytest.raises(mf.RunError, match="no step 'b'"):
            run.fail("b")

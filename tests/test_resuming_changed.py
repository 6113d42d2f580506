"""A run goes on with what it was begun with: another definition of what ran, other arguments, other servers are told."""

import pytest
from mcp.server import MCPServer

import mcpflow_nb as mf
from tests.test_resuming import counting, three


def test_other_arguments_are_refused_with_the_difference(tmp_path):
    mock, _ = counting()
    with mf.connect(m=mock) as servers:
        three().start(servers, name="Ada", journal=tmp_path / "runs.db", run_id="r")
        with pytest.raises(mf.ChangedError) as caught:
            three().start(servers, name="Eva", journal=tmp_path / "runs.db", run_id="r")
    assert caught.value.changes == (("argument", "name", "Ada", "Eva"),)
    assert "'Ada' → 'Eva'" in str(caught.value)


def test_a_run_of_another_workflow_is_refused(tmp_path):
    mock, _ = counting()
    with mf.connect(m=mock) as servers:
        three().start(servers, name="Ada", journal=tmp_path / "runs.db", run_id="r")
        other = mf.SequentialWorkflow("other").argument("name").step("x", tool="m.list")
        with pytest.raises(mf.ChangedError) as caught:
            other.start(servers, name="Ada", journal=tmp_path / "runs.db", run_id="r")
    assert caught.value.changes == (("workflow", "name", "three", "other"),)


@pytest.mark.row("JO08")
def test_a_later_step_may_be_edited_and_one_that_ran_is_refused_with_the_difference(tmp_path):
    mock, calls = counting()
    with mf.connect(m=mock) as servers:
        three().start(servers, name="Ada", journal=tmp_path / "runs.db", run_id="r").to("c")
        with pytest.raises(mf.ChangedError) as caught:
            three(first="Bob").start(servers, name="Ada", journal=tmp_path / "runs.db", run_id="r")
        assert ("step 'a'", "args.name.value", None, "Bob") in caught.value.changes
        assert len(calls) == 2
        edited = three(last="Bob").step("d", tool="m.make", args={"name": mf.field("three", "id")})
        run = mf.resume("r", servers, journal=tmp_path / "runs.db", workflow=edited).all()
        assert (run.outcome, calls[2:]) == ("completed", ["Bob", "Bob-3"])
        again = mf.resume("r", servers, journal=tmp_path / "runs.db")
        assert (again.workflow, again.trace) == (edited, run.trace)


def test_guidance_timeout_check_and_repeat_of_a_step_that_ran_may_change(tmp_path):
    mock, calls = counting()
    with mf.connect(m=mock) as servers:
        three().start(servers, name="Ada", journal=tmp_path / "runs.db", run_id="r").to("b")
        other = three(guidance="Hi", timeout=3, repeat=True, check={"tool": "m.list"})
        assert other.start(servers, name="Ada", journal=tmp_path / "runs.db", run_id="r").all().outcome == "completed"
    assert len(calls) == 3


def test_a_completed_run_goes_on_with_the_steps_that_were_added(tmp_path):
    mock, calls = counting()
    with mf.connect(m=mock) as servers:
        three().start(servers, name="Ada", journal=tmp_path / "runs.db", run_id="r").all()
        more = three().step("d", tool="m.make", args={"name": "last"})
        run = more.start(servers, name="Ada", journal=tmp_path / "runs.db", run_id="r")
        assert run.outcome == "paused"
        assert (run.all().outcome, calls[3:]) == ("completed", ["last"])


@pytest.mark.row("JO09")
def test_an_output_that_breaks_the_schema_of_now_is_said_and_not_used(tmp_path):
    workflow = mf.SequentialWorkflow("w").step("a", tool="m.make", bind="one")
    workflow = workflow.step("b", tool="m.use", args={"x": mf.field("one", "id")})
    with mf.connect(m=mf.mock({"make": {"id": 1, "token": "abc"}, "use": {}})) as servers:
        workflow.start(servers, journal=tmp_path / "runs.db", run_id="r").step()
    text = {"type": "object", "properties": {"id": {"type": "string"}, "token": {"type": "string", "maxLength": 3}}}
    with mf.connect(m=mf.mock({"make": {"id": "1"}, "use": {}}, outputs={"make": text})) as servers:
        run = mf.resume("r", servers, journal=tmp_path / "runs.db")
        assert (run.outcome, run.position, run.trace[-1].status) == ("failed", 0, "invalid_output")
        assert "breaks the schema that the server declares now: ['id']" in run.reason


def test_a_run_on_mocks_does_not_go_on_with_live_servers_nor_the_other_way(tmp_path):
    async def t() -> dict:
        return {"id": "1"}

    live = MCPServer("m", log_level="ERROR")
    live.add_tool(t, name="make")
    mocked, workflow = mf.mock({"make": {"id": "1"}}), mf.SequentialWorkflow("w")
    workflow = workflow.step("a", tool="m.make", bind="a").step("b", tool="m.make")
    for name, first, then in (("x", mocked, live), ("y", live, mocked)):
        with mf.connect(m=first) as servers:
            workflow.start(servers, journal=tmp_path / "runs.db", run_id=name).step()
        with mf.connect(m=then) as servers:
            with pytest.raises(mf.ChangedError, match=r"step 'a': server 'm': '(live|mock)' → '(mock|live)'"):
                mf.resume(name, servers, journal=tmp_path / "runs.db")

"""A run goes forward one step at a time; what happened is data, also when it failed."""

import asyncio
import math
import threading

import pytest
from mcp.server import MCPServer
from mcp.types import ToolAnnotations

import mcpflow_nb as mf

NEEDS_TASK = {"type": "object", "properties": {"task": {}}, "required": ["task"]}


def three_steps():
    return (
        mf.SequentialWorkflow("w", "do")
        .argument("who")
        .step("one", tool="m.make", args={"name": mf.prompt_arg("who")}, bind="made")
        .step("two", tool="m.use", args={"id": mf.field("made", "id")}, bind="used", guidance="Now {who}")
        .step("three", tool="m.end", args={"all": mf.from_step("used"), "id": mf.from_step("made")["id"]})
    )


@pytest.fixture
def servers():
    mock = mf.mock(
        {"make": lambda name: {"id": 2**60 + 1, "name": name}, "use": lambda id: [id, None, True], "end": "done"}
    )
    with mf.connect(m=mock) as servers:
        servers.mock = mock
        yield servers


def test_start_calls_nothing_and_shows_the_next_call(servers):
    run = three_steps().start(servers, who="Ada")
    assert (run.outcome, len(run.trace), servers.mock.calls) == ("paused", 0, [])
    assert (run.next.step, run.next.tool, run.next.server, run.next.source) == ("one", "make", "m", "mock")
    assert [(p.name, p.value, p.origin) for p in run.next.arguments] == [("name", "Ada", "argument who")]


def test_step_runs_exactly_one_step(servers):
    run = three_steps().start(servers, {"who": "Ada"})
    record = run.step()
    assert (record.step, record.status, record.value, run.outcome) == (
        "one",
        "ok",
        {"id": 2**60 + 1, "name": "Ada"},
        "paused",
    )
    assert len(servers.mock.calls) == 1


def test_to_stops_before_a_step_and_all_goes_to_the_end(servers):
    run = three_steps().start(servers, who="Ada").to("three")
    assert (run.next.step, len(run.trace)) == ("three", 2)
    run.all()
    assert (run.outcome, run.next, run.reason) == ("completed", None, None)
    assert servers.mock.calls[-1] == ("end", {"all": [2**60 + 1, None, True], "id": 2**60 + 1})


def test_all_of_a_completed_run_does_nothing_more(servers):
    run = three_steps().start(servers, who="Ada").all().all()
    assert len(servers.mock.calls) == len(run.trace) == 3


def test_a_binding_is_read_by_name_and_is_a_copy(servers):
    run = three_steps().start(servers, who="Ada").all()
    run["made"]["id"] = 0
    run.trace[0].value["id"] = 0
    assert run["made"]["id"] == 2**60 + 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("used", "is made by step 'two', which has not run"),
        ("three", "step 'three' binds nothing; its output is run.trace['three'].value"),
        ("mad", "did you mean 'made'"),
    ],
)
def test_a_binding_that_is_not_there_says_why(servers, name, said):
    run = three_steps().start(servers, who="Ada")
    run.step()
    with pytest.raises(mf.RunError, match=said.replace("[", r"\[").replace("]", r"\]")):
        run[name]


def test_guidance_is_filled_from_arguments_alone(servers):
    run = three_steps().start(servers, who="{id}").all()
    assert [record.guidance for record in run.trace] == [None, "Now {id}", None]


def test_bad_missing_and_unknown_arguments_are_refused_at_once_and_nothing_is_called(servers):
    workflow = three_steps().argument("level", type=int, choices=[1, 2]).argument("ratio", type=float, required=False)
    with pytest.raises(mf.ArgumentsError) as caught:
        workflow.start(servers, level="7", ratio=math.nan, wo="x")
    assert [(p.code, p.argument) for p in caught.value.problems] == [
        ("missing-argument", "who"), ("bad-argument", "level"), ("bad-argument", "ratio"), ("unknown-argument", "wo"),
    ]  # fmt: skip
    assert servers.mock.calls == []


def test_a_workflow_with_errors_is_refused_with_its_report(servers):
    with pytest.raises(mf.CheckError) as caught:
        mf.SequentialWorkflow("w").step("a", tool="m.nope").start(servers)
    assert [problem.code for problem in caught.value.report.errors] == ["unknown-tool"]


def test_text_arguments_are_read_by_their_type_and_empty_text_counts_as_absent(servers):
    workflow = (
        mf.SequentialWorkflow("w")
        .argument("n", type=int).argument("f", type=float, required=False).argument("t", required=False)
        .argument("d", type=bool, default=True)
        .step("a", tool="m.end", args={k: mf.prompt_arg(k) for k in "nftd"})
    )  # fmt: skip
    workflow.start(servers, n="+7", f="", t="", d="no").all()
    workflow.start(servers, n=7).all()
    assert servers.mock.calls == [("end", {"n": 7, "t": "", "d": False}), ("end", {"n": 7, "d": True})]


def test_a_tool_that_fails_ends_the_run_with_its_arguments_in_the_trace():
    with mf.connect(m=mf.mock({"make": ValueError("no <b>money</b>"), "use": 1, "end": 1})) as servers:
        run = three_steps().start(servers, who="Ada").all()
    assert (run.outcome, len(run.trace)) == ("failed", 1)
    assert (run.trace[0].status, run.trace[0].sent) == ("tool_error", {"name": "Ada"})
    assert run.reason == "step 'one', tool 'make' on server 'm': ValueError: no <b>money</b> [tool_error]"
    with pytest.raises(
        mf.RunError,
        match=r"run.step\(\): the run is failed: step 'one'.*; run.rerun\('one'\) calls that step again, or begin a new one",
    ):
        run.step()


def test_a_path_the_output_lacks_is_a_failure_that_lists_what_is_there():
    with mf.connect(m=mf.mock({"make": {"idd": 1, "name": "x"}, "use": 1, "end": 1})) as servers:
        run = three_steps().start(servers, who="Ada").all()
    assert (run.outcome, run.trace[1].status) == ("failed", "not_sent")
    assert (
        run.trace[1].error
        == "argument 'id': 'made.id' has no 'id': there is an object with 'idd', 'name'; did you mean 'idd'?"
    )


def test_a_required_parameter_without_a_value_is_a_handoff_that_says_what_is_missing():
    mock = mf.mock({"list": ["a"], "add": 1}, schemas={"add": NEEDS_TASK})
    workflow = mf.SequentialWorkflow("w").argument("task", required=False).step("list", tool="list", bind="pages")
    workflow = workflow.step("add", tool="add", args={"task": mf.prompt_arg("task")}).step("never", tool="list")
    with mf.connect(m=mock) as servers:
        run = workflow.start(servers).all()
        assert (run.outcome, run.trace[1].status, run.trace[1].missing) == ("handoff", "handoff", ("task",))
        assert "no value for 'task' of m.add" in run.reason
        assert workflow.start(servers, task="x").all().outcome == "completed"


def test_null_is_a_value_and_counts_as_given():
    mock = mf.mock({"a": None, "b": 1}, schemas={"b": NEEDS_TASK})
    workflow = (
        mf.SequentialWorkflow("w").step("a", tool="a", bind="r").step("b", tool="b", args={"task": mf.from_step("r")})
    )
    with mf.connect(m=mock) as servers:
        assert workflow.start(servers).all().outcome == "completed"
    assert mock.calls[-1] == ("b", {"task": None})


def test_a_step_may_always_be_left_to_the_client(servers):
    run = mf.SequentialWorkflow("w").step("a", tool="m.end", handoff=True).start(servers).all()
    assert (run.outcome, servers.mock.calls) == ("handoff", [])


def test_a_cancelled_run_keeps_what_happened_and_goes_no_further(servers):
    run = three_steps().start(servers, who="Ada")
    run.step()
    assert (run.cancel().outcome, len(run.trace), run.next) == ("cancelled", 1, None)
    with pytest.raises(mf.RunError, match="the run is cancelled"):
        run.all()


@pytest.mark.parametrize(
    ("hints", "trusted", "repeat", "status"),
    [
        ({}, ["slow"], None, "unknown"), ({"readOnlyHint": True}, ["slow"], None, "cancelled"),
        ({"readOnlyHint": True}, [], None, "unknown"), ({}, [], True, "cancelled"),
        ({"readOnlyHint": True}, ["slow"], False, "unknown"),
    ],
    ids=["no word", "trusted", "T14-its word alone", "the author's word", "the author against it"],
)  # fmt: skip
def test_cancelling_ends_a_call_under_way_and_says_whether_it_may_have_run(hints, trusted, repeat, status):
    begun, tool = threading.Event(), MCPServer("slow", log_level="ERROR")

    @tool.tool(annotations=ToolAnnotations(**hints))
    async def wait() -> str:
        begun.set()
        await asyncio.sleep(60)
        return "never"

    with mf.connect(slow=tool, trusted=trusted) as servers:
        workflow = mf.SequentialWorkflow("w").step("a", tool="slow.wait", repeat=repeat).step("b", tool="slow.wait")
        run = workflow.start(servers)
        thread = threading.Thread(target=run.all)
        thread.start()
        assert begun.wait(5)
        run.cancel()
        thread.join(5)
        assert not thread.is_alive()
    assert (run.outcome, [record.status for record in run.trace]) == (status, [status])


def test_an_argument_with_a_schema_of_its_own_is_held_to_it(servers):
    order = {"properties": {"id": {"type": "string"}}, "required": ["id"]}
    workflow = mf.SequentialWorkflow("w").argument("order", type=dict, schema=order)
    workflow = workflow.step("a", tool="m.end", args={"id": mf.prompt_arg("order")["id"]})
    with pytest.raises(mf.ArgumentsError, match=r"argument 'order': .*required"):
        workflow.start(servers, order={"idd": 1})
    assert workflow.start(servers, order={"id": "x"}).all().trace[0].sent == {"id": "x"}


def test_a_resource_that_nobody_offers_ends_the_run_and_says_which(servers):
    workflow = mf.SequentialWorkflow("w").step("read", resources=["docs://a"]).step("b", tool="m.end")
    report = workflow.check(servers)
    assert (bool(report), "unknown-resource" in report.codes) == (True, True)
    run = workflow.start(servers).all()
    assert (run.outcome, [record.status for record in run.trace]) == ("failed", ["resource_error"])
    assert run.reason == (
        "step 'read': resource 'docs://a' cannot be fetched: no server offers resources: no resource 'docs://a' "
        "[resource_error]"
    )


def test_to_a_step_that_is_unknown_or_past_is_refused(servers):
    run = three_steps().start(servers, who="Ada")
    run.step()
    with pytest.raises(mf.RunError, match="did you mean 'three'"):
        run.to("thre")
    with pytest.raises(mf.RunError, match="has run already; the next one is 'two'"):
        run.to("one")


def test_a_run_started_twice_from_one_workflow_is_two_runs(servers):
    workflow = three_steps()
    first, second = workflow.start(servers, who="A").all(), workflow.start(servers, who="B").all()
    assert (first["made"]["name"], second["made"]["name"], first.id == second.id) == ("A", "B", False)


def test_the_frames_keep_every_value_as_it_came(servers):
    run = three_steps().start(servers, who="Ada").all()
    assert run.trace.df["step"].tolist() == ["one", "two", "three"]
    assert run.trace.df["value"].tolist() == [{"id": 2**60 + 1, "name": "Ada"}, [2**60 + 1, None, True], "done"]
    assert run.trace.arguments.to_dict("records")[-1] == {
        "step": "three", "argument": "id", "source": "made.id", "value": 2**60 + 1,
    }  # fmt: skip


def test_every_verb_can_be_awaited(servers):
    async def walk():
        run = three_steps().start(servers, who="Ada")
        assert (await run.step.aio()).step == "one"
        return (await (await run.to.aio("three")).all.aio()).outcome

    assert asyncio.run(walk()) == "completed"

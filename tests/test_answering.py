"""At a handoff the client answers: checked first, all at once; then the run goes on as it was going."""

import threading

import pytest
from mcp import types
from mcp.server.lowlevel import Server

import mcpflow_nb as mf

TASK = {
    "type": "object",
    "properties": {"task": {"type": "string", "maxLength": 9}, "level": {"type": "integer"}, "note": {}},
    "required": ["task", "level"],
}
CLOSED = {"type": "object", "properties": {"task": {}}, "required": ["task"], "additionalProperties": False}


@pytest.fixture
def servers():
    """servers has the tools of one mock: make, add (see TASK), closed (see CLOSED), any, bad."""
    tools = {"make": {"id": 7}, "add": lambda **given: given, "closed": 1, "any": 1, "bad": ValueError("no")}
    with mf.connect(m=mf.mock(tools, schemas={"add": TASK, "closed": CLOSED})) as servers:
        servers.mock = servers["m"]
        yield servers


def asking(**fields):
    """Four steps, the second of which is handed over for want of a task."""
    fields = {"args": {"level": mf.field("made", "id")}, "bind": "added", **fields}
    return (
        mf.SequentialWorkflow("w")
        .step("make", tool="m.make", bind="made")
        .step("add", tool="m.add", **fields)
        .step("use", tool="m.any", args={"x": mf.from_step("added")}, bind="used")
        .step("end", tool="m.any", args={"x": mf.from_step("used")})
    )


def statuses(run):
    return [(record.step, record.status) for record in run.trace]


def test_an_answer_calls_the_step_with_what_was_given_and_what_was_known(servers):
    run = asking().start(servers).all()
    assert (run.outcome, run.next.step, run.next.missing) == ("handoff", "add", ("task",))
    run.answer(task="read")
    record = run.trace[2]
    assert [(p.name, p.value, p.origin) for p in record.arguments] == [
        ("level", 7, "made.id"),
        ("task", "read", "the client's answer"),
    ]
    assert (record.status, record.attempt, run["added"]) == ("ok", 2, {"level": 7, "task": "read"})


def test_after_all_it_goes_on_to_the_end(servers):
    run = asking().start(servers).all().answer({"task": "read"})
    assert (run.outcome, statuses(run)[1:]) == (
        "completed",
        [("add", "handoff"), ("add", "ok"), ("use", "ok"), ("end", "ok")],
    )


def test_after_to_it_goes_on_to_that_step(servers):
    run = asking().start(servers).to("end")
    assert run.outcome == "handoff"
    run.answer(task="read")
    assert (run.outcome, run.next.step) == ("paused", "end")


def test_after_a_single_step_it_pauses_again(servers):
    run = asking().start(servers)
    run.step()
    assert run.step().status == "handoff"
    run.answer(task="read")
    assert (run.outcome, run.next.step) == ("paused", "use")


def test_an_answer_that_fails_ends_the_run(servers):
    flow = mf.SequentialWorkflow("w").step("a", tool="m.bad", handoff=True).step("b", tool="m.any")
    run = flow.start(servers).all().answer()
    assert (run.outcome, statuses(run)) == ("failed", [("a", "handoff"), ("a", "tool_error")])
    assert [step.step for step in run.trace.ahead] == ["b"]


def test_what_the_workflow_gives_may_be_given_anew(servers):
    run = asking().start(servers).all().answer(task="read", level=8, note=None)
    assert run["added"] == {"task": "read", "level": 8, "note": None}


def test_a_step_that_is_always_handed_over_is_answered_with_nothing(servers):
    run = mf.SequentialWorkflow("w").step("a", tool="m.any", args={"x": 1}, handoff=True).start(servers).all()
    assert (run.outcome, run.next.missing, run.next.sent) == ("handoff", (), {"x": 1})
    assert (run.answer().outcome, run.trace[-1].sent) == ("completed", {"x": 1})


def test_every_mistake_in_an_answer_is_said_at_once_and_nothing_is_called(servers):
    mock = mf.mock({"make": {"id": 7}, "add": 1}, schemas={"add": {**TASK, "additionalProperties": False}})
    with mf.connect(n=mock) as others:
        flow = mf.SequentialWorkflow("w").step("add", tool="n.add", args={"note": 1})
        run = flow.start(others).all()
        with pytest.raises(mf.RunError) as caught:
            run.answer(tusk="x", level="7", note={1, 2})
        assert str(caught.value).split("\n") == [
            "run.answer(): n.add was not called:",
            "  'tusk' is no parameter; did you mean 'task'?",
            '  \'level\': "7" is not of type "integer"',
            "  'note': a set is no JSON value; give text, a number, a boolean, None, a list or a dict",
            "  'task' is still missing",
        ]
        assert (run.outcome, mock.calls, statuses(run)) == ("handoff", [], [("add", "handoff")])
        assert run.answer(task="x", level=7).outcome == "completed"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "'task' is still missing"),
        ({"task": 1}, "'task': 1 is not of type \"string\""),
        ({"task": "0123456789"}, "'task': \"0123456789\" is longer than 9 characters"),
        ({"task": float("nan")}, "'task': nan is no JSON number"),
        ({"task": "\ud800"}, "'task': text with a lone surrogate"),
        ({"task": "x", "level": None}, "'level': null is not of type \"integer\""),
    ],
)
def test_an_answer_that_the_tool_would_refuse_is_refused_before_the_call(servers, given, said):
    run = asking().start(servers).all()
    with pytest.raises(mf.RunError) as caught:
        run.answer(given)
    assert said in str(caught.value)
    assert (run.outcome, len(run.trace)) == ("handoff", 2)


def test_an_unknown_name_is_refused_where_the_tool_says_what_it_takes(servers):
    run = mf.SequentialWorkflow("w").step("a", tool="m.closed").start(servers).all()
    with pytest.raises(mf.RunError, match="'extra' is no parameter"):
        run.answer(task=1, extra=2)


def test_a_tool_that_says_nothing_of_its_parameters_takes_any(servers):
    run = mf.SequentialWorkflow("w").step("a", tool="m.any", handoff=True).start(servers).all()
    assert run.answer(what=[1]).trace[-1].sent == {"what": [1]}


@pytest.mark.parametrize("begun", [False, True])
def test_an_answer_to_nothing_is_refused_with_what_the_run_is(servers, begun):
    run = mf.SequentialWorkflow("w").step("a", tool="m.any").start(servers)
    run = run.all() if begun else run
    with pytest.raises(mf.RunError, match=f"no handoff is open; the run is {'completed' if begun else 'paused'}"):
        run.answer(task="x")


def test_a_run_at_a_handoff_goes_no_further_without_an_answer(servers):
    run = asking().start(servers).all()
    for verb in (run.step, run.all, lambda: run.to("end")):
        with pytest.raises(mf.RunError, match=r"the run is handoff: .*answer it with run\.answer"):
            verb()


def test_a_run_cancelled_at_a_handoff_takes_no_answer_and_says_what_is_left(servers):
    run = asking().start(servers).all().cancel()
    assert (run.outcome, run.reason) == ("cancelled", "cancelled before the next step")
    assert [step.step for step in run.trace.ahead] == ["add", "use", "end"]
    with pytest.raises(mf.RunError, match="no handoff is open; the run is cancelled"):
        run.answer(task="x")


def test_two_handoffs_in_a_row_are_answered_one_after_the_other(servers):
    flow = asking().step("last", tool="m.add", args={"level": 1})
    run = flow.start(servers).all().answer(task="one")
    assert (run.outcome, run.next.step) == ("handoff", "last")
    assert run.answer(task="two").outcome == "completed"


@pytest.mark.row("PR14", "PR15")
def test_a_server_that_asks_for_input_is_not_answered_here_and_says_so():
    async def listing(*_):
        return types.ListToolsResult(tools=[types.Tool(name="t", input_schema={"type": "object"})])

    async def calling(*_):
        asked = types.ElicitRequestFormParams(message="?", requested_schema={"type": "object", "properties": {}})
        return types.InputRequiredResult(input_requests={"who": types.ElicitRequest(params=asked)}, request_state="x")

    with mf.connect(m=Server("asks", on_list_tools=listing, on_call_tool=calling)) as servers:
        run = mf.SequentialWorkflow("w").step("s", tool="m.t").start(servers).all()
        assert (run.outcome, statuses(run)) == ("handoff", [("s", "needs_input")])
        with pytest.raises(mf.RunError, match=r"step 's' cannot be answered here: the server asks for input \(who\)"):
            run.answer(who="Ada")
    assert len(run.trace) == 1


def cancelled_while_reading(flow, gate, mock):
    """The run of a workflow that was cancelled once the mock reads a resource."""
    with mf.connect(m=mock) as servers:
        run = flow.start(servers)
        thread = threading.Thread(target=run.all)
        thread.start()
        assert gate.wait(5)
        run.cancel()
        thread.join(5)
        assert not thread.is_alive()
    return run


def slow(gate, release):
    def read():
        gate.set()
        release.wait(5)
        return "late"

    return read


def test_an_interruption_while_fetching_before_the_call_is_cancelled_and_not_unknown():
    gate, release = threading.Event(), threading.Event()
    mock = mf.mock({"t": 1}, resources={"docs://a": "A", "docs://b": slow(gate, release)})
    flow = mf.SequentialWorkflow("w").step("s", tool="m.t", resources=["docs://a", "docs://b"])
    run = cancelled_while_reading(flow, gate, mock)
    release.set()
    assert (run.outcome, statuses(run), mock.calls) == ("cancelled", [("s", "cancelled")], [])
    assert run.trace[0].error == "interrupted while 'docs://b' was read; nothing was sent to its tool"
    assert [fetched.uri for fetched in run.trace[0].resources] == ["docs://a", "docs://b"]


def test_an_interruption_while_fetching_after_the_call_keeps_the_value():
    gate, release = threading.Event(), threading.Event()
    mock = mf.mock({"t": {"id": "b"}}, resources={"docs://a": "A", "docs://b": slow(gate, release)})
    step = mf.WorkflowStep("s", tool="m.t", bind="made", resources=["docs://a", "docs://{id}"])
    step = step.with_template_binding("id", mf.field("made", "id"))
    run = cancelled_while_reading(mf.SequentialWorkflow("w").step(step), gate, mock)
    release.set()
    assert (run.trace[0].status, run["made"]) == ("resource_error", {"id": "b"})
    assert run.trace[0].error == "interrupted while its resources were fetched; the tool had run"
    assert [fetched.uri for fetched in run.trace[0].resources] == ["docs://a", "docs://{id}"]

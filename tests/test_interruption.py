"""A run that was cancelled says where, and its conversation names what was not run."""

import threading

import pytest

import mcpflow_nb as mf
from mcpflow_nb.records.trace import Trace

HANDOFF = "mcpflow/handoff"


@pytest.fixture
def reading():
    """Return the run of a workflow that is cancelled once its mock reads `docs://slow`."""
    begun, release = threading.Event(), threading.Event()

    def slow():
        begun.set()
        release.wait(5)
        return "late"

    def cancelled(flow):
        mock = mf.mock({"t": {"id": "slow"}}, resources={"docs://a": "A", "docs://slow": slow})
        with mf.connect(m=mock) as servers:
            run = flow.start(servers)
            thread = threading.Thread(target=run.all)
            thread.start()
            assert begun.wait(5)
            run.cancel()
            thread.join(5)
            assert not thread.is_alive()
        return run, mock

    yield cancelled
    release.set()


def workflow(**fields):
    return mf.SequentialWorkflow("w").step("s", **fields).step("never", tool="m.t").step("nor", tool="m.t")


@pytest.mark.parametrize(
    ("tool", "more"), [("m.t", "; nothing was sent to its tool"), (None, "")], ids=["before a call", "without a tool"]
)
def test_an_interruption_while_a_resource_is_read_names_it_and_so_does_the_conversation(reading, tool, more):
    run, mock = reading(workflow(tool=tool, resources=["docs://a", "docs://slow", "docs://a"]))
    said = f"interrupted while 'docs://slow' was read{more}"
    assert (run.outcome, [(r.status, r.error) for r in run.trace]) == ("cancelled", [("cancelled", said)])
    assert [(one.uri, one.error) for one in run.trace[0].resources] == [
        ("docs://a", None),
        ("docs://slow", "interrupted while it was read"),
    ]
    last = run.conversation()[-1]
    assert (last.kind, last.text) == ("error", f"Step 's' failed [cancelled]: {said}\nNot run: never, nor.")
    assert [message.kind for message in run.trace.messages].count("resource") == 1
    assert mock.calls == []


def test_an_interruption_while_a_resource_is_read_after_the_call_names_it_and_tells_the_result(reading):
    template = {"id": mf.field("made", "id")}
    run, mock = reading(workflow(tool="m.t", bind="made", resources=["docs://{id}"], template=template))
    assert (run.outcome, run["made"], mock.calls) == ("cancelled", {"id": "slow"}, [("t", {})])
    assert run.trace[0].resources[-1].error == "interrupted while it was read"
    told = [(message.kind, message.text.splitlines()[-1]) for message in run.trace.messages[3:]]
    assert told == [("result", "}"), ("error", "Not run: never, nor.")]


def test_a_run_cancelled_between_steps_says_so_last_with_what_was_not_run():
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        run = workflow(tool="m.t").start(servers).to("never").cancel()
    messages = run.conversation().messages
    assert [message.kind for message in messages] == ["intent", "plan", "call", "result", "error"]
    assert messages[-1].text == "The run was cancelled.\nNot run: never, nor."


def test_a_run_cancelled_before_it_began_says_so_and_that_nothing_ran():
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        run = workflow(tool="m.t").start(servers).cancel()
    assert run.conversation()[-1].text == "The run was cancelled.\nNot run: s, never, nor."


def test_a_handoff_of_a_run_that_was_cancelled_has_no_call_to_make():
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        run = workflow(tool="m.t", handoff=True).start(servers).all()
        (handed,) = (message for message in run.trace.messages if message.kind == "handoff")
        assert "next" in handed.content["_meta"][HANDOFF]
        run.cancel()
    for messages in (run.trace.messages, Trace.from_json(run.trace.to_json()).messages):
        (handed,) = (message for message in messages if message.kind == "handoff")
        assert handed.content["_meta"][HANDOFF] == {
            "step": "s", "reason": "the step says handoff=True: the client takes over", "missing": [],
        }  # fmt: skip
        assert "Make this call next" not in handed.text
        assert messages[-1].text == "The run was cancelled.\nNot run: s, never, nor."

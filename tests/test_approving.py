"""A call that waits for a person: what is allowed is exactly that call, and nobody else may."""

import asyncio

import mcp.types as types
import pytest
from mcp import Client
from mcp.server import MCPServer

import mcpflow_nb as mf
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.running import debugger
from mcpflow_nb.running import run as run_file


def pay(amount: int, to: str = "") -> dict:
    return {"paid": amount}


@pytest.fixture
def bank():
    """bank is a mock; bank.servers the servers it is connected in."""
    mock = mf.mock({"look": {"owed": 5}, "pay": pay, "end": {}}, resources={"doc://terms": "terms"})
    with mf.connect(bank=mock) as servers:
        mock.servers = servers
        yield mock


def paying(**more):
    made = mf.SequentialWorkflow("w").step("look", tool="bank.look", bind="bill")
    made = made.step("pay", tool="bank.pay", args={"amount": mf.field("bill", "owed")}, approve=True, **more)
    return made.step("end", tool="bank.end")


def calls(bank):
    return [name for name, _ in bank.calls]


def test_nothing_is_sent_until_a_person_allows_it_and_then_the_run_goes_on_as_it_was_going(bank):
    run = paying().start(bank.servers).all()
    assert (run.outcome, run.position, calls(bank)) == ("waiting", 1, ["look"])
    assert (run.trace[-1].status, run.next.sent) == ("waiting", {"amount": 5})
    assert "a person must allow bank.pay with these arguments; nothing was sent" in run.reason
    assert run.approve("pay") is run
    assert (run.outcome, calls(bank)) == ("completed", ["look", "pay", "end"])
    assert Trace.from_json(run.trace.to_json()) == run.trace


def test_a_step_pauses_again_after_what_was_allowed(bank):
    run = paying().start(bank.servers)
    run.step()
    assert run.step().status == "waiting"
    assert (run.approve("pay").outcome, run.position) == ("paused", 2)


@pytest.mark.row("CO03")
def test_a_call_that_changed_is_asked_for_anew(bank):
    run = paying().start(bank.servers).all()
    run.edit("pay", amount=500)
    with pytest.raises(mf.RunError, match=r"run.approve\(\): the call of step .pay. is another one than was asked for"):
        run.approve("pay")
    assert (run.outcome, calls(bank), run.next.sent) == ("waiting", ["look"], {"amount": 500})
    assert run.approve("pay").outcome == "completed"
    assert bank.calls[1] == ("pay", {"amount": 500})


def test_every_round_asks_again(bank):
    run = paying().start(bank.servers).all().approve("pay")
    assert run.rerun("pay").outcome == "waiting"
    fork = run.fork()
    assert fork.approve("pay").outcome == "completed"
    assert run.outcome == "waiting"


def test_only_the_step_that_waits_can_be_allowed(bank):
    run = paying().start(bank.servers)
    with pytest.raises(mf.RunError, match="step 'pay' does not wait for anyone; the run is paused"):
        run.approve("pay")
    run.all()
    with pytest.raises(mf.RunError, match="step 'end' does not wait for anyone; the run is waiting"):
        run.approve("end")
    with pytest.raises(mf.RunError, match=r"the run is waiting: .*run.approve\('pay'\) lets the call be made"):
        run.step()


def test_a_run_that_waits_can_be_ended_pinned_and_taken_further_by_hand(bank):
    run = paying().start(bank.servers).all()
    assert run.fork().cancel().outcome == "cancelled"
    assert run.pin("pay", {"paid": 0}).all().outcome == "completed"
    assert calls(bank) == ["look", "end"]


def test_what_the_client_answers_is_what_is_allowed(bank):
    made = mf.SequentialWorkflow("w").step(
        "pay", tool="bank.pay", approve=True, guidance="Say it", resources=["doc://terms"]
    )
    run = made.start(bank.servers).all()
    assert run.outcome == "handoff"
    assert (run.answer(amount=7).outcome, run.next.sent) == ("waiting", {"amount": 7})
    assert run.approve("pay").outcome == "completed"
    kinds = [message.kind for message in run.trace.messages if message.step == "pay"]
    assert kinds == ["guidance", "resource", "handoff", "waiting", "call", "result"]


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.row("CO01", "CO03")
def test_on_a_live_server_somebody_must_be_there(monkeypatch, is_there):
    for file in (run_file, debugger):
        monkeypatch.setattr(file, "is_attended", lambda: is_there)
    live, paid = MCPServer("bank"), []
    live.tool(name="pay")(lambda amount: paid.append(amount))
    made = mf.SequentialWorkflow("w").step("pay", tool="bank.pay", args={"amount": "5"}, approve=True)
    with mf.connect(bank=live) as servers:
        run = made.start(servers).all()
        assert (run.trace[-1].status, run.trace[-1].source) == ("waiting", "live")
        if not is_there:
            with pytest.raises(mf.RunError, match="nobody is here to allow step 'pay' on live server 'bank'"):
                run.approve("pay")
            with pytest.raises(mf.RunError, match="step 'pay' wants a person"):
                run.call("pay")
            assert (run.outcome, paid) == ("waiting", [])
        assert run.approve("pay", by=None if is_there else "the desk").outcome == "completed"
    assert paid == ["5"]


def test_a_script_without_a_terminal_is_nobody():
    assert run_file.is_attended() is False


def test_what_was_asked_and_allowed_survives_a_restart(bank, tmp_path):
    path = tmp_path / "j.sqlite"
    run = paying().start(bank.servers, journal=path).all()
    again = mf.resume(run.id, bank.servers, journal=path)
    assert (again.outcome, again.next.sent) == ("waiting", {"amount": 5})
    assert again.approve("pay").all().outcome == "completed"
    assert mf.resume(run.id, bank.servers, journal=path).outcome == "completed"
    assert calls(bank) == ["look", "pay", "end"]


def test_what_was_allowed_holds_for_the_attempts_of_that_round_alone():
    lost = mf.mock({"pay": mf.sequence(mf.fault("lost"), {"paid": 1}, {"paid": 2})})
    with mf.connect(bank=lost) as servers:
        made = mf.SequentialWorkflow("w").step("pay", tool="bank.pay", approve=True, repeat=True, retry=mf.Retry(2, 0))
        run = made.start(servers).all().approve("pay")
        assert (run.outcome, [one.status for one in run.trace]) == ("completed", ["waiting", "unknown", "ok"])


def test_what_it_says_before_is_that_a_person_is_waited_for(bank):
    flow = paying()
    assert [row.expected for row in flow.forecast(bank.servers)] == ["call", "wait for a person", "call"]
    run = flow.start(bank.servers)
    run.step()
    assert [row.will for row in run.plan()] == ["wait for a person", "call"]
    assert "Ask the user before this call" in flow.to_skill(bank.servers).text


def asked(bank, **callbacks):
    """Return what a client of the served workflow reads."""

    async def go():
        async with asyncio.timeout(20), Client(mf.serve(paying(), bank.servers).mcp, **callbacks) as client:
            return await client.get_prompt("w")

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("action", "outcome", "paid"),
    [("accept", "completed", ["look", "pay", "end"]), ("decline", "waiting", ["look"])],
)
def test_a_served_workflow_asks_the_clients_user(bank, action, outcome, paid):
    words = []

    async def person(context, params):
        words.append(params.message)
        return types.ElicitResult(action=action, content={} if action == "accept" else None)

    reply = asked(bank, elicitation_callback=person)
    assert (reply.meta["mcpflow/run"]["outcome"], calls(bank), len(words)) == (outcome, paid, 1)
    assert 'calls bank.pay with {"amount": 5}. Shall it be called?' in words[0]


def test_a_client_that_cannot_be_asked_is_told_and_nothing_is_sent(bank):
    reply = asked(bank)
    assert calls(bank) == ["look"]
    assert "a person must allow bank.pay with these arguments; nothing was sent" in reply.messages[-1].content.text

"""A step that is called again by itself: after what, how often, how long between, and what is written down."""

import time

import pytest

import mcpflow_nb as mf
from mcpflow_nb.bridge import io_thread
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.workflows.retrying import Retry
from tests.raw_http import raw_http

LOST = mf.fault("lost")


def flow(retry, **more):
    made = mf.SequentialWorkflow("w").step("mail", tool="c.mail", bind="mail", retry=retry, **more)
    return made.step("next", tool="c.next", args={"x": mf.from_step("mail")})


def ran(retry, answers, **more):
    """Return a run to its end of a step that answers so, in turn."""
    with mf.connect(c=mf.mock({"mail": mf.sequence(*answers), "next": {}})) as servers:
        return flow(retry, **more).start(servers).all()


def attempts(run):
    return [(one.step, one.status, one.attempt) for one in run.trace]


def test_a_step_is_called_again_until_it_answers_and_each_attempt_is_a_record():
    run = ran(Retry(3, 0), [LOST, LOST, {"sent": 1}], repeat=True)
    assert attempts(run) == [
        ("mail", "unknown", 1),
        ("mail", "unknown", 2),
        ("mail", "ok", 3),
        ("next", "ok", 1),
    ]
    assert (run.outcome, run["mail"]) == ("completed", {"sent": 1})
    assert Trace.from_json(run.trace.to_json()) == run.trace
    assert [message.kind for message in run.trace.messages if message.step == "mail"].count("error") == 2


def test_the_last_attempt_is_the_last():
    run = ran(Retry(2, 0), [LOST, LOST, {"sent": 1}], repeat=True)
    assert (run.outcome, attempts(run)) == ("unknown", [("mail", "unknown", 1), ("mail", "unknown", 2)])


@pytest.mark.parametrize("repeat", [None, False])
@pytest.mark.row("HT06")
def test_what_might_do_harm_is_not_called_again(repeat):
    run = ran(Retry(3, 0), [LOST, {"sent": 1}], repeat=repeat)
    assert (run.outcome, attempts(run)) == ("unknown", [("mail", "unknown", 1)])


def test_an_error_of_the_tool_is_only_followed_by_another_call_where_that_was_asked_for():
    answers = [mf.fail("busy"), {"sent": 1}]
    assert ran(Retry(3, 0), answers, repeat=True).outcome == "failed"
    run = ran(Retry(3, 0, on=["tool_error"]), answers, repeat=True)
    assert attempts(run)[:2] == [("mail", "tool_error", 1), ("mail", "ok", 2)]
    assert ran(Retry(3, 0, on=["tool_error"]), answers).outcome == "failed"  # nobody says that it does no harm


def test_the_attempts_of_one_round_have_one_key_and_the_next_round_has_another():
    keys, answers = [], iter([True, True, False, False])

    def mail(key: str) -> dict:
        keys.append(key)
        if next(answers):
            raise ValueError("busy")
        return {"sent": 1}

    with mf.connect(c=mf.mock({"mail": mail, "next": {}})) as servers:
        retry = Retry(3, 0, on=["tool_error"])
        run = flow(retry, repeat=True, idempotency_arg="key").start(servers).all()
        run.rerun("mail")
    assert keys == [f"{run.id}/mail"] * 3 + [f"{run.id}/mail/2"]


def test_a_call_that_cannot_be_made_is_not_tried_again():
    with mf.connect(c=mf.mock({"mail": {}, "next": {}})) as servers:
        made = mf.SequentialWorkflow("w").step("mail", tool="c.mail", bind="mail")
        made = made.step("next", tool="c.next", args={"x": mf.field("mail", "id")}, retry=Retry(3, 30))
        run = made.start(servers).all()
    assert (run.outcome, attempts(run)[1:]) == ("failed", [("next", "not_sent", 1)])


def test_it_waits_between_attempts_and_twice_as_long_each_time():
    before = time.monotonic()
    ran(Retry(3, 0.1), [LOST, LOST, {"sent": 1}], repeat=True)
    assert 0.3 <= time.monotonic() - before < 2


@pytest.mark.parametrize(
    ("retry", "made", "asked", "expected"),
    [
        (Retry(3, 1.0), 1, None, 1.0),
        (Retry(3, 1.0), 2, None, 2.0),
        (Retry(3, 1.0), 3, None, None),
        (Retry(3, 1.0), 1, 5.0, 5.0),
        (Retry(3, 1.0), 1, 0.5, 1.0),
        (Retry(3, 1.0), 1, 61.0, None),
        (Retry(9, 30.0), 4, None, 60.0),
    ],
)
def test_a_pause_is_the_longer_of_ours_and_the_servers_and_never_too_long(retry, made, asked, expected):
    assert retry.pause(made, asked) == expected


@pytest.mark.parametrize("fields", [{"attempts": 0}, {"backoff": -1}, {"backoff": float("nan")}, {"on": ["ok"]}])
def test_what_is_no_retry_is_refused_with_its_place(fields):
    with pytest.raises(mf.DefinitionError, match=f"Retry: {next(iter(fields))}"):
        Retry(**fields)


def test_a_new_round_has_all_its_attempts_again():
    with mf.connect(c=mf.mock({"mail": mf.sequence(LOST, LOST, LOST, {"sent": 1}), "next": {}})) as servers:
        run = flow(Retry(2, 0), repeat=True).start(servers).all()
        assert run.outcome == "unknown"
        assert run.rerun("mail").outcome == "completed"
    assert [attempt for step, _, attempt in attempts(run) if step == "mail"] == [1, 2, 3, 4]


def test_guidance_and_resources_come_once_however_often_it_is_called():
    mock = mf.mock({"mail": mf.sequence(LOST, {"sent": 1}), "next": {}}, resources={"doc://a": "text"})
    with mf.connect(c=mock) as servers:
        step = {"guidance": "Mind the tone", "resources": ["doc://a"], "repeat": True}
        run = flow(Retry(2, 0), **step).start(servers).all()
    kinds = [message.kind for message in run.trace.messages if message.step == "mail"]
    assert kinds == ["guidance", "resource", "call", "error", "call", "result"]


@pytest.mark.parametrize(
    ("status", "wait", "calls", "outcome"),
    [
        (429, "1", 2, "completed"),
        (429, "3600", 1, "failed"),
        (401, "0", 1, "failed"),
        (403, "0", 1, "failed"),
        (503, "0", 1, "unknown"),
    ],
)
@pytest.mark.row("HT05", "HT06")
def test_a_refused_call_is_sent_again_when_the_server_wants_it_and_if_it_may(status, wait, calls, outcome):
    """HT03, HT04, HT05, HT06: only a call that was certainly not taken, and not one that is refused for good."""

    def answer(handler, request):
        if handler.server.calls == 1:
            handler.give(status, b"", retry_after=wait)
        else:
            handler.result(request, {"content": []})

    with raw_http(answer) as server, mf.connect(web={"url": server.url}) as servers:
        made = mf.SequentialWorkflow("w").step("a", tool="web.t", retry=Retry(3, 0.0))
        before = time.monotonic()
        run = made.start(servers).all()
        assert (server.calls, run.outcome) == (calls, outcome)
        assert calls == 1 or time.monotonic() - before >= float(wait)


def test_attempts_count_across_a_restart(tmp_path):
    path = tmp_path / "j.sqlite"
    with mf.connect(c=mf.mock({"mail": mf.sequence(LOST, LOST, {"sent": 1}), "next": {}})) as servers:
        run = flow(Retry(2, 30), repeat=True).start(servers, journal=path)
        job = io_thread().submit(run.step.aio())
        until(lambda: len(run.trace) == 1)
        again = restarted(run, path, servers)
        job.cancel()
        assert [one.status for one in again.trace] == ["unknown"]
        again.step()
        assert (again.outcome, attempts(again)) == ("unknown", [("mail", "unknown", 1), ("mail", "unknown", 2)])


def restarted(run, path, servers):
    """Return the run as another process finds it that takes it over while this one waits."""
    store = run._keeper.store
    store.held.pop(run.id)
    return mf.resume(run.id, servers, journal=path)


def until(condition):
    limit = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)

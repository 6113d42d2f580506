"""A step of unknown outcome: its check tells, a person settles it, or it is called once more; one attempt, one key."""

import time
from datetime import UTC, datetime

import pytest

import mcpflow_nb as mf
from mcpflow_nb.running.engine import KEY_META
from mcpflow_nb.running.settling import BY_CHECK, BY_HAND


def mailing(*, lands=False, found=None):
    """A mail server whose first answer is lost, and what its `find` tells; `lands`: the mail was sent all the same."""
    sent = []

    def mail(to: str) -> dict:
        sent.append(to)
        return {"sent": to}

    def find() -> object:
        return {"result": found} if lands is None else {"to": sent[0]} if sent and lands else {}

    lost = mf.sequence(mf.fault("lost"), mail)
    return mf.mock({"mail": lost, "find": find, "told": lambda: found, "next": {"n": 1}}), sent


def workflow(**more):
    made = mf.SequentialWorkflow("w").step("mail", tool="c.mail", args={"to": "ada"}, bind="mail", **more)
    return made.step("next", tool="c.next", args={"x": mf.from_step("mail")})


def test_a_person_says_what_the_step_gave_and_the_run_goes_on_with_it():
    mock, sent = mailing()
    with mf.connect(c=mock) as servers:
        run = workflow().start(servers).all()
        assert run.outcome == "unknown"
        assert run.settle("mail", {"sent": "ada"}) is run
        record = run.trace[-1]
        assert (record.status, record.source, record.value, record.rule) == ("ok", "settled", {"sent": "ada"}, BY_HAND)
        assert (run.all().outcome, run["mail"], sent) == ("completed", {"sent": "ada"}, [])


def test_a_retry_calls_once_more_with_the_same_key_and_the_next_doubt_asks_again():
    with mf.connect(c=mf.mock({"mail": mf.fault("lost"), "next": {}})) as servers:
        run = workflow().start(servers).all()
        key = run.key_of("mail")
        for attempt in (2, 3):
            assert run.retry("mail").outcome == "unknown"
            assert (run.trace[-1].attempt, run.key_of("mail")) == (attempt, key)


def test_a_retry_that_answers_pauses_before_the_next_step():
    mock, sent = mailing()
    with mf.connect(c=mock) as servers:
        run = workflow().start(servers).all().retry("mail")
        assert (run.outcome, run.position, sent) == ("paused", 1, ["ada"])


@pytest.mark.parametrize("verb", ["settle", "retry"])
def test_only_the_step_that_is_unknown_can_be_settled(verb):
    mock, _ = mailing()
    with mf.connect(c=mock) as servers:
        run = workflow().start(servers)
        with pytest.raises(mf.RunError, match="the outcome of step 'mail' is not unknown"):
            getattr(run, verb)("mail")
        run.all()
        with pytest.raises(mf.RunError, match="of step 'next' is not unknown; step 'mail' is"):
            getattr(run, verb)("next")
        with pytest.raises(mf.RunError, match=r"no step 'male'; did you mean 'mail'\?"):
            getattr(run, verb)("male")


def test_a_value_that_the_tool_never_gives_is_refused():
    schema = {"type": "object", "required": ["sent"]}
    with mf.connect(c=mf.mock({"mail": mf.fault("lost"), "next": {}}, outputs={"mail": schema})) as servers:
        run = workflow().start(servers).all()
        with pytest.raises(mf.RunError, match=r'run.settle\(\): step .mail.: "sent" is a required'):
            run.settle("mail", {})
        assert run.outcome == "unknown"


def test_a_run_of_unknown_outcome_says_what_can_be_done():
    mock, _ = mailing()
    with mf.connect(c=mock) as servers:
        run = workflow().start(servers).all()
        with pytest.raises(mf.RunError, match=r"run.settle\('mail', value\).*run.retry\('mail'\)"):
            run.step()
        assert "go on: run.settle('mail', value)  run.retry('mail')" in run._repr_mimebundle_()["text/plain"]
        with pytest.raises(mf.RunError, match=r"has no check=; run.settle\('mail', value\) gives its value"):
            run.settle("mail")


def checked(tool="c.told", grace=0.0, timeout=0.5):
    return workflow(check={"tool": tool, "grace": grace}, timeout=timeout)


def test_a_check_that_finds_the_effect_gives_the_value_at_once():
    mock, _ = mailing(found={"sent": "ada"})
    with mf.connect(c=mock) as servers:
        run = checked().start(servers).all()
    assert [(one.step, one.status, one.source) for one in run.trace] == [
        ("mail", "unknown", "mock"),
        ("mail", "ok", "settled"),
        ("next", "ok", "mock"),
    ]
    assert (run.outcome, run.trace[1].rule, run["mail"]) == ("completed", BY_CHECK, {"sent": "ada"})


@pytest.mark.parametrize("value", [0, 0.0, True, "x", [0], {"a": None}])
def test_anything_but_nothing_is_the_value(value):
    mock, _ = mailing(found=value)
    with mf.connect(c=mock) as servers:
        assert checked().start(servers).all()["mail"] == value


@pytest.mark.parametrize("value", [None, False, "", [], {}])
def test_nothing_counts_only_when_the_deadline_and_the_grace_are_over(value):
    mock, sent = mailing(found=value)
    with mf.connect(c=mock) as servers:
        run = checked(grace=60, timeout=60).start(servers).all()
        assert run.outcome == "unknown"
        assert "which counts from" in run.reason
        with pytest.raises(mf.RunError, match="the lost call may still land until then"):
            run.settle("mail")
    mock, sent = mailing(found=value)
    with mf.connect(c=mock) as servers:
        run = checked(grace=0, timeout=1).start(servers).all()
        assert run.outcome == "unknown"  # it is called again when a verb says so, not by itself
        wait_until(run.trace[0].started.timestamp() + 1.01)
        assert (run.settle("mail").outcome, run.position, sent) == ("paused", 0, [])
        assert (run.all().outcome, sent) == ("completed", ["ada"])


def wait_until(moment):
    while time.time() < moment:
        pass


@pytest.mark.parametrize(
    ("tool", "words"),
    [("c.find", "gave no answer"), ("c.told", "gave a value that is none of the step")],
)
def test_a_check_that_fails_leaves_it_unknown_and_says_why(tool, words):
    tools = {"mail": mf.fault("lost"), "next": {}, "find": mf.fail("down"), "told": {"other": 1}}
    schema = {"type": "object", "required": ["sent"]}
    with mf.connect(c=mf.mock(tools, outputs={"mail": schema})) as servers:
        run = checked(tool).start(servers).all()
        assert run.outcome == "unknown"
        assert words in run.reason
        with pytest.raises(mf.RunError, match=words):
            run.settle("mail")


@pytest.mark.row("TI01")
def test_a_clock_that_was_set_back_never_lets_nothing_count(monkeypatch):
    mock, _ = mailing(found=None)
    with mf.connect(c=mock) as servers:
        run = checked().start(servers).all()
        monkeypatch.setattr(time, "time", lambda: datetime(2020, 1, 1, tzinfo=UTC).timestamp())
        with pytest.raises(mf.RunError, match="which counts from"):
            run.settle("mail")


def test_the_key_is_in_meta_and_where_it_is_mapped_an_argument_and_another_one_after_a_known_outcome(tmp_path):
    seen = []

    def pay(request_id: str) -> dict:
        seen.append(request_id)
        return {"n": len(seen)}

    made = mf.SequentialWorkflow("w").step("pay", tool="m.pay", idempotency_arg="request_id", bind="p")
    assert made.steps[0] == mf.WorkflowStep("pay", tool="m.pay", args={"request_id": mf.idempotency_key()}, bind="p")
    mock = mf.mock({"pay": pay})
    with mf.connect(m=mock) as servers:
        assert made.check(servers)
        run = made.start(servers, journal=tmp_path / "runs.db").all()
        run.rerun("pay")
        assert seen == [f"{run.id}/pay", f"{run.id}/pay/2"]
        run.back("pay")
        assert run.step().source == "reused"  # another key asks for nothing else


def test_the_meta_of_a_call_that_is_kept_has_the_key_and_no_other(tmp_path):
    import mcp.types as types
    from mcp.server.lowlevel import Server

    seen = []

    async def listed(context, params):
        return types.ListToolsResult(tools=[types.Tool(name="t", input_schema={"type": "object"})])

    async def called(context, params):
        seen.append(dict(params.meta or {}).get(KEY_META))
        return types.CallToolResult(content=[])

    with mf.connect(m=Server("s", on_list_tools=listed, on_call_tool=called)) as servers:
        made = mf.SequentialWorkflow("w").step("a", tool="m.t")
        made.start(servers).all()
        made.start(servers, journal=tmp_path / "runs.db", run_id="r").all()
    assert seen == [None, "r/a"]


READS = {"t": {"readOnlyHint": True}}


@pytest.mark.parametrize(
    ("trusted", "repeat", "annotations", "expected"),
    [
        (True, None, READS, "repeat"), (True, None, {"t": {"idempotentHint": True}}, "repeat"), (True, None, {}, "once"),
        (False, None, READS, "once"), (False, True, {}, "repeat"), (True, False, READS, "once"),
    ],
)  # fmt: skip
def test_a_call_may_be_repeated_where_the_author_or_a_trusted_server_says_so(
    tmp_path, trusted, repeat, annotations, expected
):
    from mcpflow_nb.journal.store import store_at

    with mf.connect(m=mf.mock({"t": {}}, annotations=annotations), trusted=["m"] if trusted else []) as servers:
        run = (
            mf.SequentialWorkflow("w")
            .step("a", tool="m.t", repeat=repeat)
            .start(servers, journal=tmp_path / "r.db")
            .all()
        )
        intents = [one.body for one in store_at(tmp_path / "r.db").look(run.id) if one.kind == "intent"]
    assert [one["class"] for one in intents] == [expected]


@pytest.mark.row("TL10")
def test_trust_is_given_by_name_or_in_a_config_and_nothing_else_is_taken_for_it():
    for wrong in (["x"], "m"):
        with pytest.raises(mf.ConfigError, match="trusted= is a list of names of its servers"):
            mf.connect(m=mf.mock({"t": {}}), trusted=wrong)
    with pytest.raises(mf.ConfigError, match="trusted is true or false, not 'yes'"):
        mf.connect(m={"url": "http://127.0.0.1:1/mcp", "trusted": "yes"})

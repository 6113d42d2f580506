"""Servers that answer from a cassette: the same answers, in the same order, and never anything else."""

import contextlib
import json

import pytest

import mcpflow_nb as mf
from mcpflow_nb.replaying.replaying import fits

FLOW = (
    mf.SequentialWorkflow("onboard")
    .argument("name")
    .step("hire", tool="hr.hire", args={"name": mf.prompt_arg("name")}, bind="person", resources=["docs://policy"])
    .step("mail", tool="hr.mail", args={"to": mf.field("person", "id")}, bind="mail")
)
SERVER = {"hire": lambda name: {"id": f"e-{name}"}, "mail": lambda to: f"sent to {to}"}


@pytest.fixture
def onboarded(tmp_path):
    """The cassette of one run for Ada, and that run."""
    hr = mf.mock(SERVER, resources={"docs://policy": "be kind"})
    with mf.connect(hr=hr) as servers, servers.record(tmp_path / "hr.json"):
        run = FLOW.start(servers, name="Ada").all()
    return tmp_path / "hr.json", run


def refusal(servers, tool, arguments=None):
    with pytest.raises(mf.CallError) as caught:
        servers.call(tool, arguments)
    assert caught.value.status == "not_sent"
    return str(caught.value)


def test_a_run_on_the_cassette_is_the_run_that_was_recorded(onboarded):
    path, live = onboarded
    servers = mf.replay(path)
    run = FLOW.start(servers, name="Ada").all()
    assert (run.outcome, dict(run.bindings)) == ("completed", dict(live.bindings))
    assert not [row for row in mf.diff(live, run).rows if row.mark != "="]
    assert [record.source for record in run.trace] == ["recorded", "recorded"]
    assert run.trace[0].resources[0].source == "recorded"
    assert servers.unused == ()


def test_what_was_offered_is_offered_so_that_checks_and_forecasts_work_offline(onboarded):
    path, live = onboarded
    servers = mf.replay(path)
    assert servers["hr"].catalog == live.servers["hr"].catalog
    assert FLOW.check(servers).codes == set()
    assert [row.expected for row in FLOW.forecast(servers)] == ["call", "call"]
    assert servers.refresh() is servers
    assert "fields" not in servers["hr"].tools["hire"].signature
    assert (servers["hr"].source, servers["hr"].transport, servers["hr"].target) == ("recorded", "recorded", "hr.json")


@pytest.mark.row("RM01")
def test_a_call_that_was_not_recorded_shows_the_nearest_and_the_difference(onboarded):
    servers = mf.replay(onboarded[0])
    assert refusal(servers, "hr.hire", {"name": "Bob", "level": 2}) == (
        "tool 'hire' on server 'hr': hr.json: hr.hire was recorded once, but not with these arguments; the nearest differs"
        ' (recorded → asked): name: "Ada" → "Bob"; level: (absent) → 2 [not_sent]'
    )
    assert len(servers.unused) == 3


def test_a_tool_that_was_offered_and_never_called_says_which_were(tmp_path):
    with mf.connect(hr=mf.mock({"hire": 1, "fire": 2})) as servers, servers.record(tmp_path / "a.json"):
        servers.call("hr.hire")
    said = refusal(mf.replay(tmp_path / "a.json"), "hr.fire")
    assert "no call of hr.fire was recorded; did you mean 'hire'?" in said
    with pytest.raises(mf.NotOfferedError, match="did you mean 'hire'"):
        mf.replay(tmp_path / "a.json").call("hr.hiree")


@pytest.mark.row("RM01")
def test_the_same_call_gets_its_answers_in_order_and_then_no_more(tmp_path):
    counted = iter(range(9))
    with mf.connect(m=mf.mock({"next": lambda: next(counted)})) as servers, servers.record(tmp_path / "a.json"):
        assert [servers.call("m.next") for _ in range(2)] == [0, 1]
    servers = mf.replay(tmp_path / "a.json")
    assert [servers.call("m.next") for _ in range(2)] == [0, 1]
    said = refusal(servers, "m.next")
    assert "m.next was recorded twice with these arguments, and asked once more" in said
    assert "repeat=True" in said
    assert servers.rewind().call("m.next") == 0
    assert len(servers.unused) == 1
    again = mf.replay(tmp_path / "a.json", repeat=True)
    assert [again.call("m.next") for _ in range(4)] == [0, 1, 1, 1]


def test_the_answer_comes_back_exactly_whatever_it_was(raw, tmp_path):
    for mode in ("nan", "big", "die", "hang", "output-wrong", "no-content"):
        flow = mf.SequentialWorkflow("w").step("a", tool="raw.t", timeout=0.5 if mode == "hang" else None)
        with mf.connect(raw=raw(mode)) as servers, servers.record(tmp_path / "a.json"):
            live = flow.start(servers).all().trace[0]
        recorded = flow.start(mf.replay(tmp_path / "a.json")).all().trace[0]
        same = ("status", "error", "protocol_error", "rule")
        assert [getattr(recorded, name) for name in same] == [getattr(live, name) for name in same]
        assert repr((recorded.value, recorded.raw)) == repr((live.value, live.raw))


def test_a_tool_error_and_a_protocol_error_come_back_as_they_were(tmp_path):
    flow = mf.SequentialWorkflow("w").step("a", tool="m.bad")
    read = mf.SequentialWorkflow("r").step("a", resources=["docs://gone"], server="m")
    server = mf.mock({"bad": ValueError("no")}, resources={"docs://gone": ValueError("gone")})
    with mf.connect(m=server) as servers, servers.record(tmp_path / "a.json"):
        live = [one.start(servers).all().trace[0] for one in (flow, read)]
    servers = mf.replay(tmp_path / "a.json")
    again = [one.start(servers).all().trace[0] for one in (flow, read)]
    assert [(one.status, one.error, one.raw) for one in again] == [(one.status, one.error, one.raw) for one in live]
    assert again[1].resources[0].protocol_error == live[1].resources[0].protocol_error != None  # noqa: E711


def test_a_secret_is_dots_on_both_sides_and_matches_whatever_it_is_now(tmp_path):
    tools = {"login": lambda user: {"token": f"tok-{user}-9"}, "get": lambda header, token: {"ok": True}}
    flow = (
        mf.SequentialWorkflow("w").argument("token")
        .step("login", tool="m.login", args={"user": "ada"}, bind="s")
        .step("get", tool="m.get", bind="got", args={
            "token": mf.prompt_arg("token"), "header": mf.template("Bearer {t}", t=mf.field("s", "token")),
        })
    )  # fmt: skip
    with mf.connect(m=mf.mock(tools)) as servers, servers.record(tmp_path / "a.json"):
        flow.start(servers, token="first-123").all()
    run = flow.start(mf.replay(tmp_path / "a.json"), token="another-456").all()
    assert (run.outcome, run["s"], run["got"]) == ("completed", {"token": "••••"}, {"ok": True})


def test_a_masked_result_still_meets_the_schema_of_its_tool(tmp_path):
    field = {"type": "string", "minLength": 20, "pattern": "^tok", "examples": ["tok-example"]}
    output = {
        "type": "object",
        "properties": {"token": field, "id": {"type": "string", "minLength": 3}},
        "required": ["token"],
    }
    flow = mf.SequentialWorkflow("w").step("a", tool="m.login", bind="s")
    server = mf.mock({"login": {"token": "tok-" + "x" * 20, "id": "abc"}}, outputs={"login": output})
    with mf.connect(m=server) as servers:
        with servers.record(tmp_path / "a.json") as tape:
            flow.start(servers).all()
        assert tape.check(servers).headline() == "nothing changed"
    assert flow.start(mf.replay(tmp_path / "a.json")).all()["s"] == {"token": "••••", "id": "abc"}
    assert "tok-" not in (tmp_path / "a.json").read_text("utf-8")


def test_a_recorded_connection_leaves_a_live_one_of_its_name_alone(onboarded):
    with mf.connect(hr=mf.mock({"live": 1})) as live:
        replayed = mf.replay(onboarded[0])
        assert live.call("hr.live") == 1
        replayed.close()
        assert live.call("hr.live") == 1
    said = refusal(replayed, "hr.hire", {"name": "Ada"})
    assert "server 'hr' is closed; replay it again" in said


def test_what_is_recorded_can_be_recorded_again(onboarded, tmp_path):
    path, _ = onboarded
    with mf.replay(path) as servers, servers.record(tmp_path / "again.json") as again:
        FLOW.start(servers, name="Ada").all()
    assert list(again) == list(mf.Cassette.load(path))
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_an_answer_that_a_reader_changes_is_given_unchanged_the_next_time(onboarded):
    servers = mf.replay(onboarded[0], repeat=True)
    for _ in range(2):
        value = servers.call("hr.hire", {"name": "Ada"})
        assert value == {"id": "e-Ada"}
        value["id"] = "changed"


def test_going_back_uses_what_was_answered_and_a_rerun_asks_again(onboarded):
    run = FLOW.start(mf.replay(onboarded[0]), name="Ada").all()
    run.back("mail")
    assert run.step().source == "reused"
    assert run.rerun("mail").outcome == "failed"
    assert "asked once more" in run.reason


@pytest.mark.row("CO04")
def test_a_recorded_answer_changed_nothing_and_every_view_says_recorded(onboarded):
    run = FLOW.start(mf.replay(onboarded[0]), name="Ada").all()
    effects = run.effects()
    assert "0 may have changed something" in repr(effects)
    assert "(2 to a recording)" in repr(effects)
    assert run.trace.raw("mail").note.startswith("it was not sent")
    for shown in (run, run.trace, run.trace[0], run.trace.timeline(), effects, run.servers, run.servers["hr"]):
        bundle = shown._repr_mimebundle_()
        assert "recorded" in bundle["text/plain"], type(shown)
        assert "recorded" in bundle["text/html"], type(shown)
    with pytest.raises(mf.RunError, match="which is recorded; only a mocked server"):
        FLOW.start(mf.replay(onboarded[0]), name="Ada").fail("mail")


def test_a_timeline_of_recorded_calls_has_their_times(onboarded):
    run = FLOW.start(mf.replay(onboarded[0]), name="Ada").all()
    assert [row.start is not None for row in run.trace.timeline()] == [True, True]


@pytest.mark.parametrize(
    ("recorded", "asked", "is_same"),
    [
        (1, 1.0, False), (1, True, False), (None, False, False), ({"a": 1}, {"a": 1, "b": None}, False),
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, True), ([1, 2], [2, 1], False), (2**60, 2**60 + 1, False),
        ("••••", "anything\nat all", True), ("a••••", "b-secret", False), ("secret", "••••", True), ("a.c", "abc", False),
        ("••••", 5, False), ("\ud800", "\ud800", True),
    ],
)  # fmt: skip
def test_arguments_are_compared_as_json_and_dots_stand_for_a_secret(recorded, asked, is_same):
    assert fits({"x": recorded}, {"x": asked}) is is_same


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON, or cut off: .*line 1 column 2"),
        ("[1]", 'it has no "mcpflow_nb_cassette"; mf.adopt_session'),
        ('{"mcpflow_nb_cassette": 2}', "version 2; this mcpflow_nb reads version 1: update it"),
        ('{"mcpflow_nb_cassette": true}', "version True"),
        ('{"mcpflow_nb_cassette": 1}', "it has no 'interactions'"),
        ("[" * 100_000, "not as it was written|not JSON"),
        ('{"mcpflow_nb_cassette": 1, "interactions": [{"kind": "call"}]}', "interaction 0 has no 'status'"),
        ('{"mcpflow_nb_cassette": 1, "interactions": [7]}', "interaction 0: .* it is a number, not an object"),
        ('{"mcpflow_nb_cassette": 1, "interactions": {"a": 1}}', "interactions is an object, not a list"),
    ],
)
def test_what_is_no_cassette_is_refused_with_where_and_what(tmp_path, text, said):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(mf.LoadError, match=f"cassette bad.json: .*({said})|cassette bad.json: ({said})"):
        mf.replay(tmp_path / "bad.json")


def test_every_damaged_part_of_a_cassette_is_used_or_refused_by_an_error_of_ours(onboarded):
    saved = json.loads(onboarded[0].read_text("utf-8"))
    places = list(_places(saved))
    assert len(places) > 40
    for place in places:
        for wrong in (7, None, [], {"x": []}, "text"):
            damaged = json.loads(json.dumps(saved))
            at = damaged
            for key in place[:-1]:
                at = at[key]
            at[place[-1]] = wrong
            with contextlib.suppress(mf.McpflowError):  # anything else is raised, and fails this
                servers = mf.replay(mf.Cassette.from_saved(damaged))
                assert "its view failed" not in servers._repr_html_() + servers.cassette._repr_html_()
                assert "its view failed" not in FLOW.start(servers, name="Ada").all()._repr_html_()
                assert "its view failed" not in servers.cassette.check(mf.replay(onboarded[0]))._repr_html_()


def _places(value, path=()):
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from _places(item, (*path, key))


def test_a_cut_file_is_refused_wherever_it_was_cut(onboarded, tmp_path):
    whole = onboarded[0].read_bytes()
    for end in range(0, len(whole) - 2, 97):
        (tmp_path / "cut.json").write_bytes(whole[:end])
        with pytest.raises(mf.LoadError, match=r"cassette cut\.json"):
            mf.Cassette.load(tmp_path / "cut.json")


def test_no_such_file_is_said_and_an_empty_cassette_is_shown():
    with pytest.raises(mf.LoadError, match=r"cassette none\.json: No such file"):
        mf.replay("/nowhere/none.json")
    empty = mf.Cassette()
    assert len(mf.replay(empty)) == 0
    assert "Nothing was recorded" in empty._repr_html_()
    assert list(empty.df.columns)[:3] == ["kind", "server", "name"]

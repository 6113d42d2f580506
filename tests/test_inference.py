"""The workflow behind a recorded session: every binding is found, and what is not certain is said."""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import mcpflow_nb as mf
from mcpflow_nb.inferring.observed import Call
from mcpflow_nb.records.record import Passed
from mcpflow_nb.tools.catalog import Catalog, Tool
from mcpflow_nb.workflows.sources import Scope
from tests.benchmarks.inference import scores
from tests.benchmarks.sessions import SESSIONS, recorded

LOWEST = {  # precision and recall of bindings, then of all edges
    "onboarding": (1.0, 1.0, 1.0, 1.0), "code review": (1.0, 1.0, 1.0, 1.0), "project": (1.0, 1.0, 0.87, 1.0),
    "order": (1.0, 1.0, 1.0, 1.0), "tournament": (0.85, 1.0, 0.88, 1.0), "account": (1.0, 1.0, 1.0, 1.0),
    "deploy": (0.83, 1.0, 0.88, 1.0), "held out: travel": (0.75, 0.66, 0.66, 0.8), "held out: support": (1.0, 0.85, 1.0, 0.81),
}  # fmt: skip


def call(tool, value, **arguments):
    return Call("m", tool, arguments, value)


def sources(proposal):
    return {(edge.step, edge.label): edge.source for edge in proposal.edges}


@pytest.mark.parametrize("name", SESSIONS)
def test_the_workflow_of_a_session_is_found(name):
    found = scores(SESSIONS[name])
    measured = (*found.bindings[:2], *found.edges[:2])
    assert all(one >= least for one, least in zip(measured, LOWEST[name], strict=True)), measured
    assert found.shown == 1.0  # where another place was proposed, the true one is among the alternatives


@pytest.mark.parametrize("name", SESSIONS)
def test_the_proposal_sends_again_what_was_recorded(name):
    trace = recorded(SESSIONS[name])
    assert_sends_again(mf.infer(trace), [record.sent for record in trace], [record.value for record in trace])


def assert_sends_again(proposal, sent, values):
    assert proposal.workflow.check().errors == ()
    bindings = {
        step.binding: value for step, value in zip(proposal.workflow.steps, values, strict=True) if step.binding
    }
    scope = Scope(proposal.arguments, bindings)
    assert [{key: one.resolve(scope) for key, one in step.args.items()} for step in proposal.workflow.steps] == sent
    namespace: dict[str, Any] = {}
    exec(proposal.code, namespace)
    assert namespace["workflow"] == proposal.workflow


def test_a_run_is_as_good_as_its_trace():
    with mf.connect(m=mf.mock({"make": {"id": "u-1234"}})) as servers:
        run = mf.SequentialWorkflow("one").step("make", tool="m.make").start(servers).all()
    assert mf.infer(run) == mf.infer(run.trace)
    assert mf.infer(run).workflow.name == "one"


def test_a_trace_does_not_tell_what_it_knows_of_its_sources():
    trace = recorded(SESSIONS["onboarding"])
    blind = [
        replace(record, binding=None, arguments=tuple(Passed(one.name, one.value, "") for one in record.arguments))
        for record in trace
    ]
    seen = mf.Trace("onboard_employee", "", "", 5, tuple(blind))
    assert mf.infer(seen) == mf.infer(trace)


NAMES = st.sampled_from(["id", "user_id", "email", "status", "items", "token", "", "a.b", "0", "\n# x\r", "日本"])
SCALARS = st.sampled_from(
    ["emp-456", "active", "a@b.example", "", 1, 7, 123456, 2.5, True, None, "x" * 30, 2**70, "\u2028'"]
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
CALLS = st.builds(
    Call, st.sampled_from(["m", "hr", "", "a.b"]), st.sampled_from(["make", "send", "x.y"]),
    st.dictionaries(NAMES.filter(str.strip), VALUES, max_size=3), VALUES,
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.lists(CALLS, min_size=1, max_size=5), st.dictionaries(NAMES.filter(str.strip), VALUES, max_size=3))
def test_any_session_gives_a_workflow_without_errors_that_sends_it_again(calls, known):
    for proposal in (mf.infer(calls), mf.infer(calls, arguments=known)):
        assert_sends_again(proposal, [dict(one.arguments) for one in calls], [one.value for one in calls])
        assert all(0 <= edge.confidence <= 1 for edge in proposal.edges)
        assert len(proposal.df) == len(proposal.edges)


def test_a_value_at_several_places_lists_them_all_and_is_marked():
    made = {"id": "prj-81f2", "copy": {"id": "prj-81f2"}}
    calls = [
        call("create_project", made),
        call("touch", {"project_id": "prj-81f2"}),
        call("close", None, project_id="prj-81f2"),
    ]
    proposal = mf.infer(calls)
    [edge] = proposal.edges
    assert edge.source == 'mf.field("create_project_result", "id")'
    assert set(edge.alternatives) == {
        'mf.field("create_project_result", "copy.id")', 'mf.field("touch_result", "project_id")',
    }  # fmt: skip
    assert edge.is_ambiguous
    comment = [line for line in proposal.code.splitlines() if line.strip().startswith('# "project_id": ambiguous')]
    assert len(comment) == 1


def test_a_long_id_is_strong_and_a_small_number_is_no_evidence():
    calls = [call("find", {"reference": "C-2291-77", "count": 2}), call("use", None, given="C-2291-77", tries=2)]
    strong, weak = mf.infer(calls).edges
    assert (strong.kind, strong.source, strong.confidence) == ("binding", 'mf.field("find_result", "reference")', 0.9)
    assert (weak.kind, weak.source, weak.alternatives) == ("constant", "2", ('mf.field("find_result", "count")',))


@pytest.mark.parametrize("value", [True, False, None, "", [], {}])
def test_what_may_stand_anywhere_is_a_constant_even_under_the_same_name(value):
    [edge] = mf.infer([call("a", {"flag": value}), call("b", None, flag=value)]).edges
    assert (edge.kind, edge.alternatives, edge.is_ambiguous) == ("constant", ('mf.field("a_result", "flag")',), True)


def test_text_inside_a_longer_text_is_not_guessed():
    [edge] = mf.infer([call("a", {"id": "emp-456"}), call("b", None, note="Welcome emp-456!")]).edges
    assert (edge.kind, edge.is_weak) == ("argument", True)


def test_an_object_of_several_places_is_composed_and_one_of_a_single_place_is_read_whole():
    calls = [
        call("a", {"user": {"id": "u-1234", "name": "Ada"}}),
        call("b", {"code": "R-1204"}),
        call("c", None, whole={"name": "Ada", "id": "u-1234"}, parts={"who": "u-1234", "rooms": ["R-1204"], "size": 2}),
    ]
    assert sources(mf.infer(calls)) == {
        ("c", "whole"): 'mf.field("a_result", "user")', ("c", "parts.who"): 'mf.field("a_result", "user.id")',
        ("c", "parts.rooms.0"): 'mf.field("b_result", "code")', ("c", "parts.size"): "2",
    }  # fmt: skip


def test_known_arguments_have_their_names_and_reach_into_objects():
    calls = [call("a", None, to="kim@acme.example", level=3, flag=True), call("b", None, ref="O-1887")]
    known = {"contact": "kim@acme.example", "level": 3, "flag": True, "order": {"id": "O-1887"}, "unused": "zzz-9"}
    proposal = mf.infer(calls, arguments=known)
    assert sources(proposal) == {
        ("a", "to"): 'mf.prompt_arg("contact")', ("a", "level"): 'mf.prompt_arg("level")',
        ("a", "flag"): 'mf.prompt_arg("flag")', ("b", "ref"): 'mf.prompt_arg("order")["id"]',
    }  # fmt: skip
    assert proposal.left_out == ("argument 'unused' was not found in any call",)


def test_what_several_calls_use_is_an_argument_and_what_a_schema_lists_is_a_constant():
    listed = {"unit": {"enum": ["metric", "imperial"]}}
    calls = [
        call("a", None, city="Graz"), Call("m", "b", {"city": "Graz", "unit": "metric"}, None, schemas=listed),
        call("c", None, template="welcome_employee", words=["security", "speed"]),
    ]  # fmt: skip
    assert sources(mf.infer(calls)) == {
        ("a", "city"): 'mf.prompt_arg("city")', ("b", "city"): 'mf.prompt_arg("city")', ("b", "unit"): '"metric"',
        ("c", "template"): '"welcome_employee"', ("c", "words"): '["security", "speed"]',
    }  # fmt: skip


def test_a_secret_is_an_argument_and_never_stands_in_the_code():
    proposal = mf.infer([call("a", {"ok": True}), call("b", None, api_key="hunter", mode="fast")])
    assert sources(proposal) == {("b", "api_key"): 'mf.prompt_arg("api_key")', ("b", "mode"): '"fast"'}
    assert "hunter" not in proposal.code


def test_secrets_that_were_masked_are_told_apart_by_their_names():
    masked = "••••"
    calls = [call("login", {"access_token": masked}, password=masked), call("use", None, token=masked, api_key=masked)]
    assert sources(mf.infer(calls)) == {
        ("login", "password"): 'mf.prompt_arg("password")', ("use", "token"): 'mf.field("login_result", "access_token")',
        ("use", "api_key"): 'mf.prompt_arg("api_key")',
    }  # fmt: skip


@dataclass
class Interaction:
    kind: str
    server: str
    name: str
    arguments: dict
    status: str = "ok"


LISTED = {"m": Catalog({"b": Tool("m", "b", input_schema={"properties": {"unit": {"enum": ["metric"]}}})})}


class Cassette(list):
    """What inference knows of a cassette."""

    catalogs = LISTED

    def value(self, at):
        return {"id": f"made-{at}"}


def test_a_cassette_is_read_with_its_schemas_and_what_is_no_call_is_said():
    tape = Cassette([
        Interaction("call", "m", "a", {}), Interaction("read", "m", "docs://x", {}),
        Interaction("call", "m", "a", {}, "tool_error"), Interaction("call", "m", "b", {"id": "made-0", "unit": "metric"}),
    ])  # fmt: skip
    proposal = mf.infer(tape, name="taped")
    assert proposal.workflow.name == "taped"
    assert sources(proposal) == {("b", "id"): 'mf.field("a_result", "id")', ("b", "unit"): '"metric"'}
    assert proposal.left_out == ("2: docs://x reads a resource", "3: a gave no value [tool_error]")


def test_of_a_step_that_ran_again_the_last_record_counts():
    trace = recorded(SESSIONS["code review"])
    again = mf.Trace("x", "", "", 3, (replace(trace[0], value={"analysis_summary": "other"}), *trace.records))
    assert mf.infer(again).workflow.steps == mf.infer(trace).workflow.steps


@pytest.mark.parametrize(
    ("session", "words"),
    [
        ("text", "not str"), (7, "not int"), ({}, "not dict"), ([], "no call of this session"),
        ([SimpleNamespace(tool="x")], "item 1 is no recorded call"),
        ([call(" ", None)], "1: has no name"), ([call("a", {"when": object()})], "item 1, 'a', was not recorded as JSON"),
        ([call("a", 1), call("b", 1, n=float("nan"))], "item 2, 'b', was not recorded as JSON: nan is no JSON number"), ([SimpleNamespace(tool="x", status="unknown")], r"1: x gave no value \[unknown\]"),
    ],
)  # fmt: skip
def test_what_is_no_session_is_refused(session, words):
    with pytest.raises(mf.TraceError, match=words):
        mf.infer(session)


@pytest.mark.parametrize("arguments", [["a"], {"a": object()}, {1: "a"}, {"a": float("nan")}])
def test_arguments_that_are_none_are_refused(arguments):
    with pytest.raises(mf.TraceError, match="arguments are a mapping of names to JSON values"):
        mf.infer([call("a", None)], arguments=arguments)


def test_the_view_has_every_edge_and_masks_secrets_in_constants():
    proposal = mf.infer([call("a", {"id": "u-1234"}), call("b", None, id="u-1234", size=2)])
    assert repr(proposal) == "<Proposal inferred: 2 steps, 0 arguments, 1 binding, 1 constant>"
    shown = proposal._repr_mimebundle_()
    for text in shown.values():
        assert "b" in text
        assert "0.95" in text
    assert "mf.field(&quot;a_result&quot;, &quot;id&quot;)" in shown["text/html"]


def test_a_part_of_a_value_from_outside_does_not_count_as_a_use_of_it():
    calls = [
        call("a", 1),
        call("b", None, order={"ref": "O-1887"}),
        call("c", None, tags=["alpha-77", "beta"]),
        call("d", None, longest_name="alpha-77"),
    ]
    assert sources(mf.infer(calls)) == {
        ("b", "order.ref"): 'mf.prompt_arg("ref")', ("c", "tags"): 'mf.prompt_arg("tags")',
        ("d", "longest_name"): 'mf.prompt_arg("tags")[0]',
    }  # fmt: skip


def test_nan_and_names_that_no_source_can_carry_stand_in_no_way():
    odd = {"\ud800": "emp-456", "nan": float("nan"), "id": "emp-456"}
    [edge] = mf.infer([call("a", odd), call("b", None, id="emp-456")]).edges
    assert (edge.source, edge.alternatives) == ('mf.field("a_result", "id")', ())


def test_ten_thousand_equal_values_stay_quick_to_trace():
    many = [{"flag": True, "id": f"user-{number:05}"} for number in range(10_000)]
    proposal = mf.infer([call("list", many), call("get", None, user_id="user-09999", flag=True)])
    assert sources(proposal)[("get", "user_id")] == 'mf.field("list_result", "9999.id")'

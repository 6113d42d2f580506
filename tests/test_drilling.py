"""A drill: each step with each fault, on mocks alone, and what became of the run; the onboarding has nothing silently wrong."""

import asyncio
import json
from pathlib import Path

import pytest
from mcp.server import MCPServer
from typing_extensions import TypedDict

import mcpflow_nb as mf
from mcpflow_nb.testing.drilling import FAULTS, WORST
from mcpflow_nb.views.drill import SIGNS

TOUR = Path(__file__).resolve().parent.parent / "notebooks" / "00_tour.ipynb"


def verdicts(drill, step):
    return {cell.fault: cell.verdict for cell in drill if cell.step == step}


def tour():
    """The workflow and the servers of the tour, as its cells make them."""
    cells = [cell for cell in json.loads(TOUR.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    names = {"display": lambda *_: None}
    for cell in cells[:5]:
        exec("".join(cell["source"]), names)
    return names["onboard"], names["servers"]


def test_the_onboarding_of_the_tour_has_no_cell_silently_wrong_and_none_hung():
    onboard, servers = tour()
    with servers:
        drill = mf.drill(onboard, servers, {"employee_name": "Alice Smith"})
        assert servers["hr"].source == "live"  # a mock stood in for it; it stays what it is
    assert (bool(drill), drill.bad, len(drill)) == (True, (), 5 * len(FAULTS))
    assert verdicts(drill, "create_employee") == {
        **dict.fromkeys([one.word for one in FAULTS], "stopped"),
        "empty list": "no place",
    }
    assert verdicts(drill, "send_welcome")["missing field"] == "unharmed"  # its output is read by nobody
    assert drill["create_employee", "null"].worst.trace[-1].status == "invalid_output"
    assert [one.at for one in drill["create_employee", "null"].tries] == ["employee_id", "email"]


def blind(**more):
    """Two steps on tools that declare no output, so that nothing holds what the first one gives."""
    mock = mf.mock({"make": {"id": "e-1", "tags": ["a"], "unread": 1}, "use": lambda **_: {"ok": True}})
    flow = (
        mf.SequentialWorkflow("w")
        .step("make", tool="m.make", bind="made")
        .step("use", tool="m.use", args={"id": mf.field("made", "id"), "tags": mf.field("made", "tags")}, **more)
    )
    return flow, mf.connect(m=mock)


def test_what_no_schema_holds_goes_on_silently_wrong_and_the_try_says_what_was_sent():
    flow, servers = blind()
    with servers:
        drill = mf.drill(flow, servers)
    assert verdicts(drill, "make") == {
        "isError": "stopped", "missing field": "stopped", "null": "silently wrong", "wrong type": "silently wrong",
        "empty list": "silently wrong", "slow": "stopped", "lost connection": "stopped", "schema drift": "stopped",
    }  # fmt: skip
    worst = drill["make", "null"].worst
    assert (worst.at, worst.why, worst.trace["use"].sent["id"]) == ("id", "step 'use' was sent another id", None)
    assert not drill
    assert {cell.fault for cell in drill.bad} == {"null", "wrong type", "empty list"}
    assert drill.df.query("step == 'make' and fault == 'null'")["at"].tolist() == ["id", "tags.0"]


def test_an_optional_source_that_finds_nothing_hands_off_where_the_tool_demands_it():
    schema = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    mock = mf.mock({"make": {"id": "e-1"}, "use": {"ok": True}}, schemas={"use": schema})
    flow = mf.SequentialWorkflow("w").step("make", tool="m.make", bind="made")
    flow = flow.step("use", tool="m.use", args={"id": mf.optional(mf.field("made", "id"))})
    with mf.connect(m=mock) as servers:
        drill = mf.drill(flow, servers)
    assert drill["make", "missing field"].verdict == "handed off"
    assert drill["make", "null"].verdict in ("stopped", "silently wrong")


def test_steps_after_a_handoff_are_not_reached_and_the_handoff_itself_harms_nobody():
    mock = mf.mock({"a": {"x": 1}, "b": lambda y: y}, schemas={})
    flow = mf.SequentialWorkflow("w").step("a", tool="m.a", bind="a").step("b", tool="m.b").step("c", tool="m.a")
    with mf.connect(m=mock) as servers:
        drill = mf.drill(flow, servers)
    assert set(verdicts(drill, "b").values()) == set(verdicts(drill, "c").values()) == {"not reached"}
    assert drill["a", "null"].verdict == "unharmed"


def test_a_workflow_that_fails_by_itself_has_no_drill():
    with mf.connect(m=mf.mock({"a": ValueError("no")})) as servers:
        with pytest.raises(mf.DefinitionError, match=r"without any fault the run is failed: .*ValueError: no"):
            mf.drill(mf.SequentialWorkflow("w").step("a", tool="m.a"), servers)


def test_a_live_tool_without_output_schema_needs_an_answer_and_the_way_that_is_named_works():
    server = MCPServer("s", log_level="ERROR")
    server.add_tool(lambda: {"id": 1}, name="make", structured_output=False)
    flow = mf.SequentialWorkflow("w").step("a", tool="s.make", bind="a")
    with mf.connect(s=server) as servers:
        with pytest.raises(mf.DefinitionError, match="no output schema") as caught:
            mf.drill(flow, servers)
        mend = "mf.drill(workflow, servers.with_mock('s', mf.mock_like(servers['s'], {'make': ...})))"
        assert str(caught.value).endswith(f"; give 'make' an answer: {mend}")
        assert mf.drill(flow, servers.with_mock("s", mf.mock_like(servers["s"], {"make": {"id": 1}})))


def test_nothing_live_is_called_and_arguments_are_sampled_by_their_types():
    server, called = MCPServer("s", log_level="ERROR"), []

    @server.tool()
    def make(name: str, level: int) -> TypedDict("Made", {"id": str}):
        called.append(name)
        return {"id": name}

    flow = mf.SequentialWorkflow("w").argument("name").argument("level", type=int, choices=[7])
    flow = flow.step("make", tool="s.make", args={"name": mf.prompt_arg("name"), "level": mf.prompt_arg("level")})
    with mf.connect(s=server) as servers:
        drill = mf.drill(flow, servers)
    assert called == []
    assert bool(drill)
    assert drill["make", "slow"].worst.trace[0].sent["level"] == 7


def test_a_value_that_differs_from_run_to_run_is_not_taken_for_a_fault():
    count = iter(range(10_000))
    mock = mf.mock({"make": lambda: {"id": "e", "n": next(count)}, "use": lambda **_: {}})
    flow = mf.SequentialWorkflow("w").step("make", tool="m.make", bind="m")
    with mf.connect(m=mock) as servers:
        drill = mf.drill(flow.step("use", tool="m.use", args={"n": mf.field("m", "n")}), servers)
    assert drill["make", "isError"].verdict == "stopped"
    assert drill["use", "null"].verdict == "no place"


def test_it_is_awaited_too_and_unknown_cells_are_named():
    async def drilled():
        flow, servers = blind()
        async with servers:
            return await mf.drill.aio(flow, servers)

    drill = asyncio.run(drilled())
    with pytest.raises(mf.RunError, match="no 'nul'; did you mean 'null'"):
        drill["make", "nul"]
    with pytest.raises(mf.RunError, match="no 'maek'; did you mean 'make'"):
        drill["maek", "null"]


def test_every_verdict_has_a_sign_and_an_empty_drill_is_shown():
    assert set(SIGNS) == set(WORST)
    flow = mf.SequentialWorkflow("only reads").step("r", resources=["docs://a"])
    with mf.connect(m=mf.mock({}, resources={"docs://a": "x"})) as servers:
        drill = mf.drill(flow, servers)
    bundle = drill._repr_mimebundle_()
    assert (len(drill), bool(drill), "No step calls a tool" in bundle["text/html"]) == (0, True, True)
    assert repr(drill) == "<Drill only reads: 0 steps with 0 faults, none silently wrong, none hung>"


def test_the_table_says_each_verdict_in_words():
    flow, servers = blind()
    with servers:
        bundle = mf.drill(flow, servers)._repr_mimebundle_()
    assert "✖ silently wrong: null, wrong type, empty list" in " ".join(bundle["text/plain"].split())
    assert "✖ silently wrong" in bundle["text/html"]


def test_a_drill_asks_nobody_waits_for_nothing_and_takes_back_what_it_did():
    tools = {"make": {"id": 1}, "drop": {"ok": True}, "use": {"ok": True}}
    made = mf.SequentialWorkflow("w", on_failure="rollback").step(
        "make", tool="c.make", bind="made", undo={"tool": "c.drop", "args": {"id": mf.field("made", "id")}}
    )
    use = {"args": {"id": mf.field("made", "id")}, "approve": True, "repeat": True, "retry": mf.Retry(3, 30)}
    with mf.connect(c=mf.mock(tools)) as servers:
        drill = mf.drill(made.step("use", tool="c.use", **use), servers)
    assert drill["use", "isError"].verdict == "stopped"
    assert drill["use", "isError"].tries[0].trace.outcome == "undone"
    lost = drill["use", "lost connection"].tries[0].trace
    assert [one.attempt for one in lost if one.step == "use"] == [1, 2]

"""Graphs: nodes, edges and words without a program; what draws them, and what is said when nothing can."""

import dataclasses
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import pytest

import mcpflow_nb as mf
from mcpflow_nb.records.trace import Trace
from mcpflow_nb.tools.catalog import Catalog, Tool
from mcpflow_nb.views.chart import plain_label
from mcpflow_nb.views.graph import run_graph, step_graph
from mcpflow_nb.views.marks import DARK, MARKS, OUTCOMES, SEVERITIES
from mcpflow_nb.views.ports import binding_graph


def nodes(graph):
    """Return the ids of the nodes of a DOT text with their classes, and its edges."""
    declared = re.findall(r"^\t*(\w+) \[label=.* class=\"?([\w ]+?)\"? (?:\w+=|\])", graph.dot, re.MULTILINE)
    declared += re.findall(r"^\t*(\w+) \[label=(?:(?!class=).)* class=\"?([\w ]+?)\"?\]", graph.dot, re.MULTILINE)
    return dict(declared), re.findall(r"^\t*([\w:]+) -> ([\w:]+) ", graph.dot, re.MULTILINE)


def flow_of(steps, servers=2):
    """A workflow whose steps each read the one before."""
    flow = mf.SequentialWorkflow("flow", "A flow").argument("who", "A name")
    for at in range(steps):
        value = mf.field(f"b{at - 1}", "id") if at else mf.prompt_arg("who")
        flow = flow.step(f"step_{at}", tool=f"srv{at % servers}.tool_{at}", args={"x": value}, bind=f"b{at}")
    return flow


def test_a_step_graph_has_a_node_a_step_in_order_and_a_frame_a_server():
    graph = step_graph(flow_of(3))
    assert nodes(graph) == (
        {"s0": "step pending", "s1": "step pending", "s2": "step pending"},
        [("s0", "s1"), ("s1", "s2")],
    )
    assert re.findall(r'label="server: (\w+)"', graph.dot) == ["srv0", "srv1"]
    assert graph.alt == (
        "Workflow flow: 3 steps on 2 servers. 1 step_0 (srv0) → b0. 2 step_1 (srv1) → b1. 3 step_2 (srv0) → b2."
    )
    assert graph.text == (
        "Step graph of flow\n"
        "1  step_0  srv0 · tool_0  → b0\n"
        "2  step_1  srv1 · tool_1  → b1  needs 1\n"
        "3  step_2  srv0 · tool_2  → b2  needs 2"
    )
    assert repr(graph) == "<Graph flow: Step graph, 2 edges>"


def test_the_server_of_a_step_is_the_one_given_apart_or_the_part_before_the_first_dot():
    flow = mf.SequentialWorkflow("w").step("a", tool="x.y.z").step("b", tool="t", server="apart").step("c", tool="bare")
    assert [line.split("  ")[2] for line in step_graph(flow).text.split("\n")[1:]] == ["x · y.z", "apart · t", "bare"]


def test_guidance_resources_and_handoff_are_marked():
    flow = (
        mf.SequentialWorkflow("w")
        .step("a", resources=["x://1", "x://2"])
        .step("b", tool="m.t", guidance="hi", handoff=True)
    )
    graph = step_graph(flow)
    assert [mark in graph.dot for mark in ("res 2", "✍ guidance · ⇢ to the client", "2 resources only")] == [True] * 3
    assert "s0 -> s1 [class=order style=dashed]" in graph.dot
    assert graph.legend[-3:] == (
        "✍ guidance for the client",
        "res n: n resources to fetch",
        "⇢ dashed border: left to the client",
    )


def test_data_edges_are_drawn_on_request():
    graph = step_graph(flow_of(2), data=True)
    assert nodes(graph)[1] == [("s0", "s1"), ("s0", "s1")]
    assert "thin blue: a value flows" in graph.legend


@pytest.mark.parametrize(("steps", "direction"), [(1, "LR"), (6, "LR"), (7, "TB")])
def test_from_seven_steps_on_it_runs_from_top_to_bottom(steps, direction):
    assert f"rankdir={direction}" in step_graph(flow_of(steps)).dot
    assert f"rankdir={direction}" in binding_graph(flow_of(steps)).dot


def test_more_than_six_servers_are_named_in_the_steps_and_not_framed():
    graph = step_graph(flow_of(7, servers=7))
    assert "subgraph" not in graph.dot
    assert "srv3 · tool_3" in graph.dot


def test_graphs_use_one_font_and_curved_lines():
    dots = step_graph(flow_of(3)).dot + binding_graph(flow_of(3)).dot
    assert set(re.findall(r"fontname=(\"[^\"]*\"|\w+)", dots)) == {"Verdana"}
    assert "splines" not in dots


def test_a_data_flow_leads_from_fields_arguments_and_constants_to_arguments():
    flow = (
        mf.SequentialWorkflow("w")
        .argument("who")
        .step("a", tool="m.a", args={"name": mf.prompt_arg("who"), "kind": "fixed"}, bind="made")
        .step("b", tool="m.b", args={"id": mf.field("made", "id"), "all": mf.from_step("made")})
    )
    graph = binding_graph(flow)
    assert nodes(graph)[1] == [
        ("inputs:a0:e", "s0:i0:w"), ("c1", "s0:i1:w"), ("s0:o0:e", "s1:i0:w"), ("s0:out:e", "s1:i1:w"),
    ]  # fmt: skip
    assert graph.text == (
        'Data flow of w\na  name  argument who\na  kind  "fixed"\nb  id    made.id (step 1)\nb  all   made (step 1)'
    )


def test_what_nothing_makes_ends_in_a_red_dashed_stub():
    flow = mf.SequentialWorkflow("w").step(
        "a", tool="m.a", args={"x": mf.prompt_arg("nobody"), "y": mf.field("later", "id")}
    )
    graph = binding_graph(flow.step("b", tool="m.b", bind="later"))
    assert nodes(graph)[1] == [("u0", "s0:i0:w"), ("u1", "s0:i1:w")]
    assert [line.split("  ")[-1].strip() for line in graph.text.split("\n")[1:]] == ["✖ not found", "✖ not found"]
    assert graph.dot.count("? nobody") == graph.dot.count("? later.id") == 1


def test_a_data_flow_marks_the_inputs_that_problems_speak_of():
    flow = mf.SequentialWorkflow("w").argument("who").step("a", tool="m.a", args={"x": mf.prompt_arg("who")})
    problem = mf.Problem("type-mismatch", "error", "no", step="a", argument="x")
    assert binding_graph(flow).text.endswith("argument who")
    assert binding_graph(flow, problems=[problem]).text.endswith("argument who  ✖ wrong")


def test_all_fields_shows_what_the_tools_declare():
    class Servers(dict):
        names = ("m",)

    outputs = {"type": "object", "properties": {"id": {}, "email": {}}}
    tools = {"make": Tool("m", "make", output_schema=outputs)}
    servers = Servers(m=SimpleNamespace(catalog=Catalog(tools)))
    flow = (
        mf.SequentialWorkflow("w")
        .step("a", tool="m.make", bind="made")
        .step("b", tool="m.t", args={"x": mf.field("made", "id")})
    )
    assert ".email" not in binding_graph(flow).dot
    assert ".email" in binding_graph(flow, all_fields=True, servers=servers).dot


def test_all_fields_shows_arguments_that_nobody_reads():
    flow = mf.SequentialWorkflow("w").argument("unread").step("a", tool="m.a")
    assert "unread" not in binding_graph(flow).dot
    assert "unread *" in binding_graph(flow, all_fields=True).dot


def test_a_secret_constant_is_masked_in_the_drawing():
    flow = mf.SequentialWorkflow("w").step(
        "a", tool="m.a", args={"api_key": "sk-12345", "body": {"token": "tok-12345"}}
    )
    for text in (binding_graph(flow).dot, binding_graph(flow).text, flow._repr_html_()):
        assert "12345" not in text
        assert "••••" in text


def test_an_empty_workflow_has_an_empty_graph():
    assert nodes(step_graph(mf.SequentialWorkflow("w"))) == ({}, [])
    assert nodes(binding_graph(mf.SequentialWorkflow("w"))) == ({}, [])


def test_alt_text_is_one_sentence_of_at_most_300_characters():
    graph = step_graph(flow_of(50))
    assert len(graph.alt) <= 300
    assert graph.alt.endswith("… (see text version)")


class Run:
    """What a graph knows of a run."""

    def __init__(self, workflow, records, upcoming=None):
        self.workflow, self.next, self.outcome = workflow, upcoming, "paused"
        self.trace = Trace(workflow.name, "r", "paused", len(workflow.steps), tuple(records))


def records(flow, *statuses):
    return [
        mf.Record(s.name, "m", "t", status, "mock", (), seconds=0.01)
        for s, status in zip(flow.steps, statuses, strict=False)
    ]


def test_a_run_graph_says_what_happened_to_each_step():
    flow = flow_of(5)
    upcoming = dataclasses.make_dataclass("NextCall", ["step"])("step_3")
    graph = run_graph(Run(flow, records(flow, "ok", "tool_error", "handoff"), upcoming))
    assert nodes(graph)[0] == {
        "s0": "step ok", "s1": "step error", "s2": "step handoff", "s3": "step next", "s4": "step pending",
    }  # fmt: skip
    assert [line.split("  ")[-1].strip() for line in graph.text.split("\n")[1:]] == [
        "✔ ok · ◇ mock · 10 ms", "✖ tool error · ◇ mock", "⇢ handoff · ◇ mock", "▶ next", "○ pending",
    ]  # fmt: skip
    assert graph.legend[:6] == ("✔ ok", "✖ tool error", "⇢ handoff", "▶ next", "○ pending", "◇ mock")


def places(svg):
    """Return the size of a drawing and where each node stands in it."""
    root = ElementTree.fromstring(svg)
    shapes = {
        g[0].text: g.find("{*}path").get("d")
        for g in root.iter("{http://www.w3.org/2000/svg}g")
        if "node" in g.get("class", "")
    }
    return root.get("viewBox"), shapes


@pytest.mark.dot
def test_no_box_moves_while_a_run_goes_on():
    flow = flow_of(4)
    seen = [["ok"] * done for done in range(5)] + [["ok", status] for status in MARKS]
    drawings = [run_graph(Run(flow, records(flow, *statuses))).svg() for statuses in seen]
    assert [places(svg) for svg in drawings] == [places(drawings[0])] * len(seen)


@pytest.mark.dot
@pytest.mark.row("RE05")
def test_a_drawing_has_words_both_themes_and_nothing_from_outside():
    svg = step_graph(flow_of(2)).svg()
    root = ElementTree.fromstring(svg)
    assert svg.startswith("<svg")
    assert (root.get("role"), root[0].text, root[1].text) == ("img", "Step graph of flow", step_graph(flow_of(2)).alt)
    assert "prefers-color-scheme: dark" in root[2].text
    assert not re.search(r"<!|<\?|https?://(?!www\.w3\.org/)|href=", svg)


@pytest.mark.dot
def test_every_colour_of_a_drawing_has_one_for_dark_pages():
    flow = flow_of(9, servers=3).step("x", tool="m.x", args={"a": mf.prompt_arg("nobody"), "b": 1})
    text = binding_graph(flow).svg() + run_graph(Run(flow, records(flow, *MARKS))).svg()
    used = set(re.findall(r'(?:fill|stroke)="(#\w+|\w+)"', text)) - {"none", "transparent"}
    assert used <= set(DARK)
    named = [mark for table in (MARKS, OUTCOMES, SEVERITIES) for mark in table.values()]
    assert {colour for mark in named for colour in (mark.stroke, mark.fill)} <= set(DARK)


@pytest.mark.dot
def test_saving_writes_the_drawing(tmp_path):
    graph = step_graph(flow_of(2))
    assert graph.save(tmp_path / "flow.svg").read_text("utf-8") == graph.svg()


@pytest.mark.dot
def test_the_same_graph_gives_the_same_bytes_in_another_process(monkeypatch):
    code = (
        "import mcpflow_nb as mf; from mcpflow_nb.views.ports import binding_graph\n"
        "f = mf.SequentialWorkflow('w').argument('a').argument('b').step('s', tool='m.t', args={'x': mf.prompt_arg('b'),"
        " 'y': mf.prompt_arg('a'), 'z': 1}, bind='o').step('r', tool='n.t', args={'q': mf.field('o', 'k')})\n"
        "print(f._repr_html_(), binding_graph(f).svg())"
    )
    outputs = set()
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        outputs.add(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert len(outputs) == 1


@pytest.mark.row("NT03", "NT04")
def test_a_label_is_text_whatever_it_holds():
    labels = [plain_label(text) for text in ("<b>", "a & b", "\\N", "", "a" * 300)]
    assert labels == ["<b>", "a &amp; b", "\\\\N", "''", "a" * 200 + "… (300 characters)"]


def test_the_data_flow_marks_a_step_that_calls_what_is_not_there_and_an_argument_nobody_reads(request):
    servers = mf.connect(m=mf.mock({"send": {"sent": True}}))
    request.addfinalizer(servers.close)
    flow = mf.SequentialWorkflow("w").argument("who").argument("idle")
    flow = flow.step("tell", tool="m.sendd", args={"to": mf.prompt_arg("who")}, bind="told")
    plain, marked = binding_graph(flow).dot, binding_graph(flow, problems=flow.check(servers).problems).dot
    assert ("✖" in plain, "idle" in plain) == (False, False)
    assert ("✖ m · sendd" in marked, "✖ idle" in marked, "✖ who" in marked) == (True, True, False)

"""What draws a graph, and what is said when nothing can: one sentence, and the table."""

import html
import os
import re
import stat
import sys

import pytest

import mcpflow_nb as mf
from mcpflow_nb.views.draw import drawn
from mcpflow_nb.views.graph import step_graph


def flow_of(steps, servers=2):
    """A workflow whose steps each read the one before."""
    flow = mf.SequentialWorkflow("flow", "A flow").argument("who", "A name")
    for at in range(steps):
        value = mf.field(f"b{at - 1}", "id") if at else mf.prompt_arg("who")
        flow = flow.step(f"step_{at}", tool=f"srv{at % servers}.tool_{at}", args={"x": value}, bind=f"b{at}")
    return flow


def script(tmp_path, text):
    path = tmp_path / "dot"
    path.write_text(f"#!{sys.executable}\n{text}\n", "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def cells(markup):
    return [html.unescape(cell) for cell in re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", markup)]


@pytest.mark.row("RE06")
def test_without_a_program_the_table_is_shown_and_the_reason(monkeypatch, tmp_path):
    monkeypatch.setenv("MCPFLOW_DOT", "/nonexistent")
    graph = step_graph(flow_of(2))
    shown = graph._repr_mimebundle_()
    assert list(shown) == ["text/plain", "text/html"]
    assert "<img" not in shown["text/html"]
    assert cells(shown["text/html"])[5:] == [
        "1",
        "step_0",
        "srv0 · tool_0",
        "→ b0",
        "",
        "2",
        "step_1",
        "srv1 · tool_1",
        "→ b1",
        "1",
    ]
    why = "not drawn: $MCPFLOW_DOT is '/nonexistent', which is no program; pip install graphviz-pure. The table says the same"
    assert graph.drawing() == (None, why)
    assert why in html.unescape(shown["text/html"])
    with pytest.raises(mf.McpflowError) as caught:
        graph.save(tmp_path / "flow.svg")
    assert str(caught.value) == f"Step graph of flow: {why}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "import sys; sys.stderr.write('bad \\x1b <b>'); sys.exit(3)",
            "not drawn: dot failed with status 3: bad \\x1b <b>",
        ),
        ("print('no drawing')", "not drawn: dot failed with status 0"),
        ("print('<svg width=\"1\">' + 'x' * 600_000 + '</svg>')", "not drawn: 585 KB of SVG, at most 512 are shown"),
        ("import signal; signal.pause()", "not drawn: dot took longer than 0.5 s"),
    ],
)
@pytest.mark.row("RE06")
def test_a_program_that_fails_hangs_or_overdoes_it_is_one_sentence(monkeypatch, tmp_path, text, why):
    monkeypatch.setenv("MCPFLOW_DOT", script(tmp_path, text))
    limit = 0.5 if "pause" in text else 20
    assert drawn(f"digraph {{}} // {why}", 0, "t", "d", timeout_seconds=limit) == (None, why)


def test_a_program_that_cannot_be_started_is_one_sentence(monkeypatch, tmp_path):
    path = script(tmp_path, "")
    os.truncate(path, 0)
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/nonexistent/interpreter\n")
    monkeypatch.setenv("MCPFLOW_DOT", path)
    assert drawn("digraph {}", 0, "t", "d") == (None, "not drawn: dot could not be started: No such file or directory")


@pytest.mark.row("DF08")
def test_more_than_400_edges_are_a_table():
    graph = step_graph(flow_of(402))
    assert graph.drawing() == (None, "not drawn: 401 edges, at most 400 stay readable; the table says the same")
    assert "first 200 of 402 steps; all: workflow.steps" in graph._repr_html_()

"""Every string field of every object, filled with hostile text: it is shown, and it is never anything but text."""

import base64
import dataclasses
import itertools
import json
import re
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

import mcpflow_nb as mf
from mcpflow_nb import upcoming, views
from mcpflow_nb.catalog import Catalog, Prompt, Resource, Tool
from mcpflow_nb.differences import Change, Diff, Row
from mcpflow_nb.effects import Branch, Effect, Effects, Tree
from mcpflow_nb.exchange import exchange_of
from mcpflow_nb.forecast import Forecast, Foreseen
from mcpflow_nb.messages import KIND, STEP, Conversation, Message
from mcpflow_nb.outline import Ahead
from mcpflow_nb.provenance import Link, PathRow, Paths, Why
from mcpflow_nb.skill import Skill
from mcpflow_nb.timeline import Moment, Timeline
from mcpflow_nb.trace import Fetched, Passed
from mcpflow_nb.upcoming import Upcoming
from mcpflow_nb.views.html import HIDDEN, visible
from mcpflow_nb.views.plain import width
from mcpflow_nb.views.ports import binding_graph

CORPORA = Path(__file__).parent / "corpora"
LONG = ["x" * 10_000, "<b>" * 4_000, "日" * 3_000, "a " * 2_000]
TEXTS = list(
    dict.fromkeys(
        itertools.chain(*(json.loads((CORPORA / f).read_text("utf-8")) for f in ("blns.json", "payloads.json")), LONG)
    )
)
ALLOWED = {
    "div": {"class", "tabindex"}, "p": {"class"}, "span": {"class"}, "strong": set(), "em": set(), "small": set(),
    "code": {"class"}, "pre": {"class"}, "ul": {"class"}, "li": {"class"}, "br": set(), "details": {"open"},
    "summary": set(), "table": {"class"}, "caption": set(), "thead": set(), "tbody": set(), "tr": set(),
    "th": {"scope"}, "td": set(), "img": {"alt", "src", "style"}, "style": set(),
}  # fmt: skip


class Run(SimpleNamespace):
    """What the views know of a run."""


class NextCall(SimpleNamespace):
    """What the views know of a call that comes next."""


class Connection(SimpleNamespace):
    """What the views know of a connection."""


class WorkflowServer(SimpleNamespace):
    """What the views know of served workflows."""


class Servers(dict):
    """What the views know of servers."""

    @property
    def names(self):
        return tuple(self)


class Page(HTMLParser):
    """A parser that refuses what is not balanced or not allowed, and keeps text and drawings."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.images = [], [], []
        self.feed(markup)
        self.close()
        assert self.open == []

    def handle_starttag(self, element, attributes):
        assert element in ALLOWED, element
        values = dict(attributes)
        assert set(values) <= ALLOWED[element], (element, values)
        assert re.fullmatch(r"[a-z -]*", values.get("class", "")), values
        assert values.get("style", "max-width: 100%") == "max-width: 100%"
        if element == "img":
            prefix, _, encoded = values["src"].partition(",")
            assert prefix == "data:image/svg+xml;base64"
            self.images.append(base64.b64decode(encoded, validate=True).decode())
        elif element != "br":
            self.open.append(element)

    def handle_startendtag(self, element, attributes):
        self.handle_starttag(element, attributes)

    def handle_endtag(self, element):
        assert self.open.pop() == element

    def handle_data(self, text):
        if self.open[-1:] != ["style"]:
            self.texts.append(text)

    def handle_comment(self, comment):
        raise AssertionError("a comment")

    handle_decl = handle_pi = unknown_decl = handle_comment

    @property
    def text(self):
        return "".join(self.texts)


def a_workflow(*texts):
    """A workflow with a step for each text, the text in all of its fields."""
    flow = mf.SequentialWorkflow(texts[0], texts[0])
    for text in texts:
        flow = flow.argument(text, text, default=text).instruction(text)
        step = mf.WorkflowStep(text, tool=text, server=text, bind=text, guidance=text, resources=[text])
        step = step.arg(text, mf.prompt_arg(text)).arg("constant", text).arg("whole", mf.from_step(text))
        step = step.arg("part", mf.from_step(text)[text]).with_template_binding(text, mf.prompt_arg(text))
        flow = (
            flow.step(step)
            .breakpoint(text, when={text: text})
            .step("again", tool="m.t", args={text: mf.from_step(text)[text]})
        )
    return flow


def encodable(text):
    """A lone surrogate is no text of a workflow."""
    return text.encode("utf-8", "replace").decode()


def everything(text):
    """One object of each kind, `text` in all of its fields."""
    flow = a_workflow(encodable(text))
    passed = Passed(text, {text: [text]}, text)
    record = mf.Record(
        text, text, text, "tool_error", "live", (passed,), value={text: text}, binding=text, rule=text, raw={text: [text]},
        error=text, missing=(text,), guidance=text, started=datetime(2026, 1, 1, tzinfo=UTC), resources=(fetched(text), fetched(text, text)),
    )  # fmt: skip
    done = dataclasses.replace(record, status="ok", error=None, missing=())
    ahead = Ahead(
        text, text, text, {text: text}, {text: text}, {text: {"type": text, "description": text}}, (text,), text
    )
    trace = mf.Trace(text, text, text, 2, (record, done, dataclasses.replace(done, tool=None)), ahead=(ahead, ahead))
    call = NextCall(
        step=text, tool=text, server=text, source=text, arguments=(passed,), missing=(text,), effects=(text,),
        guidance=text, resources=(text,) * 20,
    )  # fmt: skip
    schema = {"type": "object", "properties": {text: {"type": text, "description": text, "default": text}}}
    tool = Tool(
        text, text, text, schema, {"type": "object", "properties": {text: {"type": text}}}, {"title": text}, text
    )
    catalog = Catalog(
        {text: tool}, (Resource(text, text, text, text, text),), (Prompt(text, text, text, (text,)),), {text: text}
    )
    connection = Connection(
        name=text, transport=text, source=text, state=text, protocol=text, target=text, error=text, catalog=catalog
    )
    servers = Servers({text: connection})
    run = Run(
        id=text, workflow=flow, outcome=text, reason=text, trace=trace, bindings={text: text}, arguments={text: text},
        next=call, servers=servers,
    )  # fmt: skip
    problem = mf.Problem(text, "error", text, text, text, None, text, (text,), text, text)
    report = mf.Report(flow, (problem,), (text,))
    seen = Forecast(text, (Foreseen(text, text, text, text, text, (text,)),))
    skill = Skill(text, text, (dataclasses.replace(problem, severity="warning"),))
    handed = Run(**{**vars(run), "outcome": "handoff"})
    endpoint = SimpleNamespace(is_open=True, snippet=lambda: text)
    served = WorkflowServer(
        name=text, url=text, workflows=(flow,), by_tool={text: flow}, endpoint=endpoint, side_effects="handoff"
    )
    return [
        flow, flow.steps[0], report, seen, skill, tool, servers, connection, run, handed, call, trace, *timed(text), told(text),
        served, record, *debugged(text),
    ]  # fmt: skip


def timed(text):
    """A timeline and the messages of a step, `text` in all of their fields."""
    first, second = Moment(*(text,) * 5, 1, 0.0, 1.0), Moment(*(text,) * 5, 2, 500.0, None, 499.0, "handoff")
    when = datetime(2026, 1, 1, tzinfo=UTC)
    record = mf.Record(
        text, text, text, "tool_error", "live", (Passed(text, {text: [text]}, text),), error=text, started=when,
        protocol_error={"code": 1, "message": text, "data": {text: text}}, resources=(fetched(text), fetched(text, text)),
    )  # fmt: skip
    return Timeline(text, text, when, (first, second, Moment(text, None, None, None, text, 3))), exchange_of(record)


def debugged(text):
    """What debugging gives, `text` in all of its fields."""
    changes = (Change(text, text, f"{text}!"), Change("sent.x", {text: text}, text, has_right=False))
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Diff("run", text, text, (Row(text, "≠", changes, (0.1, None), 3), Row(text, "+"), Row("b", "=")), changes),
        Why(
            text,
            text,
            (Link(0, f"argument {text!r} of step {text!r} ← {text}", text, text), Link(9, text, text, "mock")),
        ),
        Paths(text, (PathRow((), {text: text}, f"from_step({text!r})"), PathRow((text, 0), text, text)), 5),
        Effects(
            (
                Effect(text, text, text, text, (text,), text, text, 2, when),
                Effect(text, text, None, None, (), None, text, 1, None),
            )
        ),
        Tree((Branch(0, text, text, 1, 2, None, 3, here=True), Branch(90, text, text, 1, 2, 1, 3, here=False))),
        Upcoming(text, (upcoming.Remaining(text, text, text, text, text, (text,), text),)),
    ]


def fetched(text, error=None):
    contents = ({"uri": text, "mimeType": text, "text": text}, {"uri": text, "mimeType": "image/png", "blob": text})
    return Fetched(text, text, contents, error, text, 0.1, after_call=error is None)


def told(text):
    """A conversation with `text` in every message."""
    inner = [{"uri": text, "mimeType": text, "text": text}, {"uri": text, "mimeType": "image/png", "blob": text}]
    said = [{"type": "text", "text": text, "_meta": {KIND: text, STEP: text}}]
    said += [{"type": "resource", "resource": one, "_meta": {"mcpflow/server": text}} for one in inner]
    return Conversation(text, text, tuple(Message("result", content, text) for content in said))


def test_every_view_has_a_hostile_case():
    assert list(dict.fromkeys(type(shown).__name__ for shown in everything("x"))) == list(views.VIEWS)


@pytest.mark.parametrize("part", range(8))
def test_hostile_text_is_shown_and_stays_text(part, monkeypatch):
    monkeypatch.setenv("MCPFLOW_DOT", "/nonexistent")
    for text in [*TEXTS, "\ud800", "a\udfffb"][part::8]:
        for shown in everything(text):
            found = views.bundle(shown)
            page = Page(found["text/html"])
            assert "its view failed" not in found["text/plain"], (text, type(shown))
            is_plan = isinstance(shown, mf.SequentialWorkflow | mf.WorkflowStep)
            assert visible(encodable(text) if is_plan else text)[:150] in page.text, (text, type(shown))
            assert_plain(found["text/plain"])
            assert_plain(views.line(shown), lines=1)


def assert_plain(text, lines=40):
    assert len(text.split("\n")) <= lines
    assert not HIDDEN.search(text)
    assert max(map(width, text.split("\n"))) <= (100 if lines > 1 else 200)
    text.encode("utf-8")


@pytest.mark.dot
@pytest.mark.parametrize("part", range(12))
def test_hostile_names_never_break_a_drawing(part):
    texts = TEXTS[part::12]
    for at in range(0, len(texts), 12):
        flow = a_workflow(*texts[at : at + 12])
        for graph, nodes in ((flow.graph(), len(flow.steps)), (binding_graph(flow), None)):
            drawing = graph.drawing()
            assert drawing.svg is not None, (drawing.note, texts[at : at + 12])
            assert_svg(drawing.svg, nodes, texts[at : at + 12])


def assert_svg(svg, nodes, texts):
    root = ElementTree.fromstring(svg)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "g", "title", "desc", "style", "path", "polygon", "ellipse", "polyline", "text"}, tags
    assert not [key for element in root.iter() for key in element.attrib if key.startswith("on") or "href" in key]
    steps = [e for e in root.iter() if e.get("class", "").startswith("node") and re.fullmatch(r"s\d+", e[0].text)]
    assert nodes is None or len(steps) == nodes
    words = squeezed("".join(element.text or "" for element in root.iter() if element.tag.endswith("}text")))
    for text in texts:
        assert squeezed(visible(text[:200]))[:150] in words, text


def squeezed(text):
    return re.sub(r"\s+", "", text)


@pytest.mark.dot
def test_a_drawing_in_a_view_is_an_image_that_carries_itself():
    page = Page(views.bundle(a_workflow("<b>", "\\N"))["text/html"])
    assert [ElementTree.fromstring(svg).get("role") for svg in page.images] == ["img", "img"]


def test_an_object_that_cannot_be_shown_says_so_and_escapes_it():
    class Run:
        @property
        def workflow(self):
            raise RuntimeError("<script>\x1b")

    found = views.bundle(Run())
    assert Page(found["text/html"]).text == found["text/plain"]
    assert found["text/plain"].endswith("(its view failed with RuntimeError: <script>\\x1b)")
    assert views.line(Run()) == "<Run: its view failed with RuntimeError>"

"""Every string field of every object, filled with hostile text: it is shown, and it is never anything but text."""

import base64
import itertools
import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest

import mcpflow_nb as mf
from mcpflow_nb import views
from mcpflow_nb.views.plain import width
from mcpflow_nb.views.ports import binding_graph
from mcpflow_nb.visible import HIDDEN, visible
from tests.hostile import a_workflow, encodable, everything

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


def test_every_view_has_a_hostile_case():
    assert list(dict.fromkeys(type(shown).__name__ for shown in everything("x"))) == list(views.VIEWS)


@pytest.mark.parametrize("part", range(8))
@pytest.mark.row("NT01", "RE01", "RE03")
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
@pytest.mark.row("NT01", "NT02", "RE04")
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


@pytest.mark.row("RE07")
def test_an_object_that_cannot_be_shown_says_so_and_escapes_it():
    class Run:
        @property
        def workflow(self):
            raise RuntimeError("<script>\x1b")

    found = views.bundle(Run())
    assert Page(found["text/html"]).text == found["text/plain"]
    assert found["text/plain"].endswith("(its view failed with RuntimeError: <script>\\x1b)")
    assert views.line(Run()) == "<Run: its view failed with RuntimeError>"

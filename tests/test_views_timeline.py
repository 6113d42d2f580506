"""A timeline as a drawing and as its table: no words lie on others, each wait is said, and what is left out too."""

import base64
import json
import re
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

import mcpflow_nb as mf
from mcpflow_nb import views
from mcpflow_nb.records.record import Fetched
from mcpflow_nb.views.gantt import LETTER, SIZE, WIDTH
from mcpflow_nb.views.plain import width

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def record(step, start=None, seconds=0.0, server="hr", status="ok", source="live", attempt=1, **more):
    started = None if start is None else BEGAN + timedelta(seconds=start)
    return mf.Record(step, server, "t", status, source, started=started, seconds=seconds, attempt=attempt, **more)


def timeline(*records, outcome="completed"):
    return mf.Trace("w", "r", outcome, 5, records).timeline()


ONBOARDING = (
    record("create", 0, 0.8), record("pay", None, 0, "fin", "handoff"), record("pay", 252.8, 1.5, "fin", attempt=2),
    record("access", 254.4, 0.3, "eng", "tool_error", "mock"), record("access", 261.9, 1.9, "eng", "ok", "mock", 2),
)  # fmt: skip
CASES = {
    "nothing": (), "one": (record("only", 0, 0.5),), "a handoff": ONBOARDING[:2], "onboarding": ONBOARDING,
    "tiny and huge": (record("a", 0, 5e-5), record("b", 0.001, 40, "x"), *(record("c", 40.002 + at / 1e4, 5e-5) for at in range(4))),
    "the same time": (record("a", 0, 1), record("b", 0, 1), record("c", 0)),
    "clock set back": (record("a", 0, 1), record("b", 2, 1), record("c", -3600, 1, "x"), record("d", -3598, 2)),
    "not called": (record("a", 0, 1, source="reused"), record("b", None, source="pinned"), record("c", 5, 2, status="unknown")),
    "never called": (record("a", None, status="not_sent"),), "cut off": (record("a", 0, status="cancelled"),),
    "by hand": tuple(record(f"step {at}", at * 20, 0.03, f"s{at % 4}") for at in range(25)),
    "retries": tuple(record("flaky", at * 2, 1.5, status="tool_error", attempt=at + 1) for at in range(12)),
    "reading": (record("a", 0, 1), record("b", 8, 1, resources=(Fetched("x://y", "hr", seconds=5.5),))),
    "500": tuple(record(f"step {at}", at * 1.5, 0.1 + at % 7 * 0.2, f"s{at % 4}") for at in range(500)),
    "names": (record("日本語" * 30, 0, 1, "日本" * 20), record("x" * 10**6, 1, 1, "\x1b\u202e<script>" * 50), record("\ud800", 2, 1, "")),
    "many servers": tuple(record("s", at, 0.9, f"server {at}") for at in range(30)),
}  # fmt: skip


def drawing(found):
    """Return the drawing's words with what each takes up, as (words, left, right, baseline), and its rectangles."""
    root = ElementTree.fromstring(found.svg())
    words, boxes = [], []
    for element in root.iter():
        if element.tag.endswith("}text"):
            x, y, size = (float(element.get(key)) for key in ("x", "y", "font-size"))
            long = width(element.text) * LETTER * size / SIZE
            left = {"end": x - long, "middle": x - long / 2}.get(element.get("text-anchor"), x)
            words.append((element.text, left, left + long, y))
        elif element.tag.endswith("}rect") and element.get("stroke"):
            boxes.append(tuple(float(element.get(key)) for key in ("x", "y", "width", "height")))
    return words, boxes


def text_of(found):
    return [words for words, *_ in drawing(found)[0]]


@pytest.mark.parametrize("case", CASES)
def test_no_words_lie_on_others_or_leave_the_drawing(case):
    words, boxes = drawing(timeline(*CASES[case]))
    lines = [one for one in words if one[1] >= 90]
    for at, (text, left, right, y) in enumerate(lines):
        assert -0.5 <= left <= right <= WIDTH + 0.5, text
        for other, begin, end, below in lines[at + 1 :]:
            assert abs(y - below) >= 9 or right <= begin + 0.5 or end <= left + 0.5, (text, other)
    for x, y, wide, high in boxes:
        assert 0 <= x <= x + wide <= WIDTH
        for text, left, right, base in lines:
            is_beside = right <= x + 0.5 or left >= x + wide - 0.5
            is_inside = x <= left and right <= x + wide
            assert is_beside or is_inside or not y < base - 3 < y + high, (text, x, y)


@pytest.mark.parametrize("case", CASES)
def test_every_timeline_is_shown_within_its_bounds_and_the_same_each_time(case):
    found = timeline(*CASES[case])
    shown = views.bundle(found)
    assert "its view failed" not in shown["text/plain"]
    assert shown == views.bundle(timeline(*CASES[case]))
    assert len(shown["text/html"]) < 120_000
    lines = shown["text/plain"].split("\n")
    assert (len(lines) <= 40, max(map(width, lines)) <= 100) == (True, True)


def test_a_lane_is_a_server_in_the_order_of_use_and_a_further_attempt_lies_below():
    words = {text: (left, y) for text, left, _, y in drawing(timeline(*ONBOARDING))[0]}
    assert [text for text in words if text in ("hr", "fin", "eng", "waiting")] == ["hr", "fin", "eng", "waiting"]
    first, second = (words[f"access · {of}"] for of in ("✖ tool error · 300 ms", "✔ ok · 1.9 s · attempt 2"))
    assert second[1] > first[1]
    assert {"live", "◇ mock", "client or person"} <= set(words)


def test_a_long_wait_is_folded_and_says_so_in_words():
    words = text_of(timeline(*ONBOARDING))
    assert "waited 4 min 12 s for the client's answer, not to scale" in words
    assert "waited 7.2 s, not to scale" in words
    assert [one for one in words if re.match(r"\d|\+", one)] == ["0", "4 min 13 s", "+1 s", "4 min 22 s", "+1 s"]
    bars = [wide for _, _, wide, high in drawing(timeline(*ONBOARDING))[1] if high == 16]
    assert min(bars) > 25


def test_a_wait_no_longer_than_the_calls_is_to_scale():
    (left, _, first, _), (right, *_) = (
        box for box in drawing(timeline(record("a", 0, 2), record("b", 3, 2)))[1] if box[3] == 16
    )
    assert (right - left) / first == pytest.approx(1.5, abs=0.01)


def test_what_is_known_to_be_lost_is_said():
    assert "the clock was set back here, the time between is not known" in text_of(timeline(*CASES["clock set back"]))
    assert "a · ⊘ cancelled · length not known" in text_of(timeline(*CASES["cut off"]))
    assert {"a · ✔ ok · ↻ reused", "b · ✔ ok · ⚲ pinned"} <= set(text_of(timeline(*CASES["not called"])))
    assert "pay · ⇢ handoff · not called" in text_of(timeline(*CASES["a handoff"]))
    assert "waited 1.5 s, read resources for 5.5 s, not to scale" in text_of(timeline(*CASES["reading"]))


def test_of_500_records_the_first_and_last_are_drawn_and_the_rest_is_counted():
    found = timeline(*CASES["500"])
    words = text_of(found)
    steps = [at for at in range(500) if any(one.startswith(f"step {at} ·") for one in words)]
    assert steps == [*range(40), *range(480, 500)]
    assert "440 records not drawn, see the table" in words
    assert "… 440 records in the middle are not shown: timeline.df" in views.bundle(found)["text/html"]


class Page(HTMLParser):
    """The cells of the table, the header cells' scopes, the captions, and the images."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.rows, self.scopes, self.images, self.captions, self._into = [], [], [], [], None
        self.feed(markup)
        self.close()

    def handle_starttag(self, element, attributes):
        if element == "tr":
            self.rows.append([])
        elif element in ("td", "th", "caption"):
            self._into = self.captions if element == "caption" else self.rows[-1]
            self._into.append("")
            self.scopes += [dict(attributes)["scope"]] if element == "th" else []
        elif element == "img":
            self.images.append(dict(attributes))

    def handle_endtag(self, element):
        self._into = None if element in ("td", "th", "caption") else self._into

    def handle_data(self, text):
        if self._into is not None:
            self._into[-1] += text


def test_the_table_says_the_same_as_the_drawing():
    page = Page(views.bundle(timeline(*ONBOARDING))["text/html"])
    assert page.captions == ["Calls in time, from the start of the first"]
    assert page.rows == [
        ["#", "step", "server", "tool", "status", "source", "attempt", "start", "took", "waited before"],
        ["1", "create", "hr", "t", "✔ ok", "live", "1", "0 s", "800 ms", "—"],
        ["2", "pay", "fin", "t", "⇢ handoff", "live", "1", "not called", "—", "—"],
        ["3", "pay", "fin", "t", "✔ ok", "live", "2", "+4 min 13 s", "1.5 s", "4 min 12 s for the client's answer"],
        ["4", "access", "eng", "t", "✖ tool error", "◇ mock", "1", "+4 min 14 s", "300 ms", "100 ms"],
        ["5", "access", "eng", "t", "✔ ok", "◇ mock", "2", "+4 min 22 s", "1.9 s", "7.2 s"],
    ]
    assert set(page.scopes) == {"col", "row"}


def test_the_drawing_is_an_image_with_words_that_carries_itself_and_both_themes():
    found = timeline(*ONBOARDING)
    (image,) = Page(views.bundle(found)["text/html"]).images
    assert image["alt"] == found.alt == (
        "Timeline of w: 4 calls on hr, fin, eng, 4.5 s in all; waited 4 min 19 s between them. 3 ok, 1 tool error. "
        "The longest call was access with 1.9 s."
    )  # fmt: skip
    svg = base64.b64decode(image["src"].partition(",")[2]).decode()
    assert svg == found.svg()
    root = ElementTree.fromstring(svg)
    assert (root.get("role"), [child.tag.rpartition("}")[2] for child in root[:3]]) == (
        "img",
        ["title", "desc", "style"],
    )
    assert "prefers-color-scheme: dark" in svg
    assert repr(found) == "<Timeline w: 4 calls, 4.5 s in all; waited 4 min 19 s between them>"


def test_hostile_names_are_words_of_the_drawing_and_never_markup():
    corpora = Path(__file__).parent / "corpora"
    texts = [
        text for name in ("blns.json", "payloads.json") for text in json.loads((corpora / name).read_text("utf-8"))
    ]
    for text in (*texts, "\ud800", "<b>" * 9_000):
        calls = (record(text, 0, 1, text, text, text), record(text, 900, 1, text, text, "mock", 2), record(text, None))
        root = ElementTree.fromstring(mf.Trace(text, text, text, 2, calls).timeline().svg())
        elements = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert elements <= {"svg", "title", "desc", "style", "defs", "pattern", "g", "rect", "path", "text"}
        keys = {key for element in root.iter() for key in element.attrib}
        assert not [key for key in keys if key.startswith("on") or "href" in key or key == "style"]


def test_a_timeline_without_a_call_has_no_drawing():
    assert "Nothing ran yet." in views.bundle(timeline())["text/html"]
    shown = views.bundle(timeline(*CASES["never called"]))["text/html"]
    assert ("No call was made: there is nothing to draw." in shown, "<img" in shown) == (True, False)

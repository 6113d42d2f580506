"""What views are made of: markup, text and values; nothing is cut in silence, nothing gets out of its place."""

import html
import importlib.resources
import json
import re
from types import SimpleNamespace

import pytest

import mcpflow_nb as mf
from mcpflow_nb import views
from mcpflow_nb.records.record import Passed
from mcpflow_nb.tools.catalog import Catalog, Resource, Tool
from mcpflow_nb.views.html import Safe, frame, joined, short, spaced, table, tag
from mcpflow_nb.views.plain import clip, grid, page, width
from mcpflow_nb.views.report import window
from mcpflow_nb.views.values import brief, tree
from mcpflow_nb.visible import visible


def text_of(markup):
    """Return what is read when every element is taken away."""
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def test_a_value_folds_by_container_and_says_what_it_cuts():
    text = text_of(tree({"a": list(range(60)), "b": "x" * 300, "c": {}}, "run['a']"))
    assert "{3 keys}" in text
    assert "44: 44" not in text.replace(" ", "")
    assert "39: 39… 15 more: run['a']['a']55: 55" in text
    assert "… (300 characters): run['a']['b']" in text
    assert "c: {}" in text


@pytest.mark.row("KE08")
def test_a_huge_value_is_cut_at_32_kilobytes_and_names_the_expression():
    value = {f"key {at}": [{"inner": "y" * 150} for _ in range(40)] for at in range(40)}
    markup = tree(value, "run['big']")
    assert len(markup) < 40_000
    assert text_of(markup).endswith("characters): run['big']")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), "nan"), (2**60 + 1, "1152921504606846977"), (None, "null"), (True, "true"), (b"ab", "2 bytes"),
        ({"k": (1, "é")}, '{"k": [1, "é"]}'), ("\x1b", '"\\u001b"'), (object, "<class 'object'>"),
    ],
)  # fmt: skip
def test_a_value_on_one_line(value, text):
    assert brief(value) == text


def test_a_value_that_contains_itself_is_cut():
    loop = []
    loop.append(loop)
    assert brief(loop, 500).startswith("[[[")
    assert "not shown" in tree(loop, "x")


@pytest.mark.row("PR13")
def test_images_in_a_result_are_placeholders():
    text = text_of(tree({"type": "image", "mimeType": "image/png", "data": "A" * 5_000}, "x"))
    assert text == "image image/png, 5,000 characters of base64"


def test_the_style_sheet_is_small_prefixed_and_fetches_nothing():
    style = importlib.resources.files("mcpflow_nb.views").joinpath("style.css").read_text("utf-8")
    assert len(style.encode()) <= 6 * 1024
    assert not re.search(r"url\(|@import|<|prefers-color-scheme", style)
    assert all(".mf" in selector for selector in re.findall(r"^([^{}@]+)\{", style, re.MULTILINE))


def test_only_known_elements_and_attributes_can_be_made():
    for wrong in (
        lambda: tag("script", "x"),
        lambda: tag("p", onclick="x"),
        lambda: tag("img", src="https://x", alt=""),
        lambda: tag("rect", fill="url(https://x)"),
        lambda: tag("rect", style="fill: red"),
        lambda: tag("path", d="M0 0", href="#x"),
        lambda: tag("meta", http_equiv="refresh", content="0"),
    ):
        with pytest.raises(ValueError, match=r"no (element|attribute)"):
            wrong()


def test_text_is_escaped_once_and_markup_not_again():
    assert tag("p", "<b>", tag("b", "&"), None, ["x"], class_='"') == '<p class="&quot;">&lt;b&gt;<b>&amp;</b>x</p>'
    assert spaced("a", None, "", Safe("<b>c</b>")) == "a · <b>c</b>"
    assert isinstance(joined("a"), Safe)
    assert "mf-workflow" in frame("Workflow", "x", [])
    assert text_of(table("caption ", ["head "], [["<x>"]])) == "caption head <x>"


@pytest.mark.row("RE03")
def test_hidden_characters_are_written_out():
    assert visible("a\x00\x1b\x9b\u202e\u200b\ud800\ufeff") == "a\\x00\\x1b\\x9b\\u202e\\u200b\\ud800\\ufeff"
    assert visible("é 日本 😀") == "é 日本 😀"
    assert short("a\nb") == "a\\nb"


def test_lines_of_text_are_cut_by_their_width():
    assert clip("日本語", 4) == "日…"
    assert grid([["a", "日本"], ["bb", "c"]]) == ["a   日本", "bb  c"]
    assert page(["x"] * 50, "all").split("\n")[38:] == ["x", "… 11 more lines: all"]
    assert json.loads(brief({"a": "b"})) == {"a": "b"}


@pytest.mark.row("KE08")
def test_a_view_larger_than_256_kilobytes_gives_way_to_its_text():
    wide = {f"p{at}" * 40: {"type": "string", "description": "d" * 300} for at in range(60)}
    tools = {
        f"t{at}": Tool("m", f"t{at}" * 60, "d" * 300, {"properties": wide}, {"properties": wide}) for at in range(300)
    }

    class Connection(SimpleNamespace):
        pass

    found = views.bundle(
        Connection(
            name="m",
            transport="memory",
            source="live",
            state="open",
            protocol="x",
            target="",
            error=None,
            catalog=Catalog(tools, tuple(Resource("m", f"a://{at}" * 60, "n" * 300, "d" * 400) for at in range(300))),
        )
    )
    assert re.search(r"\d+ KB of tables are not shown; all of it: servers\[name\]\.tools", text_of(found["text/html"]))
    assert found["text/plain"].split("\n")[1] in text_of(found["text/html"])


@pytest.mark.parametrize("steps", [0, 1, 44, 1_000])
def test_text_keeps_to_100_columns_and_40_lines(steps):
    flow = mf.SequentialWorkflow("w" * 300)
    for at in range(steps):
        flow = flow.step("日本語" * 30 + str(at), tool="m.t" * 60, args={"x": {"y": "z" * 300}}, bind=f"b{at}")
    records = tuple(mf.Record(s.name, "m", "t", "ok", "live", (), value="v" * 900) for s in flow.steps)
    for thing in (
        flow,
        flow.check(),
        mf.Trace("w" * 300, "r", "completed", steps, records),
        *flow.steps[:1],
        *records[:1],
    ):
        lines = views.bundle(thing)["text/plain"].split("\n")
        assert len(lines) <= 40
        assert max(map(width, lines)) <= 100


def test_a_long_source_line_is_cut_around_what_is_wrong():
    line = "a" * 70 + '("nam")' + "b" * 60
    seen, carets = window(line, " " * 71 + "^" * 5, 50)
    assert seen[carets.index("^") : carets.index("^") + 5] == '"nam"'
    assert len(seen) <= 50


def test_secrets_show_their_length_and_nothing_else():
    flow = mf.SequentialWorkflow("w").argument("password", default="hunter2hunter").argument("key")
    flow = flow.step(
        "a", tool="hr.create", args={"api_key": mf.prompt_arg("key"), "login": mf.prompt_arg("password")}, bind="token"
    )
    flow = flow.step("b", tool="hr.create", args={"body": {"authorization": "hunter2hunter"}, "token": "hunter2hunter"})
    record = mf.Record(
        "a", "hr", "t", "ok", "mock", (Passed("secret", "hunter2hunter", '"hunter2hunter"'), Passed("x", "hunter2hunter", "argument password")),
        value={"access_token": "hunter2hunter"}, raw={"Authorization": "hunter2hunter"}, binding="b",
    )  # fmt: skip
    trace = mf.Trace("w", "r", "completed", 1, (record,))
    for thing in (flow, flow["a"], flow["b"], record, trace):
        found = views.bundle(thing)
        assert "hunter2" not in found["text/plain"] + text_of(found["text/html"]), thing
    assert "•••• (13 chars)" in views.bundle(record)["text/plain"]

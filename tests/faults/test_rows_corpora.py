"""Rows RE01, RE03 and PS06 of the table of faults: whole corpora of markup, escapes and instructions, shown and told."""

import json
from pathlib import Path

import pytest

import mcpflow_nb as mf
from mcpflow_nb import views
from mcpflow_nb.records.record import Passed
from mcpflow_nb.visible import HIDDEN, visible
from tests.hostile import everything
from tests.test_views_hostile import Page

CORPORA = Path(__file__).parent.parent / "corpora"
MARKUP, ESCAPES, INSTRUCTIONS = (
    json.loads((CORPORA / name).read_text("utf-8")) for name in ("xss.json", "ansi.json", "injections.json")
)
SHOWN = 25
"""So many records of a trace are shown, whatever its length."""


def record(text):
    passed = (Passed(text[:200], text, text),)
    return mf.Record(text[:200], "m", text, "tool_error", "live", passed, value=text, error=text, guidance=text)


@pytest.mark.row("RE01")
def test_markup_in_a_result_an_error_and_a_name_is_text():
    for at in range(0, len(MARKUP), SHOWN):
        texts = MARKUP[at : at + SHOWN]
        page = Page(views.bundle(mf.Trace("w", "r", "failed", SHOWN, tuple(map(record, texts))))["text/html"])
        assert [text for text in texts if visible(text)[:100] not in page.text] == []
    for text in MARKUP[::20]:
        page = Page(views.bundle(record(text))["text/html"])
        assert visible(text)[:100] in page.text


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
def test_markup_in_every_field_of_every_object_is_text(monkeypatch):
    monkeypatch.setenv("MCPFLOW_DOT", "/nonexistent")
    for text in MARKUP:
        for shown in everything(text):
            found = views.bundle(shown)
            assert "its view failed" not in found["text/plain"], (text, type(shown))
            assert visible(text)[:100] in Page(found["text/html"]).text, (text, type(shown))


@pytest.mark.row("RE03")
@pytest.mark.parametrize("text", ESCAPES, ids=range(len(ESCAPES)))
def test_an_escape_reaches_no_text_no_log_and_no_error(text, caplog):
    with mf.connect(m=mf.mock({"t": ValueError(text), "u": text})) as servers:
        run = mf.SequentialWorkflow("w").step("a", tool="m.u", bind="x").step("b", tool="m.t").start(servers).all()
        with pytest.raises(mf.CallError) as caught:
            servers.call("m.t")
        with pytest.raises(mf.NotOfferedError) as unknown:
            servers.call(f"m.{text}")
    texts = [str(caught.value), str(unknown.value), repr(caught.value), *caught.value._render_traceback_(), caplog.text]
    for shown in (run, run.trace, *run.trace, run.conversation(), run.effects()):
        texts += [repr(shown), *views.bundle(shown).values()]
    assert [found for found in texts if HIDDEN.search(found)] == []
    assert run["x"] == text


@pytest.mark.row("PS06")
def test_instructions_in_a_result_change_no_message_but_their_own_and_no_step():
    flow = mf.SequentialWorkflow("w").instruction("Be kind.").step("a", tool="m.t", bind="x", guidance="First")
    flow = flow.step("b", tool="m.u", args={"q": mf.field("x", "said")}, guidance="Then").step(
        "c", tool="m.u", handoff=True
    )

    def told(text):
        mock = mf.mock({"t": {"said": text}, "u": lambda q="": {"ok": True}, "delete_all": 1})
        with mf.connect(m=mock) as servers:
            run = flow.start(servers).all()
        return (
            [name for name, _ in mock.calls],
            [(one.kind, one.role, one.step, one.content["_meta"].keys()) for one in run.trace.messages],
            run,
        )

    honest_calls, honest, _ = told("ok")
    for text in INSTRUCTIONS:
        calls, messages, run = told(text)
        assert (calls, messages) == (honest_calls, honest)
        others = [one.text for one in run.trace.messages if one.kind not in ("result", "call", "handoff")]
        assert [one for one in others if "INFORMATION" in one] == []

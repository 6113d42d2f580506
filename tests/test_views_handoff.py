"""A run at a handoff, a run that stopped, and what steps fetched: cells, lines and the words that go on from there."""

import base64
import dataclasses
from html.parser import HTMLParser
from types import SimpleNamespace

import mcp.types as T
import pytest
from mcp.server.lowlevel import Server

import mcpflow_nb as mf
from mcpflow_nb import views
from mcpflow_nb.records.record import Fetched
from mcpflow_nb.views.graph import states
from mcpflow_nb.views.marks import mark

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n rest").decode()


class Page(HTMLParser):
    """The tables of a view by their captions, each a list of rows of text; all of its text, its folds and pictures."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.tables, self.text, self.folds, self.images, self._rows, self._open = {}, "", [], [], [], []
        self.feed(markup)
        self.close()

    def handle_starttag(self, element, attributes):
        if element == "table":
            self._rows = []
        elif element == "caption":
            self.caption = ""
        elif element == "tr":
            self._rows.append([])
        elif element in ("td", "th"):
            self._rows[-1].append("")
        elif element == "summary":
            self.folds.append("")
        self._open.append(element)

    def handle_startendtag(self, element, attributes):
        self.images += [dict(attributes)] if element == "img" else []

    def handle_endtag(self, element):
        if self._open.pop() == "table":
            self.tables.setdefault(self.caption, self._rows)

    def handle_data(self, text):
        if "style" in self._open:
            return
        self.text += text
        if "caption" in self._open:
            self.caption += text
        elif {"td", "th"} & set(self._open):
            self._rows[-1][-1] += text
        elif "summary" in self._open:
            self.folds[-1] += text


def shown(thing):
    """Return the text of a thing and its parsed HTML, and that both were made without the last resort."""
    found = thing._repr_mimebundle_()
    assert "its view failed" not in found["text/plain"] + found["text/html"]
    return found["text/plain"], Page(found["text/html"])


@pytest.fixture(autouse=True)
def _no_drawing(monkeypatch):
    monkeypatch.setenv("MCPFLOW_DOT", "/nonexistent")


def docs():
    held = {
        "docs://a": T.TextResourceContents(uri="docs://a", mime_type="text/plain", text="hi <b>"),
        "docs://b": T.BlobResourceContents(uri="docs://b", mime_type="image/png", blob=PNG),
    }

    async def listed(context, params):
        return T.ListResourcesResult(resources=[T.Resource(uri=uri, name=uri) for uri in held])

    async def read(context, params):
        return T.ReadResourceResult(contents=[held[str(params.uri)]])

    return Server("docs", on_list_resources=listed, on_read_resource=read)


def pay(id: str, level: int, kind: str = "monthly") -> dict:
    """Set up payroll."""
    return {"ok": True}


def mail(to: str, subject: str) -> dict:
    """Send a mail."""
    raise ValueError("no post today")


@pytest.fixture
def servers():
    mocks = {"hr": {"create": {"id": "emp-1"}}, "bank": {"pay": pay}, "post": {"mail": mail}}
    with mf.connect(docs=docs(), **{name: mf.mock(tools) for name, tools in mocks.items()}) as s:
        yield s


def four_steps():
    return (
        mf.SequentialWorkflow("hire")
        .step("read", resources=["docs://a", "docs://b"])
        .step("create", tool="hr.create", bind="person")
        .step("pay", tool="bank.pay", args={"id": mf.field("person", "id")}, guidance="Ask for it", bind="paid")
        .step("mail", tool="post.mail", args={"to": "all", "subject": mf.field("paid", "ok")})
        .step("again", resources=["docs://a"])
    )


def test_a_run_at_a_handoff_shows_what_the_client_has_to_do(servers):
    run = four_steps().start(servers).all()
    text, page = shown(run)
    assert repr(run) == "<Run hire: handoff at step 3 of 5>"
    assert page.tables["Missing"] == [["parameter", "type", "description"], ["level", "integer", ""]]
    assert page.tables["Known arguments"] == [["argument", "value", "comes from"], ["id", '"emp-1"', "person.id"]]
    assert page.tables["Remains after it"] == [
        ["step", "tool", "arguments"],
        ["mail", "post.mail", 'to = "all"subject ← paid.ok'],
        ["again", "resources only", "docs://a"],
    ]
    assert page.text.count("no value for 'level' of bank.pay: the client takes over") == 2  # the box and the record
    assert "The client is asked for it" not in page.text
    assert page.text.count("Ask for it") == 1
    assert page.text.endswith("run.answer(level=...) · run.conversation() · run.trace · run.next")
    assert text.split("\n")[6:] == [
        "  reason: step 'pay', tool 'pay' on server 'bank': no value for 'level' of bank.pay: the client",
        "      takes over [handoff]",
        "  the client's call: pay — bank.pay, ◇ mock",
        '    id = "emp-1"  ← person.id',
        "    level = ?  integer, missing",
        "  then: mail (post.mail), again (resources only)",
        "  go on: run.answer(level=...)  run.conversation()  run.trace  run.next",
    ]


def test_the_graph_of_a_run_at_a_handoff_marks_the_step_as_handed_over(servers):
    run = four_steps().start(servers).all()
    assert [state.mark.word for state in states(run)] == ["ok", "ok", "handoff", "pending", "pending"]
    run.answer(level=3)
    assert [state.mark.word for state in states(run)] == ["ok", "ok", "ok", "tool error", "pending"]


def test_a_step_that_says_handoff_misses_nothing_and_may_be_the_last(servers):
    flow = mf.SequentialWorkflow("w").step("a", tool="hr.create", handoff=True)
    text, page = shown(flow.start(servers).all())
    assert "Missing" not in page.tables
    assert "No step remains after it." in page.text
    assert text.split("\n")[-1] == "  go on: run.answer()  run.conversation()  run.trace  run.next"


def test_names_that_are_no_keywords_are_answered_as_a_mapping():
    call = type(
        "NextCall", (), {"step": "a", "tool": "t", "server": "m", "source": "mock", "arguments": (), "effects": ()}
    )
    call.missing, call.guidance = ("from", "a-b"), None
    found = views.bundle(call())
    assert Page(found["text/html"]).text.endswith("run.step() · run.answer({'from': ..., 'a-b': ...})")


def test_a_run_that_failed_names_what_did_not_run_and_the_conversation(servers):
    run = four_steps().start(servers).all().answer(level=1)
    text, page = shown(run)
    assert "Not run: again." in page.text
    assert (
        text.split("\n")[-1]
        == "  go on: run.rerun('mail')  run.trace  run.conversation()  workflow.start(servers, ...)"
    )


def test_a_run_that_was_cancelled_names_what_did_not_run(servers):
    run = four_steps().start(servers).to("create").cancel()
    assert repr(run) == "<Run hire: cancelled before step 2 of 5>"
    assert "Not run: create, pay, mail, again." in shown(run)[1].text


def test_a_step_that_needs_input_has_no_answer_here(servers):
    run = four_steps().start(servers).all()
    record = dataclasses.replace(
        run.trace[-1], status="needs_input", error="the server asks for a token: abc", missing=()
    )
    kept = {name: getattr(run, name) for name in ("id", "workflow", "outcome", "bindings", "arguments", "servers")}
    trace = mf.Trace("hire", run.id, "handoff", 5, (*run.trace[:-1], record), ahead=run.trace.ahead)
    asked = type("Run", (SimpleNamespace,), {})(
        **kept, trace=trace, next=run.next, reason=record.error, stopped=record, stale=()
    )
    found = views.bundle(asked)
    assert "⇢ needs input: the server asks for a token: abc" in Page(found["text/html"]).text
    assert found["text/plain"].split("\n")[-1] == "  go on: run.conversation()  run.trace  run.next"


def test_a_step_of_resources_alone_shows_what_it_fetched(servers):
    run = four_steps().start(servers)
    record = run.step()
    text, page = shown(record)
    assert [row[:5] for row in page.tables["Resources"]] == [
        ["uri", "server", "when", "contents", "source"],
        ["docs://a", "docs", "—", "text/plain, 6 characters", "live"],
        ["docs://b", "docs", "—", "image/png, 13 bytes", "live"],
    ]
    assert page.folds == ["docs://a · text/plain, 6 characters", "docs://b · image/png, 13 bytes"]
    assert [image["alt"] for image in page.images] == ["docs://b: image/png, 13 bytes"]
    assert ("hi <b>" in page.text, "No arguments." in page.text, "Value" in page.text) == (True, False, False)
    assert text.split("\n")[1:] == [
        "  fetched: docs://a (docs) — text/plain, 6 characters",
        "  fetched: docs://b (docs) — image/png, 13 bytes",
    ]
    assert page.text.endswith("run.trace['read'].resources")
    assert shown(run)[1].tables["Records"][1][-1] == "2 resources, 6 characters, 13 bytes"
    assert "2 resources, 6 ch" in shown(run.trace)[0]


def test_a_resource_that_could_not_be_read_says_why_and_when():
    contents = tuple({"uri": "x://y", "text": "t" * 1_560, "mimeType": "text/plain"} for _ in range(7))
    fetched = (Fetched("x://y?token=abc", "m", contents), Fetched("x://z", None, error="gone", after_call=True))
    record = mf.Record(
        "a", "m", "t", "resource_error", "live", error="the tool ran, but gone", value=1, resources=fetched
    )
    text, page = shown(record)
    held = "text/plain, 1,560 characters" * 5 + "… 2 more"
    assert page.tables["Resources"][1:] == [
        ["x://y?token=••••", "m", "before the call", held, "—", "—", "—"],
        ["x://z", "—", "after the call", "none", "—", "—", "gone"],
    ]
    assert text.split("\n")[-1] == "  fetched after the call: x://z — error: gone"
    assert "✖ resource error: the tool ran, but gone" in page.text
    assert mark("resource_error").word == "resource error"


def test_a_secret_in_an_error_is_masked(servers):
    run = mf.SequentialWorkflow("w").step("a", resources=["docs://nope?token=abc123"]).start(servers).all()
    for thing in (run, run.trace, run.trace[0], run.conversation()):
        text, page = shown(thing)
        assert ("token=•" in text, "abc123" in text, "abc123" in page.text) == (True, False, False), thing

"""`run.report`: one file that tells a whole run, safe to send, the same bytes for the same run."""

import base64
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import mcpflow_nb as mf
from mcpflow_nb.errors import RunError

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\u202e\x1b[2J</style><a href='https://x.example'>"
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
SECTIONS = ["Steps", "Arguments", "What happened", "Timeline", "Conversation", "Calls that were sent"]
LAST = ["Servers", "Versions"]


class Page(HTMLParser):
    """A page that was read with an eye for what fetches or runs anything; its headings, text and pictures."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.open, self.headings, self.text, self.images, self.metas, self.elements = [], [], "", [], [], set()
        self.feed(markup)
        self.close()
        assert self.open == []

    def handle_starttag(self, element, attributes):
        values = dict(attributes)
        assert element not in ("script", "iframe", "object", "embed", "link", "base", "form", "a", "svg"), element
        assert not [key for key in values if key.startswith("on") or key in ("href", "srcset", "action")]
        self.elements.add(element)
        self.metas += [values] if element == "meta" else []
        if element == "img":
            assert values["src"].startswith("data:image/")
            self.images.append(values)
        if element not in ("meta", "img", "br"):
            self.open.append(element)
        self.headings += [""] if element == "h2" else []

    def handle_startendtag(self, element, attributes):
        self.handle_starttag(element, attributes)

    def handle_endtag(self, element):
        assert self.open.pop() == element

    def handle_data(self, text):
        if "style" not in self.open:
            self.text += text
        if "h2" in self.open:
            self.headings[-1] += text


@pytest.fixture
def servers():
    tools = {
        "make": lambda name, token: {"id": name, "token": token}, "pay": lambda id, iban: {"paid": iban},
        "fail": ValueError("no seat is left"), "evil": lambda: {"<b>": HOSTILE, "more": [HOSTILE]}, "big": {"x": ["y" * 200] * 5_000},
    }  # fmt: skip
    with mf.connect(hr=mf.mock(tools, resources={"docs://a": HOSTILE})) as opened:
        yield opened


def flow():
    return (
        mf.SequentialWorkflow("onboard", "Onboard one person")
        .argument("who", "Full name")
        .argument("api_key")
        .argument("team", default="core")
        .step(
            "one", tool="hr.make", args={"name": mf.prompt_arg("who"), "token": mf.prompt_arg("api_key")}, bind="made"
        )
        .step("two", tool="hr.pay", args={"id": mf.field("made", "id")}, bind="paid")
    )


def started(servers, workflow=None):
    return flow().start(servers, who="Ada", api_key="hunter2-hunter2") if workflow is None else workflow.start(servers)


def written(run, folder):
    path = run.report(folder / "run.html")
    assert path == folder / "run.html"
    assert [one.name for one in folder.iterdir()] == ["run.html"]
    return Page(path.read_text("utf-8"))


def test_a_report_is_one_page_with_its_own_policy_and_every_part(servers, tmp_path):
    page = written(started(servers).all().answer(iban="DE00"), tmp_path)
    assert page.headings == [*SECTIONS, *LAST]
    assert {"http-equiv": "Content-Security-Policy", "content": POLICY} in page.metas
    assert {"charset": "utf-8"} in page.metas
    assert [meta["name"] for meta in page.metas if "name" in meta] == ["viewport", "color-scheme"]
    for words in ("Run of onboard", "completed, 2 steps", "Onboard one person", "Full name", "a mock's answer", "DE00"):
        assert words in page.text
    text = (tmp_path / "run.html").read_text("utf-8")
    assert text.startswith('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>')
    assert re.findall(r"https?:|//[a-z]|url\(|@import", re.sub(r'src="[^"]*"', "", text)) == []


def test_the_same_run_gives_the_same_bytes(servers, tmp_path):
    run = started(servers).all()
    first = run.report(tmp_path / "a.html").read_bytes()
    assert run.report(str(tmp_path / "a.html")).read_bytes() == first == run.report(tmp_path / "b.html").read_bytes()


def test_secrets_are_masked_and_no_place_of_this_machine_is_told(servers, tmp_path):
    started(servers).all().report(tmp_path / "run.html")
    page = Page((tmp_path / "run.html").read_text("utf-8"))
    drawn = "".join(base64.b64decode(one["src"].partition(",")[2]).decode() for one in page.images)
    for text in ((tmp_path / "run.html").read_text("utf-8"), drawn):
        for hidden in ("hunter2", str(tmp_path), str(Path(mf.__file__).parent), os.path.expanduser("~/"), sys.prefix):
            assert hidden not in text
    assert "•••• (15 chars)" in page.text


def test_what_a_server_says_is_text_and_never_markup(servers, tmp_path):
    workflow = mf.SequentialWorkflow("w", HOSTILE).argument("x", HOSTILE, default=HOSTILE)
    workflow = workflow.step("evil", tool="hr.evil", bind="it", guidance=HOSTILE, resources=["docs://a"])
    page = written(started(servers, workflow).all(), tmp_path)
    assert page.text.count("<script>alert(1)</script>") >= 3
    assert ("\u202e" in page.text, "\x1b" in page.text) == (False, False)


def test_a_run_that_has_not_begun_says_what_is_left(servers, tmp_path):
    page = written(started(servers), tmp_path)
    assert page.headings == [*SECTIONS[:3], "What is left", *SECTIONS[3:], *LAST]
    for words in ("paused before step 1 of 2", "nothing was called", "Nothing ran yet.", "No call was sent."):
        assert words in page.text


def test_a_run_at_a_handoff_says_what_is_missing_and_a_failed_one_why(servers, tmp_path):
    page = written(started(servers).all(), tmp_path)
    assert "handoff at step 2 of 2" in page.text
    assert "no value for 'iban' of hr.pay: the client takes over" in page.text
    failed = started(servers, mf.SequentialWorkflow("w").step("s", tool="hr.fail")).all()
    page = written(failed, tmp_path)
    assert f"Reason: {failed.reason}" in page.text
    assert "no seat is left" in page.text


def test_a_fork_shows_the_tree_and_the_calls_of_all_its_runs(servers, tmp_path):
    run = started(servers).all()
    page = written(run.fork().answer(iban="DE00"), tmp_path)
    assert page.headings == [*SECTIONS, "Runs of this tree", *LAST]
    assert "forked after 1 step" in page.text
    assert run.id in page.text


def test_a_report_can_be_written_when_the_servers_are_closed(servers, tmp_path):
    run = started(servers).all()
    before = run.report(tmp_path / "run.html").read_bytes()
    servers.close()
    assert run.report(tmp_path / "run.html").read_bytes() == before


def test_servers_and_versions_are_named(servers, tmp_path):
    page = written(started(servers).all(), tmp_path)
    assert f"mcpflow-nb{mf.__version__}" in page.text
    assert f"Python{sys.implementation.name.replace('cpython', 'CPython')} {sys.version.split()[0]}" in page.text
    assert (servers["hr"].software, "hr◇ mockmock" in page.text) == ("mock", True)


def test_a_huge_run_stays_below_5_megabytes_and_says_what_is_left_out(servers, tmp_path, monkeypatch):
    monkeypatch.setenv("MCPFLOW_DOT", "/nonexistent")
    workflow = mf.SequentialWorkflow("w")
    for at in range(300):
        workflow = workflow.step(f"s{at}", tool="hr.big", bind=f"b{at}")
    page = written(started(servers, workflow).all(), tmp_path)
    assert (tmp_path / "run.html").stat().st_size < 5_000_000
    assert "of 300 records are in the table alone: run.trace" in page.text


@pytest.mark.row("FI07")
def test_a_file_that_is_there_is_replaced_and_a_failing_write_leaves_it_as_it_was(servers, tmp_path, monkeypatch):
    run, path = started(servers), tmp_path / "run.html"
    path.write_text("old", "utf-8")
    written(run, tmp_path)
    path.write_text("old", "utf-8")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(RunError, match=r"it could not be written \(No space left on device\)"):
        run.report(path)
    assert ([one.name for one in tmp_path.iterdir()], path.read_text("utf-8")) == (["run.html"], "old")


def test_a_place_where_nothing_can_be_written_is_an_error_that_says_how_to_mend_it(servers, tmp_path):
    run = started(servers)
    with pytest.raises(RunError, match=r"run\.report\('.*run\.html'\): there is no folder '.*gone'; make it first"):
        run.report(tmp_path / "gone" / "run.html")
    with pytest.raises(RunError, match=r"this is a folder; name a file in it: '.*run\.html'"):
        run.report(tmp_path)
    assert list(tmp_path.iterdir()) == []

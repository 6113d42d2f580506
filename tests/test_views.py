"""What each view shows: cells, facts and cuts, in text and in HTML."""

from html.parser import HTMLParser
from types import SimpleNamespace

import pytest

import mcpflow_nb as mf
from mcpflow_nb import views
from mcpflow_nb.tools.catalog import Catalog, Tool


class Page(HTMLParser):
    """The tables of a view by their captions, each a list of rows of text; and all of its text."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.tables, self.text, self._rows, self._into, self._skip = {}, "", [], None, False
        self.feed(markup)
        self.close()

    def handle_starttag(self, element, attributes):
        if element == "table":
            self._rows = []
        elif element == "tr":
            self._rows.append([])
        elif element in ("td", "th"):
            self._rows[-1].append("")
            self._into = self._rows[-1]
        elif element == "caption":
            self._into = [""]
            self.caption = self._into
        self._skip = element == "style"

    def handle_endtag(self, element):
        if element in ("td", "th", "caption"):
            self._into = None
        if element == "table":
            self.tables.setdefault(self.caption[0], self._rows)
        self._skip = False

    def handle_data(self, text):
        if self._into is not None:
            self._into[-1] += text
        if not self._skip:
            self.text += text


@pytest.fixture(autouse=True)
def _no_drawing(monkeypatch):
    monkeypatch.setenv("MCPFLOW_DOT", "/nonexistent")


def shown(thing):
    """Return the text of a thing and its parsed HTML, and that both were made without the last resort."""
    found = thing._repr_mimebundle_() if hasattr(thing, "_repr_mimebundle_") else views.bundle(thing)
    assert list(found) == ["text/plain", "text/html"]
    assert "its view failed" not in found["text/plain"] + found["text/html"]
    return found["text/plain"], Page(found["text/html"])


def two_steps():
    return (
        mf.SequentialWorkflow("hire", "Hire someone")
        .argument("name", "Full name")
        .argument("level", "Job level", type=int, default=1, choices=[1, 2])
        .instruction("Do all of it.")
        .step(
            "create",
            tool="hr.create",
            args={"name": mf.prompt_arg("name"), "level": mf.prompt_arg("level")},
            bind="person",
        )
        .step("pay", tool="bank.pay", args={"id": mf.field("person", "id"), "kind": "monthly"}, guidance="Pay {name}")
    )


@pytest.fixture
def servers():
    with mf.connect(
        hr=mf.mock({"create": {"id": "emp-1", "tags": [1, 2]}}), bank=mf.mock({"pay": ValueError("no <account>")})
    ) as s:
        yield s


def test_a_workflow_shows_its_steps_inputs_and_words():
    text, page = shown(two_steps())
    assert repr(two_steps()) == "<SequentialWorkflow hire: 2 steps>"
    assert text == (
        "Workflow hire — 2 steps, 2 arguments (1 required), 2 servers, ✔ valid\n"
        "  1  create  hr · create  → person\n"
        "  2  pay     bank · pay             needs 1"
    )
    assert page.tables["Steps"][1:] == [
        ["1", "create", "hr", "create", "name ← argument namelevel ← argument level", "person"],
        ["2", "pay", "bank", "pay", 'id ← person.idkind ← "monthly"', "—"],
    ]
    assert page.tables["Arguments"][1:] == [
        ["name", "string", "required", "—", "Full name", "create.name, pay (guidance)"],
        ["level", "integer: 1, 2", "optional", "1", "Job level", "create.level"],
    ]
    assert page.tables["For the client"][1:] == [
        ["all", "instruction", "Do all of it."],
        ["pay", "guidance", "Pay {name}"],
    ]


def test_a_workflow_with_problems_shows_them_first():
    text, page = shown(mf.SequentialWorkflow("w").step("a", tool="m.t", args={"x": mf.prompt_arg("nam")}))
    assert "✖ 1 error" in text.split("\n")[0]
    assert [row[0] for row in page.tables["Findings"]] == ["severity", "i advice", "✖ error"]
    assert page.text.index("Problems:") < page.text.index("Step graph as text")


def test_an_empty_workflow_says_that_it_has_no_steps():
    text, page = shown(mf.SequentialWorkflow("w"))
    assert text.split("\n")[0] == "Workflow w — 0 steps, 0 arguments, ✖ 1 error"
    assert "No steps yet." in page.text


def test_a_step_shows_where_each_argument_comes_from():
    text, page = shown(two_steps()["pay"])
    assert repr(two_steps()["pay"]) == "<WorkflowStep pay: bank.pay>"
    assert text.split("\n")[:4] == [
        "Step pay: bank.pay",
        "  id ← person.id",
        '  kind ← "monthly"',
        "  guidance: Pay {name}",
    ]
    assert page.tables["Arguments"] == [["argument", "comes from"], ["id", "person.id"], ["kind", '"monthly"']]


def test_a_step_without_arguments_or_tool_says_so():
    assert repr(mf.WorkflowStep("a")) == "<WorkflowStep a: nothing to call>"
    assert "No arguments." in shown(mf.WorkflowStep("a", resources=["a://b"]))[1].text


def test_a_report_shows_every_finding_with_its_place():
    flow = two_steps().step("last", tool="m.t", args={"x": mf.field("persn", "id")})
    report = flow.check()
    text, page = shown(report)
    assert repr(report) == "<Report hire: 1 error>"
    assert text.split("\n")[:2] == [
        "✖ Report of hire: 1 error — structure alone",
        f"✖ error unknown-binding  step 'last', argument 'x'  {report.problems[0].source[0]}",
    ]
    rows = page.tables["Findings"]
    assert rows[0] == ["severity", "where", "what", "fix"]
    assert (rows[1][0], "did you mean 'person'?" in rows[1][2], "^^^^^^^" in rows[1][2]) == ("✖ error", True, True)
    assert ["last", "x", "persn.id", "✖ not found"] in page.tables["Data flow as text"]


def test_a_report_without_findings_says_what_was_checked(servers):
    text, page = shown(mf.Report(two_steps(), (), ("hr", "bank")))
    assert text == "✔ Report of hire: valid — checked against hr, bank"
    assert "2 steps and 4 arguments checked, nothing found." in page.text


def test_servers_show_how_they_are_reached_and_what_they_offer(servers):
    text, page = shown(servers)
    assert repr(servers) == "<Servers: hr, bank; 2 open>"
    assert text.split("\n")[0] == "2 servers"
    assert [row[:3] + row[6:] for row in page.tables["Servers"][1:]] == [
        ["hr", "✔ open", "mock", "1 tool"],
        ["bank", "✔ open", "mock", "1 tool"],
    ]
    assert page.tables["Tools"][1][0].startswith("create(")


def test_a_connection_and_a_tool_show_themselves(servers):
    assert repr(servers["hr"]) == "<Connection hr: open, 1 tool>"
    assert shown(servers["hr"])[1].tables["Tools"][1][0].startswith("create(")
    schema = {
        "type": "object",
        "properties": {"id": {"type": "string", "description": "Whose"}, "n": {"default": 2}},
        "required": ["id"],
    }
    tool = Tool(
        "hr",
        "find",
        "Finds",
        schema,
        {"type": "object", "properties": {"name": {"type": "string"}}},
        {"readOnlyHint": True},
    )
    text, page = shown(tool)
    assert repr(tool) == "<Tool hr.find(id: string, n: any = 2)>"
    assert text == "Tool hr.find(id: string, n: any = 2)\n  Finds\n  the server says: read-only\n  → name"
    assert page.tables["Parameters"][1:] == [
        ["id", "string", "required", "—", "Whose"],
        ["n", "any", "optional", "2", ""],
    ]
    assert page.tables["Output"] == [["field", "type"], ["name", "string"]]


def test_a_failed_server_shows_its_error():
    class Connection(SimpleNamespace):
        pass

    broken = Connection(
        name="it",
        transport="http",
        source="live",
        state="failed",
        protocol=None,
        target="http://x",
        error="refused",
        catalog=Catalog(),
    )
    text, page = shown(broken)
    assert text == "✖ it — failed, live, http, http://x: nothing\n    error: refused"
    assert "✖ error: refused" in page.text
    assert "Offers nothing." in page.text


def test_a_paused_run_shows_the_next_call_and_what_it_has(servers):
    run = two_steps().start(servers, name="Ada")
    run.step()
    text, page = shown(run)
    assert repr(run) == "<Run hire: paused before step 2 of 2>"
    lines = text.split("\n")
    assert lines[0].endswith("of hire — paused before step 2 of 2")
    assert lines[3:6] == ["  next: pay", '    id = "emp-1"  ← person.id', '    kind = "monthly"  ← constant']
    assert page.tables["Arguments"][1] == ["id", '"emp-1"', "person.id"]
    assert [row[:5] for row in page.tables["Records"][1:]] == [["1", "create", "hr.create", "✔ ok", "◇ mock"]]
    assert [row[-1].split(" · ")[0] for row in page.tables["Run graph as text"][1:]] == ["✔ ok", "▶ next"]


def test_a_run_that_has_not_started_says_so(servers):
    text, page = shown(two_steps().start(servers, name="Ada"))
    assert "paused before step 1 of 2" in text
    assert "Nothing ran yet." in page.text


def test_a_failed_run_shows_the_error_first(servers):
    run = two_steps().step("never", tool="hr.create").start(servers, name="Ada").all()
    text, page = shown(run)
    assert repr(run) == "<Run hire: failed at step 2 of 3>"
    assert "no <account>" in text
    assert page.text.index("no <account>") < page.text.index("Run graph as text")
    assert "Not run: never." in page.text


def test_a_completed_run_says_how_to_read_its_value(servers):
    flow = mf.SequentialWorkflow("w").step("a", tool="hr.create", bind="made")
    run = flow.start(servers).all()
    assert repr(run) == "<Run w: completed, 1 step>"
    assert shown(run)[0].endswith("  go on: run.trace.df  run['made']  run.conversation()")


def test_a_trace_is_a_row_a_record(servers):
    run = two_steps().start(servers, name="Ada").all()
    text, page = shown(run.trace)
    assert repr(run.trace) == "<Trace hire: 2 of 2 steps, failed>"
    assert text.split("\n")[0] == "Trace of hire — 2 of 2 steps, failed"
    assert [[row[1], row[3]] for row in page.tables["Records"][1:]] == [["create", "✔ ok"], ["pay", "✖ tool error"]]


def test_an_empty_trace_says_so():
    text, page = shown(mf.Trace("w", "r", "paused", 3, ()))
    assert text == "Trace of w — 0 of 3 steps, paused\n  nothing ran yet"
    assert "Nothing ran yet." in page.text


def test_a_long_trace_shows_its_first_20_and_last_5_and_says_so():
    records = tuple(mf.Record(f"s{at}", "m", "t", "ok", "live", (), value=at) for at in range(200))
    text, page = shown(mf.Trace("w", "r", "completed", 200, records))
    assert [row[1] for row in page.tables["Records"][1:]] == [f"s{at}" for at in [*range(20), *range(195, 200)]]
    assert "… 175 more after the first 20: trace.df" in page.text
    assert "  … 175 more: trace.df" in text.split("\n")


def test_a_record_shows_what_was_sent_and_what_came_back(servers):
    record = two_steps().start(servers, name="Ada").step()
    text, page = shown(record)
    assert repr(record) == "<Record create: ok>"
    assert text.split("\n")[1:] == [
        '  name = "Ada"  ← argument name', "  level = 1  ← argument level", '  → person = {"id": "emp-1", "tags": [1, 2]}',
    ]  # fmt: skip
    assert page.tables["Arguments"][1:] == [["name", '"Ada"', "argument name"], ["level", "1", "argument level"]]


def test_views_are_the_same_bytes_each_time(servers):
    run = two_steps().start(servers, name="Ada").all()
    for thing in (two_steps(), run, run.trace, run.trace[0], servers):
        assert views.bundle(thing) == views.bundle(thing)


def test_the_data_flow_of_a_long_workflow_is_named_and_not_drawn():
    flow = mf.SequentialWorkflow("w")
    for at in range(41):
        flow = flow.step(f"s{at}", tool="m.t", args={"x": at})
    assert "Data flow: workflow.bindings()" in shown(flow)[1].text

"""What debugging gives, as it is shown: diffs, reasons, paths, effects, trees, plans; and a run that went back."""

from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

import mcpflow_nb as mf
from mcpflow_nb import views
from mcpflow_nb.records.differences import Change, Diff, Row
from mcpflow_nb.records.effects import Branch, Effect, Effects, Tree
from mcpflow_nb.records.provenance import Link, PathRow, Paths, Why, paths_of
from mcpflow_nb.running.upcoming import Remaining, Upcoming
from mcpflow_nb.views.diff import sides
from mcpflow_nb.views.plain import width
from mcpflow_nb.visible import HIDDEN

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Page(HTMLParser):
    """The tables of a view by their captions, each a list of rows; its list items with their depths; all of its text."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.tables, self.items, self.text = {}, [], ""
        self._rows, self._into, self._skip, self._depth = [], None, False, 0
        self.feed(markup)
        self.close()

    def handle_starttag(self, element, attributes):
        if element == "table":
            self._rows = []
        elif element == "tr":
            self._rows.append([])
        elif element in ("td", "th", "caption"):
            self._into = [""] if element == "caption" else self._rows[-1]
            self._into += [] if element == "caption" else [""]
            self.caption = self._into if element == "caption" else self.caption
        elif element == "div" and self._into and self._into[-1]:
            self._into[-1] += " | "
        self._skip = element == "style"
        self._depth += element == "ul"
        self.items += [[self._depth, ""]] if element == "li" else []

    def handle_endtag(self, element):
        if element in ("td", "th", "caption"):
            self._into = None
        if element == "table":
            self.tables[self.caption[0]] = self._rows
        self._skip, self._depth = False, self._depth - (element == "ul")

    def handle_data(self, text):
        if self._into is not None:
            self._into[-1] += text
        if self._depth:
            self.items[-1][1] += text
        if not self._skip:
            self.text += text


@pytest.fixture(autouse=True)
def _no_drawing(monkeypatch):
    monkeypatch.setenv("MCPFLOW_DOT", "/nonexistent")


@pytest.fixture
def servers():
    made = {
        "create": lambda name, login="x": {"id": f"e-{name}", "email": f"{name}@x"},
        "pay": lambda id: {"paid": id}, "mail": lambda to: {"sent": to}, "ends": ValueError("no"),
    }  # fmt: skip
    with mf.connect(m=mf.mock(made)) as opened:
        yield opened


def flow():
    return (
        mf.SequentialWorkflow("onboard", "Onboard")
        .argument("name")
        .step("create", tool="m.create", args={"name": mf.prompt_arg("name")}, bind="person")
        .step("pay", tool="m.pay", args={"id": mf.field("person", "id")}, bind="paid")
        .step("mail", tool="m.mail", args={"to": mf.field("person", "email")}, bind="mailed")
    )


def shown(thing):
    """Return the text of a thing and its parsed HTML; neither by the last resort, both within their bounds."""
    found = views.bundle(thing)
    assert "its view failed" not in found["text/plain"] + found["text/html"]
    assert "KB of tables are not shown" not in found["text/html"]
    assert len(found["text/html"]) <= views.MAX_BYTES
    lines = found["text/plain"].split("\n")
    assert (len(lines) <= 40, max(map(width, lines)) <= 100, HIDDEN.search(found["text/plain"])) == (True, True, None)
    assert views.bundle(thing) == found
    return found["text/plain"], Page(found["text/html"])


def test_a_diff_says_where_two_runs_part_and_then_only_what_differs():
    changes = (Change("sent.id", "e-1", "e-2"), Change("value", {"a": 1}, None, has_right=False))
    rows = (
        Row("create", "=", (), (0.01, 0.02)),
        Row("pay", "≠", changes, (0.5, None), 7),
        Row("old", "−"),
        Row("new", "+"),
    )
    diff = Diff("run", "r1", "r2", rows, (Change("outcome", "completed", "paused"),))
    text, page = shown(diff)
    assert repr(diff) == "<Diff of 2 runs: first difference at step 2, 'pay': sent.id, value and 7 more>"
    assert text.split("\n") == [
        "Diff of runs 'r1' and 'r2'", "  First difference at step 2, 'pay': sent.id, value and 7 more",
        "  1  create  = same  (10 ms → 20 ms, not counted)", "  2  pay  ≠ changed  (500 ms → —, not counted)",
        '       sent.id: "e-1" → "e-2"', '       value: {"a": 1} → (absent)', "       … 7 beyond the first 2 are not kept",
        "  3  old  − only in the first", "  4  new  + only in the second",
        "  around the steps", '       outcome: "completed" → "paused"',
    ]  # fmt: skip
    assert page.tables["Steps: 1 same, 1 changed, 1 only in the second, 1 only in the first"] == [
        ["#", "step", "mark", "first → second", "time, not counted"],
        ["1", "create", "= same", "—", "10 ms → 20 ms"],
        ["2", "pay", "≠ changed", 'sent.id: "e-1" → "e-2" | value: {"a": 1} → (absent) | … 7 beyond the first 2 are not kept: diff.df',
         "500 ms → —"],
        ["3", "old", "− only in the first", "—", "—"],
        ["4", "new", "+ only in the second", "—", "—"],
    ]  # fmt: skip
    assert page.tables["Around the steps"][1:] == [["outcome", '"completed"', '"paused"']]


def test_a_diff_of_nothing_and_of_workflows_has_no_times():
    assert shown(Diff("run", "a", "b", ()))[0] == "Diff of runs 'a' and 'b'\n  The same"
    assert "No steps on either side." in shown(Diff("run", "a", "b", ()))[1].text
    _, page = shown(mf.diff(flow(), flow()))
    assert page.tables["Steps: 3 same"][0] == ["#", "step", "mark", "first → second"]


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (Change("value.n", 1, 1.0), ("1", "1.0")),
        (Change("value.n", None, None, has_left=False), ("(absent)", "null")),
        (Change("sent.api_key", "abc", "xyz"), ("•••• (3 chars)", "•••• (3 chars), another value")),
        (Change("sent", {"token": "abc"}, {"token": "wxyz"}), ('{"token": •••• (3 chars)}', '{"token": •••• (4 chars)}')),
        (Change("error", "password: abc", "password: xyz"), ('"password: ••••"', '"password: ••••", another value')),
        (Change("value", "x" * 900 + "a", "x" * 900 + "b"), ('(890 alike) …"xxxxxxxxxxa"', '…"xxxxxxxxxxb"')),
        (Change("arguments", ({"name": "password", "default": "abc"},), ({"name": "password", "default": "xyz"},)),
         ('[{"name": "password", "default": "•••• (3 chars)"}]',
          '[{"name": "password", "default": "•••• (3 chars)"}], another value')),
        (Change("value", "a" * 900, "b" * 900), (f'"{"a" * 79}… (900 characters)', f'"{"b" * 79}… (900 characters)')),
    ],
)  # fmt: skip
def test_two_values_are_seen_to_differ_and_secrets_are_not_seen(change, seen):
    assert sides(change) == seen


def test_a_huge_diff_shows_what_differs_first_and_says_what_it_cuts():
    changes = tuple(Change(f"value.{at}.{'k' * 300}", "x" * 5_000, "<" * 5_000) for at in range(50))
    rows = [Row(f"s{at}", "=") for at in range(2_000)] + [Row(f"t{at}", "≠", changes) for at in range(30)]
    _, page = shown(Diff("run", "a", "b", tuple(rows), changes * 10))
    (table,) = (rows for caption, rows in page.tables.items() if caption.startswith("Steps: 2,000 same, 30 changed"))
    assert [row[0] for row in table[1:]] == [*map(str, range(1, 31)), *map(str, range(2_001, 2_031))]
    assert "… 1,970 more steps not shown, 1,970 of them the same: diff.df" in page.text
    assert "42 more that differ: diff.df" in page.text
    assert "440 more: diff.df" in page.text


def test_a_reason_goes_inwards_and_says_where_each_value_came_from(servers):
    run = flow().start(servers, name="Ada").all()
    text, page = shown(run.why("pay", "id"))
    assert repr(run.why("pay", "id")) == '<Why id of pay = "e-Ada": ◇ mock, → argument>'
    assert text.split("\n") == [
        "Why 'id' of step 'pay' — ◇ mock, → argument",
        "  ← binding: argument 'id' of step 'pay' ← person.id = \"e-Ada\"",
        "    ◇ mock: binding 'person', made by step 'create' (m.create), at id = \"e-Ada\"",
        "      → argument: argument 'name' of step 'create' ← argument name = \"Ada\"",
        "        → argument: workflow argument 'name' = \"Ada\"",
    ]
    assert page.items[-1] == [4, "→ argument workflow argument 'name' = \"Ada\""]
    assert [depth for depth, _ in page.items] == [1, 2, 3, 4]
    run.edit("pay", id="e-9")
    run.rerun("pay")
    assert shown(run.why("pay", "id"))[1].items == [
        [1, "✎ edited by hand argument 'id' of step 'pay' ← ✎ edited by hand = \"e-9\""]
    ]


def test_a_reason_masks_secrets_in_values_and_in_words():
    links = (
        Link(0, "argument 'x' of step 'a' ← argument password", "hunter2", "argument"),
        Link(1, "workflow argument 'password'", "hunter2", "argument"),
        Link(0, "argument 'token' of step 'a' ← \"hunter2\"", "hunter2", "constant"),
        Link(1, "binding 'secret', made by step 'a' (m.t)", ["hunter2"], "pinned"),
        Link(1, "binding 'made', made by step 'a' (m.t)", {"token": "hunter2"}, "live"),
    )
    text, page = shown(Why("a", "x", links))
    assert "hunter2" not in text + page.text + repr(Why("a", "x", links))
    assert (text.count("•••• (7 chars)"), text.count("•••• (11 chars)")) == (4, 1)


def test_a_long_or_empty_reason_is_bounded():
    _, page = shown(Why("a", "x", tuple(Link(at, f"binding {'b' * 500!r}", "<" * 5_000, "live") for at in range(200))))
    assert "… 140 more: why.df" in page.text
    assert max(depth for depth, _ in page.items) == 17
    assert "(level 59)" in page.items[-1][1]
    assert shown(Why("a", "x", ()))[0] == "Why 'x' of step 'a' — nothing that is known"


def test_paths_show_the_expression_to_copy():
    paths = paths_of("person", {"id": 7, "a.b": [{"token": "hunter2"}]})
    text, page = shown(paths)
    assert repr(paths) == "<Paths person: 5 paths>"
    assert page.tables["Paths"] == [
        ["path", "value", "expression"],
        ["person", '{"id": 7, "a.b": [{"token": •••• (7 chars)}]}', 'mf.from_step("person")'],
        ["person.id", "7", 'mf.field("person", "id")'],
        ['person["a.b"]', '[{"token": •••• (7 chars)}]', 'mf.from_step("person")["a.b"]'],
        ['person["a.b"].0', '{"token": •••• (7 chars)}', 'mf.from_step("person")["a.b"][0]'],
        ['person["a.b"].0.token', "•••• (7 chars)", 'mf.from_step("person")["a.b"][0]["token"]'],
    ]
    assert text.split("\n")[2].split() == ["person.id", "7", 'mf.field("person",', '"id")']


def test_many_paths_and_long_expressions_are_cut_and_said():
    _, page = shown(paths_of("p", ["<" * 300] * 5_000))
    assert len(page.tables["Paths"]) == 101
    assert "900 more: paths.df; 4,001 beyond the first 1,000 are not listed" in page.text
    assert "too long to show (5,000 characters): paths.df" in shown(Paths("p", (PathRow((), 1, "x" * 5_000),)))[1].text
    assert "No paths." in shown(Paths("p", ()))[1].text


def effect(source="live", status="ok", effects=(), attempt=1, when=WHEN):
    return Effect("r1", "a", "m", "t", effects, source, status, attempt, when)


def test_effects_tell_calls_that_read_from_those_that_may_have_changed_something():
    effects = Effects((
        effect(effects=("read-only",)), effect(effects=("destructive",), attempt=2), effect("mock"),
        effect(status="unknown", when=None), effect(status="not_executed"),
    ))  # fmt: skip
    text, page = shown(effects)
    assert repr(effects) == "<Effects: 5 calls sent (1 to mocks), 2 may have changed something>"
    assert text.split("\n")[0].endswith("; going back undid none of them")
    rows = page.tables["Calls that were sent, oldest first; going back undid none of them"]
    assert [[row[1], *row[3:6], row[7]] for row in rows[1:]] == [
        ["a", "○ read-only", "live", "✔ ok", "2026-01-02 03:04:05 UTC"],
        ["a (attempt 2)", "! may have changed something | the server says: destructive", "live", "✔ ok", "2026-01-02 03:04:05 UTC"],
        ["a", "◇ a mock's answer", "◇ mock", "✔ ok", "2026-01-02 03:04:05 UTC"],
        ["a", "! may have changed something", "live", "? unknown", "—"],
        ["a", "⊘ did not run", "live", "✖ not executed", "2026-01-02 03:04:05 UTC"],
    ]  # fmt: skip


def test_no_effects_and_many_effects():
    assert repr(Effects(())) == "<Effects: no call was sent>"
    assert "No call was sent." in shown(Effects(()))[1].text
    text, page = shown(Effects((effect(),) * 3_000))
    assert "… 2,940 more after the first 20: run.effects().df" in page.text
    assert "  … 2,964 more: run.effects().df" in text.split("\n")


def test_a_tree_shows_each_run_under_its_own_and_marks_this_one():
    rows = (Branch(0, "r1", "completed", 3, 3, None, 3, here=False), Branch(1, "r2", "paused", 1, 3, 0, 1, here=False),
            Branch(2, "r3", "failed", 1, 4, 1, 0, here=True), Branch(1, "r4", "handoff", 2, 3, 2, 0, here=False))  # fmt: skip
    text, page = shown(Tree(rows))
    assert repr(Tree(rows)) == "<Tree: 4 runs, 4 calls sent>"
    assert page.tables["Runs"] == [
        ["run", "here", "began", "stands", "calls sent by itself"],
        ["r1", "—", "the first run", "✔ completed 3 of 3 steps done", "3"],
        ["└ r2", "—", "forked before the first step", "‖ paused 1 of 3 steps done", "1"],
        ["\u00a0\u00a0\u00a0└ r3", "▶ this one", "forked after 1 step", "✖ failed 1 of 4 steps done", "0"],
        ["└ r4", "—", "forked after 2 steps", "⇢ handoff 2 of 3 steps done", "0"],
    ]
    assert [("└" in line, "▶ this one" in line) for line in text.split("\n")[1:]] == [
        (False, False), (True, False), (True, True), (True, False),
    ]  # fmt: skip
    assert "No runs." in shown(Tree(()))[1].text
    many = Tree(tuple(Branch(at, "<" * 300, "paused", 0, 1, 0, 1, here=at == 499) for at in range(500)))
    assert "▶ this one" in shown(many)[1].text
    assert "… 400 more: run.children" in shown(many)[1].text


def test_a_plan_says_what_each_step_will_do_in_sign_and_word():
    wills = ("call", "fetch", "reuse", "may reuse", "pinned", "hand off", "wait for a re-run", "cannot be sent")
    rows = tuple(Remaining("a", "m", "t", will, "live", ("destructive",), "token: hunter2") for will in wills)
    text, page = shown(Upcoming("r1", rows))
    assert repr(Upcoming("r1", rows[:1] + rows[:2])) == "<Upcoming: 3 steps: 2 × call, 1 × fetch>"
    (table,) = page.tables.values()
    assert [row[2] for row in table[1:]] == [
        "▶ call", "▶ fetch", "↻ reuse", "↻? may reuse", "⚲ pinned", "⇢ hand off", "‖ wait for a re-run", "✖ cannot be sent",
    ]  # fmt: skip
    assert table[1] == ["a", "m.t", "▶ call", "live", "destructive", "token: ••••"]
    assert text.split("\n")[1:3] == ["  a  m.t  ▶ call  live", "       token: ••••; the server says: destructive"]


def test_an_empty_plan_and_a_huge_one():
    assert shown(Upcoming("r1", ()))[0] == "Upcoming in run r1 — no step is left"
    rows = (Remaining("<" * 400, "m", "t", "call", "mock", (), "<" * 4_000),) * 900
    assert "840 more: run.plan().df" in shown(Upcoming("r1", rows))[1].text

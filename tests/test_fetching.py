"""The resources of a step: when they are read, from which server, under which URI, and what a failure keeps."""

import pytest

import mcpflow_nb as mf

TWO = {"docs://a": "A", "docs://b": "B"}


def reads(**resources):
    """Mocks by name, each with a tool `t`, and resources where a name has some."""
    return {name: mf.mock({"t": {"id": "x 1"}}, resources=given) for name, given in resources.items()}


def run_of(step, mocks, arguments=(), **given):
    flow = mf.SequentialWorkflow("w")
    for name in arguments:
        flow = flow.argument(name)
    with mf.connect(mocks) as servers:
        return flow.step(step).start(servers, given).all()


def who_was_asked(step, mocks):
    run = run_of(step, mocks)
    return {name: mock.reads for name, mock in mocks.items() if mock.reads}, run


@pytest.mark.parametrize(
    ("offers", "asked"),
    [
        ({"a": {"docs://x": "1"}, "b": {"docs://b": "2"}}, "b"),
        ({"a": {"docs://x": "1"}, "b": {"docs://{any}": "2"}}, "b"),
        ({"a": {"docs://{any}": "1"}, "b": {"docs://b": "2"}}, "b"),
        ({"a": {"docs://b": "1"}, "b": {"docs://b": "2"}}, "a"),
        ({"a": {"docs://{any}": "1"}, "b": {"docs://{any}": "2"}}, "a"),
    ],
    ids=["who lists it", "whose template fits", "a listing before a template", "own of two lists", "own of two fits"],
)
def test_the_server_that_offers_a_uri_is_asked_and_of_several_the_step_s_own(offers, asked):
    found, run = who_was_asked(mf.WorkflowStep("s", tool="a.t", resources=["docs://b"]), reads(**offers))
    assert (found, run.outcome, run.trace[0].resources[0].server) == ({asked: ["docs://b"]}, "completed", asked)


@pytest.mark.parametrize(
    ("offers", "asked"),
    [({"a": {"docs://x": "1"}, "b": {"docs://y": "2"}}, "a"), ({"a": {}, "b": {"docs://y": "2"}}, "b")],
    ids=["own", "the only one that has resources"],
)
def test_a_uri_that_nobody_lists_is_asked_of_the_own_server_or_of_the_only_one(offers, asked):
    found, run = who_was_asked(mf.WorkflowStep("s", tool="a.t", resources=["docs://b"]), reads(**offers))
    assert (found, run.outcome, run.trace[0].status) == ({asked: ["docs://b"]}, "failed", "not_sent")
    assert run.trace[0].error == f"resource 'docs://b' of server {asked!r}: Resource not found: docs://b (code -32602)"


def test_a_uri_that_several_offer_fails_and_says_who_they_are():
    mocks = reads(a={}, b={"docs://b": "1"}, c={"docs://b": "2"})
    found, run = who_was_asked(mf.WorkflowStep("s", tool="a.t", resources=["docs://b"]), mocks)
    assert (found, run.outcome, mocks["a"].calls) == ({}, "failed", [])
    assert run.trace[0].error == (
        "resource 'docs://b' cannot be fetched: servers 'b', 'c' offer it; fetch it in a step of its own, with server="
    )


def test_a_uri_that_nobody_lists_is_asked_of_nobody_where_several_have_resources():
    mocks = reads(a={}, b={"docs://x": "1"}, c={"docs://y": "2"})
    found, run = who_was_asked(mf.WorkflowStep("s", tool="a.t", resources=["docs://b"]), mocks)
    assert (found, run.outcome) == ({}, "failed")
    assert "several have resources; fetch it in a step of its own, with server=: no resource 'docs://b'" in run.reason


def test_a_step_that_only_fetches_asks_the_server_it_names():
    mocks = reads(a={"docs://b": "1"}, b={"docs://b": "2"})
    found, run = who_was_asked(mf.WorkflowStep("s", server="b", resources=["docs://b"]), mocks)
    assert (found, run.outcome, run.trace[0].resources[0].contents[0]["text"]) == (
        {"b": ["docs://b"]},
        "completed",
        "2",
    )


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("../../etc/passwd", "..%2F..%2Fetc%2Fpasswd"),
        ("a/b", "a%2Fb"),
        ("%2e%2e", "%252e%252e"),
        ("x?y#z", "x%3Fy%23z"),
        ("a\r\nHost: evil", "a%0D%0AHost%3A%20evil"),
        ("日", "%E6%97%A5"),
        ("{x}", "%7Bx%7D"),
    ],
)
@pytest.mark.row("BI07")
def test_a_value_is_percent_encoded_and_stays_one_part_of_the_uri(value, sent):
    seen = []
    mocks = {"m": mf.mock({}, resources={"docs://team/{x}/policy": lambda x: seen.append(x) or "ok"})}
    run = run_of(mf.WorkflowStep("s", resources=["docs://team/{x}/policy"]), mocks, ["x"], x=value)
    assert (run.outcome, mocks["m"].reads, seen) == ("completed", [f"docs://team/{sent}/policy"], [value])


@pytest.mark.parametrize(
    ("template", "value", "uri"),
    [
        ("docs://{x}", ["a", "b/c"], "docs://a,b%2Fc"),
        ("docs://x{?x}", ["a", "b&c"], "docs://x?x=a,b%26c"),
        ("docs://x{/x*}", [1, True], "docs://x/1/true"),
        ("docs://{x}", 7, "docs://7"),
        ("docs://x{?x}", "a b", "docs://x?x=a%20b"),
        ("docs://{+x}", "a/b", "docs://a/b"),
    ],
)
def test_values_of_every_kind_fill_a_mark_by_its_operator(template, value, uri):
    mocks = {"m": mf.mock({}, resources={uri: "ok"})}
    run = run_of(mf.WorkflowStep("s", resources=[template], template={"x": value}), mocks)
    assert (run.outcome, mocks["m"].reads) == ("completed", [uri])


def test_a_mark_without_a_value_is_a_failure_that_says_so():
    flow = mf.SequentialWorkflow("w").argument("x", required=False).step("s", resources=["docs://{x}"])
    mock = mf.mock({}, resources={"docs://{x}": "ok"})
    with mf.connect(m=mock) as servers:
        run = flow.start(servers).all()
    assert (run.outcome, run.trace[0].status, mock.reads) == ("failed", "resource_error", [])
    assert run.trace[0].error == "resource 'docs://{x}' cannot be fetched: nothing fills {x}"


@pytest.mark.parametrize("nothing", [[], None], ids=["an empty list", "null"])
@pytest.mark.parametrize("template", ["docs://{x}", "docs://a{/x}", "docs://{+x}", "docs://a{/x*}"])
def test_a_mark_that_nothing_is_put_into_is_refused_and_nothing_is_read(nothing, template):
    mock = mf.mock({"make": {"x": nothing}}, resources={"docs://a": "A", "docs://": "B"})
    step = mf.WorkflowStep("s", resources=[template], template={"x": mf.field("made", "x")})
    with mf.connect(m=mock) as servers:
        run = mf.SequentialWorkflow("w").step("make", tool="make", bind="made").step(step).start(servers).all()
    assert (run.outcome, run.trace[1].status, mock.reads) == ("failed", "resource_error", [])
    assert run.trace[1].error == f"resource {template!r} cannot be fetched: nothing fills {{x}}"


@pytest.mark.parametrize("nothing", [[], None], ids=["an empty list", "null"])
def test_a_query_that_nothing_is_put_into_is_left_out(nothing):
    mock = mf.mock({"make": {"x": nothing}}, resources={"docs://a": "A"})
    step = mf.WorkflowStep(
        "s", resources=["docs://a{?x,y}"], template={"x": mf.field("made", "x"), "y": mf.field("made", "x")}
    )
    with mf.connect(m=mock) as servers:
        run = mf.SequentialWorkflow("w").step("make", tool="make", bind="made").step(step).start(servers).all()
    assert (run.outcome, mock.reads) == ("completed", ["docs://a"])


@pytest.mark.parametrize("value", [".", ".."])
@pytest.mark.row("BI07")
def test_a_value_that_is_another_place_in_the_path_is_refused(value):
    mocks = {"m": mf.mock({}, resources={"docs://team/{x}/policy": "ok"})}
    run = run_of(mf.WorkflowStep("s", resources=["docs://team/{x}/policy"]), mocks, ["x"], x=value)
    assert (run.outcome, mocks["m"].reads) == ("failed", [])
    assert run.trace[0].error.endswith(f"{{x}} is {value!r}, which would be another place in the path")


def test_an_optional_query_without_a_value_is_left_out():
    flow = mf.SequentialWorkflow("w").argument("x", required=False).step("s", resources=["docs://a{?x}"])
    with mf.connect(m=mf.mock({}, resources={"docs://a": "ok"})) as servers:
        assert flow.start(servers).all().outcome == "completed"


def test_a_resource_that_reads_the_step_s_own_output_comes_after_the_call():
    order = []
    mock = mf.mock(
        {"make": lambda: order.append("call") or {"id": "x 1"}},
        resources={
            "docs://{id}": lambda id: order.append(id) or id,
            "docs://rules/first": lambda: order.append("rules") or "",
        },
    )
    step = mf.WorkflowStep("s", tool="make", bind="made", resources=["docs://{id}", "docs://rules/first"])
    run = run_of(step.with_template_binding("id", mf.field("made", "id")), {"m": mock})
    assert (run.outcome, order) == ("completed", ["rules", "call", "x 1"])
    assert [(one.uri, one.after_call) for one in run.trace[0].resources] == [
        ("docs://rules/first", False),
        ("docs://x%201", True),
    ]


def test_a_later_resource_that_fails_keeps_the_value_and_ends_the_run():
    mock = mf.mock({"make": {"id": "7"}}, resources={"docs://{id}": OSError("gone")})
    step = mf.WorkflowStep(
        "s", tool="make", bind="made", resources=["docs://{id}"], template={"id": mf.field("made", "id")}
    )
    run = run_of(step, {"m": mock})
    assert (run.outcome, run.trace[0].status, run["made"]) == ("failed", "resource_error", {"id": "7"})
    assert run.trace[0].error == "the tool ran, but resource 'docs://7' of server 'm': gone (code -32603)"


@pytest.mark.parametrize(("tool", "status"), [(None, "resource_error"), ("m.t", "not_sent")])
def test_a_second_resource_that_fails_keeps_the_first_and_nothing_is_called(tool, status):
    mock = mf.mock({"t": 1}, resources={**TWO, "docs://b": ValueError("no")})
    run = run_of(mf.WorkflowStep("s", tool=tool, resources=["docs://a", "docs://b", "docs://a"]), {"m": mock})
    record = run.trace[0]
    assert (run.outcome, record.status, mock.calls) == ("failed", status, [])
    assert [(one.uri, one.error is None) for one in record.resources] == [("docs://a", True), ("docs://b", False)]
    assert record.resources[0].contents[0]["text"] == "A"


@pytest.mark.parametrize(("handoff", "order"), [(False, ["call", "call", "x 1"]), (True, ["call", "x 1", "call"])])
def test_a_resource_that_reads_an_earlier_output_comes_after_the_call_but_before_a_handoff(handoff, order):
    seen = []
    mock = mf.mock(
        {"t": lambda: seen.append("call") or {"id": "x 1"}}, resources={"docs://{id}": lambda id: seen.append(id) or id}
    )
    flow = mf.SequentialWorkflow("w").step("make", tool="t", bind="made")
    flow = flow.step("s", tool="t", handoff=handoff, resources=["docs://{id}"], template={"id": mf.field("made", "id")})
    with mf.connect(m=mock) as servers:
        run = flow.start(servers).all()
        if handoff:
            run.answer()
    assert (run.outcome, seen) == ("completed", order)


def test_resources_are_not_read_again_when_a_handoff_is_answered():
    mock = mf.mock({"t": 1}, resources=TWO)
    with mf.connect(m=mock) as servers:
        run = (
            mf.SequentialWorkflow("w").step("s", tool="m.t", handoff=True, resources=["docs://a"]).start(servers).all()
        )
        assert (run.outcome, mock.reads) == ("handoff", ["docs://a"])
        run.answer()
    assert (run.outcome, mock.reads) == ("completed", ["docs://a"])


DANGEROUS = ["file:///etc/passwd", "file://host/x", "http://169.254.169.254/latest", "http://localhost:1/x"]


@pytest.mark.row("FI06")
@pytest.mark.parametrize("uri", DANGEROUS)
def test_a_uri_is_asked_of_its_server_and_never_opened_here(uri):
    mocks = {"a": mf.mock({"t": 1}, resources={uri: "what the server says"})}
    run = run_of(mf.WorkflowStep("s", resources=[uri], server="a"), mocks)
    assert (mocks["a"].reads, run.trace[0].resources[0].contents[0]["text"]) == ([uri], "what the server says")


@pytest.mark.row("FI06")
@pytest.mark.parametrize("uri", ["{+link}", "{link}://x", "{+link}://x", "x{link}://y"])
def test_the_scheme_of_a_uri_is_the_author_s_and_no_value_s(uri):
    """The schemes of a workflow are those it is written with."""
    made = mf.SequentialWorkflow("w").argument("link").step("s", resources=[uri])
    assert made.check().codes == {"bad-uri"}

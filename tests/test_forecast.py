"""What a run is expected to do at each step, and that nothing is called to know it."""

import re

import pytest

import mcpflow_nb as mf

TASK = {"type": "object", "properties": {"task": {}, "page": {}}, "required": ["task"]}


@pytest.fixture
def servers():
    """servers has the tools of one mock, make, add (needs a task) and any, and one resource; servers.mock is it."""
    mock = mf.mock({"make": {"id": 7}, "add": 1, "any": 1}, schemas={"add": TASK}, resources={"docs://a": "A"})
    with mf.connect(m=mock) as servers:
        servers.mock = mock
        yield servers


def workflow():
    return mf.SequentialWorkflow("w").argument("who").argument("task", required=False)


def rows(forecast):
    return [(row.step, row.expected, row.why) for row in forecast]


CALL = "every required parameter has a source"


def test_steps_that_have_all_they_need_are_called_and_resources_are_read(servers):
    flow = workflow().step("make", tool="make", bind="made").step("read", resources=["docs://a", "docs://a"])
    flow = flow.step("add", tool="m.add", args={"task": mf.field("made", "id")})
    forecast = flow.forecast(servers)
    assert rows(forecast) == [("make", "call", CALL), ("read", "fetch", "reads 2 resources"), ("add", "call", CALL)]
    assert (forecast.hands_off, len(forecast)) == (None, 3)
    assert [(row.server, row.tool, row.missing) for row in forecast] == [
        ("m", "make", ()),
        (None, None, ()),
        ("m", "add", ()),
    ]


def test_a_parameter_without_a_source_is_a_handoff_and_the_rest_waits_for_the_client(servers):
    flow = workflow().step("make", tool="m.make").step("add", tool="m.add").step("read", resources=["docs://a"])
    forecast = flow.step("again", tool="m.add").forecast(servers)
    waits = "step 'add' hands off: not before the client has answered"
    assert rows(forecast) == [
        ("make", "call", CALL),
        ("add", "handoff", "no source for 'task'"),
        ("read", "not reached", waits),
        ("again", "not reached", waits),
    ]
    assert (forecast.hands_off, [row.missing for row in forecast]) == ("add", [(), ("task",), (), ("task",)])


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (mf.prompt_arg("task"), "'task' comes from argument 'task', optional and without a default"),
        (mf.template("{t}!", t=mf.prompt_arg("task")), "'task' comes from argument 'task', optional and without a default"),
        (mf.optional(mf.field("made", "id")), "'task' has no value when there is nothing at made.id"),
    ],
)  # fmt: skip
def test_a_source_that_may_have_nothing_may_hand_off_and_the_rest_stays_expected(servers, source, why):
    flow = workflow().step("make", tool="m.make", bind="made").step("add", tool="m.add", args={"task": source})
    forecast = flow.step("end", tool="m.any").forecast(servers)
    assert rows(forecast)[1:] == [("add", "may hand off", why), ("end", "call", CALL)]
    assert (forecast.hands_off, forecast.rows[1].missing) == (None, ("task",))


@pytest.mark.parametrize("default", [{"required": True}, {"required": False, "default": "x"}])
def test_an_argument_that_is_always_there_is_no_doubt(servers, default):
    flow = (
        mf.SequentialWorkflow("w").argument("t", **default).step("add", tool="m.add", args={"task": mf.prompt_arg("t")})
    )
    assert rows(flow.forecast(servers)) == [("add", "call", CALL)]


def test_a_step_that_is_the_client_s_is_a_handoff_with_all_its_reasons(servers):
    flow = workflow().step("any", tool="m.any", handoff=True)
    assert rows(flow.forecast(servers)) == [("any", "handoff", "handoff=True")]
    flow = workflow().step("add", tool="m.add", handoff=True)
    assert rows(flow.forecast(servers)) == [("add", "handoff", "no source for 'task'; handoff=True")]


def test_an_error_of_the_check_stops_its_step_and_the_whole_run(servers):
    flow = workflow().step("a", tool="m.any").step("b", tool="m.nope").step("c", tool="m.add")
    forecast = flow.forecast(servers)
    assert rows(forecast)[0] == ("a", "not reached", "the run does not start: step 'b' [unknown-tool]")
    assert [(row.expected, row.tool) for row in forecast] == [
        ("not reached", "any"),
        ("cannot run", "m.nope"),
        ("not reached", "add"),
    ]
    assert "[unknown-tool]" in forecast.rows[1].why
    assert forecast.hands_off is None


def test_an_error_of_the_workflow_itself_stops_every_step(servers):
    flow = workflow().argument("who").step("a", tool="m.any")
    assert rows(flow.forecast(servers)) == [
        ("a", "not reached", "the run does not start: argument 'who' [duplicate-argument]")
    ]


def test_a_resource_that_no_server_lists_is_a_doubt(servers):
    flow = workflow().step("a", tool="m.any", resources=["docs://b"])
    assert rows(flow.forecast(servers)) == [("a", "call", f"{CALL}; no server lists the resource 'docs://b'")]


@pytest.mark.parametrize("given", [{}, {"task": "x"}])
def test_what_was_foreseen_is_what_happens(servers, given):
    flow = workflow().step("make", tool="m.make", bind="made").step("read", resources=["docs://a"])
    flow = flow.step("add", tool="m.add", args={"task": mf.prompt_arg("task")}).step("end", tool="m.any", handoff=True)
    forecast = flow.forecast(servers)
    assert [row.expected for row in forecast] == ["call", "fetch", "may hand off", "handoff"]
    run = flow.start(servers, who="Ada", **given).all()
    assert (run.outcome, run.trace[-1].step) == ("handoff", forecast.hands_off if given else "add")


def test_a_forecast_calls_and_reads_nothing(servers):
    workflow().step("make", tool="m.make", resources=["docs://a"]).forecast(servers)
    assert (servers.mock.calls, servers.mock.reads) == ([], [])


def test_the_frame_has_a_row_a_step_and_is_empty_without_steps(servers):
    frame = workflow().step("add", tool="m.add").forecast(servers).df
    assert frame.to_dict("records") == [
        {"step": "add", "server": "m", "tool": "add", "expected": "handoff", "why": "no source for 'task'",
         "missing": ("task",)},
    ]  # fmt: skip
    assert workflow().forecast(servers).df.columns.tolist() == ["step", "server", "tool", "expected", "why", "missing"]
    assert len(workflow().forecast(servers).df) == 0


def test_a_forecast_needs_servers():
    with pytest.raises(mf.DefinitionError, match=r"servers: give what mf\.connect"):
        workflow().forecast(None)


def test_a_forecast_shows_each_step_with_what_is_expected_and_why(servers):
    flow = workflow().step("make", tool="m.make").step("add", tool="m.add").step("end", resources=["docs://a"])
    shown = flow.forecast(servers)._repr_mimebundle_()
    assert repr(flow.forecast(servers)) == "<Forecast w: 3 steps, hands off at 'add'>"
    assert shown["text/plain"] == (
        "Forecast of w — 3 steps, hands off at 'add'\n"
        "  1  make  m.make  ▶ call\n       every required parameter has a source\n"
        "  2  add  m.add  ⇢ handoff\n       no source for 'task'\n"
        "  3  end  —  ⊘ not reached\n       step 'add' hands off: not before the client has answered"
    )
    cells = [re.sub("<[^>]*>", "", cell) for cell in re.findall("<t[hd](?: [^>]*)?>(.*?)</t[hd]>", shown["text/html"])]
    assert cells[:12] == [
        "#", "step", "call", "expected", "why", "missing",
        "1", "make", "m.make", "▶ call", "every required parameter has a source", "—",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"tool": "m.any"}, "1 step, no handoff"),
        ({"tool": "m.add", "args": {"task": mf.prompt_arg("task")}}, "1 step, may hand off at 1"),
        ({"tool": "m.nope"}, "1 step, cannot run: 's'"),
    ],
)
def test_the_line_of_a_forecast_says_how_far_a_run_goes(servers, step, said):
    assert repr(workflow().step("s", **step).forecast(servers)) == f"<Forecast w: {said}>"


def test_a_forecast_without_steps_says_so(servers):
    assert "No steps." in workflow().forecast(servers)._repr_html_()


@pytest.mark.parametrize(
    ("uri", "template"),
    [
        ("docs://{task}", {}),
        ("docs://a{/t}", {"t": mf.prompt_arg("task")}),
        ("docs://{t}", {"t": mf.prompt_arg("task")}),
    ],
)
def test_an_optional_argument_in_the_path_of_a_uri_is_a_warning_and_a_doubt(servers, uri, template):
    flow = workflow().step("read", resources=[uri], template=template)
    mark = "t" if template else "task"
    said = f"{{{mark}}} of {uri!r} may have no value: it is optional"
    found = [(p.code, p.severity, p.step, p.message) for p in flow.check(servers).problems]
    assert ("unfilled-placeholder", "warning", "read", said) in found
    assert rows(flow.forecast(servers)) == [("read", "fetch", f"reads 1 resource; {said}")]


@pytest.mark.parametrize(
    ("uri", "fields"),
    [
        ("docs://a{?task}", {}),
        ("docs://{who}", {}),
        ("docs://{t}", {"template": {"t": mf.prompt_arg("task", default="x")}}),
    ],
    ids=["in a query", "required", "with a default"],
)
def test_a_mark_that_has_a_value_or_needs_none_is_no_doubt(servers, uri, fields):
    flow = workflow().step("read", resources=[uri], **fields)
    assert [p.code for p in flow.check(servers).problems if p.code == "unfilled-placeholder"] == []
    assert rows(flow.forecast(servers)) == [("read", "fetch", "reads 1 resource")]


@pytest.mark.parametrize("tool", [None, "m.t"])
def test_resources_that_no_server_can_give_keep_the_step_from_running(tool):
    flow = mf.SequentialWorkflow("w").step("a", tool=tool, resources=["docs://a"])
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        (row,) = flow.forecast(servers)
        run = flow.start(servers).all()
    assert (row.expected, row.why.split(";")[0]) == (
        "cannot run",
        "its resources cannot be fetched: no server offers resources",
    )
    assert (run.outcome, run.trace[0].status) == ("failed", "not_sent" if tool else "resource_error")


def test_a_constant_that_may_be_left_out_is_always_there(servers):
    flow = workflow().step("add", tool="m.add", args={"task": mf.optional(mf.constant(1))})
    assert rows(flow.forecast(servers)) == [("add", "call", CALL)]
    assert flow.start(servers, who="Ada").all().outcome == "completed"


def test_a_path_into_an_argument_that_no_schema_promises_is_a_doubt(servers):
    flow = (
        mf.SequentialWorkflow("w")
        .argument("o", type=dict)
        .step("add", tool="m.add", args={"task": mf.prompt_arg("o")["id"]})
    )
    assert rows(flow.forecast(servers)) == [("add", "call", f"{CALL}; it fails where o.id is not there")]
    run = flow.start(servers, o={}).all()
    assert (run.outcome, run.trace[0].status) == ("failed", "not_sent")


def test_a_path_into_an_argument_that_has_a_default_is_no_doubt(servers):
    source = mf.optional(mf.prompt_arg("o", default={})["id"])
    flow = mf.SequentialWorkflow("w").argument("o", type=dict).step("any", tool="m.any", args={"x": source})
    assert "fails" not in rows(flow.forecast(servers))[0][2]

"""What a check against servers finds, and that it calls nothing."""

import time

import pytest

import mcpflow_nb as mf

EMPLOYEE = {
    "type": "object",
    "properties": {"employee_id": {"type": "string"}, "email": {"type": "string"}, "level": {"type": "integer"}},
    "required": ["employee_id"],
}
NAME = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "level": {"type": "integer"}},
    "required": ["name"],
}
ID = {"type": "object", "properties": {"employee_id": {"type": "string"}}, "required": ["employee_id"]}


@pytest.fixture
def hr():
    """hr is a mock with typed tools; hr.servers the servers it is connected in, beside `other` with one equal name."""
    mock = mf.mock(
        {"create": {"employee_id": "e"}, "pay": 1, "same": 1},
        schemas={"create": NAME, "pay": ID},
        outputs={"create": EMPLOYEE},
    )
    with mf.connect(hr=mock, other=mf.mock({"same": 1, "untyped": {"x": 1}})) as servers:
        mock.servers = servers
        yield mock


def first(**args):
    return (
        mf.SequentialWorkflow("w")
        .argument("n", type=int)
        .step("a", tool="hr.create", args={"name": "x", **args}, bind="r")
    )


def found(workflow, servers):
    """Return what a check finds against servers, without what the structure alone shows."""
    mine = {(p.code, p.message) for p in workflow.check().problems}
    report = workflow.check(servers)
    return [
        (p.code, p.severity, p.step, p.argument, p.suggestion)
        for p in report.problems
        if (p.code, p.message) not in mine
    ]


@pytest.mark.parametrize(
    ("tool", "code", "suggestion"),
    [
        ("hr.creat", "unknown-tool", "create"),
        ("hrr.create", "unknown-server", None),
        ("same", "ambiguous-tool", None),
        ("creat", "unknown-tool", None),
    ],
)
def test_a_tool_that_cannot_be_meant_is_an_error(hr, tool, code, suggestion):
    problems = found(mf.SequentialWorkflow("w").step("a", tool=tool), hr.servers)
    assert [(p[0], p[1]) for p in problems] == [(code, "error")]
    assert suggestion in (None, problems[0][4])


@pytest.mark.row("TL05")
def test_an_ambiguous_tool_lists_its_candidates(hr):
    problem = mf.SequentialWorkflow("w").step("a", tool="same").check(hr.servers).errors[0]
    assert problem.known == ("hr.same", "other.same")
    assert "'hr.same'" in problem.text()


@pytest.mark.row("DF06")
def test_a_parameter_that_looks_like_a_slip_is_an_error_and_another_is_a_warning(hr):
    workflow = first(levle=1, color="red")
    assert found(workflow, hr.servers) == [
        ("unknown-parameter", "error", "a", "levle", "level"),
        ("unknown-parameter", "warning", "a", "color", None),
    ]


def test_a_field_the_output_does_not_have_is_an_error_with_the_nearest(hr):
    workflow = first().step("b", tool="hr.pay", args={"employee_id": mf.field("r", "employe_id")})
    assert found(workflow, hr.servers) == [("unknown-field", "error", "b", "employee_id", "employee_id")]


def test_a_field_with_a_default_is_a_warning_only(hr):
    workflow = first().step("b", tool="hr.pay", args={"employee_id": mf.field("r", "nope", default="x")})
    assert [p[:2] for p in found(workflow, hr.servers)] == [("unknown-field", "warning")]


@pytest.mark.parametrize(
    "source",
    [
        42,
        mf.prompt_arg("n"),
        mf.field("r", "level"),
        mf.from_step("r"),
        {"a": mf.prompt_arg("n")},
        [mf.prompt_arg("n")],
        None,
    ],
    ids=["constant", "argument", "field", "whole output", "object", "list", "null"],
)
@pytest.mark.row("DF06", "BI05")
def test_a_type_that_can_never_fit_is_an_error_and_nothing_is_coerced(hr, source):
    workflow = first().step("b", tool="hr.pay", args={"employee_id": source})
    assert [p[:4] for p in found(workflow, hr.servers)] == [("type-mismatch", "error", "b", "employee_id")]


@pytest.mark.parametrize("source", ["42", mf.field("r", "email"), mf.template("{x}", x=mf.prompt_arg("n"))])
def test_a_type_that_fits_is_no_problem(hr, source):
    assert found(first().step("b", tool="hr.pay", args={"employee_id": source}), hr.servers) == []


@pytest.mark.row("DF06")
def test_a_required_parameter_without_a_source_is_a_forecast_not_an_error(hr):
    report = mf.SequentialWorkflow("w").step("a", tool="hr.create").step("b", tool="hr.pay").check(hr.servers)
    assert bool(report)
    assert [(p.code, p.severity, p.step) for p in report.problems if p.severity == "handoff"] == [
        ("missing-parameter", "handoff", "a"),
        ("missing-parameter", "handoff", "b"),
    ]
    assert "will hand off: 'name' of hr.create has no source" in report.problems[-2].message or any(
        "will hand off: 'name' of hr.create has no source" in p.message for p in report.problems
    )


def test_an_optional_argument_for_a_required_parameter_is_forecast_too(hr):
    workflow = (
        mf.SequentialWorkflow("w")
        .argument("who", required=False)
        .step("a", tool="hr.create", args={"name": mf.prompt_arg("who")})
    )
    assert [p[:4] for p in found(workflow, hr.servers)] == [("missing-parameter", "handoff", "a", "name")]


def test_fields_of_a_tool_without_output_schema_are_said_unchecked_once(hr):
    workflow = mf.SequentialWorkflow("w").step("a", tool="untyped", bind="r")
    for n in range(3):
        workflow = workflow.step(f"b{n}", tool="hr.pay", args={"employee_id": mf.field("r", "x")})
    assert [p[:2] for p in found(workflow, hr.servers)] == [("unchecked", "unchecked")]


@pytest.mark.row("CO02")
def test_a_check_calls_no_tool(hr):
    first().check(hr.servers)
    assert hr.calls == []


def test_problems_come_in_the_order_of_the_steps(hr):
    workflow = (
        first(name=1)
        .step("b", tool="nope.x", args={"v": mf.from_step("nothing")})
        .step("c", tool="hr.pay", args={"employee_id": 1})
    )
    steps = [p.step for p in workflow.check(hr.servers).problems if p.step]
    assert steps == sorted(steps)


@pytest.mark.row("DF08")
def test_2000_steps_are_checked_in_linear_time(hr):
    def seconds(steps):
        workflow = first()
        for n in range(steps):
            workflow = workflow.step(f"s{n}", tool="hr.pay", args={"employee_id": mf.field("r", "employe_id")})
        begun = time.process_time()
        assert len(workflow.check(hr.servers).errors) == steps
        return time.process_time() - begun

    seconds(100)
    assert seconds(2000) < 40 * max(seconds(200), 0.01)  # linear is 10 times; quadratic would be 100


ADDRESS = {"type": "object", "properties": {"a": {"type": "object"}, "text": {"type": "string"}}, "required": ["a"]}


@pytest.mark.parametrize(
    ("source", "hands_off"),
    [
        ({"street": mf.prompt_arg("st"), "zip": mf.prompt_arg("zip")}, False),
        ({"street": mf.prompt_arg("zip", default="z")}, False),
        (mf.optional({"zip": mf.prompt_arg("zip")}), True),
        (mf.template("{z}", z=mf.prompt_arg("zip")), True),
        (mf.template("{z}", z=mf.prompt_arg("zip", default="z")), False),
        (mf.optional(mf.from_step("r", default={})), False),
        (mf.optional(mf.from_step("r")), True),
        ({"a": 1}, False),
    ],
    ids=[
        "part may lack",
        "default",
        "optional whole",
        "template",
        "template with default",
        "default of a step",
        "step",
        "constant",
    ],
)
def test_a_handoff_is_forecast_only_where_the_run_would_leave_the_parameter_out(source, hands_off):
    with mf.connect(m=mf.mock({"t": {}, "s": {}}, schemas={"t": ADDRESS})) as servers:
        workflow = mf.SequentialWorkflow("w").argument("st").argument("zip", required=False)
        workflow = workflow.step("first", tool="m.s", bind="r").step("b", tool="m.t", args={"a": source})
        report = workflow.check(servers)
    assert [p.code for p in report.problems if p.severity == "handoff"] == ["missing-parameter"] * hands_off


def test_a_parameter_of_a_tool_that_takes_none_is_a_warning():
    with mf.connect(m=mf.mock({"t": 1}, schemas={"t": {"type": "object", "properties": {}}})) as servers:
        report = mf.SequentialWorkflow("w").step("a", tool="m.t", args={"zzz": 1}).check(servers)
    assert "unknown-parameter" in report.codes


def test_a_schema_that_refers_to_its_own_root_gives_no_false_mismatch():
    tree = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}}
    with mf.connect(m=mf.mock({"t": 1}, schemas={"t": tree})) as servers:
        workflow = mf.SequentialWorkflow("w").step("a", tool="m.t", args={"children": [{"children": []}]})
        assert workflow.check(servers).errors == ()


@pytest.mark.parametrize("servers", [3, {"hr": 1}, mf.mock({"t": 1})])
def test_what_are_no_servers_is_refused_in_one_sentence(servers):
    with pytest.raises(mf.DefinitionError, match=r"give what mf.connect\(\.\.\.\) returned"):
        first().check(servers)


def failing(**fields):
    return first().step("b", tool="hr.pay", args={"employee_id": mf.field("r", "employee_id")}, **fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"undo": {"tool": "hr.pay", "args": {"employee_id": "x"}}}, []),
        ({"undo": {"tool": "hr.pya"}}, [("unknown-tool", "error", "b", None, "pay")]),
        ({"undo": {"tool": "hr.pay"}}, [("undo-incomplete", "error", "b", None, None)]),
        (
            {"undo": {"tool": "hr.pay", "args": {"employee_id": "x", "employee_ids": 1}}},
            [("unknown-parameter", "error", "b", None, "employee_id")],
        ),
        ({"retry": mf.Retry(2)}, [("seldom-retried", "warning", "b", None, None)]),
        ({"retry": mf.Retry(2), "repeat": True}, []),
        ({"retry": mf.Retry(2), "repeat": False}, []),
        ({"retry": mf.Retry(2, on=["not_sent", "not_executed"])}, []),
        ({"fail_if": {"status": "error"}}, []),
    ],
)
def test_what_a_step_says_for_when_it_goes_wrong_is_held_to_the_servers(hr, fields, expected):
    assert found(failing(**fields), hr.servers) == expected


def test_a_failure_that_the_output_can_never_show_is_found(hr):
    flow = first().step("c", tool="hr.create", args={"name": "y"}, fail_if=[{"employee_id": ""}, {"emial": None}])
    assert found(flow, hr.servers) == [("unknown-field", "error", "c", None, "email")]

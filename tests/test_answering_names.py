"""Which names an answer may have, and what is said of an answer that cannot be one."""

import pytest
from mcp import types
from mcp.server.lowlevel import Server

import mcpflow_nb as mf

TEXT = {"task": {"type": "string"}}
NUMBER = {"type": "integer"}


def handed(mock, **fields):
    """A run of one step at its handoff, and the servers, which stay open."""
    servers = mf.connect(m=mock)
    fields = {"handoff": True, **fields}
    return mf.SequentialWorkflow("w").step("s", tool="m.t", **fields).start(servers).all(), servers


@pytest.mark.parametrize(
    ("schema", "given"),
    [
        ({"properties": {}, "required": ["task"]}, {"task": "x"}),
        ({"properties": TEXT, "required": ["task", "level"]}, {"task": "x", "level": 2}),
        ({"properties": TEXT, "additionalProperties": True}, {"level": 2}),
        ({"properties": TEXT, "additionalProperties": NUMBER}, {"level": 2}),
        ({"properties": TEXT, "patternProperties": {"^le": NUMBER}}, {"level": 2}),
        ({"properties": TEXT, "additionalProperties": False}, {"task": "x"}),
        ({}, {"task": "x", "level": 2}),
    ],
    ids=["required alone", "required too", "all others", "others of a schema", "a pattern", "closed", "silent"],
)
def test_every_name_that_the_tool_takes_is_an_answer(schema, given):
    mock = mf.mock({"t": 1}, schemas={"t": {"type": "object", **schema}})
    run, servers = handed(mock)
    with servers:
        assert run.answer(given).outcome == "completed"
    assert mock.calls == [("t", given)]


def test_a_function_that_takes_any_name_is_answered_with_any():
    mock = mf.mock({"t": lambda task, **more: {"task": task, **more}})
    run, servers = handed(mock)
    with servers:
        assert run.answer(task="x", level=2, note=None).outcome == "completed"
    assert mock.calls == [("t", {"task": "x", "level": 2, "note": None})]


@pytest.mark.parametrize("closed", [{}, {"additionalProperties": False}], ids=["open by silence", "closed"])
def test_a_name_that_only_looks_like_a_parameter_is_refused_and_nothing_is_called(closed):
    mock = mf.mock({"t": 1}, schemas={"t": {"type": "object", "properties": TEXT, **closed}})
    run, servers = handed(mock)
    with servers, pytest.raises(mf.RunError) as caught:
        run.answer(tusk="x")
    assert str(caught.value).splitlines()[1:] == ["  'tusk' is no parameter; did you mean 'task'?"]
    assert (run.outcome, mock.calls) == ("handoff", [])


@pytest.mark.parametrize(("given", "kind"), [([1], "list"), ("x", "str"), (7, "int"), ([], "list"), ("", "str")])
def test_an_answer_that_has_no_names_is_refused_with_what_it_is(given, kind):
    mock = mf.mock({"t": 1})
    run, servers = handed(mock)
    with servers, pytest.raises(mf.RunError) as caught:
        run.answer(given)
    assert str(caught.value) == f"run.answer(): give names and values, not {kind}"
    assert (run.outcome, mock.calls, len(run.trace)) == ("handoff", [], 1)


def test_an_answer_under_a_name_that_is_no_text_is_refused_by_that_name():
    mock = mf.mock({"t": 1})
    run, servers = handed(mock)
    with servers, pytest.raises(mf.RunError) as caught:
        run.answer({1: 2})
    assert str(caught.value) == "run.answer(): m.t was not called:\n  1 is no parameter"
    assert (run.outcome, mock.calls) == ("handoff", [])


@pytest.mark.parametrize("name", ["self", "arguments"])
def test_a_parameter_of_any_name_is_answered_by_keyword(name):
    mock = mf.mock({"t": 1}, schemas={"t": {"type": "object", "properties": {name: {}}, "required": [name]}})
    run, servers = handed(mock, handoff=False)
    with servers:
        assert (run.next.missing, run.answer(**{name: 7}).outcome) == ((name,), "completed")
    assert mock.calls == [("t", {name: 7})]


def test_a_tool_that_is_gone_when_it_is_answered_is_named():
    listed = ["t"]

    async def listing(*_):
        return types.ListToolsResult(tools=[types.Tool(name=name, input_schema={"type": "object"}) for name in listed])

    run, servers = handed(Server("changes", on_list_tools=listing))
    with servers:
        listed[:] = ["other"]
        servers.refresh()
        with pytest.raises(mf.RunError) as caught:
            run.answer()
    assert str(caught.value).startswith("run.answer(): step 's' cannot be answered here: ")
    assert "'t'" in str(caught.value).split("here: ")[1]
    assert (run.outcome, len(run.trace)) == ("handoff", 1)

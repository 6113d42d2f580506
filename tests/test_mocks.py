"""A mock is a real MCP server: values, functions, exceptions and schemas."""

import asyncio

import pytest

import mcpflow_nb as mf


def test_a_value_a_function_and_an_async_function_answer():
    async def later(n: int) -> int:
        await asyncio.sleep(0)
        return n * 2

    with mf.connect(m=mf.mock({"v": {"sent": True}, "f": lambda n: n + 1, "a": later})) as servers:
        assert [servers.call("m.v"), servers.call("m.f", {"n": 1}), servers.call("m.a", {"n": 4})] == [
            {"sent": True},
            2,
            8,
        ]


@pytest.mark.parametrize(
    "value", [None, True, 0, 2**60 + 1, 1.5, "", "text", '{"a": 1}', [], [1, [2]], {}, {"result": 1}, {"a": None}]
)
def test_every_json_value_comes_back_as_it_is(value):
    with mf.connect(m=mf.mock({"t": value})) as servers:
        found = servers.call("m.t")
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("failure", [ValueError("no"), ValueError, KeyError("k")])
def test_an_exception_is_the_tool_s_error(failure):
    with mf.connect(m=mf.mock({"t": failure})) as servers, pytest.raises(mf.CallError) as caught:
        servers.call("m.t")
    assert caught.value.status == "tool_error"


def test_a_function_s_parameters_are_its_input_schema():
    def create(name: str, level: int = 1, *, note=None):
        """Create one."""

    with mf.connect(m=mf.mock({"create": create})) as servers:
        tool = servers["m"].tools["create"]
    assert (tool.properties, tool.required) == (
        {"name": {"type": "string"}, "level": {"type": "integer"}, "note": {}},
        ("name",),
    )
    assert tool.description == "Create one."


def test_a_schema_may_be_given_and_is_checked_like_any_other():
    schema = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
    output = {"type": "object", "properties": {"sent": {"type": "boolean"}}, "required": ["sent"]}
    with mf.connect(
        m=mf.mock({"send": {"sent": "yes"}}, schemas={"send": schema}, outputs={"send": output})
    ) as servers:
        workflow = mf.SequentialWorkflow("w").step("a", tool="m.send", args={"to": "x"})
        run = workflow.start(servers).all()
    assert (run.outcome, run.trace[0].status) == ("failed", "invalid_output")


def test_changing_the_value_afterwards_changes_nothing():
    value = {"list": [1]}
    mock = mf.mock({"t": value})
    value["list"].append(2)
    with mf.connect(m=mock) as servers:
        assert servers.call("m.t") == {"list": [1]}


def test_the_call_log_has_every_call_in_order():
    mock = mf.mock({"t": 1, "u": 2})
    with mf.connect(m=mock) as servers:
        servers.call("m.u", {"a": 1})
        servers.call("m.t")
    assert mock.calls == [("u", {"a": 1}), ("t", {})]


@pytest.mark.parametrize("given", [{"t": object()}, {"t": {"when": float("nan")}}, {"t": {1, 2}}])
def test_an_output_that_is_no_json_is_refused_when_the_mock_is_made(given):
    with pytest.raises(mf.DefinitionError, match="mock, tool 't'"):
        mf.mock(given)


def test_a_schema_for_no_tool_is_refused():
    with pytest.raises(mf.DefinitionError, match="'tt', which is no tool"):
        mf.mock({"t": 1}, schemas={"tt": {"type": "object"}})


def test_resources_are_listed_read_and_logged():
    resources = {
        "docs://a.txt": "Hello",
        "docs://logo.png": b"\x00\xff",
        "docs://{team}/policy": lambda team: f"{team}!",
    }
    mock = mf.mock({}, resources=resources)
    flow = mf.SequentialWorkflow("w").step(
        "read", resources=["docs://a.txt", "docs://logo.png", "docs://hr%2F1/policy"]
    )
    with mf.connect(m=mock) as servers:
        assert [one.uri for one in servers["m"].catalog.resources] == list(resources)
        record = flow.start(servers).all().trace[0]
    assert [fetched.contents for fetched in record.resources] == [
        ({"uri": "docs://a.txt", "mimeType": "text/plain", "text": "Hello"},),
        ({"uri": "docs://logo.png", "mimeType": "image/png", "blob": "AP8="},),
        ({"uri": "docs://hr%2F1/policy", "mimeType": "text/plain", "text": "hr/1!"},),
    ]
    assert mock.reads == ["docs://a.txt", "docs://logo.png", "docs://hr%2F1/policy"]
    assert repr(mock) == "<Mock: 0 tools, 0 calls, 3 resources, 3 reads>"


async def _later() -> bytes:
    await asyncio.sleep(0)
    return b"x"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (ValueError("no <access>"), "no <access> (code -32603)"),
        (KeyError, "KeyError (code -32603)"),
        (lambda: 1, "the mock's resource gave int, not text or bytes (code -32603)"),
        (lambda: 1 / 0, "division by zero (code -32603)"),
        (_later, None),
    ],
)
def test_a_resource_that_fails_gives_its_message_and_one_that_is_async_is_awaited(given, said):
    flow = mf.SequentialWorkflow("w").step("read", resources=["a://b"])
    with mf.connect(m=mf.mock({}, resources={"a://b": given})) as servers:
        fetched = flow.start(servers).all().trace[0].resources[0]
    assert fetched.error == (said and f"resource 'a://b' of server 'm': {said}")


def test_a_resource_that_is_not_there_is_not_found_and_logged():
    mock = mf.mock({}, resources={"a://b": "x"})
    with mf.connect(m=mock) as servers:
        fetched = mf.SequentialWorkflow("w").step("r", resources=["a://c"]).start(servers).all().trace[0].resources[0]
    assert fetched.error == "resource 'a://c' of server 'm': Resource not found: a://c (code -32602)"
    assert mock.reads == ["a://c"]


def test_an_exact_uri_goes_before_a_template_that_fits_it():
    flow = mf.SequentialWorkflow("w").step("r", resources=["a://b"])
    with mf.connect(m=mf.mock({}, resources={"a://{x}": "template", "a://b": "exact"})) as servers:
        assert flow.start(servers).all().trace[0].resources[0].contents[0]["text"] == "exact"


def test_a_mock_without_resources_does_not_offer_any():
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        assert servers["m"].catalog.has_resources is False


@pytest.mark.parametrize(("uri", "given"), [("a://{", "x"), ("a://b", 1), ("a://b", None), ("a://b", {"text": "x"})])
def test_a_resource_that_cannot_be_read_is_refused_when_the_mock_is_made(uri, given):
    with pytest.raises(mf.DefinitionError, match=r"mock, resource 'a://"):
        mf.mock({}, resources={uri: given})

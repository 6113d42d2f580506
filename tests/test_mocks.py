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


@pytest.mark.row("RM03")
def test_a_value_that_the_output_schema_refuses_is_an_error_at_once_and_a_function_s_is_found_when_it_ran():
    output = {"type": "object", "properties": {"sent": {"type": "boolean"}}, "required": ["sent"]}
    for value in ({"sent": "yes"}, mf.when(to="x").then({"sent": "yes"}), mf.sequence({"sent": True}, {})):
        with pytest.raises(mf.DefinitionError, match=r"tool 'send': its value breaks its output schema.*mf.fault"):
            mf.mock({"send": value}, outputs={"send": output})
    with mf.connect(m=mf.mock({"send": lambda to: {"sent": "yes"}}, outputs={"send": output})) as servers:
        run = mf.SequentialWorkflow("w").step("a", tool="m.send", args={"to": "x"}).start(servers).all()
    assert (run.outcome, run.trace[0].status) == ("failed", "invalid_output")


def test_arguments_that_the_input_schema_refuses_are_the_tool_s_error_and_its_function_is_not_run():
    ran = []
    schema = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
    mock = mf.mock({"send": lambda to: ran.append(to)}, schemas={"send": schema})
    with mf.connect(m=mock) as servers, pytest.raises(mf.CallError, match=r'input schema.*7 is not of type "string"'):
        servers.call("m.send", {"to": 7})
    assert (ran, mock.log[0].rule) == ([], "refused")


class Hr:
    """A mock that remembers."""

    def __init__(self):
        self.people = {}

    def create(self, name: str):
        """Make a person."""
        self.people[name] = f"emp-{len(self.people) + 1}"
        return {"id": self.people[name]}

    async def look_up(self, name: str):
        return {"id": self.people.get(name)}

    def _hidden(self):
        return None


def test_the_public_methods_of_an_object_are_tools_that_share_what_it_remembers():
    with mf.connect(hr=mf.mock(Hr())) as servers:
        assert sorted(servers["hr"].tools) == ["create", "look_up"]
        assert servers["hr"].tools["create"].description == "Make a person."
        servers.call("hr.create", {"name": "Ada"})
        assert servers.call("hr.look_up", {"name": "Ada"}) == {"id": "emp-1"}


@pytest.mark.parametrize("given", [Hr, [1], "tool", object()])
def test_what_is_neither_tools_nor_an_object_with_methods_is_refused(given):
    with pytest.raises(mf.DefinitionError, match="give tool names with their answers, or an object"):
        mf.mock(given)


def test_annotations_and_prompts_are_listed_and_answered():
    mock = mf.mock({"drop": 1}, annotations={"drop": {"destructiveHint": True}},
                   prompts={"hi": "Hello.", "to": lambda who, how="well": f"{who}, {how}"})  # fmt: skip
    with mf.connect(m=mock) as servers:
        catalog = servers["m"].catalog
        assert catalog.tools["drop"].effects == ("destructive",)
        assert [(one.name, one.arguments) for one in catalog.prompts] == [("hi", ()), ("to", ("who", "how?"))]
    for what in ("schemas", "outputs", "annotations"):
        with pytest.raises(mf.DefinitionError, match=f"{what} names 'dorp'.*did you mean 'drop'"):
            mf.mock({"drop": 1}, **{what: {"dorp": {}}})


def test_the_log_says_what_answered_and_what_never_did():
    mock = mf.mock({"t": mf.when(n=1).then("one").when(n=2).then("two").otherwise(mf.fail("no")), "u": 1})
    with mf.connect(m=mock) as servers:
        servers.call("m.t", {"n": 1})
        with pytest.raises(mf.CallError):
            servers.call("m.t", {"n": 3})
    assert [(one.rule, one.value, one.error) for one in mock.log] == [
        ("when(n=1) → value", "one", None),
        ("otherwise → fails", None, "no"),
    ]
    assert mock.unused == ("t: when(n=2) → value", "u: value")
    assert list(mock.df["rule"]) == ["when(n=1) → value", "otherwise → fails"]


def real():
    from mcp.server import MCPServer
    from mcp.types import ToolAnnotations
    from typing_extensions import TypedDict

    server = MCPServer("hr", log_level="ERROR")

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    def look_up(employee_id: str, level: int = 1) -> TypedDict("Person", {"email": str, "roles": list[str]}):
        raise AssertionError("a mock calls nothing")

    @server.tool()
    def names() -> list[str]:
        raise AssertionError("a mock calls nothing")

    return server


@pytest.mark.row("RM03")
def test_a_mock_like_a_server_has_its_tools_and_answers_samples_that_fit_the_same_ones_every_time():
    with mf.connect(hr=real()) as live:
        first, second = (live.with_mock("hr", mf.mock_like(live["hr"], seed=seed)) for seed in (0, 0))
        mocked, there = first["hr"].tools["look_up"], live["hr"].tools["look_up"]
        assert (mocked.input_schema, mocked.output_schema) == (there.input_schema, there.output_schema)
        assert (mocked.effects, first["hr"].source, live["hr"].source) == (("read-only",), "mock", "live")
        answers = [one.call("hr.look_up", {"employee_id": "e"}) for one in (first, second)]
        assert answers[0] == answers[1]
        assert "@" in answers[0]["email"]
        assert answers[0] != first.call("hr.look_up", {"employee_id": "other"})
        assert all(isinstance(one, str) for one in first.call("hr.names"))
        with pytest.raises(mf.CallError, match='"employee_id" is a required property'):
            first.call("hr.look_up", {})


def test_a_mock_like_a_server_is_overridden_a_tool_at_a_time_and_rules_go_on_to_the_sample():
    with mf.connect(hr=real()) as live:
        mock = mf.mock_like(live["hr"], look_up=mf.fail("busy", times=1), names=["Ada"])
        with live.with_mock("hr", mock) as servers:
            with pytest.raises(mf.CallError, match="busy"):
                servers.call("hr.look_up", {"employee_id": "e"})
            assert "@" in servers.call("hr.look_up", {"employee_id": "e"})["email"]
            assert servers.call("hr.names") == ["Ada"]
        assert live["hr"].state == "open"
        with pytest.raises(mf.DefinitionError, match="its value breaks its output schema"):
            mf.mock_like(live["hr"], look_up={"email": 7})
        with pytest.raises(mf.DefinitionError, match=r"no tool 'lookup'.*did you mean 'look_up'"):
            mf.mock_like(live["hr"], lookup={})


def test_with_mock_leaves_the_other_servers_open_and_shared_and_refuses_what_is_no_mock():
    with mf.connect(a=mf.mock({"t": 1}), b=mf.mock({"u": 2})) as servers:
        with servers.with_mock("b", mf.mock({"u": 3})) as mocked:
            assert (mocked.call("b.u"), servers.call("b.u"), mocked.names) == (3, 2, ("a", "b"))
            assert mocked["a"] is servers["a"]
        assert (servers["a"].state, servers["b"].state, mocked["b"].state) == ("open", "open", "closed")
        with pytest.raises(mf.ConfigError, match=r"with_mock.'a'.: give mf.mock"):
            servers.with_mock("a", real())


def test_a_sample_cannot_be_made_up_where_nothing_is_declared():
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        with servers.with_mock("m") as mocked, pytest.raises(mf.CallError, match="declares no output schema"):
            mocked.call("m.t")


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

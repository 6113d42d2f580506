"""What can never be a mock is refused where it is written: schemas, annotations, functions, URIs."""

import functools

import pytest

import mcpflow_nb as mf


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"destructive": True}, "there is no 'destructive'; did you mean 'destructiveHint'"),
        ({"readonly": True}, "there is no 'readonly'; did you mean 'readOnlyHint'"),
        ({"destructiveHint": "yes"}, "'destructiveHint' is True or False, not 'yes'"),
        ({"idempotentHint": 1}, "'idempotentHint' is True or False, not 1"),
        ({"title": True}, "'title' is text, not True"),
        (True, "give names and values, as .*, not bool"),
    ],
)
def test_an_annotation_that_mcp_does_not_have_is_refused_and_names_the_one_that_was_meant(given, said):
    with pytest.raises(mf.DefinitionError, match=f"mock, tool 'drop': annotations: {said}"):
        mf.mock({"drop": 1}, annotations={"drop": given})


def test_every_annotation_of_mcp_is_listed_as_it_was_given():
    said = {
        "title": "Drop", "readOnlyHint": False, "destructiveHint": True, "idempotentHint": True, "openWorldHint": False,
    }  # fmt: skip
    with mf.connect(m=mf.mock({"drop": 1}, annotations={"drop": said})) as servers:
        assert dict(servers["m"].tools["drop"].annotations) == said


@pytest.mark.parametrize("what", ["schemas", "outputs"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"type": "objekt"}, '"objekt" is not valid|"type": "object", for arguments'),
        ({"type": "object", "properties": {"n": {"type": "strin"}}}, r"no JSON Schema: .'properties'..'n'..'type'.: "),
        ({"type": "object", "properties": {"n": str}}, "type"),
        ("object", 'give a JSON Schema, as {"type": "object"}, not \'object\''),
        (dict, 'give a JSON Schema, as {"type": "object"}, not the type dict'),
    ],
)
def test_what_is_no_json_schema_is_refused_with_the_tool_and_the_place(what, given, said):
    with pytest.raises(mf.DefinitionError, match=f"mock, tool 't': {what}: .*({said})"):
        mf.mock({"t": lambda n=1: {}}, **{what: {"t": given}})


@pytest.mark.parametrize("given", [{"type": "string"}, {"properties": {"n": {}}}, {"type": ["object", "null"]}])
def test_an_input_schema_is_of_an_object_and_an_output_schema_of_anything(given):
    with pytest.raises(mf.DefinitionError, match='tool \'t\': schemas: it must have "type": "object"'):
        mf.mock({"t": lambda: {}}, schemas={"t": given})
    with mf.connect(m=mf.mock({"t": lambda: {}}, outputs={"t": given})) as servers:
        assert servers["m"].tools["t"].output_schema == given


def test_a_schema_that_refers_to_what_is_elsewhere_is_listed_and_nothing_is_fetched():
    schema = {"type": "object", "properties": {"n": {"$ref": "http://127.0.0.1:9/n"}}}
    with mf.connect(m=mf.mock({"t": 1}, schemas={"t": schema})) as servers:
        assert servers["m"].tools["t"].input_schema == schema


@pytest.mark.parametrize("given", [lambda n, /: n, len, functools.partial(lambda n, m, /: n, 1)])
def test_a_function_that_cannot_be_called_by_name_is_refused(given):
    with pytest.raises(mf.DefinitionError, match="mock, tool 't': its function has a positional-only parameter"):
        mf.mock({"t": given})


def test_a_function_that_is_refused_is_refused_inside_rules_and_prompts_as_well():
    with pytest.raises(mf.DefinitionError, match="positional-only parameter 'n'"):
        mf.mock({"t": mf.when(n=1).then(lambda n, /: n)})
    with pytest.raises(mf.DefinitionError, match=r"mock, prompt 'p': .*positional-only parameter 'n'"):
        mf.mock({}, prompts={"p": lambda n, /: n})


@pytest.mark.parametrize("uri", ["not a uri", "policy", "/policy", "", 3])
def test_a_resource_without_a_scheme_is_refused(uri):
    with pytest.raises(mf.DefinitionError, match="it is no URI: begin it with a scheme, as in 'docs://policy'"):
        mf.mock({}, resources={uri: "x"})


@pytest.mark.parametrize(
    ("uri", "given", "said"),
    [
        ("doc://{id}", lambda x: x, "its function needs 'x', and the URI has the marks 'id'; name them alike"),
        ("doc://{id}", lambda: "x", "its function has no parameter 'id', which the URI marks"),
        ("doc://{id}", lambda ids="": ids, "no parameter 'id', which the URI marks; did you mean 'ids'"),
        ("doc://{id}", lambda id, /: id, "positional-only parameter, and marks are given by name"),
        ("doc://a", lambda id: id, "its function needs 'id', and the URI has no marks"),
    ],
)
def test_a_function_that_does_not_take_the_marks_of_its_uri_is_refused(uri, given, said):
    with pytest.raises(mf.DefinitionError, match=f"mock, resource {uri!r}: .*{said}"):
        mf.mock({}, resources={uri: given})


@pytest.mark.parametrize("given", [lambda id: id, lambda **marks: marks["id"], lambda id, more="": id + more])
def test_a_function_that_takes_the_marks_of_its_uri_reads_them(given):
    flow = mf.SequentialWorkflow("w").step("r", resources=["doc://7"])
    with mf.connect(m=mf.mock({}, resources={"doc://{id}": given})) as servers:
        assert flow.start(servers).all().trace[0].resources[0].contents[0]["text"] == "7"


class Desk:
    """Methods of every kind."""

    name = "desk"

    def take(self):
        return "method"

    @classmethod
    def kind(cls):
        return cls.name

    @staticmethod
    def add(a: int, b: int):
        return a + b


def test_static_and_class_methods_of_an_object_are_tools_too():
    with mf.connect(m=mf.mock(Desk())) as servers:
        assert sorted(servers["m"].tools) == ["add", "kind", "take"]
        assert (servers.call("m.add", {"a": 1, "b": 2}), servers.call("m.kind")) == (3, "desk")


@pytest.mark.parametrize("given", [None, 3, {"m": 1}])
def test_a_mock_like_what_is_no_server_says_what_to_give(given):
    with pytest.raises(mf.DefinitionError, match=r"mock_like: give .*, as servers\['name'\], not"):
        mf.mock_like(given)
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        with pytest.raises(mf.DefinitionError, match=r"give one of the servers, as servers\['name'\], not Servers"):
            mf.mock_like(servers)

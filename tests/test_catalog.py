import os
import socket

import pytest

from mcpflow_nb.connecting.listing import judged
from mcpflow_nb.tools.catalog import Catalog, Prompt, Resource, Tool, type_words

PROPERTIES = {
    "name": {"type": "string"},
    "level": {"type": "integer", "default": 1},
    "tags": {"type": "array", "items": {"type": "string"}},
    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
}
INPUT = {"type": "object", "properties": PROPERTIES, "required": ["name", "note"]}
WRAPPED = {"type": "object", "properties": {"result": {"$ref": "#/$defs/N"}}, "required": ["result"]}


def tool(**fields):
    return Tool(**{"server": "hr", "name": "create", **fields})


def test_a_signature_says_name_type_default_and_what_may_be_left_out():
    signature = tool(input_schema=INPUT).signature
    assert signature == "create(name: string, level: integer = 1, tags?: array of string, note: string | null)"


def test_a_tool_without_parameters_has_an_empty_signature():
    assert (tool().signature, tool().properties, tool().required) == ("create()", {}, ())


@pytest.mark.parametrize(
    "schema", [None, True, [], "x", {"properties": [], "required": "name"}, {"properties": None, "required": [1]}]
)
def test_a_schema_that_is_none_has_no_parameters(schema):
    broken = tool(input_schema=schema, output_schema=schema)
    assert (broken.properties, broken.required, broken.signature, broken.output_fields) == ({}, (), "create()", ())


def test_the_output_fields_are_those_of_the_output_schema():
    made = tool(output_schema={"type": "object", "properties": {"id": {"type": "string"}, "email": {}}})
    assert (made.output_fields, made.is_wrapped, made.value_schema) == (("id", "email"), False, made.output_schema)


def test_a_tool_that_declares_no_output_has_no_value_schema():
    assert (tool().output_fields, tool().value_schema) == ((), None)


@pytest.mark.parametrize(
    ("schema", "gives"),
    [
        (None, ""),
        ({"type": "object", "properties": {"id": {}, "email": {}}}, "id, email"),
        ({"type": "object"}, "object"),
        (True, "any"),
        (WRAPPED | {"$defs": {"N": {"type": "integer"}}}, "N"),
        ({"properties": {"result": {"type": "array", "items": {"type": "string"}}}, "required": ["result"]},
         "array of string"),
    ],
)  # fmt: skip
def test_a_tool_says_in_words_what_its_output_schema_promises(schema, gives):
    assert tool(output_schema=schema).gives == gives


def test_the_wrapper_of_a_value_that_is_no_object_is_taken_off_with_its_definitions_kept():
    defs = {"N": {"type": "integer"}}
    made = tool(output_schema={**WRAPPED, "$defs": defs})
    assert (made.is_wrapped, made.value_schema) == (True, {"$ref": "#/$defs/N", "$defs": defs})


@pytest.mark.parametrize(
    "schema",
    [{"properties": {"result": {}}}, {"properties": {"result": {}, "more": {}}, "required": ["result"]},
     {"properties": {"value": {}}, "required": ["value"]}, None, True],
)  # fmt: skip
def test_only_the_exact_wrapper_is_one(schema):
    assert tool(output_schema=schema).is_wrapped is False


@pytest.mark.parametrize(
    ("annotations", "effects", "may_repeat"),
    [({}, (), False), ({"readOnlyHint": True}, ("read-only",), True), ({"readOnlyHint": False}, ("changes data",), False),
     ({"destructiveHint": True, "readOnlyHint": False}, ("destructive",), False),
     ({"idempotentHint": True, "destructiveHint": True}, ("destructive", "idempotent"), True),
     ({"readOnlyHint": "yes", "idempotentHint": 1}, ("changes data",), False)],
)  # fmt: skip
def test_annotations_are_words_and_only_true_counts(annotations, effects, may_repeat):
    made = tool(annotations=annotations)
    assert (made.effects, made.may_repeat) == (effects, may_repeat)


@pytest.mark.parametrize(
    "change",
    [{"name": "x"}, {"description": "x"}, {"title": "x"}, {"input_schema": INPUT}, {"output_schema": WRAPPED},
     {"annotations": {"readOnlyHint": True}}],
)  # fmt: skip
def test_the_fingerprint_changes_with_all_that_the_server_declares(change):
    assert tool(**change).fingerprint != tool().fingerprint


def test_the_fingerprint_is_that_of_the_tool_whatever_its_server_is_called():
    one = tool(server="one", input_schema={"type": "object", "required": []})
    other = tool(server="other", input_schema={"required": [], "type": "object"})
    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize(
    ("schema", "words"),
    [({}, "any"), (True, "any"), (None, "any"), ({"type": 5}, "any"), ({"enum": ["a", 1, None]}, '"a" | 1 | null'),
     ({"type": "array"}, "array"), ({"type": "array", "items": {"type": "array", "items": {}}}, "array of array of any"),
     ({"oneOf": [{"type": "string"}, {"type": "string"}, {}]}, "string | any"), ({"$ref": "#/$defs/Person"}, "Person"),
     ({"$ref": ""}, "any"), ({"type": ["integer", "null"]}, "integer | null")],
)  # fmt: skip
def test_a_type_is_said_in_words(schema, words):
    assert type_words(schema) == words


def test_an_empty_catalog_offers_nothing():
    made = Catalog()
    assert (dict(made.tools), made.resources, made.prompts, dict(made.rejected)) == ({}, (), (), {})


def test_what_a_server_lists_is_plain_data_that_compares_by_value():
    assert Resource("hr", "docs://{x}", "Docs") == Resource("hr", "docs://{x}", "Docs")
    assert Prompt("hr", "greet", "", ("who", "tone?")) == Prompt("hr", "greet", "", ("who", "tone?"))
    assert tool(input_schema=INPUT) == tool(input_schema=INPUT)


def test_a_type_that_nests_without_end_is_cut_short():
    schema = {}
    for _ in range(5000):
        schema = {"type": "array", "items": schema}
    assert type_words(schema) == "array of " * 8 + "any"


def test_a_result_is_refused_when_it_breaks_the_tools_own_schema():
    made = tool(output_schema={"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]})
    told = "the tool declares an output schema, but gave no structured content"
    assert [made.output_refusal({"structuredContent": {"id": "1"}}), made.output_refusal({})] == [None, told]
    assert made.output_refusal({"structuredContent": {"id": 1}})
    assert tool().output_refusal({}) is None


@pytest.mark.parametrize(
    ("schema", "takes"),
    [
        (None, (True, True)),
        ({"type": "object"}, (True, True)),
        ({"properties": {"name": {}}}, (True, False)),
        ({"properties": {"name": {}}, "additionalProperties": False}, (True, False)),
        ({"properties": {"name": {}}, "additionalProperties": True}, (True, True)),
        ({"properties": {}, "required": ["name"]}, (True, True)),
        ({"properties": {}, "required": ["name"], "additionalProperties": False}, (True, False)),
        ({"properties": {}, "additionalProperties": {"type": "string"}}, (True, True)),
        ({"properties": {"name": {}}, "patternProperties": {"^oth": {}}}, (True, True)),
        ({"properties": {}, "additionalProperties": False}, (False, False)),
    ],
)
def test_a_tool_takes_the_names_that_its_schema_has_or_leaves_open(schema, takes):
    made = tool(input_schema=schema)
    assert (made.takes("name"), made.takes("other")) == takes


CONTRADICTION = {"readOnlyHint": True, "destructiveHint": True}


@pytest.mark.row("TL10")
def test_annotations_only_tighten_so_of_two_that_contradict_the_stricter_counts():
    said = Tool("s", "t", annotations=CONTRADICTION)
    honest = Tool("s", "t", annotations={"readOnlyHint": True})
    assert [(one.only_reads, one.may_repeat) for one in (said, honest, Tool("s", "t"))] == [
        (False, False), (True, True), (False, False),
    ]  # fmt: skip


@pytest.mark.row("TL10")
def test_no_annotation_lets_a_call_through_that_would_be_refused_without_it():
    """A tool that says it only reads is checked, pinned, and handed over as any other."""
    schemas = {"t": {"properties": {"n": {"type": "integer"}}, "required": ["n"], "type": "object"}}
    outcomes = []
    for hints in ({}, {"readOnlyHint": True}, {"readOnlyHint": True, "idempotentHint": True}, CONTRADICTION):
        tool = Tool("s", "t", input_schema=schemas["t"], annotations=hints)
        outcomes.append((tool.required, tool.takes("n"), tool.input_refusal({"n": "x"}), tool.input_refusal({})))
    assert len(set(map(str, outcomes))) == 1


@pytest.mark.parametrize("word", ["$schema", "$ref"])
def test_a_tool_whose_schema_refers_to_an_address_sends_no_request_there(word, monkeypatch):
    for name in [name for name in os.environ if "proxy" in name.lower()]:
        monkeypatch.delenv(name)
    with socket.create_server(("127.0.0.1", 0)) as there:
        schema = {"type": "object", word: f"http://127.0.0.1:{there.getsockname()[1]}/schema"}
        tools, _ = judged("s", [{"name": "t", "inputSchema": schema, "outputSchema": schema}])
        assert list(tools) == ["t"]
        there.setblocking(False)
        with pytest.raises(BlockingIOError):
            there.accept()

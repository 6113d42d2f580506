"""A result becomes one value by one rule, and the rule is named."""

import pytest

from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.tools.results import value_of

WRAPPED = {"type": "object", "properties": {"result": {"type": "integer"}}, "required": ["result"]}


def text(*texts):
    return [{"type": "text", "text": one} for one in texts]


@pytest.mark.parametrize(
    ("raw", "schema", "value", "rule"),
    [
        ({"structuredContent": {"a": 1}, "content": text("ignored")}, None, {"a": 1}, "structured content"),
        ({"structuredContent": {"result": 7}}, WRAPPED, 7, "structured content, unwrapped from 'result'"),
        ({"structuredContent": {"result": 7}}, None, {"result": 7}, "structured content"),
        ({"structuredContent": [1, 2]}, None, [1, 2], "structured content"),
        ({"content": text('{"a": 1}')}, None, {"a": 1}, "text that is JSON"),
        ({"content": text(" [1]")}, None, [1], "text that is JSON"),
        ({"content": text("7")}, None, "7", "text"),
        ({"content": text("{broken")}, None, "{broken", "text"),
        ({"content": text("a", "b")}, None, "a\nb", "text"),
        ({"content": text("[" * 100 + "]" * 100)}, None, "[" * 100 + "]" * 100, "text"),
        ({"content": []}, None, None, "no content"),
        ({"content": [{"type": "image", "mimeType": "image/png", "data": "AAAA"}]}, None,
         {"type": "image", "mimeType": "image/png", "bytes": 3}, "content placeholders"),
        ({"content": [*text("see"), {"type": "resource_link", "uri": "a://b", "name": "n"}]}, None,
         ["see", {"type": "resource_link", "uri": "a://b", "name": "n"}], "content placeholders"),
        ({"content": [{"type": "resource", "resource": {"uri": "a://b", "text": "abc"}}]}, None,
         {"type": "resource", "uri": "a://b", "mimeType": None, "bytes": 3}, "content placeholders"),
    ],
)  # fmt: skip
@pytest.mark.row("PR12", "PR13")
def test_a_result_becomes_a_value_by_a_rule_that_is_named(raw, schema, value, rule):
    assert value_of(raw, Tool("s", "t", output_schema=schema)) == (value, rule)


def test_parse_overrides_the_rule():
    raw = {"structuredContent": {"a": 1}, "content": text("7")}
    assert value_of(raw, Tool("s", "t"), "json").value == 7
    assert value_of(raw, Tool("s", "t"), "text").value == "7"
    with pytest.raises(ValueError):
        value_of({"content": text("no json")}, Tool("s", "t"), "json")

"""A CallToolResult as a value: the one place that knows its shape.

Structured content if there is any, the SDK's `{"result": x}` wrapper taken off; else text that is a JSON object
or array; else the text; else typed placeholders for images, audio, links and blobs. `parse` overrides it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, NamedTuple

from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.values import MAX_DEPTH, decoded_size, nesting


class Value(NamedTuple):
    """What a step binds, and the rule that made it."""

    value: Any
    rule: str


def value_of(raw: dict[str, Any], tool: Tool, parse: str | None = None) -> Value:
    """Return the value of a result.

    Raises
    ------
    ValueError
        When `parse="json"` was asked for and the text is no JSON.
    """
    if parse == "text":
        return Value(text_of_content(raw), "text, as the step asks")
    if parse == "json":
        text = text_of_content(raw)
        if nesting(text) > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
        return Value(json.loads(text), "text read as JSON, as the step asks")
    if "structuredContent" in raw:
        content = raw["structuredContent"]
        if tool.is_wrapped and isinstance(content, dict) and list(content) == ["result"]:
            return Value(content["result"], "structured content, unwrapped from 'result'")
        return Value(content, "structured content")
    blocks = raw.get("content") or []
    if blocks and all(block.get("type") == "text" for block in blocks):
        return _from_text(text_of_content(raw))
    if not blocks:
        return Value(None, "no content")
    placeholders = [placeholder(block) for block in blocks]
    return Value(placeholders[0] if len(placeholders) == 1 else placeholders, "content placeholders")


def _from_text(text: str) -> Value:
    if text.lstrip()[:1] in ("{", "[") and nesting(text) <= MAX_DEPTH:
        with suppress(ValueError):
            return Value(json.loads(text), "text that is JSON")
    return Value(text, "text")


def text_of_content(raw: dict[str, Any]) -> str:
    """Return the text blocks of a result, joined by a newline."""
    return "\n".join(block.get("text", "") for block in raw.get("content") or [] if block.get("type") == "text")


def placeholder(block: dict[str, Any]) -> Any:
    """Return a text block's text, and for any other block what it is: kind, MIME type, size in bytes."""
    kind = block.get("type")
    if kind == "text":
        return block.get("text", "")
    if kind == "resource":
        inner = block.get("resource", {})
        size = len(inner["text"]) if "text" in inner else decoded_size(inner.get("blob", ""))
        return {"type": "resource", "uri": inner.get("uri"), "mimeType": inner.get("mimeType"), "bytes": size}
    if kind == "resource_link":
        return {"type": "resource_link", "uri": block.get("uri"), "name": block.get("name")}
    return {"type": kind, "mimeType": block.get("mimeType"), "bytes": decoded_size(block.get("data", ""))}

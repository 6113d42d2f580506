"""A tool as its server declares it: what it takes, what it gives, what it says of itself."""

from __future__ import annotations

from typing import Any

from mcpflow_nb.tools.catalog import Tool, type_words
from mcpflow_nb.views.html import Safe, badge, code, details, frame, short, table, tag
from mcpflow_nb.views.plain import clip, fold, page
from mcpflow_nb.views.values import brief, tree


def line(tool: Tool) -> str:
    """Return `<Tool hr.create_employee(name: string)>`."""
    return f"<Tool {clip(tool.server, 30)}.{clip(tool.signature, 100)}>"


def plain(tool: Tool) -> str:
    """Return the signature, the description and the fields of the output."""
    gives = tool.gives or "no output schema: its fields cannot be checked"
    about = fold(tool.description, "  ") if tool.description else []
    effects = [f"  the server says: {', '.join(tool.effects)}"] if tool.effects else []
    return page([f"Tool {tool.server}.{tool.signature}", *about, *effects, f"  → {gives}"], "tool.input_schema")


def html(tool: Tool) -> Safe:
    """Return its parameters and output fields as tables, its schemas folded."""
    parameters = [_parameter(tool, name, schema) for name, schema in list(tool.properties.items())[:60]]
    outputs = [[code(name), short(type_words(_part(tool.value_schema, name)))] for name in tool.output_fields[:60]]
    columns = ["parameter", "type", "needed", "default", "description"]
    gives = f"Gives: {short(tool.gives)}." if tool.gives else "No output schema: fields cannot be checked before a run."
    return frame(
        "Tool", code(f"{tool.server}.{tool.name}"), [badge(word) for word in tool.effects],
        tag("p", short(tool.description, 1_000)) if tool.description else None,
        table("Parameters", columns, parameters) if parameters else tag("p", "No parameters."),
        table("Output", ["field", "type"], outputs) if outputs else tag("p", gives),
        details("Input schema", tree(tool.input_schema, "tool.input_schema")),
        details("Output schema", tree(tool.output_schema, "tool.output_schema")) if tool.output_schema else None,
        foot=(f"servers.call({f'{tool.server}.{tool.name}'[:120]!r}, {{...}})",),
    )  # fmt: skip


def _parameter(tool: Tool, name: str, schema: Any) -> list[object]:
    about = schema.get("description", "") if isinstance(schema, dict) else ""
    default = code(brief(schema["default"], name=name)) if isinstance(schema, dict) and "default" in schema else "—"
    needed = "required" if name in tool.required else "optional"
    return [code(name), short(type_words(schema)), needed, default, short(about, 300)]


def _part(schema: Any, name: str) -> Any:
    found = schema.get("properties") if isinstance(schema, dict) else None
    return found.get(name) if isinstance(found, dict) else None

"""The plain JSON of a cassette's parts, written and read back; a part that is not as it was written is refused.

The errors are LookupError, TypeError, ValueError and AttributeError; who reads the whole says where in it they were. To
keep more of an interaction: a field of `cassette.Interaction`, and a line in `_FIELDS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from mcpflow_nb.records.record import Status
from mcpflow_nb.tools.catalog import Catalog, Prompt, Resource, Tool

_OBJECT: Final = (dict, type(None))
_FIELDS: Final[dict[str, Any]] = {
    "kind": str, "server": str, "name": str, "arguments": dict, "status": str, "raw": _OBJECT,
    "error": (str, type(None)), "protocol_error": _OBJECT, "lost": bool,
}  # fmt: skip
_IN_TOOL: Final[dict[str, Any]] = {
    "fingerprint": str, "description": str, "title": str, "input": dict, "output": dict, "annotations": dict,
}  # fmt: skip
_IN_BLOCK: Final = dict.fromkeys(("type", "text", "data", "blob", "uri"), str)
_TOOL: Final = {"description": "description", "title": "title", "input": "input_schema", "output": "output_schema"}


def plain(one: Any) -> dict[str, Any]:
    """Return an interaction as it is written: what is empty is left out."""
    plain = {name: getattr(one, name) for name in _FIELDS}
    always = ("kind", "server", "name", "status")
    return {name: item for name, item in plain.items() if name in always or item not in (None, False, {})}


def read(saved: Any) -> dict[str, Any]:
    """Return the fields of an interaction that `plain` gave."""
    for name, item in typed(saved, dict).items():
        if name not in _FIELDS:
            raise ValueError(f"unknown field {name!r}")
        typed(item, _FIELDS[name], name)
    for name, words in (("kind", ("call", "read")), ("status", get_args(Status))):
        if saved[name] not in words:
            raise ValueError(f"{name} is {saved[name]!r}, none of {', '.join(words)}")
    if saved["status"] == "ok" and saved.get("raw") is None:
        raise ValueError("status is 'ok', and there is no raw result")
    _require_blocks(saved.get("raw") or {})
    return {"server": saved["server"], "name": saved["name"], **saved}


def _require_blocks(raw: Mapping[str, Any]) -> None:
    """Refuse a result whose content no reader of a result could take apart."""
    for part in ("content", "contents"):
        for block in typed(raw.get(part, []), list, part):
            for key, item in typed(block, dict, f"an item of {part}").items():
                if key in _IN_BLOCK:
                    typed(item, _IN_BLOCK[key], f"{key!r} in {part}")
                if key == "resource":
                    _require_blocks({"contents": [item]})


def typed(item: Any, kinds: Any, name: str = "it") -> Any:
    """Return an item that is of these kinds; a TypeError says what it is."""
    if not isinstance(item, kinds):
        raise TypeError(f"{name} is {type(item).__name__}")
    return item


def plain_catalog(catalog: Catalog) -> dict[str, Any]:
    """Return a catalog as it is written."""
    tools = {
        name: {
            "fingerprint": tool.fingerprint,
            **{key: found for key, part in _TOOL.items() if (found := getattr(tool, part)) not in (None, "")},
            **({"annotations": dict(tool.annotations)} if tool.annotations else {}),
        }
        for name, tool in catalog.tools.items()
    }
    resources = [
        {"uri": one.uri, "name": one.name, "description": one.description, "mime_type": one.mime_type}
        for one in catalog.resources
    ]
    prompts = [
        {"name": one.name, "description": one.description, "arguments": list(one.arguments)} for one in catalog.prompts
    ]
    return {
        "tools": tools, "rejected": dict(catalog.rejected), "has_resources": catalog.has_resources, "resources": resources,
        "prompts": prompts,
    }  # fmt: skip


def read_catalog(server: str, saved: Any) -> Catalog:
    """Return the catalog that `plain_catalog` gave."""
    tools = {}
    for name, item in saved["tools"].items():
        for key, kinds in _IN_TOOL.items():
            typed(item.get(key, kinds()), kinds, f"tool {name!r}: {key}")
        parts = {part: item[key] for key, part in _TOOL.items() if key in item}
        tools[name] = tool = Tool(server, name, annotations=item.get("annotations", {}), **parts)
        tool.__dict__["fingerprint"] = item["fingerprint"]
    return Catalog(
        tools, tuple(Resource(server, **_texts(one)) for one in saved["resources"]),
        tuple(_prompt(server, one) for one in saved["prompts"]),
        _texts(saved["rejected"]), typed(saved["has_resources"], bool, "has_resources"),
    )  # fmt: skip


def _prompt(server: str, saved: dict[str, Any]) -> Prompt:
    names = tuple(typed(name, str, "an argument") for name in saved["arguments"])
    return Prompt(server, **{**_texts(saved, "arguments"), "arguments": names})


def _texts(item: dict[str, Any], *other: str) -> dict[str, Any]:
    return {key: one if key in other else typed(one, str, key) for key, one in item.items()}

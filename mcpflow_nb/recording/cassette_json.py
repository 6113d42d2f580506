"""The plain JSON of a cassette's parts, written and read back; a part that is not as it was written is refused.

The errors are LookupError, TypeError, ValueError and AttributeError; who reads the whole says where in it they were. To
keep more of an interaction: a field of `cassette.Interaction`, and a line in `_FIELDS`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, get_args

from mcpflow_nb.records.record import Status
from mcpflow_nb.tools.catalog import Catalog, Prompt, Resource, Tool

_OBJECT: Final = (dict, type(None))
_WORDS: Final = {
    dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number",
    type(None): "null",
}  # fmt: skip
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
        if needed(saved, name, str) not in words:
            raise ValueError(f"{name} is {saved[name]!r}, none of {', '.join(words)}")
    needed(saved, "server", str)
    needed(saved, "name", str)
    if saved["status"] == "ok" and saved.get("raw") is None:
        raise ValueError("status is 'ok', and there is no raw result")
    raw = saved.get("raw")
    if raw is not None and saved["status"] in ("ok", "tool_error"):
        is_error = raw.get("isError", False)
        if bool(is_error) is not (saved["status"] == "tool_error"):
            said = f'status is {saved["status"]!r}, and its raw result says "isError": {json.dumps(is_error)}'
            raise ValueError(f"{said}; write the one as the other says")
    _require_blocks(raw or {})
    return dict(saved)


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
        wanted = " or ".join(_WORDS[kind] for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
        raise TypeError(f"{name} is {_WORDS.get(type(item), type(item).__name__)}, not {wanted}")
    return item


def needed(saved: Any, key: str, kinds: Any, where: str = "") -> Any:
    """Return a part of an object, which is there and of these kinds; the error goes on from the place of the whole."""
    if key not in typed(saved, dict, where or "it"):
        raise LookupError(f"{': ' if where else ''}{where} has no {key!r}")
    return typed(saved[key], kinds, f"{where}: {key}" if where else key)


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
    for name, item in needed(saved, "tools", dict).items():
        needed(item, "fingerprint", str, f"tool {name!r}")
        for key, kinds in _IN_TOOL.items():
            typed(item.get(key, kinds()), kinds, f"tool {name!r}: {key}")
        parts = {part: item[key] for key, part in _TOOL.items() if key in item}
        tools[name] = tool = Tool(server, name, annotations=item.get("annotations", {}), **parts)
        tool.__dict__["fingerprint"] = item["fingerprint"]
    return Catalog(
        tools, tuple(_resource(server, at, one) for at, one in enumerate(needed(saved, "resources", list))),
        tuple(_prompt(server, at, one) for at, one in enumerate(needed(saved, "prompts", list))),
        _texts(needed(saved, "rejected", dict), "rejected"), needed(saved, "has_resources", bool),
    )  # fmt: skip


def _resource(server: str, at: int, saved: Any) -> Resource:
    needed(saved, "uri", str, where := f"resource {at}")
    return Resource(server, **_texts(saved, where))


def _prompt(server: str, at: int, saved: Any) -> Prompt:
    needed(saved, "name", str, where := f"prompt {at}")
    names = tuple(typed(name, str, f"{where}: an argument") for name in needed(saved, "arguments", list, where))
    return Prompt(server, **{**_texts(saved, where, "arguments"), "arguments": names})


def _texts(item: dict[str, Any], where: str, *other: str) -> dict[str, Any]:
    return {key: one if key in other else typed(one, str, f"{where}: {key}") for key, one in item.items()}

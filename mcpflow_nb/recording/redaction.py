"""The parts of a cassette without their secrets, and which secrets the way to a server gives away."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Final, TypeVar

from mcpflow_nb.masking import KNOWN, Masks, is_secret, masked_schema
from mcpflow_nb.recording.cassette import Interaction
from mcpflow_nb.tools.catalog import Catalog, Prompt, Resource, Tool
from mcpflow_nb.workflows.sources import TAG

_VALUES: Final = {"constant": ("value",)}
"""The keys of a saved source that hold a value of the author's own."""
Item = TypeVar("Item", Tool, Resource, Prompt)


def masked_interaction(one: Interaction, masks: Masks) -> Interaction:
    """Return an interaction without its secrets."""
    one = replace(
        one, arguments=KNOWN.by_value(one.arguments), raw=KNOWN.by_value(one.raw), error=KNOWN.by_value(one.error)
    )
    return replace(
        one, name=masks.masked(one.name) if one.kind == "read" else one.name, arguments=masks.masked(one.arguments),
        raw=masks.masked(one.raw), error=masks.masked(one.error), protocol_error=masks.masked(one.protocol_error),
    )  # fmt: skip


def masked_catalog(catalog: Catalog, masks: Masks) -> Catalog:
    """Return a catalog without secrets, whose schemas masked values meet; fingerprints stay those of the server."""
    tools = {
        name: _by_value(
            replace(
                tool, input_schema=masked_schema(tool.input_schema), output_schema=masked_schema(tool.output_schema)
            ), masks)
        for name, tool in catalog.tools.items()
    }  # fmt: skip
    for name, tool in tools.items():
        tool.__dict__["fingerprint"] = catalog.tools[name].fingerprint
    return replace(
        catalog, tools=tools, rejected=masks.by_value(catalog.rejected),
        resources=tuple(_by_value(one, masks) for one in catalog.resources),
        prompts=tuple(_by_value(one, masks) for one in catalog.prompts),
    )  # fmt: skip


def _by_value(item: Item, masks: Masks) -> Item:
    names = [part.name for part in fields(item) if part.name not in ("server", "name")]
    return replace(item, **{name: masks.by_value(getattr(item, name)) for name in names})


def masked_plan(value: Any, masks: Masks, name: str = "") -> Any:
    """Return a saved workflow whose constants and defaults have no secrets; what it reads from where stays."""
    if isinstance(value, dict):
        known = str(value.get("name", "")) if "default" in value else name
        return {
            key: masks.masked(item, under=is_secret(known)) if key in _VALUES.get(str(value.get(TAG)), ("default",))
            else masked_plan(item, masks, key)
            for key, item in value.items()
        }  # fmt: skip
    return [masked_plan(item, masks) for item in value] if isinstance(value, list) else masks.by_value(value)

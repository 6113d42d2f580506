"""The parts of a cassette without their secrets, and which secrets the way to a server gives away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

from mcpflow_nb.cassette import Interaction
from mcpflow_nb.catalog import Catalog, Prompt, Resource, Tool
from mcpflow_nb.config import Spec
from mcpflow_nb.masking import Masks, is_secret, masked_schema
from mcpflow_nb.sources import TAG

LEAST: Final = 8
LEAST_NAMED: Final = 4
"""Shorter values of env and headers are no secrets: they would be masked in every other word."""
_PLAIN_HEADERS: Final = ("accept", "accept-language", "content-type", "user-agent")
_VALUES: Final = {"constant": ("value",)}
"""The keys of a saved source that hold a value of the author's own."""
Item = TypeVar("Item", Tool, Resource, Prompt)


def masked_interaction(one: Interaction, masks: Masks) -> Interaction:
    """Return an interaction without its secrets."""
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


def secrets_of(spec: Spec) -> Iterator[str]:
    """Give the values that a server was started or reached with, as far as they are long enough to be told from words."""
    for name, value in (*spec.env.items(), *spec.headers.items()):
        is_named = name in spec.headers or is_secret(name) or name.lower().endswith("key")
        if name.lower() not in _PLAIN_HEADERS:
            least = LEAST_NAMED if is_named else LEAST
            yield from (word for word in (value, *value.split()[1:]) if len(word) >= least)
    for before, word in pairwise(("", *spec.command)):
        name, has_value, value = word.partition("=")
        if name.startswith("-") and has_value and is_secret(name):
            yield value
        elif before.startswith("-") and is_secret(before) and not word.startswith("-"):
            yield word
    address = urlsplit(spec.url)
    yield from (value for name, value in parse_qsl(address.query) if is_secret(name))
    yield from (address.password,) if address.password else ()

"""Paths into JSON values: how they are written, shown and followed."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from mcpflow_nb.errors import MissingValueError

Key = str | int
Path = tuple[Key, ...]


def split_path(text: str) -> Path:
    """Return the keys of a dotted path; whole numbers without leading zero are indices."""
    return tuple(
        int(part) if part == "0" or (part.isascii() and part.isdigit() and part[0] != "0") else part
        for part in text.split(".")
    )


@lru_cache(4096)  # the labels of a workflow's sources, asked for at every step
def dotted(name: str, path: Path) -> str:
    """Return a name and a path as one short text, keys with a dot in brackets."""
    return name + "".join(
        f"[{json.dumps(key, ensure_ascii=False)}]" if isinstance(key, str) and ("." in key or not key) else f".{key}"
        for key in path
    )


def walk(value: Any, path: Path, label: str) -> Any:
    """Return the part of a value at a path; an index also reads an object's key of that name.

    Raises
    ------
    MissingValueError
        At the first key that is not there.
    """
    for key in path:
        if isinstance(value, dict):
            name = key if isinstance(key, str) else str(key)
            if name in value:
                value = value[name]
                continue
        elif isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
            value = value[key]
            continue
        raise MissingValueError(repr(label), key, value)
    return value

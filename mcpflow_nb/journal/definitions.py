"""A workflow as a journal keeps it: as it is saved, without the secrets in it and without conditions that are functions.

Names decide over values, never over what tells where a value comes from: an argument `token` keeps its source.
"""

from __future__ import annotations

from typing import Any

from mcpflow_nb.masking import MASK, Masks, is_secret
from mcpflow_nb.workflows.sources import TAG
from mcpflow_nb.workflows.workflow import SequentialWorkflow


def workflow_plain(workflow: SequentialWorkflow, masks: Masks) -> dict[str, Any]:
    """Return a workflow as it is saved, its constants and defaults masked; `masks` knows them afterwards."""
    kept = tuple(one for one in workflow.breakpoints if not one.is_function)
    saved = workflow.model_copy(update={"breakpoints": kept}).saved()
    for argument in saved.get("arguments", ()):
        if "default" in argument:
            argument["default"] = _value(argument["name"], argument["default"], masks)
    for step in saved.get("steps", ()):
        for owner in (step, step.get("check", {}), step.get("undo", {})):
            for part in ("args", "template"):
                if part in owner:
                    owner[part] = {name: _source(name, source, masks) for name, source in owner[part].items()}
    for one in saved.get("breakpoints", ()):
        one["when"] = masks.masked(one.get("when"))
    return saved


def holds_mask(value: Any) -> bool:
    """Tell whether a JSON value holds a secret that was masked."""
    if isinstance(value, str):
        return MASK in value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(holds_mask, parts))


def _source(name: str, source: dict[str, Any], masks: Masks) -> dict[str, Any]:
    made = dict(source)
    for part in ("values", "members"):
        if part in made:
            named = {inner: name if is_secret(name) else inner for inner in made[part]}
            made[part] = {inner: _source(named[inner], one, masks) for inner, one in made[part].items()}
    if made[TAG] == "list":
        made["items"] = [_source(name, one, masks) for one in made["items"]]
    for part in ("value", "default", "text"):
        if part in made:
            made[part] = _value(name, made[part], masks)
    return made


def _value(name: str, value: Any, masks: Masks) -> Any:
    masks.learn({name: value})
    return next(iter(masks.masked({name: value}).values()))

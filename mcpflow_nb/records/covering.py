"""What a run shows of the arguments and output fields that a step names as `secret`: dots, and 0 for a number.

Inside a run the values stay, for later steps read them; whatever leaves it is covered here. The texts are known by their
values from the first look on, so that they are masked wherever else they stand.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import replace
from typing import Any

from mcpflow_nb.masking import KNOWN
from mcpflow_nb.records.outline import Ahead, Outline
from mcpflow_nb.records.record import Passed, Record
from mcpflow_nb.workflows.workflow import SequentialWorkflow


def without(value: Any, names: Container[str], *, under: bool = False) -> Any:
    """Return a JSON value without what stands under these names; its texts are known as secrets afterwards.

    >>> without({"iban": "DE89 3704", "rows": [{"pin": 1234, "n": 1}]}, ("iban", "pin"))
    {'iban': '••••', 'rows': [{'pin': 0, 'n': 1}]}
    """
    if isinstance(value, Mapping):
        return {key: without(item, names, under=under or key in names) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without(item, names, under=under) for item in value]
    if under and isinstance(value, str):
        KNOWN.know(value)
    return KNOWN.masked(value, under=True) if under else value


def secret_names(workflow: SequentialWorkflow | None) -> tuple[str, ...]:
    """Return the names that any step of a workflow keeps secret."""
    return tuple(dict.fromkeys(name for step in (workflow.steps if workflow else ()) for name in step.secret))


def shown_arguments(workflow: SequentialWorkflow, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a workflow's arguments without those that a step names as secret, or reads as one."""
    read = (
        one for step in workflow.steps for name in step.secret if name in step.args for one in step.args[name].reads
    )
    names = (*secret_names(workflow), *(one.name for one in read if one.kind == "argument"))
    return dict(KNOWN.by_value(without(arguments, names)))


class Cover:
    """What the steps of one workflow keep secret; a record is covered once, until another secret is known."""

    def __init__(self, workflow: SequentialWorkflow) -> None:
        self._names = {step.name: step.secret for step in workflow.steps if step.secret}
        self._workflow = workflow
        self._done: dict[int, tuple[Record, int, Record]] = {}

    def record(self, record: Record) -> Record:
        """Return a record without its secrets: the same object each time, and itself where it has none."""
        if not self._names and not KNOWN.values:
            return record
        before = self._done.get(id(record))
        if before is None or before[1] != len(KNOWN.values):
            made = covered(record, self._names.get(record.step, ()))
            before = self._done[id(record)] = record, len(KNOWN.values), record if made == record else made
        return before[2]

    def passed(self, step: str, arguments: tuple[Passed, ...]) -> tuple[Passed, ...]:
        """Return the arguments of a step without the secrets among them."""
        return covered_passed(arguments, self._names[step]) if step in self._names else arguments

    def given(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return a workflow's arguments without the secrets among them."""
        is_plain = not self._names and not KNOWN.values
        return dict(arguments) if is_plain else shown_arguments(self._workflow, arguments)

    def ahead(self, step: Ahead) -> Ahead:
        """Return a step that is left without the secrets among its arguments."""
        names = self._names.get(step.step, ())
        return (
            replace(step, arguments=KNOWN.by_value(without(step.arguments, names))) if names or KNOWN.values else step
        )

    def outline(self, outline: Outline) -> Outline:
        """Return what a run was asked without the secrets among the arguments."""
        return replace(outline, given=self.given(outline.given))


def shown_bindings(workflow: SequentialWorkflow, bindings: Mapping[str, Any]) -> dict[str, Any]:
    """Return bindings without what their steps name as secret, and without every secret that is known."""
    names = {step.binding: step.secret for step in workflow.steps}
    found = {
        name: without(value, names.get(name, ()), under=name in names.get(name, ())) for name, value in bindings.items()
    }
    return dict(KNOWN.by_value(found))


def covered_passed(arguments: tuple[Passed, ...], names: Container[str]) -> tuple[Passed, ...]:
    """Return arguments without the secrets among them."""
    return tuple(replace(one, value=without(one.value, names, under=one.name in names)) for one in arguments)


def covered(record: Record, names: tuple[str, ...]) -> Record:
    """Return a record without what its step names as secret, and without every secret that is known by its value."""
    if names:
        value = without(record.value, names, under=record.binding in names)
        raw = covered_raw(record.raw, names, is_all=record.binding in names)
        record = replace(record, arguments=covered_passed(record.arguments, names), value=value, raw=raw)
    if not KNOWN.values:
        return record
    return replace(
        record, arguments=tuple(replace(one, value=KNOWN.by_value(one.value)) for one in record.arguments),
        value=KNOWN.by_value(record.value), raw=KNOWN.by_value(record.raw), error=KNOWN.by_value(record.error),
        guidance=KNOWN.by_value(record.guidance), protocol_error=KNOWN.by_value(record.protocol_error),
        resources=tuple(
            replace(one, uri=KNOWN.by_value(one.uri), contents=tuple(KNOWN.by_value(one.contents)))
            for one in record.resources
        ),
    )  # fmt: skip


def covered_raw(raw: Any, names: tuple[str, ...], *, is_all: bool = False) -> Any:
    """Return a result whose JSON texts are covered as well."""
    if not isinstance(raw, Mapping):
        return raw
    content = raw.get("content")
    parts = [_part(part, names, is_all=is_all) for part in content] if isinstance(content, list) else content
    shown = {**raw, **({"content": parts} if content is not None else {})}
    if "structuredContent" in raw:
        shown["structuredContent"] = without(raw["structuredContent"], names, under=is_all)
    return shown


def _part(part: Any, names: tuple[str, ...], *, is_all: bool) -> Any:
    if not (isinstance(part, Mapping) and isinstance(part.get("text"), str)):
        return part
    try:
        inner = json.loads(part["text"])
    except (ValueError, RecursionError):
        return {**part, "text": without(part["text"], names, under=is_all)}
    return {**part, "text": json.dumps(without(inner, names, under=is_all), ensure_ascii=False)}

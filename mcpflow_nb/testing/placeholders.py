"""Values that may be written to a file: what goes by the name of a secret is a placeholder of the same type.

The same secret has the same placeholder wherever it stands, so that what is computed from it comes out alike.
"""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.masking import MASK, is_secret
from mcpflow_nb.workflows.sources import TAG
from mcpflow_nb.workflows.workflow import SequentialWorkflow

LEAST: Final = 6
"""Characters from which a secret is also looked for inside other texts."""


def hidden_arguments(workflow: SequentialWorkflow) -> set[str]:
    """Return the arguments of a workflow that a step names as secret, or reads for what it names so."""
    secret = [(step, name) for step in workflow.steps for name in step.secret]
    read = {one.name for step, name in secret if name in step.args for one in step.args[name].reads
            if one.kind == "argument"}  # fmt: skip
    return {name for _, name in secret} | read


class Placeholders:
    """The secrets that were seen so far, each with what is written for it.

    >>> found = Placeholders()
    >>> found.safe({"token": "abc-12345", "text": "Bearer abc-12345", "id": 1})
    {'token': 'secret-1', 'text': 'Bearer secret-1', 'id': 1}
    """

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.numbers: dict[tuple[type, float], Any] = {}
        self.dots: list[str] = []

    def __len__(self) -> int:
        return len(self.texts) + len(self.numbers) + len(self.dots)

    def learn(self, value: Any, *, under: bool = False) -> None:
        """Remember every text and number that stands under a secret's name."""
        if isinstance(value, dict):
            for name, item in value.items():
                self.learn(item, under=under or is_secret(name))
        elif isinstance(value, list):
            for item in value:
                self.learn(item, under=under)
        elif under and isinstance(value, str) and value:
            self.texts.setdefault(value, f"secret-{len(self) + 1}")
        elif under and isinstance(value, int | float) and not isinstance(value, bool):
            self.numbers.setdefault((type(value), value), type(value)(1_000 + len(self) + 1))

    def safe(self, value: Any, *, under: bool = False) -> Any:
        """Return a copy of a value with placeholders for what is secret in it."""
        self.learn(value, under=under)
        return self._safe(value, under=under)

    def _safe(self, value: Any, *, under: bool) -> Any:
        if isinstance(value, dict):
            return {name: self._safe(item, under=under or is_secret(name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self._safe(item, under=under) for item in value]
        if isinstance(value, str):
            return self.texts[value] if under and value else self._in_text(value)
        return self.numbers.get((type(value), value), value) if under else value

    def _in_text(self, text: str) -> str:
        for secret in sorted(self.texts, key=len, reverse=True):
            if len(secret) >= LEAST:
                text = text.replace(secret, self.texts[secret])
        return text

    def uncovered(self, value: Any) -> Any:
        """Return a JSON value with a placeholder for each secret that it shows as dots: no two, for they may differ."""
        if isinstance(value, dict):
            return {name: self.uncovered(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.uncovered(item) for item in value]
        if not (isinstance(value, str) and MASK in value):
            return value
        self.dots.append(f"secret-{len(self.dots) + 1:03}")
        return value.replace(MASK, self.dots[-1])

    def stands_for_dots(self, text: str) -> bool:
        """Tell whether a text has dots in the place of a secret, or what is written for them."""
        return any(one in text for one in (MASK, *self.dots))

    def left_in(self, text: str) -> list[str]:
        """Return the placeholders of the secrets that stand in a text all the same."""
        return [shown for secret, shown in self.texts.items() if len(secret) >= LEAST and secret in text]

    def safe_workflow(self, workflow: SequentialWorkflow) -> SequentialWorkflow:
        """Return a workflow with placeholders for its constants and defaults, and without breakpoints."""
        saved: dict[str, Any] = {**workflow.saved(), "breakpoints": []}
        named = hidden_arguments(workflow)
        for argument in saved.get("arguments", ()):
            for part in ("default", "choices"):
                if part in argument:
                    under = is_secret(argument["name"]) or argument["name"] in named
                    argument[part] = self.safe(argument[part], under=under)
        for step in saved.get("steps", ()):
            calls = [
                (step, ("args", "template")),
                *((step[part], ("args",)) for part in ("check", "undo") if part in step),
            ]
            for call, parts in calls:
                for part in parts:
                    call[part] = {
                        name: self._source(item, under=is_secret(name) or name in step.get("secret", ()))
                        for name, item in call.get(part, {}).items()
                    }
        return SequentialWorkflow.from_saved(saved)

    def _source(self, saved: Any, *, under: bool) -> Any:
        if isinstance(saved, list | tuple):
            return [self._source(item, under=under) for item in saved]
        if not isinstance(saved, dict):
            return saved
        if saved.get(TAG) == "env":  # a test on mocks needs no environment
            return {TAG: "constant", "value": f"secret-{saved['name']}"}
        if TAG in saved:
            parts = ("value", "default", "text")
            given = {key: self.safe(saved[key], under=under and key != "text") for key in parts if key in saved}
            inner = {
                key: self._source(saved[key], under=under) for key in ("members", "items", "values") if key in saved
            }
            return {**saved, **given, **inner}
        return {name: self._source(item, under=under or is_secret(name)) for name, item in saved.items()}

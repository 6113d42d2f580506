"""Values that may be written to a file: what goes by the name of a secret is a placeholder of the same type.

The same secret has the same placeholder wherever it stands, so that what is computed from it comes out alike.
"""

from __future__ import annotations

from typing import Any, Final

from mcpflow_nb.masking import is_secret
from mcpflow_nb.workflows.sources import TAG
from mcpflow_nb.workflows.workflow import SequentialWorkflow

LEAST: Final = 6
"""Characters from which a secret is also looked for inside other texts."""


class Placeholders:
    """The secrets that were seen so far, each with what is written for it.

    >>> found = Placeholders()
    >>> found.safe({"token": "abc-12345", "text": "Bearer abc-12345", "id": 1})
    {'token': 'secret-1', 'text': 'Bearer secret-1', 'id': 1}
    """

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.numbers: dict[tuple[type, float], Any] = {}

    def __len__(self) -> int:
        return len(self.texts) + len(self.numbers)

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

    def left_in(self, text: str) -> list[str]:
        """Return the placeholders of the secrets that stand in a text all the same."""
        return [shown for secret, shown in self.texts.items() if len(secret) >= LEAST and secret in text]

    def safe_workflow(self, workflow: SequentialWorkflow) -> SequentialWorkflow:
        """Return a workflow with placeholders for its constants and defaults, and without breakpoints."""
        saved: dict[str, Any] = {**workflow.saved(), "breakpoints": []}
        for argument in saved.get("arguments", ()):
            for part in ("default", "choices"):
                if part in argument:
                    argument[part] = self.safe(argument[part], under=is_secret(argument["name"]))
        for step in saved.get("steps", ()):
            for part in ("args", "template"):
                step[part] = {
                    name: self._source(item, under=is_secret(name)) for name, item in step.get(part, {}).items()
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

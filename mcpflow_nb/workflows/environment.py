"""What comes from around a run: a variable of the environment, and the key that names one effect.

`env("GITHUB_TOKEN")` is a secret by reference. Its value is read when something is sent, and is kept nowhere; elsewhere
it resolves to dots: in what comes next, in records, in tables. What it resolves to is also known by its value from then
on, so that it is masked where a server gives it back.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from mcpflow_nb.errors import MissingVariableError
from mcpflow_nb.masking import KNOWN, MASK, Secret
from mcpflow_nb.values import ABSENT
from mcpflow_nb.workflows.sources import KEY, TAG, Scope, Source, Types


class Env(Source):
    """A variable of the environment."""

    source: Literal["env"] = Field(default="env", alias=TAG)
    name: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The variable."""
        return (self.name,)

    @property
    def label(self) -> str:
        """`env GITHUB_TOKEN`."""
        return f"env {self.name}"

    @property
    def code(self) -> str:
        """`env('GITHUB_TOKEN')`."""
        return self._optional_code(f"env({self.name!r})")

    def _value(self, scope: Scope) -> Any:
        text = os.environ.get(self.name)
        if not text:
            raise MissingVariableError(self.name)
        KNOWN.know(text)
        return Secret(text) if scope.reveals else MASK

    def schema_in(self, types: Types) -> Any:  # noqa: ARG002
        """Return: text."""
        return {"type": "string"}

    def may_be_absent(self, types: Types) -> bool:  # noqa: ARG002
        """Tell whether the parameter is left out: where it is optional, and the variable is not set."""
        return self.optional and not os.environ.get(self.name)


def texts_of(given: Mapping[str, Any]) -> dict[str, str]:
    """Return env variables or headers with the values of those that are sources.

    Raises
    ------
    MissingVariableError
        When a variable is not set.
    """
    found: dict[str, str] = {}
    for name, value in given.items():
        text = value.resolve(Scope({}, {}, reveals=True)) if isinstance(value, Source) else value
        if isinstance(text, str):
            found[name] = Secret(text)
    return found


class IdempotencyKey(Source):
    """What names one effect of a run, the same however often its call is tried."""

    source: Literal["idempotency_key"] = Field(default="idempotency_key", alias=TAG)
    label: ClassVar[str] = KEY
    code: ClassVar[str] = "idempotency_key()"

    def _value(self, scope: Scope) -> Any:
        return scope.key or ABSENT

    def schema_in(self, types: Types) -> Any:  # noqa: ARG002
        """Return: text."""
        return {"type": "string"}

"""Tool calls beside the step itself, as data: `check=` tells whether it was done, `undo=` takes it back.

To add another one: a class here where it says more than a call does, and a field of `WorkflowStep`.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mcpflow_nb.values import Data, is_reading
from mcpflow_nb.workflows.composed import Sources
from mcpflow_nb.workflows.dsl import as_source
from mcpflow_nb.workflows.sources import TAG

GRACE_SECONDS = 5.0


def source_of(value: Any) -> Any:
    """Return the source of an author's value; a saved source, a dict with `$source`, is left for pydantic to read."""
    return value if is_reading.get() and isinstance(value, dict) and TAG in value else as_source(value)


def _sources(given: Any) -> Any:
    return {name: source_of(value) for name, value in given.items()} if isinstance(given, dict) else given


class ToolCall(Data):
    """A tool and the sources of its arguments.

    >>> ToolCall.model_validate({"tool": "hr.find", "args": {"name": "Ada"}}).args["name"].code
    "constant('Ada')"
    """

    tool: str
    server: str | None = None
    args: Annotated[Sources, BeforeValidator(_sources)] = Field(default_factory=dict)

    def written(self) -> dict[str, Any]:
        """Return it as an author writes it, defaults left out; `args` are sources."""
        return {
            name: dict(value) if name == "args" else value
            for name in type(self).model_fields
            if (value := getattr(self, name)) not in (None, {}) and value != type(self).model_fields[name].default
        }


class Check(ToolCall):
    """A call that only reads, and gives the value of its step where the step was done.

    null, false, "", [] and {} say that nothing is there; that counts only `grace` seconds after the step's deadline,
    for a call that was lost may still land.
    """

    grace: float = Field(default=GRACE_SECONDS, ge=0, allow_inf_nan=False)


class Undo(ToolCall):
    """A call that takes its step back; its arguments may read what the step gave.

    `repeat` says that a second call does no harm, as a delete by id mostly; None: as a trusted server says.
    """

    repeat: bool | None = None

"""WorkflowStep: one tool call of a workflow, or resources to fetch, as frozen data with verbs that return a new one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, Self

from pydantic import Field, PrivateAttr, ValidationError

from mcpflow_nb.errors import DefinitionError
from mcpflow_nb.show import Shown
from mcpflow_nb.values import ABSENT, Data, first_lines, is_reading
from mcpflow_nb.where import Where, here
from mcpflow_nb.workflows.composed import Sources
from mcpflow_nb.workflows.dsl import as_source, idempotency_key
from mcpflow_nb.workflows.refusing import Refusals
from mcpflow_nb.workflows.retrying import Retry
from mcpflow_nb.workflows.toolcalls import Check, Undo, source_of


class WorkflowStep(Shown, Data):
    """One step: a tool call, or only resources to fetch. Data; each verb returns a new step.

    >>> WorkflowStep("greet", tool="hr.greet").arg("name", "Ada").bind("greeting").binding
    'greeting'
    """

    name: str
    tool: str | None = None
    server: str | None = None
    args: Sources = Field(default_factory=lambda: MappingProxyType({}))
    binding: str | None = Field(default=None, alias="bind")
    guidance: str | None = None
    resources: tuple[str, ...] = ()
    template: Sources = Field(default_factory=lambda: MappingProxyType({}))
    timeout: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="seconds; None: the default of 30"
    )
    handoff: bool = Field(default=False, description="always leave this call to the client")
    parse: Literal["json", "text"] | None = Field(default=None, description="how text becomes the value")
    repeat: bool | None = Field(default=None, description="a second call does no harm; None: as a trusted server says")
    check: Check | None = Field(default=None, description="a call that tells whether this step was done")
    retry: Retry | None = Field(default=None, description="how it is called again by itself; None: never")
    undo: Undo | None = Field(default=None, description="a call that takes this step back")
    approve: bool = Field(default=False, description="a person must allow the call first, as it is")
    on_error: Literal["fail", "continue"] = Field(
        default="fail", description="whether a failure ends the run; an unknown outcome always does"
    )
    fail_if: Refusals = Field(default=(), description="values of an output that say that the step failed")
    secret: tuple[str, ...] = Field(
        default=(), description="arguments and output fields that are masked wherever shown"
    )
    _where: Where | None = PrivateAttr(None)
    _arg_where: dict[str, Where | None] = PrivateAttr(default_factory=dict)

    def __init__(self, name: str = ABSENT, *, bind: str | None = None, **fields: Any) -> None:  # type: ignore[assignment]
        given = {} if name is ABSENT else {"name": name}  # type: ignore[comparison-overlap]
        place = None if is_reading.get() else here()  # what was loaded was written elsewhere
        if (argument := fields.pop("idempotency_arg", None)) is not None:
            fields["args"] = {**fields.get("args", {}), argument: idempotency_key()}
        for part in ("args", "template"):
            if isinstance(fields.get(part), Mapping):
                fields[part] = {key: source_of(value) for key, value in fields[part].items()}
        try:
            super().__init__(**given, **({"bind": bind} if bind is not None else {}), **fields)
            problem = None
        except ValidationError as error:
            problem = first_lines(error)
        if problem:
            raise DefinitionError(f"step {name!r}: {problem}")
        self._where = place
        self._arg_where = dict.fromkeys(self.args, place)

    @property
    def where(self) -> Where | None:
        """Where it was written, or None; no part of the data."""
        return self._where

    def where_arg(self, name: str) -> Where | None:
        """Return where an argument of this step was written."""
        return self._arg_where.get(name, self._where)

    def arg(self, name: str, value: Any) -> Self:
        """Give an argument of the tool: a source, or any value as a constant; the last one given counts."""
        made = self._with(args=MappingProxyType({**self.args, name: as_source(value)}))
        made._arg_where = {**self._arg_where, name: here()}
        return made

    def bind(self, name: str) -> Self:
        """Keep the output under this name, for later steps to read."""
        return self._with(binding=name)

    def with_guidance(self, text: str) -> Self:
        """Give a message for the client; `{argument}` is filled from the workflow's arguments."""
        return self._with(guidance=text)

    def with_resource(self, uri: str) -> Self:
        """Fetch and embed a resource; several are kept in order."""
        return self._with(resources=(*self.resources, uri))

    def with_template_binding(self, variable: str, value: Any) -> Self:
        """Fill `{variable}` of this step's resource URIs from a source."""
        return self._with(template=MappingProxyType({**self.template, variable: as_source(value)}))

    def with_timeout(self, seconds: float) -> Self:
        """Give the call another deadline than 30 seconds."""
        return self._with(timeout=seconds)

    def _with(self, **changes: Any) -> Self:
        checked = type(self)(self.name, **changes)
        return self.model_copy(update={field: getattr(checked, field) for field in changes})

    __repr__, __str__ = Shown.__repr__, Shown.__str__


STEP_FIELDS: Final = (
    *(f for f in WorkflowStep.model_fields if f not in ("name", "binding")), "bind", "idempotency_arg",
)  # fmt: skip
"""What `workflow.step(name, ...)` takes."""

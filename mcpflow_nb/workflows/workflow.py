"""SequentialWorkflow: steps in order, as frozen data with chain verbs that return new data.

A cell may run twice: nothing here changes. What a workflow can do with servers is in `checks` and `run`,
how it looks in `views`; both are reached through `show.above`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from pydantic import Field, PrivateAttr, ValidationError

from mcpflow_nb.errors import DefinitionError, did_you_mean
from mcpflow_nb.files import write_whole
from mcpflow_nb.show import Shown, above
from mcpflow_nb.values import ABSENT, Data, first_lines, is_reading
from mcpflow_nb.where import Where, here
from mcpflow_nb.workflows.arguments import Argument, make_argument
from mcpflow_nb.workflows.breakpoints import Breakpoint
from mcpflow_nb.workflows.levels import levels
from mcpflow_nb.workflows.steps import STEP_FIELDS, WorkflowStep

if TYPE_CHECKING:
    from mcpflow_nb.checking.forecast import Forecast
    from mcpflow_nb.checking.problems import Report
    from mcpflow_nb.mapping.mapped import MapVerb
    from mcpflow_nb.running.run import Run
    from mcpflow_nb.servers import Servers
    from mcpflow_nb.serving.skill import Skill
    from mcpflow_nb.views.graph import Graph

FORMAT_VERSION: Final = 1


class SequentialWorkflow(Shown, Data):
    """Steps in a fixed order, with data bound between them. Data; each verb returns a new workflow.

    >>> greet = SequentialWorkflow("greet", "Greet someone").argument("who", "A name")
    >>> greet = greet.step("hello", tool="hr.greet", args={"name": "Ada"})
    >>> [step.name for step in greet.steps]
    ['hello']
    """

    format_version: Literal[1] = Field(default=FORMAT_VERSION, alias="mcpflow_nb", description="version of this format")
    name: str
    description: str = ""
    arguments: tuple[Argument, ...] = ()
    instructions: tuple[str, ...] = ()
    steps: tuple[WorkflowStep, ...] = ()
    breakpoints: tuple[Breakpoint, ...] = ()
    side_by_side: bool = Field(default=False, description="neighbours that read nothing of one another run at once")
    on_failure: Literal["stop", "rollback"] = Field(
        default="stop", description="rollback: what has an undo= is taken back when a step fails"
    )
    _where: Where | None = PrivateAttr(None)

    def __init__(self, name: str = ABSENT, description: str = "", **fields: Any) -> None:  # type: ignore[assignment]
        given = {} if name is ABSENT else {"name": name}  # type: ignore[comparison-overlap]
        try:
            super().__init__(**given, description=description, **fields)  # type: ignore[call-arg]
            problem = None
        except ValidationError as error:
            problem = first_lines(error)
        if problem:
            raise DefinitionError(f"workflow {name!r}: {problem}")
        self._where = None if is_reading.get() else here()

    @property
    def where(self) -> Where | None:
        """Where it was begun, or None; no part of the data."""
        return self._where

    def argument(
        self, name: str, description: str = "", *, required: bool | None = None, type: Any = str,
        default: Any = ABSENT, choices: Sequence[Any] | None = None, schema: Mapping[str, Any] | None = None,
    ) -> Self:  # fmt: skip
        """Declare an input: text unless `type` says int, float, bool, list or dict; `schema` adds JSON Schema to it."""
        made = make_argument(name, description, required, type, default, choices, schema)
        made._where = here()
        return self._with(arguments=(*self.arguments, made))

    def instruction(self, text: str) -> Self:
        """Add an instruction for the client; it is delivered first."""
        if not isinstance(text, str):
            raise DefinitionError(f"workflow {self.name!r}: an instruction is text, not {text!r}")
        return self._with(instructions=(*self.instructions, text))

    def step(self, step: str | WorkflowStep, **fields: Any) -> Self:
        """Append a step: one that is made, or its name and the fields of `WorkflowStep`.

        The most used: `tool="server.tool"`, `args={"parameter": source or value}`, `bind="name of its output"`, then
        `guidance=`, `resources=`, `timeout=`, `handoff=`, `retry=`, `undo=`, `approve=`, `on_error=`, `fail_if=`.
        """
        if isinstance(step, WorkflowStep):
            if fields:
                raise DefinitionError(
                    f"step {step.name!r}: a step that is made takes no {next(iter(fields))}=; use its verbs"
                )
            return self._with(steps=(*self.steps, step))
        if unknown := [field for field in fields if field not in STEP_FIELDS]:
            raise DefinitionError(f"step {step!r}: unknown field {unknown[0]!r}; known: {', '.join(STEP_FIELDS)}")
        return self._with(steps=(*self.steps, WorkflowStep(step, **fields)))

    def breakpoint(self, step: str, when: Any = None) -> Self:
        """Pause runs before a step: always, where its call has `when`'s argument values, or where a function says so.

        `when=False` takes it away. A run that stands there goes on at the next `all()` or `to()`.
        """
        if step not in (names := [one.name for one in self.steps]):
            raise DefinitionError(f"breakpoint: no step {step!r}{did_you_mean(step, names)}")
        others = tuple(one for one in self.breakpoints if one.step != step)
        if when is False:
            return self._with(breakpoints=others)
        return self._with(breakpoints=(*others, Breakpoint.at(step, when, self[step].args)))

    def parallel(self, is_on: bool = True) -> Self:
        """Let steps that read nothing of one another run side by side, as far as they are neighbours.

        `run.step()` still takes one; what ran beside a step that fails is kept. A step that waits for somebody is alone.
        """
        return self._with(side_by_side=is_on)

    def level(self, at: int) -> range:
        """Return the places of the steps that may run beside the one at this place, itself among them."""
        found = levels(self.steps) if self.side_by_side else ()
        return next((one for one in found if at in one), range(at, at + 1))

    def __getitem__(self, name: str) -> WorkflowStep:
        """Return the step of that name."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(f"no step {name!r} in {self.name!r}; known: {', '.join(step.name for step in self.steps)}")

    def _ipython_key_completions_(self) -> list[str]:
        return [step.name for step in self.steps]

    def check(self, servers: Servers | None = None) -> Report:
        """Return every problem at once; with servers also against what they offer. Calls no tool."""
        if servers is not None:
            require_servers(servers)
        report: Report = above("checking.checks" if servers is None else "checking.contracts").check(self, servers)
        return report

    def forecast(self, servers: Servers) -> Forecast:
        """Return what a run is expected to do at each step, and why: call, fetch, hand off, or stop. Calls nothing."""
        require_servers(servers)
        forecast: Forecast = above("checking.forecast").forecast(self, servers)
        return forecast

    def start(self, servers: Servers, arguments: Mapping[str, Any] | None = None, /, **more: Any) -> Run:
        """Begin a run: checks, reads the arguments, calls nothing yet. `journal=` (path, URL, True, None) keeps it.

        `run_id=` goes on with the run of that name in the journal, if there is one. More options: `starting.py`.

        Raises
        ------
        CheckError
            When the workflow has errors.
        ArgumentsError
            When arguments are missing, unknown or of the wrong type; all at once.
        """
        require_servers(servers)
        if arguments is not None and not isinstance(arguments, Mapping):
            raise DefinitionError(f"arguments are a mapping of names to values, not {type(arguments).__name__}")
        run: Run = above("running.starting").start(self, servers, arguments or {}, more)
        return run

    @property
    def map(self) -> MapVerb[...]:
        """`workflow.map(table, servers)`: one run a row of a table, so many at once; `await workflow.map.aio(...)` as well.

        `help(workflow.map)` has all options; see `mapping/mapped.py`.
        """
        verb: MapVerb[...] = above("mapping.mapped").MapVerb(self)
        return verb

    def stepper(self, servers: Servers, arguments: Mapping[str, Any] | None = None, /, **more: Any) -> Any:
        """Show a new run under controls, as `run.stepper()`; a form asks for its arguments when none are given."""
        require_servers(servers)
        return above("stepper.widget").workflow_stepper(self, servers, {**(arguments or {}), **more})

    def describe(self) -> str:
        """Return the workflow in words, a sentence a step: what it calls, with what from where, and what it makes."""
        return str(above("views.words").plan(self))

    def graph(self) -> Graph:
        """Return the step graph."""
        graph: Graph = above("views.graph").step_graph(self)
        return graph

    def bindings(self, *, all_fields: bool = False) -> Graph:
        """Return the data-flow graph: which field of which output feeds which argument."""
        graph: Graph = above("views.ports").binding_graph(self, all_fields)
        return graph

    def to_skill(self, servers: Servers | None = None) -> Skill:
        """Return the workflow as the text of a SKILL.md, for a client that makes the calls itself.

        With servers it names what nothing gives, and warns of guidance on a tool that changes something.
        """
        if servers is not None:
            require_servers(servers)
        skill: Skill = above("serving.skill").to_skill(self, servers)
        return skill

    def to_json(self) -> str:
        """Return the workflow as JSON text; the same definition always gives the same bytes."""
        if held := [one.step for one in self.breakpoints if one.is_function]:
            raise DefinitionError(f"breakpoint {held[0]!r}: its condition is a function, which no file can hold")
        return json.dumps({"mcpflow_nb": FORMAT_VERSION, **self.saved()}, ensure_ascii=False, indent=2) + "\n"

    def to_python(self, name: str = "workflow") -> str:
        """Return the Python code that makes this workflow again, under this name."""
        return str(above("workflows.printing").to_python(self, name))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the JSON text, whole or not at all, and return the path."""
        return write_whole(path, self.to_json())

    def _with(self, **changes: Any) -> Self:
        return self.model_copy(update=changes)

    __repr__, __str__ = Shown.__repr__, Shown.__str__


def require_servers(servers: Any) -> None:
    """Refuse what is no `mf.connect(...)`."""
    if not hasattr(servers, "find"):
        raise DefinitionError(f"servers: give what mf.connect(...) returned, not {type(servers).__name__}")

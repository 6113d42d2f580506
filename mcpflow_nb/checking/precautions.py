"""Problems of what a step says for when it goes wrong: `check=`, `undo=`, `retry=`, `fail_if=`, `on_error=`. Calls nothing.

To add a check: a function of one step in `PRECAUTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from mcpflow_nb.checking.known import Known, problem_of
from mcpflow_nb.checking.problems import Problem
from mcpflow_nb.errors import NotOfferedError, ServerError, listed, nearest
from mcpflow_nb.paths import split_path
from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.tools.schemas import Missing, at
from mcpflow_nb.workflows.refusing import paths_of
from mcpflow_nb.workflows.retrying import SURELY_NOT_RUN
from mcpflow_nb.workflows.steps import WorkflowStep

CODES: Final = {"server": "unknown-server", "tool": "unknown-tool", "ambiguous tool": "ambiguous-tool"}


def calls_beside_are_there(step: WorkflowStep, known: Known) -> Iterator[Problem]:
    """unknown-server, unknown-tool, ambiguous-tool of a step's `check=` and `undo=`; of an undo its parameters too."""
    for word, call in (("check", step.check), ("undo", step.undo)):
        if call is None:
            continue
        try:
            tool = known.servers.find(call.tool, call.server).tool
        except ServerError as error:
            named = error if isinstance(error, NotOfferedError) else None
            code, names = (CODES[named.kind], named.known) if named is not None else ("unknown-server", ())
            message = f"{word}= {call.tool!r}: {error}".split("; did you mean")[0].split("; known:")[0]
            close = nearest(named.name, names) or nearest(call.tool, names) if named is not None else None
            close = close if code != "ambiguous-tool" else None
            yield problem_of(code, step, message, focus=call.tool, known=names, suggestion=close)
            continue
        if call is step.undo:
            yield from _undo_fits(step, tool)


def _undo_fits(step: WorkflowStep, tool: Tool) -> Iterator[Problem]:
    given, named = step.undo.args if step.undo is not None else {}, f"undo= {tool.server}.{tool.name}"
    is_closed = isinstance(tool.input_schema, dict) and tool.input_schema.get("additionalProperties") is False
    for name in given:
        if tool.properties and name not in tool.properties:
            close = nearest(name, list(tool.properties))
            yield problem_of(
                "unknown-parameter", step, f"{named} has no parameter {name!r}", known=tuple(tool.properties),
                severity="error" if is_closed or close else "warning", suggestion=close, focus=name,
            )  # fmt: skip
    if lacking := [name for name in tool.required if name not in given]:
        fix = "an undo has no client to ask: give it in args="
        yield problem_of("undo-incomplete", step, f"{named} needs {listed(lacking)}, which has no source", fix=fix)


def refusals_can_be_seen(step: WorkflowStep, known: Known) -> Iterator[Problem]:
    """unknown-field: `fail_if=` names what the output never has, so that the step could never fail by it."""
    tool = known.tool(step)
    if tool is None or tool.value_schema is None or step.parse is not None:
        return
    for path in paths_of(step.fail_if):
        found = at(tool.value_schema, split_path(path)) if path else {}
        if isinstance(found, Missing):
            words = f"fail_if= {path!r}: the output of {tool.server}.{tool.name} has no {found.key!r}"
            close = nearest(str(found.key), found.known)
            yield problem_of("unknown-field", step, words, focus=path, known=found.known, suggestion=close)


def retries_may_repeat(step: WorkflowStep, known: Known) -> Iterator[Problem]:
    """seldom-retried: a second call might do harm, so that `retry=` counts only where the first surely did not run."""
    tool = known.tool(step)
    if step.retry is None or step.repeat is not None or tool is None or set(step.retry.on) <= set(SURELY_NOT_RUN):
        return
    is_trusted = known.servers[tool.server].spec.is_trusted
    if not (is_trusted and tool.may_repeat):
        after = ", ".join(one for one in step.retry.on if one not in SURELY_NOT_RUN)
        words = f"retry= is not used after {after}: a second call of {tool.server}.{tool.name} might do harm"
        fix = "repeat=True says that it does none; repeat=False that this is meant"
        yield problem_of("seldom-retried", step, words, severity="warning", fix=fix)


PRECAUTIONS: Final[tuple[Callable[[WorkflowStep, Known], Iterator[Problem]], ...]] = (
    calls_beside_are_there,
    refusals_can_be_seen,
    retries_may_repeat,
)

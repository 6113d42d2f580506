"""Drift: what servers declare otherwise than when a cassette was recorded, and what of its workflows that breaks.

Calls no tool: schemas are compared, and the check of each workflow then with its check now.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mcpflow_nb.checking.contracts import check
from mcpflow_nb.checking.problems import Problem
from mcpflow_nb.errors import DefinitionError, ServerError
from mcpflow_nb.exact import dumps
from mcpflow_nb.masking import MASK
from mcpflow_nb.paths import dotted
from mcpflow_nb.recording.cassette import Cassette, Interaction
from mcpflow_nb.replaying.replaying import replay
from mcpflow_nb.show import Shown
from mcpflow_nb.tools.catalog import Catalog, Tool
from mcpflow_nb.tools.declared import Changed, declared
from mcpflow_nb.workflows.saving import from_json
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow, require_servers

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Final = (
    "kind", "server", "tool", "workflow", "step", "argument", "bindings", "what", "recorded", "now",
)  # fmt: skip
BREAKING: Final = ("error", "handoff")
"""Severities of a new finding that break a workflow: it does not start, or hands off where it did not."""


@dataclass(frozen=True, slots=True)
class Broken:
    """One thing that no longer works. `bindings` are the values that no longer reach `argument`, or are no longer made.

    `workflow` and `step` are None for a call that was recorded and would now be refused, where no workflow says so.
    """

    server: str | None
    tool: str | None
    what: str
    workflow: str | None = None
    step: str | None = None
    argument: str | None = None
    bindings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drift(Shown):
    """What changed since a cassette was recorded. True when nothing of it breaks."""

    cassette: str
    workflows: tuple[str, ...]
    """The workflows that were looked at."""
    broken: tuple[Broken, ...] = ()
    changed: tuple[Changed, ...] = ()

    def __bool__(self) -> bool:
        return not self.broken

    def headline(self) -> str:
        """`1 break, 3 changes`, or `nothing changed`."""
        if not self.broken and not self.changed:
            return "nothing changed"
        said = [(len(self.broken), "break"), (len(self.changed), "change")]
        return ", ".join(f"{n} {word}{'s' if n != 1 else ''}" for n, word in said if n) + (
            "" if self.broken else ", nothing breaks"
        )

    @property
    def df(self) -> pd.DataFrame:
        """One row a break, then one row a change.

        Columns: `kind` str (`breaks` or `changed`), `server tool workflow step argument` str or None, `bindings` tuple of
        str, `what` str, `recorded now` any JSON value or None.
        """
        import pandas as pd

        rows = [
            [kind, *(getattr(one, column, () if column == "bindings" else None) for column in COLUMNS[1:])]
            for kind, found in (("breaks", self.broken), ("changed", self.changed))
            for one in found
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)

    __repr__ = Shown.__repr__


def drift(cassette: Cassette, servers: Any, workflows: Sequence[SequentialWorkflow] = ()) -> Drift:
    """Return what the servers declare otherwise than the cassette, and what of the workflows that breaks.

    Raises
    ------
    DefinitionError
        For what are no servers, or no workflow.
    LoadError
        When a workflow in the cassette cannot be read.
    """
    require_servers(servers)
    if strange := [one for one in workflows if not isinstance(one, SequentialWorkflow)]:
        raise DefinitionError(f"cassette.check(servers, ...): give workflows, not {type(strange[0]).__name__}")
    looked_at = workflows or [from_json(json.dumps(one), name) for name, one in cassette.workflows.items()]
    then = replay(cassette)
    broken = [one for workflow in looked_at for one in _broken(workflow, then, servers)]
    told = {(one.server, one.tool) for one in broken}
    refused = (_refused(item, cassette, servers) for item in cassette)
    broken += dict.fromkeys(one for one in refused if one is not None and (one.server, one.tool) not in told)
    changed = [one for name, catalog in cassette.catalogs.items() for one in _changed(name, catalog, servers)]
    return Drift(cassette.name, tuple(one.name for one in looked_at), tuple(broken), tuple(changed))


def _broken(workflow: SequentialWorkflow, then: Any, now: Any) -> Iterator[Broken]:
    """Give each finding that the check has now and had not then."""
    known = {_kind(one) for one in check(workflow, then)}
    steps = {step.name: step for step in reversed(workflow.steps)}
    for problem in check(workflow, now):
        if problem.severity in BREAKING and _kind(problem) not in known:
            step = steps[str(problem.step)]
            server, name = _called(step, then)
            bindings = _bindings(problem, step)
            yield Broken(server, name, problem.message, workflow.name, step.name, problem.argument, bindings)


def _kind(problem: Problem) -> tuple[str | None, ...]:
    """Return what makes a finding the same one as another; its words may differ."""
    return problem.code, problem.step, problem.argument, problem.focus


def _called(step: WorkflowStep, servers: Any) -> tuple[str | None, str | None]:
    """Return the server and the tool of a step as they were recorded, or as the step says."""
    try:
        tool = servers.find(step.tool, step.server).tool if step.tool is not None else None
    except ServerError:
        tool = None
    return (tool.server, tool.name) if tool is not None else (step.server, step.tool)


def _bindings(problem: Problem, step: WorkflowStep) -> tuple[str, ...]:
    """Return the bindings an argument reads; where the whole step breaks, what it binds."""
    if problem.argument is not None and problem.argument in step.args:
        reads = (one for one in step.args[problem.argument].reads if one.kind == "binding")
        return tuple(dict.fromkeys(dotted(one.name, one.path) for one in reads))
    return (step.binding,) if step.binding is not None else ()


def _refused(item: Interaction, cassette: Cassette, servers: Any) -> Broken | None:
    """Return why a call that worked would not be possible now, or None."""
    if item.kind != "call" or item.status != "ok" or MASK in dumps(item.arguments):
        return None
    now = _tool(servers, item.server, item.name)
    if now is None:
        return Broken(item.server, item.name, "it was called, and is not offered now")
    then = cassette.catalogs.get(item.server, Catalog()).tools.get(item.name)
    why = now.input_refusal(item.arguments)
    if why is None or (then is not None and then.input_refusal(item.arguments) is not None):
        return None
    return Broken(item.server, item.name, f"a recorded call would be refused: {why}")


def _tool(servers: Any, server: str, name: str) -> Tool | None:
    found: Tool | None = servers[server].catalog.tools.get(name) if server in servers else None
    return found


def _changed(server: str, then: Catalog, servers: Any) -> Iterator[Changed]:
    if server not in servers:
        yield Changed(server, None, "the server is gone")
        return
    now = servers[server].catalog.tools
    for name, tool in then.tools.items():
        if name not in now:
            yield Changed(server, name, "the tool is gone")
        elif tool.fingerprint != now[name].fingerprint:
            yield from declared(tool, now[name])
    yield from (Changed(server, name, "the tool is new") for name in now if name not in then.tools)

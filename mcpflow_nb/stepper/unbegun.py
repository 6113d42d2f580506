"""What stands in the place of a run until its arguments are given: all its steps are to come, and nothing is next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mcpflow_nb.records.trace import Trace
from mcpflow_nb.running.run import Run
from mcpflow_nb.workflows.workflow import SequentialWorkflow


class Unbegun:
    """A run that waits for its arguments; shown as its workflow. `begun(values)` is the run."""

    id: Final = ""
    outcome: Final = "unbegun"
    reason: Final = None
    position: Final = 0
    trace: Final = Trace("", "", "unbegun", 0, ())
    own_records: Final = ()
    next: Final = None
    parent: Final = None
    bindings: Final[dict[str, Any]] = {}
    failing: Final = ()
    stopped: Final = None
    stale: Final = ()

    def __init__(self, workflow: SequentialWorkflow, servers: Any, given: Mapping[str, Any]) -> None:
        self.workflow = workflow
        self.servers = servers
        self.given = dict(given)

    def __repr__(self) -> str:
        return f"<a run of {self.workflow!r} that has not begun>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.workflow._repr_mimebundle_(include, exclude)

    def plan(self) -> tuple[()]:
        """Return nothing: what a step will do is known once the arguments are."""
        return ()

    def by_hand(self, _step: Any, _at: int) -> dict[str, Any]:
        """Return nothing: there is no run yet that could be changed by hand."""
        return {}

    def graph(self) -> Any:
        """Return the step graph."""
        return self.workflow.graph()

    def begun(self, values: Mapping[str, Any]) -> Run:
        """Return the run with these arguments; errors as `SequentialWorkflow.start` says."""
        return self.workflow.start(self.servers, values)

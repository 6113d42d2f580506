"""The beginning of a run: the workflow is checked, its arguments are read, and nothing is called yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcpflow_nb.contracts import check
from mcpflow_nb.inputs import read_arguments
from mcpflow_nb.run import Run
from mcpflow_nb.workflow import SequentialWorkflow


def start(workflow: SequentialWorkflow, servers: Any, given: Mapping[str, Any]) -> Run:
    """Return a run that has called nothing yet; errors as `SequentialWorkflow.start` says."""
    check(workflow, servers).raise_if_errors()
    arguments = read_arguments(workflow, given)
    shown = {name: arguments[name] for name in given if name in arguments}
    return Run(workflow, servers, arguments, shown)

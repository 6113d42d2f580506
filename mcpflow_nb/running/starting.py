"""The beginning of a run: the workflow is checked, its arguments are read, and nothing is called yet.

Options are keywords of `workflow.start` beside the workflow's arguments; one that a workflow declares is its argument,
unless the mapping before gives that. To add one: a name in `OPTIONS`, and where it is read below.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from weakref import ref

from mcpflow_nb.checking.contracts import check
from mcpflow_nb.checking.inputs import read_arguments
from mcpflow_nb.errors import DefinitionError
from mcpflow_nb.running.run import Run
from mcpflow_nb.show import above
from mcpflow_nb.workflows.workflow import SequentialWorkflow

OPTIONS: Final = ("journal", "run_id")
"""`journal`: a path, a PostgreSQL URL, True for this user's own, None or False for none; in a notebook True, elsewhere None.
`run_id`: the name of the run in its journal; one that is there goes on where it stood.
"""
_MOST_VALID: Final = 64
_valid: Final[OrderedDict[int, tuple[ref[Any], ...]]] = OrderedDict()
"""What was found valid last, by the workflow's id: that workflow, and the catalogs it was held against."""


def start(
    workflow: SequentialWorkflow, servers: Any, given: Mapping[str, Any],
    more: Mapping[str, Any] = MappingProxyType({}),
) -> Run:  # fmt: skip
    """Return a run that has called nothing yet; errors as `SequentialWorkflow.start` says.

    Raises
    ------
    JournalError
        When the run cannot be kept, another process holds it, or what is there was begun otherwise.
    """
    declared = {one.name for one in workflow.arguments}
    options = {name: more[name] for name in OPTIONS if name in more and (name not in declared or name in given)}
    asked = {**given, **{name: value for name, value in more.items() if name not in options}}
    _require_valid(workflow, servers)
    arguments = read_arguments(workflow, asked)
    run = Run(workflow, servers, arguments, {name: arguments[name] for name in asked if name in arguments})
    journal, run_id = options.get("journal", True if _is_notebook() else None), options.get("run_id")
    if run_id is not None and not (isinstance(run_id, str) and run_id):
        raise DefinitionError(f"run_id is the name of a run, a text, not {run_id!r}")
    if journal is None or journal is False:
        if run_id is not None:
            raise DefinitionError("run_id names a run in a journal; give journal=True, or a path, as well")
        return run
    kept: Run = above("running.resuming").begun(run, journal, run_id)
    return kept


def _require_valid(workflow: SequentialWorkflow, servers: Any) -> None:
    """Check a workflow, once as long as it and what every server offers are the very same objects: all of them are frozen.

    One that reads the environment is checked each time, for that may change.
    """
    asked = (workflow, *(connection.catalog for connection in servers.values()))
    before = _valid.get(id(workflow), ())
    if len(before) == len(asked) and all(kept() is one for kept, one in zip(before, asked, strict=True)):
        return
    check(workflow, servers).raise_if_errors()
    sources = (source for step in workflow.steps for source in (*step.args.values(), *step.template.values()))
    if not any(source.variables for source in sources):
        _valid[id(workflow)] = tuple(map(ref, asked))
        if len(_valid) > _MOST_VALID:
            _valid.popitem(last=False)


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None

"""The bench for MCP workflows: declare one, see it, check it, step it and read the run in a notebook.

The public names are below and nowhere else. Each is loaded on its first use, so that `import mcpflow_nb`
stays cheap. To add one: a line in `_HOME`, and the same import above it for type checkers.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mcpflow_nb.checking.problems import Problem as Problem
    from mcpflow_nb.checking.problems import Report as Report
    from mcpflow_nb.connecting.trusting import trust as trust
    from mcpflow_nb.connecting.trusting import untrust as untrust
    from mcpflow_nb.errors import ArgumentsError as ArgumentsError
    from mcpflow_nb.errors import CallError as CallError
    from mcpflow_nb.errors import CassetteError as CassetteError
    from mcpflow_nb.errors import ChangedError as ChangedError
    from mcpflow_nb.errors import CheckError as CheckError
    from mcpflow_nb.errors import ComplianceError as ComplianceError
    from mcpflow_nb.errors import ConfigError as ConfigError
    from mcpflow_nb.errors import ConnectError as ConnectError
    from mcpflow_nb.errors import DefinitionError as DefinitionError
    from mcpflow_nb.errors import FencedError as FencedError
    from mcpflow_nb.errors import JournalError as JournalError
    from mcpflow_nb.errors import LessonError as LessonError
    from mcpflow_nb.errors import LoadError as LoadError
    from mcpflow_nb.errors import McpflowError as McpflowError
    from mcpflow_nb.errors import MissingValueError as MissingValueError
    from mcpflow_nb.errors import MissingVariableError as MissingVariableError
    from mcpflow_nb.errors import NotJsonError as NotJsonError
    from mcpflow_nb.errors import NotOfferedError as NotOfferedError
    from mcpflow_nb.errors import RunError as RunError
    from mcpflow_nb.errors import RunHeldError as RunHeldError
    from mcpflow_nb.errors import ServeError as ServeError
    from mcpflow_nb.errors import ServerError as ServerError
    from mcpflow_nb.errors import TraceError as TraceError
    from mcpflow_nb.errors import TrustError as TrustError
    from mcpflow_nb.inferring.inference import infer as infer
    from mcpflow_nb.journal.runs import prune as prune
    from mcpflow_nb.journal.runs import runs as runs
    from mcpflow_nb.mocking.mock_server import Mock as Mock
    from mcpflow_nb.mocking.mocks import mock as mock
    from mcpflow_nb.mocking.mocks import mock_like as mock_like
    from mcpflow_nb.mocking.rules import delay as delay
    from mcpflow_nb.mocking.rules import fail as fail
    from mcpflow_nb.mocking.rules import fault as fault
    from mcpflow_nb.mocking.rules import sequence as sequence
    from mcpflow_nb.mocking.rules import when as when
    from mcpflow_nb.recording.cassette import Cassette as Cassette
    from mcpflow_nb.records.differences import diff as diff
    from mcpflow_nb.records.record import Record as Record
    from mcpflow_nb.records.trace import Trace as Trace
    from mcpflow_nb.replaying.adopting import adopt_session as adopt_session
    from mcpflow_nb.replaying.replaying import replay as replay
    from mcpflow_nb.running.resuming import resume as resume
    from mcpflow_nb.running.run import Run as Run
    from mcpflow_nb.servers import Servers as Servers
    from mcpflow_nb.servers import connect as connect
    from mcpflow_nb.serving.server import serve as serve
    from mcpflow_nb.testing.drilling import drill as drill
    from mcpflow_nb.workflows.arguments import Argument as Argument
    from mcpflow_nb.workflows.dsl import constant as constant
    from mcpflow_nb.workflows.dsl import env as env
    from mcpflow_nb.workflows.dsl import field as field
    from mcpflow_nb.workflows.dsl import from_step as from_step
    from mcpflow_nb.workflows.dsl import idempotency_key as idempotency_key
    from mcpflow_nb.workflows.dsl import optional as optional
    from mcpflow_nb.workflows.dsl import prompt_arg as prompt_arg
    from mcpflow_nb.workflows.dsl import template as template
    from mcpflow_nb.workflows.retrying import Retry as Retry
    from mcpflow_nb.workflows.saving import load as load
    from mcpflow_nb.workflows.steps import WorkflowStep as WorkflowStep
    from mcpflow_nb.workflows.workflow import SequentialWorkflow as SequentialWorkflow

_HOME: Final = {
    name: module
    for module, names in {
        "workflows.workflow": "SequentialWorkflow",
        "workflows.steps": "WorkflowStep",
        "workflows.retrying": "Retry",
        "workflows.saving": "load",
        "workflows.dsl": "prompt_arg from_step field constant template optional idempotency_key env",
        "workflows.arguments": "Argument",
        "servers": "connect Servers",
        "connecting.trusting": "trust untrust",
        "mocking.mocks": "mock mock_like",
        "mocking.rules": "when sequence delay fail fault",
        "mocking.mock_server": "Mock",
        "recording.cassette": "Cassette",
        "replaying.replaying": "replay",
        "replaying.adopting": "adopt_session",
        "checking.problems": "Report Problem",
        "records.record": "Record",
        "records.trace": "Trace",
        "running.run": "Run",
        "running.resuming": "resume",
        "journal.runs": "runs prune",
        "records.differences": "diff",
        "testing.drilling": "drill",
        "inferring.inference": "infer",
        "serving.server": "serve",
        "errors": "McpflowError DefinitionError LoadError ConfigError CheckError ArgumentsError MissingValueError"
        " NotJsonError ServerError ConnectError NotOfferedError CallError CassetteError LessonError ServeError"
        " MissingVariableError TraceError TrustError ComplianceError JournalError RunHeldError FencedError ChangedError"
        " RunError",
    }.items()
    for name in names.split()
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})

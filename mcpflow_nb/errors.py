"""Every error of this package. The tree:

    McpflowError
    ├── DefinitionError        something was written that can never be a workflow (also a ValueError)
    ├── LoadError              a saved file that is not one of ours, too large, or too new
    ├── ConfigError            an mcp.json that cannot be used
    │   └── TrustError         an mcp.json that starts what its reader has not trusted; `.commands` has all of it
    ├── CheckError             a workflow with errors was asked to run; `.report` has them all
    ├── ArgumentsError         workflow arguments are missing or of the wrong type; `.problems` has them all
    ├── MissingValueError      a source found nothing where it looked (also a LookupError)
    │   └── MissingVariableError  a variable of the environment is not set
    ├── NotJsonError           a value that JSON cannot carry (also a TypeError)
    ├── ServerError            anything between us and a server; `.server` names it
    │   ├── ConnectError       it could not be opened; `.stderr` has its last lines
    │   ├── NotOfferedError    no such server, tool, resource or prompt; `.known` lists what there is (also a KeyError)
    │   └── CallError          a call by hand that gave no value; `.status` as in the trace
    ├── CassetteError          a recording that cannot be made or used
    ├── TraceError             a question a trace cannot answer
    ├── LessonError            no such exercise, prediction, question or hint (also a LookupError)
    ├── ServeError             a workflow cannot be served so, or a request cannot be answered
    ├── JournalError           a journal cannot be opened, read or written; `.path` is its file
    │   ├── RunHeldError       another process holds the run; `.owner` says which
    │   ├── FencedError        another process, or a later cell, has taken the run over since
    │   └── ChangedError       a run goes on with other arguments, or another definition of what ran; `.changes` has all
    ├── ComplianceError        a measurement that would cost too much, mix what differs, or claim what it cannot
    └── RunError               a verb that this run cannot do now (also a KeyError for a binding)

An error says where, what, and how to mend it. Its parts are attributes; the sentence is built here, once.
To add one: a class below, a line above.
"""

from __future__ import annotations

import difflib
import json
import linecache
import shlex
import traceback
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mcpflow_nb.visible import visible

if TYPE_CHECKING:
    from types import TracebackType

    from mcpflow_nb.checking.problems import Problem, Report


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` was probably meant to be, or None.

    At most 200 names are compared, so that a long list of mistakes stays cheap.

    >>> nearest("employee_recrd", ["employee_record", "payroll"])
    'employee_record'
    """
    some = [str(item) for _, item in zip(range(200), known, strict=False)]
    folded = {item.casefold(): item for item in some}
    if name.casefold() in folded:
        return folded[name.casefold()]
    close = difflib.get_close_matches(name[:80], some, n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, or what is known, or nothing."""
    names = list(known)
    if close := nearest(name, names):
        return f"; did you mean {close!r}?"
    return f"; known: {listed(names)}" if names else ""


def listed(names: Sequence[str], most: int = 8) -> str:
    """Return names in quotes, at most `most` of them, with a count of the rest."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


class McpflowError(Exception):
    """The root: `except mf.McpflowError` catches all of ours and nothing else. Its text hides no character."""

    def __str__(self) -> str:  # of Exception: a KeyError would show the repr of the sentence
        return visible(Exception.__str__(self), lines=True)

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the reader's own line, and the message."""
        return [*_own_lines(self.__traceback__), f"{type(self).__name__}: {self}"]


class DefinitionError(McpflowError, ValueError):
    """Something was written that can never be a workflow."""


class LoadError(McpflowError, ValueError):
    """A saved file that is not one of ours, too large, too deep, or written by a newer version."""


class ConfigError(McpflowError, ValueError):
    """A server configuration that cannot be used."""


class TrustError(ConfigError):
    """A config file whose commands were not trusted as they are now. `.commands` has each of them, whole and escaped."""

    def __init__(self, path: str, commands: Sequence[str], *, has_changed: bool = False) -> None:
        self.path, self.commands = path, tuple(commands)
        named = json.dumps(path)
        when = " as it is now" if has_changed else ""
        listed = "".join(f"\n  {one}" for one in self.commands)
        mend = (
            f"mf.trust({named}), or in a shell: mcpflow-nb trust {shlex.quote(path) if path.isprintable() else named}"
        )
        super().__init__(
            f"{named} is not trusted{when}, and nothing was started; it says:{listed}\nto allow it: {mend}"
        )


class CheckError(McpflowError):
    """A workflow with errors. `.report` is the whole report."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(report.text())


class ArgumentsError(McpflowError, ValueError):
    """Arguments of a workflow are missing or wrong. `.problems` has every one of them."""

    def __init__(self, workflow: str, problems: Sequence[Problem]) -> None:
        self.workflow = workflow
        self.problems = tuple(problems)
        lines = "".join(f"\n  argument {p.argument!r}: {p.message} [{p.code}]" for p in self.problems[:100])
        more = f"\n  and {len(self.problems) - 100:,} more" if len(self.problems) > 100 else ""
        super().__init__(f"workflow {workflow!r} cannot start, nothing was called:{lines}{more}")


class MissingValueError(McpflowError, LookupError):
    """A source found nothing at its path. `.found` says in words what is there instead."""

    def __init__(self, label: str, key: str | int, value: Any) -> None:
        self.label, self.key = label, key
        if isinstance(value, dict):
            names = [str(name) for name in value]
            self.found = f"an object with {listed(names)}" if names else "an empty object"
            close = nearest(str(key), names)
            hint = f"; did you mean {close!r}?" if close else ""
            if str(key).partition("[")[0] in names and str(key) not in names:
                hint = f"; a position is written with a dot: {str(key).replace('[', '.').replace(']', '')!r}"
        elif isinstance(value, list):
            self.found = f"a list of {len(value)}" if value else "an empty list"
            hint = ""
        else:
            kinds = {str: "text", bool: "a boolean", int: "a number", float: "a number", type(None): "null"}
            self.found, hint = kinds.get(type(value), type(value).__name__), ""
        super().__init__(f"{label} has no {key!r}: there is {self.found}{hint}")


class MissingVariableError(MissingValueError):
    """A variable of the environment that is not set, or empty. `.key` is its name; nothing has its value."""

    def __init__(self, name: str) -> None:
        self.label, self.key, self.found = "the environment", name, "no such variable"
        mend = f"set it before this process begins, or os.environ[{name!r}] = getpass.getpass()"
        Exception.__init__(self, f"the environment variable {name!r} is not set; {mend}")


class NotJsonError(McpflowError, TypeError):
    """A value that JSON cannot carry exactly."""


class ServerError(McpflowError):
    """Anything between us and the server named `.server`."""

    def __init__(self, server: str, message: str) -> None:
        self.server = server
        super().__init__(message)


class ConnectError(ServerError):
    """A server that could not be opened.

    `.target` is its command or host, `.reason` what happened, `.stderr` the last lines it wrote.
    """

    def __init__(self, server: str, target: str, reason: str, stderr: Sequence[str] = ()) -> None:
        self.target, self.reason, self.stderr = target, reason, tuple(stderr)
        tail = "".join(f"\n    {line}" for line in self.stderr)
        super().__init__(
            server,
            f"server {server!r} ({target}): {reason}" + (f"\n  it wrote on stderr:{tail}" if tail else ""),
        )


class NotOfferedError(ServerError, KeyError):
    """No such server, tool, resource or prompt. `.known` lists what there is."""

    def __init__(self, server: str, kind: str, name: str, known: Sequence[str], where: str = "") -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        super().__init__(server, f"{where}no {kind} {name!r}{did_you_mean(name, known)}")


class CallError(ServerError):
    """A call by hand that gave no value: `.tool`, `.status` as in the trace; over HTTP `.http_status`, `.retry_after`."""

    def __init__(self, server: str, tool: str, status: str, message: str, http: Any = (None, None)) -> None:
        self.tool, self.status, (self.http_status, self.retry_after) = tool, status, http
        super().__init__(server, f"tool {tool!r} on server {server!r}: {message} [{status}]")


class CassetteError(McpflowError, ValueError):
    """A recording that cannot be made where it was asked for, or used as it was asked."""


class TraceError(McpflowError, ValueError):
    """A question that a trace cannot answer; the message says what it can."""


class LessonError(McpflowError, LookupError):
    """A lesson was asked for something it does not have; the message says what there is."""


class ServeError(McpflowError):
    """Something about serving: a name that is taken, a port in use, a run key used otherwise."""


class JournalError(McpflowError):
    """A journal that cannot be opened, read or written. `.path` is its file, `.known` what was found in its place."""

    def __init__(self, path: str, message: str, *, asked: str = "", known: Sequence[str] = ()) -> None:
        self.path, self.known = path, tuple(known)
        super().__init__(f"journal {path!r}: {message}{did_you_mean(asked, known) if asked else ''}")


class RunHeldError(JournalError):
    """A run that another process holds, which may be alive. `.owner` says which, None where it is only a name taken."""

    def __init__(self, path: str, run_id: str, owner: Any, words: str = "") -> None:
        self.run_id, self.owner = run_id, owner
        held = f"{owner.words} holds it; end that one, or let it finish" if owner is not None else ""
        super().__init__(path, f"run {run_id!r}: {words or held}")


class FencedError(JournalError):
    """A run that another process has taken over; this one writes no more of it."""

    def __init__(self, path: str, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(
            path,
            f"run {run_id!r} was taken over, by another process or a later cell; nothing more is sent or written here",
        )


class ChangedError(JournalError):
    """A run that was begun otherwise. `.changes` has each difference: where, what, as it was, as it is now."""

    def __init__(self, path: str, run_id: str, changes: Sequence[tuple[str, str, Any, Any]]) -> None:
        self.run_id, self.changes = run_id, tuple(changes)
        lines = [f"\n  {where}: {what}: {_short(old)} → {_short(new)}" for where, what, old, new in self.changes[:20]]
        more = f"\n  and {len(self.changes) - 20} more" if len(self.changes) > 20 else ""
        mend = "give them as they were; or mf.resume(run_id, servers).adopt(workflow) for a fork; or another run_id"
        super().__init__(path, f"run {run_id!r} was begun otherwise; {mend}:{''.join(lines)}{more}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


class ComplianceError(McpflowError):
    """A measurement that is refused: beyond its limit, of other trials than the file has, or a claim it cannot make."""


class RunError(McpflowError, KeyError):
    """A verb that this run cannot do now; the message says what it can do."""


def _own_lines(tb: TracebackType | None) -> list[str]:
    """Return the deepest line outside this package and IPython: the one the reader wrote."""
    shown: list[str] = []
    package = __file__.rpartition("errors.py")[0]
    for frame, line in traceback.walk_tb(tb):
        name = frame.f_code.co_filename
        if name.startswith(package) or "/IPython/" in name or "/asyncio/" in name:
            continue
        place = _cell_name(name)
        shown = [f"{place}, line {line}", f"    {linecache.getline(name, line).strip()}"]
    return shown


def _cell_name(filename: str) -> str:
    """Return `Cell In[3]` for a notebook cell and the file's name otherwise."""
    import sys

    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    named = shell.compile.format_code_name(filename) if shell else None
    return f"{named[0]} {named[1]}" if named else f"File {filename}"

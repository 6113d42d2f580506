"""What goes to another process: plain data, where every secret is a reference that is read over there.

A URL or a command of a server goes as it was written, with its `${VAR}`; an object of this process cannot.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from mcpflow_nb.connecting.config import Spec, secrets_of
from mcpflow_nb.errors import ConfigError, JournalError
from mcpflow_nb.journal.definitions import workflow_plain
from mcpflow_nb.journal.owner import this_process
from mcpflow_nb.journal.places import place
from mcpflow_nb.journal.postgres import is_url, secrets_in, shown
from mcpflow_nb.masking import Masks
from mcpflow_nb.workflows.environment import Env
from mcpflow_nb.workflows.sources import Source
from mcpflow_nb.workflows.workflow import SequentialWorkflow

HERE: Final = "here"
"""In the place of servers: those of this process, by a number."""
_LOCAL: Final = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "")
_open: Final[WeakValueDictionary[int, Any]] = WeakValueDictionary()


@dataclass(frozen=True)
class Crossing:
    """All that rows need in another process but themselves; JSON values alone. `host` is the machine of a SQLite journal."""

    workflow: Mapping[str, Any]
    servers: Mapping[str, Any]
    journal: str | None
    host: str | None


def crossing(workflow: SequentialWorkflow, servers: Any, journal: Any, executor: Any) -> Crossing:
    """Return what goes to the processes of an executor.

    Raises
    ------
    ConfigError
        When a server is an object of this process, or a value of it or of the workflow is a secret: all of them, and how
        each is written as a reference.
    JournalError
        When the journal is a file of this machine and the executor has others, or its URL holds a password.
    """
    if isinstance(executor, ThreadPoolExecutor):
        _open[id(servers)] = servers
        written: dict[str, Any] = {HERE: [os.getpid(), id(servers)]}
    else:
        problems = [*_of_servers(servers), *_of_workflow(workflow)]
        if problems:
            raise ConfigError("what another process needs must be plain data:\n  " + "\n  ".join(problems))
        written = {name: _written(one.spec) for name, one in servers.items()}
    where, host = _journal(journal, executor)
    return Crossing(workflow.saved(), written, where, host)


def servers_here(written: Mapping[str, Any]) -> Any:
    """Return the servers of this process that were meant, or None where a config was written."""
    if HERE not in written:
        return None
    pid, number = written[HERE]
    if pid != os.getpid() or number not in _open:
        raise ConfigError("these servers are open in another process; give the executor that runs there")
    return _open[number]


def require_host(found: str | None, journal: str | None) -> None:
    """Refuse a SQLite journal of another machine."""
    if found is not None and found != _host():
        words = "it is a file of another machine; name a PostgreSQL journal: journal='postgresql://...'"
        raise JournalError(str(journal), words)


def _host() -> str:
    return f"{this_process().host} {this_process().boot}"


def _journal(journal: Any, executor: Any) -> tuple[str | None, str | None]:
    if journal is None or journal is False:
        return None, None
    if is_url(journal):
        if not isinstance(executor, ThreadPoolExecutor) and any("${" not in one for one in secrets_in(journal)):
            words = "its URL holds a password, which would go to other processes; write ${PG_PASSWORD} in its place"
            raise JournalError(shown(journal), words)
        return str(journal), None
    path = str(place(journal))
    if (address := _remote(executor)) is not None:
        words = f"SQLite is for one machine, and the scheduler is at {address}; name a PostgreSQL journal: "
        raise JournalError(path, words + "journal='postgresql://...'")
    return path, _host()


def _remote(executor: Any) -> str | None:
    """Return the address of a scheduler or worker of Dask that is not on this machine, or None."""
    if not hasattr(executor, "scheduler_info"):
        return None
    found = executor.scheduler_info(n_workers=-1)
    addresses = [found.get("address", ""), *found.get("workers", {})]
    return next((one for one in addresses if not _is_local(one)), None)


def _is_local(address: str) -> bool:
    return address.startswith("inproc:") or (urlsplit(address).hostname or "") in _LOCAL


def _written(spec: Spec) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, Env):
            return f"${{{value.name}}}"
        if isinstance(value, Mapping):
            return {str(name): plain(one) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [plain(one) for one in value]
        return os.fspath(value) if isinstance(value, os.PathLike) else value

    return {**plain(spec.given), "trusted": spec.is_trusted}


def _of_servers(servers: Any) -> Iterator[str]:
    for name, one in servers.items():
        spec = one.spec
        if spec.server is not None or not spec.given:
            yield (
                f"server {name!r} is {'a mock' if spec.source == 'mock' else 'an object'} in this process, which no other "
                "one can reach; connect its command or URL, or give a ThreadPoolExecutor"
            )
            continue
        if odd := [key for part in ("env", "headers") for key, value in dict(spec.given.get(part) or {}).items()
                   if isinstance(value, Source) and not isinstance(value, Env)]:  # fmt: skip
            yield f"server {name!r}, {odd[0]!r}: only text and mf.env(...) can go"
            continue
        text = json.dumps(_written(spec), ensure_ascii=False, default=str)
        if any(secret in text for secret in secrets_of(spec, certain=True)):
            yield f"server {name!r} holds a secret as it is; write a variable in its place: ${{TOKEN}}, or mf.env('TOKEN')"


def _of_workflow(workflow: SequentialWorkflow) -> Iterator[str]:
    kept = workflow_plain(workflow, Masks())["steps"]
    for step, masked in zip(workflow.saved()["steps"], kept, strict=True):
        if step != masked:
            yield f"step {step['name']!r} holds a secret as it is; write mf.env('TOKEN') in its place"

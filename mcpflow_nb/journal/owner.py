"""Who holds a run: a process, told apart from every other one that ever was, and whether it still lives."""

from __future__ import annotations

import os
import secrets
import socket
import time
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final

import psutil

from mcpflow_nb.exact import dumps

LEASE_SECONDS: Final = 30.0
"""How long a holder is believed to live without a word; on its own machine a dead process is seen at once."""
_APART_SECONDS: Final = 1.0
"""Two processes of one number began further apart than this."""


@dataclass(frozen=True)
class Owner:
    """A process on a host: `boot` and `started`, in seconds, tell it from another one with its number."""

    host: str
    boot: str
    pid: int
    started: float
    token: str

    @property
    def words(self) -> str:
        """The process in words."""
        return f"process {self.pid} on {self.host}"

    @cached_property
    def text(self) -> str:
        """The process as JSON text."""
        return dumps(asdict(self))

    def is_dead(self, *, is_elsewhere: bool = False) -> bool:
        """Tell whether it is certain that this process has ended; of another host nothing is certain.

        `is_elsewhere`: other machines and containers may have the same name as this one.
        """
        me = this_process()
        if self.host != me.host:
            return False
        if self.boot != me.boot:
            return not is_elsewhere
        try:
            return abs(_started(self.pid) - self.started) > _APART_SECONDS
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:
            return False


def this_process() -> Owner:
    """Return this process; a forked child is another one."""
    return _process(os.getpid())


@cache
def _process(pid: int) -> Owner:
    return Owner(socket.gethostname(), _boot(), pid, _started(pid), secrets.token_hex(8))


def _started(pid: int) -> float:
    """Return when a process began, in seconds; on Linux since the machine started, whatever its clock is set to."""
    try:
        ticks = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return float(psutil.Process(pid).create_time())  # type: ignore[no-untyped-call]
    return int(ticks) / os.sysconf("SC_CLK_TCK")


def _boot() -> str:
    """Return what tells this start of the machine from another one, and this container from its neighbours."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip() + os.readlink("/proc/self/ns/pid")
    except OSError:
        return str(round(psutil.boot_time() / 60))  # type: ignore[no-untyped-call]


def has_run_out(lease: float) -> bool:
    """Tell whether a lease, in seconds since 1970, has run out."""
    return time.time() > lease

"""Where a journal lies: the user's own data folder by default, for nobody else to read; a network home is said."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Final

from mcpflow_nb.errors import JournalError
from mcpflow_nb.home import data_folder

NAME: Final = "runs.db"
NETWORK: Final = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs", "ceph", "glusterfs", "lustre")
"""File systems on which the locks that SQLite's write-ahead log needs are not safe.

Source: SQLite, "Write-Ahead Logging", section 2 (all processes must be on the same host).
"""


def place(given: Any, mounts: str | None = None) -> Path:
    """Return the file of a journal: a path as it is, True for the user's own; its folder is there afterwards.

    `mounts` is the text of the system's table of mounts, by default as it is now.

    Raises
    ------
    JournalError
        When it is no path, or its folder cannot be made.
    """
    if given is not True and not (isinstance(given, str | os.PathLike) and str(given)):
        raise JournalError(
            str(given), f"journal={given!r}: give a path, True for the journal of this user, or None for none"
        )
    problem, file = "", Path(NAME)
    try:
        file = data_folder() / NAME if given is True else Path(given).expanduser()
        file = file.resolve()
        if file.is_dir():
            problem = f"it is a folder; name a file in it: {str(file / NAME)!r}"
        elif not file.parent.is_dir():
            problem = f"there is no folder {str(file.parent)!r}; make it first"
    except OSError as error:
        problem = f"its folder {error.filename!r} cannot be made ({error.strerror})"
    if problem:
        raise JournalError(str(file), problem)
    if (kind := network_kind(file.parent, mounts)) is not None:
        warnings.warn(
            f"journal {str(file)!r} lies on {kind}, a network file system, where SQLite's locks are not safe: "
            "use it from one machine alone, or name a local file: journal=...", stacklevel=3,
        )  # fmt: skip
    return file


def network_kind(folder: Path, mounts: str | None = None) -> str | None:
    """Return the network file system that a folder lies on; None for a local one, or where that cannot be told.

    >>> network_kind(Path("/home/ada/x"), "srv:/h /home nfs4 rw 0 0\\n/dev/sda / ext4 rw 0 0")
    'nfs4'
    """
    if mounts is None:
        try:
            mounts = Path("/proc/mounts").read_text("utf-8", "replace")
        except OSError:
            return None
    found = ("", "")
    for line in mounts.splitlines():
        parts = line.split(" ")
        where = parts[1].replace("\\040", " ") if len(parts) > 2 else ""
        if where and folder.is_relative_to(where) and len(where) >= len(found[0]):
            found = (where, parts[2])
    return found[1] if found[1] in NETWORK else None

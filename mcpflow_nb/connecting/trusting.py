"""Trust: a config file starts nothing until its reader has seen the commands and said `mf.trust(path)`.

What is trusted is kept by hash in the user's own folder, never beside the file, so that a shared folder brings no trust
along. Any change of an entry asks again, as direnv does: of the command, its folder, the values of `env`, the server's name.
An entry that only names a URL starts nothing and is not asked for, unless it sends a variable of the environment there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from mcpflow_nb.connecting.config import variables
from mcpflow_nb.connecting.config_files import read, with_this_python
from mcpflow_nb.errors import ConfigError, TrustError
from mcpflow_nb.files import write_whole
from mcpflow_nb.home import data_folder
from mcpflow_nb.show import Shown

FOLDER: Final = "trusted"
FORMAT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Start:
    """What one entry of a config file does: `runs` is the exact command, or the address, as JSON text in ASCII.

    `env` are the names of the variables that the command is given, or that are filled in; never a value.
    """

    server: str
    runs: str
    cwd: str | None
    env: tuple[str, ...]
    is_command: bool
    digest: str

    def __str__(self) -> str:
        """The whole of it on one line, nothing cut and nothing but printable ASCII."""
        where = f" in the folder {json.dumps(self.cwd)}" if self.cwd is not None else ""
        names = ", ".join(map(json.dumps, self.env))
        given = f"{', with env' if self.is_command else ', and is sent the variables'} {names}" if names else ""
        return f"server {json.dumps(self.server)} {'runs' if self.is_command else 'is at'} {self.runs}{where}{given}"


@dataclass(frozen=True)
class Trusted(Shown):
    """The entries of a config file that may start now; `mf.untrust(path)` takes it back."""

    path: str
    starts: tuple[Start, ...]

    __repr__ = Shown.__repr__


def trust(path: str | os.PathLike[str]) -> Trusted:
    """Let a config file start its commands from now on, and return exactly what they are; nothing is started.

    Raises
    ------
    ConfigError
        When it is no config file, or the trust cannot be kept.
    """
    starts = tuple(_starts(path, read(path)))
    document = {
        "mcpflow_nb_trust": FORMAT_VERSION, "file": _whole(path), "servers": {one.server: one.digest for one in starts},
    }  # fmt: skip
    problem = None
    try:
        kept = _kept(path)
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        write_whole(kept, json.dumps(document, indent=2) + "\n")
    except OSError as error:
        problem = f"the trust in {json.dumps(str(path))} cannot be kept: {error}"
    if problem:
        raise ConfigError(f"{problem}; the variable MCPFLOW_DATA names another folder")
    return Trusted(str(path), starts)


def untrust(path: str | os.PathLike[str]) -> bool:
    """Take the trust in a config file back, also of one that is gone; tell whether there was any."""
    kept = _kept(path)
    was_there = kept.exists()
    kept.unlink(missing_ok=True)
    return was_there


def read_trusted(
    path: str | os.PathLike[str], but: Container[str] = (), *, this_python: bool = False
) -> dict[str, Any]:
    """Return the servers of a config file, those of the names in `but` left out; errors as for `require_trust`.

    `this_python` makes the command `python` or `python3` mean the interpreter that runs now.
    """
    entries = {name: entry for name, entry in read(path).items() if name not in but}
    require_trust(path, entries)
    return {name: with_this_python(entry) for name, entry in entries.items()} if this_python else entries


def require_trust(path: str | os.PathLike[str], entries: Mapping[str, Any]) -> None:
    """Refuse the entries of a config file that start something and were not trusted as they are now.

    Raises
    ------
    TrustError
        With every one of them; nothing of the file is opened then.
    """
    starts = tuple(_starts(path, entries))
    known = _digests(path) if starts else {}
    untrusted = [one for one in starts if known.get(one.server) != one.digest]
    if untrusted:
        raise TrustError(str(path), [str(one) for one in untrusted], has_changed=bool(known))


def _starts(path: str | os.PathLike[str], entries: Mapping[str, Any]) -> Iterator[Start]:
    whole = _whole(path)
    for name, entry in entries.items():
        if not isinstance(entry, Mapping):
            raise ConfigError(f"{Path(path).name}: server {name!r} is {type(entry).__name__}, not an object")
        is_command = entry.get("url") is None  # as it is read: a null is not there
        if not is_command and not variables(entry):
            continue
        said = json.dumps([whole, name, entry], sort_keys=True)
        digest = hashlib.sha256(said.encode()).hexdigest()
        runs = _command(entry) if is_command else _address(entry)
        given = entry.get("env") if is_command else variables(entry)
        env = tuple(map(str, given)) if isinstance(given, Mapping | tuple) else ()
        cwd = str(entry["cwd"]) if is_command and entry.get("cwd") is not None else None
        yield Start(name, json.dumps(runs), cwd, env, is_command, digest)


def _command(entry: Mapping[str, Any]) -> list[Any]:
    head, args = entry.get("command"), entry.get("args") or []
    return [*(head if isinstance(head, list) else [head]), *(args if isinstance(args, list) else [args])]


def _address(entry: Mapping[str, Any]) -> str:
    """Return the URL without user and query, which may hold a secret."""
    try:
        parts = urlsplit(str(entry["url"]))
    except ValueError:
        return "(no valid URL)"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _whole(path: str | os.PathLike[str]) -> str:
    return str(Path(path).resolve())


def _kept(path: str | os.PathLike[str]) -> Path:
    return data_folder() / FOLDER / f"{hashlib.sha256(_whole(path).encode(errors='surrogateescape')).hexdigest()}.json"


def _digests(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the hash that was trusted of each server; what cannot be read is no trust."""
    try:
        document = json.loads(_kept(path).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    found = document.get("servers") if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}

"""Where a server is: a command, a URL, an object in this process; read from Python or from a dict.

`${VAR}`, `${VAR:-default}` and `${env:VAR}` are
filled in; unknown keys are kept. Values of `env` and `headers` are never shown.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import SplitResult, parse_qsl, urlsplit

from mcpflow_nb.connecting.limits import NAMES, Limits, read_limits
from mcpflow_nb.errors import ConfigError, did_you_mean
from mcpflow_nb.masking import KNOWN, is_secret
from mcpflow_nb.workflows.sources import Source

CONNECT_SECONDS: Final = 10.0
_URL: Final = re.compile(r"[A-Za-z][\w+.-]*://")
_VARIABLE: Final = re.compile(r"\$\{(?:(env|input):)?([A-Za-z_]\w*)(?::-([^}]*))?\}")
MODES: Final = ("auto", "legacy", "2026-07-28")
LEAST: Final = 8
LEAST_NAMED: Final = 4
"""Shorter values of env and headers are no secrets: they would be masked in every other word."""
_PLAIN_HEADERS: Final = ("accept", "accept-language", "content-type", "user-agent")
MAX_BYTES: Final = 20_000_000
"""What one message of a server may have, by default."""
_KNOWN: Final = {
    "type", "transport", "command", "args", "env", "cwd", "url", "headers", "mode", "timeout", "trusted", "max_bytes",
    *NAMES,
}  # fmt: skip


@dataclass(frozen=True)
class Spec:
    """How to reach one server. `target` is what may be shown of it."""

    name: str
    transport: Literal["memory", "stdio", "http", "recorded"]
    target: str
    server: Any = field(default=None, repr=False)
    command: tuple[str, ...] = field(default=(), repr=False)
    env: Mapping[str, Any] = field(default_factory=dict, repr=False)
    cwd: str | None = None
    url: str = field(default="", repr=False)
    headers: Mapping[str, Any] = field(default_factory=dict, repr=False)
    mode: str = "auto"
    connect_seconds: float = CONNECT_SECONDS
    max_bytes: int = MAX_BYTES
    """How large one message of a command or a URL may be: what is larger is not read."""
    source: Literal["live", "mock", "recorded"] = "live"
    is_trusted: bool = False
    """Whether what its tools say of themselves, read-only or idempotent, is believed."""
    limits: Limits = field(default_factory=Limits)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)
    given: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The config as it was written, with its variables not filled in."""


def spec(name: str, value: Any) -> Spec:
    """Return how to reach the server that `value` describes.

    Raises
    ------
    ConfigError
        When it is none of: a server object, a command (list or text), a URL, a config dict.
    """
    if isinstance(value, Path):
        raise ConfigError(f"server {name!r}: a path; give a command as a list, or mf.connect(path) for a config file")
    if isinstance(value, str):
        return _from_dict(name, {"url": value} if _URL.match(value) else {"command": _words(name, value)})
    if isinstance(value, list | tuple):
        return _from_dict(name, {"command": list(value)})
    if isinstance(value, Mapping):
        return _from_dict(name, value)
    if type(value).__name__ == "StdioServerParameters":
        return _from_dict(name, {"command": value.command, "args": value.args, "env": value.env, "cwd": value.cwd})
    source: Literal["live", "mock"] = "mock" if getattr(value, "is_mock", False) else "live"
    server = getattr(value, "mcp", value)
    if not hasattr(server, "lifespan") and not hasattr(server, "_lowlevel_server"):
        known = "an MCP server object, a command as a list, a URL, a config dict, mf.mock({...})"
        raise ConfigError(f"server {name!r}: {type(value).__name__} is no server; give one of: {known}")
    return Spec(name, "memory", "mock" if source == "mock" else "in this process", server=server, source=source)


def with_trust(specs: Sequence[Spec], trusted: Collection[str]) -> list[Spec]:
    """Return how to reach servers, those of these names trusted.

    Raises
    ------
    ConfigError
        For a name that is none of theirs.
    """
    names = [one.name for one in specs]
    if isinstance(trusted, str) or (unknown := [name for name in trusted if name not in names]):
        wrong = trusted if isinstance(trusted, str) else unknown[0]
        raise ConfigError(
            f"connect: trusted= is a list of names of its servers, not {wrong!r}{did_you_mean(str(wrong), names)}"
        )
    return [replace(one, is_trusted=True) if one.name in trusted else one for one in specs]


def with_limits(specs: Sequence[Spec], limits: Mapping[str, Mapping[str, Any]] | None) -> list[Spec]:
    """Return how to reach servers, with the limits of these names; errors as for `with_trust`."""
    names = [one.name for one in specs]
    if not isinstance(limits, Mapping | None) or (unknown := [name for name in limits or () if name not in names]):
        wrong = unknown[0] if isinstance(limits, Mapping) else limits
        raise ConfigError(
            f"connect: limits= is a mapping of names of its servers to their limits, not {wrong!r}"
            f"{did_you_mean(str(wrong), names)}"
        )
    given = limits or {}
    return [replace(one, limits=read_limits(one.name, given[one.name])) if one.name in given else one for one in specs]


def _from_dict(name: str, given: Mapping[str, Any]) -> Spec:
    config = {key: _expanded(name, key, value) for key, value in given.items() if value is not None}
    extra = {key: value for key, value in config.items() if key not in _KNOWN}
    more: dict[str, Any] = {
        "extra": extra, "mode": config.get("mode", "auto"), "given": dict(given), **_limits(name, config),
    }  # fmt: skip
    if more["mode"] not in MODES:
        raise ConfigError(f"server {name!r}: mode is one of {', '.join(MODES)}, not {more['mode']!r}")
    if not isinstance(config.get("trusted", False), bool):
        raise ConfigError(f"server {name!r}: trusted is true or false, not {config['trusted']!r}")
    more["is_trusted"] = config.get("trusted", False)
    more["limits"] = read_limits(name, {key: config[key] for key in NAMES if key in config})
    for key in ("env", "headers"):
        _require_texts(name, key, config.get(key, {}))
    if "url" in config:
        url = str(config["url"])
        parts = _split(name, url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"server {name!r}: {parts.scheme or 'no scheme'!r} is no http or https URL")
        if config.get("type", "http") == "sse":
            raise ConfigError(f"server {name!r}: SSE is an old transport; give the server's streamable HTTP URL")
        target = parts.hostname + (f":{parts.port}" if parts.port else "")
        return Spec(name, "http", target, url=url, headers=dict(config.get("headers", {})), **more)
    if "command" not in config:
        raise ConfigError(
            f"server {name!r}: a config needs `command` or `url`; it has {', '.join(config) or 'nothing'}"
        )
    head = config["command"]
    args = config.get("args", [])
    if not isinstance(args, list):
        raise ConfigError(f"server {name!r}: args is a list of text, not {type(args).__name__}")
    words = [*(head if isinstance(head, list) else [head]), *args]
    if not words or not all(isinstance(word, str | os.PathLike) for word in words):
        raise ConfigError(f"server {name!r}: a command is a list of text, not {head!r}")
    command = tuple(os.fspath(word) for word in words)
    cwd = os.fspath(config["cwd"]) if "cwd" in config else None
    return Spec(name, "stdio", Path(command[0]).name, command=command, env=dict(config.get("env", {})), cwd=cwd, **more)


def _limits(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    seconds, most = config.get("timeout", CONNECT_SECONDS), config.get("max_bytes", MAX_BYTES)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
        raise ConfigError(f"server {name!r}: timeout is a number of seconds above 0, not {seconds!r}")
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise ConfigError(f"server {name!r}: max_bytes is a number of bytes above 0, not {most!r}")
    return {"connect_seconds": float(seconds), "max_bytes": most}


def _split(name: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
        return parts
    except ValueError as error:
        problem = str(error)
    raise ConfigError(f"server {name!r}: no valid URL: {problem}")


def _words(name: str, command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        problem = str(error)
    raise ConfigError(f"server {name!r}: the command cannot be read: {problem}; give a list of words")


def _require_texts(name: str, key: str, given: Any) -> None:
    """Refuse what is no mapping of text to text; names the entry, never its value."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"server {name!r}: {key} is a mapping of names to text, not {type(given).__name__}")
    for entry, value in given.items():
        if isinstance(value, Source) and not value.reads:
            continue
        if not isinstance(entry, str) or not isinstance(value, str):
            raise ConfigError(f"server {name!r}: {key} {entry!r} is no text")
        if key == "headers" and not (value.isprintable() and value.isascii()):
            raise ConfigError(f"server {name!r}: header {entry!r} has a line break or a sign outside ASCII")


def _expanded(name: str, key: str, value: Any) -> Any:
    if isinstance(value, str):
        return filled(f"server {name!r}, {key}", value, knows=True)
    if isinstance(value, list | tuple):
        return [_expanded(name, key, item) for item in value]
    if isinstance(value, Mapping):
        return {item: _expanded(name, f"{key}.{item}", inner) for item, inner in value.items()}
    return value


def filled(where: str, text: str, *, knows: bool) -> str:
    """Return a text with `${VAR}` filled in from the environment; `where` begins the error of one that is not set.

    `knows`: what it is filled with may come back from a server, and is masked there where its name is a secret's.

    Raises
    ------
    ConfigError
        When a variable is not set, and has no default.
    """
    return _VARIABLE.sub(lambda match: _variable(where, match, knows=knows), text)


def _variable(where: str, match: re.Match[str], *, knows: bool) -> str:
    kind, variable, default = match.groups()
    found = os.environ.get(variable) if kind != "input" else None
    if found is not None and knows and is_secret(variable):
        KNOWN.know(found)
    if found is None and default is None:
        how = "an input of VS Code; give the value itself" if kind == "input" else "not set, and no default is given"
        raise ConfigError(f"{where}: ${{{variable}}} is {how}; write ${{{variable}:-value}} or set it")
    return found if found is not None else str(default)


def variables(value: Any) -> tuple[str, ...]:
    """Return the names of the environment's variables that a config value is filled from, each once.

    >>> variables({"url": "https://${HOST}/mcp", "headers": {"X": "${env:KEY} ${HOST}"}})
    ('HOST', 'KEY')
    """
    if isinstance(value, str):
        return tuple(dict.fromkeys(found[2] for found in _VARIABLE.finditer(value)))
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return tuple(dict.fromkeys(name for part in parts for name in variables(part)))


def secrets_of(spec: Spec, *, certain: bool = False) -> Iterator[str]:
    """Give the values that a server was started or reached with, as far as they are long enough to be told from words.

    `certain` leaves out what is not under a secret's name, or short: these are masked in results too. What a source
    gives, a source knows.
    """
    for name, value in (*spec.env.items(), *spec.headers.items()):
        is_named = is_secret(name) or name.lower().endswith("key")
        if not isinstance(value, str) or name.lower() in _PLAIN_HEADERS or (certain and not is_named):
            continue
        least = LEAST_NAMED if (is_named or name in spec.headers) and not certain else LEAST
        yield from (word for word in (value, *value.split()[1:]) if len(word) >= least)
    least = LEAST if certain else 1
    for before, word in pairwise(("", *spec.command)):
        name, has_value, value = word.partition("=")
        if name.startswith("-") and has_value and is_secret(name) and len(value) >= least:
            yield value
        elif before.startswith("-") and is_secret(before) and not word.startswith("-") and len(word) >= least:
            yield word
    address = urlsplit(spec.url)
    yield from (value for name, value in parse_qsl(address.query) if is_secret(name) and len(value) >= least)
    yield from (address.password,) if address.password and len(address.password) >= least else ()

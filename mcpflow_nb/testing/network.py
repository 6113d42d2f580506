"""Loopback only: what a notebook under test may reach, in its kernel and in the Python programs that it starts.

`guard_folder` writes this file as the `sitecustomize` of a folder that comes first on PYTHONPATH; the Python that
starts there calls `install`, then the `sitecustomize` that was there before. So this file imports nothing of ours and
reads in older Pythons too. A child that `subprocess` starts in an environment of its own gets the folder as well.

It is a guard against a test that depends on the network without saying so, not a prison. It does not hold programs that
are not Python, Python started with -I, -E or -S or by `os.execve` and `os.posix_spawn` with other variables, or a
library in C that opens sockets itself (pycurl, gRPC, uvloop). To hold one more way out: its audit event in `_CHECKS`,
with a function that returns what to refuse of its values.
"""

from __future__ import annotations

import errno
import importlib.machinery
import importlib.util
import ipaddress
import os
import socket
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

HOW_TO_ALLOW = "network=True for run_notebook, pytest --mcpflow-network, mcpflow-nb test --network"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "ws_proxy", "wss_proxy")
"""Variables that a guarded process does not get: a proxy on this machine would be a way out."""

_HERE = os.path.dirname(os.path.abspath(__file__))


def guard_folder(folder: str) -> str:
    """Make `folder` and a `sitecustomize` in it that holds every Python started with it on PYTHONPATH; return it."""
    os.makedirs(folder)
    with open(__file__, encoding="utf-8") as own, open(os.path.join(folder, "sitecustomize.py"), "w", -1, "utf-8") as f:
        f.write(own.read() + "\n\ninstall()\n")
    return folder


def guarded(env: dict[str, str], folder: str) -> dict[str, str]:
    """Return `env` with the guard's folder first on PYTHONPATH, and without proxies.

    >>> guarded({"PYTHONPATH": "lib", "HTTPS_PROXY": "http://127.0.0.1:3128"}, "guard") == {
    ...     "PYTHONPATH": os.pathsep.join(["guard", "lib"])
    ... }
    True
    """
    kept = {name: value for name, value in env.items() if name.lower() not in PROXIES}
    _first(kept, folder)
    return kept


def is_loopback(host: Any) -> bool:
    """Tell whether a name or address is this machine's loopback, or no address at all.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", b"localhost", "0.0.0.0", None)]
    [True, True, True, True, True]
    >>> [is_loopback(host) for host in ("192.0.2.1", "2001:db8::1", "example.org", "127.0.0.1.example.org")]
    [False, False, False, False]
    """
    name = _text(host)
    address = _address(name)
    if address is None:
        return name in ("", "localhost") or name.endswith(".localhost")
    address = getattr(address, "ipv4_mapped", None) or address
    return bool(address.is_loopback or address.is_unspecified)


def install() -> None:
    """Refuse, from now on and for good, whatever leaves this machine; then run the next `sitecustomize`."""
    sys.addaudithook(_hook)
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec and spec.loader:
        sys.modules["sitecustomize"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


def _hook(event: str, values: tuple[Any, ...]) -> None:
    refused = _CHECKS[event](*values) if event in _CHECKS else ""
    if refused:
        said = f"{refused} was refused: a notebook under test reaches this machine only; to allow it: {HOW_TO_ALLOW}"
        raise PermissionError(errno.EACCES, said)


def _connect(sock: Any, address: Any) -> str:
    return _reach(address) if sock.family in (socket.AF_INET, socket.AF_INET6) and address else ""


def _reach(address: Any) -> str:
    return "" if is_loopback(address[0]) else ":".join(_text(part) for part in address[:2])


def _look_up(host: Any, *_: Any) -> str:
    # An address written in digits reaches nothing by being read.
    return "" if _address(_text(host)) else _look_up_name(host)


def _look_up_name(host: Any) -> str:
    # A server asks for this machine's own name.
    return "" if is_loopback(host) or _text(host) == socket.gethostname().lower() else _text(host)


def _child(_program: Any, _arguments: Any, _folder: Any, env: Any) -> str:
    if env is None:
        env = os.environ
    if isinstance(env, MutableMapping):
        _first(env, _HERE)
    return ""


def _first(env: MutableMapping[str, str], folder: str) -> None:
    others = [entry for entry in env.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != folder]
    env["PYTHONPATH"] = os.pathsep.join([folder, *others])


def _text(part: Any) -> str:
    text = bytes(part).decode("ascii", "replace") if isinstance(part, (bytes, bytearray)) else str(part or "")
    return text.lower()


def _address(name: str) -> Any:
    try:
        return ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return None


_CHECKS: dict[str, Callable[..., str]] = {
    "socket.connect": _connect,
    "socket.sendto": _connect,
    "socket.sendmsg": _connect,
    "socket.getaddrinfo": _look_up,
    "socket.gethostbyname": _look_up,
    "socket.gethostbyaddr": _look_up_name,
    "socket.getnameinfo": _reach,
    "subprocess.Popen": _child,
}

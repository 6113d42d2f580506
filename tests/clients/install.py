"""Installs the clients: once, kept between sessions, and skipping the tests with the reason where it cannot be."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

TYPESCRIPT = "1.32.2"
INSPECTOR, OLD_INSPECTOR = "2.12.0", "1.0.3"  # the new one needs Node 20; Debian 12 has Node 18
PYTHON = "1.30.0"


def node():
    """Return the path of node and its major version."""
    path = shutil.which("node")
    if path is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not both installed here")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    major = int(re.fullmatch(r"v(\d+)\..*", said)[1])
    if major < 18:
        pytest.skip(f"these clients need Node 18, here is {said}")
    return path, major


def npm(package, version, factory):
    """Return the folder with a package of the project's scope and what it depends on; none of their scripts ran."""

    def install(folder):
        (folder / "package.json").write_text("{}")
        retries = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
        options = ("--ignore-scripts", "--no-audit", "--no-fund", *retries)
        _run(shutil.which("npm"), "install", *options, f"@modelcontextprotocol/{package}@{version}", cwd=folder)

    return _kept(f"{package}-{version}", factory, install)


def old_python(factory):
    """Return the Python of an environment with mcp 1.x."""
    inside = Path("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def install(folder):
        _run(sys.executable, "-m", "venv", folder)
        _run(folder / inside, "-m", "pip", "install", "--disable-pip-version-check", "--retries=2", f"mcp=={PYTHON}")

    base = zlib.crc32(f"{sys.base_prefix} {sys.version}".encode())
    return _kept(f"mcp-{PYTHON}-{base:08x}", factory, install) / inside


def _kept(name, factory, install):
    """Return the folder that install(folder) filled, in this session or an earlier one."""
    base = factory.getbasetemp()  # beside it, in the folder that pytest made for this user, it outlives the session
    kept = base.parent / f"clients-{name}" if base.parent.name.startswith("pytest-of-") else base / f"clients-{name}"
    if kept.is_dir():
        return kept
    making = factory.mktemp(name)
    try:
        install(making)
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if "err" in line.lower() and "complete log" not in line]
        pytest.skip(f"{name} could not be installed: {' '.join(lines)[-300:] or error}")
    except subprocess.TimeoutExpired as error:
        pytest.skip(f"{name} could not be installed within {error.timeout:.0f} seconds")
    try:
        making.rename(kept)
    except OSError:  # another session was faster
        return making
    return kept


def _run(*command, cwd=None):
    subprocess.run(
        [*map(str, command)], cwd=cwd, check=True, capture_output=True, encoding="utf-8", errors="replace", timeout=180
    )

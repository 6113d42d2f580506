"""What a notebook under test may reach: this machine, from its kernel and from the Python programs that it starts."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from mcpflow_nb.testing import run_notebook
from mcpflow_nb.testing.network import is_loopback

REFUSED = """
import asyncio, os, socket, subprocess, sys, urllib.request
def refused(what, *arguments):
    try:
        what(*arguments)
    except OSError as error:
        assert "was refused: a notebook under test" in str(error), repr(error)
        return str(error)
    raise AssertionError("not refused")
"""
CHILD = """
code = "import socket\\ntry:\\n  socket.create_connection(('192.0.2.1', 80), 20)\\nexcept OSError as e:\\n  print(e)"
"""
NAMES = """
for said in (refused(urllib.request.urlopen, "http://example.org/"), refused(socket.gethostbyname, "example.org")):
    assert "example.org was refused" in said, said
refused(socket.gethostbyaddr, "192.0.2.1")
refused(socket.getnameinfo, ("192.0.2.1", 80), 0)
"""
DATAGRAMS = """
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    refused(sock.sendto, b"x", ("192.0.2.1", 53))
    refused(sock.sendmsg, [b"x"], [], 0, ("192.0.2.1", 53))
    refused(sock.connect_ex, ("192.0.2.1", 53))
"""
SIX = """
with socket.socket(socket.AF_INET6) as sock:
    assert "2001:db8::1:80 was refused" in refused(sock.connect, ("2001:db8::1", 80))
    refused(sock.connect, ("::ffff:192.0.2.1", 80))
"""
CHILDREN = """
for env in (None, {}, dict(os.environ), {"PYTHONPATH": "elsewhere"}):
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert "192.0.2.1:80 was refused" in done.stdout, done
"""
AWAITED = """
child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, env={}, stdout=subprocess.PIPE)
assert b"192.0.2.1:80 was refused" in (await child.communicate())[0]
try:
    await asyncio.open_connection("192.0.2.1", 80)
except OSError as error:
    assert "192.0.2.1:80 was refused" in str(error)
else:
    raise AssertionError("not refused")
"""
LOCAL = """
import threading
from http.server import HTTPServer, SimpleHTTPRequestHandler as Handler
for host in ("127.0.0.1", "localhost", ""):
    with HTTPServer((host, 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert urllib.request.urlopen(f"http://localhost:{server.server_port}/").status == 200
        thread.join()
"""
UNIX = """
with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as sock:
    listening.bind("u")
    listening.listen()
    sock.connect("u")
os.unlink("u")
"""
TRACES = """
import sitecustomize
assert sitecustomize.MINE == "the one there was before"
assert [entry for entry in sys.path if entry.endswith("guard")] == []
assert [name for name in os.environ if name.lower() in ("https_proxy", "all_proxy")] == []
"""
CELLS = (
    REFUSED,
    CHILD,
    "refused(socket.create_connection, ('192.0.2.1', 80))",
    NAMES,
    DATAGRAMS,
    SIX,
    CHILDREN,
    AWAITED,
)
CELLS_LOCAL = (LOCAL, UNIX, TRACES)


def stored(folder: Path, *sources: str) -> Path:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    nbformat.write(notebook, folder / "some.ipynb")
    return folder / "some.ipynb"


@pytest.mark.kernel
@pytest.mark.row("RM04")
def test_a_notebook_reaches_this_machine_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("MINE = 'the one there was before'")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    run_notebook(stored(tmp_path, *CELLS, *CELLS_LOCAL))


@pytest.mark.kernel
def test_a_notebook_that_may_reach_the_network_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    left = "import os\nassert 'guard' not in os.environ.get('PYTHONPATH', '')\nassert 'HTTPS_PROXY' in os.environ"
    run_notebook(stored(tmp_path, left), network=True)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "localhost", b"LOCALHOST", "a.localhost", "", None, "::1%lo"],
)
def test_this_machine_is_known_by_its_names(host: object) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "128.0.0.1",
        "192.0.2.1",
        "::ffff:192.0.2.1",
        "fe80::1",
        "localhost.example.org",
        "127.0.0.1.nip.io",
        b"example.org",
        "2130706433",
        "💥",
    ],
)
def test_another_machine_is_no_loopback_whatever_it_is_called(host: object) -> None:
    assert not is_loopback(host)

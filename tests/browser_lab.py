"""A private JupyterLab on loopback and a Chromium to look at it, for tests marked `browser`. Ends what it started."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

SETTINGS = {
    "apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false", "doNotDisturbMode": True},
    "notebook-extension/tracker": {"windowingMode": "none"},
    "docmanager-extension/plugin": {"autosave": False},
}
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
RUN_ALL = """async waits => {
  const app = window.jupyterapp; await app.restored; const shown = app.shell.currentWidget;
  await shown.context.ready; await shown.context.sessionContext.ready;
  const done = app.commands.execute('notebook:run-all-cells');
  if (waits) await done;
}"""

SERVER = """
import threading
import mcpflow_nb as mf
from mcpflow_nb.stepper.widget import stepper
gate = threading.Event()
mocked = mf.mock({
    "create": lambda name: {"id": f"e-{name}", "email": f"{name}@x"},
    "pay": lambda id, amount=1: {"paid": id, "amount": amount},
    "mail": lambda to, text="hi": {"sent": to},
    "team": lambda team: {"team": team, "note": "<img src=x onerror='window.hit=1'>"},
    "waits": lambda: gate.wait(60),
})
servers = mf.connect(m=mocked)
flow = (
    mf.SequentialWorkflow("onboard", "Onboard <img src=x onerror='window.hit=1'>")
    .argument("name")
    .step("create", tool="m.create", args={"name": mf.prompt_arg("name")}, bind="person")
    .step("pay", tool="m.pay", args={"id": mf.field("person", "id")}, bind="paid")
    .step("mail", tool="m.mail", args={"to": mf.field("person", "email")}, bind="mailed")
)
"""


class Lab(NamedTuple):
    """A JupyterLab, or a Notebook 7, that answers at `url`."""

    root: Path
    url: str
    token: str
    app: str = "jupyterlab"

    def page_of(self, name: str) -> str:
        """Return the address of a notebook."""
        return f"{self.url}/{'doc/tree' if self.app == 'jupyterlab' else 'notebooks'}/{name}?token={self.token}"


def chromium() -> str | None:
    """Return the path of a Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next((found for found in map(shutil.which, names) if found), None)


def why_not() -> str | None:
    """Return why there is no browser test here; None where there is."""
    lacking = []
    for module in ("playwright", "jupyterlab"):
        try:
            __import__(module)
        except ImportError:
            lacking.append(f"no {module}: pip install -e '.[browser]'")
    if chromium() is None:
        lacking.append("no chromium: apt-get install chromium")
    return "; ".join(lacking) or None


@contextlib.contextmanager
def started(home: Path, app: str) -> Iterator[Lab]:
    """Start a JupyterLab or a Notebook 7 whose files are all under `home`, and stop it."""
    for name, values in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    (home / "root").mkdir()
    (home / "config" / "labconfig").mkdir(parents=True)
    # Without it every page that is opened starts a node process that looks whether JupyterLab should be built anew.
    (home / "config" / "labconfig" / "page_config.json").write_text('{"buildCheck": false, "buildAvailable": false}')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {
        "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "run", "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }  # fmt: skip
    token, kind = secrets.token_hex(16), "LabApp" if app == "jupyterlab" else "JupyterNotebookApp"
    command = [
        sys.executable, "-m", app, "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={home / 'root'}",
        "--ServerApp.terminals_enabled=False", f"--{kind}.expose_app_in_browser=True", "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.extension_manager=readonly",
        "--ServerApp.log_level=WARN",
    ]  # fmt: skip
    environment = {**os.environ, **{key: str(home / place) for key, place in places.items()}}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent)
    lab = Lab(home / "root", f"http://127.0.0.1:{port}", token, app)
    with (home / "lab.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _await_answer(lab, process, home / "lab.log")
            yield lab
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_answer(lab: Lab, process: subprocess.Popen[bytes], log: Path) -> None:
    request = urllib.request.Request(f"{lab.url}/api/status", headers={"Authorization": f"token {lab.token}"})
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=2) as answer:
                answer.read()
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"it did not start:\n{log.read_text()[-3000:]}") from None
            time.sleep(0.1)


def notebook(*sources: str) -> dict[str, Any]:
    """Return a notebook with a code cell for each source."""
    cells = [
        {"cell_type": "code", "id": f"c{at}", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for at, source in enumerate(sources)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}


def opened(page: Any, lab: Lab, name: str, saved: dict[str, Any], *, waits: bool = True) -> None:
    """Write a notebook, open it and run every cell; `waits` until they are done."""
    (lab.root / name).write_text(json.dumps(saved))
    page.goto(lab.page_of(name))
    page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.context", timeout=60_000)
    page.evaluate(RUN_ALL, waits)


def themed(page: Any, theme: str) -> None:
    """Change the theme to Light or Dark, and wait until it is there."""
    page.evaluate("t => window.jupyterapp.commands.execute('apputils:change-theme', {theme: t})", f"JupyterLab {theme}")
    page.wait_for_function("l => document.body.dataset.jpThemeLight === l", arg="true" if theme == "Light" else "false")
    page.wait_for_selector("#jupyterlab-splash", state="detached")


def end_kernels(lab: Lab) -> None:
    """End every session, so that a notebook that is opened again has no kernel with its widgets."""
    headers = {"Authorization": f"token {lab.token}"}
    with urllib.request.urlopen(
        urllib.request.Request(f"{lab.url}/api/sessions", headers=headers), timeout=20
    ) as answer:
        sessions = json.load(answer)
    for session in sessions:
        address = f"{lab.url}/api/sessions/{session['id']}"
        with urllib.request.urlopen(
            urllib.request.Request(address, headers=headers, method="DELETE"), timeout=20
        ) as answer:
            answer.read()


@pytest.fixture(scope="module", params=("jupyterlab", "notebook"))
def lab(request, tmp_path_factory):
    pytest.importorskip(request.param, reason=f"no {request.param}: pip install {request.param}")
    with started(tmp_path_factory.mktemp(request.param), request.param) as opened_lab:
        yield opened_lab


@pytest.fixture(scope="module", name="lab")
def lab_alone(tmp_path_factory):
    pytest.importorskip("jupyterlab", reason="no jupyterlab: pip install jupyterlab")
    with started(tmp_path_factory.mktemp("jupyterlab"), "jupyterlab") as opened_lab:
        yield opened_lab


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser, lab):
    made = browser.new_page(viewport={"width": 1200, "height": 1250})
    made.set_default_timeout(60_000)
    problems = []
    # Notebook 7.6 has errors of its own while it loads; a widget's script is loaded from a blob.
    made.on(
        "pageerror",
        lambda error: (lab.app == "jupyterlab" or "blob:" in (error.stack or "")) and problems.append(str(error)),
    )
    yield made
    made.close()
    assert problems == [], problems


@pytest.fixture
def shown(lab, page, request):
    """shown(source) is the page with that source run after the servers, the stepper ready."""

    def go(*sources, waits=True):
        opened(page, lab, f"{request.node.originalname}.ipynb", notebook(SERVER, *sources), waits=waits)
        page.wait_for_selector(".mfs [role=option]")
        return page

    return go


def expect_words(page, *wanted):
    page.wait_for_function(
        "w => JSON.stringify([...document.querySelector('.mfs').querySelectorAll('.mfs-word')].map(e => e.textContent)) === w",
        arg=json.dumps(list(wanted), separators=(",", ":")),
    )


def expect_line(page, line):
    page.wait_for_function("l => document.querySelector('.mfs-line').textContent === l", arg=line)


def cells(page):
    return page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")


def press(page, key):
    page.keyboard.press(key)


def steps(page):
    page.locator(".mfs-steps").first.focus()


def shot(page, name):
    if folder := os.environ.get("SHOTS"):
        page.locator(".mfs").first.screenshot(path=str(Path(folder) / f"{name}.png"))

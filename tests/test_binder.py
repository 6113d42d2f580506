"""What a hosted Jupyter is built from: a Python that can install the package, and the tour to begin with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

BINDER = Path(__file__).resolve().parent.parent / "binder"


def test_a_build_installs_the_package_with_a_python_that_it_runs_on() -> None:
    assert (BINDER / "requirements.txt").read_text("utf-8").split() == ["-e", ".[lab]"]
    [major, minor] = re.findall(r"\d+", (BINDER / "runtime.txt").read_text("utf-8"))
    assert (int(major), int(minor)) >= (3, 11)


def test_the_last_step_of_a_build_tries_the_package_and_opens_the_tour(tmp_path: Path) -> None:
    build = BINDER / "postBuild"
    assert os.access(build, os.X_OK)
    [opened] = re.findall(r'"/lab/tree/([^"]+)"', build.read_text("utf-8"))
    assert (BINDER.parent / opened).is_file()
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "python").write_text(
        f'#!/bin/sh\ncase "$2" in *sys.prefix*) echo "{tmp_path}";; *) exec {sys.executable} "$@";; esac\n'
    )
    (tools / "mcpflow-nb").write_text(f'#!/bin/sh\nexec {sys.executable} -m mcpflow_nb "$@"\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    done = subprocess.run(
        ["bash", str(build)], env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in (tmp_path / "etc" / "jupyter" / "jupyter_server_config.d").iterdir()] == [
        "mcpflow_nb.json"
    ]

"""What pytest must know: the programs that tests start are no tests; and the raw server that misbehaves."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

collect_ignore = [path.name for path in Path(__file__).parent.glob("*.py") if not path.name.startswith("test_")]
os.environ["MCPFLOW_DATA"] = tempfile.mkdtemp(prefix="mcpflow-tests-")  # no test writes into the user's own journal
atexit.register(shutil.rmtree, os.environ["MCPFLOW_DATA"], ignore_errors=True)
RAW = str(Path(__file__).with_name("raw_server.py"))


@pytest.fixture
def raw(tmp_path):
    """raw("die") is a config of the raw server in that mode; raw.calls() how often its tool was really called."""
    log = tmp_path / "calls"

    def config(mode="ok", **more):
        return {"command": sys.executable, "args": [RAW, mode], "env": {"CALLS": str(log)}, "mode": "legacy", **more}

    config.calls = lambda: len(log.read_text().splitlines()) if log.exists() else 0
    return config

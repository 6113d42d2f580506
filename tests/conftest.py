"""What pytest must know: the programs that tests start are no tests; and the raw server that misbehaves."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from mcpflow_nb.masking import KNOWN
from tests.postgres_server import postgres_server

collect_ignore = [path.name for path in Path(__file__).parent.glob("*.py") if not path.name.startswith("test_")]
settings.register_profile("gate", deadline=None)  # how long an example takes depends on what else this machine does
settings.load_profile("gate")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so a shell starts what it runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
RAW = str(Path(__file__).with_name("raw_server.py"))


@pytest.fixture(scope="session", autouse=True)
def data_folder(tmp_path_factory):
    """What is kept for the user goes to a folder of the tests; children that get our environment see the same."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("data")
        patch.setenv("MCPFLOW_DATA", str(folder))
        yield folder


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server of our own; what needs it says that it skipped where there can be none."""
    try:
        with postgres_server() as server:
            yield server
    except LookupError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgres"])
def journal(request, tmp_path):
    """A journal that is not there yet: a test that takes it is true of every database."""
    return str(tmp_path / "runs.db") if request.param == "sqlite" else request.getfixturevalue("postgres").journal()


@pytest.fixture(autouse=True)
def no_known_secrets():
    """Each test begins as a process does: knowing no secret."""
    yield
    KNOWN.__init__()


@pytest.fixture
def raw(tmp_path):
    """raw("die") is a config of the raw server in that mode; raw.calls() how often its tool was really called."""
    log = tmp_path / "calls"

    def config(mode="ok", **more):
        return {"command": sys.executable, "args": [RAW, mode], "env": {"CALLS": str(log)}, "mode": "legacy", **more}

    config.calls = lambda: len(log.read_text().splitlines()) if log.exists() else 0
    return config

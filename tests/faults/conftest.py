"""The programs that these tests start are no tests; one bench, a server and its workers, for a file of tests."""

import json
import sys
from pathlib import Path

import pytest

from tests.faults.killing import bench as opened

ODD = str(Path(__file__).with_name("odd_server.py"))
collect_ignore = [path.name for path in Path(__file__).parent.glob("*.py") if not path.name.startswith("test_")]


def pytest_collection_modifyitems(config, items):
    """Leave out what takes minutes, unless it is asked for: `-m nightly`."""
    if "nightly" not in config.option.markexpr:
        left = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A server that outlives the workers which are killed."""
    with opened(tmp_path_factory.mktemp("bench")) as made:
        yield made


@pytest.fixture
def odd(tmp_path):
    """odd(at_call=[...]) is a config of the odd server; `odd.log(config)` has a word for each list and call it got."""
    made = []

    def config(**plan):
        folder = tmp_path / f"odd{len(made)}"
        folder.mkdir()
        (folder / "plan.json").write_text(json.dumps({"calls": str(folder / "calls"), **plan}), "utf-8")
        made.append(folder)
        return {"command": sys.executable, "args": [ODD, str(folder / "plan.json")], "mode": "legacy"}

    config.log = lambda number=-1: (made[number] / "calls").read_text("utf-8").split()
    return config

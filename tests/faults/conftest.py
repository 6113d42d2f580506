"""The programs that these tests start are no tests; one bench, a server and its workers, for a file of tests."""

from pathlib import Path

import pytest

from tests.faults.killing import bench as opened

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

"""A saved file is whole or as it was, and stands nowhere but where its writer said."""

import os
import resource
import signal

import pytest

import mcpflow_nb as mf

FLOW = mf.SequentialWorkflow("../../etc/passwd\x00")


@pytest.mark.row("FI05")
def test_what_is_saved_stands_at_the_path_that_was_given_whatever_the_workflow_is_called(tmp_path):
    """A path is the writer's own word, and a cell may run twice; a name out of data is never one."""
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    for _ in range(2):
        assert FLOW.save(folder / "w.json") == folder / "w.json"
    assert [one.name for one in tmp_path.rglob("*") if one.is_file()] == ["w.json"]


@pytest.mark.row("FI05")
def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path):
    target, link = tmp_path / "precious", tmp_path / "w.json"
    target.write_text("precious")
    link.symlink_to(target)
    FLOW.save(link)
    assert (target.read_text(), link.is_symlink()) == ("precious", False)


@pytest.mark.row("FI05")
@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "no/such/folder", ".", ""])
def test_a_path_that_is_none_is_an_error_and_leaves_nothing_behind(tmp_path, name):
    with pytest.raises((OSError, ValueError)):
        FLOW.save(f"{tmp_path}/{name}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.row("FI07")
def test_a_disk_that_is_full_leaves_the_old_file_as_it_was(tmp_path):
    """The limit on a file's size stands for the end of the disk."""
    file, limits = tmp_path / "w.json", resource.getrlimit(resource.RLIMIT_FSIZE)
    FLOW.save(file)
    before, handler = file.read_bytes(), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before), limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            mf.SequentialWorkflow("w", "x" * 1000).save(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert (file.read_bytes(), os.listdir(tmp_path)) == (before, ["w.json"])

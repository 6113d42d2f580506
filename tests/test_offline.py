"""The notebook of real servers, recorded over stdio, runs again from its cassette where there is no network at all."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.real_servers import NOTEBOOK, why_not

ALONE = (["unshare", "--net"], ["unshare", "--map-root-user", "--net"])
LIVE = """servers = mf.connect(
    time=[sys.executable, "-m", "mcp_server_time"],
    git=[sys.executable, "-m", "mcp_server_git"],
)
servers"""
FOLDER = """folder = tempfile.TemporaryDirectory(prefix="diary-")
repository = Path(folder.name)
"""
TOLD = """
import json, socket
shown = [(one.step, one.status, one.source, one.value, one.error, one.sent) for one in run.trace]
print(json.dumps([shown, stopped.error, [name for _, name in socket.if_nameindex()]]))
"""


def program(connected, closed):
    """The cells of the notebook as one program, with a folder and stamps that are the same in every run."""
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    shown = "show.start(servers, repo=str(repository), stamp=stamp()).all()"
    for old, new in (
        (LIVE, connected), (FOLDER, "repository = Path('diary').absolute()\nrepository.mkdir()\n"), ("\n" + shown, "\nstopped = " + shown),
        ("lambda: secrets.token_hex(3)", "map(str, range(9)).__next__"), ("display(", "print("),
        ("servers.close()\nfolder.cleanup()", closed),
    ):  # fmt: skip
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text + TOLD


def ran(text, folder, *before):
    shutil.rmtree(folder / "diary", ignore_errors=True)
    command = [*before, sys.executable, "-W", "error", "-c", text]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def without_network():
    for command in ALONE:
        if shutil.which("unshare") and not subprocess.run([*command, "true"], capture_output=True).returncode:
            return command
    return None


@pytest.mark.row("RM04")
def test_the_notebook_of_real_servers_replays_without_a_network(tmp_path):
    if why := why_not(NOTEBOOK.name):
        pytest.skip(why)
    if (alone := without_network()) is None:
        pytest.skip("a process without network needs `unshare --net`, which is not permitted here")
    recorded = program(f"{LIVE}\ntape = servers.record('diary.cassette.json').start()", "tape.stop()\nservers.close()")
    live, live_error, _ = ran(recorded, tmp_path)
    replayed = program("servers = mf.replay('diary.cassette.json')", "assert servers.unused == ()")
    again, again_error, interfaces = ran(replayed, tmp_path, *alone)
    assert interfaces == ["lo"]
    assert [one[:2] + one[3:] for one in again] == [one[:2] + one[3:] for one in live]
    assert ({one[2] for one in live}, {one[2] for one in again}) == ({"live"}, {"recorded"})
    assert (live_error, [one[1] for one in live]) == (again_error, ["ok"] * 7)

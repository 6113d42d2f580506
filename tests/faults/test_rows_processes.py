"""Rows SP01 to SP14 of the table of faults: children that die, hang, fork, babble or do not want to end."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

import mcpflow_nb as mf
from mcpflow_nb.connecting.config import spec
from mcpflow_nb.connecting.stderr import MAX_BYTES
from tests.faults.acts import FINE, two_steps
from tests.faults.conftest import ODD

HALF = {"bytes": b'{"jsonrpc":"2.0","id":2,"result":{"cont'.hex()}
NO_FUNCTION = pytest.mark.skipif(sys.platform == "win32", reason="no POSIX signals there")


def is_gone(pid, seconds=3):
    """Tell whether a process has ended, or does in time; one that waits to be reaped has ended."""
    try:
        psutil.Process(pid).wait(seconds)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


def children():
    return {one.pid for one in psutil.Process().children(recursive=True)}


@NO_FUNCTION
@pytest.mark.parametrize(
    ("acts", "how"),
    [
        pytest.param([{"kill": 9}], "it was ended by SIGKILL", marks=pytest.mark.row("SP01")),
        pytest.param([{"exit": 0}], "it ended with exit code 0", marks=pytest.mark.row("SP02")),
        pytest.param([HALF, {"exit": 0}], "its last message was cut", marks=pytest.mark.row("SP08")),
    ],
    ids=["killed", "ended", "cut"],
)
def test_a_child_that_ends_in_a_call_leaves_an_unknown_step_and_is_not_asked_again(odd, acts, how):
    before = children()
    with mf.connect(odd=odd(at_call=acts), m=mf.mock({"t": 1})) as servers:
        run = two_steps().start(servers).all()
        assert (run.outcome, [one.status for one in run.trace]) == ("unknown", ["unknown"])
        assert [one.step for one in run.trace.ahead] == ["use"]
        assert run.reason.startswith(
            "step 'ask', tool 't' on server 'odd': the connection was lost before an answer came"
        )
        assert how in run.reason
        with pytest.raises(mf.RunError, match="the run is unknown"):
            run.all()
        assert (odd.log(), servers.call("m.t")) == (["list", "call"], 1)
    assert {pid for pid in children() - before if not is_gone(pid)} == set()


@pytest.mark.row("SP03")
def test_a_call_without_an_end_is_unknown_at_its_deadline_and_its_server_is_used_no_more(odd):
    with mf.connect(odd=odd(at_call=[{"sleep": 600}])) as servers:
        begun = time.monotonic()
        run = two_steps(seconds=0.5).start(servers).all()
        assert time.monotonic() - begun < 0.5 + 2
        assert (run.outcome, run.trace[0].status, servers["odd"].state) == ("unknown", "unknown", "lost")
    assert "no answer within 0.5 s" in run.reason


@pytest.mark.row("SP03", "SP04")
def test_without_a_word_of_the_author_a_call_has_30_seconds_and_a_connection_ten():
    from mcpflow_nb.connecting.calls import CALL_SECONDS

    assert (CALL_SECONDS, spec("s", ["python"]).connect_seconds) == (30.0, 10.0)


@pytest.mark.row("SP04")
def test_a_handshake_without_an_end_is_a_connect_error_that_names_the_command(odd):
    begun = time.monotonic()
    with pytest.raises(mf.ConnectError, match=r"server 'odd' \(python.*no answer to the handshake within 0.5 s"):
        mf.connect(odd={**odd(at_start=[{"sleep": 600}]), "timeout": 0.5})
    assert time.monotonic() - begun < 4


@pytest.mark.row("SP05")
def test_the_last_words_of_a_child_that_did_not_start_are_shown_escaped_and_without_secrets(monkeypatch):
    monkeypatch.setenv("C_KEY", "canary-start-31")
    code = "import os, sys; [print(n, file=sys.stderr) for n in range(50)]; sys.exit('\\x1b[2J ' + os.environ['KEY'])"
    begun = time.monotonic()
    with pytest.raises(mf.ConnectError) as caught:
        mf.connect(odd={"command": sys.executable, "args": ["-c", code], "env": {"KEY": mf.env("C_KEY")}})
    assert time.monotonic() - begun < 4  # measured 0.2 s; the bound is for a loaded machine
    assert (len(caught.value.stderr), caught.value.stderr[0]) == (20, "31")
    assert ("canary" in str(caught.value), "\x1b" in str(caught.value), "••••" in str(caught.value)) == (
        False,
        False,
        True,
    )


@pytest.mark.row("SP06")
@pytest.mark.parametrize(
    ("command", "why"),
    [("/no/such", "no such command"), (ODD, "not executable"), (os.path.dirname(ODD), "not executable")],
)
def test_a_command_that_cannot_be_started_is_one_sentence(command, why):
    with pytest.raises(mf.ConnectError, match=why) as caught:
        mf.connect(odd=[command])
    assert "anyio" not in "".join(caught.value._render_traceback_())


@pytest.mark.row("SP07")
def test_what_is_no_message_on_stdout_ends_nothing(odd, caplog):
    noise = [{"bytes": b"banner \x00\xff\x1b[2J <b>\n".hex()}, {"say": "a line of a log"}, FINE]
    with mf.connect(odd=odd(at_call=noise)) as servers:
        assert two_steps().start(servers).all().outcome == "completed"
        assert servers["odd"]._session.noise == 4
    said = [one.getMessage() for one in caplog.records if one.name.startswith("mcpflow_nb")]
    assert len(said) == 1
    assert r"server 'odd' wrote what is no MCP message on its stdout, first: 'banner \x00�\x1b[2J <b>'" in said[0]


@pytest.mark.row("SP09")
def test_fifty_megabytes_on_stderr_without_a_line_end_hold_up_nothing_and_are_not_kept(odd):
    with mf.connect(odd=odd(at_call=[{"stderr": 50_000_000}, FINE])) as servers:
        before = psutil.Process().memory_info().rss
        assert servers.call("odd.t", timeout=60) == {"n": 1}
        assert psutil.Process().memory_info().rss - before < 5_000_000
    assert MAX_BYTES <= 64_000


@pytest.mark.row("SP11")
def test_a_child_that_ignores_every_word_is_killed_and_closing_takes_less_than_five_seconds(odd):
    servers, before = mf.connect(odd=odd(at_start=[{"deaf": True}])), children()
    begun = time.monotonic()
    servers.close()
    assert time.monotonic() - begun < 6  # 2 s for EOF, 2 s for SIGTERM, then SIGKILL; measured 4.0 s
    assert {pid for pid in before if not is_gone(pid, 0.5)} == set()


@NO_FUNCTION
@pytest.mark.row("SP12")
def test_what_a_child_started_and_left_behind_ends_with_it(odd, tmp_path):
    servers = mf.connect(odd=odd(at_call=[{"grandchild": str(tmp_path / "pid")}, FINE]))
    assert servers.call("odd.t") == {"n": 1}
    begun = time.monotonic()
    servers.close()
    assert time.monotonic() - begun < 5
    assert is_gone(int((tmp_path / "pid").read_text()))


@NO_FUNCTION
@pytest.mark.row("SP13")
def test_a_child_ends_by_itself_when_its_client_was_killed(odd, tmp_path):
    code = (
        f"import time, psutil, mcpflow_nb as mf\nservers = mf.connect(odd={odd()!r})\n"
        "print([one.pid for one in psutil.Process().children()][0], flush=True)\ntime.sleep(600)"
    )
    client = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        child = int(client.stdout.readline())
        assert psutil.pid_exists(child)
    finally:
        os.kill(client.pid, signal.SIGKILL)
        client.communicate()
    assert is_gone(child, 10)

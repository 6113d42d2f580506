"""A config file starts nothing until its reader said so, and what is said holds for exactly what was there."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest

import mcpflow_nb as mf
from mcpflow_nb.connecting.trusting import Trusted, require_trust

EVIL = "a\u202eb\x1b[2J\n" + "x" * 5_000


@pytest.fixture
def config(tmp_path, monkeypatch):
    """config({...}) writes mcp.json; what is trusted goes to a folder of this test."""
    monkeypatch.setenv("MCPFLOW_DATA", str(tmp_path / "data"))

    def write(**servers):
        path = tmp_path / "mcp.json"
        path.write_text(json.dumps({"mcpServers": servers}))
        return path

    return write


def refused(path):
    try:
        require_trust(path, json.loads(path.read_text())["mcpServers"])
    except mf.TrustError as error:
        return error.commands
    return ()


@pytest.mark.row("FI02")
def test_an_untrusted_file_starts_nothing_and_the_error_lists_every_command_and_the_way(config, tmp_path):
    ran = tmp_path / "ran"
    touch = {"command": sys.executable, "args": ["-c", f"open({str(ran)!r}, 'w')"]}
    path = config(
        one=touch, two={**touch, "env": {"TOKEN": "canary-1"}, "cwd": "/x"}, web={"url": "http://127.0.0.1:9/"}
    )
    with pytest.raises(mf.TrustError) as caught:
        mf.connect(path)
    text = str(caught.value)
    command = json.dumps([sys.executable, *touch["args"]])
    assert caught.value.commands == (
        f'server "one" runs {command}', f'server "two" runs {command} in the folder "/x", with env "TOKEN"',
    )  # fmt: skip
    assert f'mf.trust("{path}"), or in a shell: mcpflow-nb trust {path}' in text
    assert ("canary" in text, ran.exists(), isinstance(caught.value, mf.ConfigError)) == (False, False, True)


def test_a_command_beside_a_url_that_is_null_is_a_command(config):
    assert refused(config(one={"url": None, "command": "python"})) == ('server "one" runs ["python"]',)


def test_what_was_trusted_starts_also_by_another_path_and_in_another_process(config, raw, tmp_path):
    path = config(raw=raw())
    shown = mf.trust(path)
    assert [one.server for one in shown.starts] == ["raw"]
    (tmp_path / "link.json").symlink_to(path)
    with mf.connect(tmp_path / "link.json") as servers:
        assert "t" in servers["raw"].tools
    code = f"import mcpflow_nb as mf; mf.connect({str(path)!r}).close()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


CHANGES = [
    ({"args": ["-V", "x"]}, "args"), ({"command": "other"}, "command"), ({"cwd": "/"}, "cwd"),
    ({"env": {"A": "2"}}, "a value of env"), ({"env": {"B": "1"}}, "a name of env"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "what"), CHANGES)
@pytest.mark.row("FI02")
def test_any_change_of_a_command_asks_again_and_the_others_stay_trusted(config, change, what):
    entry = {"command": "python", "args": ["-V"], "env": {"A": "1"}}
    path = config(one=entry, two=entry)
    mf.trust(path)
    assert refused(path) == ()
    path = config(one={**entry, **change}, two=entry)
    assert [line.split()[1] for line in refused(path)] == ['"one"']


def test_another_name_or_another_place_of_the_same_command_asks_again(config, tmp_path):
    entry = {"command": "python", "args": ["server.py"]}
    mf.trust(config(one=entry))
    assert len(refused(config(other=entry))) == 1
    path = config(one=entry)
    copy = tmp_path / "elsewhere.json"
    copy.write_text(path.read_text())
    assert (refused(path), len(refused(copy))) == ((), 1)


def test_trust_is_taken_back(config):
    path = config(one={"command": "python"})
    mf.trust(path)
    assert (mf.untrust(path), mf.untrust(path), len(refused(path))) == (True, False, 1)


def test_a_url_alone_needs_no_trust_but_one_that_is_sent_a_variable_does(config):
    assert refused(config(web={"url": "https://host.example/mcp", "headers": {"X": "y"}})) == ()
    path = config(web={"url": "https://me:pw@host.example/mcp?k=${KEY}", "headers": {"A": "Bearer ${env:TOKEN}"}})
    assert refused(path) == ('server "web" is at "https://host.example/mcp", and is sent the variables "KEY", "TOKEN"',)


def test_a_server_that_is_given_in_the_cell_instead_is_the_users_own(config, raw):
    path = config(raw={"command": "never-started"})
    with mf.connect(path, raw=raw()) as servers:
        assert servers.names == ("raw",)


def test_a_mapping_in_a_cell_is_the_users_own(raw):
    with mf.connect({"mcpServers": {"raw": raw()}}) as servers:
        assert servers.names == ("raw",)


def test_what_is_kept_is_for_this_user_alone_and_holds_no_command(config, tmp_path):
    mf.trust(config(one={"command": "canary-command", "env": {"T": "canary-value"}}))
    (kept,) = (tmp_path / "data" / "trusted").iterdir()
    modes = [stat.S_IMODE(place.stat().st_mode) for place in (kept, kept.parent, kept.parent.parent)]
    assert (modes, "canary" in kept.read_text()) == ([0o600, 0o700, 0o700], False)


@pytest.mark.parametrize("text", ["", "[]", '{"servers": 7}', "[" * 5_000, '{"servers": {"one": null}}'])
def test_a_store_that_is_broken_is_no_trust(config, tmp_path, text):
    path = config(one={"command": "python"})
    mf.trust(path)
    (kept,) = (tmp_path / "data" / "trusted").iterdir()
    kept.write_text(text)
    assert len(refused(path)) == 1


@pytest.mark.skipif(os.name != "posix", reason="a folder cannot be made under a file of POSIX")
def test_a_folder_that_cannot_be_made_is_one_sentence(config, tmp_path, monkeypatch):
    path = config(one={"command": "python"})
    monkeypatch.setenv("MCPFLOW_DATA", str(path / "below"))
    with pytest.raises(mf.ConfigError, match=r"cannot be kept.*MCPFLOW_DATA"):
        mf.trust(path)
    with pytest.raises(mf.TrustError):
        mf.connect(path)


@pytest.mark.row("FI02")
def test_a_hostile_command_is_shown_whole_and_in_printable_ascii(config):
    path = config(**{EVIL: {"command": EVIL, "args": [EVIL], "cwd": EVIL, "env": {EVIL: "canary"}}})
    (line,) = refused(path)
    assert (line.isascii() and line.isprintable(), line.count("x" * 5_000), "canary" in line) == (True, 5, False)
    shown = mf.trust(path)._repr_mimebundle_()
    for text in map("".join, (part.split("\n  ") for part in shown.values())):
        assert ("x" * 5_000 in text, "\u202e" in text, "\x1b" in text, "canary" in text) == (True, False, False, False)


@pytest.mark.parametrize("entry", [7, None, [], {"command": 7}, {"command": "x", "args": "y"}, {"args": []}])
def test_an_entry_that_is_none_is_an_error_and_never_a_crash(config, entry):
    path = config(one=entry)
    with pytest.raises(mf.ConfigError):
        mf.connect(path)


def test_a_file_without_commands_has_nothing_to_trust(config):
    assert mf.trust(path := config()) == Trusted(str(path), ())


def test_the_command_line_refuses_in_one_message_and_trusts(config, tmp_path, raw):
    path = config(raw=raw())
    mf.SequentialWorkflow("w").step("s", tool="raw.t").save(tmp_path / "w.json")

    def command(*words):
        line = [sys.executable, "-m", "mcpflow_nb", *words]
        return subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    for verb in ("check", "run", "serve"):
        done = command(verb, "w.json", "--servers", "mcp.json")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith('mcpflow-nb: "mcp.json" is not trusted, and nothing was started')
        assert done.stderr.endswith("mcpflow-nb trust mcp.json\n")
    done = command("trust", "mcp.json")
    said = "".join(done.stdout.split("\n  "))  # a long command goes on in the next line
    assert (done.returncode, json.dumps([raw()["command"], *raw()["args"]]) in said) == (0, True)
    assert command("check", "w.json", "--servers", "mcp.json").returncode == 0
    assert raw.calls() == 0
    assert path.exists()

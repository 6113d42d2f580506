"""How a server is written: in Python, in a config dict, in an mcp.json."""

import json
import sys

import pytest
from mcp import StdioServerParameters

import mcpflow_nb as mf
from mcpflow_nb.connecting.config import spec
from mcpflow_nb.connecting.config_files import read, with_this_python


def test_a_command_is_a_list_a_text_a_dict_or_the_sdk_s_parameters():
    wanted = ("prog", "-m", "x y")
    ways = [
        ["prog", "-m", "x y"],
        "prog -m 'x y'",
        {"command": "prog", "args": ["-m", "x y"]},
        StdioServerParameters(command="prog", args=["-m", "x y"]),
    ]
    assert [spec("s", way).command for way in ways] == [wanted] * 4


def test_a_url_is_http_and_shows_its_host_alone():
    made = spec("s", "https://me:canary@host.example:8443/mcp?key=canary")
    assert (made.transport, made.target) == ("http", "host.example:8443")
    assert "canary" not in repr(made)


@pytest.mark.parametrize(
    "value", [7, object(), {}, {"args": ["x"]}, [], [1, 2], "ftp://host/x", {"url": "file:///etc/passwd"}]
)
def test_what_is_no_server_is_refused_by_name(value):
    with pytest.raises(mf.ConfigError, match="server 'odd'"):
        spec("odd", value)


def test_variables_are_filled_in_everywhere_and_only_once(monkeypatch):
    monkeypatch.setenv("KEY", "${HOME}")
    given = {"command": "${PROG:-prog}", "args": ["${env:KEY}"], "env": {"A": "x${KEY}y"}}
    made = spec("s", given)
    assert (made.command, dict(made.env)) == (("prog", "${HOME}"), {"A": "x${HOME}y"})


def test_a_variable_that_is_not_set_is_named():
    with pytest.raises(mf.ConfigError, match=r"server 's', env.A: \$\{NOT_SET_AT_ALL\} is not set"):
        spec("s", {"command": "x", "env": {"A": "${NOT_SET_AT_ALL}"}})


def test_an_input_of_vs_code_is_an_error_that_says_so():
    with pytest.raises(mf.ConfigError, match="an input of VS Code"):
        spec("s", {"command": "x", "args": ["${input:token}"]})


def test_unknown_keys_are_kept():
    assert spec("s", {"command": "x", "disabled": True, "note": "n"}).extra == {"disabled": True, "note": "n"}


@pytest.mark.parametrize("key", ["mcpServers", "servers"])
def test_both_kinds_of_config_file_are_read(tmp_path, key):
    path = tmp_path / "mcp.json"
    path.write_text("\ufeff" + json.dumps({key: {"a": {"command": "python", "args": ["-V"]}}}), encoding="utf-8")
    assert read(path) == {"a": {"command": "python", "args": ["-V"]}}
    assert with_this_python(read(path)["a"])["command"] == sys.executable


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"mcpServers": []}', "[" * 5000, "{'a': 1}"])
def test_a_file_that_is_no_config_is_one_error(tmp_path, text):
    path = tmp_path / "mcp.json"
    path.write_text(text)
    with pytest.raises(mf.ConfigError, match=r"mcp\.json"):
        mf.connect(path)


def test_a_config_file_that_is_missing_is_one_error(tmp_path):
    with pytest.raises(mf.ConfigError, match="No such file"):
        mf.connect(tmp_path / "none.json")

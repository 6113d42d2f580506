"""Servers by name: finding a tool, calling it by hand."""

import asyncio
import datetime

import pytest

import mcpflow_nb as mf


def test_a_mapping_of_any_names_connects_as_well():
    with mf.connect({"my server": mf.mock({"t": 1})}, other=mf.mock({"u": 2})) as servers:
        assert servers.names == ("my server", "other")
        assert (servers.call("my server.t"), servers.call("u")) == (1, 2)


def test_a_tool_is_found_by_server_and_name_by_bare_name_and_with_dots_in_its_name():
    with mf.connect(a=mf.mock({"t": 1, "x.y": 2}), b=mf.mock({"t": 3, "only": 4})) as servers:
        found = [
            servers.call("a.t"),
            servers.call("t", server="b"),
            servers.call("only"),
            servers.call("a.x.y"),
            servers.call("x.y"),
        ]
    assert found == [1, 3, 4, 2, 2]


@pytest.mark.parametrize(
    ("tool", "kind", "known"),
    [
        ("a.tt", "tool", ("t",)),
        ("c.t", "server", ("a", "b")),
        ("t", "ambiguous tool", ("a.t", "b.t")),
        ("nothing", "tool", ("a.t", "b.t", "b.only")),
    ],
)
@pytest.mark.row("TL05")
def test_a_tool_that_cannot_be_meant_lists_what_is_there(tool, kind, known):
    with mf.connect(a=mf.mock({"t": 1}), b=mf.mock({"t": 3, "only": 4})) as servers:
        with pytest.raises(mf.NotOfferedError) as caught:
            servers.call(tool)
    assert (caught.value.kind, caught.value.known) == (kind, known)


def test_the_catalogue_reads_by_name_and_suggests_the_nearest():
    with mf.connect(hr=mf.mock({"create_employee": 1})) as servers:
        assert servers["hr"].tools["create_employee"].name == "create_employee"
        with pytest.raises(mf.NotOfferedError, match="did you mean 'create_employee'"):
            servers["hr"].tools["create_employe"]
        with pytest.raises(mf.NotOfferedError, match="there is no server 'rh'; known: 'hr'"):
            servers["rh"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "nan is no JSON number"),
        (datetime.date(2024, 2, 1), r"give text: value\.isoformat\(\)"),
        ("\ud800", "lone surrogate"),
        ({1: 2}, "the key 1 is no text"),
        (b"x", "bytes is no JSON value"),
    ],
)
def test_an_argument_that_is_no_json_is_refused_by_name_before_sending(value, said):
    mock = mf.mock({"t": 1})
    with mf.connect(a=mock) as servers, pytest.raises(mf.CallError, match=f"argument 'when': .*{said}") as caught:
        servers.call("a.t", {"when": value})
    assert (caught.value.status, mock.calls) == ("not_sent", [])


def test_numpy_numbers_arrive_as_numbers():
    import numpy as np

    mock = mf.mock({"t": 1})
    with mf.connect(a=mock) as servers:
        servers.call("a.t", {"i": np.int64(2**60 + 1), "f": np.float64(0.5), "b": np.bool_(True), "s": np.str_("x")})
    assert mock.calls == [("t", {"i": 2**60 + 1, "f": 0.5, "b": True, "s": "x"})]


def test_a_call_by_hand_that_fails_says_what_the_tool_said():
    with mf.connect(a=mf.mock({"t": ValueError("no money")})) as servers:
        with pytest.raises(mf.CallError, match=r"tool 't' on server 'a': ValueError: no money \[tool_error\]"):
            servers.call("a.t")


def test_async_code_connects_calls_and_closes():
    async def all_of_it():
        async with await mf.connect.aio(a=mf.mock({"t": 1})) as servers:
            return await servers.call.aio("a.t"), await asyncio.gather(*(servers.call.aio("a.t") for _ in range(5)))

    assert asyncio.run(all_of_it()) == (1, [1] * 5)


def test_nothing_at_all_to_connect_is_an_error():
    with pytest.raises(mf.ConfigError, match="at least one server"):
        mf.connect()


def test_a_list_that_changed_is_read_again_on_refresh():
    mock = mf.mock({"t": 1})
    with mf.connect(a=mock) as servers:
        mock.tools.clear()
        assert list(servers["a"].tools) == ["t"]
        assert list(servers.refresh()["a"].tools) == []


@pytest.mark.parametrize("tool", [None, 3, ["a.t"]])
def test_a_call_of_what_is_no_name_says_how_a_tool_is_named(tool):
    with mf.connect(a=mf.mock({"t": 1})) as servers:
        with pytest.raises(mf.ConfigError, match=r"call: name a tool as text, 'server\.tool', not"):
            servers.call(tool)


def test_servers_whose_name_was_connected_again_say_so_and_closed_ones_say_how_to_connect():
    first = mf.connect(b=mf.mock({"t": 1}))
    with mf.connect(b=mf.mock({"t": 2})) as second:
        with pytest.raises(
            mf.CallError, match=r"server 'b' was replaced by a later mf.connect\(b=...\); use those servers"
        ):
            first.call("b.t")
        first.close()
        with pytest.raises(mf.CallError, match="'b' was replaced by a later"):
            first.call("b.t")
        assert second.call("b.t") == 2
    with pytest.raises(mf.CallError, match=r"server 'b' is closed; connect it again: mf.connect\(b=...\)"):
        second.call("b.t")

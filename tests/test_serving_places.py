"""Where a served workflow listens: one place at a time, which stays unless another is asked for, and its token."""

import asyncio
import socket

import httpx2
import pytest

import mcpflow_nb as mf
from mcpflow_nb.bridge import run as in_io_thread
from mcpflow_nb.serving import http


@pytest.fixture
def servers():
    with mf.connect(hr=mf.mock({"create": 1})) as opened:
        yield opened


@pytest.fixture
def opened(servers):
    """A served workflow under its test's own name, and nothing open afterwards."""
    made = mf.serve(mf.SequentialWorkflow("greet").step("create", tool="hr.create"), servers, name="places")
    yield made
    made.stop()


@pytest.fixture
def taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def status(served, authorization):
    headers = {"Authorization": authorization}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    return httpx2.post(served.url, headers=headers, json=request).status_code


def place(served):
    return served.url, served.endpoint.token, served.endpoint.is_open


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_of_a_token_is_written_in_any_case(opened, scheme):
    opened.http(token="secret-1")
    assert status(opened, f"{scheme} secret-1") not in (401, 403)
    assert [status(opened, given) for given in (f"{scheme} secret-2", scheme, "Basic secret-1")] == [401] * 3


@pytest.mark.parametrize("token", ["a b", " a", "a\n", "a\r\nX-Evil: 1", "é", "日本", "\x00", "\t"])
def test_a_token_that_no_client_could_send_is_refused_and_nothing_is_opened(opened, token):
    with pytest.raises(mf.ServeError, match="a token is made of visible ASCII characters without blanks"):
        opened.http(token=token)
    assert opened.endpoint is None


@pytest.mark.parametrize("port", ["80", None, True, 70_000, -1, 80.0])
def test_a_port_that_is_none_is_refused_and_nothing_is_opened(opened, port):
    with pytest.raises(mf.ServeError, match="port is a number from 0") as caught:
        opened.http(port=port)
    assert repr(port) in str(caught.value)
    assert opened.endpoint is None


def test_with_nothing_new_it_stays_where_it_is(opened):
    first = place(opened.http())
    port, token = opened.endpoint.port, opened.endpoint.token
    for asked in ({}, {"port": port}, {"token": token}, {"token": ""}, {"port": port, "token": token}):
        assert place(opened.http(**asked)) == first


def test_another_token_moves_it_there_on_the_same_port(opened):
    url, old, _ = place(opened.http())
    assert place(opened.http(token="secret-2")) == (url, "secret-2", True)
    assert (status(opened, f"Bearer {old}"), status(opened, "Bearer secret-2") == 401) == (401, False)


def test_another_port_moves_it_there_with_the_same_token(opened):
    url, token, _ = place(opened.http())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert place(opened.http(port=free)) == (f"http://127.0.0.1:{free}/mcp", token, True)
    with pytest.raises(httpx2.ConnectError):
        httpx2.post(url, json={})


def test_a_move_to_a_port_in_use_leaves_it_where_it_is(opened, taken):
    before = place(opened.http())
    with pytest.raises(mf.ServeError, match="in use"):
        opened.http(port=taken)
    assert place(opened) == before
    assert status(opened, f"Bearer {before[1]}") not in (401, 403)
    assert place(opened.http()) == before


@pytest.mark.parametrize("asked", [{"token": "a b"}, {"port": "80"}, {"host": "0.0.0.0"}])
def test_a_move_that_is_refused_leaves_it_where_it_is(opened, asked):
    before = place(opened.http())
    with pytest.raises(mf.ServeError):
        opened.http(**asked)
    assert place(opened) == before


def test_three_that_open_at_once_are_one_place_and_stop_closes_it(opened, capsys):
    async def together():
        return await asyncio.gather(*(opened.http.aio() for _ in range(3)))

    found = asyncio.run(together())
    assert found == [opened] * 3
    assert capsys.readouterr().out.split("\n")[0::2] == [f"places is served at {opened.url}", ""]
    opened.stop()
    assert opened.endpoint.is_open is False
    with pytest.raises(httpx2.ConnectError):
        httpx2.post(opened.url, json={})


def test_two_of_one_name_that_open_at_once_are_one_place_that_the_later_has(opened, servers, capsys):
    other = mf.serve(mf.SequentialWorkflow("greet").step("create", tool="hr.create"), servers, name="places")

    async def together():
        await asyncio.gather(opened.http.aio(), other.http.aio())

    asyncio.run(together())
    try:
        assert sorted([opened.endpoint.is_open, other.endpoint.is_open]) == [False, True]
        assert (opened.url, opened.endpoint.token) == (other.url, other.endpoint.token)
        assert capsys.readouterr().out.count(f"places is served at {opened.url}\n") == 2
    finally:
        other.stop()


def test_a_stopped_one_opens_again(opened):
    opened.http().stop()
    assert opened.http().endpoint.is_open


def test_stop_without_a_place_does_nothing(opened):
    opened.stop()
    assert (opened.endpoint, opened.url) == (None, None)


class Stuck:
    """A server whose application never gets ready."""

    def streamable_http_app(self, **_):
        async def application(scope, receive, send):
            await asyncio.sleep(60)

        return application


def test_an_endpoint_that_does_not_begin_is_given_up(monkeypatch):
    """G2."""
    monkeypatch.setattr(http, "START_SECONDS", 0.1)
    with pytest.raises(mf.ServeError, match=r"'stuck' could not be served on .* did not begin within 0\.1 s"):
        in_io_thread(http.Endpoint.open(Stuck(), "stuck", "127.0.0.1", 0, None, expose=False))
    assert "stuck" not in http._open

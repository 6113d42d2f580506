"""A served workflow over HTTP: who gets in, where it listens, and that it ends. Nothing leaves this machine."""

import socket
import threading

import httpx2
import pytest

import mcpflow_nb as mf


@pytest.fixture
def servers():
    with mf.connect(hr=mf.mock({"create": lambda name: {"id": name}})) as opened:
        yield opened


def greet():
    return (
        mf.SequentialWorkflow("greet", "Greet")
        .argument("name")
        .step("create", tool="hr.create", args={"name": mf.prompt_arg("name")}, bind="made")
    )


@pytest.fixture
def served(servers):
    made = mf.serve(greet(), servers, name="greeter").http()
    yield made
    made.stop()


def post(served, **headers):
    return httpx2.post(
        served.url, headers=headers, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    ).status_code


def bearer(served):
    return {"Authorization": f"Bearer {served.endpoint.token}"}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_who_has_the_token_calls_the_workflow(served, mode):
    entry = served.endpoint.config()["mcpServers"]["greeter"]
    with mf.connect(remote={**entry, "mode": mode}) as remote:
        assert remote.call("remote.greet", {"name": "Ada"})["bindings"] == {"made": {"id": "Ada"}}


def test_a_request_without_the_token_gets_nothing(served):
    assert post(served) == 401
    assert post(served, Authorization="Bearer guess") == 401
    assert post(served, Authorization=served.endpoint.token) == 401


@pytest.mark.row("HT13", "HT14")
def test_a_page_of_another_origin_gets_nothing_even_with_the_token(served):
    for origin in ("http://evil.example", "null", "http://127.0.0.1.evil.example", "http://[bad"):
        assert post(served, Origin=origin, **bearer(served)) == 403
    assert post(served, Origin="http://evil.example") == 403


def test_another_host_name_gets_nothing(served):
    assert post(served, Host="evil.example", **bearer(served)) == 421


def test_the_token_is_printed_once_and_the_snippet_does_not_have_it(servers, capsys):
    with_token = mf.serve(greet(), servers, name="once").http()
    printed = capsys.readouterr().out
    assert printed.count(with_token.endpoint.token) == 1
    assert with_token.url in printed
    again = mf.serve(greet(), servers, name="once").http()
    assert capsys.readouterr().out == f"once is served at {again.url}\n"
    assert with_token.endpoint.token not in again.endpoint.snippet() + repr(again) + str(again._repr_mimebundle_())
    again.stop()


def test_serving_a_name_again_keeps_its_place_and_token_and_ends_the_old_one(servers):
    one = mf.serve(greet(), servers, name="again").http()
    place = (one.url, one.endpoint.token)
    two = mf.serve(greet(), servers, name="again").http()
    assert (two.url, two.endpoint.token) == place
    assert (one.endpoint.is_open, two.endpoint.is_open) == (False, True)
    assert two.http() is two
    two.stop()
    assert not two.endpoint.is_open
    with pytest.raises(httpx2.ConnectError):
        post(two)


@pytest.mark.row("HT12")
def test_a_port_in_use_is_an_error_that_names_it_and_the_way_out(servers):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port, threads = taken.getsockname()[1], set(threading.enumerate())
        with pytest.raises(mf.ServeError, match=rf"127\.0\.0\.1:{port} .*in use; port=0 takes a free one"):
            mf.serve(greet(), servers, name="taken").http(port=port)
    assert {one.name for one in threading.enumerate() if one not in threads} == set()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.com", ""])
@pytest.mark.row("HT13")
def test_other_machines_are_let_in_only_on_purpose(servers, host):
    with pytest.raises(mf.ServeError, match="expose=True"):
        mf.serve(greet(), servers, name="open").http(host=host)


@pytest.mark.row("HT13")
def test_an_exposed_server_still_wants_its_token(servers):
    served = mf.serve(greet(), servers, name="exposed").http(host="0.0.0.0", expose=True)
    url = f"http://127.0.0.1:{served.endpoint.port}/mcp"
    assert httpx2.post(url, json={}).status_code == 401
    served.stop()


def test_an_answer_is_sent_at_once_and_not_when_the_one_before_was_acknowledged(served):
    (listening,) = (one for server in served.endpoint._server.servers for one in server.sockets)
    assert (
        listening.proto == socket.IPPROTO_TCP
    )  # asyncio sets TCP_NODELAY on what such a socket accepts, and on no other

"""What HTTP says of a call: refused or perhaps done, when to try again, and no body beyond the cap."""

import email.utils
import socket
import ssl
import subprocess
import threading
import time

import pytest

import mcpflow_nb as mf
from mcpflow_nb.connecting.hearing import seconds_of
from tests.raw_http import raw_http

JSON = {"content_type": "application/json"}


def called(server, seconds=None, **config):
    with mf.connect(web={"url": server.url, **config}) as servers:
        run = mf.SequentialWorkflow("w").step("a", tool="web.t", timeout=seconds).start(servers).all()
        assert server.calls == 1  # whatever came back: never sent again by itself
        return run.trace[0], servers["web"].state


def said(status, body=b"", **headers):
    return lambda handler, request: handler.give(status, body, **headers)


REFUSED = {
    "HT03-401": (said(401, www_authenticate='Bearer realm="r"'), "HTTP 401 Unauthorized: it wants credentials: Bearer, realm 'r'"),
    "HT03-401 with an error of JSON-RPC": (
        lambda handler, request: handler.message({"id": 1, "error": {"code": -32001, "message": "no"}}, 401),
        "HTTP 401 Unauthorized",
    ),
    "HT04-403": (
        said(403, www_authenticate='Bearer error="insufficient_scope", scope="files:read <b>"'),
        "HTTP 403 Forbidden: the credentials do not allow this: Bearer, scope 'files:read <b>', error 'insufficient_scope'",
    ),
    "HT05-429": (said(429, retry_after="7"), "HTTP 429 Too Many Requests: too many requests, this one was not taken; it asks to wait 7 s"),
    "HT10-307": (said(307, location="http://169.254.169.254/x?token=1"), "it points to the host '169.254.169.254', which was not followed"),
    "405": (said(405), "HTTP 405 Method Not Allowed: nothing was done"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.row("HT03", "HT04", "HT05", "HT10")
def test_a_status_that_refuses_a_call_says_what_to_do_and_that_nothing_was_done(case):
    answer, words = REFUSED[case]
    with raw_http(answer) as server:
        record, state = called(server)
    assert (record.status, words in record.error, state) == ("not_executed", True, "open")
    assert "token" not in record.error


DOUBTFUL = {
    "HT06-500": (said(500, b"<script>x</script><b>boom</b>", content_type="text/html"), "HTTP 500 Internal Server Error; its body says 'boom'"),
    "HT06-502": (said(502), "HTTP 502 Bad Gateway"),
    "HT06-503": (said(503, retry_after="9"), "HTTP 503 Service Unavailable: it is not available now; it asks to wait 9 s"),
    "HT11-a page to sign in": (said(200, b"<html><title>Sign in</title>", content_type="text/html"), "but got text/html"),
    "HT10-302": (said(302, location="http://elsewhere.example/"), "it points to the host 'elsewhere.example'"),
    "202": (said(202), "HTTP 202 Accepted, but nothing where an MCP message belongs"),
    "400": (said(400), "HTTP 400 Bad Request"),
    "an odd one": (said(599), "HTTP 599"),
}  # fmt: skip


@pytest.mark.parametrize("case", DOUBTFUL)
@pytest.mark.row("HT06", "HT10", "HT11")
def test_a_status_that_may_hide_an_effect_is_unknown(case):
    answer, words = DOUBTFUL[case]
    with raw_http(answer) as server:
        record, state = called(server)
    assert (record.status, words in record.error, state) == ("unknown", True, "open")
    assert record.error.endswith("; it may have run")


def reset(handler, _request):
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def cut(handler, _request):
    handler.give(200, b'{"jsonrpc"', content_length="500", **JSON)
    reset(handler, _request)


@pytest.mark.parametrize(
    "answer", [reset, cut, said(200, b'data: {"jsonrpc"', content_type="text/event-stream")],
    ids=["HT07-reset", "HT07-cut", "HT09-a stream that ends"],
)  # fmt: skip
@pytest.mark.row("HT07", "HT09")
def test_an_answer_that_is_cut_is_unknown_and_not_asked_for_again(answer):
    with raw_http(answer) as server:
        record, state = called(server)
    assert (record.status, "connection was lost" in record.error, state) == ("unknown", True, "lost")


def dripping(status):
    def answer(handler, _request):
        handler.give(status, b'{"jsonrpc"', content_length="5000", **JSON)
        for _ in range(50):
            time.sleep(0.1)
            handler.wfile.write(b" ")

    return answer


@pytest.mark.parametrize(("status", "ends"), [(200, "unknown"), (429, "not_executed")], ids=["HT08-200", "HT08-429"])
@pytest.mark.row("HT08")
def test_an_answer_byte_by_byte_ends_in_time(status, ends):
    with raw_http(dripping(status)) as server:
        begun = time.monotonic()
        record, _ = called(server, seconds=1 if status == 200 else 30)
    assert (record.status, time.monotonic() - begun < 10) == (ends, True)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("0", 0), ("120", 120), (" 5 ", 5), ("-1", None), ("soon", None), ("", None), ("9" * 400, 999_999_999), ("²", None),
     ("Thu, 01 Jan 1970 00:00:10 GMT", 0)],
)  # fmt: skip
def test_retry_after_is_read_in_both_its_forms(header, seconds):
    assert seconds_of(header) == seconds


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.row("HT05")
def test_the_wait_that_a_server_asks_for_is_kept_as_data(status):
    """HT05, HT06."""
    for given, at_least in (("7", 7), (email.utils.formatdate(time.time() + 60, usegmt=True), 30)):
        with raw_http(said(status, retry_after=given)) as server, mf.connect(web=server.url) as servers:
            with pytest.raises(mf.CallError) as caught:
                servers.call("web.t")
        assert (caught.value.http_status, at_least <= caught.value.retry_after <= 60) == (status, True)


def test_an_error_of_json_rpc_counts_as_over_any_transport_whatever_its_status():
    for code, status in ((-32602, "not_executed"), (-32603, "tool_error")):
        with raw_http(
            lambda handler, request, code=code: handler.message({"id": 1, "error": {"code": code, "message": "m"}}, 500)
        ) as server:
            assert called(server)[0].status == status


@pytest.mark.row("HT03")
def test_a_name_is_said_and_a_value_never(monkeypatch):
    """HT03: the header and the variable that fills it."""
    monkeypatch.setenv("HEARING_TOKEN", "canary-801")
    with raw_http(said(401, b"bad token canary-801")) as server:
        record, _ = called(server, headers={"Authorization": mf.env("HEARING_TOKEN"), "X-Plain": "canary-802"})
    assert "sent was the header 'Authorization' from HEARING_TOKEN, the header 'X-Plain'" in record.error
    assert "canary" not in record.error


@pytest.mark.parametrize("method", ["initialize", "tools/list"])
@pytest.mark.row("HT03")
def test_a_handshake_that_is_refused_says_why(method):
    """HT03."""
    with raw_http(said(401, www_authenticate="Bearer"), methods=(method, "server/discover")) as server:
        with pytest.raises(
            mf.ConnectError, match=r"HTTP 401 Unauthorized: it wants credentials: Bearer \(no header was given"
        ):
            mf.connect(web=server.url)


def test_a_resource_that_is_refused_says_why():
    with raw_http(said(403), methods=("resources/read",)) as server, mf.connect(web=server.url) as servers:
        run = mf.SequentialWorkflow("w").step("a", resources=["x://y"], server="web").start(servers).all()
    assert "HTTP 403 Forbidden" in run.trace[0].error


@pytest.mark.row("HT02")
def test_plain_http_where_tls_is_asked_for_is_said_and_nothing_falls_back():
    """HT02."""
    with raw_http(said(200)) as server:
        with pytest.raises(mf.ConnectError, match="TLS: wrong version number"):
            mf.connect(web=server.url.replace("http:", "https:"))
        assert server.seen == []


@pytest.mark.row("HT02")
def test_a_certificate_that_nobody_signed_is_refused(tmp_path):
    """HT02."""
    files = [str(tmp_path / "key"), str(tmp_path / "cert")]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    made += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", files[0], "-out", files[1]]
    try:
        subprocess.run(made, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl to make a certificate with")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    with raw_http(said(200)) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        with pytest.raises(mf.ConnectError, match="TLS: self-signed certificate"):
            mf.connect(web=server.url.replace("http:", "https:"))
        assert server.seen == []


@pytest.mark.row("HT01")
def test_a_call_that_reaches_nobody_was_not_sent():
    """HT01."""

    def last(handler, request):
        handler.result(request, {"content": []})
        handler.close_connection = True

    with raw_http(last) as server:
        servers = mf.connect(web=server.url)
        servers.call("web.t")
        threads = [one for one in threading.enumerate() if "process_request_thread" in one.name]
    for one in threads:
        one.join(5)
    with pytest.raises(mf.CallError, match="the connection was refused") as caught:
        servers.call("web.t")
    servers.close()
    assert caught.value.status == "not_sent"


def test_a_server_that_does_not_let_go_holds_nobody():
    """G2: the DELETE of a session that is closed is not answered."""

    def with_session(handler, request):
        able, info = {"tools": {}}, {"name": "raw", "version": "1"}
        result = {"protocolVersion": "2025-11-25", "capabilities": able, "serverInfo": info}
        handler.message({"id": request["id"], "result": result}, mcp_session_id="s-1")

    gone = threading.Event()
    with raw_http(with_session, methods=("initialize",)) as server:
        server.at_delete = lambda: gone.wait(30)
        servers, begun = mf.connect(web={"url": server.url, "mode": "legacy"}), time.monotonic()
        servers.close()
        took = time.monotonic() - begun
        gone.set()
    assert took < 5  # measured 2.0 s


@pytest.mark.row("SE06")
def test_a_secret_argument_is_in_no_header_although_its_tool_asks_for_that(monkeypatch, caplog):
    """SE06."""
    monkeypatch.setenv("HEARING_TOKEN", "canary-803-token")
    names = {name: {"type": "string", "x-mcp-header": name.title()} for name in ("region", "token", "pin")}
    workflow = mf.SequentialWorkflow("w").step(
        "a",
        tool="web.t",
        args={"region": "north", "token": mf.env("HEARING_TOKEN"), "pin": "canary-804-pin"},
        secret=["pin"],
    )
    with raw_http(lambda handler, request: handler.result(request, {"content": []})) as server:
        server.schema, server.is_modern = {"type": "object", "properties": names}, True
        with mf.connect(web=server.url) as servers:
            assert workflow.start(servers).all().trace[0].status == "ok"
    sent = {name.lower(): value for name, value in server.seen[-1].items() if name.lower().startswith("mcp-param")}
    assert sent == {"mcp-param-region": "north"}
    assert caplog.text.count("wants a secret in the header") == 2
    assert "canary" not in caplog.text

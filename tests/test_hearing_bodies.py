"""Bodies over HTTP: none is read beyond the cap, unpacked, or waited for where it cannot be read."""

import json

import pytest

import mcpflow_nb as mf
from tests.raw_http import raw_http

JSON = {"content_type": "application/json"}


def called(server, **config):
    with mf.connect(web={"url": server.url, **config}) as servers:
        run = mf.SequentialWorkflow("w").step("a", tool="web.t").start(servers).all()
        assert server.calls == 1  # whatever came back: never sent again by itself
        return run.trace[0], servers["web"].state


def said(status, body=b"", **headers):
    return lambda handler, request: handler.give(status, body, **headers)


def result(size):
    return lambda handler, request: handler.result(request, {"content": [{"type": "text", "text": "x" * size}]})


def event(size):
    def answer(handler, request):
        message = {"jsonrpc": "2.0", "id": request["id"], "result": {"content": [{"type": "text", "text": "x" * size}]}}
        handler.give(200, f"data: {json.dumps(message)}\n\n".encode(), content_type="text/event-stream")

    return answer


def unsized(size):
    def answer(handler, request):
        handler.send_response(200)
        handler.send_header("content-type", "application/json")
        handler.send_header("connection", "close")
        handler.end_headers()
        handler.close_connection = True
        handler.wfile.write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"' % request["id"])
        handler.wfile.write(b"x" * size + b'"}]}}')

    return answer


@pytest.mark.parametrize("made", [result, event, unsized])
@pytest.mark.row("RD01", "RD02")
def test_a_message_beyond_the_cap_is_not_read_and_says_how_to_raise_it(made):
    """RD01, RD02 over HTTP."""
    with raw_http(made(10_000_000)) as server:
        assert called(server)[0].status == "ok"
    with raw_http(made(2_000_000)) as server:
        record, _ = called(server, max_bytes=1_000_000)
    words = "server 'web' sent a message of more than 1,000,000 bytes, which was not read; 'max_bytes' in its config raises that"
    assert (record.status, record.error) == ("unknown", f"{words}; it may have run")


def test_an_answer_that_is_packed_unasked_is_not_unpacked():
    """RD02: a small body may unpack to a large one."""
    with raw_http(said(200, b"xx", content_encoding="gzip", **JSON)) as server:
        record, _ = called(server)
        assert {one["Accept-Encoding"] for one in server.seen} == {"identity"}
    assert (record.status, "packed its answer" in record.error) == ("unknown", True)


@pytest.mark.parametrize(
    ("body", "why"),
    [(b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "it is nested too deep"), (b"null", "it is no JSON-RPC message"),
     (b'{"n":' + b"9" * 5_000 + b"}", "it is no JSON: number out of range")],
    ids=["RD03", "PR07", "RD08"],
)  # fmt: skip
@pytest.mark.row("RD03", "PR07", "RD08")
def test_an_answer_that_cannot_be_read_is_an_invalid_output_at_once(body, why):
    with raw_http(
        lambda handler, request: handler.give(
            200, b'{"jsonrpc":"2.0","id":%d,"result":%s}' % (request["id"], body), **JSON
        )
    ) as server:
        record, state = called(server)
    assert (record.status, why in record.error, state) == ("invalid_output", True, "open")

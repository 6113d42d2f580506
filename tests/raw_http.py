"""A streamable HTTP MCP server in a thread, in plain JSON-RPC; what it answers to a tool call is told by its test."""

import json
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OBJECT = {"type": "object"}


class RawHttp(ThreadingHTTPServer):
    """`answer(handler, request)` writes the answer to a call; `methods` are those that it answers as well."""

    daemon_threads = True

    def __init__(self, answer, methods=("tools/call",)):
        self.answer, self.methods, self.calls, self.seen = answer, methods, 0, []
        self.at_delete, self.schema, self.is_modern = lambda: None, OBJECT, False
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/mcp"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.give(405)

    def do_DELETE(self):
        self.server.at_delete()
        self.give(200)

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen.append(dict(self.headers))
        method = request["method"]
        self.server.calls += method == "tools/call"
        if method in self.server.methods:
            self.server.answer(self, request)
        elif "id" not in request:
            self.give(202)
        elif method == "initialize":
            info = {"name": "raw", "version": "1"}
            able = {"tools": {}, "resources": {}}
            self.result(request, {"protocolVersion": "2025-11-25", "capabilities": able, "serverInfo": info})
        elif method == "server/discover" and self.server.is_modern:
            info = {"name": "raw", "version": "1"}
            self.result(
                request, {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "serverInfo": info}
            )
        elif method == "tools/list":
            self.result(request, {"tools": [{"name": "t", "inputSchema": self.server.schema}]})
        else:
            self.message({"id": request["id"], "error": {"code": -32601, "message": "Method not found"}})

    def result(self, request, result):
        if "mcp-method" in self.headers:  # the protocol of 2026-07-28
            result = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private", **result}
        self.message({"id": request["id"], "result": result})

    def message(self, message, status=200, **headers):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.give(status, body, **{"content-type": "application/json", **headers})

    def give(self, status, body=b"", **headers):
        self.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"content-length": str(len(body)), **named}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # who asked may have heard enough
            self.wfile.write(body)


@contextmanager
def raw_http(answer, methods=("tools/call",)):
    """Serve until the block ends; what is given has `url`, `calls` and `seen`."""
    server = RawHttp(answer, methods)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)

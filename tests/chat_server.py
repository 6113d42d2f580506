"""An OpenAI-compatible endpoint on 127.0.0.1 that answers as scripted: what a test wants a model to say, also wrongly."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def said(text="Done."):
    """A reply that ends the trial."""
    return {"choices": [{"message": {"role": "assistant", "content": text}}], "usage": usage()}


def called(*calls):
    """A reply with tool calls: name and arguments, which may be text that is no JSON."""
    made = [
        {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": _text(arguments)}}
        for at, (name, arguments) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": None, "tool_calls": made}
    return {"choices": [{"message": message}], "usage": usage()}


def usage():
    return {"prompt_tokens": 100, "completion_tokens": 10}


def _text(arguments):
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


class Chat:
    """What was asked, in order, and where: `requests` are bodies, `headers` those of each."""

    def __init__(self, answer):
        self.answer, self.requests, self.headers = answer, [], []

    def reply(self, body, headers):
        self.requests.append(body)
        self.headers.append(headers)
        found = self.answer(body)
        status, more, content = found if isinstance(found, tuple) else (200, {}, found)
        return status, more, content if isinstance(content, bytes) else json.dumps(content).encode()


@contextmanager
def chat(answer):
    """Serve `answer`, a function of the request's body: a reply, or HTTP status, headers and a reply or bytes."""
    made = Chat(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, headers, content = made.reply(body, dict(self.headers))
            self.send_response(status)
            for name, value in {"content-length": len(content), **headers}.items():
                self.send_header(name, str(value))
            self.end_headers()
            try:
                self.wfile.write(content)
            except ConnectionError:
                self.close_connection = True  # the client has read enough

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

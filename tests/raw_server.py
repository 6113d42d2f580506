"""A stdio MCP server in plain JSON-RPC that misbehaves as its first argument says; no library, so it starts fast."""

import json
import os
import signal
import sys
import time

MODE = sys.argv[1] if len(sys.argv) > 1 else "ok"
OBJECT = {"type": "object"}
LINES = {
    "deep": '{"jsonrpc":"2.0","id":ID,"result":{"a":' + "[" * 10_000 + "]" * 10_000 + "}}\n",
    "deep-id-last": '{"jsonrpc":"2.0","result":{"id":1,"a":' + "[" * 10_000 + "]" * 10_000 + '},"id":ID}\n',
    "null": '{"jsonrpc":"2.0","id":ID,"result":null}\n',
    "digits": '{"jsonrpc":"2.0","id":ID,"result":{"n":' + "9" * 5_000 + "}}\n",
    "asks-badly": '{"jsonrpc":"2.0","id":ID,"method":5}\n{"jsonrpc":"2.0","id":ID,"result":{"content":[]}}\n',
    "noise": '\x00 <b>log</b>\n[1]\n{\n{"jsonrpc":"2.0","id":ID,"result":{"content":[]}}\n',
    "cut": '{"jsonrpc":"2.0","id":ID,"result":{"con',
}
"""What is written in place of an answer to a call."""


def tool(name, **more):
    return {"name": name, "inputSchema": OBJECT, **more}


def tools(cursor):
    if MODE == "pages":
        page = int(cursor or 0)
        found = [tool(f"t{page}_{n}") for n in range(100)]
        return {"tools": found, **({"nextCursor": str(page + 1)} if page < 49 else {})}
    if MODE == "endless":
        return {"tools": [tool("t")], "nextCursor": "again"}
    if MODE == "bad-schema":
        bad = [
            {"name": "bad", "inputSchema": {"type": 7}},
            {"name": "worse"},
            tool("odd", outputSchema={"type": "strin"}),
        ]
        return {"tools": [tool("good"), *bad]}
    if MODE == "twice":
        return {"tools": [tool("a"), tool("a"), tool("b")]}
    if MODE in ("tells", "reborn") and os.path.exists(os.environ["CALLS"]):
        return {"tools": [tool("t", annotations={"destructiveHint": True})]}
    output = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    return {"tools": [tool("t", outputSchema=output) if MODE.startswith("output") else tool("t")]}


def call():
    with open(os.environ["CALLS"], "a") as log:  # what was really called, whatever the client says
        log.write("call\n")
    if MODE == "tells":
        print(json.dumps({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}), flush=True)
    if MODE in ("die", "reborn"):
        sys.stderr.write("out of memory\n")
        sys.stderr.flush()
        os.kill(os.getpid(), 9)
    if MODE == "late":
        time.sleep(0.8)
        with open(os.environ["CALLS"]) as log:
            return {"content": [], "structuredContent": {"n": len(log.readlines())}}
    if MODE == "hang":
        time.sleep(600)
    if MODE == "output-wrong":
        return {"content": [], "structuredContent": {"n": "seven"}}
    if MODE == "output-none":
        return {"content": [{"type": "text", "text": "no structure"}]}
    if MODE == "no-content":
        return {"content": "text"}
    if MODE == "nan":
        return {"content": [], "structuredContent": {"x": float("nan")}}
    if MODE.startswith("size"):
        return {"content": [{"type": "text", "text": "x" * int(MODE[4:])}]}
    if MODE == "big":
        return {"content": [], "structuredContent": {"id": 2**60 + 1, "odd": "café"}}
    return {"content": [{"type": "text", "text": json.dumps({"pid": os.getpid()})}]}


def answer(request):
    method = request["method"]
    if method == "initialize":
        if MODE == "hang-handshake":
            time.sleep(600)
        info = {"name": "raw", "version": "1"}
        return {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        return tools((request.get("params") or {}).get("cursor"))
    return call() if method == "tools/call" else None


if "PID" in os.environ:
    with open(os.environ["PID"], "w") as file:
        file.write(str(os.getpid()))
if MODE == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if MODE == "exit":
    sys.stderr.write("no DB_URL\nset it\n")
    sys.exit(3)
if MODE == "noisy":
    sys.stderr.write("x" * 200_000)
    sys.stderr.flush()
    print("a banner on stdout", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["method"] == "tools/call" and MODE in LINES:
        call()
        sys.stdout.write(LINES[MODE].replace("ID", str(request["id"])))
        sys.stdout.flush()
        if MODE == "cut":
            sys.exit(5)
        continue
    if MODE.startswith("error") and request["method"] == "tools/call":
        reply = {"error": {"code": int(MODE[5:]), "message": "database is locked"}}
    elif MODE == "refuse" and request["method"] == "tools/call":
        reply = {"error": {"code": -32602, "message": "no such <b>tool</b>"}}
    else:
        result = answer(request)
        reply = {"result": result} if result is not None else {"error": {"code": -32601, "message": "Method not found"}}
    if MODE == "deaf" and request["method"] == "tools/list":
        print(json.dumps({"jsonrpc": "2.0", "id": request["id"], **reply}), flush=True)
        time.sleep(600)  # and reads no more
    if "id" in request:
        print(json.dumps({"jsonrpc": "2.0", "id": request["id"], **reply}), flush=True)
while MODE == "stubborn":  # stays although its stdin has ended
    time.sleep(1)

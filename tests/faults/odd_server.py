"""A stdio MCP server that does at each `tools/call` what a file of JSON says, byte for byte; it uses no library.

`python odd_server.py plan.json`. The plan: `at_start` and `at_call` are lists of acts, `tools` is what it lists, `calls`
a file that gets a line for each call. An act is `{"say": text}` with `@ID` for the request's id, `{"bytes": hex}`,
`{"stderr": count}`, `{"sleep": seconds}`, `{"exit": code}`, `{"kill": signal}`, `{"grandchild": file}` `{"deaf": true}`,
or `{"corpus": file}`: structured content of the text that the file has under the argument `name`, in bytes that need not be UTF-8.
"""

import functools
import json
import os
import signal
import subprocess
import sys
import time

with open(sys.argv[1], encoding="utf-8") as plan:
    PLAN = json.load(plan)


@functools.cache
def corpus(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def act(what, number, arguments=None):
    [(kind, value)] = what.items()
    if kind == "say":
        sys.stdout.write(value.replace("@ID", json.dumps(number)) + "\n")
        sys.stdout.flush()
    elif kind == "bytes":
        os.write(1, bytes.fromhex(value))
    elif kind == "corpus":
        text = corpus(value)[arguments["name"]]
        said = f'{{"jsonrpc":"2.0","id":{number},"result":{{"content":[],"structuredContent":{{"v":{text}}}}}}}\n'
        whole = memoryview(said.encode("utf-8", "surrogatepass"))
        while whole:
            whole = whole[os.write(1, whole) :]
    elif kind == "stderr":
        for _ in range(value // 10_000):
            os.write(2, b"e" * 10_000)
    elif kind == "sleep":
        time.sleep(value)
    elif kind == "exit":
        os._exit(value)
    elif kind == "kill":
        os.kill(os.getpid(), value)
    elif kind == "grandchild":
        made = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        with open(value, "w", encoding="utf-8") as file:
            file.write(str(made.pid))
    elif kind == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def reply(request):
    if request["method"] == "initialize":
        info = {"protocolVersion": "2025-11-25", "capabilities": PLAN.get("can", {"tools": {"listChanged": True}})}
        return {**info, "serverInfo": {"name": PLAN.get("name", "odd"), "version": "1"}}
    if request["method"] == "tools/list":
        with open(PLAN["calls"], "a", encoding="utf-8") as log:
            log.write("list\n")
        page = int((request.get("params") or {}).get("cursor") or 0) + 1
        more = {"nextCursor": str(page)} if PLAN.get("endless") else {}
        return {"tools": PLAN.get("tools", [{"name": "t", "inputSchema": {"type": "object"}}]), **more}
    return None


for one in PLAN.get("at_start", ()):
    act(one, None)
for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request or "method" not in request:  # told, or answers to what it asked
        continue
    if request["method"] == "tools/call":
        with open(PLAN["calls"], "a", encoding="utf-8") as log:
            log.write("call\n")
        for one in PLAN.get("at_call", ()):
            act(one, request["id"], request["params"].get("arguments"))
        continue
    found = reply(request)
    said = {"result": found} if found is not None else {"error": {"code": -32601, "message": "Method not found"}}
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], **said}) + "\n")
    sys.stdout.flush()
while {"deaf": True} in PLAN.get("at_start", ()):  # it stays although its stdin has ended
    time.sleep(1)

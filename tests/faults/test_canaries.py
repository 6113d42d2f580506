"""One secret in each channel, a notebook that does with them all a notebook can, and every byte written is searched."""

import base64
import json
from urllib.parse import quote

import nbformat
import pytest

from mcpflow_nb.lessons.notebook_files import page
from mcpflow_nb.testing import run_notebook
from tests.test_http import free_port, serving
from tests.test_secrets import MIRROR

CHANNELS = ("argument", "env", "header", "query", "token", "secret", "result", "resource", "answer")
CANARIES = {channel: f"canary-{channel}/+{number}<&x" for number, channel in enumerate(CHANNELS, 7_301)}
CANARIES["header"], CANARIES["query"] = "canary-header-7303", "canary-query-7304"  # what a header and a URL can carry

CONNECT = """
import json, logging, os, sys
import mcpflow_nb as mf
logging.basicConfig(filename="debug.log", level=logging.DEBUG)
plain = {name[2:].lower(): value for name, value in os.environ.items() if name.startswith("C_")}
mock = mf.mock(
    {"login": lambda user, token: {"api_key": plain["result"], "json": json.dumps({"password": plain["result"]}), "user": user},
     "pay": lambda iban, key: {"receipt": f"for {iban}"}, "sign": lambda password, text: {"signed": text}},
    resources={"docs://rules": lambda: json.dumps({"secret": plain["resource"], "rule": "be kind"})},
)
servers = mf.connect(
    m=mock,
    child={"command": sys.executable, "args": [os.environ["MIRROR"]], "env": {"MIRROR_KEY": mf.env("C_ENV")}},
    web={"url": f"http://127.0.0.1:{os.environ['PORT']}/mcp?api_key=" + plain["query"], "headers": {"X-Key": mf.env("C_HEADER")}},
)
display(servers, servers["child"], servers["web"])
"""
RUN = """
flow = (
    mf.SequentialWorkflow("canaries", "Where secrets go").argument("token").argument("iban")
    .step("mirror", tool="child.mirror", bind="said",
          args={"token": mf.env("C_ARGUMENT"), "note": mf.template("Bearer {t}!", t=mf.env("C_ARGUMENT"))})
    .step("page", server="child", resources=["docs://{name}"], template={"name": mf.env("C_ARGUMENT")})
    .step("login", tool="m.login", args={"user": "ada", "token": mf.prompt_arg("token")}, bind="session", resources=["docs://rules"])
    .step("pay", tool="m.pay", secret=["iban"], args={"iban": mf.prompt_arg("iban"), "key": mf.field("session", "api_key")}, bind="paid")
    .step("head", tool="web.header")
    .step("sign", tool="m.sign", args={"text": "hello"}, bind="signed")
    .step("fails", tool="child.fails", args={"token": mf.env("C_ARGUMENT")})
)
display(flow, flow.graph(), flow.bindings(), flow.check(servers), flow.forecast(servers), flow.to_skill(servers))
with servers.record("tape.json") as tape:
    run = flow.start(servers, token=plain["token"], iban=plain["secret"], journal="runs.db", run_id="r")
    display(run.next)
    run.all()
    display(run, run.next)
    run.answer(password=plain["answer"])
assert run.outcome == "failed" and run.trace[-1].step == "fails", run.trace
sent = [mock.calls[0][1]["token"], mock.calls[1][1]["iban"], mock.calls[1][1]["key"], mock.calls[2][1]["password"]]
assert sent == [plain["token"], plain["secret"], plain["result"], plain["answer"]]
"""
SHOW = """
display(run, run.trace, *run.trace, run.conversation(), run.effects(), run.trace.timeline(), run.tree(), run.graph(), run.plan())
display(tape, mf.runs(journal="runs.db"), run.why("pay", "key"), mf.diff(run, run), *(run.trace.raw(one.step) for one in run.trace))
display(mf.resume("r", servers, journal="runs.db").trace)
run.stepper()
"""
WRITE = """
flow.save("flow.json"); run.report("report.html"); run.graph().save("graph.svg")
open("skill.md", "w").write(flow.to_skill(servers).text); open("flow.py", "w").write(flow.to_python())
open("told.txt", "w").write(run.trace.describe())
print(run.reason, *servers["child"].stderr, repr(run), str(run), repr(servers["web"].spec), sep="\\n")
print([one.text for one in run.trace.messages if one.kind in ("error", "handoff")])
"""
BREAK = """
%xmode Verbose
servers.call("child.fails", {"token": plain["argument"]})
"""


def forms(secret):
    """A secret as it may stand in a file: plain, in JSON, in a URL, in markup, in base64."""
    text = base64.b64encode(secret.encode()).decode()
    return {
        secret,
        json.dumps(secret)[1:-1],
        quote(secret, safe=""),
        secret.replace("&", "&amp;").replace("<", "&lt;"),
        text,
    }


@pytest.mark.kernel
@pytest.mark.row("SE01", "SE02", "SE07")
@pytest.mark.timeout(180)
def test_no_byte_that_a_notebook_writes_is_a_secret_of_any_channel(tmp_path, monkeypatch):
    port = free_port()
    for channel, secret in CANARIES.items():
        monkeypatch.setenv(f"C_{channel.upper()}", secret)
    monkeypatch.setenv("PORT", str(port))
    monkeypatch.setenv("MIRROR", MIRROR)
    notebook = nbformat.v4.new_notebook()
    for source in (CONNECT, RUN, SHOW, WRITE, BREAK, "servers.close()"):
        cell = nbformat.v4.new_code_cell(source)
        cell.metadata["tags"] = ["raises-exception"] if source == BREAK else []
        notebook.cells.append(cell)
    folder = tmp_path / "work"
    folder.mkdir()
    nbformat.write(notebook, folder / "canaries.ipynb")
    with serving(port):
        done = run_notebook(folder / "canaries.ipynb", timeout=120)
    nbformat.write(done, folder / "canaries.ipynb")
    (folder / "canaries.html").write_text(page(done, "canaries"), "utf-8")
    written = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert set(written) >= {
        "runs.db",
        "tape.json",
        "debug.log",
        "report.html",
        "flow.json",
        "skill.md",
        "canaries.html",
    }
    journal = b"".join(whole for name, whole in written.items() if name.startswith("runs.db"))
    assert "••••".encode() in journal  # they were there, as dots
    found = [
        (channel, name)
        for channel, secret in CANARIES.items()
        for name, whole in written.items()
        if any(form.encode() in whole for form in forms(secret))
    ]
    assert found == []

"""Canaries: one secret in each channel, and then every byte that is shown, written or logged is searched for it."""

from __future__ import annotations

import base64
import json
import logging
import pickle
import subprocess
import sys
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest

import mcpflow_nb as mf
from mcpflow_nb.masking import KNOWN, MASK, Secret
from tests.test_http import free_port, serving

ENV, KEY, HEADER, QUERY = "canary/arg+7f3A<&", "canary-env-99xq", "canary-head-41zz", "canary-query-8k2"
CANARIES = (ENV, KEY, HEADER, QUERY)
MIRROR = str(Path(__file__).with_name("mirror_server.py"))
FORMS = {
    form
    for text in CANARIES
    for form in (text, quote(text, safe=""), json.dumps(text)[1:-1], base64.b64encode(text.encode()).decode())
}


@pytest.fixture
def variables(monkeypatch):
    for name, value in (("C_ARG", ENV), ("C_KEY", KEY), ("C_HEAD", HEADER)):
        monkeypatch.setenv(name, value)
    return monkeypatch


def clean(*texts):
    for text in texts:
        found = [form for form in FORMS if form in (text if isinstance(text, str) else repr(text))]
        assert not found, f"{found} in {str(text)[:400]}"


def shown(thing):
    return [repr(thing), str(thing), *thing._repr_mimebundle_().values()]


def mirrored(**fields):
    args = {"token": mf.env("C_ARG"), "note": mf.template("Bearer {t}!", t=mf.env("C_ARG"))}
    return (
        mf.SequentialWorkflow("mirrored", "Say it back")
        .step("first", tool="s.mirror", args=args, bind="said", **fields)
        .step("page", server="s", resources=["docs://{name}"], template={"name": mf.env("C_ARG")})
        .step("last", tool="s.fails", args={"token": mf.env("C_ARG")})
    )


def child():
    return {"command": sys.executable, "args": [MIRROR], "env": {"MIRROR_KEY": mf.env("C_KEY")}}


@pytest.mark.row("SE01", "SE03")
def test_the_tool_gets_the_value_and_nothing_else_has_it(variables, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    workflow = mirrored()
    with mf.connect(s=child()) as servers:
        with servers.record(tmp_path / "c.json") as cassette:
            run = workflow.start(servers)
            clean(*shown(run.next), repr(run.next.arguments))
            run.all()
        assert (run.outcome, run["said"]["length"]) == ("failed", len(ENV))
        trace = run.trace
        assert [record.status for record in trace] == ["ok", "ok", "tool_error"]
        clean(trace.to_json(), trace.df.to_csv(), trace.arguments.to_csv(), *map(repr, trace), repr(trace.messages))
        clean(
            *(
                repr(getattr(record, part))
                for record in trace
                for part in ("arguments", "value", "raw", "error", "resources")
            )
        )
        clean(workflow.to_json(), workflow.to_python(), repr(workflow.steps), workflow.to_skill(servers).text)
        things = (
            workflow, run, trace, *trace, servers, servers["s"], run.conversation(), run.effects(), trace.timeline(),
            trace.raw("first"), run.why("first", "token"), workflow.check(servers), workflow.forecast(servers), cassette,
            run.tree(), workflow.graph(), workflow.bindings(), workflow["first"], run.plan(), mf.diff(run, run),
        )  # fmt: skip
        clean(*(text for thing in things for text in shown(thing)))
        clean(
            repr(run.bindings),
            run.reason,
            trace.describe(),
            *servers["s"].stderr,
            repr(vars(run)),
            repr(servers["s"].spec),
        )
        run.report(tmp_path / "report.html") if hasattr(run, "report") else None
        with pytest.raises(mf.RunError, match="a URI has a secret in it") as told:
            run.to_pytest(tmp_path / "test_it.py")
        clean(str(told.value))
        trace.messages and (tmp_path / "t.json").write_text(trace.to_json())
        clean(repr(servers.call("s.mirror", {"token": ENV})))
    clean(caplog.text, *capfd.readouterr(), *(path.read_text("utf-8") for path in tmp_path.iterdir()))


@pytest.mark.row("SE01", "SE07")
def test_headers_and_urls_are_secrets_in_every_log_at_debug_too(variables, caplog):
    caplog.set_level(logging.DEBUG)
    port = free_port()
    web = {"url": f"http://127.0.0.1:{port}/mcp?api_key={QUERY}", "headers": {"X-Key": mf.env("C_HEAD")}}
    with serving(port), mf.connect(web=web) as servers:
        flow = mf.SequentialWorkflow("w").step("a", tool="web.header")
        run = flow.start(servers).all()
        assert run.trace["a"].value == MASK
        clean(run.trace.to_json(), *shown(servers), *shown(servers["web"]), repr(servers["web"].spec))
    with pytest.raises(mf.ConnectError) as caught:
        mf.connect(web=web)
    clean(str(caught.value), "".join(traceback.format_exception(caught.value)))
    clean(caplog.text, *(repr(record.__dict__) for record in caplog.records))


def test_a_variable_is_read_when_it_is_sent_and_not_before(variables):
    got = []
    with mf.connect(s=mf.mock({"t": lambda token: got.append(str.__str__(token)) or {}})) as servers:
        run = mf.SequentialWorkflow("w").step("a", tool="s.t", args={"token": mf.env("C_ARG")}).start(servers)
        variables.setenv("C_ARG", "canary-rotated-1")
        run.all()
    assert got == ["canary-rotated-1"]


def test_a_variable_that_is_missing_is_found_by_the_check_and_again_before_the_call(variables):
    flow = mf.SequentialWorkflow("w").step("a", tool="s.t", args={"token": mf.env("C_ARG")})
    calls = []
    with mf.connect(s=mf.mock({"t": lambda token: calls.append(token) or {}})) as servers:
        run = flow.start(servers)
        variables.delenv("C_ARG")
        (problem,) = [one for one in flow.check(servers) if one.code == "missing-variable"]
        assert (problem.severity, problem.step, problem.argument, flow.check().codes) == ("error", "a", "token", set())
        record = run.step()
        assert (record.status, calls) == ("not_sent", [])
        assert "the environment variable 'C_ARG' is not set" in record.error
        optional = mf.SequentialWorkflow("w").step("a", tool="s.t", args={"token": mf.optional(mf.env("C_ARG"))})
        assert optional.start(servers).all().outcome == "handoff"
    with pytest.raises(mf.ConnectError, match="the environment variable 'C_ARG' is not set"):
        mf.connect(s={"command": sys.executable, "args": [MIRROR], "env": {"X": mf.env("C_ARG")}})


def test_dots_that_stand_for_a_secret_are_never_sent_in_its_place(variables):
    calls = []
    with mf.connect(s=mf.mock({"t": lambda token: calls.append(token) or {"again": token}})) as servers:
        flow = (
            mf.SequentialWorkflow("w").step("a", tool="s.t", args={"token": mf.env("C_ARG")}, bind="x")
            .step("b", tool="s.t", args={"token": mf.field("x", "again")})
        )  # fmt: skip
        run = flow.start(servers).all()
        assert (run.outcome, run.trace["b"].status, len(calls)) == ("failed", "not_sent", 1)
        assert "x.again has dots in the place of a secret" in run.trace["b"].error


def test_a_saved_workflow_has_the_reference_and_reads_back(variables, tmp_path):
    flow = mirrored(secret=["note"])
    assert mf.load(flow.save(tmp_path / "w.json")) == flow == pickle.loads(pickle.dumps(flow))
    names = {"mf": mf}
    exec(flow.to_python().partition("\n\n")[2], names)
    assert names["workflow"] == flow


@pytest.mark.row("SE02")
def test_what_a_step_names_as_secret_is_dots_in_all_that_leaves_the_run(tmp_path):
    got = []

    def pay(iban, pin, to):
        got.append((iban, pin, to))
        return {"receipt": {"code": "RC-canary-55", "pin": pin}, "to": to, "again": f"for {iban}"}

    flow = (
        mf.SequentialWorkflow("w", "").argument("iban").argument("pin", type=int)
        .step("pay", tool="s.pay", bind="paid", secret=["iban", "pin", "code"],
              args={"iban": mf.prompt_arg("iban"), "pin": mf.prompt_arg("pin"), "to": "Ada"})
        .step("use", tool="s.pay", args={"iban": mf.field("paid", "receipt.code"), "pin": 1, "to": "Bob"})
    )  # fmt: skip
    with mf.connect(s=mf.mock({"pay": pay})) as servers:
        with servers.record(tmp_path / "c.json"):
            run = flow.start(servers, iban="DE-canary-1234", pin=73519)
            texts = [repr(run.next.arguments), *shown(run.next)]
            record = run.step()
            run.all()
        texts += [
            run.trace.to_json(), run.trace.df.to_csv(), repr(record.arguments), repr(record.raw), repr(run.effects().df),
            repr(run.trace.messages), json.dumps(mf_tool_reply(run)), (tmp_path / "c.json").read_text("utf-8"),
        ]  # fmt: skip
        for thing in (run, run.trace, record, run.conversation(), run.effects(), servers, run.why("use", "iban")):
            texts += shown(thing)
    assert got == [("DE-canary-1234", 73519, "Ada"), ("RC-canary-55", 1, "Bob")]
    assert run["paid"]["receipt"]["code"] == "RC-canary-55"  # asked for by name
    assert [text[:300] for text in texts if "canary" in text] == []
    assert [text[:300] for text in texts[:-14] if "73519" in text] == []


def mf_tool_reply(run):
    from mcpflow_nb.serving.replies import tool_reply

    return tool_reply(run)


@pytest.mark.row("SE05")
def test_a_verbose_traceback_of_ipython_has_dots(variables, tmp_path):
    code = f"""
import os
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("xmode", "Verbose")
os.environ["C_ARG"] = "canary-" + "verbose-1"
shell.run_cell('''
import os
import mcpflow_nb as mf
def breaks(token):
    raise KeyboardInterrupt()
with mf.connect(s=mf.mock({{"t": breaks}}), m={child()!r}) as servers:
    run = mf.SequentialWorkflow("w").step("a", tool="s.t", args={{"token": mf.env("C_ARG")}}).start(servers)
    run.all()
    servers.call("m.fails", {{"token": os.environ["C_ARG"]}})
''')
""".replace("mf.env('C_KEY')", "'x'").replace("env('C_KEY')", "'x'")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=100)
    assert "CallError" in done.stdout, (done.stdout[-2000:], done.stderr[-2000:])
    assert "canary-verbose" not in done.stdout + done.stderr


def test_a_secret_shows_dots_and_is_its_text():
    text = Secret("canary-x")
    assert (repr(text), repr([text]), json.dumps(text), text == "canary-x") == (
        "'••••'",
        "['••••']",
        '"canary-x"',
        True,
    )


@pytest.mark.parametrize("name", ["", "A=B", "A\0", 7, None])
def test_what_is_no_name_of_a_variable_is_refused(name):
    with pytest.raises(mf.DefinitionError):
        mf.env(name)


def test_short_values_are_not_looked_for_in_what_comes_back(monkeypatch):
    monkeypatch.setenv("C_SHORT", "no")
    with mf.connect(s=mf.mock({"t": {"note": "not now"}})) as servers:
        run = mf.SequentialWorkflow("w").step("a", tool="s.t", args={"x": mf.env("C_SHORT")}).start(servers).all()
    assert (run.trace["a"].value, "no" in KNOWN.values) == ({"note": "not now"}, False)

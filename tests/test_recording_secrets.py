"""No byte of a cassette is a secret: by name, and by the value of env, headers and command line."""

import json

import mcpflow_nb as mf

CANARY = "canary-7f3a\"'\\ü9"


def spoken(**_):
    """Wherever a server may say a secret."""
    text = json.dumps({"token": CANARY, "n": 1})
    return {
        "api_key": CANARY, "said": f"it is {CANARY}, yes", "json": text, "twice": json.dumps({"text": text}), CANARY: 1,
        "uri": f"https://ada:{CANARY}@host/?token=abc&x=1", "list": [{"password": CANARY}],
    }  # fmt: skip


def holds_no(secret, path):
    forms = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    written = path.read_text("utf-8")
    return [form for form in forms if form in written or form.encode() in path.read_bytes()] == []


def test_no_byte_of_the_file_is_a_secret_that_a_name_gave_away(tmp_path):
    flow = (
        mf.SequentialWorkflow("w").argument("password", default=CANARY)
        .step("a", tool="m.t", args={"name": "x", "secret": mf.constant(CANARY), "all": {"pwd": CANARY}}, bind="a")
        .step("b", tool="m.u", args={"header": mf.template("Bearer {t}", t=mf.field("a", "api_key"))})
        .step("c", resources=["docs://{?token}"], template={"token": mf.field("a", "api_key")})
    )  # fmt: skip
    resources = {"docs://{?token}": lambda token: f"for {token}"}
    server = mf.mock({"t": spoken, "u": ValueError(f"no {CANARY}")}, resources=resources)
    with mf.connect(m=server) as servers, servers.record(tmp_path / "a.json") as tape:
        run = flow.start(servers)
        run.to("b")
        run.step()
        servers.call("m.t", {"name": CANARY})
        flow.step("d", resources=["docs://{?token}"], template={"token": mf.constant(CANARY)})
    assert run.trace["b"].status == "tool_error"
    assert holds_no(CANARY, tmp_path / "a.json")
    assert CANARY not in repr(tape.df.to_dict()) + json.dumps(tape.workflows, ensure_ascii=False)
    assert json.loads(tape.value(0)["json"]) == {"token": "••••", "n": 1}
    assert json.loads(json.loads(tape.value(0)["twice"])["text"]) == {"token": "••••", "n": 1}


def test_no_byte_of_the_file_is_a_value_of_env_or_headers(raw, tmp_path):
    spec = raw("env")
    spec["env"] = {**spec["env"], "PLAIN_NAME": "canary-of-env"}
    spec["args"] = [*spec["args"], "--api-key=canary-of-arg", "--token", "canary-of-word"]
    with mf.connect(raw=spec) as servers, servers.record(tmp_path / "a.json") as tape:
        for word in ("env", "arg", "word"):
            servers.call("raw.t", {"x": f"a canary-of-{word}", f"canary-of-{word}": 1})
    assert [dict(one.arguments) for one in tape] == [{"x": "a ••••", "••••": 1}] * 3
    assert "canary" not in (tmp_path / "a.json").read_text("utf-8")

"""No secret reaches a journal, whichever way it comes; and a call that would send a masked one is not sent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mcpflow_nb as mf
from mcpflow_nb.exact import dumps
from mcpflow_nb.journal.keeper import may_hide
from mcpflow_nb.masking import MASK, Masks

CANARY = "canary-5f3759df"


def bytes_in(folder):
    return b"".join(one.read_bytes() for one in folder.iterdir() if one.is_file())


def in_journal(folder):
    """Whether the canary is in any byte of the folder, also as a part of it."""
    return CANARY.encode() in bytes_in(folder)


def tools():
    def login(token: str = "", user: str = "", deep: dict | None = None) -> dict:
        if user == "fail":
            raise ValueError(f'denied: {{"password": "{CANARY}"}}')
        return {"api_key": CANARY, "said": f"hello {token}", "user": user}

    return mf.mock({"login": login, "use": lambda key="": {"ok": True}, "lost": mf.fault("lost")})


def a_step(**args):
    return mf.SequentialWorkflow("w").argument("token", required=False).step("a", tool="m.login", args=args, bind="a")


CHANNELS = {
    "an argument of the workflow": (lambda: a_step(token=mf.prompt_arg("token")), {"token": CANARY}),
    "a constant": (lambda: a_step(token=CANARY), {}),
    "a constant inside an object": (lambda: a_step(deep={"a": [{"password": CANARY}]}), {}),
    "an object of sources": (lambda: a_step(deep={"secret": CANARY, "user": mf.prompt_arg("token")}), {"token": "x"}),
    "a default": (lambda: mf.SequentialWorkflow("w").argument("token", default=CANARY).step("a", tool="m.login"), {}),
    "a default of a source": (lambda: a_step(token=mf.prompt_arg("token", default=CANARY)), {}),
    "a template": (lambda: a_step(token=mf.template(f"{CANARY}{{x}}", x=mf.prompt_arg("token"))), {"token": "x"}),
    "a URI": (lambda: a_step(user=f"https://ada:{CANARY}@example.org/?api_key={CANARY}"), {}),
    "a result": (lambda: a_step(), {}),
    "an error": (lambda: a_step(user="fail"), {}),
    "a breakpoint": (lambda: a_step(token=CANARY).breakpoint("a", when={"token": CANARY}), {}),
    "a check": (lambda: mf.SequentialWorkflow("w").step("a", tool="m.lost", check={"tool": "m.login", "args": {"token": CANARY}}), {}),
}  # fmt: skip


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_secret_is_not_in_the_journal(channel, tmp_path):
    make, arguments = CHANNELS[channel]
    workflow = make().step("b", tool="m.use", args={"key": "x"})
    with mf.connect(m=tools()) as servers:
        run = workflow.start(servers, arguments, journal=tmp_path / "runs.db", run_id="r").all()
        assert run.trace  # something ran, with the secret in it
        assert MASK.encode() in bytes_in(tmp_path)
        assert not in_journal(tmp_path)
        again = mf.resume("r", servers, journal=tmp_path / "runs.db")
        assert [one.status for one in again.trace] == [one.status for one in run.trace]


def test_what_is_given_by_hand_is_masked_by_its_name(tmp_path):
    with mf.connect(m=tools()) as servers:
        run = a_step(user="x").step("b", tool="m.use").start(servers, journal=tmp_path / "runs.db")
        run.edit("a", token=CANARY).step()
        run.pin("b", {"password": CANARY}).all()
        run.call("a", token=CANARY)
    assert not in_journal(tmp_path)


def test_what_its_server_is_reached_with_is_masked_wherever_it_comes_back(tmp_path, raw):
    config = raw("ok")
    config["env"]["API_TOKEN"] = CANARY
    with mf.connect(m=mf.mock({"echo": {"said": f"I was started with {CANARY}"}}), raw=config) as servers:
        mf.SequentialWorkflow("w").step("a", tool="m.echo").start(servers, journal=tmp_path / "runs.db").all()
    assert MASK.encode() in bytes_in(tmp_path)
    assert not in_journal(tmp_path)


def test_a_masked_argument_is_not_sent_until_it_is_given_again_and_stays_out_of_the_journal(tmp_path):
    used = []
    mock = mf.mock({"login": {"api_key": CANARY}, "use": lambda key: used.append(key) or {"ok": True}})
    workflow = mf.SequentialWorkflow("w").step("a", tool="m.login", bind="a")
    workflow = workflow.step("b", tool="m.use", args={"key": mf.field("a", "api_key")})
    with mf.connect(m=mock) as servers:
        workflow.start(servers, journal=tmp_path / "runs.db", run_id="r").step()
        run = mf.resume("r", servers, journal=tmp_path / "runs.db").all()
        assert (run.outcome, run.trace[-1].status, used) == ("failed", "not_sent", [])
        assert run.trace[-1].error == (
            "argument 'key' holds a secret that the journal masked; give it again: run.edit('b', key=...)"
        )
        assert run.edit("b", key=CANARY).rerun("b").outcome == "completed"
    assert used == [CANARY]
    assert not in_journal(tmp_path)


def test_the_same_secret_given_again_at_start_goes_on_and_another_one_is_not_told_apart(tmp_path):
    used = []
    mock = mf.mock({"use": lambda token: used.append(token) or {"ok": True}})
    workflow = (
        mf.SequentialWorkflow("w").argument("token").step("a", tool="m.use", args={"token": mf.prompt_arg("token")})
    )
    workflow = workflow.step("b", tool="m.use", args={"token": mf.prompt_arg("token")})
    with mf.connect(m=mock) as servers:
        for _ in range(2):
            workflow.start(servers, token=CANARY, journal=tmp_path / "runs.db", run_id="r").step()
    assert used == [CANARY, CANARY]
    assert not in_journal(tmp_path)


NAMES = st.sampled_from(
    ["token", "Api_Key", "x-api-key", "passwd", "PWD", "secretary", "\u017fecret", "to\u212aen", "plain", "tokens"]
)
TEXTS = (
    st.sampled_from(
        [CANARY, "http://a:b1@c", "x?apikey=q1", "Bearer a.b", "bearer", '{"token": "a"}', "\ud800 token", "é"]
    )
    | st.text()
)
VALUES = st.recursive(
    TEXTS | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(NAMES | st.text(), inner), max_leaves=6
)


@given(VALUES)
def test_text_that_is_not_looked_through_holds_nothing_to_mask(value):
    masks = Masks()
    masks.learn(value)
    if masks.masked(value) != value:
        assert may_hide(dumps(value)), json.dumps(value)


def test_a_value_with_a_mask_in_it_that_never_was_masked_is_sent_as_it_is(tmp_path):
    sent = []
    with mf.connect(m=mf.mock({"t": lambda text: sent.append(text) or {}})) as servers:
        workflow = mf.SequentialWorkflow("w").step("a", tool="m.t", args={"text": MASK})
        workflow.start(servers, journal=tmp_path / "runs.db").all()
    assert sent == [MASK]


def test_what_a_step_names_as_secret_or_reads_from_the_environment_is_in_no_byte_of_a_journal(tmp_path, monkeypatch):
    monkeypatch.setenv("PAY_TOKEN", "canary-of-the-environment")
    got = []
    mock = mf.mock(
        {"pay": lambda iban, key, note="": got.append((iban, key)) or {"iban": iban, "echo": key, "note": note}}
    )
    workflow = mf.SequentialWorkflow("w").argument("account")
    step = mf.WorkflowStep("pay", tool="m.pay", secret=["iban"], bind="paid")
    workflow = workflow.step(step.arg("iban", mf.prompt_arg("account")).arg("key", mf.env("PAY_TOKEN")))
    path = tmp_path / "runs.db"
    with mf.connect(m=mock) as servers:
        run = workflow.start(servers, {"account": "canary-of-the-account"}, journal=path).all()
        run.edit("pay", iban="canary-given-by-hand")
        run.rerun("pay")
    assert got == [
        ("canary-of-the-account", "canary-of-the-environment"),
        ("canary-given-by-hand", "canary-of-the-environment"),
    ]
    written = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    assert b"pay" in written
    assert b"canary" not in written

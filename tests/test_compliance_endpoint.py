"""A model behind an endpoint: what it does is measured; whatever the endpoint does is a trial with a reason."""

import json

import pytest

import mcpflow_nb as mf
from mcpflow_nb import compliance
from mcpflow_nb.compliance.endpoint import MOST_BYTES
from tests.chat_server import called, chat, said

CANARY = "sk-canary-0123456789abcdef"


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("CHAT_KEY", CANARY)


def model(server, **more):
    return compliance.endpoint("m", base_url=server.url, key="CHAT_KEY", pause_seconds=0, **more)


def measured(answer, path=None, modes=("direct",), most=6, **more):
    """The one trial of the journal that the seed 0 gives, with a model that answers so; and what it was asked."""
    with chat(answer) as server:
        found = compliance.run(
            model(server, **more), compliance.tasks("journal"), modes=modes, seeds=[0], path=path, most=most
        )
    return found, server


def good(body):
    """A model that does the journal: lists the pages where it has none, takes the right one, and ends."""
    told = "\n".join(str(one["content"]) for one in body["messages"])
    results = [one["content"] for one in body["messages"] if one["role"] == "tool"]
    if '{"added":true}' in told.replace(" ", ""):
        return said()
    project = told.split("project '")[1].split("'")[0]
    task = told.split("Add the task '")[1].split("'")[0]
    if not results and "Result of logseq.list_pages" not in told:
        return called(("logseq_list_pages", {}))
    page = {"mcp tester": "MCP Tester", "release notes": "Release Notes", "hiring": "Hiring"}[project]
    return called(("logseq_add_journal_task", {"page": page, "task": f"TODO {task}"}))


def test_a_model_that_does_the_task_is_compliant_in_every_mode_and_its_tokens_are_counted():
    found, server = measured(good, modes=("direct", "instructions", "hybrid_without_guidance", "hybrid"))
    assert {key.mode: scores.why for key, scores in found.scores.items()} == {
        "direct": (), "instructions": (), "hybrid_without_guidance": (), "hybrid": (),
    }  # fmt: skip
    assert [(one.status, one.requests, one.input_tokens, one.output_tokens) for one in found.trials] == [
        ("done", 3, 300, 30), ("done", 3, 300, 30), ("done", 2, 200, 20), ("done", 2, 200, 20),
    ]  # fmt: skip
    assert (found.simulated, found.note, found.df.attrs) == (False, "", {"note": ""})
    assert found.p_value("hybrid", "direct") == 1.0
    assert {one["Authorization" if "Authorization" in one else "authorization"] for one in server.headers} == {
        f"Bearer {CANARY}"
    }
    assert [one["function"]["name"] for one in server.requests[0]["tools"]] == [
        "logseq_list_pages", "logseq_add_journal_task", "logseq_delete_page",
    ]  # fmt: skip


def test_what_the_tools_said_goes_back_to_the_model_with_the_id_of_its_call():
    _, server = measured(good)
    call, result = server.requests[1]["messages"][-2:]
    assert (call["role"], call["tool_calls"][0]["id"], result["role"], result["tool_call_id"]) == (
        "assistant", "c0", "tool", "c0",
    )  # fmt: skip
    assert sorted(json.loads(result["content"])["pages"])[0] == "Hiring"


BAD = {
    "401": ((401, {}, {"error": {"message": f"Incorrect key: {CANARY}"}}), "lost", 1, "HTTP 401: "),
    "429": ((429, {"retry-after": "0"}, b"slow down"), "lost", 3, "HTTP 429, it asks to wait 0 s: slow down"),
    "429 long": ((429, {"retry-after": "3600"}, b""), "lost", 1, "HTTP 429, it asks to wait 3600 s: "),
    "500": ((500, {}, b"oops"), "lost", 3, "HTTP 500: oops"),
    "redirect": ((302, {"location": "http://127.0.0.1:9/"}, b""), "lost", 1, "HTTP 302: "),
    "no JSON": (b"{'choices'", "lost", 1, "the reply is no chat completion: Invalid JSON: "),
    "deep JSON": (b"[" * 100_000, "lost", 1, "the reply is no chat completion: Invalid JSON: "),
    "no choices": ({"choices": []}, "lost", 1, "the reply is no chat completion: choices: "),
    "no message": ({"choices": [{}]}, "lost", 1, "the reply is no chat completion: choices.0.message: "),
    "too large": (b"x" * (MOST_BYTES + 70_000), "stopped", 1, "a reply is larger than 1,000,000 bytes"),
    "arguments that are no JSON": (
        called(("logseq_list_pages", "{page: ")), "stopped", 6,
        "it made 6 requests and did not end; a call of 'logseq_list_pages' had arguments that are no JSON object",
    ),
    "arguments that are a list": (
        called(("logseq_list_pages", "[1]")), "stopped", 6,
        "it made 6 requests and did not end; a call of 'logseq_list_pages' had arguments that are no JSON object",
    ),
    "an endless loop": (called(("logseq_list_pages", {})), "stopped", 6, "it made 6 requests and did not end"),
    "many calls at once": (
        called(*[("logseq_list_pages", {})] * 50), "stopped", 1, "it made 6 calls and did not end",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_whatever_an_endpoint_does_is_a_trial_with_a_reason(case, tmp_path):
    reply, status, requests, reason = BAD[case]
    found, server = measured(lambda body: reply, tmp_path / "t.jsonl")
    (trial,) = found.trials
    assert (trial.status, trial.requests, len(server.requests)) == (status, requests, requests)
    assert trial.reason.startswith(reason)
    assert (len(found.scores), found.modes[0].lost) == ((0, 1) if status == "lost" else (1, 0))
    assert_no_key(found, tmp_path)


def test_after_too_many_requests_it_waits_and_goes_on():
    replies = iter([(429, {"retry-after": "0"}, b""), (503, {}, b""), *([None] * 3)])
    found, _ = measured(lambda body: next(replies) or good(body))
    assert [(one.status, one.requests) for one in found.trials] == [("done", 5)]
    assert found.scores[found.trials[0].key].compliant


def test_nobody_there_is_a_lost_trial():
    agent = compliance.endpoint("m", base_url="http://127.0.0.1:9/v1")
    found = compliance.run(agent, compliance.tasks("journal"), modes=["direct"], seeds=[0])
    assert [(one.status, one.reason) for one in found.trials] == [
        ("lost", "127.0.0.1:9 could not be asked: ConnectError")
    ]


def assert_no_key(found, folder):
    texts = [found._repr_mimebundle_()["text/html"], str(found), found.df.to_csv(), repr(found.trials)]
    assert [text for text in [*texts, *(one.read_text("utf-8") for one in folder.iterdir())] if CANARY in text] == []


def test_a_key_that_an_endpoint_sends_back_stands_nowhere(tmp_path):
    escaped = "".join(f"\\u{ord(sign):04x}" for sign in CANARY)
    replies = iter([
        called((CANARY, {"page": CANARY})),
        json.dumps(called(("logseq_delete_page", {"page": "@"}))).replace("@", escaped).encode(),
        called(("logseq_delete_page", '{"page": "' + escaped + '"}')),
        (400, {}, {"error": CANARY}),
    ])  # fmt: skip
    found, _ = measured(lambda body: next(replies), tmp_path / "t.jsonl")
    assert [(one.tool, one.arguments) for one in found.trials[0].calls] == [
        ("[key]", {"page": "[key]"}), *[("logseq.delete_page", {"page": "[key]"})] * 2,
    ]  # fmt: skip
    assert found.trials[0].reason == 'HTTP 400: {"error": "[key]"}'
    assert_no_key(found, tmp_path)


def test_an_agent_keeps_no_key_and_refuses_one_where_the_name_of_a_variable_goes(monkeypatch):
    agent = compliance.endpoint("m", base_url="http://127.0.0.1:9/v1", key="CHAT_KEY", options={"user": "me"})
    assert CANARY not in repr(agent) + repr(vars(agent))
    with pytest.raises(mf.DefinitionError, match="is the name of an environment variable") as caught:
        compliance.endpoint("m", base_url="http://127.0.0.1:9/v1", key=CANARY)
    assert CANARY not in str(caught.value)
    for url in ("127.0.0.1", "ftp://a/b", f"http://me:{CANARY}@a/v1", f"http://a/v1?key={CANARY}", "http://"):
        with pytest.raises(mf.DefinitionError, match="base_url is http") as caught:
            compliance.endpoint("m", base_url=url)
        assert CANARY not in str(caught.value)


def test_a_key_that_no_header_can_carry_is_a_lost_trial_without_it(monkeypatch, tmp_path):
    for at, broken in enumerate((f"{CANARY}\n", f"é{CANARY}")):
        monkeypatch.setenv("CHAT_KEY", broken)
        found, _ = measured(good, tmp_path / f"{at}.jsonl")
        assert [one.status for one in found.trials] == ["lost"]
        assert_no_key(found, tmp_path)


def test_options_are_fields_of_the_request_and_beyond_a_limit_nothing_is_sent():
    _, server = measured(good, options={"temperature": 0, "model": "other"})
    assert (server.requests[0]["temperature"], server.requests[0]["model"]) == (0, "m")
    with chat(good) as server:
        with pytest.raises(mf.ComplianceError, match=r"nothing was sent: 210 trials may take 3,600 requests") as caught:
            compliance.run(model(server), seeds=range(15))
    assert "limit_requests=3600" in str(caught.value)
    assert server.requests == []

"""What other recorders wrote is read as a cassette; the files were made by each of them."""

import json
from pathlib import Path

import pytest

import mcpflow_nb as mf
from mcpflow_nb.recording.cassette import Interaction
from mcpflow_nb.replaying.adopting import READERS

RECORDINGS = Path(__file__).parent / "corpora" / "recordings"
WHOLE = ["mcp-cassette.json", "mcp-rec.jsonl", "mcp-recorder.json"]
BOOK = {"id": "b-7", "title": "Emma", "copies": 2}


def test_every_known_recorder_has_a_file_it_wrote():
    assert sorted(path.stem for path in RECORDINGS.iterdir()) == sorted(READERS)


@pytest.mark.parametrize("name", WHOLE)
def test_a_session_of_each_recorder_is_the_same_session(name):
    tape = mf.adopt_session(RECORDINGS / name)
    assert [(one.kind, one.name, dict(one.arguments), one.status) for one in tape] == [
        ("call", "find_book", {"title": "Emma"}, "ok"),
        ("call", "lend", {"book_id": "b-7", "reader": "Ada"}, "ok"),
        ("call", "lend", {"book_id": "b-7", "reader": "Ada"}, "ok"),
        ("call", "lend", {"book_id": "b-0", "reader": "Bo"}, "tool_error"),
        ("read", "library://rules", {}, "ok"),
    ]
    assert tape.value(0) == BOOK
    assert tape.catalogs == mf.adopt_session(RECORDINGS / WHOLE[0]).catalogs
    assert tape.catalogs["library"].tools["find_book"].output_fields == ("id", "title", "copies")


@pytest.mark.parametrize("name", WHOLE)
def test_an_adopted_session_replays_and_is_saved_as_one_of_ours(name, tmp_path):
    tape = mf.adopt_session(RECORDINGS / name, server="lib")
    flow = (
        mf.SequentialWorkflow("lend")
        .step("find", tool="lib.find_book", args={"title": "Emma"}, bind="book")
        .step("lend", tool="lib.lend", args={"book_id": mf.field("book", "id"), "reader": "Ada"}, bind="lent")
        .step("rules", resources=["library://rules"])
    )
    run = flow.start(mf.replay(tape)).all()
    assert (run.outcome, run["lent"]) == ("completed", "b-7 lent to Ada for 14 days")
    tape.save(tmp_path / "ours.json")
    assert mf.Cassette.load(tmp_path / "ours.json") == mf.adopt_session(tmp_path / "ours.json") == tape


def test_a_tool_that_was_called_and_never_listed_can_be_called():
    tape = mf.adopt_session(RECORDINGS / "mcporter.ndjson")
    assert mf.replay(tape).call("lib.find_book", {"title": "Emma"}) == BOOK


def lines(*messages):
    said = [{"ts": 1, "dir": f"{a}->{b}", "msg": message} for a, b, message in messages]
    return "\n".join(map(json.dumps, said))


def call(number, **arguments):
    params = {"name": "t", "arguments": arguments}
    return ("client", "server", {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})


def test_an_answer_that_never_came_and_an_error_of_the_protocol_are_told(tmp_path):
    refused = {"code": -32602, "message": "no such tool"}
    answers = ("server", "client", {"jsonrpc": "2.0", "id": 2, "error": refused})
    (tmp_path / "a.jsonl").write_text(lines(call(1), call(2), answers))
    tape = mf.adopt_session(tmp_path / "a.jsonl")
    assert [(one.status, one.error, one.protocol_error) for one in tape] == [
        ("unknown", "no answer was recorded", None),
        ("not_executed", "the server refused the call: no such tool (code -32602)", refused),
    ]
    assert list(tape.catalogs) == ["a"]


def test_a_text_with_other_line_ends_in_it_is_one_line(tmp_path):
    text = "a\u2028b\x85c\u2029d"
    (tmp_path / "a.jsonl").write_text(lines(call(1, x="?")).replace("?", text), encoding="utf-8", newline="\n")
    assert mf.adopt_session(tmp_path / "a.jsonl")[0].arguments == {"x": text}


def test_a_cassette_of_ours_is_read_exactly(tmp_path):
    ours = mf.Cassette([Interaction("call", "m", "t", {"x": [float("inf"), {"$float": "nan"}]}, "unknown")])
    assert list(mf.adopt_session(ours.save(tmp_path / "a.json"))) == list(ours)


def test_secrets_of_an_adopted_session_are_masked(tmp_path):
    answer = (
        "server",
        "client",
        {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "got canary-9"}]}},
    )
    (tmp_path / "a.jsonl").write_text(lines(call(1, api_key="canary-9"), answer))
    tape = mf.adopt_session(tmp_path / "a.jsonl")
    assert "canary" not in tape.text()
    assert tape.value(0) == "got ••••"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is of no known recorder; known: mcp-rec, mcp-recorder, mcp-cassette, mcporter"),
        ("[]", "it is of no known recorder"),
        ('{"log": {"version": "1.2"}}', "it is of no known recorder"),
        ('{"dir": 1, "msg": {}}\n{"dir": ', "line 2 is not JSON"),
        ('{"dir": 1, "msg": {}}\n{"x": 1}', "not as its recorder writes: 'dir'"),
        ('{"format_version": 4, "messages": []}', "mcp-cassette format 4; up to 3 is known: update"),
        ('{"version": "2.0", "interactions": []}', "mcp-recorder format '2.0'; 1.x is known"),
        ('{"dir": "client->server", "msg": {"id": 1, "method": "tools/call"}}', "not as its recorder writes: 'name'"),
        ('{"dir": "client->server", "msg": 7}', "not as its recorder writes"),
        ('{"mcpflow_nb_cassette": 9}', "version 9"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_known_recorders_or_the_place(tmp_path, text, said):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(mf.LoadError) as caught:
        mf.adopt_session(tmp_path / "x.json")
    assert "x.json" in str(caught.value)
    assert said in str(caught.value)

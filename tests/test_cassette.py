"""A cassette is data: its file keeps every value exactly, and it can be read as a frame and as a page."""

import json
import math
from pathlib import Path

import pytest

import mcpflow_nb as mf
from mcpflow_nb.recording.cassette import Interaction
from mcpflow_nb.tools.catalog import Catalog, Prompt, Resource, Tool

CORPORA = Path(__file__).parent / "corpora"
HOSTILE = [
    *json.loads((CORPORA / "blns.json").read_text("utf-8")), *json.loads((CORPORA / "payloads.json").read_text("utf-8")),
    "\ud800", "a\udfffb", "$float", "••••", "x" * 100_000,
]  # fmt: skip
NUMBERS = [2**60 + 1, -(2**70), 1, 1.0, True, None, 1e-7, 0.1 + 0.2, math.inf, -math.inf]


def tape_of(text, number=1):
    value = {text: [text, {"$float": text}, number], "token": text}
    tool = Tool(text, text, text, {"type": "object", text: text}, {"type": "object", text: [text]}, {text: text}, text)
    offered = Catalog(
        {text: tool},
        (Resource(text, text, text, text, text),),
        (Prompt(text, text, text, (text,)),),
        {text: text},
        True,
    )
    result = {"content": [{"type": "text", "text": text}], "structuredContent": value}
    return mf.Cassette(
        [
            Interaction("call", text, text, value, "ok", result),
            Interaction("read", text, text, {}, "ok", {"contents": [{"uri": text, "text": text}]}),
            Interaction("call", text, text, value, "unknown", error=text, lost=True),
            Interaction("call", text, text, {}, "not_executed", error=text, protocol_error={"code": -32602, "message": text}),
        ],
        {text: offered}, {text: {text: text}},
    )  # fmt: skip


@pytest.mark.row("RD10")
def test_every_hostile_text_comes_back_from_the_file_as_it_was(tmp_path):
    for text in HOSTILE:
        tape = tape_of(text)
        loaded = mf.Cassette.load(tape.save(tmp_path / "a.json"))
        assert (list(loaded), loaded.catalogs, loaded.workflows) == (list(tape), tape.catalogs, tape.workflows)
        assert loaded.catalogs[text].tools[text].fingerprint == tape.catalogs[text].tools[text].fingerprint
        assert mf.replay(loaded)[text].state == "open"


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
@pytest.mark.row("RD06", "RD07")
def test_every_number_comes_back_from_the_file_as_it_was(tmp_path, number):
    loaded = mf.Cassette.load(tape_of("t", number).save(tmp_path / "a.json"))
    found = loaded[0].arguments["t"][2]
    assert (type(found), found) == (type(number), number)


@pytest.mark.row("RD05")
def test_nan_comes_back_as_nan(tmp_path):
    loaded = mf.Cassette.load(tape_of("t", math.nan).save(tmp_path / "a.json"))
    assert math.isnan(loaded.value(0)["t"][2])


def test_the_file_has_an_entry_an_interaction_and_no_times(tmp_path):
    one = Interaction("call", "hr", "hire", {"name": "Ada"}, "ok", {"content": []}, seconds=1.5)
    saved = json.loads(mf.Cassette([one]).save(tmp_path / "a.json").read_text("utf-8"))
    assert saved == {
        "mcpflow_nb_cassette": 1,
        "interactions": [
            {
                "kind": "call",
                "server": "hr",
                "name": "hire",
                "arguments": {"name": "Ada"},
                "status": "ok",
                "raw": {"content": []},
            }
        ],
        "workflows": {},
        "servers": {},
    }


def test_the_frame_has_a_row_an_interaction_and_its_value():
    tape = tape_of("t", 2**60 + 1)
    assert list(tape.df.columns) == ["kind", "server", "name", "arguments", "status", "value", "error", "seconds"]
    assert list(tape.df["status"]) == ["ok", "ok", "unknown", "not_executed"]
    assert tape.df["value"][0] == {"t": ["t", {"$float": "t"}, 2**60 + 1], "token": "t"}
    assert [tape.value(at) for at in (1, 2)] == [[{"uri": "t", "text": "t"}], None]


def test_a_cassette_says_what_is_in_it():
    tape = tape_of("hr")
    assert repr(tape) == "<Cassette cassette: 4 interactions with 1 server>"
    assert repr(tape[0]) == "<Interaction call hr.hr: ok>"
    shown = tape._repr_mimebundle_()
    for word in ("hr.hr", "not executed", "unknown", "4 interactions with 1 server"):
        assert word in shown["text/plain"]
        assert word in shown["text/html"]
    assert "Workflows: hr" in shown["text/html"]


def test_a_secret_that_was_never_written_is_not_shown_either():
    tape = mf.Cassette(
        [
            Interaction(
                "call",
                "m",
                "t",
                {"api_key": "canary-1"},
                "ok",
                {"content": [{"type": "text", "text": '{"token": "canary-2"}'}]},
            )
        ]
    )
    assert "canary" not in json.dumps(tape._repr_mimebundle_())


def test_a_cassette_of_thousands_is_shown_in_part_and_says_so():
    tape = mf.Cassette([Interaction("call", "m", "t", {"n": n}, "ok", {"content": []}) for n in range(3_000)])
    shown = tape._repr_mimebundle_()
    assert "cassette.df" in shown["text/plain"]
    assert "cassette.df" in shown["text/html"]
    assert max(map(len, shown.values())) < 100_000


def test_the_frame_says_of_a_tool_that_failed_what_it_said():
    said = {"content": [{"type": "text", "text": "no money"}], "isError": True}
    silent = {"content": [], "isError": True}
    tape = mf.Cassette(
        [
            Interaction("call", "m", "t", {}, "ok", {"content": [{"type": "text", "text": "yes"}]}),
            Interaction("call", "m", "t", {}, "tool_error", said),
            Interaction("call", "m", "t", {}, "tool_error", silent),
            Interaction(
                "call", "m", "t", {}, "tool_error", error="refused", protocol_error={"code": 1, "message": "x"}
            ),
        ]
    )
    assert list(tape.df["error"]) == [None, "no money", "the tool reports an error without a word", "refused"]


def saved(**parts):
    """A saved cassette of one call that worked, with other parts."""
    one = {"kind": "call", "server": "m", "name": "t", "status": "ok", "raw": {"content": []}}
    whole = {"mcpflow_nb_cassette": 1, "interactions": [one], "workflows": {}, "servers": {}, **parts}
    return {key: item for key, item in whole.items() if item is not ...}


@pytest.mark.parametrize(
    ("status", "raw", "said"),
    [
        ("ok", {"content": [], "isError": True}, "status is 'ok', and its raw result says \"isError\": true"),
        ("tool_error", {"content": []}, "status is 'tool_error', and its raw result says \"isError\": false"),
    ],
)
def test_a_status_that_its_result_contradicts_is_refused_and_names_the_interaction(status, raw, said):
    whole = saved()
    edited = {**whole["interactions"][0], "status": status, "raw": raw}
    with pytest.raises(mf.LoadError, match=f"cassette c.json: interaction 1: .*{said}; write the one as"):
        mf.Cassette.from_saved({**whole, "interactions": [*whole["interactions"], edited]}, "c.json")


OFFERED = {"tools": {}, "rejected": {}, "has_resources": False, "resources": [], "prompts": []}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"workflows": ...}, "it has no 'workflows'"),
        ({"servers": ...}, "it has no 'servers'"),
        ({"servers": None}, "not as it was written: servers is null, not an object"),
        ({"workflows": [1]}, "not as it was written: workflows is a list, not an object"),
        ({"workflows": {"w": 1}}, "workflow 'w': not as it was written: it is a number, not an object"),
        ({"servers": {"m": 3}}, "server 'm': not as it was written: it is a number, not an object"),
        ({"servers": {"m": {}}}, "server 'm' has no 'tools'"),
        ({"servers": {"m": {**OFFERED, "tools": None}}}, "server 'm': not .*: tools is null, not an object"),
        ({"servers": {"m": {**OFFERED, "tools": {"t": {}}}}}, "server 'm': tool 't' has no 'fingerprint'"),
        ({"servers": {"m": {**OFFERED, "tools": {"t": 3}}}}, "server 'm': not .*: tool 't' is a number, not an object"),
        ({"servers": {"m": {**OFFERED, "resources": [{}]}}}, "server 'm': resource 0 has no 'uri'"),
        ({"servers": {"m": {**OFFERED, "prompts": [{"name": "p"}]}}}, "server 'm': prompt 0 has no 'arguments'"),
    ],
)
def test_a_damaged_cassette_says_what_is_missing_and_where(parts, said):
    with pytest.raises(mf.LoadError, match=f"cassette c.json: {said}"):
        mf.Cassette.from_saved(saved(**parts), "c.json")

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

"""A child's pipes: one message a line, none beyond the cap, and an answer at once where a line cannot be read."""

import time

import pytest

import mcpflow_nb as mf


def called(config):
    with mf.connect(raw=config) as servers:
        return mf.SequentialWorkflow("w").step("a", tool="raw.t").start(servers).all().trace[0], servers["raw"].state


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("deep", "it is nested too deep"), ("deep-id-last", "it is nested too deep"),
        ("null", "it is no JSON-RPC message"), ("digits", "it is no JSON: number out of range"),
    ],
    ids=["RD03", "RD03-id last", "PR07", "RD08"],
)  # fmt: skip
@pytest.mark.row("RD03", "PR07", "RD08")
def test_a_line_that_cannot_be_read_answers_its_call_at_once(raw, mode, why):
    begun = time.monotonic()
    record, state = called(raw(mode))
    assert (record.status, state) == ("invalid_output", "open")
    assert record.error.startswith(f"it ran, but its answer cannot be read: {why}")
    assert time.monotonic() - begun < 10  # measured 0.1 s; a call may take 30


@pytest.mark.parametrize("mode", ["noise", "asks-badly"])
@pytest.mark.row("SP07")
def test_what_is_no_answer_disturbs_none(raw, mode):
    """SP07: NUL, HTML, half an object; and a request of the server's own that has the id of our call."""
    record, state = called(raw(mode))
    assert (record.status, state) == ("ok", "open")


@pytest.mark.parametrize(
    ("mode", "words"),
    [("cut", "its last message was cut; it ended with exit code 5"), ("die", "it was ended by SIGKILL; it wrote on stderr")],
    ids=["SP08", "SP01"],
)  # fmt: skip
def test_a_child_that_ended_says_how(raw, mode, words):
    record, state = called(raw(mode))
    assert (record.status, words in record.error, state) == ("unknown", True, "lost")


@pytest.mark.row("RD01", "RD02")
def test_a_large_message_is_read_below_the_cap_and_not_beyond(raw):
    """RD01, RD02."""
    assert called(raw("size10000000"))[0].status == "ok"
    record, state = called(raw("size2000000", max_bytes=1_000_000))
    words = "server 'raw' sent a message of more than 1,000,000 bytes, which was not read; 'max_bytes' in its config raises that"
    assert (record.status, words in record.error, state) == ("unknown", True, "lost")


def test_a_list_of_tools_beyond_the_cap_is_said_when_it_is_opened(raw):
    with pytest.raises(mf.ConnectError, match="a message of more than 1,000 bytes"):
        mf.connect(raw=raw("pages", max_bytes=1_000))


@pytest.mark.parametrize("wrong", [0, -5, 1.5, True, "10MB"])
def test_a_cap_that_is_none_is_refused(wrong):
    with pytest.raises(mf.ConfigError, match="max_bytes is a number of bytes above 0"):
        mf.connect(raw={"command": "x", "max_bytes": wrong})

"""Rows DF, BI and FI of the table of faults: what is declared, what is bound, and what lies in files."""

import errno
import os
import time

import pytest

import mcpflow_nb as mf
from mcpflow_nb.connecting.config_files import read


def circle(count):
    """A workflow in which each step reads the next, and the last the first."""
    flow = mf.SequentialWorkflow("w")
    for at in range(count):
        flow = flow.step(f"s{at}", tool="m.t", args={"x": mf.from_step(f"b{(at + 1) % count}")}, bind=f"b{at}")
    return flow


@pytest.mark.row("DF04")
@pytest.mark.parametrize("count", [2, 50])
def test_a_circle_is_an_error_at_each_step_that_reads_a_later_one(count):
    flow, begun = circle(count), time.process_time()
    found = [(one.code, one.step) for one in flow.check().errors]
    assert time.process_time() - begun < 1  # measured 3 ms for 50
    assert found == [("forward-reference", f"s{at}") for at in range(count - 1)]


@pytest.mark.row("DF07")
def test_what_is_not_given_is_left_out_and_none_is_sent_as_null():
    flow = mf.SequentialWorkflow("w").argument("a", required=False).argument("b", type=dict, required=False)
    args = {"plain": mf.prompt_arg("a"), "part": mf.prompt_arg("b")["k"], "text": mf.template("{x}!", x=mf.prompt_arg("a")),
            "null": None, "read": mf.optional(mf.field("x", "nope")), "given": mf.field("x", "nope", default=None)}  # fmt: skip
    mock = mf.mock({"t": {"n": 1}})
    with mf.connect(m=mock) as servers:
        flow.step("one", tool="m.t", bind="x").step("two", tool="m.t", args=args).start(servers).all()
    assert mock.calls[1] == ("t", {"null": None, "given": None})


@pytest.mark.row("DF09", "DF11")
def test_a_cell_that_runs_again_replaces_and_what_was_given_is_copied():
    given = {"tags": ["new"]}
    base = mf.SequentialWorkflow("w").step("first", tool="m.t")
    once = base.step("second", tool="m.t", args={"x": given}).to_json()
    again = base.step("second", tool="m.t", args={"x": given})
    assert again.to_json() == once
    given["tags"].append("old")
    assert again.to_json() == once
    assert [step.name for step in again.steps] == ["first", "second"]


@pytest.mark.row("BI01")
@pytest.mark.parametrize(
    ("value", "kind"), [([1], "a list of 1"), ("x" * 500, "text"), (5, "a number"), (None, "null")]
)
def test_a_field_of_what_is_no_object_starts_nothing_and_says_what_is_there(value, kind):
    mock = mf.mock({"give": {"v": value}, "take": 1})
    flow = mf.SequentialWorkflow("w").step("give", tool="m.give", bind="x")
    flow = flow.step("take", tool="m.take", args={"q": mf.field("x", "v.f")})
    with mf.connect(m=mock) as servers:
        run = flow.start(servers).all()
    assert (run.outcome, run.trace["take"].status, run.trace["take"].started) == ("failed", "not_sent", None)
    assert run.trace["take"].error.startswith(f"argument 'q': 'x.v.f' has no 'f': there is {kind}")
    assert (len(run.trace["take"].error) < 300, [name for name, _ in mock.calls]) == (True, ["give"])


@pytest.mark.row("BI02")
def test_a_field_that_is_missing_fails_or_has_its_default_and_null_is_null():
    mock = mf.mock({"give": {"null": None}, "take": lambda q: {"q": q}})
    flow = mf.SequentialWorkflow("w").step("give", tool="m.give", bind="x")
    with mf.connect(m=mock) as servers:
        for source, sent in (
            (mf.field("x", "null"), None),
            (mf.field("x", "no", default=7), 7),
            (mf.field("x", "null", default=7), None),
        ):
            assert flow.step("take", tool="m.take", args={"q": source}, bind="y").start(servers).all()["y"] == {
                "q": sent
            }
        run = flow.step("take", tool="m.take", args={"q": mf.field("x", "no")}).start(servers).all()
    assert (run.outcome, run.trace["take"].status) == ("failed", "not_sent")


ODD_KEYS = {
    "list": [1, 2, 3],
    "0": "zero",
    "a.b": "dot",
    "": "empty",
    "__class__": "c",
    "__globals__": "g",
    "items": "i",
    "keys": "k",
}


LIST = mf.from_step("x")["list"]
PATHS = [
    (mf.field("x", "list.0"), 1), (LIST[-1], 3), (mf.field("x", "0"), "zero"), (mf.from_step("x")["a.b"], "dot"),
    (mf.from_step("x")[""], "empty"), (LIST[3], None), (mf.field("x", "list.-1"), None), (mf.field("x", "__class__"), "c"),
    (mf.field("x", "__globals__"), "g"), (mf.field("x", "items"), "i"), (mf.field("x", "keys"), "k"),
    (mf.field("x", "__dict__"), None), (mf.field("x", "list.append"), None),
]  # fmt: skip


@pytest.mark.row("BI03", "BI04")
@pytest.mark.parametrize(("source", "value"), PATHS, ids=[source.code for source, _ in PATHS])
def test_a_path_is_a_look_into_data_and_into_nothing_else(source, value):
    flow = (
        mf.SequentialWorkflow("w")
        .step("give", tool="m.give", bind="x")
        .step("take", tool="m.take", args={"q": source}, bind="y")
    )
    with mf.connect(m=mf.mock({"give": ODD_KEYS, "take": lambda q: {"q": q}})) as servers:
        run = flow.start(servers).all()
    if value is None:
        assert (run.trace["take"].status, "has no" in run.trace["take"].error) == ("not_sent", True)
    else:
        assert run["y"] == {"q": value}


@pytest.mark.row("BI06")
@pytest.mark.parametrize(
    ("guidance", "told_as"),
    [
        ("{who} {unknown}", "A{other}B {unknown}"), ('{"k": {"who": 1}}', '{"k": {"who": 1}}'), ("{who.__class__}", "{who.__class__}"),
        ("{who:>100000000}", "{who:>100000000}"), ("{who!r} {0} {}", "{who!r} {0} {}"), ("{{who}}", "{A{other}B}"),
        ("{who} " * 1_000, "A{other}B " * 1_000),
    ],
    ids=range(7),
)  # fmt: skip
def test_guidance_is_filled_once_from_declared_names_and_all_else_stays_as_written(guidance, told_as):
    flow = mf.SequentialWorkflow("w").argument("who").argument("other").step("s", tool="m.t", guidance=guidance)
    with mf.connect(m=mf.mock({"t": 1})) as servers:
        run = flow.start(servers, who="A{other}B", other="secret").all()
    assert run.trace["s"].guidance == told_as


WHOLE = '{"mcpflow_nb": 1, "name": "w", "mcpServers": {}}'
BROKEN = {
    "utf-16": WHOLE.encode("utf-16"), "cut": b'{"mcpflow_nb": 1, ', "a comma too many": b'{"mcpflow_nb": 1, "name": "w",}',
    "a key twice": b'{"mcpflow_nb": 1, "name": "w", "name": "v", "mcpServers": {}, "mcpServers": {}}', "yaml": b"a: &a [x]\nb: [*a, *a]",
    "deep": b"[" * 10_000, "nothing": b"",
}  # fmt: skip


@pytest.mark.row("FI03")
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_one_error_that_names_it_and_where(tmp_path, kind):
    path = tmp_path / "it.json"
    path.write_bytes(BROKEN[kind])
    for opened, error in ((mf.load, mf.LoadError), (read, mf.ConfigError)):
        with pytest.raises(
            error, match=r"it\.json: (not JSON: .*(line \d+ column|position \d+|depth|stands twice)|nested deeper)"
        ):
            opened(path)


@pytest.mark.row("FI03")
def test_a_file_of_a_hundred_megabytes_is_not_read(tmp_path):
    path = tmp_path / "it.json"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    for opened, error in ((mf.load, mf.LoadError), (read, mf.ConfigError)):
        with pytest.raises(error, match="100,000,000 bytes"):
            opened(path)


@pytest.mark.row("FI04")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"mcpflow_nb": 2, "name": "w"}', "format version 2; this mcpflow_nb reads version 1"),
        ('{"mcpflow_nb": 1, "name": "w", "later": 1}', "later"),
        ('{"mcpflow_nb": 1, "steps": []}', "name"),
    ],
    ids=["newer", "a field too many", "a field too few"],
)
def test_a_file_of_another_version_or_with_other_fields_is_refused_by_what_is_otherwise(tmp_path, text, why):
    (tmp_path / "w.json").write_text(text)
    with pytest.raises(mf.LoadError, match=why):
        mf.load(tmp_path / "w.json")


@pytest.mark.row("FI07")
def test_a_full_disk_while_saving_leaves_the_old_file_and_names_it(tmp_path, monkeypatch):
    path = mf.SequentialWorkflow("old").save(tmp_path / "w.json")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises((OSError, mf.McpflowError), match="No space left"):
        mf.SequentialWorkflow("new").save(path)
    assert ([one.name for one in tmp_path.iterdir()], mf.load(path).name) == (["w.json"], "old")

"""A trace as a file: it stays as it is whatever the clock and the ids say, and its differences are lines."""

import json
import uuid

import pytest

import mcpflow_nb as mf
from mcpflow_nb.testing import assert_trace


def run_of(tools, name="Ada"):
    flow = (
        mf.SequentialWorkflow("greet")
        .argument("who")
        .step("make", tool="m.make", args={"name": mf.prompt_arg("who")}, bind="made")
        .step("use", tool="m.use", args={"id": mf.field("made", "id")})
    )
    with mf.connect(m=mf.mock(tools)) as servers:
        return flow.start(servers, who=name).all()


def fresh():
    return {
        "make": lambda name: {"id": str(uuid.uuid4()), "big": 2**70, "token": "hunter-2"},
        "use": lambda id: {"again": id},
    }


def test_two_runs_of_one_workflow_have_one_snapshot(tmp_path):
    file = tmp_path / "greet.trace.json"
    assert_trace(run_of(fresh()), file, update=True)
    before = file.read_bytes()
    assert_trace(run_of(fresh()).trace, file)
    assert_trace(run_of(fresh()), file, update=True)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_snapshot_reads_as_what_happened_with_secrets_masked(tmp_path):
    file = tmp_path / "greet.trace.json"
    assert_trace(run_of(fresh()), file, update=True)
    saved = json.loads(file.read_text("utf-8"))
    assert saved["steps"][1] == {
        "step": "use", "server": "m", "tool": "use", "status": "ok", "source": "mock", "arguments": {"id": "(uuid 1)"},
        "from": {"id": "made.id"}, "value": {"again": "(uuid 1)"},
    }  # fmt: skip
    assert saved["steps"][0]["value"] == {"id": "(uuid 1)", "big": 2**70, "token": "•••• (8 chars)"}
    assert (saved["workflow"], saved["outcome"], saved["arguments"]) == ("greet", "completed", {"who": "Ada"})


def test_what_differs_is_shown_line_by_line_with_how_to_accept_it(tmp_path):
    file = tmp_path / "greet.trace.json"
    assert_trace(run_of({"make": {"id": 1}, "use": None}), file, update=True)
    with pytest.raises(AssertionError) as raised:
        assert_trace(run_of({"make": {"id": 2}, "use": None}), file)
    lines = str(raised.value).splitlines()
    changed = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert [(line[0], line[1:].strip()) for line in changed] == [("-", '"id": 1'), ("+", '"id": 2')] * 2
    assert lines[-1] == f"if it is meant: assert_trace(trace, {str(file)!r}, update=True)"


def test_one_and_true_and_a_float_are_three_values(tmp_path):
    file = tmp_path / "greet.trace.json"
    assert_trace(run_of({"make": {"id": 1}, "use": None}), file, update=True)
    for other in (True, 1.0):
        with pytest.raises(AssertionError, match="the trace is not as"):
            assert_trace(run_of({"make": {"id": other}, "use": None}), file)


def test_a_name_that_is_ignored_may_have_any_value(tmp_path):
    file = tmp_path / "greet.trace.json"
    assert_trace(run_of({"make": {"id": 1}, "use": None}), file, update=True, ignore=["id"])
    assert_trace(run_of({"make": {"id": 2}, "use": None}), file, ignore=["id"])


def test_what_is_ignored_when_comparing_need_not_have_been_when_writing(tmp_path):
    file = tmp_path / "greet.trace.json"
    assert_trace(run_of(fresh()), file, update=True)
    other = {**fresh(), "make": lambda name: {"id": 7, "big": 1, "token": "x"}}
    assert_trace(run_of(other), file, ignore=["id", "big", "token", "again"])
    with pytest.raises(AssertionError) as raised:
        assert_trace(run_of(other), file, ignore=["id", "token", "again"])
    changed = [line for line in str(raised.value).splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert [line.strip("-+ ,") for line in changed] == [f'"big": {2**70}', '"big": 1']


def test_uuids_are_numbered_alike_whatever_is_ignored(tmp_path):
    tools = {"make": lambda name: {"own": str(uuid.uuid4()), "id": str(uuid.uuid4())}, "use": lambda id: id}
    file = tmp_path / "greet.trace.json"
    assert_trace(run_of(tools), file, update=True)
    assert_trace(run_of({**tools, "make": lambda name: {"own": 1, "id": str(uuid.uuid4())}}), file, ignore="own")


def test_where_an_argument_comes_from_is_compared_whatever_its_value_is(tmp_path):
    file = tmp_path / "greet.trace.json"
    assert_trace(run_of({"make": {"id": 1}, "use": None}), file, update=True, ignore=["id", "name"])
    steps = json.loads(file.read_text("utf-8"))["steps"]
    assert [step["from"] for step in steps] == [{"name": "argument who"}, {"id": "made.id"}]
    flow = mf.SequentialWorkflow("greet").argument("who").step("make", tool="m.make", args={"name": "Ada"}, bind="made")
    flow = flow.step("use", tool="m.use", args={"id": mf.field("made", "id")})
    with mf.connect(m=mf.mock({"make": {"id": 1}, "use": None})) as servers:
        run = flow.start(servers, who="Ada").all()
    with pytest.raises(AssertionError, match=r'-\s+"name": "argument who"'):
        assert_trace(run, file, ignore=["id", "name"])


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b'{"a": 1}', b"\x89PNG\xff", b"[1]"])
def test_a_file_that_is_no_snapshot_is_never_written_over_and_says_so(tmp_path, content):
    file = tmp_path / "data.csv"
    file.write_bytes(content)
    for update in (True, False):
        with pytest.raises(AssertionError, match="name another file, or delete this one first") as raised:
            assert_trace(run_of(fresh()), file, update=update)
        assert "\n" not in str(raised.value)
    assert file.read_bytes() == content


def test_a_folder_and_a_snapshot_of_another_version_say_so(tmp_path):
    for update in (True, False):
        with pytest.raises(AssertionError, match="is no snapshot of a trace: it is a folder"):
            assert_trace(run_of(fresh()), tmp_path, update=update)
    file = tmp_path / "x.json"
    file.write_text('{"mcpflow_nb_snapshot": 2}')
    with pytest.raises(AssertionError, match="is of version 2, and 1 is read here; write it anew with assert_trace"):
        assert_trace(run_of(fresh()), file)


def test_a_snapshot_with_the_marks_of_a_merge_can_be_written_anew(tmp_path):
    file = tmp_path / "x.json"
    assert_trace(run_of(fresh()), file, update=True)
    file.write_text("<<<<<<< HEAD\n" + file.read_text("utf-8"), "utf-8")
    with pytest.raises(AssertionError, match=r"is no JSON .* write it anew with assert_trace"):
        assert_trace(run_of(fresh()), file)
    assert_trace(run_of(fresh()), file, update=True)
    assert_trace(run_of(fresh()), file)


def test_what_is_no_trace_is_said(tmp_path):
    with pytest.raises(mf.TraceError, match=r"assert_trace\(trace, path\): give a run or its trace, not NoneType"):
        assert_trace(None, tmp_path / "x.json", update=True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_laid_out_anew_is_the_same(tmp_path):
    file = tmp_path / "greet.trace.json"
    assert_trace(run_of({"make": {"id": 1}, "use": None}), file, update=True)
    file.write_text(json.dumps(json.loads(file.read_text("utf-8"))), "utf-8")
    assert_trace(run_of({"make": {"id": 1}, "use": None}), file)


def test_a_file_that_is_missing_says_how_to_write_it(tmp_path):
    file = tmp_path / "greet.trace.json"
    with pytest.raises(
        AssertionError, match=r"there is no snapshot .* write it with assert_trace\(trace, .*, update=True\)"
    ):
        assert_trace(run_of(fresh()), file)
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "<<<<<<< HEAD\n", "{"])
def test_a_file_that_is_broken_says_so(tmp_path, text):
    file = tmp_path / "greet.trace.json"
    file.write_text(text)
    with pytest.raises(AssertionError, match="is no JSON"):
        assert_trace(run_of(fresh()), file)


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(AssertionError, match="there is no folder"):
        assert_trace(run_of(fresh()), tmp_path / "gone" / "x.json", update=True)


def test_hostile_text_survives_the_file(tmp_path):
    file = tmp_path / "greet.trace.json"
    hostile = {"id": "\u202e\x1b[2J\n'\"", "nan": "NaN", "$float": "inf"}
    assert_trace(run_of({"make": hostile, "use": None}, "日本 🎉"), file, update=True)
    assert_trace(run_of({"make": hostile, "use": None}, "日本 🎉"), file)

"""workflow.map: one run a row of a table, what is refused before the first call, and what the results tell."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mcpflow_nb as mf
from mcpflow_nb.mapping.results import MapInterrupted

PAY = (
    mf.SequentialWorkflow("pay")
    .argument("who")
    .argument("level", type=int, default=1, choices=[1, 2, 3])
    .step("hire", tool="hr.hire", args={"name": mf.prompt_arg("who"), "level": mf.prompt_arg("level")}, bind="person")
    .step("pay", tool="bank.pay", args={"id": mf.field("person", "id")}, bind="paid")
)
PEOPLE = pd.DataFrame({"who": ["Ada", "Bob", "Eve"], "level": [1, 2, 3]}, index=["a", "b", "e"])


class World:
    """Two mocked servers; `bad` are the people who cannot be paid."""

    def __init__(self, *bad: str) -> None:
        self.bad = set(bad)
        self.hr = mf.mock({"hire": lambda name, level: {"id": f"e-{name}", "level": level}})
        self.bank = mf.mock({"pay": self.pay})
        self.servers = mf.connect(hr=self.hr, bank=self.bank)

    def pay(self, id: str) -> Any:
        if id.removeprefix("e-") in self.bad:
            raise ValueError("no account")
        return {"done": id}

    @property
    def calls(self) -> tuple[int, int]:
        return len(self.hr.log), len(self.bank.log)


def outcomes(results: Any) -> list[tuple[Any, ...]]:
    return [(one.row, one.outcome, one.step) for one in results]


def test_each_row_of_a_table_is_a_run_and_the_frame_has_its_labels_and_the_wanted_bindings() -> None:
    results = PAY.map(PEOPLE, World("Bob").servers, bindings=["paid"])
    assert results.df.reset_index().to_dict("records") == [
        {"row": "a", "outcome": "completed", "step": None, "error": None, "run": None, "paid": {"done": "e-Ada"}},
        {"row": "b", "outcome": "failed", "step": "pay", "error": "ValueError: no account", "run": None, "paid": None},
        {"row": "e", "outcome": "completed", "step": None, "error": None, "run": None, "paid": {"done": "e-Eve"}},
    ]
    assert results.counts == {"completed": 2, "failed": 1}
    assert outcomes(results.failed) == [("b", "failed", "pay")]
    assert [record.status for record in results.trace("b")] == ["ok", "tool_error"]


def test_columns_may_be_called_otherwise_and_an_empty_cell_is_not_given() -> None:
    world = World()
    table = pd.DataFrame({"Name": ["Ada", "Bob"], "level": [2, None], "team": ["x", "y"]})
    results = PAY.map(table, world.servers, arguments={"who": "Name"})
    assert sorted(call.arguments["level"] for call in world.hr.log) == [1, 2]  # whole numbers stay what they were
    assert results.ignored == ("team",)


def test_a_list_of_mappings_is_a_table_as_well() -> None:
    assert PAY.map([{"who": "Ada"}, {"who": "Bob", "level": "2"}], World().servers).counts == {"completed": 2}


BAD = [{"who": "Ada", "level": 7}, {"who": "Bob", "level": 1}, {"level": "two"}]


def test_rows_that_cannot_start_are_refused_with_every_reason_and_the_others_run() -> None:
    world = World()
    results = PAY.map(BAD, world.servers)
    assert outcomes(results) == [(0, "refused", None), (1, "completed", None), (2, "refused", None)]
    assert results.rows[2].error == (
        "argument 'who': is required (string) [missing-argument]; argument 'level': 'two' is no integer [bad-argument]"
    )
    assert world.calls == (1, 1)
    with pytest.raises(mf.TraceError, match="row 0 is refused, no call was made for it: argument 'level'"):
        results.trace(0)


def test_where_a_bad_row_stops_the_whole_all_of_them_are_told_and_nothing_is_called() -> None:
    world = World()
    with pytest.raises(mf.ArgumentsError) as found:
        PAY.map(BAD, world.servers, on_error="stop")
    assert [(one.argument, one.code) for one in found.value.problems] == [
        ("level", "bad-argument"), ("who", "missing-argument"), ("level", "bad-argument"),
    ]  # fmt: skip
    assert "argument 'level': 'two' is no integer (row 2) [bad-argument]" in str(found.value)
    assert world.calls == (0, 0)


def test_a_row_that_fails_lets_no_further_one_begin_where_it_is_to_stop() -> None:
    world = World("Bob")
    results = PAY.map(PEOPLE, world.servers, on_error="stop", concurrency=1)
    assert outcomes(results) == [("a", "completed", None), ("b", "failed", "pay"), ("e", "not begun", None)]
    assert world.calls == (2, 2)


@pytest.mark.parametrize(
    ("table", "options", "words"),
    [
        ([{"name": "Ada"}], {}, "argument 'who' has no column; there are 'name': arguments={'who': '...'}"),
        ([{"who": "Ada", "levl": 2}], {}, "argument 'level' has no column; is it 'levl'?"),
        ([{"who": "Ada"}], {"arguments": {"who": "whom"}}, "argument 'who': no column 'whom'; did you mean 'who'?"),
        ([{"who": "Ada"}], {"arguments": {"whom": "who"}}, "has no argument 'whom'; did you mean 'who'?"),
        ([{"who": "Ada"}], {"key": "id"}, "no column 'id' to tell rows apart"),
        ([{"who": "Ada"}, {"who": "Ada"}], {"key": "who"}, "the key 'Ada' is there twice in column 'who'"),
        ([{"who": "Ada", "id": 1}, {"who": "Bob"}], {"key": "id"}, "row 1 has no value in the key column 'id'"),
        ("who", {}, "give a DataFrame or a list of mappings, a row each, not str"),
        ([1], {}, "row 0 is no mapping of columns to values: int"),
        ([{"who": "Ada"}], {"bindings": ["payd"]}, "no step binds 'payd'; did you mean 'paid'?"),
        ([{"who": "Ada"}], {"concurrency": 0}, "concurrency is a number of rows above 0, not 0"),
        ([{"who": "Ada"}], {"on_error": "raise"}, "on_error is 'continue' or 'stop', not 'raise'"),
        ([{"who": "Ada"}], {"map_id": "x"}, "map_id names a map in a journal; give journal=True, or a path, as well"),
        ([{"who": "Ada"}], {"rerun_failed": True}, "rerun_failed is about rows in a journal"),
    ],
)
def test_what_is_no_table_or_no_option_is_said_before_anything_is_called(table: Any, options: Any, words: str) -> None:
    world = World()
    with pytest.raises(mf.DefinitionError) as found:
        PAY.map(table, world.servers, **options)
    assert words in str(found.value)
    assert world.calls == (0, 0)


def test_a_workflow_with_errors_is_refused_once_and_not_a_row() -> None:
    with pytest.raises(mf.CheckError):
        PAY.step("more", tool="hr.fire").map(PEOPLE, World().servers)


def test_the_same_call_again_goes_on_and_calls_only_what_is_new_or_failed(tmp_path: Path) -> None:
    world, kept = World("Bob"), {"journal": tmp_path / "runs.db", "bindings": ["paid"]}
    first = PAY.map(PEOPLE, world.servers, **kept)
    assert world.calls == (3, 3)
    assert PAY.map(PEOPLE, world.servers, **kept).df.equals(first.df)
    assert world.calls == (3, 3)
    world.bad.clear()
    more = pd.concat([PEOPLE, pd.DataFrame({"who": ["Tom"], "level": [1]}, index=["t"])])
    results = PAY.map(more, world.servers, rerun_failed=True, **kept)
    assert (results.counts, world.calls) == ({"completed": 4}, (4, 5))
    assert [record.status for record in results.trace("b")] == ["ok", "tool_error", "ok"]
    assert PAY.map(PEOPLE, world.servers, map_id="anew", **kept).counts == {"completed": 3}
    assert world.calls == (7, 8)


def test_rows_are_told_apart_by_their_arguments_wherever_they_stand_or_by_a_key(tmp_path: Path) -> None:
    world, kept = World(), {"journal": tmp_path / "runs.db"}
    PAY.map(PEOPLE, world.servers, **kept)
    PAY.map(PEOPLE[::-1].reset_index(drop=True), world.servers, **kept)
    assert world.calls == (3, 3)
    PAY.map([{"who": "Ada", "level": 1}] * 2, world.servers, **kept)  # the same twice is two rows
    assert world.calls == (4, 4)
    runs = PAY.map(PEOPLE, world.servers, key="who", map_id="by key", **kept).df["run"].tolist()
    assert runs == ["by key/Ada", "by key/Bob", "by key/Eve"]


def test_a_workflow_that_was_changed_where_rows_ran_refuses_those_rows(tmp_path: Path) -> None:
    world, kept = World(), {"journal": tmp_path / "runs.db"}
    PAY.map(PEOPLE, world.servers, **kept)
    other = mf.SequentialWorkflow("pay").argument("who").argument("level", type=int).step(
        "hire", tool="hr.hire", args={"name": "x", "level": mf.prompt_arg("level")}
    )  # fmt: skip
    results = other.map(PEOPLE, world.servers, **kept)
    assert (results.counts, world.calls) == ({"refused": 3}, (3, 3))
    assert "step 'hire'" in (results.rows[0].error or "")
    longer = PAY.step("again", tool="bank.pay", args={"id": mf.field("person", "id")})
    assert longer.map(PEOPLE, world.servers, **kept).counts == {"completed": 3}
    assert world.calls == (3, 6)  # only the step that is new


def interrupting(at: int, seconds: float) -> tuple[Any, list[str]]:
    """Return a tool that interrupts the cell at its so-manieth call, and whom it was called for."""
    called: list[str] = []

    async def hire(name: str, level: int) -> Any:
        called.append(name)
        if len(called) == at:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(seconds)
        return {"id": f"e-{name}", "level": level}

    return hire, called


def test_an_interrupt_begins_no_more_rows_lets_calls_end_and_the_same_call_goes_on(tmp_path: Path) -> None:
    hire, called = interrupting(3, 0.05)
    servers = mf.connect(hr=mf.mock({"hire": hire}), bank=mf.mock({"pay": lambda id: {"done": id}}))
    table, kept = [{"who": f"P{n}"} for n in range(8)], {"journal": tmp_path / "runs.db", "concurrency": 1}
    with pytest.raises(KeyboardInterrupt) as found:
        PAY.map(table, servers, **kept)
    stopped = found.value
    assert isinstance(stopped, MapInterrupted)
    assert stopped.results.counts == {"not begun": 5, "completed": 2, "paused": 1}
    assert (stopped.results.rows[2].step, len(called)) == ("pay", 3)
    assert "the same call goes on from here" in str(stopped)
    assert PAY.map(table, servers, **kept).counts == {"completed": 8}
    assert len(called) == 8


def test_an_interrupted_call_that_does_not_end_is_cut_off_and_told() -> None:
    hire, _called = interrupting(2, 30)
    servers = mf.connect(hr=mf.mock({"hire": hire}), bank=mf.mock({"pay": lambda id: {"done": id}}))
    with pytest.raises(MapInterrupted) as found:
        PAY.map([{"who": f"P{n}"} for n in range(4)], servers, concurrency=1)
    results = found.value.results
    assert outcomes(results) == [
        (0, "completed", None), (1, "unknown", "hire"), (2, "not begun", None), (3, "not begun", None),
    ]  # fmt: skip
    assert results.trace(1)[0].status == "unknown"
    assert "sys.last_value.results" in str(found.value)


def test_from_async_code_it_is_awaited() -> None:
    async def mapped() -> Any:
        servers = await mf.connect.aio(hr=mf.mock({"hire": {"id": "e"}}), bank=mf.mock({"pay": 1}))
        return await PAY.map.aio(PEOPLE, servers)

    assert asyncio.run(mapped()).counts == {"completed": 3}


def test_without_a_journal_traces_are_kept_up_to_a_bound() -> None:
    results = PAY.map([{"who": f"P{n}"} for n in range(102)], World().servers, concurrency=1)
    assert len(results.trace(99)) == 2
    with pytest.raises(mf.TraceError, match="the trace of row 101 was not kept; with a journal all are"):
        results.trace(101)
    with pytest.raises(mf.TraceError, match="no row 'x' in these results"):
        results.trace("x")


def test_a_progress_bar_counts_the_rows_and_those_that_did_not_complete(capsys: pytest.CaptureFixture[str]) -> None:
    PAY.map(PEOPLE, World("Bob").servers, progress=True)
    assert "3/3" in (said := capsys.readouterr().err)
    assert "1 not completed" in said
    PAY.map(PEOPLE, World().servers)
    assert capsys.readouterr().err == ""  # nobody watches a test


def test_secrets_of_a_step_are_no_part_of_the_results(tmp_path: Path) -> None:
    hr = mf.mock({"hire": lambda name, level: {"id": "e", "iban": "DE89 3704 0044"}})
    servers = mf.connect(hr=hr, bank=mf.mock({"pay": mf.fail("DE89 3704 0044 is closed")}))
    secret = PAY.model_copy(update={"steps": (PAY.steps[0].model_copy(update={"secret": ("iban",)}), PAY.steps[1])})
    results = secret.map(PEOPLE[:1], servers, bindings=["person"])
    assert results.df.iloc[0][["error", "person"]].tolist() == ["•••• is closed", {"id": "e", "iban": "••••"}]

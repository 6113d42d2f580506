"""Rows: many runs of one workflow, so many at once, each to its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mcpflow_nb as mf
from mcpflow_nb import bridge
from mcpflow_nb.mapping.rows import Ended, run_rows

PAY = (
    mf.SequentialWorkflow("pay")
    .argument("who")
    .step("hire", tool="hr.hire", args={"name": mf.prompt_arg("who")}, bind="person")
    .step("pay", tool="bank.pay", args={"id": mf.field("person", "id")}, bind="paid")
)


def pay(id: str) -> Any:
    if id == "e-Bob":
        raise ValueError("no account")
    return {"done": id}


def ended(servers: mf.Servers, names: str, **more: Any) -> dict[str, Ended]:
    found: list[Ended] = []
    rows = [(name, {"who": name}) for name in names.split()]
    bridge.run(run_rows(PAY, servers, rows, on_row=lambda one, _run: found.append(one), **more))
    return {one.key: one for one in found}


def connected() -> tuple[mf.Servers, mf.Mock, mf.Mock]:
    hr, bank = mf.mock({"hire": lambda name: {"id": f"e-{name}"}}), mf.mock({"pay": pay})
    return mf.connect(hr=hr, bank=bank), hr, bank


def test_each_row_is_told_once_with_where_it_stopped_and_the_bindings_asked_for() -> None:
    servers, hr, bank = connected()
    assert ended(servers, "Ada Bob Eve", bindings=("paid",), concurrency=2) == {
        "Ada": Ended("Ada", "completed", bindings={"paid": {"done": "e-Ada"}}),
        "Bob": Ended("Bob", "failed", step="pay", error="ValueError: no account"),
        "Eve": Ended("Eve", "completed", bindings={"paid": {"done": "e-Eve"}}),
    }
    assert (len(hr.log), len(bank.log)) == (3, 3)


def test_rows_of_a_journal_are_not_called_again_and_are_told_as_they_ended(tmp_path: Path) -> None:
    servers, hr, bank = connected()
    kept = {"journal": tmp_path / "runs.db", "map_id": "m", "bindings": ("paid",)}
    first = ended(servers, "Ada Bob", **kept)
    assert ended(servers, "Ada Bob Eve", **kept) == {
        **first,
        "Eve": Ended("Eve", "completed", "m/Eve", bindings={"paid": {"done": "e-Eve"}}),
    }
    assert (len(hr.log), len(bank.log)) == (3, 3)
    assert {one.batch for one in mf.runs(journal=kept["journal"])} == {"m"}


def test_a_failed_step_is_called_once_more_when_that_is_asked_for(tmp_path: Path) -> None:
    servers, hr, _bank = connected()
    kept = {"journal": tmp_path / "runs.db", "map_id": "m"}
    ended(servers, "Bob", **kept)
    servers = mf.connect(hr=hr, bank=mf.mock({"pay": lambda id: {"done": id}}))
    assert ended(servers, "Bob", **kept)["Bob"].outcome == "failed"
    assert ended(servers, "Bob", rerun_failed=True, **kept) == {"Bob": Ended("Bob", "completed", "m/Bob")}
    assert len(hr.log) == 1


def test_a_row_that_was_begun_with_other_arguments_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    servers, _hr, _bank = connected()
    kept = {"journal": tmp_path / "runs.db", "map_id": "m"}
    ended(servers, "Ada", **kept)
    found: list[Ended] = []
    rows = [("Ada", {"who": "Eve"}), ("Tom", {"who": "Tom"})]
    bridge.run(run_rows(PAY, servers, rows, on_row=lambda one, _run: found.append(one), **kept))
    told = {one.key: one for one in found}
    assert (told["Ada"].outcome, told["Tom"].outcome) == ("refused", "completed")
    assert "argument: who: 'Ada' → 'Eve'" in (told["Ada"].error or "")

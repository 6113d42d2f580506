"""Rows in threads and in processes: plain data goes there, what cannot is refused before, and a row that is taken is waited for."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import threading
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import mcpflow_nb as mf
from mcpflow_nb.exact import loads
from mcpflow_nb.mapping.chunks import Chunk, ended_of, run_chunk
from mcpflow_nb.mapping.crossing import crossing

PAY = (
    mf.SequentialWorkflow("pay")
    .argument("who")
    .step("hire", tool="hr.hire", args={"name": mf.prompt_arg("who")}, bind="person")
    .step("pay", tool="bank.pay", args={"id": mf.field("person", "id")})
)
ECHO = mf.SequentialWorkflow("echo").argument("text").step("a", tool="raw.t", args={"text": mf.prompt_arg("text")})


class Sent:
    """An executor of this process that keeps what it was given, as text; `fails` raises so often before."""

    def __init__(self, fails: int = 0) -> None:
        self.texts: list[str] = []
        self.fails = fails

    def submit(self, function: Any, text: str) -> Future[str]:
        self.texts.append(text)
        future: Future[str] = Future()
        if len(self.texts) <= self.fails:
            future.set_exception(RuntimeError("worker 3 died"))
        else:
            threading.Thread(target=lambda: future.set_result(function(text))).start()
        return future


def mocks() -> tuple[mf.Servers, mf.Mock]:
    hr = mf.mock({"hire": lambda name: {"id": f"e-{name}"}})
    return mf.connect(hr=hr, bank=mf.mock({"pay": {"done": True}})), hr


def people(count: int) -> list[dict[str, str]]:
    return [{"who": f"p{number}"} for number in range(count)]


def test_rows_go_to_threads_in_chunks_with_the_servers_that_are_open_here(journal: str) -> None:
    servers, hr = mocks()
    with ThreadPoolExecutor(2) as threads:
        first = PAY.map(people(60), servers, executor=threads, journal=journal, bindings=["person"])
        again = PAY.map(people(60), servers, executor=threads, journal=journal, bindings=["person"])
    assert (first.counts, len(hr.log)) == ({"completed": 60}, 60)
    assert again.rows == first.rows
    assert first.df["person"].tolist() == [{"id": f"e-p{number}"} for number in range(60)]
    assert first.trace(7)["pay"].value == {"done": True}


def test_rows_go_to_spawned_processes_and_end_as_they_do_here(raw: Any, tmp_path: Path) -> None:
    rows = [{"text": str(number)} for number in range(40)]
    with (
        mf.connect(raw=raw()) as servers,
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as processes,
    ):
        there = ECHO.map(rows, servers, executor=processes, journal=tmp_path / "there.db", map_id="m")
        assert (there.counts, raw.calls()) == ({"completed": 40}, 40)
        owners = {one.held_by for one in mf.runs(journal=tmp_path / "there.db").df.itertuples()}
        assert owners == {None}
        assert ECHO.map(rows, servers, journal=tmp_path / "here.db", map_id="m").rows == there.rows


def test_rows_that_did_not_complete_are_held_by_nobody_once_their_chunk_has_ended(journal: str) -> None:
    hr = mf.mock({"hire": mf.fail("closed")})
    servers = mf.connect(hr=hr, bank=mf.mock({"pay": {"done": True}}))
    with ThreadPoolExecutor(2) as threads:
        assert PAY.map(people(3), servers, executor=threads, journal=journal).counts == {"failed": 3}
    assert [(one.outcome, one.is_held) for one in mf.runs(journal=journal)] == [("failed", False)] * 3


def refused(servers: mf.Servers, workflow: mf.SequentialWorkflow = PAY, journal: Any = None) -> str:
    with pytest.raises((mf.ConfigError, mf.JournalError)) as caught:
        crossing(workflow, servers, journal, Sent())
    return str(caught.value)


def test_servers_of_this_process_are_refused_by_name_and_threads_are_named(tmp_path: Path) -> None:
    servers, _ = mocks()
    said = refused(servers)
    assert [
        word in said for word in ("server 'hr' is a mock in this process", "server 'bank'", "ThreadPoolExecutor")
    ] == [True] * 3
    sent = Sent()
    with pytest.raises(mf.ConfigError):
        PAY.map(people(3), servers, executor=sent, journal=tmp_path / "r.db")
    assert (sent.texts, (tmp_path / "r.db").exists()) == ([], False)


def test_secrets_go_as_references_and_never_as_they_are(
    raw: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAW_TOKEN", "t0ken-12345678")
    monkeypatch.setenv("PG_WORD", "w0rd-12345678")
    config = raw()
    config["env"] |= {"A_TOKEN": "${RAW_TOKEN}", "B_TOKEN": mf.env("RAW_TOKEN")}
    url = "postgresql://ada:${PG_WORD}@127.0.0.1/runs"
    with mf.connect(raw=config) as servers:
        text = Chunk(crossing(ECHO, servers, url, Sent()), "m", 1, (), False, [("1", {"text": "x"})]).text
        assert ("t0ken-12345678" in text, "w0rd-12345678" in text) == (False, False)
        assert loads(text)["crossing"]["servers"]["raw"]["env"]["B_TOKEN"] == "${RAW_TOKEN}"
        assert json.loads(text)["crossing"]["journal"] == url
        literal = url.replace("${PG_WORD}", "w0rd-12345678")
        assert "its URL holds a password" in (said := refused(servers, ECHO, literal))
        assert "w0rd-12345678" not in said
        constant = ECHO.step("b", tool="raw.t", args={"text": "x", "token": "abc-12345678"})
        assert "step 'b' holds a secret as it is; write mf.env" in refused(servers, constant)
    with mf.connect(raw={**config, "env": {**config["env"], "A_TOKEN": "t0ken-12345678"}}) as servers:
        said = refused(servers, ECHO)
        assert ("server 'raw' holds a secret as it is" in said, "t0ken-12345678" in said) == (True, False)


class Remote(Sent):
    """What a Dask client of another machine says of itself."""

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        return {"address": "tcp://127.0.0.1:8786", "workers": {"tcp://10.1.2.3:40001": {}}}


def test_a_file_and_a_scheduler_with_other_machines_is_refused_and_postgresql_is_named(
    raw: Any, tmp_path: Path
) -> None:
    with mf.connect(raw=raw()) as servers:
        with pytest.raises(mf.JournalError, match=r"at tcp://10\.1\.2\.3:40001; name a PostgreSQL journal"):
            ECHO.map([{"text": "x"}], servers, executor=Remote(), journal=tmp_path / "r.db")


def test_a_file_of_another_machine_is_refused_there_and_nothing_is_called(raw: Any, tmp_path: Path) -> None:
    with mf.connect(raw=raw()) as servers:
        made = crossing(ECHO, servers, tmp_path / "r.db", Sent())
        elsewhere = Chunk(
            type(made)(made.workflow, made.servers, made.journal, "elsewhere"),
            "m",
            1,
            (),
            False,
            [("1", {"text": "x"})],
        )
        [told] = ended_of(run_chunk(elsewhere.text))
    assert (told.outcome, raw.calls(), (tmp_path / "r.db").exists()) == ("refused", 0, False)
    assert "a file of another machine; name a PostgreSQL journal" in str(told.error)


def test_what_cannot_be_reached_there_is_told_for_each_row(
    raw: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLS_TOKEN", "x")
    config = raw()
    config["env"]["B_TOKEN"] = "${CALLS_TOKEN}"
    with mf.connect(raw=config) as servers:
        text = Chunk(
            crossing(ECHO, servers, None, Sent()), "m", 1, (), False, [("1", {"text": "x"}), ("2", {"text": "y"})]
        ).text
    monkeypatch.delenv("CALLS_TOKEN")
    assert [(one.key, one.outcome, "${CALLS_TOKEN} is not set" in str(one.error)) for one in ended_of(run_chunk(text))] == [
        ("1", "refused", True), ("2", "refused", True),
    ]  # fmt: skip


def test_a_chunk_whose_process_died_is_given_again_only_where_the_journal_makes_that_harmless(
    raw: Any, tmp_path: Path
) -> None:
    with mf.connect(raw=raw()) as servers:
        kept = ECHO.map([{"text": "x"}], servers, executor=(sent := Sent(fails=3)), journal=tmp_path / "r.db")
        assert (kept.counts, len(sent.texts), raw.calls()) == ({"completed": 1}, 4, 1)
        with pytest.warns(UserWarning, match="without a journal a row may be run twice"):
            lost = ECHO.map([{"text": "x"}], servers, executor=(sent := Sent(fails=3)))
        assert (lost.counts, len(sent.texts), raw.calls()) == ({"unknown": 1}, 1, 1)
        assert lost.rows[0].error == "its process ended: RuntimeError: worker 3 died; it may have run"


def test_an_executor_that_has_ended_leaves_its_rows_for_the_next_call(raw: Any, tmp_path: Path) -> None:
    class Ended(ThreadPoolExecutor):
        def submit(self, *words: Any) -> Any:
            from concurrent.futures import BrokenExecutor

            raise BrokenExecutor("no more")

    with mf.connect(raw=raw()) as servers, Ended(1) as executor:
        found = ECHO.map([{"text": "x"}], servers, executor=executor, journal=tmp_path / "r.db")
    assert (found.counts, raw.calls()) == ({"waiting": 1}, 0)
    assert "the executor has ended: no more; call the map again, and it goes on" in str(found.rows[0].error)


def test_the_same_chunk_twice_at_once_runs_each_row_once_and_both_tell_the_same(journal: str) -> None:
    servers, hr = mocks()
    with ThreadPoolExecutor(2) as threads:
        made = crossing(PAY, servers, journal, threads)
        text = Chunk(made, "m", 2, ("person",), False, [(f"p{n}", {"who": f"p{n}"}) for n in range(6)]).text
        first, second = threads.map(run_chunk, [text, text])
    assert first == second
    assert Counter(one.outcome for one in ended_of(first)) == {"completed": 6}
    assert len(hr.log) == 6


def test_what_has_no_submit_is_no_executor() -> None:
    servers, _ = mocks()
    with pytest.raises(mf.ConfigError, match=r"executor= has no submit\(\): int"):
        PAY.map(people(1), servers, executor=4)


@pytest.mark.skipif(
    sys.platform == "win32" or os.cpu_count() is None, reason="its engines are processes of this machine"
)
def test_rows_go_to_the_engines_of_ipyparallel(raw: Any, tmp_path: Path) -> None:
    ipyparallel = pytest.importorskip("ipyparallel")
    with mf.connect(raw=raw()) as servers, ipyparallel.Cluster(n=1, log_level=40) as engines:
        found = ECHO.map(
            [{"text": str(n)} for n in range(30)], servers, executor=engines.executor(), journal=tmp_path / "r.db"
        )
    assert (found.counts, raw.calls()) == ({"completed": 30}, 30)

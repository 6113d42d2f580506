"""Rows on a Dask cluster whose workers are killed: nothing is done twice and nothing is lost, by the servers' own logs."""

import sys
import threading
import time
from collections import Counter

import pytest

from tests.faults.cluster import GRACE, TOOLS, cluster
from tests.postgres_server import PASSWORD

pytest.importorskip("distributed", reason="dask is not installed: pip install 'mcpflow-nb[dask]'")
pytestmark = [pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed")]


@pytest.fixture(scope="module")
def dask(postgres, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, cluster(tmp_path_factory.mktemp("dask"), {"PG_WORD": PASSWORD}) as made:
        patch.setenv("PG_WORD", PASSWORD)
        yield made


def asked(postgres):
    return postgres.journal().replace(PASSWORD, "${PG_WORD}")


def each_once(map_id, rows):
    return Counter({(f"{map_id}-{row}", tool): 1 for row in range(rows) for tool in TOOLS})


def killed(dask, map_id, rows, kills, journal):
    """Run rows while workers are killed, and settle what is unknown then; return the outcomes of both maps."""
    at = [rows * (number + 1) // (kills + 2) for number in range(kills)]
    killer = threading.Thread(target=dask.kill_workers, args=(at, rows))
    dask.kills, dask.ended = 0, {}
    killer.start()
    first = dask.map(map_id, rows, journal)
    killer.join()
    if journal is None:
        return first, first
    return first, settled(dask, map_id, rows, journal, first)


def settled(dask, map_id, rows, journal, outcomes):
    """Run rows again until nothing is unknown, and return the outcomes."""
    for _ in range(5):
        if outcomes["unknown"]:
            time.sleep(dask.timeout + GRACE + 0.1)  # what a check does not find counts from then on
        outcomes = dask.map(map_id, rows, journal)
        if not outcomes["unknown"]:
            break
    return outcomes


def test_killed_workers_do_nothing_twice_and_lose_nothing(dask, postgres):
    first, second = killed(dask, "kept", 300, 5, asked(postgres))
    print(f"{dask.kills} kills, {dict(first)}, then {dict(second)}")
    assert dask.kills == 5
    assert set(first) <= {"completed", "unknown"}
    assert second == {"completed": 300}
    assert dask.effects("kept") == each_once("kept", 300)


def test_without_a_journal_killed_workers_do_things_twice(dask):
    with pytest.warns(UserWarning, match="without a journal a row may be run twice"):
        killed(dask, "control", 100, 3, None)
    twice = dask.effects("control") - each_once("control", 100)
    print(f"{dask.kills} kills, {twice.total()} effects twice")
    assert twice.total() > 0


def test_what_nobody_knows_is_said_and_then_settled_by_its_check(dask, postgres, monkeypatch):
    where, journal = dask.folders[1], asked(postgres)
    monkeypatch.setattr(dask, "timeout", 15)  # until then nothing that a check misses is done again, however slow it is
    (where / "asked").unlink(missing_ok=True)
    (where / "held").touch()
    killer = threading.Thread(target=dask.kill_while_held, args=(where, "mail"))
    killer.start()
    first = dask.map("late", 10, journal)
    killer.join()
    (where / "let").touch()
    errors = {one.error for one in dask.ended.values() if one.outcome == "unknown"}
    assert (first["unknown"] > 0, set(first) <= {"completed", "unknown"}) == (True, True)
    assert all("may have run" in error and "its check found nothing, which counts from" in error for error in errors)
    assert settled(dask, "late", 10, journal, first) == {"completed": 10}
    assert dask.effects("late") == each_once("late", 10)


def test_a_server_of_the_journal_that_starts_again_in_mid_map_loses_nothing(dask, postgres):
    def again():
        while len(dask.ended) < 20:
            time.sleep(0.01)
        postgres.stop("immediate")
        postgres.start()

    dask.ended, journal = {}, asked(postgres)
    other = threading.Thread(target=again)
    other.start()
    first = dask.map("again", 80, journal)
    other.join()
    assert set(first) <= {"completed", "unknown"}  # a slow machine may let a call take too long
    assert settled(dask, "again", 80, journal, first) == {"completed": 80}
    assert dask.effects("again") == each_once("again", 80)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("journal", ["postgres", "sqlite"])
def test_many_killed_workers_do_nothing_twice_and_lose_nothing(dask, postgres, tmp_path, journal):
    rows, where = 1_500, asked(postgres) if journal == "postgres" else str(tmp_path / "runs.db")
    start = time.monotonic()
    first, second = killed(dask, journal, rows, 25, where)
    print(
        f"{journal}: {rows} rows, {dask.kills} kills, {dict(first)}, then {dict(second)}, {time.monotonic() - start:.0f} s"
    )
    assert dask.kills == 25
    assert second == {"completed": rows}
    assert dask.effects(journal) == each_once(journal, rows)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
def test_many_killed_workers_without_a_journal_do_things_twice(dask):
    with pytest.warns(UserWarning, match="without a journal"):
        first, _ = killed(dask, "naive", 600, 10, None)
    effects = dask.effects("naive")
    twice, missing = effects - each_once("naive", 600), each_once("naive", 600) - effects
    print(
        f"no journal: 600 rows, {dask.kills} kills, {dict(first)}, {twice.total()} effects twice, {missing.total()} missing"
    )
    assert twice.total() > 0


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP there")
def test_a_frozen_worker_whose_rows_were_taken_over_does_nothing_twice_when_it_wakes(postgres, tmp_path):
    lost = {"PG_WORD": PASSWORD, "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "10s"}
    with pytest.MonkeyPatch.context() as patch, cluster(tmp_path, lost) as dask:
        patch.setenv("PG_WORD", PASSWORD)
        frozen = []

        def freeze():
            dask.wait_for_effects("frozen", "create", 15)
            frozen.append(dask.working())
            frozen[0].suspend()

        other = threading.Thread(target=freeze)
        other.start()
        start, journal = time.monotonic(), asked(postgres)
        first = dask.map("frozen", 200, journal)  # ends once the lease of the frozen one has
        took = time.monotonic() - start
        other.join()
        if frozen[0].is_running():
            frozen[0].resume()
        time.sleep(dask.timeout + GRACE + 0.1)
        second = settled(dask, "frozen", 200, journal, first)
        print(f"frozen: 200 rows, {dict(first)} after {took:.0f} s, then {dict(second)}")
        assert second == {"completed": 200}
        assert dask.effects("frozen") == each_once("frozen", 200)

"""The thread that writes: many runs share a commit, one that is refused is so alone, and what was asked for is written."""

import asyncio
import threading

import pytest

import mcpflow_nb as mf
from mcpflow_nb.journal import tables
from mcpflow_nb.journal.databases import database
from mcpflow_nb.journal.store import Store, store_at
from mcpflow_nb.journal.tables import Begun, Row, State

STATE = State("paused", 2, 0)


@pytest.fixture
def store(journal):
    made = Store(database(journal))
    yield made
    made.close()


def begun(store, run_id="r", text="{}", created="2026-01-01T00:00:00+00:00"):
    return store.begin_now(run_id, Begun("w", created), STATE, [Row(0, "begun", text)])


def test_events_come_back_in_order_and_exact(store):
    epoch = begun(store)
    rows = [Row(2, "b", '{"n": 1180591620717411303424}'), Row(1, "a", '"\\u00e9"')]
    asyncio.run(store.append("r", epoch, STATE, rows, keeps=True))
    assert store.look("r") == [("begun", {}), ("a", "é"), ("b", {"n": 2**70})]


def test_what_is_written_a_second_time_changes_nothing(store):
    epoch = begun(store)
    assert begun(store) == epoch  # as when its first writing was interrupted
    for text in ("1", "2"):
        asyncio.run(store.append("r", epoch, STATE, [Row(1, "a", text)], keeps=True))
    assert store.look("r") == [("begun", {}), ("a", 1)]


def test_a_name_that_is_taken_is_refused_and_the_run_stays(store):
    begun(store)
    with pytest.raises(mf.RunHeldError, match=r"there is a run of this id already; mf\.resume goes on with it"):
        begun(store, created="2026-01-02T00:00:00+00:00", text='"other"')
    assert store.look("r") == [("begun", {})]


def test_a_writer_of_an_older_epoch_writes_nothing(store):
    old = begun(store)
    _, new = store.take("r")
    assert new == old + 1
    with pytest.raises(mf.FencedError) as caught:
        asyncio.run(store.append("r", old, STATE, [Row(1, "a", "1")], keeps=True))
    assert caught.value.run_id == "r"
    assert store.look("r") == [("begun", {})]


def test_of_many_that_write_at_once_only_the_one_that_is_fenced_is_refused(store):
    epochs = {name: begun(store, name) for name in "abcde"}
    store.take("c")

    async def all_at_once():
        writes = (store.append(name, epoch, STATE, [Row(1, "x", "1")], keeps=True) for name, epoch in epochs.items())
        return await asyncio.gather(*writes, return_exceptions=True)

    found = asyncio.run(all_at_once())
    assert [type(one) for one in found] == [type(None), type(None), mf.FencedError, type(None), type(None)]
    assert [len(store.look(name)) for name in "abcde"] == [2, 2, 1, 2, 2]


def test_a_writer_that_is_interrupted_is_written_all_the_same(store):
    epoch = begun(store)
    may_go, stands = threading.Event(), threading.Event()
    store._queue.put(_Blocking(may_go, stands))
    assert stands.wait(5)

    async def interrupted():
        task = asyncio.create_task(store.append("r", epoch, STATE, [Row(1, "a", "1")], keeps=True))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(interrupted())
    may_go.set()
    assert store.look("r") == [("begun", {}), ("a", 1)]


class _Blocking:
    """A job that holds the thread until it may go."""

    loop = None
    error = None

    def __init__(self, may_go, stands):
        self.may_go, self.stands = may_go, stands

    def work(self, db):
        self.stands.set()
        assert self.may_go.wait(5)

    def finish(self):
        pass


def test_a_store_is_one_for_a_file_and_a_new_one_when_the_file_is_another(tmp_path):
    path = tmp_path / "runs.db"
    first = store_at(path)
    assert store_at(path) is first
    path.unlink()
    second = store_at(path)
    assert second is not first
    assert begun(second) == 1


def test_closing_writes_what_was_asked_for_before(journal):
    store = Store(database(journal))
    begun(store)
    store.close()
    again = Store(database(journal))
    assert again.has("r")
    again.close()


def test_a_lease_is_renewed_for_what_is_held_and_for_nothing_else(store, journal):
    class Held:
        run_id, epoch, is_busy = "a", 1, False

    holder = Held()
    store.held["a"] = holder
    for name in "ab":
        begun(store, name)
    store._now(lambda db: db.execute("UPDATE runs SET lease=0"))
    store._now(lambda db: tables.renew(db, [(one().run_id, one().epoch) for one in store.held.valuerefs()]))
    assert {one.run_id: one.is_held for one in mf.runs(journal=journal)} == {"a": True, "b": False}

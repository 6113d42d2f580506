"""A journal on PostgreSQL: named by a URL whose password is nowhere to be seen, shared, listed and pruned as any other."""

import asyncio
import logging
import threading
import time
from dataclasses import replace

import pytest

import mcpflow_nb as mf
from mcpflow_nb.journal.databases import database
from mcpflow_nb.journal.owner import LEASE_SECONDS, this_process
from mcpflow_nb.journal.postgres import shown
from mcpflow_nb.journal.store import Store, store_at
from mcpflow_nb.journal.tables import Begun, Row, State
from tests.postgres_server import PASSWORD

STATE = State("paused", 2, 0)
TWO = mf.SequentialWorkflow("w").step("a", tool="m.t").step("b", tool="m.t")


@pytest.fixture
def url(postgres):
    return postgres.journal()


@pytest.fixture
def servers():
    with mf.connect(m=mf.mock({"t": {"n": 1}})) as opened:
        yield opened


def owned_by(url, owner, seconds):
    """Let another process hold all runs, for so many seconds yet."""
    query = "UPDATE runs SET owner=?, lease={clock} + ?"
    store_at(url)._now(lambda db: db.execute(query, (owner.text, seconds)))


def test_a_run_is_kept_listed_resumed_and_pruned(url, servers):
    TWO.start(servers, journal=url, run_id="r").to("b")
    assert [(one.run_id, one.outcome, one.is_held) for one in mf.runs(journal=url)] == [("r", "paused", True)]
    assert TWO.start(servers, journal=url, run_id="r").all().outcome == "completed"
    assert [one.run_id for one in mf.prune(journal=url, keep=0)] == ["r"]
    assert len(mf.runs(journal=url)) == 0


def test_a_database_without_a_journal_has_no_runs_and_none_is_made(postgres, url):
    assert (len(mf.runs(journal=url)), len(mf.prune(journal=url, keep=0))) == (0, 0)
    assert postgres.sql("SELECT count(*) FROM pg_namespace WHERE nspname='mcpflow'", url.split("/")[-1]) == [(0,)]


def test_whoever_holds_a_run_on_another_machine_is_believed_until_the_lease_ends(url, servers):
    TWO.start(servers, journal=url, run_id="r").step()
    for other in (replace(this_process(), host="elsewhere"), replace(this_process(), boot="of the same name", pid=1)):
        owned_by(url, other, LEASE_SECONDS)
        with pytest.raises(mf.RunHeldError, match="holds it"):
            mf.resume("r", servers, journal=url)
        owned_by(url, other, -0.001)
        assert mf.resume("r", servers, journal=url).position == 1


def test_a_lease_goes_by_the_clock_of_the_server(url, servers, monkeypatch):
    TWO.start(servers, journal=url, run_id="r").step()
    owned_by(url, replace(this_process(), host="elsewhere"), LEASE_SECONDS)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3_600)  # this machine's clock is an hour ahead
    with pytest.raises(mf.RunHeldError):
        mf.resume("r", servers, journal=url)


def test_of_many_that_take_a_run_at_once_each_has_an_epoch_of_its_own(url):
    stores = [Store(database(url)) for _ in range(4)]
    stores[0].begin_now("r", Begun("w", "2026-01-01T00:00:00+00:00"), STATE, [Row(0, "begun", "{}")])
    taken = []
    threads = [threading.Thread(target=lambda one=one: taken.append(one.take("r")[1])) for one in stores * 5]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(taken) == list(range(2, 22))
    for one in stores:
        one.close()


def test_what_postgresql_does_not_take_is_refused_alone(url):
    store = Store(database(url))
    epochs = {name: store.begin_now(name, Begun("w", "2026-01-01T00:00:00+00:00"), STATE, []) for name in "ab"}

    async def both():
        texts = {"a": "1", "b": '"\x00"'}
        writes = (store.append(one, epochs[one], STATE, [Row(0, "x", text)], keeps=True) for one, text in texts.items())
        return await asyncio.gather(*writes, return_exceptions=True)

    fine, refused = asyncio.run(both())
    assert (fine, type(refused), "refused what was to be written" in str(refused)) == (None, mf.JournalError, True)
    assert [len(store.look(one)) for one in "ab"] == [1, 0]
    store.close()


def test_a_journal_of_a_later_version_is_left_as_it_is(postgres, url):
    store_at(url)
    postgres.sql("UPDATE mcpflow.format SET version=9", url.split("/")[-1])
    with pytest.raises(mf.JournalError, match="format version 9; this mcpflow_nb reads version 1: update it"):
        mf.runs(journal=url)


def test_a_commit_is_durable_where_the_server_would_not_wait_for_the_disk(postgres, url):
    postgres.sql(f"ALTER DATABASE {url.split('/')[-1]} SET synchronous_commit = off")
    link = database(url).opened()
    assert link.execute("SHOW synchronous_commit").fetchone() == ("on",)
    link.close()


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("postgresql://ada:s3cret-77@db/runs", "postgresql://ada:••••@db/runs"),
        ("postgres://ada:p@ss/s3cret-77@db/runs", "postgres://ada:••••@db/runs"),
        ("postgresql://ada:s3cret-77?x@db:x", "postgresql://ada:••••@db:x"),
        ("postgresql://db/runs?user=ada&password=s3cret-77", "postgresql://db/runs?user=ada&password=••••"),
        ("postgresql://ada:${PG_WORD}@db/runs", "postgresql://ada:${PG_WORD}@db/runs"),
        ("postgresql://ada@db:5432/runs", "postgresql://ada@db:5432/runs"),
    ],
)
def test_a_url_is_shown_without_its_password(written, seen):
    assert shown(written) == seen


@pytest.mark.parametrize(
    "password", ["s3cret-77", "p@ss/s3cret-77", "s3cret-77?x", "s3cret-77#", "12/s3cret-77", "a:s3cret-77"]
)
def test_a_password_is_in_no_error_no_repr_and_no_log(password, servers, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(mf.JournalError) as caught:
        TWO.start(servers, journal=f"postgresql://ada:{password}@127.0.0.1:1/runs")
    assert "s3cret-77" not in str(caught.value) + repr(caught.value) + caught.value.path + caplog.text
    assert "mend" in str(caught.value) or "write what is special in a password as %XX" in str(caught.value)


def test_a_wrong_password_is_said_and_not_shown(postgres, servers):
    with pytest.raises(mf.JournalError, match="mend the user or the password in the URL") as caught:
        TWO.start(servers, journal=postgres.url().replace(PASSWORD, "wr0ng-word-7"))
    assert "wr0ng-word-7" not in str(caught.value) + repr(store_at) + repr(caught.value)


def test_a_password_by_reference_is_read_where_the_journal_is_opened(postgres, url, servers, monkeypatch):
    monkeypatch.setenv("PG_WORD", PASSWORD)
    asked = url.replace(PASSWORD, "${PG_WORD}")
    assert TWO.start(servers, journal=asked, run_id="r").all().outcome == "completed"
    found = mf.runs(journal=asked)
    assert (found.path, len(found)) == (asked, 1)
    assert store_at(asked) is store_at(url)
    assert PASSWORD not in repr(store_at(url).database) + repr(vars(store_at(url)))
    monkeypatch.delenv("PG_WORD")
    with pytest.raises(mf.JournalError, match=r"its URL: \$\{PG_WORD\} is not set"):
        mf.runs(journal=asked)


def test_a_variable_with_a_password_holds_it_as_it_is(postgres, url, monkeypatch):
    postgres.sql("CREATE ROLE odd LOGIN SUPERUSER PASSWORD 'p@ss/%41?#:x'")
    monkeypatch.setenv("PG_WORD", "p@ss/%41?#:x")
    assert len(mf.runs(journal=url.replace(f"ada:{PASSWORD}", "odd:${PG_WORD}"))) == 0


@pytest.mark.parametrize("url", ["postgresql://ada@db", "postgresql://ada@db/", "postgresql:///"])
def test_a_url_without_a_database_is_refused(url):
    with pytest.raises(mf.JournalError, match="the URL names no database"):
        mf.runs(journal=url)

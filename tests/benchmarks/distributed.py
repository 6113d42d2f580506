"""What a row costs on a cluster, and what ten machines would need: `python -m tests.benchmarks.distributed [--quick]`.

Rows of three steps on two streamable-HTTP servers, here and on two Dask workers, without a journal, with SQLite and with
PostgreSQL, each commit synced; all of it on this machine. Processor seconds are those of the processes themselves, so they
hold where the processes stand on machines of their own; rows a second do not, for here all share the same cores.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

import mcpflow_nb as mf
from tests.faults.cluster import Cluster, cluster, workflow
from tests.postgres_server import PASSWORD, PostgresServer, postgres_server

MACHINES, CORES = 10, 8


@dataclass
class Cost:
    """What a row took, in milliseconds of a processor, and what it wrote."""

    seconds: float
    here: float
    workers: float
    servers: float
    scheduler: float
    database: float
    wal: float
    commits: float


def cpu(processes: list[psutil.Process]) -> float:
    """Return the processor seconds of processes, and of their children that have ended."""
    found = 0.0
    for one in processes:
        times = one.cpu_times()
        found += times.user + times.system + times.children_user + times.children_system
    return found


def below(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return processes with all under them."""
    return [each for one in processes for each in (one, *one.children(recursive=True))]


def totals(dask: Cluster, pg: PostgresServer) -> list[float]:
    """Return all that is counted, so far."""
    postmaster = psutil.Process(int((pg.folder / "data" / "postmaster.pid").read_text().split()[0]))
    [(wal, commits)] = pg.sql(
        "SELECT pg_current_wal_insert_lsn() - '0/0', (SELECT sum(xact_commit) FROM pg_stat_database WHERE datname LIKE 'runs%')"
    )
    return [
        time.perf_counter(), time.process_time(), cpu(below(dask.nannies)), cpu(dask.others["servers"]),
        cpu(dask.others["scheduler"]), cpu(below([postmaster])), float(wal), float(commits or 0),
    ]  # fmt: skip


def spent(dask: Cluster, pg: PostgresServer, work: Callable[[], object]) -> list[float]:
    """Return what some work took of all that is counted; what the database says of itself comes a second late."""
    before = totals(dask, pg)
    work()
    seconds = time.perf_counter() - before[0]
    time.sleep(1.2)
    after = totals(dask, pg)
    return [seconds, after[0] - before[0], *(now - then for now, then in zip(after[1:], before[1:], strict=True))]


def cost(rows: int, dask: Cluster, pg: PostgresServer, work: Callable[[], object], idle: list[float]) -> Cost:
    """Return what a row of some work costs, without what all processes take while nothing is done."""
    seconds, whole, *found = spent(dask, pg, work)
    each = [(one - free * whole) / rows for one, free in zip(found, idle, strict=True)]
    return Cost(seconds / rows, *(one * 1_000 for one in each[:5]), each[5] / 1_000, each[6])


def line(name: str, one: Cost) -> str:
    """Return a row of the table."""
    cpus = "".join(f"{value:9.1f}" for value in (one.here, one.workers, one.servers, one.scheduler, one.database))
    return f"{name:<30}{1 / one.seconds:8.0f}{cpus}{one.wal:9.1f}{one.commits:9.1f}"


def ten_machines(one: Cost) -> str:
    """Return what many machines need, from what a row costs."""
    rate = MACHINES * CORES / (one.workers / 1_000)
    return (
        f"{MACHINES} machines of {CORES} cores, all for workers, could do {rate:,.0f} rows a second. For that:\n"
        f"  MCP servers   {rate * one.servers / 1_000:6.1f} cores, if theirs cost what these do\n"
        f"  PostgreSQL    {rate * one.database / 1_000:6.1f} cores, {rate * one.commits:,.0f} commits and "
        f"{rate * one.wal / 1_000:.1f} MB of log a second, {MACHINES * CORES + 10} connections\n"
        f"  scheduler     {rate * one.scheduler / 1_000:6.2f} of the one core that it can use"
    )


def main() -> None:
    """Measure, and print one table and what follows from it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer rows")
    rows = 60 if options.parse_args().quick else 300
    os.environ["PG_WORD"] = PASSWORD
    warnings.simplefilter("ignore")
    with (
        tempfile.TemporaryDirectory() as name, postgres_server("fsync=on") as pg,
        cluster(Path(name), {"PG_WORD": PASSWORD}) as dask,
    ):  # fmt: skip
        dask.timeout = 60.0
        people, files = [{"who": f"p{row}"} for row in range(rows)], iter(range(99))

        def here(journal: str | None) -> None:
            assert workflow(60).map(people, dask.servers, journal=journal, concurrency=25).counts == {"completed": rows}

        def there(journal: str | None) -> None:
            found = dask.map("m", rows, journal, chunk=25)
            assert found == {"completed": rows}, (found, {one.error for one in dask.ended.values()})

        def postgres() -> str:
            return pg.journal().replace(PASSWORD, "${PG_WORD}")

        def sqlite() -> str:
            return str(Path(name) / f"runs{next(files)}.db")

        for work in (here, there):  # what is done once in a process is not counted
            work(None)
            work(postgres())
        print(f"{rows} rows of 3 steps, {os.cpu_count()} cores for all of it; mcpflow_nb {mf.__version__}")
        print(f"{'':<30}{'rows/s':>8}{'milliseconds of a processor a row':^45}{'KB log':>9}{'commits':>9}")
        print(f"{'':<38}" + "".join(f"{word:>9}" for word in ("here", "workers", "servers", "schedul.", "postgres")))
        _, whole, *free = spent(dask, pg, lambda: time.sleep(15))
        idle, last = [one / whole for one in free], None
        for where, work in (("in this process", here), ("two Dask workers", there)):
            for kind, journal in (("no journal", lambda: None), ("SQLite", sqlite), ("PostgreSQL", postgres)):
                asked = journal()
                last = cost(rows, dask, pg, lambda work=work, asked=asked: work(asked), idle)
                print(line(f"{where}, {kind}", last), flush=True)
        assert last is not None
        print(ten_machines(last))


if __name__ == "__main__":
    main()

"""A PostgreSQL server of the tests' own: in a folder, on a free port of this machine alone, started, stopped and started again."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path

PASSWORD = "pg-s3cret-91"
SETTINGS = ["listen_addresses='127.0.0.1'", "max_connections=200", "shared_buffers=32MB", "logging_collector=off"]


def programs() -> Path | None:
    """Return the folder of `initdb` and `pg_ctl`, which Debian has outside PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    return (
        Path(on_path).resolve().parent
        if (on_path := shutil.which("initdb"))
        else next((one.parent for one in found), None)
    )


@dataclass
class PostgresServer:
    """One server. `journal()` is the URL of a new database, `stop` and `start` are those of `pg_ctl`."""

    folder: Path
    bin: Path
    port: int
    more: tuple[str, ...] = ("fsync=off",)
    numbers: count = field(default_factory=count)

    def run(self, *words: str, check: bool = True) -> str:
        more = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        program = [str(self.bin / words[0]), *words[1:]]
        done = subprocess.run(program, capture_output=True, text=True, cwd=self.folder, timeout=60, **more)
        assert not check or done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def make(self) -> None:
        word = self.folder / "word"
        word.write_text(PASSWORD)
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            for path in (self.folder, word):
                os.chown(path, user.pw_uid, user.pw_gid)
        self.run(
            "initdb", "-D", "data", "-U", "ada", "--pwfile=word", "--auth=scram-sha-256", "-E", "UTF8", "--no-sync"
        )

    def start(self) -> None:
        options = " ".join(f"-c {one}" for one in (*SETTINGS, *self.more, f"unix_socket_directories='{self.folder}'"))
        self.run(
            "pg_ctl", "start", "-D", "data", "-w", "-l", str(self.folder / "log"), "-o", f"-p {self.port} {options}"
        )

    def stop(self, mode: str = "immediate") -> None:
        self.run("pg_ctl", "stop", "-D", "data", "-w", "-m", mode)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://ada:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def sql(self, sql: str, database: str = "postgres") -> list:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as db:
            cursor = db.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def journal(self) -> str:
        """Make an empty database, and return its URL."""
        name = f"runs{next(self.numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)


@contextmanager
def postgres_server(*more: str):
    """Give a server that runs; LookupError with the reason where there can be none.

    By default it does not wait for the disk: the tests end processes, and not the machine.
    """
    if (found := programs()) is None:
        raise LookupError("PostgreSQL is not installed: apt-get install postgresql")
    if find_spec("psycopg") is None:
        raise LookupError("psycopg is not installed: pip install 'mcpflow-nb[postgres]'")
    if os.getuid() == 0 and not any(one.pw_name == "postgres" for one in pwd.getpwall()):
        raise LookupError("PostgreSQL does not run as root, and there is no user postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short, and open to its user: a socket's path has at most 107 bytes
    server = PostgresServer(folder, found, port, more or PostgresServer.more)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.run("pg_ctl", "stop", "-D", "data", "-m", "immediate", check=False)
        shutil.rmtree(folder, ignore_errors=True)

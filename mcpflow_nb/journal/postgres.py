"""A journal for several machines: PostgreSQL, by psycopg, in a schema of its own, `mcpflow`.

A connection that is lost is made again for a while; what is lost with it was not durable, and is written again. The
server ends a session that freezes in a transaction, so that whoever takes its runs over waits for no lock of it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

from mcpflow_nb.connecting.config import filled
from mcpflow_nb.errors import ConfigError, JournalError
from mcpflow_nb.journal.tables import FORMAT_VERSION, SCHEMA, newer
from mcpflow_nb.masking import MASK, Secret, is_secret

if TYPE_CHECKING:
    import psycopg

PATIENCE_SECONDS: Final = 15.0
"""How long a lost connection is made again; half of a lease, so that a run which is waited for is still held."""
_SCHEMES: Final = ("postgresql://", "postgres://")
_LOCK: Final = 7305203
"""The advisory lock of whoever makes the tables."""
_OPTIONS: Final = {
    "connect_timeout": "5", "keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3",
    "tcp_user_timeout": "15000", "application_name": "mcpflow_nb",
}  # fmt: skip
"""How the driver connects, unless the URL says it."""
_SESSION: Final = """
SET search_path TO mcpflow; SET idle_in_transaction_session_timeout = '5s'; SET lock_timeout = '10s';
SET client_min_messages = warning; SET default_transaction_isolation = 'read committed';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local');
"""
_MAKING: Final = f"""
CREATE SCHEMA IF NOT EXISTS mcpflow; {SCHEMA.replace(" WITHOUT ROWID", "").replace(" INTEGER ", " BIGINT ")}
CREATE TABLE IF NOT EXISTS format(version INTEGER NOT NULL);
INSERT INTO format SELECT {FORMAT_VERSION} WHERE NOT EXISTS (SELECT 1 FROM format);
"""
MENDS: Final = {
    "password authentication failed": "mend the user or the password in the URL",
    "no password supplied": "write postgresql://user:${VAR}@host/database, VAR being a variable with the password",
    "does not exist": "make it first, or name another one",
    "permission denied": "let this user make the schema mcpflow: GRANT CREATE ON DATABASE ...",
    "read-only transaction": "it is a standby; name the primary",
    "onnection refused": "start the server, or mend the host and port in the URL",
    "No space left": "make room on the server's disk, and go on",
    "too many clients": "raise max_connections on the server; each worker process takes one",
}
"""What is said to what mends it."""


def is_url(journal: Any) -> bool:
    """Tell whether a journal is named by a URL of PostgreSQL."""
    return isinstance(journal, str) and journal.startswith(_SCHEMES)


@cache
def _statement(sql: str) -> bytes:
    clock = "extract(epoch from clock_timestamp())::float8"
    return sql.replace("?", "%s").replace("{clock}", clock).encode()


class PostgresLink:
    """One connection to a server."""

    is_shared: Final = True

    def __init__(self, name: str, db: psycopg.Connection[Any]) -> None:
        self.name, self._db = name, db

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, also a failed one."""
        return self._db.info.transaction_status.name in ("INTRANS", "INERROR")

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> psycopg.Cursor[Any]:
        """Run one statement."""
        return self._db.execute(_statement(sql), values)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> psycopg.Cursor[Any]:
        """Run one statement for each row, all of them in one round trip."""
        cursor = self._db.cursor()
        cursor.executemany(_statement(sql), rows)
        return cursor

    def begin(self) -> None:
        """Open a transaction."""
        self._db.execute("BEGIN")

    def commit(self) -> None:
        """Make durable what was written."""
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Forget what was written."""
        self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def gone(self) -> None:
        """Return None: a server keeps its name."""

    def shrink(self) -> None:
        """Leave that to the server, which does it by itself."""

    def version(self) -> int:
        """Return the version of the journal's format, 0 where there is none."""
        if self.execute("SELECT to_regclass('mcpflow.format')").fetchone() in (None, (None,)):
            return 0
        row = self.execute("SELECT version FROM format").fetchone() or (0,)
        if row[0] > FORMAT_VERSION:
            raise newer(self.name, row[0])
        return int(row[0])


@dataclass(frozen=True)
class PostgresUrl:
    """A database of a server. `name` is its URL as it was written, a password in it as dots."""

    name: str = field(compare=False)
    _url: str = field(repr=False)
    patience: float = field(default=PATIENCE_SECONDS, compare=False)

    @classmethod
    def of(cls, written: str) -> PostgresUrl:
        """Return the database of a URL; `${VAR}` in it is filled in from the environment.

        Raises
        ------
        JournalError
            When it is none, a variable is not set, or psycopg is not installed.
        """
        problem, name = "", shown(written)
        try:
            import psycopg  # noqa: F401
        except ImportError as error:
            problem = f"PostgreSQL needs psycopg ({error}): pip install 'mcpflow-nb[postgres]'"
        try:
            url = _filled(written)
            if urlsplit(url).port == 0 or "@" in (path := urlsplit(url).path):
                raise ValueError
            if not path.strip("/"):
                problem = problem or "the URL names no database: postgresql://user@host:port/database"
        except ConfigError as error:
            problem = problem or str(error)
        except ValueError:  # its words may hold a part of the password
            problem = problem or "it is no valid URL; write what is special in a password as %XX, or ${VAR}"
        if problem:
            raise JournalError(name, problem)
        return cls(name, Secret(url))

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What psycopg raises."""
        import psycopg

        return (psycopg.Error,)

    def opened(self) -> PostgresLink:
        """Return a connection; the tables are made where there are none, by one process alone."""
        link = self._connected()
        try:
            if not link.version():
                link.begin()
                link.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
                link.execute(_MAKING)
                link.commit()
        except BaseException:
            link.close()
            raise
        return link

    def reading(self) -> PostgresLink | None:
        """Return a connection; None where there is no journal yet."""
        link = self._connected()
        try:
            version = link.version()
        except BaseException:
            link.close()
            raise
        if not version:
            link.close()
        return link if version else None

    def _connected(self) -> PostgresLink:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        logging.getLogger("psycopg").addHandler(logging.NullHandler())  # a lost connection is told by our errors alone
        given = conninfo_to_dict(str.__str__(self._url))
        asked = make_conninfo(str.__str__(self._url), **{k: v for k, v in _OPTIONS.items() if k not in given})
        db = psycopg.connect(asked, autocommit=True)
        try:
            db.execute(_SESSION)
        except BaseException:
            db.close()
            raise
        return PostgresLink(self.name, db)

    def is_passing(self, error: BaseException) -> bool:
        """Tell whether the connection was lost, or another writer was in the way."""
        import psycopg

        state = getattr(error, "sqlstate", None) or ""
        waits = ("40", "08", "57P", "55P03", "53300", "25P03")
        return isinstance(error, psycopg.OperationalError | psycopg.InternalError) and (
            not state or state.startswith(waits)
        )

    def is_refusal(self, error: BaseException) -> bool:
        """Tell whether a value is none that PostgreSQL takes."""
        import psycopg

        return isinstance(error, psycopg.DataError)

    def mended(self, error: BaseException) -> str:
        """Return what the server or the driver said, on one line, and what to do about it."""
        said = " ".join(str(error).split()) or type(error).__name__
        for secret in sorted(secrets_in(self._url), key=len, reverse=True):
            for form in {secret, unquote(secret)} - {""}:
                said = said.replace(form, MASK)
        return next((f"{said}; {mend}" for words, mend in MENDS.items() if words in said), said)


_ASKED: Final = re.compile(r"[?&]([^=&]*)=([^&]*)")


def shown(url: str) -> str:
    """Return a URL without the password in it; a reference `${VAR}` stays.

    >>> shown("postgresql://ada:s3cret@db/runs?sslpassword=x"), shown("postgresql://ada:${PG_PASSWORD}@db/runs")
    ('postgresql://ada:••••@db/runs?sslpassword=••••', 'postgresql://ada:${PG_PASSWORD}@db/runs')
    """
    for secret in sorted(set(secrets_in(url)), key=len, reverse=True):
        if not re.fullmatch(r"\$\{[^}]*\}", secret):
            url = url.replace(f":{secret}@", f":{MASK}@").replace(f"={secret}", f"={MASK}")
    return url


def secrets_in(url: str) -> list[str]:
    """Return each password in a URL as it is written there, also where the URL is none that can be read."""
    before, at, _ = url.partition("://")[2].rpartition("@")
    password = before.partition(":")[2] if at else ""
    return [one for one in (password, *(value for key, value in _ASKED.findall(url) if is_secret(key))) if one]


def _filled(written: str) -> str:
    """Return a URL with its variables filled in; one that is the password holds it as it is, not as URLs write it."""
    where = "its URL"
    for secret in secrets_in(written):
        written = written.replace(
            secret, quote(filled(where, secret, knows=False), safe="") if "${" in secret else secret
        )
    return filled(where, written, knows=False)

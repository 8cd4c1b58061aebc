"""SQLite stores that only grow: each row holds the hash of the one before, and its own over all of it.

The table is ``rows``, with ``seq`` counting from 1, ``previous`` and ``digest``; what else a
row holds is the store's own business. The hash is SHA-256 over the canonical JSON of all
other columns.
"""

import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import rfc8785

from access_review.errors import ArtifactError
from access_review.guarded_files.plain import open_plain

ChainedRow = Mapping[str, str | int | float | None]
"""A row of a store by its columns, as JSON has them: the last is ``digest``, its own hash."""

START = "sha256:" + "0" * 64
"""What the first row names as the one before."""

_RESTORE = "restore runs/ from a backup"
_CHANGES = slice(24, 28)
"""Where in a file SQLite counts how often it was written."""

_one_at_a_time = threading.RLock()
"""To close any handle of a file ends every lock that SQLite holds on it in this process: so one thread at a time has one."""


@dataclass(frozen=True, slots=True)
class StoreForm:
    """What a growing store is: ``what`` it holds, for people, its version, and the statement that makes its table."""

    what: str
    version: int
    create: str


def row_digest(body: Mapping[str, Any]) -> str:
    """Return the hash of a row from all its columns but ``digest``; raises ``ValueError`` for what JSON cannot hold."""
    return _digest(tuple(body), *body.values())


@lru_cache(10_000, typed=True)
def _digest(names: tuple[str, ...], *values: Any) -> str:
    # The rows of a store are checked whenever it is read, a dozen times a command, and the same row has the same hash.
    return "sha256:" + hashlib.sha256(rfc8785.dumps(dict(zip(names, values, strict=True)))).hexdigest()


def chained_rows(path: Path) -> tuple[ChainedRow, ...]:
    """Return the rows of a store, checked from the first to the last; raises ``ArtifactError`` naming the first wrong one."""
    with opened_store(path) as connection:
        return checked_rows(path, connection)


def checked_rows(path: Path, connection: sqlite3.Connection) -> tuple[ChainedRow, ...]:
    """Return the rows of an open store, as :func:`chained_rows` does; raises ``ArtifactError`` and ``sqlite3.Error``."""
    cursor = connection.execute("SELECT * FROM rows ORDER BY seq")
    names = [column[0] for column in cursor.description]
    rows = tuple(dict(zip(names, row, strict=True)) for row in cursor)
    before = START
    for number, row in enumerate(rows, start=1):
        before = _checked(path, number, row, before)
    return rows


def head_at(path: Path, position: int) -> str | None:
    """Return the hash of one row without checking the others, which is quick; none where the store is shorter.

    Raises ``ArtifactError`` when the store cannot be read.
    """
    if position == 0:
        return START
    with opened_store(path) as connection:
        found = connection.execute("SELECT digest FROM rows WHERE seq = ?", (position,)).fetchone()
    return str(found[0]) if found else None


@contextmanager
def opened_store(path: Path, *, may_be_empty: bool = False) -> Iterator[sqlite3.Connection]:
    """Open a store that exists; raises ``ArtifactError`` for one that is no store or holds anything but rows.

    With ``may_be_empty``, one that a crash left before its table was made passes too.
    One thread of this process at a time has any store open.
    """
    with _one_at_a_time:
        try:
            os.close(open_plain(path, os.O_RDONLY))
            # Not read-only: what a crash left half written is rolled back by whoever opens it next.
            address = f"{path.absolute().as_uri()}?mode=rw"
            connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=30)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(path, error) from None
        try:
            # A trigger or a view that somebody slipped in could answer, or take away, what it likes.
            connection.execute("PRAGMA trusted_schema=OFF")
            objects = connection.execute("SELECT type, name FROM sqlite_schema").fetchall()
            if objects != [("table", "rows")] and not (may_be_empty and not objects):
                raise ArtifactError(f"{path} is no store of this tool: it holds {len(objects)} objects", hint=_RESTORE)
            yield connection
        except sqlite3.Error as error:
            raise _unusable(path, error) from None
        finally:
            connection.close()


def times_written(path: Path) -> bytes:
    """Return what SQLite counts up with each change of a store, by whatever program; raises ``ArtifactError``."""
    with _one_at_a_time:
        try:
            handle = open_plain(path, os.O_RDONLY)
            try:
                return os.read(handle, _CHANGES.stop)[_CHANGES]
            finally:
                os.close(handle)
        except OSError as error:
            raise _unusable(path, error) from None


def is_made(path: Path, connection: sqlite3.Connection, form: StoreForm) -> bool:
    """Tell whether the table is made; raises ``ArtifactError`` for a store of another program or version."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    schema = connection.execute("SELECT sql FROM sqlite_schema").fetchall()
    if (version, schema) not in ((0, []), (form.version, [(form.create,)])):
        raise ArtifactError(f"{path} is no store of {form.what}, or from a newer version", hint="use what wrote it")
    return bool(schema)


@contextmanager
def opened_to_write(path: Path, form: StoreForm) -> Iterator[sqlite3.Connection]:
    """Open a store to add rows, made where it is not there, under a transaction that the caller commits.

    Raises ``ArtifactError`` for one that cannot be written, and as :func:`opened_store` and :func:`is_made` do.
    """
    with _one_at_a_time:
        try:
            os.close(open_plain(path, os.O_RDWR | os.O_CREAT))
        except OSError as error:
            raise ArtifactError(f"{path} cannot be written: {error.strerror}", hint="nothing was recorded") from None
    with opened_store(path, may_be_empty=True) as connection:
        connection.execute("PRAGMA journal_mode=PERSIST")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        if not is_made(path, connection, form):
            connection.execute(f"PRAGMA user_version={form.version}")
            connection.execute(form.create)
        yield connection


def _checked(path: Path, number: int, row: Mapping[str, Any], before: str) -> str:
    """Return the hash of a row; raises ``ArtifactError`` unless it is as it was written, in its place."""
    body = {name: value for name, value in row.items() if name != "digest"}
    try:
        right = row["seq"] == number and row["previous"] == before and row["digest"] == row_digest(body)
    except (KeyError, TypeError, ValueError):
        right = False
    if not right:
        raise ArtifactError(f"{path}: row {number} is not as it was written", hint=_RESTORE)
    return str(row["digest"])


def _unusable(path: Path, error: Exception) -> ArtifactError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ArtifactError(f"{path} cannot be used: {reason}", hint=_RESTORE)

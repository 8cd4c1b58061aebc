"""The journal of a batch on disk: what is about to be done, and what came of it, before the next step.

SQLite with a rollback journal and ``synchronous=FULL``: rows that :meth:`JournalFile.flush`
has returned from survive a crash of the process and of the machine. Flushed is before
every call, before every wait, and at the end; rows of what was merely read in between
share that one write, since a disk takes milliseconds for each. Rows are only added; each
carries the hash of the one before, so that none can be changed, moved or left out unseen.
One process at a time may write: who holds the right ``batch``.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from access_review.errors import ArtifactError
from access_review.guarded_files.plain import open_plain
from access_review.guarded_files.private import private_folder
from access_review.model import kept_moment
from access_review.revoke.journal import JournalFull, Note
from access_review.revoke.states import ChangeStatus, State, Transition, advance, fold
from access_review.store.hash_chain import chained_rows, row_digest

FORMAT = "access-review/journal@1"
START = "sha256:" + "0" * 64

_CREATE = """
    CREATE TABLE IF NOT EXISTS rows (
        seq INTEGER PRIMARY KEY, at TEXT NOT NULL, change TEXT NOT NULL, state TEXT NOT NULL,
        attempt INTEGER NOT NULL, server TEXT NOT NULL, reason TEXT NOT NULL,
        checked_at TEXT, called_at TEXT, previous TEXT NOT NULL, digest TEXT NOT NULL
    ) STRICT
"""
_COLUMNS = ("seq", "at", "change", "state", "attempt", "server", "reason", "checked_at", "called_at", "previous")
_INSERT = f"INSERT INTO rows VALUES ({', '.join('?' * (len(_COLUMNS) + 1))})"


class JournalFile:
    """An open journal (:class:`access_review.revoke.journal.Journal`) in a file; what is not there yet is made for ``plan`` (the digest of the plan)."""

    def __init__(self, path: Path, plan: str) -> None:
        self.path = path
        new = not path.exists()
        if new:
            private_folder(path.parent)
            path.touch(mode=0o600)
        self._broken = False
        try:
            os.close(open_plain(path, os.O_RDONLY))
        except OSError as error:
            raise _unusable(path, error) from None
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        try:
            self._open(plan)
        except BaseException:
            self._connection.close()
            raise
        self._plan = plan

    def _open(self, plan: str) -> None:
        """Read and check every row; raises ``ArtifactError``."""
        try:
            self._connection.execute("PRAGMA trusted_schema=OFF")
            self._connection.execute("PRAGMA journal_mode=PERSIST")
            self._connection.execute("PRAGMA synchronous=FULL")
            # A trigger that somebody slipped in could swallow the rows that are to be written.
            objects = self._connection.execute("SELECT type, name FROM sqlite_schema").fetchall()
            if objects not in ([], [("table", "rows")]):
                raise ArtifactError(f"{self.path} holds more than a journal", hint="restore the run's folder")
            self._connection.execute(_CREATE)
            self._rows = [dict(zip((*_COLUMNS, "digest"), row, strict=True)) for row in self._all()]
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from None
        try:
            self._head = _check(self.path, self._rows)
            self.standings: dict[str, ChangeStatus] = fold(self.changes)
            aware = all(at.tzinfo for at in (*(one.at for one in self.changes), *(one.at for one in self.notes)))
        except (ValueError, TypeError, KeyError, OverflowError):
            aware = False
        if not aware:
            raise ArtifactError(f"{self.path} holds a row that is none", hint="restore the run's folder")
        if self.plan not in {"", plan}:
            raise ArtifactError(f"{self.path} is the journal of another plan", hint="restore the run's folder")

    @property
    def plan(self) -> str:
        """Digest of the plan, from the first row; empty before there is one."""
        return str(self._rows[0]["reason"]) if self._rows else ""

    @property
    def head(self) -> str:
        """Hash of the last row, and through it of all."""
        return self._head

    @property
    def changes(self) -> tuple[Transition, ...]:
        """The rows about changes, in order."""
        return tuple(_row(one) for one in self._rows if one["change"])

    @property
    def notes(self) -> tuple[Note, ...]:
        """The rows about the batch, in order."""
        return tuple(
            Note(one["state"], kept_moment(one["at"]), one["reason"]) for one in self._rows if not one["change"]
        )

    def upto(self, rows: int) -> tuple[str, Mapping[str, ChangeStatus]]:
        """Return the hash of the row of this number, and where each change stood then; raises ``ArtifactError``."""
        if rows > len(self._rows):
            raise ArtifactError(f"{self.path} has {len(self._rows)} rows, not {rows}", hint="restore the run's folder")
        known = self._rows[:rows]
        head = str(known[-1]["digest"]) if known else START
        return head, fold(tuple(_row(one) for one in known if one["change"]))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def standing(self, change: str) -> ChangeStatus:
        """Return where a change stands."""
        return self.standings.get(change, ChangeStatus())

    def add(self, row: Transition) -> ChangeStatus:
        """Write one transition, to be flushed; raises ``JournalFull``, and ``ArtifactError`` for a step that cannot be."""
        after = advance(self.standing(row.change), row)
        if not self._rows:
            self._insert(_values(self._opening(row.at)))
        self._insert(_values(row))
        self.standings[row.change] = after
        return after

    def note(self, note: Note) -> None:
        """Write a row about the batch, to be flushed."""
        if not self._rows:
            self._insert(_values(self._opening(note.at)))
        self._insert(_values(note))

    def _opening(self, at: datetime) -> Note:
        return Note(FORMAT, at, self._plan)

    def _insert(self, values: Mapping[str, Any]) -> None:
        body = {"seq": len(self._rows) + 1, **values, "previous": self._head}
        digest = row_digest(body)
        if not self._connection.in_transaction:
            self._execute("BEGIN IMMEDIATE")
        self._execute(_INSERT, [*(body[name] for name in _COLUMNS), digest])
        self._rows.append({**body, "digest": digest})
        self._head = digest

    def flush(self) -> None:
        """Put everything written on disk; raises ``JournalFull`` when that is not certain."""
        if self._connection.in_transaction:
            self._execute("COMMIT")

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        if self._broken:
            raise JournalFull(f"{self.path} is behind what was done", hint="apply again: it goes on where it stopped")
        try:
            self._connection.execute(sql, values)
        except sqlite3.Error as error:
            self._broken = True  # the rows of this transaction are gone, and with them the chain in memory
            raise JournalFull(
                f"{self.path} cannot be written ({error}); nothing is called without it",
                hint="make room, then apply again: it goes on where it stopped",
            ) from None

    def _all(self) -> Iterator[tuple[Any, ...]]:
        return self._connection.execute(f"SELECT {', '.join(_COLUMNS)}, digest FROM rows ORDER BY seq")

    def close(self) -> None:
        """Close the file; what was not flushed is lost."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _values(row: Transition | Note) -> dict[str, Any]:
    if isinstance(row, Note):
        return {
            **dict.fromkeys(("checked_at", "called_at")),
            "at": row.at.isoformat(),
            "change": "",
            "state": row.what,
            "attempt": 0,
            "server": "",
            "reason": row.reason,
        }
    return {
        "at": row.at.isoformat(),
        "change": row.change,
        "state": str(row.state),
        "attempt": row.attempt,
        "server": row.server,
        "reason": row.reason,
        "checked_at": row.checked_at.isoformat() if row.checked_at else None,
        "called_at": row.called_at.isoformat() if row.called_at else None,
    }


def _row(one: Mapping[str, Any]) -> Transition:
    moments = {name: kept_moment(one[name]) if one[name] else None for name in ("checked_at", "called_at")}
    at = kept_moment(one["at"])
    return Transition(one["change"], State(one["state"]), at, one["attempt"], one["server"], one["reason"], **moments)


def _check(path: Path, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the hash of the last row; raises ``ArtifactError`` for a row that is not as it was written."""
    head = START
    for number, row in enumerate(rows, start=1):
        body = {name: row[name] for name in _COLUMNS}
        if row["seq"] != number or row["previous"] != head or row["digest"] != row_digest(body):
            raise ArtifactError(f"{path}: row {number} is not as it was written", hint="restore the run's folder")
        head = str(row["digest"])
    if rows and rows[0]["state"] != FORMAT:
        raise ArtifactError(
            f"{path} has format {rows[0]['state']!r}, not {FORMAT!r}", hint="use the version that wrote it"
        )
    return head


def _unusable(path: Path, error: sqlite3.Error | OSError) -> ArtifactError:
    why = error.strerror if isinstance(error, OSError) else error
    return ArtifactError(f"{path} cannot be used: {why}", hint="restore the run's folder; nothing was called")


def kept_steps(path: Path) -> tuple[str, tuple[Transition, ...]]:
    """Return for which plan a journal is, by its digest, and the rows about changes, to read them where nothing is carried out.

    Raises ``ArtifactError`` for a journal that is damaged or that nobody can read.
    """
    rows = chained_rows(path)
    try:
        steps = tuple(_row(one) for one in rows if one["change"])
        aware = all(step.at.tzinfo for step in steps)
    except (ValueError, TypeError, KeyError, OverflowError):
        aware = False
    if not aware:
        raise ArtifactError(f"{path} holds a row that is none", hint="restore the run's folder")
    return str(rows[0]["reason"]) if rows else "", steps


def begun(path: Path) -> bool:
    """Tell whether anything stands in a journal; an ``apply`` that was refused leaves an empty one.

    Raises ``ArtifactError`` for a journal that cannot be opened.
    """
    if not path.exists():
        return False
    with closing(sqlite3.connect(path)) as connection:
        try:
            return connection.execute("SELECT 1 FROM rows LIMIT 1").fetchone() is not None
        except sqlite3.Error as error:
            raise _unusable(path, error) from None

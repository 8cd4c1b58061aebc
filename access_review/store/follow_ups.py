"""What people recorded about the check list and the small audits: one SQLite store that only grows, ``runs/follow-up.sqlite``.

Each row carries the hash of the one before, and the logbook knows how many there are and the
last one's hash: what was stated, or done, cannot be taken back or slipped in unseen.
"""

import json
import math
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rfc8785

from access_review.errors import ArtifactError
from access_review.logbook import entries
from access_review.logbook.lines import StoreMark
from access_review.model import kept_moment
from access_review.scorecard.follow_up import FollowUp, FollowUpKind
from access_review.store import hash_chain, logbook_check, logged
from access_review.store.rights import Right, hold

STORE = "follow-up.sqlite"
"""The store's path below ``runs/``."""
VERSION = 1

_COLUMNS = {
    "seq": "INTEGER PRIMARY KEY",
    "recorded_at": "TEXT NOT NULL",
    "kind": "TEXT NOT NULL",
    "about": "TEXT NOT NULL",
    "person": "TEXT NOT NULL",
    "assurance": "TEXT NOT NULL",
    "said": "TEXT NOT NULL",
    "previous": "TEXT NOT NULL",
    "digest": "TEXT NOT NULL",
}
_CREATE = f"CREATE TABLE rows ({', '.join(f'{name} {kind}' for name, kind in _COLUMNS.items())}) STRICT"
_INSERT = f"INSERT INTO rows VALUES ({', '.join('?' * len(_COLUMNS))})"

_FORM = hash_chain.StoreForm("follow-ups", VERSION, _CREATE)

Follow = Callable[[tuple[FollowUp, ...]], FollowUp]
"""Says what is to be recorded, of what stands; whatever it raises, nothing is."""


def path_of(workspace: Path) -> Path:
    """Return where the store of a workspace is."""
    return workspace / "runs" / STORE


def read(workspace: Path) -> tuple[FollowUp, ...]:
    """Read every record, oldest first; no store is no record.

    Raises ``ArtifactError`` for a store that is damaged, or not as the logbook knows it.
    """
    if log := logged.known(workspace):
        logbook_check.require_store(log, workspace, STORE)
    path = path_of(workspace)
    if not os.path.lexists(path):
        return ()
    with hash_chain.opened_store(path, may_be_empty=True) as connection:
        return tuple(_rows(path, connection)) if hash_chain.is_made(path, connection, _FORM) else ()


def add(workspace: Path, follow: Follow, now: datetime, command: str) -> FollowUp:
    """Record what follows from the records as they stand, and write a line about it into the logbook.

    Raises ``RightHeld`` when another program writes for 10 seconds, ``ArtifactError`` when the store is
    damaged or not to be written, and whatever ``follow`` raises.
    """
    logged.begin(workspace, now, command)
    path = path_of(workspace)
    with hold(workspace, Right.STORE, now=now, command=command):
        known = read(workspace)
        record = follow(known)
        with hash_chain.opened_to_write(path, _FORM) as connection:
            mark = _inserted(path, connection, record)
        line = entries.followed_up(now, STORE, mark, kind=str(record.kind), about=record.about, person=record.person)
        logged.append(workspace, line, command=command)
    return record


def _inserted(path: Path, connection: sqlite3.Connection, record: FollowUp) -> StoreMark:
    rows = hash_chain.checked_rows(path, connection)
    body: dict[str, Any] = {
        "seq": len(rows) + 1,
        "recorded_at": record.at.astimezone(UTC).isoformat(),
        "kind": str(record.kind),
        "about": record.about,
        "person": record.person,
        "assurance": record.assurance,
        "said": rfc8785.dumps(dict(record.said)).decode(),
        "previous": str(rows[-1]["digest"]) if rows else hash_chain.START,
    }
    digest = hash_chain.row_digest(body)
    try:
        connection.execute(_INSERT, [*(body[name] for name in _COLUMNS if name != "digest"), digest])
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        hint = "make room, then repeat: nothing was recorded"
        raise ArtifactError(f"{path} cannot be written: {error}", hint=hint) from None
    return StoreMark(len(rows) + 1, digest)


MOMENTS = ("until", "next_by", "due")
"""What a record says that is a moment, as text."""


def _said(text: str) -> object:
    """Return what a record says; raises ``ValueError`` for numbers and moments that are none."""
    said = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    for name in MOMENTS if isinstance(said, dict) else ():
        if isinstance(said.get(name), str) and said[name]:
            kept_moment(said[name])
    return said


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _finite(text: str) -> float:
    return number if math.isfinite(number := float(text)) else _refuse(text)


def _rows(path: Path, connection: sqlite3.Connection) -> Iterator[FollowUp]:
    for row in hash_chain.checked_rows(path, connection):
        try:
            said = _said(str(row["said"]))
            kind, at = FollowUpKind(str(row["kind"])), datetime.fromisoformat(str(row["recorded_at"])).astimezone(UTC)
        except (ValueError, KeyError, OverflowError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise ArtifactError(f"{path}: a row is no record of the check list", hint="restore runs/ from a backup")
        yield FollowUp(
            kind, str(row["about"]), at, str(row["person"]), said, str(row["assurance"]), int(row["seq"] or 0)
        )

"""Reviewers' decisions of all runs: one SQLite store that only grows, ``runs/decisions.sqlite``.

One function writes (:func:`write_decisions`): what stands is read, and what follows from it
written, under one right, so no two people or programs overwrite each other unseen. Each row
says who decided by id, whether they were known or merely named, when it was written down
and which answer it replaces, and carries the hash of the one before. A position and its hash
say exactly what was known at some moment. JSON is an export.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from access_review.audit.decisions import Decision, Decisions
from access_review.errors import ArtifactError
from access_review.logbook.lines import StoreMark
from access_review.store import hash_chain
from access_review.store.rights import Right, hold

STORE = "decisions.sqlite"
"""The store's path below ``runs/``."""
VERSION = 1

_COLUMNS = {
    "seq": "INTEGER PRIMARY KEY",
    "recorded_at": "TEXT NOT NULL",
    "run": "TEXT NOT NULL",
    "item": "TEXT NOT NULL",
    "unit": "TEXT NOT NULL",
    "account": "TEXT NOT NULL",
    "entitlement": "TEXT",
    "mode": "TEXT",
    "decision": "TEXT NOT NULL",
    "decided_by": "TEXT NOT NULL",
    "decided_on": "TEXT NOT NULL",
    "comment": "TEXT NOT NULL",
    "seconds": "REAL",
    "person": "TEXT NOT NULL",
    "assurance": "TEXT NOT NULL",
    "replaces": "INTEGER",
    "previous": "TEXT NOT NULL",
    "digest": "TEXT NOT NULL",
}
_CREATE = f"CREATE TABLE rows ({', '.join(f'{name} {kind}' for name, kind in _COLUMNS.items())}) STRICT"
_INSERT = f"INSERT INTO rows VALUES ({', '.join('?' * len(_COLUMNS))})"
_DECISION = TypeAdapter(Decision)

_FORM = hash_chain.StoreForm("decisions", VERSION, _CREATE)


class Assurance(StrEnum):
    """How we know who decided: they signed in or signed, or a sheet or a command merely names them."""

    AUTHENTICATED = "authenticated"
    CLAIMED = "claimed"


@dataclass(frozen=True, slots=True)
class NewDecision:
    """A decision to be written: by which person, by id, and how that is known. An unknown person is empty text."""

    decision: Decision
    person: str
    assurance: Assurance


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision in the store; ``replaces`` is the row that stood for its item before, if this one took its place."""

    seq: int
    run: str
    decision: Decision
    person: str
    assurance: Assurance
    recorded_at: datetime
    replaces: int | None


@dataclass(frozen=True)
class RunDecisions:
    """Every decision of one run, in the order of writing."""

    run: str
    history: tuple[StoredDecision, ...] = ()

    @cached_property
    def standing(self) -> Mapping[str, StoredDecision]:
        """The row that stands for each item: of the latest day, of equal days the last; a withdrawal stands too."""
        found: dict[str, StoredDecision] = {}
        for row in self.history:
            before = found.get(row.decision.item)
            if before is None or before.decision.at <= row.decision.at:
                found[row.decision.item] = row
        return found

    @cached_property
    def decisions(self) -> Decisions:
        """The same without who, when and how: what ``decisions.json`` holds."""
        return Decisions(self.run, tuple(row.decision for row in self.history))


Decide = Callable[[RunDecisions], Iterable[NewDecision]]
"""Says what is to be written, of what stands; whatever it raises, nothing is written."""


def write_decisions(workspace: Path, run: str, decide: Decide, *, now: datetime, command: str = "") -> StoreMark:
    """Write the decisions that follow from those of a run as they stand; gives position and hash of the last row.

    All of them are on disk when this returns, or none. Raises ``RightHeld`` when another
    program writes for 10 seconds, ``ArtifactError`` when the store is damaged or not to be
    written, and whatever ``decide`` raises.
    """
    path = path_of(workspace)
    with hold(workspace, Right.STORE, now=now, command=command), hash_chain.opened_to_write(path, _FORM) as connection:
        mark = _last_mark(path, connection.execute("SELECT * FROM rows ORDER BY seq DESC LIMIT 1").fetchone())
        current = RunDecisions(run, tuple(_rows(path, connection, run)))
        new = tuple(decide(current))
        try:
            mark = _insert(connection, mark, current, new, now)
            connection.execute("COMMIT")
        except (sqlite3.Error, ValueError) as error:  # no room, or text that is none, as half of a surrogate pair
            hint = "make room, then repeat: nothing was recorded"
            raise ArtifactError(f"{path} cannot be written: {error}", hint=hint) from None
    return mark


def read_decisions(workspace: Path, run: str, *, upto: StoreMark | None = None) -> RunDecisions:
    """Read the decisions of a run, the whole store checked; no store is no decisions.

    ``upto`` gives what was known at a position. Raises ``ArtifactError`` for a damaged store,
    and for one that does not hold that position as it was.
    """
    path = path_of(workspace)
    rows = _all_rows(path)
    if upto is not None:
        _require(path, rows, upto)
        rows = rows[: upto.position]
    return RunDecisions(run, tuple(_stored(path, row) for row in rows if row["run"] == run))


def position(workspace: Path) -> StoreMark:
    """Return how many rows the store has and the hash of the last, the whole store checked; raises ``ArtifactError``."""
    rows = _all_rows(path_of(workspace))
    return StoreMark(len(rows), str(rows[-1]["digest"]) if rows else hash_chain.START)


def path_of(workspace: Path) -> Path:
    """Return where the store of a workspace is."""
    return workspace / "runs" / STORE


def unread(current: RunDecisions, decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Return the decisions that the history does not hold yet, as when a sheet is read twice, each once."""
    known = set(current.decisions.history)
    return tuple(one for one in dict.fromkeys(decisions) if one not in known)


def claimed(decisions: Iterable[Decision], person_of: Callable[[str], str | None]) -> tuple[NewDecision, ...]:
    """Return decisions of a sheet or an older run, whose people are named and not known to be who they say."""
    return tuple(NewDecision(one, person_of(one.by) or "", Assurance.CLAIMED) for one in decisions)


def _insert(
    connection: sqlite3.Connection, mark: StoreMark, current: RunDecisions, new: Iterable[NewDecision], now: datetime
) -> StoreMark:
    standing = dict(current.standing)
    for one in new:
        before = standing.get(one.decision.item)
        takes_place = before is None or before.decision.at <= one.decision.at
        stored = StoredDecision(
            seq=mark.position + 1,
            run=current.run,
            decision=one.decision,
            person=one.person,
            assurance=one.assurance,
            recorded_at=now,
            replaces=before.seq if before and takes_place else None,
        )
        if takes_place:
            standing[one.decision.item] = stored
        body = {**_values(stored), "previous": mark.head}
        digest = hash_chain.row_digest(body)
        connection.execute(_INSERT, [*(body[name] for name in _COLUMNS if name != "digest"), digest])
        mark = StoreMark(stored.seq, digest)
    return mark


def _values(stored: StoredDecision) -> dict[str, Any]:
    decision = asdict(stored.decision)
    return {
        **{name: decision[name] for name in ("item", "unit", "account", "entitlement", "mode", "comment")},
        "seq": stored.seq,
        "recorded_at": stored.recorded_at.astimezone(UTC).isoformat(),
        "run": stored.run,
        "decision": str(stored.decision.decision),
        "decided_by": stored.decision.by,
        "decided_on": stored.decision.at.isoformat(),
        "seconds": None if stored.decision.seconds is None else float(stored.decision.seconds),
        "person": stored.person,
        "assurance": str(stored.assurance),
        "replaces": stored.replaces,
    }


def _stored(path: Path, row: Mapping[str, Any]) -> StoredDecision:
    names = ("item", "unit", "account", "entitlement", "mode", "decision", "comment", "seconds")
    try:
        decision = _DECISION.validate_python(
            {**{name: row[name] for name in names}, "by": row["decided_by"], "at": row["decided_on"]}
        )
        at = datetime.fromisoformat(row["recorded_at"]).astimezone(UTC)
        assurance = Assurance(row["assurance"])
    except (ValidationError, ValueError, KeyError, TypeError, OverflowError):
        raise ArtifactError(f"{path}: a row is no decision", hint="restore runs/ from a backup") from None
    return StoredDecision(row["seq"], row["run"], decision, row["person"], assurance, at, row["replaces"])


def _rows(path: Path, connection: sqlite3.Connection, run: str) -> Iterator[StoredDecision]:
    for row in connection.execute("SELECT * FROM rows WHERE run = ? ORDER BY seq", (run,)):
        yield _stored(path, dict(zip(_COLUMNS, row, strict=True)))


def _all_rows(path: Path) -> tuple[hash_chain.ChainedRow, ...]:
    if not os.path.lexists(path):
        return ()
    with hash_chain.opened_store(path, may_be_empty=True) as connection:
        return hash_chain.checked_rows(path, connection) if hash_chain.is_made(path, connection, _FORM) else ()


def _require(path: Path, rows: tuple[hash_chain.ChainedRow, ...], mark: StoreMark) -> None:
    heads = [hash_chain.START, *(row["digest"] for row in rows)]
    if mark.position >= len(heads) or heads[mark.position] != mark.head:
        raise ArtifactError(
            f"{path} does not hold its first {mark.position} rows as they were", hint="restore runs/ from a backup"
        )


def _last_mark(path: Path, last: tuple[Any, ...] | None) -> StoreMark:
    """Return position and hash of the last row, which is checked; raises ``ArtifactError``."""
    if last is None:
        return StoreMark(0, hash_chain.START)
    row = dict(zip(_COLUMNS, last, strict=True))
    body = {name: value for name, value in row.items() if name != "digest"}
    try:
        right = row["digest"] == hash_chain.row_digest(body)
    except ValueError:
        right = False
    if not right:
        raise ArtifactError(f"{path}: row {row['seq']} is not as it was written", hint="restore runs/ from a backup")
    return StoreMark(int(row["seq"]), str(row["digest"]))

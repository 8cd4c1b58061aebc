"""Reviewers' decisions of all runs: one SQLite store that only grows, ``runs/decisions.sqlite``.

One function writes (:func:`write_decisions`): what stands is read, and what follows from it
written, under one right, so no two people or programs overwrite each other unseen. Each row
says who decided by id, whether they were known or merely named, when it was written down
and which answer it replaces, and carries the hash of the one before. A position and its hash
say exactly what was known at some moment. JSON is an export.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from access_review.audit.decisions import Decision, Decisions
from access_review.errors import ArtifactError
from access_review.logbook.lines import StoreMark
from access_review.store import hash_chain
from access_review.store.recalled import FileStamp, stamp_of
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

FORM = hash_chain.StoreForm("decisions", VERSION, _CREATE)
"""What the store is made as."""


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


@dataclass(eq=False, slots=True)
class AskedDecisions:
    """Decisions that somebody waits to have written, and what came of it: what stands then, or what was raised."""

    decide: Decide
    now: datetime
    stands: RunDecisions | None = None
    failed: BaseException | None = None


def write_decisions(workspace: Path, run: str, decide: Decide, *, now: datetime) -> StoreMark:
    """Write the decisions that follow from those of a run as they stand; gives position and hash of the last row.

    All of them are on disk when this returns, or none. Raises ``RightHeld`` when another
    program writes for 10 seconds, ``ArtifactError`` when the store is damaged or not to be
    written, and whatever ``decide`` raises.
    """
    asked = AskedDecisions(decide, now)
    mark = write_all(workspace, run, [asked])
    if asked.failed:
        raise asked.failed
    return mark


def write_all(workspace: Path, run: str, asked: Sequence[AskedDecisions], *, command: str = "") -> StoreMark:
    """Write what several ask for, one after the other, each seeing what those before it wrote; on disk when this returns.

    Each is told what stands then, or what its ``decide`` raised, which stops none of the
    others. Gives position and hash of the last row; raises as :func:`write_decisions` does where none could be written.
    """
    path = path_of(workspace)
    with hold(workspace, Right.STORE, now=asked[0].now, command=command):
        known = _recalled(path, run)
        with hash_chain.opened_to_write(path, FORM) as connection:
            last = connection.execute("SELECT * FROM rows ORDER BY seq DESC LIMIT 1").fetchone()
            if known is None or known.mark != _last_mark(path, last):
                known = _KnownStore.of(path, hash_chain.checked_rows(path, connection), run)
            current = known.runs[run]
            rows: list[tuple[Any, ...]] = []
            for one in asked:
                current = _ask(path, one, known.mark, current, rows)
            try:
                connection.executemany(_INSERT, rows)
                connection.execute("COMMIT")
            except sqlite3.Error as error:  # no room
                raise _not_written(path, error) from None
        found = known.grown([str(row[-1]) for row in rows], current)
        _keep(path, replace(found, looked=_look(path)))
    return found.mark


def read_decisions(workspace: Path, run: str, *, upto: StoreMark | None = None) -> RunDecisions:
    """Read the decisions of a run, the whole store checked; no store is no decisions.

    ``upto`` gives what was known at a position. Raises ``ArtifactError`` for a damaged store,
    and for one that does not hold that position as it was.
    """
    path = path_of(workspace)
    known = _known_store(path, run)
    found = known.runs[run]
    if upto is None:
        return found
    if upto.position >= len(known.heads) or known.heads[upto.position] != upto.head:
        message = f"{path} does not hold its first {upto.position} rows as they were"
        raise ArtifactError(message, hint="restore runs/ from a backup")
    return RunDecisions(run, tuple(row for row in found.history if row.seq <= upto.position))


def head_at(path: Path, run: str, place: int) -> str | None:
    """Return the hash of one row of a store that is read for a run; none where it is shorter. Raises ``ArtifactError``."""
    heads = _known_store(path, run).heads
    return heads[place] if place < len(heads) else None


def position(workspace: Path) -> StoreMark:
    """Return how many rows the store has and the hash of the last, the whole store checked; raises ``ArtifactError``."""
    rows = all_rows(path_of(workspace))
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


def _ask(
    path: Path, asked: AskedDecisions, mark: StoreMark, current: RunDecisions, rows: list[tuple[Any, ...]]
) -> RunDecisions:
    """Return what stands once somebody's decisions are written, whose rows join those that follow on ``mark``."""
    try:
        new = tuple(asked.decide(current))
    except Exception as error:  # noqa: BLE001 - it is theirs, and raised where they wait
        asked.failed = error
        return current
    try:
        more = _following(mark, current, new, asked.now, rows)
    except ValueError as error:  # text that is none, as half of a surrogate pair
        asked.failed = _not_written(path, error)
        return current
    asked.stands = replace(current, history=(*current.history, *more)) if more else current
    return asked.stands


def _following(
    mark: StoreMark, current: RunDecisions, new: Iterable[NewDecision], now: datetime, rows: list[tuple[Any, ...]]
) -> tuple[StoredDecision, ...]:
    """Return decisions as they are stored, and add their rows to those that follow on ``mark``; raises ``ValueError``."""
    standing, more, added = dict(current.standing), [], []
    seq, head = (rows[-1][0], rows[-1][-1]) if rows else (mark.position, mark.head)
    for one in new:
        before = standing.get(one.decision.item)
        takes_place = before is None or before.decision.at <= one.decision.at
        seq += 1
        stored = StoredDecision(
            seq=seq,
            run=current.run,
            decision=one.decision,
            person=one.person,
            assurance=one.assurance,
            recorded_at=now.astimezone(UTC),
            replaces=before.seq if before and takes_place else None,
        )
        if takes_place:
            standing[one.decision.item] = stored
        body = {**_values(stored), "previous": head}
        head = hash_chain.row_digest(body)
        added.append((*(body[name] for name in _COLUMNS if name != "digest"), head))
        more.append(stored)
    rows.extend(added)
    return tuple(more)


def _not_written(path: Path, error: Exception) -> ArtifactError:
    return ArtifactError(f"{path} cannot be written: {error}", hint="make room, then repeat: nothing was recorded")


@dataclass(frozen=True, slots=True)
class _Look:
    """What tells that a store is the same: its stamp, how often it was written, and when it was looked at."""

    stamp: FileStamp
    changes: bytes
    settled: bool
    at: float


@dataclass(frozen=True, slots=True)
class _KnownStore:
    """The store as this process read and checked it, or left it: the hash of each row, and the decisions of some runs."""

    looked: _Look | None
    heads: tuple[str, ...]
    runs: Mapping[str, RunDecisions]

    @classmethod
    def of(cls, path: Path, rows: Sequence[hash_chain.ChainedRow], run: str, looked: _Look | None = None) -> Self:
        """Return a store that was read and checked; raises ``ArtifactError`` for a row that is no decision."""
        history = tuple(_stored(path, row) for row in rows if row["run"] == run)
        heads = (hash_chain.START, *(str(row["digest"]) for row in rows))
        return cls(looked, heads, {run: RunDecisions(run, history)})

    def grown(self, heads: Iterable[str], current: RunDecisions) -> Self:
        """Return the same with more rows."""
        return type(self)(None, (*self.heads, *heads), {**self.runs, current.run: current})

    @property
    def mark(self) -> StoreMark:
        """Position and hash of the last row."""
        return StoreMark(len(self.heads) - 1, self.heads[-1])


_known: dict[Path, _KnownStore] = {}
"""Each store as it was last: a server asks with each page, and a chain that was checked once is right while it is the same."""
_MOST_STORES = 16
"""Of how many workspaces; a server has one."""
_UNSETTLED = 1.0
"""Seconds after which a store that was written as it was looked at is read again as a whole."""


def _look(path: Path) -> _Look | None:
    """Look at a store before it is read; nothing where there is none."""
    stamp = stamp_of(path)
    if stamp is None:
        return None
    return _Look(stamp, hash_chain.times_written(path), stamp.settled, time.monotonic())


def _known_store(path: Path, run: str) -> _KnownStore:
    """Return the store with the decisions of a run, read and checked unless it is as it was; raises ``ArtifactError``."""
    if found := _recalled(path, run):
        return found
    looked, before = _look(path), _known.get(path)
    found = _KnownStore.of(path, all_rows(path), run, looked)
    if before and before.looked and looked and before.heads == found.heads:
        found = replace(found, runs={**before.runs, **found.runs})
    _keep(path, found)
    return found


def _keep(path: Path, store: _KnownStore) -> None:
    if len(_known) >= _MOST_STORES:
        _known.clear()
    _known[path] = store


def _recalled(path: Path, run: str) -> _KnownStore | None:
    """Return the store as it was last, where no program has written to it since; nothing where that is not certain."""
    known = _known.get(path)
    if known is None or known.looked is None or run not in known.runs or stamp_of(path) != known.looked.stamp:
        return None
    if known.looked.settled:
        return known
    if time.monotonic() - known.looked.at > _UNSETTLED:
        return None
    return known if hash_chain.times_written(path) == known.looked.changes else None


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


def all_rows(path: Path) -> tuple[hash_chain.ChainedRow, ...]:
    """Return the checked rows of a store; none where there is no store. Raises ``ArtifactError``."""
    if not os.path.lexists(path):
        return ()
    with hash_chain.opened_store(path, may_be_empty=True) as connection:
        return hash_chain.checked_rows(path, connection) if hash_chain.is_made(path, connection, FORM) else ()


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

"""What is known of each source from look to look, when a workspace is watched: values, and when the next look is due.

A look that fails moves nothing but the count of failures: what was read before stays, and
is said to be as old as it is.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from access_review.changes import Mark
from access_review.connectors import WHOLE_SOURCE
from access_review.tables import TABLES, digest, frame

Parts = Mapping[str, pa.Table]
"""The tables that were read of one source, loose: references between sources are not settled yet."""

_MOST_DOUBLINGS = 12


@dataclass(frozen=True, slots=True)
class WatchedSource:
    """One source as it was last seen.

    ``mark`` and ``digest`` are of the read that is believed, ``parts`` the files of its tables. ``looked_at`` is
    when it last showed itself, ``read_at`` when it was last read, ``whole_at`` when every row of it was, and ``short`` says
    what of it that read did not show whole.
    ``since`` is when it first could not be read and ``reason`` why; ``alarmed`` tells whether that was an alarm.
    """

    mark: Mark = Mark()  # noqa: RUF009 - frozen
    digest: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    looked_at: datetime | None = None
    read_at: datetime | None = None
    whole_at: datetime | None = None
    since: datetime | None = None
    reason: str = ""
    failures: int = 0
    again_at: datetime | None = None
    alarmed: bool = False
    short: str = ""

    def failed(self, reason: str, now: datetime, pause: timedelta, longest: timedelta) -> "WatchedSource":
        """Return it after a look that did not succeed: each failure waits twice as long as the one before."""
        wait = min(longest, pause * 2 ** min(self.failures, _MOST_DOUBLINGS))
        return replace(self, since=self.since or now, reason=reason, failures=self.failures + 1, again_at=now + wait)

    def seen(self, now: datetime) -> "WatchedSource":
        """Return it after a look that succeeded."""
        return replace(self, looked_at=now, since=None, reason="", failures=0, again_at=None, alarmed=False)


def is_due(last: datetime | None, every: timedelta, now: datetime) -> bool:
    """Tell whether something is to be done again; a clock that went back makes it due, and waits for nothing."""
    return last is None or not timedelta() <= now - last < every


def digest_of_rows(parts: Parts) -> str:
    """Return what changes when anything was read that a review is made of; not when merely the reading went otherwise."""
    rows = []
    for name in TABLES:
        table = parts.get(name)
        if table is None or not len(table):
            continue
        if name == "completeness":
            said = pc.fill_null(pc.starts_with(table["subject"], "part:"), fill_value=False)
            table = table.filter(pc.invert(said))
        rows.append({"scheme": name, "value": digest(table), "id": name})
    return digest(frame("aliases", rows))


def why_short(parts: Parts, before: pa.Table | None) -> str:
    """Return why a read is not as whole as the one that is believed, by the verdicts on that; empty where it is.

    The first of all is taken as it is, unless nothing at all was read: a source may never be whole.
    """
    rows = sorted(parts["completeness"].to_pylist(), key=lambda row: str(row["subject"]))
    whole = {row["subject"] for row in before.to_pylist() if row["complete"]} if before is not None else set()
    if before is None and not any(row["received"] for row in rows if row["subject"] in TABLES):
        whole = {row["subject"] for row in rows}
    for row in rows:
        if not row["complete"] and row["subject"] in {WHOLE_SOURCE, *(whole & TABLES.keys())}:
            return f"{row['subject']}: {row['reason']}"
    return ""


def not_whole(verdicts: pa.Table) -> str:
    """Return which table was not read whole, the first of them, and why; empty where all were."""
    rows = sorted(verdicts.to_pylist(), key=lambda row: str(row["subject"]))
    short = (row for row in rows if not row["complete"] and row["subject"] in TABLES)
    return next((f"{row['subject']}: {row['reason']}" for row in short), "")


def as_last_seen(source: str, parts: Parts, reason: str) -> Parts:
    """Return what was read before, said to be incomplete: what it does not show closes nothing."""
    verdicts = parts["completeness"].to_pylist()
    told = [
        {**row, "complete": False, "reason": reason} if row["complete"] and row["subject"] in TABLES else row
        for row in verdicts
    ]
    table = pa.Table.from_pylist(told, schema=parts["completeness"].schema)
    return {**parts, "completeness": table} if told else {"completeness": unread(source, reason)}


def unread(source: str, reason: str) -> pa.Table:
    """Return the verdict on a source of which nothing is known."""
    known = pa.schema([one.with_nullable(True) for one in TABLES["completeness"].schema])
    row = {"source": source, "subject": WHOLE_SOURCE, "complete": False, "reason": reason}
    return pa.Table.from_pylist([row], schema=known)


@dataclass(frozen=True, slots=True)
class PendingAlarm:
    """An alarm that not everybody has heard of; ``reached`` are the channels and people who have, ``tries`` how often it was told."""

    key: str
    at: datetime
    subject: str
    text: str
    reached: tuple[str, ...] = ()
    tries: int = 0


class HaltedJob(StrEnum):
    """What runs by itself, and may not be able to begin."""

    WATCH = "watch"
    STANDING = "standing"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class HaltedWatch:
    """That something cannot begin any more: what is left to tell of it, nothing once everybody has heard, and when that was tried."""

    alarm: PendingAlarm | None
    tried_at: datetime


@dataclass(frozen=True, slots=True)
class PreparedPlan:
    """What was prepared ``at`` a moment for those who have left: a plan of a run, empty where none could be made.

    It can be carried out ``until`` then, with the ``workspace`` of this digest. ``warned`` tells that people have heard that it lapses.
    """

    run: str
    plan: str
    at: datetime
    until: datetime
    workspace: str
    warned: bool = False


class News(NamedTuple):
    """Something that people are to hear, once for its ``key``; ``said`` is subject and text."""

    key: str
    said: tuple[str, str]

    def pending(self, at: datetime) -> PendingAlarm:
        """Return it as an alarm that nobody has heard of yet."""
        return PendingAlarm(self.key, at, *self.said)


@dataclass(frozen=True, slots=True)
class WatchState:
    """What reaches from look to look: the run that it goes on from, the sources, what is open, who is to hear of what.

    ``at`` is the moment of the last review and never goes back. ``findings`` is the file of what is open, but for those that
    are otherwise in the file ``changed``. ``kept`` names what is kept of that review, where anything is, and ``reviews`` counts
    them: of what changed alone, and of everything by the reason. ``checked_at`` is when something was last held to a whole
    read or review in its turn, ``proven_at`` when everything was reviewed.
    ``observation`` is what the logbook does not have yet, numbered by ``observed``; ``noted_at`` is its newest line.
    ``orders_at``, ``tickets_at`` and ``desk_at`` are when orders, their tickets and what a desk says of those were last looked through.
    ``logbook`` is the head of the logbook as it was last seen. ``faults`` are what was told and still holds. ``leavers`` are the persons of findings that call for the end of
    sign-in, ``handled`` those findings for which something was begun, ``acted`` the runs of that by person, and ``act_at``
    when it is to go on; ``prepared`` is what waits for two people to sign. ``writes`` counts the changes that were made for them, ``refusals`` what was refused.
    """

    run: str = ""
    workspace: str = ""
    at: datetime | None = None
    sources: Mapping[str, WatchedSource] = field(default_factory=dict)
    findings: str = ""
    changed: str = ""
    kept: str = ""
    reviews: Mapping[str, int] = field(default_factory=dict)
    checked_at: datetime | None = None
    proven_at: datetime | None = None
    open: int = 0
    observed: int = 0
    observation: Mapping[str, str] = field(default_factory=dict)
    noted_at: datetime | None = None
    orders_at: datetime | None = None
    tickets_at: datetime | None = None
    desk_at: datetime | None = None
    logbook: str = ""
    alarms: tuple[PendingAlarm, ...] = ()
    faults: tuple[str, ...] = ()
    leavers: Mapping[str, str] = field(default_factory=dict)
    handled: tuple[str, ...] = ()
    acted: Mapping[str, str] = field(default_factory=dict)
    act_at: datetime | None = None
    prepared: PreparedPlan | None = None
    writes: int = 0
    refusals: int = 0
    delay: float | None = None

    def files(self) -> Collection[str]:
        """Return the files that it names; any other beside them is of a look that never ended."""
        return {
            self.findings,
            self.changed,
            *(file for one in self.sources.values() for file in one.parts.values()),
        } - {""}

"""Planning ahead: who is to leave is planned for as having left, and the plan holds from that hour.

Everything is as in any other plan but the moment. Each change is checked again just
before it is made, so a termination that was rescinded or postponed voids it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from access_review.errors import PlanRefused
from access_review.snapshot import Snapshot, stored
from access_review.tables import Row

RULES = ("leaver-active", "leaver-residue")
"""What leavers leave behind: what is planned for unless other rules are asked for."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """Who leaves, and from when until when a plan for all of them holds."""

    persons: tuple[str, ...]
    since: datetime
    until: datetime


def leaving(people: Iterable[Row], persons: Sequence[str], now: datetime, within: timedelta, valid: timedelta) -> Ahead:
    """Return who is to leave ``within`` some time, of ``persons`` where any are given.

    A plan holds from the end of the last to ``valid`` after the end of the first. Raises ``PlanRefused``
    for nobody, for somebody who is not to leave, and when no time is left for all of them.
    """
    ends = {
        row["person"]: row["left_at_latest"]
        for row in people
        if row["status"] in {"active", "leave"}
        and row["left_at_latest"]
        and now < row["left_at_latest"] <= now + within
    }
    wanted = tuple(sorted(persons)) or tuple(sorted(ends))
    if strange := [person for person in wanted if person not in ends]:
        raise PlanRefused(
            f"{strange[0]} is not to leave within {within.days} days",
            hint="the roster must say when; for whoever has left already, plan without --ahead",
        )
    if not wanted:
        raise PlanRefused(
            f"nobody is to leave within {within.days} days", hint="access-review offboarding lists who is"
        )
    since, until = max(ends[person] for person in wanted), min(ends[person] for person in wanted) + valid
    if since >= until:
        raise PlanRefused(
            "their ends lie too far apart for one plan", hint="plan each alone: --person PERSON --name WHO"
        )
    return Ahead(wanted, since, until)


def as_left(taken: Snapshot, persons: Sequence[str]) -> Snapshot:
    """Return a snapshot in which these people have just left; an assignment without an end goes on."""
    before = pa.scalar(taken.as_of - timedelta(seconds=1), pa.timestamp("us", "UTC"))
    wanted = pa.array(persons, pa.string())

    def ended(table: pa.Table, moments: Sequence[str], where: pa.ChunkedArray) -> pa.Table:
        for name in moments:
            at = pc.if_else(where, before.cast(table[name].type), table[name])
            table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), at)
        status = pc.if_else(where, pa.scalar("left", table["status"].type), table["status"])
        return table.set_column(table.schema.get_field_index("status"), table.schema.field("status"), status)

    people, assignments = taken.tables["people"], taken.tables["assignments"]
    theirs = pc.is_in(assignments["person"], wanted)
    ending = pc.and_(theirs, pc.is_valid(assignments["ends_latest"]))
    changed = {
        "people": ended(people, ("left_at_earliest", "left_at_latest"), pc.is_in(people["person"], wanted)),
        "assignments": ended(assignments, ("ends_earliest", "ends_latest"), ending),
    }
    return replace(taken, tables=stored(taken.tables) | changed)

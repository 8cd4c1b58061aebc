"""The standing removal: two people signed it as it now is, the job signed that a manager was told a day before, and nobody stopped it.

Nothing here is believed: whose notice it was, of which change and under which words follows from what is signed. Pure.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import rfc8785

from access_review.changes import Change
from access_review.errors import PlanRefused
from access_review.plan.record import Plan
from access_review.plan.standing_scope import is_removal
from access_review.revoke import statements
from access_review.revoke.approve import (
    JOB,
    Approved,
    Seen,
    Signatories,
    StatementKind,
    count_statements,
    read_statement,
    require_two,
)
from access_review.settings.approvers import Approvers
from access_review.settings.standing import StandingRemoval

TOLD_BEFORE = timedelta(hours=24)
"""How long before a removal the manager must have been told of it."""

UNTOLD = "no notice to the manager counts for it"
"""What is said of a change of which nobody was told, or not lately, or another manager, or under other words."""

TOLD_SINCE = timedelta(days=7)
"""How long a notice is good for: what was not taken by then is told again."""


def takes_standing(plan: Plan) -> bool:
    """Tell whether a plan takes under a standing removal: what gives such a batch back has its scope, and does not."""
    return bool(plan.scope.standing_removal) and not plan.gives_back


def digest_of_removal(removal: StandingRemoval) -> str:
    """Return the digest that two people sign of a standing removal: of all it says."""
    plain = removal.model_dump(mode="json") | {"entitlements": [str(one) for one in removal.entitlements]}
    return statements.signed_digest({"standing_removal": plain})


def require_removal(
    removal: StandingRemoval | None,
    envelopes: Iterable[bytes],
    approvers: Approvers,
    people: Signatories,
    *,
    now: datetime,
    seen: Seen,
    plan: Plan | None = None,
) -> Approved:
    """Return who signed the standing removal; raises ``PlanRefused`` unless two people did as it now is, and it lasts.

    Of a ``plan``, all must be of its kind, and none of it about the access of those who count.
    """
    if removal is None:
        raise PlanRefused("there is no standing removal", hint="declare `standing_removal` in roles/policy.yaml")
    if now.date() > removal.until:
        raise PlanRefused(f"the standing removal ended on {removal.until}", hint="renew it: two people sign again")
    return require_removal_then(digest_of_removal(removal), envelopes, approvers, people, now=now, seen=seen, plan=plan)


def require_removal_then(
    digest: str,
    envelopes: Iterable[bytes],
    approvers: Approvers,
    people: Signatories,
    *,
    now: datetime,
    seen: Seen,
    plan: Plan | None = None,
) -> Approved:
    """Return who had signed, at ``now``, the standing removal of a digest; raises ``PlanRefused`` unless two people had."""
    if plan and (beyond := [change.id for change in plan.changes if not is_removal(change)]):
        raise PlanRefused(
            f"the standing removal does not cover {beyond[0]} ({len(beyond)} of {len(plan.changes)} changes)",
            hint="it takes single grants of people who work here; have this plan approved by itself",
        )
    found = count_statements(envelopes, digest, approvers, people, now=now, seen=seen)
    how = "access-review approve --standing-removal, by two people"
    return require_two(found, StatementKind.STANDING, people, plan, what="the standing removal", how=how)


@dataclass(frozen=True, slots=True)
class Announcement:
    """That a change is to be made, about whose access, and which manager was told, ``under`` the words of a digest."""

    change: str
    source: str
    person: str
    manager: str
    under: str

    @property
    def words(self) -> str:
        """What the job signs as its reason: all of it."""
        return rfc8785.dumps(asdict(self)).decode()

    @property
    def digest(self) -> str:
        """Digest of the words."""
        return statements.signed_digest(asdict(self))


def announcement(change: Change, manager: str, removal: StandingRemoval) -> Announcement:
    """Return what is announced of a change to a manager."""
    return Announcement(
        change.id, change.target.source, change.target.person or "", manager, digest_of_removal(removal)
    )


@dataclass(frozen=True, slots=True)
class Announced:
    """An announcement, and when it was made."""

    what: Announcement
    at: datetime


def announcements(
    envelopes: Iterable[bytes], approvers: Approvers, people: Signatories, *, now: datetime, seen: Seen
) -> tuple[Announced, ...]:
    """Return what the job signed of what managers were told, the oldest first; what does not count is passed over.

    Nobody dates one back: it is not of a moment before the last line of the logbook that it saw.
    """
    found = []
    for data in envelopes:
        said = statements.statement_or_none(data)
        if said is None or said.kind is not StatementKind.NOTICE or said.person != JOB:
            continue
        try:
            statement, _ = read_statement(data, approvers, people, now)
            what = Announcement(**json.loads(statement.reason))
            if not all(isinstance(one, str) for one in asdict(what).values()):
                continue
        except (PlanRefused, TypeError, ValueError):
            continue
        wrong = statements.objection(
            statement, digest=what.digest, run="", log=seen.log, line=seen.line, now=now, withdrawn=seen.withdrawn
        )
        head = statement.head
        if wrong or head is None or what.words != statement.reason:
            continue
        if head.size and seen.log.entries[head.size - 1].at > statement.at:
            continue
        found.append(Announced(what, statement.at))
    return tuple(sorted(found, key=lambda one: (one.at, one.what.change)))


def stop_digest(change: str) -> str:
    """Return the digest that somebody signs who stops a change."""
    return statements.signed_digest({"stop": change})


def stopped_by_signature(envelopes: Iterable[bytes], changes: Iterable[str]) -> Mapping[str, str]:
    """Return which changes somebody signed to be stopped, and who: unchecked, since nothing is lost by leaving a thing."""
    wanted = {stop_digest(change): change for change in changes}
    return {
        wanted[one.digest]: one.person
        for one in map(statements.statement_or_none, envelopes)
        if one and one.kind is StatementKind.STOP and one.digest in wanted
    }


def standing_of(
    said: Iterable[Announced], wanted: Announcement, lines: Iterable[tuple[datetime, frozenset[str]]], now: datetime
) -> str:
    """Say why a change does not go out yet, by what was announced; empty where it may.

    ``lines`` are what was still waited for at each look since: what was gone in between is another grant.
    """
    good = [one for one in _lasting(said, wanted, lines) if now - one.at < TOLD_SINCE]
    if not good:
        return UNTOLD
    due = good[0].at + TOLD_BEFORE
    return (
        ""
        if now >= due
        else f"the manager was told on {good[0].at:%Y-%m-%d %H:%M} UTC, and it goes from {due:%Y-%m-%d %H:%M} UTC on"
    )


def _lasting(
    said: Iterable[Announced], wanted: Announcement, lines: Iterable[tuple[datetime, frozenset[str]]]
) -> Iterator[Announced]:
    missing = [at for at, waited in lines if wanted.change not in waited]
    yield from (one for one in said if one.what == wanted and not any(at > one.at for at in missing))

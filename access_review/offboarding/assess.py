"""Offboarding verification: for each leaver and system, what is still open, since when, and whether that is too long.

Pure. Four instants are told apart: when HR *notified*, when the end was *effective*,
when it was *first seen* here, and when access was *gone*. Where a roster knows only a
day, each length of time has a least and a most; what is called late is late for certain.
What nobody could read is unknown, and never done.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from access_review.errors import Unclear
from access_review.offboarding.leaver import (
    AccessItem,
    AccessState,
    Aims,
    Check,
    Late,
    Leaver,
    LeaverClock,
    Leavers,
    LeaverStatus,
    Span,
    System,
    worst,
)
from access_review.policy import Offboarding as Settings
from access_review.policy import Targets
from access_review.tables import Row

_READ: Mapping[AccessItem, tuple[str, ...]] = {
    AccessItem.SIGN_IN: ("accounts",),
    AccessItem.SESSIONS: ("accounts",),
    AccessItem.PRIVILEGED: ("grants", "entitlements", "nesting"),
    AccessItem.GRANTS: ("grants",),
    AccessItem.LICENCES: ("grants",),
    AccessItem.OWNED: ("owners",),
    AccessItem.SECRETS: ("credentials", "owners"),
    AccessItem.SHARED: ("custody",),
    AccessItem.AGENTS: ("owners", "people"),
    AccessItem.FORWARDING: ("accounts",),
}
"""The tables that must have been read before an item can be called done."""


OUTLIVES = timedelta(hours=28)
"""The longest that a session outlives a disabled account: tokens under continuous access evaluation."""


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What a run read: which systems have sessions, and what was not read, by table and source."""

    run: str
    as_of: datetime
    snapshot: str
    sessions: frozenset[str]
    missing: frozenset[str]
    incomplete: Mapping[str, Mapping[str, str]]

    def unread(self, item: AccessItem) -> str:
        """Return which table no source provides, or nothing."""
        lacking = [table for table in _READ[item] if table in self.missing and table not in {"nesting", "credentials"}]
        return f"no source provides {lacking[0]}" if lacking else ""

    def why_not(self, item: AccessItem, source: str) -> str:
        """Return why an item of a system cannot be called done, or nothing."""
        for table in _READ[item]:
            short = self.incomplete.get(table, {})
            about_others = table in {"owners", "custody", "people"}
            for name, reason in sorted(short.items()):
                if about_others or name == source:
                    return f"{table} of {name} is incomplete: {reason}"
        return ""


def assess_leavers(
    going: Sequence[Row],
    things: Iterable[Row],
    seen: ReadContext,
    settings: Settings,
    targets: Targets,
    *,
    before: Leavers | None = None,
    standings: Mapping[str, str] | None = None,
    verified: Mapping[tuple[str, str], datetime] | None = None,
) -> Leavers:
    """Assemble the check lists from the rows of :mod:`access_review.offboarding.queries`.

    ``before`` is what the run before said, so that what was seen open and then gone has
    bounds, and ``standings`` where its people stand now; ``verified`` is when a read after
    a change proved access gone, by person and system.
    """
    theirs: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in things:
        theirs[row["person"]][row["source"]].append(row)
    known = {leaver.person: leaver for leaver in before.leavers} if before else {}
    found = [
        _leaver(row, theirs[row["person"]], seen, settings, targets, known.get(row["person"]), verified or {})
        for row in going
    ]
    here = {leaver.person for leaver in found}
    stopped = [
        _stopped(leaver, (standings or {}).get(leaver.person, "missing"))
        for leaver in known.values()
        if leaver.person not in here and leaver.standing is not LeaverStatus.STOPPED
    ]
    aims = Aims(targets.privileged, targets.others, targets.failure)
    old = seen.as_of - settings.keep
    kept = [one for one in found if one.systems or one.left_at_latest is None or one.left_at_latest > old]
    return Leavers(seen.run, seen.as_of, seen.snapshot, aims, tuple(sorted((*kept, *stopped), key=order)))


def _stopped(leaver: Leaver, status: str) -> Leaver:
    """Say once that somebody leaves no more: rescinded, postponed beyond what is prepared, or hired again."""
    before = "had left" if leaver.standing is LeaverStatus.LEFT else "was to leave"
    now = {
        "missing": "is in no roster now: ask HR",
        "unknown": "has a row now that cannot be used: ask HR",
    }.get(status, "is not leaving now: rescinded, postponed or hired again")
    note = f"{before} in the run before, and {now}; plan nothing"
    return replace(leaver, standing=LeaverStatus.STOPPED, systems=(), note=note)


def order(leaver: Leaver) -> tuple[Any, ...]:
    """Return the place of a leaver: the overdue first, the longest before the shorter, then what is open."""
    rank = (Late.FAILED, Late.YES, Late.PERHAPS, Late.UNKNOWN, Late.NO).index(leaver.clock.late)
    working = leaver.signs_in in {AccessState.OPEN, AccessState.UNKNOWN}
    return (
        list(LeaverStatus).index(leaver.standing),
        not working,
        rank if working else 0,
        -(leaver.clock.least or timedelta()),
        leaver.open == 0,
        leaver.left_at_latest.isoformat() if leaver.left_at_latest else "",
        leaver.person,
    )


def _leaver(
    row: Row,
    theirs: Mapping[str, Sequence[Row]],
    seen: ReadContext,
    settings: Settings,
    targets: Targets,
    before: Leaver | None,
    verified: Mapping[tuple[str, str], datetime],
) -> Leaver:
    known = {system.source: system for system in before.systems} if before else {}
    systems = tuple(
        _system(name, theirs.get(name, ()), seen, known.get(name), verified.get((row["person"], name)))
        for name in sorted({*theirs, *known})
    )
    standing = LeaverStatus.LEFT if row["status"] == "left" else LeaverStatus.UPCOMING
    involuntary = _involuntary(row["attributes"], settings)
    # Whoever held privileged access keeps the shorter target when it has been taken away.
    privileged = bool(row["privileged"]) or bool(before and before.privileged)
    target = targets.privileged if privileged or involuntary else targets.others
    notified, latest = row["notified_at"], row["left_at_latest"]
    until = _until(systems, seen.as_of)
    least, most = _skew(systems, seen.as_of)
    return Leaver(
        person=row["person"],
        name=row["name"],
        standing=standing,
        clients=tuple(row["clients"]),
        privileged=privileged,
        involuntary=involuntary,
        notified_at=notified,
        left_at_earliest=row["left_at_earliest"],
        left_at_latest=latest,
        first_seen_left_at=row["first_seen_left_at"],
        gone_at=_gone_at(systems),
        told_late=notified - latest if notified and latest and notified > latest else None,
        clock=clock(row["left_at_earliest"], latest, until, target, targets.failure),
        skew_least=least,
        skew_most=most,
        systems=systems,
    )


def _involuntary(assignments: Iterable[str], settings: Settings) -> bool:
    told = [json.loads(text) for text in assignments]
    return any(
        one.get(attribute) in values for one in told for attribute, values in sorted(settings.involuntary.items())
    )


def clock(
    earliest: datetime | None, latest: datetime | None, until: Span, target: timedelta, failure: timedelta
) -> LeaverClock:
    """Say how long access outlived the end, at least and at most, and whether that is late.

    ``until`` bounds the moment at which access was gone, or is the moment of the run
    where it is open. Exactly the target is in time; the first minute beyond it is not.
    """
    earliest = earliest or latest
    if latest is None or earliest is None:
        return LeaverClock(target, None, None, Late.UNKNOWN, None, None)
    least = max(until.least - latest, timedelta()) if until.least is not None else None
    most = max(until.most - earliest, timedelta()) if until.most is not None else None
    if least is not None and least > target:
        late = Late.FAILED if least > failure else Late.YES
    elif most is not None and most <= target:
        late = Late.NO
    elif least is None or most is None:
        late = Late.UNKNOWN
    else:
        late = Late.PERHAPS
    over = least - target if least is not None and least > target else None
    return LeaverClock(target, least, most, late, earliest + target, latest + target, over)


def _until(systems: Sequence[System], as_of: datetime) -> Span:
    """Bound the moment at which nothing could sign in any more; open until the run where something can."""
    states = [system.state(AccessItem.SIGN_IN) for system in systems]
    if AccessState.OPEN in states:
        return Span(as_of, as_of)
    gone = [system.gone() for system in systems if system.state(AccessItem.SIGN_IN) is not AccessState.NONE]
    least = [span.least for span in gone if span.least is not None]
    if AccessState.UNKNOWN in states:
        return Span(max(least, default=None), as_of)
    # A system that was closed when it was first looked at: when that was, nobody witnessed.
    most = [span.most for span in gone if span.most is not None]
    if not gone:
        return Span()
    return Span(max(least, default=None), max(most) if len(most) == len(gone) else None)


def _gone_at(systems: Sequence[System]) -> datetime | None:
    """Return when access was seen to be gone everywhere; null while it is not."""
    if worst(system.state(AccessItem.SIGN_IN) for system in systems) in {AccessState.OPEN, AccessState.UNKNOWN}:
        return None
    return max((span.most for span in (system.gone() for system in systems) if span.most is not None), default=None)


def _skew(systems: Sequence[System], as_of: datetime) -> tuple[timedelta | None, timedelta | None]:
    """Return how far apart a leaver's systems were closed, at least and at most; open ones run until now."""
    lows: list[datetime | None] = []
    highs: list[datetime | None] = []
    for system in systems:
        match system.state(AccessItem.SIGN_IN):
            case AccessState.OPEN:
                lows.append(as_of)
                highs.append(None)
            case AccessState.DONE:
                lows.append(system.gone().least)
                highs.append(system.gone().most)
    if len(lows) < 2:
        return None, None
    late = max((low for low in lows if low is not None), default=None)
    early = min((high for high in highs if high is not None), default=None)
    least = max(late - early, timedelta()) if late is not None and early is not None else None
    sure = [low for low in lows if low is not None], [high for high in highs if high is not None]
    most = max(sure[1]) - min(sure[0]) if all(len(part) == len(lows) for part in sure) else None
    return least, most


def _system(
    source: str, rows: Sequence[Row], seen: ReadContext, before: System | None, verified_at: datetime | None
) -> System:
    checks = [_check(item, source, [row for row in rows if row["item"] == item], seen) for item in AccessItem]
    if before and before.state(AccessItem.SIGN_IN) is not AccessState.NONE and checks[0].state is AccessState.NONE:
        checks[0] = Check(AccessItem.SIGN_IN, AccessState.DONE, reason="the account is gone")
    sign_in = checks[0].state
    last_open = before.last_open_at if before else None
    first_gone = before.first_gone_at if before else None
    if sign_in is AccessState.OPEN:
        last_open, first_gone, verified_at = seen.as_of, None, None
    elif sign_in is AccessState.UNKNOWN:
        first_gone, verified_at = None, None
    elif sign_in is AccessState.DONE:
        first_gone = first_gone or seen.as_of
    if verified_at and last_open and last_open > verified_at:
        verified_at = None  # seen open after the proof: what closed it then, nobody proved
    back = bool(before and before.state(AccessItem.SIGN_IN) is AccessState.DONE and sign_in is AccessState.OPEN)
    checks[1] = _sessions(checks[1], sign_in, source, seen, verified_at or first_gone)
    return System(source, tuple(checks), last_open, first_gone, verified_at, back)


def _check(item: AccessItem, source: str, rows: Sequence[Row], seen: ReadContext) -> Check:
    still = tuple(row["name"] for row in rows if row["state"] in {"open", "unknown"})
    done = tuple(row["name"] for row in rows if row["state"] == "done")
    if any(row["state"] == "open" for row in rows):
        return Check(item, AccessState.OPEN, still, done)
    if still:
        return Check(item, AccessState.UNKNOWN, still, done, "whether the account is enabled is not known")
    if why := seen.why_not(item, source):
        return Check(item, AccessState.UNKNOWN, (), done, why)
    if why := seen.unread(item):
        return Check(item, AccessState.UNREAD, (), done, why)
    return Check(item, AccessState.DONE if rows else AccessState.NONE, (), done)


def _sessions(check: Check, sign_in: AccessState, source: str, seen: ReadContext, gone_at: datetime | None) -> Check:
    """Judge sessions, which no snapshot shows: open with the account, and over when none can have lasted."""
    if source not in seen.sessions or sign_in is AccessState.NONE:
        return replace(check, state=AccessState.NONE, reason="")
    if check.state is AccessState.OPEN:
        return check
    if sign_in is not AccessState.DONE:
        return replace(check, state=sign_in, reason="as long as the account works, so do its sessions")
    if gone_at is not None and gone_at + OUTLIVES <= seen.as_of:
        return replace(check, state=AccessState.DONE, reason="no session outlives a disabled account for so long")
    hours = OUTLIVES // timedelta(hours=1)
    return replace(
        check,
        state=AccessState.UNKNOWN,
        reason=f"no read shows them; {hours} h after disabling they are over for certain",
    )


def find_leaver(made: Leavers, text: str) -> Leaver:
    """Return the leaver of an id, or of a name in any case; raises ``Unclear`` for none or several."""
    ids = [one for one in made.leavers if text in {one.person, one.person.split(":", 2)[-1]}]
    wanted = " ".join(text.split()).casefold()
    found = ids or [one for one in made.leavers if " ".join(one.name.split()).casefold() == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        known = ", ".join(f"{one.name} {one.person}" for one in found)
        raise Unclear(f"{text!r} could be {len(found)} leavers", hint=f"name one by the id: {known}")
    raise Unclear(f"nobody who leaves is called {text!r}", hint="access-review offboarding lists them")


def limited(made: Leavers, some: Iterable[Leaver]) -> Leavers:
    """Return what was said of some leavers alone."""
    return replace(made, leavers=tuple(some))


def lag(leaver: Row, as_of: datetime) -> dict[str, Any]:
    """Say how long a leaver's access outlived the employment, at most and at least, and how that is judged.

    ``state`` is open, disabled (no account works, grants are left), closed (nothing is
    left; when that was, nobody witnessed), verified, or unknown (no day, or only
    accounts whose state is unknown).
    """
    verified = leaver["verified_gone_at"]
    until = verified or as_of
    latest, earliest = leaver["left_at_latest"], leaver["left_at_earliest"] or leaver["left_at_latest"]
    if verified:
        state = "verified"
    elif not (leaver["enabled"] or leaver["unknown"]):
        state = "disabled" if leaver["grants"] else "closed"
    elif latest is None or not leaver["enabled"]:
        state = "unknown"
    else:
        state = "open"
    running = state in {"open", "verified"} and latest is not None
    notified = leaver["notified_at"]
    return {
        "state": state,
        "least": max(until - latest, timedelta()) if running else None,
        "most": max(until - earliest, timedelta()) if running and earliest else None,
        "told_late": notified - latest if notified and latest and notified > latest else None,
    }

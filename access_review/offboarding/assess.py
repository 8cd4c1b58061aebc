"""Offboarding verification: for each leaver and system, what is still open, since when, and whether that is too long.

Four instants are told apart: when HR *notified*, when the end was *effective*, when it was
*first seen* here, and when access was *gone*. The check list of one system is filled in by
:mod:`access_review.offboarding.checklist`, lengths of time are judged by
:mod:`access_review.offboarding.clocks`; here they are put together for each leaver.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from access_review.offboarding.checklist import ReadContext, fill_checklist
from access_review.offboarding.clocks import bound_end, bound_skew, gone_everywhere_at, run_clock
from access_review.offboarding.leaver import AccessState, Aims, Late, Leaver, Leavers, LeaverStatus
from access_review.offboarding.queries import HeldThing, LeavingPerson
from access_review.policy import Offboarding, Targets


def assess_leavers(
    leaving: Iterable[LeavingPerson],
    access: Iterable[HeldThing],
    context: ReadContext,
    settings: Offboarding,
    targets: Targets,
    *,
    of_clients: Mapping[str, Targets] | None = None,
    before: Leavers | None = None,
    statuses: Mapping[str, str] | None = None,
    verified: Mapping[tuple[str, str], datetime] | None = None,
) -> Leavers:
    """Assess everyone who leaves, from the rows of :mod:`access_review.offboarding.queries`.

    ``before`` is what the run before said, so that what was seen open and then gone has
    bounds, and ``statuses`` the status of its people now; ``verified`` is when a read after
    a change proved access gone, by person and source. ``of_clients`` are the targets that some clients have of
    their own: of somebody who works for several, the shorter counts.
    """
    access_of: dict[str, dict[str, list[HeldThing]]] = defaultdict(lambda: defaultdict(list))
    for thing in access:
        access_of[thing["person"]][thing["source"]].append(thing)
    known = {leaver.person: leaver for leaver in before.leavers} if before else {}
    found = [
        _assess(
            row,
            access_of[row["person"]],
            context,
            settings,
            shortest([(of_clients or {}).get(client, targets) for client in row["clients"]] or [targets]),
            known.get(row["person"]),
            verified or {},
        )
        for row in leaving
    ]
    still_leaving = {leaver.person for leaver in found}
    stopped = [
        _stopped(leaver, (statuses or {}).get(leaver.person, "missing"))
        for leaver in known.values()
        # Told once: who had stopped in the run before is in no list any more.
        if leaver.person not in still_leaving and leaver.standing is not LeaverStatus.STOPPED
    ]
    oldest = context.as_of - settings.keep
    kept = [
        leaver
        for leaver in found
        if any(one.seen for one in leaver.systems) or leaver.left_at_latest is None or leaver.left_at_latest > oldest
    ]
    aims = Aims(targets.privileged, targets.others, targets.failure)
    return Leavers(context.run, context.as_of, context.snapshot, aims, tuple(sorted((*kept, *stopped), key=urgency)))


def shortest(targets: Sequence[Targets]) -> Targets:
    """Return the targets of which each is the shortest of some."""
    return Targets(
        privileged=min(one.privileged for one in targets),
        others=min(one.others for one in targets),
        failure=min(one.failure for one in targets),
    )


def _stopped(leaver: Leaver, status: str) -> Leaver:
    """Say once that somebody leaves no more: rescinded, postponed beyond what is prepared, or hired again."""
    before = "had left" if leaver.standing is LeaverStatus.LEFT else "was to leave"
    now = {
        "missing": "is in no roster now: ask HR",
        "unknown": "has a row now that cannot be used: ask HR",
    }.get(status, "is not leaving now: rescinded, postponed or hired again")
    note = f"{before} in the run before, and {now}; plan nothing"
    return replace(leaver, standing=LeaverStatus.STOPPED, systems=(), note=note)


def urgency(leaver: Leaver) -> tuple[Any, ...]:
    """Return what leavers are sorted by: the overdue first, the longest before the shorter, then what is open."""
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


def _assess(
    row: LeavingPerson,
    access: Mapping[str, Sequence[HeldThing]],
    context: ReadContext,
    settings: Offboarding,
    targets: Targets,
    before: Leaver | None,
    verified: Mapping[tuple[str, str], datetime],
) -> Leaver:
    """Assess one leaver; ``access`` is theirs by source. A system that the run before knew is asked about again.

    So is one that was not read whole: an account that nobody saw is not gone.
    """
    known = {system.source: system for system in before.systems if system.seen} if before else {}
    systems = tuple(
        fill_checklist(name, access.get(name, ()), context, known.get(name), verified.get((row["person"], name)))
        for name in sorted({*access, *known, *context.unseen})
    )
    involuntary = _involuntary(row["attributes"], settings)
    # Whoever held privileged access keeps the shorter target when it has been taken away.
    privileged = row["privileged"] or bool(before and before.privileged)
    target = targets.privileged if privileged or involuntary else targets.others
    notified, latest = row["notified_at"], row["left_at_latest"]
    until = bound_end(systems, context.as_of)
    skew_least, skew_most = bound_skew(systems, context.as_of)
    return Leaver(
        person=row["person"],
        name=row["name"],
        standing=LeaverStatus.LEFT if row["status"] == "left" else LeaverStatus.UPCOMING,
        clients=tuple(row["clients"]),
        privileged=privileged,
        involuntary=involuntary,
        notified_at=notified,
        left_at_earliest=row["left_at_earliest"],
        left_at_latest=latest,
        first_seen_left_at=row["first_seen_left_at"],
        gone_at=gone_everywhere_at(systems),
        told_late=notified - latest if notified and latest and notified > latest else None,
        clock=run_clock(row["left_at_earliest"], latest, until, target, targets.failure),
        skew_least=skew_least,
        skew_most=skew_most,
        systems=systems,
    )


def _involuntary(assignments: Iterable[str], settings: Offboarding) -> bool:
    """Tell whether an assignment (canonical JSON) has one of the values that the policy calls involuntary."""
    attributes = [json.loads(text) for text in assignments]
    return any(
        given.get(name) in values for given in attributes for name, values in sorted(settings.involuntary.items())
    )

"""Stop: somebody who answers for a person keeps the access that the standing removal announced."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from access_review.audit.reviewers import People
from access_review.changes import Action, Target, Thing, change_id
from access_review.errors import PlanRefused, Unclear
from access_review.logbook import entries
from access_review.revoke import signed_removal
from access_review.revoke.approve import Signatories, Statement, StatementKind
from access_review.revoke.signed_removal import TOLD_BEFORE, TOLD_SINCE, Announcement
from access_review.runs import Run
from access_review.settings import Assured
from access_review.stages.keep_signed import Signer, ToSign, sign
from access_review.stages.removal_notices import manager_of, read_notices
from access_review.store import logged, plans, rosters, snapshots
from access_review.tables import MODES
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class StoppedRemovals:
    """What somebody stopped, and how sure it is that it was they; ``files`` are what they signed."""

    changes: tuple[str, ...]
    person: str
    assured: Assured
    files: tuple[Path, ...] = ()


def stop_removals(
    workspace: Workspace,
    run: Run,
    names: Sequence[str],
    *,
    by: str,
    comment: str,
    now: datetime,
    signer: Signer | None,
) -> StoppedRemovals:
    """Stop announced changes for good; raises ``Unclear`` for what was not announced, ``PlanRefused`` for whom it is not for and for what went.

    Raises ``ArtifactError`` for a damaged logbook.
    """
    person = rosters.person_now(run, by, now)
    stop = _Stop(workspace, run, person, comment, now)
    return stop.stopped(names, "authenticated" if signer else "claimed", signer)


def stop_signed_in(
    workspace: Workspace, run: Run, name: str, *, person: str, comment: str, now: datetime
) -> StoppedRemovals:
    """Stop one announced change for good, as somebody who is signed in; raises as :func:`stop_removals` does."""
    return _Stop(workspace, run, person, comment, now).stopped([name], "authenticated", None)


@dataclass(frozen=True, slots=True)
class AnnouncedRemoval:
    """An announced change that somebody may stop, or that was stopped: whose access to what, and when it goes.

    ``what`` names entitlement and account, and is empty where the newest run finds nothing of it. ``stopped_by`` is empty
    while nobody has stopped it.
    """

    change: str
    person: str
    what: str
    told_at: datetime
    goes_at: datetime
    stopped_by: str


def announced_to(
    workspace: Workspace, run: Run, found: pa.Table, person: str, now: datetime
) -> tuple[AnnouncedRemoval, ...]:
    """Return what was announced lately and somebody may stop, what goes first before others.

    ``found`` are the findings of the run that are open, with at least the columns ``subject, about, subject_name,
    about_name, person``. Raises as :func:`access_review.stages.removal_notices.read_notices` does.
    """
    people = rosters.people_now(run, now)
    known = read_notices(workspace, Signatories.of(snapshots.people(run), ()), now)
    lately = [
        each[-1]
        for change, each in known.announced.items()
        if now - each[-1].at < TOLD_SINCE and change not in known.taken
    ]
    mine = [one for one in lately if not _why_not(one.what, person, people, workspace, now)]
    named = _named(found, {one.what.person for one in mine})
    made = (
        AnnouncedRemoval(
            one.what.change,
            one.what.person,
            named.get(one.what.change, ""),
            told_at=one.at,
            goes_at=one.at + TOLD_BEFORE,
            stopped_by=known.stopped.get(one.what.change, ""),
        )
        for one in mine
    )
    return tuple(sorted(made, key=lambda one: (one.goes_at, one.person, one.change)))


def _named(found: pa.Table, persons: Collection[str]) -> dict[str, str]:
    """Return, by the change that would take it, how each thing is called that is found of some people."""
    of_them = pc.is_in(found["person"], pa.array(sorted(persons), pa.string()))
    columns = ["subject", "about", "subject_name", "about_name"]
    rows = found.filter(of_them).select(columns).drop_null().to_pylist()
    named = {}
    for row in rows:
        account, entitlement = (Thing(row[column], "", "") for column in ("subject", "about"))
        for action, mode in product(Action, MODES):
            target = Target(row["subject"].split(":", 1)[0], "", account, entitlement, mode=mode)
            named[change_id(action, target)] = f"{row['about_name']} ({row['subject_name']})"
    return named


@dataclass(frozen=True, slots=True)
class _Stop:
    """Who stops something, and why."""

    workspace: Workspace
    run: Run
    person: str
    comment: str
    now: datetime

    def stopped(self, names: Sequence[str], assured: Assured, signer: Signer | None) -> StoppedRemovals:
        """Write down, and sign where that is asked for, that each of these stays."""
        workspace, now = self.workspace, self.now
        who, people = Signatories.of(snapshots.people(self.run), ()), rosters.people_now(self.run, now)
        known = read_notices(workspace, who, now)
        announced = {change: each[-1].what for change, each in known.announced.items()}
        chosen = [announced[_one(name, announced)] for name in dict.fromkeys(names)]
        if not self.comment.strip():
            raise Unclear("nobody can tell later why it stays", hint='--comment "why"')
        for one in chosen:
            if why := _why_not(one, self.person, people, workspace, now):
                raise PlanRefused(why[0], hint=why[1])
            if at := known.taken.get(one.change):
                raise PlanRefused(
                    f"{one.change} went on {at:%Y-%m-%d %H:%M} UTC, so that nothing of it can be stopped any more",
                    hint="two people give it back: access-review undo --of removal, on the run that your notice names",
                )
        files = []
        for one in chosen:
            if signer:
                signs = replace(signer, by=self.person, reason=self.comment)
                digest = signed_removal.stop_digest(one.change)
                said = Statement(StatementKind.STOP, digest, self.person, now, self.comment)
                files.append(sign(ToSign(said, who, workspace.folder / plans.STANDING_APPROVALS), workspace, signs))
            line = entries.removal_stopped(one.change, now, person=self.person, assured=assured, reason=self.comment)
            logged.append(workspace.folder, line, command="stop")
        return StoppedRemovals(tuple(one.change for one in chosen), self.person, assured, tuple(files))


def _one(name: str, announced: Iterable[str]) -> str:
    """Return the one announced change of a name; raises ``Unclear``."""
    found = sorted(change for change in announced if change.startswith(name)) if name else []
    if len(found) != 1:
        how = f"{len(found)} announced removals begin" if found else "no announced removal begins"
        raise Unclear(f"{how} with {name!r}", hint="the notice names each, as c-0123456789abcdef")
    return found[0]


def _why_not(
    one: Announcement, person: str, people: People, workspace: Workspace, now: datetime
) -> tuple[str, str] | None:
    """Say why somebody may not stop something, and who may: it is their own access, or they do not answer for it."""
    if people.alike(person, one.person):
        return "nobody keeps their own access", "the manager stops it, or whoever signed"
    removal, reviewing = workspace.policy.standing_removal, workspace.policy.reviewing
    managers = {one.manager, manager_of(one.person, people)} - {None}
    delegates = {
        people.who(each.delegate)
        for each in reviewing.delegates
        if people.who(each.person) in managers and each.since <= now.date() <= each.until
    }
    named = {people.who(name) for name in (removal.tell if removal else ())}
    keys = {people.who(each.person) for each in workspace.approvers.approvers if not each.job and "approve" in each.may}
    if person in managers | delegates | named | keys:
        return None
    return (
        "it is for the manager who was told, who stands in for them, or one of those who approve",
        "ask one of these to stop it",
    )

"""Stop: somebody who answers for a person keeps the access that the standing removal announced."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from access_review.audit.reviewers import People
from access_review.errors import PlanRefused, Unclear
from access_review.logbook import entries
from access_review.revoke import signed_removal
from access_review.revoke.approve import Signatories, Statement, StatementKind
from access_review.revoke.signed_removal import Announcement
from access_review.runs import Run
from access_review.settings import Assured
from access_review.stages.keep_signed import Signer, ToSign, sign
from access_review.stages.removal_notices import manager_of, read_notices
from access_review.store import logged, plans, rosters, snapshots
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
    """Stop announced changes for good; raises ``Unclear`` for what was not announced, ``PlanRefused`` for whom it is not for.

    Raises ``ArtifactError`` for a damaged logbook.
    """
    person, people = rosters.person_now(run, by, now), rosters.people_now(run, now)
    who = Signatories.of(snapshots.people(run), ())
    known = read_notices(workspace, who, now)
    announced = {change: each[-1].what for change, each in known.announced.items()}
    chosen = [announced[_one(name, announced)] for name in dict.fromkeys(names)]
    if not comment.strip():
        raise Unclear("nobody can tell later why it stays", hint='--comment "why"')
    for one in chosen:
        _refuse_stranger(one, person, people, workspace, now)
    assured: Assured = "authenticated" if signer else "claimed"
    files = []
    for one in chosen:
        if signer:
            signs = replace(signer, by=person, reason=comment)
            said = Statement(StatementKind.STOP, signed_removal.stop_digest(one.change), person, now, comment)
            files.append(sign(ToSign(said, who, workspace.folder / plans.STANDING_APPROVALS), workspace, signs))
        line = entries.removal_stopped(one.change, now, person=person, assured=assured, reason=comment)
        logged.append(workspace.folder, line, command="stop")
    return StoppedRemovals(tuple(one.change for one in chosen), person, assured, tuple(files))


def _one(name: str, announced: Iterable[str]) -> str:
    """Return the one announced change of a name; raises ``Unclear``."""
    found = sorted(change for change in announced if change.startswith(name)) if name else []
    if len(found) != 1:
        how = f"{len(found)} announced removals begin" if found else "no announced removal begins"
        raise Unclear(f"{how} with {name!r}", hint="the notice names each, as c-0123456789abcdef")
    return found[0]


def _refuse_stranger(one: Announcement, person: str, people: People, workspace: Workspace, now: datetime) -> None:
    """Raise ``PlanRefused`` for one whose own access it is, and for one who does not answer for it."""
    if people.alike(person, one.person):
        raise PlanRefused("nobody keeps their own access", hint="the manager stops it, or whoever signed")
    removal, reviewing = workspace.policy.standing_removal, workspace.policy.reviewing
    managers = {one.manager, manager_of(one.person, people)} - {None}
    delegates = {
        people.who(each.delegate)
        for each in reviewing.delegates
        if people.who(each.person) in managers and each.since <= now.date() <= each.until
    }
    named = {people.who(name) for name in (removal.tell if removal else ())}
    keys = {people.who(each.person) for each in workspace.approvers.approvers if not each.job and "approve" in each.may}
    if person not in managers | delegates | named | keys:
        raise PlanRefused(
            "it is for the manager who was told, who stands in for them, or one of those who approve",
            hint="ask one of these to stop it",
        )

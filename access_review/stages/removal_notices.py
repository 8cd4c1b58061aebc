"""What was announced under the standing removal, what somebody stopped, and what went: read anew whenever it matters."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from access_review.audit.reviewers import People, people_of
from access_review.changes import Change
from access_review.logbook import entries
from access_review.logbook.lines import LogEvent
from access_review.revoke import signed_removal
from access_review.revoke.approve import Approved, Signatories
from access_review.revoke.signed_removal import Announced
from access_review.revoke.states import CHANGED, State
from access_review.store import plans
from access_review.store.plans import StoredPlan
from access_review.store.unshown import unshown_batches
from access_review.tables import Row
from access_review.workspace import Workspace

_TOOK = CHANGED | {State.ORDERED}


@dataclass(frozen=True, slots=True)
class RemovalNotices:
    """What was announced and counts, by change; who stopped what; what went unattended before; and what each look waited for.

    ``unshown`` are changes of batches that were killed, which may have gone too: their journals alone could say.
    """

    announced: Mapping[str, tuple[Announced, ...]]
    stopped: Mapping[str, str]
    taken: Mapping[str, datetime]
    unshown: Mapping[str, datetime]
    looks: tuple[tuple[datetime, frozenset[str]], ...]

    def against(self, change: Change, manager: str, workspace: Workspace, now: datetime) -> str:
        """Say why a change does not go out now; empty where it may."""
        removal = workspace.policy.standing_removal
        if removal is None:
            return "there is no standing removal"
        if why := self.settled(change):
            return why
        wanted = signed_removal.announcement(change, manager, removal)
        return signed_removal.standing_of(self.announced.get(change.id, ()), wanted, self.looks, now)

    def settled(self, change: Change) -> str:
        """Say why a change never goes out by itself, whoever is told of it; empty where it may."""
        if who := self.stopped.get(change.id):
            return f"{who} stopped it"
        if at := self.taken.get(change.id):
            return f"it went unattended on {at:%Y-%m-%d}, and is there again: that is somebody's decision"
        if at := self.unshown.get(change.id):
            return f"a batch that was killed may have taken it, until {at:%Y-%m-%d %H:%M} UTC at the latest: somebody decides"
        return ""


def read_notices(
    workspace: Workspace, people: Signatories, now: datetime, besides: StoredPlan | None = None
) -> RemovalNotices:
    """Read what is known of removals; ``besides`` is a batch that is being carried out.

    Raises ``PlanRefused`` without a logbook, or for a journal that is gone, and ``ArtifactError`` for a damaged one.
    """
    signed, seen = plans.workspace_statements(workspace.folder), plans.seen_standing(workspace.folder)
    announced: dict[str, tuple[Announced, ...]] = {}
    for one in signed_removal.announcements(signed, workspace.approvers, people, now=now, seen=seen):
        announced[one.what.change] = (*announced.get(one.what.change, ()), one)
    lines = list(seen.log.of(LogEvent.OBSERVATION))
    stopped = {
        one.name.removeprefix(entries.STOPPED): one.details.get("person", "somebody")
        for one in lines
        if one.name.startswith(entries.STOPPED)
    }
    looks = tuple(
        (one.at, frozenset(one.details.get("waiting", "").split())) for one in lines if one.name == entries.REMOVAL
    )
    by_key = signed_removal.stopped_by_signature(signed, announced)
    unshown = {
        change.id: at
        for batch in unshown_batches(workspace.folder, now, besides.journal if besides else None)
        if signed_removal.takes_standing(batch.plan)
        for at, change in batch.moments()
    }
    return RemovalNotices(announced, {**by_key, **stopped}, _taken(workspace, besides), unshown, looks)


def _taken(workspace: Workspace, besides: StoredPlan | None) -> Mapping[str, datetime]:
    """Return which changes went out under a standing removal, or may have, and when."""
    taken: dict[str, datetime] = {}
    known = plans.journals(workspace.folder, besides=besides.journal if besides else None)
    ours = (journal for plan, journal in known if signed_removal.takes_standing(plan))
    for journal in chain(ours, (journal for _, journal in plans.lost(workspace.folder))):
        for change, status in journal.standings.items():
            if status.state in _TOOK and status.intended_at:
                taken[change] = max(status.intended_at, taken.get(change, status.intended_at))
    return taken


def require_signed(
    workspace: Workspace, people: Signatories, now: datetime, stored: StoredPlan | None = None
) -> Approved:
    """Return who stands behind the standing removal; raises ``PlanRefused`` unless two people do."""
    return signed_removal.require_removal(
        workspace.policy.standing_removal,
        plans.workspace_statements(workspace.folder),
        workspace.approvers,
        people,
        now=now,
        seen=plans.seen_standing(workspace.folder),
        plan=stored.plan if stored else None,
    )


def manager_of(person: str | None, people: People) -> str | None:
    """Return who answers for somebody now and can be told: a manager who works here and is not the same person."""
    manager = people.managers.get(person or "")
    told = people.who(manager) if manager else None
    return told if told and person and not people.alike(told, person) else None


def against_now(stored: StoredPlan, workspace: Workspace, rosters: Iterable[Row], now: datetime) -> Mapping[str, str]:
    """Return why changes of a batch do not go out, by id: asked of everything as it is at this moment.

    Raises ``PlanRefused`` as :func:`read_notices` does.
    """
    rows = list(rosters)
    people = people_of(rows)
    known = read_notices(workspace, Signatories.of(rows, ()), now, stored)
    found = {}
    for change in stored.plan.changes:
        manager = manager_of(change.target.person, people)
        why = known.against(change, manager, workspace, now) if manager else "no manager of theirs is known now"
        if why:
            found[change.id] = why
    return found

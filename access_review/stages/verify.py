"""Verify: read again what a batch changed, and note in its journal what is proven."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache, partial

from access_review.errors import AccessReviewError, PlanRefused, Unclear
from access_review.model import JsonObject
from access_review.revoke import approve, carried_out, systems, verify
from access_review.revoke.statements import StatementKind, signed_digest
from access_review.revoke.states import State
from access_review.revoke.verify import Remaining, Verified
from access_review.stages.approve import sign_words
from access_review.stages.keep_signed import Signer
from access_review.stages.void_orders import VoidOrders
from access_review.store import last_reads, logged, plans, reviews, rosters
from access_review.store.journal import JournalFile
from access_review.store.plans import StoredPlan
from access_review.store.rights import RightHeld
from access_review.store.unshown import note_killed
from access_review.workspace import Workspace


def verify_plan(
    stored: StoredPlan,
    workspace: Workspace,
    *,
    now: datetime,
    confirmed: Sequence[str] = (),
    by: str = "",
    log: bytes | None = None,
    signer: Signer | None = None,
    dated: bool = True,
) -> tuple[Verified, ...]:
    """Read again what a batch changed, and note in its journal what is proven.

    Where runs are of the machine's clock an export is as old as it was written, unless ``now`` was asked for and is not
    ``dated`` as files are. ``by`` says what was done by hand: the changes ``confirmed``, and what the ``log`` of ``carry-out.ps1`` has. With a
    ``signer`` that is signed, and not merely claimed.
    Raises ``PlanRefused`` for a log that is not of this plan, or for who says of their own access that it is gone, and
    takes nothing of it, ``Unclear`` for a change that the plan does not have, and ``ConnectorError`` for a system that lets nobody in.
    """
    plans.require_journals(workspace.folder)
    with plans.writing(workspace.folder, now, "verify"):
        note_killed(stored, now, "verify")
        dated = dated and logged.machine_timed(workspace.folder)
        found = _verified(stored, workspace, now, confirmed, by, log, signer, dated=dated)
        plans.note_journal(stored, now, "verify")
    return found


def verify_ordered(workspace: Workspace, since: datetime, now: datetime) -> None:
    """Read again each batch of a run since a moment of which somebody is still to do something: a void order ends by it.

    One that cannot be followed stops no other: the commands that follow it say why. Raises ``RightHeld`` while another
    process carries a batch out. Raises ``ArtifactError`` for a damaged logbook.
    """
    for run, name in plans.with_journal(workspace.folder, since):
        try:
            stored = plans.find(run, name)
            with JournalFile(stored.journal, stored.plan.digest) as journal:
                ordered = any(one.state is State.ORDERED for one in journal.standings.values())
            if ordered:
                verify_plan(stored, workspace, now=now)
        except RightHeld:
            raise
        except AccessReviewError:
            continue


def _verified(
    stored: StoredPlan,
    workspace: Workspace,
    now: datetime,
    confirmed: Sequence[str],
    by: str,
    log: bytes | None,
    signer: Signer | None,
    *,
    dated: bool,
) -> tuple[Verified, ...]:
    plan, policy = stored.plan, workspace.policy
    with JournalFile(stored.journal, plan.digest) as journal:
        if strange := sorted(set(confirmed) - {change.id for change in plan.changes}):
            raise Unclear(f"the plan has no change {strange[0]!r}", hint="orders.txt and plan.csv name them")
        by = rosters.person_now(stored.run, by, now) if confirmed or log is not None else by
        rows = carried_out.read_log(log, plan, now) if log is not None else []
        _refuse_own(stored, by, {*confirmed, *(row.change for row in rows)})
        how = _signed(stored, workspace, signer, now, confirmed, log) if signer else "claimed"
        last = cache(partial(last_reads.of_touched, workspace, plan.changes))
        with systems.witnesses(workspace, plan.changes, now, last, dated=dated) as witnesses:
            if rows:
                carried_out.take_log(plan, rows, journal, partial(verify.look, witnesses), by=by, now=now)
            # After the log: where that is refused, nothing at all is taken.
            for change in confirmed:
                verify.confirm(journal, change, by=by, now=now, reason=f"by hand ({how})")
            void = VoidOrders(stored, workspace, now).why
            return verify.verify(
                plan.changes, journal, witnesses, now=now, pace=policy.apply, targets=policy.targets, void=void
            )


def _refuse_own(stored: StoredPlan, by: str, said: Collection[str]) -> None:
    """Raise ``PlanRefused`` where somebody says of their own access that it was taken: what no read shows then ends the order."""
    people = stored.signatories
    for change in stored.plan.changes:
        person = change.target.person
        if change.id in said and person and people.alike(person, by):
            raise PlanRefused(
                f"{change.id} is about the access of {by}, or of somebody of that name",
                hint="somebody else says that it is done; nothing was taken",
            )


def _signed(
    stored: StoredPlan,
    workspace: Workspace,
    signer: Signer,
    now: datetime,
    confirmed: Sequence[str],
    log: bytes | None,
) -> str:
    """Have whoever says that something was done sign which changes of which plan; raises ``PlanRefused`` for another's key."""
    words: JsonObject = {"plan": stored.plan.digest, "confirmed": sorted(confirmed), "log": _digest(log) if log else ""}
    sign_words(stored.run, workspace, StatementKind.ATTESTATION, signed_digest(words), signer, now)
    return "authenticated"


def why_unapproved(stored: StoredPlan, workspace: Workspace, log: bytes, now: datetime) -> str:
    """Say why the signatures of a plan were too few when people began to carry it out, by their log; nothing where they were not.

    What was done is taken all the same. Raises ``PlanRefused`` for a log that is not of this plan.
    """
    began = carried_out.first_change(carried_out.read_log(log, stored.plan, now))
    if began is None:
        return ""
    until, asks = min(began + carried_out.CLOCKS_APART, now), stored.plan.requested_by
    try:
        seen, people = plans.seen(stored, until), stored.signatories
        approve.require(stored.plan, stored.approvals, workspace.approvers, people, now=until, by=asks, seen=seen)
    except PlanRefused as refused:
        return refused.message
    return ""


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def remaining_access(stored: StoredPlan, workspace: Workspace) -> tuple[Remaining, ...] | None:
    """Return what is still held by other paths, null while no run is newer than the batch."""
    later = [run for run in logged.known_runs(workspace.folder) if run.reviewed]
    with JournalFile(stored.journal, stored.plan.digest) as journal:
        last = max((row.called_at for row in journal.changes if row.called_at), default=None)
        proven = {State.PENDING, State.REVOKED}
        gone = [change for change in stored.plan.changes if journal.standing(change.id).state in proven]
    if last is None or not later or later[-1].as_of < last.replace(microsecond=0):
        return None
    with reviews.opened(workspace, later[-1]) as facts:
        return verify.remaining(facts.engine, gone)

"""Apply, unattended: whoever has left loses sign-in and sessions, under the standing approval that two people signed.

Sources are read, reviewed and planned on for leavers alone, and the plan is carried out
by the same protocol as any other. Whatever happens, people hear of it: what was done,
what was refused and why, and why nothing could be done.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from access_review.artifacts import UntoldNotice
from access_review.audit import reviewers
from access_review.audit.named_people import who_hears
from access_review.audit.reviewers import People
from access_review.errors import AccessReviewError, PlanRefused
from access_review.findings.selected import rows_with
from access_review.logbook import entries
from access_review.model import Clock
from access_review.plan.derive import PlanOrder
from access_review.plan.request import Scope
from access_review.revoke import approve
from access_review.revoke.apply import Applied
from access_review.revoke.states import TERMINAL, State
from access_review.revoke.verify import Verified
from access_review.runs import Run
from access_review.snapshot.watched import is_due
from access_review.stages import notify
from access_review.stages.apply import FOLLOWED, Pace, apply_plan
from access_review.stages.approve import job_signer
from access_review.stages.collect import collect_run
from access_review.stages.halted import why_halted
from access_review.stages.keep_signed import Signer
from access_review.stages.notify import Patience
from access_review.stages.plan import derive_plan, write_plan
from access_review.stages.review import review_run
from access_review.stages.tickets import see_to_tickets
from access_review.stages.verify import verify_plan
from access_review.store import logged, notified, plans, reviews, snapshots
from access_review.store.journal import JournalFile, begun
from access_review.store.plans import STANDING, StoredPlan
from access_review.views import standing as view
from access_review.views.notices import Notice
from access_review.views.tickets import TicketsSeenTo
from access_review.workspace import Workspace

LEAVERS = "leaver-active"
"""The rule whose findings are planned on: accounts that work after their owner has left."""

_AGAIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class StandingOutcome:
    """What an unattended run did: the plan, what came of it, what was refused, and what earlier ones have not proven.

    ``tickets`` is what was done about those of work orders.
    """

    stored: StoredPlan
    applied: Applied
    told: view.StandingSummary
    not_sent: tuple[str, ...]
    tickets: TicketsSeenTo

    @property
    def partly(self) -> bool:
        """Tell whether something was refused or is left."""
        return self.applied.partly or bool(self.told.refused or self.told.unproven)


def apply_standing(
    workspace: Workspace,
    clock: Clock,
    environment: Mapping[str, str],
    *,
    pace: Pace = Pace(),  # noqa: B008 - frozen
    prepared: StoredPlan | None = None,
    key: Path | None = None,
    reviewed: Run | None = None,
) -> StandingOutcome:
    """Plan for leavers and carry it out, or a plan ``prepared`` before; then tell people.

    ``reviewed`` is a run of what was read just now, to be planned on; without one everything is read and reviewed.
    ``key`` is the job's own, which signs that it carries the plan out. ``environment`` holds the secrets of mail that the policy names. Raises what stops it,
    after telling: ``PlanRefused`` without the two signatures, or what reading, reviewing and
    planning and carrying out raise: ``RosterFault``, ``LimitExceeded``, ``Unclear``, ``ConnectorError``.
    """
    try:
        signer = job_signer(workspace, key, clock.now())
        unproven = verify_earlier(workspace, clock.now(), STANDING)
        stored = prepared or _plan_leavers(workspace, clock.now(), reviewed)
        applied = _carry_out(stored, workspace, clock, pace, signer)
        account = replace(_account(stored, applied, unproven), unsigned=signer is None)
    except (AccessReviewError, OSError) as error:
        stopped = view.StandingSummary(stopped=" → ".join(filter(None, why_halted(error))))
        _tell(workspace, newest(workspace), clock.now(), stopped, environment)
        see_to_tickets(workspace, clock.now(), environment)  # earlier orders wait for no standing approval
        raise
    ended = entries.ran_unattended(STANDING, clock.now(), run=stored.run.id, made=len(account.done))
    logged.append(workspace.folder, ended, command="apply --standing")
    tickets = see_to_tickets(workspace, clock.now(), environment)
    now = clock.now()
    not_sent = _tell(workspace, stored.run, now, account, environment)
    _tell_again(workspace, now, environment)
    return StandingOutcome(stored, applied, account, not_sent, tickets)


def is_signed(workspace: Workspace, run: Run, now: datetime) -> bool:
    """Tell whether two people have signed the standing approval and it still holds."""
    try:
        return bool(_signers(run, workspace, now).approvers)
    except PlanRefused:
        return False


def _plan_leavers(workspace: Workspace, now: datetime, reviewed: Run | None) -> StoredPlan:
    """Read and review, unless that was done, and plan now; a plan of this very moment that was broken off is gone on with."""
    run = reviewed or collect_run(workspace, now.replace(microsecond=0))
    if begun(plans.journal_of(run, STANDING)):
        return plans.find(run, STANDING)
    if reviewed is None:
        review_run(workspace, run, now)
    made = derive_plan(workspace, run, PlanOrder(approve.BY_STANDING, now, STANDING, Scope(rules=(LEAVERS,))))
    write_plan(run, made)
    return StoredPlan(run, STANDING, made.plan)


def _carry_out(stored: StoredPlan, workspace: Workspace, clock: Clock, pace: Pace, signer: Signer | None) -> Applied:
    """Carry a plan out; one without changes needs the signatures too, so that their end is noticed before a leaver is."""
    if not stored.plan.changes:
        return Applied({}, "", 0, _signers(stored.run, workspace, clock.now()).passed_over)
    return apply_plan(stored, workspace, clock, by=approve.BY_STANDING, pace=pace, standing=True, signer=signer)


def _signers(run: Run, workspace: Workspace, now: datetime) -> approve.Approved:
    """Return who signed the standing approval and counts; raises ``PlanRefused`` unless two people did and it still holds."""
    signed = plans.workspace_statements(workspace.folder)
    held = plans.seen_standing(workspace.folder)
    return approve.require_standing(
        workspace.policy.standing, signed, workspace.approvers, plans.signatories(run), now=now, seen=held
    )


def verify_earlier(workspace: Workspace, now: datetime, name: str) -> tuple[str, ...]:
    """Read again what earlier unattended runs changed by plans of a name; return what is not as it should be, in words.

    Raises ``ConnectorError`` for a system that lets nobody in, and ``PlanRefused`` and ``Unclear`` as verifying does.
    """
    wrong = []
    for run in logged.known_runs(workspace.folder):
        if now - run.as_of > FOLLOWED or not begun(plans.journal_of(run, name)):
            continue
        try:
            stored = plans.find(run, name)
        except AccessReviewError as error:
            wrong.append(error.in_a_line)  # one batch that cannot be followed stops no other
            continue
        with JournalFile(stored.journal, stored.plan.digest) as journal:
            before = {name: standing.state for name, standing in journal.standings.items()}
        over = all(state in TERMINAL for state in before.values())
        found: Sequence[Verified] = () if over else verify_plan(stored, workspace, now=now)
        names = {change.id: view.what(change) for change in stored.plan.changes}
        wrong += [
            f"{names[v.change]}: {view.left_by(v)}, run {run.id}"
            for v in found
            if v.overdue
            or v.state in {State.FAILED, State.REGRANTED}
            or (v.state, before.get(v.change)) == (State.SKIPPED, State.ORDERED)
        ]
    return tuple(wrong)


def _account(stored: StoredPlan, applied: Applied, unproven: Iterable[str]) -> view.StandingSummary:
    """Say what was done and what was refused, with names and reasons."""
    left = {finding for one in stored.plan.to_person for finding in one.findings}
    rows = {row["finding"]: row for row in rows_with(reviews.read(stored.run).pieces(), finding=left)}
    standings = {}
    if applied.states:
        with JournalFile(stored.journal, stored.plan.digest) as journal:
            standings = dict(journal.standings)
    return view.summarise(stored.plan, standings, rows, applied, tuple(unproven))


def newest(workspace: Workspace) -> Run | None:
    """Return the last run that the logbook knows; nothing where it knows none."""
    known = logged.known_runs(workspace.folder)
    return known[-1] if known else None


def _tell(
    workspace: Workspace, run: Run | None, now: datetime, account: view.StandingSummary, environment: Mapping[str, str]
) -> tuple[str, ...]:
    """Tell those who signed and those the policy names; return why somebody was not reached."""
    people = reviewers.people_of(snapshots.people(run) if run else ())
    who = hearing(workspace, run, people, now)
    return tell(workspace, people, now, view.notice(account), who, environment, always=bool(account.done))


def tell(
    workspace: Workspace,
    people: People,
    now: datetime,
    said: tuple[str, str],
    hearing: Sequence[str],
    environment: Mapping[str, str],
    *,
    always: bool,
) -> tuple[str, ...]:
    """Tell some people of what an unattended run did; return why somebody was not reached.

    The same refusal is told once a day by each channel: the job runs often, and who is told too often reads no more. What
    did not arrive is told again by the next run, by that channel alone.
    """
    subject, text = said
    if not text:
        return ()
    recent = {key: at for key, at in notified.read(workspace.folder).items() if not is_due(at, _AGAIN, now)}
    told, tried, failed, untold = dict[str, datetime](), set[str](), set[str](), list[UntoldNotice]()
    patience, settings = Patience(), workspace.policy.notify
    for who in hearing:
        notice = Notice("standing", people.names.get(who, who), people.mails.get(who), subject, text)
        for channel in notify.channels(settings):
            key = _told_key(subject, text, channel.name, who if channel.personal else "")
            if key in tried or (key in recent and not always):
                continue
            tried.add(key)
            folder = workspace.folder / notify.FOLDER
            if why := notify.deliver_by(channel, notice, environment, folder, now, patience):
                failed.add(why)
                untold.append(UntoldNotice(channel.name, notice.name, notice.mail, subject, text, now))
            else:
                told[key] = now
    if untold and always:  # what was refused is said again by itself, what was done is not
        notified.write_untold(workspace.folder, (*notified.untold(workspace.folder), *untold))
    if told:
        notified.write(workspace.folder, recent | told)
    return tuple(sorted(failed))


def _tell_again(workspace: Workspace, now: datetime, environment: Mapping[str, str]) -> None:
    """Tell what runs before ``now`` did and somebody was not reached with, for a day, by each channel that did not take it."""
    if not (waiting := notified.untold(workspace.folder)):
        return
    channels = {one.name: one for one in notify.channels(workspace.policy.notify)}
    folder, patience, left = workspace.folder / notify.FOLDER, Patience(), []
    for one in waiting:
        if one.channel not in channels or is_due(one.at, _AGAIN, now):
            continue
        notice = Notice("standing", one.name, one.mail, one.subject, one.text)
        if one.at >= now or notify.deliver_by(channels[one.channel], notice, environment, folder, now, patience):
            left.append(one)
    notified.write_untold(workspace.folder, left)


def _told_key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def hearing(workspace: Workspace, run: Run | None, people: People, now: datetime) -> list[str]:
    """Return who hears of it; where nobody is left to, a notice to nobody still stands in the folder."""
    standing = workspace.policy.standing
    named = [*who_hears(standing.tell, workspace.policy, people)] if standing else []
    with suppress(AccessReviewError):  # that nobody stands behind it may be what is told
        named += _signers(run, workspace, now).approvers if run else ()
    return list(dict.fromkeys(named)) or ["nobody: name somebody under standing: tell: in roles/policy.yaml"]

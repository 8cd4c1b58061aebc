"""The standing removal, unattended: whoever moved on loses what is named and signed for, a day after their manager was told.

Each look announces what is newly found, takes what was announced a day before and that nobody stopped, and prepares
what gives it back. What goes is read, reviewed and planned on at that moment, by the protocol of every batch.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from access_review.audit.named_people import who_hears
from access_review.audit.reviewers import People, people_of
from access_review.changes import Change
from access_review.errors import AccessReviewError, PlanRefused
from access_review.logbook import entries
from access_review.model import Clock
from access_review.plan.derive import PlanOrder
from access_review.plan.request import Scope
from access_review.plan.requested_changes import RemovalCandidates, removal_candidates
from access_review.revoke import approve, signed_removal
from access_review.revoke.apply import Applied
from access_review.revoke.approve import Signatories, Statement, StatementKind
from access_review.runs import Run
from access_review.settings.standing import StandingRemoval
from access_review.stages import apply_standing, notify, removal_notices
from access_review.stages.apply import Pace, apply_plan
from access_review.stages.approve import job_signer
from access_review.stages.collect import collect_run
from access_review.stages.keep_signed import Signer, ToSign, sign
from access_review.stages.notify import Patience
from access_review.stages.other_batches import removals_left
from access_review.stages.plan import derive_plan, write_plan
from access_review.stages.removal_notices import RemovalNotices, manager_of
from access_review.stages.review import review_run
from access_review.stages.tickets import see_to_tickets
from access_review.stages.undo import undo_plan
from access_review.store import logged, pinned, plans, snapshots
from access_review.store.journal import JournalFile, begun
from access_review.store.plans import REMOVAL, StoredPlan
from access_review.views import standing_removal as view
from access_review.views.notices import Notice
from access_review.views.tickets import TicketsSeenTo
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RemovalOutcome:
    """What one look of the standing removal did."""

    told: view.RemovalSummary
    not_sent: tuple[str, ...]
    tickets: TicketsSeenTo

    @property
    def partly(self) -> bool:
        """Tell whether something was refused, or is not proven."""
        return bool(self.told.stopped or self.told.refused or self.told.unproven)


def read_now(workspace: Workspace, clock: Clock) -> Run:
    """Read and review now; raises ``RosterFault`` for rosters that cannot be believed."""
    now = clock.now()
    run = collect_run(workspace, now.replace(microsecond=0))
    if not begun(plans.journal_of(run, REMOVAL)):
        review_run(workspace, run, now)
    return run


def take_announced(
    workspace: Workspace,
    run: Run,
    clock: Clock,
    environment: Mapping[str, str],
    *,
    pace: Pace = Pace(),  # noqa: B008 - frozen
    key: Path | None = None,
) -> RemovalOutcome:
    """Take what was announced a day ago, announce what is new, on a run that was just reviewed; tell people of both.

    Nothing that stops it is raised: it is in the outcome, and told.
    """
    look = _Look(workspace, run, clock, environment, pace, people_of(snapshots.people(run)))
    try:
        done = look.carried_out(key)
    except AccessReviewError as error:
        done = view.RemovalSummary(stopped=error.in_a_line + (f" → {error.hint}" if error.hint else ""))
    return RemovalOutcome(done, look.tell(done), see_to_tickets(workspace, clock.now(), environment))


@dataclass(slots=True)
class _Look:
    """One look: a reviewed run, and what is needed to act on it."""

    workspace: Workspace
    run: Run
    clock: Clock
    environment: Mapping[str, str]
    pace: Pace
    people: People
    signers: tuple[str, ...] = ()
    managers: Mapping[str, str | None] = field(default_factory=dict)
    missed: tuple[str, ...] = ()
    patience: Patience = field(default_factory=Patience)

    def carried_out(self, key: Path | None) -> view.RemovalSummary:
        """Take, announce, and write down what is waited for."""
        workspace, now = self.workspace, self.clock.now()
        who = Signatories.of(snapshots.people(self.run), ())
        stands = removal_notices.require_signed(workspace, who, now)
        self.signers = stands.approvers
        signer = job_signer(workspace, key, now)
        if signer is None:
            raise PlanRefused(
                "a standing removal is announced and carried out with the key of the job alone",
                hint="enrol one in roles/approvers.yaml (job: standing), and apply --standing --key FILE",
            )
        unproven = apply_standing.verify_earlier(workspace, now, REMOVAL)
        found = self._candidates(now)
        known = removal_notices.read_notices(workspace, who, now)
        self.managers = {one.id: manager_of(one.target.person, self.people) for one in found.changes}
        due, settled = self._due(found, known, now)
        summary = view.RemovalSummary(run=self.run.id, unproven=unproven, passed_over=stands.passed_over)
        if due:
            summary = self._taken(due, summary, signer)
        announced = self._announce(found, known, signer)
        waiting = self._waiting(found, known, announced)
        line = entries.removals_waiting(self.clock.now(), run=self.run.id, made=len(summary.done), waiting=waiting)
        logged.append(workspace.folder, line, command="apply --standing")
        untold = [name for name, manager in self.managers.items() if manager is None and name not in settled]
        return view.with_look(summary, found, announced, settled, untold, self.people)

    def _candidates(self, now: datetime) -> RemovalCandidates:
        inputs = pinned.pin(self.workspace.folder, self.run, now=now, reviewed=False)
        loaded = pinned.load(self.workspace, self.run, inputs, made_at=now)
        return removal_candidates(loaded, approve.BY_STANDING)

    def _due(
        self,
        found: RemovalCandidates,
        known: RemovalNotices,
        now: datetime,
    ) -> tuple[list[str], dict[str, str]]:
        """Return which changes go now, as many as are left for the day, the longest announced first; and why others never do."""
        ready, settled = [], {}
        for change in found.changes:
            manager = self.managers[change.id]
            if change.target.person in self.signers:
                settled[change.id] = "it is about one of those who signed, who do not judge their own access"
            elif why := known.settled(change):
                settled[change.id] = why
            elif manager and not known.against(change, manager, self.workspace, now):
                ready.append((known.announced[change.id][0].at, change.id))
        return [name for _, name in sorted(ready)][: removals_left(self.workspace, now)], settled

    def _taken(self, due: Sequence[str], summary: view.RemovalSummary, signer: Signer) -> view.RemovalSummary:
        """Plan for these changes alone, carry that out, and prepare what gives it back."""
        workspace, run = self.workspace, self.run
        removal = workspace.policy.standing_removal
        if begun(plans.journal_of(run, REMOVAL)):
            stored = plans.find(run, REMOVAL)
        else:
            scope = Scope(rules=tuple(removal.rules) if removal else (), standing_removal=tuple(sorted(due)))
            made = derive_plan(workspace, run, PlanOrder(approve.BY_STANDING, self.clock.now(), REMOVAL, scope))
            write_plan(run, made)
            stored = StoredPlan(run, REMOVAL, made.plan)
        applied, standings = Applied({}, "", 0), {}
        if stored.plan.changes:
            by = approve.BY_STANDING
            applied = apply_plan(stored, workspace, self.clock, by=by, pace=self.pace, standing=True, signer=signer)
            with JournalFile(stored.journal, stored.plan.digest) as journal:
                standings = dict(journal.standings)
        summary = view.of_plan(summary, stored.plan, standings, applied, self.people, self.managers)
        return self._with_undo(stored, summary) if summary.done else summary

    def _with_undo(self, stored: StoredPlan, summary: view.RemovalSummary) -> view.RemovalSummary:
        """Prepare what gives a batch back, asked for by the first of those who signed; say why where it cannot be."""
        asks = self.signers[0]
        self.clock.wait(1.0)  # what is read must be later than what was done
        try:
            newest = read_now(self.workspace, self.clock)
            undo_plan(stored, newest, self.workspace, requested_by=asks, now=self.clock.now().replace(microsecond=0))
        except AccessReviewError as error:
            return replace(summary, undo=error.in_a_line)
        return replace(summary, undo_by=asks, undo_run=newest.id)

    def _announce(self, found: RemovalCandidates, known: RemovalNotices, signer: Signer) -> tuple[Change, ...]:
        """Tell managers of what is new, no more in a day than may go in one; only what reached them is signed, and counts."""
        removal, now = self.workspace.policy.standing_removal, self.clock.now()
        assert removal is not None  # noqa: S101 - its caller has looked
        recent = sum(now - each[-1].at < signed_removal.TOLD_BEFORE for each in known.announced.values())
        new = sorted((one for one in found.changes if self._is_new(one, known, removal)), key=self._by_name)
        by_manager: dict[str, list[Change]] = defaultdict(list)
        for change in new[: max(0, removal.daily - recent)]:
            by_manager[self.managers[change.id] or ""].append(change)
        told: list[Change] = []
        web = self.workspace.policy.web
        pages = web.address if web else ""
        for manager, changes in sorted(by_manager.items()):
            subject, text = view.announcement_text(changes, found.reasons, manager, self.people, now, pages)
            name, mail = self.people.names.get(manager, manager), self.people.mails.get(manager)
            if missed := self._not_reached(Notice("standing removal", name, mail, subject, text)):
                self.missed += missed
                continue
            for change in changes:
                self._sign(signed_removal.announcement(change, manager, removal), signer)
            told += changes
        return tuple(told)

    def _by_name(self, change: Change) -> tuple[str, str]:
        return self.people.names.get(change.target.person or "", ""), change.id

    def _is_new(self, change: Change, known: RemovalNotices, removal: StandingRemoval) -> bool:
        """Tell whether the manager is still to be told: no notice counts that has been given."""
        manager = self.managers[change.id]
        if manager is None or change.target.person in self.signers or known.settled(change):
            return False
        wanted = signed_removal.announcement(change, manager, removal)
        said = known.announced.get(change.id, ())
        return signed_removal.standing_of(said, wanted, known.looks, self.clock.now()) == signed_removal.UNTOLD

    def _sign(self, what: signed_removal.Announcement, signer: Signer) -> None:
        said = Statement(StatementKind.NOTICE, what.digest, approve.JOB, self.clock.now(), what.words)
        people = plans.signatories(self.run)
        sign(ToSign(said, people, self.workspace.folder / plans.SIGNED_HERE, "job"), self.workspace, signer)

    def _waiting(self, found: RemovalCandidates, known: RemovalNotices, announced: Sequence[Change]) -> set[str]:
        """Return what was announced and is still to go: found now, or of a source that does not show itself now."""
        there = {one.id for one in found.changes}
        of = {name: each[-1].what.source for name, each in known.announced.items()}
        return {name for name, source in of.items() if name in there or source in found.unread} | {
            one.id for one in announced
        }

    def _not_reached(self, notice: Notice) -> tuple[str, ...]:
        """Send a notice; return why it did not arrive."""
        settings, folder = self.workspace.policy.notify, self.workspace.folder / notify.FOLDER
        return tuple(
            why
            for sent in notify.deliver([notice], settings, self.environment, folder, self.clock.now(), self.patience)
            for why in sent.failed
        )

    def tell(self, done: view.RemovalSummary) -> tuple[str, ...]:
        """Tell those who signed and those whom the policy names of all, and each manager of theirs; return why somebody was not."""
        removal, people = self.workspace.policy.standing_removal, self.people
        named = who_hears(removal.tell, self.workspace.policy, people) if removal else ()
        hearing = list(dict.fromkeys((*named, *self.signers))) or [
            "nobody: name somebody under standing_removal: tell: in roles/policy.yaml"
        ]
        said = [(view.notice(done), hearing)]
        said += [(view.notice(done, lines), [manager]) for manager, lines in sorted(done.of.items())]
        missed = list(self.missed)
        for words, who in said:
            now, always = self.clock.now(), bool(done.done)
            missed += apply_standing.tell(self.workspace, people, now, words, who, self.environment, always=always)
        return tuple(sorted(set(missed)))

"""The unattended job: whoever has left loses sign-in and sessions, under the standing approval that two people signed.

Sources are read, reviewed and planned on for leavers alone, and the plan is carried out
by the same protocol as any other. Whatever happens, people hear of it: what was done,
what was refused and why, and why nothing could be done.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from access_review import runs, snapshot
from access_review.audit import notices as notify
from access_review.audit import reviewers
from access_review.errors import AccessReviewError
from access_review.plan.request import Scope
from access_review.revoke import approve
from access_review.revoke.apply import Applied, Clock, Told
from access_review.revoke.journal import Journal, begun
from access_review.revoke.states import TERMINAL, State
from access_review.revoke.verify import Verified
from access_review.runs import Run
from access_review.snapshot import Progress
from access_review.stages import audit, batch, plan
from access_review.stages.batch import Held
from access_review.stages.plan import STANDING
from access_review.views import standing as view
from access_review.workspace import Workspace

LEAVERS = "leaver-active"
"""The rule whose findings are planned on: accounts that work after their owner has left."""

REQUESTED_BY = "the standing approval"
_TOLD = "runs/standing-told.json"
_FORMAT = "access-review/told@1"
_AGAIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Stood:
    """What an unattended run did: the plan, what came of it, what was refused, and what earlier ones have not proven."""

    one: Held
    applied: Applied
    told: view.Told
    not_sent: tuple[str, ...]

    @property
    def partly(self) -> bool:
        """Tell whether something was refused or is left."""
        return self.applied.partly or bool(self.told.refused or self.told.unproven)


@dataclass(frozen=True, slots=True)
class Asked:
    """How an unattended run goes: where mail secrets are, what is shown, and as ``apply`` is asked otherwise."""

    environment: Mapping[str, str]
    progress: Progress = lambda *_: None
    told: Told = lambda _: None
    until: datetime | None = None
    go_on: bool = False


def unattended(workspace: Workspace, clock: Clock, asked: Asked, prepared: Held | None = None) -> Stood:
    """Plan for leavers and carry it out, or a plan ``prepared`` before; then tell people.

    Raises what stops it, after telling: ``PlanRefused`` without the two signatures, or what
    reading, reviewing and planning raise.
    """
    try:
        unproven = _earlier(workspace, clock.now())
        one = prepared or _fresh(workspace, clock.now(), asked.progress)
        applied = _carried_out(one, workspace, clock, asked)
        told = _account(one, applied, unproven)
    except AccessReviewError as error:
        said = view.Told(stopped=error.message + (f" → {error.hint}" if error.hint else ""))
        _tell(workspace, _newest(workspace), clock.now(), said, asked.environment)
        raise
    return Stood(one, applied, told, _tell(workspace, one.run, clock.now(), told, asked.environment))


def _fresh(workspace: Workspace, now: datetime, progress: Progress) -> Held:
    """Read, review and plan now; a plan of this very moment that was broken off is gone on with."""
    run = audit.collect(workspace, now, progress)
    folder = run.folder / STANDING
    if begun(folder / "journal.sqlite"):
        return batch.held(run, STANDING)
    audit.review_run(workspace, run)
    scope = Scope(rules=(LEAVERS,))
    made, report = plan.planned(workspace, run, snapshot.load(run), requested_by=REQUESTED_BY, now=now, scope=scope)
    plan.write(workspace, run, STANDING, made, report)
    return Held(run, folder, made)


def _carried_out(one: Held, workspace: Workspace, clock: Clock, asked: Asked) -> Applied:
    """Carry a plan out; one without changes needs the signatures too, so that their end is noticed before a leaver is."""
    if not one.plan.changes:
        signers(one.run, workspace, clock.now())
        return Applied({}, "", 0)
    return batch.apply_run(
        one,
        workspace,
        clock,
        by=REQUESTED_BY,
        until=asked.until,
        go_on=asked.go_on,
        standing=True,
        told=asked.told,
    )


def signers(run: Run, workspace: Workspace, now: datetime) -> tuple[str, ...]:
    """Return who signed the standing approval; raises ``PlanRefused`` unless two people did and it still holds."""
    signed = batch.envelopes(workspace.folder / batch.STANDING_APPROVALS)
    people = batch.people_of(run)
    return approve.require_standing(workspace.policy.standing, signed, workspace.approvers, people, now=now)


def _earlier(workspace: Workspace, now: datetime) -> tuple[str, ...]:
    """Read again what earlier unattended runs changed; return what is not as it should be, in words."""
    wrong = []
    for run in runs.all_runs(workspace.folder):
        if now - run.as_of > batch.FOLLOWED or not begun(run.folder / STANDING / "journal.sqlite"):
            continue
        one = batch.held(run, STANDING)
        with Journal(one.journal, one.plan.digest) as journal:
            settled = all(standing.state in TERMINAL for standing in journal.standings.values())
        found: Sequence[Verified] = () if settled else batch.verify_run(one, workspace, now=now)
        names = {change.id: view.what(change) for change in one.plan.changes}
        wrong += [
            f"{names[v.change]}: {v.reason or v.state}, run {run.id}"
            for v in found
            if v.overdue or v.state in {State.FAILED, State.REGRANTED}
        ]
    return tuple(wrong)


def _account(one: Held, applied: Applied, unproven: Iterable[str]) -> view.Told:
    """Say what was done and what was refused, with names and reasons."""
    rows = {row["finding"]: row for row in audit.read_report(one.run).findings.to_pylist()}
    standings = {}
    if applied.states:
        with Journal(one.journal, one.plan.digest) as journal:
            standings = dict(journal.standings)
    return view.told(one.plan, standings, rows, applied, tuple(unproven))


def _newest(workspace: Workspace) -> Run | None:
    known = runs.all_runs(workspace.folder)
    return known[-1] if known else None


def _tell(
    workspace: Workspace, run: Run | None, now: datetime, told: view.Told, environment: Mapping[str, str]
) -> tuple[str, ...]:
    """Tell those who signed and those the policy names; return why somebody was not reached.

    The same refusal is told once a day: the job runs often, and who is told too often reads no more.
    """
    subject, text = view.notice(told)
    if not text:
        return ()
    path = workspace.folder / _TOLD
    before: dict[str, str] = runs.read_json(path, _FORMAT)["told"] if path.exists() else {}
    recent = {key: at for key, at in before.items() if now - datetime.fromisoformat(at) < _AGAIN}
    key = hashlib.sha256(f"{subject}\n{text}".encode()).hexdigest()
    if key in recent and not told.done:
        return ()
    people = reviewers.people_of(snapshot.load(run).tables["people"].to_pylist() if run else ())
    notices = [
        notify.Notice("standing", people.names.get(who, who), people.mails.get(who), subject, text)
        for who in _hearing(workspace, run, people, now)
    ]
    done = notify.deliver(notices, workspace.policy.notify, environment, workspace.folder / "runs/notices", now)
    failed = tuple(sorted({why for one in done for why in one.failed}))
    if not failed:
        runs.write_json(path, {"format": _FORMAT, "told": recent | {key: now.isoformat()}})
    return failed


def _hearing(workspace: Workspace, run: Run | None, people: reviewers.People, now: datetime) -> list[str]:
    """Return who hears of it; where nobody is left to, a notice to nobody still stands in the folder."""
    standing = workspace.policy.standing
    named = [people.who(name) or name for name in (standing.tell if standing else ())]
    with suppress(AccessReviewError):  # that nobody stands behind it may be what is told
        named += signers(run, workspace, now) if run else ()
    return list(dict.fromkeys(named)) or ["nobody: name somebody under standing: tell: in roles/policy.yaml"]

"""Sign off: end the audit of a run."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from access_review import store
from access_review.artifacts import AUDIT, FRAME, SAMPLE
from access_review.audit import campaign, reviewers
from access_review.audit.campaign import Campaign
from access_review.audit.filled_sheets import names_in
from access_review.audit.reviewers import People
from access_review.errors import PlanRefused
from access_review.logbook import entries
from access_review.revoke.approve import StatementKind
from access_review.revoke.assurance import is_authenticated
from access_review.runs import Run
from access_review.stages.approve import sign_words
from access_review.stages.keep_signed import Signer
from access_review.store import audits, logged, plans, rosters, snapshots
from access_review.store.rights import Right, hold
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SignedBy:
    """With which key an audit is signed off, and the workspace that says whose it is."""

    workspace: Workspace
    signer: Signer


def sign_off(run: Run, by: str, now: datetime, key: SignedBy | None = None) -> Campaign:
    """End the audit of a run; raises ``PlanRefused``, also for somebody who is in no roster. With a ``key`` it is signed."""
    with hold(run.workspace, Right.CAMPAIGN, now=now, command="sign-off"):
        return _signed_off(run, by, now, key)


def as_signed(run: Run, workspace: Workspace, ended: Campaign) -> Campaign:
    """Return an audit that says how it was signed off by what was signed of it; what its file says of that is not believed."""
    if not ended.signed_off_by:
        return ended
    digest = "sha256:" + hashlib.sha256(AUDIT.dump(store.read(run, AUDIT))).hexdigest()
    log, people = logged.known(run.workspace), plans.signatories(run)
    who = people.by_name.get(ended.signed_off_by.strip().casefold(), frozenset())
    signed = plans.envelopes(run.folder / "sign-off")
    by_key = log is not None and any(
        is_authenticated(signed, StatementKind.SIGN_OFF, digest, person, workspace.approvers, people, log.workspace)
        for person in who
    )
    return replace(ended, signed_off_as="authenticated" if by_key else "claimed")


def _signed_off(run: Run, by: str, now: datetime, key: SignedBy | None) -> Campaign:
    people = reviewers.people_of(snapshots.people(run))
    person = rosters.people_now(run, now).who(by)
    if person is None:
        raise PlanRefused(f"{by} is in no roster, so cannot sign off", hint="give the id, name or mail of a person")
    unanswered = sum(audits.waited_for(run).values())
    ended = campaign.sign_off(
        store.read(run, AUDIT),
        by,
        now,
        unanswered=unanswered,
        strangers=_strangers(run, people),
        assurance="authenticated" if key else "claimed",
    )
    if key:  # over the very bytes of audit.json
        digest = "sha256:" + hashlib.sha256(AUDIT.dump(ended)).hexdigest()
        sign_words(run, key.workspace, StatementKind.SIGN_OFF, digest, key.signer, now)
    line = entries.signed_off(run.id, now, person, logged.marks(run, logged.CAMPAIGN))
    revealed = logged.marks(run, (SAMPLE.path, FRAME.path))
    logged.append(run.workspace, entries.draw_revealed(run.id, now, revealed), command="sign-off")
    logged.replace_files(run.workspace, line, {f"{run.id}/{AUDIT.path}": AUDIT.dump(ended)}, "sign-off")
    return ended


def _strangers(run: Run, people: People) -> frozenset[str]:
    """Return who answered and is nobody of the rosters, by any of the names they wrote."""
    given = {decision.by for decision in audits.decisions(run).current.values()}
    return frozenset(by for by in given if not any(people.who(name) for name in names_in(by)))

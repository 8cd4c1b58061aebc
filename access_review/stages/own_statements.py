"""What somebody signed that stands: of plans that can still be carried out, and of what belongs to no run; and how each is taken back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from access_review.errors import AccessReviewError, Unclear
from access_review.logbook.lines import LogEvent
from access_review.revoke.approve import Statement, StatementKind
from access_review.runs import Run
from access_review.stages.approve import said_by
from access_review.stages.keep_signed import ToSign
from access_review.store import logged, plans, rosters
from access_review.store.plans import StoredPlan
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class OwnStatement:
    """One thing that somebody signed; ``stored`` is the plan that it is of, nothing for what belongs to no run."""

    statement: Statement
    stored: StoredPlan | None = None

    @property
    def name(self) -> str:
        """Its id, as an address has it."""
        return self.statement.id.removeprefix("sha256:")


def own_statements(workspace: Workspace, run: Run, by: str, now: datetime) -> tuple[OwnStatement, ...]:
    """Return what a person signed and has not taken back, the newest first; raises ``PlanRefused`` for nobody of the rosters.

    Raises ``ArtifactError`` for a damaged logbook.
    """
    person = rosters.person_now(run, by, now)
    found = [
        OwnStatement(one)
        for one in said_by(plans.workspace_statements(workspace.folder), plans.signatories(run), person)
        if one.kind not in {StatementKind.ATTESTATION, StatementKind.STOP}
    ]
    for stored in _plans(workspace, now):
        found += [OwnStatement(one, stored) for one in said_by(stored.approvals, stored.signatories, person)]
    return tuple(sorted(found, key=lambda one: (one.statement.at, one.name), reverse=True))


def _plans(workspace: Workspace, now: datetime) -> Iterator[StoredPlan]:
    """Yield the plans that the logbook knows and whose time is not over; one that cannot be read is nobody's to take back here."""
    log = logged.known(workspace.folder)
    for entry in log.of(LogEvent.PLAN) if log else ():
        run, _, rest = next(iter(entry.files)).partition("/")
        try:
            stored = plans.find(Run(workspace.folder / "runs" / run), rest.partition("/")[0])
        except AccessReviewError:
            continue
        if stored.plan.digest == entry.name and now < stored.plan.expires_at:
            yield stored


def withdrawal_to_sign(workspace: Workspace, run: Run, name: str, by: str, reason: str, at: datetime) -> ToSign:
    """Return that somebody takes back what they signed, as they are to sign it; what was signed stays where it is.

    Raises ``Unclear`` for what is not theirs, or is taken back already, and ``PlanRefused`` for nobody of the rosters.
    """
    found = next((one for one in own_statements(workspace, run, by, at) if one.name == name), None)
    if found is None:
        raise Unclear("nothing of yours that stands has this name", hint="it may be taken back already, or be over")
    folder = found.stored.folder / "approvals" if found.stored else workspace.folder / plans.SIGNED_HERE
    people = found.stored.signatories if found.stored else plans.signatories(run)
    about = found.stored.run.id if found.stored else ""
    person = rosters.person_now(run, by, at)
    said = Statement(StatementKind.WITHDRAWAL, found.statement.id, person, at, reason, run=about)
    return ToSign(said, people, folder)

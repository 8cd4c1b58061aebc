"""Files tampered with and no review made: what the tool believes of a plan is what once was, or nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from access_review import runs, workspace
from access_review.revoke import approve
from access_review.store import logged, plans
from access_review.store.journal import JournalFile
from tests.attacks.tampering import ACTS, Chance, History, Prepared, clock_set, run_forged, signed_by_the_attacker
from tests.support.faulty_company import APPLY

WITHOUT_A_REVIEW: Sequence[tuple[str, Callable[[History], None]]] = tuple(
    one for one in ACTS if one[1] not in {run_forged, signed_by_the_attacker, clock_set}
)


@dataclass(frozen=True, slots=True)
class Believed:
    """What the tool believes of a plan on disk: which it is, who stands behind it, and where each change stands."""

    digest: str
    approvers: frozenset[str]
    standings: Mapping[str, object]


def believed(prepared: Prepared, space: workspace.Workspace) -> Believed:
    """Read plan, signatures, journal and logbook as ``apply`` does before it derives; raises ``AccessReviewError``."""
    folder, now = prepared.company.folder, datetime.fromisoformat(APPLY) + timedelta(minutes=1)
    logged.begin(folder, now, "apply")
    stored = plans.find(runs.find(folder, reviewed=True), "plan")
    plans.require_journals(folder)
    stands = approve.require(
        stored.plan, stored.approvals, space.approvers, stored.signatories,
        now=now, by="00007", seen=plans.seen(stored),
    )  # fmt: skip
    with JournalFile(stored.journal, stored.plan.digest) as journal:
        return Believed(stored.plan.digest, frozenset(stands.approvers), dict(journal.standings))


def tampered(prepared: Prepared, chance: Chance) -> list[str]:
    """Put the company back to where its batch was carried out, and tamper with one to three things; return what."""
    history = History(prepared, chance)
    history.company, history.attacker = prepared.at("applied"), chance.choice((7, 8, 9))
    for _ in range(chance.choice((1, 1, 2, 3))):
        history._act(*chance.choice(WITHOUT_A_REVIEW))
    return history.told

"""Sign in: who of the roster somebody is, by what their holder cannot edit.

The tenant and the object id find an account, and the account its one certain owner, of
whom nothing is doubted; a former owner is nobody. An employee id may only contradict.
Names and mail addresses decide nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from access_review.review import STEPS_OF_DOUBTS, establish
from access_review.runs import Run
from access_review.settings.web import Web
from access_review.store import reviews, rosters, snapshots
from access_review.workspace import Workspace


class WebRole(StrEnum):
    """What somebody may look at and do in the browser."""

    REVIEWER = "reviewer"
    APPROVER = "approver"
    OPERATIONS = "operations"
    AUDITOR = "auditor"


class NotKnown(StrEnum):
    """Why somebody who proved who they are at the provider is nobody here."""

    OTHER_TENANT = "other tenant"
    NO_ACCOUNT = "no account"
    CONTRADICTED = "contradicted"
    GONE = "gone"
    NO_RUN = "no run"


@dataclass(frozen=True, slots=True)
class Claims:
    """What the provider says of somebody, checked: the tenant, the object id, and every other claim as text."""

    tenant: str
    object_id: str
    others: Mapping[str, str]


def find_person(run: Run | None, web: Web, claims: Claims, owners: Mapping[str, str]) -> str | NotKnown:
    """Return who somebody is, by id, in the newest reviewed run, whose :func:`certain_owners` these are; or why they are nobody.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    at = web.sign_in
    if run is None:
        return NotKnown.NO_RUN
    if claims.tenant.casefold() != at.tenant.casefold():
        return NotKnown.OTHER_TENANT
    read = _tenant_read(run, at.source)
    if read and read.casefold() != at.tenant.casefold():
        return NotKnown.OTHER_TENANT
    person = owners.get(claims.object_id.casefold())
    if person is None:
        return NotKnown.NO_ACCOUNT
    said = claims.others.get(at.employee_claim, "") if at.employee_claim else ""
    if said and said != person.rpartition(":")[2]:
        return NotKnown.CONTRADICTED
    return person if person in rosters.people_now(run).here else NotKnown.GONE


def certain_owners(run: Run, workspace: Workspace, source: str) -> Mapping[str, str]:
    """Return the one certain owner of each account of a source, by its id there in small letters, where nothing is doubted.

    What the run keeps of owners has former ones too, for the next run to compare with: they count only where they are
    so by its own facts as well. Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    kept, snapshot = reviews.owners(run), snapshots.load(run)
    if kept is None:
        return {}
    with reviews.engine_of(workspace, snapshot) as engine:
        before = reviews.owners_before(run.workspace, run)
        establish(reviews.tables_of_owners(snapshot), workspace, engine, before, STEPS_OF_DOUBTS)
        engine.register("kept_owners", kept)
        rows = engine.rows(_CERTAIN, source=source)
    return {row["account"].split(":", 2)[-1].casefold(): row["person"] for row in rows}


_CERTAIN = """
    SELECT CAST(a.account AS VARCHAR) AS account, CAST(a.person AS VARCHAR) AS person
    FROM accounts AS a JOIN kept_owners AS k ON k.account = a.account AND k.person = a.person
    WHERE a.source = :source AND a.certain AND a.account NOT IN (SELECT account FROM doubted)
"""


@lru_cache(maxsize=4)
def _tenant_read(run: Run, source: str) -> str:
    identity, _ = snapshots.load(run).systems.get(source, (None, None))
    return identity or ""

"""Sign in: who of the roster somebody is, by what their holder cannot edit.

The tenant and the object id find an account, and the account its one certain owner. An
employee id may only contradict. Names and mail addresses decide nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from access_review.runs import Run
from access_review.settings.web import Web
from access_review.store import reviews, rosters, snapshots


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


def find_person(folder_runs: Run | None, web: Web, claims: Claims) -> str | NotKnown:
    """Return who somebody is, by id, in the newest reviewed run; or why they are nobody.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    run, at = folder_runs, web.sign_in
    if run is None:
        return NotKnown.NO_RUN
    if claims.tenant.casefold() != at.tenant.casefold():
        return NotKnown.OTHER_TENANT
    read = _tenant_read(run, at.source)
    if read and read.casefold() != at.tenant.casefold():
        return NotKnown.OTHER_TENANT
    person = _owners(run).get((at.source, claims.object_id.casefold()))
    if person is None:
        return NotKnown.NO_ACCOUNT
    said = claims.others.get(at.employee_claim, "") if at.employee_claim else ""
    if said and said != person.rpartition(":")[2]:
        return NotKnown.CONTRADICTED
    return person if person in rosters.people_now(run).here else NotKnown.GONE


@lru_cache(maxsize=4)
def _owners(run: Run) -> Mapping[tuple[str, str], str]:
    """Return the one certain owner of each account, by its source and its id there."""
    table = reviews.owners(run)
    if table is None:
        return {}
    rows = table.read().select(["account", "person"]).to_pylist()
    named = [(row["account"].split(":", 2), row["person"]) for row in rows]
    return {(parts[0], parts[-1].casefold()): person for parts, person in named}


@lru_cache(maxsize=4)
def _tenant_read(run: Run, source: str) -> str:
    identity, _ = snapshots.load(run).systems.get(source, (None, None))
    return identity or ""

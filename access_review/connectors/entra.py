"""Microsoft Entra ID from saved Microsoft Graph v1.0 pages.

``recorded`` names a folder. A file is one page of a Graph response, unchanged
(``value``, ``@odata.nextLink``, ``@odata.count`` …); the pages that follow
``users.json`` are ``users.2.json``, ``users.3.json`` …

=========================================  ==================================================================
file                                       saved from
=========================================  ==================================================================
users.json                                 /users (with signInActivity, assignedLicenses, …)
groups.json                                /groups
conditionalAccessPolicies.json             /identity/conditionalAccess/policies
subscribedSkus.json                        /subscribedSkus
administrativeUnits.json                   /directory/administrativeUnits
roleDefinitions.json                       /roleManagement/directory/roleDefinitions
roleAssignments.json                       /roleManagement/directory/roleAssignments
roleAssignmentScheduleInstances.json       /roleManagement/directory/roleAssignmentScheduleInstances
roleEligibilityScheduleInstances.json      /roleManagement/directory/roleEligibilityScheduleInstances
groupAssignmentScheduleInstances.json      /identityGovernance/privilegedAccess/group/assignmentScheduleInstances
groupEligibilityScheduleInstances.json     /identityGovernance/privilegedAccess/group/eligibilityScheduleInstances
agentIdentities.json                       /servicePrincipals/microsoft.graph.agentIdentity
agentIdentityBlueprintPrincipals.json      /servicePrincipals/microsoft.graph.agentIdentityBlueprintPrincipal
servicePrincipals.json                     /servicePrincipals
applications.json                          /applications
oauth2PermissionGrants.json                /oauth2PermissionGrants
signIns.json                               /auditLogs/signIns
groups/<id>/members.json, …/owners.json    /groups/<id>/members, /groups/<id>/owners
servicePrincipals/<id>/….json              …/appRoleAssignedTo, …/owners
applications/<id>/owners.json              /applications/<id>/owners
agentIdentities/<id>/sponsors.json         /servicePrincipals/<id>/microsoft.graph.agentIdentity/sponsors
=========================================  ==================================================================

A file per group is many files, so the last four may also stand together as the
answers of ``$batch`` requests whose ids are the object's: ``groups/members.json``
holds ``{"responses": [{"id": "<group id>", "status": 200, "body": <page>}, …]}``.
Several responses with one id are its pages, in order. An object without members
still has its empty page: no answer means *not read*.

``recorded`` may also map collections to files, one each, for pages saved under
other names: ``{users: users.json, "groups/<id>/members": group-members.json}``.

Users, groups and the members of every group are indispensable. Any other part may
be missing; the verdict ``part:<name>`` says so.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from access_review.connectors import Source
from access_review.connectors.marks import Effect, Marks
from access_review.connectors.msgraph.pages import Pages, saved
from access_review.connectors.msgraph.parts import verdicts
from access_review.connectors.msgraph.roles import PRIVILEGED_ROLES
from access_review.connectors.msgraph.tenant import Tenant
from access_review.errors import WorkspaceError


@dataclass(frozen=True, slots=True)
class Entra:
    """Everything one tenant holds; ``pages`` is the only door to it."""

    source: Source
    pages: Pages
    marks: Marks = field(default_factory=Marks)
    synced_from: str = "on-premises"
    privileged_roles: Sequence[str] = PRIVILEGED_ROLES

    def collect(self, as_of: datetime) -> Iterator[tuple[str, Any]]:  # noqa: ARG002  pages say when they were saved
        """Yield ``(table, row)`` for everything the tenant holds, and the verdicts."""
        tenant = Tenant(self.source, self.pages, self.marks, self.synced_from, self.privileged_roles)
        counted: Counter[str] = Counter()
        for table, row in tenant.rows():
            counted[table] += 1
            yield table, row
        yield from verdicts(self.source, tenant.verdicts, counted)


def connect(
    source: Source,
    *,
    recorded: str | dict[str, str],
    synced_from: str = "on-premises",
    service_accounts: Sequence[str] = (),
    shared_accounts: Sequence[str] = (),
    break_glass: Sequence[str] = (),
    privileged: Sequence[str] = (),
    privileged_roles: Sequence[str] = PRIVILEGED_ROLES,
    effect: Mapping[Effect, Sequence[str]] | None = None,
    client: Mapping[str, str] | None = None,
) -> Entra:
    """Open saved pages: a folder, or a file per collection.

    ``synced_from`` is the name of the source that masters synchronised objects.
    ``service_accounts``, ``shared_accounts`` and ``break_glass`` are patterns over
    user principal names; ``privileged``, ``effect`` (``{restricts: [PATTERN]}``) and
    ``client`` (``{PATTERN: client}``) over the names of groups, roles (``Reader @ Unit``), app roles (``Application/Role``), consents
    (``Application/Resource:scope``) and licences. ``privileged_roles`` are role
    templates. Raises ``WorkspaceError`` for a folder or file that is not there.
    """
    marks = Marks(privileged, effect or {}, service_accounts, shared_accounts, break_glass, client or {})
    return Entra(source, _saved(source, recorded), marks, synced_from, privileged_roles)


def _saved(source: Source, recorded: str | dict[str, str]) -> Pages:
    if isinstance(recorded, str):
        folder = source.folder / recorded
        if not folder.is_dir():
            raise WorkspaceError(f"{source.name}: recorded: no folder {recorded!r}", hint="save Graph pages there")
        return saved(folder)
    missing = sorted(name for name in recorded.values() if not (source.folder / name).is_file())
    if missing:
        raise WorkspaceError(f"{source.name}: recorded: no file {', '.join(map(repr, missing))}")
    return saved(source.folder, recorded)

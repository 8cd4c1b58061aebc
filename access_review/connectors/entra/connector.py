"""Microsoft Entra ID, live over Microsoft Graph v1.0 and from its saved pages.

Live: ``tenant`` and ``reader`` name the tenant and a read-only application registration
(``runbooks/connect-entra.md``).

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
organization.json                          /organization
oauth2PermissionGrants.json                /oauth2PermissionGrants
signIns.json                               /auditLogs/signIns
groups/<id>/members.json, …/owners.json    /groups/<id>/members, /groups/<id>/owners
servicePrincipals/<id>/….json              …/appRoleAssignedTo, …/owners
applications/<id>/owners.json              /applications/<id>/owners
administrativeUnits/<id>/….json            …/members, …/scopedRoleMembers
agentIdentities/<id>/sponsors.json         /servicePrincipals/<id>/microsoft.graph.agentIdentity/sponsors
=========================================  ==================================================================

A file per group is many files, so the last five may also stand together as the
answers of ``$batch`` requests whose ids are the object's: ``groups/members.json``
holds ``{"responses": [{"id": "<group id>", "status": 200, "body": <page>}, …]}``.
Several responses with one id are its pages, in order. An object without members
still has its empty page: no answer means *not read*.

``recorded`` may also map collections to files, one each, for pages saved under
other names: ``{users: users.json, "groups/<id>/members": group-members.json}``.

Users, groups and the members of every group are indispensable. Any other part may
be missing; the verdict ``part:<name>`` says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from access_review.connectors import Connector, Source
from access_review.connectors.classification import Classification, Effect
from access_review.connectors.entra.paged_tenant import PagedTenant
from access_review.connectors.entra.pages import AbsentError, SavedPages
from access_review.connectors.entra.registration import CLOUDS, Cloud, CloudName, Registration, TenantReach
from access_review.connectors.entra.roles import PRIVILEGED_ROLES
from access_review.connectors.secret import Named
from access_review.errors import WorkspaceError


def connect(
    source: Source,
    *,
    recorded: str | dict[str, str] | None = None,
    tenant: str | None = None,
    reader: Registration | None = None,
    writer: Registration | None = None,
    cloud: CloudName | Cloud = "global",
    ca_file: str | None = None,
    proxy: Named | None = None,
    reach: TenantReach | None = None,
    synced_from: str = "on-premises",
    service_accounts: Sequence[str] = (),
    shared_accounts: Sequence[str] = (),
    break_glass: Sequence[str] = (),
    privileged: Sequence[str] = (),
    privileged_roles: Sequence[str] = PRIVILEGED_ROLES,
    effect: Mapping[Effect, Sequence[str]] | None = None,
    client: Mapping[str, str] | None = None,
    sensitivity: Mapping[str, str] | None = None,
    empty: Sequence[str] = (),
) -> Connector:
    """Open a tenant: ``recorded``, or ``tenant`` and ``reader``.

    recorded: saved pages: a folder, or a file per collection.
    tenant: the tenant's id or one of its domains.
    reader: the application registration that reads: client_id and one of secret, certificate, managed_identity and
    device_code (with token_cache).
    writer: the registration that makes changes; without it the source is read-only.
    cloud: global, us-government, us-government-dod or china; or where another signs in and has its Graph.
    ca_file: the authority that issued the servers' certificates, from the source's folder; the system's unless said.
    proxy: the proxy's address, or where it is kept; none unless said, whatever the environment says.
    reach: parts to leave out (without), the window of sign_ins, source_of_authority, parallel requests, mirror.
    synced_from: the source that masters synchronised objects.
    service_accounts, shared_accounts, break_glass: patterns of user principal names.
    privileged: patterns of names of groups, roles (``Reader @ Unit``), app roles (``Application/Role``), consents
    (``Application/Resource:scope``) and licences that are privileged.
    privileged_roles: role templates that are privileged.
    effect: patterns of names of groups that do something else than grant.
    client: whose groups and applications those of a pattern are.
    sensitivity: the class of data behind entitlements, by pattern of their names; the first that fits.
    empty: what stands for an empty value in this tenant, beside the usual (N/A, NULL, - …).

    Raises ``WorkspaceError`` for options that exclude each other, ``ConnectorError`` for a secret or certificate that
    cannot be had.
    """
    paged = PagedTenant(
        source,
        _unopened,
        Classification(
            privileged=privileged,
            effect=effect or {},
            service_accounts=service_accounts,
            shared_accounts=shared_accounts,
            break_glass=break_glass,
            client=client or {},
            sensitivity=sensitivity or {},
        ),
        synced_from,
        privileged_roles,
        frozenset(empty),
    )
    if recorded is not None:
        if tenant or reader or writer:
            hint = "keep one of them"
            raise WorkspaceError(f"{source.name}: recorded and tenant exclude each other", hint=hint)
        return _saved(paged, recorded)
    if not tenant or reader is None:
        hint = "name saved pages under recorded, or tenant and reader"
        raise WorkspaceError(f"{source.name}: nothing is named to read from", hint=hint)
    # requests and msal take a quarter of a second to import, which whoever reads saved pages does not need.
    from access_review.connectors.entra.connections import TenantConnections
    from access_review.connectors.entra.live import LiveTenant

    reach = reach or TenantReach()
    place = CLOUDS[cloud] if isinstance(cloud, str) else cloud
    authority = source.folder / ca_file if ca_file else None
    connections = TenantConnections(source, tenant, place, authority, proxy, reach.parallel)
    live = LiveTenant(paged, partial(connections.open, reader), reach)
    return live if writer is None else live.writable(partial(connections.open, writer))


def _unopened(collection: str) -> Iterator[Any]:
    raise AbsentError(f"{collection} is not open")


def _saved(paged: PagedTenant, recorded: str | dict[str, str]) -> PagedTenant:
    source = paged.source
    if isinstance(recorded, str):
        folder = source.folder / recorded
        return replace(paged, pages=SavedPages(folder), files=(folder,))
    files = tuple(source.folder / name for name in recorded.values())
    return replace(paged, pages=SavedPages(source.folder, recorded), files=files)

"""What is asked of Microsoft Graph to read a tenant, and which permission each request needs.

One line per part (:mod:`access_review.connectors.entra.tenant_parts`). Sources: the reference
pages of Graph v1.0 for each path; permissions are application permissions, the least
that return every property asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

USERS = (
    "id userPrincipalName displayName mail proxyAddresses accountEnabled userType employeeId employeeType department "
    "jobTitle companyName createdDateTime externalUserState lastPasswordChangeDateTime onPremisesSyncEnabled "
    "onPremisesImmutableId onPremisesSecurityIdentifier assignedLicenses licenseAssignmentStates identityParentId"
)
GROUPS = (
    "id displayName mailNickname description groupTypes securityEnabled mailEnabled isAssignableToRole "
    "onPremisesSyncEnabled onPremisesSecurityIdentifier assignedLicenses visibility"
)
SERVICE_PRINCIPALS = (
    "id appId displayName appDisplayName servicePrincipalType appOwnerOrganizationId accountEnabled appRoles "
    "alternativeNames tags keyCredentials passwordCredentials verifiedPublisher"
)
ROLE_INSTANCE = "id principalId roleDefinitionId directoryScopeId appScopeId memberType startDateTime endDateTime"
GROUP_INSTANCE = "id groupId principalId accessId memberType startDateTime endDateTime"

SEES_HIDDEN = "Member.Read.Hidden"
"""The permission to see who is in a group that hides its members: without it, Graph's answer is a group without members."""

DIRECTORY, REPORTS, POLICIES = "directory", "reports", "policies"
MOST = 999
"""The largest page of directory objects."""


@dataclass(frozen=True, slots=True)
class GraphQuery:
    """One kind of request.

    ``path`` has ``{id}`` where a request per object is made. ``count`` asks for the
    server's own number. ``why`` and ``lost`` say what the permission is for and what
    nobody knows without it.
    """

    part: str
    path: str
    select: str
    permission: str
    why: str
    lost: str
    top: int | None = None
    count: bool = False
    expand: str = ""
    workload: str = DIRECTORY

    @property
    def per_object(self) -> bool:
        """Tell whether there is one request per object."""
        return "{id}" in self.path

    @property
    def names(self) -> tuple[str, ...]:
        """The properties asked for."""
        return tuple(self.select.split())


QUERIES = (
    GraphQuery(
        "users",
        "/users",
        USERS,
        "User.Read.All",
        "users: names, employee and hybrid fields, guests, licences with their source",
        "Nothing can be read without users.",
        MOST,
        count=True,
    ),
    GraphQuery(
        "signInActivity",
        "/users",
        USERS + " signInActivity",
        "AuditLog.Read.All",
        "the last successful sign-in of each user (needs Entra ID P1)",
        "The last use of every account is unknown: dormant accounts are not found.",
        500,
        count=True,
    ),
    GraphQuery(
        "deletedUsers",
        "/directory/deletedItems/microsoft.graph.user",
        "id userPrincipalName displayName deletedDateTime",
        "User.Read.All",
        "deleted users, which can be restored for 30 days",
        "Deleted and never-existing users look the same.",
        MOST,
    ),
    GraphQuery(
        "groups",
        "/groups",
        GROUPS,
        "GroupMember.Read.All",
        "groups of every kind",
        "Nothing can be read without groups.",
        MOST,
        count=True,
    ),
    GraphQuery(
        "groups/members",
        "/groups/{id}/members",
        "id",
        "GroupMember.Read.All",
        "who is in each group, groups included",
        "Nothing can be concluded about groups.",
        MOST,
        count=True,
    ),
    GraphQuery(
        "groups/owners",
        "/groups/{id}/owners",
        "id",
        "GroupMember.Read.All",
        "who answers for each group",
        "Who answers for groups is unknown.",
    ),
    GraphQuery(
        "groups/onPremisesSyncBehavior",
        "/groups/{id}/onPremisesSyncBehavior",
        "id isCloudManaged",
        "Group-OnPremisesSyncBehavior.ReadWrite.All",
        "whether the cloud has become the authority of a synchronised group (only asked with `source_of_authority`)",
        "Every synchronised group counts as mastered on premises.",
    ),
    GraphQuery(
        "conditionalAccessPolicies",
        "/identity/conditionalAccess/policies",
        "id displayName state conditions",
        "Policy.Read.All",
        "groups and users that Conditional Access includes and leaves out",
        "Groups that restrict or exempt look like any other, and might be cut.",
        workload=POLICIES,
    ),
    GraphQuery(
        "subscribedSkus",
        "/subscribedSkus",
        "id skuId skuPartNumber",
        "LicenseAssignment.Read.All",
        "what licences are called",
        "Licences are not reviewed.",
    ),
    GraphQuery(
        "administrativeUnits",
        "/directory/administrativeUnits",
        "id displayName isMemberManagementRestricted",
        "AdministrativeUnit.Read.All",
        "the names of the scopes of directory roles, and which units only their own administrators may change",
        "Scoped roles show the id of their unit.",
        MOST,
    ),
    GraphQuery(
        "administrativeUnits/members",
        "/directory/administrativeUnits/{id}/members",
        "id",
        "AdministrativeUnit.Read.All",
        "which groups a restricted unit protects from other administrators, this tool included",
        "Changes of groups in restricted units are planned, and refused when they are carried out.",
        MOST,
    ),
    GraphQuery(
        "administrativeUnits/scopedRoleMembers",
        "/directory/administrativeUnits/{id}/scopedRoleMembers",
        "id roleId roleMemberInfo",
        "RoleManagement.Read.Directory",
        "who administers each unit, held against the role assignments",
        "Nothing confirms that every scoped role was read.",
    ),
    GraphQuery(
        "roleDefinitions",
        "/roleManagement/directory/roleDefinitions",
        "id templateId displayName description",
        "RoleManagement.Read.Directory",
        "directory roles, built-in and custom",
        "Directory roles are not reviewed.",
    ),
    GraphQuery(
        "roleAssignments",
        "/roleManagement/directory/roleAssignments",
        "id principalId roleDefinitionId directoryScopeId appScopeId",
        "RoleManagement.Read.Directory",
        "who holds which directory role, and for what scope",
        "Directory roles are not reviewed.",
    ),
    GraphQuery(
        "roleAssignmentScheduleInstances",
        "/roleManagement/directory/roleAssignmentScheduleInstances",
        f"{ROLE_INSTANCE} assignmentType roleAssignmentScheduleId",
        "RoleManagement.Read.Directory",
        "which roles are held through PIM, and until when (needs Entra ID P2)",
        "Roles held for a time look standing.",
    ),
    GraphQuery(
        "roleEligibilityScheduleInstances",
        "/roleManagement/directory/roleEligibilityScheduleInstances",
        f"{ROLE_INSTANCE} roleEligibilityScheduleId",
        "RoleManagement.Read.Directory",
        "who may activate which role through PIM (needs Entra ID P2)",
        "Eligible roles are not reviewed.",
    ),
    GraphQuery(
        "groupAssignmentScheduleInstances",
        "/identityGovernance/privilegedAccess/group/assignmentScheduleInstances",
        f"{GROUP_INSTANCE} assignmentType assignmentScheduleId",
        "PrivilegedAssignmentSchedule.Read.AzureADGroup",
        "which memberships PIM for groups made (needs Entra ID P2)",
        "Memberships for a time look standing.",
    ),
    GraphQuery(
        "groupEligibilityScheduleInstances",
        "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances",
        f"{GROUP_INSTANCE} eligibilityScheduleId",
        "PrivilegedEligibilitySchedule.Read.AzureADGroup",
        "who may become a member through PIM for groups (needs Entra ID P2)",
        "Eligible memberships are not reviewed.",
    ),
    GraphQuery(
        "agentIdentities",
        "/servicePrincipals/microsoft.graph.agentIdentity",
        SERVICE_PRINCIPALS + " agentIdentityBlueprintId createdDateTime",
        "AgentIdentity.Read.All",
        "identities of AI agents and the blueprint of each",
        "AI agents look like any service principal.",
        MOST,
    ),
    GraphQuery(
        "agentIdentities/sponsors",
        "/servicePrincipals/{id}/microsoft.graph.agentIdentity/sponsors",
        "id",
        "Application.Read.All",
        "who answers for each AI agent",
        "Who sponsors AI agents is unknown.",
    ),
    GraphQuery(
        "agentIdentityBlueprintPrincipals",
        "/servicePrincipals/microsoft.graph.agentIdentityBlueprintPrincipal",
        SERVICE_PRINCIPALS,
        "AgentIdentityBlueprintPrincipal.Read.All",
        "principals of blueprints, whose permissions reach every agent made from them",
        "What AI agents hold through their blueprint is unknown.",
        MOST,
    ),
    GraphQuery(
        "servicePrincipals",
        "/servicePrincipals",
        SERVICE_PRINCIPALS,
        "Application.Read.All",
        "applications, managed identities, their app roles, secrets and certificates",
        "Applications and their access are not reviewed.",
        MOST,
        count=True,
    ),
    GraphQuery(
        "servicePrincipals/appRoleAssignedTo",
        "/servicePrincipals/{id}/appRoleAssignedTo",
        "id principalId principalType appRoleId createdDateTime",
        "Application.Read.All",
        "who holds which app role",
        "Access to applications is not reviewed.",
        MOST,
    ),
    GraphQuery(
        "servicePrincipals/owners",
        "/servicePrincipals/{id}/owners",
        "id",
        "Application.Read.All",
        "who answers for each service principal",
        "Who answers for applications is unknown.",
    ),
    GraphQuery(
        "applications",
        "/applications",
        "id appId keyCredentials passwordCredentials",
        "Application.Read.All",
        "secrets and certificates of the tenant's own applications, and when they expire",
        "Secrets of applications are not reviewed.",
        MOST,
        count=True,
    ),
    GraphQuery(
        "applications/owners",
        "/applications/{id}/owners",
        "id",
        "Application.Read.All",
        "who answers for each application",
        "Who answers for applications is unknown.",
    ),
    GraphQuery(
        "oauth2PermissionGrants",
        "/oauth2PermissionGrants",
        "id clientId consentType principalId resourceId scope",
        "Directory.Read.All",
        "consents: what applications may do for one user or for everybody. No narrower permission reads them.",
        "Consents are not reviewed, those given to AI applications included.",
        MOST,
    ),
    GraphQuery(
        "accessPackages",
        "/identityGovernance/entitlementManagement/accessPackages",
        "id displayName description",
        "EntitlementManagement.Read.All",
        "access packages and the groups and applications they give (needs Entra ID Governance)",
        "What an access package gave looks as if it could simply be removed.",
        expand="resourceRoleScopes($expand=role,scope)",
    ),
    GraphQuery(
        "accessPackageAssignments",
        "/identityGovernance/entitlementManagement/assignments",
        "id state schedule",
        "EntitlementManagement.Read.All",
        "who holds which access package, and until when",
        "What an access package gave looks as if it could simply be removed.",
        expand="target,accessPackage($select=id)",
    ),
    GraphQuery(
        "signIns",
        "/auditLogs/signIns",
        "id userId servicePrincipalId createdDateTime status location deviceDetail appDisplayName ipAddress "
        "conditionalAccessStatus",
        "AuditLog.Read.All",
        "sign-ins of a bounded window (needs Entra ID P1)",
        "Sign-ins after the end of employment, and from elsewhere, are not found.",
        1000,
        workload=REPORTS,
    ),
)

BY_PART: Mapping[str, GraphQuery] = {read.part: read for read in QUERIES}

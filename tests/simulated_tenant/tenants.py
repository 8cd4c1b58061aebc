"""Tenants out of a seed: every kind of object that a review reads, at any size. All of it is invented."""

import base64
import random
import uuid
from dataclasses import dataclass, field
from typing import Any

GRAPH_APP = "00000003-0000-0000-c000-000000000000"
GLOBAL_ADMIN = "62e90394-69f5-4237-9190-012177145e10"
READERS = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
SYNC_ROLE = "d29b2b05-8046-44ba-8758-1e26182fcf32"
DEFAULT_ROLE = "00000000-0000-0000-0000-000000000000"

Object = dict[str, Any]


@dataclass
class Tenant:
    """What a tenant holds: objects by collection and id, and who is linked to what, in order."""

    seed: int
    id: str = ""
    collections: dict[str, dict[str, Object]] = field(default_factory=dict)
    links: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    premium: bool = True
    governance: bool = True
    types: dict[str, str] = field(default_factory=dict)

    def add(self, collection: str, thing: Object, kind: str = "") -> str:
        """Put an object into a collection; ``kind`` is its type where Graph says it."""
        self.collections.setdefault(collection, {})[thing["id"]] = thing
        if kind:
            self.types[thing["id"]] = kind
        return str(thing["id"])

    def link(self, what: str, owner: str, *targets: str) -> None:
        """Link objects to another: ``groups/members``."""
        kept = self.links.setdefault((what, owner), [])
        kept += [target for target in targets if target not in kept]

    def of(self, collection: str) -> dict[str, Object]:
        """Return the objects of a collection by id."""
        return self.collections.setdefault(collection, {})

    def find(self, native: str) -> tuple[str, Object] | None:
        """Return a directory object wherever it is."""
        for collection in ("users", "groups", "servicePrincipals", "applications", "devices"):
            if native in self.of(collection):
                return collection, self.of(collection)[native]
        return None


@dataclass(frozen=True)
class Size:
    users: int
    groups: int
    memberships: int
    applications: int = 6
    largest: int = 0


SMALL = Size(users=9, groups=12, memberships=30, applications=4)
LARGE = Size(users=20_000, groups=3_000, memberships=150_000, applications=60, largest=12_000)


class Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.tenant = Tenant(seed, self.guid())

    def guid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def day(self, year: int = 2026) -> str:
        return f"{year}-{self.random.randint(1, 12):02}-{self.random.randint(1, 28):02}T08:{self.random.randint(0, 59):02}:00Z"

    def one(self, things: Any) -> Any:
        return self.random.choice(list(things))


def make(seed: int, size: Size = SMALL) -> Tenant:
    """Return a tenant; the same seed and size make the same one."""
    maker = Maker(seed)
    _licences(maker)
    _users(maker, size.users)
    _groups(maker, size.groups)
    _members(maker, size)
    _applications(maker, size.applications)
    _agents(maker)
    _roles(maker)
    _pim_groups(maker)
    _consents(maker)
    _policies(maker)
    _packages(maker)
    _sign_ins(maker)
    return maker.tenant


def _licences(maker: Maker) -> None:
    for name in ("SPE_E3", "POWER_BI_PRO"):
        sku = maker.guid()
        maker.tenant.add("subscribedSkus", {"id": f"{maker.tenant.id}_{sku}", "skuId": sku, "skuPartNumber": name})


def user(maker: Maker, number: int) -> Object:
    """Return one user; every fifth is synchronised, every ninth a guest."""
    synced, guest = number % 5 == 1, number % 9 == 8
    name = f"person{number}@norwind.example.test"
    rid = 1100 + number
    return {
        "id": maker.guid(),
        "userPrincipalName": name,
        "displayName": f"Person {number}",
        "mail": name if number % 3 else None,
        "proxyAddresses": [f"SMTP:{name}", f"smtp:p{number}@norwind.example.test"],
        "accountEnabled": number % 7 != 6,
        "userType": "Guest" if guest else "Member",
        "employeeId": None if guest else f"{10000 + number}",
        "employeeType": None if guest else "Employee",
        "department": maker.one(["Finance", "Support", "Claims"]),
        "jobTitle": maker.one(["Analyst", "Agent", "Lead"]),
        "companyName": "Norwind Outsourcing",
        "createdDateTime": maker.day(2024),
        "externalUserState": "Accepted" if guest else None,
        "lastPasswordChangeDateTime": maker.day(2025),
        "onPremisesSyncEnabled": True if synced else None,
        "onPremisesImmutableId": base64.b64encode(maker.random.randbytes(16)).decode() if synced else None,
        "onPremisesSecurityIdentifier": f"S-1-5-21-1004-2005-3006-{rid}" if synced else None,
        "assignedLicenses": [],
        "licenseAssignmentStates": [],
        **_activity(maker, number),
    }


def _activity(maker: Maker, number: int) -> Object:
    if number % 6 == 5:
        return {}  # never signed in: Graph leaves it out
    at = maker.day(2026)
    never = number % 6 == 4
    return {
        "signInActivity": {
            "lastSignInDateTime": at,
            "lastSignInRequestId": maker.guid(),
            "lastNonInteractiveSignInDateTime": None,
            "lastSuccessfulSignInDateTime": "0001-01-01T00:00:00Z" if never else at,
        }
    }


def _users(maker: Maker, count: int) -> None:
    tenant = maker.tenant
    for number in range(count):
        tenant.add("users", user(maker, number), "user")
    skus = [sku["skuId"] for sku in tenant.of("subscribedSkus").values()]
    for number, thing in enumerate(tenant.of("users").values()):
        if number % 4 == 0:
            thing["assignedLicenses"].append({"skuId": skus[0], "disabledPlans": []})
            state = {"skuId": skus[0], "assignedByGroup": None, "state": "Active", "error": "None", "disabledPlans": []}
            thing["licenseAssignmentStates"].append({**state, "lastUpdatedDateTime": "2026-01-05T08:00:00Z"})
    gone = {**user(maker, count + 1), "deletedDateTime": "2026-10-20T09:00:00Z"}
    tenant.add("deletedUsers", gone)


_KINDS: tuple[Any, ...] = (
    {},
    {"groupTypes": ["Unified"], "mailEnabled": True, "securityEnabled": False},
    {"onPremisesSyncEnabled": True},
    {"isAssignableToRole": True},
    {"groupTypes": ["DynamicMembership"]},
    {"mailEnabled": True, "securityEnabled": False},
    {"mailEnabled": True},
    {},
)


def group(native: str, name: str, **more: Any) -> Object:
    """Return a security group that the cloud masters, but for what ``more`` says."""
    return {
        "id": native,
        "displayName": name,
        "mailNickname": name.casefold(),
        "description": None,
        "groupTypes": [],
        "securityEnabled": True,
        "mailEnabled": False,
        "isAssignableToRole": None,
        "onPremisesSyncEnabled": None,
        "onPremisesSecurityIdentifier": None,
        "assignedLicenses": [],
        "visibility": None,
        **more,
    }


def _groups(maker: Maker, count: int) -> None:
    for number in range(count):
        kind = _KINDS[number % len(_KINDS)]
        described = None if number % 2 else "What its members work on"
        thing = group(maker.guid(), f"Group {number}", mailNickname=f"group{number}", description=described, **kind)
        if thing["onPremisesSyncEnabled"]:
            thing["onPremisesSecurityIdentifier"] = f"S-1-5-21-1004-2005-3006-{500_000 + number}"
        maker.tenant.add("groups", thing, "group")
        behaviour = {"id": thing["id"], "isCloudManaged": bool(thing["onPremisesSyncEnabled"]) and number % 16 == 10}
        maker.tenant.add("syncBehaviours", behaviour)


def _members(maker: Maker, size: Size) -> None:
    tenant, users, groups = maker.tenant, list(maker.tenant.of("users")), list(maker.tenant.of("groups"))
    for group in groups:
        tenant.links[("groups/members", group)] = []
        tenant.link("groups/owners", group, *maker.random.sample(users, maker.random.randint(0, 2)))
    left = size.memberships
    if size.largest:
        tenant.links[("groups/members", groups[0])] = users[: size.largest]
        left -= size.largest
    for n in range(1, len(groups) // 10 + 2):
        tenant.link("groups/members", groups[n], groups[n + 1])  # nested: a chain, never a cycle
        left -= 1
    chosen = {group: set(tenant.links[("groups/members", group)]) for group in groups}
    while left > 0:
        group, person = groups[maker.random.randrange(len(groups))], users[maker.random.randrange(len(users))]
        if person not in chosen[group]:
            chosen[group].add(person)
            tenant.links[("groups/members", group)].append(person)
            left -= 1
    device = tenant.add("devices", {"id": maker.guid(), "displayName": "PC-1"}, "device")
    tenant.link("groups/members", groups[-1], device)
    sku = next(iter(tenant.of("subscribedSkus").values()))["skuId"]
    tenant.of("groups")[groups[0]]["assignedLicenses"].append({"skuId": sku, "disabledPlans": []})


def _principal(maker: Maker, name: str, **more: Any) -> Object:
    return {
        "id": maker.guid(),
        "appId": maker.guid(),
        "displayName": name,
        "appDisplayName": name,
        "servicePrincipalType": "Application",
        "appOwnerOrganizationId": maker.tenant.id,
        "accountEnabled": True,
        "appRoles": [],
        "alternativeNames": [],
        "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
        "keyCredentials": [],
        "passwordCredentials": [],
        "verifiedPublisher": {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None},
        **more,
    }


def _role(maker: Maker, value: str) -> Object:
    texts = {"value": value, "displayName": value, "description": f"May {value}"}
    return {
        "id": maker.guid(),
        "isEnabled": True,
        "allowedMemberTypes": ["User", "Application"],
        "origin": "Application",
        **texts,
    }


def _applications(maker: Maker, count: int) -> None:
    tenant, users, groups = maker.tenant, list(maker.tenant.of("users")), list(maker.tenant.of("groups"))
    graph = _principal(maker, "Microsoft Graph", appId=GRAPH_APP, appRoles=[_role(maker, "User.Read.All")])
    tenant.add("servicePrincipals", graph, "servicePrincipal")
    for number in range(count):
        roles = [_role(maker, "Viewer"), _role(maker, "Approver")]
        thing = _principal(maker, f"Ledger {number}", appRoles=roles)
        if number % 3 == 2:
            thing["servicePrincipalType"] = "ManagedIdentity"
            thing["alternativeNames"] = ["isExplicit=True", "/subscriptions/1/resourceGroups/rg/x"]
        native = tenant.add("servicePrincipals", thing, "servicePrincipal")
        for principal, kind in ((users[number % len(users)], "User"), (groups[number % len(groups)], "Group")):
            _assign(maker, principal, kind, native, maker.one(roles)["id"])
        _assign(maker, native, "ServicePrincipal", graph["id"], graph["appRoles"][0]["id"])
        tenant.link("servicePrincipals/owners", native, users[number % len(users)])
        own = {"id": maker.guid(), "appId": thing["appId"], "displayName": thing["displayName"], "keyCredentials": []}
        secret = {
            "keyId": maker.guid(),
            "displayName": "ci",
            "hint": "abc",
            "secretText": None,
            "customKeyIdentifier": None,
        }
        own["passwordCredentials"] = [{**secret, "startDateTime": maker.day(2025), "endDateTime": maker.day(2027)}]
        tenant.add("applications", own, "application")
        tenant.link("applications/owners", own["id"], users[(number + 1) % len(users)])


def _assign(maker: Maker, principal: str, kind: str, resource: str, role: str) -> None:
    ends = {"principalId": principal, "principalType": kind, "resourceId": resource, "appRoleId": role}
    native = base64.urlsafe_b64encode(maker.random.randbytes(24)).decode().rstrip("=")
    at = {"createdDateTime": maker.day(2025), "principalDisplayName": None, "resourceDisplayName": None}
    maker.tenant.add("appRoleAssignments", {"id": native, **ends, **at})
    maker.tenant.link("servicePrincipals/appRoleAssignedTo", resource, native)


def _agents(maker: Maker) -> None:
    tenant, users = maker.tenant, list(maker.tenant.of("users"))
    blueprint = _principal(maker, "Invoice agents")
    tenant.add("servicePrincipals", blueprint, "agentIdentityBlueprintPrincipal")
    for number in range(2):
        more = {"agentIdentityBlueprintId": blueprint["appId"], "createdDateTime": maker.day(2026)}
        agent = _principal(maker, f"Invoice agent {number}", servicePrincipalType="ServiceIdentity", **more)
        agent["appId"] = agent["id"]
        tenant.add("servicePrincipals", agent, "agentIdentity")
        tenant.link("servicePrincipals/sponsors", agent["id"], users[number])
    graph = next(iter(tenant.of("servicePrincipals").values()))
    _assign(maker, blueprint["id"], "ServicePrincipal", graph["id"], graph["appRoles"][0]["id"])


def _unit(maker: Maker, name: str, members: Any, **more: Any) -> str:
    unit = maker.tenant.add("administrativeUnits", {"id": maker.guid(), "displayName": name, **more})
    maker.tenant.link("administrativeUnits/members", unit, *members)
    return unit


def _roles(maker: Maker) -> None:
    tenant, users, groups = maker.tenant, list(maker.tenant.of("users")), list(maker.tenant.of("groups"))
    for native, name in ((GLOBAL_ADMIN, "Global Administrator"), (READERS, "Directory Readers"), (SYNC_ROLE, "Sync")):
        tenant.add("roleDefinitions", {"id": native, "templateId": native, "displayName": name, "description": name})
    unit = _unit(maker, "Manila", users[1:4])
    restricted = _unit(maker, "Executives", (users[4], groups[-1]), isMemberManagementRestricted=True)
    for where in (unit, restricted):
        member = {"administrativeUnitId": where, "roleId": maker.guid(), "roleMemberInfo": {"id": users[1]}}
        tenant.link(
            "administrativeUnits/scopedRoleMembers",
            where,
            tenant.add("scopedRoleMembers", {"id": f"S{where}", **member}),
        )
    for principal, role, scope in (
        (users[0], GLOBAL_ADMIN, "/"),
        (users[1], READERS, f"/administrativeUnits/{unit}"),
        (users[1], READERS, f"/administrativeUnits/{restricted}"),
        (groups[3], READERS, "/"),
        (users[2], READERS, "/"),
    ):
        ends = {"principalId": principal, "roleDefinitionId": role, "directoryScopeId": scope}
        tenant.add("roleAssignments", {"id": maker.guid(), **ends, "appScopeId": None})
    held: dict[str, Any] = {
        "principalId": users[2],
        "roleDefinitionId": READERS,
        "directoryScopeId": "/",
        "appScopeId": None,
    }
    time = {"startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2027-01-01T00:00:00Z", "memberType": "Direct"}
    schedule = maker.guid()
    instance = {"id": maker.guid(), **held, **time, "assignmentType": "Assigned", "roleAssignmentScheduleId": schedule}
    tenant.add("roleAssignmentScheduleInstances", instance)
    schedule = maker.guid()
    for person in users[3:5]:
        may = {**held, "principalId": person, "roleDefinitionId": GLOBAL_ADMIN, "roleEligibilityScheduleId": schedule}
        tenant.add("roleEligibilityScheduleInstances", {"id": maker.guid(), **may, **time})


def _pim_groups(maker: Maker) -> None:
    tenant, users, groups = maker.tenant, list(maker.tenant.of("users")), list(maker.tenant.of("groups"))
    time = {"startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2027-01-01T00:00:00Z", "memberType": "direct"}
    for group in (groups[3], groups[0]):
        may = {"groupId": group, "principalId": users[-1], "accessId": "member", "eligibilityScheduleId": maker.guid()}
        tenant.add("groupEligibilityScheduleInstances", {"id": f"{group}_{maker.guid()}", **may, **time})
    tenant.link("groups/members", groups[3], users[0])
    runs = {"groupId": groups[3], "principalId": users[0], "accessId": "member", "assignmentScheduleId": maker.guid()}
    run = {"id": f"{groups[3]}_{maker.guid()}", **runs, **time, "assignmentType": "assigned"}
    tenant.add("groupAssignmentScheduleInstances", run)


def _consents(maker: Maker) -> None:
    tenant, users = maker.tenant, list(maker.tenant.of("users"))
    graph, app, *_ = tenant.of("servicePrincipals")
    for number, (kind, principal) in enumerate(
        (("AllPrincipals", None), ("Principal", users[0]), ("Principal", users[1]))
    ):
        ends = {"clientId": app, "resourceId": graph, "consentType": kind, "principalId": principal}
        tenant.add("oauth2PermissionGrants", {"id": f"consent-{number}", **ends, "scope": "User.Read Mail.Send"})


def _policies(maker: Maker) -> None:
    tenant, groups, users = maker.tenant, list(maker.tenant.of("groups")), list(maker.tenant.of("users"))
    who = {
        "includeUsers": ["All"],
        "excludeUsers": [users[0]],
        "includeGroups": [groups[7]],
        "excludeGroups": [groups[0]],
    }
    for number, state in enumerate(("enabled", "disabled", "enabledForReportingButNotEnforced")):
        thing = {"id": maker.guid(), "displayName": f"Policy {number}", "state": state, "conditions": {"users": who}}
        tenant.add("conditionalAccessPolicies", thing)


def _packages(maker: Maker) -> None:
    tenant, groups, users = maker.tenant, list(maker.tenant.of("groups")), list(maker.tenant.of("users"))
    for number, group in enumerate((groups[0], groups[7])):
        role = {"id": maker.guid(), "originId": f"Member_{group}", "originSystem": "AadGroup", "displayName": "Member"}
        scope = {"id": maker.guid(), "originId": group, "originSystem": "AadGroup", "isRootScope": True}
        gives = [{"id": maker.guid(), "role": role, "scope": scope}]
        thing = {
            "id": maker.guid(),
            "displayName": f"Package {number}",
            "description": None,
            "resourceRoleScopes": gives,
        }
        package = tenant.add("accessPackages", thing)
        tenant.link("groups/members", group, users[number])
        until = {"endDateTime": "2027-01-01T00:00:00Z", "duration": None, "type": "afterDateTime"}
        schedule = {"startDateTime": "2026-01-01T00:00:00Z", "recurrence": None, "expiration": until}
        target = {"id": maker.guid(), "objectId": users[number], "displayName": f"Person {number}"}
        held = {"state": "delivered", "schedule": schedule, "target": target, "accessPackage": {"id": package}}
        tenant.add("accessPackageAssignments", {"id": maker.guid(), **held})


def _sign_ins(maker: Maker) -> None:
    users = list(maker.tenant.of("users"))
    for number in range(7):
        device = {"deviceId": "", "displayName": "PC-1"}
        status = {"errorCode": 0 if number % 3 else 50126, "failureReason": None, "additionalDetails": None}
        thing: dict[str, Any] = {
            "id": maker.guid(),
            "userId": users[number % len(users)],
            "appDisplayName": "Ledger 0",
            "status": status,
        }
        thing |= {
            "createdDateTime": f"2026-11-{number + 10:02}T08:00:00Z",
            "deviceDetail": device,
            "servicePrincipalId": None,
        }
        maker.tenant.add("signIns", {**thing, "location": {"countryOrRegion": maker.one(["PH", "PL"])}})

"""The tenant as pages of Microsoft Graph, saved."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from tests.demo import infrastructure, seeded
from tests.demo.company import AS_OF, NEVER, AdGroup, Application, CloudGroup, CloudUser, Company
from tests.demo.write_directory import group_sid, immutable_id, user_sid

ROOT = "https://graph.microsoft.com/v1.0"
PAGE = 120
TENANT = seeded.guid("tenant/norwind")
SKUS = {"LIC-Office": "SPE_E3", "LIC-Frontline": "SPE_F1", "": "Microsoft_365_Copilot"}
# The ids of built-in directory roles are the same in every tenant.
ROLES = {
    "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "Helpdesk Administrator": "729827e3-9c14-49f7-bb1b-9608f156bbb8",
    "Application Administrator": "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "Exchange Administrator": "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "Security Reader": "5d6b6bb7-de71-4623-b4af-96380a352509",
    "Reports Reader": "4a5d8f65-41da-4de4-8968-e035b65339cf",
    "Directory Synchronization Accounts": "d29b2b05-8046-44ba-8758-1e26182fcf32",
}

Thing = dict[str, Any]


def files(company: Company) -> Iterator[tuple[str, str]]:
    """Yield the name and content of each file."""
    tenant = _Tenant(company)
    for name, things in {**tenant.directory(), **tenant.roles(), **tenant.policies(), **tenant.consents()}.items():
        yield from _pages(name, things)
    for name, answers in tenant.each().items():
        yield f"entra/{name}.json", _batch(answers)


class _Tenant:
    def __init__(self, company: Company) -> None:
        self.company = company
        self.groups = [g for g in company.ad_groups.values() if g.synced]
        self.ids = {user.upn: seeded.guid(user.key) for user in company.cloud_users.values()}
        names = [*(group.name for group in self.groups), *company.cloud_groups]
        self.ids |= {name: seeded.guid(f"entra/group/{name}") for name in names}
        self.ids |= {name: application.id for name, application in company.applications.items()}

    def directory(self) -> dict[str, list[Thing]]:
        """Return users, groups, service principals and applications."""
        applications = sorted(self.company.applications.values(), key=lambda a: a.name)
        users = sorted(self.company.cloud_users.values(), key=lambda u: u.upn)
        groups = [*(self._synced(g) for g in self.groups), *map(self._group, self.company.cloud_groups.values())]
        blueprint = next(a for a in applications if a.blueprint)
        return {
            "organization": [{"id": TENANT, "displayName": "Norwind Outsourcing"}],
            "users": [self._user(user) for user in users],
            "groups": sorted(groups, key=lambda g: str(g["displayName"])),
            "servicePrincipals": [self._principal(a, blueprint) for a in applications],
            "agentIdentities": [self._principal(a, blueprint) for a in applications if a.agent_of],
            "agentIdentityBlueprintPrincipals": [self._principal(blueprint, blueprint)],
            "applications": [_registration(a) for a in applications if _registered(a)],
            "subscribedSkus": [
                {"id": f"{TENANT}_{_sku(name)}", "skuId": _sku(name), "skuPartNumber": name} for name in SKUS.values()
            ],
            "signIns": [self._sign_in(n) for n in range(len(self.company.sign_ins))],
        }

    def _user(self, user: CloudUser) -> Thing:
        origin = self.company.ad_users.get(user.origin)
        groups = [name for name in SKUS if name and user.origin in self.company.ad_groups[name].members]
        states: list[Thing] = [
            {"skuId": _sku(SKUS[g]), "assignedByGroup": self.ids[g], "state": "Active"} for g in groups
        ]
        states += [{"skuId": _sku(name), "assignedByGroup": None, "state": "Active"} for name in sorted(user.licences)]
        synced: Thing = {}
        if origin:
            synced = {
                "onPremisesSyncEnabled": True,
                "onPremisesSecurityIdentifier": user_sid(origin),
                "onPremisesImmutableId": immutable_id(origin.login),
                "onPremisesSamAccountName": origin.login,
            }
        person = self.company.people.get(user.number)
        return {
            "id": self.ids[user.upn],
            "userPrincipalName": user.upn,
            "displayName": user.name,
            "mail": user.mail or None,
            "userType": "Guest" if user.guest else "Member",
            "accountEnabled": user.enabled,
            "employeeId": user.number or None,
            "employeeType": None if person is None else "Contractor" if person.contractor else "Employee",
            "department": user.department or None,
            "jobTitle": user.title or None,
            "createdDateTime": _time(user.created),
            **synced,
            "assignedLicenses": [{"skuId": state["skuId"], "disabledPlans": []} for state in states],
            "licenseAssignmentStates": states,
            **_activity(user.seen),
        }

    def _synced(self, group: AdGroup) -> Thing:
        licences = [{"skuId": _sku(SKUS[group.name]), "disabledPlans": []}] if group.name in SKUS else []
        on_premises = {"onPremisesSyncEnabled": True, "onPremisesSecurityIdentifier": group_sid(group)}
        return self._any_group(group.name, assignedLicenses=licences, **on_premises)

    def _group(self, group: CloudGroup) -> Thing:
        kinds = (["Unified"] if group.unified else []) + (["DynamicMembership"] if group.dynamic else [])
        return self._any_group(
            group.name,
            groupTypes=kinds,
            mailEnabled=group.unified or group.mail_only,
            securityEnabled=not (group.unified or group.mail_only),
            membershipRule=group.dynamic or None,
            isAssignableToRole=group.for_roles,
        )

    def _any_group(self, name: str, **more: Any) -> Thing:
        basis = {"groupTypes": [], "mailEnabled": False, "securityEnabled": True, "assignedLicenses": []}
        return {"id": self.ids[name], "displayName": name, **basis, **more}

    def _principal(self, application: Application, blueprint: Application) -> Thing:
        thing = {
            "id": application.id,
            "displayName": application.name,
            "appId": _app_id(application),
            "accountEnabled": application.enabled,
            "appOwnerOrganizationId": application.tenant or TENANT,
            "servicePrincipalType": application.kind,
            "appRoles": [_role(application.name, value) for value in application.roles],
            "passwordCredentials": [],
            "keyCredentials": [],
        }
        if application.agent_of:
            return {
                "@odata.type": "#microsoft.graph.agentIdentity",
                **thing,
                "agentIdentityBlueprintId": _app_id(blueprint),
            }
        if application.blueprint:
            return {"@odata.type": "#microsoft.graph.agentIdentityBlueprintPrincipal", **thing}
        return thing

    def _sign_in(self, number: int) -> Thing:
        found = self.company.sign_ins[number]
        return {
            "id": seeded.guid(f"signin/{found.who}/{found.at.isoformat()}"),
            "createdDateTime": _time(found.at),
            "userId": self.ids[found.who],
            "userPrincipalName": found.who,
            "appDisplayName": found.application,
            "status": {"errorCode": 0 if found.worked else 50126},
            "location": {"countryOrRegion": found.country},
        }

    def roles(self) -> dict[str, list[Thing]]:
        """Return who holds which directory role, or may activate it."""
        active = sorted(self.company.roles | self.company.activated)
        return {
            "roleDefinitions": [
                {"id": native, "templateId": native, "displayName": name, "isBuiltIn": True}
                for name, native in ROLES.items()
            ],
            "roleAssignments": [{"id": seeded.guid(f"role/{who}/{r}"), **self._holds(who, r)} for who, r in active],
            "roleAssignmentScheduleInstances": [self._run(who, role) for who, role in active],
            "roleEligibilityScheduleInstances": [self._may(who, role) for who, role in sorted(self.company.eligible)],
            "groupAssignmentScheduleInstances": [],
            "groupEligibilityScheduleInstances": [],
            "administrativeUnits": [],
        }

    def _holds(self, who: str, role: str) -> Thing:
        return {"principalId": self.ids[who], "roleDefinitionId": ROLES[role], "directoryScopeId": "/"}

    def _run(self, who: str, role: str) -> Thing:
        activated = (who, role) in self.company.activated
        return {
            "id": seeded.guid(f"run/{who}/{role}"),
            "roleAssignmentScheduleId": seeded.guid(f"schedule/{who}/{role}"),
            **self._holds(who, role),
            "assignmentType": "Activated" if activated else "Assigned",
            "memberType": "Direct",
            "startDateTime": _time(AS_OF.replace(hour=5)) if activated else "2025-03-03T08:00:00Z",
            "endDateTime": _time(AS_OF.replace(hour=13)) if activated else None,
        }

    def _may(self, who: str, role: str) -> Thing:
        return {
            "id": seeded.guid(f"may/{who}/{role}"),
            "roleEligibilityScheduleId": seeded.guid(f"eligible/{who}/{role}"),
            **self._holds(who, role),
            "memberType": "Direct",
            "startDateTime": "2026-01-05T08:00:00Z",
            "endDateTime": "2027-01-05T08:00:00Z",
        }

    def policies(self) -> dict[str, list[Thing]]:
        """Return the Conditional Access policies."""
        emergency = sorted(self.ids[upn] for upn in self.company.cloud_users if upn.startswith("emergency"))

        def policy(name: str, **users: list[str]) -> Thing:
            about = {"id": seeded.guid(f"policy/{name}"), "displayName": name, "state": "enabled"}
            return {**about, "conditions": {"users": users}}

        required = [self.ids["SG-MFA-Required"]]
        exempt = [self.ids["CA-Exempt-Emergency"]]
        return {
            "conditionalAccessPolicies": [
                policy("Require a second factor", includeGroups=required, excludeGroups=exempt, excludeUsers=[]),
                policy("Block old protocols", includeUsers=["All"], excludeUsers=emergency),
            ]
        }

    def consents(self) -> dict[str, list[Thing]]:
        """Return the delegated permissions: all scopes of one application and user in one."""
        made = []
        for client, who in sorted({(client, who) for client, who, _ in self.company.consents}):
            scopes = sorted(s for c, w, s in self.company.consents if (c, w) == (client, who))
            made.append(
                {
                    "id": seeded.guid(f"consent/{client}/{who}"),
                    "clientId": self.ids[client],
                    "consentType": "Principal" if who else "AllPrincipals",
                    "principalId": self.ids[who] if who else None,
                    "resourceId": self.ids[infrastructure.GRAPH],
                    "scope": " ".join(scopes),
                }
            )
        return {"oauth2PermissionGrants": made}

    def each(self) -> dict[str, dict[str, list[Thing]]]:
        """Return what is asked of each object, as the answers of ``$batch`` requests."""
        company, principals = self.company, sorted(self.company.applications.values(), key=lambda a: a.name)
        members = {self.ids[g.name]: self._members_of_synced(g) for g in self.groups}
        members |= {self.ids[g.name]: self._users(g.members) for g in company.cloud_groups.values()}
        owners: dict[str, list[Thing]] = {native: [] for native in members}
        owners |= {self.ids[g.name]: self._users(g.owners) for g in company.cloud_groups.values()}
        return {
            "groups/members": members,
            "groups/owners": owners,
            "servicePrincipals/appRoleAssignedTo": {a.id: self._assigned(a) for a in principals},
            "servicePrincipals/owners": {a.id: [] if a.agent_of else self._users(a.owners) for a in principals},
            "applications/owners": {_object_id(a): self._users(a.owners) for a in principals if _registered(a)},
            "agentIdentities/sponsors": {a.id: self._users(a.owners) for a in principals if a.agent_of},
        }

    def _members_of_synced(self, group: AdGroup) -> list[Thing]:
        origins = {user.origin: user.upn for user in self.company.cloud_users.values() if user.origin}
        nested = [{"@odata.type": "#microsoft.graph.group", "id": self.ids[name]} for name in sorted(group.nested)]
        return [*self._users(origins[login] for login in group.members if login in origins), *nested]

    def _users(self, upns: Iterable[str]) -> list[Thing]:
        return [{"@odata.type": "#microsoft.graph.user", "id": self.ids[upn]} for upn in sorted(upns)]

    def _assigned(self, application: Application) -> list[Thing]:
        made = []
        for who, role in sorted(self.company.app_roles):
            name, _, value = role.partition("/")
            if name == application.name:
                kind = "User" if "@" in who else "ServicePrincipal" if who in self.company.applications else "Group"
                made.append(
                    {
                        "id": seeded.guid(f"assigned/{who}/{role}"),
                        "appRoleId": _role(name, value)["id"],
                        "principalId": self.ids[who],
                        "principalType": kind,
                        "resourceId": application.id,
                        "createdDateTime": "2026-01-12T09:00:00Z",
                    }
                )
        return made


def _sku(name: str) -> str:
    return seeded.guid(f"sku/{name}")


def _app_id(application: Application) -> str:
    return application.app_id or seeded.guid(f"app/{application.name}")


def _object_id(application: Application) -> str:
    return seeded.guid(f"application/{application.name}")


def _registered(application: Application) -> bool:
    return application.own and not application.agent_of


def _role(application: str, value: str) -> Thing:
    about = {"value": value, "displayName": value, "isEnabled": True, "allowedMemberTypes": ["User", "Application"]}
    return {"id": seeded.guid(f"approle/{application}/{value}"), **about}


def _registration(application: Application) -> Thing:
    secrets = [
        {
            "keyId": seeded.guid(f"entra/secret/{name}"),
            "displayName": name,
            "startDateTime": _day(since),
            "endDateTime": _day(until),
        }
        for name, (since, until) in sorted(application.secrets.items())
    ]
    return {
        "id": _object_id(application),
        "appId": _app_id(application),
        "displayName": application.name,
        "passwordCredentials": secrets,
        "keyCredentials": [],
    }


def _activity(seen: datetime | None) -> Thing:
    if seen is None:
        return {}
    at = "0001-01-01T00:00:00Z" if seen == NEVER else _time(seen)
    return {"signInActivity": {"lastSignInDateTime": at, "lastSuccessfulSignInDateTime": at}}


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _day(day: date) -> str:
    return f"{day}T00:00:00Z"


def _pages(name: str, things: list[Thing]) -> Iterator[tuple[str, str]]:
    """Yield a collection as pages, each with a link to the next."""
    for number, start in enumerate(range(0, max(len(things), 1), PAGE), 1):
        more = start + PAGE < len(things)
        head = {"@odata.context": f"{ROOT}/$metadata#{name}"}
        if more:
            head["@odata.nextLink"] = f"{ROOT}/{name}?$skiptoken={number + 1}"
        file = f"entra/{name}.json" if number == 1 else f"entra/{name}.{number}.json"
        yield file, _page(head, things[start : start + PAGE]) + "\n"


def _page(head: Mapping[str, str], things: list[Thing]) -> str:
    """Write a page with one object a line, so that a change of one shows as one."""
    lines = ",\n".join(json.dumps(thing) for thing in things)
    start = "".join(f"{json.dumps(key)}: {json.dumps(value)},\n" for key, value in head.items())
    return "{" + start + '"value": [' + (f"\n{lines}\n" if things else "") + "]}"


def _batch(answers: Mapping[str, list[Thing]]) -> str:
    responses = [
        f'{{"id": "{native}", "status": 200, "body": {_page({}, things)}}}'
        for native, things in sorted(answers.items())
    ]
    return '{"responses": [\n' + ",\n".join(responses) + "\n]}\n"

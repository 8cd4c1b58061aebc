"""Microsoft Entra ID from saved pages: what becomes a row, and what makes a read incomplete."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError, validate_call

from access_review import tables
from access_review.connectors import Connector, Source, no_value
from access_review.connectors.entra.applications import MICROSOFT_GRAPH
from access_review.connectors.entra.connector import connect
from access_review.connectors.entra.paged_tenant import PagedTenant
from access_review.connectors.entra.pages import AbsentError, NotReadError
from access_review.connectors.entra.principals import last_use
from access_review.connectors.entra.roles import SYNC_ROLE
from access_review.errors import ConnectorError

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
GLOBAL_ADMIN = "62e90394-69f5-4237-9190-012177145e10"
READER = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
SOURCE = Source("entra", Path())

Collections = dict[str, list[dict[str, Any]]]


def user(native: str, **more: Any) -> dict[str, Any]:
    name = f"{native}@norwind.example.test"
    return {"id": native, "userPrincipalName": name, "displayName": native, "accountEnabled": True, **more}


def group(native: str, **more: Any) -> dict[str, Any]:
    plain = {"groupTypes": [], "securityEnabled": True, "mailEnabled": False}
    return {"id": native, "displayName": native.upper(), **plain, **more}


def typed(kind: str, native: str) -> dict[str, Any]:
    return {"@odata.type": f"#microsoft.graph.{kind}", "id": native}


def tenant() -> Collections:
    """Return a small tenant in which every kind of object has its part."""
    return {
        "users": [
            user(
                "ana",
                employeeId="1001",
                mail="Ana@norwind.example.test",
                proxyAddresses=["SMTP:ana@norwind.example.test", "smtp:a.lim@norwind.example.test", "x500:/o=x"],
                userType="Member",
                createdDateTime="2024-01-02T03:04:05Z",
                lastPasswordChangeDateTime="2025-12-01T00:00:00Z",
                onPremisesSyncEnabled=True,
                onPremisesSecurityIdentifier="S-1-5-21-1-2-3-1101",
                onPremisesImmutableId="q83vASNFZ4mrze8BI0VniQ==",
                department="Finance",
                signInActivity={"lastSuccessfulSignInDateTime": "2026-02-20T08:00:00Z"},
                assignedLicenses=[{"skuId": "sku-e5", "disabledPlans": []}, {"skuId": "sku-p1"}],
                licenseAssignmentStates=[
                    {"skuId": "sku-e5", "assignedByGroup": "g-lic", "state": "Active"},
                    {"skuId": "sku-p1", "assignedByGroup": None, "state": "Active"},
                ],
            ),
            user("ben", userType="Guest", externalUserState="Accepted", accountEnabled=None, assignedLicenses=[]),
            user("svc-mail", assignedLicenses=[]),
            user("bg-1", assignedLicenses=[]),
            user("sync_dc1", assignedLicenses=[]),
            user("connector", assignedLicenses=[]),
            {**user("agent-user", identityParentId="a-bot"), "@odata.type": "#microsoft.graph.agentUser"},
        ],
        "groups": [
            group("g-fin", description="Finance", isAssignableToRole=None),
            group("g-all", groupTypes=["DynamicMembership"], membershipRule="user.enabled"),
            group("g-ad", onPremisesSyncEnabled=True, onPremisesSecurityIdentifier="S-1-5-21-1-2-3-2001"),
            group("g-dl", securityEnabled=False, mailEnabled=True),
            group("g-m365", groupTypes=["Unified"], securityEnabled=False, mailEnabled=True, visibility="Private"),
            group("g-adm", isAssignableToRole=True),
            group("g-mfa"),
            group("g-exempt"),
            group("g-lic", assignedLicenses=[{"skuId": "sku-e5"}]),
        ],
        "groups/g-ad/onPremisesSyncBehavior": [{"id": "g-ad", "isCloudManaged": False}],
        "deletedUsers": [],
        "accessPackages": [],
        "accessPackageAssignments": [],
        "groups/g-fin/members": [
            typed("user", "ana"),
            typed("group", "g-ad"),
            typed("servicePrincipal", "sp-app"),
            typed("device", "d-1"),
            typed("user", "stranger"),
        ],
        "groups/g-all/members": [typed("user", "ben")],
        "groups/g-ad/members": [typed("user", "ana")],
        "groups/g-dl/members": [typed("user", "ana")],
        "groups/g-m365/members": [],
        "groups/g-adm/members": [typed("user", "ben")],
        "groups/g-mfa/members": [],
        "groups/g-exempt/members": [],
        "groups/g-lic/members": [typed("user", "ana")],
        "groups/g-fin/owners": [typed("user", "ana"), typed("servicePrincipal", "sp-app")],
        **{
            f"groups/{g}/owners": [] for g in ("g-all", "g-ad", "g-dl", "g-m365", "g-adm", "g-mfa", "g-exempt", "g-lic")
        },
        "conditionalAccessPolicies": [
            {
                "id": "ca-1",
                "displayName": "Require MFA",
                "state": "enabled",
                "conditions": {
                    "users": {
                        "includeUsers": ["All"],
                        "includeGroups": ["g-mfa"],
                        "excludeGroups": ["g-exempt"],
                        "excludeUsers": ["bg-1", "GuestsOrExternalUsers"],
                    }
                },
            },
            {
                "id": "ca-2",
                "displayName": "Old",
                "state": "disabled",
                "conditions": {"users": {"excludeGroups": ["g-fin"], "excludeUsers": ["ana"]}},
            },
        ],
        "subscribedSkus": [{"id": "t_sku-e5", "skuId": "sku-e5", "skuPartNumber": "SPE_E5"}],
        "administrativeUnits": [{"id": "au-1", "displayName": "Manila"}],
        "administrativeUnits/au-1/members": [typed("user", "ana"), typed("group", "g-fin")],
        "administrativeUnits/au-1/scopedRoleMembers": [_scoped("ben")],
        "roleDefinitions": [
            {"id": GLOBAL_ADMIN, "templateId": GLOBAL_ADMIN, "displayName": "Global Administrator"},
            {"id": READER, "templateId": READER, "displayName": "Directory Readers", "description": "Reads"},
        ],
        "roleAssignments": [
            _role("ra-1", "bg-1", GLOBAL_ADMIN),
            _role("ra-2", "g-adm", READER),
            _role("ra-3", "ben", READER, "/administrativeUnits/au-1"),
            _role("ra-4", "ana", GLOBAL_ADMIN),
            _role("ra-5", "connector", SYNC_ROLE),
        ],
        "roleAssignmentScheduleInstances": [
            _role("i-4", "ana", GLOBAL_ADMIN)
            | {
                "assignmentType": "Activated",
                "memberType": "Direct",
                "startDateTime": "2026-02-28T09:00:00Z",
                "endDateTime": "2026-02-28T17:00:00Z",
            },
            _role("i-3", "ben", READER, "/administrativeUnits/au-1")
            | {
                "assignmentType": "Assigned",
                "memberType": "Direct",
                "roleAssignmentScheduleId": "s-3",
                "startDateTime": "2026-01-01T00:00:00Z",
                "endDateTime": "2026-06-01T00:00:00Z",
            },
            _role("i-2", "ben", READER) | {"assignmentType": "Assigned", "memberType": "Group"},
        ],
        "roleEligibilityScheduleInstances": [
            _role("e-4", "ana", GLOBAL_ADMIN) | {"memberType": "Direct", "roleEligibilityScheduleId": "es-4"},
        ],
        "groupAssignmentScheduleInstances": [],
        "groupEligibilityScheduleInstances": [
            {"id": "ge-1", "groupId": "g-adm", "principalId": "ana", "accessId": "member", "memberType": "direct"},
            {"id": "ge-2", "groupId": "g-adm", "principalId": "ana", "accessId": "owner", "memberType": "direct"},
        ],
        "agentIdentities": [
            {"id": "a-bot", "displayName": "Invoice bot", "agentIdentityBlueprintId": "app-bp", "accountEnabled": True}
        ],
        "agentIdentities/a-bot/sponsors": [typed("user", "ana")],
        "agentIdentityBlueprintPrincipals": [{"id": "sp-bp", "appId": "app-bp", "displayName": "Bots"}],
        "servicePrincipals": [
            {
                "id": "sp-app",
                "appId": "app-ledger",
                "displayName": "Ledger",
                "accountEnabled": True,
                "servicePrincipalType": "Application",
                "appRoles": [
                    {"id": "r-view", "value": "Viewer", "description": "Reads", "isEnabled": True},
                    {"id": "r-old", "value": "Old", "isEnabled": False},
                ],
                "passwordCredentials": [{"keyId": "k-1", "endDateTime": "2026-04-01T00:00:00Z"}],
                "keyCredentials": [],
                "verifiedPublisher": {"displayName": "Norwind"},
            },
            {
                "id": "sp-graph",
                "appId": MICROSOFT_GRAPH,
                "displayName": "Microsoft Graph",
                "appRoles": [{"id": "r-dir", "value": "Directory.ReadWrite.All", "isEnabled": True}],
            },
            {"id": "sp-bp", "appId": "app-bp", "displayName": "Bots"},
        ],
        "servicePrincipals/sp-app/appRoleAssignedTo": [
            _app("aa-1", "ana", "User", "r-view"),
            _app("aa-2", "g-fin", "Group", "r-view"),
            _app("aa-3", "ben", "User", "00000000-0000-0000-0000-000000000000"),
            _app("aa-4", "ben", "User", "r-old"),
        ],
        "servicePrincipals/sp-graph/appRoleAssignedTo": [_app("aa-5", "sp-bp", "ServicePrincipal", "r-dir")],
        **{f"servicePrincipals/{sp}/appRoleAssignedTo": [] for sp in ("sp-bp", "a-bot")},
        "servicePrincipals/sp-app/owners": [typed("user", "ana")],
        **{f"servicePrincipals/{sp}/owners": [] for sp in ("sp-graph", "sp-bp", "a-bot")},
        "applications": [
            {
                "id": "o-ledger",
                "appId": "app-ledger",
                "keyCredentials": [{"keyId": "k-2", "startDateTime": "2025-04-01T00:00:00Z"}],
                "passwordCredentials": [],
            }
        ],
        "applications/o-ledger/owners": [typed("user", "ana"), typed("user", "ben")],
        "oauth2PermissionGrants": [
            _consent("c-1", "sp-app", "AllPrincipals", None, "User.Read Mail.Send"),
            _consent("c-2", "sp-app", "Principal", "ana", " User.Read "),
            _consent("c-3", "sp-bp", "AllPrincipals", None, "User.Read"),
        ],
        "signIns": [
            {
                "id": "s-1",
                "userId": "ana",
                "createdDateTime": "2026-02-20T08:00:00Z",
                "status": {"errorCode": 0},
                "location": {"countryOrRegion": "PH"},
                "deviceDetail": {"deviceId": "d-1", "displayName": "", "isManaged": False, "isCompliant": None},
                "appDisplayName": "Ledger",
                "ipAddress": "2001:DB8::1",
                "conditionalAccessStatus": "notApplied",
            },
            {"id": "s-2", "userId": "ana", "createdDateTime": "2026-02-21T08:00:00Z", "status": {"errorCode": 50126}},
        ],
    }


def _role(native: str, principal: str, role: str, scope: str = "/") -> dict[str, Any]:
    return {"id": native, "principalId": principal, "roleDefinitionId": role, "directoryScopeId": scope}


def _scoped(principal: str) -> dict[str, Any]:
    who = {"id": principal, "displayName": principal}
    return {"id": f"s-{principal}", "administrativeUnitId": "au-1", "roleId": "r-1", "roleMemberInfo": who}


def _app(native: str, principal: str, kind: str, role: str) -> dict[str, Any]:
    return {"id": native, "principalId": principal, "principalType": kind, "appRoleId": role}


def _consent(native: str, client: str, kind: str, principal: str | None, scope: str) -> dict[str, Any]:
    ends = {"clientId": client, "resourceId": "sp-graph", "principalId": principal}
    return {"id": native, "consentType": kind, "scope": scope, **ends}


class Read:
    """What a connector yielded, each table made by its contract."""

    def __init__(self, connector: Connector) -> None:
        rows = defaultdict(list)
        for table, row in connector.collect(AS_OF):
            rows[table].append(row)
        self.made = {table: tables.frame(table, found) for table, found in rows.items()}
        self.tables = {table: made.to_pylist() for table, made in self.made.items()}

    def one(self, table: str, **where: Any) -> dict[str, Any]:
        (row,) = self.some(table, **where)
        return row

    def some(self, table: str, **where: Any) -> list[dict[str, Any]]:
        return [r for r in self.tables.get(table, []) if all(r[column] == value for column, value in where.items())]

    def reason(self, subject: str) -> str | None:
        return self.one("completeness", subject=subject)["reason"]  # type: ignore[no-any-return]


def door(found: Mapping[str, list[dict[str, Any]]], pages: Mapping[str, list[Any]] | None = None) -> Any:
    """Return a door to collections in memory, one page each unless ``pages`` has them."""

    def open_(collection: str) -> Iterator[Any]:
        if pages is not None and collection in pages:
            yield from pages[collection]
        elif collection in found:
            yield {"value": found[collection]}
        else:
            raise AbsentError("not saved")

    return open_


def read(
    found: Mapping[str, list[dict[str, Any]]], pages: Mapping[str, list[Any]] | None = None, **options: Any
) -> Read:
    opened: Any = connect(Source("entra", Path("/")), recorded=".", **options)
    return Read(
        PagedTenant(
            opened.source, door(found, pages), opened.classification, opened.synced_from, opened.privileged_roles
        )
    )


@pytest.fixture(scope="module")
def whole() -> Read:
    return read(
        tenant(), service_accounts=["svc-*"], break_glass=["bg-*"], synced_from="ad", client={"LEDGER*": "Contoso"}
    )


def test_a_whole_tenant_is_complete(whole: Read) -> None:
    short = {row["subject"]: row["reason"] for row in whole.some("completeness", complete=False)}
    assert short == {}
    assert whole.one("completeness", subject="part:users")["received"] == 7
    assert whole.one("completeness", subject="grants")["received"] == len(whole.tables["grants"])


@pytest.mark.parametrize(
    ("members", "visibility", "known"),
    [
        ([], {"visibility": "Private"}, True),
        ([], {"visibility": None}, True),
        ([], {}, False),
        ([], {"visibility": "HiddenMembership"}, False),
        ([typed("user", "ana")], {}, True),
        ([typed("user", "ana")], {"visibility": "HiddenMembership"}, True),
    ],
)
def test_an_empty_group_that_hides_its_members_or_does_not_say_is_not_known_to_be_empty(
    members: list[dict[str, Any]], visibility: dict[str, Any], known: bool
) -> None:
    """Who saved the pages may have had no right to see them; and Graph says nothing of it."""
    found = tenant()
    (team,) = [one for one in found["groups"] if one["id"] == "g-m365"]
    del team["visibility"]
    team.update(visibility)
    found["groups/g-m365/members"] = members
    made = read(found)
    assert made.one("completeness", subject="grants")["complete"] is known
    assert bool(made.some("completeness", subject="entra:group:g-m365")) is not known
    assert bool(made.some("problems", subject="entra:group:g-m365")) is not known


@pytest.mark.parametrize(
    "shown", [{"members@odata.count": 2}, {"members": [typed("user", "ana"), typed("user", "bob")]}]
)
def test_a_group_that_shows_more_members_itself_than_its_pages_was_not_read_whole(shown: dict[str, Any]) -> None:
    found = tenant()
    (team,) = [one for one in found["groups"] if one["id"] == "g-m365"]
    team |= {"visibility": "Private", **shown}
    found["groups/g-m365/members"] = []
    made = read(found)
    assert "the group itself shows 2" in made.one("completeness", subject="grants")["reason"]


def test_every_row_id_refers_to_a_row_or_is_a_reference(whole: Read) -> None:
    assert_resolves(whole)


def assert_resolves(made: Read) -> None:
    known = {r["account"] for r in made.some("accounts")} | {r["entitlement"] for r in made.some("entitlements")}
    for name in ("grants", "nesting", "owners", "credentials", "activity", "signins", "aliases"):
        columns = (*tables.TABLES[name].ids, *(("id",) if name == "aliases" else ()))
        for row in made.some(name):
            for column in columns:
                assert row[column] in known or row[column].startswith("ref:"), (name, row)


def test_a_user_has_all_its_names_and_dates(whole: Read) -> None:
    ana = whole.one("accounts", native_id="ana")
    assert ana["account"] == "entra:user:ana"
    assert (ana["name"], ana["principal_name"]) == ("ana@norwind.example.test", "ana@norwind.example.test")
    assert (ana["kind"], ana["enabled"], ana["employee_id"]) == ("human", True, "1001")
    assert ana["last_used_earliest"] == ana["last_used_latest"] == datetime(2026, 2, 20, 8, tzinfo=UTC)
    assert ana["password_set_at"] == datetime(2025, 12, 1, tzinfo=UTC)
    assert json.loads(ana["attributes"])["mastered_in"] == "ad"
    assert {(r["scheme"], r["value"]) for r in whole.some("aliases", id="entra:user:ana")} == {
        ("entra-object", "ana"),
        ("upn", "ana@norwind.example.test"),
        ("mail", "ana@norwind.example.test"),
        ("mail", "a.lim@norwind.example.test"),
        ("on-premises-sid", "S-1-5-21-1-2-3-1101"),
        ("immutable-id", "q83vASNFZ4mrze8BI0VniQ=="),
    }


def test_kinds_and_protection_of_accounts(whole: Read) -> None:
    assert {r["native_id"]: (r["kind"], r["protected"]) for r in whole.tables["accounts"]} == {
        "ana": ("human", None),
        "ben": ("guest", None),
        "svc-mail": ("service", None),
        "bg-1": ("break-glass", "break-glass account"),
        "sync_dc1": ("human", "directory synchronisation account"),
        "connector": ("human", "directory synchronisation account"),
        "agent-user": ("agent", None),
        "a-bot": ("agent", None),
        "sp-app": ("service", None),
        "sp-graph": ("service", None),
        "sp-bp": ("service", None),
    }
    assert whole.one("accounts", native_id="ben")["enabled"] is None


def test_members_become_grants_nesting_references_and_problems(whole: Read) -> None:
    direct = {r["account"] for r in whole.some("grants", entitlement="entra:group:g-fin")}
    assert direct == {"entra:user:ana", "entra:sp:sp-app", "ref:entra-object:stranger"}
    nested = whole.one("nesting", parent="entra:group:g-fin", why="member")
    assert (nested["child"], nested["reach"], nested["removable"]) == ("entra:group:g-ad", "transitive", True)
    assert whole.one("problems", locator="groups/g-fin/members/d-1")["subject"] == "entra:group:g-fin"


@pytest.mark.parametrize(
    ("group_id", "effect", "mastered_in", "why"),
    [
        ("g-fin", "grants", "entra", None),
        ("g-all", "grants", "entra", "dynamic"),
        ("g-ad", "grants", "ad", "synced from ad"),
        ("g-dl", "distribution", "entra", "Exchange"),
    ],
)
def test_what_graph_cannot_remove_says_why(
    whole: Read, group_id: str, effect: str, mastered_in: str, why: str | None
) -> None:
    entitlement = f"entra:group:{group_id}"
    assert whole.one("entitlements", entitlement=entitlement)["effect"] == effect
    for grant in whole.some("grants", entitlement=entitlement):
        assert (grant["removable"], grant["mastered_in"]) == (why is None, mastered_in)
        assert (grant["why_not"] is None) if why is None else (why in grant["why_not"])


def test_conditional_access_says_which_groups_restrict_and_exempt(whole: Read) -> None:
    effects = {r["native_id"]: (r["effect"], r["privileged"]) for r in whole.some("entitlements", kind="group")}
    assert effects["g-mfa"] == ("restricts", False)
    assert effects["g-exempt"] == ("exempts", True)
    assert effects["g-fin"] == ("grants", False)
    assert effects["g-adm"] == ("grants", True)
    exempted = whole.one("grants", entitlement="entra:ca-exclusion:ca-1")
    assert (exempted["account"], exempted["removable"]) == ("entra:user:bg-1", False)
    assert whole.some("entitlements", entitlement="entra:ca-exclusion:ca-2") == []


def test_a_group_that_one_policy_includes_and_another_excludes_is_never_cut_by_itself() -> None:
    found = tenant()
    found["conditionalAccessPolicies"][0]["conditions"]["users"]["excludeGroups"] = ["g-mfa"]
    row = read(found).one("entitlements", entitlement="entra:group:g-mfa")
    assert (row["effect"], row["privileged"]) == ("restricts", True)


def test_roles_with_scope_schedule_and_eligibility(whole: Read) -> None:
    admin, scoped = f"entra:role:{GLOBAL_ADMIN}", f"entra:role:{READER}@/administrativeUnits/au-1"
    assert whole.one("entitlements", entitlement=admin)["privileged"] is True
    assert whole.one("entitlements", entitlement=scoped)["name"] == "Directory Readers @ Manila"
    standing = {(r["account"], r["mode"], r["via"]) for r in whole.some("grants", entitlement=admin)}
    assert standing == {
        ("entra:user:bg-1", "assigned", "role-assignment"),
        ("entra:user:ana", "eligible", "pim"),
    }
    timed = whole.one("grants", entitlement=scoped)
    assert (timed["via"], timed["native_id"], timed["until"]) == ("pim", "s-3", datetime(2026, 6, 1, tzinfo=UTC))
    passed = whole.one("nesting", parent=f"entra:role:{READER}")
    assert (passed["child"], passed["reach"], passed["why"]) == ("entra:group:g-adm", "direct-only", "grants-role")
    activation = whole.one("activity", account="entra:user:ana", object=admin)
    assert activation["last_used_earliest"] == datetime(2026, 2, 28, 9, tzinfo=UTC)


def test_an_activation_whose_eligibility_was_not_read_is_held_and_cannot_be_removed() -> None:
    found = tenant()
    del found["roleEligibilityScheduleInstances"]
    row = read(found).one("grants", account="entra:user:ana", entitlement=f"entra:role:{GLOBAL_ADMIN}")
    assert (row["mode"], row["via"], row["removable"]) == ("assigned", "pim", False)


def test_eligible_members_of_groups(whole: Read) -> None:
    row = whole.one("grants", account="entra:user:ana", entitlement="entra:group:g-adm")
    assert (row["mode"], row["via"]) == ("eligible", "pim")
    assert "owner" in whole.one("problems", locator="groupEligibilityScheduleInstances/ge-2")["reason"]


def test_an_activated_membership_is_the_eligible_one_in_use() -> None:
    found = tenant()
    found["groups/g-adm/members"].append(typed("user", "ana"))
    place = {"groupId": "g-adm", "principalId": "ana", "accessId": "member", "memberType": "direct"}
    run = {"id": "ga-1", **place, "assignmentType": "activated", "startDateTime": "2026-02-28T09:00:00Z"}
    found["groupAssignmentScheduleInstances"] = [run]
    made = read(found)
    assert made.one("grants", account="entra:user:ana", entitlement="entra:group:g-adm")["mode"] == "eligible"
    assert made.one("activity", object="entra:group:g-adm")["account"] == "entra:user:ana"


def test_app_roles_of_users_groups_and_agents(whole: Read) -> None:
    names = {r["native_id"]: r["name"] for r in whole.some("entitlements", kind="approle")}
    assert names == {
        "sp-app/r-view": "Ledger/Viewer",
        "sp-app/00000000-0000-0000-0000-000000000000": "Ledger/default",
        "sp-app/r-old": "Ledger/r-old",
        "sp-graph/r-dir": "Microsoft Graph/Directory.ReadWrite.All",
    }
    assert whole.one("entitlements", native_id="sp-graph/r-dir")["privileged"] is True
    assert whole.one("entitlements", native_id="sp-app/r-view")["client"] == "Contoso"
    assert whole.one("grants", native_id="aa-1")["via"] == "approle"
    group_role = whole.one("nesting", native_id="aa-2")
    assert (group_role["child"], group_role["reach"]) == ("entra:group:g-fin", "direct-only")


def test_an_agent_holds_what_its_blueprint_passes_on(whole: Read) -> None:
    grant = whole.one("grants", account="entra:sp:a-bot")
    assert (grant["entitlement"], grant["removable"]) == ("entra:blueprint:sp-bp", False)
    passed = {r["parent"]: (r["why"], r["reach"]) for r in whole.some("nesting", child="entra:blueprint:sp-bp")}
    assert passed == {
        "entra:approle:sp-graph/r-dir": ("inherits", "transitive"),
        "entra:consent:sp-bp/sp-graph/User.Read": ("inherits", "transitive"),
    }
    assert whole.one("owners", object="entra:sp:a-bot")["owner"] == "entra:user:ana"


def test_consents_are_the_users_or_the_applications(whole: Read) -> None:
    held = {(r["account"], r["entitlement"], r["native_id"]) for r in whole.some("grants", via="consent")}
    assert held == {
        ("entra:sp:sp-app", "entra:consent:sp-app/sp-graph/User.Read", "c-1"),
        ("entra:sp:sp-app", "entra:consent:sp-app/sp-graph/Mail.Send", "c-1"),
        ("entra:user:ana", "entra:consent:sp-app/sp-graph/User.Read", "c-2"),
        ("entra:sp:sp-bp", "entra:consent:sp-bp/sp-graph/User.Read", "c-3"),
    }
    mail = whole.one("entitlements", native_id="sp-app/sp-graph/Mail.Send")
    assert (mail["name"], mail["privileged"]) == ("Ledger/Microsoft Graph:Mail.Send", True)


def test_a_licence_of_a_group_is_the_groups(whole: Read) -> None:
    assert [r["entitlement"] for r in whole.some("grants", via="licence")] == ["entra:licence:sku-p1"]
    passed = whole.one("nesting", parent="entra:licence:sku-e5")
    assert (passed["child"], passed["reach"], passed["removable"]) == ("entra:group:g-lic", "direct-only", False)
    assert whole.one("entitlements", entitlement="entra:licence:sku-p1")["name"] == "sku-p1"


def test_owners_and_credentials_of_applications_belong_to_the_service_principal(whole: Read) -> None:
    owners = {r["owner"] for r in whole.some("owners", object="entra:sp:sp-app")}
    assert owners == {"entra:user:ana", "entra:user:ben"}
    keys = {(r["credential"], r["kind"]) for r in whole.some("credentials", object="entra:sp:sp-app")}
    assert keys == {("k-1", "secret"), ("k-2", "certificate")}


def test_sign_ins(whole: Read) -> None:
    good, bad = whole.tables["signins"]
    assert (good["success"], good["country"], good["device"]) == (True, "PH", "d-1")
    assert (bad["success"], bad["country"]) == (False, None)
    where = ("address", "managed", "compliant", "conditional_access")
    assert [good[name] for name in where] == ["2001:db8::1", False, None, "not-applied"]
    assert [bad[name] for name in where] == [None] * 4


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        ({}, (None, None, None)),
        ({"lastSignInDateTime": "0001-01-01T00:00:00Z"}, (None, None, True)),
        ({"lastSignInDateTime": "2026-01-02T00:00:00Z"}, (None, datetime(2026, 1, 2, tzinfo=UTC), None)),
        (
            {
                "lastSuccessfulSignInDateTime": "0001-01-01T00:00:00Z",
                "lastSignInDateTime": "2023-01-02T00:00:00Z",
                "lastNonInteractiveSignInDateTime": "2023-01-03T00:00:00Z",
            },
            (None, datetime(2023, 1, 3, tzinfo=UTC), None),
        ),
        (
            {"lastSuccessfulSignInDateTime": "2026-01-01T00:00:00Z", "lastSignInDateTime": "2026-02-02T00:00:00Z"},
            (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), False),
        ),
    ],
)
def test_last_use_counts_only_success_as_use(activity: dict[str, Any], expected: tuple[Any, ...]) -> None:
    made = last_use(activity)
    assert (made["last_used_earliest"], made["last_used_latest"], made["never_used"]) == expected


@pytest.mark.parametrize(
    ("part", "broken"),
    [
        ("users", {"accounts", "aliases", "grants"}),
        ("groups/g-fin/members", {"grants", "nesting"}),
        ("roleAssignments", {"entitlements", "grants", "nesting"}),
        ("servicePrincipals/sp-app/appRoleAssignedTo", {"grants", "nesting"}),
        ("groups/g-fin/owners", {"owners"}),
        ("signIns", set()),
        ("roleEligibilityScheduleInstances", set()),
        ("oauth2PermissionGrants", set()),
        ("conditionalAccessPolicies", set()),
    ],
)
def test_a_part_that_was_not_saved_harms_only_what_needs_it(part: str, broken: set[str]) -> None:
    found = tenant()
    del found[part]
    short = {row["subject"] for row in read(found).some("completeness", complete=False)} - {"activity"}
    assert {subject for subject in short if ":" not in subject} == broken
    assert any(subject.startswith("part:") for subject in short)


@pytest.mark.parametrize(
    ("pages", "reason"),
    [
        ([{"value": [], "@odata.nextLink": "https://graph.example.test/2"}], "was not read"),
        (
            [{"value": [], "@odata.nextLink": "https://x"}, {"value": [], "@odata.nextLink": "https://x"}] * 2,
            "leads back",
        ),
        ([{"value": []}, {"value": []}], "follows the one that ends"),
        ([{"value": [user("ana")], "@odata.count": 2}], "1 received, the server counted 2"),
        (
            [{"value": [user(n, displayName=name) for name in ("One", "Another") for n in ("ana", "bob")]}],
            "arrived twice and differs",
        ),
        ([{"value": ["ana", {"displayName": "nobody"}]}], "2 without a usable id"),
        ([{"value": [user("ana", employeeId=7)]}], "employeeId of an object could not be used"),
        ([{"value": [user(name, accountEnabled="true") for name in ("ana", "ben")]}], "2 of 2 objects have a property"),
        ([{"error": {"code": "Authorization_RequestDenied"}}], "Authorization_RequestDenied"),
        ([{"@odata.context": "https://graph.example.test/v1.0/$metadata#groups", "value": []}], "belongs to groups"),
        ([[]], "no list of values"),
        ([], "no page"),
    ],
)
def test_a_faulty_read_is_incomplete_and_says_why(pages: list[Any], reason: str) -> None:
    made = read(tenant(), {"users": pages})
    assert reason in (made.reason("accounts") or "")
    assert made.one("completeness", subject="part:users")["complete"] is False


def test_a_replayed_object_is_harmless() -> None:
    found = tenant()["users"]
    assert read(tenant(), {"users": [{"value": [*found, *found], "@odata.count": 7}]}).reason("accounts") is None


def test_a_property_that_cannot_be_read_is_unknown_and_its_object_stays() -> None:
    found = tenant()
    found["users"][0] |= {"proxyAddresses": [7], "signInActivity": {"lastSignInDateTime": "yesterday"}}
    made = read(found)
    account = made.one("accounts", native_id="ana")
    assert (account["last_used_latest"], account["never_used"]) == (None, None)
    assert "not text: it is unknown" in made.one("problems", locator="users/ana/proxyAddresses")["reason"]
    assert made.some("grants", account="entra:user:ana")
    assert made.reason("accounts") == "users: proxyAddresses of an object could not be used"


def test_an_application_whose_roles_cannot_be_read_stays() -> None:
    found = tenant()
    next(one for one in found["servicePrincipals"] if one["id"] == "sp-app")["appRoles"] = "Viewer"
    made = read(found)
    assert made.one("accounts", native_id="sp-app")["enabled"] is True
    assert made.some("grants", account="entra:sp:sp-app")


def test_an_object_that_cannot_be_used_is_counted_and_nothing_refers_to_it() -> None:
    found = tenant()
    twice = [{"keyId": "k"}, {"keyId": "k"}]
    found["servicePrincipals"] = [{"id": "sp-odd", "displayName": "Odd", "passwordCredentials": twice}]
    made = read(found)
    assert made.some("accounts", native_id="sp-odd") == []
    assert "twice" in made.one("problems", locator="servicePrincipals/sp-odd")["reason"]


def test_a_large_group_has_a_verdict_of_its_own() -> None:
    found = tenant()
    found["groups/g-m365/members"] = [typed("user", f"u{n}") for n in range(1000)]
    row = read(found).one("completeness", subject="entra:group:g-m365")
    assert (row["complete"], row["received"]) == (True, 1000)


def test_two_assignments_of_one_app_role_are_one_grant_and_a_problem() -> None:
    found = tenant()
    found["servicePrincipals/sp-app/appRoleAssignedTo"].append(_app("aa-9", "ana", "User", "r-view"))
    made = read(found)
    assert len(made.some("grants", account="entra:user:ana", entitlement="entra:approle:sp-app/r-view")) == 1
    assert any("stands twice" in row["reason"] for row in made.tables["problems"])


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_pages_split_anywhere_and_replayed_give_the_same_rows(data: st.DataObject) -> None:
    found = tenant()
    pages = {}
    for collection in sorted(found):
        objects = found[collection]
        cuts = sorted(data.draw(st.lists(st.integers(0, len(objects)), max_size=3), label=collection))
        ends = [0, *cuts, len(objects)]
        replay = data.draw(st.booleans())
        made = [{"value": objects[max(0, a - replay) : b]} for a, b in pairwise(ends)]
        for number, page in enumerate(made[:-1]):
            page["@odata.nextLink"] = f"https://graph.example.test/{collection}?page={number}"  # type: ignore[assignment]
        pages[collection] = made
    assert read(found, pages).tables == read(found).tables


HOSTILE = st.text(min_size=1, max_size=20) | st.sampled_from(
    ['=cmd|"/c calc"!A1', "<script>alert(1)</script>", "\u202egnp.exe", "a\x00b", "*)(uid=*", "\ud800half", "a:b/c@d"]
)


@settings(max_examples=60, deadline=None)
@given(name=HOSTILE, login=HOSTILE)
def test_hostile_names_stay_what_they_are(name: str, login: str) -> None:
    found = {
        "users": [{"id": "u", "userPrincipalName": login, "displayName": name}],
        "groups": [{"id": "g", "displayName": name}],
        "groups/g/members": [{"id": "u"}],
    }
    made = read(found, privileged=["[!x]*"], effect={"restricts": ["a?b"]})
    expected = name.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert made.tables["accounts"][0]["display_name"] == no_value.something(expected, name=True)
    assert made.one("entitlements", native_id="g")["name"] == expected
    assert made.reason("grants") is None


@pytest.mark.parametrize("native", ["../../etc/passwd", "a:b", "a b", "", "a/b", "a@b"])
def test_an_id_that_means_something_elsewhere_is_not_used(native: str) -> None:
    made = read({"users": [], "groups": [{"id": native, "displayName": "x"}]})
    assert made.some("entitlements") == []
    assert "usable id" in (made.reason("part:groups") or "")


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("2026-01-01T00:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_value_anywhere_ends_in_rows_or_problems(data: st.DataObject) -> None:
    found = tenant()
    collection = data.draw(st.sampled_from(sorted(c for c in found if found[c])))
    thing = data.draw(st.sampled_from(found[collection]))
    name = data.draw(st.sampled_from(sorted(thing)))
    thing[name] = data.draw(JSONS)
    made = read(found)
    assert made.some("completeness", subject="grants")
    assert_resolves(made)


# Saved files


def save(folder: Path, found: Collections, *, batch: bool = False) -> None:
    answers = defaultdict(list)
    for collection, objects in found.items():
        folder_, _, last = collection.rpartition("/")
        if batch and folder_:
            parent, _, native = folder_.rpartition("/")
            answers[f"{parent}/{last}"].append({"id": native, "status": 200, "body": {"value": objects}})
        else:
            write(folder / f"{collection}.json", {"value": objects})
    for place, responses in answers.items():
        write(folder / f"{place}.json", {"responses": responses[:1]})
        write(folder / f"{place}.2.json", {"responses": responses[1:]})


def write(path: Path, page: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page if isinstance(page, str) else json.dumps(page), "utf-8")


def saved(folder: Path, recorded: Any = "pages", **options: Any) -> Read:
    return Read(connect(Source("entra", folder), recorded=recorded, **options))


@pytest.mark.parametrize("batch", [False, True])
def test_files_and_batches_say_the_same(tmp_path: Path, batch: bool) -> None:
    save(tmp_path / "pages", tenant(), batch=batch)
    assert saved(tmp_path).tables == read(tenant()).tables


def test_further_pages_are_numbered_files(tmp_path: Path) -> None:
    save(tmp_path / "pages", tenant())
    users = tenant()["users"]
    write(tmp_path / "pages/users.json", {"value": users[:2], "@odata.nextLink": "https://graph.example.test/2"})
    write(tmp_path / "pages/users.2.json", {"value": users[2:]})
    assert saved(tmp_path).tables == read(tenant()).tables
    (tmp_path / "pages/users.2.json").rename(tmp_path / "pages/users.3.json")
    assert "gap" in (saved(tmp_path).reason("accounts") or "")


@pytest.mark.parametrize(
    ("responses", "reason"),
    [
        ([{"id": "g", "status": 403, "body": {"error": {"code": "Forbidden"}}}], "status 403: Forbidden"),
        ([{"id": "g", "status": 429}, {"id": "g", "status": 200, "body": {"value": []}}], None),
        ([{"id": "other", "status": 200, "body": {"value": []}}], "not saved"),
    ],
)
def test_a_batch_that_answered_only_in_part(tmp_path: Path, responses: list[Any], reason: str | None) -> None:
    save(tmp_path / "pages", {"users": [], "groups": [group("g")]})
    write(tmp_path / "pages/groups/members.json", {"responses": responses})
    assert (reason is None) if (why := saved(tmp_path).reason("grants")) is None else (reason or "?") in why


@pytest.mark.parametrize("text", ["{", "[]", "\ufeff[1]", "[" * 5000, '{"value": {}}'])
def test_a_file_that_is_no_page_is_incomplete(tmp_path: Path, text: str) -> None:
    save(tmp_path / "pages", tenant())
    write(tmp_path / "pages/users.json", text)
    assert saved(tmp_path).one("completeness", subject="accounts")["complete"] is False


@pytest.mark.parametrize("recorded", ["pages", {"users": "users.json"}])
def test_what_is_not_there_was_not_read(tmp_path: Path, recorded: str | dict[str, str]) -> None:
    tenant = connect(Source("entra", tmp_path), recorded=recorded)
    with pytest.raises(ConnectorError, match=r"(pages|users\.json): no such file or folder"):
        list(tenant.collect(AS_OF))


def test_options_are_checked_from_the_signature(tmp_path: Path) -> None:
    call = validate_call(connect, config={"arbitrary_types_allowed": True})  # type: ignore[call-overload]
    call(Source("entra", tmp_path), recorded=str(tmp_path), effect={"restricts": ["*-MFA"]}, privileged=["Admin*"])
    wrong: dict[str, Any]
    for wrong in ({"efect": {}}, {"effect": {"loosens": ["x"]}}, {"privileged": "Admin*"}, {"recorded": 7}):
        with pytest.raises(ValidationError):
            call(Source("entra", tmp_path), **{"recorded": str(tmp_path), **wrong})
    assert TypeAdapter(dict[str, str]).validate_python({"a": "b"}) == {"a": "b"}


def test_collecting_writes_nothing(tmp_path: Path) -> None:
    save(tmp_path / "pages", tenant())
    before = sorted((p, p.stat().st_mtime_ns) for p in tmp_path.rglob("*"))
    saved(tmp_path)
    assert sorted((p, p.stat().st_mtime_ns) for p in tmp_path.rglob("*")) == before


# Outside data


def test_pages_recorded_from_a_real_tenant_load_unchanged(outside_data: Path) -> None:
    folder = outside_data / "entra-graph-psoxy"
    hr = "02bd9fd6-8f93-4758-87c3-1fb73740a315"
    names = {"users": "users.json", "groups": "groups.json", f"groups/{hr}/members": "group-members.json"}
    for recorded in (".", names):
        made = saved(folder, recorded)
        assert len(made.tables["accounts"]) == 6
        assert len(made.tables["entitlements"]) == 49
        assert made.reason("accounts") is None
        assert "of 49 not whole" in (made.reason("grants") or "")
    assert len(made.some("grants", entitlement=f"entra:group:{hr}")) == 19
    assert {r["enabled"] for r in made.tables["accounts"]} == {None}
    assert {r["effect"] for r in made.tables["entitlements"]} == {"grants", "distribution"}


EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
TYPES = {
    "users": "user",
    "groups": "group",
    "members": "directoryObject",
    "owners": "directoryObject",
    "sponsors": "directoryObject",
    "scopedRoleMembers": "scopedRoleMembership",
    "conditionalAccessPolicies": "conditionalAccessPolicy",
    "subscribedSkus": "subscribedSku",
    "administrativeUnits": "administrativeUnit",
    "roleDefinitions": "unifiedRoleDefinition",
    "roleAssignments": "unifiedRoleAssignment",
    "roleAssignmentScheduleInstances": "unifiedRoleAssignmentScheduleInstance",
    "roleEligibilityScheduleInstances": "unifiedRoleEligibilityScheduleInstance",
    "groupAssignmentScheduleInstances": "privilegedAccessGroupAssignmentScheduleInstance",
    "groupEligibilityScheduleInstances": "privilegedAccessGroupEligibilityScheduleInstance",
    "agentIdentities": "agentIdentity",
    "agentIdentityBlueprintPrincipals": "agentIdentityBlueprintPrincipal",
    "servicePrincipals": "servicePrincipal",
    "appRoleAssignedTo": "appRoleAssignment",
    "applications": "application",
    "oauth2PermissionGrants": "oAuth2PermissionGrant",
    "signIns": "signIn",
    "deletedUsers": "user",
    "onPremisesSyncBehavior": "onPremisesSyncBehavior",
    "accessPackages": "accessPackage",
    "accessPackageAssignments": "accessPackageAssignment",
}


class Schema:
    """Microsoft's description of the types: the properties of each, with what it inherits."""

    def __init__(self, path: Path) -> None:
        schemas = ET.parse(path).getroot().iter(f"{EDM}Schema")  # noqa: S314  Microsoft's file, read-only
        graph = next(schema for schema in schemas if schema.get("Namespace") == "microsoft.graph")
        self.types = {t.get("Name"): t for t in graph if t.tag in (f"{EDM}EntityType", f"{EDM}ComplexType")}

    def properties(self, kind: str) -> dict[str, str]:
        found: dict[str, str] = {}
        current: str | None = kind
        while current:
            described = self.types[current]
            found |= {p.get("Name"): p.get("Type") for p in described.findall(f"{EDM}Property")}  # type: ignore[misc]
            current = (described.get("BaseType") or "").rpartition(".")[2] or None
        return found


class Asked(dict[str, Any]):
    """An object that notes which names are read from it, by Graph type, and so do the objects inside."""

    def __init__(self, thing: dict[str, Any], kind: str, schema: Schema, noted: set[tuple[str, str]]) -> None:
        inside = schema.properties(kind)
        super().__init__(
            {name: self._wrap(value, inside.get(name, ""), schema, noted) for name, value in thing.items()}
        )
        self.kind, self.noted = kind, noted

    @staticmethod
    def _wrap(value: Any, kind: str, schema: Schema, noted: set[tuple[str, str]]) -> Any:
        bare = kind.removeprefix("Collection(").removesuffix(")").rpartition(".")[2]
        if isinstance(value, list):
            return [Asked._wrap(item, kind, schema, noted) for item in value]
        return Asked(value, bare, schema, noted) if isinstance(value, dict) else value

    def get(self, name: str, default: Any = None) -> Any:
        self.noted.add((self.kind, name))
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self.noted.add((self.kind, name))
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.noted.add((self.kind, str(name)))
        return super().__contains__(name)


def test_every_property_read_exists_on_its_type_and_the_examples_have_the_right_types(outside_data: Path) -> None:
    schema = Schema(outside_data / "graph-contract" / "v1.0.csdl")
    noted: set[tuple[str, str]] = set()
    found: Collections = {}
    for collection, objects in tenant().items():
        kind = TYPES[collection.rpartition("/")[2]]
        for thing in objects:
            unknown = {name for name in thing if name not in schema.properties(kind) and not name.startswith("@")}
            assert not unknown, (kind, unknown)
        found[collection] = [Asked(thing, kind, schema, noted) for thing in objects]
    made = read(found)
    assert made.tables == read(tenant()).tables
    # A user's parent identity and an agent's blueprint are looked for on the types they may turn out to be.
    allowed = {
        ("servicePrincipal", "agentIdentityBlueprintId"),
        ("agentIdentityBlueprintPrincipal", "agentIdentityBlueprintId"),
        # No property: a relation that was expanded, and OData's count of it.
        ("group", "members"),
        ("group", "members@odata.count"),
    }
    missing = {
        (kind, name)
        for kind, name in noted - allowed
        if not name.startswith("@") and name not in schema.properties(kind)
    }
    assert missing == set()
    assert len(noted) > 100


def test_what_an_access_package_gave_is_ended_there() -> None:
    found = tenant()
    gives = {"role": {"originId": "Member_g-fin"}, "scope": {"originId": "g-fin", "originSystem": "AadGroup"}}
    owns = {"role": {"originId": "Owner_g-all"}, "scope": {"originId": "g-all", "originSystem": "AadGroup"}}
    app = {"role": {"originId": "r-view"}, "scope": {"originId": "sp-app", "originSystem": "AadApplication"}}
    found["accessPackages"] = [{"id": "p-1", "displayName": "Close", "resourceRoleScopes": [gives, owns, app]}]
    expires = {"expiration": {"endDateTime": "2026-06-01T00:00:00Z"}, "startDateTime": "2026-01-01T00:00:00Z"}
    held = {"target": {"objectId": "ana"}, "accessPackage": {"id": "p-1"}, "schedule": expires}
    found["accessPackageAssignments"] = [
        {"id": "pa-1", "state": "delivered", **held},
        {"id": "pa-2", "state": "expired", **held, "target": {"objectId": "ben"}},
    ]
    made = read(found)
    member = made.one("grants", account="entra:user:ana", entitlement="entra:group:g-fin")
    assert (member["via"], member["removable"]) == ("access-package", False)
    assert member["why_not"] == "given by the access package Close: end the assignment there"
    package = made.one("grants", entitlement="entra:accesspackage:p-1")
    assert (package["account"], package["native_id"]) == ("entra:user:ana", "pa-1")
    assert package["until"] == datetime(2026, 6, 1, tzinfo=UTC)
    edges = {row["parent"] for row in made.some("nesting", child="entra:accesspackage:p-1")}
    assert edges == {"entra:group:g-fin", "entra:approle:sp-app/r-view"}
    assert_resolves(made)


def test_what_a_restricted_unit_protects_is_changed_by_its_own_administrators_only() -> None:
    found = tenant()
    assert read(found).some("grants", entitlement="entra:group:g-fin", via="member")[0]["removable"] is True
    found["administrativeUnits"][0]["isMemberManagementRestricted"] = True
    for member in read(found).some("grants", entitlement="entra:group:g-fin", via="member"):
        assert member["removable"] is False
        assert "restricted administrative unit Manila" in member["why_not"]


def test_an_administrator_of_a_unit_whom_no_role_assignment_names_is_said() -> None:
    found = tenant()
    found["administrativeUnits/au-1/scopedRoleMembers"].append(_scoped("ana"))
    made = read(found)
    (said,) = [row for row in made.some("problems") if "administers" in row["reason"]]
    assert (said["locator"], "Manila" in said["reason"]) == ("administrativeUnits/au-1/scopedRoleMembers/s-ana", True)
    found["roleAssignments"] = found["roleAssignmentScheduleInstances"] = found["roleEligibilityScheduleInstances"] = []
    assert not [row for row in read(found).some("problems") if "administers" in row["reason"]], "no role was read"


def test_a_group_whose_authority_became_the_cloud_is_cut_there() -> None:
    found = tenant()
    assert not read(found).one("grants", entitlement="entra:group:g-ad")["removable"]
    found["groups/g-ad/onPremisesSyncBehavior"] = [{"id": "g-ad", "isCloudManaged": True}]
    made = read(found).one("grants", entitlement="entra:group:g-ad")
    assert (made["removable"], made["mastered_in"]) == (True, "entra")


def test_a_deleted_user_is_noted_and_holds_nothing() -> None:
    gone = {"id": "gone", "userPrincipalName": "gone@norwind.example.test", "deletedDateTime": "2026-02-20T08:00:00Z"}
    made = read(tenant() | {"deletedUsers": [gone]})
    assert made.one("problems", locator="deletedUsers/gone")["reason"] == (
        "deleted user gone@norwind.example.test on 2026-02-20"
    )
    assert not made.some("accounts", native_id="gone")


def test_a_refused_part_is_not_absent() -> None:
    def refused(collection: str) -> Iterator[Any]:
        if collection == "oauth2PermissionGrants":
            raise NotReadError("status 403")
        yield from door(tenant())(collection)

    made = Read(PagedTenant(SOURCE, refused))
    assert made.reason("grants") == "oauth2PermissionGrants: status 403"

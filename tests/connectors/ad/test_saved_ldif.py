"""Directories: what LDIF says becomes accounts, groups, grants and nesting, and what it does not say stays unknown."""

import base64
import contextlib
import inspect
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_type_hints

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from access_review.connectors import SYSTEM, Connector, Source
from access_review.connectors.ad import connector as ldap
from access_review.connectors.ad import identifiers
from access_review.connectors.ad.active_directory import LAG, last_use
from access_review.connectors.ad.entry import Entry, Range, canonical, domain, generalized_time, missing
from access_review.connectors.ad.ldif import Ldif, split_lines
from access_review.connectors.ad.windows_values import NEVER, filetime
from access_review.connectors.classification import Classification
from access_review.errors import ConnectorError, WorkspaceError
from access_review.tables import frame, ref

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
HOME, AWAY = "S-1-5-21-1-2-3", "S-1-5-21-7-8-9"


def stamp(at: datetime) -> str:
    return str((at - EPOCH) // timedelta(microseconds=1) * 10)


def sid_bytes(text: str) -> bytes:
    _, _, authority, *parts = text.split("-")
    return (
        bytes([1, len(parts)])
        + int(authority).to_bytes(6, "big")
        + b"".join(int(part).to_bytes(4, "little") for part in parts)
    )


def guid_of(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012x}"


def record(dn: str, **values: Any) -> str:
    lines = [f"dn:: {base64.b64encode(dn.encode()).decode()}"]
    for name, held in values.items():
        for value in held if isinstance(held, list) else [held]:
            data = value if isinstance(value, bytes) else str(value).encode()
            lines.append(f"{name.replace('_', '-')}:: {base64.b64encode(data).decode()}")
    return "\n".join(lines) + "\n\n"


def user(name: str, rid: int, dc: str = "dc=home,dc=test", domain_sid: str = HOME, **values: Any) -> str:
    given = {
        "objectClass": ["top", "person", "organizationalPerson", "user"],
        "objectGUID": identifiers.guid_bytes(guid_of(rid)),
        "objectSid": sid_bytes(f"{domain_sid}-{rid}"),
        "sAMAccountName": name,
        "userAccountControl": 512,
        "primaryGroupID": 513,
    }
    return record(f"CN={name},OU=People,{dc}", **(given | values))


def group(
    name: str, rid: int, *members: str, dc: str = "dc=home,dc=test", domain_sid: str = HOME, **values: Any
) -> str:
    given = {
        "objectClass": ["top", "group"],
        "objectGUID": identifiers.guid_bytes(guid_of(rid)),
        "objectSid": sid_bytes(f"{domain_sid}-{rid}"),
        "sAMAccountName": name,
        "groupType": -2147483646,
        "member": list(members),
    }
    return record(f"CN={name},OU=Groups,{dc}", **(given | values))


def person(name: str, dc: str = "dc=home,dc=test") -> str:
    return f"CN={name},OU=People,{dc}"


def team(name: str, dc: str = "dc=home,dc=test") -> str:
    return f"CN={name},OU=Groups,{dc}"


def tables(connector: Connector, as_of: datetime = AS_OF) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for table, row in connector.collect(as_of):
        rows[table].append(row)
    return defaultdict(list, {name: frame(name, found).to_pylist() for name, found in rows.items()})


@pytest.fixture
def collected(tmp_path):
    def collect(*records: str, **options: Any) -> dict[str, list[dict[str, Any]]]:
        (tmp_path / "a.ldif").write_text("".join(records))
        return tables(ldap.connect(Source("ad", tmp_path), recorded=["a.ldif"], **options))

    return collect


def verdicts(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, str | None]:
    rows = [row for row in found["completeness"] if row["subject"] != SYSTEM]
    return {row["subject"]: None if row["complete"] else row["reason"] for row in rows}


def edges(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> set[tuple[str, str, str]]:
    grants = {(row["account"], row["entitlement"], row["via"]) for row in found["grants"]}
    return grants | {(row["child"], row["parent"], "nesting") for row in found["nesting"]}


ALL = {"accounts", "entitlements", "grants", "nesting", "aliases", "owners"}


# ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_is_known_by_its_guid_and_all_its_names(collected):
    found = collected(
        user(
            "Ana.Lee",
            1001,
            userPrincipalName="Ana.Lee@Home.Test",
            mail="Ana@Home.Test",
            displayName="Ana Lee",
            employeeID="00123",
            department=["Finance", "Audit"],
            l="Manila",
            whenCreated="20240102030405.0Z",
        ),
        attributes={"dept": "department", "city": "l", "none": "title"},
    )
    (account,) = found["accounts"]
    assert account["account"] == f"ad:user:{guid_of(1001)}"
    assert (account["employee_id"], account["principal_name"]) == ("00123", "Ana.Lee@Home.Test")
    assert account["attributes"] == '{"city":"Manila","dept":["Finance","Audit"]}'
    assert account["created_at"] == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert {(row["scheme"], row["value"]) for row in found["aliases"]} == {
        ("dn", "cn=ana.lee,ou=people,dc=home,dc=test"),
        ("sid", f"{HOME}-1001"),
        ("upn", "ana.lee@home.test"),
        ("sam", "home\\ana.lee"),
        ("mail", "ana@home.test"),
        ("immutable-id", base64.b64encode(identifiers.guid_bytes(guid_of(1001))).decode()),
    }


def test_the_netbios_name_may_differ_from_the_domain(collected):
    found = collected(user("ana", 1001), netbios={"HOME.test": "NORWIND"})
    assert [row["value"] for row in found["aliases"] if row["scheme"] == "sam"] == ["norwind\\ana"]


def test_without_a_guid_the_sid_is_the_id_and_builtin_groups_keep_their_domain(collected):
    builtin: dict[str, Any] = {"objectGUID": [], "objectSid": sid_bytes("S-1-5-32-544")}
    found = collected(
        user("ana", 1001, objectGUID=[]),
        group("Administrators", 544, person("ana"), **builtin),
        group("Administrators", 544, dc="dc=away,dc=test", **builtin),
    )
    assert [row["account"] for row in found["accounts"]] == [f"ad:user:{HOME}-1001"]
    assert [row["entitlement"] for row in found["entitlements"]] == [
        "ad:group:AWAY.TEST-S-1-5-32-544",
        "ad:group:HOME.TEST-S-1-5-32-544",
    ]
    assert all(row["privileged"] and row["stable_id"] for row in found["entitlements"])


@pytest.mark.parametrize(
    ("control", "enabled"), [(512, True), (514, False), (66050, False), ([], None), ("many", None), ("", None)]
)
def test_an_account_is_enabled_disabled_or_unknown(collected, control, enabled):
    assert collected(user("ana", 1001, userAccountControl=control))["accounts"][0]["enabled"] is enabled


def test_kinds_and_protection_follow_what_windows_and_the_workspace_say(collected):
    gmsa = ["top", "person", "organizationalPerson", "user", "computer", "msDS-GroupManagedServiceAccount"]
    machine = ["top", "person", "organizationalPerson", "user", "computer"]
    found = collected(
        user("Administrator", 500),
        user("Guest", 501),
        user("krbtgt", 502),
        user("MSOL_1a2b", 1100),
        user("AWAY$", 1101, userAccountControl=2080),
        user("ana", 1102),
        user("svc-backup", 1103),
        record(
            "CN=pay,OU=Service Accounts,DC=home,DC=test",
            objectClass=["top", "user"],
            objectSid=sid_bytes(f"{HOME}-1104"),
            sAMAccountName="pay",
            primaryGroupID=513,
        ),
        user("frontdesk", 1105),
        user("Glass[1]", 1106),
        user("gm$", 1107, objectClass=gmsa),
        user("pc$", 1108, objectClass=machine),
        service_accounts=["SVC-*", "OU=Service Accounts,*"],
        shared_accounts=["frontdesk"],
        break_glass=["Glass[1]"],
    )
    kinds = {row["name"]: (row["kind"], bool(row["protected"])) for row in found["accounts"]}
    assert kinds == {
        "Administrator": ("human", True),
        "Guest": ("computer", False),
        "krbtgt": ("computer", True),
        "MSOL_1a2b": ("service", True),
        "AWAY$": ("computer", True),
        "ana": ("human", False),
        "svc-backup": ("service", False),
        "pay": ("service", False),
        "frontdesk": ("shared", False),
        "Glass[1]": ("break-glass", True),
        "gm$": ("service", False),
        "pc$": ("computer", False),
    }


def test_a_last_use_is_an_interval():
    at, later = AS_OF - timedelta(days=100), AS_OF - timedelta(days=95)
    assert last_use(None, at, AS_OF) == {"last_used_earliest": at, "last_used_latest": at + LAG}
    assert last_use(later, at, AS_OF) == {"last_used_earliest": later, "last_used_latest": at + LAG}
    fresh = AS_OF - timedelta(days=1)
    assert last_use(fresh, fresh, AS_OF) == {"last_used_earliest": fresh, "last_used_latest": AS_OF}
    # One server's word: the others may have seen more.
    assert last_use(at, None, AS_OF) == {"last_used_earliest": at, "last_used_latest": AS_OF}
    assert last_use(None, None, AS_OF) == {"last_used_earliest": None, "last_used_latest": None}


@pytest.mark.parametrize(
    ("values", "never"),
    [
        ({"lastLogon": 0, "lastLogonTimestamp": 0, "logonCount": 0}, True),
        ({"lastLogon": 0, "logonCount": 0}, None),
        ({}, None),
        ({"lastLogon": 0, "lastLogonTimestamp": 0, "logonCount": 3}, False),
        ({"lastLogonTimestamp": stamp(AS_OF)}, False),
    ],
)
def test_never_used_needs_the_directory_to_say_so(collected, values, never):
    assert collected(user("ana", 1001, **values))["accounts"][0]["never_used"] is never


def test_never_and_zero_are_no_dates(collected):
    at = datetime(2025, 5, 6, 7, 8, 9, tzinfo=UTC)
    found = collected(
        user("zero", 1001, accountExpires=0, pwdLastSet=0),
        user("ever", 1002, accountExpires=2**63 - 1, pwdLastSet=-1),
        user("real", 1003, accountExpires=stamp(at), pwdLastSet=stamp(at)),
    )
    times = {row["name"]: (row["expires_at"], row["password_set_at"]) for row in found["accounts"]}
    assert times == {"zero": (None, None), "ever": (None, None), "real": (at, at)}


# ── groups ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_groups_have_scope_effect_system_and_client(collected):
    found = collected(
        group("Global", 1201),
        group("Local", 1202, groupType=-2147483644, description="Reads"),
        group("Universal", 1203, groupType=-2147483640),
        group("Mail", 1204, groupType=8),
        group("Silent", 1205, groupType=[]),
        group("All-MFA-Required", 1206),
        group("Acme-Readers", 1207),
        group("Acme-Nova", 1208),
        effect={"restricts": ["*-MFA-Required"], "exempts": ["All-*"]},
        client={"Acme-*": "acme", "*-Nova": "nova"},
        privileged=["universal"],
    )
    groups = {row["name"]: row for row in found["entitlements"]}
    assert {name: row["scope"] for name, row in groups.items() if row["scope"] != "global"} == {
        "Local": "domain-local",
        "Universal": "universal",
        "Mail": "universal",
        "Silent": None,
    }
    assert {name: row["effect"] for name, row in groups.items() if row["effect"] != "grants"} == {
        "Mail": "distribution",
        "All-MFA-Required": "restricts",
    }
    assert {row["system"] for row in groups.values()} == {"home.test"}
    assert [name for name, row in groups.items() if row["privileged"]] == ["Universal"]
    assert groups["Acme-Readers"]["client"] == "acme"
    assert groups["Acme-Nova"]["client"] is None
    assert [(row["kind"], row["subject"]) for row in found["problems"]] == [
        ("ambiguous", groups["Acme-Nova"]["entitlement"])
    ]


def test_tier_0_is_privileged_and_beyond_a_delegated_writer(collected):
    found = collected(
        group("Domain Admins", 512, person("root"), team("Ops"), adminCount=1),
        group("Ops", 1201, person("root"), person("ana")),
        user("root", 1001, adminCount=1),
        user("ana", 1002),
        group("Domain Users", 513),
    )
    assert [row["name"] for row in found["entitlements"] if row["privileged"]] == ["Domain Admins"]
    why = {
        (row["account"][-1], row["entitlement"][-3:]): row["why_not"]
        for row in found["grants"]
        if row["via"] == "member"
    }
    assert why == {
        ("9", "200"): "AdminSDHolder: tier-0 script",
        ("9", "4b1"): None,  # the group decides, not whose adminCount its member has
        ("a", "4b1"): None,
    }
    assert [(row["removable"], row["why_not"]) for row in found["nesting"]] == [(False, "AdminSDHolder: tier-0 script")]


# ── memberships ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_members_are_found_before_and_after_their_group_whatever_the_spelling(collected):
    found = collected(
        user("early", 1001),
        group(
            "Team", 1201, "cn=EARLY, ou=people , dc=home,dc=test", "CN=Late,OU=People,DC=HOME,DC=TEST", person("EARLY")
        ),
        user("late", 1002),
    )
    assert {edge for edge in edges(found) if edge[2] == "member"} == {
        (f"ad:user:{guid_of(n)}", f"ad:group:{guid_of(1201)}", "member") for n in (1001, 1002)
    }
    assert all(row["removable"] and row["mastered_in"] == "ad" for row in found["grants"] if row["via"] == "member")


def test_the_primary_group_counts_and_cannot_be_cut(collected):
    found = collected(user("ana", 1001), group("Domain Users", 513), group("Else", 1201, person("ana")))
    (primary,) = [row for row in found["grants"] if row["via"] == "primary"]
    assert primary["entitlement"] == f"ad:group:{guid_of(513)}"
    assert (primary["removable"], primary["why_not"]) == (False, "primary group: change primaryGroupID first")
    elsewhere = collected(user("ana", 1001))
    assert [row["entitlement"] for row in elsewhere["grants"]] == [ref("sid", f"{HOME}-513")]


def test_cycles_and_self_members_are_kept_as_they_are(collected):
    found = collected(group("A", 1201, team("B"), team("A")), group("B", 1202, team("A")))
    ids = {name: f"ad:group:{guid_of(n)}" for name, n in (("A", 1201), ("B", 1202))}
    assert {(row["child"], row["parent"], row["reach"]) for row in found["nesting"]} == {
        (ids["B"], ids["A"], "transitive"),
        (ids["A"], ids["A"], "transitive"),
        (ids["A"], ids["B"], "transitive"),
    }
    assert not found["grants"]


def test_foreign_principals_are_found_by_sid_in_other_domains_of_the_source_or_left_to_others(collected):
    def foreign(sid: str) -> str:
        return f"CN={sid},CN=ForeignSecurityPrincipals,DC=home,DC=test"

    away = "dc=away,dc=test"
    found = collected(
        group(
            "Team",
            1201,
            foreign(f"{AWAY}-1001"),
            foreign(f"{AWAY}-1202"),
            foreign("S-1-5-21-4-4-4-4"),
            foreign("S-1-5-11"),
        ),
        record(
            foreign(f"{AWAY}-1001"),
            objectClass=["top", "foreignSecurityPrincipal"],
            objectSid=sid_bytes(f"{AWAY}-1001"),
        ),
        user("ben", 1001, away, AWAY, objectGUID=identifiers.guid_bytes(guid_of(9001))),
        group("Away", 1202, dc=away, domain_sid=AWAY, objectGUID=identifiers.guid_bytes(guid_of(9002))),
    )
    here = f"ad:group:{guid_of(1201)}"
    assert {edge for edge in edges(found) if edge[1] == here} == {
        (f"ad:user:{guid_of(9001)}", here, "member"),
        (f"ad:group:{guid_of(9002)}", here, "nesting"),
        (ref("sid", "S-1-5-21-4-4-4-4"), here, "member"),
    }
    (problem,) = found["problems"]
    assert (problem["kind"], problem["subject"], problem["reason"]) == (
        "well-known-member",
        here,
        "Authenticated Users is not an account",
    )
    assert {row["system"] for row in found["entitlements"]} == {"home.test", "away.test"}


def test_members_that_are_not_there_stay_references_and_those_that_are_none_are_counted(collected):
    gone = "CN=old\\0ADEL:1b2c,CN=Deleted Objects,DC=home,DC=test"
    found = collected(
        group(
            "Team",
            1201,
            person("nobody"),
            gone,
            "CN=Bo,OU=Contacts,DC=home,DC=test",
            "CN=x\\0ADEL:9,CN=Deleted Objects",
        ),
        record(gone, objectClass=["top", "user"], isDeleted="TRUE", objectSid=sid_bytes(f"{HOME}-1009")),
        record("CN=Bo,OU=Contacts,DC=home,DC=test", objectClass=["top", "contact"], objectCategory="CN=Person"),
    )
    assert [row["account"] for row in found["grants"]] == [ref("dn", "cn=nobody,ou=people,dc=home,dc=test")]
    assert sorted((row["kind"], row["reason"]) for row in found["problems"]) == [
        ("dangling-member", "deleted object"),
        ("dangling-member", "deleted object"),
        ("unusable", "a contact is not an account"),
        ("unusable", "deleted object"),
    ]
    assert not found["accounts"]


def test_sid_history_is_another_name_unless_its_owner_lives(collected):
    found = collected(
        user("ana", 1001, sIDHistory=[sid_bytes(f"{AWAY}-77"), sid_bytes(f"{HOME}-500")]),
        user("Administrator", 500),
        group("Team", 1201, f"CN={AWAY}-77,CN=ForeignSecurityPrincipals,DC=home,DC=test"),
    )
    sids = {row["value"]: row["id"] for row in found["aliases"] if row["scheme"] == "sid"}
    assert sids[f"{AWAY}-77"] == f"ad:user:{guid_of(1001)}"
    assert sids[f"{HOME}-500"] == f"ad:user:{guid_of(500)}"
    assert [(row["kind"], row["subject"]) for row in found["problems"]] == [("ambiguous", f"ad:user:{guid_of(1001)}")]


def test_owners_are_whom_managed_by_names(collected):
    found = collected(
        group("Team", 1201, managedBy=person("ana")),
        group("Else", 1202, managedBy=person("gone")),
        user("ana", 1001),
    )
    assert [(row["object"], row["owner"]) for row in found["owners"]] == [
        (f"ad:group:{guid_of(1201)}", f"ad:user:{guid_of(1001)}"),
        (f"ad:group:{guid_of(1202)}", ref("dn", "cn=gone,ou=people,dc=home,dc=test")),
    ]


# ── completeness ─────────────────────────────────────────────────────────────────────────────────────────────────


def ranged(name: str, rid: int, **pieces: list[str]) -> str:
    plain = group(name, rid).rstrip("\n")
    lines = [f"member;range={r[1:].replace('_', '-').replace('end', '*')}: {m}" for r, ms in pieces.items() for m in ms]
    return "\n".join([plain, *lines]) + "\n\n"


def test_a_member_list_in_pieces_is_one_list(collected):
    people = [user(f"u{n}", 1000 + n) for n in range(5)]
    found = collected(
        ranged("Big", 1201, r0_1=[person("u0"), person("u1")], r2_3=[person("u2"), person("u3")]),
        ranged("Big", 1201, r4_end=[person("u4")]),
        *people,
    )
    assert len([row for row in found["grants"] if row["via"] == "member"]) == 5
    assert set(verdicts(found).values()) == {None}
    assert f"ad:group:{guid_of(1201)}" in verdicts(found)


@pytest.mark.parametrize(
    ("pieces", "at"),
    [
        ({"r0_1": ["u0", "u1"]}, 2),
        ({"r0_1": ["u0", "u1"], "r3_end": ["u3"]}, 2),
        ({"r0_4": ["u0", "u1"], "r5_end": ["u3"]}, 2),
        ({"r1_end": ["u1"]}, 0),
    ],
)
def test_a_piece_that_is_missing_makes_the_group_and_the_edges_incomplete(collected, pieces, at):
    big = ranged("Big", 1201, **{r: [person(n) for n in names] for r, names in pieces.items()})
    found = verdicts(collected(big, *(user(f"u{n}", 1000 + n) for n in range(5))))
    assert found[f"ad:group:{guid_of(1201)}"] == f"members from number {at} on were not read"
    assert {subject for subject, reason in found.items() if reason} == {
        "grants",
        "nesting",
        f"ad:group:{guid_of(1201)}",
    }


def test_an_empty_recording_concludes_nothing(collected):
    for text, why in (("", "a.ldif: the file is empty; "), ("version: 1\n\n# nothing\n", "")):
        assert verdicts(collected(text)) == dict.fromkeys(ALL, f"{why}nothing was read")


def test_counts_and_canaries_are_checked(collected):
    records = (user("ana", 1001), group("Team", 1201, person("ana")))
    fine = collected(*records, expected={"accounts": 1, "entitlements": 1}, canaries=["ANA", team("Team")])
    assert set(verdicts(fine).values()) == {None}
    short = collected(*records, expected={"accounts": 2}, canaries=["ana", "Bird"])
    assert verdicts(short) == dict.fromkeys(ALL, "not seen: bird; 1 accounts received, 2 expected")


def test_which_domain_it_is_is_said_by_its_objects_and_not_where_there_are_several(collected):
    found = collected(user("ana", 1001), group("Team", 1201, person("ana")))
    (said,) = [row["reason"] for row in found["completeness"] if row["subject"] == SYSTEM]
    sid = next(row["value"] for row in found["aliases"] if row["scheme"] == "sid")
    assert json.loads(said)["identity"] == sid.rpartition("-")[0]
    assert json.loads(said)["name"].endswith(".test")


OTHERS = group("Others", 1299, person("nobody"))


def test_a_search_that_ended_badly_is_incomplete(collected):
    team = group("Team", 1201, person("ana"))
    found = collected(user("ana", 1001), team, "search: 2\nresult: 4 Size limit exceeded\n")
    (reason,) = set(verdicts(found).values())
    assert reason.endswith(": the search ended with 4 Size limit exceeded")


@pytest.mark.parametrize(
    ("records", "incomplete"),
    [
        # memberOf proves that the member list was cut short
        (
            (user("ana", 1001, memberOf=team("Team")), user("ben", 1002), group("Team", 1201, person("ben"))),
            {"grants", "nesting"},
        ),
        ((user("ana", 1001), group("Team", 1201)), {"grants", "nesting"}),
        ((user("ana", 1001, primaryGroupID=[]), group("Team", 1201, person("ana"))), {"grants"}),
        ((record("CN=thing,DC=home", cn="thing"), user("ana", 1001)), ALL),
        ((user("ana", 1001), user("ana", 1002), OTHERS), set()),  # two of one name, in quarantine alone
        ((*(user(f"n{n % 2}", 1001 + n) for n in range(4)), OTHERS), ALL),
        ((user("ana", 1001), user("ben", 1001), OTHERS), set()),  # it alone is in quarantine
        ((*(user(f"u{n}", 1001 + n % 2) for n in range(4)), OTHERS), ALL),
        ((user("ana", 1001), user("ana", 1001), OTHERS), set()),
        ((user("ana", 1001),), {"entitlements", "grants", "nesting"}),  # its primary group was not read, nor any other
        ((group("Team", 1201, person("ana")),), {"accounts", "grants", "nesting"}),
        ((user("ana", 1001, memberOf=team("Team")),), {"entitlements", "grants", "nesting"}),
        ((user("ana", 1001, memberOf=team("Else")), group("Team", 1201, person("ana"))), set()),
    ],
)
def test_what_was_not_asked_for_or_contradicts_itself_is_not_concluded_from(collected, records, incomplete):
    assert {subject for subject, reason in verdicts(collected(*records)).items() if reason} == incomplete


def test_groups_that_only_back_links_name_are_counted(collected):
    found = collected(
        user("ana", 1001, memberOf=team("Else")),
        user("ben", 1002, memberOf=team("Else")),
        group("Team", 1201, person("ana")),
    )
    (problem,) = found["problems"]
    assert (problem["kind"], problem["subject"]) == ("unresolved", "cn=else,ou=groups,dc=home,dc=test")
    assert problem["reason"].startswith("2 of")


# ── files and options ────────────────────────────────────────────────────────────────────────────────────────────


def test_several_domains_in_several_files_are_one_source(tmp_path):
    (tmp_path / "ad").mkdir()
    away = "dc=away,dc=test"
    (tmp_path / "ad" / "home.ldif").write_text(group("Team", 1201, person("ben", away)) + user("ana", 1001))
    (tmp_path / "ad" / "away.ldif").write_text(
        user("ben", 1001, away, AWAY, objectGUID=identifiers.guid_bytes(guid_of(9001)))
    )
    one = tables(ldap.connect(Source("ad", tmp_path), recorded=["ad/*.ldif"]))
    two = tables(ldap.connect(Source("ad", tmp_path), recorded=["ad/home.ldif", "ad/away.ldif", "ad/*.ldif"]))
    assert one == two
    assert (f"ad:user:{guid_of(9001)}", f"ad:group:{guid_of(1201)}", "member") in edges(one)
    assert {row["value"] for row in one["aliases"] if row["scheme"] == "sam"} == {
        "home\\ana",
        "home\\team",
        "away\\ben",
    }


def test_every_mistake_of_every_file_is_reported_at_once(tmp_path):
    (tmp_path / "a.ldif").write_text("dn: a=1\nbroken\n\n" + user("ana", 1001))
    (tmp_path / "b.ldif").write_text("dn: a=2\nchangetype: delete\n")
    (tmp_path / "c.ldif").write_bytes(b"\xff\xfe\x00\xd8")
    connector = ldap.connect(Source("ad", tmp_path), recorded=["*.ldif"])
    with pytest.raises(WorkspaceError) as caught:
        list(connector.collect(AS_OF))
    assert [(m.file, m.line) for m in caught.value.mistakes] == [("a.ldif", 2), ("b.ldif", 2), ("c.ldif", 0)]


def test_a_source_without_files_is_a_mistake_and_files_that_are_not_there_were_not_read(tmp_path):
    with pytest.raises(WorkspaceError, match="nothing is named to read from"):
        ldap.connect(Source("ad", tmp_path))
    with pytest.raises(ConnectorError, match=r"ad/\*\.ldif, x\.ldif: no such file or folder"):
        list(ldap.connect(Source("ad", tmp_path), recorded=["x.ldif", "ad/*.ldif"]).collect(AS_OF))


def test_every_option_is_annotated_so_that_a_file_can_be_checked():
    hints = get_type_hints(ldap.connect)
    options = [p for p in inspect.signature(ldap.connect).parameters.values() if p.kind is p.KEYWORD_ONLY]
    assert all(TypeAdapter(hints[option.name]).json_schema() for option in options)
    assert TypeAdapter(hints["directory"]).validate_python("other") == "other"


# ── other directories ────────────────────────────────────────────────────────────────────────────────────────────


def test_other_directories_have_their_own_classes_and_no_opinion_on_power(collected):
    base = "dc=app,dc=test"
    found = collected(
        record(
            f"uid=ana,{base}", objectClass="inetOrgPerson", uid="ana", cn="Ana", employeeNumber="7", entryUUID="AA-1"
        ),
        record(
            f"uid=ben,{base}", objectClass=["person", "posixAccount"], uid="ben", gidNumber=50, nsAccountLock="true"
        ),
        record(f"uid=cy,{base}", objectClass="account", uid="cy", pwdAccountLockedTime="000001010000Z"),
        record(f"uid=di,{base}", objectClass="account", uid="di", pwdAccountLockedTime="20260101000000Z"),
        record(
            f"cn=names,{base}",
            objectClass="groupOfNames",
            cn="names",
            member=["cn=dummy,o=whatever", f"UID=ana, {base}"],
        ),
        record(
            f"cn=unique,{base}", objectClass="groupOfUniqueNames", cn="unique", uniqueMember=[f"cn=names,{base}#'01'B"]
        ),
        record(f"cn=unix,{base}", objectClass="posixGroup", cn="unix", gidNumber=50, memberUid=["ANA", "zed"]),
        record(f"ou=x,{base}", objectClass="organizationalUnit", ou="x"),
        service_accounts=[f"uid=di,{base}"],
    )
    accounts = {row["name"]: row for row in found["accounts"]}
    assert {name: (row["enabled"], row["kind"]) for name, row in accounts.items()} == {
        "ana": (None, "human"),
        "ben": (False, "human"),
        "cy": (False, "human"),
        "di": (None, "service"),
    }
    assert (accounts["ana"]["account"], accounts["ana"]["stable_id"]) == ("ad:user:aa-1", True)
    assert (accounts["ben"]["account"], accounts["ben"]["stable_id"]) == (f"ad:user:uid=ben,{base}", False)
    assert accounts["ana"]["employee_id"] == "7"
    assert {row["privileged"] for row in found["entitlements"]} == {None}
    assert edges(found) == {
        (ref("dn", "cn=dummy,o=whatever"), f"ad:group:cn=names,{base}", "member"),
        ("ad:user:aa-1", f"ad:group:cn=names,{base}", "member"),
        (f"ad:group:cn=names,{base}", f"ad:group:cn=unique,{base}", "nesting"),
        ("ad:user:aa-1", f"ad:group:cn=unix,{base}", "member"),
        (f"ad:user:uid=ben,{base}", f"ad:group:cn=unix,{base}", "primary"),
    }
    assert [(row["kind"], row["reason"]) for row in found["problems"]] == [
        ("dangling-member", "no single object has uid zed")
    ]


def test_ids_may_come_from_a_named_attribute_or_the_dn(collected):
    plain = record("uid=ana,dc=app", objectClass="account", uid="ana", guid="7F", entryUUID="aa-1")
    raw = record("uid=ben,dc=app", objectClass="account", uid="ben", guid=b"\xff\x00")

    def ids(**options: Any) -> list[tuple[str, bool]]:
        return [(row["native_id"], row["stable_id"]) for row in collected(plain, raw, **options)["accounts"]]

    assert ids(id_attribute="GUID") == [("7F", True), ("ff00", True)]
    assert ids(id_attribute="dn") == [("uid=ana,dc=app", False), ("uid=ben,dc=app", False)]
    assert ids() == [("aa-1", True), ("uid=ben,dc=app", False)]


def test_a_dynamic_group_has_members_nobody_can_read_off(collected):
    found = collected(
        record(
            "cn=q,dc=app",
            objectClass="groupOfURLs",
            cn="q",
            memberURL="ldap:///dc=app??sub?(x=y)",
            member="uid=a,dc=app",
        ),
        record("uid=a,dc=app", objectClass="account", uid="a"),
    )
    assert {subject for subject, reason in verdicts(found).items() if reason} == {"grants", "nesting"}


def test_the_kind_of_directory_can_be_said(collected):
    text = record("cn=a,dc=app", objectClass=["group", "groupOfNames"], cn="a", entryUUID="e-1")
    assert collected(text, directory="other")["entitlements"][0]["privileged"] is None
    assert collected(text)["entitlements"][0]["privileged"] is False


# ── names, numbers, times ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN=Loki\\ ,CN=Users,DC=x", "cn=loki\\20,cn=USERS,dc=x"),
        ("CN=Lee\\, Ana,OU=A+OU=B,DC=x", "cn=lee\\2C ana , ou = a + ou=b; dc=x"),
        ("CN=Zo\\C3\\AB,DC=x", "cn=Zoë,dc=x"),
        ("CN=old\\0ADEL:1,DC=x", "cn=old\\0adel:1,dc=x"),
        ("CN=a\\=b,DC=x", "cn=a=b, dc=x"),
        ("CN=\\#1,DC=x", "cn=\\231,dc=x"),
    ],
)
def test_one_dn_has_one_canonical_form(one, other):
    assert canonical(one) == canonical(other)


def test_different_dns_stay_different():
    assert canonical("CN=Lee\\, Ana,DC=x") != canonical("CN=Lee,Ana=,DC=x")
    assert canonical("CN=Loki\\ ,DC=x") != canonical("CN=Loki,DC=x")


@given(st.text(max_size=60) | st.text("cn=a,+\\ #;\"'20", max_size=30))
def test_a_canonical_dn_is_its_own(text):
    once = canonical(text)
    assert canonical(once) == once


def test_domains_are_spelt_by_dc():
    assert domain(canonical("CN=a,DC=Sub,DC=Home,DC=Test")) == "sub.home.test"
    assert domain("cn=a,o=b") is None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("20220801153708.0Z", datetime(2022, 8, 1, 15, 37, 8, tzinfo=UTC)),
        ("20220801153708Z", datetime(2022, 8, 1, 15, 37, 8, tzinfo=UTC)),
        ("202208011537+0200", datetime(2022, 8, 1, 13, 37, tzinfo=UTC)),
        ("2022080115-0330", datetime(2022, 8, 1, 18, 30, tzinfo=UTC)),
        ("20220801153708.25Z", datetime(2022, 8, 1, 15, 37, 8, 250000, tzinfo=UTC)),
        ("00000101000000Z", None),
        ("20221301000000Z", None),
        ("2022", None),
    ],
)
def test_generalized_times(text, at):
    assert generalized_time(text) == at


@given(st.binary(max_size=80))
def test_identities_from_any_bytes_are_text_or_refused(data):
    for reader in (identifiers.sid, identifiers.guid):
        try:
            assert reader(data)
        except ValueError:
            continue


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=15), st.integers(0, 2**48 - 1))
def test_sids_survive_their_bytes(parts, authority):
    text = "-".join(("S-1", str(authority), *map(str, parts)))
    assert identifiers.sid(sid_bytes(text)) == text
    assert identifiers.sid(text.lower().encode()) == text


@given(st.uuids())
def test_guids_survive_their_bytes(value):
    assert (
        identifiers.guid(identifiers.guid_bytes(str(value))) == identifiers.guid(f"{{{value}}}".encode()) == str(value)
    )


@given(st.integers(-(2**70), 2**70))
def test_file_times_never_fail(value):
    at = filetime(value)
    assert at is None or (at >= EPOCH and 0 < value < NEVER)


def test_entries_of_a_live_read_are_the_same_as_recorded_ones():
    live = Entry.of("CN=A", {"objectClass": [b"top"], "OBJECTCLASS": [b"group"], "Member;Range=0-*": [b"cn=b"]}, "dc1")
    assert live.classes() == {"top", "group"}
    assert live.all("member") == ("cn=b",)


def test_what_is_no_id_is_not_used_as_one(collected):
    found = collected(user("ana", 1001, objectGUID=b"short", objectSid=b"S-1-x"))
    assert [(row["native_id"], row["stable_id"]) for row in found["accounts"]] == [
        ("cn=ana,ou=people,dc=home,dc=test", False)
    ]


def test_one_uid_of_two_accounts_is_nobodys_membership(collected):
    found = collected(
        record("cn=a,dc=app", objectClass="account", uid="ana"),
        record("cn=b,dc=app", objectClass="account", uid="ANA"),
        record("cn=g,dc=app", objectClass="posixGroup", cn="g", memberUid="ana"),
    )
    assert not found["grants"]
    assert [row["reason"] for row in found["problems"]] == ["no single object has uid ana"]


def test_missing_pieces():
    assert missing([Range(0, 9, 10), Range(10, None, 3)]) is None
    assert missing([]) == 0


def test_patterns_know_two_wildcards_and_stop_at_units():
    marks = Classification(privileged=["Admin?", "[X]*", "OU=Tier 0,*"])
    assert marks.is_privileged("admins", "cn=admins,dc=x")
    assert marks.is_privileged("[x] ops", "cn=a,dc=x")
    assert not marks.is_privileged("x ops", "cn=a,dc=x")
    assert marks.is_privileged("a", "cn=a,ou=sub,ou=tier 0,dc=x")
    assert not marks.is_privileged("a", "cn=a,ou=not tier 0,dc=x")


@settings(max_examples=60)
@given(st.data())
def test_damaged_recordings_give_rows_of_the_contract_or_mistakes(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    whole = (
        group("Team", 1201, person("ana"), team("Team")) + user("ana", 1001, lastLogon=5, accountExpires=9)
    ).encode()
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 40))
    (folder / "a.ldif").write_bytes(whole[:at] + data.draw(st.binary(max_size=6)) + whole[at + cut :])
    with contextlib.suppress(WorkspaceError):
        tables(ldap.connect(Source("ad", folder), recorded=["a.ldif"]))


# ── outside data ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def marvel(outside_data) -> dict[str, list[dict[str, Any]]]:
    return tables(ldap.connect(Source("ad", outside_data), recorded=["marvel-ad/*.ldif"]))


def test_a_real_domain_is_read_whole(marvel):
    kinds = [row["kind"] for row in marvel["accounts"]]
    # Three machines, and krbtgt and Guest, which the directory itself is made of.
    assert (len(kinds), kinds.count("computer"), len(marvel["entitlements"])) == (57, 5, 49)
    assert set(verdicts(marvel).values()) == {None}
    assert {row["kind"] for row in marvel["problems"]} == {"well-known-member"}


def test_a_real_domain_agrees_with_its_own_back_links(marvel, outside_data):
    """Check our edges against the other half of the file: ``memberOf``, and primary groups by RID."""
    text = (outside_data / "marvel-ad" / "marvel.local.ldif").read_bytes()
    entries = list(Ldif("m").entries(split_lines(text)))
    dn_of = {row["id"]: row["value"] for row in marvel["aliases"] if row["scheme"] == "dn"}
    back = {(canonical(e.dn), canonical(group)) for e in entries for group in e.texts("memberOf")}
    ours = {(dn_of[child], dn_of[parent]) for child, parent, via in edges(marvel) if via != "primary"}
    assert ours == back
    by_rid = {identifiers.sid(e.values["objectsid"][0]).rpartition("-")[2]: canonical(e.dn) for e in entries}
    primary = {(canonical(e.dn), by_rid[e.texts("primaryGroupID")[0]]) for e in entries if e.texts("primaryGroupID")}
    assert {(dn_of[a], dn_of[g]) for a, g, via in edges(marvel) if via == "primary"} == primary
    theirs, closed = nx.DiGraph(back | primary), nx.DiGraph((a, b) for a, b, _ in edges(marvel))
    for account in (row["account"] for row in marvel["accounts"]):
        reached = {dn_of[node] for node in nx.descendants(closed, account)}
        assert reached == nx.descendants(theirs, dn_of[account])


@pytest.mark.parametrize(("groups", "count"), [("200-groups.ldif", 26), ("200-groups-large.ldif", 66)])
def test_application_groups_of_another_directory(outside_data: Path, groups, count):
    folder = outside_data / "midpoint-associations"
    found = tables(ldap.connect(Source("app", folder), recorded=["1*.ldif", groups]))
    lines = (folder / groups).read_text().splitlines()
    assert len(found["entitlements"]) == count
    assert len(found["accounts"]) == 43
    assert len(found["grants"]) == sum(line.startswith("member:") for line in lines)
    dummies = [row for row in found["grants"] if row["account"].startswith("ref:")]
    assert {row["account"] for row in dummies} == {ref("dn", "cn=dummy,o=whatever")}
    assert len(dummies) == lines.count("member: cn=dummy,o=whatever")
    numbered = [row for row in found["accounts"] if row["employee_id"]]
    roster = (folder / "hr.csv").read_text()
    assert len(numbered) > 30
    assert all(row["employee_id"] in roster for row in numbered)


def test_the_same_input_gives_the_same_rows_in_the_same_order(outside_data):
    connector = ldap.connect(Source("ad", outside_data), recorded=["marvel-ad/*.ldif"])
    assert list(connector.collect(AS_OF)) == list(connector.collect(AS_OF))


def test_groups_that_only_take_away_restrict_and_are_never_cut(collected):
    found = collected(
        group("Protected Users", 525, person("ana")), group("Team", 1201, person("ana")), user("ana", 1001)
    )
    assert {row["name"]: row["effect"] for row in found["entitlements"]} == {
        "Protected Users": "restricts",
        "Team": "grants",
    }

"""What the tools that people use really write, each in the form it has."""

import json
from typing import Any

import pytest

from access_review.connectors.ad.entry import canonical
from access_review.errors import RosterFault, WorkspaceError
from tests.connectors.faulty_inputs import DOMAIN, FORMATS, Company
from tests.connectors.small_sources import read, read_table

ROSTER: dict[str, Any] = {
    "path": "hr.csv",
    "dates": "%Y-%m-%d",
    "timezone": "Europe/Warsaw",
    "left_at_means": "end-of-day",
    "statuses": {"active": ["Active"], "left": ["Terminated"]},
    "columns": {"person": "id", "status": "status", "starts": "start", "left_at": "end"},
}
PEOPLE = "id,status,start,end\n1,Active,2024-01-01,\n2,Terminated,2024-01-01,2026-09-30\n"


def roster(folder, text, **options):
    (folder / "hr.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read("roster", folder, **{**ROSTER, **options})


def status(found):
    return {row["native_id"]: row["status"] for row in found["people"]}


def held(found):
    names = {row["entitlement"]: row["name"] for row in found["entitlements"]}
    who = {row["account"]: row["name"] for row in found["accounts"]}
    return sorted(
        (who.get(r["account"], r["account"]), names[r["entitlement"]]) for r in found["grants"] if r["via"] == "member"
    )


def written(folder):
    return (folder / "ad.ldif").read_text()


def test_ldifde_adds_every_entry_and_the_rest_of_a_large_group_afterwards(tmp_path):
    options = FORMATS["ldap"](tmp_path, Company(Company.usual().accounts, ("ana",)))
    text = written(tmp_path).replace("\nobjectClass:", "\nchangetype: add\nobjectClass:")
    more = "dn: CN=Ops,DC=home,DC=test\nchangetype: modify\nadd: member\nmember: CN=ben,DC=home,DC=test\n-\n"
    (tmp_path / "ad.ldif").write_text(f"{text}\n{more}")
    found = read("ldap", tmp_path, **options)
    assert held(found) == [("ana", "Ops"), ("ben", "Ops")]
    assert not found.reasons
    (tmp_path / "ad.ldif").write_text(f"{text}\n{more.replace('CN=Ops', 'CN=Else')}")
    assert "grants" in read("ldap", tmp_path, **options).reasons
    (tmp_path / "ad.ldif").write_text(f"{text}\n{more.replace('add:', 'delete:')}")
    with pytest.raises(WorkspaceError, match="1 mistake"):
        read("ldap", tmp_path, **options)


def test_ldapsearch_says_how_each_page_ended(tmp_path):
    options = FORMATS["ldap"](tmp_path, Company.usual())
    end = "search: 2\nresult: 0 Success\ncontrol: 1.2.840.113556.1.4.319 false MAUCAQAEAA==\npagedresults: cookie={}\n"
    body = f"# extended LDIF\n#\n# LDAPv3\n\n{written(tmp_path)}\nref: ldap://other.test/DC=other\n\n# search result\n"
    (tmp_path / "ad.ldif").write_text(f"{body}{end.format('')}")
    assert not read("ldap", tmp_path, **options).reasons
    (tmp_path / "ad.ldif").write_text(f"{body}{end.format('YWJj')}")
    assert "before its last page" in read("ldap", tmp_path, **options).reasons["accounts"]


def test_the_member_of_of_freeipa_reaches_through_groups(tmp_path):
    group = "dn: cn={0},dc=ipa\nobjectClass: groupOfNames\nentryUUID: {0}\ncn: {0}\nmember: {1}\n\n"
    person = "dn: uid=ana,dc=ipa\nobjectClass: inetOrgPerson\nentryUUID: u\nuid: ana\nmemberOf: cn=in,dc=ipa\nmemberOf: cn={},dc=ipa\n\n"
    groups = (
        group.format("in", "uid=ana,dc=ipa") + group.format("out", "cn=in,dc=ipa") + group.format("else", "cn=x,dc=ipa")
    )
    (tmp_path / "ipa.ldif").write_text(person.format("out") + groups)
    assert "grants" not in read("ldap", tmp_path, recorded=["ipa.ldif"]).reasons
    (tmp_path / "ipa.ldif").write_text(person.format("else") + groups)
    assert "grants" in read("ldap", tmp_path, recorded=["ipa.ldif"]).reasons


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("CN=Jan Weiss,DC=a", "CN=Jan Weiß,DC=a", False),
        ("CN=ﬁt,DC=a", "CN=fit,DC=a", False),
        ("CN=\u212aelvin,DC=a", "CN=Kelvin,DC=a", False),
        ("CN=ſam,DC=a", "CN=sam,DC=a", False),
        ("CN=Ren\u00e9,DC=a", "cn=REN\u00c9, dc=A", True),
        ("CN=Ren\u00e9,DC=a", "CN=Rene\u0301,DC=a", True),
        ("CN=Mu\u0308ller\\, J,DC=a", "CN=M\u00fcller\\2c J,DC=a", True),
    ],
)
def test_names_are_one_as_servers_say(one, other, same):
    assert (canonical(one) == canonical(other)) is same


def test_two_objects_of_one_dn_are_both_read_and_neither_gets_the_membership(tmp_path):
    options = FORMATS["ldap"](tmp_path, Company(Company.usual().accounts, ("ana",)))
    (tmp_path / "ad.ldif").write_text(written(tmp_path).replace("dn: CN=ben,", "dn: CN=ana,"))
    found = read("ldap", tmp_path, **options)
    assert {row["name"] for row in found["accounts"]} == {"ana", "ben"}
    assert not [row for row in found["grants"] if row["via"] == "member" and not row["account"].startswith("ref:")]
    assert found.texts().count("same DN") == 2
    assert [row["kind"] for row in found["problems"]] == ["quarantined"] * 2
    assert set(found.reasons) == {f"app:group:{DOMAIN}-1201"}  # the group that names it, and nothing else


def test_a_member_without_an_id_names_its_group_and_keeps_the_others(tmp_path):
    options = FORMATS["sharphound"](tmp_path, Company.usual())
    page = json.loads((tmp_path / "groups.json").read_text())
    page["data"][0]["Members"] += [None, {"ObjectIdentifier": None, "ObjectType": "User"}]
    (tmp_path / "groups.json").write_text(json.dumps(page))
    found = read("sharphound", tmp_path, **options)
    assert len(held(found)) == 2
    assert "2 of the members of OPS say no id" in found.reasons["grants"]


def test_the_same_object_twice_is_no_contradiction(tmp_path):
    options = FORMATS["sharphound"](tmp_path, Company.usual())
    page = json.loads((tmp_path / "users.json").read_text())
    page["data"].append(page["data"][0])
    page["meta"]["count"] += 1
    (tmp_path / "users.json").write_text(json.dumps(page))
    assert not read("sharphound", tmp_path, **options).reasons


def powershell(thing):
    """Write an object as ConvertTo-Json does with one of the PowerShell SDK."""
    own = {key[:1].upper() + key[1:]: value for key, value in thing.items() if not key.startswith("@")}
    return {**own, "AdditionalProperties": {key: value for key, value in thing.items() if key.startswith("@")}}


@pytest.mark.parametrize("form", ["list", "single", "powershell", "utf-16"])
def test_saved_answers_of_graph_in_the_forms_that_people_keep(form, tmp_path):
    options = FORMATS["entra"](tmp_path, Company.usual())
    plain = read("entra", tmp_path, **options)
    for path in tmp_path.rglob("*.json"):
        value = json.loads(path.read_text())["value"]
        things = [powershell(thing) for thing in value] if form in {"powershell", "utf-16"} else value
        saved = things[0] if form == "single" and len(things) == 1 else things
        path.write_text(json.dumps(saved), "utf-16" if form == "utf-16" else "utf-8")
    assert read("entra", tmp_path, **options) == plain
    (tmp_path / "users.json").write_text(json.dumps([{"id": f"u{n}"} for n in range(100)]))
    assert "one page" in read("entra", tmp_path, **options).reasons["accounts"]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_excel_says_its_delimiter_in_a_line_of_its_own(first, tmp_path):
    found = roster(tmp_path, f"{first}\r\n" + PEOPLE.replace(",", ";").replace("\n", "\r\n"))
    assert status(found) == {"1": "active", "2": "left"}


def test_a_heading_with_a_blank_of_another_kind_is_the_heading(tmp_path):
    options = {"columns": {**ROSTER["columns"], "left_at": "end date"}, "optional": ["end date"]}
    for heading in ("end\u00a0date", "end  date ", "\u200bend date", "end\u2003date"):
        assert status(roster(tmp_path, PEOPLE.replace("end\n", f"{heading}\n"), **options)) == {
            "1": "active",
            "2": "left",
        }
    with pytest.raises(RosterFault) as raised:
        roster(tmp_path, PEOPLE.replace("end\n", "End dates\n"), **options)
    assert "is 'End dates' meant?" in str(raised.value.mistakes[0])
    absent = PEOPLE.replace(",end\n", "\n").replace(",\n", "\n").replace(",2026-09-30", "")
    assert status(roster(tmp_path, absent, **options)) == {"1": "active", "2": "left"}


@pytest.mark.parametrize("end", ["2026-09-30+02:00", "2026-09-30Z", "/Date(1790726400000)/"])
def test_dates_with_an_offset_are_the_day_they_say(end, tmp_path):
    found = roster(tmp_path, PEOPLE.replace("2026-09-30", end))
    assert str(found["people"][1]["left_at_latest"]) == "2026-09-30 22:00:00+00:00"


@pytest.mark.parametrize(
    "row", ["2,Active,2024-01-01,2023-12-31", "2,Terminated,2026-10-01,2026-09-30", "2,Active,2024-01-01,1970-01-01"]
)
def test_whoever_ended_before_they_began_is_unknown(row, tmp_path):
    found = roster(tmp_path, f"id,status,start,end\n1,Active,2024-01-01,\n{row}\n")
    assert status(found) == {"1": "active", "2": "unknown"}
    assert "quarantined" in found.texts()


def test_a_roster_says_all_its_mistakes_at_once(tmp_path):
    with pytest.raises(RosterFault) as raised:
        roster(tmp_path, f"{PEOPLE}3,Active\n4,Gone,2024-01-01,\n5,Active,yesterday,tomorrow\n")
    assert [mistake.line for mistake in raised.value.mistakes] == [4, 5, 6, 6]


def test_a_manager_s_name_that_is_nobody_s_is_said_with_a_count(tmp_path):
    text = "id,name,boss\n1,Ada,\n2,Ben,Ada\n3,Cy,Nobody\n4,Di,Ben\n5,Ben,\n"
    columns = {"person": "id", "name": "name", "manager": {"column": "boss", "by": "name"}}
    (tmp_path / "hr.csv").write_text(text)
    found = read("roster", tmp_path, path="hr.csv", columns=columns)
    assert "2 of 3 names in boss are those of no one person, 1 of them as several people are called so" in found.texts()


def test_nobody_owns_what_has_an_empty_cell_but_a_column_that_is_empty_everywhere_was_not_read(tmp_path):
    options = {
        "table": "owners",
        "references": {"object": "app-login"},
        "columns": {"object": "login", "owner": "owner"},
    }
    assert not read_table(tmp_path, "login,owner\nana,1\nsvc,\nbot,N/A\n", **options).reasons
    assert "empty in every row" in read_table(tmp_path, "login,owner\nana,\nsvc,-\n", **options).reasons["owners"]
    assert "1 of 2 rows" in read_table(tmp_path, "login,owner\nana,1\n,2\n", **options).reasons["owners"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_export_csv_of_powershell_in_its_encodings(encoding, tmp_path):
    text = '"SamAccountName","DistinguishedName","MemberOf"\r\n"ána","CN=Ana,DC=home","System.Object[]"\r\n'
    (tmp_path / "export.csv").write_bytes(text.encode(encoding))
    columns = {"account": "SamAccountName", "entitlement": "MemberOf"}
    found = read("table", tmp_path, path="export.csv", columns=columns)
    assert [row["name"] for row in found["accounts"]] == ["ána"]
    assert "MemberOf holds names of types" in found.reasons["grants"]


def test_a_program_that_never_ends_its_last_line_is_named(tmp_path):
    text = "login,role\nana,Agent\nben,Agent"
    assert "does not end" in read_table(tmp_path, text).reasons["grants"]
    assert not read_table(tmp_path, text, open_end=True).reasons

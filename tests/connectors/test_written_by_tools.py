"""Files that tools wrote, and forms taken from what they are known to write, read as the directory says.

``written/`` holds what ``ldapsearch``, ``ldbsearch`` and ``bloodhound-ce-python`` 1.9.1 wrote of a small domain on
Samba whose people do not exist. The forms of ``csvde``, of the Active Directory module and of older collectors are
made here, after their references and sources.
"""

import base64
import csv
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from access_review.errors import WorkspaceError
from tests.connectors.faulty_inputs import FORMATS, Company
from tests.connectors.small_sources import Found, read, read_table

WRITTEN = Path(__file__).parent / "written"


def held(found: Found) -> set[tuple[str, str]]:
    """Return who is in which group directly, by name."""
    names = {row["entitlement"]: row["name"] for row in found["entitlements"]}
    who = {row["account"]: row["name"] for row in found["accounts"]} | names
    grants = [(row["account"], row["entitlement"]) for row in found["grants"] if row["via"] == "member"]
    nested = [(row["child"], row["parent"]) for row in found.get("nesting", []) if row["why"] == "member"]
    return {(who[one], names[other]) for one, other in [*grants, *nested] if one in who and other in names}


STAFF = {("ana", "Ops"), ("zoe", "Ops"), ("ben", "All Staff"), ("Ops", "All Staff")}


@pytest.mark.parametrize("name", sorted(path.name for path in WRITTEN.glob("*.ldif")))
def test_what_the_searches_of_a_directory_write(name):
    found = read("ldap", WRITTEN, recorded=[name])
    assert not found.reasons
    assert {row["name"] for row in found["accounts"]} == {"ana", "ben", "cleo", "zoe", "juergen"}
    assert held(found) == STAFF
    assert {row["employee_id"] for row in found["accounts"]} == {f"0000{n}" for n in range(5)}


def test_what_a_collector_on_linux_writes_agrees_with_the_search():
    found = read("sharphound", WRITTEN, path="bloodhound-ce-python.zip")
    assert not found.reasons
    assert held(found) >= STAFF
    searched = read("ldap", WRITTEN, recorded=["ldapsearch.ldif"])
    mails = {row["name"]: row["mail"] for row in found["accounts"] if row["mail"]}
    assert mails == {row["name"]: row["mail"] for row in searched["accounts"]}


@pytest.mark.parametrize("name", ["ldapsearch.ldif", "ldapsearch-paged.ldif", "ldbsearch.ldif"])
def test_a_search_says_how_many_entries_it_found(name, tmp_path):
    text = (WRITTEN / name).read_text("utf-8")
    lost = re.sub(r"(?s)\ndn: CN=Cleo.*?\n\n", "\n\n", text)
    assert lost != text
    (tmp_path / "ad.ldif").write_text(lost, "utf-8")
    assert "says that 8 were found" in read("ldap", tmp_path, recorded=["ad.ldif"]).reasons["accounts"]


def entries() -> list[dict[str, list[str]]]:
    """Return what the search wrote, each entry by attribute, bytes as csvde writes them."""
    made = []
    for record in (WRITTEN / "ldapsearch-LLL.ldif").read_text("utf-8").replace("\n ", "").split("\n\n"):
        entry: dict[str, list[str]] = {}
        for line in filter(None, record.split("\n")):
            name, _, value = line.partition(":")
            data = base64.b64decode(value[1:]) if value.startswith(":") else b""
            text = f"X'{data.hex()}'" if value.startswith(":") else value.strip()
            entry.setdefault("DN" if name == "dn" else name, []).append(text)
        made += [entry] if entry else []
    return made


def csvde(rows: list[dict[str, list[str]]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([";".join(row.get(name, ())) for name in names] for row in rows)
    return text.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
def test_an_export_of_csvde_reads_as_the_search(encoding, tmp_path):
    (tmp_path / "ad.csv").write_bytes(csvde(entries()).encode(encoding))
    found = read("ldap", tmp_path, recorded=["ad.csv"])
    assert not found.reasons
    assert held(found) == STAFF
    searched = read("ldap", WRITTEN, recorded=["ldapsearch-LLL.ldif"])
    assert {row["account"] for row in found["accounts"]} == {row["account"] for row in searched["accounts"]}


def test_a_damaged_export_of_csvde_is_refused_or_said_to_be_cut(tmp_path):
    text = csvde(entries())
    (tmp_path / "ad.csv").write_text(text.rstrip()[: text.rindex("juergen")], "utf-8")
    with pytest.raises(WorkspaceError):
        read("ldap", tmp_path, recorded=["ad.csv"])
    (tmp_path / "ad.csv").write_bytes(text.rstrip().encode())
    assert "may be cut" in read("ldap", tmp_path, recorded=["ad.csv"]).reasons["accounts"]
    (tmp_path / "ad.csv").write_text("login,role\nana,Agent\n")
    with pytest.raises(WorkspaceError):
        read("ldap", tmp_path, recorded=["ad.csv"])


# The Active Directory module: Export-Csv of Windows PowerShell says the type first; ConvertTo-Json writes a SID as an
# object, dates as milliseconds, enumerations as numbers, and one object without a list.
USERS = [
    ("ana", "S-1-5-21-1-2-3-1001", True, 1_790_726_400_000),
    ("zoë", "S-1-5-21-1-2-3-1002", False, 1_790_726_400_000),
]


def ad_csv(rows: list[tuple[str, str, bool, int]]) -> str:
    lines = [f'"CN={name},DC=x","{on}","{name}","{number}","9/30/2026 12:00:00 AM"' for name, number, on, _ in rows]
    heading = '"DistinguishedName","Enabled","SamAccountName","SID","Created"'
    return "\r\n".join(["#TYPE Microsoft.ActiveDirectory.Management.ADUser", heading, *lines, ""])


def ad_json(rows: list[tuple[str, str, bool, int]], *, form: str = "list") -> str:
    things: list[dict[str, Any]] = [
        {
            "DistinguishedName": f"CN={name},DC=x",
            "Enabled": on,
            "SamAccountName": name,
            "SID": {"BinaryLength": 28, "AccountDomainSid": {"Value": "S-1-5-21-1-2-3"}, "Value": number},
            "Created": f"/Date({at})/",
            "GroupCategory": 1,
            "PropertyNames": ["Created", "Enabled"],
            "AddedProperties": [],
            "PropertyCount": 2,
        }
        for name, number, on, at in rows
    ]
    written: Any = things
    if form == "counted":
        written = {"value": things, "Count": len(things)}
    return json.dumps(things[0] if form == "single" else written, indent=4, ensure_ascii=False)


ENABLED = {"yes": ["True", "true"], "no": ["False", "false"]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("form", ["csv", "list", "counted", "single"])
def test_users_of_the_active_directory_module(form, encoding, tmp_path):
    rows = USERS[:1] if form == "single" else USERS
    kind, dates = ("csv", "%m/%d/%Y %I:%M:%S %p") if form == "csv" else ("json", "%Y-%m-%d")
    text = ad_csv(rows) if form == "csv" else ad_json(rows, form=form)
    (tmp_path / f"users.{kind}").write_bytes(text.encode(encoding))
    columns = {
        "account": "SamAccountName",
        "id": "SID" if form == "csv" else "SID.Value",
        "enabled": "Enabled",
        "created_at": "Created",
    }
    found = read("table", tmp_path, path=f"users.{kind}", columns=columns, enabled=ENABLED, dates=dates, timezone="UTC")
    assert not found.reasons
    assert not found.texts()
    said = [(row["name"], row["native_id"], row["enabled"], row["created_at"].day) for row in found["accounts"]]
    assert said == [(name, number, on, 30) for name, number, on, _ in rows]


def test_a_list_that_says_another_count_than_it_has_is_refused(tmp_path):
    (tmp_path / "users.json").write_text(ad_json(USERS, form="counted").replace('"Count": 2', '"Count": 3'))
    with pytest.raises(WorkspaceError) as raised:
        read("table", tmp_path, path="users.json", columns={"account": "SamAccountName"})
    assert "says 3" in str(raised.value.mistakes[0])


def test_members_of_the_active_directory_module_with_the_group_beside_them(tmp_path):
    text = (
        "#TYPE Selected.Microsoft.ActiveDirectory.Management.ADPrincipal\r\n"
        '"Group","name","objectClass","SamAccountName","SID"\r\n'
        '"Domain Admins","Ana","user","ana","S-1-5-21-1-2-3-1001"\r\n'
        '"Ops","Zoë","user","zoë","S-1-5-21-1-2-3-1002"\r\n'
    )
    columns = {"account": "SamAccountName", "id": "SID", "entitlement": "Group"}
    found = read_table(tmp_path, text, columns=columns)
    assert held_names(found) == {("ana", "Domain Admins"), ("zoë", "Ops")}
    assert not found.reasons


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("form", ["list", "counted", "single", "lists with their count", "one value alone"])
def test_groups_of_users_as_the_active_directory_module_lists_them(form, encoding, tmp_path):
    """The values of ``MemberOf`` are grants, each of them, and nobody's list hides another's."""
    groups = {"ana": ["CN=All,DC=x", "CN=Ops,DC=x"], "ben": [], "zoë": ["CN=Ops,DC=x"]}
    things: list[dict[str, Any]] = [{"SamAccountName": name, "MemberOf": held} for name, held in groups.items()]
    match form:
        case "lists with their count":
            things = [{**one, "MemberOf": {"value": one["MemberOf"], "Count": len(one["MemberOf"])}} for one in things]
        case "one value alone":
            things[2]["MemberOf"] = "CN=Ops,DC=x"
        case "single":
            things = things[:1]
    written = {"value": things, "Count": 3} if form == "counted" else things[0] if form == "single" else things
    (tmp_path / "users.json").write_bytes(json.dumps(written).encode(encoding))
    columns = {"account": "SamAccountName", "entitlement": "MemberOf"}
    found = read("table", tmp_path, path="users.json", columns=columns)
    who = [one["SamAccountName"] for one in things]
    assert held_names(found) == {(name, group) for name in who for group in groups[name]}
    assert {row["name"] for row in found["accounts"]} == set(who)
    assert not found.reasons


def test_a_column_of_which_one_value_is_meant_and_some_records_have_a_list_is_refused(tmp_path):
    text = json.dumps(
        [{"login": "ana", "role": "a", "mail": "x@y.test"}, {"login": "b", "role": "a", "mail": ["u", "v"]}]
    )
    (tmp_path / "users.json").write_text(text)
    with pytest.raises(WorkspaceError) as raised:
        read("table", tmp_path, path="users.json", columns={"account": "login", "entitlement": "role", "mail": "mail"})
    assert "a list or an object in some records" in str(raised.value.mistakes[0])


def held_names(found: Found) -> set[tuple[str, str]]:
    names = {row["entitlement"]: row["name"] for row in found["entitlements"]}
    who = {row["account"]: row["name"] for row in found["accounts"]}
    return {(who[row["account"]], names[row["entitlement"]]) for row in found["grants"]}


def collected() -> dict[str, Any]:
    with zipfile.ZipFile(WRITTEN / "bloodhound-ce-python.zip") as archive:
        return {
            kind: json.loads(archive.read(name))
            for name in archive.namelist()
            if (kind := name.partition("_")[2].removesuffix(".json")) in {"users", "groups", "computers"}
        }


@pytest.mark.parametrize("version", [3, 4, 5, 6])
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_old_and_new_collections_say_the_same(version, form, tmp_path):
    files = {}
    for kind, content in collected().items():
        made = {"data": content["data"], "meta": {**content["meta"], "version": version}}
        if version == 3:
            for thing in made["data"]:
                thing["PrimaryGroupSid"] = thing.pop("PrimaryGroupSID", None)
                for member in thing.get("Members", ()):
                    member |= {"MemberId": member.pop("ObjectIdentifier"), "MemberType": member.pop("ObjectType")}
            made[kind] = made.pop("data")
        files[f"20260930_{kind}.json"] = json.dumps(made)
    if form == "zip":
        with zipfile.ZipFile(tmp_path / "bh.zip", "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text.encode("utf-8-sig"))
                archive.writestr(f"__MACOSX/._{name}", b"\0\5\x16\7")
    else:
        (tmp_path / "bh").mkdir()
        for name, text in files.items():
            (tmp_path / "bh" / name).write_text(text, "utf-16")
    found = read("sharphound", tmp_path, path="bh.zip" if form == "zip" else "bh")
    now = read("sharphound", WRITTEN, path="bloodhound-ce-python.zip")
    assert (found["accounts"], found["grants"], found["nesting"]) == (now["accounts"], now["grants"], now["nesting"])
    assert not found.reasons


def test_a_collection_of_rusthound_says_the_same(tmp_path):
    """After its source: a zip of plain names, a user's past as texts, and empty texts for what is not there."""
    with zipfile.ZipFile(tmp_path / "home-test_rusthound-ce.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for kind, content in collected().items():
            for thing in content["data"]:
                thing |= {"ContainedBy": None, "IsDeleted": False, "HasSIDHistory": []}
            if kind == "users":
                former = ["S-1-5-21-9-9-9-1001"]
                content["data"][0] |= {"HasSIDHistory": former}
                content["data"][0]["Properties"] |= {"sidhistory": former, "title": "", "email": ""}
            meta = {"methods": 0, "type": kind, "count": len(content["data"]), "version": 6, "collectorversion": "x"}
            archive.writestr(f"{kind}.json", json.dumps({"data": content["data"], "meta": meta}))
        archive.writestr("ous.json", json.dumps({"data": [], "meta": {"type": "ous"}}))
    found = read("sharphound", tmp_path, path="home-test_rusthound-ce.zip")
    now = read("sharphound", WRITTEN, path="bloodhound-ce-python.zip")
    assert (found["grants"], found["nesting"]) == (now["grants"], now["nesting"])
    assert "S-1-5-21-9-9-9-1001" in {row["value"] for row in found["aliases"] if row["scheme"] == "sid"}
    assert not found.reasons


def powershell(thing: dict[str, Any]) -> dict[str, Any]:
    own = {key[:1].upper() + key[1:]: value for key, value in thing.items() if not key.startswith("@")}
    return {**own, "AdditionalProperties": {key: value for key, value in thing.items() if key.startswith("@")}}


# Each: the objects of one collection, as a file of it is left on disk.
GRAPH = {
    "Windows PowerShell, an array with its count": lambda v, _: {"value": [*map(powershell, v)], "Count": len(v)},
    "Graph Explorer, with its tip": lambda v, name: {
        "@odata.context": f"https://graph.microsoft.com/v1.0/$metadata#{name}",
        "@microsoft.graph.tips": "Use $select to choose only the properties your app needs",
        "value": v,
    },
    "az rest": lambda v, name: {"@odata.context": f"https://graph.microsoft.com/v1.0/$metadata#{name}", "value": v},
    "az ad, the objects alone": lambda v, _: v,
    "the SDK's objects in a page": lambda v, _: {"value": [*map(powershell, v)]},
    "a loop's list of pages": lambda v, name: [
        {"@odata.context": f"#{name}", "value": v[:1], "@odata.nextLink": "https://x/2"},
        {"@odata.context": f"#{name}", "value": v[1:]},
    ],
    "$batch of one request": lambda v, _: {"responses": [{"id": "1", "status": 200, "body": {"value": v}}]},
}


@pytest.mark.parametrize("form", GRAPH)
def test_answers_of_graph_however_they_were_kept(form, tmp_path):
    options = FORMATS["entra"](tmp_path, Company.usual())
    plain = read("entra", tmp_path, **options)
    for path in tmp_path.rglob("*.json"):
        name = path.relative_to(tmp_path).as_posix().removesuffix(".json")
        path.write_text(json.dumps(GRAPH[form](json.loads(path.read_text())["value"], name)), "utf-8-sig")
    assert read("entra", tmp_path, **options) == plain


@pytest.mark.parametrize(
    "saved",
    [
        {"responses": [{"id": "1", "status": 429, "body": {"error": {"code": "TooManyRequests"}}}]},
        {"responses": [{"id": "1", "status": 200, "body": {"value": []}}, {"id": "2", "status": 403}]},
        [{"value": [{"id": "u1"}], "@odata.nextLink": "https://x/2"}],
        [{"value": [{"id": "u1"}]}, {"value": [{"id": "u2"}]}],
        {"error": {"code": "Authorization_RequestDenied"}},
    ],
)
def test_what_was_kept_of_a_failed_read_is_no_read(saved, tmp_path):
    options = FORMATS["entra"](tmp_path, Company.usual())
    (tmp_path / "users.json").write_text(json.dumps(saved))
    assert "accounts" in read("entra", tmp_path, **options).reasons

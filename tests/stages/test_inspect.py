"""Inspect, as a person runs it: what files are, from exports of many kinds, with nobody given away."""

import json
import shutil
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.support.command import in_folder


def seen(folder: Path, *files: str) -> dict[str, Any]:
    """Return what ``inspect --json`` says, the files by their names."""
    result = in_folder(folder, "--as-of", "2026-11-02T06:00:00Z", "--json", "inspect", *files)
    assert result.code == 0, result.err
    said: dict[str, Any] = result.json
    said["files"] = {one["file"]: one for one in said["files"]}
    return said


def test_a_roster_of_a_vendor_is_understood_and_nobody_is_shown(outside_data: Path) -> None:
    result = in_folder(outside_data / "hr-huebner", "inspect", "HRDataset_v14.csv")
    assert result.code == 0
    assert "HRDataset_v14.csv: roster, 311 rows" in result.out
    assert "active: Active (207); left: Voluntarily Terminated (88), Terminated for Cause (16)" in result.out
    assert "managers are named by name" in result.out
    assert "nobody's access: no file says who holds what" in result.out
    assert "Adinolfi" not in result.out
    assert "Peter Monroe" not in result.out


def test_a_directory_and_a_roster_are_joined_and_what_nobody_reads_is_named(outside_data: Path) -> None:
    said = seen(outside_data, "midpoint-associations")
    directory = said["files"]["midpoint-associations/ (5 files)"]
    assert directory["export"]["connector"] == "ldap"
    assert directory["export"]["rows"] == {"accounts": 43, "entitlements": 66, "grants": 1787}
    assert said["files"]["midpoint-associations/hr.csv"]["kind"] == "roster"
    first = said["joins"][0]
    assert (first["column"], first["other_column"], first["rates"]) == (
        "employee_id",
        "empnum",
        [{"step": "exact", "found": 38, "rate": 1.0}],
    )
    assert [one["file"] for one in said["ignored"]] == ["midpoint-associations/SOURCE.txt"]


def test_a_workbook_of_several_sheets_is_several_tables(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    first, users, roles, empty, hidden = (book.create_sheet(n) for n in ("Read me", "Users", "Roles", "Sheet5", "Old"))
    book.remove(book["Sheet"])
    hidden.sheet_state = "hidden"
    first.append(["This list is confidential."])
    users.append(["Login", "Employee ID"])
    roles.append(["Role assignments as of Monday"])
    roles.append(["Login", "Role"])
    for n in range(12):
        users.append([f"u{n}", f"{n:04}"])
        roles.append([f"u{n}", ("Clerk", "Admin")[n % 2]])
    empty.append([])
    hidden.append(["Login", "Role"])
    book.save(tmp_path / "app.xlsx")
    said = seen(tmp_path, "app.xlsx")
    kinds = {
        name: (one["kind"], {m["field"]: m["columns"][0] for m in one["meanings"]})
        for name, one in said["files"].items()
    }
    assert kinds["app.xlsx [Users]"] == ("holdings", {"account": "Login", "employee_id": "Employee ID"})
    assert kinds["app.xlsx [Roles]"][1] == {"account": "Login", "entitlement": "Role"}
    assert [(one["file"], one["reason"].split(":")[-1].strip()) for one in said["ignored"]] == [
        ("app.xlsx [Sheet5]", "the sheet is empty")
    ]
    laid = in_folder(tmp_path, "--as-of", "2026-11-02T06:00:00Z", "--json", "init", "w", "--from", "app.xlsx")
    assert laid.code == 0, laid.err
    roles_file = next(one for one in laid.json["sources"] if one["options"].get("sheet") == "Roles")
    assert roles_file["options"]["header_row"] == 2
    assert list(roles_file["options"]["references"].values()) == ["app-login"]


def test_each_list_of_a_file_is_shown_also_one_in_which_nothing_is(tmp_path: Path) -> None:
    users = [{"login": f"u{n}", "employee_id": f"{n:04}"} for n in range(12)]
    held = [{"login": f"u{n}", "role": ("Clerk", "Admin")[n % 2]} for n in range(12)]
    (tmp_path / "app.json").write_text(json.dumps({"users": users, "grants": held, "admins": [], "total": 12}), "utf-8")
    (tmp_path / "cut.json").write_text('{"users": [{"login": "u1"}', "utf-8")
    (tmp_path / "twice.json").write_text('[{"login": "u1", "login": "u2"}]', "utf-8")
    said = seen(tmp_path, "app.json", "cut.json", "twice.json")
    assert {name: one["rows"] for name, one in said["files"].items()} == {
        "app.json [users]": 12,
        "app.json [grants]": 12,
    }
    assert {one["file"]: one["reason"] for one in said["ignored"]} == {
        "app.json [admins]": "an empty list: nothing is said of what it would hold",
        "cut.json": "cut.json:1:27: no JSON: Expecting ',' delimiter",
        "twice.json": "twice.json: an object has the key 'login' twice",
    }


def test_a_directory_that_says_when_accounts_were_used_lacks_no_last_use(tmp_path: Path) -> None:
    unused = "no last use: access that nobody uses cannot be seen"
    for used in ("", "lastLogonTimestamp: 134066880000000000\n"):
        (tmp_path / "ad.ldif").write_text(
            f"dn: CN=Ana,DC=x,DC=test\nobjectClass: user\nobjectGUID:: AAAAAAAAAAAAAAAAAAAAAA==\n"
            f"sAMAccountName: ana\nmemberOf: CN=Staff,DC=x,DC=test\n{used}\n"
            f"dn: CN=Staff,DC=x,DC=test\nobjectClass: group\nobjectGUID:: AQAAAAAAAAAAAAAAAAAAAA==\n"
            f"sAMAccountName: Staff\nmember: CN=Ana,DC=x,DC=test\n\n"
        )
        assert (unused in seen(tmp_path, "ad.ldif")["missing"]) is (used == "")


def saved(folder: Path, name: str, collection: str, objects: list[dict[str, Any]]) -> None:
    folder.mkdir(exist_ok=True)
    page = {"@odata.context": f"https://graph.microsoft.com/v1.0/$metadata#{collection}", "value": objects}
    (folder / name).write_text(json.dumps(page), "utf-8")


def graph_users(first: int) -> list[dict[str, Any]]:
    numbers = range(first, first + 5)
    return [
        {"id": f"{n:08}-0000-4000-8000-000000000000", "userPrincipalName": f"u{n}@x.test", "accountEnabled": True}
        for n in numbers
    ]


@pytest.mark.parametrize(
    "name", ["users (2).json", "users2.json", "AllUsers.json", "Copy of users.json", "users - page 2.json"]
)
def test_a_page_under_another_name_is_read_by_nobody_and_named(tmp_path: Path, name: str) -> None:
    saved(tmp_path / "graph", "users.json", "users", graph_users(1))
    saved(tmp_path / "graph", name, "users", graph_users(6))
    said = seen(tmp_path, "graph")
    assert [one["export"]["rows"]["accounts"] for one in said["files"].values()] == [5]
    assert [(one["file"], one["reason"]) for one in said["ignored"]] == [
        (
            f"graph/{name}",
            "a page of users of Microsoft Graph; save it as users.json, or as its next page, users.2.json",
        )
    ]


def test_pages_are_found_in_any_case_with_those_that_follow(tmp_path: Path) -> None:
    saved(tmp_path / "graph", "Users.json", "users", graph_users(1))
    saved(tmp_path / "graph", "users.2.JSON", "users", graph_users(6))
    first = tmp_path / "graph/Users.json"
    first.write_text(
        first.read_text("utf-8").replace('"value"', '"@odata.nextLink": "https://next.test/2", "value"'), "utf-8"
    )
    saved(tmp_path / "graph", "OAuth2PermissionGrants.json", "oauth2PermissionGrants", [])
    said = seen(tmp_path, "graph")
    assert [one["export"]["rows"]["accounts"] for one in said["files"].values()] == [10]
    assert said["ignored"] == []


def test_pages_of_graph_are_one_tenant_and_pages_of_nobody_are_named(outside_data: Path) -> None:
    said = seen(outside_data, "entra-graph-psoxy")
    (tenant,) = said["files"].values()
    assert tenant["export"]["rows"] == {"accounts": 6, "entitlements": 49}
    assert {one["file"].partition("/")[2] for one in said["ignored"]} == {
        "SOURCE.txt",
        "group-members.json",
        "group.json",
        "user.json",
    }


def test_decisions_and_matrices_are_told_apart(outside_data: Path) -> None:
    said = seen(outside_data, "access-decisions", "role-mining-hp/domino.txt")
    decisions = said["files"]["access-decisions/decisions-half.csv"]
    assert decisions["decision"] == {"column": "ACTION", "kept": ["1"], "revoked": ["0"]}
    assert decisions["composite"]
    assert said["files"]["role-mining-hp/domino.txt"]["kind"] == "matrix-long"


def test_months_of_one_list_are_a_series(outside_data: Path) -> None:
    said = seen(outside_data, "cert-r5.2-ldap")
    assert len(said["series"]) == 1
    assert len(said["series"][0]) == 6
    assert any("who is missing in a later file of the series may have left" in one for one in said["missing"])


def test_the_example_joins_its_directories_to_its_roster(repository: Path) -> None:
    said = seen(repository, "sources/demo")
    joins = {(j["file"], j["column"], j["other_file"].rpartition("/")[2]) for j in said["joins"]}
    for directory in ("sources/demo/ad/ (3 files)", "sources/demo/entra/ (28 files)"):
        assert (directory, "employee_id", "roster.csv") in joins
    assert said["series"] == []
    assert said["files"]["sources/demo/vendor/brightdesk.xlsx"]["kind"] == "roster"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("letter.txt", b"Dear all,\nthis is a letter, with commas, and no table.\nBye\n", "neither LDIF nor JSON"),
        ("broken.json", b'{"a": ', "no JSON"),
        ("twice.csv", b"id,id\n1,2\n3,4\n", "stands more than once"),
        ("ragged.csv", b"id,name,x\n" + b"1,Ana,2\n" * 9 + b"2,Ben\n", "2 columns where 3 are expected"),
        ("picture.png", b"\x89PNG\r\n\0\0\0", "not text"),
        ("empty.csv", b"", "neither LDIF nor JSON"),
        ("wrong.xlsx", b"PK nothing", "no Excel workbook"),
    ],
)
def test_what_cannot_be_read_is_ignored_with_its_reason(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    said = seen(tmp_path, name)
    assert said["files"] == {}
    assert [one["file"] for one in said["ignored"]] == [name]
    assert reason in said["ignored"][0]["reason"]


def test_windows_text_semicolons_and_a_title_above_are_read(tmp_path: Path) -> None:
    lines = ["Staff of the north", "emp no;full name;dept;status"]
    lines += [f"{n:04};Zoë Núñez {n};{('Ops', 'IT')[n % 2]};Active" for n in range(20)]
    (tmp_path / "staff.csv").write_bytes("\r\n".join(lines).encode("cp1252"))
    workbook = openpyxl.Workbook()
    for row in (["Staff of the south", None, None], [None, None, None], ["login", "role", "last used"]):
        workbook.active.append(row)
    for n in range(6):
        workbook.active.append([f"user{n % 3}", f"ROLE{n}", "2026-01-15"])
    workbook.save(tmp_path / "app.xlsx")
    said = seen(tmp_path, ".")
    assert said["files"]["staff.csv"]["kind"] == "roster"
    assert said["files"]["staff.csv"]["rows"] == 20
    assert said["files"]["app.xlsx"]["kind"] == "holdings"
    assert said["ignored"] == []


def test_a_heading_of_two_lines_is_one_heading_below_a_title_too(tmp_path: Path) -> None:
    rows = "".join(f"E{n},Ann Nr{n},active,20{n}-01-02,Ops\r\n" for n in range(10, 18))
    heading = 'Employee ID,Full name,Status,"Start\r\ndate",Department\r\n'
    for name, above in (("plain.csv", ""), ("titled.csv", 'Staff\r\nmade ""today""\r\n')):
        (tmp_path / name).write_bytes((above + heading + rows).encode())
        (one,) = seen(tmp_path, name)["files"].values()
        assert (one["kind"], one["rows"]) == ("roster", 8), name
        assert [column["column"] for column in one["columns"]][3] == "Start\r\ndate"
    assert "  Start⟨U+000D⟩⟨U+000A⟩date: year-first" in in_folder(tmp_path, "inspect", "plain.csv").out
    laid = in_folder(tmp_path, "init", "made", "--from", "titled.csv")
    assert laid.code == 0, laid.err
    assert "header_row: 3\n" in next((tmp_path / "made/sources").glob("*.yaml")).read_text()
    assert in_folder(tmp_path / "made", "check").code == 0


def test_a_quote_that_is_never_closed_makes_no_table(tmp_path: Path) -> None:
    prose = "".join(f"a line of prose, with a comma, {n}\n" for n in range(20))
    (tmp_path / "notes.txt").write_text(f'"{prose}')
    assert [one["file"] for one in seen(tmp_path, "notes.txt")["ignored"]] == ["notes.txt"]


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    result = in_folder(tmp_path, "inspect", "none.csv")
    assert result.code == 2
    assert "none.csv is not there" in result.err


def test_looking_writes_nothing_and_says_the_same_twice(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository / "sources/demo", tmp_path / "exports")
    before = sorted(path.as_posix() for path in tmp_path.rglob("*"))
    first, second = (json.dumps(seen(tmp_path, "exports")) for _ in range(2))
    assert first == second
    assert sorted(path.as_posix() for path in tmp_path.rglob("*")) == before

"""Init from exports, as a newcomer runs it: to a first trial review without an edit."""

import csv
import json
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from tests.support.command import CommandResult, access_review, in_folder

NOW = ("--as-of", "2026-11-02T06:00:00Z")


def made(folder: Path, *words: str) -> dict[str, Any]:
    result: CommandResult = in_folder(folder, *NOW, "--json", "init", "w", "--from", *words)
    assert result.code == 0, result.err
    said: dict[str, Any] = result.json
    return said


def source(folder: Path, name: str) -> Any:
    return YAML(typ="safe").load((folder / "w/sources" / f"{name}.yaml").read_text("utf-8"))


def write(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """Lay out a roster and a list of who holds what, in which one person has something beside the others."""
    jobs = ("Clerk", "Agent", "Engineer")
    people = [[f"{n:04}", f"Ana{n} Bor{n}", jobs[n % 3], "Ops" if n % 2 else "IT", "Active"] for n in range(1, 31)]
    people.append(["0031", "Dee Elm", "Clerk", "Ops", "Terminated"])
    write(tmp_path / "staff.csv", ["emp_no", "full name", "job title", "department", "status"], people)
    held = [[f"u{p[0]}", p[0], role] for p in people for role in ("MAIL", f"{p[2].upper()}_DESK")]
    write(tmp_path / "ledger.csv", ["login", "employee no", "role"], [*held, ["u0002", "0002", "VAULT"]])
    return tmp_path


def test_a_company_of_two_files_reaches_a_first_review(company: Path) -> None:
    said = made(company, "staff.csv", "ledger.csv")
    assert source(company, "ledger")["match"] == [{"on": ["employee_id", "person"]}]
    assert source(company, "hr")["options"]["statuses"] == {"active": ["Active"], "left": ["Terminated"]}
    assert {one["role"] for one in said["draft"]["templates"]} == {"everybody", "clerk", "agent", "engineer"}
    assert [one["entitlement"] for one in said["draft"]["left_out"]] == ["ledger:role:VAULT"]
    found = {(one["rule"], one["about_name"]) for one in said["summary"]["top"]}
    assert ("access-beyond-role", "VAULT") in found
    assert any(rule == "leaver-active" for rule, _ in found)
    text = (company / "w/roles/templates/clerk.yaml").read_text("utf-8")
    assert "must:" not in text
    assert "held by all: a person may promote it to must" in text


def test_a_trial_of_drafts_says_that_they_are_to_be_read_first(company: Path) -> None:
    words = ("init", "w", "--from", "staff.csv", "ledger.csv", "--last-day", "end-of-day", "--zone", "UTC")
    said = in_folder(company, *NOW, *words).out
    assert (
        said.index("drafts that nobody has read") < said.index("A trial review") < said.index("VAULT beyond the role")
    )
    assert re.search(
        r"^Next: +read .*w/sources and the drafts in w/roles/templates, then access-review ", said, re.MULTILINE
    )


@pytest.mark.parametrize(
    "first", ["#TYPE Microsoft.ActiveDirectory.Management.ADUser", "sep=,", "Export of 30.10.2026"]
)
def test_a_first_line_that_is_none_of_the_table_is_passed_over_by_the_source_too(company: Path, first: str) -> None:
    ledger = company / "ledger.csv"
    ledger.write_text(f"{first}\n{ledger.read_text('utf-8')}", "utf-8")
    said = made(company, "staff.csv", "ledger.csv")
    assert [one["entitlement"] for one in said["draft"]["left_out"]] == ["ledger:role:VAULT"]


@pytest.mark.parametrize("stated", [True, False])
def test_users_of_one_service_are_not_those_of_another_for_their_logins(company: Path, stated: bool) -> None:
    logins = [f"u{n:04}" for n in range(1, 32)]
    numbers = [f"{n:04}" for n in range(1, 32)]
    chat = [[login, number, "true"] for login, number in zip(logins, numbers, strict=True)]
    write(company / "chat.csv", ["username", "employee number", "active"], chat)
    box = [[login, "Member", *(["Active"] if stated else [])] for login in logins]
    write(company / "box.csv", ["username", "role", *(["status"] if stated else [])], box)
    made(company, "staff.csv", "chat.csv", "box.csv")
    assert ("references" in source(company, "box")["options"]) is not stated
    asked = "# LOOK: its accounts are taken for those of chat, by username: are both of one system?"
    assert (asked in (company / "w/sources/box.yaml").read_text("utf-8")) is not stated


def test_lists_of_a_json_file_are_read_each_and_a_list_in_a_record_whole(company: Path) -> None:
    users = [{"UserName": f"u{n:04}", "Employee Number": f"{n:04}", "GroupList": ["Staff"]} for n in range(1, 32)]
    users[4]["GroupList"] = ["Staff", "Buyers", "Admins"]
    users[5]["GroupList"] = []
    roles = [{"RoleName": f"r{n}", "Arn": f"arn:role/r{n}", "Path": "/", "Tags": []} for n in range(50)]
    details = {"UserDetailList": users, "RoleDetailList": roles, "Policies": [], "IsTruncated": False}
    (company / "details.json").write_text(json.dumps(details), "utf-8")
    said = in_folder(company, *NOW, "--json", "inspect", "details.json").json
    assert [one["file"] for one in said["files"]] == ["details.json [RoleDetailList]", "details.json [UserDetailList]"]
    made(company, "staff.csv", "details.json")
    options = source(company, "details")["options"]
    assert (options["records"], options["columns"]["entitlement"]) == ("UserDetailList", "GroupList")
    (run,) = company.glob("w/runs/rehearsals/2*")
    held = pq.read_table(run / "snapshot/grants.parquet").to_pylist()
    assert Counter(one["entitlement"] for one in held) == {
        "details:role:Staff": 30,
        "details:role:Buyers": 1,
        "details:role:Admins": 1,
    }


def test_a_trial_starts_no_clock(company: Path) -> None:
    made(company, "staff.csv", "ledger.csv")
    assert access_review(company / "w", "explain", "0002").code == 1
    again = access_review(company / "w", *NOW, "--json", "audit", "--trial")
    assert again.code == 0, again.err
    assert not list((company / "w/runs").glob("*/sample"))
    assert again.json["unusual"][0]["entitlement"] == "VAULT"
    assert 0 < again.json["unusual"][0]["score"] <= 1
    assert again.json["predicted"]["silent"]
    assert again.json["predicted"]["sentence"].startswith("0 decisions with 0 revocations are too few")
    assert (again.json["predicted"]["held_out"], again.json["predicted"]["riskiest"]) == (None, {})
    first = access_review(company / "w", "--as-of", "2026-11-03T06:00:00Z", "--json", "audit")
    assert first.code == 0, first.err
    assert first.json["findings"]["status"]["open"] == 0


def test_what_no_file_says_is_an_option_and_shown(company: Path) -> None:
    rows = [[f"{n:04}", f"Ana{n} Bor{n}", "IT", ("Hot", "Cold")[n % 2], "2026-01-17"] for n in range(1, 21)]
    write(company / "other.csv", ["emp_no", "full name", "department", "employment status", "termination date"], rows)
    words = ("--last-day", "start-of-day", "--zone", "Asia/Manila")
    result = in_folder(company, *NOW, "init", "w", "--from", "other.csv", *words)
    assert result.code == 0, result.err
    options = source(company, "hr")["options"]
    assert (options["left_at_means"], options["timezone"]) == ("start-of-day", "Asia/Manila")
    assert "LOOK: a last day is taken for start-of-day, in Asia/Manila" in result.out


def test_nothing_is_overwritten_and_nothing_is_written_where_nothing_fits(company: Path) -> None:
    made(company, "staff.csv")
    again = in_folder(company, "init", "w", "--from", "staff.csv")
    assert (again.code, "of a further export, take what init writes there" in again.err) == (2, True)
    (company / "letter.txt").write_text("Dear all,\nno table.\n", encoding="utf-8")
    refused = in_folder(company, "init", "v", "--from", "letter.txt")
    assert refused.code == 2
    assert "none of these files can be a source" in refused.err
    assert not (company / "v").exists()
    assert in_folder(company, "init", "v", "--empty", "--organisation", "Acme: North").code == 0
    assert YAML(typ="safe").load((company / "v/roles/policy.yaml").read_text("utf-8")) == {
        "organisation": "Acme: North"
    }


def test_exports_of_others_reach_a_first_review(outside_data: Path, tmp_path: Path) -> None:
    said = made(tmp_path, str(outside_data / "midpoint-associations"))
    assert source(tmp_path, "ad")["match"][0] == {"on": ["employee_id", "person"]}
    assert said["summary"]["rows"] == {"people": 44, "accounts": 43, "entitlements": 66, "grants": 1721}
    assert said["summary"]["findings"]["current"] > 0


@pytest.mark.parametrize("name", ["hr-huebner", "role-mining-hp/domino.txt"])
def test_each_kind_of_export_is_reviewed_alone(outside_data: Path, tmp_path: Path, name: str) -> None:
    said = made(tmp_path, str(outside_data / name))
    assert said["sources"]
    assert (tmp_path / said["summary"]["report"]).is_file()


def test_a_directory_finds_its_people_by_name_where_nothing_else_joins(outside_data: Path, tmp_path: Path) -> None:
    ldif = (outside_data / "marvel-ad/marvel.local.ldif").read_text("utf-8")
    names = sorted({line[13:] for line in ldif.splitlines() if line.startswith("displayName: ") and " " in line[13:]})
    rows = [[f"M{n:03}", name, ("Hero", "Agent")[n % 2], "Active"] for n, name in enumerate(names)]
    write(tmp_path / "staff.csv", ["emp_no", "full name", "job title", "status"], rows)
    said = made(tmp_path, str(outside_data / "marvel-ad"), "staff.csv")
    (ladder,) = (one["match"] for one in said["sources"] if one["connector"] == "ldap")
    assert (ladder[0]["on"], ladder[0]["certain"]) == (["display_name", "name"], False)


def test_exact_roles_are_those_of_the_reference(outside_data: Path, tmp_path: Path) -> None:
    table = outside_data / "role-mining-hp/domino.txt"
    mined = in_folder(tmp_path, "--json", "roles", "draft", "--exact", "--of", str(table)).json
    held = {tuple(line.split()) for line in table.read_text("utf-8").splitlines()}
    assert {(p, e) for role in mined["roles"] for p in role["people"] for e in role["entitlements"]} == held
    assert len(mined["roles"]) == mined["at_least"] == 20


def test_a_workbook_of_numbers_a_login_behind_a_domain_and_a_matrix_are_matched_as_they_are(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append(
        ["Employee No.", "Last Name", "First Name", "Login", "Department", "Hire Date", "Line Manager"]
    )
    for n in range(1, 25):
        row = [
            n + 100,
            f"Bor{chr(64 + n)}",
            f"Ana{chr(64 + n)}",
            f"p{n}",
            ("Ops", "IT")[n % 2],
            date(2020, 1, n),
            "BorA, AnaA",
        ]
        workbook.active.append(row)
    workbook.save(tmp_path / "staff.xlsx")
    held = [[rf"ACME\P{n}", f"ROLE{n % 3}", f"{n:02}/03/2026 10:22"] for n in range(1, 25)]
    write(tmp_path / "crm.csv", ["User", "Role", "Last Login"], held)
    marks = [[f"{n + 100:06}", *("x" if (n + k) % 3 else "" for k in range(6))] for n in range(1, 25)]
    write(tmp_path / "matrix.csv", ["Employee", "Mail", "VPN", "CRM", "Vault", "Wiki", "Badge"], marks)
    mails = [[f"ana{chr(96 + n)}.bor{chr(96 + n)}@saas.example", "Seat"] for n in range(1, 25)]
    write(tmp_path / "seats.csv", ["Email Address", "Licence"], mails)
    said = made(tmp_path, "staff.xlsx", "crm.csv", "matrix.csv", "seats.csv")
    hr = source(tmp_path, "hr")["options"]
    assert (hr["number_ids"], hr["columns"]["login"]) == (True, "Login")
    assert hr["columns"]["manager"] == {"column": "Line Manager", "by": "name"}
    assert "ids are stored as numbers" in str(next(one["look"] for one in said["sources"] if one["source"] == "hr"))
    assert source(tmp_path, "crm")["options"]["dates"] == "%d/%m/%Y %H:%M"
    assert source(tmp_path, "crm")["match"] == [{"on": ["name", "login"], "ignoring": "domain", "certain": False}]
    assert source(tmp_path, "matrix")["match"] == [{"on": ["name", "person"], "ignoring": "leading-zeros"}]
    found = access_review(tmp_path / "w", *NOW, "--json", "check").json["coverage"]["sources"]
    assert {one["source"]: one["found"] for one in found} == {"crm": 24, "matrix": 24, "seats": 0}


def test_a_word_that_no_status_column_has_is_refused_before_anything_is_written(company: Path) -> None:
    result = in_folder(company, *NOW, "init", "w", "--status", "terminatd=left", "--from", "staff.csv")
    assert result.code == 2
    assert "no status column of these files has the word 'terminatd'" in result.err
    assert "is 'Terminated' meant?" in result.err
    assert not (company / "w").exists()


@pytest.mark.parametrize(
    ("encoding", "names"),
    [("cp932", ["山田 太郎", "佐藤 花子", "鈴木 健"]), ("cp1252", ["Jörg Weiß", "Zoë Müller", "Øystein Åse"])],
)
def test_a_file_in_the_encoding_of_windows_is_read_and_asked_about(
    tmp_path: Path, encoding: str, names: list[str]
) -> None:
    rows = [f"{n:04},{name},{'IT' if n % 2 else 'Ops'}" for n, name in enumerate(names * 3)]
    (tmp_path / "staff.csv").write_bytes("\n".join(("Employee ID,Name,Department", *rows, "")).encode(encoding))
    said = made(tmp_path, "staff.csv")
    assert source(tmp_path, "hr")["options"]["encoding"] == encoding
    asked = f"the file is no UTF-8, and is read as {encoding}: are names with other letters than a to z right?"
    assert asked in said["sources"][0]["look"]
    assert asked in in_folder(tmp_path, "inspect", "staff.csv").out
    table = access_review(tmp_path / "w", "--run", said["run"], "export", "people", "--format", "json", "-o", "-")
    assert names[0] in table.out


@pytest.mark.parametrize("wide", [False, True])
def test_powerful_groups_of_a_list_are_not_drafted_without_a_word(company: Path, wide: bool) -> None:
    people = list(csv.reader((company / "staff.csv").read_text("utf-8").splitlines()))[1:]
    held = [
        (p[0], group) for p in people for group in ("MAIL", "VPN") + (("Domain Admins",) if p[2] == "Engineer" else ())
    ]
    if wide:
        groups = ("MAIL", "VPN", "Domain Admins")
        rows = [[p[0], *("x" if (p[0], group) in held else "n/a" for group in groups)] for p in people]
        write(company / "groups.csv", ["employee no", *groups], rows)
    else:
        write(company / "groups.csv", ["employee no", "group"], [list(one) for one in held])
    said = made(company, "staff.csv", "groups.csv")
    assert source(company, "groups")["options"]["privileged"] == ["Domain Admins"]
    assert "taken for privileged by name alone: Domain Admins" in said["sources"][1]["look"]
    lines = [
        line for one in said["draft"]["templates"] for line in one["lines"] if line["pattern"].endswith("Domain Admins")
    ]
    assert [(line["holding"], line["cautions"]) for line in lines] == [(10, ["privileged"])]


def test_a_column_of_any_name_is_an_attribute_and_nothing_else(tmp_path: Path) -> None:
    odd = [
        "Shift Start",
        "Purpose",
        "Data Class",
        "Approved Until",
        "Role",
        "Source",
        "null",
        "true",
        "1st",
        "a:b",
        "{x}",
        "O'Brien",
        "名前区分",
        "部門区分",
    ]
    known = ["Employee ID", "Name", "Department", "Job Title", "Status"]
    people = [[f"{n:04}", f"Ana B{chr(97 + n)}r", ("IT", "Ops")[n % 2], "Lead", "Active"] for n in range(20)]
    write(
        tmp_path / "staff.csv",
        [*known, *odd],
        [[*one, *(f"{'AB'[n % 2]}v" for _ in odd)] for n, one in enumerate(people)],
    )
    write(tmp_path / "app.csv", ["Login", "Employee ID", "Role"], [[f"u{p[0]}", p[0], f"Desk {p[2]}"] for p in people])
    said = made(tmp_path, "staff.csv", "app.csv")
    columns = source(tmp_path, "hr")["options"]["columns"]
    assert [columns[name] for name in columns if name not in {"person", "name", "department", "title", "status"}] == odd
    assert not {"shift_start", "purpose", "data_class", "approved_until", "role", "source"} & columns.keys()
    assert len(said["draft"]["templates"]) > 0


@pytest.mark.parametrize("heading", ["Application", "Permission", "Role", "System", "Gruppe", "権限"])
@pytest.mark.parametrize("by", [0, 1])
def test_a_matrix_with_people_across_is_turned_and_says_so(company: Path, heading: str, by: int) -> None:
    people = [[f"{n:04}", f"Ana B{chr(97 + n)}r", "Clerk", ("IT", "Ops")[n % 2], "Active"] for n in range(20)]
    write(company / "staff.csv", ["emp_no", "full name", "job title", "department", "status"], people)
    held = {
        name: ["x" if (n + k) % 3 == 0 else "" for n in range(len(people))]
        for k, name in enumerate(("CRM", "ERP", "VPN", "Git"))
    }
    write(company / "matrix.csv", [heading, *(p[by] for p in people)], [[name, *marks] for name, marks in held.items()])
    said = made(company, "staff.csv", "matrix.csv")
    matrix = said["sources"][1]
    assert "people stand across, and it was turned: 4 columns have a mark or nothing: x is held" in matrix["about"][0]
    assert matrix["match"][0]["on"] == ["name", ("person", "name")[by]]
    grants = list(csv.DictReader((company / "w/sources/matrix.csv").read_text("utf-8").splitlines()))
    assert {(one["account"], one["entitlement"]) for one in grants} == {
        (people[n][by], name) for name, marks in held.items() for n, mark in enumerate(marks) if mark
    }
    shown = in_folder(company, "inspect", "matrix.csv").out
    assert "Ana Bcr" not in shown
    assert "0001" not in shown


def test_a_matrix_with_people_down_stays_as_it_is(company: Path) -> None:
    write(company / "matrix.csv", ["User", "CRM", "ERP", "VPN"], [[f"u{n}", "x", "", "x"] for n in range(20)])
    assert "turned" not in made(company, "staff.csv", "matrix.csv")["sources"][1]["about"][0]


def test_a_list_of_objects_in_a_record_is_all_that_somebody_holds(company: Path) -> None:
    roles = ["viewer", "editor", "admin"]
    users = [
        {"username": f"u{n}", "employeeId": f"{n:04}", "roles": [{"id": i, "name": roles[i]} for i in range(1 + n % 3)]}
        for n in range(1, 25)
    ]
    (company / "app.json").write_text(json.dumps(users), "utf-8")
    made(company, "staff.csv", "app.json")
    assert source(company, "app")["options"]["columns"]["entitlement"] == "roles.name"
    checked = access_review(company / "w", *NOW, "--json", "check")
    (read,) = [one for one in checked.json["sources"] if one["source"] == "app"]
    assert (read["rows"]["grants"], read["rows"]["entitlements"]) == (sum(1 + n % 3 for n in range(1, 25)), 3)


def test_an_attribute_of_a_person_may_be_a_list(tmp_path: Path) -> None:
    people = [
        {
            "id": f"{n:04}",
            "name": f"Ana B{n}",
            "status": "Active",
            "roles": [{"name": "Clerk"}, {"name": "Lead"}][: 1 + n % 2],
        }
        for n in range(1, 25)
    ]
    (tmp_path / "staff.json").write_text(json.dumps({"people": people}), "utf-8")
    write(
        tmp_path / "ledger.csv", ["login", "employee no", "role"], [[f"u{n}", f"{n:04}", "MAIL"] for n in range(1, 25)]
    )
    made(tmp_path, "staff.json", "ledger.csv")
    assert access_review(tmp_path / "w", *NOW, "check").code == 0


def test_what_changes_in_a_matrix_is_seen_at_the_next_review(company: Path) -> None:
    numbers = [f"{n:04}" for n in range(1, 25)]
    write(
        company / "matrix.csv", ["Emp No", "Name", "CRM", "ERP", "VPN"], [[n, f"P {n}", "x", "", "x"] for n in numbers]
    )
    made(company, "staff.csv", "matrix.csv")
    assert source(company, "matrix")["options"]["matrix"] == {"held": ["x"], "not_held": [], "apart": ["Name"]}
    rows = [[n, f"P {n}", "x", "x" if n == "0007" else "", "x", "x"] for n in numbers]
    write(company / "matrix.csv", ["Emp No", "Name", "CRM", "ERP", "VPN", "Vault"], rows)
    later = access_review(company / "w", "--as-of", "2026-11-09T06:00:00Z", "--json", "check")
    (read,) = [one for one in later.json["sources"] if one["source"] == "matrix"]
    assert (read["rows"]["grants"], read["rows"]["entitlements"]) == (24 * 3 + 1, 4)


def test_a_log_is_of_the_accounts_beside_it_and_of_nobody_without_them(company: Path) -> None:
    numbers = [f"{n:04}" for n in range(1, 13)]
    write(company / "users.csv", ["username", "employee no", "status"], [[f"u{n}", n, "active"] for n in numbers])
    log = [
        [f"2026-10-{20 + t} 09:12:00", f"u{n}", "Failure" if t else "Success", "Mail"] for n in numbers for t in (0, 1)
    ]
    write(company / "log.csv", ["Date (UTC)", "Username", "Status", "Application"], log)
    said = made(company, "staff.csv", "users.csv", "log.csv")
    options = source(company, "log")["options"]
    assert (options["table"], options["references"], options["timezone"]) == (
        "signins",
        {"account": "users-login"},
        "UTC",
    )
    assert said["unused"] == []
    (company / "w").rename(company / "before")
    said = made(company, "staff.csv", "log.csv", "ledger.csv")
    assert said["unused"] == [
        {"file": "log.csv", "reason": "signins: no one file here has the accounts that stand in it"}
    ]

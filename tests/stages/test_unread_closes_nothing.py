"""What cannot be read any more of somebody closes no finding about them, and nothing is planned on what stays open."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from access_review import workspace
from access_review.snapshot import collect, collect_again
from access_review.store import watching
from tests.support.command import access_review, lay_out

HR = """\
connector: roster
options:
  path: hr.csv
  dates: "%Y-%m-%d"
  timezone: UTC
  left_at_means: end-of-day
  statuses: {active: [Active], left: [Terminated]}
  columns: {person: id, name: name, status: status, left_at: end}
"""
APP = """\
connector: table
options:
  path: app.csv
  dates: "%Y-%m-%d"
  timezone: UTC
  columns: {account: login, entitlement: role, employee_id: emp, last_used: used, enabled: enabled}
match:
  - {on: [employee_id, person]}
"""


def people(end: str, status: str = "Terminated") -> str:
    rest = "".join(f"{n:05},P {n},Active,\n" for n in range(2, 31))
    return f"id,name,status,end\n00001,Cleo Dorn,{status},{end}\n{rest}"


def accounts(used: str) -> str:
    rest = "".join(f"u{n},Agent,{n:05},2026-10-30,true\n" for n in range(3, 31))
    return f"login,role,emp,used,enabled\nu1,Agent,00001,2026-10-30,true\nu2,Agent,00002,{used},true\n{rest}"


def audited(folder: Path, day: int, **files: str) -> dict[tuple[str, str], str]:
    for name, text in files.items():
        (folder / f"sources/{name}.csv").write_text(text)
    result = access_review(folder, "--as-of", f"2026-11-{day:02}T06:00:00Z", "--json", "audit")
    assert result.code in {0, 5}, result.err  # 5: no template judges the one grant of everybody
    rows = json.loads(access_review(folder, "export", "findings", "--format", "json", "-o", "-").out)
    return {(row["rule"], row["subject"]): row["status"] for row in rows}


def test_a_row_that_cannot_be_read_any_more_closes_no_finding(tmp_path):
    lay_out(tmp_path, {"sources/hr.yaml": HR, "sources/app.yaml": APP})
    leaver, dormant = ("leaver-active", "app:user:u1"), ("account-dormant", "app:user:u2")
    before = audited(tmp_path, 2, hr=people("2026-09-30"), app=accounts("2024-03-01"))
    assert (before[leaver], before[dormant]) == ("new", "new")

    unread = audited(tmp_path, 3, hr=people("30.9.2026"), app=accounts("01.03.2024"))
    assert (unread[leaver], unread[dormant]) == ("open", "open")
    words = ("plan", "--rule", "leaver-active", "--requested-by", "00007")
    planned = access_review(tmp_path, "--as-of", "2026-11-03T06:00:00Z", "--json", *words)
    assert not [line for line in planned.out.splitlines() if "disable-account" in line]

    read = audited(tmp_path, 4, hr=people("", "Active"), app=accounts("2026-11-01"))
    assert (read[leaver], read[dormant]) == ("closed", "closed")


def test_a_list_that_is_not_there_silences_what_rests_on_it_and_nobody_else(tmp_path):
    crm = APP.replace("app.csv", "crm.csv")
    lay_out(tmp_path, {"sources/hr.yaml": HR, "sources/app.yaml": APP, "sources/crm.yaml": crm})
    both = {"app": accounts("2026-10-30"), "crm": accounts("2026-10-30")}
    before = audited(tmp_path, 2, hr=people("2026-09-30"), **both)
    here, there = ("leaver-active", "app:user:u1"), ("leaver-active", "crm:user:u1")
    assert (before[here], before[there]) == ("new", "new")

    (tmp_path / "sources/crm.csv").unlink()
    at = ("--as-of", "2026-11-03T06:00:00Z")
    short = access_review(tmp_path, *at, "--json", "audit")
    assert (short.code, "people of crm" in short.out, "crm.csv" in short.out) == (1, False, True)
    rows = json.loads(access_review(tmp_path, "export", "findings", "--format", "json", "-o", "-").out)
    after = {(row["rule"], row["subject"]): (row["status"], row["checked"]) for row in rows}
    assert (after[here], after[there]) == (("open", True), ("open", False))


def test_a_list_that_was_never_there_is_told_by_the_first_look_too(tmp_path):
    lay_out(tmp_path, {"sources/hr.yaml": HR, "sources/app.yaml": APP, "roles/policy.yaml": "watch: {}\n"})
    (tmp_path / "sources/hr.csv").write_text(people("2026-09-30"))
    assert access_review(tmp_path, "--as-of", "2026-11-02T06:00:00Z", "audit").code == 1
    looked = access_review(tmp_path, "--as-of", "2026-11-02T06:10:00Z", "watch", "--once")
    assert "app cannot be read" in looked.out
    assert "app could not be read" in looked.err


AD = """\
connector: ldap
options: {recorded: [people.ldif, groups.ldif]}
match:
  - {on: [employee_id, person]}
"""
SID = "S-1-5-21-1-2-3"


def directory(units: dict[int, str]) -> str:
    """Return an export of everybody, each in the unit called New or Old."""
    return "".join(
        f"dn: CN=u{n},OU={units.get(n, 'Old')},DC=home,DC=test\nobjectClass: user\nsAMAccountName: u{n}\n"
        f"employeeID: {n:05}\nobjectSid: {SID}-{1000 + n}\nprimaryGroupID: 500\nuserAccountControl: 512\n\n"
        for n in range(1, 31)
    )


def groups(payers: list[int], units: dict[int, str]) -> str:
    """Return an export of the groups, Users and Staff of everybody and Payers, made when people were in these units."""
    members = {"Users": [], "Staff": list(range(1, 31)), "Payers": payers}
    return "".join(
        f"dn: CN={name},DC=home,DC=test\nobjectClass: group\nsAMAccountName: {name}\nobjectSid: {SID}-{rid}\n"
        + "".join(f"member: CN=u{n},OU={units.get(n, 'Old')},DC=home,DC=test\n" for n in members[name])
        + "\n"
        for rid, name in enumerate(members, 500)
    )


def exported(folder: Path, day: int, payers: list[int], now: dict[int, str], then: dict[int, str]) -> tuple[int, str]:
    (folder / "sources/people.ldif").write_text(directory(now))
    (folder / "sources/groups.ldif").write_text(groups(payers, then))
    done = access_review(folder, "--as-of", f"2026-11-{day:02}T06:00:00Z", "--json", "audit")
    rows = json.loads(access_review(folder, "export", "findings", "--format", "json", "-o", "-").out)
    found = sorted((row["subject"][-4:], row["status"]) for row in rows if row["rule"] == "access-beyond-role")
    return done.code, " ".join(f"{account} {status}" for account, status in found)


def of_a_directory(folder: Path) -> Path:
    hr = HR.replace("end}", "end, department: status}")
    clerk = "role: clerk\nwho: {department: Active}\nmay: [ad:group:Staff, ad:group:Users]\n"
    texts = {"sources/hr.yaml": hr, "sources/ad.yaml": AD, "roles/templates/clerk.yaml": clerk}
    lay_out(folder, {**texts, "sources/hr.csv": people("", "Active")})
    return folder


def test_members_under_names_that_nobody_has_any_more_close_no_finding(tmp_path):
    folder = of_a_directory(tmp_path)
    both = "1003 {0} 1004 {0}"
    assert exported(folder, 2, [3, 4], {}, {}) == (0, both.format("new"))
    moved, everybody = {3: "New"}, dict.fromkeys(range(1, 31), "New")
    assert exported(folder, 3, [3, 4], moved, {}) == (0, both.format("open")), (
        "the groups were exported before the move"
    )
    assert exported(folder, 4, [3, 4], moved, {}) == (0, both.format("open")), "however often they are read"
    assert exported(folder, 5, [3, 4], everybody, {}) == (1, both.format("open"))
    assert exported(folder, 6, [3, 4], everybody, everybody) == (0, both.format("open"))
    assert exported(folder, 7, [4], everybody, everybody) == (0, "1003 closed 1004 open")


def test_watch_goes_on_with_what_it_saw_where_a_directory_is_full_of_names_that_nobody_has(tmp_path):
    folder = of_a_directory(tmp_path)
    exported(folder, 2, [3, 4], {}, {})

    def look(at: str) -> dict[str, Any]:
        seen: dict[str, Any] = access_review(
            folder, "--as-of", f"2026-11-02T{at}:00Z", "--json", "watch", "--once"
        ).json
        return seen

    assert look("06:05")["unread"] == {}
    everybody = dict.fromkeys(range(1, 31), "New")
    (folder / "sources/people.ldif").write_text(directory(everybody))
    seen = look("06:10")
    assert (seen["opened"], seen["closed"]) == ([], [])
    assert "members are nobody that was read" in seen["unread"]["ad"]
    assert [one[:17] for one in look("06:30")["told"]] == ["Access review: ad"]
    (folder / "sources/groups.ldif").write_text(groups([4], everybody))
    seen = look("06:40")
    assert (seen["unread"], seen["back"], len(seen["closed"])) == ({}, ["ad"], 1)


def test_a_directory_that_is_read_first_when_it_is_full_of_them_is_taken_and_said_not_to_be_whole(tmp_path):
    folder = of_a_directory(tmp_path)
    exported(folder, 2, [3, 4], {}, {})
    everybody = dict.fromkeys(range(1, 31), "New")
    (folder / "sources/people.ldif").write_text("no LDIF")

    def look(at: str) -> tuple[list[str], bool, str]:
        seen = access_review(folder, "--as-of", f"2026-11-02T{at}:00Z", "--json", "watch", "--once").json
        known = watching.read(folder).sources["ad"]
        return seen["closed"], "ad" in seen["unread"], known.short

    assert look("06:05") == ([], True, "")
    (folder / "sources/people.ldif").write_text(directory(everybody))
    for at in ("06:20", "06:40"):
        closed, unread, short = look(at)
        assert (closed, unread, "members are nobody that was read" in short) == ([], False, True)
    (folder / "sources/groups.ldif").write_text(groups([3, 4], everybody))
    assert look("06:50") == ([], False, "")


def test_what_is_read_again_by_which_a_change_is_proven_doubts_members_that_are_nobody(tmp_path):
    folder = of_a_directory(tmp_path)
    (folder / "sources/people.ldif").write_text(directory({}))
    (folder / "sources/groups.ldif").write_text(groups([3, 4], {}))
    loaded, at = workspace.load(folder), datetime(2026, 11, 2, 6, tzinfo=UTC)
    taken = collect(loaded, at)
    (folder / "sources/people.ldif").write_text(directory({3: "New"}))
    again = collect_again(loaded, taken, {"ad"}, at + timedelta(hours=1), {})
    doubted = {row["subject"] for row in again.tables["problems"].to_pylist() if row["kind"] == "unknown-member"}
    held = {(row["account"][-4:], row["entitlement"][-3:]) for row in again.tables["grants"].to_pylist()}
    assert ("1003", "502") not in held
    assert {group[-3:] for group in doubted} == {"501", "502"}

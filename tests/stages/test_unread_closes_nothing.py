"""What cannot be read any more of somebody closes no finding about them, and nothing is planned on what stays open."""

import json
from pathlib import Path

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

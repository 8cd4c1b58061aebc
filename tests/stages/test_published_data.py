"""Data from elsewhere, unchanged, through the command line."""

import csv
from collections import Counter

import pytest

from tests.support.command import access_review, lay_out

pytestmark = pytest.mark.slow

HUEBNER = """\
connector: roster
options:
  path: {data}/hr-huebner/HRDataset_v14.csv
  strip: true
  timezone: America/New_York
  dates: "%Y-%m-%d"
  left_at_means: end-of-day
  statuses: {active: [Active], left: [Voluntarily Terminated, Terminated for Cause]}
  columns: {person: EmpID, name: Employee_Name, starts: DateofHire, left_at: DateofTermination,
            status: EmploymentStatus, department: Department, title: Position}
"""
ORACLE = """\
connector: roster
options:
  path: {data}/hr-oracle/employees.csv
  timezone: America/Los_Angeles
  dates: "%d-%m-%Y"
  left_at_means: end-of-day
  columns: {person: employee_id, name: [first_name, last_name], starts: hire_date, manager: manager_id}
  join:
    - {path: {data}/hr-oracle/jobs.csv, on: {job_id: job_id}, columns: {title: job_title}}
  history:
    path: {data}/hr-oracle/job_history.csv
    columns: {person: employee_id, starts: start_date, ends: end_date}
    join:
      - {path: {data}/hr-oracle/jobs.csv, on: {job_id: job_id}, columns: {title: job_title}}
"""
WORKDAY = """\
connector: roster
options:
  path: {data}/hr-workday-raas/directory.json
  records: Report_Entry
  kind: {column: Worker_Type, map: {Employee: employee, Contingent Worker: contractor}}
  columns: {person: Employee_ID, name: Name, mail: Email_-_Work, manager: Worker_s_Manager_group.0.Manager_ID}
"""
CERT = """\
connector: roster
options:
  path: roster.csv
  columns: {person: user_id, name: employee_name, mail: email, role: role}
"""
MIDPOINT_HR = """\
connector: roster
options:
  path: {data}/midpoint-associations/hr.csv
  statuses: {active: [In], leave: [Long-term leave], left: [Former employee]}
  columns: {person: empnum, name: [firstname, surname], status: status, title: job}
"""
MIDPOINT_LDAP = """\
connector: ldap
options:
  recorded: ["{data}/midpoint-associations/1*.ldif", "{data}/midpoint-associations/200-groups.ldif"]
match:
  - {on: [employee_id, person]}
"""
MARVEL = """\
connector: ldap
options:
  recorded: ["{data}/marvel-ad/marvel.local.ldif"]
"""


def audited(folder, files, data, *, as_of="2026-11-02T06:00:00Z"):
    lay_out(folder, {f"sources/{name}.yaml": text.replace("{data}", str(data)) for name, text in files.items()})
    result = access_review(folder, "--as-of", as_of, "--json", "audit")
    assert result.code == 0, result.err
    return result.json


def exported(folder, table):
    result = access_review(folder, "export", table, "--format", "csv", "-o", str(folder / "table.csv"))
    assert result.code == 0, result.err
    with (folder / "table.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_both_sharphound_formats_give_the_same_effective_access(outside_data, tmp_path):
    effective = {}
    for version in ("v5", "v6"):
        folder = tmp_path / version
        source = f"connector: sharphound\noptions: {{path: {outside_data}/sharphound-testlab-{version}}}\n"
        audited(folder, {"ad": source}, outside_data)
        effective[version] = exported(folder, "effective")
    assert effective["v5"] == effective["v6"]
    assert len(effective["v5"]) > 30
    assert {"direct", "primary", "nested"} == {row["how"] for row in effective["v5"]}


def test_marvel_has_its_users_groups_and_effective_memberships(outside_data, tmp_path):
    audited(tmp_path, {"ad": MARVEL}, outside_data)
    kinds = Counter(row["kind"] for row in exported(tmp_path, "accounts"))
    # Of its 54 users krbtgt and the built-in Guest are the directory's own, as its computers are.
    assert sum(kinds.values()) - kinds["computer"] == 52
    assert len(exported(tmp_path, "entitlements")) == 49
    effective = {(row["account_name"], row["entitlement_name"]): row["how"] for row in exported(tmp_path, "effective")}
    assert effective["Administrator", "Domain Users"] == "primary"
    assert effective["Administrator", "Domain Admins"] == "direct"
    assert effective["Administrator", "Users"] == "nested"


def test_midpoint_s_roster_is_reconciled_with_its_directory(outside_data, tmp_path):
    audited(tmp_path, {"hr": MIDPOINT_HR, "ldap": MIDPOINT_LDAP}, outside_data)
    linked = Counter(row["rung"] for row in exported(tmp_path, "accounts"))
    people = Counter(row["status"] for row in exported(tmp_path, "people"))
    assert people == {"active": 37, "leave": 5, "left": 2}
    assert linked["employee_id = person"] == 38
    late = {row["subject_name"] for row in exported(tmp_path, "findings") if row["rule"] == "leaver-active"}
    assert len(late) <= 2


def test_oracle_s_job_history_yields_movers(outside_data, tmp_path):
    audited(tmp_path, {"hr": ORACLE}, outside_data)
    spells = Counter(row["person"] for row in exported(tmp_path, "assignments"))
    assert len(spells) == 107
    assert sum(count > 1 for count in spells.values()) == 7


@pytest.mark.parametrize(
    ("roster", "statuses"),
    [(HUEBNER, {"active": 207, "left": 104}), (WORKDAY, {"active": 4})],
    ids=["huebner", "workday"],
)
def test_rosters_of_several_systems_load(roster, statuses, outside_data, tmp_path):
    audited(tmp_path, {"hr": roster}, outside_data)
    assert Counter(row["status"] for row in exported(tmp_path, "people")) == statuses


def test_people_who_vanish_are_missing_and_never_planned(outside_data, tmp_path):
    lay_out(tmp_path, {"sources/hr.yaml": CERT})
    for month, day in (("2009-12", "2009-12-31"), ("2010-05", "2010-05-31")):
        roster = (outside_data / f"cert-r5.2-ldap/{month}.csv").read_bytes()
        (tmp_path / "sources/roster.csv").write_bytes(roster)
        result = access_review(tmp_path, "--as-of", f"{day}T12:00:00Z", "--json", "audit")
        assert result.code == 0, result.err
    found = Counter(row["rule"] for row in exported(tmp_path, "findings"))
    assert found["person-missing"] == 42
    plan = access_review(
        tmp_path, "--as-of", "2010-05-31T12:00:00Z", "--json", "plan", "--requested-by", "MMK1532"
    ).json
    assert plan["changes"] == []


def test_recorded_graph_pages_load_and_what_was_not_recorded_is_said(outside_data, tmp_path):
    folder = outside_data / "entra-graph-psoxy"
    recorded = f"{{users: {folder}/users.json, groups: {folder}/groups.json}}"
    lay_out(tmp_path, {"sources/entra.yaml": f"connector: entra\noptions:\n  recorded: {recorded}\n"})
    result = access_review(tmp_path, "--as-of", "2026-11-02T06:00:00Z", "--json", "audit")
    assert result.code == 1
    assert not result.json["sources"][0]["complete"]
    assert exported(tmp_path, "accounts")

"""The battery of bad input and faults that concern files, through the command line, each with its stated outcome."""

import csv
import json
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.command import access_review, lay_out
from tests.support.workspaces import LEDGER, TEMPLATE

pytestmark = pytest.mark.slow

TIME = ("--as-of", "2026-11-02T06:00:00Z")
NEXT = ("--as-of", "2026-11-09T06:00:00Z")

HR = """\
connector: roster
options:
  path: people.csv
  timezone: Asia/Manila
  dates: "%Y-%m-%d"
  left_at_means: end-of-day
  statuses: {active: [Active], leave: [Leave], left: [Terminated]}
  columns: {person: id, name: name, status: status, left_at: last_day, department: department}
"""
HEADER = "id,name,status,last_day,department\n"
PEOPLE = HEADER + "".join(f"{n:05},Person {n},Active,,Finance\n" for n in range(1, 301))
HELD = "login,role,employee,enabled\n" + "".join(f"u{n},Viewer,{n:05},yes\n" for n in range(1, 301))


@pytest.fixture
def folder(tmp_path):
    return lay_out(
        tmp_path,
        {
            "sources/hr.yaml": HR,
            "sources/ledger.yaml": LEDGER,
            "sources/people.csv": PEOPLE,
            "sources/ledger.csv": HELD,
            "roles/templates/clerk.yaml": TEMPLATE,
        },
    )


def put(folder: Path, **texts: str | bytes) -> None:
    for name, text in texts.items():
        path = folder / "sources" / f"{name}.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def record(folder, table):
    """Return a table of the newest run from the record itself."""
    run = max(path for path in (folder / "runs").glob("*Z-*"))
    path = run / "findings.parquet" if table == "findings" else run / "snapshot" / f"{table}.parquet"
    return pq.read_table(path).to_pylist()


def findings(folder, rule):
    return {
        (f["subject"], f["about"]) for f in record(folder, "findings") if f["rule"] == rule and f["status"] != "closed"
    }


def runs(folder):
    return sorted(path.name for path in (folder / "runs").glob("[0-9]*"))


_audited: dict[tuple[bytes, ...], Path] = {}
"""Runs that nothing disturbed, by the bytes of all that was audited: each is made once, and copied."""


def good_run(folder):
    given = tuple(path.read_bytes() for path in sorted(folder.glob("[sr]o*/**/*")) if path.is_file())
    if given in _audited:
        shutil.copytree(_audited[given], folder / "runs")
        return runs(folder)
    result = access_review(folder, *TIME, "audit")
    assert result.code == 0, result.err
    _audited[given] = Path(shutil.copytree(folder / "runs", folder.with_name(f"{folder.name}-runs")))
    return runs(folder)


@pytest.mark.sweep(share=1 / 3)
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "people.csv"),
        (HEADER, "people.csv"),
        (PEOPLE[: len(PEOPLE) * 6 // 10], ""),
        (HEADER + "1,A,Active,,Finance\n2,B,Active\n3,C,Active,,Finance,x\n", "people.csv:3"),
        (HEADER + '1,"A,Active,,Finance\n', "people.csv:2"),
        ("id,id,status,last_day,department\n1,A,Active,,F\n", "people.csv:1"),
        (PEOPLE.encode() + b"\xff\xfe,x,Active,,Finance\n", "people.csv"),
    ],
    ids=["empty", "header only", "cut at 60 %", "width", "quote", "twice", "bytes"],
)
def test_a_broken_roster_stops_the_run_and_the_last_good_one_stays(folder, text, place):
    before = good_run(folder)
    put(folder, people=text)
    result = access_review(folder, *NEXT, "audit")
    assert result.code == 2, result.out
    assert place in result.err
    assert runs(folder) == before


def test_every_bad_line_of_a_roster_is_named_at_once(folder):
    put(folder, people=HEADER + "1,A,Active\n2,B,Active,,Finance\n3,C\n" + "4,D,Active,,Finance,x,y\n")
    result = access_review(folder, *TIME, "audit")
    assert result.code == 2
    assert [f"people.csv:{line}" in result.err for line in (2, 3, 4, 5)] == [True, False, True, True]
    assert runs(folder) == []


@pytest.mark.parametrize("command", ["audit", "check"])
def test_mistakes_in_roles_in_sources_and_in_their_files_are_told_at_once(folder, command):
    (folder / "roles/templates/clerk.yaml").write_text(TEMPLATE + "may: []\n")
    (folder / "sources/badges.yaml").write_text("connector: table\noptions: {path: ledger.csv, colums: {}}\n")
    put(folder, people=HEADER + "1,A,Active\n2,B,Gone?,,Finance\n", ledger=HELD + 'u1,"Viewer\n')
    result = access_review(folder, *TIME, command)
    assert result.code == 2
    for told in (
        "roles/templates/clerk.yaml:4:1: the key 'may' stands twice",
        "sources/badges.yaml:2:29: colums: is not known here",
        "people.csv:2",
        "people.csv:3",
        "ledger.csv",
    ):
        assert told in result.err
    assert not (folder / "runs").exists()


@pytest.mark.sweep(share=1 / 3)
@pytest.mark.parametrize(
    "data",
    ["\ufeff".encode() + PEOPLE.encode(), PEOPLE.encode("utf-16"), PEOPLE.replace(",", ";").encode()],
    ids=["BOM", "UTF-16", "semicolon"],
)
def test_what_spreadsheets_save_is_read_right(folder, data):
    put(folder, people=data)
    good_run(folder)
    assert len(record(folder, "people")) == 300


def test_ids_stay_text_and_join(folder):
    ids = ["00123", "1E5", "NO", "1e5x", "true", "2026-01-01"]
    put(
        folder,
        people=HEADER + "".join(f"{i},N,Active,,Finance\n" for i in ids),
        ledger="login,role,employee,enabled\n" + "".join(f"{i}-user,Viewer,{i},yes\n" for i in ids),
    )
    good_run(folder)
    target = folder / "accounts.json"
    assert access_review(folder, "export", "accounts", "--format", "json", "-o", str(target)).code == 0
    assert {a["person"] for a in json.loads(target.read_text())} == {f"hr:person:{i}" for i in ids}


def test_who_is_both_active_and_terminated_is_quarantined_and_never_planned(folder):
    twice = "00001,Person 1,Terminated,2026-10-01,Finance\n"
    put(folder, people=PEOPLE + twice, ledger=HELD + "u1,Approver,00001,yes\nzed,Viewer,99999,yes\n")
    good_run(folder)
    assert next(p["status"] for p in record(folder, "people") if p["native_id"] == "00001") == "unknown"
    assert any(p["kind"] == "quarantined" and p["subject"] == "hr:person:00001" for p in record(folder, "problems"))
    assert findings(folder, "leaver-active") == set()
    assert findings(folder, "account-unowned") == {("ledger:user:zed", None)}
    result = access_review(folder, *TIME, "--json", "plan", "--requested-by", "hr:person:00002")
    assert result.code == 0, result.err
    assert result.json["changes"] == []
    asked = access_review(folder, *TIME, "plan", "--requested-by", "hr:person:00001")
    assert (asked.code, "(hr:person:00001) works here now is not known" in asked.err) == (2, True), asked.err


def test_who_is_missing_goes_to_a_person_and_is_never_planned(folder):
    good_run(folder)
    put(folder, people=PEOPLE.replace("00007,Person 7,Active,,Finance\n", ""))
    assert access_review(folder, *NEXT, "audit").code == 0
    assert findings(folder, "person-missing") == {("hr:person:00007", None)}
    result = access_review(folder, *NEXT, "--json", "plan", "--requested-by", "hr:person:00002")
    assert result.json["changes"] == []
    assert any("person" in left["reason"] for left in result.json["to_person"])


def test_a_bare_date_has_bounds_and_nobody_is_late_before_the_later_one(folder):
    put(folder, people=PEOPLE.replace("00001,Person 1,Active,", "00001,Person 1,Terminated,2026-11-02"))
    (folder / "sources/hr.yaml").write_text(HR.replace("  timezone: Asia/Manila\n", ""))
    result = access_review(folder, "--as-of", "2026-11-02T20:00:00Z", "audit")
    assert result.code == 0, result.err
    person = next(p for p in record(folder, "people") if p["native_id"] == "00001")
    assert person["left_at_earliest"] < datetime(2026, 11, 2, 20, tzinfo=UTC) < person["left_at_latest"]
    assert findings(folder, "leaver-active") == set()
    assert access_review(folder, "--as-of", "2026-11-03T13:00:00Z", "audit").code == 0
    assert findings(folder, "leaver-active") == {("ledger:user:u1", None)}


HOSTILE = [
    '=HYPERLINK("http://evil.example.test","x")',
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "*)(uid=*))(|(uid=*",
    "'; DROP TABLE people; --",
    "+1+1|cmd' /C calc'!A0",
    "＝1+1",
    "\x1b[31mred",
    "Ana\r\n\tBo",
]


def test_hostile_names_are_inert_in_every_view_and_exact_in_the_record(folder):
    rows = "".join(f'h{n},"{name.replace(chr(34), chr(34) * 2)}",Active,,Finance\n' for n, name in enumerate(HOSTILE))
    ledger = "".join(f'h{n},"{name.replace(chr(34), chr(34) * 2)}",h{n},yes\n' for n, name in enumerate(HOSTILE))
    put(folder, people=PEOPLE + rows, ledger=HELD + ledger)
    result = access_review(folder, *TIME, "audit")
    assert result.code == 0, result.err
    assert {p["name"] for p in record(folder, "people")} >= set(HOSTILE)
    run = folder / "runs" / next(n for n in runs(folder) if n != "state.json")
    page = (run / "report.html").read_text()
    assert page.count("<script") == 3  # the page's own, and the data and cards that it draws
    assert "\u202e" not in page
    result = access_review(folder, *TIME, "plan", "--requested-by", "hr:person:00002")
    assert result.code == 0, result.err
    explained = access_review(folder, "explain", "hr:person:h7")
    assert explained.code == 0, explained.err
    assert "\x1b[31m" not in result.out + explained.out
    with (run / "plan/plan.csv").open(newline="", encoding="utf-8-sig") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert cells
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@＝＋－＠\t\r\n")]
    for book in [run / "plan/plan.xlsx", *(run / "sample").glob("*.xlsx")]:
        with zipfile.ZipFile(book) as packed:
            assert not [name for name in packed.namelist() if b"<f>" in packed.read(name)]


def test_a_second_run_of_everything_gives_the_same_digests(folder):
    put(folder, ledger=HELD + "u1,Approver,00001,yes\n")
    stages = (["audit"], ["plan", "--requested-by", "hr:person:00002"], ["report"])

    def run_all():
        audited, planned, reported = (access_review(folder, *TIME, "--json", *stage) for stage in stages)
        assert (audited.code, planned.code, reported.code) == (0, 0, 0)
        (path,) = folder.glob("runs/*/plan/plan.json")
        plan = json.loads(path.read_bytes())
        # A plan names the head of the logbook, and the logbook goes on: it says that everything was done twice.
        assert plan["inputs"].pop("logbook")
        said = {name: part for name, part in audited.json.items() if name != "sample"}  # which is drawn once
        held = {p: p.read_bytes() for p in (folder / "runs").rglob("*") if p.is_file() and p.name != "logbook.jsonl"}
        return (
            said,
            plan,
            {p: data for p, data in held.items() if p.parent != path.parent and p.suffix != ".html"},
        )

    assert run_all() == run_all()


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ("{disable: {percent: 101, floor: 1}}", 2),
        ("{disable: {percent: -1, floor: 1}}", 2),
        ("{disable: {percent: 5}}", 2),
        ("{remove: {percent: 0, floor: 0}}", 4),
    ],
)
def test_limits_out_of_range_are_load_errors_and_zero_means_zero(folder, limits, code):
    put(folder, ledger=HELD + "u1,Approver,00001,yes\n")
    good_run(folder)
    (folder / "roles/policy.yaml").write_text(f"limits: {limits}\n")
    assert access_review(folder, *TIME, "audit").code == (2 if code == 2 else 0)
    assert access_review(folder, *TIME, "plan", "--requested-by", "hr:person:00002").code == code


def test_a_batch_within_the_percentage_that_empties_a_group_is_refused(folder):
    extra = "".join(f"u{n},Approver,{n:05},yes\n" for n in range(1, 6))
    put(folder, ledger=HELD + extra)
    good_run(folder)
    result = access_review(folder, *TIME, "plan", "--requested-by", "Person 2")
    assert result.code == 4
    assert "Approver" in result.err
    assert not list((folder / "runs").glob("*/plan"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--requested-by", "nobody"], "called 'nobody'"),
        (["--requested-by", "Person 2", "--rule", "leaver-actve"], "did you mean 'leaver-active' or"),
        (["--requested-by", "Person 2", "--person", "Person 999"], "called 'Person 999'"),
        (["--requested-by", "Person 2", "--client", "HARBR"], "no client is called 'HARBR'"),
    ],
)
def test_a_plan_for_whom_or_what_does_not_exist_is_refused_and_not_empty(folder, words, said):
    good_run(folder)
    done = access_review(folder, *TIME, "plan", *words)
    assert done.code == 2
    assert said in done.err
    assert not list((folder / "runs").glob("*/plan"))


def test_whoever_has_left_asks_for_no_plan_and_is_told_so(folder):
    put(folder, people=PEOPLE.replace("00001,Person 1,Active,", "00001,Person 1,Terminated,2026-10-01"))
    assert access_review(folder, *TIME, "audit").code == 0
    done = access_review(folder, *TIME, "plan", "--requested-by", "Person 1")
    assert (done.code, "Person 1 (hr:person:00001) does not work here now" in done.err) == (2, True), done.err
    assert not list((folder / "runs").glob("*/plan"))


def test_fail_on_says_3_and_json_is_json(folder):
    put(folder, people=PEOPLE.replace("00001,Person 1,Active,", "00001,Person 1,Terminated,2026-10-01"))
    result = access_review(folder, *TIME, "--json", "audit", "--fail-on", "high")
    assert result.code == 3
    assert result.json["findings"]["severity"]["high"] == 1
    assert access_review(folder, *TIME, "review", "--fail-on", "critical").code == 0


LDIF = """\
connector: ldap
options: {recorded: ["*.ldif"]}
match:
  - {on: [employee_id, person]}
"""


def person_entry(number, dn=None):
    return (
        f"dn: {dn or f'CN=u{number},DC=norwind,DC=example,DC=test'}\nobjectClass: user\nsAMAccountName: u{number}\n"
        f"employeeID: {number:05}\nuserAccountControl: 512\nprimaryGroupID: 513\n"
        f"objectSid: S-1-5-21-1-2-3-{1000 + number}\n\n"
    )


@pytest.mark.sweep(share=1 / 2)
@pytest.mark.parametrize(
    ("ldif", "said"),
    [
        ("dn: CN=a,DC=x\nchangetype: delete\n\n", "changetype"),
        ("dn: CN=a,DC=x\nobjectClass: user\nphoto:< file:///etc/passwd\n\n", "photo"),
        ("dn: CN=a,DC=x\nobjectGUID:: %%%\n\n", "objectGUID"),
        ("dn: CN=a,DC=x\nno colon here\n\n", "ad.ldif:2"),
    ],
)
def test_a_directory_export_that_is_none_is_refused_with_its_line(folder, ldif, said):
    (folder / "sources/ad.yaml").write_text(LDIF)
    (folder / "sources/ad.ldif").write_text(ldif)
    result = access_review(folder, *TIME, "audit")
    assert result.code == 2
    assert said.casefold() in result.err.casefold()
    assert "ad.ldif" in result.err


GRAPH = "connector: entra\noptions: {recorded: tenant}\nmatch:\n  - {on: [employee_id, person]}\n"


def page(rows, **more):
    return json.dumps({"value": rows, **more})


def user(number):
    return {
        "id": f"{number:08}-0000-0000-0000-000000000000",
        "userPrincipalName": f"u{number}@example.test",
        "accountEnabled": True,
        "employeeId": f"{number:05}",
        "userType": "Member",
    }


@pytest.mark.parametrize(
    "users",
    [
        {"users.json": page([user(1)], **{"@odata.nextLink": "https://graph.microsoft.com/v1.0/users?$skiptoken=x"})},
        {"users.json": page([user(1)], **{"@odata.count": 3})},
    ],
    ids=["a page is missing", "count differs"],
)
def test_a_source_read_in_part_is_incomplete_its_findings_withheld_and_the_run_goes_on(folder, users):
    put(folder, people=PEOPLE.replace("00001,Person 1,Active,", "00001,Person 1,Terminated,2026-10-01"))
    lay_out(
        folder,
        {
            "sources/entra.yaml": GRAPH,
            "sources/tenant/groups.json": page([]),
            **{f"sources/tenant/{name}": text for name, text in users.items()},
        },
    )
    result = access_review(folder, *TIME, "--json", "audit")
    assert result.code == 1
    assert [s["source"] for s in result.json["sources"] if not s["complete"]] == ["entra"]
    assert next(w for w in result.json["withheld"] if w["rule"] == "leaver-active")["withheld"] == 1
    assert findings(folder, "leaver-active") == {("ledger:user:u1", None)}
    plan = access_review(folder, *TIME, "--json", "plan", "--requested-by", "hr:person:00002").json
    assert {change["target"]["source"] for change in plan["changes"]} <= {"ledger"}


def test_a_source_that_is_not_there_is_said_and_the_others_are_reviewed(folder):
    (folder / "sources/ledger.csv").unlink()
    result = access_review(folder, *TIME, "audit")
    assert result.code == 1
    assert "ledger" in result.out
    assert len(record(folder, "people")) == 300


def test_a_tenant_without_sign_in_logs_is_no_failed_source_and_their_rules_say_so(folder):
    lay_out(
        folder,
        {
            "sources/entra.yaml": GRAPH,
            "sources/tenant/users.json": page([user(1)]),
            "sources/tenant/groups.json": page([]),
        },
    )
    result = access_review(folder, *TIME, "--json", "audit")
    assert result.code == 0, result.err
    idle = {e["rule"]: e["reason"] for e in result.json["not_evaluated"]}
    assert idle["signin-after-end"] == "no source provides signins"
    assert "account-dormant" not in idle

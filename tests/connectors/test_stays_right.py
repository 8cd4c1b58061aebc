"""What was right stays right, through the connectors: ends of calendars, the calendar of old Macs, names, cut JSON."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from access_review.errors import AccessReviewError
from tests.connectors.faulty_inputs import FORMATS, Company
from tests.connectors.small_sources import read, read_table

ROSTER: dict[str, Any] = {
    "timezone": "UTC",
    "left_at_means": "end-of-day",
    "statuses": {"active": ["Active"], "left": ["Terminated"]},
    "columns": {"person": "id", "status": "status", "starts": "start", "left_at": "end"},
}


@pytest.mark.parametrize("end", ["2999-12-31", "4712-12-31", "9999-12-31", "2999-01-01"])
def test_ends_of_calendars_are_never(end, tmp_path):
    (tmp_path / "hr.csv").write_text(f"id,status,start,end\n1,Active,2024-01-01,{end}\n")
    found = read("roster", tmp_path, path="hr.csv", dates="%Y-%m-%d", **ROSTER)
    assert [(row["status"], row["left_at_latest"]) for row in found["people"]] == [("active", None)]
    columns = {"account": "login", "expires_at": "until"}
    table = read_table(tmp_path, f"login,until\nana,{end}\n", columns=columns, dates="%Y-%m-%d", timezone="UTC")
    assert [row["expires_at"] for row in table["accounts"]] == [None]
    assert not table.texts()


@pytest.mark.parametrize("zero", ["0001-01-01", "1601-01-01", "1753-01-01", "1816-03-30", "1899-12-30", "1970-01-01"])
@pytest.mark.parametrize("name", ["table", "entra"])
def test_zeros_of_calendars_are_no_use(name, zero, tmp_path):
    used = f"{zero}T00:00:00Z" if name == "entra" else zero
    found = read(name, tmp_path, **FORMATS[name](tmp_path, Company.usual(used=used)))
    ana = next(row for row in found["accounts"] if "ana" in row["name"])
    assert (ana["last_used_earliest"], ana["last_used_latest"], ana["never_used"]) == (None, None, True)


def test_a_workbook_of_the_calendar_of_1904_says_the_days_it_shows(tmp_path):
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    page = book.worksheets[0]
    page.append(["id", "status", "start", "end"])
    page.append(["1", "Terminated", datetime(2024, 1, 1), datetime(2026, 9, 30)])  # noqa: DTZ001 - as a sheet stores it
    book.save(tmp_path / "hr.xlsx")
    (ada,) = read("roster", tmp_path, path="hr.xlsx", **ROSTER)["people"]
    assert (ada["status"], ada["left_at_latest"]) == ("left", datetime(2026, 10, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("CN=Núñez\\, Ana,DC=home,DC=test", "CN=Núñez\\2c Ana,DC=home,DC=test"),
        ("CN=Ana \\+ Ben,DC=home,DC=test", "cn=ana \\2B ben, dc=Home, dc=test"),
        ("CN=\\#1,DC=home,DC=test", "CN=\\231,DC=home,DC=test"),
        ("CN=a\\C3\\A9,DC=home,DC=test", "CN=aé,DC=home,DC=test"),
        ("CN=安,DC=home,DC=test", "CN=安,DC=HOME,DC=TEST"),
    ],
)
def test_escaped_names_of_one_object_are_one(written, named, tmp_path):
    options = FORMATS["ldap"](tmp_path, Company(Company.usual().accounts, ("ana",)))
    path = tmp_path / "ad.ldif"
    text = path.read_text().replace("member: CN=ana,DC=home,DC=test", f"member: {named}")
    path.write_text(text.replace("dn: CN=ana,DC=home,DC=test", f"dn: {written}"), "utf-8")
    found = read("ldap", tmp_path, **options)
    assert not found.reasons
    assert not [row for row in found["grants"] if row["account"].startswith("ref:")]
    assert len([row for row in found["grants"] if row["via"] == "member"]) == 1


def test_an_object_of_a_conflict_is_another_than_the_one_it_was_in_conflict_with(tmp_path):
    options = FORMATS["ldap"](tmp_path, Company(Company.usual().accounts, ("ana",)))
    name = "CN=Ops\nCNF:5f0e3a52-0000-0000-0000-000000000001,DC=home,DC=test".replace("\n", "\\0A")
    encoded = base64.b64encode(name.encode()).decode()
    twin = (
        f"\ndn:: {encoded}\nobjectClass: group\nsAMAccountName: $DUPLICATE-4b1\nobjectSid: S-1-5-21-1-2-3-1202\n"
        "member: CN=ben,DC=home,DC=test\n"
    )
    path = tmp_path / "ad.ldif"
    path.write_text(path.read_text() + twin)
    found = read("ldap", tmp_path, **options)
    assert not found.reasons
    held = {(row["account"][-4:], row["entitlement"][-4:]) for row in found["grants"] if row["via"] == "member"}
    assert held == {("1001", "1201"), ("1002", "1202")}


@pytest.mark.parametrize("name", ["ldap", "sharphound"])
def test_an_account_without_a_primary_group_is_read_and_its_grants_are_not_whole(name, tmp_path):
    options = FORMATS[name](tmp_path, Company.usual())
    if name == "ldap":
        path = tmp_path / "ad.ldif"
        path.write_text(path.read_text().replace("primaryGroupID: 1201\n", "", 1))
    else:
        path = tmp_path / "users.json"
        page = json.loads(path.read_text())
        page["data"][0]["PrimaryGroupSID"] = None
        path.write_text(json.dumps(page))
    found = read(name, tmp_path, **options)
    assert {"ana", "ben"} <= {row["name"] for row in found["accounts"]}
    assert "accounts" not in found.reasons
    assert "primary" in found.reasons["grants"].lower()


@pytest.mark.parametrize("name", ["sharphound", "entra", "table"])
def test_json_that_was_cut_anywhere_is_refused_or_incomplete(name, tmp_path):
    options = FORMATS[name](tmp_path, Company.usual())
    path = tmp_path / "users.json"
    if name == "table":
        lines = [line.split(",") for line in (tmp_path / "export.csv").read_text().splitlines()]
        path.write_text(json.dumps([dict(zip(lines[0], line, strict=True)) for line in lines[1:]]))
        options["path"] = "users.json"
    whole = path.read_bytes()
    for length in range(0, len(whole), 9):
        path.write_bytes(whole[:length])
        try:
            found = read(name, tmp_path, **options)
        except AccessReviewError:
            continue
        assert found.reasons.keys() & {"accounts", "grants"}, length

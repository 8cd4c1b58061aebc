"""Instances of one more kind that people reported: a value that is written otherwise, and silently means something else."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from tests.connectors.faulty_inputs import DOMAIN, FORMATS, Company
from tests.connectors.small_sources import AS_OF, ROSTER, Found, read, read_table

ISO = "%Y-%m-%dT%H:%M:%S"
CLOCK = "%Y-%m-%d %H:%M:%S"


def left(folder: Path, end: str, form: str, zone: str | None, meaning: str = "end-of-day") -> tuple[str, str, str]:
    """Return where somebody stands whose last day is written so, and from when until when it may have ended, in UTC."""
    (folder / "hr.csv").write_text(f"id,name,mail,status,start,end\n1,Ana,,Terminated,,{end}\n")
    options = {**ROSTER, "dates": form, "timezone": zone, "left_at_means": meaning}
    (row,) = read("roster", folder, path="hr.csv", **options)["people"]
    first, last = (row[name] and f"{row[name]:%m-%d %H:%M}" for name in ("left_at_earliest", "left_at_latest"))
    return row["status"], first, last


@pytest.mark.parametrize(
    ("end", "form"),
    [
        ("2026-09-30T22:00:00Z", f"{ISO}Z"),
        ("2026-09-30T22:00:00.000Z", f"{ISO}.%fZ"),
        ("2026-09-30 22:00:00 UTC", f"{CLOCK} UTC"),
        ("2026-09-30 22:00:00 GMT", CLOCK),
        ("2026-09-30 22:00:00 UTC", f"{CLOCK} %z"),
        ("2026-10-01 00:00:00+02", CLOCK),
        ("2026-10-01T00:00:00+02:00[Europe/Warsaw]", ISO),
        ("/Date(1790805600000)/", "%Y-%m-%d"),
        ("/Date(1790805600000+0200)/", "%Y-%m-%d"),
        ("2026-09-30T15:00:00-07:00", ISO),
    ],
)
def test_a_last_day_is_that_of_the_place_of_work_however_its_zone_is_written(end, form, tmp_path):
    assert left(tmp_path, end, form, "Europe/Warsaw") == ("left", "10-01 22:00", "10-01 22:00")


def test_a_midnight_with_an_offset_is_its_day_everywhere(tmp_path):
    assert left(tmp_path, "/Date(1790805600000+0200)/", "%Y-%m-%d", "America/Los_Angeles")[2] == "10-02 07:00"


@pytest.mark.parametrize(
    ("meaning", "bounds"),
    [
        ("end-of-day", ("09-30 22:00", "10-01 22:00")),
        ("start-of-day", ("09-29 22:00", "09-30 22:00")),
        ("end-of-shift", ("09-29 22:00", "10-02 10:00")),
    ],
)
def test_the_day_of_a_moment_in_no_known_zone_is_that_of_any(meaning, bounds, tmp_path):
    assert left(tmp_path, "2026-09-30T22:00:00Z", ISO, None, meaning)[1:] == bounds


def test_nobody_has_left_before_the_moment_that_is_written(tmp_path):
    assert left(tmp_path, "2026-11-02T06:30:00Z", f"{ISO}Z", "Asia/Manila", "instant")[0] == "active"
    assert left(tmp_path, "2026-11-02T05:30:00Z", f"{ISO}Z", "America/Los_Angeles", "instant")[0] == "left"


@pytest.mark.parametrize("text", ["2026-09-30T22:00:00", "2026-09-30T22:00:00 PST"])
def test_a_zone_that_is_missing_or_that_several_places_share_makes_no_leaver(text, tmp_path):
    assert left(tmp_path, text, f"{ISO}Z", "Asia/Manila")[0] == "unknown"


def test_a_word_for_utc_says_where_the_clock_of_sign_ins_stands(tmp_path):
    text = "who,at\nana,2026-10-30 08:00:00 UTC\n"
    found = read_table(
        tmp_path, text, table="signins", columns={"account": "who", "at": "at"}, dates=f"{CLOCK} UTC", timezone=None
    )
    assert [row["at"] for row in found["signins"]] == [datetime(2026, 10, 30, 8, tzinfo=AS_OF.tzinfo)]


def controlled(folder: Path, control: str) -> Found:
    """Read a directory in which one account has this in place of its control bits."""
    options = FORMATS["ldap"](folder, Company.usual())
    path = folder / "ad.ldif"
    path.write_text(path.read_text().replace("userAccountControl: 512\n", control, 1))
    return read("ldap", folder, **options)


@pytest.mark.parametrize(
    "text", ["DISABLED", "NORMAL_ACCOUNT, ACCOUNTDISABLE", "-1", "99999999999", "514 (0x202)", "6144"]
)
def test_control_bits_that_are_none_leave_unknown_whether_an_account_can_be_used(text, tmp_path):
    found = controlled(tmp_path, f"userAccountControl: {text}\n")
    assert [(row["enabled"], row["kind"]) for row in found["accounts"]] == [(None, "human"), (True, "human")]
    assert f"userAccountControl is {text!r}" in found.texts()
    assert not found.reasons


@pytest.mark.parametrize("line", ["", "userAccountControl:\n"])
def test_accounts_without_control_bits_are_counted(line, tmp_path):
    found = controlled(tmp_path, line)
    assert [row["enabled"] for row in found["accounts"]] == [None, True]
    assert "1 of the accounts came without userAccountControl" in found.texts()


@pytest.mark.parametrize(("text", "enabled"), [("0x202", False), ("0x10200", True), ("514", False)])
def test_control_bits_are_read_as_tools_write_them(text, enabled, tmp_path):
    found = controlled(tmp_path, f"userAccountControl: {text}\n")
    assert next(row["enabled"] for row in found["accounts"]) is enabled
    assert not found.texts()


def test_a_stamp_that_is_no_time_is_said(tmp_path):
    found = controlled(tmp_path, "userAccountControl: 512\naccountExpires: never\npwdLastSet: soon\n")
    assert "pwdLastSet is 'soon', which is no time" in found.texts()
    assert "accountExpires" not in found.texts()  # a word for never


def test_a_lock_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / "ldap.ldif").write_text(
        "dn: uid=ana,dc=x\nobjectClass: inetOrgPerson\nuid: ana\nentryUUID: 1\nnsAccountLock: maybe\n"
    )
    found = read("ldap", tmp_path, recorded=["ldap.ldif"])
    assert [row["enabled"] for row in found["accounts"]] == [None]
    assert "nsaccountlock is 'maybe'" in found.texts()


@pytest.mark.parametrize("text", ["vpn-gateway-2", "10.1.2", "999.1.1.1"])
def test_an_address_that_is_none_is_unknown_and_said(text, tmp_path):
    columns = {"account": "who", "at": "at", "address": "ip"}
    log = f"who,at,ip\nana,2026-10-30T08:00:00,{text}\nben,2026-10-30T08:00:00,10.1.2.3\ncem,2026-10-30T08:00:00,N/A\n"
    found = read_table(tmp_path, log, table="signins", columns=columns, dates=ISO, timezone="UTC")
    assert sorted((row["account"], row["address"]) for row in found["signins"]) == [
        ("app:user:ana", None),
        ("app:user:ben", "10.1.2.3"),
        ("app:user:cem", None),
    ]
    assert found.texts().count("no IP address") == 1


def test_an_address_of_a_tenant_that_is_none_is_said(tmp_path):
    options = FORMATS["entra"](tmp_path, Company.usual())
    page = {
        "value": [{"id": "s1", "userId": "id-ana", "createdDateTime": "2026-10-30T08:00:00Z", "ipAddress": "nowhere"}]
    }
    (tmp_path / "signIns.json").write_text(json.dumps(page))
    found = read("entra", tmp_path, **options)
    assert [row["address"] for row in found["signins"]] == [None]
    assert "'nowhere' is no address" in found.texts()


@pytest.mark.parametrize("login", ["ben ", " ben", "ben\u00a0", "\u2003ben"])
def test_blanks_around_a_login_make_no_second_account(login, tmp_path):
    found = read_table(tmp_path, f"login,role\nben,Agent\n{login},Lead\n")
    assert [row["account"] for row in found["accounts"]] == ["app:user:ben"]
    assert {(row["account"], row["entitlement"]) for row in found["grants"]} == {
        ("app:user:ben", "app:role:Agent"),
        ("app:user:ben", "app:role:Lead"),
    }


@pytest.mark.parametrize("place", ["roleDefinitions", "RoleDefinitions", "roleManagement/directory/roleDefinitions"])
def test_saved_pages_are_found_by_the_path_that_was_asked_for(place, tmp_path):
    options = FORMATS["entra"](tmp_path, Company.usual())
    path = tmp_path / f"{place}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"value": [{"id": "r1", "displayName": "Reader", "templateId": "r1"}]}))
    assert "part:roleDefinitions" not in read("entra", tmp_path, **options).reasons


@pytest.mark.parametrize(
    ("name", "kind"), [("OTHER$", "computer"), ("KRBTGT_4711", "computer"), ("KRBTGT", "computer"), ("SVC$", "service")]
)
def test_what_a_directory_is_made_of_is_no_service_that_somebody_answers_for(name, kind, tmp_path):
    options = FORMATS["sharphound"](tmp_path, Company.usual())
    path = tmp_path / "users.json"
    page = json.loads(path.read_text())
    where = "CN=Managed Service Accounts" if kind == "service" else "CN=Users"
    page["data"][0]["Properties"] |= {"samaccountname": name, "distinguishedname": f"CN={name},{where},DC=home,DC=test"}
    path.write_text(json.dumps(page))
    found = read("sharphound", tmp_path, **options)
    assert [row["kind"] for row in found["accounts"] if row["name"] == name] == [kind]


@pytest.mark.parametrize("last", ["R000", "", "9" * 5000, "-1"])
def test_a_sid_that_only_begins_like_one_is_no_accident(last, tmp_path):
    options = FORMATS["sharphound"](tmp_path, Company.usual())
    for path in tmp_path.glob("*.json"):
        path.write_text(path.read_text().replace(f"{DOMAIN}-1201", f"S-1-5-21-1-2-3-{last}"))
    found = read("sharphound", tmp_path, **options)
    assert [row["privileged"] for row in found["entitlements"]] == [None]

"""What services export for people and accounts: which column is what, with zeros of calendars and words for never among dates."""

import pyarrow as pa
import pytest

from access_review.draft.columns import look_at_columns
from access_review.draft.file_kinds import FileKind, guess_kind
from access_review.draft.inspection import inspect_table
from access_review.draft.sign_in_words import can_sign_in
from access_review.draft.sources import SourceAnswers, table_source

WHO = [f"p{n}@x.test" for n in range(12)]
NAMES = [f"{first} {last}" for first in ("Ana", "Ben", "Cleo") for last in ("Abad", "Brook", "Costa", "Dima")]
NUMBERS = [f"{n:04}" for n in range(12)]
DAYS = [f"2026-09-{n + 10}" for n in range(12)]

PEOPLE = {
    "Employee #": NUMBERS,
    "Full Name": NAMES,
    "Work Email": WHO,
    "Employment Status": ["Full-Time"] * 9 + ["Part-Time"] * 2 + ["Terminated"],
    "Hire Date": ["01/31/2024"] * 12,
    "Termination Date": ["0000-00-00"] * 11 + ["09/30/2026"],
}
ENDLESS = {**PEOPLE, "Termination Date": ["9999-12-31"] * 11 + ["2026-09-30"], "Hire Date": ["2024-01-31"] * 12}
ASSIGNED = {
    "user.login": WHO * 2,
    "app.name": ["Slack"] * 12 + ["Google Workspace"] * 12,
    "assignment.status": ["ACTIVE"] * 24,
}
BADGES = {"Badge No": [f"B{n}" for n in range(12)], "Holder": NAMES, "Zone": ["Lobby", "Server Room"] * 6}
SIGNED = {
    "Email Address [Required]": WHO,
    "Status [READ ONLY]": ["Active", "Suspended"] * 6,
    "Last Sign In [READ ONLY]": [f"2026/10/{n + 10} 09:11:00" for n in range(11)] + ["Never logged in"],
}
KEYS = {"user": NUMBERS, "password_last_used": DAYS[:6] + ["no_information"] * 6, "access_key_1_active": ["false"] * 12}
LEARNED = {
    "User ID": NUMBERS * 2,
    "Item Title": ["Card data"] * 12 + ["Fire safety"] * 12,
    "Completion Date": [*DAYS, *DAYS[:6], *[""] * 6],
    "Completion Status": ["Passed"] * 18 + [""] * 6,
    "Due Date": ["2026-12-01"] * 24,
}


MANAGED = {
    "First Name [Required]": [name.split()[0] for name in NAMES],
    "Last Name [Required]": [name.split()[1] for name in NAMES],
    "Email Address [Required]": WHO,
    "Org Unit Path [Required]": ["/Staff"] * 12,
    "Status [READ ONLY]": ["Active", "Suspended"] * 6,
    "Last Sign In [READ ONLY]": ["2026/10/10 09:11:00"] * 12,
    "Employee ID": NUMBERS,
    "Employee Title": ["Clerk", "Agent"] * 6,
    "Manager Email": ["p0@x.test"] * 12,
    "Department": ["Ops", "IT"] * 6,
}
PRODUCTS = {
    "User id": [f"5b10ac{n:02}" for n in range(12)],
    "User name": NAMES,
    "email": WHO,
    "User status": ["Active", "Deactivated"] * 6,
    "Org role": ["Organization admin", *[""] * 11],
    "Last seen in Wiki": DAYS,
}
IN_A_COUNTRY = {
    "userPrincipalName": WHO,
    "displayName": NAMES,
    "accountEnabled": ["True"] * 11 + ["False"],
    "state": ["Styria"] * 12,
}
RESPONSIBLE = {
    "USER_NAME": WHO * 2,
    "END_DATE": [""] * 23 + ["30-SEP-2026"],
    "RESPONSIBILITY_NAME": ["GL Inquiry"] * 12 + ["System Administrator"] * 12,
    "APPLICATION_SHORT_NAME": ["SQLGL", "SYSADMIN"] * 12,
}
MEMBERS = {
    "Group ID": ["00g1"] * 12 + ["00g2"] * 12,
    "Group Name": ["Everyone"] * 12 + ["Super Admins"] * 12,
    "Group Type": ["OKTA_GROUP"] * 24,
    "User ID": [f"00u{n}" for n in range(12)] * 2,
    "User Login": WHO * 2,
    "group.active": ["true"] * 24,
}
GUARDED = {"login": WHO, "tfa_enabled": ["true", "false"] * 6, "role": ["Owner", *["Member"] * 11]}
LOCKED = {
    "BNAME": [f"U{n}" for n in range(12)],
    "UFLAG": ["0", "64", "128"] * 4,
    "TRDAT": ["20261001", "00000000"] * 6,
    "GLTGB": ["99991231"] * 11 + ["20260930"],
}
ASSIGNED_ROLES = {"AGR_NAME": ["Z_FI"] * 12, "UNAME": LOCKED["BNAME"], "TO_DAT": LOCKED["GLTGB"]}
ELIGIBLE = {"Role": ["Reader"] * 12, "UPN": WHO, "State": ["Active", "Eligible"] * 6}
WHOLE_NAMES = {
    "Employee #": NUMBERS,
    "Last Name, First Name": [", ".join(reversed(name.split())) for name in NAMES],
    "Department": ["Ops", "IT"] * 6,
}
VERSIONS = {
    "XRefCode": NUMBERS,
    "FULL_NAME": NAMES,
    "EFFECTIVE_END_DATE": ["31-DEC-2026"] * 12,
    "ACTUAL_TERMINATION_DATE": ["30-SEP-2026", *[""] * 11],
    "Manager_XRefCode": ["", *["0000"] * 11],
}
LOGGED = {
    "timestamp": [f"{day}T09:12:33.456Z" for day in DAYS] * 2,
    "actor.alternate_id": WHO * 2,
    "client.user_agent.raw_user_agent": ["Mozilla/5.0", "curl/8"] * 12,
    "outcome.result": ["SUCCESS", "FAILURE"] * 12,
}


@pytest.mark.parametrize(
    ("columns", "kind", "meant"),
    [
        pytest.param(
            PEOPLE, FileKind.ROSTER, {"left_at": "Termination Date", "status": "Employment Status"}, id="people"
        ),
        pytest.param(ENDLESS, FileKind.ROSTER, {"left_at": "Termination Date"}, id="endless"),
        pytest.param(
            ASSIGNED,
            FileKind.HOLDINGS,
            {"account": "user.login", "entitlement": "app.name", "enabled": None},
            id="assigned",
        ),
        pytest.param(BADGES, FileKind.HOLDINGS, {"account": "Badge No", "entitlement": "Zone"}, id="badges"),
        pytest.param(
            SIGNED,
            FileKind.HOLDINGS,
            {"enabled": "Status [READ ONLY]", "used": "Last Sign In [READ ONLY]"},
            id="signed",
        ),
        pytest.param(
            KEYS, FileKind.HOLDINGS, {"account": "user", "used": "password_last_used", "enabled": None}, id="keys"
        ),
        pytest.param(
            LEARNED,
            FileKind.TRAINING,
            {"employee_id": "User ID", "course": "Item Title", "done": "Completion Date"},
            id="learned",
        ),
        pytest.param(
            MANAGED, FileKind.HOLDINGS, {"enabled": "Status [READ ONLY]", "employee_id": "Employee ID"}, id="managed"
        ),
        pytest.param(PRODUCTS, FileKind.HOLDINGS, {"enabled": "User status", "entitlement": "Org role"}, id="products"),
        pytest.param(IN_A_COUNTRY, FileKind.HOLDINGS, {"enabled": "accountEnabled"}, id="country"),
        pytest.param(
            RESPONSIBLE,
            FileKind.HOLDINGS,
            {"entitlement": "RESPONSIBILITY_NAME", "display_name": None},
            id="responsible",
        ),
        pytest.param(
            MEMBERS,
            FileKind.HOLDINGS,
            {"account": "User Login", "entitlement": "Group Name", "enabled": None},
            id="members",
        ),
        pytest.param(GUARDED, FileKind.HOLDINGS, {"entitlement": "role", "enabled": None}, id="guarded"),
        pytest.param(LOCKED, FileKind.HOLDINGS, {"enabled": "UFLAG", "used": "TRDAT", "until": "GLTGB"}, id="locked"),
        pytest.param(
            ASSIGNED_ROLES, FileKind.HOLDINGS, {"entitlement": "AGR_NAME", "until": "TO_DAT"}, id="assigned-roles"
        ),
        pytest.param(ELIGIBLE, FileKind.HOLDINGS, {"entitlement": "Role", "enabled": None}, id="eligible"),
        pytest.param(WHOLE_NAMES, FileKind.ROSTER, {"name": "Last Name, First Name"}, id="whole-names"),
        pytest.param(
            VERSIONS,
            FileKind.ROSTER,
            {"person": "XRefCode", "left_at": "ACTUAL_TERMINATION_DATE", "manager": "Manager_XRefCode"},
            id="versions",
        ),
        pytest.param(LOGGED, FileKind.SIGNINS, {"account": "actor.alternate_id", "at": "timestamp"}, id="logged"),
    ],
)
def test_columns_mean_what_the_service_means(columns, kind, meant):
    looks = look_at_columns(pa.table(columns))
    guess = guess_kind(looks)
    found = {meaning.field: meaning.label for meaning in guess.meanings}
    assert (guess.kind, {field: found.get(field) for field in meant}) == (kind, meant)
    for look in looks:
        if look.dates:
            assert look.dates.format, look.name


@pytest.mark.parametrize(
    ("header", "word", "can"),
    [
        ("Status", "LOCKED_OUT", False),
        ("Status", "STAGED", False),
        ("Status", "PASSWORD_EXPIRED", True),
        ("UFLAG", "0", True),
        ("UFLAG", "64", False),
        ("UFLAG", "192", False),
        ("Locked", "X", False),
        ("Inactive", "false", True),
        ("Status", "Member", None),
        ("Status", "Not active", None),
    ],
)
def test_words_say_whether_an_account_can_be_used(header: str, word: str, can: bool | None) -> None:
    assert can_sign_in(word, header) is can


def test_an_account_ends_where_nothing_is_held() -> None:
    look = inspect_table("usr02.csv", pa.table(LOCKED))
    source = table_source("sap", look, "usr02.csv", {}, SourceAnswers(), ())
    assert {line.name: line.value for line in source.columns} == {
        "account": "BNAME",
        "enabled": "UFLAG",
        "last_used": "TRDAT",
        "expires_at": "GLTGB",
    }
    (words,) = (line.value for line in source.options if line.name == "enabled")
    assert words == {"yes": ["0"], "no": ["128", "64"]}


def test_what_makes_an_account_seem_idle_or_a_grant_seem_held_is_said() -> None:
    used = {"user": NUMBERS, "password_last_used": DAYS, "key_last_used": DAYS, "mfa_active": ["true"] * 12}
    eligible = "State is not read: 6 rows say Eligible, and are read as held; export them apart"
    assert eligible in inspect_table("roles.csv", pa.table(ELIGIBLE)).questions
    assert inspect_table("users.csv", pa.table(used)).unread == ()
    other = {**used, "key_last_used": [f"{n + 10}.09.2026" for n in range(12)]}
    (said,) = inspect_table("users.csv", pa.table(other)).unread
    assert said.startswith("key_last_used is not read: an account may be in use by it")


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("Legal Name - First", "Legal Name - Last"),
        ("Name (First)", "Name (Last)"),
        ("VORNA", "NACHN"),
        ("First Name", "Last Name"),
    ],
)
def test_a_name_in_parts_is_one_however_its_headings_are_turned(first: str, last: str) -> None:
    halves = {first: [name.split()[0] for name in NAMES], last: [name.split()[1] for name in NAMES]}
    look = inspect_table("people.csv", pa.table({**PEOPLE, **halves} | {"Full Name": ["x"] * 12}))
    assert next(m.columns for m in look.guess.meanings if m.field == "name") == (first, last)
    shown = {c.name: c.samples for c in look.columns if c.name in halves}
    assert not {*NAMES[0].split()} & {sample for samples in shown.values() for sample in samples}


CREDENTIALS = {
    "user": NUMBERS,
    "password_last_used": [*DAYS[:6], *["no_information"] * 6],
    "access_key_1_active": ["true"] * 12,
    "access_key_1_last_used_date": DAYS,
    "access_key_1_last_used_region": ["eu-central-1"] * 12,
    "access_key_1_last_used_service": ["s3", "ec2"] * 6,
    "access_key_2_last_used_date": ["N/A"] * 12,
}


def test_an_account_was_last_used_by_the_latest_of_its_last_uses_also_one_that_nobody_has_yet() -> None:
    look = inspect_table("credential_report.csv", pa.table(CREDENTIALS))
    source = table_source("aws", look, "credential_report.csv", {}, SourceAnswers(), ())
    columns = {line.name: line.value for line in source.columns}
    assert columns["last_used"] == ["password_last_used", "access_key_1_last_used_date", "access_key_2_last_used_date"]
    assert not [doubt for doubt in source.doubts if "last_used" in doubt]


@pytest.mark.parametrize(("year", "form"), [("26", "%d.%m.%y"), ("2026", "%d.%m.%Y")])
def test_a_last_day_that_proves_no_order_has_the_years_of_its_own_column(year: str, form: str) -> None:
    starts = [f"{n + 10}.03.19" for n in range(12)]
    look = inspect_table(
        "people.csv", pa.table({"Person ID": NUMBERS, "Start": starts, "Exit": [f"03.09.{year}"] * 12})
    )
    assert {c.name: c.dates.format for c in look.columns if c.dates} == {"Start": "%d.%m.%y", "Exit": form}


@pytest.mark.parametrize(
    ("heading", "cells", "doubt"),
    [
        ("Locked", ["X"] * 3 + [""] * 9, "Locked is empty in 9 rows: whether those accounts can be used is not known"),
        ("Locked", [""] * 12, "Locked is empty in every row, and is not read"),
        ("Gesperrt", [""] * 12, "Gesperrt is empty in every row, and is not read"),
        ("Locked", ["X"] * 3 + ["no"] * 9, None),
        ("Lockers", [""] * 12, None),
    ],
)
def test_an_empty_lock_says_nothing_and_that_is_said(heading: str, cells: list[str], doubt: str | None) -> None:
    look = inspect_table("suim.csv", pa.table({"User Name": NUMBERS, "Full name": NAMES, heading: cells}))
    source = table_source("sap", look, "suim.csv", {}, SourceAnswers(), ())
    said = [one for one in source.doubts if " empty in " in one]
    assert [one.startswith(doubt or "?") for one in said] == ([True] if doubt else [])


@pytest.mark.parametrize(
    ("words", "yes", "no", "roles"),
    [
        (["Member", "Admin", "Primary Owner", "Deactivated"], 3, ["Deactivated"], ["Member", "Admin", "Primary Owner"]),
        (["Active", "Guest", "Disabled"], 2, ["Disabled"], ["Guest"]),
        (["active", "suspended"], 1, ["suspended"], []),
        (["Member", "Admin"], 1, ["false"], []),
        (["Pending", "Active", "Disabled"], 1, ["Disabled"], []),
    ],
)
def test_one_column_may_say_whether_an_account_can_be_used_and_as_what(words, yes, no, roles) -> None:
    listed = {"username": NUMBERS * 4, "status": (words * 48)[:48]}
    look = inspect_table("members.csv", pa.table(listed))
    source = table_source("chat", look, "members.csv", {}, SourceAnswers(), ())
    columns = {line.name: line.value for line in source.columns}
    (enabled,) = (line.value for line in source.options if line.name == "enabled")
    assert (len(enabled["yes"]), enabled["no"]) == (yes, no)
    assert columns.get("entitlement") == ("status" if roles else None)
    marked = [line.value for line in source.options if line.name == "privileged"]
    assert marked == ([["Admin", "Primary Owner"]] if "Admin" in roles else [])

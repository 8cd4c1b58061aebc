"""Logs of sign-ins: what each column is, and whose accounts stand in them."""

import pyarrow as pa
import pytest

from access_review.draft.file_kinds import FileKind
from access_review.draft.inspection import inspect_table, inspect_tables
from access_review.draft.sign_ins import SignInAccounts, accounts_of_log, sign_in_source
from access_review.draft.sources import SourceAnswers

WHO = [f"p{n}@x.test" for n in range(12)]
IDS = [f"{n:08x}-1111-4222-8333-444444444444" for n in range(12)]

PORTAL = {
    "Date (UTC)": [f"2026-10-{n + 10}T09:12:33Z" for n in range(12)] * 2,
    "Request ID": [f"{n:08x}-9999-4222-8333-444444444444" for n in range(24)],
    "User ID": IDS * 2,
    "User": [f"Ana {chr(65 + n)}bad" for n in range(12)] * 2,
    "Username": WHO * 2,
    "Application": ["Office 365 Exchange Online", "Azure Portal"] * 12,
    "IP address": [f"203.0.113.{n}" for n in range(12)] * 2,
    "Status": ["Success"] * 12 + ["Failure"] * 6 + ["Interrupted"] * 6,
    "Sign-in error code": ["0"] * 12 + ["50126"] * 12,
    "Client app": ["Browser"] * 24,
    "Device ID": [""] * 24,
    "Compliant": ["true", "false"] * 12,
    "Managed": ["Yes", "No"] * 12,
    "Conditional Access": ["success"] * 24,
}
VPN = {
    "Event Time": [f"{n + 10}.10.2026 09:12:33" for n in range(12)] * 2,
    "login": [who.split("@")[0] for who in WHO] * 2,
    "Result": ["ok"] * 12 + ["partly"] * 12,
    "Country": ["DE", "PL"] * 12,
}
OKTA = {
    "timestamp": ["2026-10-12T09:12:33.456Z"] * 24,
    "actor.alternate_id": WHO * 2,
    "outcome.result": ["SUCCESS", "FAILURE"] * 12,
    "client.ip_address": ["203.0.113.7"] * 24,
}
ACCOUNTS = {"native_id": IDS, "principal_name": WHO, "name": [who.split("@")[0] for who in WHO]}


def drafted(columns, accounts=SignInAccounts("Username", "upn", "")):  # noqa: B008 - frozen
    look = inspect_table("log.csv", pa.table(columns))
    assert look.guess.kind is FileKind.SIGNINS
    source = sign_in_source("log", look, "log.csv", {}, SourceAnswers(zone="Europe/Berlin"), accounts)
    return source, {one.name: one.value for one in source.columns}, {one.name: one.value for one in source.options}


def test_a_log_of_the_portal_is_no_list_of_who_holds_applications():
    source, columns, options = drafted(PORTAL)
    assert columns == {
        "account": "Username",
        "signin": "Request ID",
        "at": "Date (UTC)",
        "success": "Status",
        "application": "Application",
        "address": "IP address",
        "managed": "Managed",
        "compliant": "Compliant",
    }
    assert options["references"] == {"account": "upn"}
    assert options["success"] == {"yes": ["Success"], "no": ["Failure", "Interrupted"]}
    assert options["managed"] == {"yes": ["Yes"], "no": ["No"]}
    assert not source.doubts


def test_a_clock_is_where_its_heading_says_or_the_user():
    assert drafted({**PORTAL, "Date (UTC)": ["2026-10-12 09:12:33"] * 24})[2]["timezone"] == "UTC"
    source, columns, options = drafted(VPN, SignInAccounts("login", "users-login", ""))
    assert (options["timezone"], columns["country"]) == ("Europe/Berlin", "Country")
    assert source.doubts == ("what partly mean under Result is not known: put them under success",)


@pytest.mark.parametrize(
    ("log", "files", "schemes", "found"),
    [
        (
            PORTAL,
            {"tenant": ACCOUNTS},
            {"native_id": "entra-object", "principal_name": "upn"},
            ("User ID", "entra-object"),
        ),
        (PORTAL, {"forest": ACCOUNTS}, {"principal_name": "upn"}, ("Username", "upn")),
        (PORTAL, {"forest": ACCOUNTS, "tenant": ACCOUNTS}, {"principal_name": "upn"}, None),
        (OKTA, {"users": ACCOUNTS}, {"principal_name": "users-login"}, ("actor.alternate_id", "users-login")),
        (
            PORTAL,
            {"other": {**ACCOUNTS, "principal_name": [f"q{who}" for who in WHO]}},
            {"principal_name": "upn"},
            None,
        ),
        (PORTAL, {}, {}, None),
    ],
)
def test_a_log_belongs_to_the_accounts_of_one_other_file(log, files, schemes, found):
    tables = {"log": pa.table(log)} | {name: pa.table(columns) for name, columns in files.items()}
    look = inspect_tables(tables, apart=files)
    known = {(name, column): scheme for column, scheme in schemes.items() for name in files}
    accounts = accounts_of_log(next(one for one in look.tables if one.name == "log"), look, known)
    assert (accounts and (accounts.column, accounts.scheme)) == found

"""Exports of applications: who holds what, sign-ins, custodians, owners."""

import csv
import io
import json
import os
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError, validate_call

from access_review import tables
from access_review.connectors import Source
from access_review.connectors.no_value import is_nothing, is_type_name
from access_review.connectors.shrunk import SIZES
from access_review.connectors.table.connector import connect
from access_review.errors import WorkspaceError

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
call = validate_call(connect, config={"arbitrary_types_allowed": True})  # type: ignore[call-overload]


class Read:
    """What a connector yielded, each table made by its contract."""

    def __init__(self, folder: Path, **options: Any) -> None:
        rows = defaultdict(list)
        for table, row in call(Source("crm", folder), **options).collect(AS_OF):
            rows[table].append(row)
        self.tables = {table: tables.frame(table, found).to_pylist() for table, found in rows.items()}

    def some(self, table: str, **where: Any) -> list[dict[str, Any]]:
        return [r for r in self.tables.get(table, []) if all(r[column] == value for column, value in where.items())]

    def one(self, table: str, **where: Any) -> dict[str, Any]:
        (row,) = self.some(table, **where)
        return row


def read(tmp_path: Path, text: str, **options: Any) -> Read:
    (tmp_path / "export.csv").write_text(text, "utf-8")
    return Read(tmp_path, path="export.csv", **options)


HOLDS = """\
Login,Role,Active,Last login,Emp,E-Mail,Since
ana,Agent,yes,2026-02-20,00123,Ana@norwind.example.test,2025-01-01
ana,Supervisor,yes,2026-02-25,00123,Ana@norwind.example.test,
ben,Agent,locked,Never,00124,ben@norwind.example.test,
cy,,yes,,00125,,
"""
COLUMNS = {
    "account": "Login",
    "entitlement": "Role",
    "enabled": "Active",
    "last_used": "Last login",
    "employee_id": "Emp",
    "mail": "E-Mail",
    "since": "Since",
}
OPTIONS: dict[str, Any] = {
    "columns": COLUMNS,
    "dates": "%Y-%m-%d",
    "timezone": "Asia/Manila",
    "enabled": {"yes": ["yes"], "no": ["locked"]},
    "never": ["Never"],
}


def test_who_holds_what(tmp_path: Path) -> None:
    made = read(tmp_path, HOLDS, **OPTIONS, privileged=["super*"], client={"*": "Contoso"}, max_age="2000w")
    assert [(r["account"], r["entitlement"]) for r in made.tables["grants"]] == [
        ("crm:user:ana", "crm:role:Agent"),
        ("crm:user:ana", "crm:role:Supervisor"),
        ("crm:user:ben", "crm:role:Agent"),
    ]
    assert made.one("grants", entitlement="crm:role:Agent", account="crm:user:ana")["since"] == datetime(
        2024, 12, 31, 16, tzinfo=UTC
    )
    ana = made.one("accounts", native_id="ana")
    assert (ana["employee_id"], ana["enabled"], ana["kind"], ana["client"]) == ("00123", True, "human", "Contoso")
    assert ana["last_used_earliest"] == datetime(2026, 2, 24, 16, tzinfo=UTC)
    assert ana["last_used_latest"] == datetime(2026, 2, 25, 16, tzinfo=UTC)
    ben = made.one("accounts", native_id="ben")
    assert (ben["enabled"], ben["never_used"], ben["last_used_latest"]) == (False, True, None)
    assert made.one("accounts", native_id="cy")["never_used"] is None
    assert {r["name"]: r["privileged"] for r in made.tables["entitlements"]} == {"Agent": False, "Supervisor": True}
    assert {(r["scheme"], r["value"]) for r in made.some("aliases", id="crm:user:ana")} == {
        ("crm-login", "ana"),
        ("mail", "ana@norwind.example.test"),
    }
    assert {r["subject"]: r["complete"] for r in made.tables["completeness"] if r["subject"] != SIZES} == dict.fromkeys(
        ("accounts", "aliases", "entitlements", "grants", "nesting"), True
    )
    assert made.some("problems") == []


def test_several_columns_may_be_the_account_together(tmp_path: Path) -> None:
    made = read(tmp_path, "M,T,R\n1,A,X\n1,B,X\n1,A,Y\n1,,Y\n", columns={"account": ["M", "T"], "entitlement": "R"})
    assert [r["account"] for r in made.tables["grants"]] == ["crm:user:1 | A", "crm:user:1 | A", "crm:user:1 | B"]
    assert [r["reason"] for r in made.tables["problems"]] == ["account (M | T) is empty"]


def test_roles_in_one_cell_are_parted(tmp_path: Path) -> None:
    text = "u,r\nana,Agent; Supervisor;;Agent\nben,\n"
    made = read(tmp_path, text, columns={"account": "u", "entitlement": "r"}, separator=";")
    assert [r["entitlement"] for r in made.tables["grants"]] == ["crm:role:Agent", "crm:role:Supervisor"]
    assert len(made.tables["accounts"]) == 2


def test_stable_ids_are_kept_apart_from_names(tmp_path: Path) -> None:
    columns = {"account": "login", "id": "uid", "entitlement": "role", "entitlement_id": "rid"}
    made = read(
        tmp_path, "uid,login,rid,role\n7,ana,r1,Admin\n7,ana,r2,Clerk\n", columns=columns, entitlement_kind="app-role"
    )
    account = made.one("accounts")
    assert (account["account"], account["name"], account["stable_id"]) == ("crm:user:7", "ana", True)
    assert made.one("entitlements", name="Admin")["entitlement"] == "crm:app-role:r1"
    assert not read(tmp_path, HOLDS, **OPTIONS).tables["accounts"][0]["stable_id"]


def test_rows_that_contradict_each_other_make_it_unknown(tmp_path: Path) -> None:
    text = HOLDS.replace("ana,Supervisor,yes,2026-02-25,00123", "ana,Supervisor,locked,2026-02-25,00999")
    made = read(tmp_path, text, **OPTIONS)
    ana = made.one("accounts", native_id="ana")
    assert (ana["enabled"], ana["employee_id"]) == (None, None)
    said = made.one("problems", kind="ambiguous")
    assert said["subject"] == "crm:user:ana"
    assert "lines 2, 3" in said["reason"]


def test_a_word_or_date_that_cannot_be_used_is_unknown_and_counted(tmp_path: Path) -> None:
    text = HOLDS.replace("2026-02-20", "20/02/2026").replace("locked", "maybe")
    made = read(tmp_path, text, **OPTIONS)
    assert made.one("accounts", native_id="ben")["enabled"] is None
    assert {r["locator"] for r in made.some("problems", kind="unusable")} == {"export.csv:2", "export.csv:4"}
    assert made.one("completeness", subject="grants")["complete"] is True


def test_a_row_without_an_account_makes_the_table_incomplete(tmp_path: Path) -> None:
    made = read(tmp_path, HOLDS + ",Agent,yes,,,,\n", **OPTIONS)
    verdict = made.one("completeness", subject="grants")
    assert (verdict["complete"], verdict["reason"]) == (False, "1 of 5 rows cannot be used")
    assert "account (Login) is empty" in made.one("problems")["reason"]


def test_an_empty_export_concludes_nothing(tmp_path: Path) -> None:
    made = read(tmp_path, HOLDS.splitlines()[0] + "\n", **OPTIONS)
    whole = {r["subject"] for r in made.tables["completeness"] if r["complete"]}
    assert whole == {SIZES, "nesting"}, "that nothing carries anything else is known of any list"


def test_an_old_export_concludes_nothing(tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text(HOLDS, "utf-8")
    os.utime(tmp_path / "export.csv", (0, datetime(2026, 2, 1, tzinfo=UTC).timestamp()))
    made = Read(tmp_path, path="export.csv", **OPTIONS, max_age="2d")
    assert "last written 2026-02-01" in made.one("completeness", subject="grants")["reason"]


def test_holders_of_another_source_stand_by_an_alias(tmp_path: Path) -> None:
    columns = {"account": "user", "entitlement": "role", "used": "used"}
    text = "user,role,used\nAna@Norwind.example.test,Editor,2026-02-20\n"
    made = read(tmp_path, text, columns=columns, references={"account": "upn"}, dates="%Y-%m-%d", timezone="UTC")
    assert made.one("grants")["account"] == "ref:upn:ana@norwind.example.test"
    assert made.some("accounts") == []
    assert made.one("activity")["object"] == "crm:role:Editor"
    assert {r["subject"] for r in made.tables["completeness"]} - {SIZES} == {
        "activity",
        "entitlements",
        "grants",
        "nesting",
    }


SWIPES = "badge,when,door,ok\n00017,2026-02-20 22:05:00,PH,in\n00017,2026-02-21 06:01:00,PH,refused\n"


def test_a_badge_log_has_its_own_accounts(tmp_path: Path) -> None:
    columns = {"account": "badge", "employee_id": "badge", "at": "when", "country": "door", "success": "ok"}
    words = {"yes": ["IN"], "no": ["refused"]}
    made = read(
        tmp_path,
        SWIPES,
        table="signins",
        columns=columns,
        success=words,
        dates="%Y-%m-%d %H:%M:%S",
        timezone="Asia/Manila",
    )
    first, second = made.tables["signins"]
    assert (first["at"], first["success"], first["country"]) == (datetime(2026, 2, 20, 14, 5, tzinfo=UTC), True, "PH")
    assert second["success"] is False
    assert made.one("accounts")["employee_id"] == "00017"


def test_a_sign_in_without_a_zone_is_refused(tmp_path: Path) -> None:
    columns = {"account": "badge", "at": "when"}
    with pytest.raises(WorkspaceError, match="`timezone` must say"):
        read(tmp_path, SWIPES, table="signins", columns=columns, dates="%Y-%m-%d %H:%M:%S")
    made = read(
        tmp_path,
        "badge,when\n1,2026-02-20 22:05:00+0800\n1,yesterday\n",
        table="signins",
        columns=columns,
        references={"account": "upn"},
        dates="%Y-%m-%d %H:%M:%S%z",
    )
    assert made.one("signins")["at"] == datetime(2026, 2, 20, 14, 5, tzinfo=UTC)
    assert made.one("completeness", subject="signins")["complete"] is False


def test_custodians_of_shared_accounts(tmp_path: Path) -> None:
    made = read(
        tmp_path,
        "account,person,from,to\nOPS\\Shared1,00123,2025-01-01,2026-01-31\nOPS\\Shared1,00124,,\nOPS\\Shared1,00125,,soon\n",
        table="custody",
        columns={"account": "account", "person": "person", "starts": "from", "ends": "to"},
        references={"account": "sam"},
        dates="%Y-%m-%d",
        timezone="UTC",
    )
    first, second = made.tables["custody"]
    assert (first["account"], first["person"]) == ("ref:sam:ops\\shared1", "ref:person-id:00123")
    assert first["ends_at"] == datetime(2026, 2, 1, tzinfo=UTC)
    assert second["ends_at"] is None
    # An end that cannot be read is not "no end": the row is lost and said to be.
    assert made.one("completeness", subject="custody")["complete"] is False


def test_trainings_by_person_and_time(tmp_path: Path) -> None:
    made = read(
        tmp_path,
        "who,what,due,done,until\n00123,Card  data,2026-03-01,,\n00123,Card data,,2025-02-01,2026-02-01\n00124,Fire,,soon,\n",
        table="training",
        columns={"person": "who", "course": "what", "due": "due", "done": "done", "until": "until"},
        dates="%Y-%m-%d",
        timezone="UTC",
    )
    first, second = made.tables["training"]
    assert (first["person"], first["course"], first["line"], second["line"]) == (
        "ref:person-id:00123",
        "Card data",
        1,
        2,
    )
    assert (first["due_at"], first["done_at"]) == (datetime(2026, 3, 2, tzinfo=UTC), None)
    assert (second["done_at"], second["valid_until"]) == (
        datetime(2025, 2, 1, tzinfo=UTC),
        datetime(2026, 2, 2, tzinfo=UTC),
    )
    # When it was done cannot be read, which is not "not done": the row is lost and said to be.
    assert made.one("completeness", subject="training")["complete"] is False


def test_owners_by_id_or_alias(tmp_path: Path) -> None:
    columns = {"object": "thing", "owner": "by"}
    text = "thing,by\ncrm:role:Admin,Ana@norwind.example.test\n"
    made = read(tmp_path, text, table="owners", columns=columns, references={"owner": "person-mail"})
    assert made.one("owners") == {"object": "crm:role:Admin", "owner": "ref:person-mail:ana@norwind.example.test"}


def test_json_and_times_with_a_zone(tmp_path: Path) -> None:
    found = {"data": [{"login": "ana", "role": "Agent", "enabled": True, "seen": "2026-02-20T08:00:00Z"}]}
    (tmp_path / "export.json").write_text(json.dumps(found))
    columns = {"account": "login", "entitlement": "role", "enabled": "enabled", "last_used": "seen"}
    made = Read(tmp_path, path="export.json", records="data", columns=columns, dates="%Y-%m-%dT%H:%M:%S%z")
    row = made.one("accounts")
    assert row["enabled"] is True
    assert row["last_used_earliest"] == row["last_used_latest"] == datetime(2026, 2, 20, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"entitlement": "Role"}}, "lacks account"),
        ({"columns": {"account": "Login", "at": "Since"}}, "at has no place"),
        ({"columns": {"account": "Login", "mail": "E-Mail"}, "references": {"account": "upn"}}, "describe accounts"),
        ({"columns": {"account": "Login"}, "references": {"acount": "upn"}}, "acount is none of"),
        ({"columns": {"account": "Login", "entitlement_id": "Role"}}, "goes with an entitlement"),
        ({"columns": {"account": "Login"}, "timezone": "Mars/Base"}, "no time zone"),
        ({"columns": {"account": "Login", "last_used": "Last login"}, "dates": "%H:%M"}, "no form"),
        ({"columns": {"account": "Login"}, "dates": "%Y-%m-%d"}, "no column"),
        ({"columns": {"account": "Login", "mail": "Mail"}}, "has no column 'Mail'"),
    ],
)
def test_options_that_do_not_fit_are_mistakes(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(WorkspaceError) as caught:
        read(tmp_path, HOLDS, **options)
    assert message in "; ".join([str(caught.value), *map(str, caught.value.mistakes)])


def test_options_are_checked_from_the_signature(tmp_path: Path) -> None:
    for wrong in (
        {"columns": {"acount": "x"}},
        {"columns": {"account": "x"}, "table": "people"},
        {"columns": {"account": ""}},
    ):
        with pytest.raises(ValidationError):
            call(Source("crm", tmp_path), path="export.csv", **wrong)


def test_a_malformed_file_names_every_line(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError) as caught:
        read(tmp_path, HOLDS + "x\ny\n", **OPTIONS)
    assert [mistake.line for mistake in caught.value.mistakes] == [6, 7]


def test_a_file_that_is_not_there_says_so_of_what_it_fills_and_of_nothing_else(tmp_path: Path) -> None:
    found = Read(tmp_path, path="export.csv", columns={"account": "Login"})
    assert found.tables.keys() == {"completeness"}
    short = found.some("completeness", complete=False)
    assert {row["subject"] for row in short} == {"accounts", "aliases", "grants"}
    assert all(row["reason"].startswith("export.csv: ") for row in short)
    assert [row["subject"] for row in found.some("completeness", complete=True)] == ["nesting"]


TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff"), min_size=1, max_size=12)
TEXT = TEXT.filter(lambda text: text == text.strip() and not is_nothing(text) and not is_type_name(text))
HOSTILE = TEXT | st.sampled_from(['=cmd|"/c calc"!A1', "<script>", "\u202egnp.exe", "*)(uid=*", "a:b", "a,b;c", '"'])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(HOSTILE, HOSTILE), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_every_pair_is_held_exactly_as_written_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]], random: Any
) -> None:
    folder = tmp_path_factory.mktemp("table")
    made = []
    for _ in range(2):
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([("login", "role"), *pairs])
        made.append(
            read(
                folder,
                out.getvalue(),
                columns={"account": "login", "entitlement": "role"},
                delimiter=",",
                encoding="utf-8",
            )
        )
        random.shuffle(pairs)
    held = {(r["account"], r["entitlement"]) for r in made[0].tables["grants"]}
    assert held == {(f"crm:user:{login}", f"crm:role:{role}") for login, role in pairs}
    assert made[0].tables == made[1].tables


def test_a_month_of_a_large_company_is_read_as_it_stands(outside_data: Path) -> None:
    columns = {"account": "user_id", "entitlement": "role", "display_name": "employee_name", "mail": "email"}
    path = "cert-r5.2-ldap/2010-05.csv"
    made = Read(outside_data, path=path, columns=columns, privileged=["IT*"])
    rows = (outside_data / path).read_text("utf-8").splitlines()[1:]
    assert len(made.tables["grants"]) == len(made.tables["accounts"]) == len(rows) > 1000
    assert made.one("completeness", subject="grants")["complete"] is True
    assert {r["name"] for r in made.some("entitlements", privileged=True)} == {"ITAdmin"}


@pytest.mark.parametrize("matrix", ["healthcare", "domino", "americas_small"])
def test_real_permission_matrices_survive(outside_data: Path, tmp_path: Path, matrix: str) -> None:
    text = (outside_data / "role-mining-hp" / f"{matrix}.txt").read_text("utf-8")
    pairs = {tuple(line.split()) for line in text.splitlines() if line.strip()}
    csv_text = "user,permission\n" + "".join(f"{user},{permission}\n" for user, permission in sorted(pairs))
    made = read(
        tmp_path, csv_text, columns={"account": "user", "entitlement": "permission"}, entitlement_kind="permission"
    )
    assert {(r["account"][9:], r["entitlement"][15:]) for r in made.tables["grants"]} == pairs


def test_of_many_rows_of_one_account_each_that_cannot_be_read_says_so_and_each_that_differs_counts(
    tmp_path: Path,
) -> None:
    kept = HOLDS.replace("ben,Agent,locked,Never,00124,ben@norwind.example.test,\n", "")
    rows = [
        "dan,Agent,yes,2026-02-20,00126,dan@norwind.example.test,",
        "dan,Supervisor,yes,2026-02-20,00126,dan@norwind.example.test,",
        "dan,Lead,maybe,2026-02-20,00126,dan@norwind.example.test,",
        "dan,Trainer,maybe,2026-02-20,00126,dan@norwind.example.test,",
        "dan,Guide,yes,2026-02-27,00126,other@norwind.example.test,",
        "dan,Clerk,yes,2026-02-20,00126,dan@norwind.example.test,",
    ]
    text = kept + "".join(f"{row}\n" for row in rows)
    found = read(tmp_path, text, **OPTIONS)
    account = found.one("accounts", name="dan")
    assert (account["mail"], account["employee_id"], account["enabled"]) == (None, "00126", True)
    assert account["last_used_latest"].day == 27
    said = [row["reason"] for row in found.some("problems")]
    assert sum("'maybe' is none of the words declared" in one for one in said) == 2
    assert sum("mail differs between lines 5, 9" in one for one in said) == 1

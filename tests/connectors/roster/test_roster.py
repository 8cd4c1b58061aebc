"""What a roster says about people, and what it must never be taken to say."""

import csv
import io
import json
import os
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import fsspec
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError, validate_call

from access_review import tables
from access_review.connectors import Source, no_value
from access_review.connectors.roster import connector
from access_review.connectors.shrunk import SIZES
from access_review.connectors.tabular import freshness, instants, sheets
from access_review.connectors.tabular.instants import Bounds, LastDayMeaning
from access_review.errors import ConnectorError, RosterFault, WorkspaceError

AS_OF = datetime(2026, 2, 1, 12, tzinfo=UTC)
connect = validate_call(connector.connect)

HEADER = "id,name,mail,site,start,last,status"
OPTIONS: dict[str, Any] = {
    "path": "roster.csv",
    "columns": {
        "person": "id",
        "name": "name",
        "mail": "mail",
        "starts": "start",
        "left_at": "last",
        "status": "status",
    },
    "timezone": {"column": "site", "map": {"Manila": "Asia/Manila", "Krakow": "Europe/Warsaw"}},
    "dates": "%Y-%m-%d",
    "left_at_means": "end-of-day",
    "statuses": {"active": ["Active"], "leave": ["LOA"], "left": ["Terminated"]},
}


def read(
    folder: Path, lines: list[str] | str | bytes, *, as_of: datetime = AS_OF, **options: Any
) -> dict[str, list[Any]]:
    """Write a roster, read it, check every row against its table, and return the rows by table."""
    data = "\n".join([HEADER, *lines, ""]) if isinstance(lines, list) else lines
    if data:
        (folder / "roster.csv").write_bytes(data.encode() if isinstance(data, str) else data)
    return collect(folder, {**OPTIONS, **options}, as_of)


def collect(folder: Path, options: dict[str, Any], as_of: datetime = AS_OF) -> dict[str, list[Any]]:
    made: dict[str, list[Any]] = {name: [] for name in ("people", "assignments", "aliases", "problems", "completeness")}
    for table, row in connect(Source("hr", folder), **options).collect(as_of):
        made[table].append(dict(row))
    return {name: tables.frame(name, rows).to_pylist() for name, rows in made.items()}


def status(found: dict[str, list[Any]]) -> dict[str, str]:
    return {row["native_id"]: row["status"] for row in found["people"]}


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def is_complete(found: dict[str, list[Any]]) -> dict[str, bool]:
    return {row["subject"]: row["complete"] for row in found["completeness"] if row["subject"] != SIZES}


# --- what stands in a row


def test_a_row_becomes_a_person_an_assignment_and_aliases(tmp_path):
    found = read(tmp_path, ["00123,Ann,Ann@Example.test,Manila,2020-01-01,,Active"])
    (person,) = found["people"]
    assert person["person"] == "hr:person:00123"
    assert (person["native_id"], person["name"], person["mail"]) == ("00123", "Ann", "Ann@Example.test")
    assert (person["kind"], person["status"], person["left_at_latest"]) == ("employee", "active", None)
    (assignment,) = found["assignments"]
    assert (assignment["seq"], assignment["status"]) == (1, "active")
    assert assignment["starts_earliest"] == assignment["starts_latest"] == utc(2019, 12, 31, 16)
    assert [(a["scheme"], a["value"], a["id"]) for a in found["aliases"]] == [
        ("person-id", "00123", "hr:person:00123"),
        ("person-mail", "ann@example.test", "hr:person:00123"),
    ]
    assert is_complete(found) == {"people": True, "assignments": True, "aliases": True}


def test_ids_stay_text(tmp_path):
    found = read(tmp_path, [f"{native},,,Manila,,,Active" for native in ("00123", "1E5", "NO", "123")])
    assert set(status(found)) == {"00123", "1E5", "NO", "123"}


def test_hostile_names_are_kept_exactly(tmp_path):
    names = ['=cmd|"/c calc"!A1', "<script>", "a\u202etxt.exe", "*)(uid=*", "line\nbreak"]
    out = io.StringIO(newline="")
    rows = [[str(number), name, "", "Manila", "", "", "Active"] for number, name in enumerate(names)]
    csv.writer(out).writerows([HEADER.split(","), *rows])
    found = read(tmp_path, out.getvalue())
    assert [row["name"] for row in found["people"]] == names


def test_attributes_are_canonical_json_without_nulls(tmp_path):
    columns = {"person": "id", "zone": "site", "title": ["name", "mail"], "unit": "mail", "team": {"value": "Ö"}}
    options: dict[str, Any] = {"columns": columns, "statuses": None, "left_at_means": None, "dates": None}
    found = read(tmp_path, ["1,b,,A,,,"], **options)
    assert found["assignments"][0]["attributes"] == '{"team":"Ö","title":"b","zone":"A"}'


def test_managers_are_named_by_id_mail_or_an_unshared_name(tmp_path):
    lines = ["1,Ann,,,,,Active", "2,Bob,,,,,Active", "3,Bob,,,,,Active", "4,Cem,1,Ann,Bob,X@Example.test,Active"]

    def manager(spec: Any) -> str | None:
        columns = {"person": "id", "name": "name", "manager": spec}
        found = read(tmp_path, lines, columns=columns, statuses=None, left_at_means=None, timezone=None)
        return found["people"][3]["manager"]  # type: ignore[no-any-return]

    assert manager("mail") == "hr:person:1"
    assert manager({"column": "last", "by": "mail"}) == "ref:person-mail:x@example.test"
    assert manager({"column": "site", "by": "name"}) == "hr:person:1"
    assert manager({"column": "start", "by": "name"}) is None
    assert manager("last") == "ref:person-id:X@Example.test"


def test_a_manager_may_be_called_last_name_first(tmp_path):
    (tmp_path / "staff.csv").write_text(
        'id;name;boss\n1;Ann Van Dam;\n2;"Dee, Bo";Van Dam, Ann\n3;Cy Elm;Bo  Dee\n4;Fay;Bo Elm\n', "utf-8"
    )
    columns = {"person": "id", "name": "name", "manager": {"column": "boss", "by": "name"}}
    found = collect(tmp_path, {"path": "staff.csv", "columns": columns, "delimiter": ";"})
    assert [one["manager"] for one in found["people"]] == [None, "hr:person:1", "hr:person:2", None]


def test_several_columns_may_be_the_id_together(tmp_path):
    (tmp_path / "staff.csv").write_text("mgr,title\n0100,Clerk\n0100,Lead\n,Clerk\n", "utf-8")
    found = collect(tmp_path, {"path": "staff.csv", "columns": {"person": ["mgr", "title"], "title": "title"}})
    assert [one["native_id"] for one in found["people"]] == ["0100 | Clerk", "0100 | Lead"]
    assert [one["reason"] for one in found["problems"]] == ["mgr is empty: a row without an id"]


def test_agents_have_a_sponsor_a_purpose_and_an_end_of_approval(tmp_path):
    (tmp_path / "agents.csv").write_text("id,owner,why,class,ok\nbot-1,E7,Invoices,internal,2026-03-31\n")
    options = {
        "path": "agents.csv",
        "kind": "agent",
        "columns": {
            "person": "id",
            "sponsor": "owner",
            "purpose": "why",
            "data_class": "class",
            "approved_until": "ok",
        },
        "dates": "%Y-%m-%d",
        "timezone": "Asia/Manila",
    }
    (agent,) = collect(tmp_path, options)["people"]
    assert (agent["kind"], agent["sponsor"], agent["purpose"]) == ("agent", "ref:person-id:E7", "Invoices")
    assert (agent["data_class"], agent["approved_until"]) == ("internal", utc(2026, 3, 31, 16))


def test_kinds_come_from_a_column_and_an_unknown_one_is_quarantined(tmp_path):
    options: dict[str, Any] = {"kind": {"column": "name", "map": {"E": "employee", "C": "contractor"}}}
    found = read(tmp_path, ["1,C,,,,,Active", "2,E,,,,,Active", "3,X,,,,,Active"], timezone="UTC", **options)
    assert [(row["kind"], row["status"]) for row in found["people"]] == [
        ("contractor", "active"),
        ("employee", "active"),
        ("employee", "unknown"),
    ]


# --- where a person stands


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([",,Active"], "active"),
        ([",,LOA"], "leave"),
        ([",,Terminated"], "left"),
        ([",2026-01-31,Terminated"], "left"),
        ([",2026-12-31,Terminated"], "active"),
        ([",2026-12-31,Active"], "active"),
        ([",2026-12-31,LOA"], "leave"),
        ([",9999-12-31,Active"], "active"),
        (["2027-01-01,,Active"], "active"),
        (["2019-01-01,2020-01-01,Terminated", "2021-01-01,,Active"], "active"),
        (["2019-01-01,2020-01-01,Terminated", "2021-01-01,,LOA"], "leave"),
        (["2019-01-01,,LOA", "2021-01-01,,Active"], "active"),
        (["2019-01-01,2020-01-01,Terminated", "2021-01-01,2022-01-01,Terminated"], "left"),
        (["2019-01-01,2020-01-01,Terminated", "2027-01-01,,Active"], "active"),
        ([",2026-01-31,Active"], "active"),
        ([",2026-01-31,LOA"], "leave"),
        (["2019-01-01,2020-01-01,Terminated", "2019-01-01,,Active"], "unknown"),
        ([",,Terminated", ",,Active"], "unknown"),
        ([",,Retired"], "unknown"),
        ([",,"], "unknown"),
        ([",31/01/2026,Terminated"], "unknown"),
        (["2026-02-30,,Active"], "unknown"),
        (["2019-01-01,,Active", "2021-01-01,,Retired"], "unknown"),
        ([",0001-01-01,Terminated"], "unknown"),
        ([",1900-01-01,Terminated"], "unknown"),
    ],
)
def test_standing(tmp_path, rows, expected):
    found = read(tmp_path, [f"7,Ann,,Manila,{row}" for row in rows])
    assert status(found) == {"7": expected}
    (person,) = found["people"]
    if expected == "unknown":
        assert person["left_at_latest"] is None
        assert {row["subject"] for row in found["problems"]} == {"hr:person:7"}
        assert {row["kind"] for row in found["problems"]} == {"quarantined"}
        assert any(row["status"] == "unknown" for row in found["assignments"])
    else:
        assert found["problems"] == []
    assert [row["seq"] for row in found["assignments"]] == list(range(1, len(rows) + 1))


def test_without_a_status_dates_decide(tmp_path):
    columns = {"person": "id", "left_at": "last"}
    lines = ["1,,,Manila,,,", "2,,,Manila,,2026-01-31,", "3,,,Manila,,2026-02-02,"]
    found = read(tmp_path, lines, columns=columns, statuses=None)
    assert status(found) == {"1": "active", "2": "left", "3": "active"}


def test_a_future_leaver_is_active_with_the_end_ahead_and_a_rescinded_one_has_none(tmp_path):
    leaver = read(tmp_path, ["7,,,Manila,2020-01-01,2026-02-27,Terminated"])["people"][0]
    assert (leaver["status"], leaver["left_at_earliest"]) == ("active", utc(2026, 2, 27, 16))
    stays = read(tmp_path, ["7,,,Manila,2020-01-01,,Active"])["people"][0]
    assert (stays["status"], stays["left_at_latest"]) == ("active", None)


def test_the_last_of_several_ends_counts_and_an_open_one_is_none(tmp_path):
    lines = ["7,,,Manila,2019-01-01,2020-01-31,Terminated", "7,,,Manila,2019-06-01,2026-01-30,Terminated"]
    assert read(tmp_path, lines)["people"][0]["left_at_latest"] == utc(2026, 1, 30, 16)
    assert read(tmp_path, [*lines, "7,,,Manila,2021-01-01,,Terminated"])["people"][0]["left_at_latest"] is None


def test_a_person_has_not_left_before_the_last_day_is_over_everywhere_it_may_be(tmp_path):
    line = ["7,,,Atlantis,,2026-01-31,Terminated"]
    before = read(tmp_path, line, as_of=utc(2026, 2, 1, 11, 59))
    after = read(tmp_path, line, as_of=utc(2026, 2, 1, 12))
    assert (status(before), status(after)) == ({"7": "active"}, {"7": "left"})
    assert after["people"][0]["left_at_earliest"] == utc(2026, 1, 31, 10)
    assert [(p["kind"], p["subject"]) for p in after["problems"]] == [("unresolved", None)]


def test_the_current_assignment_describes_a_person_who_came_back(tmp_path):
    lines = [
        "7,Ana New,n@x.test,Manila,2021-01-01,,Active",
        "7,Ana Old,o@x.test,Manila,2019-01-01,2020-01-31,Terminated",
    ]
    found = read(tmp_path, lines)
    assert found["people"][0]["name"] == "Ana New"
    assert [row["status"] for row in found["assignments"]] == ["left", "active"]
    assert [a["value"] for a in found["aliases"]] == ["7", "n@x.test", "o@x.test"]


def test_notice_is_taken_as_late_as_it_may_have_been(tmp_path):
    columns = {**OPTIONS["columns"], "notified": "mail"}
    del columns["mail"]
    found = read(tmp_path, ["7,,2026-01-20,Manila,,2026-01-31,Terminated"], columns=columns)
    assert found["people"][0]["notified_at"] == utc(2026, 1, 20, 16)


# --- quarantine and faults


def test_a_row_without_an_id_is_counted_and_nobody_is_concluded_about(tmp_path):
    found = read(tmp_path, ["1,a,,Manila,,,Active", ",b,,Manila,,,Terminated"])
    assert status(found) == {"1": "active"}
    assert [(p["locator"], p["subject"]) for p in found["problems"]] == [("roster.csv:3", None)]


@pytest.mark.parametrize(("rows", "faulty", "whole"), [(10, 1, True), (10, 2, False), (200, 2, True), (199, 2, False)])
def test_above_one_percent_in_quarantine_the_source_is_incomplete(tmp_path, rows, faulty, whole):
    lines = [f"{number},,,Manila,,,{'Gone' if number < faulty else 'Active'}" for number in range(rows)]
    found = read(tmp_path, lines)
    assert Counter(status(found).values()) == {"unknown": faulty, "active": rows - faulty}
    assert set(is_complete(found).values()) == {whole}
    if not whole:
        assert found["completeness"][0]["reason"] == f"{faulty} of {rows} rows cannot be used, 1% may"


@pytest.mark.parametrize("pair", [("e1", "E1"), ("E1 ", "E1"), ("\uff251", "E1"), ("E1\u200b", "E2")])
def test_ids_that_are_mistaken_for_one_another_are_quarantined(tmp_path, pair):
    found = read(tmp_path, [f"{native},,,Manila,,,Active" for native in (*pair, "X")])
    assert status(found)[pair[0]] == "unknown"
    assert status(found)["X"] == "active"
    if pair[1] == "E1":
        assert status(found)["E1"] == "unknown"


@pytest.mark.parametrize("data", [b"", HEADER.encode(), HEADER.encode() + b"\n\n", b"\xef\xbb\xbf\n"])
def test_an_empty_roster_always_stops(tmp_path, data):
    (tmp_path / "roster.csv").write_bytes(data)
    with pytest.raises(RosterFault) as caught:
        read(tmp_path, data)
    assert caught.value.exit_code == 2
    assert len(caught.value.mistakes) == 1


def test_a_structural_fault_stops_and_names_every_line(tmp_path):
    with pytest.raises(RosterFault) as caught:
        read(tmp_path, ["1,a,,Manila,,,Active", "2,b", '3,"c"x,,,,,Active', "4,d,,Manila,,,Active", "5,e,,,,,Active,x"])
    assert [mistake.line for mistake in caught.value.mistakes] == [3, 4, 6]
    with pytest.raises(RosterFault):
        read(tmp_path, "id,name,id\n1,a,2\n")


@given(st.integers(0, 400))
def test_a_roster_cut_short_stops_or_holds_whole_rows_only(cut):
    with TemporaryDirectory() as folder:
        whole = [f"{number:04},Ann,a@x.test,Manila,2020-01-01,,Active" for number in range(8)]
        data = "\n".join([HEADER, *whole, ""])[:cut]
        try:
            found = read(Path(folder), data or "\n")
        except (RosterFault, WorkspaceError):
            return
        known = {native: state for native, state in status(found).items() if state != "unknown"}
        assert known == {line[:4]: "active" for line in whole if line in data}


def test_every_column_that_is_not_there_is_named_with_the_one_meant(tmp_path):
    with pytest.raises(RosterFault) as caught:
        read(tmp_path, ["1,a,,,,,Active"], columns={**OPTIONS["columns"], "name": "nme", "client": "account"})
    assert [str(mistake) for mistake in caught.value.mistakes] == [
        "roster.csv:1: has no column 'account' (has it another heading now? Nothing is read of name)",
        "roster.csv:1: has no column 'nme' (is 'name' meant?)",
    ]


def test_a_roster_that_cannot_be_had_is_not_an_empty_one(tmp_path):
    with pytest.raises(ConnectorError) as caught:
        read(tmp_path, "", path="gone.csv")
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_marks_utf_16_and_other_delimiters_are_read_right(tmp_path, encoding, delimiter):
    text = f"{HEADER}\n00123,Zoë,,Manila,,,Active\n".replace(",", delimiter)
    assert read(tmp_path, text.encode(encoding))["people"][0]["name"] == "Zoë"


def test_an_old_file_is_incomplete(tmp_path):
    line = ["1,,,Manila,,,Active"]
    (tmp_path / "roster.csv").write_text("\n".join([HEADER, *line, ""]))
    for age, whole in ((timedelta(hours=47), True), (timedelta(hours=49), False)):
        at = (AS_OF - age).timestamp()
        os.utime(tmp_path / "roster.csv", (at, at))
        found = read(tmp_path, "", max_age="2d")
        assert set(is_complete(found).values()) == {whole}


def test_a_file_whose_age_nobody_knows_is_incomplete_where_age_matters(tmp_path):
    with fsspec.open("memory://export/roster.csv", "w") as out:
        out.write("id\n1\n")
    options = {"path": "memory://export/roster.csv", "columns": {"person": "id"}, "max_age": "2d"}
    assert set(is_complete(collect(tmp_path, options, utc(2000, 1, 1))).values()) == {True}
    assert set(is_complete(collect(tmp_path, options, utc(2100, 1, 1))).values()) == {False}
    ageless = sheets.Sheet("roster.csv", ("id",), ((2, {"id": "1"}),))
    assert "is unknown" in freshness.stale(ageless, freshness.span("2d"), AS_OF)  # type: ignore[operator]


def test_words_for_nothing_are_null_where_they_are_named(tmp_path):
    lines = ["1,unbekannt,,Manila,,ohne,Active", "2,Bob,,Manila,,2026-01-31,Terminated"]
    assert status(read(tmp_path, lines)) == {"1": "unknown", "2": "left"}
    found = read(tmp_path, lines, empty=["unbekannt", "ohne"])
    assert [(row["name"], row["status"]) for row in found["people"]] == [(None, "active"), ("Bob", "left")]


def test_excel_dates_need_no_form_and_numbers_are_no_ids(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["id", "boss", "last"])
    book.active.append(["1", None, datetime(2026, 1, 31)])  # noqa: DTZ001 - as Excel stores it
    book.save(tmp_path / "roster.xlsx")
    options = {
        "path": "roster.xlsx",
        "columns": {"person": "id", "manager": "boss", "left_at": "last"},
        "left_at_means": "end-of-day",
        "timezone": "Asia/Manila",
    }
    assert collect(tmp_path, options)["people"][0]["left_at_latest"] == utc(2026, 1, 31, 16)
    book.active.append(["2", 1, None])
    book.active.append([3, "1", "tomorrow"])
    book.save(tmp_path / "roster.xlsx")
    with pytest.raises(RosterFault) as caught:
        collect(tmp_path, options)
    assert [(m.line, m.column) for m in caught.value.mistakes] == [(3, 2), (4, 0), (4, 1)]


def test_text_among_excel_dates_is_quarantined_where_no_form_is_given(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["id", "last"])
    book.active.append(["1", "2026-01-31"])
    book.save(tmp_path / "roster.xlsx")
    options = {"path": "roster.xlsx", "columns": {"person": "id", "left_at": "last"}, "left_at_means": "end-of-day"}
    assert status(collect(tmp_path, options)) == {"1": "unknown"}


# --- joins and former assignments


def company(folder: Path, *, jobs: str = "job,title\nA,Analyst\n", history: str = "") -> dict[str, Any]:
    (folder / "people.csv").write_text("id,job\n1,A\n2,Z\n3,\n")
    (folder / "jobs.csv").write_text(jobs)
    (folder / "history.csv").write_text("id,from,to,job\n" + history)
    join = [{"path": "jobs.csv", "on": {"job": "job"}, "columns": {"title": "title"}}]
    return {
        "path": "people.csv",
        "columns": {"person": "id"},
        "join": join,
        "dates": "%d.%m.%Y",
        "left_at_means": "end-of-day",
        "timezone": "Europe/Warsaw",
        "history": {
            "path": "history.csv",
            "columns": {"person": "id", "starts": "from", "ends": "to"},
            "join": join,
        },
    }


def test_joined_files_complete_rows_and_former_assignments_come_first(tmp_path):
    found = collect(tmp_path, company(tmp_path, history="1,01.01.2020,31.12.2020,A\n1,01.01.2021,,\n"))
    ann = [row for row in found["assignments"] if row["person"] == "hr:person:1"]
    assert [(row["seq"], row["status"]) for row in ann] == [(1, "active"), (2, "left"), (3, "left")]
    assert [row["attributes"] for row in ann] == ['{"title":"Analyst"}', '{"title":"Analyst"}', "{}"]
    assert ann[1]["ends_latest"] == utc(2020, 12, 31, 23)
    assert status(found) == {"1": "active", "2": "active", "3": "active"}
    assert [(p["locator"], p["kind"], p["subject"]) for p in found["problems"]] == [
        ("people.csv:3", "unresolved", "hr:person:2")
    ]


def test_a_former_assignment_that_cannot_be_used_says_nothing_about_the_person(tmp_path):
    found = collect(tmp_path, company(tmp_path, history="1,yesterday,31.12.2020,A\n9,01.01.2020,31.12.2020,A\n2,x,,\n"))
    assert status(found) == {"1": "active", "2": "active", "3": "active"}
    assert [(p["locator"], p["kind"]) for p in found["problems"]] == [
        ("history.csv:2 (history)", "unusable"),
        ("history.csv:3 (history)", "unresolved"),
        ("history.csv:4 (history)", "unusable"),
        ("people.csv:3", "unresolved"),
    ]
    assert is_complete(found) == {"people": True, "assignments": False, "aliases": True}


def test_joined_files_and_former_assignments_may_be_cut_as_the_roster_may(tmp_path):
    whole = "1,01.01.2020,31.12.2020,A\n"
    found = collect(tmp_path, company(tmp_path, history=whole.rstrip()))
    assert is_complete(found) == {"people": True, "assignments": False, "aliases": True}
    found = collect(tmp_path, company(tmp_path, history=whole, jobs="job,title\nA,Ana"))
    assert is_complete(found) == {"people": False, "assignments": False, "aliases": False}
    assert "the last line of jobs.csv does not end" in found["completeness"][0]["reason"]
    options = company(tmp_path, history=whole.rstrip(), jobs="job,title\nA,Ana")
    assert all(is_complete(collect(tmp_path, {**options, "open_end": True})).values())


def test_a_joined_key_that_stands_twice_stops(tmp_path):
    options = company(tmp_path, jobs="job,title\nA,x\nB,y\nA,z\nA,w\n", history="1,01.01.2020,,A\n")
    with pytest.raises(RosterFault) as caught:
        collect(tmp_path, options)
    assert [(m.file, m.line) for m in caught.value.mistakes] == [("jobs.csv", 4), ("jobs.csv", 5)]


# --- options


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"left_at_means": None}, "`left_at_means` must say"),
        ({"dates": None}, "`dates` must say how dates are written in roster.csv"),
        ({"dates": "%d.%m."}, "no strptime form"),
        ({"timezone": "Asia/Atlantis"}, "no time zone is called 'Asia/Atlantis'"),
        ({"timezone": {"column": "site", "map": {"X": "../etc"}}}, "no time zone"),
        ({"statuses": None}, "go together"),
        ({"statuses": {"active": ["A"], "left": ["A"]}}, "'A' has two meanings"),
        ({"columns": {**OPTIONS["columns"], "lef_at": "last"}}, "is left_at meant"),
        ({"columns": {**OPTIONS["columns"], "shift_end": "last"}}, "only used where"),
        ({"columns": {**OPTIONS["columns"], "ends": "last"}}, "is left_at meant"),
        ({"history": {"path": "h.csv", "columns": {"person": "id", "left_at": "last"}}}, "is ends meant"),
        ({"join": [{"path": "j.csv", "on": {"id": "id"}, "columns": {"manger": "n"}}]}, "is manager meant"),
        ({"columns": {**OPTIONS["columns"], "email": "mail"}}, "is mail meant"),
        ({"join": [{"path": "j.csv", "on": {"id": "id"}, "columns": {"name": "n"}}]}, "name is mapped already"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(tmp_path, change, said):
    with pytest.raises(WorkspaceError) as caught:
        connect(Source("hr", tmp_path), **{**OPTIONS, **change})
    (mistake,) = caught.value.mistakes
    assert said in str(mistake)
    assert mistake.file == "sources/hr.yaml"


@pytest.mark.parametrize(
    "change",
    [
        {"left_at_means": "noon"},
        {"max_age": "2 days"},
        {"max_age": "0d"},
        {"max_age": "999999w"},
        {"kind": "robot"},
        {"absence": "left"},
        {"header_row": 0},
        {"columns": {"name": "name"}},
        {"columns": {"person": 5}},
        {"statuses": {"gone": ["x"]}},
        {"dellimiter": ";"},
        {"join": [{"path": "x.csv", "on": {}, "columns": {"a": "b"}}]},
    ],
)
def test_options_of_the_wrong_shape_are_refused(tmp_path, change):
    with pytest.raises(ValidationError):
        connect(Source("hr", tmp_path), **{**OPTIONS, **change})


# --- time


MANILA, WARSAW, KIRITIMATI = ZoneInfo("Asia/Manila"), ZoneInfo("Europe/Warsaw"), ZoneInfo("Pacific/Kiritimati")
FRIDAY = date(2026, 1, 30)


def exactly(*parts: int) -> Bounds:
    return Bounds(utc(*parts), utc(*parts))


def test_friday_six_in_the_evening_in_manila():
    assert instants.end(datetime(2026, 1, 30, 18), MANILA, LastDayMeaning.INSTANT) == exactly(2026, 1, 30, 10)  # noqa: DTZ001
    assert instants.end(FRIDAY, MANILA, LastDayMeaning.END_OF_SHIFT, shift_end=time(18)) == exactly(2026, 1, 30, 10)


@pytest.mark.parametrize(
    ("meaning", "expected"),
    [
        (LastDayMeaning.START_OF_DAY, exactly(2026, 1, 29, 16)),
        (LastDayMeaning.END_OF_DAY, exactly(2026, 1, 30, 16)),
        (LastDayMeaning.END_OF_SHIFT, Bounds(utc(2026, 1, 29, 16), utc(2026, 1, 31, 4))),
    ],
)
def test_a_bare_date_takes_its_declared_meaning(meaning, expected):
    assert instants.end(FRIDAY, MANILA, meaning) == expected


def test_a_night_shift_ends_on_the_next_morning():
    night = {"shift_start": time(22), "shift_end": time(6)}
    assert instants.end(FRIDAY, MANILA, LastDayMeaning.END_OF_SHIFT, **night) == exactly(2026, 1, 30, 22)
    early = instants.end(FRIDAY, MANILA, LastDayMeaning.END_OF_SHIFT, shift_end=time(6))
    assert early == Bounds(utc(2026, 1, 29, 22), utc(2026, 1, 30, 22))


def test_summer_time_moves_the_end_of_the_day():
    assert instants.end(date(2026, 3, 28), WARSAW, LastDayMeaning.END_OF_DAY) == exactly(2026, 3, 28, 23)
    assert instants.end(date(2026, 3, 29), WARSAW, LastDayMeaning.END_OF_DAY) == exactly(2026, 3, 29, 22)
    twice = instants.between(datetime(2026, 10, 25, 2, 30), WARSAW)  # noqa: DTZ001
    assert twice == Bounds(utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30))
    never = instants.between(datetime(2026, 3, 29, 2, 30), WARSAW)  # noqa: DTZ001
    assert never == Bounds(utc(2026, 3, 29, 0, 30), utc(2026, 3, 29, 1, 30))


def test_what_lies_beyond_the_calendar_is_unreadable_not_a_crash():
    for value in (date(9999, 12, 31), datetime(9999, 12, 31, 23, 59)):  # noqa: DTZ001
        assert instants.until(value, None) == instants.UNKNOWN
    with pytest.raises(instants.Unreadable):
        instants.between(datetime(9999, 12, 31, 23, 59), None)  # noqa: DTZ001
    assert instants.end(date(9999, 12, 31), None, LastDayMeaning.END_OF_DAY) == instants.UNKNOWN


def test_an_instant_needs_a_time_of_day_and_one_with_a_zone_is_exact():
    with pytest.raises(instants.Unreadable):
        instants.end(FRIDAY, MANILA, LastDayMeaning.INSTANT)
    aware = datetime(2026, 1, 30, 20, tzinfo=UTC)
    assert instants.end(aware, None, LastDayMeaning.INSTANT) == exactly(2026, 1, 30, 20)
    assert instants.end(aware, MANILA, LastDayMeaning.END_OF_DAY) == exactly(2026, 1, 31, 16)


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2090, 1, 1)),  # noqa: DTZ001
    st.sampled_from(["Pacific/Kiritimati", "Etc/GMT+12", "Asia/Manila", "Europe/Warsaw", "America/St_Johns"]),
    st.sampled_from(
        [LastDayMeaning.START_OF_DAY, LastDayMeaning.END_OF_DAY, LastDayMeaning.END_OF_SHIFT, LastDayMeaning.INSTANT]
    ),
)
def test_bounds_without_a_zone_hold_those_of_every_zone(wall, name, meaning):
    value = wall if meaning is LastDayMeaning.INSTANT else wall.date()
    known, anywhere = instants.end(value, ZoneInfo(name), meaning), instants.end(value, None, meaning)
    assert anywhere.earliest <= known.earliest <= known.latest <= anywhere.latest  # type: ignore[operator]


def test_a_form_with_a_time_of_day_gives_a_time():
    assert instants.parse("21-09-2015", "%d-%m-%Y") == date(2015, 9, 21)
    assert instants.parse("20260130 18:00", "%Y%m%d %H:%M") == datetime(2026, 1, 30, 18)  # noqa: DTZ001
    assert not instants.is_form("%d %m")
    assert instants.is_form("%Y-%m-%dT%H:%M:%S")


def test_hours_of_a_shift_come_from_the_row(tmp_path):
    columns = {"person": "id", "left_at": "last", "shift_start": "name", "shift_end": "mail"}
    options: dict[str, Any] = {"columns": columns, "left_at_means": "end-of-shift", "statuses": None}
    lines = ["1,22:00,06:00,Manila,,2026-01-30,", "2,,18:00,Manila,,2026-01-30,", "3,,6 am,Manila,,2026-01-30,"]
    found = read(tmp_path, lines, **options)
    assert [row["left_at_latest"] for row in found["people"]] == [utc(2026, 1, 30, 22), utc(2026, 1, 30, 10), None]
    assert status(found) == {"1": "left", "2": "left", "3": "unknown"}


# --- the same in, the same out


cell = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.one_of(cell, st.sampled_from(["1", "2", "e1", "E1"])),
            cell,
            st.sampled_from(["Manila", "Krakow", "", "X"]),
            st.sampled_from(["", "2020-01-01", "2026-01-31", "2026-02-01", "9999-12-31", "x"]),
            st.sampled_from(["", "2026-01-31", "2026-02-01", "2026-05-01", "9999-12-31", "x"]),
            st.sampled_from(["Active", "LOA", "Terminated", "", "?"]),
        ),
        min_size=1,
        max_size=8,
    ),
    st.randoms(),
)
def test_whatever_the_rows_the_tables_hold_and_their_order_does_not_matter(tmp_path, rows, random):
    def made(order: list[tuple[str, ...]]) -> dict[str, list[Any]]:
        out = io.StringIO(newline="")
        lines = [(native, name, "", site, start, last, word) for native, name, site, start, last, word in order]
        csv.writer(out, quoting=csv.QUOTE_ALL).writerows([HEADER.split(","), *lines])
        return read(tmp_path, out.getvalue())

    first = made(rows)
    shuffled = list(rows)
    random.shuffle(shuffled)
    again = made(shuffled)
    assert status(first) == status(again)
    assert is_complete(first) == is_complete(again)
    assert first["assignments"] == again["assignments"]
    natives = {native for native, *_ in rows if not no_value.is_nothing(native)}
    assert set(status(first)) == natives
    assert len(first["assignments"]) == sum(not no_value.is_nothing(native) for native, *_ in rows)
    for native, state in status(first).items():
        words = {word for own, *_, word in rows if own == native}
        if state == "left":
            assert words == {"Terminated"}


# --- outside data, through options only


def outside(folder: Path, options: dict[str, Any], as_of: datetime) -> dict[str, list[Any]]:
    found = collect(folder, options, as_of)
    assert set(is_complete(found).values()) == {True}
    assert found["problems"] == []
    return found


def test_huebner_s_human_resources_data(outside_data):
    options = {
        "path": "HRDataset_v14.csv",
        "strip": True,
        "timezone": "America/New_York",
        "dates": "%Y-%m-%d",
        "left_at_means": "end-of-day",
        "statuses": {"active": ["Active"], "left": ["Voluntarily Terminated", "Terminated for Cause"]},
        "columns": {
            "person": "EmpID",
            "name": "Employee_Name",
            "starts": "DateofHire",
            "left_at": "DateofTermination",
            "status": "EmploymentStatus",
            "department": "Department",
            "title": "Position",
            "location": "State",
            "manager_name": "ManagerName",
        },
    }
    folder = outside_data / "hr-huebner"
    found = outside(folder, options, utc(2019, 3, 1))
    assert Counter(status(found).values()) == {"active": 207, "left": 104}
    with (folder / "HRDataset_v14.csv").open(newline="", encoding="utf-8-sig") as lines:
        gone = {row["EmpID"] for row in csv.DictReader(lines) if row["Termd"].strip() == "1"}
    assert {native for native, state in status(found).items() if state == "left"} == gone
    assert all(row["left_at_latest"] for row in found["people"] if row["status"] == "left")
    assert '"department":"Production",' in found["assignments"][0]["attributes"]


def test_oracle_s_human_resources_schema(outside_data):
    join = [
        {
            "path": "departments.csv",
            "on": {"department_id": "department_id"},
            "columns": {"department": "department_name"},
        },
        {"path": "jobs.csv", "on": {"job_id": "job_id"}, "columns": {"title": "job_title"}},
    ]
    options = {
        "path": "employees.csv",
        "timezone": "America/Los_Angeles",
        "dates": "%d-%m-%Y",
        "left_at_means": "end-of-day",
        "columns": {
            "person": "employee_id",
            "name": ["first_name", "last_name"],
            "starts": "hire_date",
            "manager": "manager_id",
            "login": "email",
        },
        "join": join,
        "history": {
            "path": "job_history.csv",
            "columns": {"person": "employee_id", "starts": "start_date", "ends": "end_date"},
            "join": join,
        },
    }
    found = outside(outside_data / "hr-oracle", options, utc(2019, 3, 1))
    assert Counter(status(found).values()) == {"active": 107}
    assert Counter(row["status"] for row in found["assignments"]) == {"active": 107, "left": 10}
    assert sum(row["manager"] is None for row in found["people"]) == 1
    jobs = [
        (json.loads(row["attributes"])["title"], row["status"])
        for row in found["assignments"]
        if row["person"] == "hr:person:101"
    ]
    assert jobs == [
        ("Public Accountant", "left"),
        ("Accounting Manager", "left"),
        ("Administration Vice President", "active"),
    ]


def test_workday_s_report_as_a_service(outside_data):
    options = {
        "path": "directory.json",
        "records": "Report_Entry",
        "kind": {"column": "Worker_Type", "map": {"Employee": "employee", "Contingent Worker": "contractor"}},
        "columns": {
            "person": "Employee_ID",
            "name": "Name",
            "mail": "Email_-_Work",
            "manager": "Worker_s_Manager_group.0.Manager_ID",
            "title": "businessTitle",
            "department": "Supervisory_Organization",
        },
    }
    found = outside(outside_data / "hr-workday-raas", options, utc(2026, 3, 1))
    assert {row["native_id"]: row["manager"] for row in found["people"]} == {
        "emp001": "hr:person:emp003",
        "emp002": "hr:person:emp003",
        "emp003": "hr:person:emp004",
        "emp004": None,
    }


def test_midpoint_s_roster(outside_data):
    options = {
        "path": "hr.csv",
        "statuses": {"active": ["In"], "leave": ["Long-term leave"], "left": ["Former employee"]},
        "columns": {
            "person": "empnum",
            "name": ["firstname", "surname"],
            "status": "status",
            "title": "job",
            "location": "locality",
        },
    }
    found = outside(outside_data / "midpoint-associations", options, utc(2026, 3, 1))
    assert Counter(status(found).values()) == {"active": 37, "leave": 5, "left": 2}


def test_cert_s_monthly_rosters(outside_data):
    seen = {}
    for month in ("2009-12", "2010-01", "2010-02", "2010-03", "2010-04", "2010-05"):
        options = {
            "path": f"{month}.csv",
            "columns": {
                "person": "user_id",
                "name": "employee_name",
                "mail": "email",
                "role": "role",
                "manager": {"column": "supervisor", "by": "name"},
                "department": "department",
                "team": "team",
            },
        }
        found = outside(outside_data / "cert-r5.2-ldap", options, utc(2010, 6, 1))
        seen[month] = set(status(found))
        assert set(status(found).values()) == {"active"}
        assert sum(row["manager"] is None for row in found["people"]) <= 25
    assert [len(people) for people in seen.values()] == [2000, 2000, 1987, 1975, 1964, 1958]

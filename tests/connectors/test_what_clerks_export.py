"""What people really hand over as an export: reports with totals, pages of a service, files joined by the wrong key.

Rosters and tables read the same files, so most instances are tried in both.
"""

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from access_review.errors import WorkspaceError
from tests.connectors.small_sources import HEADINGS, ROSTER, Found, read

PEOPLE = [[f"{n:05}", f"P {n}", f"p{n}@norwind.example.test", "Active", "2024-01-01", ""] for n in range(1, 31)]
TABLE: dict[str, Any] = {
    "dates": "%Y-%m-%d",
    "timezone": "UTC",
    "columns": {
        "account": "id",
        "entitlement": "name",
        "mail": "mail",
        "enabled": "status",
        "created_at": "start",
        "last_used": "end",
    },
    "enabled": {"yes": ["Active"], "no": ["Terminated"]},
}
OPTIONS = {"roster": ROSTER, "table": TABLE}
BOTH = pytest.mark.parametrize("connector", ["roster", "table"])


def text(rows: list[list[str]], *, before: str = "", after: str = "", mark: str = ",") -> str:
    return before + "".join(mark.join(row) + "\n" for row in [HEADINGS, *rows]) + after


def csv(folder: Path, connector: str, written: str, **options: Any) -> Found:
    (folder / "export.csv").write_text(written, "utf-8")
    return read(connector, folder, path="export.csv", **{**OPTIONS[connector], **options})


def saved(folder: Path, connector: str, answer: object, records: str, **options: Any) -> Found:
    (folder / "export.json").write_text(json.dumps(answer), "utf-8")
    return read(connector, folder, path="export.json", records=records, **{**OPTIONS[connector], **options})


def changed(**cells: str) -> list[list[str]]:
    """Return the people, the fourth of them with other cells."""
    fourth = [cells.get(name, value) for name, value in zip(HEADINGS, PEOPLE[3], strict=True)]
    return [*PEOPLE[:3], fourth, *PEOPLE[4:]]


NO_ROWS = {
    "a total": ({"after": "Total: 30,,,,,\n"}, "export.csv:32: a total, and no row (leave it out with `footer: 1`)"),
    "a total of two cells": ({"after": "Total,30,,,,\n"}, "export.csv:32: a total"),
    "a total alone": ({"after": "Total: 30\n"}, "export.csv:32: a total"),
    "a total below an empty line": ({"after": "\nTotal: 30\n"}, "export.csv:33: a total"),
    "a total in another language": ({"after": "Summe,,,,,\n"}, "export.csv:32: a total"),
    "rows counted": ({"after": "(30 rows affected)\n"}, "export.csv:32: a total"),
    "a footer": ({"after": "Made by Workday\n"}, "was the file cut here? If its report ends so, set `footer: 1`"),
    "the headings twice": ({"after": "id,name,mail,status,start,end\n"}, "export.csv:32: the headings again"),
    "a title": ({"before": "Headcount\n\n"}, "do the headings stand on line 3? Set `header_row`"),
}


@BOTH
@pytest.mark.parametrize("instance", NO_ROWS)
def test_a_line_that_is_no_row_is_nobody_and_said_with_what_leaves_it_out(instance, connector, tmp_path):
    around, said = NO_ROWS[instance]
    with pytest.raises(WorkspaceError) as raised:
        csv(tmp_path, connector, text(PEOPLE, **around))
    assert said in "\n".join(map(str, raised.value.mistakes))


@BOTH
def test_what_the_message_says_reads_the_report(connector, tmp_path):
    found = csv(tmp_path, connector, text(PEOPLE, before="Headcount\n\n", after="Total: 30\n"), header_row=3, footer=1)
    assert len(found["people" if connector == "roster" else "accounts"]) == 30
    assert not found.reasons


@BOTH
def test_a_total_at_the_end_of_a_workbook_is_nobody(connector, tmp_path):
    book = openpyxl.Workbook()
    for row in [HEADINGS, *PEOPLE, ["Total", "", "", "", "", ""]]:
        book.worksheets[0].append(row)
    book.save(tmp_path / "hr.xlsx")
    with pytest.raises(WorkspaceError, match="1 mistake"):
        read(connector, tmp_path, path="hr.xlsx", **OPTIONS[connector])


@pytest.mark.parametrize("name", ["Total", "Sum", "count", "Suma Rows", "Total Recall"])
def test_people_may_be_called_like_a_total(name, tmp_path):
    found = csv(tmp_path, "roster", text([*PEOPLE, ["00031", name, "", "Active", "2024-01-01", ""]]))
    assert found["people"][-1]["name"] == name


RECORDS = [dict(zip(HEADINGS, row, strict=True)) for row in PEOPLE]
UNFINISHED = {
    "Graph": ({"value": RECORDS, "@odata.nextLink": "https://graph.test/next"}, "value"),
    "a count": ({"value": RECORDS, "@odata.count": 31}, "value"),
    "SuccessFactors": ({"d": {"results": RECORDS, "__next": "https://sf.test/next"}}, "d.results"),
    "SCIM": ({"totalResults": 120, "itemsPerPage": 30, "Resources": RECORDS}, "Resources"),
    "a cursor": ({"members": RECORDS, "response_metadata": {"next_cursor": "dXNlcg=="}}, "members"),
    "more": ({"users": RECORDS, "has_more": True}, "users"),
    "links": ({"users": RECORDS, "links": {"next": "https://app.test?page=2"}}, "users"),
    "Spring": ({"content": RECORDS, "last": False, "totalElements": "250"}, "content"),
}


@BOTH
@pytest.mark.parametrize("instance", UNFINISHED)
def test_a_page_that_says_that_more_follow_is_not_whole(instance, connector, tmp_path):
    found = saved(tmp_path, connector, *UNFINISHED[instance], open_end=True)
    assert "save all pages" in found.reasons["people" if connector == "roster" else "accounts"]


@BOTH
@pytest.mark.parametrize(
    "around",
    [{"totalResults": 30, "startIndex": 1}, {"links": {"next": None}}, {"has_more": False, "next": ""}, {"last": True}],
)
def test_the_last_page_is_whole(around, connector, tmp_path):
    assert not saved(tmp_path, connector, {"users": RECORDS, **around}, "users").reasons


@BOTH
@pytest.mark.parametrize("value", [{"date": "2026-09-30"}, ["2026-09-30"]], ids=["object", "list"])
def test_a_cell_that_is_a_list_in_one_record_is_not_left_out(value, connector, tmp_path):
    with pytest.raises(WorkspaceError) as raised:
        saved(tmp_path, connector, {"all": [*RECORDS[:-1], {**RECORDS[-1], "end": value}]}, "all")
    assert "export.json:30: 'end' is a list or an object in some records" in str(raised.value.mistakes[0])


@BOTH
def test_a_column_of_a_column_beside_it_is_one_of_its_own(connector, tmp_path):
    lines = text(PEOPLE).splitlines()
    written = "\n".join([f"{lines[0]},name.active", *(f"{line},true" for line in lines[1:])]) + "\n"
    found = csv(tmp_path, connector, written)
    assert not found.reasons


RECKONED = ["1.2E+05", "1,2E+05", "4E+00", "1.234,0", "1,234.00", "7.0", "7,00"]


@pytest.mark.parametrize("number", RECKONED)
def test_an_id_that_a_spreadsheet_reckoned_with_joins_nobody(number, tmp_path):
    found = csv(tmp_path, "roster", text(changed(id=number), mark=";"))
    assert {row["native_id"]: row["status"] for row in found["people"]}[number] == "unknown"
    columns = {"account": "id", "entitlement": "name", "employee_id": "mail"}
    table = csv(
        tmp_path,
        "table",
        text(changed(mail=number), mark=";"),
        columns=columns,
        dates=None,
        timezone=None,
        enabled=None,
    )
    assert [row["employee_id"] for row in table["accounts"] if row["name"] == "00004"] == [None]


@pytest.mark.parametrize("number", ["1E5", "1E05", "12.3", "1-2", "A.0"])
def test_an_id_that_only_looks_like_a_number_is_one(number, tmp_path):
    found = csv(tmp_path, "roster", text(changed(id=number)))
    assert {row["native_id"]: row["status"] for row in found["people"]}[number] == "active"


@pytest.mark.parametrize("written", ["'00004", '="00004"', '"=""00004"""'])
def test_an_id_kept_as_text_for_a_spreadsheet_is_that_id(written, tmp_path):
    found = csv(tmp_path, "roster", text(changed(id=written)))
    assert found["people"][3]["native_id"] == "00004"


@BOTH
@pytest.mark.parametrize("word", ["0", "-1", "00000000", "never", "Never logged in"])
def test_a_date_that_is_none_is_none(word, connector, tmp_path):
    found = csv(tmp_path, connector, text(changed(end=word)))
    assert not found.texts()
    assert not found.reasons
    if connector == "roster":
        assert found["people"][3]["status"] == "active"
    else:
        assert found["accounts"][3]["never_used"] is (True if "ever" in word else None)


@BOTH
def test_seven_digits_of_a_second_are_understood(connector, tmp_path):
    rows = [[*row[:4], "2024-01-01T08:00:00.1234567Z", "9999-12-31T23:59:59.9999999Z"] for row in PEOPLE]
    found = csv(tmp_path, connector, text(rows), dates="%Y-%m-%dT%H:%M:%S.%f%z")
    assert not found.texts()
    assert {row["status"] for row in found.get("people", [])} <= {"active"}


@pytest.mark.parametrize("status", ["Active\u00a0", " Active", "Act\u200bive"])
def test_a_status_with_what_nobody_sees_is_that_status(status, tmp_path):
    assert csv(tmp_path, "roster", text(changed(status=status)))["people"][3]["status"] == "active"


def test_a_status_in_other_letters_is_asked_about(tmp_path):
    found = csv(tmp_path, "roster", text(changed(status="TERMINATED")))
    assert found["people"][3]["status"] == "unknown"
    assert "no known status: 'TERMINATED': is 'Terminated' meant?" in found.texts()


def joined(folder: Path, lines: list[str]) -> Found:
    (folder / "ends.csv").write_text("".join(f"{line}\n" for line in ["number,last", *lines]))
    columns = {name: column for name, column in ROSTER["columns"].items() if name != "left_at"}
    join = [{"path": "ends.csv", "on": {"id": "number"}, "columns": {"left_at": "last"}}]
    return csv(folder, "roster", text(PEOPLE), columns=columns, join=join)


def test_a_file_of_ends_that_is_joined_to_nobody_is_no_file_of_ends(tmp_path):
    found = joined(tmp_path, [f"{n},2026-09-30" for n in range(1, 4)])
    assert "no row of ends.csv is of anybody in export.csv: is number written otherwise?" in found.reasons["people"]


def test_an_end_that_is_nobody_s_is_said(tmp_path):
    found = joined(tmp_path, ["00001,2026-09-30", "2,2026-09-30"])
    assert "1 of 2 rows are of nobody in export.csv, the first of 2 on line 3" in found.texts()
    assert not found.reasons


@pytest.mark.parametrize("column", ["status", "start", "end"])
def test_a_column_that_cannot_be_read_any_more_closes_nothing(column, tmp_path):
    at, other = HEADINGS.index(column), {"status": "aktiv", "start": "01.01.2024", "end": "30.10.2026"}[column]
    rows = [[*row[:at], other, *row[at + 1 :]] for row in PEOPLE]
    assert f"{column} cannot be read in 30 of 30 rows" in csv(tmp_path, "table", text(rows)).reasons["accounts"]
    assert not csv(tmp_path, "table", text([*PEOPLE[:-1], rows[-1]])).reasons

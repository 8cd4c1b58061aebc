"""The lists of a plan: a line for each change, inert whatever a directory calls its people."""

import csv
import io
from dataclasses import replace

import pytest
from openpyxl import load_workbook

from access_review.views import plan_files
from tests.powershell.every_action import everything, guid


@pytest.fixture(scope="module")
def made():
    return everything()


def test_the_list_has_a_line_for_each_change_with_names_ids_reason_and_room_for_a_ticket(made):
    reasons = {finding: f"because {finding[:4]}" for one in made.changes for finding in one.because}
    rows = list(csv.DictReader(io.StringIO(plan_files.csv(made, reasons).decode("utf-8-sig"))))
    assert [row["Change"] for row in rows] == [one.id for one in made.changes]
    (last,) = [row for row in rows if row["Who"] == "user7"]
    assert (last["System"], last["Loses"], last["Who: id"], last["Loses: id"]) == ("ad", "Other", guid(7), guid(102))
    assert last["Reason"].startswith("because ")
    assert last["Undo"] == "add-member"
    assert (last["Ticket"], last["Done by"], last["Done at"]) == ("", "", "")


def test_the_workbook_has_the_removals_what_is_left_and_where_it_comes_from(made):
    book = load_workbook(io.BytesIO(plan_files.xlsx(made, {})))
    assert book.sheetnames == ["Removals", "For a person", "About"]
    assert book["Removals"].max_row == len(made.changes) + 1
    assert made.digest in [cell.value for cell in book["About"]["B"]]
    assert plan_files.xlsx(made, {}) == plan_files.xlsx(made, {})
    assert all(cell.data_type != "f" for sheet in book for cells in sheet.iter_rows() for cell in cells)


def test_hostile_names_are_inert_in_the_lists(made):
    account_of = made.changes[0].target.account
    evil = replace(
        made.changes[0], target=replace(made.changes[0].target, account=replace(account_of, name="=cmd|' /C calc'!A0"))
    )
    hostile = replace(made, changes=(evil, *made.changes[1:]))
    book = load_workbook(io.BytesIO(plan_files.xlsx(hostile, {})))
    assert book["Removals"]["E2"].value.startswith("'=")
    assert b'"=cmd' not in plan_files.csv(hostile, {})

"""Work sheets: what is in them, what may be filled in, and that names stay names."""

import csv
import io
import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import openpyxl
import pytest

from access_review.audit.filled_sheets import FILLED_IN, NOT_ASKED, SHEET
from access_review.audit.worklist import WorkItem, item_id
from access_review.sample.choice import Draw, Stratum
from access_review.views.worksheet import BESIDE, COLUMNS, as_csv, as_xlsx, name_of

AS_OF = datetime(2026, 11, 2, 6, tzinfo=UTC)
RUN = "20261102T060000Z-0a1b2c3d"
HOSTILE = (
    '=HYPERLINK("http://evil.example.test","x")',
    "+1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+9)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r\n=1+1",
    "\uff1d1+1",
    "a;=1+1",
    "#REF!",
    "gpj.\u202eexe",
    "<img src=x onerror=alert(1)>",
    "*)(uid=*))(|(uid=*",
    "\x00\x0b\ufffe",
    "00123",
    "1E5",
)


def item(number: int, name: str = "Finance-Read") -> WorkItem:
    unit = f"hr:person:{number}"
    return WorkItem(
        item=item_id(RUN, unit, f"ad:user:{number}", f"ad:group:{number}", "assigned"),
        reviewer="hr:person:9",
        reviewer_name="Lea Lindqvist",
        unit=unit,
        stratum=Stratum.PEOPLE,
        draw=Draw.INFERENCE,
        person=name,
        clients=(name,),
        roles=name,
        account=f"ad:user:{number}",
        account_name=name,
        system="ad",
        entitlement=f"ad:group:{number}",
        entitlement_name=name,
        mode="assigned",
        how="member",
        last_used="unknown",
        found=name,
        own=("ana cruz",),
    )


HOSTILE_ITEMS = [item(number, name) for number, name in enumerate(HOSTILE)]


def opened(items):
    return openpyxl.load_workbook(io.BytesIO(as_xlsx(RUN, items, as_of=AS_OF)))


def test_sheets_and_columns():
    book = opened([item(1), replace(item(2), found="")])
    assert book.sheetnames == ["Read me", SHEET]
    assert book.active.title == SHEET
    rows = list(book[SHEET].iter_rows(values_only=True))
    assert rows[0] == COLUMNS
    assert [row[COLUMNS.index("machine says")] for row in rows[1:]] == ["Finance-Read", "nothing found"]
    assert [row[COLUMNS.index("run")] for row in rows[1:]] == [RUN, RUN]
    said = " ".join(str(row[0]) for row in book["Read me"].iter_rows(values_only=True))
    assert "For Lea Lindqvist: 2 items about 2 people, as of" in said
    assert "It takes about 1 minute." in said
    assert "no answer, never a revoke" in said


def test_what_nobody_decides_is_one_line_and_a_sheet_of_its_own():
    one = replace(item(1), beside=("All: every clerk must have it", "Domain Users: primary group"))
    book = opened([one, replace(item(2), beside=one.beside[:1])])
    assert "1 item about 1 person" in str(opened([one])["Read me"]["A2"].value)
    *asked, folded = book[SHEET].iter_rows(min_row=2, values_only=True)
    assert len(asked) == 2
    assert folded[0] == NOT_ASKED
    assert "2 more that nobody decides here: every clerk must have it (1), primary group (1)" in folded
    assert [row[2] for row in book[BESIDE].iter_rows(min_row=2, values_only=True)] == ["All", "Domain Users"]
    assert NOT_ASKED in as_csv(RUN, [one]).decode("utf-8-sig")


def test_only_the_answers_are_unlocked():
    page = opened([item(1)])[SHEET]
    assert page.protection.sheet
    unlocked = {COLUMNS[cell.column - 1] for cell in page[2] if not cell.protection.locked}
    assert unlocked == set(FILLED_IN)
    assert all(cell.protection.locked for cell in page[1])
    assert page.freeze_panes == "C2"


def test_drop_downs_cover_every_row():
    page = opened([item(number) for number in range(3)])[SHEET]
    rules = {rule.type: rule for rule in page.data_validations.dataValidation}
    assert rules["list"].formula1 == '"keep,revoke,cannot say"'
    letter = openpyxl.utils.get_column_letter(COLUMNS.index("decision") + 1)
    assert str(rules["list"].sqref) == f"{letter}2:{letter}4"
    assert rules["date"].formula1 == "DATE(2026,11,2)"


@pytest.mark.parametrize("sheet", [SHEET, "Read me"])
def test_no_name_becomes_a_formula_or_an_error(sheet):
    for row in opened(HOSTILE_ITEMS)[sheet].iter_rows():
        for cell in row:
            assert cell.data_type in {"s", "n"}
            assert cell.value is None or isinstance(cell.value, str)
            assert not str(cell.value or "").lstrip().startswith(tuple("=+-@\t\r\n\uff1d"))


def test_the_file_itself_holds_no_formula():
    with zipfile.ZipFile(io.BytesIO(as_xlsx(RUN, HOSTILE_ITEMS, as_of=AS_OF))) as archive:
        for name in archive.namelist():
            assert b"<f>" not in archive.read(name)


def test_ids_that_look_like_numbers_stay_text():
    page = opened(HOSTILE_ITEMS)[SHEET]
    person = COLUMNS.index("person") + 1
    assert [page.cell(len(HOSTILE) + 1 - back, person).value for back in (1, 0)] == ["00123", "1E5"]


def test_csv_holds_the_same():
    data = as_csv(RUN, HOSTILE_ITEMS).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(data, newline="")))
    page = opened(HOSTILE_ITEMS)[SHEET]
    assert rows == [[value or "" for value in row] for row in page.iter_rows(values_only=True)]


def test_the_same_items_give_the_same_bytes():
    assert as_xlsx(RUN, HOSTILE_ITEMS, as_of=AS_OF) == as_xlsx(RUN, HOSTILE_ITEMS, as_of=AS_OF)
    assert as_csv(RUN, HOSTILE_ITEMS) == as_csv(RUN, HOSTILE_ITEMS)


def test_a_sheet_without_items_opens():
    page = opened([])[SHEET]
    assert page.max_row == 1


def test_names_of_files_are_safe_and_distinct():
    names = {name_of(r) for r in ("hr:person:1", "hr-person-1", "../../etc/passwd", "CON", "", "山田")}
    assert len(names) == 6
    assert all(name.replace("-", "").isalnum() and name.isascii() for name in names)

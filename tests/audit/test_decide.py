"""Filled-in work sheets, read back: answers, and every mistake with its cell."""

import csv
import io
import random
from dataclasses import replace
from datetime import UTC, date, datetime

import openpyxl
import pytest

from access_review.artifacts import DECISIONS
from access_review.audit import decisions as records
from access_review.audit.decisions import Decisions, ReviewerAnswer, decision_on, record, withdraw
from access_review.audit.filled_sheets import SHEET, read_decisions
from access_review.audit.worklist import Worklist
from access_review.connectors.tabular.delimited import DELIMITERS
from access_review.errors import ArtifactError, WorkspaceError
from access_review.stages.decide import open_sheets
from access_review.views.worksheet import COLUMNS, as_csv, as_xlsx
from tests.views.test_worksheet import AS_OF, HOSTILE, RUN, item

TODAY = date(2026, 11, 9)
DAY = date(2026, 11, 4)
ITEMS = tuple(item(number, name) for number, name in enumerate(HOSTILE))
WORK = Worklist(RUN, AS_OF, ITEMS)


def answers(**more):
    return {"decision": "keep", "decided by": "Lea Lindqvist", "decided on": "2026-11-04", "comment": "", **more}


def xlsx(tmp_path, filled, *, name="lea.xlsx", work=WORK, edit=None):
    """Fill in rows (by number of the item) as a reviewer does, and save."""
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(work.run, work.items, as_of=work.as_of)))
    page = book[SHEET]
    for number, values in filled.items():
        for heading, value in values.items():
            page.cell(number + 2, COLUMNS.index(heading) + 1).value = value
    if edit:
        edit(page)
    path = tmp_path / name
    book.save(path)
    return path


def csv_file(tmp_path, filled, *, name="lea.csv", edit=None, delimiter=",", encoding="utf-8-sig"):
    rows = list(csv.reader(io.StringIO(as_csv(RUN, ITEMS).decode("utf-8-sig"), newline="")))
    for number, values in filled.items():
        for heading, value in values.items():
            rows[number + 1][COLUMNS.index(heading)] = value
    rows = edit(rows) if edit else rows
    sink = io.StringIO(newline="")
    csv.writer(sink, delimiter=delimiter).writerows(rows)
    path = tmp_path / name
    path.write_bytes(sink.getvalue().encode(encoding))
    return path


def read(paths, *, work=WORK, today=TODAY):
    sheets, unread = open_sheets(paths)
    return read_decisions(sheets, work, today=today, unread=unread).decisions


def mistakes(path, *, work=WORK, today=TODAY):
    with pytest.raises(WorkspaceError) as caught:
        read(path if isinstance(path, list) else [path], work=work, today=today)
    return [str(mistake) for mistake in caught.value.mistakes]


def one(values):
    """Return what is read from a sheet with these answers in its first row."""
    return {0: answers(**values)}


@pytest.mark.parametrize("write", [xlsx, csv_file])
def test_answers_come_back(tmp_path, write):
    filled = {number: answers() for number in range(len(ITEMS))}
    filled[1] = answers(decision="revoke", comment="left the team")
    filled[2] = answers(decision=" Cannot  say ")
    found = read([write(tmp_path, filled)])
    assert [d.item for d in found] == [i.item for i in ITEMS]
    assert [d.decision for d in found[:4]] == [
        ReviewerAnswer.KEEP,
        ReviewerAnswer.REVOKE,
        ReviewerAnswer.CANNOT_SAY,
        ReviewerAnswer.KEEP,
    ]
    assert found[1].comment == "left the team"
    assert {(d.by, d.at) for d in found} == {("Lea Lindqvist", DAY)}
    assert (found[0].unit, found[0].account, found[0].entitlement) == ("hr:person:0", "ad:user:0", "ad:group:0")


@pytest.mark.parametrize("write", [xlsx, csv_file])
def test_nothing_filled_in_is_no_answer(tmp_path, write):
    assert read([write(tmp_path, {})]) == ()
    assert read([write(tmp_path, {0: {"decided by": "Lea"}})]) == ()


@pytest.mark.parametrize("value", [datetime(2026, 11, 4), date(2026, 11, 4), 46330, " 2026-11-04 "])  # noqa: DTZ001 - a spreadsheet's date
def test_dates_as_programs_store_them(tmp_path, value):
    (found,) = read([xlsx(tmp_path, one({"decided on": value}))])
    assert found.at == DAY


@pytest.mark.parametrize("delimiter", sorted(DELIMITERS))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_csv_as_programs_save_it(tmp_path, delimiter, encoding):
    filled = {number: answers() for number in range(len(ITEMS))}
    path = csv_file(tmp_path, filled, delimiter=delimiter, encoding=encoding)
    assert len(read([path])) == len(ITEMS)


def test_rows_and_columns_in_another_order(tmp_path):
    filled = {number: answers(decision="revoke" if number % 2 else "keep") for number in range(len(ITEMS))}

    def shuffled(rows):
        order = list(range(len(COLUMNS)))
        random.Random(1).shuffle(order)  # noqa: S311 - any order will do
        body = [[row[place] for place in order] for row in rows[1:]]
        random.Random(2).shuffle(body)  # noqa: S311
        return [[rows[0][place] for place in order], *body]

    straight = read([csv_file(tmp_path, filled, name="a.csv")])
    mixed = read([csv_file(tmp_path, filled, name="b.csv", edit=shuffled)])
    assert sorted(mixed, key=lambda d: d.item) == sorted(straight, key=lambda d: d.item)


def test_a_column_of_the_reviewers_own_is_left_alone(tmp_path):
    path = csv_file(tmp_path, one({}), edit=lambda rows: [[*row, "note"] for row in rows])
    assert len(read([path])) == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"decision": "maybe"}, "2:16: decision: 'maybe' is no answer (one of keep, revoke, cannot say, or empty)"),
        ({"decision": "withdrawn"}, "2:16: decision: 'withdrawn' is no answer"),
        ({"decided by": ""}, "2:18: decided by: is empty"),
        ({"decided by": "  ANA  Cruz"}, "2:18: decided by: ANA  Cruz may not decide on their own access"),
        ({"decided by": "Someone (Ana Cruz)"}, "may not decide on their own access"),
        ({"decided on": ""}, "2:19: decided on: is empty"),
        ({"decided on": "4/11/2026"}, "2:19: decided on: '4/11/2026' is no date"),
        ({"decided on": "46330"}, "decided on: '46330' is no date"),
        ({"decided on": "2026-11-01"}, "is not between 2026-11-02 (the sample) and 2026-11-09"),
        ({"decided on": "2027-11-01"}, "is not between"),
        ({"item": "i0000"}, "2:1: item: 'i0000' is no item of run"),
        ({"item": ""}, "2:1: item: is empty"),
        ({"run": "another"}, "2:20: run: the sheet is of run another"),
        ({"account": "Someone-Else"}, "2:8: account: 'Someone-Else', but i"),
        ({"entitlement": "Other"}, "sort whole rows only"),
        ({"decision": "=1+1"}, "a formula that was never computed"),
    ],
)
def test_each_mistake_has_its_cell(tmp_path, values, said):
    found = mistakes(xlsx(tmp_path, one(values)))
    assert len([line for line in found if said in line]) == 1
    assert found[0].startswith("lea.xlsx (sheet Review):2:")


def test_every_mistake_at_once_and_nothing_taken(tmp_path):
    first = xlsx(tmp_path, {0: answers(decision="perhaps"), 3: answers(**{"decided by": ""}), 4: answers()})
    second = csv_file(tmp_path, {5: answers(**{"decided on": "soon"})})
    third = tmp_path / "notes.pdf"
    third.write_bytes(b"%PDF")
    missing = tmp_path / "missing.csv"
    found = mistakes([first, second, third, missing])
    assert [line.split(": ")[0] for line in found] == [
        "lea.csv:7:19",
        "lea.xlsx (sheet Review):2:16",
        "lea.xlsx (sheet Review):5:18",
        "missing.csv",
        "notes.pdf",
    ]


def test_columns_sorted_without_their_rows(tmp_path):
    def sort_items(rows):
        items = sorted(row[0] for row in rows[1:])
        return [rows[0], *([name, *row[1:]] for name, row in zip(items, rows[1:], strict=True))]

    assert any("sort whole rows only" in line for line in mistakes(csv_file(tmp_path, one({}), edit=sort_items)))


def test_a_missing_or_doubled_column(tmp_path):
    found = mistakes(csv_file(tmp_path, {}, edit=lambda rows: [row[:-1] for row in rows]))
    assert found == ["lea.csv:1: the column 'run' is missing (as it was sent)"]
    found = mistakes(csv_file(tmp_path, {}, edit=lambda rows: [[*row, row[0]] for row in rows]))
    assert found == ["lea.csv:1: the column 'item' stands more than once (as it was sent)"]


def test_a_row_of_another_width(tmp_path):
    found = mistakes(csv_file(tmp_path, {}, edit=lambda rows: [*rows[:2], rows[2][:-1], *rows[3:]]))
    assert found == ["lea.csv:3: 19 columns where 20 are expected"]


def test_hidden_rows_are_no_answer_anybody_saw(tmp_path):
    def hide(page):
        page.row_dimensions[3].hidden = True

    assert "hidden" in mistakes(xlsx(tmp_path, {1: answers()}, edit=hide))[0]


def test_no_sheet_is_that_large(tmp_path):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(65 * 2**20)
    assert "larger than 64 MiB" in mistakes(path)[0]


def test_blank_rows_and_rows_of_another_run(tmp_path):
    blank = csv_file(tmp_path, one({}), edit=lambda rows: [*rows, [""] * len(rows[0])])
    assert len(read([blank])) == 1
    other = replace(WORK, run="another")
    assert mistakes(blank, work=other) == [
        f"lea.csv: it is of run {RUN}, not another (name its run, or take the new sheet)"
    ]


def test_of_what_lies_in_a_folder_only_this_audit_is_read_and_the_rest_is_named(tmp_path):
    old = xlsx(tmp_path, {number: answers(run="an older one") for number in range(len(ITEMS))}, name="old.xlsx")
    ours = csv_file(tmp_path, one({}))
    (tmp_path / "list.csv").write_text("a,b\n1,2\n")
    (tmp_path / "fake.xlsx").write_text("no workbook")
    sheets, _ = open_sheets([old, ours, tmp_path / "list.csv", tmp_path / "fake.xlsx"])
    read_back = read_decisions(sheets, WORK, today=TODAY, lay_there=[name for name, _ in sheets])
    assert len(read_back.decisions) == 1
    assert [name for name, _ in read_back.strays] == ["fake.xlsx", "list.csv", "old.xlsx"]


def test_contradictions_on_one_day(tmp_path):
    again = xlsx(tmp_path, one({"decision": "revoke"}), name="b.xlsx")
    found = mistakes([csv_file(tmp_path, one({})), again])
    assert found == [
        "b.xlsx (sheet Review):2:16: decision: says revoke, lea.csv:2 says keep on the same day (leave one)"
    ]
    later = xlsx(tmp_path, one({"decision": "revoke", "decided on": "2026-11-05"}), name="c.xlsx")
    found = read([csv_file(tmp_path, one({})), later])
    assert record(Decisions(RUN), found).current[ITEMS[0].item].decision is ReviewerAnswer.REVOKE


class TestHistory:
    keep = decision_on(ITEMS[0], ReviewerAnswer.KEEP, by="Lea", at=DAY)
    revoke = decision_on(ITEMS[0], ReviewerAnswer.REVOKE, by="Lea", at=date(2026, 11, 5), comment="moved")

    def test_a_later_one_replaces_an_earlier_and_none_is_lost(self):
        both = record(record(Decisions(RUN), [self.keep]), [self.revoke])
        assert both.history == (self.keep, self.revoke)
        assert dict(both.current) == {ITEMS[0].item: self.revoke}

    def test_an_old_sheet_read_late_changes_nothing(self):
        both = record(record(Decisions(RUN), [self.revoke]), [self.keep])
        assert dict(both.current) == {ITEMS[0].item: self.revoke}
        assert len(both.history) == 2

    def test_reading_twice_is_reading_once(self):
        once = record(Decisions(RUN), [self.keep])
        assert record(once, [self.keep, self.keep]) == once

    def test_a_decision_taken_back_stays_so_when_its_sheet_is_read_again(self):
        made = record(Decisions(RUN), [self.keep])
        back = withdraw(made, [ITEMS[0].item], by="Lea", at=DAY, comment="wrong row")
        assert dict(back.current) == {}
        assert dict(record(back, [self.keep]).current) == {}
        assert dict(record(back, [self.revoke]).current) == {ITEMS[0].item: self.revoke}

    def test_nothing_to_take_back(self):
        with pytest.raises(ArtifactError, match="no decision stands for i"):
            withdraw(Decisions(RUN), [ITEMS[0].item], by="Lea", at=DAY, comment="")

    def test_as_file_and_table(self):
        made = record(Decisions(RUN), [self.keep, self.revoke])
        assert DECISIONS.plain(made)["format"] == "access-review/decisions@1"
        assert DECISIONS.load(DECISIONS.dump(made)) == made
        (row,) = records.table(made).to_pylist()
        assert (row["decision"], row["by"], row["at"]) == ("revoke", "Lea", datetime(2026, 11, 5, tzinfo=UTC))

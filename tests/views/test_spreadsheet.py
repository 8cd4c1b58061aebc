"""Text and files that are safe to open in a spreadsheet program."""

import csv
import io
from datetime import UTC, datetime

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_review.connectors.tabular.inert import LONGEST, inert
from access_review.views.spreadsheet import csv_bytes, workbook_bytes

AT = datetime(2026, 11, 2, 6, tzinfo=UTC)
TRIGGERS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, ""),
        ("Finance-Read", "Finance-Read"),
        ("=1+1", "'=1+1"),
        ("  @SUM(A1)", "  '@SUM(A1)"),
        ("\t=1", "␉=1"),
        ("\uff1dcmd|' /C calc'!A0", "'\uff1dcmd|' /C calc'!A0"),
        ("a;=1+1", "a;'=1+1"),
        ('a";-1', "a\";'-1"),
        ("'=1", "'=1"),
        ("two\r\nlines", "two␍␊lines"),
        ("gpj.\u202ecod", "gpj.⟨U+202E⟩cod"),
        ("half \ud800", "half ⟨U+D800⟩"),
        ("<script>*)(uid=*", "<script>*)(uid=*"),
        ("José Ñandú 山田", "José Ñandú 山田"),
    ],
)
def test_inert(text, shown):
    assert inert(text) == shown


@given(st.text())
def test_nothing_begins_a_formula(text):
    made = inert(text)
    assert not made.lstrip().startswith(TRIGGERS)
    assert not any(part.strip().startswith(TRIGGERS) for part in made.replace("|", ";").split(";"))
    assert "\n" not in made
    assert inert(made) == made


@given(st.text(alphabet="=+-@;,|\"' \t\r\nab\ufe63\u2212", max_size=12))
def test_hostile_mixtures_stay_inert_and_settled(text):
    made = inert(text)
    assert inert(made) == made
    assert not made.lstrip().startswith(TRIGGERS)


def test_a_cell_is_never_longer_than_a_program_takes():
    assert len(inert("x" * 40_000)) == LONGEST
    assert len(inert("😀" * 20_000).encode("utf-16-le")) // 2 <= LONGEST


def test_csv_is_quoted_and_marked():
    data = csv_bytes(("name", "note"), [("=1", None), ('say "hi"', "a,b")])
    assert data.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(data.decode("utf-8-sig")))) == [
        ["name", "note"],
        ["'=1", ""],
        ['say "hi"', "a,b"],
    ]


def test_the_same_workbook_gives_the_same_bytes():
    def made() -> bytes:
        book = openpyxl.Workbook()
        book.active["A1"] = "x"  # type: ignore[index]
        return workbook_bytes(book, at=AT)

    assert made() == made()
    assert openpyxl.load_workbook(io.BytesIO(made())).properties.modified == AT.replace(tzinfo=None)

"""Tabular files are read exactly as written, or refused with every place named."""

import csv
import io
import json
import os
import zipfile
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access_review.connectors.tabular import delimited, sheets
from access_review.connectors.tabular.sheets import SheetOptions
from access_review.errors import WorkspaceError

HEADER = "id,name\n"


def write(folder: Path, name: str, data: str | bytes) -> str:
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return name


def rows(folder: Path, name: str, ids=(), **options) -> list[dict[str, str | None]]:
    return [dict(row) for _, row in sheets.read(name, SheetOptions(**options), folder=folder, ids=ids).rows]


def mistakes(folder: Path, name: str, ids=(), **options) -> list[tuple[int, str]]:
    with pytest.raises(WorkspaceError) as caught:
        sheets.read(name, SheetOptions(**options), folder=folder, ids=ids)
    return [(m.line, m.message) for m in caught.value.mistakes]


def places(folder: Path, name: str, **options) -> list[int]:
    return [line for line, _ in mistakes(folder, name, **options)]


ids = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    table=st.lists(st.tuples(ids, ids, ids), max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_any_text_survives_a_round_trip_through_csv(tmp_path, table, delimiter, encoding, end):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "c"), *table])
    write(tmp_path, "t.csv", out.getvalue().encode(encoding))
    read = sheets.read("t.csv", SheetOptions(delimiter=delimiter), folder=tmp_path)
    assert [tuple(row.values()) for _, row in read.rows] == [tuple(v or None for v in row) for row in table]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(table=st.lists(st.fixed_dictionaries({"a": ids, "b": ids}), min_size=1, max_size=5))
def test_any_text_survives_json_and_parquet(tmp_path, table):
    wanted = [{k: v or None for k, v in row.items()} for row in table]
    write(tmp_path, "t.json", json.dumps(table))
    pq.write_table(
        pa.Table.from_pylist(table, schema=pa.schema([("a", pa.string()), ("b", pa.string())])), tmp_path / "t.parquet"
    )
    assert rows(tmp_path, "t.json", ids=["a"]) == wanted
    assert rows(tmp_path, "t.parquet", ids=["a"]) == wanted


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_but_never_crash(data):
    try:
        delimited.read_delimited(data, "t.csv")
    except WorkspaceError:
        return


def test_ids_stay_text(tmp_path):
    write(tmp_path, "t.csv", HEADER + "00123,a\n1E5,b\nNO,c\n0x1F,NULL\n")
    assert [r["id"] for r in rows(tmp_path, "t.csv")] == ["00123", "1E5", "NO", "0x1F"]
    assert rows(tmp_path, "t.csv")[3]["name"] == "NULL"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_marks_and_utf_16_are_understood(tmp_path, encoding):
    write(tmp_path, "t.csv", (HEADER + "1,Zoë\n").encode(encoding))
    assert rows(tmp_path, "t.csv") == [{"id": "1", "name": "Zoë"}]


def test_another_encoding_is_named_or_every_line_is_refused(tmp_path):
    write(tmp_path, "t.csv", (HEADER + "1,Zoë\n2,Bob\n3,José\n").encode("cp1252"))
    assert places(tmp_path, "t.csv") == [2, 4]
    assert rows(tmp_path, "t.csv", encoding="cp1252")[2]["name"] == "José"
    write(tmp_path, "marked.csv", (HEADER + "1,a\n").encode("utf-8-sig"))
    assert places(tmp_path, "marked.csv", encoding="cp1252") == [1]
    with pytest.raises(WorkspaceError, match="no encoding"):
        sheets.read("t.csv", SheetOptions(encoding="klingon"), folder=tmp_path)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_delimiter_is_seen_in_the_headings(tmp_path, delimiter):
    write(tmp_path, "t.csv", f'id{delimiter}"a,b"\n1{delimiter}x\n')
    assert rows(tmp_path, "t.csv") == [{"id": "1", "a,b": "x"}]


def test_an_unclear_delimiter_is_refused(tmp_path):
    write(tmp_path, "t.csv", "id;last, first\n1;x\n")
    assert places(tmp_path, "t.csv") == [1]
    assert rows(tmp_path, "t.csv", delimiter=";") == [{"id": "1", "last, first": "x"}]


def test_every_bad_line_is_named_at_once(tmp_path):
    body = ["1,a", "2", '3,"b"x', '4,b"c', "5,ok", "6,a,b", "", '7,"two\nlines"', "8", '9,"open', "10,z"]
    write(tmp_path, "t.csv", HEADER + "\n".join(body) + "\n")
    assert places(tmp_path, "t.csv") == [3, 4, 5, 7, 8, 11, 12]


def test_a_line_is_the_first_of_its_record(tmp_path):
    write(tmp_path, "t.csv", HEADER + '1,"two\nlines"\n2,b\n\n\n')
    assert [line for line, _ in sheets.read("t.csv", folder=tmp_path).rows] == [2, 4]


def test_headings_are_there_once_and_named(tmp_path):
    write(tmp_path, "twice.csv", "id,name,id\n1,a,2\n")
    write(tmp_path, "unnamed.csv", "id,,x\n1,a,2\n")
    write(tmp_path, "folded.csv", "id, id\n1,2\n")
    assert mistakes(tmp_path, "twice.csv") == [(1, "the heading 'id' stands more than once")]
    assert mistakes(tmp_path, "unnamed.csv") == [(1, "a column has no heading")]
    assert mistakes(tmp_path, "folded.csv", strip=True) == [(1, "the heading 'id' stands more than once")]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path, data):
    write(tmp_path, "t.csv", data)
    assert len(places(tmp_path, "t.csv")) == 1


def test_titles_above_and_totals_below_are_left_out(tmp_path):
    write(tmp_path, "t.csv", "Roster of May\n\n" + HEADER + "1,a\n2,b\nTotal 2\n")
    assert rows(tmp_path, "t.csv", header_row=3, footer=1) == [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]


def test_strip_takes_outer_white_space_only_when_asked(tmp_path):
    write(tmp_path, "t.csv", "id ,name\n1 , A  B \n2,  \n")
    assert rows(tmp_path, "t.csv")[0] == {"id ": "1 ", "name": " A  B "}
    assert rows(tmp_path, "t.csv", strip=True) == [{"id": "1", "name": "A  B"}, {"id": "2", "name": None}]


def test_a_null_character_and_a_huge_cell_are_refused(tmp_path):
    write(tmp_path, "null.csv", HEADER + "1,a\n2,b\0\n")
    write(tmp_path, "huge.csv", HEADER + "1,a\n2," + "x" * 200_000 + "\n3\n")
    assert places(tmp_path, "null.csv") == [3]
    assert places(tmp_path, "huge.csv") == [3, 4]


def workbook(folder: Path, table, *, change=None) -> str:
    book = openpyxl.Workbook()
    page = book.active
    for row in table:
        page.append(row)
    if change:
        change(page)
    book.save(folder / "t.xlsx")
    return "t.xlsx"


TABLE = [["id", "name", "last"], ["00123", "Ann", datetime(2026, 1, 31)], ["NO", 5, None], ["1E5", True, None]]  # noqa: DTZ001


def test_a_workbook_is_read_as_text_with_its_dates_beside(tmp_path):
    read = sheets.read(workbook(tmp_path, TABLE), folder=tmp_path, ids=["id"])
    assert [tuple(row.values()) for _, row in read.rows] == [
        ("00123", "Ann", "2026-01-31"),
        ("NO", "5", None),
        ("1E5", "true", None),
    ]
    assert [line for line, _ in read.rows] == [2, 3, 4]
    assert read.stored_dates == {(2, "last"): date(2026, 1, 31)}
    assert read.modified is not None
    assert read.modified.tzinfo == UTC


def test_ids_stored_as_numbers_are_faults_in_every_row(tmp_path):
    name = workbook(tmp_path, [["id", "name"], ["1", "a"], [123, "b"], [4.5, "c"], [datetime(2026, 1, 1), "d"]])  # noqa: DTZ001
    assert places(tmp_path, name, ids=["id"]) == [3, 4, 5]
    assert len(rows(tmp_path, name, ids=["name"])) == 4


def test_what_a_person_does_not_see_in_a_workbook_is_a_fault(tmp_path):
    def hide(page):
        page.row_dimensions[3].hidden = True
        page.merge_cells("A2:B2")

    def filtered(page):
        page.auto_filter.ref = "A1:C4"
        page.auto_filter.add_filter_column(0, ["NO"])

    assert places(tmp_path, workbook(tmp_path, TABLE, change=hide)) == [2, 3]
    assert places(tmp_path, workbook(tmp_path, TABLE, change=filtered)) == [1]


def test_a_merged_title_above_the_headings_is_none(tmp_path):
    name = workbook(
        tmp_path, [["Roster", None, None], *TABLE, ["Total", 3, None]], change=lambda p: p.merge_cells("A1:C1")
    )
    assert [row["id"] for row in rows(tmp_path, name, header_row=2, footer=1)] == ["00123", "NO", "1E5"]


def test_an_empty_or_too_wide_row_and_an_uncomputed_or_failed_formula_are_faults(tmp_path):
    name = workbook(
        tmp_path, [["id", "name"], ["1", "a"], [None, None], ["2", "b", "stray"], ["3", "=A2"], ["4", "#REF!"]]
    )
    assert places(tmp_path, name) == [3, 4, 5, 6]


def test_one_of_several_sheets_must_be_named(tmp_path):
    def second(page):
        page.parent.create_sheet("Other").append(["x"])

    name = workbook(tmp_path, TABLE, change=second)
    assert mistakes(tmp_path, name) == [(0, "there is more than one sheet, and `sheet` names none")]
    assert mistakes(tmp_path, name, sheet="Nope") == [(0, "no sheet is called 'Nope'")]
    assert len(rows(tmp_path, name, sheet="Sheet")) == 3
    assert rows(tmp_path, name, sheet="Other") == []


def test_no_workbook_a_bomb_and_a_stray_far_cell_are_refused(tmp_path):
    write(tmp_path, "old.xlsx", b"\xd0\xcf\x11\xe0")
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bomb:
        part = b"\0" * 2**20
        for number in range(2):
            with bomb.open(f"xl/{number}", "w") as entry:
                for _ in range(300):
                    entry.write(part)
    assert mistakes(tmp_path, "old.xlsx") == [(0, "is no Excel workbook, or a damaged one")]
    assert mistakes(tmp_path, "bomb.xlsx") == [(0, "unpacks to 600 MiB, 512 MiB allowed")]
    far = workbook(tmp_path, TABLE, change=lambda page: page.cell(1_048_576, 16_384, "x"))
    assert places(tmp_path, far) == [1_048_576]


def test_nested_json_is_reached_by_dotted_paths(tmp_path):
    entries = [{"id": "1", "boss": [{"id": "3"}], "n": 5}, {"id": "2", "boss": [], "tags": {}}]
    write(tmp_path, "t.json", json.dumps({"data": {"people": entries}}))
    read = sheets.read("t.json", SheetOptions(records="data.people"), folder=tmp_path, ids=["id", "boss.0.id"])
    assert [(line, row.get("boss.0.id")) for line, row in read.rows] == [(1, "3"), (2, None)]
    assert read.rows[0][1]["n"] == "5"
    assert read.has("boss.0.id")
    assert read.has("tags.0.name")
    assert not read.has("bos.0.id")


def test_json_integers_may_be_ids_and_other_numbers_not(tmp_path):
    write(tmp_path, "t.json", '[{"id": 10026}, {"id": 1.5}, {"id": true}]')
    assert places(tmp_path, "t.json", ids=["id"]) == [2, 3]


@pytest.mark.parametrize(
    "data",
    [
        "{",
        '{"a": [{}]}',
        '[{"a": 1, "a": 2}]',
        '[{"a": NaN}]',
        '["x"]',
        '[{"a.b": 1, "a": {"b": 2}}]',
        "[" * 100_000,
        '[{"a": "\\ud800"}]',
        '[{"a": ' + "9" * 5_000 + "}]",
    ],
)
def test_json_that_is_not_a_clean_list_of_objects_is_refused(tmp_path, data):
    write(tmp_path, "t.json", data)
    assert len(places(tmp_path, "t.json")) == 1


def test_json_nested_too_deep_does_not_run_away(tmp_path):
    write(tmp_path, "t.json", '[{"a": ' + "[" * 60 + "1" + "]" * 60 + "}]")
    assert len(sheets.read("t.json", folder=tmp_path).columns) == 1


def test_parquet_needs_text_ids_and_keeps_times(tmp_path):
    at = datetime(2026, 1, 31, 9, tzinfo=UTC)
    table = pa.table(
        {
            "id": pa.array([7, 8]),
            "last": pa.array([at, None], pa.timestamp("ns", "UTC")),
            "day": pa.array([date(2026, 1, 31), None]),
            "boss": pa.array([{"id": "1"}, None]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    assert places(tmp_path, "t.parquet", ids=["id"]) == [1, 2]
    read = sheets.read("t.parquet", folder=tmp_path)
    assert read.stored_dates == {(1, "last"): at, (1, "day"): date(2026, 1, 31)}
    assert read.rows[0][1]["boss.id"] == "1"
    pq.write_table(pa.table({"id": ["Zoë"]}), tmp_path / "t.parquet", compression="none", use_dictionary=False)
    torn = (tmp_path / "t.parquet").read_bytes().replace("Zoë".encode(), b"Zo\xff\xff")
    write(tmp_path, "torn.parquet", torn)
    assert mistakes(tmp_path, "torn.parquet") == [(0, "is no Parquet file")]
    write(tmp_path, "none.parquet", b"PAR1 no")
    assert mistakes(tmp_path, "none.parquet") == [(0, "is no Parquet file")]


def test_a_small_parquet_file_of_very_many_rows_is_refused(tmp_path):
    pq.write_table(
        pa.table({f"c{number}": pa.nulls(2_000_000, pa.string()) for number in range(51)}), tmp_path / "t.parquet"
    )
    assert (tmp_path / "t.parquet").stat().st_size < 300_000
    assert mistakes(tmp_path, "t.parquet") == [(0, "holds 102,000,000 cells, 100,000,000 allowed")]


def test_parquet_and_json_values_of_other_kinds_become_text(tmp_path):
    table = pa.table(
        {"a": pa.array([b"\x01"]), "b": pa.array([time(9, 30)]), "c": pa.array([Decimal("1.50")]), "d": [2.0]}
    )
    pq.write_table(table, tmp_path / "t.parquet")
    assert rows(tmp_path, "t.parquet") == [{"a": "01", "b": "09:30:00", "c": "1.50", "d": "2"}]
    pq.write_table(pa.Table.from_arrays([pa.array(["1"])] * 2, names=["a", "a"]), tmp_path / "t.parquet")
    assert mistakes(tmp_path, "t.parquet") == [(0, "the heading 'a' stands more than once")]


def test_the_path_to_json_records_may_pass_a_list_and_must_exist(tmp_path):
    write(tmp_path, "t.json", '{"pages": [{"rows": [{"id": "1"}]}]}')
    assert rows(tmp_path, "t.json", records="pages.0.rows") == [{"id": "1"}]
    assert mistakes(tmp_path, "t.json", records="pages.1.rows") == [
        (0, "nothing at 'pages.1.rows' (`records`): no '1'")
    ]


def test_a_damaged_workbook_is_a_fault_whatever_part_is_damaged(tmp_path):
    whole = (tmp_path / workbook(tmp_path, TABLE)).read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive, zipfile.ZipFile(tmp_path / "t.xlsx", "w") as damaged:
        for name in archive.namelist():
            part = archive.read(name)
            damaged.writestr(name, part.replace(b"summaryBelow", b"somethingElse"))
    assert mistakes(tmp_path, "t.xlsx") == [(0, "is no Excel workbook, or a damaged one")]


def test_a_computed_formula_has_its_value_and_a_failed_one_is_a_fault(tmp_path):
    def computed(value: bytes) -> bytes:  # type: ignore[return]
        whole = (tmp_path / workbook(tmp_path, [["id", "name"], ["1", "=A2"]])).read_bytes()
        with zipfile.ZipFile(io.BytesIO(whole)) as archive, zipfile.ZipFile(tmp_path / "t.xlsx", "w") as saved:
            for name in archive.namelist():
                part = archive.read(name)
                if name.endswith("sheet1.xml"):
                    assert b'<c r="B2"><f>A2</f><v' in part
                    start = part.index(b'<c r="B2">')
                    part = part[:start] + value + part[part.index(b"</c>", start) :]
                saved.writestr(name, part)

    computed(b'<c r="B2" t="str"><f>A2</f><v>one</v>')
    assert rows(tmp_path, "t.xlsx") == [{"id": "1", "name": "one"}]
    computed(b'<c r="B2" t="e"><f>A2</f><v>#REF!</v>')
    assert mistakes(tmp_path, "t.xlsx") == [(2, "a formula that failed")]


def test_headings_that_are_malformed_and_unknown_or_absurd_settings_are_refused(tmp_path):
    write(tmp_path, "t.csv", 'id,"na"me\n1,a\n2,b,c\n')
    assert places(tmp_path, "t.csv") == [1]
    write(tmp_path, "marked.csv", HEADER.encode("utf-8-sig"))
    assert places(tmp_path, "marked.csv", encoding="klingon") == [1]
    write(tmp_path, "odd.csv", "\ufeffid,n\n1".encode("utf-16-le") + b"\x00")
    assert places(tmp_path, "odd.csv") == [0]
    with pytest.raises(WorkspaceError, match="header_row"):
        sheets.read("t.csv", SheetOptions(header_row=0), folder=tmp_path)


def test_an_fsspec_url_is_read_and_its_secrets_stay_out_of_messages(tmp_path):
    write(tmp_path, "t.csv", HEADER + "1,a\n2\n")
    os.utime(tmp_path / "t.csv", (1_700_000_000, 1_700_000_000))
    assert places(Path("/"), f"file://{tmp_path}/t.csv") == [3]
    write(tmp_path, "t.csv", HEADER + "1,a\n")
    os.utime(tmp_path / "t.csv", (1_700_000_000, 1_700_000_000))
    read = sheets.read(f"file://{tmp_path}/t.csv", folder=Path("/"))
    assert read.modified == datetime.fromtimestamp(1_700_000_000, UTC)
    assert sheets.shown("sftp://me:secret@host/a.csv?sig=secret") == "sftp://host/a.csv"
    assert sheets.shown("zip://a.csv::https://me:secret@host/b.zip?sig=secret") == "zip://a.csv::https://host/b.zip"
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("in/a.csv", HEADER + "1,a\n")
    assert len(sheets.read(f"zip://in/a.csv::file://{tmp_path}/export.zip", folder=Path("/")).rows) == 1
    with pytest.raises(OSError, match=r"^nowhere://host/a\.csv cannot be read: ValueError$"):
        sheets.read("nowhere://me:secret@host/a.csv?sig=secret", folder=tmp_path)


def test_a_missing_file_and_an_unknown_kind_are_told_apart(tmp_path):
    with pytest.raises(OSError, match="none"):
        sheets.read("none.csv", folder=tmp_path)
    with pytest.raises(WorkspaceError):
        sheets.read("t.xls", folder=tmp_path)

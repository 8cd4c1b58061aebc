"""What is said of a file whose headings are others than the source file names: what they are now, and what to do."""

from typing import Any

import openpyxl
import pytest

from access_review.connectors.tabular import sheets
from access_review.errors import WorkspaceError
from tests.connectors.small_sources import ROSTER, read

PEOPLE = "id,name,mail,status,start,end\n7,Ana,a@x.test,Active,2026-01-05,\n"


TABLE: dict[str, Any] = {"columns": {"account": "id", "display_name": "name", "mail": "mail"}}


def said(folder, text, connector):
    (folder / "export.csv").write_text(text, "utf-8")
    options = ROSTER if connector == "roster" else TABLE
    with pytest.raises(WorkspaceError) as error:
        read(connector, folder, path="export.csv", **options)
    return [(one.message, one.hint) for one in error.value.mistakes]


@pytest.mark.parametrize("connector", ["roster", "table"])
def test_a_heading_that_is_another_now_is_looked_for_among_those_that_nothing_is_read_of(tmp_path, connector):
    text = PEOPLE.replace("mail,status,start,end", "mail,status,start,end,Kostenstelle").replace("05,", "05,,4711")
    renamed = text.replace("id,", "Personalkennung,", 1)
    left = {"roster": "Personalkennung, Kostenstelle", "table": "Personalkennung, status, start, end, Kostenstelle"}
    assert said(tmp_path, renamed, connector) == [
        ("has no column 'id'", f"has it another heading now? Nothing is read of {left[connector]}")
    ]
    assert said(tmp_path, text.replace("mail", "E-Mail", 1), connector) == [
        ("has no column 'mail'", "is 'E-Mail' meant?")
    ]


QUOTED = "".join(",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in PEOPLE.splitlines())


@pytest.mark.parametrize("connector", ["roster", "table"])
@pytest.mark.parametrize("text", [PEOPLE, QUOTED, PEOPLE.replace("Ana", '"Ana, B"')])
@pytest.mark.parametrize(("mark", "name"), [(";", "a semicolon"), ("\t", "a tab"), ("|", "a bar")])
def test_another_delimiter_is_one_mistake_and_no_lack_of_every_column(tmp_path, connector, text, mark, name):
    options = {**(ROSTER if connector == "roster" else TABLE), "delimiter": ","}
    (tmp_path / "export.csv").write_text(text.replace(",", mark).replace(f"{mark} B", ", B"), "utf-8")
    with pytest.raises(WorkspaceError) as error:
        read(connector, tmp_path, path="export.csv", **options)
    assert [(one.message, one.hint) for one in error.value.mistakes] == [
        (f"its columns are parted by {name}, and not by ','", f"set `delimiter: {mark!r}` in the source file")
    ]


@pytest.mark.parametrize(
    ("above", "message"),
    [
        (2, "there are no headings: the line is empty (do the headings stand on line 3? Set `header_row`)"),
        (None, "there are no headings: the sheet is empty"),
    ],
)
def test_a_sheet_that_begins_below_says_where(tmp_path, above, message):
    book = openpyxl.Workbook()
    if above:
        book.active.append(["Login", "Role"])
        book.active.append(["ana", "Clerk"])
        book.active.insert_rows(1, above)
    book.save(tmp_path / "list.xlsx")
    with pytest.raises(WorkspaceError) as error:
        sheets.read("list.xlsx", folder=tmp_path)
    assert str(error.value.mistakes[0]).endswith(message)

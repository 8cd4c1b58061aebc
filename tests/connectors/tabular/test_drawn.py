"""Lists drawn with bars and rules: SAP's, a database's; what is no row of them is said."""

import pytest

from access_review.connectors.tabular.delimited import read_delimited
from access_review.errors import WorkspaceError

SE16 = """\
Tabelle:        AGR_USERS
Angezeigte Felder:   4 von   4  Feststehende Führungsspalten: 3
----------------------------------------------------
| |MANDT|AGR_NAME      |UNAME       |TO_DAT    |
----------------------------------------------------
| |100  |Z_FI_DISPLAY  |AMUELLER    |31.12.9999|
| |100  |Z_FI_POST     |JWEISS      |31.12.2026|
----------------------------------------------------
"""

MYSQL = """\
+----------+-------------+
| login    | role        |
+----------+-------------+
| amueller | viewer      |
| jweiss   |             |
+----------+-------------+
"""

MARKDOWN = """\
| login    | role   |
|:---------|-------:|
| amueller | viewer |
"""

PAGES = SE16 + "\f\n" + SE16.replace("AMUELLER", "ZBAKKER ").replace("JWEISS", "LPETIT")


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        pytest.param(
            SE16,
            ("MANDT", "AGR_NAME", "UNAME", "TO_DAT"),
            [
                (6, ("100", "Z_FI_DISPLAY", "AMUELLER", "31.12.9999")),
                (7, ("100", "Z_FI_POST", "JWEISS", "31.12.2026")),
            ],
            id="SAP, with titles and a column to mark rows in",
        ),
        pytest.param(MYSQL, ("login", "role"), [(4, ("amueller", "viewer")), (5, ("jweiss", ""))], id="MySQL"),
        pytest.param(MARKDOWN, ("login", "role"), [(3, ("amueller", "viewer"))], id="Markdown, that no rule closes"),
        pytest.param(
            MYSQL.replace("\n", "\r\n"),
            ("login", "role"),
            [(4, ("amueller", "viewer")), (5, ("jweiss", ""))],
            id="CRLF",
        ),
        pytest.param("\n".join(MYSQL.splitlines()[:3]), ("login", "role"), [], id="headings alone"),
    ],
)
def test_a_drawn_list_is_read_by_its_bars(text, columns, rows):
    raw = read_delimited(text.encode(), "list.txt")
    assert not raw.mistakes
    assert (raw.columns, list(raw.rows)) == (columns, rows)


def test_titles_and_headings_of_a_further_page_are_no_rows():
    raw = read_delimited(PAGES.encode(), "list.txt")
    assert not raw.mistakes
    assert [row[2] for _, row in raw.rows] == ["AMUELLER", "JWEISS", "ZBAKKER", "LPETIT"]


@pytest.mark.parametrize("kept", range(6, 8))
def test_a_list_without_its_closing_rule_may_be_cut(kept):
    raw = read_delimited("".join(SE16.splitlines(keepends=True)[:kept]).encode(), "list.txt")
    (mistake,) = raw.mistakes
    assert (mistake.line, mistake.message) == (kept, "no rule closes the list, as one opens it: was the file cut?")


def test_what_stands_between_no_bars_is_said_with_its_line():
    lines = SE16.splitlines(keepends=True)
    raw = read_delimited("".join([*lines[:6], lines[6][:20] + "\n", *lines[7:]]).encode(), "list.txt")
    assert [(one.line, one.message) for one in raw.mistakes] == [
        (7, "stands between no bars, as the rows of this list do")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "login|role\namueller|viewer\n",
        "|role\n|viewer\n",
        'login,note\na,"| b | c |"\n',
        "a||b\n---|---|---\n",
    ],
)
def test_bars_between_columns_draw_no_list(text):
    assert len(read_delimited(text.encode(), "list.csv").columns) > 1


def test_a_bar_inside_a_cell_is_no_column_that_is_left_out():
    text = MYSQL.replace("viewer ", "view|er")
    raw = read_delimited(text.encode(), "list.txt")
    assert [len(row) for _, row in raw.rows] == [3, 2]


def test_a_source_says_where_to_look(tmp_path):
    from access_review.connectors.tabular import sheets

    (tmp_path / "list.txt").write_text(MYSQL.replace("viewer ", "view|er"), encoding="utf-8")
    with pytest.raises(WorkspaceError) as error:
        sheets.read("list.txt", folder=tmp_path)
    assert [(one.line, one.message) for one in error.value.mistakes] == [(4, "3 columns where 2 are expected")]

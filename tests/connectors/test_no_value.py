"""What stands for nothing, in every reader, is nothing; and what only looks like it is what it says."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from access_review.connectors import no_value
from access_review.connectors.ad.windows_values import filetime
from access_review.connectors.no_value import NoDate
from access_review.connectors.tabular import instants
from tests.connectors.small_sources import read_table


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\u00a0",
        "\u200b\u2060",
        "\t\u3000",
        "N/A",
        " n/a ",
        "#N/A",
        "NULL",
        "None",
        "nan",
        "NaN",
        "-",
        "\u2014",
        "0000-00-00",
    ],
)
def test_texts_for_nothing(text):
    assert no_value.is_nothing(text)
    assert no_value.is_nothing_dated(text)


@pytest.mark.parametrize("text", ["0", "NA", "NO", "00123", "1E5", "nane", "Nancy", "n", "--x", "00000000"])
def test_texts_that_say_something(text):
    assert not no_value.is_nothing(text)


def test_people_may_be_called_null_and_a_source_has_words_of_its_own():
    assert not no_value.is_nothing("Null", name=True)
    assert no_value.is_nothing("N/A", name=True)
    assert no_value.is_nothing("unbekannt", {"unbekannt"})
    assert not no_value.is_nothing("unbekannt")


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(1, 1, 1), NoDate.ZERO),
        (date(1601, 1, 1), NoDate.ZERO),
        (date(1753, 1, 1), NoDate.ZERO),
        (date(1816, 3, 30), NoDate.ZERO),
        (date(1899, 12, 30), NoDate.ZERO),
        (date(1900, 1, 1), NoDate.ZERO),
        (date(1970, 1, 1), NoDate.ZERO),
        (date(2999, 12, 31), NoDate.END),
        (date(4712, 12, 31), NoDate.END),
        (date(9999, 12, 31), NoDate.END),
        (date(1904, 1, 2), None),
        (date(1970, 1, 2), None),
        (date(2024, 1, 1), None),
        (datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), NoDate.ZERO),
        (datetime(1970, 1, 1, 1, tzinfo=UTC), None),
        (datetime(1970, 1, 1, 5, 30), NoDate.ZERO),  # noqa: DTZ001 - the zero as a clock in India shows it
        (datetime(1970, 1, 1, 5, 31), None),  # noqa: DTZ001
    ],
)
def test_zeros_and_ends_of_calendars(day, why):
    assert no_value.no_date(day) is why


@pytest.mark.parametrize(
    "text",
    [
        "System.Object[]",
        "System.String[]",
        "Microsoft.ActiveDirectory.Management.ADPropertyValueCollection",
        "System.Collections.Generic.List`1[System.String]",
        "[object Object]",
        "@{Name=ana; Role=Agent}",
        "[Ljava.lang.String;@1b6d3586",
        "<crm.Role object at 0x7f3a>",
    ],
)
def test_names_of_types(text):
    assert no_value.is_type_name(text)


@pytest.mark.parametrize(
    "text", [None, "ana@norwind.example.test", "corp.example.test", "app.admin[eu]", "Microsoft.Teams"]
)
def test_what_is_no_name_of_a_type(text):
    assert not no_value.is_type_name(text)


def test_numbers_of_windows_at_both_ends_are_no_dates():
    assert [filetime(n) for n in (0, -1, 1, 2**63 - 1, 2**63 - 2)] == [None] * 5
    assert filetime(133_500_000_000_000_000) is not None


@pytest.mark.parametrize(
    ("text", "form", "at"),
    [
        ("2026-09-30-07:00", "%Y-%m-%d", date(2026, 9, 30)),
        ("2026-09-30Z", "%Y-%m-%d", date(2026, 9, 30)),
        ("2026-09-30T08:00:00+0200", "%Y-%m-%dT%H:%M:%S", datetime(2026, 9, 30, 6, tzinfo=UTC)),
        ("/Date(1790726400000)/", "%Y-%m-%d", date(2026, 9, 30)),
        ("/Date(1790730000000)/", "%Y-%m-%d", datetime(2026, 9, 30, 1, tzinfo=UTC)),
    ],
)
def test_dates_with_an_offset_and_in_milliseconds(text, form, at):
    assert instants.parse(text, form) == at


def test_a_cell_with_the_name_of_a_type_makes_a_list_incomplete(tmp_path):
    found = read_table(tmp_path, "login,role\nana,System.Object[]\nben,System.Object[]\n")
    assert not found.get("grants")
    assert not found.get("entitlements")
    assert "names of types" in found.reasons["grants"]


def test_the_zero_of_unix_as_last_use_is_never(tmp_path):
    text = "login,used,made\nana,1970-01-01T00:00:00Z,2026-06-01T08:00:00Z\nben,9999-12-31T00:00:00Z,1900-01-01T00:00:00Z\n"
    columns = {"account": "login", "last_used": "used", "created_at": "made"}
    found = read_table(tmp_path, text, columns=columns, dates="%Y-%m-%dT%H:%M:%SZ", timezone="UTC")
    used = {row["name"]: (row["never_used"], row["last_used_latest"], row["created_at"]) for row in found["accounts"]}
    assert used == {"ana": (True, None, datetime(2026, 6, 1, 8, tzinfo=UTC)), "ben": (None, None, None)}


def test_a_mail_that_says_nothing_is_nobody_s(tmp_path):
    found = read_table(
        tmp_path,
        "login,mail\nana,N/A\nben,-\ncy,keine\n",
        columns={"account": "login", "mail": "mail"},
        empty=["keine"],
    )
    assert [row.get("mail") for row in found["accounts"]] == [None] * 3


def test_words_that_are_declared_are_taken_as_they_stand(tmp_path):
    options = {"columns": {"account": "login", "enabled": "on"}, "enabled": {"yes": ["-"], "no": ["None"]}}
    found = read_table(tmp_path, "login,on\nana,-\nben,None\ncy,N/A\n", **options)
    assert [row["enabled"] for row in found["accounts"]] == [True, False, None]
    assert not found.get("problems")

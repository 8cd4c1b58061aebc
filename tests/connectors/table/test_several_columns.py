"""What several columns say together, or one says twice: the last of several uses, a state that is a role too."""

import pytest

from access_review.connectors.table.columns import TableColumns, misfits
from tests.connectors.small_sources import read_table

USES = {
    "columns": {"account": "user", "last_used": ["password", "key 1", "key 2"]},
    "dates": "%Y-%m-%d",
    "timezone": "UTC",
    "never": ["no_information"],
}


def account(folder, row):
    found = read_table(folder, f"user,password,key 1,key 2\n{row}\nzoe,2026-10-01,,\n", **USES)
    return next(one for one in found["accounts"] if one["name"] == "ana"), found


@pytest.mark.parametrize(
    ("row", "day", "never"),
    [
        ("ana,2024-02-01,2026-10-20,N/A", "2026-10-20", False),
        ("ana,no_information,N/A,2026-09-01", "2026-09-01", False),
        ("ana,no_information,no_information,no_information", None, True),
        ("ana,no_information,N/A,N/A", None, None),
        ("ana,2024-02-01,yesterday,N/A", None, None),
        ("ana,N/A,N/A,N/A", None, None),
    ],
)
def test_an_account_was_last_used_by_the_latest_of_its_columns(tmp_path, row, day, never):
    found, _ = account(tmp_path, row)
    assert (found["last_used_earliest"] and f"{found['last_used_earliest']:%Y-%m-%d}", found["never_used"]) == (
        day,
        never,
    )


def test_an_unreadable_last_use_is_said_with_its_line(tmp_path):
    _, found = account(tmp_path, "ana,2024-02-01,yesterday,N/A")
    assert "export.csv:2: last_used 2 is not written as" in found.texts()


def test_several_last_uses_have_their_place_where_one_has():
    columns = TableColumns(account="a", last_used=("b", "c"))
    assert not list(misfits("grants", columns, {}))
    assert list(misfits("custody", columns.model_copy(update={"person": "p"}), {}))


def test_words_for_an_account_that_is_shut_are_no_role(tmp_path):
    found = read_table(
        tmp_path,
        "user,status\nana,Member\nben,Admin\ncleo,Deactivated\n",
        columns={"account": "user", "enabled": "status", "entitlement": "status"},
        enabled={"yes": ["Member", "Admin"], "no": ["Deactivated"]},
    )
    assert {one["name"]: one["enabled"] for one in found["accounts"]} == {"ana": True, "ben": True, "cleo": False}
    assert sorted(one["name"] for one in found["entitlements"]) == ["Admin", "Member"]
    assert sorted(one["account"] for one in found["grants"]) == ["app:user:ana", "app:user:ben"]

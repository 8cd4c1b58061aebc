"""What several columns say together, or one says twice: the last of several uses, a state that is a role too."""

import json

import pytest

from access_review.connectors.table.columns import TableColumns, misfits
from access_review.errors import WorkspaceError
from tests.connectors.small_sources import read, read_table

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


MATRIX = {"columns": {"account": "staff"}, "matrix": {"held": ["x"], "not_held": ["0"], "apart": ["Name"]}}


def test_a_matrix_is_read_by_its_marks_with_the_things_that_it_has_now(tmp_path):
    text = "staff,Name,Read,Post,Audit\n1,Ana,X,,x\n2,Ben,0,n/a,\n3,Cleo,,x,\n"
    found = read_table(tmp_path, text, **MATRIX)
    assert sorted((one["account"], one["entitlement"]) for one in found["grants"]) == [
        ("app:user:1", "app:role:Audit"),
        ("app:user:1", "app:role:Read"),
        ("app:user:3", "app:role:Post"),
    ]
    assert [one["name"] for one in found["accounts"]] == ["1", "2", "3"], "whoever holds nothing is there too"
    assert not found.reasons
    assert not found.texts()


UNMARKED = "nothing is marked in any row: a failed export looks the same"


@pytest.mark.parametrize(
    ("text", "reason", "held"),
    [
        ("staff,Name,Read\n1,Ana,partly\n2,Ben,maybe\n3,Cleo,x\n", "Read cannot be read in 2 of 3 rows, 1% may", 1),
        ("staff,Name,Read,Cost\n1,Ana,x,4711\n2,Ben,x,4712\n", "Cost cannot be read in 2 of 2 rows, 1% may", 2),
        ("staff,Name,Read\n1,Ana,\n2,Ben,\n", UNMARKED, 0),
        ("staff,Name,Read\n1,Ana,\n2,Ben,0\n", None, 0),
    ],
)
def test_a_mark_that_nobody_declared_is_neither_held_nor_not(tmp_path, text, reason, held):
    found = read_table(tmp_path, text, **MATRIX)
    assert found.reasons.get("grants") == reason
    assert len(found.get("grants", [])) == held


@pytest.mark.parametrize(("blank", "ben"), [({"blank": "yes"}, True), ({}, None)])
def test_an_empty_cell_is_yes_only_where_the_source_says_so(tmp_path, blank, ben):
    found = read_table(
        tmp_path,
        "user,locked\nana,X\nben,\n",
        columns={"account": "user", "enabled": "locked"},
        enabled={"yes": ["false"], "no": ["X"], **blank},
    )
    assert {one["name"]: one["enabled"] for one in found["accounts"]} == {"ana": False, "ben": ben}
    assert not found.texts()


PEOPLE = [{"user": f"u{n}", "roles": [{"id": i, "name": f"r{i}"} for i in range(n)], "tags": []} for n in range(3)]


def read_json(folder, records, **columns):
    (folder / "export.json").write_text(json.dumps(records), "utf-8")
    return read("table", folder, path="export.json", columns={"account": "user", **columns})


def test_each_object_of_a_list_is_held(tmp_path):
    found = read_json(tmp_path, PEOPLE, entitlement="roles.name")
    held = [("app:user:u1", "app:role:r0"), ("app:user:u2", "app:role:r0"), ("app:user:u2", "app:role:r1")]
    assert sorted((one["account"], one["entitlement"]) for one in found["grants"]) == held
    assert len(found["accounts"]) == 3


@pytest.mark.parametrize("column", ["roles.0.name", "roles.1.name"])
def test_one_of_several_in_a_list_is_not_all_that_is_held(tmp_path, column):
    with pytest.raises(WorkspaceError) as error:
        read_json(tmp_path, PEOPLE, entitlement=column)
    (mistake,) = error.value.mistakes
    assert (mistake.hint, mistake.file) == ("name the list: roles.name", "export.json")


def test_one_in_a_list_is_held_where_nobody_has_two(tmp_path):
    assert len(read_json(tmp_path, PEOPLE[:2], entitlement="roles.0.name")["grants"]) == 1

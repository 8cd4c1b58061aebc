import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_review.tables import TABLES, digest, empty, frame

PERSON = {"person": "hr:person:1", "source": "hr", "native_id": "1", "kind": "employee", "status": "active"}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{**PERSON, "shoe": 1}], "unknown column 'shoe'"),
        ([{**PERSON, "kind": "robot"}], "kind 'robot' is not one of"),
        ([{**PERSON, "native_id": None}], "native_id is missing in 1 of 1"),
        ([PERSON, PERSON], "stands more than once"),
        ([{**PERSON, "left_at_latest": "yesterday"}], "people: "),
    ],
)
def test_a_row_that_breaks_its_contract_is_refused(rows, words):
    with pytest.raises(ValueError, match=words):
        frame("people", rows)


@given(st.lists(st.text(max_size=20), unique=True), st.randoms())
def test_the_order_of_rows_does_not_matter(values, random):
    rows = [{"scheme": "sid", "value": value, "id": "x"} for value in values]
    shuffled = rows[:]
    random.shuffle(shuffled)
    assert frame("aliases", rows).equals(frame("aliases", shuffled))
    assert digest(frame("aliases", rows)) == digest(frame("aliases", shuffled))


def test_unknown_is_not_empty_and_the_digest_sees_it():
    unknown = frame("people", [PERSON])
    blank = frame("people", [{**PERSON, "name": ""}])
    assert digest(unknown) != digest(blank)


def test_anyone_can_repeat_the_digest():
    named = {"scheme": "sam", "value": 'NORWIND\\O"Hara\nß', "id": "ad:user:1"}
    text = '"scheme","value","id"\n"sam","NORWIND\\O""Hara\nß","ad:user:1"\n'
    assert digest(frame("aliases", [named])) == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_every_key_names_columns_and_every_set_of_values_stands_on_a_required_column():
    for name, table in TABLES.items():
        assert set(table.key) <= set(table.schema.names), name
        assert all(table.requires(column) for column in table.columns if column.among), name
        assert len(empty(name)) == 0

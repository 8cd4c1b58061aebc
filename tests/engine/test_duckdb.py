from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_review.engine.duckdb import EmbeddedEngine
from access_review.engine.kept import KeptDatabase
from access_review.engine.sql import bind
from access_review.model import AsOf, Relation
from tests.support.snapshots import AS_OF


@pytest.fixture(scope="module")
def engine():
    with EmbeddedEngine(AS_OF) as engine:
        yield engine


@given(st.text())
def test_text_goes_in_and_comes_out_unchanged(engine, text):
    text = text.replace("\0", "")  # no SQL text holds NUL
    assert engine.rows("SELECT :text AS text", text=text) == [{"text": text}]


def test_every_kind_of_value_is_bound(engine):
    found = engine.rows(
        "SELECT :yes AS yes, :none AS none, :n + 1 AS n, :at AS at, 'b' IN :names AS there, 'a' IN :nobody AS nowhere",
        yes=True,
        none=None,
        n=41,
        at=AsOf(timedelta(days=-1)),
        names=["a", "b"],
        nobody=(),
    )[0]
    assert found["yes"] is True
    assert found["none"] is None
    assert found["n"] == 42
    assert found["at"] == datetime(2026, 1, 31, tzinfo=UTC)
    assert found["there"] is True
    assert found["nowhere"] is None


@pytest.mark.parametrize("small", [0, 1000])
def test_a_table_is_empty_when_it_has_no_row_and_nobody_knows_of_a_view(small):
    with EmbeddedEngine(AS_OF, small=small) as engine:
        engine.register("known", pa.table({"id": ["a", "b"]}))
        engine.register("nobody", pa.table({"id": pa.array([], pa.string())}))
        engine.identify({"things": "SELECT id FROM known"})
        engine.narrow("nobody", "SELECT * FROM nobody", ids={"id": "things"})
        engine.narrow("known", "SELECT * FROM known", ids={"id": "things"})
        assert (engine.is_empty("known"), engine.is_empty("nobody")) == (False, True)
        engine.create("made", "SELECT * FROM known WHERE id = 'c'")
        engine.view("seen", "SELECT * FROM nobody")
        assert (engine.is_empty("made"), engine.is_empty("seen"), engine.is_empty("unheard_of")) == (True, False, False)
        engine.create("made", "SELECT * FROM known")
        engine.create("nobody", "SELECT * FROM nobody UNION ALL SELECT * FROM known")
        assert (engine.is_empty("made"), engine.is_empty("nobody")) == (False, False)
        engine.drop("made")
        assert not engine.is_empty("made")


def test_what_looks_like_a_parameter_inside_text_is_text(engine):
    assert engine.rows("SELECT 'at 10:30 :x ''y'' :z' AS t, CAST('1' AS INTEGER)::BIGINT AS n")[0]["t"].endswith(":z")


def test_a_parameter_that_is_not_given_is_an_error():
    with pytest.raises(KeyError, match="cutoff"):
        bind("SELECT :cutoff", {}, AS_OF)


def test_a_statement_reaches_no_extension_from_outside(engine):
    assert engine.rows("SELECT current_setting('autoinstall_known_extensions') AS off")[0]["off"] in (False, "false")


def test_a_small_frame_may_be_computed(engine):
    engine.register("numbers", pa.table({"n": [3, 1, 2]}))
    relation = Relation("SELECT n FROM numbers WHERE n > :least", {"least": 1}, lambda df: df.sort_values("n"))
    assert engine.run(relation).to_pylist() == [{"n": 2}, {"n": 3}]


def test_one_number_is_one_id_whatever_its_kind_and_other_text_stands_beside():
    with EmbeddedEngine(AS_OF, small=0) as engine:
        engine.register("people", pa.table({"person": ["p2", "p1"]}))
        engine.register("groups", pa.table({"name": ["g1"]}))
        engine.identify({"people": "SELECT person FROM people", "groups": "SELECT name FROM groups"})
        engine.narrow("people", "SELECT * FROM people", ids={"person": "people"})
        engine.create("mixed", "SELECT person AS subject, 'pair-9' AS about FROM people UNION ALL SELECT 'g1', 'p2'")
        sql = engine.referring("mixed", ("subject", "about"))
        assert engine.rows(f"SELECT * FROM ({sql}) AS m JOIN people ON people.person = m.about") == [
            {"subject": "g1", "subject_text": None, "about": "p2", "about_text": None, "person": "p2"}
        ]
        beside = engine.rows(
            f"SELECT subject, about, about_text FROM ({sql}) AS m WHERE about IS NULL ORDER BY subject"
        )
        assert beside == [{"subject": p, "about": None, "about_text": "pair-9"} for p in ("p1", "p2")]


def test_what_is_kept_is_known_to_have_no_row_only_where_it_has_none(tmp_path):
    with KeptDatabase(tmp_path / "kept.duckdb", AS_OF) as kept:
        kept.engine.create("no_row", "SELECT 1 AS one WHERE FALSE")
        kept.engine.create("one_row", "SELECT 1 AS one")
        kept.engine.create("filled", "SELECT 1 AS one WHERE FALSE")
        kept.add("filled", pa.table({"one": [1]}))
    with KeptDatabase(tmp_path / "kept.duckdb", AS_OF) as kept:
        assert [name for name in ("no_row", "one_row", "filled") if kept.engine.is_empty(name)] == ["no_row"]

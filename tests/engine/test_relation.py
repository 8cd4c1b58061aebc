import pytest
import sqlglot
from sqlglot import exp

from access_review.engine.duckdb import EmbeddedEngine
from access_review.engine.relation import NamedRelation, lineage
from access_review.engine.sql import tables_read
from access_review.review import RELATIONS, RESTS_ON, establish
from tests.support.planning import company, declared
from tests.support.snapshots import AS_OF, snapshot

FORGOTTEN = {"climbed", "stated", "role_texts"}
"""What nothing reads once its step is over."""


def read_by_sqlglot(sql):
    parsed = sqlglot.parse_one(sql, read="duckdb")
    return {t.name for t in parsed.find_all(exp.Table)} - {cte.alias for cte in parsed.find_all(exp.CTE)}


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
def test_a_relation_says_what_it_reads_and_is_documented(relation):
    assert relation.reads == read_by_sqlglot(relation.sql)
    assert relation.about.endswith(".")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT extract(HOUR FROM t.at) FROM t WHERE a IS NOT DISTINCT FROM t.b",
        "SELECT 'FROM text', \"FROM quoted\" FROM a, b AS c JOIN d USING (e) -- FROM nowhere",
        "WITH a AS (SELECT * FROM real), b AS (SELECT * FROM a) SELECT * FROM b WHERE x IN (SELECT x FROM other)",
    ],
)
def test_names_are_read_where_a_reader_would_read_them(sql):
    assert tables_read(sql) == read_by_sqlglot(sql)


@pytest.mark.parametrize("small", [0, 1_000_000])
def test_every_relation_has_the_columns_that_it_says(small):
    with EmbeddedEngine(AS_OF, threads=1, small=small) as engine:
        establish(snapshot(**company(3)).tables, declared(), engine)
        kept = [relation for relation in RELATIONS if relation.name not in FORGOTTEN]
        found = engine.columns(*(relation.name for relation in kept))
    assert {relation.name: tuple(found[relation.name]) for relation in kept} == {r.name: r.columns for r in kept}


def test_a_relation_that_is_not_selected_would_have_had_no_row():
    skipped = [relation for relation in RELATIONS if relation.empty is not None]
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        establish(snapshot(**company(3)).tables, declared(), engine)
        for relation in skipped:
            assert relation.nothing_without
            assert all(map(engine.is_empty, relation.nothing_without)), "the company has none of these"
            found = engine.query(relation.sql)
            assert (found.schema.names, found.schema.types) == (relation.empty.names, relation.empty.types)
            assert len(found) == 0
            assert set(relation.nothing_without) <= relation.reads
    assert {relation.name for relation in skipped} == {"ticket_parties", "ticket_objects", "ticketed"}


def test_lineage_goes_down_to_the_tables_that_were_read():
    assert RESTS_ON["held"] == ("people", "assignments", "accounts", "entitlements", "grants", "nesting")
    assert RESTS_ON["owned"] == ("people", "accounts", "owners")
    assert RESTS_ON["person_roles"] == ("people", "assignments")
    assert RESTS_ON["waivers"] == ()


def test_relations_that_read_each_other_have_an_end():
    first, second = (
        NamedRelation("a", "A.", ("x",), "SELECT x FROM b"),
        NamedRelation("b", "B.", ("x",), "SELECT x FROM a, t"),
    )
    assert lineage([first, second], ["t"]) == {"a": ("t",), "b": ("t",)}

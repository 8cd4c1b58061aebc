"""Small companies of the benchmark: every way gives the same rows, and nothing depends on where tables are."""

import networkx as nx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from access_review import runs, workspace
from access_review.engine import ParquetFile
from access_review.engine.duckdb import EmbeddedEngine
from access_review.graph import closure, paths, states
from access_review.review import establish, review
from access_review.store import snapshots
from access_review.tables import settle
from bench import ways
from bench.company import SIZES, Company, Size
from bench.measure import digest, once
from bench.peers import Inputs, duckdb_materialised, networkx_per_account, pandas_materialised
from bench.snapshots import write
from tests.support.snapshots import AS_OF

pytestmark = pytest.mark.slow

TINY = Size("tiny", 300, 150, 5)


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """Return the folder of a company's workspace with one run."""
    folder = tmp_path_factory.mktemp("company")
    write(folder, Company(TINY))
    return folder


@pytest.fixture(scope="module")
def inputs(company) -> Inputs:
    return ways.prepare(company)


def test_the_same_seed_is_the_same_company_and_another_is_another(company, tmp_path):
    again, other = write(tmp_path / "again", Company(TINY)), write(tmp_path / "other", Company(TINY, seed=2))
    assert again.id == runs.find(company).id != other.id


def test_what_is_drawn_is_a_snapshot_sorted_and_without_loose_ends(company):
    taken = snapshots.load(runs.find(company))
    assert {len(taken.tables[name]) > 0 for name in ("people", "accounts", "grants", "nesting", "aliases")} == {True}
    for name in taken.tables:
        read = taken.tables[name]
        assert settle(name, read).equals(read), name
    known = set(taken.tables["entitlements"]["entitlement"].to_pylist())
    assert set(taken.tables["grants"]["entitlement"].to_pylist()) <= known


@pytest.mark.parametrize("way", [networkx_per_account, pandas_materialised, duckdb_materialised])
def test_distinct_pairs_flag_the_rows_that_others_flag(company, inputs, tmp_path, way):
    ways.pairs_alone(company, tmp_path / "ours.parquet")
    ways.distinct_pairs(company, tmp_path / "whole.parquet")
    way(inputs, tmp_path / "theirs.parquet")
    assert digest(tmp_path / "ours.parquet")[0] > 100
    assert digest(tmp_path / "ours.parquet") == digest(tmp_path / "theirs.parquet")
    # The whole way also knows what roles forbid, which the others are not told.
    mine, told = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("whole", "theirs"))
    keys = [set(zip(t["account"].to_pylist(), t["entitlement"].to_pylist(), strict=True)) for t in (mine, told)]
    assert keys[0] == keys[1]


@pytest.fixture(scope="module")
def ten_thousand(tmp_path_factory):
    """Return the folder of a company of ten thousand people."""
    folder = tmp_path_factory.mktemp("S")
    write(folder, Company(SIZES["S"]))
    return folder


def test_ten_thousand_people_row_by_row_beside_a_walk_from_each_account(ten_thousand, tmp_path):
    ways.pairs_alone(ten_thousand, tmp_path / "ours.parquet")
    networkx_per_account(ways.prepare(ten_thousand), tmp_path / "theirs.parquet")
    keys = [("account", "ascending"), ("entitlement", "ascending")]
    ours, theirs = (pq.read_table(tmp_path / f"{name}.parquet").sort_by(keys) for name in ("ours", "theirs"))
    assert ours.to_pylist() == theirs.to_pylist()
    assert len(ours) > 40_000


def test_ten_thousand_people_have_the_shortest_path_to_everything_they_reach(ten_thousand):
    tables = snapshots.load(runs.find(ten_thousand)).tables
    ids = tables["entitlements"]["entitlement"].to_pylist()
    closed = {(row["entitlement"], row["reached"]): row["mode"] for row in closure(tables["nesting"], ids).to_pylist()}
    edges = {(row["child"], row["parent"], row["why"], row["mode"]) for row in tables["nesting"].to_pylist()}
    known, graph = paths(tables["nesting"]), states(tables["nesting"])
    for start in ids:
        nearest = {start: (False, 0)}
        walked = nx.single_source_shortest_path_length(graph, at) if (at := (start, False, False)) in graph else {}
        for (reached, _, eligible), steps in walked.items():
            nearest[reached] = min(nearest.get(reached, (eligible, steps)), (eligible, steps))
        found = known.all_from(start)
        assert found.keys() == nearest.keys()
        for reached, steps in found.items():
            ends = [start, *(step.parent for step in steps)]
            assert [step.child for step in steps] == ends[:-1]
            assert ends[-1] == reached
            assert {(step.child, step.parent, step.why, step.mode) for step in steps} <= edges
            assert (closed.pop((start, reached)) == "eligible", len(steps)) == nearest[reached]
    assert not closed


def test_every_path_explains_a_row_of_the_closure_and_no_row_is_without(company):
    tables = snapshots.load(runs.find(company)).tables
    ids = tables["entitlements"]["entitlement"].to_pylist()
    closed = closure(tables["nesting"], ids).to_pylist()
    known = paths(tables["nesting"])
    walked = {(start, reached) for start in ids for reached in known.all_from(start)}
    assert walked == {(row["entitlement"], row["reached"]) for row in closed}


def test_findings_are_the_same_in_memory_and_on_disk_and_with_little_memory(company, tmp_path):
    space, taken = workspace.load(company), snapshots.load(runs.find(company))
    digests = set()
    for memory, to in (("1GB", None), ("1GB", ParquetFile(tmp_path / "findings.parquet")), ("160MB", None)):
        with EmbeddedEngine(taken.as_of, memory, threads=2) as engine:
            report = review(taken, space, engine, to=to)
            assert len(report.findings) > 100
            digests.add(report.digest)
    assert len(digests) == 1


def test_the_spill_is_gone_when_the_engine_is_closed(company):
    taken = snapshots.load(runs.find(company))
    with EmbeddedEngine(taken.as_of) as engine:
        establish(taken.tables, workspace.load(company), engine)
        spill = engine._spill
        assert spill.is_dir()
    assert not spill.exists()


def test_numbers_are_text_to_whoever_asks(tmp_path):
    with EmbeddedEngine(AS_OF, small=0) as engine:
        engine.register("things", pa.table({"id": ["b", "a", "c"], "kind": ["x", "x", "y"]}))
        engine.identify({"things": "SELECT id FROM things"})
        engine.narrow("kept", "SELECT * FROM things", ids={"id": "things"}, few=("kind",))
        assert engine.rows("SELECT * FROM kept ORDER BY id DESC")[0] == {"id": "c", "kind": "y"}
        assert engine.query("SELECT id, kind FROM kept").schema.types == [pa.string(), pa.string()]
        assert [b.num_rows for b in engine.batches("SELECT * FROM kept")] == [3]
        engine.write("SELECT * FROM kept ORDER BY id", ParquetFile(tmp_path / "kept.parquet"))
        assert pq.read_table(tmp_path / "kept.parquet")["id"].to_pylist() == ["a", "b", "c"]
        engine.narrow("kept", "SELECT 'nobody' AS id, 'z' AS kind", ids={"id": "things"})
        assert engine.rows("SELECT * FROM kept") == [{"id": "nobody", "kind": "z"}], "an id nobody knows is kept"


def test_no_way_is_said_to_hold_what_the_process_held_that_started_it(company, inputs, tmp_path):  # noqa: ARG001 - what is prepared
    drawn = bytearray(b"x") * 800_000_000  # every page of it is there
    found = once(ways.ALONE, company, tmp_path / "out.parquet", 120)
    assert found
    assert 50_000_000 < found[2] < len(drawn) / 2

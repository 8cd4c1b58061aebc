import csv
import io
import itertools
import json
from collections import deque
from pathlib import Path

import networkx as nx
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access_review.connectors.tabular.inert import inert
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import Unclear
from access_review.export import EXPORTED, Format, effective
from access_review.facts import FACTS
from access_review.stages.export import write_table
from access_review.tables import TABLES, frame
from tests.support.small_company import AS_OF, HOSTILE, account, group, member, nested, reviewed, rows


@pytest.fixture(scope="module")
def company():
    with reviewed(rows(hostile=True)) as one:
        yield one


def written(company, name, form, folder):
    path = folder / f"{name}.{form}"
    count = write_table(company.engine, name, path, form)
    return path, count


@pytest.mark.parametrize("name", EXPORTED)
def test_every_table_is_written_in_every_format_with_the_same_rows(company, name, tmp_path):
    exact, rows_written = written(company, name, Format.PARQUET, tmp_path)
    table = pq.read_table(exact)
    assert (len(table), table.schema) == (rows_written, EXPORTED[name].schema)
    keys = [tuple(row[k] for k in EXPORTED[name].key) for row in table.to_pylist()]
    assert len(set(keys)) == len(keys)
    assert keys == sorted(keys)

    path, _ = written(company, name, Format.JSON, tmp_path)
    told = json.loads(path.read_text(encoding="utf-8"))
    assert [list(row) for row in told] == [table.schema.names] * len(table)
    assert [_as_json(row) for row in table.to_pylist()] == told

    path, _ = written(company, name, Format.CSV, tmp_path)
    lines = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    assert lines[0] == table.schema.names
    assert lines[1:] == [[_cell(v) for v in _plain(row).values()] for row in table.to_pylist()]


def _plain(row):
    return {k: f"{v:%Y-%m-%dT%H:%M:%S.%fZ}" if hasattr(v, "tzinfo") else v for k, v in row.items()}


def _as_json(row):
    """What stands in a finding as JSON is no text in JSON."""
    return {k: json.loads(v) if k in {"facts", "risk_parts"} else v for k, v in _plain(row).items()}


def _cell(value):
    return str(value).lower() if isinstance(value, bool) else inert(None if value is None else str(value))


def test_no_cell_of_a_spreadsheet_is_a_formula_and_the_record_is_exact(company, tmp_path):
    sheet, _ = written(company, "entitlements", Format.CSV, tmp_path)
    cells = [cell for line in csv.reader(io.StringIO(sheet.read_text(encoding="utf-8-sig"))) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]
    assert not [cell for cell in cells if "\u202e" in cell or "\x1b" in cell]
    record, _ = written(company, "entitlements", Format.JSON, tmp_path)
    assert set(HOSTILE) <= {row["name"] for row in json.loads(record.read_text(encoding="utf-8"))}


def test_what_is_written_is_whole_private_and_the_same_again(company, tmp_path):
    for form in Format:
        path, _ = written(company, "effective", form, tmp_path)
        first = path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600
        written(company, "effective", form, tmp_path)
        assert path.read_bytes() == first
    assert len(list(tmp_path.iterdir())) == len(Format), "nothing is left beside"


def test_a_failed_export_keeps_what_was_there(tmp_path):
    path = tmp_path / "held.csv"
    path.write_text("before")
    with EmbeddedEngine(AS_OF) as empty, pytest.raises(Exception, match="held"):
        write_table(empty, "held", path, Format.CSV)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_table_lists_the_known_ones(company):
    with pytest.raises(Unclear, match="no table is called 'secrets'") as caught:
        write_table(company.engine, "secrets", Path("x"), Format.CSV)
    assert "effective" in caught.value.hint


def test_every_fact_can_be_exported_but_the_run_before():
    assert {*FACTS, "findings", "verdicts", "effective"} - set(EXPORTED) == {"previous_findings"}


def test_effective_says_how_how_far_and_by_which_names():
    told = rows()
    with reviewed(told) as company:
        effective(company.engine)
        found = {
            (r["account_name"], r["entitlement_name"]): (r["how"], r["distance"], r["path"])
            for r in company.engine.rows("SELECT * FROM effective")
        }
    assert found["ana", "All-Staff"] == ("primary", 0, "All-Staff")
    assert found["ana", "Finance-Read"] == ("direct", 0, "Finance-Read")
    assert found["ana", "Admins"] == ("nested", 1, "Finance-Read > Admins")
    assert found["ana", "Ledger"] == ("direct", 0, "Ledger")
    assert ("zed", "Admins") not in found


def test_what_is_only_eligible_is_not_effective():
    told = rows()
    told["grants"].append(member("3", "Admins", mode="eligible", via="pim"))
    told["nesting"].append(nested("Client", "Red", mode="eligible"))
    with reviewed(told) as company:
        effective(company.engine)
        found = company.engine.rows("SELECT entitlement_name AS name FROM effective WHERE account_name = 'zed'")
    assert [row["name"] for row in found] == ["Client"]


NODES, PEOPLE = 7, 4
_edges = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), max_size=20, unique=True)
_direct = st.lists(st.integers(0, NODES - 1), max_size=20)
_held = st.lists(st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, NODES - 1)), max_size=12, unique=True)


def _computed(edges, held, single):
    """Effective access by the engine, over groups ``edges`` of which ``single`` ends do not reach those nested in."""
    told = {
        "accounts": [account(str(n), f"user{n}") for n in range(PEOPLE)],
        "entitlements": [group(f"G{n}") for n in range(NODES)],
        "nesting": [nested(f"G{a}", f"G{b}", reach="direct-only" if b in single else "transitive") for a, b in edges],
        "grants": [member(str(p), f"G{g}") for p, g in held],
    }
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        for name in TABLES:
            engine.register(name, frame(name, told.get(name, [])))
        effective(engine)
        return engine.rows("SELECT * FROM effective ORDER BY account, entitlement")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_edges, _held)
def test_effective_is_what_a_search_from_each_account_finds(edges, held):
    graph = nx.DiGraph(edges)
    graph.add_nodes_from(range(NODES))
    for n, g in held:
        graph.add_edge(f"user{n}", g)
    expected = {
        (f"ad:user:{n}", f"ad:group:G{g}"): distance - 1
        for n in range(PEOPLE)
        if f"user{n}" in graph
        for g, distance in nx.single_source_shortest_path_length(graph, f"user{n}").items()
        if distance
    }
    found = _computed(edges, held, frozenset())
    assert {(r["account"], r["entitlement"]): r["distance"] for r in found} == expected
    assert len(found) == len(expected)
    for row in found:
        walked = [int(name[1:]) for name in row["path"].split(" > ")]
        assert len(walked) == row["distance"] + 1
        assert walked[-1] == int(row["entitlement"].removeprefix("ad:group:G"))
        assert (int(row["account"].removeprefix("ad:user:")), walked[0]) in held
        assert all(pair in edges for pair in itertools.pairwise(walked))
        assert row["how"] == ("nested" if row["distance"] else "direct")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_edges, _held, st.frozensets(st.integers(0, NODES - 1), max_size=4))
def test_what_reaches_direct_holders_only_goes_no_further(edges, held, single):
    found = {(r["account"], r["entitlement"]): r["distance"] for r in _computed(edges, held, single)}
    assert found == _searched(edges, held, single)


def _searched(edges, held, single):
    """The same by a plain search: a walk may enter a ``single`` group only as its first step from a direct grant."""
    found: dict[tuple[str, str], int] = {}
    for n, g in held:
        todo, seen = deque([(g, False, 0)]), {(g, False)}
        while todo:
            at, carried, distance = todo.popleft()
            key = (f"ad:user:{n}", f"ad:group:G{at}")
            found[key] = min(found.get(key, distance), distance)
            for a, b in edges:
                if a == at and not (b in single and carried) and (b, True) not in seen:
                    seen.add((b, True))
                    todo.append((b, True, distance + 1))
    return found

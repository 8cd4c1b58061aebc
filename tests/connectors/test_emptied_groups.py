"""One group that comes back empty among many: nothing of the file says so, only what was there before."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from access_review import snapshot, workspace
from access_review.connectors.emptied_groups import compared
from access_review.connectors.shrunk import EMPTIED
from access_review.snapshot import Snapshot
from tests.connectors.good_samples import SAMPLES
from tests.connectors.small_sources import AS_OF
from tests.support.command import access_review

PLACES = {"sales": 3, "vault": 5}


def of_graph(sources: Path, group: str) -> None:
    path = sources / f"tenant/groups/g{PLACES[group]}/members.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "value": []}))


def of_ldif(sources: Path, group: str) -> None:
    path = sources / "ad.ldif"
    entries = path.read_text().split("\n\n")
    lines = [re.sub(r"^member: .*\n?", "", e, flags=re.MULTILINE) if f"dn: CN={group}," in e else e for e in entries]
    path.write_text("\n\n".join(line.rstrip("\n") for line in lines) + "\n")


def of_sharphound(sources: Path, group: str) -> None:
    path = sources / "bh/20260930_groups.json"
    content = json.loads(path.read_text())
    for one in content["data"]:
        if one["Properties"]["samaccountname"] == group:
            one["Members"] = []
    path.write_text(json.dumps(content))


def of_table(sources: Path, group: str) -> None:
    path = sources / "app.csv"
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if f",{group}\n" not in line))


READERS: dict[str, Callable[[Path, str], None]] = {
    "graph-pages": of_graph,
    "ldif-plain": of_ldif,
    "sharphound-folder": of_sharphound,
    "table-csv": of_table,
}


def read_twice(name: str, folder: Path, group: str) -> Snapshot:
    SAMPLES[name](folder)
    space = workspace.load(folder)
    whole = snapshot.collect(space, AS_OF)
    READERS[name](folder / "sources", group)
    return snapshot.collect(space, AS_OF + timedelta(days=1), previous=whole)


@pytest.mark.parametrize("name", READERS)
def test_a_group_of_many_in_which_nobody_is_any_more_is_not_believed(name, tmp_path):
    (reason,) = read_twice(name, tmp_path, "sales").incomplete("grants").values()
    assert "has 0 of 8 members" in reason


@pytest.mark.sweep(share=1 / 2)
@pytest.mark.parametrize("name", READERS)
def test_a_group_of_few_in_which_nobody_is_any_more_is_told(name, tmp_path):
    taken = read_twice(name, tmp_path, "vault")
    assert not taken.incomplete("grants")
    (said,) = (row["reason"] for row in taken.tables["completeness"].to_pylist() if row["subject"] == EMPTIED)
    assert "has 0 of 3 members" in said


@pytest.mark.parametrize(
    ("then", "now", "doubted", "told", "unsettled"),
    [
        *(
            (8, 0, True, False, False),
            (8, 3, True, False, False),
            (8, 4, False, False, True),
            (3, 0, False, True, True),
        ),
        *((3, 1, False, False, False), (40, 37, False, False, False), (40, 35, False, False, True)),
    ],
)
def test_the_measure_is_that_of_a_batch_and_what_is_less_is_settled_by_another_read(
    then, now, doubted, told, unsettled
):
    def held(group: str, count: int) -> pa.Table:
        return pa.table({"entitlement": pa.array([f"ad:group:{group}"] * count, pa.string())})

    listed = pa.table({"entitlement": ["ad:group:a", "ad:group:b", "ad:group:empty"]})
    nesting = pa.table({"parent": pa.array([], pa.string()), "why": pa.array([], pa.string())})
    tables = {"grants": [held("a", now), held("b", 9)], "nesting": [nesting], "entitlements": [listed]}
    found = compared("ad", {"members:ad:group:a": then, "members:ad:group:b": 9, "members:ad:group:gone": 9}, tables)
    assert dict(found.doubted) == ({"ad:group:a": (now, then)} if doubted else {})
    # The one that is gone itself was deleted: whoever was in it holds nothing there.
    assert found.told.keys() == {"ad:group:gone", *(["ad:group:a"] if told else [])}
    assert found.unsettled.keys() == {"ad:group:gone", *(["ad:group:a"] if unsettled else [])}
    last = {"members:ad:group:a": then}
    live = compared("ad", last, tables, live=True)
    assert not live.doubted
    assert bool(live.told) == (doubted or told)
    assert bool(live.unsettled) == (doubted or unsettled)


@pytest.mark.parametrize(("gone", "doubted"), [(5, True), (3, False)])
def test_most_groups_are_not_deleted_at_once(gone, doubted):
    last = {f"members:ad:group:{n}": 2 for n in range(8)}
    left = [f"ad:group:{n}" for n in range(gone, 8)]
    nesting = pa.table({"parent": pa.array([], pa.string()), "why": pa.array([], pa.string())})
    listed = pa.table({"entitlement": [*left, "ad:group:renamed"]})
    tables = {"grants": [pa.table({"entitlement": left * 2})], "nesting": [nesting], "entitlements": [listed]}
    assert len(compared("ad", last, tables).doubted) == (gone if doubted else 0)


@pytest.mark.slow
def test_it_stays_doubted_run_after_run_and_check_says_so_before_any(tmp_path):
    SAMPLES["graph-pages"](tmp_path)
    first = access_review(tmp_path, "--as-of", "2026-11-02T06:00:00Z", "audit")
    assert "read for the first time" in first.out
    of_graph(tmp_path / "sources", "sales")
    for day in (3, 4):
        at = f"2026-11-0{day}T06:00:00Z"
        for command in ("check", "audit"):
            said = access_review(tmp_path, "--as-of", at, "--json", command)
            assert said.code == 1, said.err
            assert "app:group:g3 has 0 of 8 members" in said.out
            assert "first time" not in said.out
    with (tmp_path / "sources/app.yaml").open("a") as file:
        file.write("accept_fewer: 2026-11-05\n")
    assert access_review(tmp_path, "--as-of", "2026-11-05T06:00:00Z", "audit").code == 0
    assert "8 members" not in access_review(tmp_path, "--as-of", "2026-11-06T06:00:00Z", "--json", "audit").out

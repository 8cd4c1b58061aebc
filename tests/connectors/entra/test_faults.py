"""Every protocol fault on the first, a middle and the last page of every collection: identical, or incomplete and why.

What must come of a fault is derived from the fault (:mod:`tests.simulated_tenant.faults`), never
from the code under test. The faults are dealt out by a seed; ``ACCESS_REVIEW_SWEEP=all``
tries every combination instead.
"""

import os
import random
import re
from collections import defaultdict
from functools import cache

import pytest

from access_review.connectors.entra.queries import BY_PART, QUERIES
from access_review.connectors.entra.tenant_parts import PARTS
from access_review.tables import TABLES
from tests.simulated_tenant import tenants
from tests.simulated_tenant.faults import COUNTED, HARMFUL, HARMLESS, Fault
from tests.simulated_tenant.permissions import pattern
from tests.simulated_tenant.reading import Outcome, graph, read, simulate
from tests.simulated_tenant.simulator import LISTS
from tests.simulated_tenant.tenants import Size
from tests.simulated_tenant.wire import Request

pytestmark = pytest.mark.slow

SIZE = Size(users=7, groups=9, memberships=16, applications=2)
LIMIT = 2
SEED = 20261124
EVERYTHING = os.environ.get("ACCESS_REVIEW_SWEEP") == "all"
FOUND = (("groups", 0, "replayed"),)
"""What the whole sweep found once: always tried again."""


def simulator(*faults: Fault):
    return simulate(tenants.make(3, SIZE), page_limit=LIMIT, faults=list(faults))


@cache
def baseline() -> Outcome:
    return read(simulator())


@cache
def pages() -> dict[str, list[tuple[str, int]]]:
    """Return the pages of each part in the order in which they are read, by what the simulator saw."""
    seen = simulator()
    client = graph(seen, parallel=1)
    read(seen, client=client)
    found = defaultdict(list)
    for path, page in seen.visits:
        found[part_of(path)].append((path, page))
    return {part: sorted(set(visited), key=visited.index) for part, visited in found.items() if part}


def part_of(path: str) -> str:
    shape = pattern(path)
    shapes = {
        pattern(r.path.replace("{id}", "00000000-0000-4000-8000-000000000000")): r.part
        for r in QUERIES
        if r.part != "signInActivity"
    }
    return shapes[shape]


def positions(part: str) -> list[tuple[str, int]]:
    """Return the first, a middle and the last page."""
    visited = pages()[part]
    return list(dict.fromkeys([visited[0], visited[len(visited) // 2], visited[-1]]))


def cases() -> list[tuple[str, int, str]]:
    """Return part, place among its pages, and fault."""
    everything = [
        (part.name, place, kind)
        for part in PARTS
        if part.name != "signInActivity"
        for place in range(3)
        for kind in (*HARMLESS, *HARMFUL, *(COUNTED if BY_PART[part.name].count else ()))
    ]
    if EVERYTHING:
        return everything
    # One harmless and one harmful fault on each place of each part, and those that only a count betrays; all kinds come up.
    dealt = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    chosen = list(FOUND)
    for part in {case[0]: None for case in everything}:
        for place in range(3):
            kinds = [kind for name, where, kind in everything if (name, where) == (part, place)]
            chosen += [(part, place, dealt.choice([k for k in kinds if k in HARMLESS]))]
            chosen += [(part, place, dealt.choice([k for k in kinds if k in HARMFUL]))]
            chosen += [(part, place, kind) for kind in kinds if kind in COUNTED]
    return list(dict.fromkeys(chosen))


@pytest.mark.sweep(share=1 / 6, each="kind")
@pytest.mark.parametrize(("part", "place", "kind"), cases())
def test_a_fault_changes_nothing_or_is_said(part: str, place: int, kind: str) -> None:
    where = positions(part)
    path, page = where[min(place, len(where) - 1)]
    fault = Fault.of(path, page, kind)
    made = read(simulator(fault), check=False)
    before = baseline()
    if not applies(kind, part, path, page):
        return
    assert fault.times < Fault.of(path, page, kind).times, "the fault was never met"
    if kind in HARMLESS:
        same = {table for table in before.rows if made.canonical(table) == before.canonical(table)}
        assert same == set(before.rows)
        return
    short = made.short
    if kind == "differs" and any(row["kind"] == "quarantined" for row in made.rows["problems"]):
        # One object of which two records differ is in doubt alone, and named; all that it holds is there.
        assert_only_what_is_said_is_missing(made, before)
        return
    assert f"part:{part}" in short, kind
    assert short[f"part:{part}"]
    assert_only_what_is_said_is_missing(made, before)


def applies(kind: str, part: str, path: str, page: int) -> bool:
    """Tell whether a fault can do harm there: a page without objects cannot lose one, nor a last page its link."""
    visited = [at for at in pages()[part] if at[0] == path]
    if kind == "lost-link":
        return page < max(number for _, number in visited)
    if kind in ("lost-object", "replayed"):
        return objects_on(part, path, page) > 0
    return True


def objects_on(part: str, path: str, page: int) -> int:
    seen = simulator()
    request = Request.of("GET", path, {})
    if part == "groups/members":
        count = len(seen.tenant.links[("groups/members", request.segments[1])])
    elif path.strip("/") in LISTS:
        count = len(seen.tenant.of(LISTS[path.strip("/")]))
    else:
        return 1
    return max(0, min(LIMIT, count - page * LIMIT))


def assert_only_what_is_said_is_missing(made: Outcome, before: Outcome) -> None:
    """A table whose verdict is complete has the same keys; an object that was not read may be named by reference."""
    for verdict in made.rows["completeness"]:
        if verdict["complete"] and verdict["subject"] in TABLES:
            table = verdict["subject"]
            assert keys(made, table) == keys(before, table), table


def keys(made: Outcome, table: str) -> set[tuple[str, ...]]:
    columns = TABLES[table].key
    return {
        tuple(re.sub(r"^(ref:entra-object|entra:\w+):", "", str(row[c])) for c in columns) for row in made.rows[table]
    }


def test_every_kind_of_fault_is_dealt_out() -> None:
    assert {kind for _, _, kind in cases()} == {*HARMLESS, *HARMFUL, *COUNTED}
    assert {part for part, _, _ in cases()} == {part.name for part in PARTS} - {"signInActivity"}


def test_an_empty_page_with_a_link_is_read_past_on_every_page_of_every_collection() -> None:
    everywhere = [Fault.of(path, page, "empty-page") for visited in pages().values() for path, page in visited]
    made = read(simulator(*everywhere))
    assert all(fault.times == 0 for fault in everywhere)
    for table in baseline().rows:
        assert made.canonical(table) == baseline().canonical(table)


def test_empty_pages_without_end_are_given_up() -> None:
    path, page = pages()["users"][0]
    made = read(simulator(Fault(path, page, "empty-page", 10**9)), check=False)
    assert "empty pages in a row" in made.short["part:users"]


def test_a_storm_on_every_first_page_is_waited_out() -> None:
    storm = [Fault.of(path, page, kind) for path, page in pages()["groups/members"] for kind in ("429", "503", "504")]
    made = read(simulator(*storm))
    assert made.canonical("grants") == baseline().canonical("grants")
    assert made.short == baseline().short


def test_a_throttled_part_of_a_batch_does_not_repeat_the_others() -> None:
    path, page = pages()["groups/members"][0]
    made = simulator(Fault.of(path, page, "429"))
    client = graph(made)
    read(made, client=client)
    asked = [r.path for r in made.asked if r.path.endswith("/members") and "$skiptoken" not in r.query]
    assert {p: asked.count(p) for p in set(asked)} == {p: 2 if p == path else 1 for p in set(asked)}
    assert made.clock.now() >= 7

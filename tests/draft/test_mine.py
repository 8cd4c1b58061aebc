"""Roles from grants alone: nothing lost, nothing added, and no more of them than must be."""

import itertools
import random
import time

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_review.draft.cliques import clique_cover, share_graph, tile_cover
from access_review.draft.matrix import AccessMatrix, access_matrix, mask_of, members
from access_review.draft.mine import MinedRole, Structure, bundles, curve, decompose
from tests.draft.matrices import REAL, matrix, real_matrix, reference_roles

PAIRS = st.sets(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("123456789")), min_size=1)


def built(pairs: set[tuple[str, str]]) -> AccessMatrix:
    ordered = sorted(pairs)
    return access_matrix([p for p, _ in ordered], [e for _, e in ordered])


def given_by(roles: tuple[MinedRole, ...]) -> set[tuple[str, str]]:
    return {(p, e) for role in roles for p in role.people for e in role.entitlements}


@given(PAIRS)
def test_a_decomposition_gives_back_exactly_the_grants(pairs: set[tuple[str, str]]) -> None:
    found = decompose(built(pairs))
    assert given_by(found.roles) == pairs
    assert found.at_least <= len(found.roles) <= min(len({p for p, _ in pairs}), len({e for _, e in pairs}))


def test_people_of_whom_no_two_are_alike_take_neither_long_nor_many_bundles() -> None:
    """Which two kinds of people share something is asked of the largest kinds alone: of all, these would be ten million pairs."""
    chance = random.Random(7)  # noqa: S311 - people, not secrets
    held = [(f"p{n}", f"e{one}") for n in range(4_500) for one in chance.sample(range(60), 6)]
    begun = time.process_time()
    found = bundles(access_matrix([p for p, _ in held], [e for _, e in held]))
    assert time.process_time() - begun < 3
    assert 0 < len(found) <= 20
    assert all(len(one.people) >= 3 and len(one.entitlements) >= 2 for one in found)


@given(PAIRS.filter(lambda pairs: len(pairs) <= 14))
def test_no_decomposition_has_fewer_roles_than_the_bound_says(pairs: set[tuple[str, str]]) -> None:
    """The fewest roles are the fewest cliques that cover the graph of grants that can share one, found by trying."""
    found = decompose(built(pairs))
    cells = sorted(pairs)
    graph = nx.Graph()
    graph.add_nodes_from(cells)
    graph.add_edges_from(
        (a, b) for a, b in itertools.combinations(cells, 2) if (a[0], b[1]) in pairs and (b[0], a[1]) in pairs
    )
    cliques = [frozenset(c) for c in nx.find_cliques(graph)]
    fewest = next(
        n
        for n in range(1, len(cells) + 1)
        if any(len(frozenset().union(*c)) == len(cells) for c in itertools.combinations(cliques, n))
    )
    assert found.at_least <= fewest <= len(found.roles)


@given(PAIRS)
def test_a_kernel_too_large_for_a_graph_is_covered_by_rows_and_columns(pairs: set[tuple[str, str]]) -> None:
    rows, columns = sorted({p for p, _ in pairs}), sorted({e for _, e in pairs})
    cells = sorted((rows.index(p), columns.index(e)) for p, e in pairs)
    across = [mask_of([c for r, c in cells if r == row]) for row in range(len(rows))]
    down = [mask_of([r for r, c in cells if c == column]) for column in range(len(columns))]
    cliques = tile_cover(cells, across, down)
    assert sorted(cell for clique in cliques for cell in clique) == cells
    for clique in cliques:
        assert all((r, c) in set(cells) for r, _ in clique for _, c in clique)


@given(PAIRS, st.randoms())
def test_the_order_of_the_grants_changes_nothing(pairs: set[tuple[str, str]], chance: object) -> None:
    shuffled = sorted(pairs)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    again = access_matrix([p for p, _ in shuffled], [e for _, e in shuffled])
    assert decompose(again) == decompose(built(pairs))


def test_two_teams_that_share_a_role_are_three_roles_of_two() -> None:
    found = decompose(matrix("ann: mail ledger; ben: mail ledger; cy: mail crm; dee: mail crm; eve: mail crm"))
    assert {role.entitlements for role in found.roles} == {("ledger", "mail"), ("crm", "mail")}
    assert found.at_least == len(found.roles)
    assert found.structure is Structure.EQUAL_ONLY
    assert "no fewer are possible" in found.sentence


def test_where_everybody_is_different_it_says_that_there_is_no_structure() -> None:
    found = decompose(matrix("; ".join(f"p{n}: e{n} f{n}" for n in range(6))))
    assert found.structure is Structure.NONE
    assert "no structure" in found.sentence
    assert "belong to one person" in found.sentence


def test_nobody_holding_anything_is_no_error() -> None:
    found = decompose(access_matrix([], []))
    assert found.roles == ()
    assert found.grants == 0


def test_a_person_without_grants_is_in_no_role() -> None:
    held = access_matrix(["ann", "ben"], ["mail", "mail"], people=["cy"])
    assert held.people == ("ann", "ben", "cy")
    assert decompose(held).roles == (MinedRole(("ann", "ben"), ("mail",)),)


def test_a_bundle_has_several_people_and_several_entitlements() -> None:
    held = matrix("a: x y z; b: x y z; c: x y; d: x y w; e: z; f: z; g: z; h: w q")
    found = bundles(held)
    assert found == (MinedRole(("a", "b", "c", "d"), ("x", "y")),)
    assert bundles(held, min_people=5) == ()


def test_the_curve_says_what_each_further_role_buys() -> None:
    held = matrix("a: x y; b: x y; c: x y z; d: q")
    found = decompose(held)
    points = curve(held, found.roles)
    assert [p.newly for p in points] == sorted((p.newly for p in points), reverse=True)
    assert points[-1].share == 1
    assert points[-1].grants == held.grants == 8


@given(st.sets(st.integers(0, 300)))
def test_bit_sets_and_places_are_the_same(places: set[int]) -> None:
    assert members(mask_of(sorted(places))) == sorted(places)


def test_cells_that_cannot_share_a_role_stay_apart() -> None:
    rows, columns = [0b01, 0b10], [0b01, 0b10]
    cliques, bound = clique_cover(share_graph([(0, 0), (1, 1)], rows, columns))
    assert sorted(cliques) == [[0], [1]]
    assert bound == 2


@pytest.mark.parametrize("name", REAL)
def test_real_matrices_need_no_more_roles_than_the_published_covers(name: str, outside_data: object) -> None:
    from pathlib import Path

    folder = Path(str(outside_data))
    held = real_matrix(folder, name)
    found = decompose(held)
    assert given_by(found.roles) == set(held.pairs())
    assert len(found.roles) <= 1.02 * reference_roles(folder, name)
    expected = {"firewall2": Structure.EQUAL_ONLY}.get(name, Structure.SHARED)
    assert found.structure is expected
    # Ten bundles cover nine tenths of every matrix in which a few share much.
    assert name == "domino" or curve(held, bundles(held, limit=10))[-1].share > 0.85


@pytest.mark.parametrize(
    ("held", "width"), [(0, 1), (3, 90_000), (40, 100_000), (400, 100_000), (60_000, 100_000), (60, 70)]
)
def test_the_places_of_a_bit_set_are_those_it_was_made_of(held, width):
    places = sorted(random.Random(held).sample(range(width), held))  # noqa: S311 - a test
    assert members(mask_of(places)) == places

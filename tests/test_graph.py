from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_review.graph import closure, paths
from access_review.tables import TABLES, frame
from tests.support.snapshots import fill

GROUPS = [f"ad:group:{letter}" for letter in "abcdefgh"]


def edge(child, parent, **more):
    return fill(TABLES["nesting"], {"child": f"ad:group:{child}", "parent": f"ad:group:{parent}", **more})


def closed(*edges):
    found = closure(frame("nesting", edges), GROUPS).to_pylist()
    return {(row["entitlement"][-1], row["reached"][-1]): row["mode"] for row in found}


@given(st.sets(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=24))
def test_transitive_closure_equals_graph_search_cycles_included(pairs):
    graph = nx.DiGraph(pairs)
    graph.add_nodes_from("abcdefgh")
    expected = {(node, other) for node in graph for other in {node, *nx.descendants(graph, node)}}
    assert set(closed(*(edge(c, p) for c, p in pairs))) == expected


def test_a_direct_only_edge_stops_those_who_come_through_nesting():
    found = closed(edge("a", "b"), edge("b", "c", reach="direct-only"))
    assert ("b", "c") in found
    assert ("a", "b") in found
    assert ("a", "c") not in found


def test_a_synced_group_is_the_same_group_so_direct_stays_direct():
    found = closed(edge("a", "b", why="synced-to"), edge("b", "c", reach="direct-only"), edge("d", "a"))
    assert ("a", "c") in found
    assert ("d", "b") in found
    assert ("d", "c") not in found


def test_what_lies_behind_an_eligible_edge_is_eligible_unless_another_path_assigns_it():
    found = closed(edge("a", "b", mode="eligible"), edge("b", "c"), edge("a", "d"), edge("d", "c"))
    assert found["a", "b"] == "eligible"
    assert found["a", "c"] == "assigned"
    assert closed(edge("a", "b", mode="eligible"), edge("b", "c"))["a", "c"] == "eligible"


def test_a_chain_of_fifty_and_a_self_member_end():
    names = [f"ad:group:{n}" for n in range(51)]
    rows = [fill(TABLES["nesting"], {"child": a, "parent": b}) for a, b in pairwise(names)]
    rows.append(fill(TABLES["nesting"], {"child": names[0], "parent": names[0]}))
    found = closure(frame("nesting", rows), [names[0]])
    assert len(found) == 51


@given(st.sets(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=24))
def test_paths_are_shortest_connected_and_reach_exactly_the_closure(pairs):
    nesting = frame("nesting", [edge(c, p) for c, p in pairs])
    graph = nx.DiGraph(pairs)
    graph.add_nodes_from("abcdefgh")
    for start in "abcdefgh":
        lengths = nx.single_source_shortest_path_length(graph, start)
        found = paths(nesting).all_from(f"ad:group:{start}")
        assert {other[-1]: len(steps) for other, steps in found.items()} == lengths
        for steps in found.values():
            assert all(a.parent == b.child for a, b in pairwise(steps))


def test_an_assigned_path_is_shown_before_a_shorter_eligible_one():
    nesting = frame("nesting", [edge("a", "c", mode="eligible"), edge("a", "b"), edge("b", "c")])
    steps = paths(nesting).one("ad:group:a", "ad:group:c")
    assert [step.mode for step in steps] == ["assigned", "assigned"]


@pytest.mark.parametrize("goal", ["ad:group:z", "ad:group:b"])
def test_no_path_is_none(goal):
    assert paths(frame("nesting", [])).one("ad:group:a", goal) is None

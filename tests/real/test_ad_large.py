"""A domain of 5,000 users, 500 nested groups and 26,000 memberships: everybody reaches what the server says."""

import networkx as nx
import pytest

from access_review.connectors.ad.domain_reading import tokens
from tests.real import example_domain
from tests.real.ad import connect, incomplete, tables
from tests.real.conftest import servers
from tests.real.example_domain import READER


@pytest.fixture(scope="module")
def found(large):
    return tables(connect(large))


def reached(found, kept):
    """Return what every account reaches through the entitlements in ``kept``, by networkx."""
    graph = nx.DiGraph([(r["account"], r["entitlement"]) for r in found["grants"] if r["entitlement"] in kept])
    graph.add_edges_from((r["child"], r["parent"]) for r in found["nesting"] if {r["child"], r["parent"]} <= kept)
    return {
        row["account"]: nx.descendants(graph, row["account"]) if row["account"] in graph else set()
        for row in found["accounts"]
    }


def test_all_of_it_is_read(found, large):
    loaded = example_domain.large(large.base)
    names = {row["name"] for row in found["accounts"]}
    assert {f"p{n:05}" for n in range(5000)} <= names
    members = [line for record in loaded.records for line in record.splitlines() if line.startswith("member: ")]
    assert len(members) >= 26_000
    ours = {
        row["entitlement"] for row in found["entitlements"] if row["name"].startswith("G") and row["name"][1:].isdigit()
    }
    assert len(ours) == 500
    direct = sum(r["entitlement"] in ours and r["via"] == "member" for r in found["grants"])
    nested = sum(r["parent"] in ours for r in found["nesting"])
    assert direct + nested == len(members)
    assert incomplete(found) == {}


def test_everybody_reaches_the_security_groups_that_the_server_says(found, large, tmp_path):
    security = {r["entitlement"] for r in found["entitlements"] if r["effect"] != "distribution"}
    sids = {r["id"]: r["value"] for r in found["aliases"] if r["scheme"] == "sid"}
    ours = reached(found, security)
    with servers(tmp_path, large, READER).session() as session:
        differing = [
            row["name"]
            for row in found["accounts"]
            if {sids[one] for one in ours[row["account"]]} != set(tokens(session, row["native_id"]) or ())
        ]
    assert differing == []
    assert len(ours) > 5000


def test_everybody_reaches_the_distribution_groups_that_were_loaded(found, large):
    """``tokenGroups`` has none of them, so they are held against what was put in."""
    graph = nx.DiGraph()
    for record in example_domain.large(large.base).records:
        dn, *lines = record.splitlines()
        graph.add_edges_from((line[8:].casefold(), dn[4:].casefold()) for line in lines if line.startswith("member: "))
    dns = {r["value"]: r["id"] for r in found["aliases"] if r["scheme"] == "dn"}
    names = {one: dn for dn, one in dns.items()}
    loaded = {r["entitlement"] for r in found["entitlements"] if names[r["entitlement"]] in graph}
    mail = {r["entitlement"] for r in found["entitlements"] if r["effect"] == "distribution"}
    assert len(mail) >= 25
    for account, groups in reached(found, loaded).items():
        expected = nx.descendants(graph, names[account]) if names[account] in graph else set()
        assert {names[one] for one in groups & mail} == {dn for dn in expected if dns[dn] in mail}

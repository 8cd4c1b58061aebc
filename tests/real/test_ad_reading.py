"""A real domain is read whole: what is in it, and what is proven about it."""

import json
from datetime import timedelta

import networkx as nx
import pytest

from access_review.connectors.ad import identifiers
from access_review.connectors.ad.domain_reading import ATTRIBUTES, SearchScope, tokens
from tests.real.ad import connect, edges, incomplete, named, now, tables, verdicts
from tests.real.conftest import servers
from tests.real.example_domain import FOREIGN_SID, READER


@pytest.fixture(scope="module")
def found(shared_domain):
    return tables(connect(shared_domain, canaries=["krbtgt", "Domain Admins"]))


def test_a_plain_reader_reads_everything_and_is_told_so(found):
    assert incomplete(found) == {}
    assert {"accounts", "entitlements", "grants", "nesting", "part:closures", "part:clock"} <= verdicts(found).keys()


def test_people_machines_and_services_are_told_apart(found):
    kinds = {row["name"]: row["kind"] for row in found["accounts"]}
    expected = {"user01": "human", "WS1$": "computer", "gmsa1$": "service", "DC1$": "computer", "krbtgt": "computer"}
    assert {name: kinds[name] for name in expected} == expected
    assert "Partner" not in kinds


def test_accounts_carry_what_the_directory_knows_of_them(found):
    rows = {row["name"]: row for row in found["accounts"]}
    assert rows["user01"]["employee_id"] == "00001"
    assert rows["user01"]["mail"] == "user01@norwind.test"
    assert rows["user01"]["enabled"] is True
    assert rows["gone"]["enabled"] is False
    assert rows["expired"]["expires_at"].year == 2019
    assert rows["never"]["expires_at"] is None
    assert abs(rows["user01"]["created_at"] - now()) < timedelta(hours=1)
    assert rows["Administrator"]["protected"] == "built-in Administrator"
    kept = json.loads(rows["user01"]["attributes"])
    assert kept["manager"].startswith("CN=boss,")
    assert "password-expired" in kept["flags"]
    assert json.loads(rows["gone"]["attributes"])["flags"][0] == "disabled"
    assert len(json.loads(rows["svc-backup"]["attributes"])["service_principal_names"]) == 2


def test_the_last_use_is_an_interval_up_to_now(shared_domain):
    with servers(shared_domain.state, shared_domain, READER).session():
        pass
    rows = {row["name"]: row for row in tables(connect(shared_domain))["accounts"]}
    earliest, latest = rows[READER]["last_used_earliest"], rows[READER]["last_used_latest"]
    assert now() - timedelta(hours=1) < earliest < latest <= now()
    assert rows["user01"]["last_used_latest"] is None


def test_groups_carry_kind_and_scope(found):
    rows = {row["name"]: row for row in found["entitlements"]}
    assert (rows["Mail-Only"]["effect"], rows["Mail-Only"]["scope"]) == ("distribution", "global")
    assert (rows["Foreign"]["effect"], rows["Foreign"]["scope"]) == ("grants", "domain-local")
    assert rows["Mixed-Universal"]["scope"] == "universal"
    assert rows["Domain Admins"]["privileged"] is True
    assert rows["Finance-Read"]["system"] == "norwind.test"


def test_members_of_every_sort_are_there(found):
    found_edges = edges(found)
    assert {
        ("ana.lee", "Deep-0"),
        ("Deep-0", "Deep-1"),
        ("Cycle-A", "Cycle-B"),
        ("Cycle-B", "Cycle-A"),
        ("gmsa1$", "Machines-All"),
        ("Mail-Only", "Mail-Nested"),
        ("user01", "Domain Users"),
        ("Domain Admins", "Administrators"),
    } <= found_edges
    assert (f"ref:sid:{FOREIGN_SID}", "Foreign") in found_edges
    assert {row["via"] for row in found["grants"] if named(found).get(row["entitlement"]) == "Domain Users"} == {
        "primary"
    }


def test_who_answers_for_a_group_is_its_manager(found):
    names = named(found)
    assert {(names[row["object"]], names[row["owner"]]) for row in found["owners"]} == {("Finance-Read", "boss")}


def test_a_contact_is_counted_and_holds_nothing(found):
    kinds = {row["reason"]: row["kind"] for row in found["problems"]}
    assert kinds["a contact is not an account"] == "unusable"


def test_every_account_reaches_what_the_server_says(found, shared_domain):
    with servers(shared_domain.state, shared_domain, READER).session() as session:
        differing = [row["name"] for row in found["accounts"] if _ours(found, row) != _theirs(session, row)]
    assert differing == []


def _theirs(session, row):
    return set(tokens(session, row["native_id"]) or ())


def _ours(found, row):
    security = {r["entitlement"] for r in found["entitlements"] if r["effect"] != "distribution"}
    graph = nx.DiGraph([(r["account"], r["entitlement"]) for r in found["grants"]])
    graph.add_edges_from((r["child"], r["parent"]) for r in found["nesting"])
    graph = graph.subgraph(security | {row["account"]})
    sids = {r["id"]: r["value"] for r in found["aliases"] if r["scheme"] == "sid"}
    reached = nx.descendants(graph, row["account"]) if row["account"] in graph else set()
    return {sids[one] for one in reached}


def test_the_population_says_where_it_comes_from(found, shared_domain):
    (row,) = (row for row in found["completeness"] if row["subject"] == "part:provenance")
    facts = json.loads(row["reason"])
    assert facts["server"] == f"{shared_domain.url}:636"
    assert facts["bases"] == [shared_domain.base]
    assert facts["listed_again"] == facts["objects"] == row["received"] == row["expected"]
    assert facts["canaries_seen"] == {"krbtgt": "yes", "Domain Admins": "yes"}
    assert facts["excluded"]["a contact is not an account"] == 1
    kept = len(found["accounts"]) + sum(not e["entitlement"].startswith("ref:") for e in found["entitlements"])
    assert kept + sum(facts["excluded"].values()) == facts["objects"] + facts["deleted"], facts["excluded"]
    assert facts["closures_checked"] == 25
    assert facts["password_policy"]["minPwdLength"] == "7"


def test_only_what_is_asked_for_is_read():
    scope = SearchScope(further=("employeeID", "extensionAttribute7", "MAIL"))
    assert set(scope.attributes) == {*ATTRIBUTES, "employeeID", "extensionAttribute7"}
    assert not any(name in scope.attributes for name in ("*", "memberOf", "unicodePwd", "homePhone"))


def test_named_bases_are_read_alone(shared_domain):
    found = tables(connect(shared_domain, reach={"bases": [f"OU=Staff,{shared_domain.base}"]}))
    assert {row["name"] for row in found["accounts"]} >= {"user01", "boss"}
    assert not any(row["name"] == "krbtgt" for row in found["accounts"])
    assert "no group" in str(incomplete(found))


def test_canaries_and_counts_are_compared(shared_domain):
    found = tables(connect(shared_domain, canaries=["user01", "Leads", "nobody"], expected={"accounts": 3}))
    assert "not seen: nobody" in incomplete(found)["grants"]
    assert "3 expected" in incomplete(found)["accounts"]


def test_small_pages_change_nothing(found, shared_domain):
    paged = tables(connect(shared_domain, reach={"page_size": 7}))
    assert incomplete(paged) == {}
    for table in ("entitlements", "grants", "nesting", "aliases", "owners", "problems"):
        assert paged[table] == found[table]


def test_a_clock_apart_is_said(shared_domain):
    found = tables(connect(shared_domain), now() - timedelta(minutes=20))
    assert incomplete(found) == {"part:clock": "the server's clock is 20 min off"}


def test_sids_are_decoded():
    assert identifiers.sid(bytes.fromhex("010100000000000512000000")) == "S-1-5-18"

"""Where it is decided that something was not read whole, and what must therefore not be concluded. All of it pure."""

from pathlib import Path

import pytest

from access_review.connectors import Source, complete, incomplete
from access_review.connectors.ad.paging import Query, ReadPace, entry_of, finish_ranges, first_range, read_pages
from access_review.connectors.ad.server import LdapResult
from access_review.errors import Transient
from access_review.findings import Gaps
from access_review.model import Relation, Severity
from access_review.plan.request import find_gaps
from access_review.review import RESTS_ON
from access_review.rules import Rule
from access_review.snapshot import reading
from access_review.tables import TABLES
from tests.support.snapshots import snapshot


def verdict(source, subject, reason="page 2 failed"):
    return {"source": source, "subject": subject, "complete": reason is None, "reason": reason}


# What a snapshot says of itself


def taken(*verdicts, **rows):
    return snapshot(accounts=[{"account": "ad:user:1"}], completeness=verdicts, **rows)


def test_a_source_that_could_not_be_read_is_incomplete_in_every_table():
    made = taken(verdict("ad", "source", "no answer"), verdict("hr", "people", "cut"))
    assert made.incomplete("grants") == {"ad": "no answer"}
    assert made.incomplete("people") == {"ad": "no answer", "hr": "cut"}
    assert taken(verdict("ad", "accounts", None)).incomplete("accounts") == {}


def test_what_is_said_of_a_table_is_more_than_what_is_said_of_the_source():
    made = taken(verdict("ad", "source", "no answer"), verdict("ad", "grants", "page 2 failed"))
    assert made.incomplete("grants") == {"ad": "page 2 failed"}


def test_a_clock_that_does_not_agree_is_no_table_that_is_short():
    made = taken(verdict("ad", "part:clock", "7 min off"), verdict("entra", "part:clock", None))
    assert made.clocks == {"ad": "7 min off"}
    assert made.incomplete("accounts") == {}
    assert "part:clock" not in made.collected
    assert "accounts" in made.collected


# What a plan may not touch


def test_a_plan_knows_what_is_short_of_rosters_sources_and_groups():
    made = taken(
        verdict("hr", "assignments", "cut"),
        verdict("ad", "nesting", "page 2 failed"),
        verdict("ad", "ad:group:x", None) | {"complete": False},
        verdict("entra", "source", "no answer"),
        verdict("ledger", "signins", "no licence"),
    )
    said = find_gaps(made)
    assert said.rosters == {"hr": "cut", "entra": "no answer"}
    assert find_gaps(taken(verdict("hr", "people", "cut"))).rosters == {"hr": "cut"}
    assert said.sources == {"ad": "page 2 failed", "entra": "no answer"}
    assert said.groups["ad:group:x"] == "no reason given"
    assert said.groups["nesting"] == "page 2 failed"
    assert "source" not in said.groups


@pytest.mark.parametrize("table", ["accounts", "entitlements", "grants", "nesting"])
def test_each_table_that_a_proof_touches_counts(table):
    assert find_gaps(taken(verdict("ad", table, None) | {"complete": False})).sources == {"ad": "no reason given"}


def test_the_first_table_says_why_when_several_are_short():
    short = (verdict("ad", "accounts", "accounts first"), verdict("ad", "nesting", "nesting last"))
    assert find_gaps(taken(*short)).sources == {"ad": "accounts first"}


# What a rule may not conclude


def a_rule(needs, whole=(), *, timed=False):
    return Rule("a-rule", lambda: Relation("", {}), Severity.HIGH, needs, whole, (), timed)


SHORT = {"accounts": {"ad": "page 2", "entra": "no answer"}, "people": {"hr": "cut"}, "nesting": {"ad": "range"}}
GAPS = Gaps(frozenset({"signins"}), SHORT, RESTS_ON, {"ad": "7 min off", "cloud": "silent"})


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (a_rule(("entitlements",)), ""),
        (a_rule(("accounts",)), ""),
        (a_rule(("entitlements", "signins")), "no source provides signins"),
        (a_rule(("entitlements",), ("signins",)), ""),
        (a_rule(("entitlements",), ("accounts",)), "accounts of ad is incomplete: page 2"),
        (a_rule(("people",)), "people of hr is incomplete: cut"),
        (a_rule(("person_roles",)), "people of hr is incomplete: cut"),
        (a_rule(("closure",)), ""),
        (a_rule(("entitlements",), ("closure",)), "nesting of ad is incomplete: range"),
        (a_rule(("waivers",)), ""),
    ],
)
def test_a_rule_is_not_evaluated_on_a_short_roster_or_on_what_it_needs_whole(rule, why):
    assert GAPS.why_not(rule) == why


@pytest.mark.parametrize(
    ("rule", "withheld"),
    [
        (a_rule(("entitlements",)), {}),
        (a_rule(("accounts",)), {"ad": "page 2", "entra": "no answer"}),
        (a_rule(("closure",)), {"ad": "range"}),
        (a_rule(("entitlements",), timed=True), {"ad": "7 min off", "cloud": "silent"}),
        (a_rule(("nesting",), timed=True), {"ad": "range", "cloud": "silent"}),
    ],
)
def test_what_touches_a_source_that_is_short_is_withheld(rule, withheld):
    assert GAPS.withheld_for(rule) == withheld


# What a connector did not say


SOURCE = Source("app", Path())


def verdicts_added(**rows):
    """Return the verdicts of a source whose connector yielded these rows."""
    made = {name: [reading._loose(name, rows.get(name, []))] for name in TABLES}
    reading._add_missing_verdicts(SOURCE, made)
    return [
        (row["subject"], row["complete"], row["reason"]) for part in made["completeness"] for row in part.to_pylist()
    ]


def test_silence_is_not_success():
    row = {"account": "app:user:1"}
    said = complete(SOURCE, "accounts", 1)[1]
    assert verdicts_added(accounts=[row]) == [("accounts", False, "the connector gave no verdict")]
    assert verdicts_added(accounts=[row], completeness=[said]) == [("accounts", True, None)]
    assert verdicts_added() == [("source", False, "the connector gave no verdict and no rows")]
    assert verdicts_added(completeness=[incomplete(SOURCE, "grants", "cut")[1]]) == [("grants", False, "cut")]
    problem = {"source": "app", "locator": "1", "kind": "unusable", "reason": "x"}
    assert verdicts_added(problems=[problem]) == [("source", False, "the connector gave no verdict and no rows")]
    assert verdicts_added(grants=[{}], completeness=[said]) == [
        ("accounts", True, None),
        ("grants", False, "the connector gave no verdict"),
    ]


# What a directory did not send


class Server:
    """Answers one search after another as it was told to, and remembers what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def search(self, base, filter_, attributes, **more):
        self.asked.append((base, filter_, tuple(attributes), more))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    receive = search

    def decoded(self, answer):
        if answer.message == "cannot be decoded":
            raise Transient("ad", answer.message)
        return answer


def page(*names, cookie=b"", code=0, message=""):
    return LdapResult(code, message, tuple((name, {}) for name in names), cookie)


QUERY = Query("DC=x", "(a=b)", ("mail",), ("control",))


def test_pages_are_read_to_the_last_and_each_entry_once():
    server = Server(page("a", "b", cookie=b"1"), page(cookie=b"2"), page("b", "c"))
    made = read_pages(server, QUERY, ReadPace(page=2))  # type: ignore[arg-type]
    assert ([dn for dn, _ in made.entries], made.pages, made.fault) == (["a", "b", "c"], 3, None)
    assert [more["page"] for *_, more in server.asked] == [(2, b""), (2, b"1"), (2, b"2")]
    assert server.asked[0][:3] == ("DC=x", "(a=b)", ("mail",))
    assert server.asked[0][3]["controls"] == ("control",)
    assert server.asked[0][3]["scope"] == "SUBTREE"


@pytest.mark.parametrize(
    ("answers", "entries", "fault"),
    [
        ([page("a", cookie=b"1"), page("b", code=4)], 2, "page 2: "),
        ([page("a", cookie=b"1"), Transient("ad", "the connection broke")], 1, "page 2: ad: the connection broke"),
        (
            [page("a", cookie=None)],
            1,
            "page 1: the server did not page its answer, so nobody knows whether it is whole",
        ),
        (
            [page("a", cookie=b"1"), page("a", cookie=b"1")],
            1,
            "page 2: the server repeats itself: the page holds only what came before",
        ),
        ([page(cookie=b"1")] * 101, 0, "page 101: 101 empty pages in a row"),
        ([page("a", cookie=b"1"), *[page(cookie=b"1")] * 100, page("b")], 2, None),
    ],
)
def test_a_listing_that_did_not_end_well_says_so_and_keeps_what_came(answers, entries, fault):
    made = read_pages(Server(*answers), QUERY, ReadPace())  # type: ignore[arg-type]
    assert len(made.entries) == entries
    assert (made.fault is None) == (fault is None)
    assert (made.fault or "").startswith(fault or "")


def test_no_page_is_asked_for_after_the_time_is_up():
    late = ReadPace(deadline=10, clock=lambda: 11)
    assert read_pages(Server(page("a", cookie=b"1")), QUERY, late).fault == "page 1: the time for this read is up"  # type: ignore[arg-type]
    assert read_pages(Server(page("a")), QUERY, late).fault is None  # type: ignore[arg-type]
    assert (
        read_pages(Server(page("a", cookie=b"1"), page("b")), QUERY, ReadPace(deadline=10, clock=lambda: 10)).fault  # type: ignore[arg-type]
        is None
    )


def piece(name, values, code=0, message=""):
    return LdapResult(code, message, (("dn", {name: values}),), b"")


def test_long_lists_are_fetched_to_their_last_piece():
    assert first_range("member") == "member;range=0-*"
    values = {"mail": [b"m"], "member;range=0-0": [b"a"], "proxy;range=0-0": [b"x"]}
    server = Server(
        piece("Member;Range=1-1", [b"b"]), piece("member;range=2-*", [b"c"]), piece("proxy;range=1-*", [b"y"])
    )
    assert finish_ranges(server, "g", values, ReadPace()) is None  # type: ignore[arg-type]
    assert values == {
        "mail": [b"m"],
        "member;range=0-0": [b"a"],
        "Member;Range=1-1": [b"b"],
        "member;range=2-*": [b"c"],
        "proxy;range=0-0": [b"x"],
        "proxy;range=1-*": [b"y"],
    }
    assert [asked[:3] for asked in server.asked] == [
        ("<GUID=g>", "(objectClass=*)", ("member;range=1-*",)),
        ("<GUID=g>", "(objectClass=*)", ("member;range=2-*",)),
        ("<GUID=g>", "(objectClass=*)", ("proxy;range=1-*",)),
    ]
    whole = {"member;range=0-*": [b"a"], "member;range=0-1": [b"a"]}
    assert finish_ranges(Server(), "g", whole, ReadPace()) is None  # type: ignore[arg-type]


def test_an_attribute_that_came_empty_beside_its_pieces_is_left_out():
    entry = entry_of("CN=a,DC=x", {"member": [], "member;range=0-*": [b"b"]})
    assert (entry.dn, list(entry.values)) == ("CN=a,DC=x", ["member;range=0-*"])


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Transient("ad", "the connection broke"), "ad: the connection broke"),
        (piece("member;range=2-3", [b"c"], code=51), "member from number 2 on: "),
        (piece("member;range=7-9", [b"c"]), "member from number 2 on: the server gave no values"),
        (piece("other;range=2-3", [b"c"]), "member from number 2 on: the server gave no values"),
        (piece("member", [b"c"]), "member from number 2 on: the server gave no values"),
        (LdapResult(0, "", (), b""), "member from number 2 on: the server gave no values"),
        (piece("member;range=2-3", []), "member does not go on at number 2"),
        (piece("member;range=2-1", [b"c"]), "member does not go on at number 2"),
    ],
)
def test_a_piece_that_does_not_come_makes_the_list_short(answer, fault):
    said = finish_ranges(Server(answer), "g", {"member;range=0-1": [b"a", b"b"]}, ReadPace())  # type: ignore[arg-type]
    assert said is not None
    assert said.startswith(fault)


def test_a_piece_is_not_asked_for_after_the_time_is_up():
    late = ReadPace(deadline=10, clock=lambda: 11)
    said = finish_ranges(Server(), "g", {"member;range=0-1": [b"a"]}, late)  # type: ignore[arg-type]
    assert said == "the time for this read is up"

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import Unclear
from access_review.explain.explain import explain
from access_review.explain.lookup import look_up
from access_review.facts import FINDINGS
from access_review.review import establish
from access_review.views import explanation, explanation_picture, svg
from access_review.views.svg_layout import BOX, columns, layout
from access_review.views.text import by_reason, day, last_day, listed
from tests.support.small_company import BIDI, MARKUP, account, group, member, nested, person, reviewed, rows
from tests.support.snapshots import AS_OF, tables, workspace


@pytest.fixture(scope="module")
def company():
    with reviewed() as one:
        yield one


def asked(company, what):
    return explain(company.engine, company.workspace, what)


def finding(company, rule, about=None):
    found = [f for f in company.report.findings.to_pylist() if f["rule"] == rule and about in (None, f["about_name"])]
    return found[0]["finding"]


@pytest.mark.parametrize(
    ("what", "id"),
    [
        ("ad:user:1", "ad:user:1"),
        ("ad:group:Payroll", "ad:group:Payroll"),
        ("hr:person:1", "hr:person:1"),
        ("ad:group:payroll", "ad:group:Payroll"),
        ("hr:person:Ana Lim", "hr:person:1"),
        ("payroll", "ad:group:Payroll"),
        ("ana", "ad:user:1"),
        ("ana@norwind.example.test", "ad:user:1"),
    ],
)
def test_a_thing_is_found_by_id_and_by_name(company, what, id):  # noqa: A002
    assert look_up(company.engine, what).id == id


def test_a_finding_is_found_by_its_id_and_by_the_start_of_it(company):
    whole = finding(company, "never-allowed")
    assert look_up(company.engine, whole).id == whole
    assert look_up(company.engine, whole[:6].upper()).id == whole
    with pytest.raises(Unclear):
        look_up(company.engine, whole[:5])


def test_a_name_means_the_person_and_several_persons_are_listed(company):
    assert look_up(company.engine, "Cem Aydin").id == "hr:person:3"
    twins = tables({"people": [{"person": f"hr:person:{n}", "name": "Cem Aydin"} for n in (1, 2)]})
    with EmbeddedEngine(AS_OF) as engine:
        establish(twins, workspace(), engine)
        engine.register("findings", FINDINGS.schema.empty_table())
        with pytest.raises(Unclear) as caught:
            look_up(engine, "Cem Aydin")
    assert caught.value.exit_code == 2
    assert "person hr:person:1 (Cem Aydin), person hr:person:2 (Cem Aydin)" in caught.value.hint


def test_what_nobody_is_called_is_an_error(company):
    with pytest.raises(Unclear, match="nothing is called"):
        look_up(company.engine, "x''; DROP TABLE accounts")


def test_every_finding_thing_and_person_can_be_explained(company):
    ids = [f["finding"] for f in company.report.findings.to_pylist()]
    for table, key in (("accounts", "account"), ("entitlements", "entitlement"), ("people", "person")):
        ids += company.snapshot.tables[table][key].to_pylist()
    for one in ids:
        answer = asked(company, one)
        assert answer.id == one
        value = answer.to_json()
        assert json.loads(json.dumps(value)) == value
        assert explanation.text(answer).strip()
        ET.fromstring(explanation_picture.draw_explanation(answer, alone=True))  # noqa: S314 - our own drawing


def test_an_account_is_explained_by_owner_roles_grants_and_paths(company):
    (held,) = asked(company, "ana").accounts
    assert held.ownership.person.id == "hr:person:1"
    assert [(r.on, r.outcome) for r in held.ownership.rungs] == [
        ("employee_id = person", "decides"),
        ("display_name = name", "nobody"),
    ]
    grants = {g.entitlement.name: g for g in held.grants}
    assert grants["Payroll"].verdict == "beyond"
    assert grants["Office"].verdict == "mixed"
    assert grants["Red"].forbidden.name == "Red"
    (line,) = grants["Finance-Read"].allowed_by
    assert (line.role, line.allows, line.place) == ("finance-analyst", "may", "roles/templates/finance-analyst.yaml:4")
    assert (grants["All-Staff"].allowed_by[0].template, grants["All-Staff"].end.removable) == ("all-staff", False)
    assert [[h.parent.name for h in r.path] for r in grants["Office"].reaches] == [
        ["Finance-Read"],
        ["Finance-Read", "Admins"],
    ]


def test_the_cuts_of_an_account_are_its_grants_beyond_the_roles(company):
    assert {c.parent.name for c in asked(company, "ana").ends} == {
        "Client",
        "Ledger",
        "Link",
        "Office",
        "Payroll",
        "Red",
    }


def test_a_finding_is_explained_by_the_grants_that_reach_it_and_nothing_else(company):
    answer = asked(company, finding(company, "access-beyond-role", "Ledger"))
    (held,) = answer.accounts
    assert {g.entitlement.name for g in held.grants} == {"Ledger", "Payroll"}
    assert [(c.what, c.child.name, c.parent.name) for c in answer.ends] == [
        ("grant", "ana", "Ledger"),
        ("grant", "ana", "Payroll"),
        ("nesting", "Payroll", "Ledger"),
    ]


def test_a_toxic_pair_is_explained_by_what_reaches_either_side(company):
    (held,) = asked(company, finding(company, "toxic-pair")).accounts
    assert {g.entitlement.name for g in held.grants} == {"Finance-Read", "Payroll", "Office"}


def test_nesting_that_escalates_is_ended_by_its_edge(company):
    (cut,) = asked(company, finding(company, "nesting-escalates")).ends
    assert (cut.what, cut.child.name, cut.parent.name, cut.mastered_in) == ("nesting", "Finance-Read", "Admins", "ad")


def test_a_leaver_is_explained_with_the_instants(company):
    shown = explanation.text(asked(company, "Bo Reyes"))
    assert "end of employment: 2026-01-28 16:00 to 2026-01-29 00:00 UTC" in shown
    assert "told by HR: 2026-01-29 20:00 UTC" in shown
    assert "still held, though Bo Reyes has left" in shown
    assert "not judged" not in shown


def test_what_ends_a_leaver_s_access_is_disabling_first(company):
    (cut, *_) = asked(company, "Bo Reyes").ends
    assert (cut.what, cut.child.name, cut.removable) == ("account", "bo", True)
    assert "\n└── disable bo, in ad\n" in explanation.text(asked(company, "Bo Reyes"))


def test_a_protected_account_is_not_simply_disabled():
    told = rows()
    told["accounts"][1]["protected"] = "break-glass"
    with reviewed(told) as company:
        shown = explanation.text(asked(company, "Bo Reyes"))
    assert "disable bo, in ad: not possible as such, break-glass" in shown


def test_a_grant_that_is_wrong_in_part_says_what_would_go_along(company):
    shown = explanation.text(asked(company, finding(company, "access-beyond-role", "Office")), width=120)
    assert "that would take along Finance-Read: grant that directly first, or cut the nesting" in shown


def test_what_restricts_is_never_simply_taken_away():
    told = rows()
    told["entitlements"] = [{**e, "effect": "restricts"} if e["name"] == "Payroll" else e for e in told["entitlements"]]
    with reviewed(told) as company:
        (held,) = asked(company, "ana").accounts
    (end,) = [g.end for g in held.grants if g.entitlement.name == "Payroll"]
    assert (end.removable, end.why_not) == (False, "it restricts, so taking it away may give more")


def test_a_shared_account_names_who_knows_its_secret():
    told = rows()
    told["accounts"].append(account("8", "frontdesk", kind="shared"))
    told["custody"] = [{"account": "ad:user:8", "person": "hr:person:3"}]
    told["owners"] = [{"object": "ad:user:8", "owner": "hr:person:1"}]
    with reviewed(told) as company:
        shown = explanation.text(asked(company, "frontdesk"))
    assert "Belongs to no one person: a shared account" in shown
    assert "Its secret is known to Cem Aydin" in shown
    assert "Answered for by Ana Lim" in shown


def test_an_account_of_nobody_says_which_rungs_were_tried(company):
    shown = explanation.text(asked(company, "zed"))
    assert "Belongs to nobody known: no rung of the ladder matches anybody" in shown
    assert "1. employee_id = person: nobody" in shown


def test_a_guess_is_said_to_be_one(company):
    (held,) = asked(company, "ad:user:4").accounts
    assert held.ownership.certain is False
    assert "Belongs to Cem Aydin (hr:person:3), a guess" in explanation.text(asked(company, "ad:user:4"))


def test_two_candidates_are_shown_and_decide_nothing():
    told = rows()
    told["people"].append(person("9", "Cem Aydin"))
    with reviewed(told) as company:
        (held,) = asked(company, "ad:user:4").accounts
    assert held.ownership.person is None
    assert [(len(r.people), r.outcome) for r in held.ownership.rungs] == [
        (0, "nobody"),
        (2, "two candidates are no owner"),
    ]


def test_an_entitlement_counts_its_holders_and_names_some():
    told = rows()
    told["accounts"] += [account(f"9{n:02}", f"user{n:02}") for n in range(20)]
    told["grants"] += [member(f"9{n:02}", "Office") for n in range(20)]
    with reviewed(told) as company:
        answer = asked(company, "Admins")
        (one,) = answer.entitlements
    assert (one.direct.total, one.nested.total, len(one.nested.first)) == (0, 21, 12)
    assert "and 9 more" in explanation.text(answer)
    assert [r.entitlement.name for r in one.carried_by] == ["Finance-Read", "Office"]


GOLDEN = """\
Entitlement Office (ad:group:Office)
└── Finding {id} (new): Access that no role of its holder allows
    └── ana: holds Office, part of which is beyond the roles of the holder: finance-analyst
Entitlement Office (ad:group:Office): group, effect: grants
├── Nobody answers for it
├── Held directly by 1 account of 1 person: ana
├── Held through nesting by no account
├── No role template names it
└── Gives
    ├── gives Finance-Read (ad:group:Finance-Read): Office → Finance-Read (member)
    └── gives Admins (ad:group:Admins), privileged: Office → Finance-Read (member) → Admins (member)
"""


def test_an_explanation_reads_well(company):
    found = finding(company, "access-beyond-role", "Office")
    assert explanation.text(asked(company, "Office"), width=120) == GOLDEN.format(id=found[:8])


def test_hostile_names_neither_drive_the_terminal_nor_turn_it_around():
    with reviewed(rows(hostile=True)) as company:
        answer = asked(company, "ad:user:1")
        shown = explanation.text(answer, width=200)
        drawn = str(explanation_picture.draw_explanation(answer))
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    assert "⟨U+202E⟩" in shown
    assert "⟨U+001B⟩[31m" in shown
    assert "<script>" not in drawn
    assert "\u202e" not in drawn
    assert any(g.entitlement.name == BIDI for g in answer.accounts[0].grants), "the value is exact"
    assert any(g.entitlement.name == MARKUP for g in answer.accounts[0].grants)


def test_colour_changes_nothing_but_colour(company):
    import re

    answer = asked(company, "ana")
    coloured = explanation.text(answer, colour=True)
    assert "\x1b[" in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in plain.splitlines()] == explanation.text(answer).splitlines()


def test_the_same_question_gives_the_same_answer(company):
    with reviewed() as again:
        assert asked(again, "ana") == asked(company, "ana")
        assert explanation_picture.draw_explanation(asked(again, "ana")) == explanation_picture.draw_explanation(
            asked(company, "ana")
        )


def test_a_picture_says_what_allows_it_what_would_be_cut_and_what_else_would_go(company):
    drawn = str(explanation_picture.draw_explanation(asked(company, "ana"), alone=True))
    for said in ("allowed: ", "no role allows it", "would be cut", "Access of "):
        assert said in drawn
    cut = asked(company, "Admins")
    whose = str(explanation_picture.draw_explanation(cut, alone=True))
    assert "through nesting" in whose or "directly" in whose


def test_a_cut_takes_along_what_nothing_else_gives_and_says_so_of_what_is_allowed():
    drawing = svg.Drawing({"c": svg.BoxNote("allowed: clerk", "fine")})
    for name in "abcde":
        drawing.add(svg.Node(name, name, "group"))
    for start, end, cut in (("a", "b", True), ("b", "c", False), ("a", "d", True), ("e", "d", False)):
        drawing.join(svg.Edge(start, end, "member", cut=cut))
    drawing.mark_lost()
    said = {name: node.note.said if node.note else "" for name, node in drawing.nodes.items()}
    assert said == {"a": "", "b": "", "c": "goes too, though allowed", "d": "stays, by another way", "e": ""}


def test_a_cut_says_who_would_lose_what_the_picture_is_about():
    drawing = svg.Drawing(subject="s")
    for name in "sgho":
        drawing.add(svg.Node(name, name, "group"))
    for start, end, cut in (("h", "g", False), ("g", "s", True), ("o", "s", False)):
        drawing.join(svg.Edge(start, end, "member", cut=cut))
    drawing.mark_lost()
    lost = {name for name, node in drawing.nodes.items() if node.note and node.note.said == "would lose it"}
    assert lost == {"g", "h"}


def test_a_picture_of_very_many_paths_stays_readable():
    told = rows()
    told["entitlements"] += [group(f"Outer-{n:02}") for n in range(60)]
    told["nesting"] += [nested(f"Outer-{n:02}", "Admins") for n in range(60)]
    told["grants"] += [member("1", f"Outer-{n:02}") for n in range(60)]
    with reviewed(told) as company:
        drawn = str(explanation_picture.draw_explanation(asked(company, "Admins")))
        theirs = str(explanation_picture.draw_explanation(asked(company, "ana")))
    assert "and 42 more" in drawn
    assert "and 48 more" in theirs
    assert max(drawn.count("<rect"), theirs.count("<rect")) <= 2 * svg.MOST_PATHS + 5


_graphs = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20, unique=True)


@given(_graphs)
def test_boxes_never_overlap_and_arrows_keep_clear_of_them(pairs):
    boxes = [str(n) for n in range(8)]
    arrows = [(str(a), str(b)) for a, b in pairs]
    placed = layout(boxes, arrows)
    for column in {column for column, _ in placed.at.values()}:
        rows_of = sorted(row for other, row in placed.at.values() if other == column)
        assert all(below - above >= BOX for above, below in pairwise(rows_of))
    for (start, end), way in placed.way.items():
        assert (way[0], way[-1]) == (placed.at[start], placed.at[end])
        assert not set(way[1:-1]) & set(placed.at.values())


@given(_graphs)
def test_without_cycles_every_arrow_leads_to_the_right(pairs):
    boxes = [str(n) for n in range(8)]
    arrows = [(str(a), str(b)) for a, b in pairs if a < b]
    column = columns(boxes, arrows)
    assert all(column[start] < column[end] for start, end in arrows)


def test_moments_and_days_are_on_the_clock_that_is_asked_for(company):
    shown = explanation.text(asked(company, "Bo Reyes"), zone="Asia/Manila")
    assert "told by HR: 2026-01-30 04:00 Asia/Manila (2026-01-29 20:00 UTC)" in shown
    midnight = datetime(2026, 10, 30, 23, tzinfo=UTC)
    assert (last_day(midnight, zone="Europe/Warsaw"), day(midnight, zone="Europe/Warsaw")) == (
        "2026-10-30",
        "2026-10-31",
    )


def test_names_with_commas_are_parted_by_another_mark_and_a_reason_is_said_once():
    assert listed(["Haas, Jana", "Ekman, Sam"]) == "Haas, Jana; Ekman, Sam"
    said = by_reason([("grants", "cut"), ("accounts", "cut"), ("people", "old")])
    assert said == [("grants, accounts", "cut"), ("people", "old")]

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
import rfc8785
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import ArtifactError, LimitExceeded, PlanRefused, StalePlan
from access_review.plan import consequences
from access_review.plan.alternatives import cover
from access_review.plan.plan import plan
from access_review.plan.record import read, refuse_stale, seal, write
from access_review.plan.request import Scope
from access_review.review import review
from access_review.snapshot import Snapshot
from tests.support import planning
from tests.support.planning import (
    account,
    add,
    asked_of,
    change,
    company,
    declared,
    grant,
    group,
    job,
    leave,
    nest,
    person,
    planned,
)
from tests.support.snapshots import AS_OF

FEW = settings(deadline=None, max_examples=5, derandomize=True, suppress_health_check=list(HealthCheck))
DAY = timedelta(days=1)


def left_to_a_person(made):
    """Reasons by what is left, for worlds in which each reason stands once."""
    return {one.reason: one for one in made.to_person}


# What is planned


def test_nothing_is_planned_where_nothing_is_wrong():
    made = planned(company(8))
    assert made.changes == ()
    assert made.batches == ()
    assert made.to_person == ()


@pytest.fixture(scope="module")
def departed():
    """A leaver with an account in each system, and somebody who only holds too much."""
    rows = leave(company(), 5)
    rows = add(
        rows,
        accounts=[account(5, "entra"), account(5, "ledger")],
        entitlements=[
            group("Mail", "entra"),
            group("view", "ledger", "right"),
            group("Reader", "entra", "role", scope="/"),
        ],
        grants=[
            grant(5, "Mail", "entra"),
            grant(5, "Reader", "entra", "role", mode="eligible", via="pim"),
            grant(5, "view", "ledger", "right", via="list"),
            grant(7, "Other"),
        ],
    )
    return planned(rows)


def test_a_leaver_loses_sign_in_then_sessions_then_grants_and_others_come_after(departed):
    assert asked_of(departed) == [
        ("disable-account", "user5", ""),
        ("disable-account", "user5", ""),
        ("revoke-sessions", "user5", ""),
        ("manual", "user5", ""),
        ("remove-member", "user5", "All"),
        ("remove-member", "user5", "Fin"),
        ("remove-member", "user5", "Mail"),
        ("end-pim", "user5", "Reader"),
        ("manual", "user5", "view"),
        ("remove-member", "user7", "Other"),
    ]
    assert [len(batch.changes) for batch in departed.batches] == [9, 1]
    assert departed.to_person == ()


def test_a_change_names_what_it_relies_on_why_and_how_it_is_undone(departed):
    disable, *_, last = departed.changes
    assert (disable.expect_before.enabled, disable.expect_before.person_status, disable.undo) == (
        True,
        "left",
        "enable-account",
    )
    assert (last.expect_before.present, last.expect_before.verdict, last.undo) == (True, "beyond", "add-member")
    assert last.target.key == ("ad:user:7", "ad:group:Other", "", "assigned")
    assert all(one.because for one in departed.changes)
    by_hand = [one.target.manual for one in departed.changes if one.action == "manual"]
    assert by_hand == ["disable user5 in ledger", "take view away from user5 in ledger"]


def test_the_proof_counts_what_ended_and_that_nothing_expected_is_lost(departed):
    proof = departed.proof
    assert proof.findings_after == proof.findings_before - proof.ended - proof.ended_besides
    assert proof.ended == len({finding for one in departed.changes for finding in one.because})
    assert (proof.appeared, proof.expected_lost) == (0, 0)
    assert proof.sources == ("ad", "entra", "ledger")


def test_a_plan_tells_its_inputs_and_its_limits(departed):
    assert departed.as_of == AS_OF
    assert departed.expires_at == AS_OF + DAY
    assert departed.run.startswith("20260201T000000Z-")
    assert departed.workspace_digest == "sha256:0"
    counted = {(c.what, c.where): c.changed for c in departed.limits.counts}
    assert counted["grants removed", "ad"] == 3
    assert counted["accounts disabled", "entra"] == 1


def test_what_is_forbidden_however_it_is_reached_needs_every_grant_that_leads_there():
    templates = [{**planning.TEMPLATES[0], "never": ["ad:group:Ledger"]}]
    rows = add(
        company(),
        entitlements=[group("Ledger"), group("Carrier")],
        nesting=[nest("Carrier", "Ledger")],
        grants=[grant(9, "Carrier"), grant(9, "Ledger")],
    )
    made = planned(rows, declared(templates=templates))
    assert asked_of(made) == [("remove-member", "user9", "Carrier"), ("remove-member", "user9", "Ledger")]
    assert len({one.because for one in made.changes}) == 1


def test_what_falls_away_through_nesting_is_told_as_collateral():
    rows = add(
        company(),
        entitlements=[group("Carrier"), group("Beneath")],
        nesting=[nest("Carrier", "Beneath")],
        grants=[grant(9, "Carrier")],
    )
    (only,) = planned(rows).changes
    assert only.collateral == ("also loses Beneath (ad)",)


# What is left to a person

REFUSED = {
    11: "a guess",
    12: "the person is missing",
    13: "an assignment has not ended",
    14: "it is an exemption",
    15: "mail would stop",
    16: "it is a licence",
    17: "Carries-Licence carries a licence",
    18: "dynamic group",
    19: "part of what Mixed gives is expected",
    20: "may change",
    21: "break-glass",
    22: "its source says: tier 0",
    23: "policy.yaml names it",
    24: "belongs to an operator",
    25: "belongs to an operator",
    26: "policy.yaml names it (Crown)",
    27: "whether the account is enabled is not known",
    29: "user29 would leave Restricts",
    30: "no role of the holder is known",
    31: "a role of the holder allows it",
}


@pytest.fixture(scope="module")
def refusals():
    rows = company()
    for number in (13, 15, 16, 18, 27):
        rows = leave(rows, number)
    rows = change(rows, "accounts", "ad:user:11", employee_id=None, mail="11@example.test")
    rows = change(rows, "people", "hr:person:11", mail="11@example.test")
    rows = change(rows, "people", "hr:person:12", status="missing")
    rows = add(rows, assignments=[job(13, seq=2)])
    rows = change(rows, "accounts", "ad:user:20", stable_id=False)
    rows = change(rows, "accounts", "ad:user:21", kind="break-glass")
    rows = change(rows, "accounts", "ad:user:22", protected="tier 0")
    rows = change(rows, "accounts", "ad:user:27", enabled=None)
    long_ago = AS_OF - 200 * DAY
    rows = change(rows, "accounts", "ad:user:12", kind="guest", last_used_earliest=long_ago, last_used_latest=long_ago)
    rows["assignments"] = [
        {**row, "attributes": "{}"} if row["person"] == "hr:person:30" else row for row in rows["assignments"]
    ]
    extra = [
        group("Restricts", effect="restricts"),
        group("Exempt", effect="exempts"),
        group("List", effect="distribution"),
        group("E5", "entra", "licence"),
        *(group(name) for name in ("Carries-Licence", "Dynamic", "Mixed", "Crown", "To-Crown", "Loose", "Unclear")),
        group("Fin-Elsewhere", client="Southgate"),
    ]
    held = {
        14: "Exempt",
        15: "List",
        17: "Carries-Licence",
        19: "Mixed",
        26: "To-Crown",
        29: "Loose",
        30: "Fin-Elsewhere",
        31: "Fin-Elsewhere",
    }
    rows = add(
        rows,
        entitlements=extra,
        nesting=[
            {"child": "ad:group:Carries-Licence", "parent": "entra:licence:E5"},
            nest("Mixed", "Fin-Read"),
            nest("Mixed", "Other"),
            nest("To-Crown", "Crown"),
            nest("Loose", "Restricts"),
        ],
        grants=[
            *(grant(number, name) for number, name in held.items()),
            *(grant(number, "Other") for number in (11, 20, 21, 22, 23, 24, 25)),
            {"account": "ad:user:16", "entitlement": "entra:licence:E5", "via": "licence"},
            grant(18, "Dynamic", removable=False, why_not="dynamic group: its rule decides"),
        ],
        owners=[],
    )
    protect = {"accounts": ["ad:user:user23"], "operators": ["HR:person:24"], "entitlements": ["ad:group:Crow*"]}
    space = planning.without_last_holders(declared(policy={"protect": protect}))
    ladder = [{"on": ["employee_id", "person"]}, {"on": ["mail", "mail"], "certain": False}]
    sources = tuple(
        replace(s, file=type(s.file).model_validate(s.file.model_dump() | {"match": ladder})) if s.name == "ad" else s
        for s in space.sources
    )
    space = replace(space, sources=sources)
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        taken, report = planning.reviewed(rows, space, engine)
        made = plan(taken, space, engine, report, **planning.ASKED | {"requested_by": "HR:Person:25"})
        return made, {row["finding"]: row for row in report.findings.to_pylist()}


@pytest.mark.parametrize("number", sorted(REFUSED))
def test_what_is_uncertain_protected_or_not_clean_goes_to_a_person(refusals, number):
    made, findings = refusals
    reasons = [
        one.reason
        for one in made.to_person
        if any(f"ad:user:{number}" == findings[f]["subject"] for f in one.findings if f in findings)
    ]
    assert any(REFUSED[number] in reason for reason in reasons), reasons


def test_only_what_nothing_speaks_against_is_planned_beside_it(refusals):
    made, _ = refusals
    clean = {"user15", "user16", "user18", "user27"}  # leavers: what can be taken from them is
    changed = {name for _, name, _ in asked_of(made)}
    assert changed == clean
    assert not {held for _, _, held in asked_of(made)} & {"Exempt", "Restricts", "List", "E5", "Dynamic"}


def test_protections_come_first_and_are_loud(refusals):
    made, _ = refusals
    loud = [one.why.protected for one in made.to_person]
    assert loud == sorted(loud, reverse=True)
    assert loud.count(True) == 5


def test_ways_out_of_a_mixed_grant_are_listed(refusals):
    made, _ = refusals
    (mixed,) = [one for one in made.to_person if one.reason == "part of what Mixed gives is expected"]
    assert mixed.ways_out == (
        "grant Fin-Read instead of Mixed, then take Mixed away",
        "allow Mixed in the role template, if the role needs all of it",
    )


def test_an_account_without_an_owner_and_one_that_looks_like_another_are_left_alone():
    rows = add(company(), accounts=[account(77), account(9, "entra", name="user8")], grants=[grant(77, "Admins")])
    rows = add(rows, entitlements=[group("Odd", "entra")], grants=[grant(9, "Odd", "entra"), grant(8, "Other")])
    made = planned(rows)
    assert made.changes == ()
    assert "its name looks like that of another account" in left_to_a_person(made)


def test_a_waived_finding_is_not_planned():
    waiver = {"waiver": "w", "rule": "access-beyond-role", "subject": "ad:user:7", "about": "ad:group:Other"}
    waiver |= {"reason": "project", "approver": "hr:person:1", "expires": "2026-12-31"}
    assert planned(add(company(), grants=[grant(7, "Other")]), declared(waivers=[waiver])).changes == ()


def test_a_leaver_who_signed_in_is_disabled_although_the_sign_in_stays_a_finding():
    rows = leave(company(12), 11)
    rows = add(rows, signins=[{"account": "ad:user:11", "at": AS_OF - DAY, "signin": "s", "success": True}])
    space = declared()
    made = planned(rows, space)
    (disable,) = [one for one in made.changes if one.action == "disable-account"]
    assert (len(disable.because), made.proof.outlasting) == (2, 1)
    done = planned(change(rows, "accounts", "ad:user:11", enabled=False), space)
    assert "disable-account" not in {action for action, _, _ in asked_of(done)}
    assert "the account is disabled already: see what it was used for" in left_to_a_person(done)


def test_a_cut_that_would_take_a_group_beyond_its_limit_does_not_stop_the_rest(escalating):
    rows, space = escalating
    policy = space.policy.model_copy(update={"limits": planning.Policy().limits})
    made = planned(add(rows, grants=[grant(8, "Other")]), replace(space, policy=policy))
    assert asked_of(made) == [("remove-member", "user8", "Other")]
    assert any("Admins would lose more of its members than the limit allows" in r for r in planning.reasons(made))


# Incomplete sources


def incomplete(source, subject):
    return {"source": source, "subject": subject, "complete": False, "reason": "page 2 failed"}


@pytest.mark.parametrize(
    ("source", "subject", "withheld"),
    [
        ("ad", "nesting", {"user7"}),
        ("ad", "ad:group:Other", {"user7"}),
        ("hr", "people", {"user7", "view7"}),
        ("hr", "assignments", {"user7", "view7"}),
        ("entra", "accounts", set()),
        ("entra", "grants", set()),
        ("entra", "nesting", {"user7"}),
        ("entra", "entitlements", {"user7"}),
        ("ledger", "entitlements", {"view7"}),
    ],
)
def test_nothing_is_planned_on_what_was_not_read(source, subject, withheld):
    rows = add(
        company(12),
        accounts=[account(7, "ledger", name="view7")],
        entitlements=[group("post", "ledger", "right")],
        grants=[grant(7, "Other"), grant(7, "post", "ledger", "right", via="list")],
        completeness=[incomplete(source, subject)],
    )
    made = planned(rows)
    assert {name for _, name, _ in asked_of(made)} == {"user7", "view7"} - withheld


def test_a_finding_carried_over_from_a_complete_run_is_withheld_from_a_plan():
    rows = add(company(12), grants=[grant(7, "Other")])
    space = declared()
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        _, before = planning.reviewed(rows, space, engine)
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        taken = planning.snapshot(**add(rows, completeness=[incomplete("ad", "grants")]))
        report = review(taken, space, engine, before.findings)
        made = plan(taken, space, engine, report, **planning.ASKED | {"requested_by": "x"})
    assert made.changes == ()
    assert any(reason.startswith("withheld: not checked this time") for reason in planning.reasons(made))


# The last holders


def test_who_is_among_the_last_usable_holders_stays_whoever_that_is_and_in_whichever_batch():
    templates = [{**planning.TEMPLATES[0], "may": ["ad:group:Fin*"]}]
    policy = planning.limits(batch=1)
    made = planned(company(), declared(templates=templates, policy=policy))
    assert made.changes == ()
    (loud,) = [one for one in made.to_person if one.why.protected]
    assert loud.reason == "protected: Admins would have 0 usable holders left, and 2 must stay"
    assert len(loud.findings) == 3
    assert loud.ways_out == ("name a successor first, then plan again",)


def test_a_departing_administrator_goes_once_enough_others_can_work():
    enough = leave(company(), 3)
    assert ("disable-account", "user3", "") in asked_of(planned(enough))
    made = planned(change(enough, "accounts", "ad:user:2", enabled=False))
    assert ("disable-account", "user3", "") not in asked_of(made)
    assert ("remove-member", "user3", "Admins") not in asked_of(made)
    assert ("remove-member", "user3", "All") in asked_of(made)
    assert made.to_person[0].why.protected


# Nesting


@pytest.fixture(scope="module")
def escalating():
    """Everybody in finance gets a privileged group through a group they may have."""
    templates = [{**planning.TEMPLATES[0], "may": ["ad:group:Fin*"]}]
    rows = company(8)
    rows = {**rows, "grants": [row for row in rows["grants"] if row["entitlement"] != "ad:group:Admins"]}
    rows = add(rows, nesting=[nest("Fin", "Admins")])
    policy = planning.limits(group={"percent": 100, "members": 3})
    return rows, planning.without_last_holders(declared(templates=templates, policy=policy))


def test_one_edge_is_cut_for_everybody_behind_it(escalating):
    rows, space = escalating
    (only,) = planned(rows, space).changes
    assert (only.action, only.target.key) == ("cut-nesting", ("", "ad:group:Admins", "ad:group:Fin", "assigned"))
    assert only.collateral == ("8 accounts behind it lose Admins (ad)",)


def test_an_edge_is_not_cut_when_somebody_behind_it_needs_it_or_nobody_owns_the_account(escalating):
    rows, space = escalating
    other = [*space.templates, space.templates[0].model_copy(update={"role": "it", "who": {"department": ("IT",)}})]
    other[1] = other[1].model_copy(update={"may": (*other[1].may, planning.pattern("ad:group:Admins"))})
    elsewhere = add(
        rows,
        people=[person(9)],
        assignments=[job(9, attributes='{"department":"IT"}')],
        accounts=[account(9)],
        grants=[grant(9, "All"), grant(9, "Fin")],
    )
    made = planned(elsewhere, replace(space, templates=tuple(other)))
    assert made.changes == ()
    assert "user9 would lose Admins, which is expected" in left_to_a_person(made)
    foreign = add(
        rows,
        accounts=[account(8, "entra")],
        grants=[{"account": "entra:user:8", "entitlement": "ad:group:Fin"}],
        completeness=[incomplete("entra", "accounts")],
    )
    assert "withheld: entra incomplete: page 2 failed" in left_to_a_person(planned(foreign, space))
    unowned = add(rows, accounts=[account(50, kind="service")], grants=[grant(50, "Fin")])
    assert "user50 would lose Admins, and who owns it is not certain" in left_to_a_person(planned(unowned, space))


def test_the_fewest_groups_are_offered_in_exchange():
    wanted = frozenset("abcd")
    offers = {
        "1": frozenset("ab"),
        "2": frozenset("cd"),
        "3": frozenset("abc"),
        "4": frozenset("d"),
        "5": frozenset("d"),
    }
    assert cover(wanted, offers) == ("3", "2") or cover(wanted, offers) == ("2", "3")
    assert cover(frozenset("x"), offers) == ()


@given(st.dictionaries(st.sampled_from("123456"), st.frozensets(st.sampled_from("abcdef"))))
def test_what_is_offered_covers_everything_and_nothing_of_it_is_idle(offers):
    wanted = frozenset().union(*offers.values())
    chosen = cover(wanted, offers)
    assert frozenset().union(*(offers[c] for c in chosen)) == wanted
    for one in chosen:
        assert frozenset().union(*(offers[c] for c in chosen if c != one)) != wanted


# Synced accounts and groups


def test_what_is_synced_is_changed_where_it_is_mastered():
    rows = leave(company(), 5)
    rows = add(
        rows,
        accounts=[account(5, "entra", employee_id=None), account(7, "entra", employee_id=None)],
        entitlements=[group("Other", "entra")],
        grants=[
            *(grant(n, "Other") for n in (5, 7)),
            *(grant(n, "Other", "entra", removable=False, mastered_in="ad", why_not="synced") for n in (5, 7)),
        ],
        nesting=[
            {"child": "ad:group:Other", "parent": "entra:group:Other", "why": "synced-to", "removable": False},
        ],
        aliases=[
            {"scheme": scheme, "value": f"S-{n}", "id": f"{source}:user:{n}"}
            for n in (5, 7)
            for scheme, source in (("sid", "ad"), ("on-premises-sid", "entra"))
        ],
    )
    made = planned(rows)
    assert asked_of(made) == [
        ("disable-account", "user5", ""),
        ("revoke-sessions", "user5", ""),
        ("remove-member", "user5", "All"),
        ("remove-member", "user5", "Fin"),
        ("remove-member", "user5", "Other"),
        ("remove-member", "user7", "Other"),
    ]
    assert {one.target.source for one in made.changes} == {"ad", "entra"}
    assert len(made.changes[0].because) == 2


def test_what_an_access_package_gave_goes_to_a_person_who_ends_the_assignment():
    why = "given by the access package Close: end the assignment there"
    rows = add(
        leave(company(), 5),
        accounts=[account(5, "entra")],
        entitlements=[group("Ledger", "entra")],
        grants=[grant(5, "Ledger", "entra", via="access-package", removable=False, why_not=why)],
    )
    made = planned(rows)
    assert "Ledger" not in {held for _, _, held in asked_of(made)}
    assert f"it cannot be taken away here: {why}" in left_to_a_person(made)


# Sealed


def test_a_plan_is_read_back_as_it_was_written(departed):
    assert read(write(departed)) == departed


@given(data=st.data())
@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
def test_one_changed_byte_is_refused_or_another_plan_that_nobody_signed(departed, data):
    sealed = bytearray(write(departed))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with suppress(PlanRefused, ArtifactError):
        assert read(bytes(sealed)).digest != departed.digest


def test_a_plan_with_more_in_it_or_of_another_version_is_refused(departed):
    with pytest.raises(PlanRefused):
        read(write(departed).rstrip())
    with pytest.raises(PlanRefused):
        read(b"[]")
    assert read(write(replace(departed, requested_by="somebody else"))).digest != departed.digest
    newer = seal(replace(departed, format="access-review/plan@3"))
    with pytest.raises(ArtifactError, match="plan@3"):
        read(write(newer))


def test_an_expired_plan_and_one_of_another_workspace_are_stale(departed):
    refuse_stale(departed, now=AS_OF, workspace_digest="sha256:0")
    with pytest.raises(StalePlan, match="expired"):
        refuse_stale(departed, now=AS_OF + DAY, workspace_digest="sha256:0")
    with pytest.raises(StalePlan, match="changed"):
        refuse_stale(departed, now=AS_OF, workspace_digest="sha256:1")


def test_an_old_snapshot_and_a_request_of_nobody_are_refused():
    with pytest.raises(StalePlan):
        planned(company(4), now=AS_OF + DAY + timedelta(seconds=1))
    with pytest.raises(PlanRefused):
        planned(company(4), requested_by=" ")


def test_what_is_written_is_canonical(departed):
    written = write(departed)
    assert written == rfc8785.dumps(planning.parsed(written)) + b"\n"


# Scope, order, and the properties


def test_a_plan_can_be_narrowed_to_rules_persons_or_clients():
    rows = add(leave(company(), 5), grants=[grant(7, "Other"), grant(8, "Other")])
    rows["assignments"] = [
        {**row, "client": "Southgate"} if row["person"] == "hr:person:8" else row for row in rows["assignments"]
    ]
    space = declared()
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        taken, report = planning.reviewed(rows, space, engine)

        def narrowed(**scope):
            made = plan(taken, space, engine, report, **planning.ASKED | {"requested_by": "x"}, scope=Scope(**scope))
            return {(action, name) for action, name, _ in asked_of(made)}

        assert narrowed(rules=("leaver-active",)) == {("disable-account", "user5")}
        assert narrowed(persons=("hr:person:7",)) == {("remove-member", "user7")}
        assert narrowed(clients=("Southgate",)) == {("remove-member", "user8")}


@st.composite
def companies(draw):
    """Companies with leavers, excess, nesting of every kind and protected accounts, in any order of rows."""
    rows = company(14)
    rows = add(
        rows,
        entitlements=[
            group(f"G{n}", effect=draw(st.sampled_from(["grants"] * 6 + ["restricts", "unknown"]))) for n in range(5)
        ],
    )
    for number in draw(st.sets(st.integers(1, 14), max_size=3)):
        rows = leave(rows, number)
    names = ["G0", "G1", "G2", "G3", "G4", "Fin", "Other", "Admins"]
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(names)).filter(lambda pair: pair[0] != pair[1])
    removable = draw(st.booleans())
    escalating = draw(st.sampled_from([set(), {("Fin", "Admins")}]))
    rows = add(
        rows,
        nesting=[nest(c, p, removable=removable) for c, p in sorted(draw(st.sets(pairs, max_size=6)) | escalating)],
        grants=[
            grant(n, name)
            for n, name in sorted(draw(st.sets(st.tuples(st.integers(4, 14), st.sampled_from(names[:5])), max_size=8)))
        ],
    )
    for number in draw(st.sets(st.integers(1, 14), max_size=3)):
        rows = change(rows, "accounts", f"ad:user:{number}", protected="tier 0")
    return {name: draw(st.permutations(table)) for name, table in rows.items()}


GENEROUS = {
    "limits": {
        "disable": {"percent": 100, "floor": 99},
        "remove": {"percent": 100, "floor": 99},
        "group": {"percent": 100, "members": 99},
    }
}


@FEW
@given(rows=companies(), strict=st.booleans())
def test_a_plan_applied_and_reviewed_again_plans_nothing_and_never_touches_the_protected(rows, strict):
    # Where nobody may administrate, nesting that leads there escalates, and edges are cut.
    nobody = [{**planning.TEMPLATES[0], "may": ["ad:group:Fin*"]}]
    space = declared(policy=GENEROUS)
    if strict:
        space = planning.without_last_holders(declared(policy=GENEROUS, templates=nobody))
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        taken, report = planning.reviewed(rows, space, engine)
        try:
            made = plan(taken, space, engine, report, **planning.ASKED | {"requested_by": "hr:person:99"})
        except LimitExceeded:
            reject()  # more than a fifth of a company in one day
        consequences.foresee(engine, taken.tables, made.changes)
        after = consequences.tables_after(engine, taken.tables)
    protected = {row["account"] for row in rows["accounts"] if row.get("protected")}
    assert not protected & {one.target.key[0] for one in made.changes}
    listed = [name for batch in made.batches for name in batch.changes]
    assert listed == [one.id for one in made.changes]
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        applied = Snapshot(AS_OF, after, taken.digest)
        again = review(applied, space, engine)
        assert plan(applied, space, engine, again, **planning.ASKED | {"requested_by": "hr:person:99"}).changes == ()


@FEW
@given(rows=companies())
def test_the_order_of_rows_is_irrelevant(rows):
    space = declared(policy=GENEROUS)
    ordered = {name: sorted(table, key=repr) for name, table in rows.items()}
    try:
        made = planned(rows, space)
    except LimitExceeded:
        reject()  # more than a fifth of a company in one day
    assert write(made) == write(planned(ordered, space))

from dataclasses import replace
from datetime import timedelta

import pytest

from access_review.changes import Action, Change, Expectation, Target, Thing
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import PlanRefused
from access_review.plan.after_undo import tables_after_undo
from access_review.plan.proof import Failure, Proof, prove_undo
from access_review.plan.record import read, write
from access_review.plan.withheld import WithheldCode, withheld
from access_review.revoke.states import ChangeStatus, State
from access_review.revoke.undo import undo
from tests.support.fake_system import START, a_change, a_plan
from tests.support.planning import add, change, company, declared, grant, nest, planned, reviewed
from tests.support.snapshots import AS_OF, snapshot, workspace

LATER = START + timedelta(hours=2)


GOOD = Proof(0, 0, 0, 0, 0, 0, 0, 0, ())


def undone(plan, states, *, status="active", rows=None, at=LATER, prove=None):
    standings = {one.id: ChangeStatus(state, 1, START, START) for one, state in zip(plan.changes, states, strict=True)}
    people = [{"person": f"hr:person:{n}", "status": status} for n in (1, 2, 3)]
    there = {
        "accounts": [{"account": f"ad:user:{n}"} for n in (1, 2, 3)],
        "entitlements": [{"entitlement": "ad:group:Fin"}],
    }
    taken = snapshot(at, people=people, **(there | (rows or {})))
    return undo(
        plan,
        standings,
        taken,
        workspace(),
        run="r",
        requested_by="hr:person:9",
        now=at,
        prove=prove or (lambda _: GOOD),
    )


PLAN = a_plan(a_change(1, left=False), a_change(2, left=False), a_change(3, Action.DISABLE_ACCOUNT))


def test_exactly_what_was_taken_is_given_back_sign_in_last():
    made = undone(PLAN, [State.REVOKED, State.ABSENT, State.PENDING])
    assert [(one.action, one.target) for one in made.changes] == [
        (Action.ADD_MEMBER, PLAN.changes[0].target),
        (Action.ENABLE_ACCOUNT, PLAN.changes[2].target),
    ]
    assert read(write(made)) == made
    assert made.digest != PLAN.digest


@pytest.mark.parametrize("state", [State.ABSENT, State.SKIPPED, State.REFUSED, State.PLANNED, State.FAILED])
def test_what_this_batch_did_not_take_is_not_given(state):
    with pytest.raises(PlanRefused, match="nothing to give back"):
        undone(PLAN, [state] * 3)


@pytest.mark.parametrize("status", ["left", "unknown"])
def test_whoever_is_not_employed_gets_nothing_back(status):
    made = undone(PLAN, [State.REVOKED] * 3, status=status)
    assert not made.changes
    assert all("only who is employed" in one.reason for one in made.to_person)


def test_what_is_not_known_is_left_to_a_person():
    made = undone(PLAN, [State.UNKNOWN, State.REVOKED, State.ABSENT])
    assert len(made.changes) == 1
    assert "verify first" in made.to_person[0].reason


def test_what_is_there_no_more_or_fails_the_proof_is_left_to_a_person():
    made = undone(PLAN, [State.REVOKED] * 3, rows={"accounts": [{"account": f"ad:user:{n}"} for n in (2, 3)]})
    assert [one.target.account.name for one in made.changes] == ["user2", "user3"]
    assert "there no more" in made.to_person[0].reason

    def prove(changes):
        wrong = {
            one.id: withheld(WithheldCode.QUARANTINED, detail="it would be wrong")
            for one in changes
            if one.target.account.name == "user2"
        }
        return Failure(wrong) if wrong else GOOD

    made = undone(PLAN, [State.REVOKED] * 3, prove=prove)
    assert [one.target.account.name for one in made.changes] == ["user1", "user3"]
    assert [one.reason for one in made.to_person] == ["not given back: quarantined: it would be wrong"]


def reviewing(rows, space, changes, before, known):
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        taken, report = reviewed(rows, space, engine)
    after = tables_after_undo(taken.tables, snapshot(**before).tables, changes)
    return prove_undo(taken, after, space, report, known, changes)


def test_the_proof_finds_again_what_was_known_and_nothing_else():
    before = add(company(8), grants=[grant(7, "Other")])
    taken = planned(before)
    giving = [replace(one, action=Action.ADD_MEMBER) for one in taken.changes]
    known = {finding for one in taken.changes for finding in one.because}
    proof = reviewing(company(8), declared(), giving, before, known)
    # Two lines of the template match nothing in so small a company, before and after.
    assert (proof.findings_before, proof.appeared, proof.ended_besides) == (2, len(known), 0)
    pair = {"pair": "p", "a": ["ad:group:Other"], "b": ["ad:group:Fin"]}
    failed = reviewing(company(8), declared(pairs=[pair]), giving, before, known)
    assert list(failed.changes) == [giving[0].id]
    assert "toxic-pair" in failed.changes[giving[0].id].reason


def test_accounts_nestings_and_grants_are_given_back_as_they_were():
    before = snapshot(**add(company(4), nesting=[nest("Outer", "Other")], grants=[grant(2, "Other", mode="eligible")]))
    off = change(company(4), "accounts", "ad:user:2", enabled=False)
    now = snapshot(**change(off, "accounts", "ad:user:3", enabled=False))
    group, outer = Thing("ad:group:Other", "Other", "Other"), Thing("ad:group:Outer", "Outer", "Outer")
    targets = {
        Action.ENABLE_ACCOUNT: Target("ad", "ldap", account=Thing("ad:user:3", "3", "user3")),
        Action.ADD_MEMBER: Target(
            "ad", "ldap", account=Thing("ad:user:2", "2", "u"), entitlement=group, mode="eligible"
        ),
        Action.ADD_NESTING: Target("ad", "ldap", child=outer, entitlement=group, mode="assigned"),
    }
    changes = [Change(str(a), a, t, "", Expectation(present=False), (), (), "") for a, t in targets.items()]
    after = tables_after_undo(now.tables, before.tables, changes)
    for table in ("grants", "nesting"):
        assert after[table] == before.tables[table]
    assert after["accounts"]["enabled"].to_pylist() == [True, False, True, True], "a member is not let in by that"
    assert tables_after_undo(after, before.tables, changes)["grants"] == after["grants"], (
        "what is there is not given twice"
    )


def test_an_incomplete_or_an_older_roster_undoes_nothing():
    short = {"completeness": [{"source": "hr", "subject": "people", "complete": False, "reason": "cut short"}]}
    with pytest.raises(PlanRefused, match="hr incomplete: cut short"):
        undone(PLAN, [State.REVOKED] * 3, rows=short)
    with pytest.raises(PlanRefused, match="older than the batch"):
        undone(PLAN, [State.REVOKED] * 3, at=START - timedelta(hours=1))

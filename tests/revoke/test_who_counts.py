"""Whose signatures count and whose are passed over: names, keys, the job's own, standing approvals now and then."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from access_review.changes import Action
from access_review.errors import PlanRefused, Unclear
from access_review.logbook.lines import first_line, verified
from access_review.plan.record import seal
from access_review.policy import StandingApproval
from access_review.revoke import statements
from access_review.revoke.approve import (
    JOB,
    Seen,
    Signatories,
    Statement,
    StatementKind,
    conflict,
    count_statements,
    digest_of_standing,
    enrolled,
    is_covered,
    read_statement,
    require,
    require_standing,
    require_standing_then,
)
from access_review.revoke.signed_wind_down import digest_of_wind_down, find_wind_down, require_wind_down
from access_review.revoke.sshsig import PublicKeyLine
from access_review.revoke.statements import Objection
from access_review.settings import WindDown
from access_review.settings.approvers import Approvers
from tests.support.fake_system import START, a_change, a_plan
from tests.support.first_envelopes import first_envelope

ASKS, SECOND, THIRD, TWIN, GONE, AWAY = (f"hr:person:{n}" for n in (1001, 1002, 1003, 1004, 1005, 1006))
DIGEST = "sha256:" + "d" * 64
NOW, RUN = START + timedelta(hours=1), "20260202T070000Z-11111111"
KEYS = {who: Ed25519PrivateKey.generate() for who in (ASKS, SECOND, THIRD, TWIN, GONE, AWAY, JOB)}
LINES = {
    who: key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() for who, key in KEYS.items()
}
PEOPLE = Signatories.of(
    [
        {"person": ASKS, "native_id": "1001", "mail": "ann@example.test", "name": "Ann Lim", "status": "active"},
        {"person": SECOND, "native_id": "1002", "mail": "Bo@Example.test", "name": "Bo Reyes", "status": "active"},
        {"person": THIRD, "native_id": "1003", "mail": "cy@example.test", "name": "Cy Tan", "status": "active"},
        {"person": TWIN, "native_id": "1004", "mail": None, "name": "  BO  reyes", "status": "active"},
        {"person": GONE, "native_id": "1005", "mail": None, "name": None, "status": "left"},
        {"person": AWAY, "native_id": "1006", "mail": None, "name": "", "status": "leave"},
    ],
    [
        {"account": "ad:user:7", "principal_name": "adm-cy", "mail": "adm.cy@example.test", "person": THIRD},
        {"account": "ad:user:8", "principal_name": "shared", "mail": None, "person": None},
        {"account": "ad:user:9", "principal_name": None, "mail": "ann@example.test", "person": THIRD},
    ],
)
STANDING = StandingApproval.model_validate({"daily": 20, "until": "2026-12-31"})
BOOK = verified(first_line("w1", START - timedelta(days=1)) + b"\n")
SEEN = Seen(BOOK, RUN)


ENROLLED = [{"person": who, "key": line, "enrolled": "x"} for who, line in LINES.items() if who != JOB]
APPROVERS = Approvers.model_validate(
    {"approvers": [*ENROLLED, {"job": "standing", "key": LINES[JOB], "enrolled": "x"}]}
)


def said(by, kind=StatementKind.APPROVAL, digest=DIGEST, *, key=None, at=START, **more):
    """Sign as format 2, with the head of the logbook, unless ``head`` is none."""
    more = {"run": RUN, "workspace": "w1", "role": "x", "head": BOOK.head, **more}
    statement = Statement(kind, digest, by, at, **more)
    if statement.head is None:
        pem = KEYS[key or by].private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        return first_envelope(statement.payload(), pem)
    return statements.sign(statement, KEYS[key or by])


# Names


@pytest.mark.parametrize(
    ("name", "person"),
    [
        (ASKS, ASKS), ("1001", ASKS), (" ANN LIM ", ASKS), ("bo@example.TEST", SECOND), ("adm-cy", THIRD),
        ("ADM.cy@example.test", THIRD), ("ad:user:7", THIRD), (AWAY, AWAY),
    ],
)  # fmt: skip
def test_a_person_is_known_by_any_of_their_names(name, person):
    assert PEOPLE.person(name) == person


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "nobody"), ("shared", "nobody"), ("ad:user:8", "nobody"), ("Somebody", "nobody"), ("XXXX", "nobody"),
        ("ann@example.test", "is 2 people"), (GONE, "is not employed now"), ("1005", "is not employed now"),
    ],
)  # fmt: skip
def test_a_name_of_nobody_of_several_or_of_somebody_gone_is_none(name, why):
    with pytest.raises(PlanRefused, match=why):
        PEOPLE.person(name)


def test_two_rows_of_one_name_are_alike_and_two_without_are_not():
    assert PEOPLE.alike(SECOND, TWIN)
    assert PEOPLE.alike(SECOND, SECOND)
    assert not PEOPLE.alike(SECOND, THIRD)
    assert not PEOPLE.alike(GONE, AWAY)
    assert not PEOPLE.alike("hr:person:1", "hr:person:2")


def test_whoever_asks_their_namesake_and_whoever_it_is_about_are_in_conflict():
    plan = a_plan(a_change(1003))
    assert "does not approve it" in conflict(plan, SECOND, SECOND, PEOPLE)
    assert "same name" in conflict(plan, TWIN, SECOND, PEOPLE)
    assert conflict(plan, TWIN, SECOND) == ""
    assert "their own access" in conflict(plan, THIRD, ASKS, PEOPLE)
    assert conflict(plan, SECOND, ASKS, PEOPLE) == ""


# Keys


def test_a_key_counts_up_to_the_day_it_ends():
    approvers = Approvers.model_validate(
        {"approvers": [{"person": SECOND, "key": LINES[SECOND], "enrolled": "x", "until": "2026-02-02"}]}
    )
    mine = (PublicKeyLine.parse(LINES[SECOND]).fingerprint,)
    assert enrolled(approvers, mine, date(2026, 2, 2))
    assert not enrolled(approvers, mine, date(2026, 2, 3))
    assert not enrolled(approvers, (), date(2026, 2, 2))
    assert read_statement(said(SECOND), approvers, PEOPLE)[0].person == SECOND
    assert read_statement(said("1002", key=SECOND), approvers, PEOPLE, START)[0].person == SECOND
    for at, now in ((START + timedelta(days=1), None), (START, START + timedelta(days=1))):
        with pytest.raises(PlanRefused, match="key of their own that is valid"):
            read_statement(said(SECOND, at=at), approvers, PEOPLE, now)


def test_the_jobs_key_says_that_it_carries_out_and_nothing_else():
    statement, key = read_statement(said(JOB, StatementKind.EXECUTION), APPROVERS, PEOPLE)
    assert (statement.person, statement.kind, key.job) == (JOB, StatementKind.EXECUTION, "standing")
    for by, kind, signs in (
        (JOB, StatementKind.APPROVAL, JOB),
        (JOB, StatementKind.EXECUTION, SECOND),
    ):
        with pytest.raises(PlanRefused, match="may say nothing else"):
            read_statement(said(by, kind, key=signs), APPROVERS, PEOPLE)
    with pytest.raises(PlanRefused, match="key of their own"):
        read_statement(said(SECOND, key=JOB), APPROVERS, PEOPLE)
    alone = Approvers.model_validate({"approvers": [one for one in APPROVERS.approvers if not one.job]})
    with pytest.raises(PlanRefused, match="no key of roles"):
        read_statement(said(JOB, StatementKind.EXECUTION), alone, PEOPLE)


# Counting


def counted(*envelopes, digest=DIGEST, seen=SEEN, **more):
    return count_statements(envelopes, digest, APPROVERS, PEOPLE, now=NOW, seen=seen, **more)


def test_what_is_said_of_the_digest_here_and_now_counts():
    found = counted(said(SECOND, digest=DIGEST), said(THIRD, StatementKind.REQUEST, DIGEST))
    assert (found.passed_over, found.stale, found.words) == ((), (), "")
    assert found.by(StatementKind.APPROVAL, "approve") == {SECOND}
    assert found.by(StatementKind.REQUEST, "request") == {THIRD}
    assert found.by(StatementKind.APPROVAL, "carry out") == set()
    ran = counted(said(JOB, StatementKind.EXECUTION, DIGEST))
    assert len(ran.said) == 1
    assert ran.by(StatementKind.EXECUTION, "approve") == set(), "it attributes, and authorises nothing"


@pytest.mark.parametrize(
    ("more", "why", "stale"),
    [
        ({"digest": "sha256:" + "e" * 64}, Objection.OTHER_DIGEST, False),
        ({"run": "another"}, Objection.OTHER_RUN, True),
        ({"workspace": "w2"}, Objection.OTHER_WORKSPACE, True),
        ({"at": NOW + timedelta(seconds=1)}, Objection.IN_FUTURE, True),
        ({"head": None}, Objection.OTHER_FORMAT, True),
        ({"at": START - timedelta(days=2)}, Objection.TOO_EARLY, True),
    ],
)
def test_what_is_said_elsewhere_or_at_another_time_is_passed_over(more, why, stale):
    good, other = said(THIRD, digest=DIGEST), said(SECOND, **{"digest": DIGEST, **more})
    found = counted(other, b"no envelope", good)
    assert found.by(StatementKind.APPROVAL, "approve") == {THIRD}, "the rest counts"
    words = f"approval of {SECOND}: {why}"
    assert words in found.passed_over
    assert len(found.passed_over) == 2
    assert found.words == f" (passed over: {'; '.join(found.passed_over)})"
    assert (words in found.stale) is stale
    assert set(found.passed_over) - {words} <= set(found.stale), "a file that is none is to be seen to"


def test_without_a_logbook_the_first_format_counts_and_an_older_plan_takes_both():
    old = said(SECOND, digest=DIGEST, head=None)
    assert counted(old, seen=None).by(StatementKind.APPROVAL, "approve") == {SECOND}
    older = Seen(BOOK, RUN, older=True)
    assert counted(old, seen=older).by(StatementKind.APPROVAL, "approve") == {SECOND}
    assert counted(said(SECOND, digest=DIGEST, run="another"), seen=older).said == ()
    late = said(SECOND, digest=DIGEST, head=None, at=NOW + timedelta(seconds=1))
    assert counted(late, seen=None).passed_over == (f"approval of {SECOND}: {Objection.IN_FUTURE}",)
    assert counted(said(SECOND, digest=DIGEST, head=None, at=NOW), seen=None).said
    assert counted(said(SECOND, digest="sha256:" + "e" * 64, head=None), seen=None).said == ()


def taken_back(data, by, at=START):
    return said(by, StatementKind.WITHDRAWAL, statements.payload_of(data).id, at=at)


def test_what_was_taken_back_counts_no_more_by_whoever_said_it_alone():
    mine = said("bo@example.test", digest=DIGEST, key=SECOND)
    for seen in (SEEN, None):
        found = counted(mine, taken_back(mine, SECOND), seen=seen)
        assert (found.said, found.stale) == ((), ())
        assert found.passed_over == (f"approval of {SECOND}: {Objection.WITHDRAWN}",)
    assert counted(mine, taken_back(mine, THIRD)).by(StatementKind.APPROVAL, "approve") == {SECOND}
    assert counted(mine, taken_back(mine, SECOND, at=NOW + timedelta(minutes=1))).said, "not yet"
    assert counted(mine, taken_back(mine, SECOND, at=NOW)).said == ()
    after = counted(taken_back(mine, SECOND), said(THIRD, digest=DIGEST))
    assert after.by(StatementKind.APPROVAL, "approve") == {THIRD}, "what comes after it is read too"
    known = Seen(BOOK, RUN, withdrawn=frozenset({(SECOND, statements.payload_of(mine).id)}))
    assert counted(mine, seen=known).said == (), "the logbook knows it, though the file is gone"


def test_nobody_signs_before_a_plan_is_made_or_after_it_ends():
    valid = (START, START + timedelta(minutes=10))
    for at in valid:
        assert counted(said(SECOND, digest=DIGEST, at=at), valid=valid).said
    for late, why in ((-1, Objection.TOO_EARLY), (601, Objection.TOO_LATE)):
        found = counted(said(SECOND, digest=DIGEST, at=START + timedelta(seconds=late)), valid=valid)
        assert found.passed_over == (f"approval of {SECOND}: {why}",)


# A plan


def test_a_plan_names_who_stands_behind_it_and_what_was_passed_over():
    plan = a_plan(a_change(1))
    stranger = said(GONE, digest=plan.digest)
    given = [
        said(ASKS, StatementKind.REQUEST, plan.digest),
        said(THIRD, digest=plan.digest),
        said(SECOND, digest=plan.digest),
    ]
    found = require(plan, [*given, stranger], APPROVERS, PEOPLE, now=NOW, by=ASKS, seen=SEEN)
    assert (found.requester, found.approvers) == (ASKS, (SECOND, THIRD))
    assert found.passed_over == (f"{GONE!r} is not employed now",)
    ended = Approvers.model_validate({"approvers": [{**one, "until": "2026-02-02"} for one in ENROLLED]})
    with pytest.raises(PlanRefused, match=r"has not signed the request.*key of their own that is valid"):
        require(plan, given, ended, PEOPLE, now=NOW + timedelta(days=1), by=ASKS, seen=SEEN)
    with pytest.raises(PlanRefused) as refused:
        require(plan, given[:1], APPROVERS, PEOPLE, now=NOW, by=ASKS, seen=SEEN)
    assert refused.value.message == "0 of 1 approvals by somebody else"
    with pytest.raises(PlanRefused) as refused:
        require(plan, [*given[:1], given[2]], APPROVERS, PEOPLE, now=NOW, by=SECOND, seen=SEEN)
    assert "(whoever carries it out does not count)" in refused.value.message
    with pytest.raises(PlanRefused, match="has not signed the request"):
        require(plan, given, APPROVERS, PEOPLE, now=NOW, by=ASKS, seen=Seen(BOOK, "another"))
    raised = a_plan(a_change(1), approvals=2)
    one = [said(ASKS, StatementKind.REQUEST, raised.digest), said(SECOND, digest=raised.digest)]
    with pytest.raises(PlanRefused, match="1 of 2"):
        require(raised, one, APPROVERS, PEOPLE, now=NOW, by=ASKS, seen=SEEN)
    seconds = seal(replace(plan, requested_by=SECOND))
    namesake = [said(SECOND, StatementKind.REQUEST, seconds.digest), said(TWIN, digest=seconds.digest)]
    with pytest.raises(PlanRefused, match="0 of 1"):
        require(seconds, namesake, APPROVERS, PEOPLE, now=NOW, by=SECOND, seen=SEEN)


def raised_by(*approving, by=ASKS):
    raised = a_plan(a_change(1), approvals=2)
    given = [said(ASKS, StatementKind.REQUEST, raised.digest), *(said(one, digest=raised.digest) for one in approving)]
    return require(raised, given, APPROVERS, PEOPLE, now=NOW, by=by, seen=SEEN).approvers


def test_two_rows_of_one_name_are_one_approval():
    with pytest.raises(PlanRefused, match="1 of 2"):
        raised_by(SECOND, TWIN)
    assert raised_by(SECOND, TWIN, THIRD) == (SECOND, THIRD, TWIN)
    plan = a_plan(a_change(1))
    both = [said(ASKS, StatementKind.REQUEST, plan.digest), *(said(one, digest=plan.digest) for one in (SECOND, TWIN))]
    found = require(plan, both, APPROVERS, PEOPLE, now=NOW, by=ASKS, seen=SEEN)
    assert found.approvers == (SECOND, TWIN), "where one is enough, either is"


def test_a_namesake_of_whoever_carries_it_out_does_not_approve():
    plan = a_plan(a_change(1))
    given = [said(ASKS, StatementKind.REQUEST, plan.digest), said(SECOND, digest=plan.digest)]
    with pytest.raises(PlanRefused, match=r"0 of 1 .*whoever carries it out does not count"):
        require(plan, given, APPROVERS, PEOPLE, now=NOW, by=TWIN, seen=SEEN)


def test_nobody_approves_what_is_done_to_their_own_second_row():
    about = a_plan(a_change(1004))
    given = [said(ASKS, StatementKind.REQUEST, about.digest), said(SECOND, digest=about.digest)]
    with pytest.raises(PlanRefused, match="0 of 1"):
        require(about, given, APPROVERS, PEOPLE, now=NOW, by=ASKS, seen=SEEN)
    assert "somebody of the same name" in conflict(about, SECOND, ASKS, PEOPLE)
    assert conflict(about, SECOND, ASKS) == conflict(about, THIRD, ASKS, PEOPLE) == ""
    assert require_now(standing_by(SECOND, THIRD), plan=a_plan(a_change(1004, Action.DISABLE_ACCOUNT))).approvers


# The standing approval


def standing_by(*who, digest="", key=StatementKind.STANDING):
    return [said(one, key, digest or digest_of_standing(STANDING)) for one in who]


def require_now(envelopes, *, standing=STANDING, now=NOW, plan=None, seen=SEEN):
    return require_standing(standing, envelopes, APPROVERS, PEOPLE, now=now, plan=plan, seen=seen)


LEAVES = a_change(1, Action.DISABLE_ACCOUNT)


@pytest.mark.parametrize(
    ("change", "covered"),
    [
        (LEAVES, True), (a_change(1, Action.REVOKE_SESSIONS), True), (a_change(1), False),
        (a_change(1, Action.DISABLE_ACCOUNT, left=False), False),
    ],
)  # fmt: skip
def test_a_standing_approval_covers_sign_in_and_sessions_of_leavers(change, covered):
    assert is_covered(change) is covered
    plan = a_plan(change)
    if covered:
        assert require_now(standing_by(SECOND, THIRD), plan=plan).approvers == (SECOND, THIRD)
        assert then(plan, standing_by(SECOND, THIRD)).approvers == (SECOND, THIRD)
        return
    for ask in (
        lambda: require_now(standing_by(SECOND, THIRD), plan=plan),
        lambda: then(plan, standing_by(SECOND, THIRD)),
    ):
        with pytest.raises(PlanRefused, match=rf"{change.id}.*\(1 of 1 changes\)"):
            ask()


def test_it_must_be_there_not_be_over_and_have_two_signers():
    both = standing_by(SECOND, THIRD)
    with pytest.raises(PlanRefused, match="there is no standing approval"):
        require_now(both, standing=None)
    last = NOW.replace(year=2026, month=12, day=31)
    found = require_now(
        [*both, said(SECOND, StatementKind.STANDING, digest_of_standing(STANDING), run="old")], now=last
    )
    assert (found.requester, found.approvers) == ("", (SECOND, THIRD))
    assert found.passed_over == (f"standing of {SECOND}: {Objection.OTHER_RUN}",)
    with pytest.raises(PlanRefused, match="ended on 2026-12-31"):
        require_now(both, now=last + timedelta(days=1))
    with pytest.raises(PlanRefused, match=r"1 of 2 people .*passed over: .*other run"):
        require_now([both[0], said(THIRD, StatementKind.STANDING, digest_of_standing(STANDING), run="old")])
    with pytest.raises(PlanRefused, match="0 of 2"):
        require_now(standing_by(SECOND, THIRD, key=StatementKind.APPROVAL))


def test_namesakes_are_one_signer_and_nobody_counts_for_a_plan_about_themselves():
    with pytest.raises(PlanRefused, match="1 of 2"):
        require_now(standing_by(SECOND, TWIN))
    assert require_now(standing_by(SECOND, TWIN, THIRD)).approvers == (SECOND, THIRD, TWIN)
    about = a_plan(a_change(1003, Action.DISABLE_ACCOUNT))
    with pytest.raises(PlanRefused, match="1 of 2"):
        require_now(standing_by(SECOND, THIRD), plan=about)


def then(plan, envelopes, digest="", seen=SEEN):
    return require_standing_then(digest, envelopes, APPROVERS, PEOPLE, now=NOW, plan=plan, seen=seen)


def test_what_stood_behind_a_batch_is_what_two_had_signed_when_it_began():
    plan, now, other = a_plan(LEAVES), digest_of_standing(STANDING), "sha256:" + "f" * 64
    both = standing_by(SECOND, THIRD)
    stale = said(ASKS, StatementKind.STANDING, now, run="old")
    found = then(plan, [*both, stale, b"no envelope"], now)
    assert (found.requester, found.approvers) == ("", (SECOND, THIRD))
    assert f"standing of {ASKS}: {Objection.OTHER_RUN}" in found.passed_over
    assert then(plan, iter([*standing_by(ASKS, digest=other), *both])).approvers == (SECOND, THIRD), (
        "any that two had signed"
    )
    with pytest.raises(PlanRefused, match="0 of 2"):
        then(plan, both, other)
    with pytest.raises(PlanRefused, match="1 of 2"):
        then(plan, [*both[:1], *standing_by(THIRD, digest=other)])
    with pytest.raises(PlanRefused, match="0 of 2"):
        then(plan, [])
    with pytest.raises(PlanRefused, match="0 of 2"):
        then(plan, standing_by(SECOND, THIRD, key=StatementKind.APPROVAL))
    with pytest.raises(PlanRefused, match="1 of 2"):
        then(a_plan(a_change(1003, Action.DISABLE_ACCOUNT)), both)
    with pytest.raises(PlanRefused, match="0 of 2"):
        then(plan, both, seen=Seen(BOOK, "another"))


# A wind-down

ENDS = WindDown.model_validate(
    {"client": "Harbor", "expected": 9, "since": "2026-02-01", "until": "2026-02-09", "reason": "it ends"}
)


def require_ending(envelopes, *, declared=ENDS, name="harbor-ends", now=NOW, plan=None, seen=SEEN):
    return require_wind_down(name, declared, envelopes, APPROVERS, PEOPLE, now=now, seen=seen, plan=plan)


def ending_by(*who, digest="", kind=StatementKind.WIND_DOWN, **more):
    return [said(one, kind, digest or digest_of_wind_down("harbor-ends", ENDS), **more) for one in who]


def test_a_wind_down_is_found_by_its_name_or_those_that_there_are_are_named():
    assert find_wind_down({"harbor-ends": ENDS}, "harbor-ends") is ENDS
    for declared, known in (({"b": ENDS, "a": ENDS}, "there is: a, b"), ({}, "there is: none")):
        with pytest.raises(Unclear) as unclear:
            find_wind_down(declared, "c")
        assert unclear.value.message == "no wind-down is called 'c'"
        assert unclear.value.hint == f"declared in roles/wind-downs/NAME.yaml; {known}"


def test_two_sign_of_a_wind_down_its_name_and_all_it_says():
    known = digest_of_wind_down("harbor-ends", ENDS)
    # Whatever changes these bytes takes away the signatures of every wind-down that was signed before.
    assert known == "sha256:bfa1a748e14ed9713993798ba075d0f8de59f29f1bfbfbebb447729a417f7e71"
    edited = [ENDS.model_copy(update={name: value}) for name, value in (("expected", 10), ("until", NOW.date()))]
    assert (
        len({known, *(digest_of_wind_down("harbor-ends", one) for one in edited), digest_of_wind_down("x", ENDS)}) == 4
    )
    stale = ending_by(ASKS, run="old")
    found = require_ending([*ending_by(THIRD, SECOND), *stale])
    assert (found.requester, found.approvers) == ("", (SECOND, THIRD))
    assert found.passed_over == (f"wind-down of {ASKS}: {Objection.OTHER_RUN}",)
    for one in edited:
        with pytest.raises(PlanRefused, match="0 of 2"):
            require_ending(ending_by(SECOND, THIRD), declared=one)
    with pytest.raises(PlanRefused, match="0 of 2"):
        require_ending(ending_by(SECOND, THIRD), name="x")
    with pytest.raises(PlanRefused, match="0 of 2"):
        require_ending(ending_by(SECOND, THIRD, kind=StatementKind.STANDING))
    with pytest.raises(PlanRefused) as refused:
        require_ending([*ending_by(SECOND), *ending_by(THIRD, run="old")])
    said_why = f" (passed over: wind-down of {THIRD}: {Objection.OTHER_RUN})"
    assert refused.value.message == f"1 of 2 people have signed the wind-down harbor-ends as it now is{said_why}"
    assert refused.value.hint == "access-review approve --wind-down harbor-ends, by two people"
    with pytest.raises(PlanRefused, match="1 of 2"):
        require_ending(ending_by(SECOND, TWIN))
    about = a_plan(a_change(1003, Action.DISABLE_ACCOUNT))
    with pytest.raises(PlanRefused, match="1 of 2"):
        require_ending(ending_by(SECOND, THIRD), plan=about)
    with pytest.raises(PlanRefused, match="0 of 2"):
        require_ending(ending_by(SECOND, THIRD), seen=Seen(BOOK, "another"))


def test_a_wind_down_lasts_from_its_first_day_to_its_last():
    for first, last in ((START.date(), NOW.date()), (NOW.date(), ENDS.until)):
        lasting = ENDS.model_copy(update={"since": first, "until": last})
        both = ending_by(SECOND, THIRD, digest=digest_of_wind_down("harbor-ends", lasting))
        assert require_ending(both, declared=lasting).approvers == (SECOND, THIRD)
    day = timedelta(days=1)
    for first, last in ((ENDS.since, NOW.date() - day), (NOW.date() + day, ENDS.until)):
        over = ENDS.model_copy(update={"since": first, "until": last})
        both = ending_by(SECOND, THIRD, digest=digest_of_wind_down("harbor-ends", over))
        with pytest.raises(PlanRefused) as refused:
            require_ending(both, declared=over)
        lasts = f"the wind-down harbor-ends lasts from {first} to {last}, and today is {NOW.date()}"
        assert refused.value.message == lasts


def test_an_envelope_that_is_none_says_nothing():
    assert statements.statement_or_none(b"{}") is None
    given = statements.statement_or_none(said(SECOND, digest=DIGEST))
    assert given is not None
    assert given.person == SECOND

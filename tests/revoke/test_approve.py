from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization import PublicFormat as Public

from access_review.errors import ArtifactError, PlanRefused
from access_review.policy import StandingApproval
from access_review.revoke.approve import (
    Signatories,
    Statement,
    StatementKind,
    digest_of_standing,
    require,
    require_standing,
)
from access_review.settings.approvers import Approvers
from access_review.store.keys import needs_passphrase, private_key
from tests.support.fake_system import START, a_change, a_plan
from tests.support.first_envelopes import first_envelope

ASKS, SECOND, THIRD, GONE = (f"hr:person:{n}" for n in (1001, 1002, 1003, 1004))
LATER = START + timedelta(hours=1)


@pytest.fixture
def keys(tmp_path):
    made = {}
    for person in (ASKS, SECOND, THIRD, GONE):
        key = Ed25519PrivateKey.generate()
        path = tmp_path / person.replace(":", "-")
        path.touch(mode=0o600)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        path.chmod(0o600)
        line = key.public_key().public_bytes(Encoding.OpenSSH, Public.OpenSSH).decode()
        made[person] = (path, line)
    return made


@pytest.fixture
def approvers(keys):
    return Approvers.model_validate(
        {"approvers": [{"person": who, "key": line, "enrolled": "in person"} for who, (_, line) in keys.items()]}
    )


PEOPLE = Signatories.of(
    [
        {"person": who, "native_id": who[-4:], "mail": f"{who[-4:]}@example.test", "status": "active"}
        for who in (ASKS, SECOND, THIRD)
    ]
    + [{"person": GONE, "status": "left"}],
    [{"account": "ad:user:adm2", "principal_name": "adm-second", "person": SECOND}],
)


def signed(keys, by, kind, digest, *, key=None, at=START):
    statement = Statement(kind, digest, by, at)
    path = keys[key or by][0]
    return first_envelope(statement.payload(), path.read_bytes())


def ask(plan, keys, approvers, *approvals, by=ASKS, now=LATER):
    request = signed(keys, ASKS, StatementKind.REQUEST, plan.digest)
    return require(plan, [request, *approvals], approvers, PEOPLE, now=now, by=by)


def test_two_people_stand_behind_a_plan(keys, approvers):
    plan = a_plan(a_change(1))
    found = ask(plan, keys, approvers, signed(keys, SECOND, StatementKind.APPROVAL, plan.digest))
    assert found.approvers == (SECOND,)


def test_whoever_asks_does_not_approve_whatever_account_they_name(keys, approvers):
    plan = a_plan(a_change(1))
    with pytest.raises(PlanRefused, match="0 of 1"):
        ask(plan, keys, approvers, signed(keys, ASKS, StatementKind.APPROVAL, plan.digest))
    by_account = signed(keys, "adm-second", StatementKind.APPROVAL, plan.digest, key=SECOND)
    assert ask(plan, keys, approvers, by_account).approvers == (SECOND,)


def test_nobody_approves_a_plan_about_their_own_access(keys, approvers):
    plan = a_plan(a_change(1002))
    with pytest.raises(PlanRefused, match="0 of 1"):
        ask(plan, keys, approvers, signed(keys, SECOND, StatementKind.APPROVAL, plan.digest))


def test_whoever_carries_it_out_does_not_count(keys, approvers):
    plan = a_plan(a_change(1))
    with pytest.raises(PlanRefused, match="carries it out"):
        ask(plan, keys, approvers, signed(keys, SECOND, StatementKind.APPROVAL, plan.digest), by=SECOND)


def test_raised_limits_take_two_people_not_two_signatures(keys, approvers):
    plan = a_plan(a_change(1), approvals=2)
    once = signed(keys, SECOND, StatementKind.APPROVAL, plan.digest)
    again = signed(keys, SECOND, StatementKind.APPROVAL, plan.digest, at=START + timedelta(minutes=1))
    with pytest.raises(PlanRefused, match="1 of 2"):
        ask(plan, keys, approvers, once, again)
    assert ask(plan, keys, approvers, once, signed(keys, THIRD, StatementKind.APPROVAL, plan.digest)).approvers == (
        SECOND,
        THIRD,
    )


def test_an_approval_of_another_plan_does_not_count(keys, approvers):
    plan, other = a_plan(a_change(1)), a_plan(a_change(2))
    with pytest.raises(PlanRefused, match="0 of 1"):
        ask(plan, keys, approvers, signed(keys, SECOND, StatementKind.APPROVAL, other.digest))


def test_a_request_must_be_signed(keys, approvers):
    plan = a_plan(a_change(1))
    with pytest.raises(PlanRefused, match="has not signed the request"):
        require(
            plan, [signed(keys, SECOND, StatementKind.APPROVAL, plan.digest)], approvers, PEOPLE, now=LATER, by=ASKS
        )


@pytest.mark.parametrize(("by", "key"), [(SECOND, THIRD), (GONE, GONE)])
def test_a_strange_key_and_somebody_gone_are_refused(keys, approvers, by, key):
    plan = a_plan(a_change(1))
    with pytest.raises(PlanRefused):
        ask(plan, keys, approvers, signed(keys, by, StatementKind.APPROVAL, plan.digest, key=key))


def test_one_byte_changed_is_refused(keys, approvers):
    plan = a_plan(a_change(1))
    data = signed(keys, SECOND, StatementKind.APPROVAL, plan.digest)
    for position in range(0, len(data), 7):
        altered = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        with pytest.raises(PlanRefused):
            ask(plan, keys, approvers, altered)


def test_a_standing_approval_takes_two_people_and_exactly_its_words(keys, approvers):
    standing = StandingApproval.model_validate({"daily": 20, "until": "2026-12-31"})
    both = [signed(keys, who, StatementKind.STANDING, digest_of_standing(standing)) for who in (SECOND, THIRD)]
    assert require_standing(standing, both, approvers, PEOPLE, now=LATER).approvers == (SECOND, THIRD)
    with pytest.raises(PlanRefused, match="1 of 2"):
        require_standing(standing, both[:1], approvers, PEOPLE, now=LATER)
    with pytest.raises(PlanRefused, match="0 of 2"):
        require_standing(standing.model_copy(update={"daily": 21}), both, approvers, PEOPLE, now=LATER)


def test_a_key_with_a_passphrase_asks_for_it_and_never_shows_it(tmp_path):
    key = Ed25519PrivateKey.generate()
    path = tmp_path / "k"
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")))
    path.chmod(0o600)
    assert needs_passphrase(path)
    assert private_key(path, b"open sesame")
    with pytest.raises(ArtifactError) as refused:
        private_key(path, b"wrong words")
    assert "wrong words" not in str(refused.value)


def test_nobody_signs_a_plan_before_it_is_made_or_after_it_expired(keys, approvers):
    plan = a_plan(a_change(1))
    for at, why in (
        (plan.made_at - timedelta(seconds=1), "too early"),
        (plan.expires_at + timedelta(seconds=1), "after the plan expired"),
    ):
        given = signed(keys, SECOND, StatementKind.APPROVAL, plan.digest, at=at)
        with pytest.raises(PlanRefused, match=why):
            ask(plan, keys, approvers, given, now=plan.expires_at + timedelta(days=1))
    for at in (plan.made_at, plan.expires_at):
        given = signed(keys, SECOND, StatementKind.APPROVAL, plan.digest, at=at)
        assert ask(plan, keys, approvers, given, now=plan.expires_at + timedelta(days=1)).approvers == (SECOND,)

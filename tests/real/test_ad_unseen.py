"""Groups whose members an account may not read: nobody is taken for gone who was merely not shown."""

from contextlib import closing
from datetime import UTC, datetime

import ldap3
import pytest

from access_review.changes import Action, Change, Expectation, Target, Thing, WriteResult
from access_review.connectors.ad import identifiers
from access_review.connectors.ad.executor import DirectoryExecutor, EveryServer
from access_review.connectors.ad.writer import DELETED, NOT_SEEN, PRIMARY, DirectoryWriter, address_of
from tests.real.conftest import MEMBER, servers
from tests.real.example_domain import READER, WRITER

SINCE = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def domain(small_state, tmp_path_factory):
    """Return a domain in which reader and writer are denied to read who is in Finance-Read."""
    made = small_state.copy(tmp_path_factory.mktemp("samba") / "unseen")
    for account in (READER, WRITER):
        made.grant(f"CN=Finance-Read,OU=Groups,{made.base}", f"(OD;;RP;{MEMBER};;{made.sid(account)})")
    with made.served():
        yield made


@pytest.fixture
def admin(domain, tmp_path):
    with servers(tmp_path, domain, "Administrator").session() as session:
        yield session


@pytest.fixture
def guid(admin, domain):
    def find(name):
        answer = admin.search(domain.base, f"(sAMAccountName={name})", ["objectGUID"], scope="SUBTREE")
        return identifiers.guid(answer.entries[0][1]["objectGUID"][0])

    return find


@pytest.fixture
def of(guid):
    """Make the removal of a member of a group, by names."""

    def make(member, group):
        account, held = (Thing(f"ad:{kind}:{n}", guid(n), n) for kind, n in (("user", member), ("group", group)))
        target = Target("ad", "ldap", account=account, entitlement=held)
        return Change("c-1", Action.REMOVE_MEMBER, target, "member", Expectation(present=True), (), (), "")

    return make


def test_the_server_says_of_members_that_may_not_be_read_that_they_are_none(domain, guid, tmp_path):
    """What makes the other tests of this module needed."""
    with servers(tmp_path, domain, READER).session() as session:
        member = f"(member=CN=user01,OU=Staff,{domain.base})"
        assert session.search(address_of(guid("Finance-Read")), member, ["objectGUID"]).entries == []
        assert len(session.search(address_of(guid("Finance-Read")), f"(!{member})", ["objectGUID"]).entries) == 1


def test_a_member_that_may_not_be_seen_is_not_gone(domain, of, tmp_path):
    """Two reads in agreement would prove it revoked."""
    for looking in (
        DirectoryExecutor(servers(tmp_path, domain, WRITER)),
        EveryServer(servers(tmp_path, domain, READER)),
    ):
        with closing(looking):
            seen = looking.holds(of("user01", "Finance-Read"), SINCE)
            assert (seen.there, "members of the group cannot be read" in seen.reason) == (None, True)


def test_a_removal_of_a_member_that_may_not_be_seen_is_not_taken_for_done(domain, of, tmp_path):
    with closing(DirectoryExecutor(servers(tmp_path, domain, WRITER))) as writer:
        assert writer.revoke(of("boss", "Large")).result is WriteResult.ABSENT
        assert writer.revoke(of("boss", "Finance-Read")).result in (WriteResult.ABSENT, WriteResult.REFUSED)
        assert writer.holds(of("user03", "Finance-Read"), SINCE).there is None


def test_a_member_that_was_removed_is_gone_for_who_may_not_see_the_others_too(admin, domain, of, guid, tmp_path):
    with closing(EveryServer(servers(tmp_path, domain, READER))) as reader:
        change = of("user03", "Finance-Read")
        group = address_of(guid("Finance-Read"))
        gone = {"member": [(ldap3.MODIFY_DELETE, [f"CN=user03,OU=Staff,{domain.base}"])]}
        assert admin.modify(group, gone).fault is None
        assert reader.holds(change, SINCE).there is False
        back = {"member": [(ldap3.MODIFY_ADD, [f"CN=user03,OU=Staff,{domain.base}"])]}
        assert admin.modify(group, back).fault is None
        assert reader.holds(change, SINCE).there is None


def test_a_primary_group_is_not_gone_although_no_member_value_shows_it(admin, domain, of, guid, tmp_path):
    token = admin.search(address_of(guid("Large")), "(objectClass=*)", ["primaryGroupToken"])
    rid = token.entries[0][1]["primaryGroupToken"]
    changed = {"primaryGroupID": [(ldap3.MODIFY_REPLACE, rid)]}
    assert admin.modify(address_of(guid("user07")), changed).fault is None
    with closing(EveryServer(servers(tmp_path, domain, READER))) as reader:
        seen = reader.holds(of("user07", "Large"), SINCE)
    assert (seen.there, seen.reason) == (None, PRIMARY)


def test_a_deleted_group_has_no_member_for_who_may_see_that_it_is_deleted(admin, domain, of, tmp_path):
    doomed = f"CN=Doomed,OU=Groups,{domain.base}"
    member = [f"CN=user12,OU=Staff,{domain.base}"]
    admin._connection.add(doomed, "group", {"sAMAccountName": "Doomed", "member": member})
    assert admin._connection.result["result"] == 0
    change = of("user12", "Doomed")
    ends = [change.target.account.native_id, change.target.entitlement.native_id]
    assert DirectoryWriter(admin).look(*ends) == (True, "")
    admin._connection.delete(doomed)
    assert DirectoryWriter(admin).look(*ends) == (False, DELETED)
    with servers(tmp_path, domain, READER).session() as session:
        there, why = DirectoryWriter(session).look(*ends)
    assert (there, why) in {(False, DELETED), (None, NOT_SEEN)}, "what the reader may see decides"


def test_who_is_deleted_is_not_seen_and_nothing_is_said_of_what_they_held(admin, domain, of, tmp_path):
    change = of("user11", "Large")
    admin._connection.delete(f"CN=user11,OU=Staff,{domain.base}")
    assert admin._connection.result["result"] == 0
    with servers(tmp_path, domain, READER).session() as session:
        assert (
            DirectoryWriter(session).holds(*(t.native_id for t in (change.target.account, change.target.entitlement)))
            is None
        )

"""What a writer does to a real domain, and what its rights keep it from."""

from contextlib import contextmanager

import pytest

from access_review.changes import WriteResult
from access_review.connectors.ad import identifiers
from access_review.connectors.ad.writer import ADMIN_SD_HOLDER, DirectoryWriter, address_of
from tests.faults import ldap_proxy as faults
from tests.faults.ldap_proxy import MODIFY, Proxy
from tests.real.conftest import servers
from tests.real.example_domain import FOREIGN_SID, READER, WRITER


@pytest.fixture(scope="module")
def domain(own_domain):
    return own_domain


@contextmanager
def writing(way):
    with way.session() as session:
        yield DirectoryWriter(session)


@pytest.fixture
def admin(domain, tmp_path):
    with servers(tmp_path, domain, "Administrator").session() as session:
        yield session


@pytest.fixture
def writer(domain, tmp_path):
    with writing(servers(tmp_path, domain, WRITER)) as opened:
        yield opened


@pytest.fixture
def reader(domain, tmp_path):
    with writing(servers(tmp_path, domain, READER)) as opened:
        yield opened


@pytest.fixture
def guid(admin, domain):
    def find(name):
        answer = admin.search(domain.base, f"(sAMAccountName={name})", ["objectGUID"], scope="SUBTREE")
        return identifiers.guid(answer.entries[0][1]["objectGUID"][0])

    return find


def members(admin, domain, group):
    answer = admin.search(domain.base, f"(sAMAccountName={group})", ["member"], scope="SUBTREE")
    return {value.decode().split(",")[0].removeprefix("CN=") for value in answer.entries[0][1].get("member", ())}


def test_one_member_is_removed_and_put_back(admin, domain, writer, guid):
    user, group, before = guid("user05"), guid("Large"), members(admin, domain, "Large")
    assert writer.holds(user, group) is True
    assert writer.revoke(user, group).result is WriteResult.DONE
    assert members(admin, domain, "Large") == before - {"user05"}
    assert writer.holds(user, group) is False
    assert writer.revoke(user, group).result is WriteResult.ABSENT
    assert writer.restore(user, group).result is WriteResult.DONE
    assert writer.restore(user, group).result is WriteResult.ABSENT
    assert members(admin, domain, "Large") == before


def test_a_member_is_found_by_its_id_whatever_it_is_called(admin, domain, writer, guid):
    user, group = guid("ana.lee"), guid("Deep-0")
    admin._connection.modify_dn(f"CN=Lee\\, Ana \\#1,OU=Staff,{domain.base}", "CN=Ana \\\\ (*) Lee")
    assert admin._connection.result["result"] == 0, admin._connection.result
    assert writer.holds(user, group) is True
    assert writer.revoke(user, group).result is WriteResult.DONE


def test_a_nested_group_and_a_foreign_member_are_removed_as_any(admin, domain, writer, guid):
    assert writer.revoke(guid("Deep-3"), guid("Finance-Read")).result is WriteResult.DONE
    assert writer.holds(FOREIGN_SID, guid("Foreign")) is True
    assert writer.revoke(FOREIGN_SID, guid("Foreign")).result is WriteResult.DONE
    assert members(admin, domain, "Foreign") == {"user06"}


def test_the_three_causes_of_code_53_are_told_apart(admin, domain, writer, guid, authority, tmp_path):
    user, group = guid("user07"), guid("Large")
    rid = int(
        admin.search(address_of(group), "(objectClass=*)", ["primaryGroupToken"]).entries[0][1]["primaryGroupToken"][0]
    )
    assert admin.modify(address_of(user), {"primaryGroupID": [("MODIFY_REPLACE", [str(rid)])]}).fault is None
    outcome = writer.revoke(user, group)
    assert (outcome.result, "primary group" in outcome.reason) == (WriteResult.REFUSED, True)
    assert writer.revoke(guid("boss"), group).result is WriteResult.ABSENT

    with (
        Proxy(domain.address, authority, tmp_path, refuse=53).served() as proxy,
        writing(servers(tmp_path, domain, WRITER, proxy.url)) as distant,
    ):
        outcome = distant.revoke(guid("user08"), group)
    assert (outcome.result, "unwilling" in outcome.reason) == (WriteResult.REFUSED, True)
    assert writer.holds(guid("user08"), group) is True


@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_reply_is_unknown_whether_or_not_it_was_done(domain, writer, guid, authority, tmp_path, arrived):
    user, group = guid("user09" if arrived else "user10"), guid("Large")

    def lost(request, answer):
        if request.operation == MODIFY:
            raise faults.Reset
        return answer

    with (
        Proxy(domain.address, authority, tmp_path, [lost], withhold=not arrived).served() as proxy,
        writing(servers(tmp_path, domain, WRITER, proxy.url)) as distant,
    ):
        assert distant.revoke(user, group).result is WriteResult.UNKNOWN
    assert writer.holds(user, group) is not arrived


def test_an_account_is_disabled_with_every_other_bit_as_it_was(admin, writer, guid):
    user = guid("user11")
    admin.modify(address_of(user), {"userAccountControl": [("MODIFY_REPLACE", [str(512 | 0x10000 | 0x100000)])]})
    assert writer.disable(user).result is WriteResult.DONE
    assert writer.control(user) == 512 | 2 | 0x10000 | 0x100000
    assert writer.disable(user).result is WriteResult.ABSENT
    assert writer.enable(user).result is WriteResult.DONE
    assert writer.control(user) == 512 | 0x10000 | 0x100000


def test_bits_that_changed_on_the_way_are_noticed(domain, guid, authority, tmp_path):
    """Samba takes a stale swap, where Windows answers with code 16."""
    user = guid("user12")
    with (
        Proxy(domain.address, authority, tmp_path, refuse=16).served() as proxy,
        writing(servers(tmp_path, domain, WRITER, proxy.url)) as distant,
    ):
        assert distant.disable(user).result is WriteResult.TRANSIENT


def test_a_guard_refuses_a_group_that_moved(admin, domain, tmp_path, guid):
    with writing(servers(tmp_path, domain, "Administrator")) as strong:
        user, group = guid("user13"), guid("Large")
        guard = strong.guard(group, "info", "change-1")
        assert guard.seen is None
        assert strong.revoke(user, group, guard).result is WriteResult.DONE
        seen = strong.guard(group, "info", "change-2")
        assert seen.seen == "change-1"
        admin.modify(address_of(group), {"info": [("MODIFY_REPLACE", ["somebody else"])]})
        outcome = strong.revoke(guid("user14"), group, seen)
        assert (outcome.result, "changed" in outcome.reason) == (WriteResult.TRANSIENT, True)
        assert strong.holds(guid("user14"), group) is True


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (3, WriteResult.UNKNOWN),
        (51, WriteResult.TRANSIENT),
        (52, WriteResult.TRANSIENT),
        (80, WriteResult.UNKNOWN),
        (50, WriteResult.REFUSED),
    ],
)
def test_a_code_says_whether_it_may_be_done_later(domain, guid, authority, tmp_path, code, result):
    with (
        Proxy(domain.address, authority, tmp_path, refuse=code).served() as proxy,
        writing(servers(tmp_path, domain, WRITER, proxy.url)) as distant,
    ):
        assert distant.revoke(guid("user12"), guid("Large")).result is result
        assert distant.disable(guid("user12")).result is result


def test_what_admin_sd_holder_protects_is_refused_with_what_to_do(admin, writer, guid):
    admin.modify(address_of(guid("svc-backup")), {"adminCount": [("MODIFY_REPLACE", ["1"])]})
    answer = writer.disable(guid("svc-backup"))
    assert (answer.result, answer.reason) == (WriteResult.REFUSED, ADMIN_SD_HOLDER)
    answer = writer.revoke(guid("Administrator"), guid("Domain Admins"))
    assert (answer.result, answer.reason) == (WriteResult.REFUSED, ADMIN_SD_HOLDER)
    answer = writer.disable(guid("WS1$"))
    assert "connect-ad.md" in answer.reason, "not protected, merely outside the writer's units"


def test_what_is_not_there_is_unknown(writer, guid):
    nobody = "00000000-0000-0000-0000-000000000001"
    assert writer.holds(nobody, guid("Large")) is None
    assert writer.holds(guid("user01"), nobody) is None
    assert writer.disable(nobody).result is WriteResult.TRANSIENT
    assert writer.revoke(guid("user01"), nobody).result in {WriteResult.REFUSED, WriteResult.UNKNOWN}


@pytest.mark.parametrize("native", ["", "user01", "CN=x,DC=y", "S-1-5-32-544", "<GUID=x>", "S-1-5-21-1-2-3-4)("])
def test_only_ids_that_never_change_are_written_by(native):
    with pytest.raises(ValueError, match="neither a GUID nor a SID"):
        address_of(native)


# ── rights ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_reader_cannot_write_anything(admin, domain, reader, guid):
    for outcome in (
        reader.revoke(guid("user01"), guid("Large")),
        reader.restore(guid("boss"), guid("Large")),
        reader.disable(guid("user01")),
    ):
        assert (outcome.result, "may not" in outcome.reason) == (WriteResult.REFUSED, True)
    assert "user01" in members(admin, domain, "Large")
    assert _refused(reader, guid("user01"), "description", "x")
    assert _refused(reader, guid(READER), "servicePrincipalName", "x/y")


def test_the_writer_cannot_do_more_than_its_units_and_attributes(admin, domain, writer, guid):
    for member, group in (("user09", "Leads"), ("Administrator", "Domain Admins"), ("Domain Admins", "Administrators")):
        assert writer.revoke(guid(member), guid(group)).result is WriteResult.REFUSED
        assert writer.restore(guid(WRITER), guid(group)).result is WriteResult.REFUSED
    for account in ("svc-backup", "Administrator", WRITER, "WS1$"):
        assert writer.disable(guid(account)).result is WriteResult.REFUSED
    for name, attribute in (
        ("user01", "description"),
        ("user01", "servicePrincipalName"),
        ("Large", "description"),
        ("Large", "managedBy"),
    ):
        assert _refused(writer, guid(name), attribute, f"OU=Staff,{domain.base}")
    assert _refused(writer, guid("user01"), "unicodePwd", '"Neues-Kennwort-1"'.encode("utf-16-le"))
    connection = writer._session._connection
    connection.delete(f"CN=user01,OU=Staff,{domain.base}")
    assert connection.result["result"] == 50
    connection.modify_dn(f"CN=user01,OU=Staff,{domain.base}", "CN=user01", new_superior=f"OU=Tier0,{domain.base}")
    assert connection.result["result"] == 50
    connection.add(f"CN=new,OU=Staff,{domain.base}", ["user"], {"sAMAccountName": "new"})
    assert connection.result["result"] == 50
    assert members(admin, domain, "Leads") == {"user09", "user10", "user11", "user12"}


def test_what_the_writer_can_do_beyond_its_purpose(admin, domain, writer, guid):
    """The runbook says so: whoever removes members can add them, whoever disables can set other bits."""
    assert writer.restore(guid("boss"), guid("Empty")).result is WriteResult.DONE
    assert writer.restore(guid(WRITER), guid("Empty")).result is WriteResult.DONE
    user = guid("user16")
    answer = writer._session.modify(
        address_of(user), {"userAccountControl": [("MODIFY_REPLACE", [str(512 | 0x10000)])]}
    )
    assert answer.fault is None
    assert writer.control(user) == 512 | 0x10000
    assert members(admin, domain, "Empty") == {"boss", WRITER}


def _refused(session: DirectoryWriter, native, attribute, value):
    return session._session.modify(address_of(native), {attribute: [("MODIFY_REPLACE", [value])]}).code in {19, 50}

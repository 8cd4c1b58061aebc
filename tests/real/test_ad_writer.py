"""What a writer does to a real domain, and what its rights keep it from."""

import pytest

from access_review.connectors import windows
from access_review.connectors.directory_writer import State, Writing, at, replicas, writing
from access_review.errors import ConnectorError
from tests.faults import ldap_proxy as faults
from tests.faults.ldap_proxy import MODIFY, Proxy
from tests.real.ad import connect
from tests.real.conftest import servers
from tests.real.norwind_domain import FOREIGN_SID, READER, WRITER


@pytest.fixture(scope="module")
def domain(own_norwind):
    return own_norwind


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
        return windows.guid(answer.entries[0][1]["objectGUID"][0])

    return find


def members(admin, domain, group):
    answer = admin.search(domain.base, f"(sAMAccountName={group})", ["member"], scope="SUBTREE")
    return {value.decode().split(",")[0].removeprefix("CN=") for value in answer.entries[0][1].get("member", ())}


def test_one_member_is_removed_and_put_back(admin, domain, writer, guid):
    user, group, before = guid("user05"), guid("Large"), members(admin, domain, "Large")
    assert writer.holds(user, group) is True
    assert writer.revoke(user, group).state is State.PENDING
    assert members(admin, domain, "Large") == before - {"user05"}
    assert writer.holds(user, group) is False
    assert writer.revoke(user, group).state is State.ABSENT
    assert writer.restore(user, group).state is State.PENDING
    assert writer.restore(user, group).state is State.ABSENT
    assert members(admin, domain, "Large") == before


def test_a_member_is_found_by_its_id_whatever_it_is_called(admin, domain, writer, guid):
    user, group = guid("ana.lee"), guid("Deep-0")
    admin._connection.modify_dn(f"CN=Lee\\, Ana \\#1,OU=Staff,{domain.base}", "CN=Ana \\\\ (*) Lee")
    assert admin._connection.result["result"] == 0, admin._connection.result
    assert writer.holds(user, group) is True
    assert writer.revoke(user, group).state is State.PENDING


def test_a_nested_group_and_a_foreign_member_are_removed_as_any(admin, domain, writer, guid):
    assert writer.revoke(guid("Deep-3"), guid("Finance-Read")).state is State.PENDING
    assert writer.holds(FOREIGN_SID, guid("Foreign")) is True
    assert writer.revoke(FOREIGN_SID, guid("Foreign")).state is State.PENDING
    assert members(admin, domain, "Foreign") == {"user06"}


def test_the_three_causes_of_code_53_are_told_apart(admin, domain, writer, guid, authority, tmp_path):
    user, group = guid("user07"), guid("Large")
    rid = int(admin.search(at(group), "(objectClass=*)", ["primaryGroupToken"]).entries[0][1]["primaryGroupToken"][0])
    assert admin.modify(at(user), {"primaryGroupID": [("MODIFY_REPLACE", [str(rid)])]}).fault is None
    outcome = writer.revoke(user, group)
    assert (outcome.state, "primary group" in outcome.reason) == (State.REFUSED, True)
    assert writer.revoke(guid("boss"), group).state is State.ABSENT

    with (
        Proxy(domain.address, authority, tmp_path, refuse=53).served() as proxy,
        writing(servers(tmp_path, domain, WRITER, proxy.url)) as distant,
    ):
        outcome = distant.revoke(guid("user08"), group)
    assert (outcome.state, "unwilling" in outcome.reason) == (State.FAILED, True)
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
        assert distant.revoke(user, group).state is State.UNKNOWN
    assert writer.holds(user, group) is not arrived


def test_an_account_is_disabled_with_every_other_bit_as_it_was(admin, writer, guid):
    user = guid("user11")
    admin.modify(at(user), {"userAccountControl": [("MODIFY_REPLACE", [str(512 | 0x10000 | 0x100000)])]})
    assert writer.disable(user).state is State.PENDING
    assert writer.control(user) == 512 | 2 | 0x10000 | 0x100000
    assert writer.disable(user).state is State.ABSENT
    assert writer.enable(user).state is State.PENDING
    assert writer.control(user) == 512 | 0x10000 | 0x100000


def test_bits_that_changed_on_the_way_are_noticed(domain, guid, authority, tmp_path):
    """Samba takes a stale swap, where Windows answers with code 16."""
    user = guid("user12")
    with (
        Proxy(domain.address, authority, tmp_path, refuse=16).served() as proxy,
        writing(servers(tmp_path, domain, WRITER, proxy.url)) as distant,
    ):
        assert distant.disable(user).state is State.REFUSED


def test_a_guard_refuses_a_group_that_moved(admin, domain, tmp_path, guid):
    with writing(servers(tmp_path, domain, "Administrator")) as strong:
        user, group = guid("user13"), guid("Large")
        guard = strong.guard(group, "info", "change-1")
        assert guard.seen is None
        assert strong.revoke(user, group, guard).state is State.PENDING
        seen = strong.guard(group, "info", "change-2")
        assert seen.seen == "change-1"
        admin.modify(at(group), {"info": [("MODIFY_REPLACE", ["somebody else"])]})
        outcome = strong.revoke(guid("user14"), group, seen)
        assert (outcome.state, "changed" in outcome.reason) == (State.REFUSED, True)
        assert strong.holds(guid("user14"), group) is True


def test_another_server_may_not_know_yet(domain, small_state, writer, guid, tmp_path, tmp_path_factory):
    user, group = guid("user15"), guid("Large")
    writer.revoke(user, group)
    with small_state.copy(tmp_path_factory.mktemp("samba") / "late").served() as late:
        way = servers(tmp_path, domain, WRITER, domain.url, late.url, "ldaps://127.0.0.1:9")
        assert list(replicas(way, user, group).values()) == [False, True, None]


def test_what_is_not_there_is_unknown(writer, guid):
    nobody = "00000000-0000-0000-0000-000000000001"
    assert writer.holds(nobody, guid("Large")) is None
    assert writer.holds(guid("user01"), nobody) is None
    assert writer.disable(nobody).state is State.FAILED
    assert writer.revoke(guid("user01"), nobody).state in {State.FAILED, State.UNKNOWN}


@pytest.mark.parametrize("native", ["", "user01", "CN=x,DC=y", "S-1-5-32-544", "<GUID=x>", "S-1-5-21-1-2-3-4)("])
def test_only_ids_that_never_change_are_written_by(native):
    with pytest.raises(ValueError, match="neither a GUID nor a SID"):
        at(native)


# ── rights ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_reader_cannot_write_anything(admin, domain, reader, guid):
    for outcome in (
        reader.revoke(guid("user01"), guid("Large")),
        reader.restore(guid("boss"), guid("Large")),
        reader.disable(guid("user01")),
    ):
        assert (outcome.state, "may not" in outcome.reason) == (State.FAILED, True)
    assert "user01" in members(admin, domain, "Large")
    assert _refused(reader, guid("user01"), "description", "x")
    assert _refused(reader, guid(READER), "servicePrincipalName", "x/y")


def test_the_writer_cannot_do_more_than_its_units_and_attributes(admin, domain, writer, guid):
    for member, group in (("user09", "Leads"), ("Administrator", "Domain Admins"), ("Domain Admins", "Administrators")):
        assert writer.revoke(guid(member), guid(group)).state is State.FAILED
        assert writer.restore(guid(WRITER), guid(group)).state is State.FAILED
    for account in ("svc-backup", "Administrator", WRITER, "WS1$"):
        assert writer.disable(guid(account)).state is State.FAILED
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
    assert writer.restore(guid("boss"), guid("Empty")).state is State.PENDING
    assert writer.restore(guid(WRITER), guid("Empty")).state is State.PENDING
    user = guid("user16")
    answer = writer._session.modify(at(user), {"userAccountControl": [("MODIFY_REPLACE", [str(512 | 0x10000)])]})
    assert answer.fault is None
    assert writer.control(user) == 512 | 0x10000
    assert members(admin, domain, "Empty") == {"boss", WRITER}


def _refused(session: Writing, native, attribute, value):
    return session._session.modify(at(native), {attribute: [("MODIFY_REPLACE", [value])]}).code in {19, 50}


def test_a_writer_that_is_not_let_in_says_so(domain, tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_AD_SERVICE", "falsch")
    with pytest.raises(ConnectorError, match="wrong"), writing(servers(tmp_path, domain, WRITER)):
        pass


def test_a_source_file_names_the_writer_apart_from_the_reader(domain, guid):
    assert not hasattr(connect(domain), "writing")
    login = {"user": f"{WRITER}@{domain.dns}", "password": {"env": "TEST_AD_SERVICE"}, "guard": "info"}
    connector = connect(domain, writer=login)
    assert connector.guard == "info"
    with connector.writing() as session:
        assert session.holds(guid("user17"), guid("Large")) is True
    assert list(connector.replicas(guid("user17"), guid("Large")).values()) == [True]

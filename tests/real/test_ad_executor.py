"""Changes of a plan on a real domain: by the contract of the protocol, whatever becomes of the connection."""

import socket
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from access_review.changes import Action, Change, Executor, Expectation, Target, Thing, Writable, WriteResult
from access_review.connectors.ad import identifiers
from access_review.connectors.ad.executor import DirectoryExecutor, EveryServer, covers
from access_review.errors import ConnectorError
from tests.faults.ldap_proxy import MODIFY, Proxy, Reset
from tests.real.ad import connect
from tests.real.conftest import servers
from tests.real.example_domain import FOREIGN_SID, READER, WRITER

SINCE = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def domain(own_domain):
    return own_domain


@pytest.fixture(scope="module")
def guid(domain, tmp_path_factory):
    with servers(tmp_path_factory.mktemp("admin"), domain, "Administrator").session() as session:

        def find(name):
            answer = session.search(domain.base, f"(sAMAccountName={name})", ["objectGUID"], scope="SUBTREE")
            return identifiers.guid(answer.entries[0][1]["objectGUID"][0])

        yield find


@pytest.fixture
def directory(domain, tmp_path):
    with closing(DirectoryExecutor(servers(tmp_path, domain, WRITER))) as made:
        yield made


@pytest.fixture
def through(domain, authority, tmp_path):
    """Return a directory behind a proxy that does what a list of faults says."""
    with (
        Proxy(domain.address, authority, tmp_path).served() as proxy,
        closing(DirectoryExecutor(servers(tmp_path, domain, WRITER, proxy.url))) as made,
    ):
        made.proxy = proxy  # type: ignore[attr-defined]
        yield made


@pytest.fixture
def of(guid):
    """Make a change of names."""

    def make(action, member, group=None, *, source="ad"):
        held = Thing(f"{source}:group:{group}", guid(group), group) if group else None
        native = member if member.startswith("S-1-") else guid(member)
        thing = Thing(f"{source}:user:{native}", native, member)
        ends: dict[str, Any] = {"child": thing} if "nesting" in action else {"account": thing}
        target = Target(source, "ldap", entitlement=held, **ends)
        return Change(f"c-{action}-{member}", action, target, "member", Expectation(present=True), (), (), "")

    return make


def there(executor, change):
    return executor.holds(change, SINCE).there


def giving_back(change, action):
    return replace(change, action=action)


@pytest.mark.parametrize(
    ("take", "give", "member", "group"),
    [
        (Action.REMOVE_MEMBER, Action.ADD_MEMBER, "user05", "Large"),
        (Action.REMOVE_MEMBER, Action.ADD_MEMBER, FOREIGN_SID, "Foreign"),
        (Action.CUT_NESTING, Action.ADD_NESTING, "Deep-3", "Finance-Read"),
        (Action.DISABLE_ACCOUNT, Action.ENABLE_ACCOUNT, "user11", None),
    ],
)
def test_every_change_of_a_directory_goes_there_and_back(directory, of, take, give, member, group):
    change = of(take, member, group)
    assert covers(change)
    assert there(directory, change) is True
    assert directory.revoke(change).result is WriteResult.DONE
    assert there(directory, change) is False
    assert directory.revoke(change).result is WriteResult.ABSENT
    assert directory.restore(giving_back(change, give)).result is WriteResult.DONE
    assert there(directory, change) is True
    assert isinstance(directory, Executor)


def test_what_is_not_of_the_directory_is_covered_by_nobody_here(directory, of):
    change = of(Action.REMOVE_MEMBER, "user05", "Large")
    elsewhere = replace(change, target=replace(change.target, source="other"))
    by_name = replace(
        change, target=replace(change.target, account=replace(change.target.account, native_id="CN=user05,DC=x"))
    )
    sessions = replace(change, action=Action.REVOKE_SESSIONS)
    for one in (elsewhere, by_name, sessions, replace(change, action=Action.MANUAL)):
        assert not covers(one)
        assert directory.holds(one, SINCE).there is None
        assert directory.revoke(one).result is WriteResult.REFUSED
    assert there(directory, change) is True


@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_reply_is_unknown_and_the_next_look_says_what_became_of_it(through, of, arrived):
    change = of(Action.REMOVE_MEMBER, "user09" if arrived else "user10", "Large")

    def lost(request, answer):
        if request.operation == MODIFY:
            raise Reset
        return answer

    through.proxy.faults, through.proxy.withhold = [lost], not arrived
    assert there(through, change) is True
    assert through.revoke(change).result is WriteResult.UNKNOWN
    assert there(through, change) is not arrived


def test_a_connection_that_idled_away_is_opened_again_for_a_look(directory, of):
    change = of(Action.REMOVE_MEMBER, "user13", "Large")
    assert there(directory, change) is True
    directory._session._connection.socket.shutdown(socket.SHUT_RDWR)
    assert there(directory, change) is True
    assert directory.revoke(change).result is WriteResult.DONE


def test_a_batch_stays_with_the_server_it_began_on(domain, small_state, of, tmp_path, tmp_path_factory):
    """Another server may not know of the last write, so it is not asked what is there."""
    change = of(Action.REMOVE_MEMBER, "user14", "Large")
    first = small_state.copy(tmp_path_factory.mktemp("samba") / "first")
    with closing(DirectoryExecutor(servers(tmp_path, domain, WRITER, first.url, domain.url))) as directory:
        with first.served():
            assert there(directory, change) is True
        seen = directory.holds(change, SINCE)
        assert (seen.there, seen.server) == (None, f"{first.url}:636")
        assert directory.revoke(change).result is WriteResult.TRANSIENT


def test_every_server_has_to_show_it_gone(domain, small_state, directory, of, tmp_path, tmp_path_factory):
    change = of(Action.REMOVE_MEMBER, "user15", "Large")
    directory.revoke(change)
    with small_state.copy(tmp_path_factory.mktemp("samba") / "late").served() as late:
        for urls, expected, where in (
            ((domain.url,), False, domain.url),
            ((domain.url, late.url), True, late.url),
            ((domain.url, "ldaps://127.0.0.1:9"), None, "127.0.0.1:9"),
            ((domain.url, "ldaps://127.0.0.1:9", late.url), True, late.url),
        ):
            with closing(EveryServer(servers(tmp_path, domain, READER, *urls))) as everywhere:
                seen = everywhere.holds(change, SINCE)
            assert (seen.there, where in seen.server) == (expected, True), urls
        with closing(EveryServer(servers(tmp_path, domain, READER, domain.url, late.url))) as everywhere:
            restored = everywhere.holds(giving_back(change, Action.ADD_MEMBER), SINCE)
        assert restored.there is False, "given back is what all show"


def test_a_guard_that_moved_between_look_and_call_stops_the_call(domain, of, tmp_path):
    change = of(Action.REMOVE_MEMBER, "user16", "Large")
    other = of(Action.REMOVE_MEMBER, "user17", "Large")
    with (
        closing(DirectoryExecutor(servers(tmp_path, domain, "Administrator"), "info")) as one,
        closing(DirectoryExecutor(servers(tmp_path, domain, "Administrator"), "info")) as two,
    ):
        assert there(one, change) is True
        assert there(two, other) is True
        assert two.revoke(other).result is WriteResult.DONE
        answer = one.revoke(change)
        assert (answer.result, "changed" in answer.reason) == (WriteResult.TRANSIENT, True)
        assert there(one, change) is True, "looked again, with the guard as it is now"
        assert one.revoke(change).result is WriteResult.DONE


# ── as a source file has it ──────────────────────────────────────────────────────────────────────────────────────


def test_a_source_file_names_the_writer_apart_from_the_reader(domain, of):
    change = of(Action.REMOVE_MEMBER, "user18", "Large")
    assert not isinstance(connect(domain), Writable), "read-only without a writer"
    login = {"user": f"{WRITER}@{domain.dns}", "password": {"env": "TEST_AD_SERVICE"}}
    connector = connect(domain, writer=login)
    assert isinstance(connector, Writable)
    assert connector.covers(change)
    with connector.writing() as writer, connector.verifying() as witness:
        assert writer.revoke(change).result is WriteResult.DONE
        assert (there(writer, change), there(witness, change)) == (False, False)
    with connect(domain, user=READER, writer={**login, "user": f"{READER}@{domain.dns}"}).writing() as reader:
        assert reader.restore(change).result is WriteResult.REFUSED, "only the writer writes"


def test_a_writer_that_is_not_let_in_says_so(domain, monkeypatch):
    monkeypatch.setenv("TEST_AD_SERVICE_2", "falsch")
    login = {"user": f"{WRITER}@{domain.dns}", "password": {"env": "TEST_AD_SERVICE_2"}}
    with pytest.raises(ConnectorError, match="wrong"), connect(domain, writer=login).writing():
        pass

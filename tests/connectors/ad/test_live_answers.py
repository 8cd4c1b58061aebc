"""What a domain controller answers otherwise than expected is never taken for an object that is gone, or unchanged."""

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from access_review.connectors import Source
from access_review.connectors.ad.dialect import DirectoryOptions
from access_review.connectors.ad.dirsync import DirSyncChanges
from access_review.connectors.ad.domain_reading import DomainReading, SearchScope
from access_review.connectors.ad.paging import ReadPace
from access_review.connectors.ad.rows import DirectoryReading
from access_review.connectors.ad.server import Address, LdapResult, Session
from access_review.errors import ConnectorError, Transient
from tests.support.fake_directory import BASE, DIRSYNC, FakeDirectory, FakeSession

NOT_SAID = {"busy": 51, "not available": 52, "may not": 50, "time limit": 3, "no such request": 1, "refers": 10}
STAFF = f"OU=Staff,{BASE}"


@pytest.fixture
def domain():
    made = FakeDirectory(lambda: datetime(2026, 11, 2, tzinfo=UTC))
    members = [made.user(f"u{n}", n) for n in range(1, 9)]
    made.change(made.group("Finance", 600), "member", *members)
    return made


@dataclass
class ChangedSession(FakeSession):
    """A session whose second listing leaves out ``u7``, about which it answers with ``code`` when it is asked."""

    code: int = 0
    lacks: frozenset[str] = frozenset()
    also: dict[str, list[bytes]] = field(default_factory=dict)

    def receive(self, base, query, attributes, **how):
        answer = super().receive(base, query, attributes, **how)
        entries = [
            (dn, {**{name: held for name, held in values.items() if name not in self.lacks}, **self.also})
            for dn, values in answer.entries
        ]
        return replace(answer, entries=entries)

    def _page(self, page, wanted):
        answer = super()._page(page, wanted)
        left_out = self.code and "userAccountControl" not in wanted
        return replace(answer, entries=[e for e in answer.entries if not (left_out and e[0] == f"CN=u7,{STAFF}")])

    def _one(self, guid, wanted):
        if self.code and self.directory.objects[str(uuid.UUID(guid))][0] == f"CN=u7,{STAFF}":
            return LdapResult(self.code, "")
        return super()._one(guid, wanted)


def reading(session, **scope):
    return DomainReading(session, SearchScope(**{"closures_checked": 0, **scope}), ReadPace())


def changes(session):
    return DirSyncChanges(reading(session), session, SearchScope())


def names(found):
    return {dn.partition(",")[0] for dn, _ in found.objects.values()}


@pytest.mark.parametrize("words", NOT_SAID)
def test_an_object_is_gone_only_where_the_server_says_so(domain, words):
    found = reading(ChangedSession(domain, code=NOT_SAID[words])).read_all()
    assert "CN=u7" in names(found)
    assert any(words in reason for reason, tables in found.doubts if not tables)


def test_an_object_that_the_server_does_not_know_is_gone(domain):
    found = reading(ChangedSession(domain, code=32)).read_all()
    assert "CN=u7" not in names(found)
    assert not found.doubts


def test_a_few_objects_without_a_change_number_are_read_again_and_many_are_doubted(domain):
    guid = next(guid for guid, (dn, _) in domain.objects.items() if dn == f"CN=u7,{STAFF}")
    del domain.objects[guid][1]["uSNChanged"]
    assert not reading(FakeSession(domain)).read_all().doubts
    for n in range(100, 210):
        domain.user(f"u{n}", n)
    found = reading(ChangedSession(domain, lacks=frozenset({"uSNChanged"}))).read_all()
    assert any("without uSNChanged" in reason for reason, _ in found.doubts)


def test_an_object_that_comes_again_without_its_id_is_doubted(domain):
    session = ChangedSession(domain)
    found = reading(session).read_all()
    session.lacks = frozenset({"objectGUID"})
    fresh = next(iter(domain.objects))
    del found.objects[fresh]
    reading(session).read_again(found, [fresh])
    assert found.doubts


@pytest.mark.parametrize("name", ["highestCommittedUSN", "dsServiceName", "defaultNamingContext"])
def test_a_server_that_does_not_say_which_it_is_or_where_it_stands_is_not_read(domain, name):
    with pytest.raises(ConnectorError, match="does not say"):
        reading(ChangedSession(domain, lacks=frozenset({name})))


def test_an_unreadable_closure_is_none(domain):
    found = reading(ChangedSession(domain, also={"tokenGroups": [b"no SID"]}), closures_checked=3).read_all()
    assert found.parts["closures"] == "the server gave no tokenGroups for 3 of 3"


def test_a_part_is_read_when_it_is_read_below_every_base(domain):
    class Refusing(FakeSession):
        def receive(self, base, query, attributes, **how):
            if "isDeleted" in query and base == STAFF:
                return LdapResult(50, "")
            return super().receive(base, query, attributes, **how)

    found = reading(Refusing(domain), bases=(STAFF, f"OU=Groups,{BASE}")).read_all()
    assert "may not" in found.parts["deleted-objects"]


@dataclass
class DirSyncSession(FakeSession):
    """A session whose every answer to DirSync says that there is more, or leaves out whose change it is."""

    more: bool = False

    def _dirsync(self, query, control, wanted):
        answer = super()._dirsync(query, control, wanted)
        value = {**answer.controls[DIRSYNC]["value"], "more_results": int(self.more)}
        entries = [(dn, {n: v for n, v in values.items() if n != "objectGUID"}) for dn, values in answer.entries]
        return replace(answer, entries=answer.entries if self.more else entries, controls={DIRSYNC: {"value": value}})


@pytest.mark.parametrize("more", [True, False])
def test_changes_that_do_not_end_or_have_no_id_are_not_all_of_them(domain, more):
    assert changes(DirSyncSession(domain, more=more)).named(b"usn=1000") is None


@pytest.mark.parametrize("classes", [[], [b""], [b"top"], [b"\xff"]])
def test_an_object_that_was_asked_for_and_does_not_tell_what_it_is_is_doubted(domain, classes):
    guid = next(guid for guid, (dn, _) in domain.objects.items() if dn == f"CN=u7,{STAFF}")
    domain.objects[guid][1]["objectClass"] = classes
    found = reading(FakeSession(domain)).read_all()
    rows = DirectoryReading(Source("ad", Path("/")), DirectoryOptions(live=True), datetime(2026, 11, 2, tzinfo=UTC))
    made = list(rows.rows(found.entries()))
    short = [row for table, row in made if table == "completeness" and not row["complete"]]
    assert {row["subject"] for row in short} >= {"accounts", "grants"}
    assert any(row["kind"] == "unusable" for table, row in made if table == "problems")


@dataclass
class OddConnection:
    """What ldap3 leaves of an answer that is none."""

    result: Any
    strategy: Any = field(default_factory=lambda: SimpleNamespace(receiving=list))
    socket: Any = None
    last_error: Any = None
    ended: bool = False

    def search(self, *_: Any, **__: Any) -> None: ...

    def modify(self, *_: Any, **__: Any) -> None: ...

    def open(self, **_: Any) -> None:
        raise KeyError("no such field")

    def unbind(self) -> None:
        self.ended = True


PAGED = {"1.2.840.113556.1.4.319": {"value": None}}


@pytest.mark.parametrize(
    "result", [None, {}, {"result": "x", "message": ""}, {"result": 0, "message": "", "controls": PAGED}]
)
@pytest.mark.parametrize("ask", ["search", "modify", "begin"])
def test_an_answer_that_cannot_be_decoded_ends_its_connection(result, ask):
    connection = OddConnection(result)
    session = Session(Source("ad", Path("/")), Address("dc1", 636, upgrade=False), connection)
    asks: dict[str, Any] = {
        "search": lambda: session.search("", "(objectClass=*)", []),
        "modify": lambda: session.modify("CN=x", {}),
        "begin": lambda: session.begin(None),  # type: ignore[arg-type]
    }
    with pytest.raises(Transient, match="cannot be decoded"):
        asks[ask]()
    assert connection.ended or ask == "begin", "whoever opens a session that does not begin ends it"

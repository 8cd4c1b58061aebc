"""Before and after a change, a server that answers otherwise than asked has neither shown a grant nor its absence."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from access_review.changes import WriteResult
from access_review.connectors import Source
from access_review.connectors.ad.server import LdapResult
from access_review.connectors.ad.writer import DirectoryWriter
from access_review.errors import ConnectorError

MEMBER, GROUP = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
DONE = LdapResult(0, "")
BUSY = LdapResult(51, "")
SID = b"\x01\x05" + (5).to_bytes(6, "big") + b"".join(n.to_bytes(4, "little") for n in (21, 7, 8, 9, 600))


def shown(**values: bytes) -> LdapResult:
    return LdapResult(0, "", [("CN=x", {name: [value] for name, value in values.items()})])


MEMBERS = {
    "(objectClass=*)": shown(objectClass=b"user", primaryGroupID=b"513"),
    "(member=": DONE,
    "(!(member=": shown(objectSid=SID),
    "(memberOf=": DONE,
}
ACCOUNT = {"(objectClass=*)": shown(userAccountControl=b"512")}


@dataclass
class ScriptedSession:
    """A server that answers each filter by the one that it begins with, and each modify with ``modified``."""

    answers: dict[str, LdapResult]
    modified: LdapResult = DONE
    afterwards: dict[str, LdapResult] = field(default_factory=dict)
    source: Source = field(default_factory=lambda: Source("ad", None))  # type: ignore[arg-type]
    address: str = "ldaps://dc1.norwind.test"
    written: int = 0

    def search(self, base: str, query: str, attributes: Any, **_: Any) -> LdapResult:
        del base, attributes
        answers = {**self.answers, **(self.afterwards if self.written else {})}
        return next((answer for start, answer in answers.items() if query.startswith(start)), LdapResult(32, ""))

    def modify(self, dn: str, changes: Any) -> LdapResult:
        del dn, changes
        self.written += 1
        return self.modified


def writer(answers, *more):
    session: Any = ScriptedSession(answers, *more)
    return DirectoryWriter(session)


def test_a_member_is_none_where_the_group_and_the_member_say_so():
    assert writer(MEMBERS).holds(MEMBER, GROUP) is False


@pytest.mark.parametrize("query", [query for query in MEMBERS if query != "(memberOf="])
def test_a_busy_server_has_not_shown_whether_it_is_a_member(query):
    with pytest.raises(ConnectorError, match="busy"):
        writer(MEMBERS | {query: BUSY}).holds(MEMBER, GROUP)


@pytest.mark.parametrize(
    ("query", "lacking"),
    [
        ("(objectClass=*)", shown(objectClass=b"user")),
        ("(objectClass=*)", shown(primaryGroupID=b"none")),
        ("(!(member=", shown()),
        ("(!(member=", shown(objectSid=b"no SID")),
    ],
)
def test_a_primary_group_that_cannot_be_read_may_be_the_one(query, lacking):
    assert writer(MEMBERS | {query: lacking}).holds(MEMBER, GROUP) is None


@pytest.mark.parametrize("kind", [b"group", b"contact", b"foreignSecurityPrincipal"])
def test_what_has_no_primary_group_needs_none(kind):
    assert writer(MEMBERS | {"(objectClass=*)": shown(objectClass=kind)}).holds(MEMBER, GROUP) is False


def test_a_guard_that_cannot_be_read_is_not_taken_for_an_empty_one():
    assert writer({"(objectClass=*)": shown()}).guard(GROUP, "info", "next").seen is None
    with pytest.raises(ConnectorError, match="busy"):
        writer({"(objectClass=*)": BUSY}).guard(GROUP, "info", "next")


def test_what_cannot_be_looked_at_after_a_refusal_is_unknown():
    answer = writer(MEMBERS | {"(member=": BUSY}, LdapResult(53, "")).revoke(MEMBER, GROUP)
    assert (answer.result, "busy" in answer.reason) == (WriteResult.UNKNOWN, True)


def test_an_account_that_cannot_be_read_is_neither_changed_nor_said_to_be():
    busy = writer({"(objectClass=*)": BUSY})
    assert busy.disable(MEMBER).result is WriteResult.TRANSIENT
    with pytest.raises(ConnectorError, match="busy"):
        busy.enabled(MEMBER)


@pytest.mark.parametrize(("modified", "result"), [(DONE, WriteResult.DONE), (LdapResult(50, ""), WriteResult.REFUSED)])
def test_what_a_server_answered_stays_so_where_it_cannot_be_looked_at_afterwards(modified, result):
    assert writer(ACCOUNT, modified, {"(objectClass=*)": BUSY}).disable(MEMBER).result is result

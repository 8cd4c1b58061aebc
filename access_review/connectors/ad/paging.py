"""Reading everything that matches, page by page and range by range, and knowing when it was not everything.

Nothing here raises when a server stops half-way: what came is returned with the fault,
and whoever reads concludes that it is incomplete. The first page that is not a plain
success is the last one asked for.
"""

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import ldap3

from access_review.connectors.ad.entry import Entry
from access_review.connectors.ad.server import LdapResult, Session
from access_review.errors import Transient

_RANGED = re.compile(r"(.+);range=(\d+)-(\d+|\*)", re.IGNORECASE)
# A page is empty where a stretch of the directory has nothing that matches; so many in a row are a loop.
_EMPTY_PAGES = 100

Values = dict[str, list[bytes]]


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for below a base."""

    base: str
    filter: str
    attributes: Sequence[str]
    controls: Sequence[Any] = ()


@dataclass(slots=True)
class PagedRead:
    """What came, in how many pages, and why it ended early (null: it did not)."""

    entries: list[tuple[str, Values]] = field(default_factory=list)
    pages: int = 0
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class ReadPace:
    """How many entries a page has, and until which second of ``clock`` (monotonic) a read may take."""

    page: int = 1000
    deadline: float = float("inf")
    clock: Callable[[], float] = time.monotonic

    @property
    def late(self) -> bool:
        """Tell whether the time is up."""
        return self.clock() > self.deadline


def read_pages(session: Session, query: Query, pace: ReadPace) -> PagedRead:
    """Return everything below a base that matches, by the server's own cookies (RFC 2696).

    While a page is decoded, the server is at work on the next one.
    """
    result, empty = PagedRead(), 0
    seen: set[str] = set()
    with ThreadPoolExecutor(1, "next-page") as ahead:
        coming = ahead.submit(_page, session, query, pace, b"")
        while True:
            answered = coming.result()
            if goes_on := bool(answered.cookie) and answered.fault is None and not pace.late:
                coming = ahead.submit(_page, session, query, pace, answered.cookie or b"")
            answer = _decoded(session, answered)
            result.pages += 1
            # What changes between two pages may stand on both: the DN is one object all the same.
            fresh = [entry for entry in answer.entries if entry[0] not in seen]
            seen.update(dn for dn, _ in fresh)
            result.entries += fresh
            empty = 0 if answer.entries else empty + 1
            result.fault = _page_fault(answer, len(fresh), empty, late=not goes_on)
            if result.fault:
                result.fault = f"page {result.pages}: {result.fault}"
                return result
            if not goes_on:
                return result


def _page(session: Session, query: Query, pace: ReadPace, cookie: bytes) -> LdapResult:
    try:
        return session.receive(
            query.base,
            query.filter,
            query.attributes,
            scope=ldap3.SUBTREE,
            page=(pace.page, cookie),
            controls=query.controls,
        )
    except Transient as error:
        return LdapResult(-1, error.message)


def _decoded(session: Session, answer: LdapResult) -> LdapResult:
    try:
        return session.decoded(answer)
    except Transient as error:
        return LdapResult(-1, error.message)


def _page_fault(answer: LdapResult, fresh: int, empty: int, *, late: bool) -> str | None:
    if answer.code == -1:
        return answer.message
    if answer.fault:
        return answer.fault
    if answer.cookie is None:
        return "the server did not page its answer, so nobody knows whether it is whole"
    if answer.entries and not fresh:
        return "the server repeats itself: the page holds only what came before"
    if empty > _EMPTY_PAGES:
        return f"{empty} empty pages in a row"
    if answer.cookie and late:
        return "the time for this read is up"
    return None


def first_range(attribute: str) -> str:
    """Return how to ask for a long list: whole where the server can, its first piece where it cannot."""
    return f"{attribute};range=0-*"


def finish_ranges(session: Session, guid: str, values: Values, pace: ReadPace) -> str | None:
    """Fetch the pieces of long lists that are still to come, into ``values``; return why one is short.

    A piece names its place, ``member;range=0-1499``; the last one ends in ``*`` (MS-ADTS 3.1.1.3.1.3.3).
    """
    for name, last in _unfinished(values):
        at = last + 1
        while True:
            if pace.late:
                return "the time for this read is up"
            piece = _piece(session, guid, name, at)
            if isinstance(piece, str):
                return piece
            key, found, upto = piece
            values[key] = found
            if upto is None:
                break
            if not found or upto < at:
                return f"{name} does not go on at number {at}"
            at = upto + 1
    return None


def _unfinished(values: Values) -> list[tuple[str, int]]:
    """Return attributes that ended at a number, with it."""
    ends: dict[str, int | None] = {}
    for key in values:
        if (found := _RANGED.fullmatch(key)) is None:
            continue
        name, last = found[1].lower(), None if found[3] == "*" else int(found[3])
        ends[name] = None if last is None or (name in ends and ends[name] is None) else max(last, ends.get(name) or 0)
    return [(name, last) for name, last in ends.items() if last is not None]


def _piece(session: Session, guid: str, name: str, at: int) -> tuple[str, list[bytes], int | None] | str:
    """Return key, values and last number (null: the end) of the piece from ``at`` on, or what went wrong."""
    try:
        answer = session.search(f"<GUID={guid}>", "(objectClass=*)", [f"{name};range={at}-*"])
    except Transient as error:
        return error.message
    if answer.fault:
        return f"{name} from number {at} on: {answer.fault}"
    for _, values in answer.entries:
        for key, found in values.items():
            match = _RANGED.fullmatch(key)
            if match and match[1].lower() == name and int(match[2]) == at:
                return key, found, None if match[3] == "*" else int(match[3])
    return f"{name} from number {at} on: the server gave no values"


def entry_of(dn: str, values: Values) -> Entry:
    """Return what was read as an entry; attributes that came empty beside their first piece are left out."""
    return Entry.of(dn, {name: found for name, found in values.items() if found}, dn)

"""Whatever a server does half-way, the read is whole or says that it is not; and never a wrong edge."""

import time
from dataclasses import replace

import pytest

from access_review.errors import ConnectorError, Transient
from tests.faults import ldap_proxy as faults
from tests.faults.ldap_proxy import Proxy, on_bind, on_page, on_ranges, result
from tests.real.ad import connect, edges, incomplete, tables

PAGES = {"page_size": 20}


@pytest.fixture
def proxy(shared_domain, authority, tmp_path):
    with Proxy(shared_domain.address, authority, tmp_path).served() as served:
        yield served


@pytest.fixture(scope="module")
def whole(shared_domain):
    return tables(connect(shared_domain))


@pytest.fixture
def read(shared_domain, proxy):
    def run(*changes, **options):
        proxy.faults = changes
        return tables(connect(shared_domain, server=proxy.url, **({"reach": PAGES} | options)))

    return run


DATA = ("entitlements", "grants", "nesting", "aliases", "owners", "problems")


def test_the_proxy_itself_changes_nothing(read, whole):
    found = read()
    assert incomplete(found) == {}
    assert all(found[table] == whole[table] for table in DATA)


@pytest.mark.parametrize(
    "change",
    [
        faults.size_limit(10),
        faults.value_limit(3),
        faults.value_limit(1),
        faults.references,
        faults.EmptyPage(1),
        faults.EmptyPage(2),
    ],
)
def test_what_windows_does_changes_nothing(read, whole, change):
    found = read(change)
    assert incomplete(found) == {}
    assert edges(found) == edges(whole)


PAGE_FAULTS = {
    "time limit": (result(3), "time limit"),
    "size limit": (result(4), "size limit"),
    "size limit with entries": (result(4, keep=True), "size limit"),
    "busy": (result(51), "busy"),
    "unavailable": (result(52), "not available"),
    "administrators' limit": (result(11), "administrators"),
    "unknown control": (result(12), "control"),
    "operations error": (result(1), "no such request"),
    "unwilling": (result(53), "unwilling"),
    "lost rights": (result(50), "may not"),
    "referral": (result(10), "refers to another"),
    "reset": (faults.reset, "lost"),
    "garbage": (faults.garbage, "decoded"),
    "half a page": (faults.half, "missing from the pages"),
    "no page": (faults.nothing, "missing from the pages"),
    "cut short": (faults.last, "missing from the pages"),
    "not paged": (faults.unpaged, "did not page"),
}


@pytest.mark.sweep(share=1 / 4, each="fault")
@pytest.mark.parametrize(("listing", "page"), [(1, 1), (1, 2), (1, "last"), (2, 2)])
@pytest.mark.parametrize("fault", PAGE_FAULTS)
def test_a_fault_on_any_page_makes_the_read_incomplete(read, whole, fault, page, listing):
    change, reason = PAGE_FAULTS[fault]
    if page == "last":
        page = _pages(whole) - (fault == "cut short")
    broken = incomplete(found := read(on_page(listing, page, change)))
    assert {"accounts", "entitlements", "grants", "nesting", "aliases", "owners"} <= broken.keys()
    assert all(reason in broken[table] for table in ("accounts", "grants"))
    assert _known(found) <= edges(whole)


def _pages(whole):
    (row,) = (row for row in whole["completeness"] if row["subject"] == "part:provenance")
    return -(-row["received"] // PAGES["page_size"])


def _known(found):
    """Leave out edges of which one end was not read, so that it has no name."""
    return {edge for edge in edges(found) if not any(end.startswith("ref:") for end in edge)}


def test_a_server_that_repeats_itself_is_left(read):
    assert "repeats itself" in incomplete(read(faults.Repeat()))["accounts"]


def test_a_server_that_falls_silent_is_left(shared_domain, proxy):
    proxy.faults = [on_page(1, 2, faults.stall(2.5))]
    connector = connect(shared_domain, server=proxy.url, reach=PAGES)
    hurried = replace(connector, servers=replace(connector.servers, timeout=1))
    start = time.monotonic()
    assert "lost" in incomplete(tables(hurried))["accounts"]
    assert time.monotonic() - start < 2.5


def test_a_read_that_takes_too_long_is_ended(shared_domain):
    assert (
        "time for this read is up"
        in incomplete(tables(replace(connect(shared_domain, reach=PAGES), read_within=0.0)))["grants"]
    )


RANGE_FAULTS = {
    "busy": (result(51), "busy"),
    "reset": (faults.reset, "lost"),
    "nothing": (faults.nothing, "gave no values"),
    "unreadable": (faults.without(b"member"), "gave no values"),
    "operations error": (result(1), "no such request"),
}


@pytest.mark.parametrize("fault", RANGE_FAULTS)
def test_a_fault_in_a_long_list_makes_the_group_incomplete(read, whole, fault):
    change, reason = RANGE_FAULTS[fault]
    found = read(faults.value_limit(6), on_ranges(change))
    broken = incomplete(found)
    groups = {row["entitlement"]: row["name"] for row in found["entitlements"]}
    large = [reason for subject, reason in broken.items() if groups.get(subject) == "Large"]
    assert large
    assert any(reason in one for one in large)
    assert {"grants", "nesting"} <= broken.keys()
    assert _known(found) <= edges(whole)


def test_a_list_that_ends_early_is_found_out_by_its_back_links(read):
    def cut(request, answer):
        if not any(b"range=18" in name for name in request.wanted):
            return answer
        return [_shorter(one) if _is_entry(one, b"CN=Large") else one for one in answer]

    found = read(faults.value_limit(6), on_ranges(cut))
    assert "2 objects point back to it" in incomplete(found)["grants"]


def _is_entry(message, dn):
    return message.operation == faults.ENTRY and message.dn.startswith(dn)


def _shorter(entry):
    return entry.having(
        [(name, values[:-2]) if b";range=" in name else (name, values) for name, values in entry.attributes()]
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (b"objectGUID", "objectGUID"),
        (b"userAccountControl", "userAccountControl"),
        (b"member", "no group has a member"),
        (b"groupType", "groupType"),
        (b"objectSid", "objectSid"),
    ],
)
def test_a_reader_without_a_right_is_told(read, name, reason):
    assert reason in str(incomplete(read(faults.without(name))))


def test_a_reader_who_may_not_see_some_members_is_found_out_by_the_server_s_own_closures(read):
    def hide(request, answer):
        change = faults.without(b"member")
        return [change(request, [one])[0] if _is_entry(one, b"CN=Large") else one for one in answer]

    assert "the members read do not" in incomplete(read(hide, reach=PAGES | {"closures_checked": 100}))["grants"]


@pytest.mark.parametrize("code", [51, 52])
def test_a_busy_server_is_passed_over_before_a_read(shared_domain, proxy, whole, code):
    proxy.faults = [on_bind(result(code))]
    found = tables(connect(shared_domain, server=[proxy.url, shared_domain.url]))
    assert edges(found) == edges(whole)
    with pytest.raises(Transient, match=r"busy|not available"):
        tables(connect(shared_domain, server=proxy.url))


def test_a_read_stays_with_its_server(shared_domain, proxy):
    proxy.faults = [on_page(1, 2, faults.reset)]
    found = tables(connect(shared_domain, server=[proxy.url, shared_domain.url], reach=PAGES))
    assert "lost" in incomplete(found)["accounts"]


def test_what_is_not_active_directory_is_said_to_be_something_else(shared_domain, proxy):
    proxy.faults = [faults.without(b"supportedCapabilities")]
    with pytest.raises(ConnectorError, match="is not Active Directory"):
        tables(connect(shared_domain, server=proxy.url))

"""Several servers, several forests, and what is deleted."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from access_review.connectors.ad.replication import read_attribute, read_link_value
from access_review.snapshot import references
from access_review.tables import TABLES, frame
from tests.real import example_domain, samba
from tests.real.ad import connect, incomplete, named, now, tables, verdicts
from tests.real.conftest import servers
from tests.real.example_domain import READER
from tests.real.samba import Domain


@pytest.fixture
def late(small_state, tmp_path_factory):
    """Return a server of the same domain that has seen other sign-ins: a copy that nothing replicates to."""
    with small_state.copy(tmp_path_factory.mktemp("samba") / "late").served() as domain:
        yield domain


def test_the_last_sign_in_is_exact_when_every_server_was_asked(own_domain, late, tmp_path):
    at = now() - timedelta(days=3)
    _saw(servers(tmp_path, late, "Administrator"), late, "user02", at)
    _saw(servers(tmp_path, own_domain, "Administrator"), own_domain, "user02", at - timedelta(days=40))
    reach = {"last_logon": "every-server"}
    found = tables(connect(own_domain, server=[own_domain.url, late.url], reach=reach))
    assert incomplete(found) == {}
    assert verdicts(found)["part:last-logon"] is None
    rows = {row["name"]: row for row in found["accounts"]}
    assert rows["user02"]["last_used_earliest"] == rows["user02"]["last_used_latest"]
    assert abs(rows["user02"]["last_used_latest"] - at) < timedelta(seconds=1)


def _saw(way, domain, name, at):
    """Let a server have seen a sign-in; Samba counts no simple binds, and takes the value from an administrator."""
    stamp = str((at - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10)
    with way.session() as session:
        change = {"lastLogon": [("MODIFY_REPLACE", [stamp])]}
        assert session.modify(f"CN={name},OU=Staff,{domain.base}", change).fault is None


def test_a_server_that_was_not_asked_leaves_an_interval(own_domain, tmp_path):
    with servers(tmp_path, own_domain, READER).session():
        pass
    reach = {"last_logon": "every-server"}
    found = tables(connect(own_domain, server=[own_domain.url, "ldaps://127.0.0.1:9"], reach=reach))
    assert "127.0.0.1:9" in incomplete(found)["part:last-logon"]
    rows = {row["name"]: row for row in found["accounts"]}
    assert rows[READER]["last_used_earliest"] < rows[READER]["last_used_latest"]


def test_deleted_objects_are_counted_and_hold_nothing(own_domain, tmp_path):
    before = tables(connect(own_domain))
    with servers(tmp_path, own_domain, "Administrator").session() as session:
        session._connection.delete(f"CN=user19,OU=Staff,{own_domain.base}")
        assert session._connection.result["result"] == 0
    found = tables(connect(own_domain, user="Administrator"))
    assert len(found["accounts"]) == len(before["accounts"]) - 1
    assert "deleted object" in {row["reason"] for row in found["problems"]}
    assert "user19" not in named(found).values()
    assert "deleted object" not in {
        row["reason"] for row in tables(connect(own_domain, reach={"deleted": False}))["problems"]
    }


@pytest.fixture(scope="module")
def abroad(samba_available, tmp_path_factory, authority):  # noqa: ARG001 - it is there to skip
    """Return a second forest, not served yet."""
    folder = tmp_path_factory.mktemp("samba") / "abroad"
    domain = Domain(folder, samba.free_address(), authority, realm="ABROAD.TEST", host="dc7")
    domain.provision()
    domain.load(example_domain.small(domain.base, domain.dns).ldif())
    return domain


def test_members_of_another_forest_are_found_there(empty_state, abroad, tmp_path_factory):
    home = empty_state.copy(tmp_path_factory.mktemp("samba") / "home")
    records = example_domain.small(home.base, home.dns)
    partner = abroad.sid("user01")
    records.group("Partners", [f"<SID={partner}>"], groupType=example_domain.DOMAIN_LOCAL)
    home.load(records.ldif())
    with home.served(), abroad.served():
        both = [tables(connect(home)), tables(connect(abroad, name="abroad"))]
    assert [incomplete(one) for one in both] == [{}, {}]
    joined = references.resolve({name: frame(name, [row for one in both for row in one[name]]) for name in TABLES})
    (row,) = (r for r in _rows(joined["entitlements"]) if r["name"] == "Partners")
    (account,) = (r for r in _rows(joined["accounts"]) if r["name"] == "user01" and r["source"] == "abroad")
    grants = {(r["account"], r["entitlement"]) for r in _rows(joined["grants"])}
    assert (account["account"], row["entitlement"]) in grants


def _rows(table: pa.Table):
    return table.to_pylist()


# ── replication metadata, which Samba leaves empty: the shapes that Windows gives ────────────────────────────────

VALUE = """<DS_REPL_VALUE_META_DATA>
\t<pszAttributeName>member</pszAttributeName>
\t<pszObjectDn>CN=Lee\\, Ana &amp; Co,OU=Staff,DC=norwind,DC=test</pszObjectDn>
\t<cbData>0</cbData>
\t<pbData></pbData>
\t<ftimeDeleted>1601-01-01T00:00:00Z</ftimeDeleted>
\t<ftimeCreated>2024-02-01T08:00:00Z</ftimeCreated>
\t<dwVersion>3</dwVersion>
\t<ftimeLastOriginatingChange>2025-06-30T21:15:09Z</ftimeLastOriginatingChange>
\t<uuidLastOriginatingDsaInvocationID>6d5f3b1e-0000-0000-0000-000000000000</uuidLastOriginatingDsaInvocationID>
</DS_REPL_VALUE_META_DATA>
\x00"""


def test_since_when_a_member_is_there():
    found = read_link_value(VALUE)
    assert (found.name, found.dn) == ("member", "CN=Lee\\, Ana & Co,OU=Staff,DC=norwind,DC=test")
    assert found.since.isoformat() == "2025-06-30T21:15:09+00:00"
    removed = VALUE.replace("<ftimeDeleted>1601-01-01", "<ftimeDeleted>2025-07-01")
    assert read_link_value(removed).since is None


def test_when_an_attribute_last_changed():
    text = (
        "<DS_REPL_ATTR_META_DATA>\n\t<pszAttributeName>userAccountControl</pszAttributeName>\n\t<dwVersion>4</dwVersion>\n"
        "\t<ftimeLastOriginatingChange>2026-01-31T16:00:00Z</ftimeLastOriginatingChange>\n</DS_REPL_ATTR_META_DATA>\n\x00"
    )
    assert read_attribute(text).name == "useraccountcontrol"
    assert read_attribute(text).changed.isoformat() == "2026-01-31T16:00:00+00:00"


@pytest.mark.parametrize("text", ["", "<x/>", "<DS_REPL_VALUE_META_DATA></DS_REPL_VALUE_META_DATA>", VALUE[:60]])
def test_other_text_is_no_metadata(text):
    assert read_link_value(text) is None
    assert read_attribute(text) is None


def test_metadata_is_asked_for_where_it_is_wanted_and_may_be_empty(shared_domain):
    found = tables(connect(shared_domain, reach={"history": True}))
    assert incomplete(found) == {}
    assert {row["since"] for row in found["grants"]} == {None}

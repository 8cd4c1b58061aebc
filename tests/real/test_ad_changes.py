"""Reading what changed gives what reading everything gives, whatever happened in between."""

import json
import random
import stat
from dataclasses import replace
from datetime import timedelta

import pytest

from access_review.connectors.ad import dirsync
from tests.faults import ldap_proxy as faults
from tests.faults.ldap_proxy import Proxy, on_page, result
from tests.real.ad import connect, incomplete, now, tables, without
from tests.real.conftest import servers
from tests.real.example_domain import READER


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "workspace" / "sources"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def admin(own_domain, tmp_path):
    with servers(tmp_path, own_domain, "Administrator").session() as session:
        yield session


class Changer:
    """Makes random changes, as people do in a directory; the same seed makes the same ones."""

    def __init__(self, session, domain, seed):
        self.chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.seed = seed
        self.session, self.connection, self.base = session, session._connection, domain.base
        self.units = [f"OU=Staff,{self.base}", f"OU=Groups,{self.base}", f"OU=Machines,{self.base}"]
        self.count = 0

    def names(self, kind):
        query = f"(&(objectClass={kind})(|(sAMAccountName=user*)(sAMAccountName=new*)(sAMAccountName=Deep*)))"
        return sorted(
            dn for dn, _ in self.session.search(self.base, query, ["sAMAccountName"], scope="SUBTREE").entries
        )

    def step(self, but="nothing"):
        kinds = [name for name in sorted(dir(self)) if name.startswith("do_") and not name.startswith(but)]
        getattr(self, self.chance.choice(kinds))()

    def _new(self, kind, **values):
        self.count += 1
        name = f"new-{self.seed}-{self.count}"
        self.connection.add(f"CN={name},{self.chance.choice(self.units)}", [kind], {"sAMAccountName": name, **values})

    def do_add_user(self):
        self._new("user", userAccountControl=self.chance.choice((512, 514)), mail=f"n{self.count}@norwind.test")

    def do_add_group(self):
        members = self.chance.sample(self.names("user"), 3)
        self._new("group", member=members)

    def do_delete_user(self):
        self.connection.delete(self.chance.choice(self.names("user")))

    def do_delete_group(self):
        self.connection.delete(self.chance.choice(self.names("group")))

    def do_rename_user(self):
        self.count += 1
        dn = self.chance.choice(self.names("user"))
        self.connection.modify_dn(dn, f"CN=named\\, {self.seed} {self.count}")

    def do_rename_group(self):
        self.count += 1
        dn = self.chance.choice(self.names("group"))
        self.connection.modify_dn(dn, f"CN=Named {self.seed} {self.count}")

    def do_move(self):
        dn = self.chance.choice(self.names("user"))
        relative = dn[: -len(self.base) - 1].rpartition(",")[0]
        self.connection.modify_dn(dn, relative, new_superior=self.chance.choice(self.units))

    def do_rename_unit(self):
        self.count += 1
        if len(self.units) > 2:
            place = self.chance.randrange(3)
            name = f"OU=Unit {self.seed} {self.count}"
            self.connection.modify_dn(self.units[place], name)
            if self.connection.result["result"] == 0:
                self.units[place] = f"{name},{self.base}"

    def do_add_members(self):
        group = self.chance.choice(self.names("group"))
        for member in self.chance.sample(self.names("user"), 2):
            self.connection.modify(group, {"member": [("MODIFY_ADD", [member])]})

    def do_nest(self):
        inner, outer = self.chance.sample(self.names("group"), 2)
        self.connection.modify(outer, {"member": [("MODIFY_ADD", [inner])]})

    def do_remove_member(self):
        group = self.chance.choice(self.names("group"))
        [(_, values)] = self.session.search(group, "(objectClass=*)", ["member"]).entries
        members = values.get("member", [])
        if members:
            self.connection.modify(group, {"member": [("MODIFY_DELETE", [self.chance.choice(sorted(members))])]})

    def do_disable(self):
        dn = self.chance.choice(self.names("user"))
        self.connection.modify(dn, {"userAccountControl": [("MODIFY_REPLACE", [self.chance.choice(("512", "514"))])]})

    def do_edit(self):
        dn = self.chance.choice(self.names("user"))
        self.connection.modify(dn, {"displayName": [("MODIFY_REPLACE", [f"Called {self.chance.random()}"])]})

    def do_clear_manager(self):
        self.connection.modify(self.chance.choice(self.names("user")), {"manager": [("MODIFY_REPLACE", [])]})


def facts(found):
    (row,) = (row for row in found["completeness"] if row["subject"] == "part:provenance")
    return json.loads(row["reason"])


def compared(found):
    """Return what has to be equal: all but where it came from, and the reader's own last sign-in, which was this one."""
    accounts = [
        {name: value for name, value in row.items() if row["name"] != READER or not name.startswith("last_used")}
        for row in found["accounts"]
    ]
    return {**without(found, "part:provenance"), "accounts": accounts}


def but_for_use(found):
    """Return what has to be equal where use, and when an object was touched, are of the last listing."""
    use = ("last_used", "never_used")
    accounts = [{name: row[name] for name in row if not name.startswith(use)} for row in compared(found)["accounts"]]
    for row in accounts:
        row["attributes"] = {k: v for k, v in json.loads(row["attributes"] or "{}").items() if k != "changed_at"}
    return {**compared(found), "accounts": accounts}


def differing(one, other):
    """Return the rows of which only one side knows, by table."""
    return {
        name: [row for row in [*one[name], *other[name]] if (row in one[name]) != (row in other[name])] for name in one
    }


def columns(rows):
    """Return in which columns rows differ of which one side has one and the other another, by table."""
    found = {}
    for name, (one, *others) in ((name, each) for name, each in rows.items() if each):
        found[name] = sorted(key for key in one if any(one[key] != other[key] for other in others)) or ["there"]
    return found


@pytest.mark.sweep(share=1 / 2, each="way")
@pytest.mark.parametrize("way", ["dirsync", "usn"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_read_of_changes_equals_a_whole_read(own_domain, admin, workspace, monkeypatch, way, seed):
    if way == "usn":
        monkeypatch.setattr(dirsync, "_DIRSYNC", "no such control")
    delta = connect(own_domain, workspace, reach={"incremental": True, "page_size": 50})
    full = connect(own_domain, workspace, reach={"page_size": 50})
    assert incomplete(tables(delta)) == {}
    changer = Changer(admin, own_domain, f"{way}{seed}")
    for _ in range(5):
        for _ in range(8):
            changer.step()
        if way == "dirsync":
            changed((delta.state_file, delta.scope), service="CN=NTDS Settings,CN=DC9")
        as_of = now()
        found, everything = tables(delta, as_of), tables(full, as_of)
        assert "changes since" in facts(found)["read"]
        assert [row for rows in differing(compared(found), compared(everything)).values() for row in rows] == []
        assert compared(found) == compared(everything)
        assert incomplete(found) == {}


@pytest.mark.sweep(share=1 / 2)
@pytest.mark.parametrize("seed", [1, 2])
def test_between_two_listings_what_dirsync_names_is_as_much_as_a_whole_read(own_domain, admin, workspace, seed):
    delta = connect(own_domain, workspace).following(str(workspace.parent / "runs"))
    full = connect(own_domain, workspace)
    tables(delta)
    changer, unlisted = Changer(admin, own_domain, f"recent{seed}"), 0
    for _ in range(16):
        changer.step(but="do_delete")
        as_of = now()
        found, everything = tables(delta, as_of), tables(full, as_of)
        unlisted += "listed_at" in facts(found)
        others = differing(but_for_use(found), but_for_use(everything))
        assert columns(others) == {}, others
        assert incomplete(found) == {}
    assert unlisted >= 8, "it listed whenever anything changed"
    changer.do_delete_user()  # which this reader may not see, so that a listing is to find it
    late = as_of + timedelta(minutes=6)
    found, everything = tables(delta, late), tables(full, late)
    assert "listed_at" not in facts(found)
    assert but_for_use(found) == but_for_use(everything)


def test_a_quiet_domain_is_read_again_without_reading_it(own_domain, workspace):
    delta = connect(own_domain, workspace, reach={"incremental": True})
    tables(delta)
    found = tables(delta)
    # Builtin groups have members that are no objects of the domain; nobody says when these change.
    assert facts(found)["read_again"] < 12
    assert incomplete(found) == {}


def test_what_is_kept_is_private_and_only_of_complete_reads(own_domain, workspace, authority, tmp_path):
    kept = workspace.parent / "runs" / "directory" / "ad.parquet"
    reach = {"incremental": True, "page_size": 20}
    with Proxy(own_domain.address, authority, tmp_path, [on_page(1, 2, result(52))]).served() as proxy:
        assert incomplete(tables(connect(own_domain, workspace, server=proxy.url, reach=reach)))
        assert not kept.exists()
        proxy.faults = []
        tables(connect(own_domain, workspace, server=proxy.url, reach=reach))
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
        before = kept.read_bytes()
        proxy.faults = [on_page(0, 2, faults.reset)]
        found = tables(connect(own_domain, workspace, server=proxy.url, reach=reach))
    assert "lost" in incomplete(found)["accounts"]
    assert kept.read_bytes() == before


def test_a_listing_that_lost_objects_deletes_nothing(own_domain, workspace, authority, tmp_path):
    reach = {"incremental": True, "page_size": 20}
    with Proxy(own_domain.address, authority, tmp_path).served() as proxy:
        connector = connect(own_domain, workspace, server=proxy.url, reach=reach)
        whole = tables(connector)
        proxy.faults = [on_page(0, 3, faults.nothing)]
        found = tables(connector)
    assert "missing from the pages" in incomplete(found)["accounts"]
    assert {row["account"] for row in found["accounts"]} == {row["account"] for row in whole["accounts"]}


def changed(kept, **values):
    found = dirsync.load_state(kept[0], kept[1])
    dirsync.save_state(kept[0], kept[1], replace(found, **values))  # type: ignore[arg-type,type-var]


@pytest.mark.sweep(share=1 / 3)
@pytest.mark.parametrize(
    "odd",
    [
        "damaged",
        "empty",
        "other attributes",
        "old",
        "from the future",
        "lost cookie and another server",
        "lost cookie and a restored server",
    ],
)
def test_anything_odd_costs_a_whole_read(own_domain, workspace, odd):
    delta = connect(own_domain, workspace, reach={"incremental": True})
    tables(delta)
    kept = (delta.state_file, delta.scope)
    match odd:
        case "damaged":
            delta.state_file.write_bytes(delta.state_file.read_bytes()[:-9])
        case "empty":
            delta.state_file.write_bytes(b"")
        case "other attributes":
            delta = connect(
                own_domain, workspace, attributes={"desk": "physicalDeliveryOfficeName"}, reach={"incremental": True}
            )
        case "old":
            changed(kept, full_at=now() - timedelta(days=8))
        case "from the future":
            changed(kept, full_at=now() + timedelta(days=1))
        case "lost cookie and another server":
            changed(kept, cookie=b"", service="CN=NTDS Settings,CN=DC9")
        case _:
            changed(kept, cookie=b"", usn=10**9)
    found = tables(delta)
    assert facts(found)["read"] == "whole"
    assert incomplete(found) == {}


def test_a_stale_cookie_falls_back_to_change_numbers(own_domain, admin, workspace):
    delta = connect(own_domain, workspace, reach={"incremental": True})
    tables(delta)
    changed((delta.state_file, delta.scope), cookie=b"stale")
    changer = Changer(admin, own_domain, "stale")
    for _ in range(5):
        changer.step()
    as_of = now()
    found = tables(delta, as_of)
    assert "changes since" in facts(found)["read"]
    assert compared(found) == compared(tables(connect(own_domain, workspace), as_of))

"""Watching a real domain, a tenant that follows it, and a roster: from a change to its alarm, and a leaver off under a minute."""

from datetime import timedelta
from time import perf_counter

import pytest

from access_review.cli.clocks import MachineClock
from access_review.stages.watch import Watch
from tests.real import hybrid
from tests.real.ad import now
from tests.real.conftest import servers
from tests.real.live_company import ASKS, POLICY, SECOND, enabled, live_company
from tests.support.clocks import clock_at

LEAVER, JOINS = "h10", "h04"
STANDING = f'{POLICY}standing: {{daily: 5, until: 2099-12-31, tell: ["{ASKS}"]}}\n'


@pytest.fixture
def admin(hybrid_domain, tmp_path):
    with servers(tmp_path, hybrid_domain, "Administrator").session() as session:
        yield session


@pytest.fixture
def company(hybrid_domain, admin, authority, tmp_path):
    with live_company(hybrid_domain, admin, authority, tmp_path, left=[], policy=STANDING) as made:
        yield made


def newest_notice(company):
    return max((company.folder / "runs/notices").glob("*.txt"), key=lambda path: path.stat().st_mtime_ns).read_text()


@pytest.mark.slow
def test_what_changes_is_an_alarm_and_a_leaver_is_off_within_a_minute(company, hybrid_domain, admin, capsys):
    company.done("audit")
    for person in (ASKS, SECOND):
        company.done("approve", "--standing", "--by", person, "--key", person)
    watch = Watch(company.folder, MachineClock(), {})
    watch.look()
    took = {}

    def seen(what, change):
        began = perf_counter()
        change()
        while not (found := watch.look()).opened:
            assert perf_counter() - began < 60, what
        took[what] = perf_counter() - began
        return {row["rule"] for row in found.opened}

    group, user = (
        f"CN={name},OU={unit},{hybrid_domain.base}" for name, unit in (("Payments", "Groups"), (JOINS, "Staff"))
    )
    (leaver,) = (f"CN={LEAVER},OU=Staff,{hybrid_domain.base}",)
    tenant, simulator = company.simulator.tenant, company.simulator
    (native,) = [n for n, one in tenant.of("users").items() if one["displayName"] == JOINS]

    def add_in_the_tenant():
        tenant.links["groups/members", company.cloud_group].append(native)
        simulator.delta.linked("groups", company.cloud_group, "members", native, added=True)

    def leave():
        (company.folder / "sources/people.csv").write_text(hybrid.roster(left=[LEAVER]))

    try:
        assert seen("domain", lambda: admin._connection.modify(group, {"member": [("MODIFY_ADD", [user])]})) == {
            "access-beyond-role"
        }
        assert "Payments" in newest_notice(company)
        assert seen("tenant", add_in_the_tenant) == {"access-beyond-role"}
        assert "Board papers" in newest_notice(company)
        company.wire()
        assert "leaver-active" in seen("leaver, off in both", leave)
        assert not enabled(admin, hybrid_domain, LEAVER)
        assert [path.endswith("/revokeSignInSessions") for _, path in company.wire().written] == [True]
        Watch(company.folder, clock_at(now() + timedelta(minutes=16)), {}).look()
        (journal,) = company.folder.glob("runs/*/standing/journal.sqlite")
        run = journal.parents[1].name
        proven = company.done("--run", run, "verify", "--of", "standing", at=now() + timedelta(minutes=17))
        assert {one["state"] for one in proven["changes"]} == {"revoked"}
    finally:
        admin._connection.modify(group, {"member": [("MODIFY_DELETE", [user])]})
        admin._connection.modify(leaver, {"userAccountControl": [("MODIFY_REPLACE", ["512"])]})
    with capsys.disabled():
        figures = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in took.items())
        print(f"\nfrom a change to its alarm: {figures}")  # noqa: T201 - the figures are what it is for

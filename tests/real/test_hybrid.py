"""A hybrid organisation through the command line: what is synchronised is cut in the domain, and gone from the cloud after."""

import pyarrow.parquet as pq
import pytest

from access_review.changes import WriteResult
from access_review.connectors.ad.writer import DirectoryWriter
from tests.real import hybrid
from tests.real.ad import options
from tests.real.conftest import servers
from tests.real.hybrid import EXCESS, Sync
from tests.simulated_tenant.machine import MachineClock
from tests.simulated_tenant.reading import simulate
from tests.simulated_tenant.signin_stub import CLIENT, TENANT, SignIn
from tests.simulated_tenant.transport import Server
from tests.support.command import access_review, lay_out

SECRET = "not-a-real-secret-9H~canary"  # noqa: S105 - of a tenant that lives for one test


@pytest.fixture(scope="module")
def domain(empty_state, tmp_path_factory):
    made = empty_state.copy(tmp_path_factory.mktemp("hybrid") / "domain")
    made.load(hybrid.records(made.base, made.dns).ldif())
    with made.served():
        yield made


@pytest.fixture
def sync(domain, tmp_path):
    with servers(tmp_path, domain, "Administrator").session() as session:
        made = Sync(session, domain.base)
        made.run()
        yield made


@pytest.fixture
def company(domain, sync, tmp_path, monkeypatch):
    """Return a workspace of HR, the domain and the tenant, both live."""
    monkeypatch.setenv("ENTRA_SECRET", SECRET)
    clock = MachineClock()
    simulator = simulate(sync.tenant, clock=clock)
    sign_in = SignIn(clock, secret=SECRET)
    simulator.tokens = sign_in.roles_of
    with Server(simulator, tmp_path / "tenant", sign_in) as server:
        reader = {"client_id": CLIENT, "secret": {"env": "ENTRA_SECRET"}}
        cloud = {"sign_in": server.url, "graph": server.url}
        entra = {"tenant": TENANT, "reader": reader, "cloud": cloud, "ca_file": str(server.ca), "synced_from": "ad"}
        yield lay_out(tmp_path / "company", hybrid.files(options(domain), entra))


def audited(company):
    """Audit, and return what lies beyond roles: where, and whose."""
    result = access_review(company, "--json", "audit")
    assert result.code in {0, 3}, result.err
    (run,) = company.glob(f"runs/{result.json['run']}")
    return {
        (row["about"].split(":")[0], row["about_name"], row["person_name"])
        for row in pq.read_table(run / "findings.parquet").to_pylist()
        if row["rule"] == "access-beyond-role" and row["status"] != "closed"
    }


def planned(company):
    result = access_review(company, "--json", "plan", "--requested-by", "00001", "--rule", "access-beyond-role")
    assert result.code in {0, 1}, result.err
    return result.json


def cuts(plan):
    return {(c["target"]["source"], c["target"]["entitlement"]["name"]): c["target"] for c in plan["changes"]}


def test_excess_in_a_synchronised_group_is_cut_in_the_domain_and_gone_from_the_cloud_after_the_next_sync(
    company, domain, sync, tmp_path
):
    sync.cloud_group("Board papers", EXCESS)
    assert {name for _, name, _ in audited(company)} == {"Payments", "Board papers"}
    targets = cuts(planned(company))
    assert set(targets) == {("ad", "Payments"), ("entra", "Board papers")}, "the copy follows the original"
    target = targets["ad", "Payments"]
    assert target["account"]["name"].startswith(EXCESS)
    with servers(tmp_path, domain, "Administrator").session() as session:
        user, group = target["account"]["native_id"], target["entitlement"]["native_id"]
        assert DirectoryWriter(session).revoke(user, group).result is WriteResult.DONE

    # The domain has let go, the cloud not yet: nothing is cut there, and a person is told where it is done.
    assert ("entra", "Payments", f"Person {EXCESS}") in audited(company)
    plan = planned(company)
    assert set(cuts(plan)) == {("entra", "Board papers")}
    (told,) = plan["to_person"]
    assert "synced from ad" in told["reason"]

    sync.run()
    assert {name for _, name, _ in audited(company)} == {"Board papers"}

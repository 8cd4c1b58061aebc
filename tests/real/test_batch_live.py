"""A batch on a real domain and a tenant that follows it, through the command line, with everything on the wire recorded.

Somebody holds too much in both, somebody has left. Two people stand behind the plan; what
is taken is seen gone, and what was the employee's is given back.
"""

import json
import subprocess
import sys
from datetime import timedelta
from time import perf_counter

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from access_review.connectors.entra.permissions import READING, WRITING
from tests.faults.ldap_proxy import BIND, MODIFY, SEARCH, UNBIND, Proxy
from tests.real import hybrid
from tests.real.ad import now, options
from tests.real.conftest import CONTROL, GROUP, MEMBER, USER, servers
from tests.real.example_domain import READER, WRITER
from tests.real.hybrid import EXCESS, Sync
from tests.simulated_tenant.machine import MachineClock
from tests.simulated_tenant.reading import simulate
from tests.simulated_tenant.signin_stub import CLIENT, TENANT, SignIn
from tests.simulated_tenant.transport import Server
from tests.support.command import access_review, lay_out

SECRET = "not-a-real-secret-2K~canary"  # noqa: S105 - of a tenant that lives for one test
CLIENT_THAT_WRITES = "dddddddd-eeee-4fff-8000-111111111111"
LEAVER, ASKS, SECOND = "h12", "00001", "00003"
POLICY = "apply: {canary: 0, per_minute: 100000}\n"


@pytest.fixture(scope="module")
def domain(empty_state, tmp_path_factory):
    made = empty_state.copy(tmp_path_factory.mktemp("live") / "domain")
    made.load(hybrid.records(made.base, made.dns).ldif())
    writer = made.sid(WRITER)
    made.grant(f"OU=Groups,{made.base}", f"(OA;CIIO;WP;{MEMBER};{GROUP};{writer})")
    made.grant(f"OU=Staff,{made.base}", f"(OA;CIIO;RPWP;{CONTROL};{USER};{writer})")
    with made.served():
        yield made


@pytest.fixture
def admin(domain, tmp_path):
    with servers(tmp_path, domain, "Administrator").session() as session:
        yield session


class Company:
    """A workspace, its systems, and what went to them over the wire since it was last asked."""

    def __init__(self, folder, proxy, simulator, sign_in, cloud_group):
        self.folder, self.proxy, self.simulator, self.sign_in = folder, proxy, simulator, sign_in
        self.cloud_group = cloud_group

    def run(self, *words, at=None):
        return access_review(self.folder, *words, at=at.isoformat() if at else None)

    def done(self, *words, at=None):
        result = self.run("--json", *words, at=at)
        assert result.code in {0, 1, 3}, f"{words}: {result.err}"
        return result.json

    def agreed(self, of="plan"):
        self.done("approve", "--of", of, "--request", "--by", ASKS, "--key", ASKS)
        self.done("approve", "--of", of, "--by", SECOND, "--key", SECOND)

    def wire(self):
        """Return and forget: LDAP operations, who bound, Graph's methods and paths, and who signed in."""
        ldap, self.proxy.seen[:] = list(self.proxy.seen), []
        graph, self.simulator.asked[:] = list(self.simulator.asked), []
        signed, self.sign_in.asked[:] = list(self.sign_in.asked), []
        bound = {str(one.message.content) for one in ldap if one.operation == BIND}
        return Wire(
            [one for one in ldap if one.operation != BIND],
            {name for name in (READER, WRITER) if any(f"{name}@" in text for text in bound)},
            [(one.method, one.path) for one in graph if (one.method, one.path) != ("POST", "/$batch")],
            {form["client_id"] for form in signed},
        )


class Wire:
    def __init__(self, ldap, bound, graph, signed):
        self.ldap, self.bound, self.graph, self.signed = ldap, bound, graph, signed

    @property
    def modified(self):
        return [one for one in self.ldap if one.operation == MODIFY]

    @property
    def written(self):
        return sorted((method, path) for method, path in self.graph if method != "GET")

    def only_read(self):
        assert {one.operation for one in self.ldap} <= {SEARCH, UNBIND}
        assert self.bound <= {READER}
        assert {method for method, _ in self.graph} <= {"GET"}
        assert self.signed <= {CLIENT}
        return bool(self.ldap and self.graph)


@pytest.fixture
def company(domain, admin, authority, tmp_path, monkeypatch):
    monkeypatch.setenv("ENTRA_SECRET", SECRET)
    sync = Sync(admin, domain.base)
    sync.run()
    cloud_group = sync.cloud_group("Board papers", EXCESS)
    clock = MachineClock()
    simulator = simulate(sync.tenant, clock=clock)
    simulator.granted = None  # what the token says
    sign_in = SignIn(clock, secret=SECRET, roles=READING, others={CLIENT_THAT_WRITES: WRITING})
    simulator.tokens = sign_in.roles_of
    with (
        Proxy(domain.address, authority, tmp_path / "tls").served() as proxy,
        Server(simulator, tmp_path / "tenant", sign_in) as server,
    ):
        password = {"env": "TEST_AD_SERVICE"}
        ad = options(domain, server=proxy.url, writer={"user": f"{WRITER}@{domain.dns}", "password": password})
        entra = {
            "tenant": TENANT,
            "reader": {"client_id": CLIENT, "secret": {"env": "ENTRA_SECRET"}},
            "writer": {"client_id": CLIENT_THAT_WRITES, "secret": {"env": "ENTRA_SECRET"}},
            "cloud": {"sign_in": server.url, "graph": server.url},
            "ca_file": str(server.ca),
            "synced_from": "ad",
        }
        folder = lay_out(tmp_path / "company", hybrid.files(ad, entra, left=[LEAVER]))
        (folder / "roles/policy.yaml").write_text(POLICY)
        (folder / "roles/approvers.yaml").write_text(_keys(folder))
        yield Company(folder, proxy, simulator, sign_in, cloud_group)


def _keys(folder):
    lines = ["approvers:"]
    for person in (ASKS, SECOND):
        key = Ed25519PrivateKey.generate()
        (folder / person).touch(mode=0o600)
        (folder / person).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        (folder / person).chmod(0o600)
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        lines.append(f'  - {{person: "{person}", key: "{public}", enrolled: in person}}')
    return "\n".join(lines) + "\n"


def payments(admin, domain):
    answer = admin.search(domain.base, "(sAMAccountName=Payments)", ["member"], scope="SUBTREE")
    return {value.decode().split(",")[0].removeprefix("CN=") for value in answer.entries[0][1]["member"]}


def enabled(admin, domain, login):
    answer = admin.search(domain.base, f"(sAMAccountName={login})", ["userAccountControl"], scope="SUBTREE")
    return not int(answer.entries[0][1]["userAccountControl"][0]) & 2


def test_from_plan_to_undo_and_nothing_is_written_but_by_apply(company, domain, admin):
    before, board = payments(admin, domain), ("groups/members", company.cloud_group)
    (holder,) = company.simulator.tenant.links[board]

    # All before `apply` reads, as the reader.
    company.done("check", "--live")
    company.done("collect")
    company.done("review")
    company.done("audit")
    plan = company.done("plan", "--requested-by", ASKS, "--rule", "access-beyond-role", "--rule", "leaver-active")
    asked = {(c["action"], c["target"]["source"]): c for c in plan["changes"]}
    assert set(asked) == {
        ("disable-account", "ad"),
        ("revoke-sessions", "entra"),
        ("remove-member", "ad"),
        ("remove-member", "entra"),
    }
    assert company.run("apply", "--by", ASKS, "--key", ASKS).code == 4, "nobody has approved"
    company.agreed()
    assert company.wire().only_read()

    run = plan["run"]
    done = company.done("apply", "--by", ASKS, "--key", ASKS)
    assert set(done["states"].values()) == {"pending"}, done
    wire = company.wire()
    sessions = asked["revoke-sessions", "entra"]["target"]["account"]["native_id"]
    assert wire.written == [
        ("DELETE", f"/groups/{company.cloud_group}/members/{holder}/$ref"),
        ("POST", f"/users/{sessions}/revokeSignInSessions"),
    ]
    assert len(wire.modified) == 2
    assert payments(admin, domain) == before - {EXCESS}
    assert not enabled(admin, domain, LEAVER)
    assert company.simulator.tenant.links[board] == []
    assert company.done("apply", "--by", ASKS, "--key", ASKS)["calls"] == 0, "applied twice equals once"
    company.wire()

    later = now() + timedelta(minutes=20)
    proven = company.done("--run", run, "verify", at=later)
    assert {one["state"] for one in proven["changes"]} == {"revoked"}
    assert company.wire().only_read(), "verify looks as the reader"

    company.done("audit", at=later)
    undone = company.done("--run", run, "undo", "--requested-by", ASKS, at=later)
    assert {(c["action"], c["target"]["source"]) for c in undone["changes"]} == {
        ("add-member", "ad"),
        ("add-member", "entra"),
    }, "who has left gets nothing back"
    for words in (("--request", "--by", ASKS, "--key", ASKS), ("--by", SECOND, "--key", SECOND)):
        company.done("approve", "--of", "undo", *words, at=later)
    assert company.wire().only_read()
    given = company.done("apply", "--of", "undo", "--by", ASKS, "--key", ASKS, at=later)
    assert set(given["states"].values()) == {"pending"}
    wire = company.wire()
    assert wire.written == [("POST", f"/groups/{company.cloud_group}/members/$ref")]
    assert len(wire.modified) == 1
    assert payments(admin, domain) == before
    assert company.simulator.tenant.links[board] == [holder]
    assert not enabled(admin, domain, LEAVER)
    restored = company.done("verify", "--of", "undo", at=later + timedelta(minutes=20))
    assert {one["state"] for one in restored["changes"]} == {"restored"}
    assert company.simulator.violations == []


def test_without_a_writer_each_change_is_a_work_order(company, domain, admin):
    for name in ("ad", "entra"):
        path = company.folder / f"sources/{name}.yaml"
        source = json.loads(path.read_text())
        del source["options"]["writer"]
        path.write_text(json.dumps(source))
    before = payments(admin, domain)
    company.done("audit")
    company.done("plan", "--requested-by", ASKS, "--rule", "access-beyond-role")
    company.agreed()
    done = company.done("apply", "--by", ASKS, "--key", ASKS)
    assert set(done["states"].values()) == {"ordered"}
    assert company.wire().only_read()
    assert payments(admin, domain) == before


@pytest.mark.slow
def test_a_leaver_goes_from_a_name_to_disabled_sign_in(company, domain, admin, capsys):
    """Every command as a process of its own, start-up and signatures included; the runbook says which time was seen."""
    leaver = "h11"
    (company.folder / "sources/people.csv").write_text(hybrid.roster(left=[leaver]))
    assert enabled(admin, domain, leaver)
    began, took = perf_counter(), []
    for words in (
        ("collect",),
        ("review",),
        ("plan", "--requested-by", ASKS, "--person", f"Person {leaver}", "--rule", "leaver-active"),
        ("approve", "--request", "--by", ASKS, "--key", ASKS),
        ("approve", "--by", SECOND, "--key", SECOND),
        ("apply", "--by", ASKS, "--key", ASKS, "--go-on"),
    ):
        since = perf_counter()
        command = [sys.executable, "-m", "access_review", "-C", str(company.folder), "--quiet", *words]
        done = subprocess.run(command, cwd=company.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stderr)
        took.append(f"{words[0]} {perf_counter() - since:.1f}")
    seconds = perf_counter() - began
    assert not enabled(admin, domain, leaver)
    assert [path.endswith("/revokeSignInSessions") for method, path in company.wire().written] == [True]
    with capsys.disabled():
        print(f"\nfrom a name to disabled sign-in: {seconds:.0f} s ({', '.join(took)})")  # noqa: T201 - the figure is what it is for

"""A hybrid company that is written to: a real domain and a tenant that follows it, with everything on the wire recorded."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from access_review.connectors.ad.server import Session
from access_review.connectors.entra.permissions import READING, WRITING
from tests.faults.ldap_proxy import BIND, MODIFY, SEARCH, UNBIND, Proxy
from tests.real import hybrid
from tests.real.ad import options
from tests.real.authority import Authority
from tests.real.example_domain import READER, WRITER
from tests.real.hybrid import EXCESS, Sync
from tests.real.samba import Domain
from tests.simulated_tenant.machine import MachineClock
from tests.simulated_tenant.reading import simulate
from tests.simulated_tenant.signin_stub import CLIENT, TENANT, SignIn
from tests.simulated_tenant.simulator import Simulator
from tests.simulated_tenant.transport import Server
from tests.support.command import CommandResult, access_review, lay_out

SECRET = "not-a-real-secret-2K~canary"  # noqa: S105 - of a tenant that lives for one test
CLIENT_THAT_WRITES = "dddddddd-eeee-4fff-8000-111111111111"
ASKS, SECOND, THIRD = "00001", "00003", "00005"
POLICY = "apply: {canary: 0, per_minute: 100000}\n"


@dataclass(frozen=True, slots=True)
class Wire:
    """What went to the systems: LDAP operations, who bound, Graph's methods and paths, and who signed in."""

    ldap: Sequence[Any]
    bound: frozenset[str]
    graph: Sequence[tuple[str, str]]
    signed: frozenset[str]

    @property
    def modified(self) -> list[Any]:
        return [one for one in self.ldap if one.operation == MODIFY]

    @property
    def written(self) -> list[tuple[str, str]]:
        return sorted((method, path) for method, path in self.graph if method != "GET")

    def only_read(self) -> bool:
        """Tell whether both systems were read; fails where either was written to, or bound to by who may write."""
        assert {one.operation for one in self.ldap} <= {SEARCH, UNBIND}
        assert self.bound <= {READER}
        assert {method for method, _ in self.graph} <= {"GET"}
        assert self.signed <= {CLIENT}
        return bool(self.ldap and self.graph)


@dataclass
class LiveCompany:
    """A workspace, its systems, and what went to them over the wire since it was last asked."""

    folder: Path
    proxy: Proxy
    simulator: Simulator
    sign_in: SignIn
    cloud_group: str
    sync: Sync = field(repr=False)

    def run(self, *words: str, at: datetime | None = None) -> CommandResult:
        return access_review(self.folder, *words, at=at.isoformat() if at else None)

    def done(self, *words: str, at: datetime | None = None) -> Any:
        result = self.run("--json", *words, at=at)
        assert result.code in {0, 1, 3}, f"{words}: {result.err}"
        return result.json

    def agreed(self, of: str = "plan", at: datetime | None = None) -> None:
        self.done("approve", "--of", of, "--request", "--by", ASKS, "--key", ASKS, at=at)
        self.done("approve", "--of", of, "--by", SECOND, "--key", SECOND, at=at)

    def moved(self, folder: Path) -> "LiveCompany":
        """Return the same company with its workspace in another folder."""
        return replace(self, folder=folder)

    def wire(self) -> Wire:
        """Return what was seen on the wire, and forget it."""
        ldap, self.proxy.seen[:] = list(self.proxy.seen), []
        graph, self.simulator.asked[:] = list(self.simulator.asked), []
        signed, self.sign_in.asked[:] = list(self.sign_in.asked), []
        bound = {str(one.message.content) for one in ldap if one.operation == BIND}
        return Wire(
            [one for one in ldap if one.operation != BIND],
            frozenset(name for name in (READER, WRITER) if any(f"{name}@" in text for text in bound)),
            [(one.method, one.path) for one in graph if (one.method, one.path) != ("POST", "/$batch")],
            frozenset(form["client_id"] for form in signed),
        )

    @property
    def board(self) -> list[str]:
        """Who is in the group that the cloud masters."""
        return self.simulator.tenant.links["groups/members", self.cloud_group]


@contextmanager
def live_company(
    domain: Domain, admin: Session, authority: Authority, folder: Path, *, left: Sequence[str], policy: str = POLICY
) -> Iterator[LiveCompany]:
    """Lay a workspace out and serve its tenant, as the domain is now; the secret of both applications is in the environment."""
    sync = Sync(admin, domain.base)
    sync.run()
    cloud_group = sync.cloud_group("Board papers", EXCESS)
    clock = MachineClock()
    simulator = simulate(sync.tenant, clock=clock)
    simulator.granted = None  # what the token says
    sign_in = SignIn(clock, secret=SECRET, roles=READING, others={CLIENT_THAT_WRITES: WRITING})
    simulator.tokens = sign_in.roles_of
    os.environ["ENTRA_SECRET"] = SECRET
    with (
        Proxy(domain.address, authority, folder / "tls").served() as proxy,
        Server(simulator, folder / "tenant", sign_in) as server,
    ):
        texts = hybrid.files(*_options(domain, proxy.url, server), left=left)
        made = lay_out(folder / "company", texts)
        (made / "roles/policy.yaml").write_text(policy)
        (made / "roles/approvers.yaml").write_text(_keys(made))
        yield LiveCompany(made, proxy, simulator, sign_in, cloud_group, sync)
    del os.environ["ENTRA_SECRET"]


def _options(domain: Domain, url: str, server: Server) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    password = {"env": "TEST_AD_SERVICE"}
    ad = options(domain, server=url, writer={"user": f"{WRITER}@{domain.dns}", "password": password})
    entra = {
        "tenant": TENANT,
        "reader": {"client_id": CLIENT, "secret": {"env": "ENTRA_SECRET"}},
        "writer": {"client_id": CLIENT_THAT_WRITES, "secret": {"env": "ENTRA_SECRET"}},
        "cloud": {"sign_in": server.url, "graph": server.url},
        "ca_file": str(server.ca),
        "synced_from": "ad",
    }
    return ad, entra


def _keys(folder: Path) -> str:
    lines = ["approvers:"]
    for person in (ASKS, SECOND, THIRD):
        key = Ed25519PrivateKey.generate()
        (folder / person).touch(mode=0o600)
        (folder / person).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        (folder / person).chmod(0o600)
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        lines.append(f'  - {{person: "{person}", key: "{public}", enrolled: in person}}')
    return "\n".join(lines) + "\n"


def payments(admin: Session, domain: Domain) -> set[str]:
    """Return who may pay, as the domain has it now."""
    answer = admin.search(domain.base, "(sAMAccountName=Payments)", ["member"], scope="SUBTREE")
    return {value.decode().split(",")[0].removeprefix("CN=") for value in answer.entries[0][1]["member"]}


def enabled(admin: Session, domain: Domain, login: str) -> bool:
    """Tell whether an account may sign in, as the domain has it now."""
    answer = admin.search(domain.base, f"(sAMAccountName={login})", ["userAccountControl"], scope="SUBTREE")
    return not int(answer.entries[0][1]["userAccountControl"][0]) & 2

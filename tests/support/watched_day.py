"""A company that is watched for a day: a roster, a list, a domain and a tenant that change at random, fail, and a process that ends.

The domain is :mod:`tests.support.fake_directory` behind the sessions of the tool, the tenant
:mod:`tests.simulated_tenant` on a loopback port; both are read by what changed, as live systems are.
"""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from access_review.connectors.ad.server import Servers
from access_review.connectors.entra.permissions import READING
from access_review.connectors.entra.throttle import ThrottlePace
from access_review.errors import ArtifactError
from access_review.rules import load
from access_review.stages.watch import Watch
from access_review.store import files, logbook
from tests.simulated_tenant import tenants
from tests.simulated_tenant.faults import Fault
from tests.simulated_tenant.machine import MachineClock
from tests.simulated_tenant.reading import simulate
from tests.simulated_tenant.signin_stub import CLIENT, TENANT, SignIn
from tests.simulated_tenant.simulator import Simulator
from tests.simulated_tenant.transport import Server
from tests.support.command import CommandResult, access_review
from tests.support.fake_directory import FakeDirectory
from tests.support.fake_system import Time
from tests.support.workspaces import STAFF, Company

RULES = ("access-beyond-role", "account-unowned", "leaver-active", "leaver-residue", "person-missing", "repeat-finding")
OTHERS = "".join(["rules:\n", *(f"  {rule}: {{enabled: false}}\n" for rule in load() if rule not in RULES)])
"""What a policy says so that few rules are asked: what is tested is not theirs."""

SECRET = "not-a-real-secret-2K~canary"  # noqa: S105 - of a tenant that lives for one test
GROUPS = ("Payments", "Vault", "Board")
_MATCH = "match:\n  - {on: [employee_id, person]}\n"
_AD = f"""\
connector: ldap
options:
  server: ldaps://dc1.norwind.test
  user: reader@norwind.test
  password: {{env: ENTRA_SECRET}}
  reach: {{page_size: 10}}
{_MATCH}"""
_MAY = "[ledger:role:Viewer, ad:group:Domain Users, ad:group:Everyone, entra:group:Everyone]"
_REFUSALS = ("400", "403", "404", "410", "error-as-page", "no-list", "foreign-link", "loop", "reset", "cut")
_PAGES = (
    "/users/delta",
    "/groups/delta",
    "/users",
    "/groups",
    "/servicePrincipals",
    "/roleManagement/directory/roleAssignments",
)
_LDAP = ("unreachable", "51", "52", "lost", "left out", "no dirsync")


class Systems:
    """The domain and the tenant of a company, and what each person is called there."""

    def __init__(self, clock: Time) -> None:
        self.domain = FakeDirectory(lambda: clock.at)
        self.staff = [self.domain.user(f"a{number}", number) for number in range(1, STAFF + 1)]
        self.domain.group("Domain Users", 513)
        self.groups = [self.domain.group(name, 600 + number) for number, name in enumerate(GROUPS)]
        self.domain.change(self.domain.group("Everyone", 700), "member", *self.staff)
        for group in self.groups:  # nobody empties a group, which would put a read in doubt
            self.domain.change(group, "member", self.staff[0])
        maker = tenants.Maker(7)
        self.simulator: Simulator = simulate(maker.tenant, clock=MachineClock())
        self.simulator.granted = None  # what the token says
        self.users = [self._user(maker, number) for number in range(1, STAFF + 1)]
        named = ("Everyone", *GROUPS)
        everyone, *self.cloud_groups = [
            maker.tenant.add("groups", tenants.group(maker.guid(), name), "group") for name in named
        ]
        maker.tenant.link("groups/members", everyone, *self.users)
        for group in self.cloud_groups:
            maker.tenant.link("groups/members", group, self.users[0])
        self.sign_in = SignIn(self.simulator.clock, secret=SECRET, roles=READING)
        self.simulator.tokens = self.sign_in.roles_of
        self._kept: tuple[list[Any], ...] = ()

    def _user(self, maker: tenants.Maker, number: int) -> str:
        name = f"e{number}@norwind.test"
        said = {"userPrincipalName": name, "displayName": f"e{number}", "employeeId": f"{number:05}", "mail": name}
        made = {**tenants.user(maker, 0), **said, "accountEnabled": True, "proxyAddresses": [], **_CLOUD}
        return maker.tenant.add("users", made, "user")

    @contextmanager
    def served(self, folder: Path, borrowed: pytest.MonkeyPatch) -> Iterator[str]:
        """Let them be reached; yield what the source file of the tenant says."""
        domain = self.domain
        borrowed.setattr(Servers, "session", lambda _: domain.session())
        borrowed.setattr(ThrottlePace, "_pause", lambda *_: None)  # a day is over in minutes
        borrowed.setenv("ENTRA_SECRET", SECRET)
        with Server(self.simulator, folder, self.sign_in) as server:
            self._kept = (server.seen, self.simulator.asked, self.simulator.visits, self.sign_in.asked, domain.asked)
            options = {
                "tenant": TENANT,
                "reader": {"client_id": CLIENT, "secret": {"env": "ENTRA_SECRET"}},
                "cloud": {"sign_in": server.url, "graph": server.url},
                "ca_file": str(server.ca),
            }
            yield f"connector: entra\noptions: {json.dumps(options)}\n{_MATCH}"

    def in_group(self, chance: random.Random) -> None:
        """Put somebody into a group of the domain, or take somebody out."""
        group, user = chance.choice(self.groups), chance.choice(self.staff[1:])
        self.domain.change(group, "member", *sorted(self.domain.member(group) ^ {user}))

    def in_cloud_group(self, chance: random.Random) -> None:
        """The same in the tenant."""
        group, user = chance.choice(self.cloud_groups), chance.choice(self.users[1:])
        held = self.simulator.tenant.links["groups/members", group]
        added = user not in held
        (held.append if added else held.remove)(user)
        self.simulator.delta.linked("groups", group, "members", user, added=added)

    def switch(self, chance: random.Random) -> None:
        """Disable an account of the domain, or enable it again."""
        self.domain.change(chance.choice(self.staff[1:]), "userAccountControl", chance.choice(("512", "514")))

    def switch_in_cloud(self, chance: random.Random) -> None:
        """The same in the tenant."""
        user = chance.choice(self.users[1:])
        self.simulator.tenant.of("users")[user]["accountEnabled"] = chance.random() < 0.5
        self.simulator.delta.touched("users", user)

    def rename(self, chance: random.Random) -> None:
        """Give a user of the domain another name."""
        place = chance.randrange(1, len(self.staff))
        to = (
            self.staff[place].replace("CN=", "CN=r", 1)
            if len(self.staff[place]) < 60
            else f"CN=b{place},OU=Staff,DC=norwind,DC=test"
        )
        self.domain.rename(self.staff[place], to)
        self.staff[place] = to

    def fail(self, chance: random.Random) -> None:
        """Let some of the next requests to one of both fail."""
        if chance.random() < 0.5:
            self.domain.faults += chance.sample(_LDAP, chance.randint(1, 3))
        else:
            self.simulator.faults.append(
                Fault(chance.choice(_PAGES), 0, chance.choice(_REFUSALS), chance.randint(1, 4))
            )

    def mend(self) -> None:
        """Let nothing fail any more, and forget what was asked, which is not to fill the memory of a long day."""
        self.domain.faults.clear()
        self.simulator.faults.clear()
        for kept in self._kept:
            kept.clear()


_CLOUD: dict[str, Any] = {
    "onPremisesSyncEnabled": None,
    "onPremisesSecurityIdentifier": None,
    "onPremisesImmutableId": None,
}


class WatchedCompany(Company):
    """The company with its systems; commands are run at a time that the machine shows, since live systems are read then."""

    def __init__(self, folder: Path, entra: str) -> None:
        super().__init__(folder)
        for name, text in (("ad", _AD), ("entra", entra)):
            (folder / f"sources/{name}.yaml").write_text(text)
        (folder / "roles/templates/clerk.yaml").write_text(f"role: clerk\nwho: {{department: Finance}}\nmay: {_MAY}\n")
        policy = folder / "roles/policy.yaml"
        policy.write_text(policy.read_text() + OTHERS)

    def run(self, *words: str, at: str) -> CommandResult:
        return access_review(self.folder, *words, at=at)


class KilledError(BaseException):
    """Stands for the end of the process."""


class Kills:
    """Ends the process at its n-th write, before it or after; a process that is gone writes nothing more."""

    def __init__(self, borrowed: pytest.MonkeyPatch) -> None:
        self.left = -1
        for module, name in ((files, "write"), (logbook, "_write_at")):
            borrowed.setattr(module, name, self._around(getattr(module, name)))

    def _around(self, write: Any) -> Any:
        def writing(*words: Any) -> None:
            self._step()
            write(*words)
            self._step()

        return writing

    def _step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KilledError


class Day:
    """A day of a company: random changes, faults in every source, and kills."""

    def __init__(self, company: WatchedCompany, systems: Systems, clock: Time, kills: Kills, seed: int) -> None:
        self.company, self.systems, self.clock, self.kills = company, systems, clock, kills
        self.chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.template = company.folder / "roles/templates/clerk.yaml"
        self.text = self.template.read_text()
        self.changes = 0
        self.faults: list[str] = []

    def watch(self) -> Watch:
        """Return what watches, started anew."""
        return Watch(self.company.folder, self.clock, {}, least=0)

    def change(self) -> None:
        """Change something in one of the systems."""
        self.changes += 1
        systems = self.systems
        ways = (systems.in_group, systems.in_cloud_group, systems.switch, systems.switch_in_cloud, systems.rename)
        way = self.chance.choices((None, *ways), (50, 20, 20, 4, 4, 2))[0]
        if way:
            way(self.chance)
        else:
            self._change_files()

    def _change_files(self) -> None:
        company, pick = self.company, self.chance.random()
        if pick < 0.55:
            company.besides.append((self.chance.randint(1, 30), self.chance.choice(("Admin", "Payer", "Auditor"))))
            company.besides = sorted(set(company.besides))
        elif pick < 0.85 and company.besides:
            company.besides.remove(self.chance.choice(company.besides))
        elif pick < 0.92:
            company.status[self.chance.randint(10, 30)] = ("Terminated", "2026-10-20")
        elif company.status:
            company.status.pop(self.chance.choice(sorted(company.status)))

    def fault(self) -> None:
        """Break something, for one look or some."""
        sources = self.company.folder / "sources"
        what = self.chance.choice(("ledger", "people", "template", "clock", "gone", "system", "system"))
        self.faults.append(what)
        if what == "system":
            self.systems.fail(self.chance)
        elif what == "template":
            self.template.write_text("role: [")
        elif what == "clock":
            self.clock.at -= timedelta(minutes=20)
        elif what == "gone":
            (sources / "people.csv").unlink()
        else:
            path = sources / f"{what}.csv"
            path.write_bytes(path.read_bytes()[: -self.chance.randint(5, 300)].rstrip(b"\n"))

    def mend(self) -> None:
        """Put everything right."""
        self.template.write_text(self.text)
        self.company.write()
        self.systems.mend()

    def look(self, watch: Watch, *, kill: bool) -> Watch:
        """Look once; with ``kill`` the process ends somewhere in it, and is started again."""
        if kill:
            self.kills.left = self.chance.randint(1, 14)
            with suppress(KilledError, ArtifactError):
                watch.look()
            self.kills.left = -1
            self.template.write_text(self.text)  # nothing starts on a workspace that cannot be used
            watch = self.watch()  # what is started again knows what is on disk
        watch.look()
        return watch

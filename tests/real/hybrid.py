"""One roster, a real domain, and a simulated tenant that follows it: who is where in a hybrid organisation.

:meth:`Sync.run` is what a synchronisation service does: it copies users, groups and
members from the domain as it is now, with their SIDs, and leaves what the cloud masters alone.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from access_review.connectors.ad import identifiers
from access_review.connectors.ad.server import Session
from tests.real.example_domain import READER, SERVICE_PASSWORD, WRITER
from tests.real.example_domain import Domain as Records
from tests.simulated_tenant import tenants
from tests.simulated_tenant.tenants import Tenant

PEOPLE = tuple((f"{n:05}", f"h{n:02}", "Finance" if n % 2 else "Audit") for n in range(1, 13))
"""Employee id, login and department; those of Finance pay."""

EXCESS = "h02"
"""Somebody of Audit who may pay, and reads a group of the cloud besides."""

HR = {
    "connector": "roster",
    "options": {
        "path": "people.csv",
        "timezone": "Asia/Manila",
        "dates": "%Y-%m-%d",
        "left_at_means": "end-of-day",
        "statuses": {"active": ["Active"], "left": ["Terminated"]},
        "columns": {
            "person": "id",
            "name": "name",
            "status": "status",
            "left_at": "last_day",
            "department": "department",
        },
    },
}


def records(base: str, dns: str) -> Records:
    """Return the domain of the roster."""
    domain = Records(base)
    for unit in ("Staff", "Groups", "Service Accounts"):
        domain.unit(unit)
    users = {
        login: domain.user(login, employeeID=number, department=department, userPrincipalName=f"{login}@{dns}")
        for number, login, department in PEOPLE
    }
    for name in (READER, WRITER):
        domain.user(name, "Service Accounts", userPrincipalName=f"{name}@{dns}", unicodePwd=SERVICE_PASSWORD)
    finance = [users[login] for _, login, department in PEOPLE if department == "Finance"]
    domain.group("Payments", [*finance, users[EXCESS]])
    return domain


def roster(left: Sequence[str] = ()) -> str:
    """Return the same people as HR lists them; those who have ``left`` did so long ago."""
    return "id,name,status,last_day,department\n" + "".join(
        f"{number},Person {login},{'Terminated,2026-01-31' if login in left else 'Active,'},{department}\n"
        for number, login, department in PEOPLE
    )


def files(ad: Mapping[str, Any], entra: Mapping[str, Any], left: Sequence[str] = ()) -> dict[str, str]:
    """Return a workspace of the roster, the domain and the tenant, by their options."""
    ladder = [{"on": ["employee_id", "person"]}]
    sources: dict[str, Any] = {
        "hr": HR,
        "ad": {"connector": "ldap", "options": ad, "match": ladder},
        "entra": {"connector": "entra", "options": entra, "match": ladder},
    }
    roles = {"Finance": "ad:group:Payments, ad:group:Domain Users", "Audit": "ad:group:Domain Users"}
    return (
        {f"sources/{name}.yaml": json.dumps(source) for name, source in sources.items()}
        | {"sources/people.csv": roster(left)}
        | {
            f"roles/templates/{name.lower()}.yaml": f"role: {name.lower()}\nwho: {{department: {name}}}\nmay: [{may}]\n"
            for name, may in roles.items()
        }
    )


@dataclass
class Sync:
    """Copies a domain into a tenant; what it made is found again by the SID."""

    session: Session
    base: str
    maker: tenants.Maker = field(default_factory=lambda: tenants.Maker(5))

    @property
    def tenant(self) -> Tenant:
        return self.maker.tenant

    def run(self) -> None:
        """Make the tenant's copies equal to the domain."""
        people = [self._user(entry) for entry in self._read("OU=Staff", "(objectClass=user)")]
        groups = list(self._read("OU=Groups", "(objectClass=group)", "member"))
        known = {dn.casefold(): native for dn, native in people}
        known |= {dn.casefold(): self._group(held) for dn, held in groups}
        for dn, held in groups:
            members = [known[one.decode().casefold()] for one in held.get("member", ())]
            self.tenant.links["groups/members", known[dn.casefold()]] = members

    def cloud_group(self, name: str, *logins: str) -> str:
        """Make a group that the cloud masters, of synchronised people."""
        native = self.tenant.add("groups", tenants.group(self.maker.guid(), name), "group")
        members = [n for n, user in self.tenant.of("users").items() if user["displayName"] in logins]
        self.tenant.links["groups/members", native] = members
        return native

    def _read(self, unit: str, query: str, *more: str) -> list[tuple[str, dict[str, list[bytes]]]]:
        names = ["objectSid", "objectGUID", "sAMAccountName", "employeeID", "userPrincipalName", *more]
        answer = self.session.search(f"{unit},{self.base}", query, names, scope="SUBTREE")
        return [(dn, dict(held)) for dn, held in answer.entries]

    def _user(self, entry: tuple[str, dict[str, list[bytes]]]) -> tuple[str, str]:
        dn, held = entry
        name = held["userPrincipalName"][0].decode()
        login = held["sAMAccountName"][0].decode()
        said = {"userPrincipalName": name, "displayName": login, "employeeId": held["employeeID"][0].decode()}
        plain = tenants.user(self.maker, 0)
        made = {**plain, **said, "mail": name, "accountEnabled": True, "proxyAddresses": [], **self._hybrid(held)}
        return dn, self._kept("users", made, "user")

    def _group(self, held: dict[str, list[bytes]]) -> str:
        made = tenants.group(self.maker.guid(), held["sAMAccountName"][0].decode())
        hybrid = self._hybrid(held)
        del hybrid["onPremisesImmutableId"]
        return self._kept("groups", {**made, **hybrid}, "group")

    def _hybrid(self, held: dict[str, list[bytes]]) -> dict[str, Any]:
        return {
            "onPremisesSyncEnabled": True,
            "onPremisesSecurityIdentifier": identifiers.sid(held["objectSid"][0]),
            "onPremisesImmutableId": base64.b64encode(held["objectGUID"][0]).decode(),
        }

    def _kept(self, collection: str, made: dict[str, Any], kind: str) -> str:
        sid = made["onPremisesSecurityIdentifier"]
        for native, thing in self.tenant.of(collection).items():
            if thing["onPremisesSecurityIdentifier"] == sid:
                thing |= {**made, "id": native}
                return native
        return self.tenant.add(collection, made, kind)

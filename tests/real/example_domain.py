"""What stands in the test domains: everything of a directory that is easy to read wrongly, and as many people as asked.

The same seed makes the same domain. Names are of the fictional Norwind Outsourcing.
"""

import base64
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

FOREIGN_SID = "S-1-5-21-11-22-33-4444"
READER, WRITER = "svc-reader", "svc-writer"
SERVICE_PASSWORD = "Nur-zum-Lesen-2026!"  # noqa: S105 - of domains that live for one test run
SECURITY, DISTRIBUTION, DOMAIN_LOCAL, UNIVERSAL = -2147483646, 2, -2147483644, -2147483640
ACCOUNT_EXPIRED = 132000000000000000  # 2019


@dataclass
class Domain:
    """Records in the order in which they can be loaded, and who is in what by name."""

    base: str
    records: list[str] = field(default_factory=list)
    members: dict[str, list[str]] = field(default_factory=dict)

    def add(self, dn: str, **values: object) -> str:
        full = f"{dn},{self.base}"
        lines = [f"dn: {full}"]
        for name, held in values.items():
            many = held if isinstance(held, list) else [held]
            if name == "unicodePwd":
                lines += [f"unicodePwd:: {_password(str(held))}"]
                continue
            lines += [f"{name.replace('_', '-')}: {value}" for value in many]
        self.records.append("\n".join(lines) + "\n")
        return full

    def unit(self, name: str) -> None:
        self.add(f"OU={name}", objectClass="organizationalUnit")

    def user(self, name: str, unit: str = "Staff", **values: object) -> str:
        return self.add(
            f"CN={name},OU={unit}",
            **({"objectClass": "user", "sAMAccountName": name, "userAccountControl": 512} | values),
        )

    def group(self, name: str, members: Sequence[str] = (), unit: str = "Groups", **values: object) -> str:
        given: dict[str, object] = {"objectClass": "group", "sAMAccountName": name, "groupType": SECURITY}
        if members:
            given["member"] = list(members)
        return self.add(f"CN={name},OU={unit}", **(given | values))

    def ldif(self) -> str:
        return "\n".join(self.records)


def _password(text: str) -> str:
    return base64.b64encode(f'"{text}"'.encode("utf-16-le")).decode("ascii")


def _units(domain: Domain) -> None:
    for name in ("Staff", "Groups", "Service Accounts", "Machines", "Tier0"):
        domain.unit(name)


def small(base: str, dns: str) -> Domain:
    """Return a few dozen objects, one for each thing that is easy to read wrongly."""
    domain = Domain(base)
    _units(domain)
    boss = domain.user("boss", employeeID="N0001", mail=f"boss@{dns}", displayName="Boss of Norwind")
    people = [
        domain.user(
            f"user{n:02}",
            employeeID=f"00{n:03}",
            mail=f"user{n:02}@{dns}",
            userPrincipalName=f"user{n:02}@{dns}",
            givenName="U",
            sn=f"Number {n}",
            department="Finance" if n % 2 else "Audit",
            manager=boss,
        )
        for n in range(1, 21)
    ]
    domain.user("gone", userAccountControl=514, employeeID="00900")
    domain.user("expired", accountExpires=ACCOUNT_EXPIRED)
    domain.user("never", accountExpires=9223372036854775807)
    for name in (READER, WRITER):
        domain.user(name, "Service Accounts", userPrincipalName=f"{name}@{dns}", unicodePwd=SERVICE_PASSWORD)
    domain.user("svc-backup", "Service Accounts", servicePrincipalName=[f"backup/{dns}", f"backup/vault.{dns}"])
    comma = domain.add(
        "CN=Lee\\, Ana \\#1,OU=Staff", objectClass="user", sAMAccountName="ana.lee", userAccountControl=512
    )
    machine = domain.add("CN=WS1,OU=Machines", objectClass="computer", sAMAccountName="WS1$", userAccountControl=4096)
    gmsa = domain.add(
        "CN=gmsa1,OU=Machines",
        objectClass="msDS-GroupManagedServiceAccount",
        sAMAccountName="gmsa1$",
        userAccountControl=4096,
        msDS_ManagedPasswordInterval=30,
        dNSHostName=f"gmsa1.{dns}",
    )
    contact = domain.add("CN=Partner,OU=Staff", objectClass="contact", mail="partner@example.test")
    domain.group("Deep-0", [people[0], comma])
    for depth in range(1, 31):
        domain.group(f"Deep-{depth}", [f"CN=Deep-{depth - 1},OU=Groups,{base}"])
    domain.group("Finance-Read", [people[0], people[2], f"CN=Deep-3,OU=Groups,{base}"], managedBy=boss)
    domain.group("Machines-All", [machine, gmsa], groupType=DOMAIN_LOCAL)
    domain.group("Mail-Only", [people[1], contact], groupType=DISTRIBUTION, description="only mail reaches it")
    domain.group("Mail-Nested", [f"CN=Mail-Only,OU=Groups,{base}", people[3]])
    domain.group("Empty")
    domain.group("Mixed-Universal", [people[4]], groupType=UNIVERSAL)
    domain.group("Foreign", [people[5], f"<SID={FOREIGN_SID}>"], groupType=DOMAIN_LOCAL)
    domain.group("Cycle-B", [people[6]])
    domain.group("Cycle-A", [f"CN=Cycle-B,OU=Groups,{base}", people[7]])
    domain.group("Leads", people[8:12], unit="Tier0")
    domain.group("Large", people)
    return domain


def cycle(base: str) -> str:
    """Return the change that closes a cycle between groups that stand already."""
    return f"dn: CN=Cycle-B,OU=Groups,{base}\nchangetype: modify\nadd: member\nmember: CN=Cycle-A,OU=Groups,{base}\n"


def primary(base: str, user: str, rid: int) -> str:
    """Return the change that makes a group a user's primary group; the user must be its member."""
    return f"dn: CN={user},OU=Staff,{base}\nchangetype: modify\nreplace: primaryGroupID\nprimaryGroupID: {rid}\n"


def large(base: str, *, people: int = 5000, groups: int = 500, memberships: int = 26_000, seed: int = 1) -> Domain:
    """Return a domain of a given size: nested groups up to ten deep, two very large ones, heavy tails."""
    chance, domain = random.Random(seed), Domain(base)  # noqa: S311 - the same domain each time
    _units(domain)
    users = [
        domain.user(
            f"p{n:05}",
            employeeID=f"{n:06}",
            mail=f"p{n:05}@norwind.test",
            displayName=f"Person {n}",
            userPrincipalName=f"p{n:05}@norwind.test",
            department=chance.choice(("Finance", "Audit", "Service", "IT", "Claims")),
            title=chance.choice(("Analyst", "Agent", "Lead")),
            userAccountControl=514 if n % 29 == 0 else 512,
        )
        for n in range(people)
    ]
    made: list[str] = []
    universal: set[str] = set()
    for number, (direct, nested) in enumerate(_sizes(chance, groups, memberships, people)):
        inner = chance.sample(made[-40:], min(nested, len(made[-40:])))
        # A global group may not hold a universal one.
        kind = UNIVERSAL if number % 5 == 0 or universal & set(inner) else SECURITY
        if number % 17 == 3:
            kind = kind & 0xF
        made.append(domain.group(f"G{number:04}", chance.sample(users, direct) + inner, groupType=kind))
        if kind & 8:
            universal.add(made[-1])
    for name in (READER, WRITER):
        domain.user(name, "Service Accounts", userPrincipalName=f"{name}@norwind.test", unicodePwd=SERVICE_PASSWORD)
    return domain


def _sizes(chance: random.Random, groups: int, memberships: int, people: int) -> Iterator[tuple[int, int]]:
    """Yield direct members and nested groups of each group, together as many as asked."""
    large_ones = (min(people, 4002), min(people, 1602))
    nested = [0 if n < 20 else chance.choice((0, 1, 1, 2)) for n in range(groups)]
    weights = [1 / (1 + n % 50) for n in range(groups)]
    left = memberships - sum(nested) - sum(large_ones)
    scale = 1.013 * left / sum(weights[2:])  # what rounding down takes away
    for number in range(groups):
        direct = large_ones[number] if number < 2 else max(1, int(weights[number] * scale))
        yield min(direct, people), nested[number]

"""Norwind Outsourcing as a model: people, accounts, groups and who is in what, before any file is written.

Norwind, its clients and everybody here are fictional; names are put together by
chance from common given and family names, and nobody is meant.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.demo import seeded

AS_OF = datetime(2026, 11, 2, 6, tzinfo=UTC)
NEVER = datetime(1, 1, 1, tzinfo=UTC)
DOMAIN = "norwind.example.test"
CLIENTS = {
    "HARBOR": "Harbor Bank (fictional)",
    "MERIDIAN": "Meridian Travel (fictional)",
    "PINEWAY": "Pineway Health (fictional)",
}


@dataclass(frozen=True)
class Site:
    """A place of work."""

    name: str
    country: str
    zone: str


SITES = {s.name: s for s in (Site("Manila", "PH", "Asia/Manila"), Site("Kraków", "PL", "Europe/Warsaw"))}
SITES["Bogotá"] = Site("Bogotá", "CO", "America/Bogota")


@dataclass(frozen=True)
class Spell:
    """A former assignment."""

    since: date
    until: date
    title: str
    department: str
    site: str
    client: str = ""


@dataclass
class Person:
    """A row of HR's roster, or of the vendor's workbook."""

    number: str
    name: str
    login: str
    title: str
    department: str
    site: str
    since: date
    client: str = ""
    shift: str = ""
    mail: str = ""
    status: str = "Active"
    last_day: date | None = None
    notice: date | None = None
    manager: str = ""
    contractor: bool = False
    former: list[Spell] = field(default_factory=list)
    earlier: list[Spell] = field(default_factory=list)
    second: Spell | None = None
    second_shift: str = ""

    @property
    def id(self) -> str:
        """How findings name the person."""
        return f"{'vendor' if self.contractor else 'hr'}:person:{self.name}"

    @property
    def ad(self) -> str:
        """How findings name the person's account in the directory."""
        return f"ad:user:{self.login}"

    @property
    def entra(self) -> str:
        """How findings name the person's cloud account."""
        return f"entra:user:{self.login}@{DOMAIN}"

    @property
    def badge(self) -> str:
        """How findings name the person's badge."""
        return f"badge:user:{card_of(self.number)}"

    @property
    def ledger(self) -> str:
        """How findings name the person's account in the ledger."""
        return f"ledger:user:{self.login}"


def card_of(number: str) -> str:
    """Return the number printed on a badge."""
    return f"B{100_000 + seeded.number(f'card/{number}', 900_000)}"


@dataclass
class AdUser:
    """An account of the directory. ``seen`` is the last logon, ``NEVER``, or null where nobody knows."""

    login: str
    name: str
    ou: str
    number: str = ""
    mail: str = ""
    enabled: bool = True
    created: datetime = datetime(2023, 1, 9, 8, tzinfo=UTC)
    seen: datetime | None = AS_OF
    password_set: datetime = datetime(2026, 9, 1, 8, tzinfo=UTC)
    expires: datetime | None = None
    form: str = "user"
    owner: str = ""
    rid: int = 0
    synced: bool = True
    tier0: bool = False


@dataclass
class AdGroup:
    """A group of the directory; ``members`` are logins, ``nested`` names of groups."""

    name: str
    about: str = ""
    members: set[str] = field(default_factory=set)
    nested: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    security: bool = True
    synced: bool = False
    sid: str = ""
    rid: int = 0
    owner: str = ""


@dataclass
class CloudUser:
    """A user of the tenant; ``origin`` is the login it is synchronised from."""

    upn: str
    name: str
    origin: str = ""
    number: str = ""
    mail: str = ""
    enabled: bool = True
    guest: bool = False
    created: datetime = datetime(2023, 1, 9, 9, tzinfo=UTC)
    seen: datetime | None = None
    title: str = ""
    department: str = ""
    licences: set[str] = field(default_factory=set)

    @property
    def key(self) -> str:
        """What the object id is drawn by."""
        return f"entra/user/{self.upn}"


@dataclass
class CloudGroup:
    """A group that lives in the tenant only."""

    name: str
    members: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)
    unified: bool = False
    dynamic: str = ""
    mail_only: bool = False
    for_roles: bool = False


@dataclass
class Application:
    """A service principal, and the application behind it where it is the company's own."""

    name: str
    own: bool = True
    app_id: str = ""
    tenant: str = ""
    kind: str = "Application"
    owners: set[str] = field(default_factory=set)
    roles: tuple[str, ...] = ()
    secrets: dict[str, tuple[date, date]] = field(default_factory=dict)
    blueprint: bool = False
    agent_of: str = ""
    enabled: bool = True

    @property
    def id(self) -> str:
        """Its object id."""
        return seeded.guid(f"entra/sp/{self.name}")


@dataclass
class Agent:
    """An AI agent in the register."""

    name: str
    role: str
    sponsor: str
    purpose: str
    data_class: str
    approved_until: date
    retired_on: date | None = None


@dataclass
class LedgerAccount:
    """An account of the ledger; ``roles`` with the last use of each."""

    login: str
    number: str = ""
    mail: str = ""
    roles: dict[str, date | None] = field(default_factory=dict)
    enabled: bool = True


@dataclass(frozen=True)
class SignIn:
    """One sign-in to the cloud."""

    who: str
    at: datetime
    country: str
    worked: bool = True
    application: str = "Office 365"


@dataclass
class Company:
    """Everything there is."""

    people: dict[str, Person] = field(default_factory=dict)
    ad_users: dict[str, AdUser] = field(default_factory=dict)
    ad_groups: dict[str, AdGroup] = field(default_factory=dict)
    cloud_users: dict[str, CloudUser] = field(default_factory=dict)
    cloud_groups: dict[str, CloudGroup] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)
    app_roles: set[tuple[str, str]] = field(default_factory=set)
    consents: set[tuple[str, str, str]] = field(default_factory=set)
    roles: set[tuple[str, str]] = field(default_factory=set)
    eligible: set[tuple[str, str]] = field(default_factory=set)
    activated: set[tuple[str, str]] = field(default_factory=set)
    agents: dict[str, Agent] = field(default_factory=dict)
    ledger: dict[str, LedgerAccount] = field(default_factory=dict)
    blocked_badges: set[str] = field(default_factory=set)
    sign_ins: list[SignIn] = field(default_factory=list)
    owners: list[tuple[str, str]] = field(default_factory=list)
    doors: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    custodians: list[tuple[str, str, date, date | None]] = field(default_factory=list)
    idle: set[str] = field(default_factory=set)
    odd_hours: set[str] = field(default_factory=set)

    def join(self, login: str, *groups: str) -> None:
        """Put an account into groups of the directory."""
        for group in groups:
            self.ad_groups[group].members.add(login)

    def leave(self, login: str, *groups: str) -> None:
        """Take an account out of groups of the directory."""
        for group in groups:
            self.ad_groups[group].members.remove(login)

    def groups_of(self, login: str) -> list[str]:
        """Return the groups of the directory that list an account."""
        return sorted(name for name, group in self.ad_groups.items() if login in group.members)

    def cloud(self, person: Person) -> CloudUser:
        """Return a person's cloud account."""
        return self.cloud_users[f"{person.login}@{DOMAIN}"]

    def stop(self, person: Person, seen: datetime | None) -> None:
        """Let nobody sign in as this person from now on; the last time was ``seen``."""
        self.idle.add(person.login)
        self.ad_users[person.login].seen = seen
        self.cloud(person).seen = seen

    def close(self, person: Person) -> None:
        """Offboard a person as one should: everything disabled, no group, licence, role or badge left."""
        for account in (self.ad_users[person.login], self.cloud(person)):
            account.enabled = False
        self.leave(person.login, *self.groups_of(person.login))
        for group in self.cloud_groups.values():
            group.members.discard(f"{person.login}@{DOMAIN}")
        self.cloud(person).licences.clear()
        self.ledger.pop(person.login, None)
        self.blocked_badges.add(person.number)

    def by_title(self) -> dict[str, list[Person]]:
        """Return the people by title, in order of their numbers."""
        found: dict[str, list[Person]] = defaultdict(list)
        for person in self.people.values():
            found[person.title].append(person)
        return found


def moment(text: str) -> datetime:
    """Read a time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(day: date, hours: float, site: str) -> datetime:
    """Return the moment ``hours`` after midnight of a day at a site."""
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(SITES[site].zone))
    return (start + timedelta(hours=hours)).astimezone(UTC)

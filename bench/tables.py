"""The tables of a made-up company, in the form every source gives them, chunk by chunk and sorted by key.

Ids are text as in a real snapshot: GUIDs of two directories, numbers of a roster. An id
rises with its number, so that what is drawn in order is in order when written.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from access_review.tables import TABLES, TIME
from bench.company import ACTIVE, CLIENTS, EVERYBODY, LEAVE, LEFT, SITES, Company, Numbers, Staff

AS_OF = datetime(2026, 11, 2, 6, tzinfo=UTC)
LEVELS = ("public", "internal", "confidential", "restricted")
STATUSES = np.array(["active", "leave", "left"])
FIRST = ("Ana", "Bo", "Cem", "Dina", "Emil", "Faye", "Goran", "Hana", "Ivo", "Jana", "Kofi", "Lena")
LAST = ("Lim", "Reyes", "Aydin", "Novak", "Okafor", "Santos", "Weber", "Cruz", "Haddad", "Silva", "Mensah")

Columns = Mapping[str, Any]


def chunk(table: str, rows: int, columns: Columns) -> pa.Table:
    """Make a piece of a table; a column may be one value for all rows, and absent ones are null."""
    schema = TABLES[table].schema
    return pa.table([_column(f, rows, columns.get(f.name)) for f in schema], schema=schema)


def _column(field: pa.Field, rows: int, value: Any) -> pa.Array:
    if value is None:
        return pa.nulls(rows, field.type)
    if isinstance(value, str | bool | datetime):
        return pa.repeat(pa.scalar(value, field.type), rows)
    if isinstance(value, pa.Array | pa.ChunkedArray):
        return value.cast(field.type)
    if isinstance(value, np.ndarray) and field.type == TIME:
        return pa.array(value).cast(TIME)
    return pa.array(value, field.type)


def guids(prefix: str, numbers: Numbers, of: int) -> pa.Array:
    """Return an id for each number below ``of``; the first digits rise with the number, the others are scattered."""
    step = 2**32 // of
    made = (
        f"{prefix}{n * step:08x}-{n * 2654435761 & 0xFFFF:04x}-4{n * 40503 & 0xFFF:03x}-9{n * 9973 & 0xFFF:03x}"
        f"-{n * 6364136223846793005 & 0xFFFFFFFFFFFF:012x}"
        for n in numbers.tolist()
    )
    return pa.array(made, pa.string())


def before(days: Any) -> Any:
    """Return moments so many days before the snapshot, as numpy times; a negative number of days is unknown."""
    days = np.asarray(days)
    moments = np.datetime64(AS_OF.replace(tzinfo=None), "us") - (days * 86_400_000_000).astype("timedelta64[us]")
    return np.where(days < 0, np.datetime64("NaT"), moments)


class Tables:
    """Every table of a company's snapshot, as iterators of pieces."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.groups = guids("ad:group:", np.arange(company.size.groups), company.size.groups)
        synced = company.synced
        self.copies = guids("entra:group:", np.arange(len(synced)), max(1, len(synced)))
        self.roles = guids("entra:approle:", np.arange(self.apps), self.apps)
        self.copy_of = np.full(company.size.groups, -1)
        self.copy_of[synced] = np.arange(len(synced))

    @property
    def apps(self) -> int:
        """How many app roles there are."""
        return max(5, self.company.size.groups // 50)

    def pieces(self, table: str) -> Iterator[pa.Table]:
        """Yield a table piece by piece."""
        yield from getattr(self, table, _nothing)()

    def people(self) -> Iterator[pa.Table]:
        """Yield employees and a few agents; some have left, with a day."""
        for staff in self.company.staff():
            n = staff.first + np.arange(len(staff))
            agent = n % 1000 == 7
            left = before(np.where(staff.status == LEFT, 3 + n % 60, -1))
            natives = numbers(n)
            yield chunk(
                "people",
                len(n),
                {
                    "person": [f"hr:person:{one}" for one in natives],
                    "source": "hr",
                    "native_id": natives,
                    "name": [f"{FIRST[i % 12]} {LAST[i // 12 % 11]}" for i in n.tolist()],
                    "mail": [f"p{one}@norwind.example.test" for one in natives],
                    "kind": np.where(agent, "agent", "employee").tolist(),
                    "status": STATUSES[staff.status].tolist(),
                    "manager": [f"hr:person:{one}" for one in numbers(n // 12)],
                    "left_at_earliest": left,
                    "left_at_latest": left,
                    "first_seen_left_at": left,
                    "sponsor": [
                        f"hr:person:{i - 7:08d}" if a else None for i, a in zip(n.tolist(), agent, strict=True)
                    ],
                    "purpose": ["Sorts incoming mail" if a else None for a in agent],
                    "data_class": [LEVELS[i % 4] if a else None for i, a in zip(n.tolist(), agent, strict=True)],
                },
            )

    def assignments(self) -> Iterator[pa.Table]:
        """Yield a current spell for everybody, a second for some, a former for movers."""
        for staff in self.company.staff():
            spells = []
            for i in range(len(staff)):
                spells += _spells(staff, i)
            names = ("person", "seq", "starts", "ends", "status", "client", "role", "attributes")
            columns = dict(zip(names, zip(*spells, strict=True), strict=True))
            starts, ends = (before(np.array(columns.pop(name))) for name in ("starts", "ends"))
            bounds = {"starts_earliest": starts, "starts_latest": starts, "ends_earliest": ends, "ends_latest": ends}
            yield chunk("assignments", len(spells), {**columns, **bounds, "source": "hr"})

    @property
    def services(self) -> int:
        """How many service accounts there are."""
        return self.company.size.people // 100

    def accounts(self) -> Iterator[pa.Table]:
        """Yield service accounts, then an account for everybody, then a synced cloud account for some."""
        n = np.arange(self.services)
        common = {"enabled": True, "stable_id": True}
        ids = guids("ad:service:", n, self.services)
        names = [f"svc{one}" for one in numbers(n)]
        about = {"account": ids, "native_id": _native(ids), "name": names, "kind": "service", "source": "ad"}
        yield chunk("accounts", len(n), {**common, **about, "created_at": before(900 - n % 500)})
        for staff in self.company.staff():
            yield self._accounts(staff, "ad", np.arange(len(staff)))
        for staff in self.company.staff():
            yield self._accounts(staff, "entra", np.flatnonzero(staff.cloud))

    def _accounts(self, staff: Staff, source: str, which: Numbers) -> pa.Table:
        n = staff.first + which
        ids = self.users(source, n)
        draw = self.company.draw(8, staff.first, len(source)).random((3, len(n)))
        natives = numbers(n)
        known = (draw[0] < 0.985) & (source == "ad")  # a cloud account belongs to whom its origin belongs to
        left = (staff.status[which] == LEFT) & (n % 7 != 0)
        used = np.where(draw[1] < 0.03, 80 + 200 * draw[2], 20 * draw[2])
        return chunk(
            "accounts",
            len(n),
            {
                "account": ids,
                "source": source,
                "native_id": _native(ids),
                "stable_id": True,
                "name": [f"p{one}" for one in natives],
                "principal_name": [f"p{one}@norwind.example.test" for one in natives],
                "display_name": [f"{FIRST[i % 12]} {LAST[i // 12 % 11]}" for i in n.tolist()],
                "mail": [f"p{o}@norwind.example.test" if i % 3 else None for i, o in enumerate(natives)],
                "employee_id": [o if k else None for o, k in zip(natives, known, strict=True)],
                "kind": np.where(n % 1000 == 7, "agent", "human").tolist(),
                "enabled": ~left,
                "created_at": before(400 + n % 900),
                "last_used_earliest": before(np.where(draw[1] > 0.99, -1, used + 14)),
                "last_used_latest": before(np.where(draw[1] > 0.99, -1, used)),
                "never_used": draw[1] > 0.998,
            },
        )

    def users(self, source: str, people: Numbers) -> pa.Array:
        """Return the ids of people's accounts."""
        return guids(f"{source}:user:", people, self.company.size.people)

    def aliases(self) -> Iterator[pa.Table]:
        """Yield the names that tie a cloud account to its origin, and distinguished and principal names."""
        for scheme, source in (("dn", "ad"), ("on-premises-sid", "entra"), ("sid", "ad"), ("upn", "ad")):
            for staff in self.company.staff():
                n = staff.first + (np.flatnonzero(staff.cloud) if source == "entra" else np.arange(len(staff)))
                yield chunk(
                    "aliases", len(n), {"scheme": scheme, "value": _names(scheme, n), "id": self.users(source, n)}
                )

    def entitlements(self) -> Iterator[pa.Table]:
        """Yield directory groups, app roles, and the cloud's copies of groups."""
        size, company = self.company.size, self.company
        n = np.arange(size.groups)
        effects = np.full(size.groups, "grants", dtype="<U12")
        for place, (effect, share) in enumerate((("distribution", 0.02), ("restricts", 0.01), ("exempts", 0.003))):
            effects[company.marks(place, share)] = effect
        effects[EVERYBODY] = "grants"
        common = {"stable_id": True, "effect": effects.tolist()}
        ad = {"entitlement": self.groups, "native_id": _native(self.groups), "kind": "group", "source": "ad"}
        own = zip(company.divisions.tolist(), company.marks(4, 0.02), strict=True)
        clients = [CLIENTS[division % 5] if marked else None for division, marked in own]
        marks = {"privileged": company.marks(5, 0.002), "client": clients}
        yield chunk("entitlements", len(n), {**common, **ad, **marks, "name": group_names(company)})
        roles = {"entitlement": self.roles, "native_id": _native(self.roles), "kind": "approle", "source": "entra"}
        names = [f"App{i // 4}/Role{i % 4}" for i in range(self.apps)]
        levels = [LEVELS[i % 4] for i in range(self.apps)]
        privileged = np.arange(self.apps) % 97 == 0
        more = {"name": names, "sensitivity": levels, "privileged": privileged, "effect": "grants"}
        yield chunk("entitlements", self.apps, {**common, **roles, **more})
        copies = {"entitlement": self.copies, "native_id": _native(self.copies), "kind": "group", "source": "entra"}
        taken = [group_names(company)[i] for i in company.synced.tolist()]
        copied = effects[company.synced].tolist()
        yield chunk("entitlements", len(self.copies), {**common, **copies, "name": taken, "effect": copied})

    def nesting(self) -> Iterator[pa.Table]:
        """Yield groups in groups, then which cloud group a group is copied to, and what the copies hold."""
        child, parent = self.company.nesting
        synced = self.company.synced
        ids = pa.concat_arrays([self.groups, self.copies])
        # A group's copy stands after all groups, so both kinds of edges are sorted by child and parent at once.
        children = np.concatenate((child, synced))
        parents = np.concatenate((parent, len(self.groups) + np.arange(len(synced))))
        order = np.lexsort((parents, children))
        copies = order >= len(child)
        edges = {"child": ids.take(pa.array(children[order])), "parent": ids.take(pa.array(parents[order]))}
        why = np.where(copies, "synced-to", "member").tolist()
        told = {"mode": "assigned", "reach": "transitive", "removable": ~copies, "mastered_in": "ad", "why": why}
        yield chunk("nesting", len(order), {**edges, **told})
        holding = np.arange(0, len(synced), 4)
        held = self.roles.take(pa.array(holding // 4 % self.apps))
        role = {"child": self.copies.take(pa.array(holding)), "parent": held, "mode": "assigned", "removable": True}
        yield chunk(
            "nesting", len(holding), {**role, "why": "grants-role", "reach": "direct-only", "mastered_in": "entra"}
        )

    def grants(self) -> Iterator[pa.Table]:
        """Yield what service accounts, then people hold in the directory, then what their cloud accounts hold."""
        n = np.arange(self.services)
        what = np.sort(n * 31 % self.company.size.groups)
        accounts = guids("ad:service:", n, self.services)
        yield self._granted(accounts, self.groups.take(pa.array(what)), {"via": "member"})
        for staff in self.company.staff():
            who, what = self.company.grants(staff)
            accounts = self.users("ad", staff.first + np.arange(len(staff)))
            primary = what == EVERYBODY
            about = {
                "via": np.where(primary, "primary", "member").tolist(),
                "removable": ~primary,
                "since": before(np.where(what % 3 == 0, 30 + (who * 7 + what) % 900, -1)),
            }
            yield self._granted(accounts.take(pa.array(who)), self.groups.take(pa.array(what)), about)
        for staff in self.company.staff():
            yield self._cloud_grants(staff)

    def _cloud_grants(self, staff: Staff) -> pa.Table:
        who, what = self.company.grants(staff)
        copied = (self.copy_of[what] >= 0) & staff.cloud[who]
        people = np.flatnonzero(staff.cloud)
        # An app role held directly comes before the copies of groups: its ids come first.
        holders = np.concatenate((people, who[copied]))
        held = np.concatenate(((staff.first + people) * 13 % self.apps, self.apps + self.copy_of[what[copied]]))
        order = np.lexsort((held, holders))
        things = pa.concat_arrays([self.roles, self.copies]).take(pa.array(held[order]))
        direct = held[order] < self.apps
        accounts = self.users("entra", staff.first + np.arange(len(staff)))
        about = {
            "via": np.where(direct, "approle", "member").tolist(),
            "removable": direct,
            "mastered_in": np.where(direct, "entra", "ad").tolist(),
        }
        return self._granted(accounts.take(pa.array(holders[order])), things, about)

    def _granted(self, accounts: pa.Array, things: pa.Array, about: Columns) -> pa.Table:
        common = {
            "account": accounts,
            "entitlement": things,
            "mode": "assigned",
            "removable": True,
            "mastered_in": "ad",
        }
        return chunk("grants", len(accounts), {**common, **about})

    def owners(self) -> Iterator[pa.Table]:
        """Yield who answers for most of the service accounts."""
        n = np.flatnonzero(np.arange(self.services) % 10 != 0)
        owners = [f"hr:person:{one}" for one in numbers(n * 97 % self.company.size.people)]
        yield chunk("owners", len(n), {"object": guids("ad:service:", n, self.services), "owner": owners})

    def activity(self) -> Iterator[pa.Table]:
        """Yield the last use of app roles by those who hold them."""
        for staff in self.company.staff():
            n = staff.first + np.flatnonzero(staff.cloud)
            used = before(n % 130)
            held = self.roles.take(pa.array(n * 13 % self.apps))
            about = {"last_used_earliest": used, "last_used_latest": used, "object": held}
            yield chunk("activity", len(n), {"account": self.users("entra", n), **about})

    def signins(self) -> Iterator[pa.Table]:
        """Yield one sign-in for each cloud account."""
        for staff in self.company.staff():
            n = staff.first + np.flatnonzero(staff.cloud)
            about = {"at": before(n % 25 + 0.3), "signin": [f"s{one}" for one in numbers(n)]}
            country = np.where(n % 500 == 0, "KP", "PH").tolist()
            yield chunk(
                "signins", len(n), {"account": self.users("entra", n), **about, "success": True, "country": country}
            )

    def completeness(self) -> Iterator[pa.Table]:
        """Yield a verdict for everything: all of it was read."""
        told: dict[str, tuple[str, ...]] = {
            "ad": ("accounts", "aliases", "entitlements", "grants", "nesting", "owners")
        }
        told["entra"] = ("accounts", "activity", "aliases", "entitlements", "grants", "nesting", "signins")
        told["hr"] = ("assignments", "people")
        rows = [(source, subject) for source, subjects in told.items() for subject in subjects]
        about = {"source": [s for s, _ in rows], "subject": [s for _, s in rows], "complete": True}
        yield chunk("completeness", len(rows), about)


def _nothing() -> Iterator[pa.Table]:
    return iter(())


def numbers(n: Numbers) -> list[str]:
    """Write numbers as a roster does, with their zeros."""
    return [f"{one:08d}" for one in n.tolist()]


def _native(ids: pa.Array) -> list[str]:
    return [one.split(":", 2)[2] for one in ids.to_pylist()]


def _names(scheme: str, n: Numbers) -> Sequence[str]:
    forms = {"dn": "cn=p{},ou=staff,dc=norwind,dc=example,dc=test", "upn": "p{}@norwind.example.test"}
    return [forms.get(scheme, "S-1-5-21-1-2-3-1{}").format(one) for one in numbers(n)]


@cache
def group_names(company: Company) -> list[str]:
    """Return the names of the groups: those of a role begin with the name of its team."""
    owned = company.size.roles * 24
    team = [f"T{i // 24:04d}-Group{i % 24:02d}" for i in range(min(owned, company.size.groups - 1))]
    rest = [f"Resource-{i:07d}" for i in range(len(team) + 1, company.size.groups)]
    return ["All-Staff", *team, *rest]


def _spells(staff: Staff, i: int) -> list[tuple[Any, ...]]:
    number = staff.first + i
    person, status = f"hr:person:{number:08d}", staff.status[i]
    current = {ACTIVE: "active", LEAVE: "leave", LEFT: "left"}[status]
    ended = 3 + number % 60 if status == LEFT else -1
    spells = [(person, 1, 400 + number % 900, ended, current, *_job(int(staff.role[i]), number))]
    if staff.second[i] >= 0:
        spells.append((person, 2, 300, ended, current, *_job(int(staff.second[i]), number)))
    if staff.former[i] >= 0:
        spells.append((person, 3, 1500, 60 + number % 300, "left", *_job(int(staff.former[i]), number)))
    return spells


def _job(role: int, person: int) -> tuple[str, str | None, str]:
    """Return client, role column and attributes; every other role is told by department and title instead."""
    attributes = {
        "badge": f"B{person:08d}",
        "department": f"Department {role // 10}",
        "site": SITES[person % 5],
        "title": f"Title {role:04d}",
    }
    text = json.dumps(attributes, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return CLIENTS[role % 5], (None if role % 2 else f"role-{role:04d}"), text


def after(days: int) -> datetime:
    """Return a moment after the snapshot."""
    return AS_OF + timedelta(days=days)

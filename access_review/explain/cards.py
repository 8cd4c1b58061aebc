"""The cards of a report: of a person, an entitlement or a role, who and what it is, found for many in a few questions.

:mod:`access_review.explain.explain` says more about one thing, with every template line and rung, and asks more for it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from access_review.engine import Engine
from access_review.explain.entitlement_paths import EntitlementPaths
from access_review.explain.explanation import Hop, ThingCard
from access_review.tables import Row
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class HeldBrief:
    """A direct grant: its verdict (empty: not judged), the roles of its holder that allow it, and what it gives besides."""

    entitlement: ThingCard
    mode: str
    via: str
    verdict: str
    forbidden: bool
    mirrored: bool
    removable: bool
    allowed_by: tuple[str, ...]
    gives: tuple[tuple[Hop, ...], ...]


@dataclass(frozen=True, slots=True)
class AccountBrief:
    """An account, whether it can be used (null: unknown), and what it holds."""

    account: ThingCard
    source: str
    enabled: bool | None
    certain: bool
    grants: tuple[HeldBrief, ...]


@dataclass(frozen=True, slots=True)
class PersonBrief:
    """A person: what the rosters say of them, their roles, and their accounts."""

    person: ThingCard
    status: str
    manager: str
    left_at: datetime | None
    roles: tuple[str, ...]
    accounts: tuple[AccountBrief, ...]
    allowed: Mapping[str, tuple[str, ...]]
    """By entitlement, the roles of theirs that allow it."""


@dataclass(frozen=True, slots=True)
class EntitlementBrief:
    """An entitlement: what it is, who answers for it, how many hold it, which roles speak of it, and what carries it."""

    entitlement: ThingCard
    system: str
    description: str
    sensitivity: str
    owners: tuple[str, ...]
    direct: tuple[int, int]
    """Accounts and people that hold it directly."""
    nested: tuple[int, int]
    roles: tuple[tuple[str, str], ...]
    """Roles, and what each says of it: must, may, eligible, never, carried."""
    carried_by: tuple[tuple[Hop, ...], ...]
    gives: tuple[tuple[Hop, ...], ...]


@dataclass(frozen=True, slots=True)
class RoleBrief:
    """A role: how many have it, where its template is, and what it says of which entitlements."""

    role: str
    people: int
    place: str
    says: tuple[tuple[str, tuple[str, ...]], ...]
    """What it says (must, may, eligible, never), and of which, by name."""


@dataclass(frozen=True, slots=True)
class Cards:
    """The cards of a report, by what they are about."""

    people: Sequence[PersonBrief] = ()
    entitlements: Sequence[EntitlementBrief] = ()
    roles: Sequence[RoleBrief] = ()
    cuts: frozenset[tuple[str, str]] = frozenset()
    """Nesting edges that would be cut, child and parent."""


def find_cards(
    engine: Engine,
    workspace: Workspace,
    people: Iterable[str],
    entitlements: Iterable[str],
    nested: Iterable[tuple[str, str]] = (),
) -> Cards:
    """Return the cards of some people and entitlements, and of every role; of ``nested`` pairs the nesting would be cut.

    Reads ``people, person_roles, accounts, held, expected, entitlements, owned, closure, grants, nesting``.
    """
    paths = EntitlementPaths(engine)
    return Cards(
        _people(engine, paths, tuple(people)),
        _entitlements(engine, paths, tuple(entitlements)),
        _roles(engine, workspace, sorted({template.role for template in workspace.templates})),
        frozenset((hop.child.id, hop.parent.id) for pair in nested for hop in paths.between(*pair)),
    )


def _people(engine: Engine, paths: EntitlementPaths, people: tuple[str, ...]) -> list[PersonBrief]:
    roles = _by(engine.rows(_PERSON_ROLES, people=people), "person")
    allowed = _by(engine.rows(_ALLOWED, people=people), "person")
    accounts = _by(engine.rows(_ACCOUNTS, people=people), "person")
    held = _by(engine.rows(_HELD, people=people), "account")
    found = {}
    for row in engine.rows(_PEOPLE, people=people):
        person = row["person"]
        by_role: dict[str, list[str]] = defaultdict(list)
        for one in allowed[person]:
            by_role[one["entitlement"]].append(one["role"])
        allows = {entitlement: tuple(named) for entitlement, named in by_role.items()}
        found[person] = PersonBrief(
            ThingCard(person, row["name"], row["kind"]),
            row["status"],
            row["manager"] or "",
            row["left_at_latest"],
            tuple(one["role"] for one in roles[person]),
            tuple(_account(paths, one, held[one["account"]], allows) for one in accounts[person]),
            allows,
        )
    return [found[person] for person in people if person in found]


def _account(
    paths: EntitlementPaths, row: Row, held: Sequence[Row], allowed: Mapping[str, tuple[str, ...]]
) -> AccountBrief:
    grants = tuple(
        HeldBrief(
            paths.card(one["entitlement"]),
            one["mode"],
            one["via"],
            one["verdict"],
            one["never"] is not None,
            one["mirrored"],
            one["removable"],
            allowed.get(one["entitlement"], ()),
            _given(paths, one["entitlement"]),
        )
        for one in held
    )
    thing = ThingCard(row["account"], row["name"], row["kind"])
    return AccountBrief(thing, row["source"], row["enabled"], row["certain"] is not False, grants)


def _given(paths: EntitlementPaths, entitlement: str) -> tuple[tuple[Hop, ...], ...]:
    found = paths.steps_from(entitlement)
    order = sorted(found, key=lambda other: (len(found[other]), other))
    return tuple(paths.hops(found[other]) for other in order if found[other])


def _entitlements(engine: Engine, paths: EntitlementPaths, wanted: tuple[str, ...]) -> list[EntitlementBrief]:
    roles = _by(engine.rows(_SPEAKING, wanted=wanted), "entitlement")
    carriers = _by(engine.rows(_CARRIERS, wanted=wanted), "reached")
    found = {}
    for row in engine.rows(_ENTITLEMENTS, wanted=wanted):
        id_ = row["entitlement"]
        found[id_] = EntitlementBrief(
            paths.card(id_),
            row["source"],
            row["description"] or "",
            row["sensitivity"] or "",
            tuple(row["owners"]),
            (row["direct"], row["direct_people"]),
            (row["nested"], row["nested_people"]),
            tuple((one["role"], one["allows"]) for one in roles[id_]),
            tuple(paths.between(one["entitlement"], id_) for one in carriers[id_]),
            _given(paths, id_),
        )
    return [found[id_] for id_ in wanted if id_ in found]


def _roles(engine: Engine, workspace: Workspace, wanted: Sequence[str]) -> list[RoleBrief]:
    people = {row["role"]: row["people"] for row in engine.rows(_MEMBERS)}
    said: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in engine.rows(_SAYS, roles=tuple(wanted)):
        said[row["role"]][row["allows"]].append(row["name"])
    return [
        RoleBrief(
            role,
            people.get(role, 0),
            workspace.place("template", role),
            tuple((how, tuple(said[role][how])) for how in ("must", "may", "eligible", "never") if said[role][how]),
        )
        for role in wanted
    ]


def _by(rows: Iterable[Row], column: str) -> defaultdict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[column]].append(row)
    return found


_PEOPLE = """
    SELECT p.person, coalesce(p.name, p.person) AS name, p.kind, p.status, p.left_at_latest,
           coalesce(m.name, m.person) AS manager
    FROM people AS p
    LEFT JOIN people AS m ON m.person = CASE WHEN p.kind = 'agent' THEN p.sponsor ELSE p.manager END
    WHERE p.person IN :people
"""

_PERSON_ROLES = """
    SELECT DISTINCT person, role FROM person_roles WHERE person IN :people AND spell <> 'former' ORDER BY person, role
"""

_ALLOWED = """
    SELECT DISTINCT r.person, e.entitlement, e.role FROM person_roles AS r JOIN expected AS e ON e.role = r.role
    WHERE r.person IN :people AND r.spell <> 'former' AND e.allows <> 'never' ORDER BY r.person, e.entitlement, e.role
"""

_ACCOUNTS = """
    SELECT person, account, coalesce(name, account) AS name, kind, source, enabled, certain
    FROM accounts WHERE person IN :people ORDER BY person, account
"""

_HELD = """
    SELECT h.account, h.entitlement, h.mode, h.via, h.verdict, h.never, h.mirrored, h.removable
    FROM held AS h JOIN accounts AS a ON a.account = h.account LEFT JOIN entitlements AS e ON e.entitlement = h.entitlement
    WHERE a.person IN :people ORDER BY h.account, h.verdict = 'within', e.name, h.entitlement, h.mode
"""

_ENTITLEMENTS = """
    WITH carried AS (
        SELECT DISTINCT c.reached, g.account, a.person, c.reached = c.entitlement AS direct
        FROM closure AS c JOIN grants AS g ON g.entitlement = c.entitlement JOIN accounts AS a ON a.account = g.account
        WHERE c.reached IN :wanted
    ), counted AS (
        SELECT reached, count(DISTINCT account) FILTER (WHERE direct) AS direct,
               count(DISTINCT person) FILTER (WHERE direct) AS direct_people,
               count(DISTINCT account) FILTER (WHERE NOT direct) AS nested,
               count(DISTINCT person) FILTER (WHERE NOT direct) AS nested_people
        FROM carried GROUP BY reached
    ), answering AS (
        SELECT o.object, list(DISTINCT coalesce(p.name, a.name, o.owner) ORDER BY coalesce(p.name, a.name, o.owner)) AS owners
        FROM owned AS o LEFT JOIN people AS p ON p.person = o.person LEFT JOIN accounts AS a ON a.account = o.owner
        WHERE o.object IN :wanted GROUP BY o.object
    )
    SELECT e.entitlement, e.source, e.description, e.sensitivity, coalesce(w.owners, []) AS owners,
           coalesce(c.direct, 0) AS direct, coalesce(c.direct_people, 0) AS direct_people,
           coalesce(c.nested, 0) AS nested, coalesce(c.nested_people, 0) AS nested_people
    FROM entitlements AS e LEFT JOIN counted AS c ON c.reached = e.entitlement
    LEFT JOIN answering AS w ON w.object = e.entitlement
    WHERE e.entitlement IN :wanted
"""

_SPEAKING = "SELECT DISTINCT entitlement, role, allows FROM expected WHERE entitlement IN :wanted ORDER BY 1, 2, 3"

_CARRIERS = """
    SELECT DISTINCT entitlement, reached FROM closure WHERE reached IN :wanted AND entitlement <> reached ORDER BY 2, 1
"""

_MEMBERS = "SELECT role, count(DISTINCT person) AS people FROM person_roles WHERE spell <> 'former' GROUP BY role"

_SAYS = """
    SELECT DISTINCT x.role, x.allows, coalesce(e.name, x.entitlement) AS name
    FROM expected AS x LEFT JOIN entitlements AS e ON e.entitlement = x.entitlement
    WHERE x.role IN :roles AND x.allows <> 'carried' ORDER BY 1, 2, 3
"""

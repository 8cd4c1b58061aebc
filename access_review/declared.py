"""What the workspace says, as facts for the rules: templates, toxic pairs, waivers, approved applications."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from access_review.connectors.ad import well_known
from access_review.connectors.entra import roles as entra_roles
from access_review.engine import Engine
from access_review.engine.relation import NamedRelation
from access_review.facts import FACTS
from access_review.policy import Policy
from access_review.roles import LISTS, Names, Resolved, matches
from access_review.settings import Separation
from access_review.tables import TIME, frame
from access_review.workspace import Workspace

# A waiver that leaves out its reason or approver accepts nothing, however long it lasts.
VALID_WAIVERS = NamedRelation(
    "valid_waivers",
    "The waivers that accept something at the time of the snapshot.",
    ("waiver", "rule", "subject", "about"),
    """
    SELECT waiver, rule, subject, about FROM waivers CROSS JOIN moment
    WHERE expires_at > moment.as_of AND reason IS NOT NULL AND approver IS NOT NULL
    """,
    view=True,
)

OWNED = NamedRelation(
    "owned",
    "The fact `owned`: an owner may be an account or a person.",
    tuple(FACTS["owned"].schema.names),
    """
    SELECT owners.object, owners.owner, coalesce(accounts.person, people.person) AS person,
           coalesce(behind.status, people.status) AS status
    FROM owners
    LEFT JOIN accounts ON accounts.account = owners.owner
    LEFT JOIN people AS behind ON behind.person = accounts.person
    LEFT JOIN people ON people.person = owners.owner
""",
)

# A group is known by the last part of its SID, a role by its template; one given for a part of a tenant is neither.
POWERS = NamedRelation(
    "powers",
    "The fact `powers`.",
    tuple(FACTS["powers"].schema.names),
    """
    WITH named AS (
        SELECT entitlement, native_id AS value FROM entitlements WHERE kind = 'role'
        UNION
        SELECT a.id, CASE WHEN a.value LIKE 'S-1-5-21-%' THEN concat('S-1-5-21-*-', regexp_extract(a.value, '[0-9]+$', 0))
                          ELSE a.value END
        FROM aliases AS a
        WHERE a.scheme = 'sid' AND a.id IN (SELECT entitlement FROM entitlements WHERE kind = 'group' AND privileged)
    )
    SELECT named.entitlement, min(known.place) AS place, max(CASE WHEN known.tier0 THEN 1 ELSE 0 END) = 1 AS tier0
    FROM named JOIN known_powers AS known ON known.value = named.value GROUP BY named.entitlement
""",
)


RELATIONS = (VALID_WAIVERS, OWNED, POWERS)
"""What is made of what the workspace says."""


def known_powers() -> pa.Table:
    """Return what connectors know of powerful groups and roles: by id, place and tier."""
    rows = [*well_known.powers(), *entra_roles.powers()]
    types = {"value": pa.string(), "place": pa.int64(), "tier0": pa.bool_()}
    return pa.table({n: pa.array([row[i] for row in rows], kind) for i, (n, kind) in enumerate(types.items())})


def moment(as_of: datetime) -> pa.Table:
    """Return ``moment (as_of)``: the time of the snapshot, for views, which no value can be bound to."""
    return pa.table({"as_of": pa.array([as_of], TIME)})


def end_of(day: date | None) -> datetime | None:
    """Return the last moment of a day, anywhere on earth: what is valid *until* a day is valid throughout it."""
    return None if day is None else datetime.combine(day, time(), UTC) + timedelta(days=1, hours=12)


def separation(declared: Separation, entitlements: pa.Table) -> pa.Table:
    """Return both sides of each toxic pair as entitlements."""
    names = Names(entitlements)
    rows = [
        {"pair": pair.pair, "side": side, "entitlement": entitlement, "reason": pair.reason or None}
        for pair in declared.pairs
        for side, patterns in (("a", pair.a), ("b", pair.b))
        for entitlement in frozenset().union(*map(names.match, patterns))
    ]
    return frame(FACTS["separation"], rows)


def templates(workspace: Workspace) -> pa.Table:
    """Return the templates with the day each is to be looked at again."""
    rows = [
        {"role": t.role, "review_by": end_of(t.review_by), "place": workspace.place("template", t.role)}
        for t in workspace.templates
    ]
    return frame(FACTS["templates"], rows)


def patterns(resolved: Sequence[Resolved], workspace: Workspace) -> pa.Table:
    """Return each template's own lines with the number of entitlements each matches."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in resolved:
        role = one.template.role
        for name in LISTS:
            for pattern, origin in one.patterns[name]:
                if origin == role:
                    place = workspace.place(f"{name} of {role}", str(pattern))
                    row = {"role": role, "list": name, "pattern": str(pattern), "place": place}
                    rows[role, name, str(pattern)] = {**row, "matched": len(one.matches[pattern])}
    return frame(FACTS["patterns"], rows.values())


def courses(resolved: Sequence[Resolved]) -> pa.Table:
    """Return what whoever has a role must have learned."""
    rows = {
        (one.template.role, course): {"role": one.template.role, "course": course, "folded": course.lower()}
        for one in resolved
        for course in one.training
    }
    return frame(FACTS["role_courses"], rows.values())


def courses_before(resolved: Sequence[Resolved]) -> pa.Table:
    """Return what whoever holds something by a role must have learned."""
    rows = {
        (one.template.role, entitlement, course): {
            "role": one.template.role,
            "entitlement": entitlement,
            "course": course,
            "folded": course.lower(),
        }
        for one in resolved
        for course, pattern in one.before
        for entitlement in one.matches[pattern]
    }
    return frame(FACTS["courses_before"], rows.values())


def waivers(workspace: Workspace, engine: Engine) -> pa.Table:
    """Return the exception log; a subject may be given by id or as ``source:kind:name``."""
    ids = _ids_by_name(engine, [n for w in workspace.waivers.waivers for n in (w.subject, w.about) if n])
    rows = [
        {
            "waiver": w.waiver,
            "rule": w.rule,
            "subject": ids.get(w.subject, w.subject),
            "about": ids.get(w.about, w.about) if w.about else None,
            **{name: None if name in w.lacks else getattr(w, name) for name in ("reason", "approver", "ticket")},
            "expires_at": end_of(w.expires),
            "place": workspace.place("waiver", w.waiver),
        }
        for w in workspace.waivers.waivers
    ]
    return frame(FACTS["waivers"], rows)


def _ids_by_name(engine: Engine, names: Iterable[str]) -> Mapping[str, str]:
    """Find what ``source:kind:name`` means among accounts, entitlements and people; several meanings are none."""
    sql = """
        WITH named AS (
            SELECT concat(source, ':', split_part(account, ':', 2), ':', name) AS name, account AS id FROM accounts
            UNION ALL SELECT concat(source, ':', kind, ':', name), entitlement FROM entitlements
            UNION ALL SELECT concat(source, ':person:', name), person FROM people
        )
        SELECT name, min(id) AS id FROM named WHERE name IN :names GROUP BY name HAVING count(DISTINCT id) = 1
    """
    asked = sorted(set(names))
    return {row["name"]: row["id"] for row in engine.rows(sql, names=asked)} if asked else {}


def applications(policy: Policy, engine: Engine) -> pa.Table:
    """Return applications (service principals) and consents, matched against the policy's lists.

    ``foreign`` is whether another tenant owns the application: other than those that own
    the applications registered here. Unknown where no application was read.
    """
    lists = policy.applications
    rows = [
        {
            "object": row["object"],
            "name": row["name"],
            "approved": any(_names(pattern, row["name"]) for pattern in lists.approved),
            "ai": any(_names(pattern, row["name"]) for pattern in lists.ai),
            "foreign": row["foreign_owner"],
        }
        for row in engine.rows(_APPLICATIONS)
    ]
    return frame(FACTS["applications"], rows)


def _names(pattern: str, name: str) -> bool:
    """Match an application by its name; a consent (``application/resource:scope``) by its application too."""
    folded = name.casefold()
    return any(matches(pattern.casefold(), text) for text in (folded, folded.split("/", 1)[0]))


# A consent is named by the application that it is given to, the resource and the scope.
_APPLICATIONS = """
    WITH principals AS (
        SELECT account, source, coalesce(display_name, name, native_id) AS name,
               json_extract_string(attributes, '$.owner_tenant') AS owner
        FROM accounts WHERE split_part(account, ':', 2) = 'sp'
    ), homes AS (
        SELECT DISTINCT p.source, p.owner
        FROM principals AS p JOIN aliases AS a ON a.id = p.account AND a.scheme = 'registered-app'
        WHERE p.owner IS NOT NULL
    ), judged AS (
        SELECT p.account, p.name,
               CASE WHEN p.owner IS NULL OR NOT EXISTS (SELECT 1 FROM homes AS h WHERE h.source = p.source) THEN NULL
                    ELSE NOT EXISTS (SELECT 1 FROM homes AS h WHERE h.source = p.source AND h.owner = p.owner) END
                   AS foreign_owner
        FROM principals AS p
    )
    SELECT account AS object, name, foreign_owner FROM judged
    UNION ALL
    SELECT e.entitlement, e.name, j.foreign_owner
    FROM entitlements AS e
    LEFT JOIN judged AS j ON j.account = concat(e.source, ':sp:', split_part(e.native_id, '/', 1))
    WHERE e.kind = 'consent'
"""

"""How the subject of each finding has what it is about: the grants and nesting that a report draws."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from access_review.engine import Engine
from access_review.explain.entitlement_paths import EntitlementPaths
from access_review.explain.explanation import Hop, ThingCard
from access_review.tables import Row


@dataclass(frozen=True, slots=True)
class GrantPath:
    """A direct grant that reaches what a finding is about, and the nesting by which it does."""

    entitlement: ThingCard
    mode: str
    via: str
    removable: bool
    path: tuple[Hop, ...]


@dataclass(frozen=True, slots=True)
class AccountPaths:
    """A finding about an account: who it belongs to, and the grants by which it has what the finding is about."""

    account: ThingCard
    owner: ThingCard | None
    certain: bool
    """Whether it belongs to its owner for certain, or is a guess."""
    grants: tuple[GrantPath, ...]


@dataclass(frozen=True, slots=True)
class NestingPath:
    """A finding about an entitlement: the nesting by which it carries another."""

    path: tuple[Hop, ...]


def find_paths(engine: Engine, findings: Sequence[Row]) -> dict[str, AccountPaths | NestingPath]:
    """Return the paths of each finding that is about access, by the finding's id.

    ``findings`` are rows of that table. Reads ``grants, closure, accounts, nesting, entitlements``.
    """
    if not findings:
        return {}
    columns = {name: pa.array([f[name] for f in findings], pa.string()) for name in ("finding", "subject", "about")}
    engine.register("shown_findings", pa.table(columns))
    grants: dict[str, list[Row]] = defaultdict(list)
    for row in engine.rows(_GRANTS):
        grants[row["finding"]].append(row)
    nestings = {row["finding"] for row in engine.rows(_NESTINGS)}
    entitlements = EntitlementPaths(engine)
    found: dict[str, AccountPaths | NestingPath] = {}
    for finding in findings:
        if held := grants.get(finding["finding"]):
            found[finding["finding"]] = _account_paths(entitlements, finding, held)
        elif finding["finding"] in nestings:
            found[finding["finding"]] = NestingPath(entitlements.between(finding["subject"], finding["about"]))
    return found


def _account_paths(entitlements: EntitlementPaths, finding: Row, held: Sequence[Row]) -> AccountPaths:
    first = held[0]
    person, subject = finding["person"], finding["subject"]
    return AccountPaths(
        account=ThingCard(subject, finding["subject_name"] or subject, first["kind"]),
        owner=ThingCard(person, finding["person_name"] or person, "person") if person else None,
        certain=first["certain"] is not False,
        grants=tuple(
            GrantPath(
                entitlements.card(grant["entitlement"]),
                grant["mode"],
                grant["via"],
                grant["removable"],
                entitlements.between(grant["entitlement"], finding["about"]),
            )
            for grant in held
        ),
    )


_GRANTS = """
    SELECT f.finding, g.entitlement, g.mode, g.via, g.removable, a.kind, a.certain
    FROM shown_findings AS f
    JOIN grants AS g ON g.account = f.subject
    JOIN closure AS c ON c.entitlement = g.entitlement AND c.reached = f.about
    JOIN accounts AS a ON a.account = f.subject
    ORDER BY f.finding, g.entitlement, g.mode
"""

# Everything reaches itself: that is no nesting to draw.
_NESTINGS = """
    SELECT f.finding FROM shown_findings AS f
    JOIN closure AS c ON c.entitlement = f.subject AND c.reached = f.about AND c.reached <> c.entitlement
"""

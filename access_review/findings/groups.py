"""Findings of one kind, role and entitlement as one line: what people read first, and act on.

Where many people of a role have the same thing, role and entitlement are a group; where people of several roles have
it, the entitlement alone is one, as one owner ends it; what is left over one by one is a group of the role, or of the
rule. Groups are ranked by risk × reach × how unusual, and each of the three is kept. Nothing of this is part of a
finding: it is counted where it is shown (:mod:`access_review.findings.peer_shares`). Findings that say that the review
fell short are no access, and in no group.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa

from access_review.engine import Engine
from access_review.findings.group_rows import ABOUTS_OF, GROUPED, NUMBERED, create_groups, grouped
from access_review.findings.peer_shares import TOO_FEW, count_shares
from access_review.model import JsonObject, Rag, Remedy, Severity
from access_review.tables import Row

MOST_GROUPS = 200
"""How many groups are held in memory; all of them are in the table ``groups``."""

_NAMED = 3
_MOST_OF_ROLE = 0.8
_HARDLY_ANYBODY = 0.1
_A_FEW = 10
_SHORTEST = 6  # digits of an id: what is shorter and a number is a place


class GroupLevel(StrEnum):
    """What the findings of a group have in common beside the rule."""

    CELL = "role-and-entitlement"
    ENTITLEMENT = "entitlement"
    ROLE = "role"
    RULE = "rule"


class Ending(StrEnum):
    """What would end a group as a whole."""

    TEMPLATE = "template-lacks-it"
    """Most of the role have it: the template does not say so."""
    EDGE = "one-nesting-edge"
    """One nesting edge gives it to all of them."""
    OUTLIER = "outlier"
    """A few have it, and hardly anybody else."""
    SPREAD = "spread-over-roles"
    """Many people of several roles have it: its owner says who should, or a template does."""
    REMEDY = "remedy"
    """What the findings suggest."""


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """Findings that are one matter, as facts; ``place`` is its rank among all groups.

    ``people`` are those concerned, accounts of nobody among them; ``things`` counts what the findings are about.
    ``role_holding`` of the ``role_people`` with the role have the entitlement, ``holders`` of the ``population``; each
    is null where nobody was counted. ``edge`` is the entitlement whose nesting gives it to all.
    ``score`` is ``risk`` × ``reach`` (1, and 2 for 100,000 people) × ``unusual`` (1, and 0.5 for what all have).
    """

    group: str
    place: int
    rule: str
    level: GroupLevel
    role: str | None
    entitlement: str | None
    entitlement_name: str | None
    severity: str
    rag: str
    risk: int
    findings: int
    new: int
    people: int
    things: int
    roles: int
    since: datetime
    remedies: tuple[str, ...]
    role_people: int | None
    role_holding: int | None
    holders: int | None
    population: int
    edge: str | None
    edge_name: str | None
    reach: float
    unusual: float
    score: float
    first: tuple[str, ...]
    first_things: tuple[str, ...]

    @property
    def ending(self) -> Ending:
        """What would end it, decided by its counts."""
        if self.edge:
            return Ending.EDGE
        if self.rule != _BEYOND or self.level not in {GroupLevel.CELL, GroupLevel.ENTITLEMENT}:
            return Ending.REMEDY
        if self.level is GroupLevel.CELL and _share(self.role_holding, self.role_people) >= _MOST_OF_ROLE:
            return Ending.TEMPLATE
        if self.level is GroupLevel.ENTITLEMENT and self.people > _A_FEW:
            return Ending.SPREAD
        rare = self.holders is not None and self.holders <= _HARDLY_ANYBODY * self.population
        return Ending.OUTLIER if rare else Ending.REMEDY


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of highest rank, and how many groups and findings there are in all."""

    groups: tuple[FindingGroup, ...]
    total: int
    findings: int


_BEYOND = "access-beyond-role"


def group_findings(engine: Engine, most: int = MOST_GROUPS) -> Groups:
    """Group the current ``findings`` in the engine, where the shares of peers are counted."""
    create_groups(engine, few=TOO_FEW, beyond=_BEYOND, most_of_role=_MOST_OF_ROLE)
    rows = engine.rows(f"SELECT * FROM {NUMBERED} WHERE place <= :most ORDER BY place", most=most)
    (total,) = engine.rows(
        f"SELECT count(*) AS groups, CAST(coalesce(sum(findings), 0) AS BIGINT) AS findings FROM {NUMBERED}"
    )
    named = _named(engine, [row["key"] for row in rows])
    return Groups(tuple(_group(row, named.get(row["key"], ())) for row in rows), total["groups"], total["findings"])


def count_and_group(engine: Engine, most: int = MOST_GROUPS) -> Groups:
    """Count the shares of peers and group the ``findings`` of a review whose facts are established in the engine."""
    count_shares(engine, "findings")
    return group_findings(engine, most)


def find_group(engine: Engine, wanted: str) -> FindingGroup | None:
    """Return the one group with a place, or whose id begins so; nothing where there is none, or are several."""
    place = int(wanted) if wanted.isdecimal() and len(wanted) < _SHORTEST else 0
    rows = engine.rows(
        f"SELECT * FROM {NUMBERED} WHERE place = :place OR grouped_as LIKE concat(:start, '%')",
        place=place,
        start=wanted if not place and wanted.isalnum() else "-",
    )
    if len(rows) != 1:
        return None
    return _group(rows[0], _named(engine, [rows[0]["key"]]).get(rows[0]["key"], ()))


def groups_of(engine: Engine, findings: Sequence[str]) -> dict[str, str]:
    """Return the id of the group that each of some findings is of, once they are grouped."""
    engine.register("some_findings", pa.table({"finding": pa.array(findings, pa.string())}))
    sql = f"""
        SELECT g.finding, n.grouped_as FROM {GROUPED} AS g JOIN some_findings AS s ON s.finding = g.finding
        JOIN {NUMBERED} AS n ON n.key = g.key
    """
    return {row["finding"]: row["grouped_as"] for row in engine.rows(sql)}


def rows_of(engine: Engine, group: str) -> list[Row]:
    """Return the findings of a group, the highest risk first, then the longest open, as rows of the table."""
    return engine.rows(
        f"""
        SELECT findings.* FROM findings JOIN {GROUPED} AS g ON g.finding = findings.finding
        JOIN {NUMBERED} AS n ON n.key = g.key
        WHERE n.grouped_as = :group
        ORDER BY findings.risk DESC, g.power NULLS LAST, findings.first_seen, findings.subject, findings.finding
        """,
        group=group,
    )


def _named(engine: Engine, keys: Sequence[str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    first = _FIRST.format(grouped=grouped(engine, ABOUTS_OF))
    for row in engine.rows(first, keys=list(keys), most=_NAMED) if keys else ():
        found.setdefault(row["key"], []).append(row)
    return found


def _group(row: Row, named: Sequence[Row]) -> FindingGroup:
    known: dict[str, Any] = {name: row[name] for name in FindingGroup.__dataclass_fields__ if name in row}
    return FindingGroup(
        **known
        | {
            "group": row["grouped_as"],
            "level": GroupLevel(row["level"]),
            "severity": str(list(Severity)[row["severity_rank"]]),
            "rag": str(list(Rag)[row["rag_rank"]]),
            "remedies": tuple(str(r) for r in Remedy if row[f"remedy_{r.name.lower()}"]),
            "first": tuple(r["name"] for r in named if r["kind"] == "who"),
            "first_things": tuple(r["name"] for r in named if r["kind"] == "what"),
        }
    )


def facts_of(group: FindingGroup) -> JsonObject:
    """Return a group as JSON has it."""
    kept = {name: getattr(group, name) for name in FindingGroup.__dataclass_fields__}
    lists = {name: list(fact) for name, fact in kept.items() if isinstance(fact, tuple)}
    return kept | lists | {"since": group.since.isoformat(), "ending": str(group.ending), "level": str(group.level)}


def _share(part: int | None, whole: int | None) -> float:
    return part / whole if part is not None and whole and whole >= TOO_FEW else 0.0


# Those of highest risk first, and what is held by the most; each name once.
_FIRST = """
    WITH wanted AS (
        SELECT key, coalesce(person_name, subject_name, subject) AS who, CASE WHEN about IS NOT NULL THEN coalesce(about_name, about) END AS what,
               risk, power, first_seen
        FROM ({grouped}) AS findings_of WHERE key IN :keys
    ), named AS (
        SELECT key, 'who' AS kind, who AS name, max(risk) AS risk, min(power) AS power, min(first_seen) AS since, count(*) AS times
        FROM wanted GROUP BY key, who
        UNION ALL
        SELECT key, 'what', what, max(risk), min(power), min(first_seen), count(*)
        FROM wanted WHERE what IS NOT NULL GROUP BY key, what
    ), placed AS (
        SELECT key, kind, name, row_number() OVER (PARTITION BY key, kind ORDER BY risk DESC, power NULLS LAST, times DESC, since, name) AS place
        FROM named
    )
    SELECT key, kind, name FROM placed WHERE place <= :most ORDER BY key, kind, place
"""

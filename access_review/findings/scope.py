"""What a small change touches: the ids whose findings may be others, and those whose rows must be known to judge them.

An id is of one thing only, whatever its kind, so accounts, people, entitlements and objects are one set here. What is read
are the facts of a review, kept in an engine after the change (:mod:`access_review.facts`), and its ``findings``.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from access_review.engine import Engine


@dataclass(frozen=True, slots=True)
class Touched:
    """Ids of which something changed: ``itself`` (its row, its owner), rows that are ``beside`` it, or what it ``gives``.

    ``gives`` are entitlements; ``roles`` are those whose people must have something else now.
    """

    itself: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()

    def __or__(self, other: "Touched") -> "Touched":
        return Touched(
            self.itself | other.itself, self.beside | other.beside, self.gives | other.gives, self.roles | other.roles
        )


@dataclass(frozen=True, slots=True)
class ReviewScope:
    """``subjects`` are the ids whose findings are judged anew, ``context`` all whose rows that takes."""

    subjects: frozenset[str]
    context: frozenset[str]


class KeptFacts(Protocol):
    """Facts that are kept of everybody; the rows of a table can be found by the values of a column."""

    @property
    def engine(self) -> Engine:
        """Answer statements about the facts."""
        ...

    def find(self, name: str, column: str, values: Collection[str], columns: Sequence[str] = ()) -> pa.Table:
        """Return the rows of a table in which a column has one of some values, or some columns of them."""
        ...


def scope_of(kept: KeptFacts, touched: Touched) -> ReviewScope:
    """Follow what changed through owners, twins, roles, nesting and findings until nothing more is concerned."""
    engine = kept.engine
    known = touched.itself | _values(kept, "accounts", "person", touched.itself, "account")
    subjects = known | touched.beside | touched.gives
    if known:
        subjects |= _ids(engine, _RESTING_ON, ids=known)
    if touched.gives:
        subjects |= _ids(engine, _HOLDERS, ids=touched.gives)
    if touched.roles:
        subjects |= _ids(engine, _IN_ROLES, ids=touched.roles)
    if known or touched.gives:
        # What is said of a finding is of what it is about, too; what merely stands beside that is not.
        for column in ("about", "person"):
            subjects |= _values(kept, "findings", column, known | touched.gives, "subject")
    subjects = _with_linked(kept, subjects)
    context = frozenset[str]()
    if not engine.is_empty("applications"):
        subjects |= _ids(engine, _APPLICATIONS_HELD, ids=subjects)
        context = _ids(engine, _HOLDERS_OF_APPLICATIONS, ids=subjects)
    context |= subjects | _ids(engine, _NAMED_BY, ids=subjects) | _values(kept, "people", "person", subjects, "sponsor")
    context |= _twins(kept, context)
    context |= _values(kept, "accounts", "account", context, "person")
    # Some rules ask whether there is anybody at all.
    return ReviewScope(subjects, context | _ids(engine, "SELECT min(person) AS id FROM people"))


def _with_linked(kept: KeptFacts, ids: frozenset[str]) -> frozenset[str]:
    """Add the persons of accounts, their other accounts and synced copies, and theirs."""
    new = ids
    while new:
        found = _values(kept, "accounts", "account", new, "person") | _twins(kept, new)
        found |= _values(kept, "accounts", "person", new, "account")
        new = found - ids
        ids |= new
    return ids


def _twins(kept: KeptFacts, ids: frozenset[str]) -> frozenset[str]:
    return _values(kept, "twins", "account", ids, "twin") | _values(kept, "twins", "twin", ids, "account")


def _values(kept: KeptFacts, name: str, column: str, ids: frozenset[str], wanted: str) -> frozenset[str]:
    return frozenset(kept.find(name, column, sorted(ids), [wanted]).column(0).drop_null().to_pylist()) if ids else ids


def _ids(engine: Engine, sql: str, ids: Collection[str] = ()) -> frozenset[str]:
    found = engine.query(sql, ids=sorted(ids)) if ":ids" in sql else engine.query(sql)
    return frozenset(found.column(0).drop_null().to_pylist())


# What is judged by who owns it, knows its secret or answers for it.
_RESTING_ON = """
    SELECT object AS id FROM owned WHERE owner IN :ids OR person IN :ids
    UNION SELECT account FROM custody WHERE person IN :ids
    UNION SELECT person FROM people WHERE sponsor IN :ids
"""

_HOLDERS = """
    WITH giving AS (
        SELECT entitlement FROM closure WHERE reached IN :ids
        UNION SELECT parent FROM nesting WHERE child IN :ids
        UNION SELECT entitlement FROM entitlements WHERE entitlement IN :ids
    )
    SELECT DISTINCT account AS id FROM grants WHERE entitlement IN (SELECT entitlement FROM giving)
    UNION SELECT account FROM ticketed WHERE entitlement IN (SELECT entitlement FROM giving)
"""

_IN_ROLES = "SELECT DISTINCT person AS id FROM person_roles WHERE role IN :ids"

# How many hold an application is said of it.
_APPLICATIONS_HELD = """
    SELECT DISTINCT entitlement AS id FROM grants
    WHERE entitlement IN (SELECT object FROM applications) AND account IN :ids
"""

_HOLDERS_OF_APPLICATIONS = """
    SELECT DISTINCT account AS id FROM grants
    WHERE entitlement IN (SELECT object FROM applications WHERE object IN :ids)
"""

_NAMED_BY = """
    SELECT owner AS id FROM owned WHERE object IN :ids
    UNION SELECT person FROM owned WHERE object IN :ids
    UNION SELECT person FROM custody WHERE account IN :ids
"""

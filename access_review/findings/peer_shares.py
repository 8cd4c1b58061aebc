"""How many others have what findings are about: counted beside a review, never part of a finding.

The role that tells most about a person is the smallest of theirs that several share. Of it, and of everybody, is
counted who has each entitlement that something was found about, directly or through nesting; and which single
nesting edge gives it to those who do not hold it themselves.

Who has something is a set of people, by number, for each thing in turn: all pairs of a person and what they have are
twenty for each grant, and are never listed.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from access_review.engine import Engine
from access_review.engine.relation import NamedRelation

Numbers = NDArray[np.int64]
_NONE: Numbers = np.zeros(0, np.int64)
_MUCH = 100  # to sort this part of all people takes as long as to look through them

MOST_PEOPLE = 200_000
"""People above whom nobody is counted: it would not fit into memory beside the review."""

TOO_FEW = 3
"""People that a role needs before their share says anything."""


def count_shares(engine: Engine, found: str) -> None:
    """Create ``telling_roles``, ``role_sizes``, ``holder_shares``, ``role_shares`` and ``edges_behind`` of a review's facts.

    ``found`` is the table ``hits`` or ``findings``. Of very many people nobody is counted: then the last three are
    there, and empty.
    """
    (people,) = engine.rows("SELECT count(*) AS number FROM people")
    counted = people["number"] <= MOST_PEOPLE
    engine.view("at_issue", f"SELECT subject, about FROM {found} WHERE about IS NOT NULL")
    ROLE_SIZES.make(engine)
    TELLING_ROLES.make(engine, several=TOO_FEW)
    if counted:
        _count_holders(engine)
        EDGES.make(engine)
    else:
        for name, schema in (_SHARES | _EDGES_BEHIND).items():
            engine.register(name, schema.empty_table())


def _count_holders(engine: Engine) -> None:
    """Create ``holder_shares (entitlement, holders)`` and ``role_shares (role, entitlement, holding)``.

    They say how many people who have not left have each entitlement that something was found about, whether that was
    about them or not, and how many of those have each role.
    """
    for name, sql in _PLACES.items():
        engine.create(name, sql)
    (things,) = engine.query("SELECT entitlement FROM things_by_place ORDER BY place").columns
    (roles,) = engine.query("SELECT role FROM role_sizes ORDER BY role").columns
    giving, direct = (_Links.read(engine.query(sql), len(things)) for sql in (_GIVING, _DIRECT))
    (works_here,) = engine.query(_HERE).columns
    here = works_here.to_numpy().astype(bool)
    having = _Links.read(_with_places(engine.query(_HAVING_ROLES), roles), len(here))
    engine.drop(*_PLACES)
    holders, cells = [_NONE.reshape(0, 2)], [_NONE.reshape(0, 3)]
    for thing, found in _people_of(giving, direct, len(here)):
        of_role = np.bincount(having.of(found), minlength=len(roles))
        own = np.flatnonzero(of_role)
        holders.append(np.array([[thing, np.count_nonzero(here[found])]]))
        cells.append(np.column_stack((np.full(len(own), thing), own, of_role[own])))
    (thing, number), (of_cell, role, holding) = np.concatenate(holders).T, np.concatenate(cells).T
    columns = (
        (things.take(pa.array(thing)), number),
        (roles.take(pa.array(role)), things.take(pa.array(of_cell)), holding),
    )
    for (name, schema), parts in zip(_SHARES.items(), columns, strict=True):
        engine.register(name, pa.table(parts, schema=schema))


def _people_of(giving: "_Links", direct: "_Links", number: int) -> Iterator[tuple[int, Numbers]]:
    """Yield each thing that some of a number of people have, with those who do, each once."""
    seen = np.zeros(number, bool)
    for thing in range(len(giving.starts) - 1):
        found = direct.of(giving.of_one(thing))
        if len(found) < number // _MUCH:
            found = np.sort(found)
            people = found[np.diff(found, prepend=-1) > 0]
        else:
            seen[found] = True
            people = np.flatnonzero(seen)
            seen[people] = False
        if len(people):
            yield thing, people


def _with_places(having: pa.Table, roles: pa.ChunkedArray) -> pa.Table:
    return having.set_column(1, "role", pc.index_in(having["role"], roles.combine_chunks()))


class _Links:
    """What leads to what, both by number: of each, all that it leads to."""

    def __init__(self, before: Numbers, after: Numbers, number: int) -> None:
        order = np.argsort(before, kind="stable")
        self.after = after[order]
        self.starts = np.searchsorted(before[order], np.arange(number + 1))
        self.counts = np.diff(self.starts)

    @classmethod
    def read(cls, found: pa.Table, number: int) -> "_Links":
        """Take those of a table of two columns, the first of which has numbers below ``number``."""
        before, after = (column.to_numpy().astype(np.int64) for column in found.columns)
        return cls(before, after, number)

    def of_one(self, before: int) -> Numbers:
        """Return what one leads to."""
        return self.after[self.starts[before] : self.starts[before + 1]]

    def of(self, several: Numbers) -> Numbers:
        """Return what each of several leads to, one after the other."""
        counts = self.counts[several]
        ends = counts.cumsum()
        # Each begins so many places before where it stands in what is returned.
        shift = (self.starts[several] - ends + counts).repeat(counts)
        shift += np.arange(len(shift))
        found: Numbers = self.after[shift]
        return found


_SHARES = {
    "holder_shares": pa.schema([("entitlement", pa.string()), ("holders", pa.int64())]),
    "role_shares": pa.schema([("role", pa.string()), ("entitlement", pa.string()), ("holding", pa.int64())]),
}

_EDGES_BEHIND = {"edges_behind": pa.schema([(name, pa.string()) for name in ("subject", "about", "child")])}

_PLACES = {
    "people_by_place": """
        SELECT person, row_number() OVER (ORDER BY person) - 1 AS place
        FROM (SELECT DISTINCT person FROM accounts WHERE person IS NOT NULL) AS people
    """,
    # Everything reaches itself.
    "things_by_place": """
        SELECT entitlement, row_number() OVER (ORDER BY entitlement) - 1 AS place
        FROM (SELECT DISTINCT reached AS entitlement FROM closure) AS things
    """,
}

_HERE = """
    SELECT coalesce(people.status <> 'left', TRUE) AS here
    FROM people_by_place AS places LEFT JOIN people ON people.person = places.person
    ORDER BY places.place
"""

_GIVING = """
    SELECT things.place AS thing, direct.place AS direct
    FROM closure AS c
    JOIN things_by_place AS things ON things.entitlement = c.reached
    JOIN things_by_place AS direct ON direct.entitlement = c.entitlement
    WHERE c.mode = 'assigned' AND c.reached IN (SELECT about FROM at_issue)
"""

_DIRECT = """
    SELECT things.place AS thing, people.place AS person
    FROM held JOIN things_by_place AS things ON things.entitlement = held.entitlement
    JOIN people_by_place AS people ON people.person = held.person
    WHERE held.mode = 'assigned'
"""

_HAVING_ROLES = """
    SELECT DISTINCT people.place AS person, person_roles.role
    FROM person_roles JOIN people_by_place AS people ON people.person = person_roles.person
    WHERE person_roles.spell = 'current'
"""

TELLING_ROLES = NamedRelation(
    "telling_roles",
    "The role that tells most about each person: the number of the smallest that several people have.",
    ("person", "place"),
    """
    WITH ordered AS (
        SELECT role, place, row_number() OVER (
            ORDER BY CASE WHEN people >= :several THEN 0 ELSE 1 END, people, role) AS rank
        FROM role_sizes
    ), telling AS (
        SELECT mine.person, min(ordered.rank) AS rank
        FROM person_roles AS mine JOIN ordered ON ordered.role = mine.role
        WHERE mine.spell = 'current' GROUP BY mine.person
    )
    SELECT telling.person, ordered.place FROM telling JOIN ordered ON ordered.rank = telling.rank
""",
    ids={"person": "people"},
)

ROLE_SIZES = NamedRelation(
    "role_sizes",
    "How many people have each role now, and its number, from 1 on.",
    ("role", "people", "place"),
    """
    SELECT role, count(DISTINCT person) AS people, row_number() OVER (ORDER BY role) AS place
    FROM person_roles WHERE spell = 'current' GROUP BY role
""",
)

EDGES = NamedRelation(
    "edges_behind",
    "The nesting edges into an entitlement by which an account has it that does not hold it directly.",
    ("subject", "about", "child"),
    """
    WITH indirect AS (
        SELECT DISTINCT i.subject, i.about FROM at_issue AS i
        WHERE NOT EXISTS (
            SELECT 1 FROM held AS h WHERE h.account = i.subject AND h.entitlement = i.about)
    )
    SELECT DISTINCT i.subject, i.about, n.child
    FROM indirect AS i
    JOIN nesting AS n ON n.parent = i.about
    JOIN closure AS c ON c.reached = n.child
    JOIN held AS h ON h.account = i.subject AND h.entitlement = c.entitlement
""",
)

"""How much of what people hold was judged, how much was not, and why not.

A grant is judged when a role template says whether its holder may have it, or when its holder has left, so that nothing
may be held. An account is judged when whatever it holds would be.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from access_review.correlate import MATCHED_KINDS
from access_review.engine import Engine
from access_review.tables import Row


class NotJudged(StrEnum):
    """Why nothing says whether an account may hold what it holds."""

    NO_OWNER = "no-owner"
    NO_ROLE = "no-role"
    NOT_A_PERSON = "not-a-person"
    """Service, shared and other accounts, whose access no template of a person judges."""


@dataclass(frozen=True, slots=True)
class UnjudgedPart:
    """How many accounts, and how many grants of theirs, were not judged for one reason."""

    why: NotJudged
    accounts: int
    grants: int


@dataclass(frozen=True, slots=True)
class Judged:
    """All accounts and direct grants, their synced copies apart, and those that were not judged, by why."""

    accounts: int
    grants: int
    copies: int
    unjudged: tuple[UnjudgedPart, ...]

    @property
    def accounts_judged(self) -> int:
        """How many accounts were judged."""
        return self.accounts - sum(part.accounts for part in self.unjudged)

    @property
    def grants_judged(self) -> int:
        """How many grants were judged."""
        return self.grants - sum(part.grants for part in self.unjudged)

    @property
    def whole(self) -> bool:
        """Tell whether all of it was judged."""
        return not self.unjudged


def measure_judged(engine: Engine, people: Collection[str] = ()) -> Judged:
    """Count what was judged in a review whose facts are established in the engine; of some ``people`` alone, where given."""
    only, named = ("WHERE accounts.person IN :people", {"people": tuple(sorted(people))}) if people else ("", {})
    rows = engine.rows(_COUNTED.format(only=only), kinds=MATCHED_KINDS, **named)
    unjudged = [UnjudgedPart(NotJudged(row["why"]), row["accounts"], row["grants"]) for row in rows if row["why"]]
    accounts, grants, copies = (sum(row[column] for row in rows) for column in ("accounts", "grants", "copies"))
    return Judged(accounts, grants, copies, tuple(unjudged))


def list_unjudged(engine: Engine) -> list[Row]:
    """Return the accounts that hold what was not judged: ``account, person, why`` (:class:`NotJudged`) and ``grants``, how many."""
    return engine.rows(_LISTED.format(only=""), kinds=MATCHED_KINDS)


_EACH = """
    WITH granted AS (
        SELECT account, count(*) AS held, count(CASE WHEN mirrored THEN 1 END) AS copies FROM held GROUP BY account
    ), judged AS (
        SELECT accounts.account, accounts.person,
               CASE WHEN people.status = 'left' OR roles.role_set IS NOT NULL THEN ''
                    WHEN accounts.person IS NOT NULL THEN 'no-role'
                    WHEN accounts.kind IN :kinds THEN 'no-owner'
                    ELSE 'not-a-person' END AS why,
               coalesce(granted.held - granted.copies, 0) AS grants, coalesce(granted.copies, 0) AS copies
        FROM accounts
        LEFT JOIN granted ON granted.account = accounts.account
        LEFT JOIN people ON people.person = accounts.person
        LEFT JOIN person_role_sets AS roles ON roles.person = accounts.person
        {only}
    )
"""
_COUNTED = f"""{_EACH}
    SELECT why, count(*) AS accounts, CAST(sum(grants) AS BIGINT) AS grants, CAST(sum(copies) AS BIGINT) AS copies
    FROM judged GROUP BY why ORDER BY why
"""
_LISTED = f"""{_EACH}
    SELECT account, person, why, CAST(grants AS BIGINT) AS grants FROM judged
    WHERE why <> '' AND grants > 0 ORDER BY account
"""

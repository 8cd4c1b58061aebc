"""What conclusions rest on: which accounts find their person, which access a template judges, who has no role.

Asked of an engine in which a review's facts are established.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from access_review.correlate import MATCHED_KINDS, person_column_matches
from access_review.engine import Engine

FEW = 0.9
"""Share of a source's accounts below which too few find their person for its findings to be believed."""

ACCOUNT_COLUMNS = ("employee_id", "principal_name", "mail", "name", "display_name")
PERSON_COLUMNS = ("person", "mail", "name")
_BETTER = 0.05  # what another pair of columns must add to be worth naming


@dataclass(frozen=True, slots=True)
class ColumnPair:
    """A column of accounts and one of people, and how many accounts find one person by it, and no second."""

    account: str
    person: str
    found: int


@dataclass(frozen=True, slots=True)
class SourceMatch:
    """How the accounts of a source that belong to people find them.

    ``rungs`` has how many found theirs by each rung; ``ambiguous`` found several, and have none.
    ``better`` is the pair of columns that finds clearly more, where too few are found.
    """

    source: str
    accounts: int
    rungs: tuple[tuple[str, int], ...]
    ambiguous: int
    better: ColumnPair | None = None

    @property
    def found(self) -> int:
        """How many accounts have a person."""
        return sum(number for _, number in self.rungs)

    @property
    def few(self) -> bool:
        """Tell whether too few find their person."""
        return self.found < FEW * self.accounts


@dataclass(frozen=True, slots=True)
class SourceJudged:
    """How many direct grants of a source there are, and how many some template judges."""

    source: str
    grants: int
    judged: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Both by source, in order, and the people who work here and have no role, by id and name."""

    matches: tuple[SourceMatch, ...]
    judged: tuple[SourceJudged, ...]
    people: int
    roleless: tuple[tuple[str, str | None], ...]

    @property
    def few(self) -> tuple[SourceMatch, ...]:
        """The sources of which too few accounts find their person."""
        return tuple(one for one in self.matches if one.few)


def measure(engine: Engine) -> Coverage:
    """Measure the coverage of a review whose facts are established in the engine."""
    (working,) = engine.rows("SELECT count(*) AS people FROM people WHERE status IN ('active', 'leave')")
    return Coverage(tuple(_matches(engine)), tuple(_judged(engine)), working["people"], tuple(_roleless(engine)))


def _matches(engine: Engine) -> Iterator[SourceMatch]:
    # Where nobody is in a roster there is nobody to find.
    if not engine.rows("SELECT person FROM people LIMIT 1"):
        return
    rows = engine.rows(
        """
        SELECT source, rung, person IS NULL AND account IN (SELECT account FROM candidates) AS several, count(*) AS accounts
        FROM accounts WHERE kind IN :kinds GROUP BY ALL ORDER BY ALL
        """,
        kinds=MATCHED_KINDS,
    )
    for source in dict.fromkeys(row["source"] for row in rows):
        own = [row for row in rows if row["source"] == source]
        match = SourceMatch(
            source,
            sum(row["accounts"] for row in own),
            tuple((row["rung"], row["accounts"]) for row in own if row["rung"]),
            sum(row["accounts"] for row in own if row["several"]),
        )
        yield replace(match, better=_better(engine, match)) if match.few else match


def _better(engine: Engine, match: SourceMatch) -> ColumnPair | None:
    """Return the pair of columns that finds clearly more people than the ladder does, if there is one."""
    pairs = [
        ColumnPair(account, person, _found(engine, match.source, account, person))
        for account in ACCOUNT_COLUMNS
        for person in PERSON_COLUMNS
    ]
    best = max(pairs, key=lambda pair: pair.found)
    return best if best.found > match.found + _BETTER * match.accounts else None


def _found(engine: Engine, source: str, account: str, person: str) -> int:
    (row,) = engine.rows(
        f"""
        SELECT count(*) AS found FROM (
            SELECT account FROM accounts AS a JOIN people AS p ON {person_column_matches(account, person)}
            WHERE a.source = :source AND a.kind IN :kinds GROUP BY account HAVING count(*) = 1
        ) AS single
        """,
        source=source,
        kinds=MATCHED_KINDS,
    )
    return int(row["found"])


def _judged(engine: Engine) -> Iterator[SourceJudged]:
    rows = engine.rows(
        """
        SELECT accounts.source, count(*) AS grants, count(*) FILTER (WHERE verdict <> '') AS judged
        FROM held JOIN accounts USING (account) WHERE NOT mirrored GROUP BY accounts.source ORDER BY accounts.source
        """
    )
    for row in rows:
        yield SourceJudged(row["source"], row["grants"], row["judged"])


def _roleless(engine: Engine) -> Sequence[tuple[str, str | None]]:
    rows = engine.rows(
        """
        SELECT person, name FROM people
        WHERE status IN ('active', 'leave') AND person NOT IN (SELECT person FROM person_role_sets) ORDER BY person
        """
    )
    return [(row["person"], row["name"]) for row in rows]

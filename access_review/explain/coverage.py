"""What conclusions rest on: which accounts find their person, which access a template judges, who has no role.

Asked of an engine in which a review's facts are established.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from access_review.correlate import MATCHED_KINDS, accounts_beside_people
from access_review.engine import Engine
from access_review.engine.sql import json_path
from access_review.settings import PERSON_COLUMNS, Ignored, Rung

FEW = 0.9
"""Share of a source's accounts below which too few find their person for its findings to be believed."""

_ACCOUNT_COLUMNS = ("employee_id", "principal_name", "mail", "name", "display_name")
_BETTER = 0.05  # what another pair of columns must add to be worth naming
_ASKED = 1000  # people whose attributes are looked at for one that names an account
_PLAIN = re.compile(r"(?!(?:true|false|null|yes|no|on|off|y|n)$)[A-Za-z][A-Za-z0-9_]*", re.IGNORECASE)
_TELLING = 0.8  # share of their values that are different, of an attribute that may name somebody


@dataclass(frozen=True, slots=True)
class ColumnPair:
    """A column of accounts and one of people, and how many accounts find one person by it, and no second."""

    account: str
    person: str
    found: int
    ignoring: str | None = None

    @property
    def rung(self) -> str:
        """Write it as a line under ``match``; a change may rest on ids alone."""
        ignoring = f", ignoring: {self.ignoring}" if self.ignoring else ""
        guess = "" if (self.account, self.person) == ("employee_id", "person") else ", certain: false"
        # An attribute has whatever name a roster gives it; text in JSON is text in YAML.
        person = self.person if _PLAIN.fullmatch(self.person) else json.dumps(self.person, ensure_ascii=False)
        return f"{{on: [{self.account}, {person}]{ignoring}{guess}}}"


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
    best: ColumnPair | None = None
    reached = match.found
    for rung in _rungs_to_try(_telling_attributes(engine)):
        # What ignores more is only better where it finds clearly more.
        if reached < FEW * match.accounts or rung.ignoring is None:
            found = _found(engine, match.source, rung)
            if found > reached + (_BETTER * match.accounts if best is None or rung.ignoring else 0):
                best, reached = ColumnPair(rung.on[0], rung.on[1], found, rung.ignoring), found
    return best


def _rungs_to_try(attributes: Sequence[str]) -> Iterator[Rung]:
    """Yield pairs of columns, those that ignore nothing first."""
    ids = ("person", *attributes)
    tried: tuple[tuple[Ignored | None, tuple[str, ...], tuple[str, ...]], ...] = (
        (None, _ACCOUNT_COLUMNS, (*PERSON_COLUMNS, *attributes)),
        (Ignored.LEADING_ZEROS, ("employee_id", "name"), ids),
        (Ignored.DOMAIN, ("name", "principal_name"), ids),
        (Ignored.MAIL_DOMAIN, ("principal_name", "mail", "name"), ("mail", *ids)),
        (Ignored.NAME_ORDER, ("display_name", "name"), ("name",)),
    )
    for ignoring, accounts, people in tried:
        for account in accounts:
            for person in people:
                # What no ladder may say, such as an attribute that reads like a misspelt column, is not proposed either.
                with suppress(ValueError):
                    yield Rung(on=(account, person), ignoring=ignoring, certain=False)


def _telling_attributes(engine: Engine) -> tuple[str, ...]:
    """Return the HR attributes that are different for nearly everybody, as a login is."""
    rows = engine.rows(
        f"SELECT attributes FROM assignments WHERE attributes IS NOT NULL ORDER BY person, seq LIMIT {_ASKED}"
    )
    values: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for name, value in json.loads(row["attributes"]).items():
            values[name].append(str(value).casefold())
    return tuple(sorted(name for name, own in values.items() if len(set(own)) > max(1.0, _TELLING * len(own))))


def _found(engine: Engine, source: str, rung: Rung) -> int:
    (row,) = engine.rows(
        f"""
        SELECT count(*) AS found FROM (
            SELECT account FROM {accounts_beside_people(rung, "attribute")}
            WHERE a.source = :source AND a.kind IN :kinds GROUP BY account HAVING count(*) = 1
        ) AS single
        """,
        source=source,
        kinds=MATCHED_KINDS,
        attribute=json_path(rung.on[1]),
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

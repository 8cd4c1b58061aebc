"""What somebody means who names a finding, a person, an account or an entitlement."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from access_review.engine import Engine
from access_review.errors import Unclear
from access_review.explain.explanation import SubjectKind
from access_review.tables import Row

SHORTEST_PREFIX = 6
"""How many hexadecimal digits are enough by which a finding may be named, if no other begins like it."""

_LISTED = 10
_SAID = 3
_OFF = 3  # characters by which a misspelt name is longer or shorter


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What somebody asks about: one thing by its id."""

    kind: SubjectKind
    id: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id} ({self.name})"


def look_up(engine: Engine, text: str) -> Subject:
    """Return what ``text`` means: an id, the start of a finding's, an alias, ``source:kind:name``, or a bare name.

    Exactness goes first, so an id always wins over somebody's name. Letter case of
    names does not count. Raises :class:`Unclear` when nothing or several things are
    meant, and lists the latter. Reads ``accounts, entitlements, people, aliases, findings``.
    """
    for sql in (_IDS, _FINDINGS, _ALIASES, _FULL_NAMES, _BARE_NAMES):
        found = [Subject(SubjectKind(row["kind"]), row["id"], row["name"]) for row in _candidates(engine, sql, text)]
        people = [subject for subject in found if subject.kind is SubjectKind.PERSON]
        if len(people) == 1 and sql is _BARE_NAMES:
            return people[0]  # a person's accounts go by the same name; whoever means one of them gives its login
        if len(found) == 1:
            return found[0]
        if found:
            more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
            known = ", ".join(map(str, sorted(found)[:_LISTED]))
            raise Unclear(f"{text!r} could be {len(found)} things", hint=f"name one by its id: {known}{more}")
    if near := _nearest(engine, text):
        raise Unclear(f"nothing is called {text!r}", hint=f"did you mean {', '.join(near)}?")
    raise Unclear(
        f"nothing is called {text!r}",
        hint="give the id of a finding (or its start), or a person, account or entitlement by id, source:kind:name or name",
    )


def _nearest(engine: Engine, text: str) -> list[str]:
    """Return the names most like what was asked for, the nearest first."""
    rows = engine.rows(_NAMES, shortest=len(text) - _OFF, longest=len(text) + _OFF)
    names = {row["name"].lower(): row["name"] for row in rows}
    near = difflib.get_close_matches(text.lower(), names, _SAID, cutoff=0.75)
    if not near:  # a part of a name alone: Ana of Ana Cruz
        return [row["name"] for row in engine.rows(_WITH_WORD, word=text.strip().lower(), most=_SAID)]
    return [names[found] for found in near]


def _candidates(engine: Engine, sql: str, text: str) -> Sequence[Row]:
    distinct = f"SELECT DISTINCT kind, id, name FROM ({sql}) AS found"
    return engine.rows(distinct, text=text, shortest=SHORTEST_PREFIX)


_THINGS = """
    SELECT 'account' AS kind, account AS id, name, source, split_part(account, ':', 2) AS sort FROM accounts
    UNION ALL SELECT 'entitlement', entitlement, name, source, kind FROM entitlements
    UNION ALL SELECT 'person', person, name, source, 'person' FROM people
"""

_NAMES = f"""
    SELECT name FROM ({_THINGS}) AS things WHERE name IS NOT NULL AND length(name) BETWEEN :shortest AND :longest
    UNION SELECT display_name FROM accounts WHERE length(display_name) BETWEEN :shortest AND :longest
    ORDER BY name LIMIT 200000
"""

_WITH_WORD = """
    SELECT DISTINCT name FROM people
    WHERE :word <> '' AND contains(concat(' ', lower(name), ' '), concat(' ', :word, ' ')) ORDER BY name LIMIT :most
"""

_IDS = f"""
    SELECT kind, id, coalesce(name, id) AS name FROM ({_THINGS}) AS things WHERE id = :text
    UNION ALL SELECT 'finding', finding, rule FROM findings WHERE finding = lower(:text)
"""

_FINDINGS = """
    SELECT 'finding' AS kind, finding AS id, concat(rule, ' on ', coalesce(subject_name, subject)) AS name
    FROM findings WHERE length(:text) >= :shortest AND starts_with(finding, lower(:text))
"""

_ALIASES = f"""
    SELECT things.kind, things.id, coalesce(things.name, things.id) AS name
    FROM aliases JOIN ({_THINGS}) AS things USING (id) WHERE lower(aliases.value) = lower(:text)
"""

_FULL_NAMES = f"""
    SELECT kind, id, name FROM ({_THINGS}) AS things
    WHERE lower(concat(source, ':', sort, ':', name)) = lower(:text) AND name IS NOT NULL
"""

_BARE_NAMES = f"""
    SELECT kind, id, name FROM ({_THINGS}) AS things WHERE lower(name) = lower(:text)
    UNION ALL SELECT 'account', account, name FROM accounts
    WHERE lower(:text) IN (lower(principal_name), lower(display_name), lower(mail))
    UNION ALL SELECT 'person', person, name FROM people WHERE lower(mail) = lower(:text)
"""

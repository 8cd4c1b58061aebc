"""The findings about the people who report to one manager, so that a page about them can be sent alone."""

from dataclasses import dataclass

import pyarrow as pa

from access_review.engine import Engine
from access_review.errors import Unclear, no_such


@dataclass(frozen=True, slots=True)
class Reporting:
    """A manager, or sponsor of agents, and those who report to them: by id."""

    manager: str
    name: str
    people: frozenset[str]


def reporting_to(engine: Engine, who: str) -> Reporting:
    """Return those who report to somebody, named by id, number, mail or name; raises ``Unclear`` for nobody and several."""
    found = engine.rows(_MANAGERS, who=who)
    if not found:
        names = [row["name"] for row in engine.rows(_ANSWERING)]
        raise no_such("nobody in the rosters is called", who, names, all_of_them="access-review export people")
    if len(found) > 1:
        known = ", ".join(row["person"] for row in found[:5])
        raise Unclear(f"{len(found)} people in the rosters are called {who!r}", hint=f"name one by the id: {known}")
    manager = found[0]["person"]
    people = frozenset(row["person"] for row in engine.rows(_PEOPLE, manager=manager))
    if not people:
        raise Unclear(f"nobody reports to {found[0]['name']}", hint="the roster's column manager says who does")
    return Reporting(manager, found[0]["name"], people)


def keep_findings_about(engine: Engine, people: frozenset[str]) -> pa.Table:
    """Leave in ``findings`` those about some people alone, and return them."""
    engine.register("their_people", pa.table({"their": pa.array(sorted(people), pa.string())}))
    kept = engine.query(
        "SELECT findings.* FROM findings JOIN their_people ON their = findings.person ORDER BY findings.finding"
    )
    engine.register("findings", kept)
    return kept


_MANAGERS = """
    SELECT person, coalesce(name, person) AS name FROM people
    WHERE person = :who OR native_id = :who OR lower(mail) = lower(:who) OR lower(name) = lower(:who)
    ORDER BY person
"""
_ANSWERING = """
    SELECT DISTINCT m.name FROM people AS p
    JOIN people AS m ON m.person = CASE WHEN p.kind = 'agent' THEN p.sponsor ELSE p.manager END
    WHERE m.name IS NOT NULL ORDER BY m.name
"""
_PEOPLE = "SELECT person FROM people WHERE CASE WHEN kind = 'agent' THEN sponsor ELSE manager END = :manager"

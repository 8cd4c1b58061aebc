"""Who has each role today, and which values under ``who`` nobody has."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from access_review.engine import Engine
from access_review.roles import matches
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class WhoNobodyHas:
    """An attribute under ``who`` that no roster has, or a value of it that nobody has: the template may be misspelt."""

    place: str
    role: str
    attribute: str
    value: str | None
    """Null where nobody has the attribute at all."""
    known: tuple[str, ...]
    """The attributes, or the values, that there are."""


@dataclass(frozen=True, slots=True)
class RoleMembers:
    """The people of each role by name, and what nobody has."""

    people: Mapping[str, tuple[str, ...]]
    unmatched: tuple[WhoNobodyHas, ...]


def role_members(engine: Engine, workspace: Workspace) -> RoleMembers:
    """Ask an engine in which a review's facts are established who has each role now."""
    people: dict[str, list[str]] = {template.role: [] for template in workspace.templates}
    for row in engine.rows(_MEMBERS):
        people.setdefault(row["role"], []).append(row["name"])
    return RoleMembers({role: tuple(names) for role, names in people.items()}, tuple(_unmatched(engine, workspace)))


def _unmatched(engine: Engine, workspace: Workspace) -> Iterator[WhoNobodyHas]:
    known = _known(engine)
    if not known:
        return
    for template in workspace.templates:
        place = workspace.place("template", template.role)
        for attribute, values in template.who.items():
            there = known.get(attribute)
            if there is None:
                yield WhoNobodyHas(place, template.role, attribute, None, tuple(sorted(known)))
                continue
            for value in values:
                if not any(matches(value.casefold(), one.casefold()) for one in there):
                    yield WhoNobodyHas(place, template.role, attribute, value, tuple(there))


def _known(engine: Engine) -> Mapping[str, Sequence[str]]:
    """Return every attribute of those who work here with its values."""
    found: dict[str, set[str]] = {}
    for row in engine.rows(_SAID):
        said = {**json.loads(row["attributes"] or "{}", strict=False)}
        said |= {name: row[name] for name in ("role", "client", "kind", "source")}
        for name, value in said.items():
            if value is not None:
                found.setdefault(name, set()).add(str(value).strip())
    return {name: sorted(values) for name, values in sorted(found.items())}


_MEMBERS = """
    SELECT DISTINCT r.role, r.person, coalesce(p.name, r.person) AS name
    FROM person_roles AS r JOIN people AS p USING (person) WHERE r.spell <> 'former'
    ORDER BY r.role, name, r.person
"""
_SAID = """
    SELECT DISTINCT a.role, a.client, a.attributes, p.kind, p.source
    FROM assignments AS a JOIN people AS p USING (person)
    WHERE p.status IN ('active', 'leave') AND a.status IN ('active', 'leave')
"""

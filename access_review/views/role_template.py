"""A role template after inheritance: each line, the template it comes from, and what it matches today."""

from collections.abc import Sequence
from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from access_review.roles import LISTS, Resolved
from access_review.views.explanation import TreeLine, draw_tree
from access_review.views.text import count, listed
from access_review.workspace import Workspace

NAMED = 8
"""Matches that are named; of the others only the number is said."""

_WORDS = {"must": "must have", "may": "may have", "eligible": "may be eligible for", "never": "must never have"}


class MatchedEntitlement(TypedDict):
    """An entitlement that a line of a template matches today."""

    entitlement: str
    name: str


class TemplateLine(TypedDict):
    """One line of a list: the template it comes from, its file:line, and everything it matches today, by name."""

    pattern: str
    template: str
    place: str
    matches: list[MatchedEntitlement]


class RoleTemplateValue(TypedDict):
    """A role template after inheritance, as JSON.

    ``who`` is whoever else has the role, as HR attributes with their values; ``review_by`` a day in
    ISO 8601; ``people`` has the names of whoever has the role now; ``lists`` holds the lines of must, may, eligible and never.
    """

    role: str
    place: str
    who: dict[str, list[str]]
    extends: list[str]
    review_by: str | None
    people: list[str]
    lists: dict[str, list[TemplateLine]]


def value(
    resolved: Resolved, workspace: Workspace, entitlements: pa.Table, people: Sequence[str] = ()
) -> RoleTemplateValue:
    """Return a template as JSON; ``entitlements`` is that table of a snapshot, ``people`` who has the role now."""
    wanted = frozenset().union(*(resolved.entitlements(name) for name in LISTS))
    found = entitlements.filter(pc.is_in(entitlements["entitlement"], pa.array(sorted(wanted), pa.string())))
    names = dict(zip(found["entitlement"].to_pylist(), found["name"].to_pylist(), strict=True))
    template = resolved.template
    return {
        "role": template.role,
        "place": workspace.place("template", template.role),
        "who": {key: list(values) for key, values in template.who.items()},
        "extends": list(template.extends),
        "review_by": template.review_by.isoformat() if template.review_by else None,
        "people": list(people),
        "lists": {
            name: [
                {
                    "pattern": str(pattern),
                    "template": origin,
                    "place": workspace.place(f"{name} of {origin}", str(pattern)),
                    "matches": [
                        {"entitlement": one, "name": names[one]}
                        for one in sorted(resolved.matches[pattern], key=lambda one: (names[one], one))
                    ],
                }
                for pattern, origin in resolved.patterns[name]
            ]
            for name in LISTS
        },
    }


def text(shown: RoleTemplateValue, *, short: bool = False, colour: bool = False, width: int = 100) -> str:
    """Write a template as a tree, ``width`` columns wide; short is one line with the counts."""
    if short:
        counts = ", ".join(f"{len(lines)} {name}" for name, lines in shown["lists"].items() if lines)
        return draw_tree(
            [TreeLine(f"{_title(shown)}: {_people(shown)}; {counts or 'no entitlements'}")], width=width
        ).rstrip("\n")
    who = " and ".join(f"{key} is {' or '.join(values)}" for key, values in shown["who"].items())
    below = [TreeLine(f"applies to whoever has this role in the roster{', or whose ' + who if who else ''}")]
    named = f": {listed(shown['people'], NAMED)}" if shown["people"] else ""
    below.append(
        TreeLine(
            f"{_people(shown)} {'has' if len(shown['people']) < 2 else 'have'} it now{named}",
            tone="" if shown["people"] else "warn",
        )
    )
    if shown["extends"]:
        below.append(TreeLine(f"extends {', '.join(shown['extends'])}"))
    below.append(
        TreeLine(
            f"to be looked at again by {shown['review_by']}" if shown["review_by"] else "never to be looked at again"
        )
    )
    for name, lines in shown["lists"].items():
        if lines:
            below.append(TreeLine(_WORDS[name], tuple(_line(line, shown["role"]) for line in lines)))
    return draw_tree([TreeLine(_title(shown), tuple(below))], colour=colour, width=width)


def _people(shown: RoleTemplateValue) -> str:
    return count(len(shown["people"]), "person", "people") if shown["people"] else "nobody"


def _title(shown: RoleTemplateValue) -> str:
    return f"{shown['role']} ({shown['place']})" if shown["place"] else shown["role"]


def _line(line: TemplateLine, role: str) -> TreeLine:
    origin = f", from {line['template']}" if line["template"] != role else ""
    place = f" ({line['place']})" if line["place"] else ""
    names = [match["name"] for match in line["matches"]]
    says = f"{count(len(names), 'match', 'matches')}: {listed(names, NAMED)}" if names else "matches nothing today"
    return TreeLine(f"{line['pattern']}{origin}{place}", (TreeLine(says, tone="" if names else "warn"),))

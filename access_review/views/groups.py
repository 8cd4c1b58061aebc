"""A group of findings in words: who and how many, what, how many others have it, and what would end it."""

import re
from collections.abc import Mapping, Sequence
from typing import TypedDict, cast

from access_review.findings.groups import Ending, FindingGroup, GroupLevel, Groups, facts_of
from access_review.views.group_phrases import ACTORS, PHRASES, REMEDIES
from access_review.views.text import count, parted, shorten, visible


class GroupSummary(TypedDict):
    """One group as JSON: its facts, and in words what it is, how many have it, what would end it, and why it stands there.

    Counts of peers are null where nobody was counted; ``score`` is ``risk`` × ``reach`` × ``unusual``.
    """

    group: str
    place: int
    rule: str
    level: str
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
    since: str
    remedies: list[str]
    role_people: int | None
    role_holding: int | None
    holders: int | None
    population: int
    edge: str | None
    edge_name: str | None
    reach: float
    unusual: float
    score: float
    first: list[str]
    first_things: list[str]
    ending: str
    said: str
    share: str
    ends: str
    by: str
    ranked: str


class GroupsSummary(TypedDict):
    """The groups of highest rank, how many there are in all, and of how many findings."""

    total: int
    findings: int
    first: list[GroupSummary]


def groups_summary(groups: Groups, titles: Mapping[str, str], most: int) -> GroupsSummary:
    """Return the first groups as JSON has them: ``most`` is how many."""
    return {
        "total": groups.total,
        "findings": groups.findings,
        "first": [group_summary(group, titles) for group in groups.groups[:most]],
    }


def group_summary(group: FindingGroup, titles: Mapping[str, str]) -> GroupSummary:
    """Return one group as JSON has it."""
    words = {
        "said": sentence(group, titles),
        "share": share(group),
        "ends": ending(group),
        "by": by_whom(group),
        "ranked": reasons(group),
    }
    return cast("GroupSummary", {**facts_of(group), **words})


_CHOICE = re.compile(r"\[([^\]|]*)\|([^\]|]*)\]")


def sentence(group: FindingGroup, titles: Mapping[str, str]) -> str:
    """Say what a group is, in one line."""
    phrase = PHRASES.get(group.rule)
    if phrase is None:
        return f"{titles.get(group.rule, group.rule)}: {_who(group)}"
    chosen = _CHOICE.sub(lambda match: match[1] if group.people == 1 else match[2], phrase)
    said = chosen.format(who=_who(group), what=_what(group), names=_named(group.first, group.people))
    return said[0].upper() + said[1:] if not group.first or not said.startswith(visible(group.first[0])) else said


def share(group: FindingGroup) -> str:
    """Say how many others have it, where that was counted."""
    if group.role_people and group.role_holding is not None:
        part = f"{group.role_holding:,} of {group.role_people:,} of the role have it"
        return part if group.holders is None else f"{part}, {group.holders:,} of {group.population:,} people"
    if group.holders is None:
        return ""
    return f"{group.holders:,} of {count(group.population, 'person', 'people')} {'has' if group.holders == 1 else 'have'} it"


def ending(group: FindingGroup) -> str:
    """Say what would end it."""
    match group.ending:
        case Ending.TEMPLATE:
            percent = 100 * (group.role_holding or 0) // (group.role_people or 1)
            return f"{percent} % of the role have it: the template lacks it"
        case Ending.EDGE:
            number = count(group.people, "person", "people")
            return f"one nesting edge, from {visible(group.edge_name or group.edge or '')}, gives it to {number}"
        case Ending.OUTLIER:
            return "an outlier: take away"
        case Ending.SPREAD:
            return f"people of {count(group.roles, 'role')}: its owner says who should have it, or templates do"
        case Ending.REMEDY:
            return " or ".join(REMEDIES[remedy] for remedy in group.remedies)


def by_whom(group: FindingGroup) -> str:
    """Say who would end it."""
    match group.ending:
        case Ending.TEMPLATE:
            return ACTORS["fix"]
        case Ending.EDGE:
            return ACTORS["cut"]
        case Ending.SPREAD:
            return "its owner"
        case _:
            return " or ".join(dict.fromkeys(ACTORS[remedy] for remedy in group.remedies))


def reasons(group: FindingGroup) -> str:
    """Say why it stands where it does."""
    return (
        f"risk {group.risk} × {group.reach:.2f} for {count(group.people, 'person', 'people')} concerned "
        f"× {group.unusual:.2f} for how unusual it is = {group.score:.1f}"
    )


def _who(group: FindingGroup) -> str:
    if group.people == 1 and group.first:
        return visible(group.first[0])
    number = count(group.people, "person", "people") if _about_people(group) else f"{group.people:,}"
    of_role = f" of {visible(group.role)}" if group.role and group.level is not GroupLevel.RULE else ""
    names = "" if "{names}" in PHRASES.get(group.rule, "") else f" ({_named(group.first, group.people)})"
    return f"{number}{of_role}{names if group.level is GroupLevel.RULE else ''}"


def _about_people(group: FindingGroup) -> bool:
    return group.rule not in _THINGS


_THINGS = {
    *("account-unowned", "service-unowned", "agent-unowned", "agent-beyond-purpose", "app-consent-unapproved"),
    *("guest-stale", "lookalike-account", "nesting-cycle", "nesting-escalates", "shared-unrotated"),
    *("template-overdue", "template-unresolved", "waiver-expired", "waiver-incomplete"),
}


def _what(group: FindingGroup) -> str:
    if group.entitlement is not None:
        return visible(group.entitlement_name or group.entitlement)
    if not group.first_things:
        return "something"
    return f"{group.things:,} things ({_named(group.first_things[:2], group.things)})"


def _named(names: Sequence[str], total: int) -> str:
    return parted([shorten(name, 40) for name in names] + (["…"] if total > len(names) else []))

"""The changes of a plan for the terminal: a line each, by person; where there are many, those alike in one line."""

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import typer

from access_review.changes import Action, Change
from access_review.views.text import count, listed, visible

SIGNS = {"-": "taken away", "!": "by hand: a work order for people", "+": "given back"}
"""What stands before a change, and what it says."""

_COLOURS = {"-": "red", "!": "yellow", "+": "green"}

_SENTENCES: Mapping[Action, str] = {
    Action.DISABLE_ACCOUNT: "disable {account}",
    Action.REVOKE_SESSIONS: "end the sessions of {account}",
    Action.REMOVE_MEMBER: "take {account} out of {thing}",
    Action.REMOVE_ROLE_ASSIGNMENT: "take the role {thing} from {account}",
    Action.END_PIM: "end {thing} for {account} in PIM",
    Action.REMOVE_APPROLE: "take the app role {thing} from {account}",
    Action.REMOVE_CONSENT: "take back the consent {thing} of {account}",
    Action.CUT_NESTING: "take the group {child} out of {thing}",
    Action.MANUAL: "{manual}",
    Action.ENABLE_ACCOUNT: "enable {account} again",
    Action.ADD_MEMBER: "put {account} into {thing} again",
    Action.ADD_ROLE_ASSIGNMENT: "give the role {thing} to {account} again",
    Action.ADD_PIM: "make {thing} for {account} in PIM again",
    Action.ADD_APPROLE: "give the app role {thing} to {account} again",
    Action.ADD_CONSENT: "give the consent {thing} of {account} again",
    Action.ADD_NESTING: "put the group {child} into {thing} again",
}

_ALIKE = 5
"""So many accounts that lose one thing are one line."""

_LISTED = 3

_PERSON = 8
"""Lines that one person's changes may take where not all fit."""

_ALSO = "also loses "


@dataclass(frozen=True, slots=True)
class Screen:
    """What is drawn on: coloured or not, how many columns wide, and whether everything is wanted or what fits."""

    colour: bool = False
    width: int = 100
    whole: bool = False

    def line(self, sign: str, text: str, indent: int = 2) -> list[str]:
        """Return a line behind its sign, wrapped below its text: nothing of it is cut."""
        before, behind = " " * indent, " " * (indent + 2)
        first, *rest = textwrap.wrap(text, max(self.width - indent - 2, 40), break_on_hyphens=False) or [""]
        shown = typer.style(sign, fg=_COLOURS[sign], bold=True) if self.colour and sign in _COLOURS else sign
        return [f"{before}{shown} {first}", *(behind + line for line in rest)]

    def strong(self, text: str) -> str:
        """Return text in bold, where that can be seen."""
        return typer.style(text, bold=True) if self.colour else text


def sign(change: Change) -> str:
    """Return what stands before a change."""
    if change.action.restores:
        return "+"
    return "!" if change.action is Action.MANUAL else "-"


def sentence(change: Change) -> str:
    """Say one change and what goes with it."""
    target = change.target
    names = {
        "account": visible(target.account.name) if target.account else "",
        "thing": visible(target.entitlement.name) if target.entitlement else "",
        "child": visible(target.child.name) if target.child else "",
        "manual": visible(target.manual),
    }
    said = _SENTENCES[change.action].format(**names)
    where = "" if change.action is Action.MANUAL else f" ({visible(target.source)}{_mode(target.mode)})"
    return said + where + _besides(change.collateral)


def _besides(collateral: Sequence[str]) -> str:
    """Say what goes with a change: what is lost once, with its words before the first."""
    if not collateral:
        return ""
    more = [text.removeprefix(_ALSO) for text in collateral if text.startswith(_ALSO)]
    others = [text for text in collateral if not text.startswith(_ALSO)]
    parts = ([_ALSO + listed(more, _LISTED)] if more else []) + ([listed(others, _LISTED)] if others else [])
    return f"; {'; '.join(parts)}"


def lines(changes: Sequence[Change], screen: Screen, room: int) -> list[str]:
    """Return every change by person, or what fits: what many lose first, then person by person, then how many more."""
    if not changes:
        return []
    signs = dict.fromkeys(sign(change) for change in changes)
    legend = ["   ".join(f"{one} {SIGNS[one]}" for one in SIGNS if one in signs)]
    shown = [line for group in _by_person(changes) for line in _person(group, screen)]
    if screen.whole or len(shown) < room:
        return [*legend, *shown]
    return [*legend, *_short(changes, screen, room - 2)]


def _short(changes: Sequence[Change], screen: Screen, room: int) -> Iterator[str]:
    """Yield so many lines: half of them may be of changes that are alike."""
    half, told = room // 2, set[str]()
    for group in _alike(changes):
        drawn = screen.line(sign(group[0]), _together(group), indent=0)
        if len(drawn) > room - half:
            break
        room -= len(drawn)
        told |= {change.id for change in group}
        yield from drawn
    for group in _by_person([change for change in changes if change.id not in told]):
        drawn = [*_person(group, screen)]
        if len(drawn) > min(room, _PERSON):
            drawn = [*_person(group, screen, most=3)]
        if len(drawn) > room:
            break
        room -= len(drawn)
        told |= {change.id for change in group}
        yield from drawn
    if more := [change for change in changes if change.id not in told]:
        people = len({_whose(change) for change in more})
        yield f"… and {count(len(more), 'change')} more for {count(people, 'person', 'people')}: --all shows each"


def _alike(changes: Sequence[Change]) -> list[list[Change]]:
    """Return changes that take one thing from many, those of most first."""
    groups: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
    for change in changes:
        if change.target.entitlement and not change.target.child:
            groups[change.action, change.target.source, change.target.entitlement.id].append(change)
    many = [group for group in groups.values() if len(group) >= _ALIKE]
    return sorted(many, key=lambda group: (-len(group), changes.index(group[0])))


def _together(group: Sequence[Change]) -> str:
    """Say that many lose one thing, and name the first of them."""
    first = group[0]
    holders = [
        change.target.person_name or (change.target.account.name if change.target.account else "") for change in group
    ]
    by_hand = first.action is Action.MANUAL
    account = replace(first.target.account, name=f"{len(group):,} accounts") if first.target.account else None
    thing = first.target.entitlement.name if first.target.entitlement else ""
    target = replace(
        first.target, account=account, manual=f"take {thing} away from {len(group):,} accounts in {first.target.source}"
    )
    said = sentence(replace(first, target=target, collateral=()))
    besides = ""
    if not by_hand and any(change.collateral for change in group):
        besides = "; more goes with it"
    return f"{said}{besides}: {listed(sorted(set(holders)), _LISTED)}"


def _by_person(changes: Sequence[Change]) -> list[list[Change]]:
    """Return the changes of each person together, in the order of the plan."""
    groups: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        groups[_whose(change)].append(change)
    return list(groups.values())


def _whose(change: Change) -> str:
    target = change.target
    thing = target.account or target.child
    return target.person or (thing.id if thing else "")


def _person(group: Sequence[Change], screen: Screen, *, most: int = 0) -> Iterator[str]:
    """Yield who it is, and the changes or the first of them."""
    first = group[0].target
    thing = first.account or first.child
    known = first.person or (thing.id if thing else "")
    name = first.person_name or first.person or (thing.name if thing else "")
    gone = ", has left" if (thing and thing.kind == "user") or not group[0].target.account else ", has ended"
    left = gone if group[0].leaver else ""
    yield f"{screen.strong(visible(name))} ({visible(known)}){left}"
    most = most if most and len(group) > most + 1 else len(group)
    for change in group[:most]:
        yield from screen.line(sign(change), sentence(change))
    if more := len(group) - most:
        yield f"    … and {more:,} more of the same person"


def _mode(mode: str) -> str:
    return f", {visible(mode)}" if mode and mode != "assigned" else ""

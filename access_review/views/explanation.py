"""An explanation in words, as a tree for the terminal."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from access_review.explain.explanation import (
    AccountCard,
    Allowance,
    CutKind,
    EntitlementCard,
    Explanation,
    FindingCard,
    GrantHeld,
    Holders,
    Hop,
    Ownership,
    PersonCard,
    PossibleCut,
    Reached,
    RoleHeld,
    RungOutcome,
    SubjectKind,
    ThingCard,
)
from access_review.views.text import between, count, day, last_day, listed, local, visible

if TYPE_CHECKING:
    from rich.tree import Tree

MOST = 12
"""How many branches of one kind are drawn; of the others only the number is said."""


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One line of the tree with those below it; ``tone`` is good, bad, warn or none."""

    text: str
    below: "TreeLines" = ()
    tone: str = ""


TreeLines: TypeAlias = Sequence[TreeLine]

_TONES = {"good": "green", "bad": "red", "warn": "yellow", "": ""}

EDGE_REASONS = {"member": "member", "grants-role": "assigned", "synced-to": "synced", "inherits": "passed on"}
"""Why one entitlement carries another, in a word."""

GRANTED_BY = {
    "member": "member",
    "primary": "primary group",
    "role-assignment": "role assignment",
    "pim": "PIM schedule",
    "approle": "app role",
    "consent": "consent",
    "licence": "licence",
    "list": "listed",
}
"""How a grant came about, in a word."""

_SPELL = {"current": "current", "grace": "ended, still within the grace period", "former": "former"}


def text(
    explanation: Explanation,
    peers: Mapping[tuple[str, str], str] = MappingProxyType({}),
    *,
    zone: str = "",
    colour: bool = False,
    width: int = 100,
) -> str:
    """Write an explanation as a tree; ``peers`` says of grants, by account and entitlement, what peers suggest.

    Moments and days are those of the clock of ``zone``, and of UTC where there is none.
    """
    drawn = draw_tree(tree_of(explanation, peers, zone), colour=colour, width=width)
    return f"{drawn}Days are those of {zone or 'UTC'}.\n" if _DAY.search(drawn) else drawn


_DAY = re.compile(r"\b(?:since|until) \d{4}-\d\d-\d\d(?! \d\d:)")


def draw_tree(trees: TreeLines, *, colour: bool = False, width: int = 100) -> str:
    """Draw trees with Unicode lines, wrapped to the width."""
    from rich.console import Console

    sink = StringIO()
    console = Console(
        file=sink,
        width=width,
        color_system="standard" if colour else None,
        force_terminal=colour,
        no_color=not colour,
    )
    for line in trees:
        console.print(_grown(line))
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines()) + "\n"


def _grown(line: TreeLine) -> "Tree":
    from rich.text import Text
    from rich.tree import Tree

    # Text takes no markup, so a name in brackets stays a name.
    tree = Tree(Text(visible(line.text), style=_TONES[line.tone]))
    for below in line.below:
        tree.children.append(_grown(below))
    return tree


def tree_of(
    explanation: Explanation, peers: Mapping[tuple[str, str], str] = MappingProxyType({}), zone: str = ""
) -> TreeLines:
    """Return an explanation as lines in a tree: first what it is about, last what would end it."""
    title = f"{explanation.kind.capitalize()} {_named(ThingCard(explanation.id, explanation.name))}"
    parts = [TreeLine(title, tuple(_facts(explanation, zone)))]
    parts += [TreeLine(*_account(account, peers, zone, explanation.leavers)) for account in explanation.accounts]
    parts += [TreeLine(*_entitlement(entitlement)) for entitlement in explanation.entitlements]
    if explanation.ends:
        parts.append(TreeLine("What would end it", _most([_end(cut) for cut in explanation.ends])))
    return parts


def _facts(explanation: Explanation, zone: str) -> Iterator[TreeLine]:
    for finding in explanation.findings[:MOST]:
        if explanation.kind is SubjectKind.FINDING:
            yield from _finding(finding, zone)
        else:
            tone = {"red": "bad", "amber": "warn"}.get(finding.rag, "")
            of_many = explanation.kind is SubjectKind.ENTITLEMENT and finding.subject.id != explanation.id
            whose = f"{finding.subject.name}: " if of_many else ""
            title = f"Finding {finding.finding[:8]} ({finding.status}): {finding.title}"
            yield TreeLine(title, (TreeLine(f"{whose}{finding.reason}"),), tone)
    if len(explanation.findings) > MOST:
        yield TreeLine(f"and {count(len(explanation.findings) - MOST, 'more finding')}")
    if explanation.person is not None:
        yield from _person(explanation.person, zone)


def _finding(finding: FindingCard, zone: str) -> Iterator[TreeLine]:
    about = f", about {_named(finding.about)}" if finding.about else ""
    yield TreeLine(f"{finding.title}: {_named(finding.subject)}{about}")
    yield TreeLine(f"Why: {finding.reason}", tone="bad" if finding.rag == "red" else "warn")
    yield TreeLine(f"Risk {finding.risk} of 100, {finding.rag}: {finding.risk_reasons}")
    waived = f" by {finding.waiver}" if finding.waiver else ""
    yield TreeLine(f"Status: {finding.status}{waived}, first seen {local(finding.first_seen, zone)}")
    yield TreeLine(f"The rule suggests: {finding.remedy}")
    if finding.controls:
        yield TreeLine(f"Controls: {', '.join(finding.controls.split())}")


def _person(person: PersonCard, zone: str) -> Iterator[TreeLine]:
    status = f"Person {_named(person.person)}: {person.person.sort}, {person.status}"
    if person.status != "left":
        yield TreeLine(status)
    else:
        gone = between(person.left_at_earliest, person.left_at_latest, zone=zone)
        yield TreeLine(
            status,
            (
                TreeLine(f"end of employment: {gone}"),
                TreeLine(f"told by HR: {local(person.notified_at, zone)}"),
                TreeLine(f"first seen by us: {local(person.first_seen_left_at, zone)}"),
            ),
            "warn",
        )
    if person.roles:
        yield TreeLine("Roles", _most([_role(role, zone) for role in person.roles]))
    else:
        yield TreeLine("No role template applies to this person, so nothing is expected", tone="warn")


def _role(role: RoleHeld, zone: str) -> TreeLine:
    client = f" at {role.client}" if role.client else ""
    spell = f"{_SPELL[role.spell]} since {day(role.since, zone=zone)}" + (
        f" until {last_day(role.until, zone=zone)}" if role.until else ""
    )
    place = f" ({role.place})" if role.place else ""
    return TreeLine(f"{role.role}{client}, {spell}: {role.because}{place}")


def _account(
    account: AccountCard, peers: Mapping[tuple[str, str], str], zone: str, leavers: Collection[str]
) -> tuple[str, TreeLines]:
    state = {True: "enabled", False: "disabled", None: "enabled or not is unknown"}[account.enabled]
    used = (
        "never used"
        if account.never_used
        else f"last used {between(account.last_used_earliest, account.last_used_latest, zone=zone)}"
    )
    title = f"Account {_named(account.account)}: {account.account.sort}, {state}, {used}"
    below = [_ownership(account.ownership)]
    if account.protected:
        below.append(TreeLine(f"Never touched: {account.protected}", tone="warn"))
    if account.owners:
        below.append(TreeLine(f"Answered for by {listed([owner.name for owner in account.owners])}"))
    if account.custodians:
        below.append(TreeLine(f"Its secret is known to {listed([one.name for one in account.custodians])}"))
    owner = account.ownership.person
    left = owner is not None and owner.id in leavers
    said = [peers.get((account.account.id, grant.entitlement.id), "") for grant in account.grants]
    grants = [_grant(one, owner, beside, zone, left=left) for one, beside in zip(account.grants, said, strict=True)]
    below.append(
        TreeLine(f"Holds directly ({len(grants)})", _most(grants))
        if grants
        else TreeLine("Holds nothing that bears on this")
    )
    return title, tuple(below)


def _ownership(owned: Ownership) -> TreeLine:
    rungs = tuple(
        TreeLine(
            f"{rung.step}. {rung.on}: {listed([p.name for p in rung.people]) or 'nobody'}"
            + ("" if rung.outcome is RungOutcome.NOBODY else f", {rung.outcome}")
            + ("" if rung.certain else " (a guess: nothing may be changed on it)")
        )
        for rung in owned.rungs
    )
    if owned.person is None:
        known = "Belongs to nobody known" if rungs else "Belongs to no one person"
        return TreeLine(f"{known}: {owned.reason}", rungs, "warn" if rungs else "")
    sure = "certain" if owned.certain else "a guess"
    return TreeLine(f"Belongs to {_named(owned.person)}, {sure}: {owned.reason}", rungs)


def _grant(grant: GrantHeld, owner: ThingCard | None, peers: str, zone: str, *, left: bool) -> TreeLine:
    how = GRANTED_BY.get(grant.via, grant.via) + (", eligible only" if grant.mode == "eligible" else "")
    times = (f", since {day(grant.since, zone=zone)}" if grant.since else "") + (
        f", until {day(grant.until, zone=zone)}" if grant.until else ""
    )
    verdict, tone = _verdict(grant, owner, left=left)
    below = [_allowance(allowance) for allowance in grant.allowed_by]
    if grant.former_role:
        below.append(
            TreeLine(
                f"allowed formerly, as {grant.former_role} until {last_day(grant.former_until, zone=zone)}", tone="warn"
            )
        )
    if peers:
        below.append(TreeLine(f"beside peers {peers}"))
    below += _most([_reach(reach, judged=bool(grant.verdict)) for reach in grant.reaches])
    if tone != "good":
        below.append(_end(grant.end, "to end it: "))
    lost = [reach.entitlement.name for reach in grant.reaches if _allowed(reach.allowed_by)]
    if grant.verdict == "mixed" and lost:
        below.append(
            TreeLine(
                f"that would take along {listed(lost)}: grant that directly first, or cut the nesting", tone="warn"
            )
        )
    return TreeLine(f"{_named(grant.entitlement)}, {how}{times}: {verdict}", tuple(below), tone)


def _verdict(grant: GrantHeld, owner: ThingCard | None, *, left: bool) -> tuple[str, str]:
    if grant.mirrored:
        return "a synced copy, judged where it is mastered", ""
    if grant.forbidden is not None:
        itself = grant.forbidden.id == grant.entitlement.id
        return "forbidden by a role" if itself else f"gives {grant.forbidden.name}, which a role forbids", "bad"
    match grant.verdict:
        case "within":
            return "allowed", "good"
        case "mixed":
            return "beyond the roles, but it carries something that is allowed", "warn"
        case "beyond":
            return f"beyond the roles: no role of {owner.name if owner else 'the holder'} allows it", "bad"
        case _ if left:
            return f"still held, though {owner.name if owner else 'the holder'} has left", "bad"
        case _:
            return "not judged: " + ("no role of the owner is known" if owner else "no owner is known"), "warn"


def _allowance(allowance: Allowance) -> TreeLine:
    place = f" ({allowance.place})" if allowance.place else ""
    origin = f", from {allowance.template}" if allowance.template != allowance.role else ""
    if allowance.through:
        return TreeLine(
            f"{allowance.role} allows it as carried by {allowance.pattern}{origin}{place}: {_path(allowance.through)}"
        )
    verb = {"eligible": "may be eligible for", "never": "must never have", "must": "must have", "may": "may have"}
    return TreeLine(
        f"{allowance.role} {verb[allowance.allows]} {allowance.pattern}{origin}{place}",
        tone="bad" if allowance.allows == "never" else "",
    )


def _reach(reach: Reached, *, judged: bool = False) -> TreeLine:
    privileged = ", privileged" if reach.entitlement.privileged else ""
    eligible = ", eligible only" if reach.mode == "eligible" else ""
    allowed = tuple(_allowance(allowance) for allowance in reach.allowed_by)
    beyond = judged and not allowed
    says = "; no role allows it" if beyond else ""
    line = f"gives {_named(reach.entitlement)}{privileged}{eligible}: {_path(reach.path)}{says}"
    return TreeLine(line, allowed, "warn" if beyond else "")


def _path(path: Sequence[Hop]) -> str:
    walked = path[0].child.name
    for hop in path:
        eligible = ", if activated" if hop.mode == "eligible" else ""
        walked += f" → {hop.parent.name} ({EDGE_REASONS.get(hop.why, hop.why)}{eligible})"
    return walked


def _allowed(allowances: Sequence[Allowance]) -> bool:
    return bool(allowances) and all(allowance.allows != "never" for allowance in allowances)


def _end(cut: PossibleCut, before: str = "") -> TreeLine:
    match cut.what:
        case CutKind.ACCOUNT:
            what = f"disable {cut.child.name}"
        case CutKind.GRANT:
            what = f"take {cut.child.name} out of {cut.parent.name}"
        case CutKind.NESTING:
            what = f"cut the nesting {cut.child.name} → {cut.parent.name}, for everybody behind it"
    if cut.removable:
        return TreeLine(f"{before}{what}, in {cut.mastered_in}")
    why = cut.why_not or "its source does not let go of it"
    return TreeLine(f"{before}{what}, in {cut.mastered_in}: not possible as such, {why}", tone="warn")


def _entitlement(of: EntitlementCard) -> tuple[str, TreeLines]:
    thing = of.entitlement
    marks = [thing.sort, f"effect: {of.effect}", "privileged" if thing.privileged else "", of.sensitivity or ""]
    below = [
        TreeLine(f"Answered for by {listed([o.name for o in of.owners])}" if of.owners else "Nobody answers for it"),
        _held("Held directly by", of.direct),
        _held("Held through nesting by", of.nested),
    ]
    if of.allowed_by:
        below.append(TreeLine("Allowed or forbidden by", _most([_allowance(a) for a in of.allowed_by])))
    else:
        below.append(TreeLine("No role template names it"))
    if of.carried_by:
        below.append(
            TreeLine(
                "Comes with", _most([TreeLine(f"{_named(r.entitlement)}: {_path(r.path)}") for r in of.carried_by])
            )
        )
    if of.gives:
        below.append(TreeLine("Gives", gives(of.gives)))
    return f"Entitlement {_named(thing)}: {', '.join(m for m in marks if m)}", tuple(below)


def gives(reached: Sequence[Reached]) -> TreeLines:
    """Return what an entitlement gives through nesting, each with its path."""
    return _most([_reach(one) for one in reached])


def _held(words: str, holders: Holders) -> TreeLine:
    if not holders.total:
        return TreeLine(f"{words} no account")
    people = f"{count(holders.total, 'account')} of {count(holders.people, 'person', 'people')}"
    return TreeLine(f"{words} {people}: {listed([h.name for h in holders.first], 12, holders.total)}")


def _most(found: list[TreeLine]) -> tuple[TreeLine, ...]:
    more = (TreeLine(f"and {len(found) - MOST:,} more"),) if len(found) > MOST else ()
    return (*found[:MOST], *more)


def _named(thing: ThingCard) -> str:
    return thing.id if thing.name == thing.id else f"{thing.name} ({thing.id})"

"""The picture of an explanation: what gives it, what allows it, what would be cut, and what else would go."""

from collections.abc import Iterable, Iterator, Sequence

from markupsafe import Markup

from access_review.explain.explanation import (
    AccountCard,
    Allowance,
    CutKind,
    EntitlementCard,
    Explanation,
    GrantHeld,
    Holders,
    PersonCard,
    SubjectKind,
)
from access_review.views.svg import (
    MOST_PATHS,
    RESTRICTS,
    BoxNote,
    Drawing,
    Node,
    account_box,
    draw,
    draw_holders,
    entitlement_box,
    outermost,
)
from access_review.views.text import day, last_day, listed


def draw_explanation(explanation: Explanation, *, alone: bool = False, zone: str = "") -> Markup:
    """Draw the paths of an explanation: people, their accounts, what those hold and what that gives; days are of ``zone``."""
    goals = frozenset(f.about.id for f in explanation.findings if f.about and explanation.kind is SubjectKind.FINDING)
    cuts = _cut(explanation, CutKind.GRANT)
    drawing = Drawing(dict(_notes(explanation, zone)), still=frozenset(explanation.still))
    for account in explanation.accounts:
        _draw_account(drawing, account, goals, cuts)
    edges = frozenset() if cuts else _cut(explanation, CutKind.NESTING)
    for entitlement in explanation.entitlements:
        _draw_entitlement(drawing, entitlement, goals, edges)
    if explanation.person and explanation.person.person.id not in drawing.nodes:
        drawing.add(Node(explanation.person.person.id, explanation.person.person.name, "person", "person"))
    title = f"Access of {explanation.name}" if explanation.person else f"Who has {explanation.name}, and what it gives"
    if explanation.kind is SubjectKind.FINDING:
        title = f"Finding {explanation.id[:8]}: {explanation.findings[0].title}"
    return draw(drawing, title=title, alone=alone)


def _cut(explanation: Explanation, what: CutKind) -> frozenset[tuple[str, str]]:
    return frozenset((cut.child.id, cut.parent.id) for cut in explanation.ends if cut.removable and cut.what is what)


def _draw_account(
    drawing: Drawing, account: AccountCard, goals: frozenset[str], cuts: frozenset[tuple[str, str]]
) -> None:
    owner = account.ownership.person
    if owner is not None:
        drawing.own(owner, account.account, certain=bool(account.ownership.certain))
    drawing.add(account_box(account.account))
    drawing.leave_out(account.account.id, len(account.grants) - MOST_PATHS)
    for grant in account.grants[:MOST_PATHS]:
        cut = (account.account.id, grant.entitlement.id) in cuts
        eligible = grant.mode == "eligible"
        drawing.hold(account.account, grant.entitlement, grant.via, goals, eligible=eligible, cut=cut)
        drawing.leave_out(grant.entitlement.id, len(grant.reaches) - MOST_PATHS)
        for reach in grant.reaches[:MOST_PATHS]:
            drawing.walk(reach.path, goals)


def _draw_entitlement(
    drawing: Drawing, entitlement: EntitlementCard, goals: frozenset[str], cuts: frozenset[tuple[str, str]]
) -> None:
    thing = entitlement.entitlement
    drawing.subject = thing.id
    drawing.add(entitlement_box(thing, goals))
    drawing.leave_out(thing.id, len(entitlement.gives) - MOST_PATHS)
    drawing.leave_out(thing.id, len(entitlement.carried_by) - MOST_PATHS, before=True)
    for reach in (*entitlement.carried_by[:MOST_PATHS], *entitlement.gives[:MOST_PATHS]):
        drawing.walk(reach.path, goals, cuts)
    _holders(drawing, entitlement.direct, f"{thing.id} holders", "directly", [thing.id])
    carriers = outermost(drawing, [reach.path for reach in entitlement.carried_by])
    _holders(drawing, entitlement.nested, f"{thing.id} nested", "through nesting", carriers)


def _holders(drawing: Drawing, held: Holders, box: str, how: str, what: Sequence[str]) -> None:
    draw_holders(drawing, box, (held.total, held.people), how, what, held.first[0].name if held.first else "")


def _notes(explanation: Explanation, zone: str) -> Iterator[tuple[str, BoxNote]]:
    """Say of each box what is to be known of it, the last word for one that is held in several ways being the best."""
    left = explanation.person is not None and explanation.person.status == "left"
    if explanation.person:
        yield explanation.person.person.id, _standing(explanation.person, zone)
    disabled = {cut.child.id for cut in explanation.ends if cut.removable and cut.what is CutKind.ACCOUNT}
    for account in explanation.accounts:
        yield account.account.id, _account(account, account.account.id in disabled)
    held = [(grant, reach) for account in explanation.accounts for grant in account.grants for reach in grant.reaches]
    for fine in (False, True):
        for grant, reach in held:
            note = RESTRICTS if reach.entitlement.restricts else _allowed(reach.allowed_by, judged=bool(grant.verdict))
            if note and (note.look == "fine") is fine:
                yield reach.entitlement.id, note
    for account in explanation.accounts:
        yield from ((grant.entitlement.id, _grant(grant, left=left)) for grant in account.grants)
    for entitlement in explanation.entitlements:
        yield entitlement.entitlement.id, _roles(entitlement)


def _standing(person: PersonCard, zone: str) -> BoxNote:
    if person.status == "left":
        return BoxNote(f"left {last_day(person.left_at_latest, zone=zone, unknown='on an unknown day')}", "bad")
    roles = list(dict.fromkeys(role.role for role in person.roles if role.spell != "former"))
    return BoxNote(listed(roles, 1) if roles else "no role is known", "" if roles else "bad")


def _account(account: AccountCard, ends: bool) -> BoxNote:
    if ends:
        return BoxNote("would be disabled", "bad")
    used = f", used {day(account.last_used_latest)}" if account.last_used_latest else ""
    known = {True: f"enabled{used}", False: "disabled", None: "enabled or not: unknown"}
    return BoxNote(known[account.enabled])


def _grant(grant: GrantHeld, *, left: bool) -> BoxNote:
    if grant.entitlement.restricts:
        return RESTRICTS
    if grant.mirrored:
        return BoxNote("a synced copy")
    if grant.forbidden is not None:
        return BoxNote("a role forbids it", "bad")
    match grant.verdict:
        case "within":
            return _allowed(grant.allowed_by, judged=True) or BoxNote("allowed", "fine")
        case "mixed":
            return BoxNote("allowed in part only", "bad")
        case "beyond" if grant.former_role:
            return BoxNote(f"kept from {grant.former_role}", "bad")
        case "beyond":
            return BoxNote("no role allows it", "bad")
        case _:
            return BoxNote("still held", "bad") if left else BoxNote("not judged")


def _allowed(allowances: Iterable[Allowance], *, judged: bool) -> BoxNote | None:
    found = list(allowances)
    if any(one.allows == "never" for one in found):
        return BoxNote("a role forbids it", "bad")
    if found:
        return BoxNote(f"allowed: {found[0].role}", "fine")
    return BoxNote("no role allows it", "bad") if judged else None


def _roles(entitlement: EntitlementCard) -> BoxNote:
    allowing = {one.role for one in entitlement.allowed_by if one.allows != "never"}
    return BoxNote(f"allowed to {listed(sorted(allowing), 1)}", "fine") if allowing else BoxNote("no role names it")

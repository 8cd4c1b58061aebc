"""The cards of the report: what stands on the card of a person, an entitlement and a role, and its picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from access_review.explain.cards import AccountBrief, Cards, EntitlementBrief, HeldBrief, PersonBrief, RoleBrief
from access_review.explain.explanation import ThingCard
from access_review.views import svg
from access_review.views.text import count, last_day, listed, visible

_NAMED = 12
_SAYS = {"must": "must have", "may": "may have", "eligible": "may be eligible for", "never": "must never have"}


@dataclass(frozen=True, slots=True)
class ReportCard:
    """One card: its id in the findings, its title, what kind of thing it is, its facts, and its picture."""

    id: str
    title: str
    kind: str
    facts: tuple[tuple[str, str], ...]
    picture: Markup | None = None


def set_cards(cards: Cards, zones: Mapping[str, str]) -> list[ReportCard]:
    """Return every card, people first; ``zones`` say by person on whose clock they work."""
    return [
        *(_person(one, zones.get(one.person.id, "")) for one in cards.people),
        *(_entitlement(one, cards.cuts) for one in cards.entitlements),
        *(_role(one) for one in cards.roles),
    ]


def _person(one: PersonBrief, zone: str) -> ReportCard:
    gone = f"left {last_day(one.left_at, zone=zone, unknown='on an unknown day')}"
    ended = f", {gone}" if one.status == "left" else ""
    facts = [
        ("What", f"{one.person.sort}, {one.status}{ended}" if not ended else f"{one.person.sort}{ended}"),
        ("Manager", one.manager),
        ("Roles", listed(one.roles, _NAMED) or "no role is known"),
    ]
    for account in one.accounts:
        state = {True: "enabled", False: "disabled", None: "unknown whether enabled"}[account.enabled]
        holds = count(len(account.grants), "direct grant")
        facts.append((f"In {account.source}", f"{account.account.name}: {state}, {holds}"))
    wrong = [grant.entitlement.name for account in one.accounts for grant in account.grants if _is_beyond(grant)]
    facts.append(("Beyond the roles", listed(wrong, _NAMED)))
    return ReportCard(one.person.id, one.person.name, "person", _told(facts), _draw_person(one, gone))


def _is_beyond(grant: HeldBrief) -> bool:
    return (
        not grant.mirrored
        and not grant.entitlement.restricts
        and (grant.forbidden or grant.verdict in {"beyond", "mixed"})
    )


def _would_go(grant: HeldBrief) -> bool:
    return grant.removable and _is_beyond(grant)


def _kept(one: PersonBrief) -> Iterator[str]:
    """Return what stays once what would be cut is gone; not all of it is drawn."""
    for grant in (grant for account in one.accounts for grant in account.grants if not _would_go(grant)):
        yield grant.entitlement.id
        yield from (path[-1].parent.id for path in grant.gives)


def _draw_person(one: PersonBrief, gone: str) -> Markup:
    drawing = svg.Drawing(dict(_notes(one, gone)), still=frozenset(_kept(one)))
    drawing.add(svg.Node(one.person.id, one.person.name, one.person.sort, "person"))
    for account in one.accounts:
        drawing.own(one.person, account.account, certain=account.certain)
        drawing.leave_out(account.account.id, len(account.grants) - svg.MOST_PATHS)
        for grant in account.grants[: svg.MOST_PATHS]:
            cut = _would_go(grant)
            eligible = grant.mode == "eligible"
            drawing.hold(account.account, grant.entitlement, grant.via, frozenset(), eligible=eligible, cut=cut)
            for path in grant.gives[: svg.MOST_PATHS]:
                drawing.walk(path, frozenset())
    return svg.draw(drawing, title=f"Access of {one.person.name}")


def _notes(one: PersonBrief, gone: str) -> Iterator[tuple[str, svg.BoxNote]]:
    left = one.status == "left"
    said = listed(one.roles, 1) or "no role is known"
    yield one.person.id, svg.BoxNote(gone, "bad") if left else svg.BoxNote(said)
    for account in one.accounts:
        yield account.account.id, _state(account, left)
        for grant in account.grants:
            for path in grant.gives:
                yield from _given(path[-1].parent, one, judged=bool(grant.verdict))
    for account in one.accounts:
        yield from ((grant.entitlement.id, _grant(grant, left)) for grant in account.grants)


def _state(account: AccountBrief, left: bool) -> svg.BoxNote:
    known = {True: "enabled", False: "disabled", None: "enabled or not: unknown"}
    return svg.BoxNote(known[account.enabled], "bad" if left and account.enabled is not False else "")


def _given(thing: ThingCard, one: PersonBrief, *, judged: bool) -> Iterator[tuple[str, svg.BoxNote]]:
    if thing.restricts:
        yield thing.id, svg.RESTRICTS
    elif roles := one.allowed.get(thing.id):
        yield thing.id, svg.BoxNote(f"allowed: {roles[0]}", "fine")
    elif judged:
        yield thing.id, svg.BoxNote("no role allows it", "bad")


def _grant(grant: HeldBrief, left: bool) -> svg.BoxNote:
    if grant.entitlement.restricts:
        return svg.RESTRICTS
    if grant.mirrored:
        return svg.BoxNote("a synced copy")
    if grant.forbidden:
        return svg.BoxNote("a role forbids it", "bad")
    match grant.verdict:
        case "within":
            return svg.BoxNote(f"allowed: {grant.allowed_by[0]}" if grant.allowed_by else "allowed", "fine")
        case "mixed":
            return svg.BoxNote("allowed in part only", "bad")
        case "beyond":
            return svg.BoxNote("no role allows it", "bad")
        case _:
            return svg.BoxNote("still held", "bad") if left else svg.BoxNote("not judged")


def _entitlement(one: EntitlementBrief, cuts: frozenset[tuple[str, str]]) -> ReportCard:
    thing = one.entitlement
    facts = [
        ("What", f"{'privileged ' if thing.privileged else ''}{thing.sort} of {one.system}"),
        ("For", one.description),
        ("Sensitivity", one.sensitivity),
        ("Answered for by", listed(one.owners, _NAMED) or "nobody"),
        ("Held directly", _holders(one.direct)),
        ("Through nesting", _holders(one.nested)),
        ("Roles", listed([f"{role} ({how})" for role, how in one.roles], _NAMED) or "no role template names it"),
        ("Gives besides", listed([path[-1].parent.name for path in one.gives], _NAMED)),
    ]
    return ReportCard(thing.id, thing.name, "entitlement", _told(facts), _draw_entitlement(one, cuts))


def _holders(held: tuple[int, int]) -> str:
    return f"{count(held[0], 'account')} of {count(held[1], 'person', 'people')}" if held[0] else ""


def _draw_entitlement(one: EntitlementBrief, cuts: frozenset[tuple[str, str]]) -> Markup:
    thing = one.entitlement
    allowing = [role for role, how in one.roles if how != "never"]
    note = svg.BoxNote(f"allowed: {listed(allowing, 1)}", "fine") if allowing else svg.BoxNote("no role names it")
    drawing = svg.Drawing({thing.id: note}, subject=thing.id)
    drawing.add(svg.entitlement_box(thing, frozenset()))
    drawing.leave_out(thing.id, len(one.gives) - svg.MOST_PATHS)
    drawing.leave_out(thing.id, len(one.carried_by) - svg.MOST_PATHS, before=True)
    for path in (*one.carried_by[: svg.MOST_PATHS], *one.gives[: svg.MOST_PATHS]):
        drawing.walk(path, frozenset(), cuts)
    svg.draw_holders(drawing, f"{thing.id} holders", one.direct, "directly", [thing.id])
    svg.draw_holders(
        drawing, f"{thing.id} nested", one.nested, "through nesting", svg.outermost(drawing, one.carried_by)
    )
    return svg.draw(drawing, title=f"Who has {thing.name}, and what it gives")


def _role(one: RoleBrief) -> ReportCard:
    facts = [("Held by", count(one.people, "person", "people"))]
    facts += [(_SAYS[how][0].upper() + _SAYS[how][1:], listed(names, 2 * _NAMED)) for how, names in one.says]
    facts.append(("Template", one.place))
    return ReportCard(f"role {one.role}", one.role, "role", _told(facts))


def _told(facts: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((visible(name), visible(value)) for name, value in facts if value)

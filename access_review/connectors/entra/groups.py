"""Groups, their members, and the licences that users hold or groups pass on."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from access_review.connectors.entra.properties import Object, flag, needed, objects, text, texts, type_of
from access_review.connectors.entra.queries import SEES_HIDDEN
from access_review.connectors.entra.tenant_objects import SCHEME, TableRow, TenantObjects
from access_review.tables import Row

_HIDDEN = f"the group hides its members: they are not shown without the permission {SEES_HIDDEN}"
_UNSAID = "no member, and whether the group hides them was not saved: save groups with visibility"


@dataclass(frozen=True, slots=True)
class ManagedMembership:
    """What privileged identity management says of one membership of a group."""

    row: Row
    drop: bool = False


def group(
    directory: TenantObjects, thing: Object, restricting: frozenset[str], exempting: frozenset[str]
) -> Iterator[TableRow]:
    """Translate a group.

    ``restricting`` and ``exempting`` are the ids that Conditional Access policies
    include and exclude: leaving the first loosens security, being in the second
    is a privilege.
    """
    native = thing["id"]
    name = text(thing, "displayName") or text(thing, "mailNickname") or native
    privileged = bool(flag(thing, "isAssignableToRole")) or native in exempting
    effect, removal = _effect(thing, restricting, exempting), removal_of(directory, thing)
    described, sid = text(thing, "description"), text(thing, "onPremisesSecurityIdentifier")
    yield directory.entitlement("group", native, name, effect=effect, privileged=privileged, description=described)
    yield directory.alias(SCHEME, native, directory.group(native))
    if sid:
        yield directory.alias("on-premises-sid", sid, directory.group(native))
    directory.groups[native] = removal
    directory.names[native] = name


def _effect(thing: Object, restricting: frozenset[str], exempting: frozenset[str]) -> str:
    # A group that one policy includes and another excludes loosens something either way: never cut by itself.
    if thing["id"] in restricting:
        return "restricts"
    if thing["id"] in exempting:
        return "exempts"
    mail_only = flag(thing, "mailEnabled") and not flag(thing, "securityEnabled")
    return "distribution" if mail_only and "Unified" not in texts(thing, "groupTypes") else "grants"


def removal_of(directory: TenantObjects, thing: Object) -> Row:
    """Say whether Graph can remove a member of the group, and if not, why and where it can be done."""
    kinds, here = texts(thing, "groupTypes"), {"mastered_in": directory.source.name}
    if flag(thing, "onPremisesSyncEnabled"):
        why = f"synced from {directory.synced_from}: remove the member there"
        return {"removable": False, "mastered_in": directory.synced_from, "why_not": why}
    if "DynamicMembership" in kinds:
        return {
            **here,
            "removable": False,
            "why_not": "dynamic group: its rule decides, change the rule or the attribute",
        }
    if flag(thing, "mailEnabled") and "Unified" not in kinds:
        return {**here, "removable": False, "why_not": "mail-enabled group: only Exchange changes its members"}
    return {**here, "removable": True}


def hides_members(thing: Object) -> bool:
    """Tell whether a group shows its members only to who may see hidden ones; to others it looks empty, without an error."""
    return (text(thing, "visibility") or "").casefold() == "hiddenmembership"


def members_shown(thing: Object) -> int:
    """Return how many members a group that was read with ``$expand`` or ``$count`` of them shows itself; 0 where it shows none."""
    counted, expanded = thing.get("members@odata.count"), thing.get("members")
    shown = [counted] if isinstance(counted, int) else []
    return max([*shown, len(expanded) if isinstance(expanded, list) else 0])


def why_unseen(thing: Object, sees_hidden: bool | None) -> str:
    """Return why an empty list of a group's members says nothing; empty where it does.

    ``sees_hidden`` tells whether the reader may see hidden members; null for saved pages, which do not say.
    """
    if sees_hidden:
        return ""
    if hides_members(thing):
        return _HIDDEN
    # Only groups of Microsoft 365 can hide their members. Live pages have what they were asked for.
    unsaid = sees_hidden is None and "visibility" not in thing and "Unified" in texts(thing, "groupTypes")
    return _UNSAID if unsaid else ""


def member(
    directory: TenantObjects, group_id: str, thing: Object, managed: dict[tuple[str, str], ManagedMembership]
) -> Iterator[TableRow]:
    """Translate one direct member of a group; ``managed`` has the memberships that PIM knows, by group and member."""
    native = thing["id"]
    place = f"groups/{group_id}/members/{native}"
    if not directory.can_act(thing):
        yield directory.unusable(place, f"a {type_of(thing)} as a member holds no access", directory.row_id(group_id))
        return
    pim = managed.get((group_id, native))
    if pim and pim.drop:
        return
    edge = {"native_id": native, **directory.groups[group_id], **(pim.row if pim else {})}
    yield membership(directory, group_id, native, type_of(thing), **edge)


def membership(
    directory: TenantObjects, group_id: str, member_id: str, stated_type: str, mode: str = "assigned", **edge: object
) -> TableRow:
    """Return that an account or group is in a group. Groups in groups carry on."""
    if directory.is_group(member_id, stated_type):
        nesting = {key: value for key, value in edge.items() if key not in ("since", "until", "via")}
        ends = {"child": directory.row_id(member_id), "parent": directory.row_id(group_id)}
        return "nesting", {**ends, "mode": mode, "why": "member", "reach": "transitive", **nesting}
    ends = {"account": directory.row_id(member_id), "entitlement": directory.row_id(group_id)}
    return "grants", {**ends, "mode": mode, "via": "member", **edge}


@dataclass
class Licences:
    """The licences of a tenant: who holds one of their own, which group passes one on."""

    directory: TenantObjects
    known: dict[str, str] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)
    by_group: set[tuple[str, str]] = field(default_factory=set)

    def sku(self, thing: Object) -> Iterator[TableRow]:
        """Translate a subscription."""
        native = needed(thing, "skuId")
        self.known[native] = text(thing, "skuPartNumber") or native
        yield self._entitlement(native, self.known[native])

    def of_user(self, thing: Object) -> Iterator[TableRow]:
        """Translate the licences of a user; what only a group gives is that group's."""
        states = objects(thing, "licenseAssignmentStates")
        given = {(needed(s, "skuId"), text(s, "assignedByGroup")) for s in states}
        self.by_group |= {(group_id, sku) for sku, group_id in given if group_id}
        for sku in sorted({needed(licence, "skuId") for licence in objects(thing, "assignedLicenses")}):
            sources = {group_id for of, group_id in given if of == sku}
            # Given by groups only: the group has a row of its own, and a second grant would be cut in vain.
            if sources and None not in sources:
                continue
            edge: Row = {"removable": True}
            if not sources:
                edge = {"removable": False, "why_not": "not known whether the licence is the user's own or a group's"}
            yield self._held(thing["id"], sku, edge)

    def of_group(self, thing: Object) -> None:
        """Remember the licences that a group gives its direct members."""
        self.by_group |= {(thing["id"], needed(licence, "skuId")) for licence in objects(thing, "assignedLicenses")}

    def settle(self) -> Iterator[TableRow]:
        """Yield what is known only at the end: the groups' licences, and those no subscription lists."""
        for group_id, sku in sorted(self.by_group):
            self._note(sku)
            why = "licence of a group: change the group's licences, or who is in it"
            yield self.directory.holding(
                group_id, self._id(sku), stated_type="group", via="licence", native_id=sku, removable=False, why_not=why
            )
        for sku in sorted(self.unlisted):
            yield self._entitlement(sku, sku)

    def _held(self, user_id: str, sku: str, edge: Row) -> TableRow:
        self._note(sku)
        return self.directory.holding(user_id, self._id(sku), via="licence", native_id=sku, **edge)

    def _note(self, sku: str) -> None:
        if sku not in self.known:
            self.unlisted.add(sku)

    def _id(self, sku: str) -> str:
        return self.directory.source.id("licence", sku)

    def _entitlement(self, sku: str, name: str) -> TableRow:
        return self.directory.entitlement("licence", sku, name)

"""An explanation as a value: who has what, why, by which path, and what would end it.

Made by :mod:`access_review.explain.explain`; shown by :mod:`access_review.views.explanation`
and :mod:`access_review.views.svg`. Names and reasons are exact here; views make
them safe to look at.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

FORMAT = "access-review/explanation@1"


class SubjectKind(StrEnum):
    """What can be explained."""

    FINDING = "finding"
    PERSON = "person"
    ACCOUNT = "account"
    ENTITLEMENT = "entitlement"


@dataclass(frozen=True, slots=True, order=True)
class ThingCard:
    """A person, account or entitlement, by id and by name; ``sort`` is its kind within its source.

    ``restricts`` is true of an entitlement that gives nothing and only takes away.
    """

    id: str
    name: str
    sort: str = ""
    privileged: bool = False
    restricts: bool = False


class RungOutcome(StrEnum):
    """What came of a rung."""

    NOBODY = "nobody"
    NOT_NEEDED = "not needed: an earlier rung decides"
    DECIDES = "decides"
    SEVERAL = "two candidates are no owner"


@dataclass(frozen=True, slots=True)
class RungTried:
    """One rung of the ladder: what is compared, whom it finds, and what came of it."""

    step: int
    on: str
    certain: bool
    people: tuple[ThingCard, ...]
    outcome: RungOutcome


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who an account belongs to, and why; no rung is tried for service and shared accounts."""

    person: ThingCard | None
    certain: bool | None
    reason: str
    rungs: tuple[RungTried, ...]


@dataclass(frozen=True, slots=True)
class RoleHeld:
    """A role of a person, and the assignment that gives it; ``place`` is the template's file:line."""

    role: str
    spell: str
    client: str | None
    since: datetime | None
    until: datetime | None
    because: str
    place: str


class CutKind(StrEnum):
    """What would be taken away."""

    GRANT = "grant"
    NESTING = "nesting"
    ACCOUNT = "account"
    """Disabled, not deleted."""


@dataclass(frozen=True, slots=True)
class PossibleCut:
    """What could be taken away: a grant, a nesting edge, or an account (by disabling it).

    ``child`` is what would lose ``parent``; both are the account where that is disabled.
    ``mastered_in`` is the source to do it in, ``why_not`` why it cannot simply be done.
    """

    what: CutKind
    child: ThingCard
    parent: ThingCard
    mastered_in: str
    removable: bool
    why_not: str | None


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a path: ``child`` carries ``parent``."""

    child: ThingCard
    parent: ThingCard
    why: str
    mode: str


@dataclass(frozen=True, slots=True)
class Allowance:
    """The line of a template that speaks of an entitlement; ``through`` is the path when it is merely carried."""

    role: str
    allows: str
    pattern: str
    template: str
    place: str
    through: tuple[Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class Reached:
    """What a grant gives through nesting."""

    entitlement: ThingCard
    mode: str
    path: tuple[Hop, ...]
    allowed_by: tuple[Allowance, ...]


@dataclass(frozen=True, slots=True)
class GrantHeld:
    """A direct grant with its verdict (empty: nothing to judge by), what it reaches, and what would end it."""

    entitlement: ThingCard
    mode: str
    via: str
    since: datetime | None
    until: datetime | None
    verdict: str
    forbidden: ThingCard | None
    mirrored: bool
    former_role: str | None
    former_until: datetime | None
    allowed_by: tuple[Allowance, ...]
    reaches: tuple[Reached, ...]
    end: PossibleCut


@dataclass(frozen=True, slots=True)
class AccountCard:
    """An account, its owner, and everything it holds (or what bears on one finding)."""

    account: ThingCard
    enabled: bool | None
    protected: str | None
    last_used_earliest: datetime | None
    last_used_latest: datetime | None
    never_used: bool | None
    ownership: Ownership
    owners: tuple[ThingCard, ...]
    custodians: tuple[ThingCard, ...]
    grants: tuple[GrantHeld, ...]


@dataclass(frozen=True, slots=True)
class PersonCard:
    """A person with their roles; the four instants matter for leavers."""

    person: ThingCard
    status: str
    notified_at: datetime | None
    left_at_earliest: datetime | None
    left_at_latest: datetime | None
    first_seen_left_at: datetime | None
    roles: tuple[RoleHeld, ...]


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds an entitlement by some way: how many, and the first of them."""

    total: int
    people: int
    first: tuple[ThingCard, ...]


@dataclass(frozen=True, slots=True)
class EntitlementCard:
    """An entitlement: who holds it, what gives it, what it gives, who may have it, who answers for it."""

    entitlement: ThingCard
    effect: str
    sensitivity: str | None
    owners: tuple[ThingCard, ...]
    direct: Holders
    nested: Holders
    carried_by: tuple[Reached, ...]
    gives: tuple[Reached, ...]
    allowed_by: tuple[Allowance, ...]


@dataclass(frozen=True, slots=True)
class FindingCard:
    """One finding: its code and facts, and in words. A fact is text or a whole number, and null where it is unknown."""

    finding: str
    rule: str
    title: str
    subject: ThingCard
    about: ThingCard | None
    severity: str
    rag: str
    risk: int
    risk_reasons: str
    code: str
    facts: Mapping[str, str | int | None]
    reason: str
    remedy: str
    status: str
    waiver: str | None
    first_seen: datetime
    controls: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to one question; parts that do not bear on it are empty."""

    kind: SubjectKind
    id: str
    name: str
    as_of: datetime
    findings: tuple[FindingCard, ...]
    person: PersonCard | None = None
    accounts: tuple[AccountCard, ...] = ()
    entitlements: tuple[EntitlementCard, ...] = ()
    ends: tuple[PossibleCut, ...] = ()
    still: tuple[str, ...] = ()
    """Entitlements that the accounts have, by whichever way, once what would be cut is gone."""

    @property
    def people(self) -> frozenset[str]:
        """The people whom it is about: the one, or the owners of the accounts."""
        if self.person is not None:
            return frozenset({self.person.person.id})
        owners = (account.ownership.person for account in self.accounts)
        return frozenset(owner.id for owner in owners if owner is not None)

    @property
    def leavers(self) -> frozenset[str]:
        """Those of these people who have left, as far as they are shown."""
        return frozenset({self.person.person.id} if self.person is not None and self.person.status == "left" else ())

    def to_json(self) -> dict[str, object]:
        """Return the fields as a JSON object with its format, moments in ISO 8601."""
        return {"format": FORMAT, **{name: _plain(value) for name, value in dataclasses.asdict(self).items()}}


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value

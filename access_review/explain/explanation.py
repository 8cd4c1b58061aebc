"""An explanation as a value: who has what, why, by which path, and what would end it.

Made by :mod:`access_review.explain.explain`; shown by :mod:`access_review.views.explanation`
and :mod:`access_review.views.picture`. Names and reasons are exact here; views make
them safe to look at.
"""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

FORMAT = "access-review/explanation@1"


class Kind(StrEnum):
    """What can be explained."""

    FINDING = "finding"
    PERSON = "person"
    ACCOUNT = "account"
    ENTITLEMENT = "entitlement"


@dataclass(frozen=True, slots=True, order=True)
class Thing:
    """A person, account or entitlement, by id and by name; ``sort`` is its kind within its source."""

    id: str
    name: str
    sort: str = ""
    privileged: bool = False


@dataclass(frozen=True, slots=True)
class RungTried:
    """One rung of the ladder: what is compared, whom it finds, and what came of it."""

    step: int
    on: str
    certain: bool
    people: tuple[Thing, ...]
    outcome: str


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who an account belongs to, and why; no rung is tried for service and shared accounts."""

    person: Thing | None
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


@dataclass(frozen=True, slots=True)
class Cut:
    """What could be taken away: a grant, a nesting edge, or an account (by disabling it).

    ``child`` is what would lose ``parent``; both are the account where that is disabled.
    ``mastered_in`` is the source to do it in, ``why_not`` why it cannot simply be done.
    """

    what: str
    child: Thing
    parent: Thing
    mastered_in: str
    removable: bool
    why_not: str | None


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a path: ``child`` carries ``parent``."""

    child: Thing
    parent: Thing
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
class Reach:
    """What a grant gives through nesting."""

    entitlement: Thing
    mode: str
    path: tuple[Hop, ...]
    allowed_by: tuple[Allowance, ...]


@dataclass(frozen=True, slots=True)
class GrantHeld:
    """A direct grant with its verdict (empty: nothing to judge by), what it reaches, and what would end it."""

    entitlement: Thing
    mode: str
    via: str
    since: datetime | None
    until: datetime | None
    verdict: str
    forbidden: Thing | None
    mirrored: bool
    former_role: str | None
    former_until: datetime | None
    allowed_by: tuple[Allowance, ...]
    reaches: tuple[Reach, ...]
    end: Cut


@dataclass(frozen=True, slots=True)
class Account:
    """An account, its owner, and everything it holds (or what bears on one finding)."""

    account: Thing
    enabled: bool | None
    protected: str | None
    last_used_earliest: datetime | None
    last_used_latest: datetime | None
    never_used: bool | None
    ownership: Ownership
    owners: tuple[Thing, ...]
    custodians: tuple[Thing, ...]
    grants: tuple[GrantHeld, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """A person with their roles; the four instants matter for leavers."""

    person: Thing
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
    first: tuple[Thing, ...]


@dataclass(frozen=True, slots=True)
class Entitlement:
    """An entitlement: who holds it, what gives it, what it gives, who may have it, who answers for it."""

    entitlement: Thing
    effect: str
    sensitivity: str | None
    owners: tuple[Thing, ...]
    direct: Holders
    nested: Holders
    carried_by: tuple[Reach, ...]
    gives: tuple[Reach, ...]
    allowed_by: tuple[Allowance, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding, in the words of its rule."""

    finding: str
    rule: str
    title: str
    subject: Thing
    about: Thing | None
    severity: str
    rag: str
    risk: int
    risk_reasons: str
    reason: str
    remedy: str
    status: str
    waiver: str | None
    first_seen: datetime
    controls: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to one question; parts that do not bear on it are empty."""

    kind: Kind
    id: str
    name: str
    as_of: datetime
    findings: tuple[Finding, ...]
    person: Person | None = None
    accounts: tuple[Account, ...] = ()
    entitlements: tuple[Entitlement, ...] = ()
    ends: tuple[Cut, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the explanation as JSON, moments in ISO 8601."""
        value: dict[str, Any] = _plain(dataclasses.asdict(self))
        return {"format": FORMAT, **value}


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value

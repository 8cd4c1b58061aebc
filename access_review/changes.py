"""What a plan is made of: changes, and what is left to a person."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Action(StrEnum):
    """One kind of write. Accounts are disabled, never deleted."""

    DISABLE_ACCOUNT = "disable-account"
    REVOKE_SESSIONS = "revoke-sessions"
    REMOVE_MEMBER = "remove-member"
    REMOVE_ROLE_ASSIGNMENT = "remove-role-assignment"
    END_PIM = "end-pim"
    REMOVE_APPROLE = "remove-approle"
    REMOVE_CONSENT = "remove-consent"
    CUT_NESTING = "cut-nesting"
    MANUAL = "manual"
    ENABLE_ACCOUNT = "enable-account"
    ADD_MEMBER = "add-member"
    ADD_ROLE_ASSIGNMENT = "add-role-assignment"
    ADD_PIM = "add-pim"
    ADD_APPROLE = "add-approle"
    ADD_CONSENT = "add-consent"
    ADD_NESTING = "add-nesting"

    @property
    def restores(self) -> bool:
        """Tell whether it gives back what a batch took: only undo plans have these."""
        return self in _RESTORING

    @property
    def rank(self) -> int:
        """Position in the order in which a person's access ends: sign-in, sessions, then grants."""
        return list(Action).index(self)


_RESTORING = frozenset(
    {
        Action.ENABLE_ACCOUNT,
        Action.ADD_MEMBER,
        Action.ADD_ROLE_ASSIGNMENT,
        Action.ADD_PIM,
        Action.ADD_APPROLE,
        Action.ADD_CONSENT,
        Action.ADD_NESTING,
    }
)

UNDO = {
    Action.DISABLE_ACCOUNT: "enable-account",
    Action.REVOKE_SESSIONS: "",
    Action.REMOVE_MEMBER: "add-member",
    Action.REMOVE_ROLE_ASSIGNMENT: "add-role-assignment",
    Action.END_PIM: "add-pim",
    Action.REMOVE_APPROLE: "add-approle",
    Action.REMOVE_CONSENT: "add-consent",
    Action.CUT_NESTING: "add-nesting",
    Action.MANUAL: "manual",
}
"""What takes each action back; revoked sessions simply begin anew."""


FOR_A_PERSON = "what to do is for a person to decide"
"""The reason why findings of some rules never become changes by themselves."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something a change names: by ids for machines, by name for people."""

    id: str
    native_id: str
    name: str

    @property
    def kind(self) -> str:
        """The kind, as the middle of the id has it."""
        return self.id.split(":", 2)[1]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a change is made.

    ``source`` and ``connector`` name the system that is written to. A grant has
    ``account`` and ``entitlement``, a nesting edge ``child`` and ``entitlement`` (the
    parent), a disabled account only ``account``. ``native_id`` is the id of the
    assignment itself, where the system gives it one; ``manual`` says in words what to
    do in a system that is only known from a list.
    """

    source: str
    connector: str
    account: Thing | None = None
    entitlement: Thing | None = None
    child: Thing | None = None
    mode: str = ""
    scope: str | None = None
    native_id: str | None = None
    until: datetime | None = None
    person: str | None = None
    person_name: str | None = None
    manual: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Identify the place: account, entitlement, child and mode."""
        return (
            self.account.id if self.account else "",
            self.entitlement.id if self.entitlement else "",
            self.child.id if self.child else "",
            self.mode,
        )


@dataclass(frozen=True, slots=True)
class Expectation:
    """The state a change relies on, to be found again just before it is made.

    ``present`` is the grant or edge, ``enabled`` the account where that matters,
    ``verdict`` what the roles of the person say of the grant (empty: no matter).
    """

    present: bool
    enabled: bool | None = None
    person_status: str | None = None
    verdict: str = ""


DECIDED = "decision "
"""How the name of a reviewer's decision begins, where it stands beside findings."""


@dataclass(frozen=True, slots=True)
class Change:
    """One write to one system, every finding (or reviewer's decision) that asks for it, and what else it takes."""

    id: str
    action: Action
    target: Target
    via: str
    expect_before: Expectation
    because: tuple[str, ...]
    collateral: tuple[str, ...]
    undo: str

    @property
    def leaver(self) -> bool:
        """Tell whether the change is about somebody who has left."""
        return self.expect_before.person_status == "left"

    @property
    def decided(self) -> bool:
        """Tell whether a reviewer takes away what a role may have: no rule would."""
        return self.expect_before.verdict == "within" and any(one.startswith(DECIDED) for one in self.because)


def name_of(action: Action, target: Target) -> str:
    """Return the id of a change: the same change has it in every plan."""
    text = "\x1f".join((action, target.source, *target.key))
    return "c-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def change(action: Action, target: Target, expect: Expectation, because: str, via: str = "") -> Change:
    """Return a change that one finding asks for."""
    return Change(name_of(action, target), action, target, via, expect, (because,), (), UNDO[action])


@dataclass(frozen=True, slots=True)
class ToPerson:
    """Findings that no plan settles, why not, and what a person can do."""

    findings: tuple[str, ...]
    reason: str
    ways_out: tuple[str, ...] = ()

    @property
    def loud(self) -> bool:
        """Tell whether a protection refused it, which nobody may overlook."""
        return self.reason.startswith(PROTECTED)


PROTECTED = "protected: "
"""How the reason of a refused change begins."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why one finding gives no change."""

    reason: str
    ways_out: tuple[str, ...] = ()

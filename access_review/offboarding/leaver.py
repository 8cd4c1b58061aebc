"""Leavers as values: the check list of each system, the four instants, and where each leaver stands."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from access_review.errors import Unclear, no_such


class AccessItem(StrEnum):
    """What is checked of a leaver in each system."""

    SIGN_IN = "sign-in"
    SESSIONS = "sessions"
    PRIVILEGED = "privileged"
    GRANTS = "grants"
    LICENCES = "licences"
    OWNED = "owned"
    SECRETS = "secrets"
    SHARED = "shared"
    AGENTS = "agents"
    FORWARDING = "forwarding"


class AccessState(StrEnum):
    """How an item stands; ``none`` is that there is nothing of the kind, ``not read`` that no source is about it."""

    OPEN = "open"
    UNKNOWN = "unknown"
    UNREAD = "not read"
    DONE = "done"
    NONE = "none"


class LeaverStatus(StrEnum):
    """Where a leaver stands: gone, going, or not leaving after all."""

    LEFT = "left"
    UPCOMING = "upcoming"
    STOPPED = "stopped"


class Late(StrEnum):
    """How the time that access outlived the employment compares with the target."""

    NO = "in time"
    PERHAPS = "perhaps late"
    YES = "late"
    FAILED = "failed"
    UNKNOWN = "unknown"


def worst(states: Iterable[AccessState]) -> AccessState:
    """Return the state that asks for most attention; ``none`` of no states."""
    found = set(states)
    return next((state for state in AccessState if state in found), AccessState.NONE)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the check list."""

    item: AccessItem
    state: AccessState
    open: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class System:
    """One leaver in one system.

    ``last_open_at`` and ``first_gone_at`` are the last run that saw a way to sign in
    and the first that saw none; ``verified_at`` is when a read after a change proved it.
    """

    source: str
    checks: tuple[Check, ...]
    last_open_at: datetime | None
    first_gone_at: datetime | None
    verified_at: datetime | None = None
    reopened: bool = False

    def state(self, item: AccessItem) -> AccessState:
        """Return how an item stands."""
        return next(check.state for check in self.checks if check.item is item)

    @property
    def open(self) -> int:
        """Count the items that are open."""
        return sum(check.state is AccessState.OPEN for check in self.checks)

    @property
    def clear(self) -> bool:
        """Tell whether everything that some source is about is done, nothing of it unknown."""
        return all(check.state in {AccessState.DONE, AccessState.NONE, AccessState.UNREAD} for check in self.checks)

    @property
    def had_account(self) -> bool:
        """Tell whether an account of the leaver was ever seen there."""
        signs_in = next(check for check in self.checks if check.item is AccessItem.SIGN_IN)
        return bool(self.last_open_at or self.first_gone_at or signs_in.open or signs_in.done)

    @property
    def seen(self) -> bool:
        """Tell whether anything of the leaver was ever seen there, and not merely might be."""
        return self.had_account or any(
            check.open or check.done or check.state is AccessState.OPEN for check in self.checks
        )

    def gone(self) -> "Span":
        """Return when the way to sign in was closed: exact when verified, else between two runs."""
        if self.verified_at is not None:
            return Span(self.verified_at, self.verified_at)
        return Span(self.last_open_at, self.first_gone_at)


@dataclass(frozen=True, slots=True)
class Span:
    """A moment, or a length of time, of which bounds are known."""

    least: Any = None
    most: Any = None


@dataclass(frozen=True, slots=True)
class LeaverClock:
    """How long access outlived the employment, and how that compares with the target.

    ``due_latest`` is the last minute in time for certain bounds; ``late_by`` how far
    beyond it the least length is, where it is.
    """

    target: timedelta
    least: timedelta | None
    most: timedelta | None
    late: Late
    due_earliest: datetime | None
    due_latest: datetime | None
    late_by: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Leaver:
    """Somebody who leaves, with what is open in each system."""

    person: str
    name: str
    standing: LeaverStatus
    clients: tuple[str, ...]
    privileged: bool
    involuntary: bool
    notified_at: datetime | None
    left_at_earliest: datetime | None
    left_at_latest: datetime | None
    first_seen_left_at: datetime | None
    gone_at: datetime | None
    told_late: timedelta | None
    clock: LeaverClock
    skew_least: timedelta | None
    skew_most: timedelta | None
    systems: tuple[System, ...]
    note: str = ""

    @property
    def signs_in(self) -> AccessState:
        """Tell whether any account still works."""
        return worst(system.state(AccessItem.SIGN_IN) for system in self.systems)

    @property
    def open(self) -> int:
        """Count the items that are open, over all systems."""
        return sum(system.open for system in self.systems)

    @property
    def clear(self) -> bool:
        """Tell whether everything is done in every system."""
        return all(system.clear for system in self.systems)


@dataclass(frozen=True, slots=True)
class Aims:
    """How soon access must be gone, as the policy said."""

    privileged: timedelta
    others: timedelta
    failure: timedelta


@dataclass(frozen=True, slots=True)
class Leavers:
    """Everyone who leaves, as one run sees them; what is overdue comes first."""

    run: str
    as_of: datetime
    snapshot: str
    targets: Aims
    leavers: tuple[Leaver, ...]

    def of(self, person: str) -> Leaver | None:
        """Return a leaver by id."""
        return next((leaver for leaver in self.leavers if leaver.person == person), None)


def find_leaver(leavers: Leavers, text: str) -> Leaver:
    """Return the leaver of an id, or of a name in any case; raises ``Unclear`` for none or several."""
    by_id = [one for one in leavers.leavers if text in {one.person, one.person.split(":", 2)[-1]}]
    wanted = " ".join(text.split()).casefold()
    found = by_id or [one for one in leavers.leavers if " ".join(one.name.split()).casefold() == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        known = ", ".join(f"{one.name} {one.person}" for one in found)
        raise Unclear(f"{text!r} could be {len(found)} leavers", hint=f"name one by the id: {known}")
    raise no_such(
        "nobody who leaves is called",
        text,
        {one.name for one in leavers.leavers},
        all_of_them="access-review offboarding",
    )


def limited(leavers: Leavers, some: Iterable[Leaver]) -> Leavers:
    """Return what was said of some leavers alone."""
    return replace(leavers, leavers=tuple(some))

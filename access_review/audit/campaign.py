"""The weekly campaign as it goes on: which week it is, who is reminded, and how it ends.

A campaign is opened once a week, asks its reviewers, reminds and escalates, and ends
signed off. What nobody answered in time is *not reviewed*: an exception of the review
itself, looked at first the week after, and red the second time.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from access_review.errors import PlanRefused
from access_review.policy import Reviewing
from access_review.sample.rotation import week_of


class ReminderKind(StrEnum):
    """Why a reviewer hears of a campaign, in the order in which it happens."""

    ASKED = "asked"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    NOT_REVIEWED = "not reviewed"


@dataclass(frozen=True, slots=True)
class Reminder:
    """What a reviewer was told, when, and of how many open items."""

    kind: ReminderKind
    reviewer: str
    at: datetime
    items: int


@dataclass(frozen=True, slots=True)
class Campaign:
    """One week's audit, from its draw to its sign-off.

    ``week`` is an ISO week as ``2026-W45``. ``missed`` counts, for each unit carried over, the
    campaigns in a row that did not review it; ``not_reviewed`` are the units that this one left.
    """

    run: str
    week: str
    opened_at: datetime
    missed: Mapping[str, int] = field(default_factory=dict)
    sent: tuple[Reminder, ...] = ()
    closed_at: datetime | None = None
    not_reviewed: tuple[str, ...] = ()
    signed_off_by: str | None = None
    signed_off_at: datetime | None = None
    signed_off_as: str | None = None
    """``authenticated`` where they signed with a key, ``claimed`` where a name was typed; null before that was kept."""

    @property
    def going_on(self) -> bool:
        """Tell whether answers are still waited for."""
        return self.closed_at is None and self.signed_off_at is None

    @property
    def red(self) -> tuple[str, ...]:
        """Units that this campaign left unreviewed, as one before it had."""
        return tuple(unit for unit in self.not_reviewed if self.missed.get(unit, 0) > 0)


def open_campaign(run: str, at: datetime, zone: str, before: Campaign | None, carried: Iterable[str]) -> Campaign:
    """Return a new campaign; ``carried`` are the units that the one before did not review and that are still there."""
    times = dict(before.missed) if before else {}
    return Campaign(run, week_of(at, zone), at, {unit: times.get(unit, 0) + 1 for unit in sorted(carried)})


def due_reminders(
    campaign: Campaign, waiting: Mapping[str, int], reviewing: Reviewing, now: datetime
) -> tuple[Reminder, ...]:
    """Return what reviewers with open items are to be told now; ``waiting`` counts items by reviewer.

    Each is told each thing once. Where a day was missed, only the latest is said.
    """
    if not campaign.going_on:
        return ()
    age = now - campaign.opened_at
    steps = ((reviewing.escalate, ReminderKind.ESCALATION), (reviewing.remind, ReminderKind.REMINDER))
    kind = next((kind for after, kind in steps if age >= after), ReminderKind.ASKED)
    already = {(reminder.kind, reminder.reviewer) for reminder in campaign.sent}
    return tuple(
        Reminder(kind, reviewer, now, items)
        for reviewer, items in sorted(waiting.items())
        if items and (kind, reviewer) not in already
    )


def close_campaign(
    campaign: Campaign, waiting: Mapping[str, int], units: Collection[str], reviewing: Reviewing, now: datetime
) -> Campaign:
    """End the wait when its time has come; ``units`` are those that nobody answered for completely."""
    if not campaign.going_on or now - campaign.opened_at < reviewing.close:
        return campaign
    last = tuple(Reminder(ReminderKind.NOT_REVIEWED, reviewer, now, n) for reviewer, n in sorted(waiting.items()) if n)
    return replace(campaign, closed_at=now, not_reviewed=tuple(sorted(units)), sent=(*campaign.sent, *last))


def sign_off(
    campaign: Campaign,
    by: str,
    at: datetime,
    *,
    unanswered: int,
    strangers: Collection[str],
    assurance: str = "claimed",
) -> Campaign:
    """End a campaign; raises ``PlanRefused`` while items are open in time, or somebody unknown answered.

    ``unanswered`` counts items, ``strangers`` are those who answered and are in no roster.
    """
    if campaign.signed_off_at is not None:
        raise PlanRefused(
            f"{campaign.week} was signed off by {campaign.signed_off_by} on {campaign.signed_off_at:%Y-%m-%d}",
            hint="an audit ends once",
        )
    if strangers:
        raise PlanRefused(
            f"answers of {', '.join(sorted(strangers))}, who is in no roster",
            hint="have the items decided by somebody who works here, or withdraw the answers",
        )
    if unanswered and campaign.closed_at is None:
        raise PlanRefused(
            f"{unanswered} items of {campaign.week} are open and their time is not over",
            hint="access-review remind says who is waited for; what stays open is closed as not reviewed",
        )
    return replace(campaign, signed_off_by=by, signed_off_at=at, signed_off_as=assurance)

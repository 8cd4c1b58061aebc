"""The campaign of a week, for the terminal: how far it is, and who is waited for."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from access_review.audit.campaign import Campaign, Reminder
from access_review.audit.worklist import UNASSIGNED
from access_review.views.terminal import table
from access_review.views.text import count, moment, span, visible


def text(
    campaign: Campaign,
    waiting: Mapping[str, int],
    reminders: Sequence[Reminder],
    now: datetime,
    names: Mapping[str, str],
) -> str:
    """Say how a campaign stands, and of what reviewers are reminded now; ``names`` are those of people, by id."""
    return "\n".join(_lines(campaign, waiting, reminders, now, names))


def _lines(
    campaign: Campaign,
    waiting: Mapping[str, int],
    reminders: Sequence[Reminder],
    now: datetime,
    names: Mapping[str, str],
) -> Iterator[str]:
    yield f"{campaign.week}, opened {moment(campaign.opened_at)} ({span(now - campaign.opened_at)} ago), run {campaign.run}"
    if campaign.signed_off_at:
        how = f" ({campaign.signed_off_as})" if campaign.signed_off_as else ""
        yield f"Signed off by {visible(campaign.signed_off_by or '')}{how} on {moment(campaign.signed_off_at)}"
    elif campaign.closed_at:
        yield f"Closed on {moment(campaign.closed_at)}; to be signed off: access-review sign-off --by YOU"
    open_items = sum(waiting.values())
    yield f"{count(open_items, 'item')} without an answer"
    if campaign.missed:
        yield f"{count(len(campaign.missed), 'unit')} carried over from an audit that did not review them"
    if campaign.not_reviewed:
        red = f"; {len(campaign.red)} for the second time or more (red)" if campaign.red else ""
        yield f"Not reviewed: {count(len(campaign.not_reviewed), 'unit')}{red}"
    last = {reminder.reviewer: reminder for reminder in campaign.sent}
    reminded_now = {reminder.reviewer for reminder in reminders}
    rows = [
        (named(who, names), f"{items:,}", _last(last.get(who), new=who in reminded_now))
        for who, items in sorted(waiting.items(), key=lambda item: (-item[1], item[0]))
        if who != UNASSIGNED
    ]
    if rows:
        yield ""
        yield table(("waiting for", "items", "told"), rows, numbers=(1,))
    if nobodys := waiting.get(UNASSIGNED):
        yield ""
        yield f"Nobody is known to answer {count(nobodys, 'item')}: access-review decide --by YOU --of {UNASSIGNED}"


def named(who: str, names: Mapping[str, str]) -> str:
    """Write a person as name and id."""
    name = names.get(who, who)
    return visible(who) if name == who else f"{visible(name)} ({visible(who)})"


def _last(reminder: Reminder | None, *, new: bool) -> str:
    if reminder is None:
        return "nothing yet"
    return f"{reminder.kind}, {'now' if new else moment(reminder.at)}"

"""The audit of a week, for the terminal: how far it is, and who is waited for."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from access_review.audit.campaign import Campaign, Reminder
from access_review.views.terminal import table
from access_review.views.text import count, moment, span, visible


def text(
    audit: Campaign, waiting: Mapping[str, int], told: Sequence[Reminder], now: datetime, names: Mapping[str, str]
) -> str:
    """Say how an audit stands, and what reviewers are told now; ``names`` are those of people, by id."""
    return "\n".join(_lines(audit, waiting, told, now, names))


def _lines(
    audit: Campaign, waiting: Mapping[str, int], told: Sequence[Reminder], now: datetime, names: Mapping[str, str]
) -> Iterator[str]:
    yield f"{audit.week}, opened {moment(audit.opened_at)} ({span(now - audit.opened_at)} ago), run {audit.run}"
    if audit.signed_off_at:
        yield f"Signed off by {visible(audit.signed_off_by or '')} on {moment(audit.signed_off_at)}"
    elif audit.closed_at:
        yield f"Closed on {moment(audit.closed_at)}; to be signed off: access-review sign-off --by YOU"
    open_items = sum(waiting.values())
    yield f"{count(open_items, 'item')} without an answer"
    if audit.missed:
        yield f"{count(len(audit.missed), 'unit')} carried over from an audit that did not review them"
    if audit.not_reviewed:
        red = f"; {len(audit.red)} for the second time or more (red)" if audit.red else ""
        yield f"Not reviewed: {count(len(audit.not_reviewed), 'unit')}{red}"
    last = {sent.reviewer: sent for sent in audit.sent}
    now_told = {sent.reviewer for sent in told}
    rows = [
        (named(who, names), f"{items:,}", _last(last.get(who), new=who in now_told))
        for who, items in sorted(waiting.items(), key=lambda item: (-item[1], item[0]))
    ]
    if rows:
        yield ""
        yield table(("waiting for", "items", "told"), rows, numbers=(1,))


def named(who: str, names: Mapping[str, str]) -> str:
    """Write a person as name and id."""
    name = names.get(who, who)
    return visible(who) if name == who else f"{visible(name)} ({visible(who)})"


def _last(sent: Reminder | None, *, new: bool) -> str:
    if sent is None:
        return "nothing yet"
    return f"{sent.kind}, {'now' if new else moment(sent.at)}"

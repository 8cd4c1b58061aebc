"""Notices to people about an audit: who hears of what, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from access_review.audit.campaign import Campaign, Reminder, ReminderKind
from access_review.audit.reviewers import People
from access_review.audit.worklist import UNASSIGNED, minutes_for
from access_review.views.text import count, moment, visible


@dataclass(frozen=True, slots=True)
class Notice:
    """What one person is told. ``about`` is the reviewer whose items it is about; ``mail`` is null where none is known.

    ``sheet`` is the path of the work sheet that goes with it, in the workspace; empty where none does.
    """

    about: str
    name: str
    mail: str | None
    subject: str
    text: str
    sheet: str = ""


def notices(
    audit: Campaign,
    told: Iterable[Reminder],
    people: People,
    escalate_to: Iterable[str],
    sheets: Mapping[str, str] | None = None,
) -> tuple[Notice, ...]:
    """Write what reviewers are told; of an escalation and of what ended unreviewed others hear too.

    ``sheets`` are the work sheets by reviewer: each goes to its reviewer, and to nobody else.
    """
    made = []
    for sent in told:
        hearing = [sent.reviewer]
        if sent.kind in {ReminderKind.ESCALATION, ReminderKind.NOT_REVIEWED}:
            known = (people.who(name) for name in escalate_to)
            hearing += [who for who in (people.managers.get(sent.reviewer), *known) if who]
        sheet = (sheets or {}).get(sent.reviewer, "") if sent.kind is not ReminderKind.NOT_REVIEWED else ""
        made += [
            _notice(audit, sent, who, people, sheet if who == sent.reviewer else "") for who in dict.fromkeys(hearing)
        ]
    return tuple(made)


def _notice(audit: Campaign, sent: Reminder, who: str, people: People, sheet: str) -> Notice:
    nobody = sent.reviewer == UNASSIGNED
    whose = "somebody who is to be found" if nobody else visible(people.names.get(sent.reviewer, sent.reviewer))
    items, one = count(sent.items, "item"), sent.items == 1
    subject = f"Access review {audit.week}: {sent.kind}, {items} of {whose}"
    words = {
        ReminderKind.ASKED: f"{items} {'waits' if one else 'wait'} for the answer of {whose}: one work sheet, to be filled in and sent back.",
        ReminderKind.REMINDER: f"{items} still {'waits' if one else 'wait'} for the answer of {whose}.",
        ReminderKind.ESCALATION: f"{items} {'has' if one else 'have'} waited since {moment(audit.opened_at)} for the answer of {whose}.",
        ReminderKind.NOT_REVIEWED: f"{items} of {whose} {'was' if one else 'were'} not reviewed in time. {'It comes' if one else 'They come'} again in the next audit.",
    }
    asks = f"It takes about {count(minutes_for(sent.items), 'minute')}. The work sheet: {sheet}\n" if sheet else ""
    text = f"{words[sent.kind]}\n{asks}\nOpened {moment(audit.opened_at)}, run {audit.run}.\nNo answer is never taken for a revoke.\n"
    return Notice(sent.reviewer, visible(people.names.get(who, who)), people.mails.get(who), subject, text, sheet)

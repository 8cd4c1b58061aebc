"""Remind: tell the reviewers who are waited for, and close an audit whose time is over."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from access_review import store
from access_review.artifacts import AUDIT
from access_review.audit import campaign, reviewers
from access_review.audit.campaign import Campaign, Reminder
from access_review.runs import Run
from access_review.stages import notify
from access_review.store import audits, snapshots
from access_review.views import worksheet
from access_review.views.notices import notices
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Reminded:
    """The audit as it stands, what reviewers were told now, and why somebody was not reached."""

    audit: Campaign
    sent: tuple[Reminder, ...]
    failed: tuple[str, ...]


def remind(workspace: Workspace, run: Run, now: datetime, environment: Mapping[str, str]) -> Reminded:
    """Tell whoever is to be told something now, note it, and close the audit when its time is over.

    Who was not reached is told again the next time, but for the end of an audit.
    ``environment`` holds the secrets that the policy names.
    """
    reviewing, before = workspace.policy.reviewing, store.read(run, AUDIT)
    waiting = audits.waited_for(run)
    audit = campaign.close_campaign(before, waiting, audits.not_reviewed(run), reviewing, now)
    sent = audit.sent[len(before.sent) :] or campaign.due_reminders(audit, waiting, reviewing, now)
    people = reviewers.people_of(snapshots.people(run))
    sheets = {one.reviewer: path for one in sent if (path := _sheet(workspace, run, one.reviewer))}
    written = notices(audit, sent, people, reviewing.escalate_to, sheets)
    folder = workspace.folder / notify.FOLDER
    delivered = notify.deliver(written, workspace.policy.notify, environment, folder, now)
    missed = {one.notice.about for one in delivered if one.failed}
    if audit.going_on:
        audit = replace(audit, sent=(*audit.sent, *(one for one in sent if one.reviewer not in missed)))
    audits.keep_campaign(run, audit, now, "remind")
    return Reminded(audit, sent, tuple(sorted({why for one in delivered for why in one.failed})))


def _sheet(workspace: Workspace, run: Run, reviewer: str) -> str:
    """Return where the work sheet of a reviewer is, in the workspace; nothing where there is none."""
    path = run.folder / "sample" / f"{worksheet.name_of(reviewer)}.xlsx"
    return path.relative_to(workspace.folder).as_posix() if path.is_file() else ""

"""What no unattended run says itself: that none has ended for a day, and that what two people signed for it ends soon."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from access_review.audit import reviewers
from access_review.logbook.lines import Logbook, LogEvent
from access_review.revoke import approve
from access_review.revoke.signed_removal import digest_of_removal
from access_review.stages import apply_standing
from access_review.store import logged, snapshots
from access_review.store.plans import REMOVAL, STANDING
from access_review.views import standing as view
from access_review.workspace import Workspace

_LATE = timedelta(hours=24)
_SOON = 14
_TOLD = (14, 7, 3, 2, 1, 0)
"""So many days before the end people hear of it; `daily` says it on each day of the last ``_SOON``."""


@dataclass(frozen=True, slots=True)
class _SignedJob:
    """Something that runs unattended until a day: what it is called where, what stays undone without it, and whether it was signed for."""

    name: str
    told_as: str
    approval: str
    without: str
    until: date
    signed: bool


def not_heard_of(workspace: Workspace, now: datetime) -> str:
    """Say of each unattended run that was signed for since when it has not ended well; empty where all did within a day."""
    log = logged.known(workspace.folder)
    if log is None:
        return ""
    late = ((job, _late(log, job, now)) for job in _jobs(workspace, log, now))
    return "; ".join(
        f"apply --standing {job.told_as} {since}: {job.without} until it does" for job, since in late if since
    )


def ends_soon(workspace: Workspace, now: datetime) -> str:
    """Say which signed approval of an unattended run ends within two weeks; empty where none does."""
    log = logged.known(workspace.folder)
    ending = [job for job in _jobs(workspace, log, now) if job.signed and _days(job, now) <= _SOON] if log else []
    return "; ".join(f"{job.approval} ends on {job.until}: after that {job.without}" for job in ending)


def tell_alarms(
    workspace: Workspace, late: str, ending: str, now: datetime, environment: Mapping[str, str]
) -> tuple[str, ...]:
    """Tell those who hear of unattended runs that one is ``late``, once a day, and what is ``ending``, some days before; return why somebody was not reached.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    log = logged.known(workspace.folder)
    ends = [job for job in _jobs(workspace, log, now) if job.signed and _days(job, now) in _TOLD] if log else []
    said = [view.not_heard_of(late)] if late else []
    said += [view.ends_soon(ending)] if ends else []
    run = apply_standing.newest(workspace)
    people = reviewers.people_of(snapshots.people(run) if run else ())
    hearing = apply_standing.hearing(workspace, run, people, now)
    missed = [apply_standing.tell(workspace, people, now, one, hearing, environment, always=False) for one in said]
    return tuple(sorted({why for each in missed for why in each}))


def _jobs(workspace: Workspace, log: Logbook, now: datetime) -> Iterator[_SignedJob]:
    """Yield what runs unattended and has not ended."""
    signed = {
        line.details["about"]
        for line in log.of(LogEvent.SIGNATURE)
        if line.details["kind"] == approve.StatementKind.STANDING
    }
    approval, removal = workspace.policy.standing, workspace.policy.standing_removal
    if approval and now.date() <= approval.until:
        yield _SignedJob(
            STANDING,
            "has not run to its end",
            "the standing approval",
            "leavers keep their access",
            approval.until,
            approve.digest_of_standing(approval) in signed,
        )
    if removal and now.date() <= removal.until:
        yield _SignedJob(
            REMOVAL,
            "has not ended the standing removal",
            "the standing removal",
            "nothing of it is announced or taken",
            removal.until,
            digest_of_removal(removal) in signed,
        )


def _days(job: _SignedJob, now: datetime) -> int:
    return (job.until - now.date()).days


def _late(log: Logbook, job: _SignedJob, now: datetime) -> str:
    """Say since when a job has not ended; empty where it did within a day, or was not signed for and never ran."""
    # A line from when the clock was wrong would stand for all that has not run since.
    ended = (line for line in log.of(LogEvent.OBSERVATION) if line.name == job.name and line.at <= now)
    last = max(ended, key=lambda line: line.at, default=None)
    if last is None:
        return "yet" if job.signed else ""
    return f"since {last.at:%Y-%m-%d %H:%M} UTC" if now - last.at > _LATE else ""

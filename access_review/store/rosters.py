"""Who works here now, by the newest rosters that were read whole: whoever acts must be one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from access_review.artifacts import MANIFEST
from access_review.audit import reviewers
from access_review.audit.reviewers import People
from access_review.errors import PlanRefused
from access_review.revoke.approve import Signatories
from access_review.runs import Run
from access_review.store import logged, snapshots
from access_review.store.recalled import FileStamp, stamp_of


def people_now(run: Run, now: datetime | None = None) -> People:
    """Return the people of the newest run whose rosters are whole; of ``run`` where none is newer.

    Whoever has left by a newer run that was not read whole is not here: what it lacks says nothing, what it shows does.
    With ``now``, so is whoever was to leave by then, as any of these runs read. Raises ``ArtifactError`` for files of a
    run that are damaged or gone.
    """
    newest, partial = run, []
    for later in reversed(logged.known_runs(run.workspace)):
        if later == run or later.as_of < run.as_of:
            break
        if _is_whole(later, _stamps(later)):
            newest = later
            break
        partial.append(later)
    people = _people_of(newest, _stamps(newest))
    gone: set[str] = set()
    for one in (newest, *partial):
        leavers = _leavers_of(one, _stamps(one))
        gone |= {person for person, at in leavers.ends.items() if now is not None and at <= now}
        gone |= leavers.left
    return replace(people, here=people.here - gone) if gone & people.here else people


@dataclass(frozen=True, slots=True)
class _Leavers:
    """Who has left as a run read it, and when those leave of whom it is known."""

    left: frozenset[str]
    ends: Mapping[str, datetime]


def _stamps(run: Run) -> tuple[FileStamp | None, ...]:
    """Return what changes with the files that say who people are, and whether all of them were read."""
    names = (MANIFEST.path, "snapshot/people.parquet", "snapshot/completeness.parquet")
    return tuple(stamp_of(f"{run.folder}/{name}") for name in names)


@lru_cache(maxsize=16)
def _is_whole(run: Run, stamps: tuple[FileStamp | None, ...]) -> bool:
    del stamps  # a server asks again and again
    return not snapshots.load(run).incomplete("people")


@lru_cache(maxsize=4)
def _people_of(run: Run, stamps: tuple[FileStamp | None, ...]) -> People:
    del stamps
    return reviewers.people_of(snapshots.people(run))


def signatories_of(run: Run) -> Signatories:
    """Return who is who by the roster of a run; raises ``ArtifactError``."""
    return _signatories_of(run, _stamps(run))


@lru_cache(maxsize=2)
def _signatories_of(run: Run, stamps: tuple[FileStamp | None, ...]) -> Signatories:
    del stamps  # a page asks for each plan, and a batch for each signature
    return Signatories.of(snapshots.people(run), ())


@lru_cache(maxsize=64)
def _leavers_of(run: Run, stamps: tuple[FileStamp | None, ...]) -> _Leavers:
    del stamps
    rows = snapshots.table(run, "people").select(["person", "status", "left_at_latest"]).to_pylist()
    return _Leavers(
        frozenset(row["person"] for row in rows if row["status"] == "left"),
        {row["person"]: row["left_at_latest"] for row in rows if row["left_at_latest"]},
    )


def person_now(run: Run, name: str, now: datetime) -> str:
    """Return the one person of a name who works here now, by id; raises ``PlanRefused`` for a stranger or somebody gone.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    people = people_now(run, now)
    person = people.who(name)
    if person is None:
        message, hint = people.why_nobody(name)
        raise PlanRefused(message, hint=hint)
    return person

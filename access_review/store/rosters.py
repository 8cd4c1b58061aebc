"""Who works here now, by the newest rosters that were read whole: whoever acts must be one of them."""

from access_review.audit import reviewers
from access_review.audit.reviewers import People
from access_review.errors import PlanRefused
from access_review.runs import Run
from access_review.store import logged, snapshots


def people_now(run: Run) -> People:
    """Return the people of the newest run whose rosters are whole; of ``run`` where none is newer.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    for later in reversed(logged.known_runs(run.workspace)):
        if later == run or later.as_of < run.as_of:
            break
        if not snapshots.load(later).incomplete("people"):
            return reviewers.people_of(snapshots.people(later))
    return reviewers.people_of(snapshots.people(run))


def person_now(run: Run, name: str) -> str:
    """Return the one person of a name who works here now, by id; raises ``PlanRefused`` for a stranger or somebody gone.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    person = people_now(run).who(name)
    if person is None:
        hint = "give the id, name or mail of one person"
        raise PlanRefused(f"{name!r} is nobody of the rosters who works here now", hint=hint)
    return person

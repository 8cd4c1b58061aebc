"""What is told where something that runs by itself cannot begin: by the policy alone, since anything else may be what is wrong.

Where that is wrong itself, people hear by the policy that the last review knew.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from access_review import runs, store
from access_review.artifacts import DECLARED
from access_review.audit.reviewers import People, people_of
from access_review.errors import AccessReviewError, PlanRefused, WorkspaceError, said_by_the_system
from access_review.policy import Policy
from access_review.snapshot.watched import HaltedJob, HaltedWatch, News, is_due
from access_review.stages import watch_alarms
from access_review.store import logged, snapshots, watching
from access_review.views import alarms
from access_review.workspace import policy_alone, policy_of

_AGAIN = timedelta(minutes=1)
_MISTAKES = "access-review check names every mistake"
_POLICY = "roles/policy.yaml"


@contextmanager
def told_where_halted(
    folder: Path, job: HaltedJob, now: datetime, environment: Mapping[str, str], say: Callable[[str], None]
) -> Iterator[None]:
    """Let people hear, once, where what is begun in the block cannot be; it is raised all the same.

    Whoever begins for the first time sees it. So does whoever asks for what is refused: another process
    watches. ``say`` hears why nobody was told, where somebody was to be.
    """
    try:
        yield
    except PlanRefused:
        raise
    except Exception as error:
        try:
            for why in _tell(folder, job, error, now, environment):
                say(why)
        except (AccessReviewError, OSError) as other:
            say(f"nobody was told of it: {why_halted(other)[0]}")
        raise
    watching.forget_halted(folder, job)


def why_halted(error: Exception) -> tuple[str, str]:
    """Return in one line what something failed by, and what to do."""
    if isinstance(error, AccessReviewError):
        return error.in_a_line, error.hint or (_MISTAKES if isinstance(error, WorkspaceError) else "")
    if isinstance(error, OSError):
        return said_by_the_system(error), ""
    return " ".join(f"a fault of the tool, {type(error).__name__}: {error}".split()), ""


def _tell(
    folder: Path, job: HaltedJob, error: Exception, now: datetime, environment: Mapping[str, str]
) -> Iterator[str]:
    """Tell of it, and yield why somebody was not reached."""
    if not (watching.has_watched(folder) if job is HaltedJob.WATCH else runs.all_runs(folder)):
        return
    known = watching.read_halted(folder, job)
    if known and (known.alarm is None or not is_due(known.tried_at, _AGAIN, now)):
        return
    policy = policy_alone(folder) or _last_policy(folder)
    if policy is None:
        yield f"nobody was told of it: {_POLICY} cannot be used, and no review is known that knew it otherwise"
        return
    alarm = known.alarm if known else None
    alarm = alarm or News(f"halted {now.isoformat()}", alarms.halted(*why_halted(error), now, job)).pending(now)
    try:
        watching.write_halted(folder, job, HaltedWatch(alarm, now))
    except (AccessReviewError, OSError):
        # Nothing can be kept of who has heard but that it was told: where not even that can be, it would be with each attempt.
        if not watching.mark_halted(folder, job):
            return
        _, failed = watch_alarms.deliver(folder, policy, alarm, _people(folder), environment)
        yield from failed
        return
    left, failed = watch_alarms.deliver(folder, policy, alarm, _people(folder), environment)
    watching.write_halted(folder, job, HaltedWatch(left, now))
    yield from failed


def _last_policy(folder: Path) -> Policy | None:
    """Return the policy as the last review knew it, by what the logbook knows of that; nothing where none did."""
    known = logged.known_with(folder, DECLARED.path)
    text = store.read(known[-1], DECLARED).files.get(_POLICY) if known else None
    return policy_of(text) if text else None


def _people(folder: Path) -> People:
    """Return everybody who may be told; nobody where no run can be read."""
    try:
        known = logged.known_runs(folder)
        return people_of(snapshots.people(known[-1]) if known else ())
    except AccessReviewError:
        return people_of(())

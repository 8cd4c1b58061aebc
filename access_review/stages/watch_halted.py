"""What is told where watching cannot begin again: by the policy alone, since anything else may be what is wrong."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from access_review.audit.reviewers import People, people_of
from access_review.errors import AccessReviewError, PlanRefused, WorkspaceError, said_by_the_system
from access_review.snapshot.watched import HaltedWatch, News, is_due
from access_review.stages import watch_alarms
from access_review.store import logged, snapshots, watching
from access_review.views import alarms
from access_review.workspace import policy_alone

_AGAIN = timedelta(minutes=1)
_MISTAKES = "access-review check names every mistake"


@contextmanager
def told_where_halted(folder: Path, now: datetime, environment: Mapping[str, str]) -> Iterator[None]:
    """Let people hear, once, where what is begun in the block cannot be; it is raised all the same.

    Whoever begins to watch for the first time sees it. So does whoever asks for what is refused: another process
    watches. Where it cannot be kept who has heard, nobody is told: it would be again with each attempt.
    """
    try:
        yield
    except PlanRefused:
        raise
    except Exception as error:
        with suppress(AccessReviewError, OSError):
            if watching.has_watched(folder):
                _tell(folder, error, now, environment)
        raise
    watching.forget_halted(folder)


def why_halted(error: Exception) -> tuple[str, str]:
    """Return in one line what something failed by, and what to do."""
    if isinstance(error, AccessReviewError):
        return error.in_a_line, error.hint or (_MISTAKES if isinstance(error, WorkspaceError) else "")
    if isinstance(error, OSError):
        return said_by_the_system(error), ""
    return " ".join(f"a fault of the tool, {type(error).__name__}: {error}".split()), ""


def _tell(folder: Path, error: Exception, now: datetime, environment: Mapping[str, str]) -> None:
    policy, known = policy_alone(folder), watching.read_halted(folder)
    if policy is None or (known and (known.alarm is None or not is_due(known.tried_at, _AGAIN, now))):
        return
    alarm = known.alarm if known else None
    alarm = alarm or News(f"halted {now.isoformat()}", alarms.halted(*why_halted(error), now)).pending(now)
    watching.write_halted(folder, HaltedWatch(alarm, now))
    left, _ = watch_alarms.deliver(folder, policy, alarm, _people(folder), environment)
    watching.write_halted(folder, HaltedWatch(left, now))


def _people(folder: Path) -> People:
    """Return everybody who may be told; nobody where no run can be read."""
    try:
        known = logged.known_runs(folder)
        return people_of(snapshots.people(known[-1]) if known else ())
    except AccessReviewError:
        return people_of(())

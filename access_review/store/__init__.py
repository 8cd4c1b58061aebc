"""What is on disk: everything in ``runs/`` is read and written here, and nowhere else.

A file is named by its :class:`access_review.artifacts.Artifact`, so that what was written
is what is read::

    plan = store.read(run, PLAN)
    store.write(run, AUDIT, campaign)
"""

from collections.abc import Iterator
from dataclasses import replace
from sys import intern
from typing import TypeVar

from access_review.artifacts import FRAME, WORKLIST, Artifact
from access_review.audit.worklist import WorkItem
from access_review.runs import Run
from access_review.sample.population import ReviewUnit
from access_review.store import files

T = TypeVar("T")


def has(run: Run, artifact: Artifact[T]) -> bool:
    """Tell whether a run has a file."""
    return (run.folder / artifact.path).is_file()


def read(run: Run, artifact: Artifact[T]) -> T:
    """Read a file of a run; raises ``ArtifactError`` when it is not there, damaged or of another format."""
    return files.read(run.folder / artifact.path, artifact)


def each_item(run: Run) -> Iterator[WorkItem]:
    """Yield the items of a run's work list, one after the other; raises ``ArtifactError`` as :func:`read` does."""
    return files.each(run.folder / WORKLIST.path, WORKLIST, "items", WorkItem)


def each_unit(run: Run) -> Iterator[ReviewUnit]:
    """Yield the units of the population of a run's sample, one after the other; raises ``ArtifactError`` as :func:`read` does."""
    return files.each(run.folder / FRAME.path, FRAME, "units", ReviewUnit)


def units_drawn_from(run: Run) -> tuple[ReviewUnit, ...]:
    """Return the population that a run's sample was drawn from, without names and managers, which no draw asks for.

    There may be a million. Raises ``ArtifactError`` as :func:`read` does.
    """
    return tuple(
        replace(unit, name=None, manager=None, clients=tuple(intern(name) for name in unit.clients))
        for unit in each_unit(run)
    )


def write(run: Run, artifact: Artifact[T], value: T) -> None:
    """Write a file of a run, whole or not at all."""
    files.write(run.folder / artifact.path, artifact.dump(value))

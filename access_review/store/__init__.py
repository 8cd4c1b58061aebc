"""What is on disk: everything in ``runs/`` is read and written here, and nowhere else.

A file is named by its :class:`access_review.artifacts.Artifact`, so that what was written
is what is read::

    plan = store.read(run, PLAN)
    store.write(run, AUDIT, campaign)
"""

from typing import TypeVar

from access_review.artifacts import Artifact
from access_review.runs import Run
from access_review.store import files

T = TypeVar("T")


def has(run: Run, artifact: Artifact[T]) -> bool:
    """Tell whether a run has a file."""
    return (run.folder / artifact.path).is_file()


def read(run: Run, artifact: Artifact[T]) -> T:
    """Read a file of a run; raises ``ArtifactError`` when it is not there, damaged or of another format."""
    return files.read(run.folder / artifact.path, artifact)


def write(run: Run, artifact: Artifact[T], value: T) -> None:
    """Write a file of a run, whole or not at all."""
    files.write(run.folder / artifact.path, artifact.dump(value))

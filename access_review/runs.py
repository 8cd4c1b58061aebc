"""Where runs live on disk: ``runs/<as_of>-<digest8>/``, written beside and renamed when whole.

What is in them is read and written by :mod:`access_review.store`. What reaches from run to
run and is no artifact of one (the sample's secret and coverage) is in ``runs/state.json``.
All of it is readable by its owner only.

A *rehearsal* is a trial, or read a live source and calls it another moment (``--as-of``): it lies in
``runs/rehearsals/``, where it is found by its name alone, and nothing rests on it.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

from access_review.artifacts import MANIFEST, REVIEWED
from access_review.errors import ArtifactError
from access_review.guarded_files.plain import placed

REHEARSALS = "rehearsals"

_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Run:
    """One run's folder."""

    folder: Path

    @property
    def id(self) -> str:
        """The folder's name: time and the first 8 digits of the snapshot's digest."""
        return self.folder.name

    @property
    def workspace(self) -> Path:
        """The folder of the workspace."""
        runs = self.folder.parent
        return runs.parent.parent if self.is_rehearsal else runs.parent

    @property
    def is_rehearsal(self) -> bool:
        """Tell whether nothing rests on it, so that no line of the logbook is about it."""
        return self.folder.parent.name == REHEARSALS

    @property
    def as_of(self) -> datetime:
        """The moment the run is about, to the second."""
        return datetime.fromisoformat(self.id[:16])

    @property
    def reviewed(self) -> bool:
        """Tell whether the review of this run is whole."""
        return (self.folder / REVIEWED.path).is_file()


def is_name(text: str) -> bool:
    """Tell whether a text is the name of a run."""
    return _NAME.fullmatch(text) is not None


def all_runs(workspace: Path) -> list[Run]:
    """Return the whole runs of a workspace, oldest first; of one moment, the one collected last is the newest."""
    return _whole(workspace / "runs")


def _whole(folder: Path) -> list[Run]:
    found = [path for path in folder.glob("*-*") if _NAME.fullmatch(path.name) and (path / MANIFEST.path).is_file()]
    return sorted(map(Run, found), key=lambda run: (run.as_of, (run.folder / MANIFEST.path).stat().st_mtime_ns, run.id))


def before(workspace: Path, run: Run) -> list[Run]:
    """Return the whole runs about a moment before that of ``run``, oldest first."""
    return [one for one in all_runs(workspace) if one.as_of < run.as_of]


def rehearsals(workspace: Path) -> list[Run]:
    """Return the whole rehearsals, trials among them, oldest first."""
    return _whole(workspace / "runs" / REHEARSALS)


def find(workspace: Path, name: str | None = None, *, reviewed: bool = False) -> Run:
    """Return a run by its name (or the start of it), or the newest whole one; raises ``ArtifactError``.

    A rehearsal is found by its name only.
    """
    runs = [run for run in all_runs(workspace) if not reviewed or run.reviewed]
    if name is None:
        if not runs:
            hint = "access-review review" if reviewed and all_runs(workspace) else "access-review audit"
            if trials := rehearsals(workspace):
                hint += f"; or name the trial: --run {trials[-1].id}"
            raise ArtifactError(f"{workspace} has no {'reviewed ' if reviewed else ''}run yet", hint=hint)
        return runs[-1]
    apart = [run for run in rehearsals(workspace) if not reviewed or run.reviewed]
    matches = [run for run in runs if run.id.startswith(name)] or [run for run in apart if run.id.startswith(name)]
    if len(matches) != 1:
        many = "no run is" if not matches else f"{len(matches)} runs are"
        raise ArtifactError(f"{many} called {name}", hint=_nearest([*apart, *runs], name, matches))
    return matches[0]


def _nearest(runs: list[Run], name: str, matches: list[Run]) -> str:
    """Say which runs may have been meant: those of that name, those most like it, or the newest."""
    if matches:
        return "one of: " + ", ".join(run.id for run in matches[-5:])
    begun: dict[str, Run] = {run.id[: len(name)]: run for run in runs}
    near = [begun[found].id for found in get_close_matches(name, begun, 3)]
    return f"did you mean {' or '.join(near)}?" if near else "known: " + ", ".join(run.id for run in runs[-5:])


@contextmanager
def building(workspace: Path, *, rehearsal: bool = False) -> Iterator[Path]:
    """Give a folder to build a run, or a rehearsal, in; it is gone unless :func:`finish` moved it."""
    folder = workspace / "runs"
    folder.mkdir(mode=0o700, exist_ok=True)
    if rehearsal:
        folder /= REHEARSALS
        folder.mkdir(mode=0o700, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".building-", dir=folder))
    try:
        with placed(folder):
            yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def finish(partial: Path, name: str) -> Run:
    """Rename a built run to its name; the same run built again is the one already there."""
    target = partial.parent / name
    if target.exists():
        (target / MANIFEST.path).touch()  # it is the newest again
    else:
        partial.rename(target)
    return Run(target)

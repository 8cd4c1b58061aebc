"""Where runs live on disk: ``runs/<as_of>-<digest8>/``, written beside and renamed when whole.

A file that exists is whole. What reaches from run to run and is no artifact of one
(the sample's secret and coverage) is in ``runs/state.json``. All of it is readable by
its owner only.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rfc8785

from access_review.errors import ArtifactError

MANIFEST = "manifest.json"
REVIEWED = "review.json"
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
    def as_of(self) -> datetime:
        """The moment the run is about, to the second."""
        return datetime.strptime(self.id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    @property
    def reviewed(self) -> bool:
        """Tell whether the review of this run is whole."""
        return (self.folder / REVIEWED).is_file()


def name_of(as_of: datetime, digest: str) -> str:
    """Return the name of the run with this time and snapshot digest."""
    return f"{as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest.removeprefix('sha256:')[:8]}"


def all_runs(workspace: Path) -> list[Run]:
    """Return the whole runs of a workspace, oldest first; of one moment, the one collected last is the newest."""
    folder = workspace / "runs"
    found = [path for path in folder.glob("*-*") if _NAME.fullmatch(path.name) and (path / MANIFEST).is_file()]
    return sorted(map(Run, found), key=lambda run: (run.as_of, (run.folder / MANIFEST).stat().st_mtime_ns, run.id))


def find(workspace: Path, name: str | None = None, *, reviewed: bool = False) -> Run:
    """Return a run by its name (or the start of it), or the newest whole one; raises ``ArtifactError``."""
    runs = [run for run in all_runs(workspace) if not reviewed or run.reviewed]
    if name is None:
        if not runs:
            hint = "access-review review" if reviewed and all_runs(workspace) else "access-review audit"
            raise ArtifactError(f"{workspace} has no {'reviewed ' if reviewed else ''}run yet", hint=hint)
        return runs[-1]
    matches = [run for run in runs if run.id.startswith(name)]
    if len(matches) != 1:
        raise ArtifactError(
            f"{len(matches)} runs are called {name}", hint="known: " + ", ".join(r.id for r in runs[-5:])
        )
    return matches[0]


@contextmanager
def building(workspace: Path) -> Iterator[Path]:
    """Give a folder to build a run in; it is gone unless :func:`finish` moved it."""
    folder = workspace / "runs"
    folder.mkdir(mode=0o700, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".building-", dir=folder))
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def finish(partial: Path, name: str) -> Run:
    """Rename a built run to its name; the same run built again is the one already there."""
    target = partial.parent / name
    if target.exists():
        (target / MANIFEST).touch()  # it is the newest again
    else:
        partial.rename(target)
    return Run(target)


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, 0600 in a folder 0700."""
    with written(path) as partial:
        partial.write_bytes(data)


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Give a file to write to; it takes the place of ``path`` when it is whole, and is gone otherwise."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
    os.close(handle)
    partial = Path(temporary)
    try:
        yield partial
        partial.chmod(0o600)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write canonical JSON, as :func:`json_bytes` has it."""
    write(path, json_bytes(value))


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Return canonical JSON (RFC 8785), so that equal values are equal bytes."""
    return rfc8785.dumps(dict(value)) + b"\n"


def read_json(path: Path, form: str) -> dict[str, Any]:
    """Read a JSON file of format ``form``; raises ``ArtifactError`` when damaged or of another format."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ArtifactError(f"{path.name} is not there", hint=f"looked in {path.parent}") from None
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}", hint="restore the file or run the stage again") from None
    if not isinstance(value, dict) or value.get("format") != form:
        said = value.get("format") if isinstance(value, dict) else None
        raise ArtifactError(f"{path} has format {said!r}, not {form!r}", hint="use the version that wrote it")
    return value

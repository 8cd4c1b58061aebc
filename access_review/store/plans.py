"""Plans on disk: each in a folder of its run, with its approvals, its journal and the lists people work by."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from access_review import artifacts, store
from access_review.errors import ArtifactError, PlanRefused, Unclear
from access_review.plan.record import Plan
from access_review.revoke.approve import Signatories
from access_review.runs import Run
from access_review.store import files, snapshots
from access_review.store.journal import JournalFile, begun, single_writer

PLAN, AHEAD, STANDING, UNDO = "plan", "ahead", "standing", "undo"
"""The names of plans that commands give by themselves."""

STANDING_APPROVALS = "roles/approvals"
"""Where the standing approval's signatures are: in the workspace, since it belongs to no run."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan on disk: its run and name there, and what it says."""

    run: Run
    name: str
    plan: Plan

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.run.folder / self.name

    @property
    def journal(self) -> Path:
        """Where its journal is."""
        return journal_of(self.run, self.name)

    @property
    def signatories(self) -> Signatories:
        """Who is who by the roster of its run."""
        return signatories(self.run)

    @property
    def approvals(self) -> list[bytes]:
        """What was signed about it."""
        return envelopes(self.folder / "approvals")


def signatories(run: Run) -> Signatories:
    """Return who is who by the roster of a run; raises ``ArtifactError``."""
    return Signatories.of(snapshots.people(run), ())


def journal_of(run: Run, name: str) -> Path:
    """Return where the journal of a plan is, whether there is one or not."""
    return run.folder / name / "journal.sqlite"


def writing(workspace: Path) -> AbstractContextManager[None]:
    """Hold the one right to carry plans out in a workspace; raises ``PlanRefused`` while another process has it."""
    return single_writer(workspace / "runs" / ".apply.lock")


def find(run: Run, name: str) -> StoredPlan:
    """Read a plan of a run; raises ``ArtifactError`` when there is none, ``PlanRefused`` for an altered one."""
    kind = artifacts.plan(name)
    snapshots.refuse_rehearsal(run)
    if not store.has(run, kind):
        command = name if name in {PLAN, UNDO} else f"plan --name {name}"
        raise ArtifactError(f"{run.id} has no {name}", hint=f"access-review {command}")
    return StoredPlan(run, name, store.read(run, kind))


def refuse_name(run: Run, name: str) -> None:
    """Refuse a name that is no folder's, and to replace a plan that is being carried out."""
    if not _NAME.fullmatch(name):
        raise Unclear(f"{name!r} is no name for a plan", hint="small letters, digits and -, as in leavers-tonight")
    if begun(journal_of(run, name)):
        raise PlanRefused(
            f"the {name} of {run.id} is being carried out", hint="go on with it, or collect and review first"
        )


def write(run: Run, name: str, written: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Write the files of a plan into its folder, by name; return where they are."""
    folder = run.folder / name
    for file, data in written.items():
        files.write(folder / file, data)
    return tuple(folder / file for file in written)


def envelopes(folder: Path) -> list[bytes]:
    """Return the signed statements of a folder."""
    return [path.read_bytes() for path in sorted(folder.glob("*.json"))]


def journals(workspace: Path, besides: Path | None = None) -> Iterator[tuple[Plan, JournalFile]]:
    """Yield plan and open journal of each batch that began, the oldest run first; ``besides`` is the path of one left out.

    Raises ``ArtifactError`` for a damaged journal, ``PlanRefused`` for an altered plan.
    """
    for path in sorted((workspace / "runs").glob("*/*/journal.sqlite")):
        if path != besides:
            plan = artifacts.plan(path.parent.name).load((path.parent / "plan.json").read_bytes())
            with JournalFile(path, plan.digest) as journal:
                yield plan, journal

"""The recurring jobs as they run on disk: each reads runs and what the one before left, and writes what the next needs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from access_review import audit, offboarding, offboarding_facts, runs, snapshot
from access_review.offboarding import Leavers
from access_review.review import establish
from access_review.runs import Run
from access_review.snapshot import Snapshot
from access_review.tables import TABLES
from access_review.workspace import Workspace

LEAVERS = "leavers.json"

_FRESH_HOURS = 24

_WITHOUT_SESSIONS = frozenset({"table", "roster", "sharphound"})
"""Connectors that read lists of who holds what, which nobody signs in to through."""


def follow_leavers(
    workspace: Workspace, run: Run, *, verified: Mapping[tuple[str, str], datetime] | None = None
) -> Leavers:
    """Say what is open for everyone who leaves, and keep it in the run for the next to compare with.

    ``verified`` is when a read after a change proved access gone, by person and system.
    """
    settings = workspace.policy.offboarding
    before, taken = leavers_before(workspace.folder, run), snapshot.load(run)
    with audit.engine_of(workspace, taken) as engine:
        establish(taken.tables, workspace, engine)
        made = offboarding.leavers(
            offboarding_facts.going(engine, settings.prepare),
            offboarding_facts.things(engine, settings.prepare),
            _seen(workspace, run, taken),
            settings,
            workspace.policy.targets,
            before=before,
            standings=offboarding_facts.status_of(engine, [one.person for one in before.leavers] if before else ()),
            verified=verified,
        )
    runs.write_json(run.folder / LEAVERS, offboarding.to_json(made))
    return made


def leavers_before(workspace: Path, run: Run) -> Leavers | None:
    """Return what the newest run before this one said of its leavers."""
    earlier = [r for r in runs.all_runs(workspace) if r.as_of < run.as_of and (r.folder / LEAVERS).is_file()]
    return leavers_of(earlier[-1]) if earlier else None


def leavers_of(run: Run) -> Leavers:
    """Read what a run said of its leavers; raises ``ArtifactError``."""
    return offboarding.from_json(runs.read_json(run.folder / LEAVERS, offboarding.LEAVERS))


def _seen(workspace: Workspace, run: Run, taken: Snapshot) -> offboarding.Seen:
    return offboarding.Seen(
        run=run.id,
        as_of=taken.as_of,
        snapshot=taken.digest,
        sessions=frozenset(s.name for s in workspace.sources if s.file.connector not in _WITHOUT_SESSIONS),
        missing=frozenset(TABLES) - taken.collected,
        incomplete={table: taken.incomplete(table) for table in TABLES},
    )


def too_old(run: Run, now: datetime) -> str:
    """Say that a run is too old to tell who can sign in now, or nothing."""
    hours = (now - run.as_of) // timedelta(hours=1)
    return f"the run is {hours} h old" if hours >= _FRESH_HOURS else ""

"""Compare roles: the same run reviewed under two folders of role files, before a change of them is taken."""

from pathlib import Path

import pyarrow as pa

from access_review import workspace as workspaces
from access_review.explain.role_change import RoleChange, compare
from access_review.review import review
from access_review.runs import Run
from access_review.store import reviews, snapshots
from access_review.workspace import Workspace


def compare_roles(folder: Path, run: Run, before: Path, after: Path) -> RoleChange:
    """Review a run under the role files of ``before`` and of ``after``, writing nothing, and say what differs.

    Raises ``WorkspaceError`` for mistakes in either folder and ``ArtifactError`` for a damaged run.
    """
    former, changed = (workspaces.load(folder, roles) for roles in (before, after))
    return compare(_found(former, run), _found(changed, run))


def _found(workspace: Workspace, run: Run) -> pa.Table:
    snapshot = snapshots.load(run)
    known = reviews.previous(workspace.folder, run)
    with reviews.engine_of(workspace, snapshot) as engine:
        return review(snapshot, workspace, engine, known).findings

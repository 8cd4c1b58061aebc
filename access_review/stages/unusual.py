"""Unusual: every grant beside those of peers, of a run or of a table of who holds what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from access_review.draft.peers_in_review import score_run
from access_review.draft.review_input import names_of
from access_review.draft.unusual import UnusualAccess, score_access
from access_review.review import establish
from access_review.runs import Run
from access_review.stages.exact_roles import matrix_in
from access_review.store import reviews, snapshots
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ScoredAccess:
    """Every grant with its figures, and what people and entitlements are called."""

    access: UnusualAccess
    names: Mapping[str, str] = field(repr=False)


def score_table(path: Path, now: datetime) -> ScoredAccess:
    """Score the grants of a table; raises ``Unclear`` for a file that does not say who holds what."""
    return ScoredAccess(score_access(matrix_in(path, now)), {})


def score_grants(workspace: Workspace, run: Run) -> ScoredAccess:
    """Score what people of a run hold directly."""
    snapshot = snapshots.load(run)
    with reviews.engine_of(workspace, snapshot) as engine:
        establish(snapshot.tables, workspace, engine)
        return ScoredAccess(score_run(engine), names_of(engine))

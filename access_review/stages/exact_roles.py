"""Exact roles: today's access decomposed without a grant lost or added."""

from datetime import datetime
from pathlib import Path
from typing import TypedDict

from access_review.draft.holdings import matrix_of
from access_review.draft.matrix import AccessMatrix
from access_review.draft.mine import Decomposition, decompose
from access_review.draft.review_input import draft_input
from access_review.errors import Unclear
from access_review.review import establish
from access_review.runs import Run
from access_review.stages.inspect import inspect_files
from access_review.store import reviews, snapshots
from access_review.workspace import Workspace


def matrix_in(path: Path, now: datetime) -> AccessMatrix:
    """Read who holds what from a table; raises ``Unclear`` for a file that does not say it."""
    seen = inspect_files([path], now)
    found = seen.found.tables.get(path.as_posix())
    matrix = matrix_of(found.table, seen.table(path.as_posix())) if found else None
    if matrix is None:
        raise Unclear(f"{path} does not say who holds what", hint=f"see what it is: access-review inspect {path}")
    return matrix


def of_table(path: Path, now: datetime) -> Decomposition:
    """Decompose a table of who holds what; raises ``Unclear`` for a file that does not say it."""
    return decompose(matrix_in(path, now))


def of_run(workspace: Workspace, run: Run) -> Decomposition:
    """Decompose what people of a run hold directly."""
    snapshot = snapshots.load(run)
    with reviews.engine_of(workspace, snapshot) as engine:
        establish(snapshot.tables, workspace, engine)
        return decompose(draft_input(engine).matrix)


class ExactRole(TypedDict):
    """A role that was mined: the ids of its people and of the entitlements that all of them hold."""

    people: list[str]
    entitlements: list[str]


class ExactRolesValue(TypedDict):
    """A decomposition; ``at_least`` is how many roles no other could do with fewer than."""

    format: str
    grants: int
    at_least: int
    structure: str
    sentence: str
    roles: list[ExactRole]


def value(mined: Decomposition) -> ExactRolesValue:
    """Return a decomposition as JSON."""
    return {
        "format": "access-review/exact-roles@1",
        "grants": mined.grants,
        "at_least": mined.at_least,
        "structure": str(mined.structure),
        "sentence": mined.sentence,
        "roles": [{"people": list(role.people), "entitlements": list(role.entitlements)} for role in mined.roles],
    }

"""The journals of a workspace: each batch that was begun, with the plan it carries out."""

from collections.abc import Iterator
from pathlib import Path

from access_review.plan.record import Plan, read
from access_review.revoke.journal import Journal


def journals(workspace: Path, besides: Path | None = None) -> Iterator[tuple[Plan, Journal]]:
    """Yield plan and open journal of each batch, the oldest run first; ``besides`` is the path of one left out.

    Raises ``ArtifactError`` for a damaged journal, ``PlanRefused`` for an altered plan.
    """
    for path in sorted((workspace / "runs").glob("*/*/journal.sqlite")):
        if path != besides:
            plan = read((path.parent / "plan.json").read_bytes())
            with Journal(path, plan.digest) as journal:
                yield plan, journal

"""Roles: the templates as they are resolved in a run."""

from collections.abc import Mapping

import pyarrow as pa

from access_review import roles
from access_review.explain.coverage import Coverage, measure
from access_review.roles import Resolved
from access_review.runs import Run
from access_review.store import reviews, snapshots
from access_review.workspace import Workspace


def resolve_templates(workspace: Workspace, run: Run) -> tuple[Mapping[str, Resolved], pa.Table]:
    """Return every template after inheritance, by role, and the entitlements that their patterns were matched with."""
    entitlements = snapshots.load(run).tables["entitlements"]
    return {one.template.role: one for one in roles.resolve(workspace.templates, entitlements)}, entitlements


def measure_coverage(workspace: Workspace, run: Run) -> Coverage:
    """Say what the conclusions of a reviewed run rest on, with the workspace as it is now; raises ``ArtifactError``."""
    with reviews.opened(workspace, run) as facts:
        return measure(facts.engine)

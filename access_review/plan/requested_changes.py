"""What all open findings ask for, before limits, protections of many and the proof: to compare, never to carry out."""

from collections.abc import Mapping

from access_review.changes import Capabilities, Change
from access_review.engine import Engine
from access_review.plan.plan import merge
from access_review.plan.protect import guard
from access_review.plan.remedies import changes_for
from access_review.plan.request import Scope, collect_request
from access_review.snapshot import Snapshot
from access_review.workspace import Workspace


def requested_changes(
    snapshot: Snapshot,
    workspace: Workspace,
    engine: Engine,
    capabilities: Mapping[str, Capabilities],
    requested_by: str,
) -> tuple[Change, ...]:
    """Return each change that some open finding suggests, in the engine that the review ran in."""
    guard(engine, workspace.policy.protect, requested_by)
    connectors = {s.name: s.file.connector for s in workspace.sources}
    request = collect_request(engine, snapshot, Scope(), connectors, capabilities, ())
    return merge({finding["finding"]: changes_for(request, finding) for finding in request.findings})

"""What open findings ask for, before limits, protections of many and the proof: to compare or to announce, never to carry out."""

from collections.abc import Mapping
from dataclasses import dataclass

from access_review.changes import Capabilities, Change
from access_review.engine import Engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.findings.sentences import every_sentence
from access_review.plan.derive import PlanInputs
from access_review.plan.plan import merge, withhold
from access_review.plan.protect import guard
from access_review.plan.remedies import changes_for
from access_review.plan.request import Scope, collect_request, find_gaps
from access_review.plan.standing_scope import is_named, uncovered_removals
from access_review.plan.withheld import Withheld
from access_review.review import find
from access_review.snapshot import Snapshot
from access_review.tables import Row
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


@dataclass(frozen=True, slots=True)
class RemovalCandidates:
    """What the standing removal covers now, with why each is found, and what it names and does not cover, with the reason.

    ``unread`` are the sources of which nobody can say now what they hold; all of them where a roster is incomplete.
    """

    changes: tuple[Change, ...]
    reasons: Mapping[str, str]
    left: tuple[tuple[Row, str], ...]
    unread: frozenset[str]


def removal_candidates(inputs: PlanInputs, requested_by: str) -> RemovalCandidates:
    """Review what was read, and return what the standing removal covers of what is found.

    Raises ``ArtifactError`` as :func:`access_review.review.review` does.
    """
    snapshot, workspace = inputs.snapshot, inputs.workspace
    removal, settings = workspace.policy.standing_removal, workspace.policy.engine
    gaps = find_gaps(snapshot)
    unread = frozenset(gaps.sources) | (
        frozenset(source.name for source in workspace.sources) if gaps.rosters else frozenset()
    )
    if removal is None:
        return RemovalCandidates((), {}, (), unread)
    with EmbeddedEngine(snapshot.as_of, settings.memory, settings.threads) as engine:
        find(snapshot, workspace, engine, inputs.previous, digested=False)
        guard(engine, workspace.policy.protect, requested_by)
        connectors = {s.name: s.file.connector for s in workspace.sources}
        scope = Scope(rules=tuple(removal.rules))
        request = collect_request(engine, snapshot, scope, connectors, inputs.capabilities)
        outcomes = {finding["finding"]: changes_for(request, finding) for finding in request.findings}
        outcomes = withhold(outcomes, uncovered_removals(engine, workspace, request, merge(outcomes), None))
        left = [
            (finding, outcome.reason)
            for finding in request.findings
            if isinstance(outcome := outcomes[finding["finding"]], Withheld)
            and (about := request.entitlements.get(finding["about"]))
            and is_named(removal, about)
        ]
        sentences = every_sentence()
        reasons = {row["finding"]: sentences.reason(row) for row in request.findings}
    return RemovalCandidates(merge(outcomes), reasons, tuple(left), unread)

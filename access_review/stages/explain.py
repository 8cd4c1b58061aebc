"""Explain: who has what in a reviewed run, why, and what ends it."""

from collections.abc import Mapping
from dataclasses import dataclass

from access_review.draft.peer_counts import PeerCounts
from access_review.draft.peers_in_review import compare_in
from access_review.explain import explain
from access_review.explain.explanation import Explanation
from access_review.runs import Run
from access_review.store import reviews
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ExplainedBesidePeers:
    """An explanation, and what peers suggest about each of its grants, by account and entitlement."""

    explanation: Explanation
    peers: Mapping[tuple[str, str], PeerCounts]


def explain_in(workspace: Workspace, run: Run, what: str) -> ExplainedBesidePeers:
    """Explain a finding, person, account or entitlement of a run; raises ``Unclear``."""
    with reviews.opened(workspace, run) as facts:
        explained = explain.explain(facts.engine, workspace, what)
        held = {
            (account.account.id, grant.entitlement.id): (owner.id, grant.entitlement.id)
            for account in explained.accounts
            if (owner := account.ownership.person) and account.account.sort == "human"
            for grant in account.grants
            if grant.mode == "assigned" and not grant.mirrored
        }
        found = compare_in(facts.engine, held.values())
    return ExplainedBesidePeers(explained, {grant: found[pair] for grant, pair in held.items() if pair in found})

"""Explain: who has what in a reviewed run, why, and what ends it."""

from access_review.explain import explain
from access_review.explain.explanation import Explanation
from access_review.runs import Run
from access_review.store import reviews
from access_review.workspace import Workspace


def explain_in(workspace: Workspace, run: Run, what: str) -> Explanation:
    """Explain a finding, person, account or entitlement of a run; raises ``Unclear``."""
    with reviews.opened(workspace, run) as facts:
        return explain.explain(facts.engine, workspace, what)

"""What is counted of a review while its facts stand: the wholes that shares are of."""

from dataclasses import dataclass

from access_review.engine import Engine
from access_review.findings.judged_share import Judged


@dataclass(frozen=True, slots=True)
class ReviewCounts:
    """How much there was in a review: counted while its facts stood, and kept with its findings.

    ``grants`` are direct ones, synced copies apart; ``privileged`` those of privileged entitlements, of which
    ``standing`` are held all the time. ``agents`` are the AI agents of registers and sources.
    """

    accounts: int
    grants: int
    grants_judged: int
    privileged: int
    standing: int
    agents: int


def count_review(engine: Engine, judged: Judged) -> ReviewCounts:
    """Count a review whose rules have run; reads ``grants, entitlements, people, accounts`` of the engine."""
    row = engine.rows(_COUNTED)[0]
    return ReviewCounts(
        accounts=judged.accounts,
        grants=judged.grants,
        grants_judged=judged.grants_judged,
        privileged=row["privileged"],
        standing=row["standing"],
        agents=row["agents"] + row["unlisted"],
    )


_COUNTED = """
    SELECT count(*) AS privileged,
           CAST(coalesce(sum(CASE WHEN g.mode = 'assigned' THEN 1 ELSE 0 END), 0) AS BIGINT) AS standing,
           (SELECT count(*) FROM people WHERE kind = 'agent' AND status IN ('active', 'leave')) AS agents,
           (SELECT count(*) FROM accounts WHERE kind = 'agent' AND person IS NULL) AS unlisted
    FROM grants AS g JOIN entitlements AS e ON e.entitlement = g.entitlement
    WHERE e.privileged
"""

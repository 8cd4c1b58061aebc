"""What is counted of a review while its facts stand: the wholes that shares are of."""

from dataclasses import dataclass

from access_review.engine import Engine
from access_review.findings.judged_share import Judged, UnjudgedPart
from access_review.model import AsOf


@dataclass(frozen=True, slots=True)
class ReviewCounts:
    """How much there was in a review: counted while its facts stood, and kept with its findings.

    ``grants`` are direct ones, synced copies apart; ``privileged`` those of privileged entitlements, of which
    ``standing`` are held all the time. ``agents`` are the AI agents of registers and sources. ``not_judged`` says why
    the others were not judged, and ``copies`` counts the synced ones; ``applications`` are these with the consents, and
    ``movers`` those who are here and have had an assignment that ended. Null is what a review from before did not count.
    """

    accounts: int
    grants: int
    grants_judged: int
    privileged: int
    standing: int
    agents: int
    copies: int | None = None
    not_judged: tuple[UnjudgedPart, ...] | None = None
    applications: int | None = None
    movers: int | None = None

    @property
    def judged(self) -> Judged | None:
        """How much was judged, and why the rest was not; nothing where that was not kept."""
        if self.copies is None or self.not_judged is None:
            return None
        return Judged(self.accounts, self.grants, self.copies, self.not_judged)


def count_review(engine: Engine, judged: Judged) -> ReviewCounts:
    """Count a review whose rules have run.

    Reads ``grants, entitlements, people, accounts, assignments, applications`` of the engine.
    """
    row = engine.rows(_COUNTED, now=AsOf())[0]
    return ReviewCounts(
        accounts=judged.accounts,
        grants=judged.grants,
        grants_judged=judged.grants_judged,
        privileged=row["privileged"],
        standing=row["standing"],
        agents=row["agents"] + row["unlisted"],
        copies=judged.copies,
        not_judged=judged.unjudged,
        applications=row["applications"],
        movers=row["movers"],
    )


_COUNTED = """
    SELECT count(*) AS privileged,
           CAST(coalesce(sum(CASE WHEN g.mode = 'assigned' THEN 1 ELSE 0 END), 0) AS BIGINT) AS standing,
           (SELECT count(*) FROM people WHERE kind = 'agent' AND status IN ('active', 'leave')) AS agents,
           (SELECT count(*) FROM accounts WHERE kind = 'agent' AND person IS NULL) AS unlisted,
           (SELECT count(*) FROM applications) AS applications,
           (SELECT count(DISTINCT a.person) FROM assignments AS a JOIN people AS p ON p.person = a.person
            WHERE a.ends_latest < :now AND p.status IN ('active', 'leave')) AS movers
    FROM grants AS g JOIN entitlements AS e ON e.entitlement = g.entitlement
    WHERE e.privileged
"""

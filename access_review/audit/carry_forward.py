"""What earlier audits left open, gathered for the next review: who was not reviewed, and what was kept against a finding."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from access_review.audit.campaign import Campaign
from access_review.audit.decisions import Decision, ReviewerAnswer
from access_review.audit.worklist import WorkItem
from access_review.facts import KeptFinding, UnreviewedUnit


def unreviewed_units(
    last: Campaign,
    open_units: Collection[str],
    *,
    week: str,
    now: datetime,
    close: timedelta,
    asked: Mapping[str, str] = MappingProxyType({}),
) -> tuple[UnreviewedUnit, ...]:
    """Return who is not reviewed, from the newest campaign and the units in it without all answers.

    Once its wait is over that is everyone without; until then those whom the campaign before
    it had left, unless they were reviewed meanwhile. ``week`` is that of ``now``; ``close`` is
    the time after which a campaign waits no longer; ``asked`` names by unit who has not answered.
    """
    over = not last.going_on or last.week != week or now - last.opened_at >= close
    missed = {unit: last.missed.get(unit, 0) + over for unit in open_units}
    return tuple(
        UnreviewedUnit(unit, last.week, times, asked.get(unit)) for unit, times in sorted(missed.items()) if times
    )


def kept_findings(campaigns: Iterable[tuple[Iterable[WorkItem], Mapping[str, Decision]]]) -> tuple[KeptFinding, ...]:
    """Return what reviewers keep against findings, by the latest answer to each question.

    Each campaign is its items and the decision that stands for each, by item id; the oldest comes first.
    """
    # The same access gets another item in every campaign, so only what it is about tells that it was asked before.
    latest: dict[tuple[str, str | None, str | None], tuple[WorkItem, Decision]] = {}
    for items, current in campaigns:
        for item in items:
            if item.item in current and not item.planted:
                latest[item.account, item.entitlement, item.mode] = item, current[item.item]
    # One finding may stand beside several grants of an account, of which each was decided on.
    kept = {
        (finding, item.account, item.entitlement): KeptFinding(
            finding, item.account, item.entitlement, decision.by, decision.at
        )
        for item, decision in latest.values()
        if decision.decision is ReviewerAnswer.KEEP
        for finding in item.findings
    }
    return tuple(kept[key] for key in sorted(kept, key=lambda key: tuple(part or "" for part in key)))

"""What reviewers decided to revoke, as requests to a plan."""

from collections.abc import Iterable, Mapping

from access_review.audit.decisions import Decision, ReviewerAnswer
from access_review.audit.filled_sheets import names_in
from access_review.audit.reviewers import People
from access_review.audit.worklist import WorkItem
from access_review.changes import decision_reference
from access_review.plan.request import DecidedRevoke, Scope


def decided_revokes(
    audits: Iterable[tuple[Iterable[WorkItem], Mapping[str, Decision]]], people: People, scope: Scope
) -> tuple[DecidedRevoke, ...]:
    """Return what reviewers decided to revoke, within a scope; a later decision replaces an earlier one.

    ``audits`` are the items and the current decisions of each, oldest first. Nobody has what
    a test row asks about, so nothing follows from it. Whoever decided must still be somebody
    of the rosters, or nothing follows.
    """
    latest: dict[tuple[str, str | None, str | None], tuple[Decision, WorkItem]] = {}
    for work, current in audits:
        items = {item.item: item for item in work}
        for decision in current.values():
            place = (decision.account, decision.entitlement, decision.mode)
            if place not in latest or latest[place][0].at <= decision.at:
                latest[place] = (decision, items[decision.item])
    return tuple(
        _request(decision, people)
        for decision, item in (latest[place] for place in sorted(latest, key=str))
        if decision.decision is ReviewerAnswer.REVOKE
        and not item.planted
        and (not scope.persons or decision.unit in scope.persons)
        and (not scope.clients or set(scope.clients) & set(item.clients))
    )


def _request(decision: Decision, people: People) -> DecidedRevoke:
    known = any(people.who(name) for name in names_in(decision.by))
    comment = f" ({decision.comment})" if decision.comment else ""
    return DecidedRevoke(
        decision_reference(decision.item),
        decision.account,
        decision.entitlement,
        decision.mode,
        f"{decision.by} decided on {decision.at}: revoke{comment}",
        "" if known else f"{decision.by}, who decided it, works here no more as far as the rosters say: decide again",
    )

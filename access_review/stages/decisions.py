"""Reviewers' answers on disk, after they were read: what follows from them, and how they are taken back."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from access_review import snapshot
from access_review.audit import reviewers
from access_review.audit.decisions import Decision, Decisions, ReviewerAnswer
from access_review.audit.decisions import withdraw as withdrawn
from access_review.audit.filled_sheets import names_in
from access_review.audit.worklist import WorkItem, fold
from access_review.changes import DECIDED
from access_review.errors import PlanRefused, Unclear
from access_review.plan.request import Decided, Scope
from access_review.runs import Run
from access_review.stages import audit
from access_review.stages.routine import audit_of, audits

_DECIDED = timedelta(days=35)
"""How long a reviewer's decision asks for a change: the access may have another reason later."""


def revokes(folder: Path, people: reviewers.People, scope: Scope, now: datetime) -> tuple[Decided, ...]:
    """Return what reviewers decided to revoke in the latest audits, within a scope; a later decision replaces an earlier one.

    Nobody has what a test row asks about, so nothing follows from it.
    Whoever decided must still be somebody of the rosters, or nothing follows.
    """
    standing: dict[tuple[str, str | None, str | None], tuple[Decision, WorkItem]] = {}
    for run, _ in audits(folder):
        if now - run.as_of > _DECIDED:
            continue
        items = {item.item: item for item in audit.work_of(run).items}
        for one in audit.decisions_of(run).current.values():
            place = (one.account, one.entitlement, one.mode)
            if place not in standing or standing[place][0].at <= one.at:
                standing[place] = (one, items[one.item])
    return tuple(
        _decided(one, people)
        for one, item in (standing[place] for place in sorted(standing, key=str))
        if one.decision is ReviewerAnswer.REVOKE
        and not item.planted
        and (not scope.persons or one.unit in scope.persons)
        and (not scope.clients or set(scope.clients) & set(item.clients))
    )


def _decided(one: Decision, people: reviewers.People) -> Decided:
    known = any(people.who(name) for name in names_in(one.by))
    return Decided(
        f"{DECIDED}{one.item}",
        one.account,
        one.entitlement,
        one.mode,
        f"{one.by} decided on {one.at}: revoke{f' ({one.comment})' if one.comment else ''}",
        "" if known else f"{one.by}, who decided it, works here no more as far as the rosters say: decide again",
    )


def withdraw(run: Run, items: Iterable[str], by: str, comment: str, now: datetime) -> Decisions:
    """Take decisions of a run back, by an item's id or the start of it; raises ``PlanRefused`` and ``Unclear``.

    What was decided stays in the history. Nobody touches a decision about their own access.
    """
    people = reviewers.people_of(snapshot.load(run).tables["people"].to_pylist())
    person = people.who(by)
    if person is None:
        raise PlanRefused(f"{by} is in no roster, so cannot withdraw", hint="give the id, name or mail of a person")
    if (run.folder / audit.AUDIT).is_file() and (ended := audit_of(run)).signed_off_at is not None:
        raise PlanRefused(f"{ended.week} is signed off by {ended.signed_off_by}", hint="an audit ends once")
    known = audit.work_of(run).items
    wanted = [_item(known, name) for name in items]
    own = {fold(name) for name in (by, person, people.names[person])}
    if theirs := [item.item for item in wanted if own & set(item.own)]:
        raise PlanRefused(f"{theirs[0]} is about the access of {by}", hint="somebody else withdraws it")
    made = withdrawn(audit.decisions_of(run), [item.item for item in wanted], by=by, at=now.date(), comment=comment)
    audit.keep_decisions(run, made)
    return made


def _item(known: Iterable[WorkItem], name: str) -> WorkItem:
    found = [item for item in known if item.item.startswith(name)]
    if len(found) != 1 or len(name) < 6:
        raise Unclear(f"{len(found)} items begin with {name!r}", hint="the work sheet names them in its first column")
    return found[0]

"""Withdraw: take reviewers' decisions back; they stay in the history, and the items wait for an answer again."""

from collections.abc import Iterable
from datetime import datetime

from access_review import store
from access_review.artifacts import AUDIT, WORKLIST
from access_review.audit import decisions
from access_review.audit.decisions import Decisions
from access_review.audit.worklist import WorkItem
from access_review.errors import PlanRefused, Unclear
from access_review.runs import Run
from access_review.store import audits, rosters
from access_review.store.decisions import NewDecision, RunDecisions, claimed


def withdraw_decisions(run: Run, items: Iterable[str], by: str, comment: str, now: datetime) -> Decisions:
    """Take decisions of a run back, by an item's id or the start of it; raises ``PlanRefused`` and ``Unclear``.

    What was decided stays in the history. Nobody touches a decision about their own access.
    """
    people = rosters.people_now(run, now)
    person = people.who(by)
    if person is None:
        raise PlanRefused(f"{by} is in no roster, so cannot withdraw", hint="give the id, name or mail of a person")
    if store.has(run, AUDIT) and (ended := store.read(run, AUDIT)).signed_off_at is not None:
        raise PlanRefused(f"{ended.week} is signed off by {ended.signed_off_by}", hint="an audit ends once")
    known = store.read(run, WORKLIST).items
    wanted = [_item(known, name) for name in items]
    if theirs := [item.item for item in wanted if people.is_own(person, item.own)]:
        raise PlanRefused(f"{theirs[0]} is about the access of {by}", hint="somebody else withdraws it")
    ids = [item.item for item in wanted]

    def decide(known: RunDecisions) -> Iterable[NewDecision]:
        left = decisions.withdraw(known.decisions, ids, by=by, at=now.date(), comment=comment)
        return claimed(left.history[len(known.history) :], lambda _: person)

    return audits.write(run, decide, now).decisions


def _item(known: Iterable[WorkItem], name: str) -> WorkItem:
    found = [item for item in known if item.item.startswith(name)]
    if len(found) != 1 or len(name) < 6:
        raise Unclear(f"{len(found)} items begin with {name!r}", hint="the work sheet names them in its first column")
    return found[0]

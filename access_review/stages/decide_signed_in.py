"""Decide, as somebody who signed in: one answer at a time, taken back, handed on, and submitted.

What is written is what `decide` writes, by the same function; only that here the person is known.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from access_review import artifacts, store
from access_review.artifacts import AUDIT, WORKLIST
from access_review.audit import decisions
from access_review.audit.campaign import Campaign
from access_review.audit.decisions import ReviewerAnswer, Submission, SubmittedAnswer, needs_reason
from access_review.audit.reviewers import People
from access_review.audit.worklist import WorkItem, sort_key
from access_review.errors import PlanRefused, Unclear
from access_review.logbook import entries
from access_review.runs import Run
from access_review.store import audits, logged, rosters
from access_review.store.decisions import Assurance, NewDecision, RunDecisions, StoredDecision
from access_review.store.recalled import read_again
from access_review.store.rights import Right, hold
from access_review.views.worksheet import name_of

LONGEST_REASON = 2000
"""Characters of a reason."""


class AnsweredMeanwhile(PlanRefused):
    """Another answer stands than the one that was seen; ``standing`` is it, null where it was taken back."""

    def __init__(self, standing: StoredDecision | None) -> None:
        super().__init__("this was answered meanwhile", hint="look at what stands now, and answer again to replace it")
        self.standing = standing


class ReasonNeeded(Unclear):
    """Without a reason such an answer is not kept."""


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """An item of a reviewer with the row that stands for it, if any; ``version`` is what a form must have seen."""

    item: WorkItem
    row: StoredDecision | None

    @property
    def version(self) -> int:
        """The number of the row that stands, a withdrawal too; 0 before the first."""
        return self.row.seq if self.row else 0

    @property
    def answer(self) -> StoredDecision | None:
        """The answer that counts."""
        return None if self.row is None or self.row.decision.decision is ReviewerAnswer.WITHDRAWN else self.row


@dataclass(frozen=True, slots=True)
class OwnItems:
    """Everything that is asked of one reviewer in the audit that goes on, and what they submitted of it."""

    run: Run
    audit: Campaign
    items: tuple[ItemAnswer, ...]
    submitted: Submission | None

    @property
    def open(self) -> tuple[ItemAnswer, ...]:
        """The items without an answer."""
        return tuple(one for one in self.items if one.answer is None)

    @property
    def changed_since(self) -> bool:
        """Tell whether another answer stands than what was submitted."""
        return self.submitted is not None and self.submitted.answers != _answers(self.items)


def own_items(run: Run, person: str) -> OwnItems:
    """Return what is asked of a reviewer: never about their own access. Raises ``ArtifactError`` for damaged files."""
    people = rosters.people_now(run)
    standing = audits.recorded(run).standing
    items = tuple(
        ItemAnswer(item, standing.get(item.item))
        for item in read_again(run, WORKLIST).items
        if item.reviewer == person and not people.is_own(person, item.own)
    )
    kind = artifacts.submission(name_of(person))
    submitted = read_again(run, kind) if store.has(run, kind) else None
    return OwnItems(run, read_again(run, AUDIT), items, submitted)


def answer_own_item(
    run: Run,
    item: str,
    answer: ReviewerAnswer,
    *,
    person: str,
    comment: str,
    seen: int,
    now: datetime,
    seconds: float | None = None,
) -> None:
    """Keep the answer of a person who signed in to an item of theirs; ``seen`` is the row that stood on their page.

    ``seconds`` is how long it took. The same answer sent twice is kept once. Raises ``AnsweredMeanwhile`` where another row stands, ``ReasonNeeded``,
    ``Unclear`` for an item that is not theirs, and ``PlanRefused`` once the audit is signed off.
    """
    people = _here(run, person, now)
    asked = _own(run, item, person, people)
    _refuse_ended(run)
    comment = comment.strip()
    if len(comment) > LONGEST_REASON:
        raise Unclear(f"the reason has {len(comment):,} characters", hint=f"{LONGEST_REASON:,} at most")
    if not comment and needs_reason(asked, answer):
        raise ReasonNeeded("a reason is needed", hint="say in a few words why: another reads it")
    day = max(now, run.as_of).date()
    given = decisions.decision_on(asked, answer, by=_name(people, person), at=day, comment=comment, seconds=seconds)

    def decide(known: RunDecisions) -> Iterable[NewDecision]:
        stands = known.standing.get(item)
        if stands and stands.person == person and replace(stands.decision, seconds=seconds) == given:
            return ()
        _refuse_other(stands, seen)
        return (NewDecision(given, person, Assurance.AUTHENTICATED),)

    audits.write(run, decide, now)


def take_back(run: Run, item: str, *, person: str, seen: int, now: datetime) -> None:
    """Take back the answer to an item of a person who signed in; it stays in the history.

    Raises ``Unclear`` for what is no item of theirs, and ``PlanRefused``, as answering does.
    """
    people = _here(run, person, now)
    _own(run, item, person, people)
    _refuse_ended(run)

    def decide(known: RunDecisions) -> Iterable[NewDecision]:
        _refuse_other(known.standing.get(item), seen)
        comment = "taken back"
        left = decisions.withdraw(
            known.decisions, [item], by=_name(people, person), at=max(now, run.as_of).date(), comment=comment
        )
        return (NewDecision(left.history[-1], person, Assurance.AUTHENTICATED),)

    audits.write(run, decide, now)


def hand_on(run: Run, item: str, *, person: str, to: str, reason: str, now: datetime) -> str:
    """Hand an item of a person who signed in to somebody else, who is asked from now on; return their id.

    Raises ``Unclear`` for who is in no roster or may not decide on it, ``ReasonNeeded``, and
    ``PlanRefused`` for an item that is answered, and as answering does.
    """
    people = _here(run, person, now)
    _refuse_ended(run)
    other = people.who(to)
    if other is None:
        message, hint = people.why_nobody(to)
        raise Unclear(message, hint=hint)
    if not reason.strip():
        raise ReasonNeeded("a reason is needed", hint="say in a few words why they know better")
    with hold(run.workspace, Right.STORE, now=now, command="hand on"):
        asked = _own(run, item, person, people)
        if other == person:
            raise Unclear("that is yourself", hint="name somebody else")
        if people.is_own(other, asked.own):
            raise Unclear(f"{people.names[other]} may not decide on their own access", hint="name somebody else")
        if audits.decisions(run).current.get(item):
            raise PlanRefused("this is answered", hint="take the answer back first")
        when = now.astimezone(UTC)
        note = f"{_name(people, person)} ({person}) on {when:%Y-%m-%d %H:%M} UTC: {reason.strip()[:LONGEST_REASON]}"
        moved = replace(asked, reviewer=other, reviewer_name=people.names[other], handed_on=note)
        work = store.read(run, WORKLIST)
        left = [one for one in work.items if one.item != item]
        changed = replace(work, items=tuple(sorted((*left, moved), key=sort_key)))
        line = entries.campaign_changed(run.id, now, logged.marks(run, logged.CAMPAIGN))
        logged.replace_files(run.workspace, line, {f"{run.id}/{WORKLIST.path}": WORKLIST.dump(changed)}, "hand on")
    return other


def submit(run: Run, *, person: str, seen: tuple[int, ...], now: datetime) -> Submission:
    """Keep that a reviewer is done: all of their answers as they stand, which the logbook knows from here on.

    ``seen`` are the rows that were shown for it. Raises ``PlanRefused`` while items are open, where other rows stand, and
    once the audit is signed off.
    """
    _here(run, person, now)
    _refuse_ended(run)
    with hold(run.workspace, Right.STORE, now=now, command="submit"):
        own = own_items(run, person)
        if own.open or not own.items:
            raise PlanRefused("not everything is answered", hint="answer what is open, or hand it on")
        if tuple(one.version for one in own.items) != seen:
            raise PlanRefused("an answer changed meanwhile", hint="look at what stands now, and submit that")
        made = Submission(run.id, person, now, _answers(own.items))
        kind = artifacts.submission(name_of(person))
        line = entries.campaign_changed(run.id, now, logged.marks(run, logged.CAMPAIGN))
        logged.replace_files(run.workspace, line, {f"{run.id}/{kind.path}": kind.dump(made)}, "submit")
    return made


def _answers(items: Iterable[ItemAnswer]) -> tuple[SubmittedAnswer, ...]:
    return tuple(
        SubmittedAnswer(one.item.item, one.answer.decision.decision, one.answer.seq) for one in items if one.answer
    )


def _refuse_other(stands: StoredDecision | None, seen: int) -> None:
    if (stands.seq if stands else 0) != seen:
        raise AnsweredMeanwhile(stands)


def _here(run: Run, person: str, now: datetime) -> People:
    people = rosters.people_now(run, now)
    if person not in people.here:
        raise PlanRefused("you are no longer in the roster as somebody who works here", hint="ask who keeps it")
    return people


def _own(run: Run, item: str, person: str, people: People) -> WorkItem:
    """Return an item of a person's list; one of another's is as unknown as one that there is not."""
    for one in read_again(run, WORKLIST).items:
        if one.item == item and one.reviewer == person and not people.is_own(person, one.own):
            return one
    raise Unclear("there is no such item on your list", hint="it may have been handed on")


def _refuse_ended(run: Run) -> None:
    ended = read_again(run, AUDIT)
    if ended.signed_off_at is not None:
        raise PlanRefused(
            f"{ended.week} is signed off by {ended.signed_off_by}", hint="an audit ends once; the next asks again"
        )


def _name(people: People, person: str) -> str:
    """Return the name that stands beside an answer: the id where two people have one name."""
    name = people.names[person]
    return name if people.who(name) == person else person

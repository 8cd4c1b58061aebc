"""A reviewer's pages: the work sheet, one item at a time, and what is submitted. Plain forms, which need no script."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup
from starlette.responses import Response

from access_review.audit.decisions import ReviewerAnswer, needs_reason
from access_review.audit.filled_sheets import PAUSE
from access_review.audit.worklist import WorkItem, minutes_for
from access_review.errors import PlanRefused, Unclear
from access_review.runs import Run
from access_review.stages import decide_signed_in as deciding
from access_review.stages.decide_signed_in import AnsweredMeanwhile, ItemAnswer, OwnItems, ReasonNeeded
from access_review.views import item_picture
from access_review.web.pages import Visit

ANSWERS = {
    ReviewerAnswer.KEEP: ("Keep", "they need it for the work they do now"),
    ReviewerAnswer.REVOKE: ("Revoke", "it is to be taken away"),
    ReviewerAnswer.CANNOT_SAY: ("I don’t know", "somebody else has to look"),
}
"""What may be answered, and what that means."""


@dataclass(frozen=True, slots=True)
class PersonOnSheet:
    """Everything that is asked about one person, or an account of nobody."""

    items: tuple[ItemAnswer, ...]

    @property
    def first(self) -> WorkItem:
        """Any of the items: what is said of the person is the same in all."""
        return self.items[0].item

    @property
    def objections(self) -> int:
        """How many items the machine objects to."""
        return sum(bool(one.item.found) for one in self.items)


def sheet(visit: Visit) -> Response:
    """Show what is asked of somebody: what the machine objects to first."""
    run = visit.site.audit()
    if run is None:
        return visit.page("message", heading="Nothing to review", text="No audit has been opened yet.")
    own = deciding.own_items(run, visit.who.person)
    people = in_order(own.items)
    waiting = next((one for person in people for one in person.items if one.answer is None), None)
    reviewing = visit.site.workspace().policy.reviewing
    return visit.page(
        "sheet",
        own=own,
        people=people,
        next=waiting,
        due=own.audit.opened_at + reviewing.close,
        minutes=minutes_for(len(own.open)),
        ended=own.audit.signed_off_at is not None,
    )


def item(visit: Visit) -> Response:
    """Show one item with what is needed to decide it."""
    own, one = _found(visit)
    visit.signed_in.shown.setdefault(one.item.item, visit.site.sessions.tick())
    return _item_page(visit, own, one)


def answer(visit: Visit) -> Response:
    """Keep an answer, and go on to the next item that has none."""
    own, one = _found(visit)
    try:
        given = ReviewerAnswer(visit.form.get("answer", ""))
    except ValueError:
        given = None
    if given not in ANSWERS:
        return _item_page(visit, own, one, 422, wrong="Choose an answer first. Nothing was kept.")
    try:
        deciding.answer_own_item(
            own.run,
            one.item.item,
            given,
            person=visit.who.person,
            comment=visit.form.get("reason", ""),
            seen=_number(visit.form.get("seen", "")),
            now=visit.site.clock.now(),
            seconds=_took(visit, one.item.item),
        )
    except AnsweredMeanwhile as error:
        own, one = _found(visit)
        return _item_page(visit, own, one, 409, meanwhile=error.standing, chosen=given)
    except (ReasonNeeded, Unclear) as error:
        told = f"{error.message[:1].upper()}{error.message[1:]}: {error.hint}. Nothing was kept."
        return _item_page(visit, own, one, 422, wrong=told, chosen=given)
    visit.signed_in.shown.pop(one.item.item, None)
    after = _after(own, one)
    visit.signed_in.said = f"Kept: {given} for {_called(one.item)}."
    if after is None:
        visit.signed_in.said += " Everything is answered."
        return visit.go("/review")
    return visit.go(f"/review/{after.item.item}")


def take_back(visit: Visit) -> Response:
    """Take an answer back."""
    own, one = _found(visit)
    try:
        deciding.take_back(
            own.run,
            one.item.item,
            person=visit.who.person,
            seen=_number(visit.form.get("seen", "")),
            now=visit.site.clock.now(),
        )
    except AnsweredMeanwhile as error:
        own, one = _found(visit)
        return _item_page(visit, own, one, 409, meanwhile=error.standing)
    visit.signed_in.said = f"Taken back: {_called(one.item)} waits for an answer again."
    return visit.go(f"/review/{one.item.item}")


def hand_on(visit: Visit) -> Response:
    """Hand an item to somebody who knows better."""
    own, one = _found(visit)
    try:
        other = deciding.hand_on(
            own.run,
            one.item.item,
            person=visit.who.person,
            to=visit.form.get("to", ""),
            reason=visit.form.get("why", ""),
            now=visit.site.clock.now(),
        )
    except (Unclear, PlanRefused) as error:
        told = f"{error.message[:1].upper()}{error.message[1:]}: {error.hint}. Nothing was changed."
        return _item_page(visit, own, one, 422, wrong_hand=told)
    after = _after(own, one)
    visit.signed_in.said = f"Handed on to {visit.site.people().names[other]}: {_called(one.item)}."
    return visit.go(f"/review/{after.item.item}" if after else "/review")


def before_submitting(visit: Visit) -> Response:
    """Show what is about to be submitted: every answer, and in which words."""
    own = _own(visit)
    people = in_order(own.items)
    counted = Counter(one.answer.decision.decision for one in own.items if one.answer)
    return visit.page("submit", own=own, people=people, counted=counted, seen=_seen(own), answers=ANSWERS)


def submit(visit: Visit) -> Response:
    """Keep that somebody is done."""
    seen = tuple(_number(one) for one in visit.form.get("seen", "").split(","))
    deciding.submit(_run(visit), person=visit.who.person, seen=seen, now=visit.site.clock.now())
    visit.signed_in.said = "Submitted. You can still change an answer until the audit is signed off; then submit again."
    return visit.go("/review")


def in_order(items: Iterable[ItemAnswer]) -> tuple[PersonOnSheet, ...]:
    """Return items by whom they are about, those first to whom the machine objects most."""
    of_unit: dict[str, list[ItemAnswer]] = {}
    for one in items:
        of_unit.setdefault(one.item.unit, []).append(one)
    people = [
        PersonOnSheet(tuple(sorted(found, key=lambda one: (not one.item.found, one.item.system, one.item.item))))
        for found in of_unit.values()
    ]
    return tuple(sorted(people, key=lambda one: (-one.objections, one.first.person, one.first.unit)))


def _run(visit: Visit) -> Run:
    run = visit.site.audit()
    if run is None:
        raise Unclear("no audit has been opened yet", hint="wait until you are asked")
    return run


def _own(visit: Visit) -> OwnItems:
    return deciding.own_items(_run(visit), visit.who.person)


def _found(visit: Visit) -> tuple[OwnItems, ItemAnswer]:
    """Return an item of whoever asks; one of somebody else is as unknown as one that there is not."""
    own, wanted = _own(visit), visit.path("item")
    for one in own.items:
        if one.item.item == wanted:
            return own, one
    raise Unclear("there is no such item on your list", hint="it may have been handed on")


def _item_page(visit: Visit, own: OwnItems, one: ItemAnswer, status: int = 200, **more: object) -> Response:
    ordered = [each for person in in_order(own.items) for each in person.items]
    place = ordered.index(one)
    shown: dict[str, object] = {
        "own": own,
        "one": one,
        "item": one.item,
        "answers": ANSWERS,
        "needs_reason": needs_reason(one.item, ReviewerAnswer.KEEP),
        "place": place + 1,
        "before": ordered[place - 1].item if place else None,
        "after": ordered[place + 1].item if place + 1 < len(ordered) else None,
        "chosen": one.answer.decision.decision if one.answer else None,
        "reason": visit.form.get("reason", one.answer.decision.comment if one.answer else ""),
        "picture": _picture(visit, own.run, one.item),
        "ended": own.audit.signed_off_at is not None,
        "history": _history(own.run, one.item.item),
        "wrong": "",
        "wrong_hand": "",
        "hand_to": visit.form.get("to", ""),
        "hand_why": visit.form.get("why", ""),
        "meanwhile": None,
    }
    return visit.page("item", status, **shown | more)


def _history(run: Run, item: str) -> Sequence[object]:
    from access_review.store import audits

    return [row for row in audits.recorded(run).history if row.decision.item == item]


def _picture(visit: Visit, run: Run, item: WorkItem) -> Markup:
    if item.entitlement is None:
        return item_picture.draw(item, ())
    with visit.site.facts(run) as facts:
        return item_picture.draw(item, facts.reaches(item.entitlement, frozenset()))


def _after(own: OwnItems, one: ItemAnswer) -> ItemAnswer | None:
    """Return the next item without an answer, from here on and then from the start."""
    ordered = [each for person in in_order(own.items) for each in person.items]
    place = ordered.index(one)
    return next((each for each in (*ordered[place + 1 :], *ordered[:place]) if each.answer is None), None)


def _took(visit: Visit, item: str) -> float | None:
    """Return how many seconds an answer took; nothing after a pause, or where the item was not looked at."""
    shown = visit.signed_in.shown.get(item)
    if shown is None:
        return None
    took = visit.site.sessions.tick() - shown
    return round(took, 1) if timedelta(seconds=took) < PAUSE else None


def _seen(own: OwnItems) -> str:
    return ",".join(str(one.version) for one in own.items)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 16 else -1


def _called(item: WorkItem) -> str:
    return f"{item.person}, {item.entitlement_name}"

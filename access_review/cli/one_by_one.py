"""Deciding in the terminal: one item after another, each answer kept as soon as it is given."""

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import typer

from access_review.cli.asked import Asked

if TYPE_CHECKING:
    from access_review.audit.decisions import ReviewerAnswer
    from access_review.audit.reviewers import People
    from access_review.audit.worklist import WorkItem
    from access_review.explain.account_access import AccessFacts
    from access_review.runs import Run

_SKIP, _STOP = "s", "q"
_KEYS = {"k": "keep", "r": "revoke", "d": "cannot say"}
_QUESTION = "k keep, r revoke, d do not know, s skip, q stop"


def ask(asked: Asked, run: "Run", by: str | None, of: str | None) -> None:
    """Ask for the open items of one reviewer, until all are answered or somebody stops.

    What was answered is on disk, so the next call goes on where this one ended. Raises
    ``BadParameter`` where nobody sits at a terminal, ``Unclear`` for who is in no roster.
    """
    from access_review import snapshot
    from access_review.audit import filled_sheets, reviewers
    from access_review.audit.worklist import UNASSIGNED
    from access_review.explain.account_access import AccessFacts
    from access_review.stages import audit
    from access_review.views.text import count

    if asked.json or not sys.stdin.isatty():
        raise typer.BadParameter("give work sheets: without a terminal nobody can be asked")
    workspace = asked.workspace()
    people = reviewers.people_of(snapshot.load(run).tables["people"].to_pylist())
    me = _person(people, by or typer.prompt("Who are you? Id, name or mail"))
    whose = me if of is None else UNASSIGNED if of == UNASSIGNED else _person(people, of)
    items = filled_sheets.open_items(audit.work_of(run), audit.decisions_of(run), whose, people.called(me))
    name = people.names[me] if people.who(people.names[me]) == me else me
    typer.echo(f"{count(len(items), 'item')} to answer, of run {run.id}. No answer is never taken for a revoke.")
    answered: Counter[str] = Counter()
    with audit.facts_of(workspace, run) as (engine, _, _):
        access = AccessFacts(engine, workspace)
        for number, item in enumerate(items, 1):
            said = _answer(asked, item, access, f"{number} of {len(items)}")
            if said is None:
                break
            if said:
                _keep(asked, run, item, said, name)
                answered[said[0]] += 1
    left = len(items) - answered.total()
    typer.echo(f"\n{count(answered.total(), 'answer')} kept, {count(left, 'item')} still open.")
    if left:
        typer.echo("Next: access-review decide, as now; or access-review remind")


def _person(people: "People", name: str) -> str:
    from access_review.errors import Unclear

    person = people.who(name)
    if person is None:
        raise Unclear(f"{name!r} is nobody of the rosters who works here", hint="give the id, name or mail of a person")
    return person


Said = tuple["ReviewerAnswer", str, float | None]
"""The answer, the reason, and how many seconds it took; null after a pause."""


def _answer(asked: Asked, item: "WorkItem", access: "AccessFacts", place: str) -> Said | tuple[()] | None:
    """Put one item to whoever sits there; nothing for a skipped one, ``None`` to stop."""
    from access_review.audit.decisions import ReviewerAnswer
    from access_review.audit.filled_sheets import PAUSE
    from access_review.views import review_question

    gained = access.reaches(item.entitlement, frozenset()) if item.entitlement else ()
    typer.echo("\n" + review_question.text(item, gained, place=place, colour=asked.colour, width=asked.width))
    shown = time.monotonic()
    try:
        while (key := typer.prompt(_QUESTION).strip().casefold()[:1]) not in (*_KEYS, _SKIP, _STOP):
            typer.echo(f"{key!r} is none of these")
        took = time.monotonic() - shown
        if key not in _KEYS:
            return () if key == _SKIP else None
        # What the machine objects to, and what is to go, is not decided without a word.
        needed = key != "k" or bool(item.found)
        reason = typer.prompt(
            "Reason" if needed else "Reason, if any", default=None if needed else "", show_default=False
        )
    except typer.Abort:
        return None
    return ReviewerAnswer(_KEYS[key]), reason.strip(), round(took, 1) if took < PAUSE.total_seconds() else None


def _keep(asked: Asked, run: "Run", item: "WorkItem", said: Said, name: str) -> None:
    from access_review.audit import decisions
    from access_review.stages import audit

    answer, reason, seconds = said
    day = max(asked.now, run.as_of).date()
    given = decisions.decision_on(item, answer, by=name, at=day, comment=reason, seconds=seconds)
    # Read again each time: sheets may have been read meanwhile.
    audit.keep_decisions(run, decisions.record(audit.decisions_of(run), [given]))

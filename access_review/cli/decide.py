"""Deciding in the terminal: one item after another, each answer kept as soon as it is given."""

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import typer

from access_review.cli.options import Options, leave

if TYPE_CHECKING:
    from access_review.audit.decisions import ReviewerAnswer
    from access_review.audit.worklist import WorkItem
    from access_review.explain.account_access import AccessFacts
    from access_review.runs import Run

_SKIP, _STOP = "s", "q"
_KEYS = {"k": "keep", "r": "revoke", "d": "cannot say"}
_QUESTION = "k keep, r revoke, d do not know, s skip, q stop"


def ask(options: Options, run: "Run", by: str | None, of: str | None) -> None:
    """Ask for the open items of one reviewer, until all are answered or somebody stops.

    What was answered is on disk, so the next call goes on where this one ended. Raises
    ``BadParameter`` where nobody sits at a terminal, ``Unclear`` for who is in no roster.
    """
    from access_review.explain.account_access import AccessFacts
    from access_review.stages.decide import answer_item, questions
    from access_review.store import reviews
    from access_review.views.text import count

    if options.json or not sys.stdin.isatty():
        raise typer.BadParameter("give work sheets: without a terminal nobody can be asked")
    workspace = options.workspace()
    open_items = questions(run, by or typer.prompt("Who are you? Id, name or mail"), of, options.now)
    items = open_items.items
    typer.echo(f"{count(len(items), 'item')} to answer, of run {run.id}. No answer is never taken for a revoke.")
    answered: Counter[str] = Counter()
    with reviews.opened(workspace, run) as facts:
        access = AccessFacts(facts.engine, workspace)
        for number, item in enumerate(items, 1):
            given = _answer(options, item, access, f"{number} of {len(items)}")
            if given is None:
                break
            if given:
                answer, reason, seconds = given
                answer_item(run, item, answer, by=open_items.by, now=options.now, comment=reason, seconds=seconds)
                answered[answer] += 1
    left = len(items) - answered.total()
    typer.echo(f"\n{count(answered.total(), 'answer')} kept, {count(left, 'item')} still open.")
    if left:
        typer.echo("Next: access-review decide, as now; or access-review remind")


Given = tuple["ReviewerAnswer", str, float | None]
"""The answer, the reason, and how many seconds it took; null after a pause."""


def _answer(options: Options, item: "WorkItem", access: "AccessFacts", place: str) -> Given | tuple[()] | None:
    """Put one item to whoever sits there; nothing for a skipped one, ``None`` to stop."""
    from access_review.audit.decisions import ReviewerAnswer, needs_reason
    from access_review.audit.filled_sheets import PAUSE
    from access_review.views import review_question

    gained = access.reaches(item.entitlement, frozenset()) if item.entitlement else ()
    typer.echo("\n" + review_question.text(item, gained, place=place, colour=options.colour, width=options.width))
    shown = time.monotonic()
    try:
        while (key := typer.prompt(_QUESTION).strip().casefold()[:1]) not in (*_KEYS, _SKIP, _STOP):
            typer.echo(f"{key!r} is none of these")
        took = time.monotonic() - shown
        if key not in _KEYS:
            return () if key == _SKIP else None
        needed = needs_reason(item, ReviewerAnswer(_KEYS[key]))
        reason = typer.prompt(
            "Reason" if needed else "Reason, if any", default=None if needed else "", show_default=False
        )
    except typer.Abort:
        return None
    return ReviewerAnswer(_KEYS[key]), reason.strip(), round(took, 1) if took < PAUSE.total_seconds() else None


def ask_to_sign(run: "Run", options: Options, *, asks: bool) -> None:
    """Show what is about to be signed off, and go on only when that is wanted; where nobody can be asked it is not."""
    from access_review import store
    from access_review.artifacts import AUDIT
    from access_review.audit import reviewers
    from access_review.store import audits, snapshots
    from access_review.views import campaign, judgement

    names = reviewers.people_of(snapshots.people(run)).names
    waiting = audits.waited_for(run)
    typer.echo(campaign.text(store.read(run, AUDIT), waiting, (), options.now, names), err=not asks)
    typer.echo(judgement.text(audits.judgement(run), read=0), err=not asks)
    if not asks:
        leave(4, "not signed off: there is no terminal to ask at\n  → when this is what is to be signed, add --yes")
    if not typer.confirm("Sign this off?"):
        leave(4, "not signed off; nothing is changed")

"""Orders that `watch` finds to be void: a read ends them, and people hear of each.

Where what is watched shows that nothing asks for an order any more, a run is made of what was seen: an order ends by
a review that the logbook knows, and by nothing else.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from access_review.changes import is_decision
from access_review.errors import AccessReviewError
from access_review.findings.compare import current
from access_review.revoke.states import State
from access_review.runs import Run
from access_review.snapshot import Snapshot
from access_review.snapshot.watched import WatchState
from access_review.stages.ordered_plans import OrderedChange, OrderedPlan, ordered_plan
from access_review.stages.tickets import FOLLOWED
from access_review.stages.verify import verify_plan
from access_review.stages.watch_leavers import review_seen
from access_review.store import plans, reviews, watching
from access_review.workspace import Workspace

_APART = timedelta(hours=1)
"""How long after the last run one is made for the sake of orders."""


def void_orders(workspace: Workspace, now: datetime) -> frozenset[str]:
    """Return the orders that may be void, unless they were carried out meanwhile: run, plan and change of each.

    What cannot be followed the commands that follow it say.
    """
    found = set[str]()
    for orders in _waiting(workspace, now):
        with suppress(AccessReviewError):
            run, name = orders.stored.run, orders.stored.name
            found |= {_key(run, name, one) for one in orders.each() if one.void(now)}
    return frozenset(found)


def end_void(
    workspace: Workspace, keys: Iterable[str], now: datetime
) -> tuple[tuple[str, ...], frozenset[str], tuple[str, ...]]:
    """Read the plans of orders again, by which those end that are void.

    Return in a line what ended so and why, which of the orders wait for it still, and why a plan could not be read.
    """
    wanted, ended, waiting, failed = frozenset(keys), list[str](), set[str](), list[str]()
    for run, name in plans.with_journal(workspace.folder, now - FOLLOWED):
        here = {key for key in wanted if key.startswith(f"{run.id}/{name} ")}
        if not here:
            continue
        try:
            verify_plan(plans.find(run, name), workspace, now=now)
            orders = ordered_plan(workspace, run, name, now)
            for one in orders.each() if orders else ():
                if _key(run, name, one) in here and one.status.state is State.SKIPPED:
                    what = one.body(one.ticket or one.first_ticket(now)).values["what"]
                    ended.append(f"{what}: {one.status.reason}")
                elif _key(run, name, one) in here and one.status.state is State.ORDERED:
                    waiting.add(_key(run, name, one))
        except AccessReviewError as error:
            failed.append(error.in_a_line)
            waiting |= here
    return tuple(ended), frozenset(waiting), tuple(failed)


def _key(run: Run, name: str, one: OrderedChange) -> str:
    return f"{run.id}/{name} {one.change.id}"


def overdue_orders(workspace: Workspace, now: datetime, known: Collection[str]) -> Mapping[str, str]:
    """Return the orders that are not done in time, by run, plan and change: what each asks for, by when, and what proves it.

    Of those that are ``known`` to be late nothing is looked up again.
    """
    found = {}
    for orders in _waiting(workspace, now):
        run, name = orders.stored.run, orders.stored.name
        with suppress(AccessReviewError):
            for one in orders.each():
                key = _key(run, name, one)
                if one.status.state is not State.ORDERED:
                    continue
                if key in known:
                    found[key] = ""
                elif now >= (ticket := one.first_ticket(now)).due:
                    values = one.body(ticket).values
                    proof = f"access-review --run {run.id} verify --of {name}"
                    found[key] = f"{values['what']}, by {values['due']}; to be proven: {proof}"
    return found


def run_where_asked_no_more(
    workspace: Workspace, state: WatchState, seen: Callable[[], Snapshot], last: Run, now: datetime
) -> bool:
    """Make a run where nothing that is open asks for some order any more, as was ``seen`` since the ``last`` run; tell whether one was made.

    Raises ``ArtifactError`` and ``RightHeld`` as making it does.
    """
    if state.at is None or not state.findings or now - last.as_of < _APART:
        return False
    asked = {
        frozenset(one.change.because)
        for orders in _waiting(workspace, now)
        for one in orders.each()
        if one.status.state is State.ORDERED and not any(map(is_decision, one.change.because))
    }
    if not asked:
        return False
    open_now = frozenset(watching.open_now(workspace.folder, state)["finding"].to_pylist())
    known = _known_open(last)
    if not any(because & known and not because & open_now for because in asked):
        return False
    review_seen(workspace, seen(), last, now)
    return True


def _known_open(run: Run) -> frozenset[str]:
    return frozenset(name for piece in reviews.read(run).pieces() for name in current(piece)["finding"].to_pylist())


def _waiting(workspace: Workspace, now: datetime) -> Iterator[OrderedPlan]:
    """Yield the plans of which somebody is still to do something; one that cannot be read is left out."""
    for run, name in plans.with_journal(workspace.folder, now - FOLLOWED):
        try:
            orders = ordered_plan(workspace, run, name, now)
        except AccessReviewError:
            continue
        if orders and orders.waits:
            yield orders

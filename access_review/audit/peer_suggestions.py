"""What peers suggest to a reviewer about each item, with the reason: it orders nobody's answer and decides nothing.

Test rows are compared like all others, so that nothing beside a row tells whether anybody has what it asks about.
Nobody else is named: a reviewer of one client learns nothing of people of another.
"""

from dataclasses import replace

from access_review.audit.worklist import WorkItem, Worklist
from access_review.draft.peer_counts import PeerCounts, PeerView
from access_review.draft.peers_in_review import compare_in
from access_review.engine import Engine

MOST_PEOPLE = 200_000
"""People above whom a work list is written without: who holds what would not fit into memory beside the review."""


def suggest(engine: Engine, work: Worklist) -> Worklist:
    """Return the work list with what peers suggest, where there is something to compare."""
    (people,) = engine.rows("SELECT count(*) AS found FROM people")
    if people["found"] > MOST_PEOPLE:
        return work
    pairs = {pair for item in work.items if (pair := _pair(item))}
    found = compare_in(engine, pairs, naming=False)
    return replace(work, items=tuple(_said(item, found.get(_pair(item) or ("", ""))) for item in work.items))


def _pair(item: WorkItem) -> tuple[str, str] | None:
    """Return who has what by an item that can be compared: what is held by a person, and not only eligible."""
    if item.entitlement is None or item.unit == item.account or item.mode != "assigned":
        return None
    return item.unit, item.entitlement


def _said(item: WorkItem, counts: PeerCounts | None) -> WorkItem:
    if counts is None or counts.view is PeerView.UNKNOWN:
        return item
    return replace(item, peers=f"{counts.view}: {counts.reason}")

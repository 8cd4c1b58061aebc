"""When batches proved a way to sign in gone, from their journals.

A disabled account is proven by two reads that agree and lie apart. The first of the two
is the instant: the account was off by then, and the second says that it was no accident.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from access_review.changes import Action
from access_review.plan.record import Plan
from access_review.revoke.journal import Journal
from access_review.revoke.states import State


def proven(journals: Iterable[tuple[Plan, Journal]]) -> dict[tuple[str, str], datetime]:
    """Return by person and system when every account that batches were to disable there was proven off.

    One account that the last batch about it did not prove off leaves the whole system without proof; one that
    was off already counts for nothing. The journals come oldest run first.
    """
    accounts: defaultdict[tuple[str, str], dict[str, datetime | None]] = defaultdict(dict)
    for plan, journal in journals:
        seen = {row.change: row.at for row in journal.changes if row.state is State.PENDING}
        for change in plan.changes:
            target, state = change.target, journal.standing(change.id).state
            if change.action is not Action.DISABLE_ACCOUNT or not target.person or not target.account:
                continue
            if state is not State.ABSENT:
                at = seen[change.id] if state is State.REVOKED else None
                accounts[target.person, target.source][target.account.id] = at
    return {
        key: max(at for at in found.values() if at)
        for key, found in sorted(accounts.items())
        if None not in found.values()
    }

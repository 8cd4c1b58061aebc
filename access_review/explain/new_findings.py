"""Why a finding is new: what was granted, nested or ended since the run before, as a code that views put into words."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from access_review.explain.changed_access import AccessChangeKind, ChangedAccess
from access_review.tables import Row


class NewBecause(StrEnum):
    """What happened since the run before that a new finding is about."""

    LEFT = "left"
    GRANTED = "granted"
    NESTED = "nested"
    JOINED = "joined"
    NOT_TOLD = "not-told"
    """Nothing that changed in the sources: time passed, somebody signed in, or a rule or template is another."""


def why_new(findings: Sequence[Row], changed: ChangedAccess) -> Mapping[str, NewBecause]:
    """Return by finding why it is new; ``findings`` are rows of that table, of which only the new ones count."""
    gone = {one.person for kind in (AccessChangeKind.LEFT, AccessChangeKind.VANISHED) for one in changed.of(kind)}
    granted = {(one.account, one.entitlement) for one in changed.of(AccessChangeKind.GRANTED)}
    nested = {one.account for one in changed.of(AccessChangeKind.NESTED)}
    joined = {one.person for one in changed.of(AccessChangeKind.JOINED)}
    found = {}
    for row in findings:
        if row["status"] != "new":
            continue
        if row["person"] in gone:
            found[row["finding"]] = NewBecause.LEFT
        elif (row["subject"], row["about"]) in granted:
            found[row["finding"]] = NewBecause.GRANTED
        elif row["subject"] in nested:
            found[row["finding"]] = NewBecause.NESTED
        elif row["person"] in joined:
            found[row["finding"]] = NewBecause.JOINED
        else:
            found[row["finding"]] = NewBecause.NOT_TOLD
    return found

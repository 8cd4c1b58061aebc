"""What opens and closes between two looks, and what stays open because nobody looked."""

from datetime import UTC, datetime

import pytest

from access_review.facts import FINDINGS
from access_review.findings import Evaluation
from access_review.findings.compare import compare, current, with_opened
from access_review.tables import frame

AT = datetime(2026, 2, 1, tzinfo=UTC)
ASKED = (Evaluation("rule", evaluated=True), Evaluation("idle", evaluated=False, reason="no source provides accounts"))


def found(**status):
    """Return findings by id: ``open``, or ``unchecked`` for one that is carried over; those called idle are of the idle rule."""
    rows = [
        {
            "finding": name,
            "rule": "idle" if name.startswith("idle") else "rule",
            "subject": f"ad:user:{name}",
            "severity": "high",
            "rag": "red",
            "risk": len(name),
            "remedy": "remove",
            "status": "open" if said == "unchecked" else said,
            "first_seen": AT,
            "code": "x",
            "checked": said != "unchecked",
            "facts": "{}",
            "risk_parts": "{}",
        }
        for name, said in status.items()
    ]
    return frame(FINDINGS, rows)


def names(rows):
    return [row["finding"] for row in rows]


def test_what_is_new_opens_the_worst_first_and_what_was_looked_for_in_vain_closes():
    seen = compare(found(a="open", b="open"), found(a="open", c="new", worse="new", b="closed"), ASKED)
    assert (names(seen.opened), names(seen.closed), seen.carried) == (["worse", "c"], ["b"], 0)
    assert seen.open["finding"].to_pylist() == ["a", "c", "worse"]


@pytest.mark.parametrize(
    ("before", "now", "unread", "carried"),
    [
        ({"a": "open"}, {}, (), False),
        ({"a": "open"}, {}, ("ad",), True),
        ({"idle": "open"}, {}, (), True),
        ({"a": "open"}, {"a": "unchecked"}, ("ad",), True),
        ({"a": "open"}, {"a": "closed"}, ("hr",), False),
        ({"a": "open"}, {"a": "waived"}, ("ad",), False),
    ],
)
def test_what_is_silent_because_nobody_looked_stays_open_and_is_not_told_again(before, now, unread, carried):
    seen = compare(found(**before), found(**now), ASKED, unread)
    assert (bool(seen.closed), len(seen.open)) == (not carried, int(carried))
    assert compare(seen.open, found(**before), ASKED).opened == () if carried else True


def test_what_closed_is_not_opened_by_the_last_whole_run_holding_it_open_unread():
    seen = compare(found(), found(a="unchecked"), ASKED, ("ad",))
    assert (names(seen.opened), len(seen.open)) == ([], 0)


def test_a_review_holds_open_what_the_last_run_had_and_what_opened_since():
    known = with_opened(found(a="closed", b="open"), found(a="open", c="new"))
    assert {row["finding"]: row["status"] for row in known.to_pylist()} == {"a": "closed", "b": "open", "c": "new"}
    assert current(known)["finding"].to_pylist() == ["b", "c"]

"""The exception log as a table, and as the list that somebody signs each month."""

from collections.abc import Mapping, Sequence

from access_review.audit.worklist import WorkItem
from access_review.settings import Waiver
from access_review.views.spreadsheet import csv_bytes
from access_review.views.terminal import fitted, wrapped
from access_review.views.text import count, visible

COLUMNS = (
    "waiver",
    "rule",
    "subject",
    "about",
    "reason",
    "asked by",
    "approver",
    "approved as",
    "ticket",
    "expires",
    "state",
)
SIGNED = ("keep or end", "signed by", "signed on")

Stand = Sequence[tuple[Waiver, str]]


def text(
    stand: Stand, kept: Sequence[WorkItem], approved_as: Mapping[str, str], waiting: Stand = (), *, width: int = 100
) -> str:
    """List the waivers with how each stands, and what reviewers kept against a finding without one, in ``width`` columns.

    ``waiting`` are those that `waive merge` would carry over, or not yet.
    """
    rows = [
        (
            one.waiver,
            str(one.expires or "never"),
            visible(state),
            approved_as.get(one.waiver, ""),
            one.rule,
            visible(one.subject),
        )
        for one, state in stand
    ]
    lines = [
        fitted(("waiver", "until", "state", "approved as", "rule", "subject"), rows, width)
        if rows
        else "The exception log is empty."
    ]
    if waiting:
        shown = [
            (one.waiver, str(one.expires or "never"), visible(state), one.rule, visible(one.subject))
            for one, state in waiting
        ]
        lines += ["", "Signed into runs/, and in no log yet:"]
        lines += [fitted(("waiver", "until", "state", "rule", "subject"), shown, width)]
    if kept:
        lines += ["", f"Kept by a reviewer against a finding, and in no log: {count(len(kept), 'item')}"]
        lines += [
            wrapped(f"  {item.account_name}: {item.entitlement_name}; {item.found}", width, "    ") for item in kept
        ]
    return "\n".join(lines)


def carried_over(merged: Sequence[str], before: Sequence[str], waiting: Mapping[str, str]) -> str:
    """Say what was carried over into ``roles/``, and what was not."""
    lines = [f"{name} is in roles/waivers.yaml, its signatures in roles/approvals." for name in merged]
    lines += [f"{name} was carried over before; nothing was changed." for name in before]
    lines += [f"{name}: {visible(state)}." for name, state in sorted(waiting.items())]
    if merged:
        lines += [
            "",
            "Commit roles/. Plans that were made before are stale from now on: carry them out first, or plan again.",
            "Next: access-review review",
        ]
    return "\n".join(lines) or "Nothing waits to be carried over."


def words(one: Waiver, whose: str) -> str:
    """Say all that is signed of a waiver, and whose access it is about."""
    told = (
        ("Accepts", f"{one.rule} of {one.subject}" + (f", about {one.about}" if one.about else "")),
        ("Whose access", whose),
        ("Why", one.reason),
        ("Ticket", one.ticket),
        ("Until", one.expires),
        ("Asked by", one.asked_by),
        ("Granted by", one.approver),
    )
    return "\n".join(
        (f"Waiver {visible(one.waiver)}", *(f"  {name}: {visible(str(said))}" for name, said in told if said))
    )


def csv(stand: Stand, kept: Sequence[WorkItem], approved_as: Mapping[str, str]) -> bytes:
    """Write the list to sign."""
    rows = [(*_cells(one, state, approved_as.get(one.waiver, "")), "", "", "") for one, state in stand]
    rows += [
        (
            "none",
            "",
            item.account,
            item.entitlement or "",
            item.found,
            "",
            "",
            "",
            "",
            "",
            "kept, never logged",
            "",
            "",
            "",
        )
        for item in kept
    ]
    return csv_bytes((*COLUMNS, *SIGNED), rows)


def _cells(one: Waiver, state: str, approved_as: str) -> tuple[str, ...]:
    people = (one.asked_by, one.approver, approved_as)
    told = (one.waiver, one.rule, one.subject, one.about, one.reason, *people, one.ticket)
    return (*(part or "" for part in told), str(one.expires or ""), state)

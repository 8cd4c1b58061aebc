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


def text(stand: Stand, kept: Sequence[WorkItem], approved_as: Mapping[str, str], *, width: int = 100) -> str:
    """List the waivers with how each stands, and what reviewers kept against a finding without one, in ``width`` columns."""
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
    if kept:
        lines += ["", f"Kept by a reviewer against a finding, and in no log: {count(len(kept), 'item')}"]
        lines += [
            wrapped(f"  {item.account_name}: {item.entitlement_name}; {item.found}", width, "    ") for item in kept
        ]
    return "\n".join(lines)


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

"""Where the review itself fell short, in words: one line a campaign and reviewer."""

from typing import TypedDict

from access_review.audit.worklist import UNASSIGNED
from access_review.findings.control import ControlLine, Shortfall
from access_review.views.text import count, visible


class ControlSummary(TypedDict):
    """Control findings of one kind, campaign and reviewer, as JSON: counts, and the sentence that says them."""

    kind: str
    campaign: str | None
    reviewer: str | None
    findings: int
    again: int
    most: int
    since: str | None
    said: str


def control_summary(line: ControlLine) -> ControlSummary:
    """Return one line as JSON has it."""
    return {
        "kind": str(line.kind),
        "campaign": line.campaign,
        "reviewer": line.reviewer,
        "findings": line.findings,
        "again": line.again,
        "most": line.most,
        "since": line.since,
        "said": sentence(line),
    }


def sentence(line: ControlLine) -> str:
    """Say what a line says."""
    match line.kind:
        case Shortfall.NOT_REVIEWED:
            return f"{line.campaign or 'An audit'}: {_missed(line)}{_again(line)}"
        case Shortfall.KEPT_UNLOGGED:
            by = visible(line.reviewer or "somebody")
            return f"{by} kept {count(line.findings, 'finding')} that no waiver accepts"
        case Shortfall.REPEATED:
            since = f", the oldest since {line.since}" if line.since else ""
            return f"{count(line.findings, 'finding')} stayed open for long{since}"


def _missed(line: ControlLine) -> str:
    units = count(line.findings, "person or account", "people and accounts")
    if line.reviewer == UNASSIGNED:
        return f"{units} had nobody who is known to answer for them, and {'was' if line.findings == 1 else 'were'} not reviewed"
    if line.reviewer is None:
        return f"{units} carried on and not asked about: not tested"
    return f"{visible(line.reviewer)} did not review {units}"


def _again(line: ControlLine) -> str:
    if not line.again:
        return ""
    return f", {line.again:,} of them again, up to {line.most:,} audits in a row"

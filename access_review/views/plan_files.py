"""The revocation list for IT: the same plan as CSV and XLSX, for those who carry it out by hand."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from access_review.changes import Action, Change, Target, Thing
from access_review.connectors.tabular.inert import inert
from access_review.plan.record import Plan
from access_review.revoke.approve import approvals_needed
from access_review.views.spreadsheet import csv_bytes, workbook_bytes

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

WORDS: Mapping[Action, str] = {
    Action.DISABLE_ACCOUNT: "Disable the account (never delete it)",
    Action.REVOKE_SESSIONS: "Revoke the sign-in sessions",
    Action.REMOVE_MEMBER: "Remove the member from the group",
    Action.REMOVE_ROLE_ASSIGNMENT: "Remove the role assignment",
    Action.END_PIM: "End the PIM schedule",
    Action.REMOVE_APPROLE: "Remove the app role assignment",
    Action.REMOVE_CONSENT: "Take the scope out of the consent",
    Action.CUT_NESTING: "Remove the group from the group it is nested in",
    Action.MANUAL: "By hand",
    Action.ENABLE_ACCOUNT: "Enable the account again",
    Action.ADD_MEMBER: "Add the member to the group again",
    Action.ADD_ROLE_ASSIGNMENT: "Assign the role again",
    Action.ADD_PIM: "Make the PIM schedule again",
    Action.ADD_APPROLE: "Assign the app role again",
    Action.ADD_CONSENT: "Give the consent again",
    Action.ADD_NESTING: "Nest the group again",
}

COLUMNS: Mapping[str, int] = {
    "No.": 5,
    "Batch": 10,
    "System": 10,
    "Action": 34,
    "Who": 28,
    "Who: id": 38,
    "Person": 22,
    "Loses": 28,
    "Loses: id": 38,
    "Held as": 10,
    "Reason": 60,
    "Also lost": 40,
    "Undo": 20,
    "Change": 20,
    "Ticket": 14,
    "Done by": 14,
    "Done at": 18,
}
"""The columns of the list and their widths; the last three are for whoever does it."""

LEFT_COLUMNS: Mapping[str, int] = {"Findings": 9, "Why no change is planned": 70, "Ways out": 70, "Finding ids": 40}

OUTLIVES = (
    "Disabling closes sign-in. Access tokens already given out live on for 60 to 90 minutes (with continuous access "
    "evaluation up to 28 hours, cut within about 15 minutes of revoking sessions), Kerberos tickets for up to 10 hours."
)
"""What is still open for a while after an account has been disabled."""


def csv(plan: Plan, reasons: Mapping[str, str]) -> bytes:
    """Return the list as CSV; ``reasons`` says why of each finding."""
    return csv_bytes(tuple(COLUMNS), _rows(plan, reasons))


def xlsx(plan: Plan, reasons: Mapping[str, str]) -> bytes:
    """Return the list as a workbook: the removals, what is left to a person, and where it comes from."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.worksheets[0])
    _fill(book.create_sheet("Removals"), COLUMNS, _rows(plan, reasons))
    _fill(book.create_sheet("For a person"), LEFT_COLUMNS, _left(plan))
    _fill(book.create_sheet("About"), {"What": 22, "Value": 90}, about(plan))
    return workbook_bytes(book, at=plan.made_at)


def about(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield where the list comes from, how long it holds, and what to know."""
    yield "Plan", plan.digest
    yield "Snapshot", plan.snapshot
    yield "Seen at", f"{plan.as_of:%Y-%m-%d %H:%M} UTC"
    if plan.valid_from:
        yield "Holds from", f"{plan.valid_from:%Y-%m-%d %H:%M} UTC: not before, since nobody has left yet"
    yield "Expires at", f"{plan.expires_at:%Y-%m-%d %H:%M} UTC: after that, plan again"
    yield "Requested by", plan.requested_by
    yield "Approvals needed", f"{approvals_needed(plan)}, by somebody else"
    if plan.limits.raised_because:
        yield "Limits raised", plan.limits.raised_because
        yield "Raised to", ", ".join(f"{one.where}.{one.kind}={one.to}" for one in plan.limits.raised)
    yield "Before each line", "Look whether it still is as listed. What is gone already is not done again."
    yield "What outlives it", OUTLIVES
    yield "Afterwards", "access-review verify reads the systems again and proves what is gone, whoever did the work."


def who(target: Target) -> Thing:
    """Return what a change is made to: an account, or the child of a nesting edge."""
    thing = target.account or target.child
    if thing is None:
        raise ValueError("a change without an account and without a child")
    return thing


def _rows(plan: Plan, reasons: Mapping[str, str]) -> Iterator[list[str]]:
    batch_of = {change: batch.id for batch in plan.batches for change in batch.changes}
    for number, change in enumerate(plan.changes, start=1):
        yield [str(number), batch_of[change.id], *_row(change, reasons), "", "", ""]


def _row(change: Change, reasons: Mapping[str, str]) -> list[str]:
    target, thing = change.target, who(change.target)
    why = "; ".join(dict.fromkeys(reasons.get(finding, finding) for finding in change.because))
    words = WORDS[change.action] + (f": {target.manual}" if target.manual else "")
    loses = target.entitlement
    return [
        target.source,
        words,
        thing.name,
        thing.native_id,
        target.person_name or "",
        loses.name if loses else "",
        loses.native_id if loses else "",
        target.mode,
        why,
        "; ".join(change.collateral),
        change.undo or "not needed",
        change.id,
    ]


def _left(plan: Plan) -> Iterator[list[str]]:
    for left in plan.to_person:
        yield [str(len(left.findings)), left.reason, "; ".join(left.ways_out), " ".join(f[:12] for f in left.findings)]


def _fill(
    sheet: "Worksheet", columns: Mapping[str, int], rows: Iterator[list[str]] | Iterator[tuple[str, str]]
) -> None:
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    sheet.append([inert(name) for name in columns])
    for row in rows:
        sheet.append([inert(cell) for cell in row])
    for position, width in enumerate(columns.values(), start=1):
        sheet.column_dimensions[get_column_letter(position)].width = width
    for cells in sheet.iter_rows():
        for cell in cells:
            cell.number_format = "@"
            cell.alignment = Alignment(vertical="top", wrap_text=True)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions

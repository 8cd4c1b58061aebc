"""A group of findings opened: its findings, row by row."""

from collections.abc import Mapping, Sequence

from access_review.findings.groups import FindingGroup
from access_review.tables import Row
from access_review.views.groups import ending, group_summary, reasons, sentence, share
from access_review.views.terminal import fitted, wrapped
from access_review.views.text import day, visible

FORMAT = "access-review/finding-group@1"

MOST_ROWS = 200
"""Findings of an opened group that the terminal shows."""


def text(group: FindingGroup, rows: Sequence[Row], titles: Mapping[str, str], width: int) -> str:
    """Show a group with its findings, for the terminal."""
    head = [f"{sentence(group, titles)}."]
    head += [f"{part[0].upper()}{part[1:]}." for part in (share(group), ending(group)) if part]
    head.append(f"Line {group.place}: {reasons(group)}.")
    drawn = [
        (
            row["finding"][:8],
            day(row["first_seen"]),
            visible(row["person_name"] or row["subject_name"] or row["subject"]),
            visible(row["reason"]),
        )
        for row in rows[:MOST_ROWS]
    ]
    more = len(rows) - len(drawn)
    end = [f"and {more:,} more: --json has all of them"] if more > 0 else []
    next_one = f"Next:   access-review explain {rows[0]['finding'][:8]}" if rows else ""
    return "\n".join(
        [
            *(wrapped(line, width) for line in head),
            "",
            fitted(("finding", "since", "who", "why"), drawn, width),
            *end,
            "",
            next_one,
        ]
    )


def value(group: FindingGroup, rows: Sequence[Row], titles: Mapping[str, str]) -> dict[str, object]:
    """Return a group with its findings, as JSON has it."""
    return {"format": FORMAT, **group_summary(group, titles), "rows": list(rows)}

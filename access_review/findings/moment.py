"""Findings as they are kept: a time that is the moment of the review itself is left out, for at the next it is that one's.

So what is new since the last whole run, or closed since, is no other with each review of what changed.
"""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from access_review.facts import FINDINGS
from access_review.model import Status

_LEFT_OUT = {
    "first_seen": "CASE WHEN f.status = 'new' AND f.first_seen = :moment AND p.first_seen IS NULL THEN NULL ELSE f.first_seen END",
    "closed_at": "CASE WHEN f.closed_at = :moment THEN NULL ELSE f.closed_at END",
}
_COLUMNS = ", ".join(f'{_LEFT_OUT.get(name, f"f.{name}")} AS "{name}"' for name in FINDINGS.schema.names)
_COMPARED = "{name} AS f LEFT JOIN previous_findings AS p ON p.finding = f.finding"


def without_moment(name: str) -> str:
    """Return the SELECT of findings as they are kept, from a table of them and ``previous_findings``; ``:moment`` is the review's."""
    return f"SELECT {_COLUMNS} FROM {_COMPARED.format(name=name)}"


def unlike_at_next(name: str) -> str:
    """Return the SELECT of each ``finding`` of a table that may be another at the next review, with nothing changed.

    It is known for the first time and not as new, or is new by a time that ``previous_findings`` has.
    """
    return f"""
        SELECT f.finding FROM {_COMPARED.format(name=name)}
        WHERE CASE WHEN p.first_seen IS NULL THEN f.status <> 'new' ELSE f.status = 'new' AND f.first_seen >= :moment END
    """


def with_moment(found: pa.Table, moment: datetime) -> pa.Table:
    """Return kept findings as a review at a moment has them."""
    now = pa.scalar(moment, FINDINGS.schema.field("first_seen").type)
    closed = pc.and_(pc.equal(found["status"], Status.CLOSED), pc.is_null(found["closed_at"]))
    times = {
        "first_seen": pc.fill_null(found["first_seen"], now),
        "closed_at": pc.if_else(closed, now, found["closed_at"]),
    }
    for name, column in times.items():
        found = found.set_column(found.column_names.index(name), name, column)
    return found

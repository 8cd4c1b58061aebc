"""The digest of findings as a sum, so that a few findings that change cost no more than themselves.

The mark of a finding is the SHA-256 of its values, as text, in a JSON array in the order of the columns. Two times are null in
it where they are the moment of the review itself: when a new finding was first seen, and when one was closed. So what was
new at one review and is so at the next has the same mark. The digest is the SHA-256 of three lines: the names of the columns,
the moment, and how many findings there are with the sum of their marks, each a number.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from access_review.engine import Engine
from access_review.engine.sql import identifier
from access_review.facts import FINDINGS
from access_review.model import AsOf, Status

_VALUE = {name: f'"{name}"' for name in FINDINGS.schema.names} | {
    "first_seen": f"CASE WHEN status = '{Status.NEW}' AND first_seen = :moment THEN NULL ELSE first_seen END",
    "closed_at": "CASE WHEN closed_at = :moment THEN NULL ELSE closed_at END",
}
_VALUES = ", ".join(f"CAST({value} AS VARCHAR)" for value in _VALUE.values())
_MARK = f"sha256(CAST(to_json([{_VALUES}]) AS VARCHAR))"

_PART = 16
"""So many of the 64 digits of a mark are added up at once: an engine has no numbers of 64."""

_PLACES = range(0, 64, _PART)


@dataclass(frozen=True, slots=True)
class MarkSum:
    """How many findings there are, and the sum of their marks."""

    findings: int = 0
    marks: int = 0

    def __add__(self, other: "MarkSum") -> "MarkSum":
        return MarkSum(self.findings + other.findings, self.marks + other.marks)

    def __sub__(self, other: "MarkSum") -> "MarkSum":
        return MarkSum(self.findings - other.findings, self.marks - other.marks)

    def digest(self, moment: datetime) -> str:
        """Return the digest of these findings: ``sha256:`` and 64 hex digits."""
        lines = (",".join(FINDINGS.schema.names), moment.astimezone(UTC).isoformat(), f"{self.findings} {self.marks:x}")
        return f"sha256:{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"


def marks_of(engine: Engine, name: str, moment: datetime) -> Mapping[str, str]:
    """Return the mark of each finding in a table of an engine, of a review at some moment."""
    found = engine.query(f"SELECT finding, {_MARK} AS mark FROM {identifier(name)}", moment=moment)
    return dict(zip(found["finding"].to_pylist(), found["mark"].to_pylist(), strict=True))


def sum_marks(marks: Iterable[str]) -> MarkSum:
    """Return the sum of some marks."""
    numbers = [int(mark, 16) for mark in marks]
    return MarkSum(len(numbers), sum(numbers))


def sum_of(engine: Engine, name: str) -> MarkSum:
    """Return the sum of the marks of all findings in a table of an engine, of a review at its moment."""
    parts = ", ".join(
        f"sum(CAST(concat('0x', substr(mark, {place + 1}, {_PART})) AS UBIGINT)) AS at_{place}" for place in _PLACES
    )
    sql = f"SELECT count(*) AS findings, {parts} FROM (SELECT {_MARK} AS mark FROM {identifier(name)}) AS marked"
    (found,) = engine.rows(sql, moment=AsOf())
    return MarkSum(
        found["findings"], sum(int(found[f"at_{place}"] or 0) << 4 * (64 - _PART - place) for place in _PLACES)
    )


def digest_of(engine: Engine, name: str) -> str:
    """Return the digest of all findings in a table of an engine, of a review at its moment."""
    return sum_of(engine, name).digest(engine.as_of)

"""The digest of findings as a root over 65,536 buckets, so that a few findings that change cost a few buckets.

The mark of a finding is the SHA-256 of its values, as text, in a JSON array in the order of the columns. Two times are null in
it where they are the moment of the review itself: when a new finding was first seen, and when one was closed. So what was
new at one review and is so at the next has the same mark. A finding is in the bucket of the first four digits of its id, of
which are known how many findings it has and the sum of their marks, each a number in hexadecimal digits: to take one out and
put another in, no other is read. The root is the SHA-256 of the names of the columns, as a line, of the moment, as a line, and of
a line for each bucket that has findings, in order: its four digits, how many, and the sum.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pyarrow as pa

from access_review.engine import Engine
from access_review.engine.sql import identifier
from access_review.facts import FINDINGS
from access_review.model import AsOf, Status

DIGITS = 4
"""So many digits of a finding are its bucket: two bytes."""

BUCKETS = pa.schema([("bucket", pa.string()), ("findings", pa.int64()), ("marks", pa.string())])
"""The columns of a table of buckets."""

_VALUE = {name: f'"{name}"' for name in FINDINGS.schema.names} | {
    "first_seen": f"CASE WHEN status = '{Status.NEW}' AND first_seen = :moment THEN NULL ELSE first_seen END",
    "closed_at": "CASE WHEN closed_at = :moment THEN NULL ELSE closed_at END",
}
_VALUES = ", ".join(f"CAST({value} AS VARCHAR)" for value in _VALUE.values())
_MARK = f"sha256(CAST(to_json([{_VALUES}]) AS VARCHAR))"

_PART = 16
"""So many of the 64 digits of a mark are added up at once: an engine has no numbers of 64."""
_PLACES = range(0, 64, _PART)


def marks_of(engine: Engine, name: str, moment: datetime) -> Mapping[str, str]:
    """Return the mark of each finding in a table of an engine, of a review at some moment."""
    found = engine.query(f"SELECT finding, {_MARK} AS mark FROM {identifier(name)}", moment=moment)
    return dict(zip(found["finding"].to_pylist(), found["mark"].to_pylist(), strict=True))


def buckets_of(engine: Engine, name: str) -> pa.Table:
    """Return the buckets of all findings in a table of an engine, of a review at its moment."""
    parts = ", ".join(
        f"sum(CAST(concat('0x', substr(mark, {place + 1}, {_PART})) AS UBIGINT)) AS at_{place}" for place in _PLACES
    )
    marked = f"SELECT substr(finding, 1, {DIGITS}) AS bucket, {_MARK} AS mark FROM {identifier(name)}"
    sql = f"SELECT bucket, count(*) AS findings, {parts} FROM ({marked}) AS marked GROUP BY bucket ORDER BY bucket"
    rows = engine.rows(sql, moment=AsOf())
    sums = (sum(int(row[f"at_{place}"]) << 4 * (64 - _PART - place) for place in _PLACES) for row in rows)
    return _table((row["bucket"], row["findings"], marks) for row, marks in zip(rows, sums, strict=True))


def bucket_of(finding: str) -> str:
    """Return the bucket of a finding."""
    return finding[:DIGITS]


def with_others(known: pa.Table, before: Mapping[str, str], now: Mapping[str, str]) -> pa.Table:
    """Return the buckets of some findings, ``known`` until then, when these have other marks, or none: ``now`` by finding."""
    sums = {row["bucket"]: (row["findings"], int(row["marks"], 16)) for row in known.to_pylist()}
    for marks, sign in ((before, -1), (now, 1)):
        for finding, mark in marks.items():
            number, total = sums.get(bucket_of(finding), (0, 0))
            sums[bucket_of(finding)] = number + sign, total + sign * int(mark, 16)
    return _table((bucket, *sums[bucket]) for bucket in sorted(sums) if sums[bucket][0])


def _table(buckets: Iterable[tuple[str, int, int]]) -> pa.Table:
    rows = [{"bucket": bucket, "findings": number, "marks": f"{marks:x}"} for bucket, number, marks in buckets]
    return pa.Table.from_pylist(rows, BUCKETS)


def root(engine: Engine, name: str, moment: datetime) -> str:
    """Return the digest of the findings with the buckets in a table, of a review at a moment: ``sha256:`` and 64 hex digits."""
    lines = "coalesce(string_agg(concat(bucket, ' ', findings, ' ', marks, chr(10)), '' ORDER BY bucket), '')"
    sql = f"SELECT sha256(concat(:names, chr(10), :moment, chr(10), {lines})) AS digest FROM {identifier(name)}"
    named = {"names": ",".join(FINDINGS.schema.names), "moment": moment.astimezone(UTC).isoformat()}
    (found,) = engine.rows(sql, **named)
    return f"sha256:{found['digest']}"


def root_of(engine: Engine, name: str) -> str:
    """Return the digest of all findings in a table of an engine, of a review at its moment; a table is made there."""
    engine.register("found_buckets", buckets_of(engine, name))
    return root(engine, "found_buckets", engine.as_of)
